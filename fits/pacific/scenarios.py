"""What the prediction rests on: each assumption changed alone.

None of these was chosen to reach the trial, and none is the prediction.  They say on which assumption the
effect of the antibody after chemoradiation depends, and what an assumption that reaches the trial's hazard
ratio does elsewhere: to response in metastatic disease, and to PACIFIC-2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy import optimize, special

from pkpd.arrays import Array
from pkpd.fits.pacific.calibration import joint_estimates
from pkpd.fits.pacific.patients import Draws
from pkpd.fits.pacific.prediction import STRATA, predicted, ratio
from pkpd.fits.pacific.response import FIRST_LINE, responses
from pkpd.fits.pacific.trials import PACIFIC, PACIFIC_2

__all__ = ["Scenario", "scenario_table", "scenarios"]


@dataclass(frozen=True)
class Scenario:
    """Estimates and parameters of the model that differ from the prediction's."""

    name: str
    estimates: Mapping[str, float] = field(default_factory=dict)
    changed: Mapping[str, float] = field(default_factory=dict)


def scenarios(draws: Draws, estimates: Mapping[str, float]) -> list[Scenario]:
    """The prediction, its mechanisms removed, and its assumptions changed."""
    return [
        Scenario("the prediction"),
        Scenario("no effectors released (e = 0)", changed={"e": 0.0}),
        Scenario("no occupancy (KD beyond reach)", changed={"KD": 1e12}),
        Scenario("lymphocytes spared by radiation", changed={"f_L": 0.0, "f_Lo": 0.0}),
        Scenario("no escape from effectors", changed={"kloss": 0.0}),
        Scenario("lymphocytes spared, and no escape", changed={"f_L": 0.0, "f_Lo": 0.0, "kloss": 0.0}),
        Scenario("response rates of first line", {"e": estimates["e"] * first_line_factor(draws, estimates)}),
        Scenario("kill falls as 1/diameter (size = 1)", changed={"size": 1.0}),
        Scenario("one growth for both populations", joint_estimates()),
    ]


def first_line_factor(draws: Draws, estimates: Mapping[str, float]) -> float:
    """The factor on e by which the logit of the response rate rises as from second to first line."""

    def logit(log_factor: float) -> float:
        seen = responses(draws, {**estimates, "e": estimates["e"] * np.exp(log_factor)})
        return float(special.logit(np.isfinite(seen.response).mean()))

    goal = logit(0.0) + FIRST_LINE
    return float(np.exp(optimize.brentq(lambda x: logit(x) - goal, 0, 3, xtol=0.02)))


def scenario_table(draws: Draws, estimates: Mapping[str, float]) -> pd.DataFrame:
    """Hazard ratios of PFS in PACIFIC, its strata and PACIFIC-2, and the response rate in metastatic disease."""
    return pd.DataFrame([_row(one, draws, {**estimates, **one.estimates}) for one in scenarios(draws, estimates)])


def _row(one: Scenario, draws: Draws, estimates: Mapping[str, float]) -> dict[str, object]:
    arms = predicted(PACIFIC, draws, estimates, **one.changed)
    concurrent = predicted(PACIFIC_2, draws, estimates, **one.changed)
    rate: Array = np.isfinite(responses(draws, estimates, **one.changed).response)
    return {
        "scenario": one.name,
        "PACIFIC": ratio(arms),
        "5 years": ratio(arms, accrual=None),
        **{name: ratio(arms, stratum=name) for name in STRATA},
        "PACIFIC-2": ratio(concurrent, accrual=None),
        "metastatic ORR": float(rate.mean()),
    }
