"""RECIST 1.1 and iRECIST on arrays against the same criteria in plain Python, patient by patient."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import slow_recist as slow
import xarray as xr
from random_scans import random_scans

import pkpd

NAMES = {"iCR": "CR", "iPR": "PR", "iSD": "SD", "iUPD": "PD", "non-iCR/non-iUPD": "non-CR/non-PD"}
RULES = [pkpd.RecistRules(), pkpd.RecistRules(confirmation=0, stable=35, missed=1, non_target_increase=2.0)]


def ends(seed: int, patients: int) -> tuple[np.ndarray, np.ndarray]:
    """Days of death and of a new therapy, of some patients."""
    rng = np.random.default_rng([seed, 1])
    death, therapy = rng.uniform(20, 500, patients), np.round(rng.uniform(0, 400, patients))
    death[rng.random(patients) < 0.6] = np.nan
    therapy[rng.random(patients) < 0.7] = np.nan
    return death, therapy


def scanned_until(death: np.ndarray, scans: xr.Dataset) -> xr.Dataset:
    """The same without scans after death."""
    return scans.assign(day=scans["day"].where(~(scans["day"] > xr.DataArray(death, dims="patient"))))


def plain(names: np.ndarray) -> list[str]:
    return [NAMES.get(name, name) for name in names.tolist()]


@pytest.mark.parametrize("rules", RULES, ids=["defaults", "other rules"])
@pytest.mark.parametrize("seed", range(3))
def test_recist_is_the_slow_reference(seed: int, rules: pkpd.RecistRules) -> None:
    scans = random_scans(seed)
    death, therapy = ends(seed, scans.sizes["patient"])
    scans = scanned_until(death, scans)
    assessment = pkpd.recist(scans, rules=rules, death=death, new_therapy=therapy)
    responses = pkpd.response_names(assessment.response).to_numpy()
    best = pkpd.response_names(assessment.best_response).to_numpy()
    starts = assessment.response_day.to_numpy()
    reasons = pkpd.response_names(assessment.pfs_reason).to_numpy()
    due_days = scans.scheduled.to_numpy().tolist()
    days_of_pfs, events = assessment.pfs_day.to_numpy().tolist(), assessment.pfs_event.to_numpy().tolist()
    met: Counter[str] = Counter()
    for i, visits in enumerate(slow.patients(scans)):
        overall = [point.overall for point in slow.time_points(visits)]
        assert plain(responses[i]) == overall, i
        days = [None if v is None else v.day for v in visits]
        progression = overall.index("PD") if "PD" in overall else None
        until = len(overall) - 1 if progression is None else progression
        other, died = slow.optional(therapy[i]), slow.optional(death[i])
        name, start = slow.best_response(overall, days, until, other, rules.confirmation, rules.stable)
        assert (best[i], slow.optional(starts[i])) == (name, start), i
        evaluable = [visits[0] is not None, *(r not in ("NE", "not_assessed") for r in overall[1:])]
        due = due_days[i]
        free = slow.progression_free(evaluable, days, due, progression, died, other, rules.missed)
        assert (days_of_pfs[i], events[i], reasons[i]) == free, i
        met.update([*overall, f"best {name}", f"pfs {free[2]}"])
    everything = {"CR", "PR", "SD", "PD", "NE", "non-CR/non-PD", "NED", "not_assessed"}
    assert everything <= set(met)
    assert {f"best {name}" for name in everything - {"not_assessed"}} <= set(met)
    assert {f"pfs {name}" for name in assessment.pfs_reason.attrs["flag_meanings"].split()} <= set(met)


@pytest.mark.parametrize("rules", RULES, ids=["defaults", "other rules"])
@pytest.mark.parametrize("seed", range(3))
def test_irecist_is_the_slow_reference(seed: int, rules: pkpd.RecistRules) -> None:
    scans = random_scans(seed)
    death, therapy = ends(seed, scans.sizes["patient"])
    scans = scanned_until(death, scans)
    assessment = pkpd.irecist(scans, rules=rules, death=death, new_therapy=therapy)
    responses = pkpd.response_names(assessment.response).to_numpy()
    best = pkpd.response_names(assessment.best_response).to_numpy()
    due_days = scans.scheduled.to_numpy().tolist()
    days_of_pfs, events = assessment.pfs_day.to_numpy().tolist(), assessment.pfs_event.to_numpy().tolist()
    met: Counter[str] = Counter()
    for i, visits in enumerate(slow.patients(scans)):
        overall = slow.immune_responses(visits, *rules.progression, rules.non_target_increase)
        assert plain(responses[i]) == overall, i
        days = [None if v is None else v.day for v in visits]
        other, died = slow.optional(therapy[i]), slow.optional(death[i])
        until = overall.index("iCPD") if "iCPD" in overall else len(overall) - 1
        name, _ = slow.best_response(overall, days, until, other, rules.confirmation, rules.stable)
        assert plain(best[i : i + 1]) == [name], i
        usable = [
            v
            for v in range(1, until + 1)
            if overall[v] != "not_assessed" and (other is None or days[v] <= other)  # type: ignore[operator]
        ]
        evaluable = [visits[0] is not None, *(r not in ("NE", "not_assessed") for r in overall[1:])]
        due = due_days[i]
        progression = slow.immune_progression(overall, usable)
        day, event, _ = slow.progression_free(evaluable, days, due, progression, died, other, rules.missed)
        assert (days_of_pfs[i], events[i]) == (day, event), i
        met.update(overall)
    assert {"CR", "PR", "SD", "PD", "NE", "non-CR/non-PD", "NED", "iCPD"} <= set(met)
    assert assessment.pseudoprogression.any()
