"""A Sphinx extension: figures are shown half as large again as they are printed, not as wide as the page.

A click opens the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from docutils import nodes

DPI = 300  # that of `pkpd.save`
LARGER = 1.5


def shown_width(png: Path) -> int:
    """How many pixels of CSS, 96 to the inch, a figure in a file is wide on a page."""
    with png.open("rb") as file:
        head = file.read(24)
    if head[:8] != b"\x89PNG\r\n\x1a\n":
        raise ValueError(f"{png} is not a PNG")
    return round(int.from_bytes(head[16:20], "big") / DPI * 96 * LARGER)


def set_widths(app: Any, doctree: nodes.document) -> None:
    """Give each PNG of a page its width; a narrow screen shows it as wide as the screen is."""
    for image in doctree.findall(nodes.image):
        path = Path(app.srcdir, image["uri"])
        if path.suffix == ".png" and "width" not in image:
            image["width"] = f"{shown_width(path)}px"


def setup(app: Any) -> dict[str, Any]:
    """Act on each page as it is read, after Sphinx has found its images."""
    app.connect("doctree-read", set_widths, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
