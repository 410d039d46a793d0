"""Assemble the source of the site: the pages of this folder, and those made from the package.

    python docs/assemble.py FOLDER [--plain]

`--plain` leaves out what is computed: the figures, the runs of the gallery, and the numbers of the validation.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from api_pages import write_api  # noqa: E402
from gallery import write_gallery  # noqa: E402
from last_run import write_last_run  # noqa: E402
from model_pages import write_models  # noqa: E402
from page_figures import illustrate  # noqa: E402


def assemble(folder: Path, *, figures: bool = True) -> None:
    """Write all pages to `folder`, which is emptied first."""
    shutil.rmtree(folder, ignore_errors=True)
    for page in HERE.rglob("*.md"):
        target = folder / page.relative_to(HERE)
        target.parent.mkdir(parents=True, exist_ok=True)
        (illustrate if figures else shutil.copy)(page, target)
    write_api(folder / "api")
    claims = write_models(folder / "models", figures=figures)
    write_last_run(folder / "last_run", claims)
    write_gallery(folder / "gallery", run=figures)


def main(arguments: Sequence[str] | None = None) -> None:
    """What the command does."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--plain", action="store_true", help="without what takes minutes to compute")
    chosen = parser.parse_args(arguments)
    assemble(chosen.folder, figures=not chosen.plain)


if __name__ == "__main__":
    main()
