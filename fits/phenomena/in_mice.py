"""Order and gap in the published model of mice."""

from __future__ import annotations

import numpy as np

import pkpd
from pkpd.fits.phenomena.findings import Finding, holds

__all__ = ["order_and_gap_in_mice"]

SHIFTS = (-4, -2, 0, 2, 5, 8, 12)
COMPUTED = {-4: 7.95, 0: 11.44, 5: 98.89, 12: 601}


def order_and_gap_in_mice() -> Finding:
    """The published model: CT26 tumors after 5 x 2 Gy, by the day of the first antibody dose.

    Kosinsky Y et al., J Immunother Cancer 6:17 (2018), with the corrected repair; `COMPUTED` are
    volumes on day 30 from the paper's parameters by another code (LSODA), without extinction, not printed ones.
    """
    shift = pkpd.param("shift", 0, "day", "from the first fraction to the first antibody dose", source="swept")
    radiated = pkpd.fractions(2, n=5, start=7, every=1, duration=0.001)
    antibody = pkpd.bolus(1.333, "ip", at=[7, 9, 11, 14, 16, 18, 21, 23, 25]).shift(shift)
    sensitivities = {f"S_L {S_L} µL": S_L for S_L in (1.77, 8.89, 22.63)}
    run = pkpd.simulate(
        pkpd.load("kosinsky_2018"), radiated + antibody, times=[0, 30], outputs=["V"], on_failure="raise",
        parameters=pkpd.grid(S_L=list(sensitivities.values()), shift=SHIFTS) * pkpd.members(V_min=[0]),
    )["V"].isel(time=-1).squeeze("member")  # fmt: skip
    volumes = {k: run.sel(S_L=v).values for k, v in sensitivities.items()}
    typical = dict(zip(SHIFTS, volumes["S_L 8.89 µL"], strict=True))
    for day, volume in COMPUTED.items():
        holds(abs(typical[day] / volume - 1) < 0.02, f"{typical[day]:.2f} mm^3 at {day}, expected {volume}")
    holds(np.all(np.diff(volumes["S_L 8.89 µL"]) > 0), "earlier is not better")
    return Finding(
        "CT26 mice (Kosinsky 2018): the later the antibody after radiation, the larger the tumor",
        {f"shift {k}": float(v) for k, v in typical.items()},
        np.array(SHIFTS, float), volumes, x_label="First antibody dose after first fraction (day)",
        y_label="Tumor on day 30 (mm$^3$)", log=True,
    )  # fmt: skip
