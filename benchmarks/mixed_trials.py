"""Trials of 100 subjects, simulated from known values, that mixed-effects fits are tried on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

import pkpd
from pkpd.measures.residual_error import ResidualError

__all__ = ["Trial", "claret", "michaelis_menten", "target_mediated"]


@dataclass(frozen=True)
class Trial:
    """A model, what was simulated, and the records."""

    statement: pkpd.MixedEffects
    data: pkpd.Records
    outputs: object
    truth: dict[str, float]


def _simulated(
    model: pkpd.Model, table: pd.DataFrame, compartments: dict[int, str], typical: dict[str, float],
    omega: dict[str, float], errors: dict[str, ResidualError], seed: int,
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
    return pkpd.mixed_effects(model, iiv, error=errors, free=free, parameters=parameters or {})


def michaelis_menten(n: int = 100, seed: int = 1) -> Trial:
    model = pkpd.load("pk_1cmt_mm")
    typical, omega = {"V": 3.5, "Vmax": 20.0, "Km": 2.0}, {"V": 0.25, "Vmax": 0.3, "Km": 0.4}
    errors = {"C": pkpd.combined_error(0.1, 0.15)}
    rows = []
    for i in range(n):
        rows.append((i + 1, 0.0, (10.0, 50.0, 150.0, 400.0)[i % 4], 1, 1, 0.0, 1))
        rows += [(i + 1, t, 0.0, 0, 1, 0.0, 1) for t in (0.1, 0.5, 1.0, 2.0, 4.0, 7.0, 10.0, 14.0, 18.0, 24.0)]
    table = pd.DataFrame(rows, columns=["ID", "TIME", "AMT", "EVID", "CMT", "DV", "DVID"])
    data = _simulated(model, table, {1: "central"}, typical, omega, errors, seed, {"CL": 0.0})
    statement = _statement(model, typical, omega, errors, {"CL": 0.0})
    return Trial(statement, data, None, {**typical, **{f"omega[{k}]": v for k, v in omega.items()}})


def claret(n: int = 100, seed: int = 2) -> Trial:
    model = pkpd.load("claret_2009")
    typical = {"TS0": 80.0, "K_L": 0.021, "K_D": 0.025, "lambda_": 0.053}
    omega = dict.fromkeys(typical, 0.5)
    errors = {"TS": pkpd.proportional_error(0.08)}
    times = (0.0, 6.0, 12.0, 18.0, 24.0, 30.0, 36.0, 48.0, 60.0, 72.0)
    rows = [(i + 1, t, 0.0, 0, 1, 0.0, 1, float(i % 4)) for i in range(n) for t in times]
    table = pd.DataFrame(rows, columns=["ID", "TIME", "AMT", "EVID", "CMT", "DV", "DVID", "exposure"])
    exposure = table.groupby("ID")["exposure"].first().to_numpy()
    data = _simulated(model, table, {1: "TS"}, typical, omega, errors, seed, {"exposure": exposure})
    statement = _statement(model, typical, omega, errors)
    return Trial(statement, data, "TS", {**typical, **{f"omega[{k}]": v for k, v in omega.items()}})


def target_mediated(n: int = 100, seed: int = 3) -> Trial:
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
    data = _simulated(model, table, {1: "central"}, typical, omega, errors, seed)
    statement = _statement(model, typical, omega, errors)
    return Trial(statement, data, {1: "C", 2: "Rec"}, {**typical, **{f"omega[{k}]": v for k, v in omega.items()}})
