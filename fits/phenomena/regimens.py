"""Regimens, in days from the first day of treatment."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import pkpd

__all__ = ["BOTH", "HYPOFRACTIONATED", "START", "YEAR", "days_of", "durvalumab", "equal_bed", "radiation"]

START = 60
YEAR = 364  # 52 weeks


def durvalumab(n: int = 13, at: Any = 0) -> pkpd.Regimen:
    """1500 mg every 4 weeks."""
    return pkpd.infusion(1500, "iv", 1 / 24, at=START + at, every=28, n=n)


def radiation(dose: Any, n: int, at: Any = 0, lesion: str = "primary") -> pkpd.Regimen:
    """Fractions on five days a week to one lesion."""
    return pkpd.fractions(dose, n, f"radiation_{lesion}", start=START + at, per_week=5)


HYPOFRACTIONATED = (8, 3)
BOTH = radiation(*HYPOFRACTIONATED) + durvalumab()


def equal_bed(n: int, bed: float, alpha_beta: float = 10.0) -> float:
    """The dose in Gy of each of `n` fractions d that solves n d (1 + d/alpha_beta) = `bed`."""
    return alpha_beta / 2 * float(np.sqrt(1 + 4 * bed / (n * alpha_beta)) - 1)


def days_of(regimen: pkpd.Regimen | None, route: str) -> NDArray[np.float64]:
    """The days of the doses on a route whose times are numbers, from the first day of treatment."""
    doses = () if regimen is None else regimen.doses
    return np.array([float(d.time) - START for d in doses if d.route == route and d.time.is_number])
