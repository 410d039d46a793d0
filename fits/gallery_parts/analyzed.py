"""Figures of sensitivity, combination and dynamics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
import xarray as xr

import pkpd
from pkpd.fits.gallery_parts.simulated import SEED

__all__ = ["ANALYZED"]

_GY, _NMOL = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0], [0.0, 0.1, 0.3, 1.0, 3.0]


@cache
def tumor() -> pkpd.Prepared:
    """The tumor of `tumor_immune` on day 60."""
    return pkpd.prepare(pkpd.load("tumor_immune"), times=[60], outputs=["T"])


@cache
def ranges() -> dict[str, tuple[float, float]]:
    """From a third less to half more of every parameter of `tumor_immune` that is above 0, within its bounds."""
    table = pkpd.load("tumor_immune").parameters
    above = table[table["value"] > 0]
    highest = above["upper"].astype(float).fillna(np.inf)
    return {name: (v / 1.5, min(v * 1.5, highest[name])) for name, v in above["value"].astype(float).items()}


@cache
def cured() -> xr.DataArray:
    """Tumors below 10 mm^3 on day 50, over the dose of a fraction and of antibody, in 100 mice."""
    gray = pkpd.param("gray", 0, "Gy", "dose of each of five fractions")
    amount = pkpd.param("amount", 0, "nmol", "dose of each of four of antibody")
    treatment = pkpd.fractions(gray, n=5, route="radiation", start=7, every=1, duration=0.001)
    model = pkpd.load("kosinsky_2018")
    run = pkpd.simulate(
        model, treatment + pkpd.bolus(amount, route="ip", at=[7, 9, 11, 14]), times=[0, 50],
        parameters=pkpd.grid(gray=_GY, amount=_NMOL) * pkpd.sample(model, 100, SEED), outputs=["V"],
    )  # fmt: skip
    small = (run["V"].isel(time=1, drop=True) < 10).astype(float)
    return small.assign_attrs(units="1", long_name="share of mice without tumor")


@cache
def plane() -> xr.Dataset:
    return pkpd.phase_plane(pkpd.load("kuznetsov_1994"), {"E": (0, 4e6), "T": (0, 5e8)})


def courses() -> xr.Dataset:
    starts = pkpd.members(E0=np.array([2e5, 1e6, 3e6]), T0=np.array([1e7, 3e8, 2e8]))
    return pkpd.simulate(pkpd.load("kuznetsov_1994"), times=np.linspace(0, 300, 601), parameters=starts)


ANALYZED: Mapping[str, Callable[[], Any]] = {
    "tornado": lambda: pkpd.tornado(pkpd.one_at_a_time(tumor(), ranges(), output="T")),
    "sensitivity_bars": lambda: pkpd.sensitivity_bars(
        pkpd.sobol_indices(tumor(), ranges(), output="T", n=128, seed=SEED)
    ),
    "synergy_surface": lambda: pkpd.synergy_surface(
        pkpd.synergy(cured(), "gray", "amount", references=["bliss", "hsa"]), "bliss"
    ),
    "phase_portrait": lambda: pkpd.phase_portrait(plane(), run=courses()),
    "bifurcation_diagram": lambda: pkpd.bifurcation_diagram(_branches(), "T", log=True),
}


@cache
def _branches() -> xr.Dataset:
    return pkpd.bifurcation(pkpd.load("kuznetsov_1994"), "s", (1e3, 4e4), {"E": (0, 5e6), "T": (1e3, 6e8)}, points=61)
