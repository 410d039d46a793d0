"""Hazard ratios in subgroups by biomarker: what a forest plot shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.errors import DataError, SimulationError, unknown_name
from pkpd.measures.hazard_ratios import hazard_ratio
from pkpd.measures.subgroups import subgroup_hazard_ratios
from pkpd.trials.splitting import Split

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["FOREST", "forest", "subgroup_coords", "trial_subgroups", "variable"]

FOREST = {
    "hazard_ratio": ("1", "hazard ratio in a subgroup"),
    "hazard_ratio_lower": ("1", "lower limit of the hazard ratio in a subgroup"),
    "hazard_ratio_upper": ("1", "upper limit of the hazard ratio in a subgroup"),
}


def trial_subgroups(
    patients: xr.Dataset,
    subgroups: Mapping[str, Split],
    *,
    endpoint: str = "pfs",
    arm: str | None = None,
    confidence: float = 0.95,
) -> xr.Dataset:
    """The hazard ratio of an arm against the control, overall and by biomarker: a table for a forest plot.

    Parameters
    ----------
    patients
        One replicate, from `simulate_trial`.
    subgroups
        By name of a factor, from `split_at`.
    endpoint
        ``"pfs"`` or ``"os"``.
    arm
        Its name; not needed where there are two arms.
    confidence
        Of the intervals.

    Returns
    -------
    xarray.Dataset
        As from `subgroup_hazard_ratios`.  Patients whose integration failed or who did not enter
        are left out and counted: ``excluded``.

    Raises
    ------
    DataError, SimulationError, UnknownNameError
        If `patients` is no replicate, or a name is not there.

    Examples
    --------
    >>> import pkpd
    >>> V, h0 = pkpd.state("V", "mL", "tumor volume", start=10), pkpd.param("h0", 1e-4, "1/day/mL", "hazard")
    >>> growing = pkpd.Model("growing", {V: pkpd.param("kg", 0.005, "1/day", "growth", iiv=0.3) * V})
    >>> model = pkpd.time_to_event(growing, "death", h0 * V)
    >>> arms = {"a": pkpd.Protocol({}), "b": pkpd.Protocol({})}
    >>> trial = pkpd.Trial(model, arms, patients=100, accrual=90, follow_up=365, death="death", biomarkers="kg")
    >>> by_growth = {"growth": pkpd.split_at("kg", 0.005)}
    >>> table = pkpd.trial_subgroups(pkpd.simulate_trial(trial, seed=1), by_growth, endpoint="os")
    >>> table["subgroup"].values.tolist()
    ['all', 'growth < 0.005', 'growth >= 0.005']
    """
    time, event = variable(patients, f"{endpoint}_day"), variable(patients, f"{endpoint}_event")
    control = str(patients.attrs.get("control"))
    arms = variable(patients, "arm")
    others = sorted(set(arms.tolist()) - {control})
    if arm is None and len(others) != 1:
        raise SimulationError(f"arm is {arm!r}; expected one of {', '.join(map(repr, others))}.")
    chosen = others[0] if arm is None else arm
    if chosen not in others:
        raise unknown_name("the trial", "arm other than the control", str(chosen), others)
    both = np.isin(arms, (chosen, control))
    classes = {name: split.classes(variable(patients, split.of)[both]) for name, split in subgroups.items()}
    return subgroup_hazard_ratios(
        time[both], event[both], arms[both] == chosen, classes, confidence=confidence, failed="exclude"
    )


def variable(patients: Any, name: str) -> Any:
    """A variable of the patients of a replicate.

    Raises
    ------
    DataError, UnknownNameError
        If they are none, or have no such variable.
    """
    if not hasattr(patients, "data_vars") or "patient" not in patients.dims:
        raise DataError(f"expected the patients of simulate_trial(), got a {type(patients).__name__}.")
    if name not in patients.variables:
        raise unknown_name("the replicate", "variable", name, map(str, patients.data_vars))
    return patients[name].to_numpy()


def subgroup_coords(subgroups: Mapping[str, Split]) -> dict[str, Any]:
    """The coordinates of a forest: every class of every factor."""
    pairs = [(name, label) for name, split in subgroups.items() for label in split.labels]
    return {
        "subgroup": [f"{name} {label}" for name, label in pairs],
        "factor": ("subgroup", [name for name, _ in pairs]),
        "label": ("subgroup", [label for _, label in pairs]),
    }


def forest(
    time: Array,
    event: Array,
    number: Index,
    pair: tuple[int, int],
    classes: Mapping[str, Index],
    subgroups: Mapping[str, Split],
    confidence: float,
) -> dict[str, Array]:
    """The hazard ratio of arm ``pair[0]`` against ``pair[1]`` in every class, (classes,); NaN where there is none."""
    rows = []
    for name, split in subgroups.items():
        for code in range(len(split.labels)):
            mine = np.isin(number, pair) & (classes[name] == code)
            treated = number[mine] == pair[0]
            if not event[mine].any() or treated.all() or not treated.any():
                rows.append([np.nan] * 3)
                continue
            ratio = hazard_ratio(time[mine], event[mine], treated, confidence=confidence)
            rows.append([float(ratio[of]) for of in ("hazard_ratio", "lower", "upper")])
    return dict(zip(FOREST, np.array(rows).T, strict=True))
