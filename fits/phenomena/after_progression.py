"""Radiation after progression on durvalumab: with the antibody again, and after a washout."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import pkpd
from pkpd.fits.phenomena.arms import Arm, Runs, at_every, phenomenon
from pkpd.fits.phenomena.findings import Finding, holds
from pkpd.fits.phenomena.measures import on_day, progression, relative
from pkpd.fits.phenomena.regimens import YEAR, durvalumab, radiation

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["rechallenge", "washout"]

# Who responds to durvalumab and then progresses, as one cell in twenty escapes it.
RELAPSING = {"kpri": 9e7, "resistant0": 0.05}
EXTENTS = {"limited": {"diameter0_metastasis": 10.0}, "widespread": {"diameter0_metastasis": 35.0}}
DOSES = 14
LAST = 28 * (DOSES - 1)  # the day of the last dose before progression is seen
RADIATED = LAST + 21
BEFORE = durvalumab(DOSES)
AGAIN = durvalumab(26, at=LAST + 28)
REGIMENS = {
    "durvalumab continued": BEFORE + AGAIN,
    "radiation": BEFORE + radiation(8, 5, at=RADIATED),
    "radiation and durvalumab again": BEFORE + radiation(8, 5, at=RADIATED) + AGAIN,
}


def _after_progression() -> dict[str, Arm]:
    return {
        f"{extent}, {name}": Arm(regimen, RELAPSING | patient, days=4 * YEAR)
        for extent, patient in EXTENTS.items()
        for name, regimen in REGIMENS.items()
    }


@phenomenon(
    _after_progression,
    needs=(
        "memory", "recall", "resistant cells", "radiation kills tumor", "antibody occupancy", "killing by effectors",
        "priming by antigen",
    ),
)  # fmt: skip
def rechallenge(runs: Runs) -> Finding:
    """5 x 8 Gy to the primary once durvalumab fails, and durvalumab again: it gains where disease is limited.

    Limited progression is a primary with a small metastasis, widespread one with a large metastasis.  Radiation
    takes the resistant cells of the primary; durvalumab gains by what memory still recalls, not by new priming.
    """
    for name, run in runs.items():
        first = progression(run.sel(time=slice(None, RADIATED)))
        holds(first <= RADIATED, f"{name}: no progression before radiation")
        holds(relative(run).min() < 0.75, f"{name}: no response before")
    held = {name: _held(run, RADIATED) for name, run in runs.items()}
    for extent in EXTENTS:
        holds(
            held[f"{extent}, radiation"] > held[f"{extent}, durvalumab continued"] + 56,
            f"radiation gains nothing: {held}",
        )
    gain = {e: held[f"{e}, radiation and durvalumab again"] - held[f"{e}, radiation"] for e in EXTENTS}
    holds(gain["limited"] > 42, f"durvalumab again gains nothing: {gain}")
    holds(gain["widespread"] < gain["limited"] / 2, f"it gains in widespread disease too: {gain}")
    shown = {name: relative(run.sel(time=slice(None, 3 * YEAR))) for name, run in runs.items() if "limited" in name}
    return Finding(
        "After progression on durvalumab radiation holds limited disease, the longer with durvalumab again",
        {f"days from radiation to progression, {name}": days for name, days in held.items()},
        np.arange(0, 3 * YEAR + 1, 7.0), shown, regimen=REGIMENS["radiation and durvalumab again"],
        thresholds={"day 0": 1.0}, note="one patient; fractions and doses of the third arm", top=2.2,
    )  # fmt: skip


def _held(run: xr.Dataset, since: float) -> float:
    """Days from a day to the next progression, or to the end of the run."""
    after = run.sel(time=slice(since, None))
    return min(float(progression(after)), float(after["time"][-1])) - since


WASHOUTS = (14, 28, 56, 84, 112, 140, 168, 196, 224)
FIELDS = (100.0, 300.0, 1000.0)


def _washouts() -> dict[str, Arm]:
    delay = pkpd.param("washout", 28, "day", "from the last antibody dose to radiation", source="swept")
    regimen = BEFORE + radiation(8, 5, at=LAST + delay)
    patients = at_every(RELAPSING | EXTENTS["limited"], field=FIELDS, washout=WASHOUTS)
    return {"after a washout": Arm(regimen, patients, days=LAST + WASHOUTS[-1] + YEAR)}


@phenomenon(_washouts, needs=("hazard of both together", "hazard of radiation", "antibody occupancy"))
def washout(runs: Runs) -> Finding:
    """Radiation to the chest stops fewer patients once the antibody is gone, which takes months and not weeks.

    That the antibody raises the hazard is PACIFIC's (`radiation_adverse_events`), how long it stays is its
    pharmacokinetics and KD.
    """
    (run,) = runs.values()
    risk = np.array([[_risk(run, field, w) for w in WASHOUTS] for field in FIELDS])
    holds(np.all(np.diff(risk, axis=1) < 1e-3), f"waiting adds risk: {risk}")
    holds(np.all(risk[:, -1] < 0.9 * risk[:, 0]), f"waiting takes no risk away: {risk}")
    holds(np.all(np.diff(risk, axis=0) > 0), f"a wider field adds no risk: {risk}")
    month = WASHOUTS.index(28)
    early = (risk[:, 0] - risk[:, month]) / (risk[:, 0] - risk[:, -1])
    holds(np.all(early < 0.25), f"the first month takes much of it away: {early}")
    return Finding(
        "Washout: waiting for months lowers the risk of radiation after durvalumab, waiting for weeks does not",
        {f"risk, field of {f:g} mL, washout of {w} days": float(r) for f, row in zip(FIELDS, risk, strict=True)
         for w, r in zip(WASHOUTS, row, strict=True) if w in (14, 28, 224)},
        np.array(WASHOUTS, float),
        {f"field of {field:g} mL": row for field, row in zip(FIELDS, risk, strict=True)},
        x_label="Washout: last antibody dose to radiation (day)", y_label="Treatment stopped within 26 weeks (share)",
        note="5 x 8 Gy",
    )  # fmt: skip


def _risk(run: xr.Dataset, field: float, delay: float) -> float:
    """The probability of an event that stops treatment within 26 weeks of radiation."""
    one = run.sel(field=field, washout=delay)["P_stop"].values
    return float(on_day(one, LAST + delay + 182))
