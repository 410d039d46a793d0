"""How far the phenomena hang on the invented and estimated values of the model, and on growth."""

from __future__ import annotations

from collections.abc import Sequence

from pkpd.fits.perturbation import draws
from pkpd.fits.phenomena import arms
from pkpd.fits.phenomena.catalog import OF_THE_FLAGSHIP

__all__ = ["robustness", "table"]


def robustness(names: Sequence[str], n: int, cv: float = 0.1, seed: int = 3) -> dict[str, list[str | None]]:
    """For each phenomenon of the flagship what fails, or None, in each of `n` draws of its uncertain values."""
    these = draws(arms.flagship(), n, cv, seed)
    return {name: OF_THE_FLAGSHIP[name].refusals(these) for name in names if name in OF_THE_FLAGSHIP}


def table(names: Sequence[str], n: int, cvs: Sequence[float] = (0.1, 0.2)) -> str:
    """Phenomenon by phenomenon in how many of `n` draws it holds, for each size of the factors."""
    held = [{name: refusals.count(None) for name, refusals in robustness(names, n, cv).items()} for cv in cvs]
    head = "phenomenon," + ",".join(f"of {n} at {cv:.0%}" for cv in cvs)
    return "\n".join([head, *(f"{name}," + ",".join(str(one[name]) for one in held) for name in held[0])])
