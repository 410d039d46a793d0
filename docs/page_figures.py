"""The figures of a page: its blocks are run while the site is built, and what a block saves is shown below it."""

from __future__ import annotations

import contextlib
import io
import re
import shutil
import tempfile
from pathlib import Path

BLOCK = re.compile(r"```python\n(.*?)```", re.S)


def illustrate(page: Path, target: Path) -> None:
    """Write `page` to `target`, with each PNG that a block saves copied beside it and shown below the block.

    The blocks of a page run in order and share their names, in a folder that is removed afterwards.
    """
    namespace: dict[str, object] = {}
    page, target = page.resolve(), target.resolve()  # before the folder changes
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        scratch = Path(name)

        def with_figures(found: re.Match[str]) -> str:
            before = set(scratch.glob("*.png"))
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(found[1], str(page), "exec"), namespace)
            saved = sorted(set(scratch.glob("*.png")) - before, key=lambda path: path.stat().st_mtime_ns)
            return "\n\n".join([found[0], *(_shown(figure, target) for figure in saved)])

        text = BLOCK.sub(with_figures, page.read_text(encoding="utf-8"))
    target.write_text(text, encoding="utf-8")


def _shown(figure: Path, target: Path) -> str:
    """Copy a figure beside the page under a name of its own; the line of Markdown that shows it."""
    copy = target.with_name(f"{target.stem}_{figure.name}")
    shutil.copy(figure, copy)
    return f"![{figure.stem.replace('_', ' ').capitalize()}]({copy.name})"
