"""The spine: a model and its treatment settled once, then parameters in and arrays out."""
