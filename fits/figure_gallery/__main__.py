"""The command: ``python -m pkpd.fits.figure_gallery --out DIR [NAME ...]``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from pkpd.cli.messages import as_messages
from pkpd.fits.figure_gallery import draw_all


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
