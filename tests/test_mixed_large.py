"""Three models of 100 simulated subjects: the estimators agree, and find what was simulated."""

from __future__ import annotations

import os

import numpy as np
import pytest

import pkpd
from benchmarks.mixed_trials import Trial, claret, michaelis_menten, target_mediated

LONG = pytest.mark.skipif(not os.environ.get("PKPD_ALL_CASES"), reason="tens of minutes; PKPD_ALL_CASES=1 runs it")


@pytest.mark.slow
@pytest.mark.parametrize("trial", [michaelis_menten, claret, pytest.param(target_mediated, marks=LONG)])
def test_estimators_agree_and_find_what_was_simulated(trial: object) -> None:
    """SAEM and importance sampling within their Monte Carlo error; the truth within 3.5 standard errors."""
    case: Trial = trial()  # type: ignore[operator]
    options = {"outputs": case.outputs, "seed": 1}
    saem = pkpd.fit(case.statement, case.data, method="saem", samples=512, **options)  # type: ignore[arg-type]
    sampled = pkpd.fit(case.statement, case.data, method="importance", start=saem, samples=512, **options)  # type: ignore[arg-type]
    error = np.hypot(saem.objective_error, sampled.objective_error)
    assert abs(saem.objective - sampled.objective) < 3 * error + 1
    for label, value in case.truth.items():
        row = sampled.estimates.loc[label]
        assert abs(row["estimate"] - value) < 3.5 * row["se"], label
        assert abs(saem.estimates.loc[label, "estimate"] - row["estimate"]) < row["se"], label


@pytest.mark.slow
def test_intervals_hold_what_was_simulated_as_often_as_they_say() -> None:
    """Of 100 trials 90 to 98 % of all 95 % intervals hold the simulated value."""
    from tests.mixed_problems import OMEGAS, TYPICAL, one_compartment, simulated

    truth = {**TYPICAL, **{f"omega[{k}]": v for k, v in OMEGAS.items()}, "sd_additive[C]": 0.3}
    held = []
    for seed in range(100):
        fit = pkpd.fit(one_compartment(), simulated(30, seed=1000 + seed), restarts=0)
        rows = fit.estimates
        held.append([rows.loc[k, "ci_low"] < v < rows.loc[k, "ci_high"] for k, v in truth.items()])
    assert 0.90 <= np.mean(held) <= 0.98
    assert np.mean(held, axis=0).min() > 0.85
