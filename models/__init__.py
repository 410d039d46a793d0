"""The model library: one file for each part or published model."""

if __name__ != "pkpd.models":
    raise ImportError("import the models as pkpd.models, or by name with pkpd.load(name)")
