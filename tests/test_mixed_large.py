"""Three models of 100 simulated subjects: the estimators agree, and find what was simulated."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

import pkpd

LONG = pytest.mark.skipif(not os.environ.get("PKPD_ALL_CASES"), reason="tens of minutes; PKPD_ALL_CASES=1 runs it")


@dataclass(frozen=True)
class Trial:
    """A model, what was simulated, and the records."""

    statement: pkpd.MixedEffects
    data: pkpd.Records
    outputs: object
    truth: dict[str, float]


def _simulated(
    model: pkpd.Model, table: pd.DataFrame, compartments: dict[int, str], typical: dict[str, float],
    omega: dict[str, float], errors: dict[str, pkpd.measures.residual_error.ResidualError], seed: int,
    held: dict[str, object] | None = None,
) -> pkpd.Records:  # fmt: skip
    """DV by `predict` with parameters drawn log-normally, and the errors of each output (DVID 1, 2, ...)."""
    rng = np.random.default_rng(seed)
    data = pkpd.read_nonmem(table, compartments=compartments)
    n = len(data.first_rows)
    psi = {k: v * np.exp(omega.get(k, 0.0) * rng.standard_normal(n)) for k, v in typical.items()}
    predicted = pkpd.predict(model, data, parameters={**psi, **(held or {})}, covariates=(), rtol=1e-9)
    for i, (output, error) in enumerate(errors.items(), start=1):
        here = (table["EVID"] == 0) & (table["DVID"] == i)
        name = f"{output}_predicted" if f"{output}_predicted" in predicted else output
        f = predicted[name].to_numpy()[here]
        table.loc[here, "DV"] = error.observed(f, rng.standard_normal(len(f)))
    return pkpd.read_nonmem(table, compartments=compartments)


def _statement(
    model: pkpd.Model, typical: dict[str, float], omega: dict[str, float], errors: dict[str, object],
    parameters: dict[str, object] | None = None,
) -> pkpd.MixedEffects:  # fmt: skip
    """Begun 30 % off."""
    iiv = {k: pkpd.lognormal(1.3 * typical[k], omega=1.2 * omega[k]) for k in omega}
    free = {k: pkpd.free(1.3 * v) for k, v in typical.items() if k not in omega}
    return pkpd.mixed_effects(model, iiv, error=errors, free=free, parameters=parameters or {})  # type: ignore[arg-type]


def michaelis_menten(n: int = 100) -> Trial:
    model = pkpd.load("pk_1cmt_mm")
    typical, omega = {"V": 3.5, "Vmax": 20.0, "Km": 2.0}, {"V": 0.25, "Vmax": 0.3, "Km": 0.4}
    errors = {"C": pkpd.combined_error(0.1, 0.15)}
    rows = []
    for i in range(n):
        rows.append((i + 1, 0.0, (10.0, 50.0, 150.0, 400.0)[i % 4], 1, 1, 0.0, 1))
        rows += [(i + 1, t, 0.0, 0, 1, 0.0, 1) for t in (0.1, 0.5, 1.0, 2.0, 4.0, 7.0, 10.0, 14.0, 18.0, 24.0)]
    table = pd.DataFrame(rows, columns=["ID", "TIME", "AMT", "EVID", "CMT", "DV", "DVID"])
    data = _simulated(model, table, {1: "central"}, typical, omega, errors, 1, {"CL": 0.0})
    statement = _statement(model, typical, omega, errors, {"CL": 0.0})
    return Trial(statement, data, None, {**typical, **{f"omega[{k}]": v for k, v in omega.items()}})


def claret(n: int = 100) -> Trial:
    model = pkpd.load("claret_2009")
    typical = {"TS0": 80.0, "K_L": 0.021, "K_D": 0.025, "lambda_": 0.053}
    omega = dict.fromkeys(typical, 0.5)
    errors = {"TS": pkpd.proportional_error(0.08)}
    times = (0.0, 6.0, 12.0, 18.0, 24.0, 30.0, 36.0, 48.0, 60.0, 72.0)
    rows = [(i + 1, t, 0.0, 0, 1, 0.0, 1, float(i % 4)) for i in range(n) for t in times]
    table = pd.DataFrame(rows, columns=["ID", "TIME", "AMT", "EVID", "CMT", "DV", "DVID", "exposure"])
    exposure = table.groupby("ID")["exposure"].first().to_numpy()
    data = _simulated(model, table, {1: "TS"}, typical, omega, errors, 2, {"exposure": exposure})
    statement = _statement(model, typical, omega, errors)
    return Trial(statement, data, "TS", {**typical, **{f"omega[{k}]": v for k, v in omega.items()}})


def target_mediated(n: int = 100) -> Trial:
    """The full model of drug, receptor and complex, which is stiff."""
    model = pkpd.load("tmdd_full")
    typical = {"CL": 0.25, "V1": 3.0, "Q": 0.4, "V2": 2.5, "ksyn": 0.4, "kdeg": 0.2, "kint": 0.5}
    omega = {"CL": 0.3, "V1": 0.2, "ksyn": 0.4, "kint": 0.3}
    errors = {"C": pkpd.combined_error(0.02, 0.12), "Rec": pkpd.proportional_error(0.15)}
    rows = []
    for i in range(n):
        for day in (0.0, 28.0):
            rows.append((i + 1, day, (10.0, 30.0, 100.0, 500.0, 2000.0)[i % 5], 1, 1, 0.0, 0))
        for t in (0.1, 1.0, 3.0, 7.0, 14.0, 21.0, 27.9, 28.1, 31.0, 35.0, 42.0, 56.0):
            rows += [(i + 1, t, 0.0, 0, 1, 0.0, 1), (i + 1, t, 0.0, 0, 1, 0.0, 2)]
    table = pd.DataFrame(rows, columns=["ID", "TIME", "AMT", "EVID", "CMT", "DV", "DVID"])
    table = table.sort_values(["ID", "TIME", "EVID"], ascending=[True, True, False], kind="stable", ignore_index=True)
    data = _simulated(model, table, {1: "central"}, typical, omega, errors, 3)
    statement = _statement(model, typical, omega, errors)
    return Trial(statement, data, {1: "C", 2: "Rec"}, {**typical, **{f"omega[{k}]": v for k, v in omega.items()}})


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
