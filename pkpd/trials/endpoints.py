"""The endpoints of one replicate of a trial: by arm, and of each arm against the control."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array, Index, Mask
from pkpd.measures.hazard_ratios import hazard_ratio
from pkpd.measures.response_codes import CR, NON, PR, SD
from pkpd.measures.survival import kaplan_meier
from pkpd.measures.survival_tests import logrank
from pkpd.trials.forests import FOREST, forest, variable
from pkpd.trials.splitting import Split
from pkpd.trials.trials import Trial

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Endpoint", "EndpointOptions", "endpoints_of", "meanings"]

ARM = {
    "patients": ("1", "patients of the arm who entered, without failed ones"),
    "failed": ("1", "patients whose integration failed, of which no endpoint is taken"),
    "not_entered": ("1", "patients who were enrolled and did not enter"),
    "response_rate": ("1", "patients whose best response is CR or PR"),
    "disease_control_rate": ("1", "patients whose best response is CR, PR, SD or non-CR/non-PD"),
    "stopped_for_toxicity_rate": ("1", "patients of whom a therapy was stopped for toxicity"),
    "doses": ("1", "mean number of doses of all therapies"),
}
COMPARISON = {
    "hazard_ratio": ("1", "hazard ratio against the control"),
    "hazard_ratio_lower": ("1", "lower limit of the hazard ratio"),
    "hazard_ratio_upper": ("1", "upper limit of the hazard ratio"),
    "p_value": ("1", "p of the log-rank test, two-sided"),
}
HALF = 0.5 * (1 + 1e-9)  # as in `median_survival`: a product of fractions may miss it by rounding
SURVIVAL = {"pfs": "progression-free survival", "os": "overall survival"}


@dataclass(frozen=True, eq=False)
class EndpointOptions:
    """What is wanted of each replicate.

    Attributes
    ----------
    landmarks
        Days from entry at which survival is read.
    subgroups
        Factors in whose classes hazard ratios are taken.
    confidence
        Of the intervals of hazard ratios.
    """

    landmarks: tuple[float, ...]
    subgroups: Mapping[str, Split]
    confidence: float


Endpoint = tuple[tuple[str, ...], Any]
"""The dimensions of an endpoint besides the replicate, and its values."""


def endpoints_of(patients: xr.Dataset, trial: Trial, options: EndpointOptions) -> dict[str, Endpoint]:
    """The endpoints of a replicate by name."""
    arms, names = patients["arm"].to_numpy(), list(trial.arms)
    number = np.array([names.index(arm) for arm in arms.tolist()])
    failed, entered = patients["status"].to_numpy() != 0, ~np.isnan(patients["entry"].to_numpy())
    usable = entered & ~failed
    by_arm: dict[str, Any] = {
        "patients": _counts(number, usable, names),
        "failed": _counts(number, failed, names),
        "not_entered": _counts(number, ~entered & ~failed, names),
    }
    by_arm |= {name: _means(values, number, usable, names) for name, values in _shares(patients, trial)}
    if "response_day" in patients:
        by_arm["median_response_duration"] = _response_duration(patients, number, usable, names)
    endpoints: dict[str, Endpoint] = {name: (("arm",), values) for name, values in by_arm.items()}
    for kind in SURVIVAL:
        if f"{kind}_day" in patients:
            endpoints |= _of_survival(kind, patients, number, usable, trial, options)
    return endpoints


def _of_survival(
    kind: str, patients: xr.Dataset, number: Index, usable: Mask, trial: Trial, options: EndpointOptions
) -> dict[str, Endpoint]:
    """Medians, events, landmarks, and comparisons of one survival time."""
    time, event = (patients[f"{kind}_{what}"].to_numpy()[usable] for what in ("day", "event"))
    own, names = number[usable], list(trial.arms)
    medians, landmarks = _curves(time, event, own, names, options.landmarks)
    stratum = patients["stratum"].to_numpy()[usable] if trial.strata else None
    results = _compared(time, event, own, stratum, trial, options.confidence)
    endpoints: dict[str, Endpoint] = {
        f"median_{kind}": (("arm",), medians),
        f"{kind}_events": (("arm",), _counts(own, event == 1, names)),
        **{f"{kind}_{name}": (("comparison",), values) for name, values in results.items()},
    }
    if options.landmarks:
        endpoints[f"{kind}_rate"] = (("arm", "landmark"), landmarks)
    if options.subgroups:
        classes = {name: split.codes(variable(patients, split.of))[usable] for name, split in options.subgroups.items()}
        forests = [
            forest(time, event, own, pair, classes, options.subgroups, options.confidence) for pair in _pairs(trial)
        ]
        for name in FOREST:
            table = np.array([one[name] for one in forests])
            endpoints[f"{kind}_subgroup_{name}"] = (("comparison", "subgroup"), table)
    return endpoints


def _pairs(trial: Trial) -> list[tuple[int, int]]:
    """The numbers of each arm but the control, and of the control."""
    control = list(trial.arms).index(str(trial.control))
    return [(arm, control) for arm in range(len(trial.arms)) if arm != control]


def _counts(number: Index, which: Mask, names: Sequence[str]) -> Index:
    counts: Index = np.bincount(number[which], minlength=len(names))
    return counts


def _means(values: Array, number: Index, usable: Mask, names: Sequence[str]) -> Array:
    """The mean over the usable patients of each arm, NaN where there is none."""
    sums = np.bincount(number[usable], weights=values[usable].astype(float), minlength=len(names))
    with np.errstate(invalid="ignore"):
        means: Array = sums / _counts(number, usable, names)
    return means


def _shares(patients: xr.Dataset, trial: Trial) -> Iterator[tuple[str, Any]]:
    """What is averaged over the patients of an arm."""
    if "best_response" in patients:
        best = patients["best_response"].to_numpy()
        yield "response_rate", np.isin(best, (CR, PR))
        yield "disease_control_rate", np.isin(best, (CR, PR, SD, NON))
    yield "stopped_for_toxicity_rate", patients["stopped_for_toxicity"].to_numpy()
    yield "doses", patients["doses"].to_numpy().sum(axis=1)
    for event in trial.adverse:
        yield f"{event}_rate", ~np.isnan(patients[f"day_of_{event}"].to_numpy())


def _curves(time: Array, event: Array, number: Index, names: Sequence[str], at: Sequence[float]) -> tuple[Array, Array]:
    """Medians, (arms,), infinite where not reached, and survival at landmarks, (arms, landmarks)."""
    medians, landmarks = np.full(len(names), np.nan), np.full((len(names), len(at)), np.nan)
    there = np.unique(number)
    if there.size:
        curve = kaplan_meier(time, event, group=number)
        days, survival = curve["time"].to_numpy(), curve["survival"].to_numpy()
        medians[there] = np.where(survival <= HALF, days, np.inf).min(axis=1)
        read = survival[:, np.searchsorted(days, at, side="right") - 1]
        followed = np.array(at) <= curve["last_time"].to_numpy()[:, None]
        landmarks[there] = np.where(followed | (read == 0), read, np.nan)
    return medians, landmarks


def _compared(
    time: Array, event: Array, number: Index, stratum: Index | None, trial: Trial, confidence: float
) -> dict[str, Array]:
    """Hazard ratio, its limits and the log-rank test of each arm but the control."""
    columns = {name: np.full(len(trial.arms) - 1, np.nan) for name in COMPARISON}
    for place, (arm, control) in enumerate(_pairs(trial)):
        both = (number == arm) | (number == control)
        treated = number[both] == arm
        if not event[both].any() or treated.all() or not treated.any():
            continue
        strata = None if stratum is None else stratum[both]
        ratio = hazard_ratio(time[both], event[both], treated, strata=strata, confidence=confidence)
        columns["hazard_ratio"][place] = float(ratio["hazard_ratio"])
        columns["hazard_ratio_lower"][place] = float(ratio["lower"])
        columns["hazard_ratio_upper"][place] = float(ratio["upper"])
        test = logrank(time[both], event[both], treated, strata=strata)
        columns["p_value"][place] = float(test["p_value"])
    return columns


def _response_duration(patients: xr.Dataset, number: Index, usable: Mask, names: Sequence[str]) -> Array:
    """The median duration of response of the responders of each arm."""
    responded = usable & ~np.isnan(patients["response_day"].to_numpy())
    time = patients["response_duration"].to_numpy()[responded]
    ended = patients["response_ended"].to_numpy()[responded]
    return _curves(time, ended, number[responded], names, ())[0]


def meanings(trial: Trial) -> Mapping[str, tuple[str, str]]:
    """Unit and meaning of every endpoint."""
    table = dict(ARM) | {f"{event}_rate": ("1", f"patients with {event}") for event in trial.adverse}
    table["median_response_duration"] = ("day", "median duration of response of those who responded")
    for kind, words in SURVIVAL.items():
        table |= {
            f"median_{kind}": ("day", f"median {words}, infinite where not reached"),
            f"{kind}_events": ("1", f"events of {words}"),
            f"{kind}_rate": ("1", f"{words} at a landmark"),
        }
        table |= {f"{kind}_{name}": (of, f"{what}: {words}") for name, (of, what) in COMPARISON.items()}
        table |= {f"{kind}_subgroup_{name}": (of, f"{what}: {words}") for name, (of, what) in FOREST.items()}
    return table
