"""The settings of Sphinx. ``make docs`` assembles the pages (`assemble.py`) and builds them with these."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import pkpd  # noqa: E402

project = "pkpd"
author = "The pkpd developers"
copyright = "2026, the pkpd developers"
version = release = pkpd.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "numpydoc", "mathml"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns: list[str] = []
language = "en"

myst_enable_extensions = ["dollarmath"]
myst_fence_as_directive = ["math"]  # the equations on the page of a model
myst_heading_anchors = 3

default_role = "py:obj"  # `simulate` in a docstring is a link to pkpd.simulate
autodoc_typehints = "none"  # types are in the signature, shapes and units in the text
autodoc_member_order = "bysource"
numpydoc_show_class_members = False  # autodoc lists them
numpydoc_xref_param_type = False

html_theme = "furo"
html_title = f"pkpd {release}"
html_static_path = [str(HERE / "_static")]
html_css_files = ["site.css"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_sourcelink = False
pygments_style = "friendly"
