"""Claims by mechanisms: which claim falls when a mechanism is taken out of the model alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pkpd.fits.phenomena.catalog import OF_THE_FLAGSHIP
from pkpd.fits.phenomena.mechanisms import MECHANISMS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Matrix", "claims_by_mechanisms"]

SYMBOLS = {(True, True): "X", (False, True): "x", (False, False): ".", (True, False): "!"}  # (named, falls)


@dataclass(frozen=True)
class Matrix:
    """What fails of each claim without each mechanism.

    Parameters
    ----------
    refusals
        By claim and mechanism what fails, or None where the claim holds still.
    named
        By claim the mechanisms that it names, without which it must fail.
    """

    refusals: Mapping[str, Mapping[str, str | None]]
    named: Mapping[str, Sequence[str]]

    @property
    def mechanisms(self) -> list[str]:
        return list(next(iter(self.refusals.values())))

    def survivors(self) -> list[tuple[str, str]]:
        """The claims that hold still without a mechanism that they name."""
        return [(claim, m) for claim, named in self.named.items() for m in named if self.refusals[claim][m] is None]

    def idle(self) -> list[str]:
        """The mechanisms that no claim names."""
        return [m for m in self.mechanisms if all(m not in named for named in self.named.values())]

    def table(self) -> str:
        """A row for each claim: X it falls and names the mechanism, x it falls, . it holds, ! it should have fallen."""
        width = max(len(claim) for claim in self.refusals)
        legend = [f"{i + 1:>3} {mechanism}" for i, mechanism in enumerate(self.mechanisms)]
        head = " " * width + "".join(f"{i + 1:>3}" for i in range(len(self.mechanisms)))
        rows = [
            f"{claim:<{width}}" + "".join(f"  {self._symbol(claim, m)}" for m in row) for claim, row in self._rows()
        ]
        return "\n".join([*legend, head, *rows, "X falls and is named, x falls too, . holds, ! is named and holds"])

    def _rows(self) -> list[tuple[str, Mapping[str, str | None]]]:
        return list(self.refusals.items())

    def _symbol(self, claim: str, mechanism: str) -> str:
        return SYMBOLS[mechanism in self.named[claim], self.refusals[claim][mechanism] is not None]

    def draw(self) -> Figure:
        """Claims in rows, mechanisms in columns; filled where the claim names what it falls without."""
        import matplotlib.pyplot as plt

        from pkpd.figures.style import BLUE, RED, house_style

        claims, mechanisms = list(self.refusals), self.mechanisms
        looks = {"X": ("s", BLUE, BLUE), "x": ("s", "none", BLUE), "!": ("X", RED, RED)}
        with house_style():
            figure, ax = plt.subplots(figsize=(7.2, 0.19 * len(claims) + 1.9))
            for symbol, (marker, face, edge) in looks.items():
                cells = [
                    (j, i)
                    for i, c in enumerate(claims)
                    for j, m in enumerate(mechanisms)
                    if self._symbol(c, m) == symbol
                ]
                x, y = np.array(cells or [(np.nan, np.nan)]).T
                ax.plot(x, y, marker, markerfacecolor=face, markeredgecolor=edge, markersize=5, linestyle="none")
            ax.set_xticks(
                range(len(mechanisms)), mechanisms, rotation=60, ha="left", rotation_mode="anchor", fontsize=6
            )
            ax.set_yticks(range(len(claims)), [claim.replace("_", " ") for claim in claims], fontsize=6.5)
            ax.xaxis.tick_top()
            ax.set_ylim(len(claims) - 0.5, -0.5)
            ax.set_xlim(-0.5, len(mechanisms) - 0.5)
            ax.tick_params(length=0)
            ax.grid(color="0.92", linewidth=0.4)
            ax.spines[:].set_visible(False)
            ax.set_xlabel(
                "filled: the claim names this mechanism and fails without it; open: it fails without it too", fontsize=7
            )
        return figure


def claims_by_mechanisms(names: Sequence[str] | None = None) -> Matrix:
    """Each claim of the flagship without each mechanism, one at a time."""
    chosen = {name: OF_THE_FLAGSHIP[name] for name in names or OF_THE_FLAGSHIP}
    refusals = {
        name: {mechanism: one.without(values) for mechanism, values in MECHANISMS.items()}
        for name, one in chosen.items()
    }
    return Matrix(refusals, {name: one.needs for name, one in chosen.items()})
