"""A page of HTML that needs nothing beside it: text, tables and pictures; every text is escaped."""

from __future__ import annotations

import base64
import html
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pkpd.figures.saving import drawn

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "Markup",
    "joined",
    "number",
    "page",
    "paragraph",
    "picture",
    "preformatted",
    "section",
    "table",
    "unfolding",
]

_LARGE = 600_000  # bytes of an SVG, from which a PNG is less

# No script, no font and no picture of another place: what a text may hold does nothing.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 Arial, Helvetica, "Liberation Sans", "DejaVu Sans", sans-serif; color: #1a1a1a; background: #fff;
  max-width: 62rem; margin: 2rem auto; padding: 0 1.2rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .3rem; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; border-bottom: 1px solid #d0d0d0; padding-bottom: .2rem; }
p { max-width: 46rem; margin: .5rem 0; }
p.notice { border-left: 4px solid #D55E00; background: #fdf3ec; padding: .5rem .8rem; max-width: none; }
p.quiet, figcaption { color: #555; font-size: .9rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .87rem; font-variant-numeric: tabular-nums; margin: .4rem 0; }
th { text-align: left; border-bottom: 1.5px solid #555; padding: .25rem .8rem .25rem 0; white-space: nowrap; }
td { border-bottom: 1px solid #e4e4e4; padding: .2rem .8rem .2rem 0; }
td.n, th.n { text-align: right; white-space: nowrap; }
figure { margin: 1rem 0; page-break-inside: avoid; }
img { max-width: 100%; height: auto; display: block; }
pre { font: .8rem/1.4 "DejaVu Sans Mono", Menlo, Consolas, monospace; background: #f6f6f6; padding: .8rem;
  white-space: pre-wrap; overflow-wrap: anywhere; }
summary { cursor: pointer; }
@media print { body { margin: 0; max-width: none; } details[open] summary { display: none; } }
"""


@dataclass(frozen=True)
class Markup:
    """HTML in which every text is escaped."""

    text: str


def joined(parts: Iterable[Markup]) -> Markup:
    """Parts one after another."""
    return Markup("\n".join(part.text for part in parts))


def page(title: str, body: Iterable[Markup]) -> str:
    """The whole page."""
    return (
        "<!DOCTYPE html>\n"
        f'<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{html.escape(title)}</title>\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{html.escape(title)}</h1>\n"
        f"{joined(body).text}\n</body>\n</html>\n"
    )


def section(title: str, *parts: Markup) -> Markup:
    """A heading and what stands below it; nothing where nothing does."""
    kept = [part for part in parts if part.text]
    return Markup(f"<h2>{html.escape(title)}</h2>\n{joined(kept).text}") if kept else Markup("")


def paragraph(text: str, *, kind: str = "") -> Markup:
    """A paragraph, nothing where there is no text; a `kind` is ``"notice"`` or ``"quiet"``."""
    if not text:
        return Markup("")
    opening = f'<p class="{html.escape(kind)}">' if kind else "<p>"
    return Markup(f"{opening}{html.escape(text)}</p>")


def preformatted(text: str) -> Markup:
    """Text as it stands."""
    return Markup(f"<pre>{html.escape(text)}</pre>") if text else Markup("")


def unfolding(summary: str, content: Markup) -> Markup:
    """Content that is shown when its summary is clicked."""
    return Markup(f"<details>\n<summary>{html.escape(summary)}</summary>\n{content.text}\n</details>")


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> Markup:
    """A table; numbers and their headers are flush right.  Where all headers are empty there is no head."""
    body = [list(row) for row in rows]
    numeric = [
        any(_is_number(row[i]) for row in body) and all(_is_number(row[i]) or not row[i] for row in body)
        for i in range(len(headers))
    ]
    head = "".join(_cell("th", header, right) for header, right in zip(headers, numeric, strict=True))
    lines = ["".join(_cell("td", value, right) for value, right in zip(row, numeric, strict=True)) for row in body]
    inner = "\n".join(f"<tr>{line}</tr>" for line in lines)
    top = f"<thead><tr>{head}</tr></thead>\n" if any(headers) else ""
    return Markup(f'<div class="wide"><table>\n{top}<tbody>\n{inner}\n</tbody>\n</table></div>')


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _cell(tag: str, value: object, right: bool) -> str:
    text = number(value) if isinstance(value, float) else str(value)
    kind = ' class="n"' if right else ""
    return f"<{tag}{kind}>{html.escape(text)}</{tag}>"


def number(value: float, digits: int = 4) -> str:
    """A number with four digits; a dash where there is none."""
    return f"{value:.{digits}g}" if math.isfinite(value) else "\N{EN DASH}" if math.isnan(value) else str(value)


def picture(figure: Figure, caption: str) -> Markup:
    """A figure as a picture within the page: SVG, or PNG where that is less; the figure is closed."""
    import matplotlib.pyplot as plt

    try:
        content, kind = drawn(figure, ".svg"), "svg+xml"
        if len(content) > _LARGE:
            content, kind = drawn(figure, ".png"), "png"
        width = round(96 * float(figure.get_figwidth()))
    finally:
        plt.close(figure)
    data = base64.b64encode(content).decode("ascii")
    text = html.escape(caption)
    return Markup(
        f'<figure>\n<img width="{width}" alt="{text}" src="data:image/{kind};base64,{data}">\n'
        f"<figcaption>{text}</figcaption>\n</figure>"
    )
