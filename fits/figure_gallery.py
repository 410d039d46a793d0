"""Every figure for print: at one column width, as small multiples, in color and in gray.

    python -m pkpd.fits.figure_gallery --out DIR [NAME ...]

Writes each as ``NAME.png`` and as ``NAME_gray.png``, the same converted to the luminance that a gray print has.
What is drawn is simulated or fitted here, from models of the library with their own values where it has them.
A name is that of the function that draws, and after a hyphen what it is asked for.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import pkpd
from pkpd.cli.messages import as_messages
from pkpd.errors import unknown_name
from pkpd.fits.gallery_parts.analyzed import ANALYZED
from pkpd.fits.gallery_parts.decided import DECIDED
from pkpd.fits.gallery_parts.fitted import FITTED
from pkpd.fits.gallery_parts.patients import PATIENTS
from pkpd.fits.gallery_parts.simulated import SIMULATED

__all__ = ["FIGURES", "draw_all", "to_gray"]

FIGURES: Mapping[str, Callable[[], Any]] = {**SIMULATED, **PATIENTS, **FITTED, **ANALYZED, **DECIDED}


def draw_all(folder: str | Path, names: Iterable[str] | None = None) -> list[Path]:
    """Write the figures, all by default, in color and in gray; returns the files."""
    chosen = list(FIGURES if names is None else names)
    for name in chosen:
        if name not in FIGURES:
            raise unknown_name("the gallery", "figure", name, FIGURES)
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    files = []
    for name in chosen:
        colored = pkpd.save(FIGURES[name](), target / f"{name}.png", dpi=200)
        files += [colored, to_gray(colored)]
    return files


def to_gray(path: Path) -> Path:
    """The picture as a gray print has it (luminance of Rec. 601), beside the one in color."""
    import matplotlib.pyplot as plt

    pixels = plt.imread(path)[..., :3]
    gray = pixels @ np.array([0.299, 0.587, 0.114])
    written = path.with_name(f"{path.stem}_gray.png")
    plt.imsave(written, gray, cmap="gray", vmin=0, vmax=1)
    return written


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw the gallery."""
    parser = argparse.ArgumentParser(
        prog="python -m pkpd.fits.figure_gallery", description="Every figure for print, in color and in gray."
    )
    parser.add_argument("--out", required=True, help="folder for the pictures")
    parser.add_argument("names", nargs="*", metavar="NAME", help="figures to draw; all by default")
    asked = parser.parse_args(arguments)
    for path in draw_all(asked.out, asked.names or None):
        print(f"wrote {path}")


if __name__ == "__main__":
    with as_messages():
        main()
