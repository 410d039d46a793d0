"""The settings of Sphinx. ``make docs`` assembles the pages (`assemble.py`) and builds them with these."""

import importlib.util
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import pkpd  # noqa: E402

# The folder with STIX Two Math, without which browsers set indices on the line of what they belong to.
MATH_FONT = [f"{folder}/fonts" for folder in importlib.util.find_spec("ziamath").submodule_search_locations]

project = "pkpd"
author = "The pkpd developers"
copyright = "2026, the pkpd developers"
version = release = pkpd.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "numpydoc", "mathml", "print_size"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns: list[str] = []
language = "en"

myst_enable_extensions = ["attrs_block", "dollarmath"]
myst_fence_as_directive = ["math"]  # the equations on the page of a model
myst_heading_anchors = 3

default_role = "py:obj"  # `simulate` in a docstring is a link to pkpd.simulate
autodoc_typehints = "none"  # types are in the signature, shapes and units in the text
autodoc_member_order = "bysource"
numpydoc_show_class_members = False  # autodoc lists them
numpydoc_xref_param_type = False

html_theme = "furo"
html_title = f"pkpd {release}"
html_static_path = [str(HERE / "_static"), *MATH_FONT]
html_css_files = ["site.css"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_sourcelink = False
pygments_style = "friendly"
