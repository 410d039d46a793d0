"""The antibody alone in metastatic lung cancer: how fast, how deep and in whom tumors respond.

Calibrated before any endpoint of PACIFIC is computed, to the lesions of study 4 and to the response
rates by PD-L1 of Franzese et al. (2026).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import special

import pkpd
from pkpd.arrays import Array, Mask
from pkpd.fits.pacific.patients import SCAN_SD, Draws, expression, metastatic_patients
from pkpd.models.franzese_2026 import b_line, response_rate

__all__ = [
    "FIRST_LINE",
    "STUDY_SD",
    "Responses",
    "franzese",
    "rates_by_size",
    "response_targets",
    "responses",
    "summary",
]

WEEKS = np.array([0, 6, 12, 18, 24, 30, 36, 45, 54, 63, 72, 81, 90])  # visits; every 9 weeks after week 36
DROPOUT = 0.0011  # 1/day: of study 4, 55 % of patients have a scan at week 24, 66 % are free of lesion progression
FIRST_LINE = -b_line.value  # on the logit: from second line to first
STUDY_SD = 0.346  # of the logit of a response rate between studies, Franzese 2026, Table 1
LEVELS = (0.0, 0.1, 0.25, 0.5, 0.75, 0.95)  # of PD-L1, at which response rates are compared
SMALLEST = 5.0  # mm
LEAST_SE = 0.02  # of a target: what a model this simple is asked for, where ties make the standard error vanish
TARGETS = Path(__file__).parent.parent / "data" / "pacific_response.csv"


def franzese(level: float | Array, *, first_line: bool = False) -> Array:
    """The response rate under durvalumab alone at a share of cells with PD-L1; see `franzese_2026`."""
    return np.asarray(response_rate("durvalumab", level, line2=not first_line))


def response_targets() -> pd.DataFrame:
    """quantity, at, value, se: study 4, and response rates by PD-L1, whose error is that between studies."""
    rates = pd.DataFrame({"quantity": "ORR", "at": LEVELS, "value": franzese(np.array(LEVELS))})
    rates["se"] = STUDY_SD * rates["value"] * (1 - rates["value"])
    targets = pd.concat([pd.read_csv(TARGETS, comment="#"), rates], ignore_index=True)
    return targets.assign(se=targets["se"].clip(lower=LEAST_SE))


@cache
def prepared() -> pkpd.Prepared:
    model = pkpd.load("durvalumab_chemoradiation_nsclc")
    antibody = pkpd.bolus(10 * 69.8, "iv", every=14, n=46)
    return pkpd.prepare(model, antibody, times=7.0 * WEEKS, outputs=["diameter"])


@dataclass(frozen=True, eq=False)
class Responses:
    """What a simulated study 4 saw: changes (patients, visits) from the baseline, NaN once a patient has left."""

    change: Array
    response: Array  # week of the first response, infinite without one
    relapse: Array  # days from the response to +20 % and +5 mm, or to the last scan
    relapsed: Mask
    PDL1: Array
    baseline: Array  # mm


def measured(diameter: Array, noise: Array) -> Array:
    """Diameters as read: with error, and 5 mm where too small to measure."""
    return np.maximum(diameter + SCAN_SD * noise[:, : diameter.shape[1]], SMALLEST)


def responses(draws: Draws, estimates: Mapping[str, float], **changed: float) -> Responses:
    """Simulate lesions of patients with metastatic disease under the antibody alone."""
    people = {**metastatic_patients(draws, estimates), **changed}
    size = measured(prepared()(people)["diameter"], draws.scans)
    nadir = np.minimum.accumulate(size, 1)
    worse = (size >= 1.2 * nadir) & (size >= nadir + 5)
    left = -np.log(draws.uniform["dropout"]) / DROPOUT
    progressed = np.cumsum(worse, 1)
    here = (7.0 * WEEKS < left[:, None]) & (progressed - worse <= 1)  # one more scan after progression
    change = np.where(here, size / size[:, :1] - 1, np.nan)
    change[:, 0] = np.nan
    responding = change <= -0.3
    first = np.where(responding.any(1), responding.argmax(1), len(WEEKS) - 1)
    after = worse & here & (np.arange(len(WEEKS)) > first[:, None])
    last = np.where(after.any(1), after.argmax(1), here.sum(1) - 1)
    return Responses(
        change,
        np.where(responding.any(1), WEEKS[first].astype(float), np.inf),
        7.0 * (WEEKS[last] - WEEKS[first]),
        after.any(1),
        expression(draws),
        size[:, 0],
    )


def summary(seen: Responses, targets: pd.DataFrame) -> Array:
    """The numbers of the table of targets, in its order."""
    scanned = np.isfinite(seen.change).any(1)
    best = np.nanmin(np.where(scanned[:, None], seen.change, 0), axis=1)[scanned]
    columns = {f"change_{week}": seen.change[:, list(WEEKS).index(week)] for week in (6, 12)} | {"best": best}
    return np.array([_number(seen, columns, str(row.quantity), float(row.at)) for row in targets.itertuples()])


def _number(seen: Responses, columns: Mapping[str, Array], quantity: str, at: float) -> float:
    responded = np.isfinite(seen.response)
    if quantity == "responded_by_week":
        return float((seen.response[responded] <= at).mean())
    if quantity == "lasting":
        return _lasting(seen.relapse[responded], seen.relapsed[responded], at)
    if quantity == "ORR":
        return _rate_near(seen, at)
    return float(np.nanquantile(columns[quantity], at))


def _lasting(time: Array, event: Mask, at: float) -> float:
    when = np.unique(time[event & (time <= at)])
    return float(np.prod([1 - (event & (time == t)).sum() / (time >= t).sum() for t in when]))


def rates_by_size(seen: Responses) -> pd.DataFrame:
    """The response rate by the diameter at baseline, beside that of study 4, to which it was not calibrated."""
    table = pd.read_csv(TARGETS.with_name("pacific_response_by_size.csv"), comment="#")
    quarter = pd.cut(seen.baseline, [*table["above"], table["up_to"].iloc[-1]])
    rates = pd.Series(np.isfinite(seen.response)).groupby(quarter, observed=False).mean()
    return table.assign(simulated=rates.to_numpy())


def _rate_near(seen: Responses, level: float) -> float:
    """The response rate at a level of PD-L1: a logistic curve over the levels of patients."""
    responded = np.isfinite(seen.response).astype(float)
    slope, intercept = _logistic(seen.PDL1, responded)
    return float(special.expit(intercept + slope * level))


def _logistic(x: Array, y: Array) -> tuple[float, float]:
    """Slope and intercept of a logistic regression, by Newton's method."""
    design, beta = np.column_stack([x, np.ones_like(x)]), np.zeros(2)
    for _ in range(25):
        p = special.expit(design @ beta)
        step = np.linalg.solve((design * (p * (1 - p))[:, None]).T @ design, design.T @ (y - p))
        beta = beta + step
    return float(beta[0]), float(beta[1])
