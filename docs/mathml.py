"""A Sphinx extension: equations as MathML, which browsers draw themselves, so that no script is loaded.

The converter is that of docutils.
"""

from __future__ import annotations

from html import escape
from typing import Any

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)


def markup(node: nodes.Element, *, as_block: bool) -> str:
    """The MathML of a node; what the converter does not know is a warning, which fails the build."""
    try:
        return str(tex2mathml(node.astext(), as_block=as_block))
    except MathError as error:
        LOGGER.warning("not converted to MathML: %s: %s", node.astext(), error, location=node)
        return f"<code>{escape(node.astext())}</code>"


def visit_inline(writer: Any, node: nodes.Element) -> None:
    """An equation within a line."""
    writer.body.append(markup(node, as_block=False))
    raise nodes.SkipNode


def visit_block(writer: Any, node: nodes.Element) -> None:
    """An equation on lines of its own; a wide one scrolls."""
    writer.body.append(f'<div class="equation">{markup(node, as_block=True)}</div>')
    raise nodes.SkipNode


def setup(app: Any) -> dict[str, Any]:
    """Register the renderer; ``html_math_renderer = "mathml"`` chooses it."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
