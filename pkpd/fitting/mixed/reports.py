"""A fitted mixed-effects model as text."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np

from pkpd.fitting.mixed.class_reports import about_classes, class_table
from pkpd.fitting.text_tables import number, table

if TYPE_CHECKING:
    from pkpd.fitting.mixed.results import MixedFit

__all__ = ["report"]

SHRUNK = 0.3  # from here on empirical Bayes estimates mislead (Savic and Karlsson 2009)
ILL_CONDITIONED = 1000.0
NAMES = {
    "fo": "first order (FO)",
    "foce": "first-order conditional estimation without interaction (FOCE)",
    "focei": "first-order conditional estimation with interaction (FOCEI)",
    "laplace": "Laplace approximation",
    "saem": "stochastic approximation EM (SAEM)",
    "importance": "maximum likelihood by importance sampling",
}


def report(fit: MixedFit) -> str:
    """The text of `MixedFit.report`."""
    blocks = [_head(fit), _estimates(fit), _spreads(fit), class_table(fit), _notes(fit), _quality(fit), _search(fit)]
    return "\n\n".join(block for block in blocks if block)


def _head(fit: MixedFit) -> str:
    lines = [f"{fit.statement.model.name} fitted to {fit.records.name} by {NAMES[fit.method]}"]
    lines.append(
        f"  {fit.n_observations} observations of {', '.join(fit.statement.error)} in {fit.n_subjects} subjects, "
        f"{fit.n_free} estimated numbers"
    )
    held = {**fit.statement.parameters}
    if held:
        lines.append("  held: " + ", ".join(f"{k} = {v}" for k, v in held.items()))
    priors = [*fit.statement.priors, *(k for k, f in fit.statement.free.items() if f.prior is not None)]
    if priors:
        lines.append(f"  priors of {', '.join(priors)}; the objective does not count them")
    return "\n".join(lines)


def _estimates(fit: MixedFit) -> str:
    rows = [["parameter", "estimate", "SE", "RSE %", "95 % CI", "", "unit", ""]]
    for label, row in fit.estimates.to_dict(orient="index").items():
        if str(label).startswith(("omega", "correlation")):
            continue
        numbers = [number(row[c]) for c in ("estimate", "se")] + [number(row["rse_percent"], 3)]
        interval = [number(row[c]) for c in ("ci_low", "ci_high")]
        rows.append([str(label), *numbers, *interval, row["unit"], "held" if row["fixed"] else ""])
    return table(rows)


def _spreads(fit: MixedFit) -> str:
    """The etas: standard deviations, coefficients of variation of log-normal ones, shrinkage."""
    scales = {c.label: c.scale.kind for c in fit.subjects.population.components}
    rows = [["random effect", "estimate", "SE", "RSE %", "95 % CI", "", "CV %", "shrinkage %", ""]]
    for label, row in fit.estimates.to_dict(orient="index").items():
        if not str(label).startswith(("omega", "correlation")):
            continue
        name = fit.subjects.numbers.alone(str(label)).split("[", 1)[1][:-1]
        log = str(label).startswith("omega") and scales.get(name, "log") == "log"
        with np.errstate(over="ignore"):
            cv = 100 * np.sqrt(np.expm1(np.float64(row["estimate"]) ** 2)) if log else np.nan
        shrunk = fit.shrinkage.get(f"eta[{name}]", np.nan) if str(label).startswith("omega[") else np.nan
        numbers = [number(row[c]) for c in ("estimate", "se")] + [number(row["rse_percent"], 3)]
        interval = [number(row[c]) for c in ("ci_low", "ci_high")]
        remark = "held" if row["fixed"] else "at its floor" if row["at_floor"] else ""
        rows.append([str(label), *numbers, *interval, number(cv, 3), number(100 * shrunk, 3), remark])
    return table(rows)


def _notes(fit: MixedFit) -> str:
    notes = [*fit.notes, *about_classes(fit), *_about_certainty(fit), *_about_shrinkage(fit)]
    at_floor = [label for label, at in zip(fit.subjects.numbers.labels, fit.floored, strict=True) if at]
    in_time = [label for label in at_floor if label.startswith("autocorrelation_time")]
    floored = [label for label in at_floor if label not in in_time]
    if in_time:
        notes.append(
            f"{', '.join(in_time)} went to 0 and stands at its floor: the data show no correlation of errors in time. "
            "Leave it out of residuals=."
        )
    if floored:
        notes.append(
            f"{', '.join(floored)} went to 0 and stands at its floor: the data say nothing of such variability. Leave "
            "it out of iiv=, or hold it with fixed=."
        )
    if fit.failed:
        notes.append(f"The integration of subject {', '.join(fit.failed)} failed at the estimates.")
    return "\n".join(textwrap.fill(note, 100) for note in notes)


def _about_certainty(fit: MixedFit) -> list[str]:
    kind = fit.options.covariance
    if fit.certainty is None or kind is None:
        return []
    missing = fit.certainty.missing(kind)
    if missing:
        return [missing]
    source = {"R": "the Hessian (R)", "S": "the squared gradients (S)", "sandwich": "R and S (sandwich)"}[kind]
    condition = fit.condition_number(kind)
    notes = [f"Standard errors by {source}; condition number {condition:.3g}."]
    pairs = fit.certainty.confounded(kind)
    if pairs:
        named = "; ".join(f"{a} and {b} ({r:.3f})" for a, b, r in pairs)
        notes.append(f"Hard to tell apart: {named}.")
    elif condition > ILL_CONDITIONED:
        notes.append("The condition number is large: the estimates hang together.")
    return notes


def _about_shrinkage(fit: MixedFit) -> list[str]:
    strong = [f"{name} ({100 * value:.0f} %)" for name, value in fit.shrinkage.items() if value > SHRUNK]
    if not strong:
        return []
    return [
        f"Shrinkage is strong: {', '.join(strong)}. Individual estimates and what is drawn of them mislead there; "
        "judge by a VPC and NPDE."
    ]


def _quality(fit: MixedFit) -> str:
    error = f" +- {fit.objective_error:.3g} (Monte Carlo)" if fit.objective_error else ""
    rows = [
        ["objective (-2 ln L without constants)", f"{fit.objective:.4f}{error}"],
        ["log-likelihood", number(fit.log_likelihood, 7)],
        ["AIC", number(fit.aic, 7)],
        ["BIC", number(fit.bic, 7)],
    ]
    rows += [[f"shrinkage of {k}", f"{100 * v:.3g} %"] for k, v in fit.shrinkage.items() if k.startswith("epsilon")]
    return table(rows, left=2)


def _search(fit: MixedFit) -> str:
    state = "converged" if fit.converged else "did NOT converge"
    text = f"The search {state} after {fit.iterations} iterations and {fit.evaluations} evaluations: {fit.message}."
    return text if fit.starts is None else f"{text}\n{fit.starts.report()}"
