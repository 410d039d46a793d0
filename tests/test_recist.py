"""RECIST 1.1 and iRECIST on worked cases, each with the published rule that it shows."""

from __future__ import annotations

import doctest
import importlib
import math

import numpy as np
import pytest
import xarray as xr
from random_scans import random_scans
from scipy import stats
from worked_cases import BEST, IMMUNE, IMMUNE_BEST, RANDOMIZED, TIME_POINTS, Case

import pkpd


def named(cases: list[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=[f"{case.rule} ({case.source})" for case in cases])


def test_there_are_at_least_sixty_cases_each_with_a_rule_of_its_own() -> None:
    every = [*TIME_POINTS, *BEST, *IMMUNE, *IMMUNE_BEST]
    assert len(every) >= 60
    for cases in (TIME_POINTS, BEST, IMMUNE, IMMUNE_BEST):
        assert len({case.rule for case in cases}) == len(cases)
    assert all(case.source for case in every)


@named(TIME_POINTS)
def test_response_at_each_visit(case: Case) -> None:
    responses = pkpd.response_names(pkpd.recist(case.scans(), rules=case.rules).response)
    assert " ".join(responses.to_numpy()[0, 1:]) == case.expected


@named(BEST)
def test_best_response(case: Case) -> None:
    assert pkpd.response_names(pkpd.recist(case.scans(), rules=case.rules).best_response).item() == case.expected


@named(IMMUNE)
def test_immune_response_at_each_visit(case: Case) -> None:
    responses = pkpd.response_names(pkpd.irecist(case.scans(), rules=case.rules).response)
    assert " ".join(responses.to_numpy()[0, 1:]) == case.expected


@named(IMMUNE_BEST)
def test_best_immune_response(case: Case) -> None:
    assert pkpd.response_names(pkpd.irecist(case.scans(), rules=RANDOMIZED).best_response).item() == case.expected


# ---- progression-free survival: FDA guidance on endpoints (2018), table A, by hand


def free(diameters: list[float], days: list[float], **how: object) -> tuple[float, bool, str]:
    """PFS of a patient with one target lesion and visits due every 6 weeks."""
    due = [42.0 * visit for visit in range(len(days))]
    scans = pkpd.collect_scans([days], [[[size] for size in diameters]], [[1]], scheduled=[due])
    dates = {name: [value] for name, value in how.items() if name != "rules"}
    assessment = pkpd.recist(scans, rules=how.get("rules"), **dates)  # type: ignore[arg-type]
    reason = pkpd.response_names(assessment.pfs_reason).item()
    return assessment.pfs_day.item(), assessment.pfs_event.item(), reason


MISS = math.nan


@pytest.mark.parametrize(
    ("rule", "diameters", "days", "how", "expected"),
    [
        ("progression: an event on its day", [50, 50, 65], [-3, 42, 85], {}, (85, True, "progression")),
        ("none: censored at the last assessment", [50, 50, 50], [-3, 42, 85], {}, (85, False, "last_assessment")),
        ("one visit missed before it: an event", [50, 50, 0, 65], [0, 42, MISS, 126], {}, (126, True, "progression")),
        (
            "two visits missed before it: censored before them",
            [50, 50, 0, 0, 65],
            [0, 42, MISS, MISS, 168],
            {},
            (42, False, "missed_visits"),
        ),
        (
            "a visit not evaluable is as good as missed",
            [50, 50, MISS, MISS, 65],
            [0, 42, 84, 126, 168],
            {},
            (42, False, "missed_visits"),
        ),
        (
            "without the rule it is an event",
            [50, 50, 0, 0, 65],
            [0, 42, MISS, MISS, 168],
            {"rules": pkpd.RecistRules(missed=None)},
            (168, True, "progression"),
        ),
        (
            "two visits missed after the baseline: censored at day 0",
            [50, 0, 0, 65],
            [-3, MISS, MISS, 126],
            {},
            (0, False, "no_assessment"),
        ),
        ("no assessment after the baseline: day 0", [50, 0], [-3, MISS], {}, (0, False, "no_assessment")),
        ("no baseline: day 0", [0, 50, 65], [MISS, 42, 84], {}, (0, False, "no_baseline")),
        ("death between visits: an event", [50, 50, 0], [0, 42, MISS], {"death": 60.0}, (60, True, "death")),
        ("death before the first visit: an event", [50, 0], [0, MISS], {"death": 20.0}, (20, True, "death")),
        (
            "death after one missed visit: an event",
            [50, 50, 0, 0],
            [0, 42, MISS, MISS],
            {"death": 100.0},
            (100, True, "death"),
        ),
        (
            "death after two missed visits: censored before them",
            [50, 50, 0, 0],
            [0, 42, MISS, MISS],
            {"death": 130.0},
            (42, False, "missed_visits"),
        ),
        ("death after progression: the progression", [50, 65], [0, 42], {"death": 60.0}, (42, True, "progression")),
        (
            "new therapy before it: censored at the last assessment before that",
            [50, 50, 50, 65],
            [0, 42, 84, 126],
            {"new_therapy": 90.0},
            (84, False, "new_therapy"),
        ),
        (
            "new therapy on the day of progression: an event",
            [50, 50, 65],
            [0, 42, 84],
            {"new_therapy": 84.0},
            (84, True, "progression"),
        ),
        (
            "new therapy before any assessment: day 0",
            [50, 50],
            [0, 42],
            {"new_therapy": 10.0},
            (0, False, "no_assessment"),
        ),
        (
            "new therapy, then death: censored before the therapy",
            [50, 50, 0],
            [0, 42, MISS],
            {"new_therapy": 50.0, "death": 60.0},
            (42, False, "new_therapy"),
        ),
    ],
)
def test_progression_free_survival(
    rule: str, diameters: list[float], days: list[float], how: dict[str, object], expected: tuple[float, bool, str]
) -> None:
    assert free(diameters, days, **how) == expected, rule


IPFS = [
    ("confirmed: the day of the first iUPD", [50, 60, 62, 67], (42, True)),
    ("a reset takes the first iUPD back", [50, 60, 50, 60, 65], (126, True)),
    ("never confirmed, never reset: the first iUPD", [50, 60, 60, 60], (42, True)),
    ("the last visit is an iUPD: an event", [50, 50, 60], (84, True)),
    ("reset, then no more: censored at the last visit", [50, 60, 50, 50], (126, False)),
    ("not evaluable in between takes nothing back", [50, 60, MISS, 60], (42, True)),
]


@pytest.mark.parametrize(("rule", "diameters", "expected"), IPFS, ids=[rule for rule, *_ in IPFS])
def test_immune_progression_free_survival(rule: str, diameters: list[float], expected: tuple[float, bool]) -> None:
    """Seymour 2017: the iUPD that counts is the first that no iSD, iPR or iCR followed."""
    days = [42.0 * visit for visit in range(len(diameters))]
    assessment = pkpd.irecist(pkpd.collect_scans(days, [[[size] for size in diameters]], [[1]]))
    assert (assessment.pfs_day.item(), assessment.pfs_event.item()) == expected


def test_response_begins_at_the_first_scan_that_is_confirmed_and_lasts_to_progression() -> None:
    sizes = [[100, 80, 60, 55, 70], [100, 60, 60, 60, 60], [100, 90, 60, 80, 80]]
    scans = pkpd.collect_scans(np.arange(5) * 42.0, np.array(sizes, dtype=float)[:, :, None], [1])
    assessment = pkpd.recist(scans)
    np.testing.assert_array_equal(assessment.response_day, [84, 42, np.nan])
    np.testing.assert_array_equal(assessment.response_duration, [168 - 84, 168 - 42, np.nan])
    assert assessment.response_ended.to_numpy().tolist() == [True, False, False]
    np.testing.assert_allclose(assessment.best_change, [-45, -40, -40])


def test_the_best_change_ends_with_the_first_progression() -> None:
    scans = pkpd.collect_scans([0, 42, 84], [[[50.0], [60], [10]]], [1])
    np.testing.assert_allclose(pkpd.recist(scans).best_change, [20])
    np.testing.assert_allclose(pkpd.irecist(scans).best_change, [-80])


def test_pseudoprogression_needs_a_response_before_the_confirmation() -> None:
    sizes = np.array([[50, 60, 30, 30], [50, 60, 50, 50], [50, 60, 65, 30], [50, 30, 30, 30]], dtype=float)
    assessment = pkpd.irecist(pkpd.collect_scans(np.arange(4) * 42.0, sizes[:, :, None], [1]))
    assert assessment.pseudoprogression.to_numpy().tolist() == [True, False, False, False]
    np.testing.assert_array_equal(assessment.confirmed_day, [np.nan, np.nan, 84, np.nan])


def test_one_patient_is_the_same_among_others() -> None:
    """An assessment depends on the patient's own scans alone."""
    scans = random_scans(5, patients=60)
    for assess in (pkpd.recist, pkpd.irecist):
        together = assess(scans)
        xr.testing.assert_identical(together.isel(patient=slice(7, 9)), assess(scans.isel(patient=slice(7, 9))))
        turned = assess(scans.isel(patient=slice(None, None, -1)))
        xr.testing.assert_identical(together, turned.isel(patient=slice(None, None, -1)))


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_lesions_does_not_matter(seed: int) -> None:
    scans = random_scans(seed, patients=60)
    turned = scans.isel(lesion=slice(None, None, -1))
    xr.testing.assert_equal(pkpd.recist(scans), pkpd.recist(turned))
    xr.testing.assert_equal(pkpd.irecist(scans).response, pkpd.irecist(turned).response)


def test_what_is_no_scan_is_refused_with_its_place() -> None:
    scans = pkpd.collect_scans([0, 42], [[[50.0], [60]]], [1], patient=["A7"])
    with pytest.raises(pkpd.DataError, match="diameter -3 of patient A7, visit 1, lesion 0 is negative"):
        pkpd.recist(scans.assign(diameter=scans.diameter.where(scans.visit == 0, -3.0)))
    with pytest.raises(pkpd.DataError, match="day 0 of patient A7, visit 1 is not after the scan before it"):
        pkpd.irecist(scans.assign(day=scans.day * 0))
    with pytest.raises(pkpd.UnknownNameError, match="no variable 'role'"):
        pkpd.recist(scans.drop_vars("role"))
    with pytest.raises(pkpd.DataError, match="expected a Dataset as from collect_scans"):
        pkpd.recist(scans.diameter)  # type: ignore[arg-type]
    with pytest.raises(pkpd.DataError, match="death has the shape"):
        pkpd.recist(scans, death=[1.0, 2.0])
    with pytest.raises(pkpd.DataError, match="no variable 'scheduled'"):
        pkpd.recist(scans, death=[70.0])
    assert pkpd.recist(scans, death=[70.0], rules=pkpd.RecistRules(missed=None)).pfs_day.item() == 42


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"confirmation": -1}, "confirmation is -1"),
        ({"stable": math.inf}, "stable is inf"),
        ({"missed": 0}, "missed is 0"),
        ({"missed": True}, "missed is True"),
        ({"progression": (63, 26)}, "progression is"),
        ({"progression": "soon"}, "progression is 'soon'"),
    ],
)
def test_rules_that_no_protocol_has_are_refused(rules: dict[str, object], message: str) -> None:
    with pytest.raises(pkpd.DataError, match=message):
        pkpd.RecistRules(**rules)  # type: ignore[arg-type]


# ---- rates


def best(*names: str) -> xr.Dataset:
    """Patients with these best responses."""
    sizes = {
        "CR": (40, 0, 0),
        "PR": (40, 20, 20),
        "SD": (40, 40, 40),
        "PD": (40, 60, 60),
        "NE": (40, math.nan, math.nan),
    }
    rows = np.array([sizes[name] for name in names], dtype=float)[:, :, None]
    return pkpd.recist(pkpd.collect_scans([0, 42, 84], rows, [1]))


def test_rates_have_exact_intervals() -> None:
    """Clopper and Pearson's limits of 3 of 10 are the quantiles of Beta(3, 8) and Beta(4, 7): 0.0667 and 0.6525."""
    rates = pkpd.response_rates(best("CR", "PR", "PR", "SD", "SD", "PD", "PD", "PD", "PD", "NE"))
    assert rates.loc["ORR", ["patients", "events"]].tolist() == [10, 3]
    np.testing.assert_allclose(rates.loc["ORR", ["low", "high"]].tolist(), [0.0667395, 0.6524529], rtol=1e-6)
    np.testing.assert_allclose(rates.loc["ORR", "low"], stats.beta.ppf(0.025, 3, 8))
    np.testing.assert_allclose(rates.loc["ORR", "high"], stats.beta.ppf(0.975, 4, 7))
    assert rates.rate.round(3).to_dict() == {"CR": 0.1, "ORR": 0.3, "DCR": 0.5}
    none = pkpd.response_rates(best("PD", "PD"), level=0.9).loc["ORR"]
    np.testing.assert_allclose([none.low, none.high], [0, 1 - 0.05**0.5])


def test_rates_by_group() -> None:
    rates = pkpd.response_rates(best("CR", "PR", "SD", "PD"), by=["high", "high", "low", "low"])
    assert rates.loc[("high", "ORR"), "rate"] == 1
    assert rates.loc[("low", "ORR"), "rate"] == 0
    with pytest.raises(pkpd.DataError, match="expected a group for 4 patients"):
        pkpd.response_rates(best("CR", "PR", "SD", "PD"), by=["high"])
    with pytest.raises(pkpd.DataError, match=r"level is 95"):
        pkpd.response_rates(best("CR"), level=95)
    with pytest.raises(pkpd.UnknownNameError, match="no variable 'best_response'"):
        pkpd.response_rates(xr.Dataset())


def test_pseudoprogression_is_a_rate_of_all_and_of_those_with_an_iupd() -> None:
    sizes = np.array([[50, 60, 30, 30], [50, 60, 65, 70], [50, 30, 30, 30], [50, 50, 50, 50]], dtype=float)
    rates = pkpd.response_rates(pkpd.irecist(pkpd.collect_scans(np.arange(4) * 42.0, sizes[:, :, None], [1])))
    assert rates.loc["pseudoprogression", ["patients", "events"]].tolist() == [4, 1]
    assert rates.loc["pseudoprogression of iUPD", ["patients", "events"]].tolist() == [2, 1]


DOCUMENTED = [
    "measures.recist", "measures.irecist", "measures.response_codes", "measures.response_rates", "trials.lesions",
    "trials.scan_tables", "trials.target_lesions", "trials.scanning", "trials.scans", "trials.visits",
]  # fmt: skip


@pytest.mark.parametrize("name", DOCUMENTED)
def test_the_examples_of_the_docstrings_run(name: str) -> None:
    tried = doctest.testmod(importlib.import_module(f"pkpd.{name}"))
    assert tried.attempted > 0
    assert tried.failed == 0


def test_a_scan_after_death_is_refused() -> None:
    """It could make a response that begins after the patient's death, of negative duration."""
    scans = pkpd.collect_scans([0, 42, 84], [[[50], [49], [30]]], [1], scheduled=[0, 42, 84], patient=["A"])
    with pytest.raises(pkpd.DataError, match="death of patient A is on day 50, but the last scan on day 84"):
        pkpd.recist(scans, death=[50])
    assert pkpd.recist(scans, death=[84])["pfs_day"].item() == 84


@pytest.mark.parametrize(("groups", "found"), [([1.0, np.nan], "nan"), (np.array(["a", None], dtype=object), "None")])
def test_a_patient_without_a_group_is_in_no_rate_unseen(groups: object, found: str) -> None:
    assessment = pkpd.recist(pkpd.collect_scans([0, 42], [[[50], [30]], [[50], [48]]], [1]))
    with pytest.raises(pkpd.DataError, match=f"by is .*{found}.* for patient 1 .so for 1 of 2."):
        pkpd.response_rates(assessment, by=groups)
