"""A fit as text."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np

from pkpd.fitting.likelihoods import KnownSd
from pkpd.fitting.outcomes import Binomial
from pkpd.fitting.text_tables import number, table

if TYPE_CHECKING:
    from pkpd.fitting.results import Fit

__all__ = ["report"]

STRONG = 0.95  # correlations from here on are pointed out
MANY = 12  # more parameters make a table of correlations that no one reads


def report(fit: Fit) -> str:
    """The text of `Fit.report`."""
    blocks = [_head(fit), _estimates(fit), _notes(fit), _correlation(fit), _quality(fit), _arms(fit), _search(fit)]
    return "\n\n".join(block for block in blocks if block)


def _head(fit: Fit) -> str:
    lines = [f"{fit.model.name} fitted to {fit.data.name}"]
    lines += [f"  {line}" for line in fit.data.source.splitlines()]
    lines.append(
        f"  {fit.n_observations} observations of {', '.join(fit.data.outputs)} in {len(fit.data.arms)} arms, "
        f"{fit.n_free} free parameters"
    )
    if fit.constants:
        lines.append("  held: " + ", ".join(f"{k} = {v}" for k, v in fit.constants.items()))
    if fit.predictor.by_column:
        lines.append(f"  set by columns of the data: {', '.join(fit.predictor.by_column)}")
    counted = {g.likelihood.trials for g in fit.objective.groups if isinstance(g.likelihood, Binomial)}
    unused = [column for column in fit.predictor.unused if column not in counted]
    lines += [f"  columns not used: {', '.join(unused)}"] if unused else []
    return "\n".join(lines)


def _estimates(fit: Fit) -> str:
    rows = [["parameter", "estimate", "SE", "RSE %", "95 % CI", "", "unit", "scale", ""]]
    for label, row in fit.estimates.to_dict(orient="index").items():
        numbers = [number(row[c]) for c in ("estimate", "se")] + [number(row["rse_percent"], 3)]
        interval = [number(row[c]) for c in ("ci_low", "ci_high")]
        scale = "log" if row["log"] else "linear"
        rows.append([str(label), *numbers, *interval, row["unit"], scale, "at bound" if row["at_bound"] else ""])
    return table(rows)


def _notes(fit: Fit) -> str:
    notes = [fit.covariance_missing, _meaning_of_sd(fit)]
    return "\n".join(textwrap.fill(note, 100) for note in notes if note)


def _meaning_of_sd(fit: Fit) -> str:
    if fit.sd_is == "modeled":
        models = "; ".join(f"{g.output}: {g.likelihood}" for g in fit.objective.groups)
        beyond = int((fit.data.censored != 0).sum())
        limits = f" {beyond} observations are beyond a limit and count by the chance of that." if beyond else ""
        known = {g.output for g in fit.objective.groups if isinstance(g.likelihood, KnownSd)}
        without = [name for name in fit.data.outputs if fit.data.sd_given and name not in known]
        idle = f" The column 'sd' has no part in the error of {', '.join(without)}." if without else ""
        return f"Error models, with the numbers that their estimates start from: {models}.{limits}{idle}"
    if fit.sd_is == "known":
        return (
            "The standard deviations of the data are taken as known; standard errors are not scaled, "
            "and a reduced chi-square far above 1 says that the model misfits."
        )
    if not fit.degrees_of_freedom:
        return ""
    sigma = np.sqrt(fit.reduced_chi_square)
    if fit.data.sd_given:
        return (
            "The standard deviations of the data are taken as relative weights; standard errors are scaled "
            f"by the residuals, which are {sigma:.3g} times as large as these standard deviations."
        )
    return (
        "The data have no standard deviations: every observation has the same weight, and standard errors "
        f"are scaled by the residuals, whose standard deviation is {sigma:.3g}."
    )


def _correlation(fit: Fit) -> str:
    correlation = fit.correlation
    known = [label for label in correlation.index if np.isfinite(correlation.loc[label, label])]
    if len(known) < 2:
        return ""
    values = correlation.loc[known, known].to_numpy()
    rows = [["correlation", *known]]
    rows += [[a, *(f"{v:.3f}" for v in row[: i + 1])] for i, (a, row) in enumerate(zip(known, values, strict=True))]
    width = len(known) + 1
    strong = [
        f"{known[j]} and {known[i]} ({values[i, j]:.3f})"
        for i, j in zip(*np.tril_indices(len(known), -1), strict=True)
        if abs(values[i, j]) >= STRONG
    ]
    text = table([[*row, *[""] * (width - len(row))] for row in rows]) if len(known) <= MANY else ""
    return (text + ("\n" + textwrap.fill(f"Hard to tell apart: {'; '.join(strong)}.", 100) if strong else "")).strip(
        "\n"
    )


def _quality(fit: Fit) -> str:
    freedom = f"({fit.degrees_of_freedom} degrees of freedom)"
    squares = [
        ["chi-square", number(fit.chi_square, 6)],
        ["reduced chi-square", f"{number(fit.reduced_chi_square, 6)} {freedom}"],
    ]
    return table(
        [
            *(squares if fit.standard.any() else []),
            ["log-likelihood", number(fit.log_likelihood, 7)],
            ["AIC", number(fit.aic, 7)],
            ["BIC", number(fit.bic, 7)],
        ],
        left=2,
    )


def _arms(fit: Fit) -> str:
    residuals = fit.residuals
    rows = [["arm", "doses", "observations", "chi-square", "largest residual", "at time"]]
    for arm in fit.data.arms:
        own = residuals[residuals["arm"] == arm].reset_index(drop=True)
        measured = own[own["residual"].notna()]
        worst = (np.nan, np.nan)
        if len(measured):
            i = int(measured["residual"].abs().to_numpy().argmax())
            worst = float(measured["residual"].iloc[i]), float(measured["time"].iloc[i])
        standard = fit.standard[fit.data.rows(arm)]
        total = float((own["residual"][standard] ** 2).sum()) if standard.any() else np.nan
        rows.append(
            [
                arm,
                str(fit.predictor.doses(arm) or "none"),
                str(len(own)),
                number(total) if standard.any() else "-",
                f"{worst[0]:+.3g}" if len(measured) else "-",
                f"{worst[1]:g}" if len(measured) else "-",
            ]
        )
    return table(rows)


def _search(fit: Fit) -> str:
    state = "converged" if fit.success else "did NOT converge"
    lines = [
        f"The minimizer {state} after {fit.evaluations} evaluations and {fit.jacobians} Jacobians: {fit.message}",
        f"Solver failures: {fit.solver_failures} of {fit.solves} trajectories{_where_failed(fit)}.",
    ]
    lines += [] if fit.starts is None else [textwrap.fill(fit.starts.report(), 100)]
    return "\n".join(lines)


def _where_failed(fit: Fit) -> str:
    where = ", ".join(f"{n} in arm {arm!r}" for arm, n in fit.failures_by_arm.items() if n)
    return f" ({where}); the steps that led there were refused" if where else ""
