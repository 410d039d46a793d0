"""Protocols at work, rule by rule, on patients that can be computed by hand."""

from __future__ import annotations

from math import exp, log
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sympy

import pkpd
from pkpd.treatment.therapies import Therapy
from pkpd.trials.dosing import Progress

g = pkpd.param("g", 0.0, "1/day", "growth", bounds=(None, None))
k = pkpd.param("k", 0.05, "1/day", "decay of the toxicity")
d0 = pkpd.param("d0", 50, "mm", "diameter at the start")
due = pkpd.param("due", 1e9, "day", "when the event happens")

D = pkpd.state("D", "mm", "diameter", start=d0)
X = pkpd.state("X", "1", "toxicity")
H = pkpd.state("H", "day", "time so far")
harmed = pkpd.state("harmed", "1", "whether the event has happened")
per_gray = pkpd.param("per_gray", 1 / 16, "1/Gy", "diameter lost")
per_mg = pkpd.param("per_mg", 0.01, "1/mg", "toxicity of a dose")

GROWING = pkpd.Model(
    "growing",
    rates={D: g * D, X: -k * X, H: sympy.Integer(1), harmed: sympy.Integer(0)},
    outputs={"diameter": D},
    routes={"iv": {X: X + per_mg * pkpd.dose("mg")}, "radiation": {D: D * (1 - per_gray * pkpd.dose("Gy"))}},
    events=[pkpd.Event(when=H > due, then={harmed: 1})],
)
SCANS = np.arange(0, 400, 56.0)
EXACT = pkpd.Reader(error=0)
DRUG = pkpd.therapy(pkpd.bolus(100, "iv"), every=14)
LESION = {"one": "diameter"}
IMAGING = pkpd.Imaging(LESION, SCANS, EXACT)


def treat(protocol: pkpd.Protocol, patients: Any, *, until: float = 200, **options: Any) -> pkpd.Treated:
    return pkpd.treat(GROWING, protocol, patients, until=until, **{"imaging": IMAGING} | options)


def days(treated: pkpd.Treated, patient: int = 0, **which: str) -> list[float]:
    rows = treated.doses[treated.doses.patient == patient]
    for column, value in which.items():
        rows = rows[rows[column] == value]
    return rows.day.tolist()


def decisions(treated: pkpd.Treated, patient: int = 0) -> list[tuple[float, str, str, str]]:
    rows = treated.decisions[treated.decisions.patient == patient]
    return list(rows[["day", "therapy", "action", "reason"]].itertuples(index=False, name=None))


# ---- cycles, duration, start


def test_cycles_are_given_until_they_are_used_up() -> None:
    treated = treat(pkpd.Protocol({"drug": pkpd.therapy(pkpd.bolus(100, "iv"), every=21, cycles=4, start=3)}), {})
    assert days(treated) == [3, 24, 45, 66]
    assert treated.doses.cycle.tolist() == [1, 2, 3, 4]
    assert set(treated.doses.reason) == {"planned"}


@pytest.mark.parametrize(("duration", "last"), [(365, 364), (364, 350), ("52 weeks", 350)])
def test_no_cycle_begins_when_the_longest_duration_is_over(duration: Any, last: float) -> None:
    drug = pkpd.therapy(pkpd.bolus(100, "iv"), every=14, duration=duration, start=7)
    given = days(treat(pkpd.Protocol({"drug": drug}), {}, until=600))
    assert given == list(np.arange(7, 7 + last + 1, 14))


def test_doses_within_a_cycle_and_amounts_by_patient() -> None:
    WT = pkpd.param("WT", 70, "kg", "body weight")
    cycle = pkpd.bolus(WT * 2, "iv") + pkpd.bolus(10, "iv", at=7)
    treated = treat(pkpd.Protocol({"drug": pkpd.therapy(cycle, every=21, cycles=2)}), {"WT": [50.0, 80.0]})
    assert days(treated) == [0, 7, 21, 28]
    assert treated.doses.amount.tolist() == [100, 10, 100, 10, 160, 10, 160, 10]


def test_a_start_within_a_window_after_another_therapy() -> None:
    """PACIFIC: 1 to 42 days after chemoradiation, of which the last fraction is on day 39."""
    radiation = pkpd.therapy(pkpd.fractions(2, 30, per_week=5))
    drug = pkpd.therapy(pkpd.bolus(100, "iv"), every=14, cycles=2, start=pkpd.within(1, 42, after="chemoradiation"))
    protocol = pkpd.Protocol({"chemoradiation": radiation, "drug": drug})
    n = 2000
    treated = treat(protocol, {"g": np.zeros(n)}, seed=3)
    first = treated.doses[treated.doses.therapy == "drug"].groupby("patient").day.min().to_numpy() - 39
    assert len(first) == n
    assert np.array_equal(first, np.rint(first))
    counts = np.bincount(first.astype(int), minlength=43)[1:]
    assert counts.sum() == n
    assert len(counts) == 42
    assert (counts > 0).all()
    expected = n / 42
    assert ((counts - expected) ** 2 / expected).sum() < 75.0  # chi-squared of 41 degrees, 0.1 %


def test_visits_count_from_an_entry_that_follows_a_therapy() -> None:
    radiation = pkpd.therapy(pkpd.fractions(1, 5))
    drug = pkpd.therapy(pkpd.bolus(100, "iv"), every=14, cycles=1, start=2, after="entry")
    entry = pkpd.within(10, 10, after="radiation")
    rate = log(1.5) / 56
    treated = treat(pkpd.Protocol({"radiation": radiation, "drug": drug}, entry=entry), {"g": rate}, until=100)
    assert treated.entry.tolist() == [14]  # the last fraction is on day 4
    assert days(treated, therapy="drug") == [16]
    assert treated.left.tolist() == [114]
    start = 50 * (15 / 16) ** 5 * exp(rate * 14)
    np.testing.assert_allclose(treated.scans.diameter[0, :2, 0], [start, 1.5 * start], rtol=1e-6)
    np.testing.assert_array_equal(treated.scans.day[0, :3], [0, 56, np.nan])


def test_entry_after_a_therapy_of_several_cycles() -> None:
    """The last dose of the third cycle is on day 52, unless the therapy is stopped: then nobody enters."""
    chemo = pkpd.therapy(pkpd.bolus(1, "iv", at=[0, 10]), every=21, cycles=3)
    other = pkpd.therapy(pkpd.bolus(1, "iv"), every=7)
    protocol = pkpd.Protocol(
        {"chemo": chemo, "other": other},
        rules=[pkpd.stop_at(pkpd.happened("harmed"), "chemo")],
        entry=pkpd.within(4, 4, after="chemo"),
    )
    for rules in (protocol.rules, ()):
        one = pkpd.Protocol(protocol.therapies, rules, protocol.entry)
        treated = treat(one, {"due": np.array([1e6, 22.0])}, until=30, imaging=pkpd.Imaging(LESION, [0, 14], EXACT))
        assert treated.entry.tolist() == ([56, np.inf] if rules else [56, 56])
        assert treated.left.tolist() == ([86, 31] if rules else [86, 86])
        assert days(treated, 1, therapy="chemo") == ([0, 10, 21] if rules else [0, 10, 21, 31, 42, 52])
        assert days(treated, 0, therapy="other") == list(range(0, 87, 7))
        np.testing.assert_array_equal(treated.scans.day[0], [0, 14])
        np.testing.assert_array_equal(treated.scans.day[1], [np.nan, np.nan] if rules else [0, 14])


# ---- stops


def test_stop_at_progression_at_the_visit_that_shows_it() -> None:
    """Growth by 20 % in 56, 112 and 168 days: seen on that day, and the dose due that day is not given."""
    rates = np.array([log(1.2) / 56, log(1.2) / 112, log(1.2) / 168, 0.0])
    protocol = pkpd.Protocol({"drug": DRUG}, rules=[pkpd.stop_at(pkpd.seen("PD"), "drug")])
    treated = treat(protocol, {"g": rates * 1.0001})
    for patient, day in enumerate([56, 112, 168]):
        assert days(treated, patient) == list(np.arange(0, day, 14))
        assert decisions(treated, patient) == [(day, "drug", "stop", "PD")]
    assert days(treated, 3) == list(np.arange(0, 201, 14))
    assert decisions(treated, 3) == []


def test_a_progression_is_that_of_the_smallest_sum_and_of_5_mm() -> None:
    """From 20 mm a growth of 20 % is 4 mm: no progression until 25 mm."""
    rate = log(25.001 / 20) / 112
    protocol = pkpd.Protocol({"drug": DRUG}, rules=[pkpd.stop_at(pkpd.seen("PD"))])
    treated = treat(protocol, {"g": rate, "d0": 20})
    assert 20 * exp(rate * 56) > 20 * 1.11
    assert decisions(treated) == [(112, "drug", "stop", "PD")]


def test_go_on_beyond_an_unconfirmed_progression() -> None:
    """iUPD on day 56; growth goes on: iCPD on day 112."""
    both = {
        name: pkpd.Protocol({"drug": DRUG}, rules=[pkpd.stop_at(pkpd.seen(name))]) for name in ("PD", "iUPD", "iCPD")
    }
    stops = {name: decisions(treat(protocol, {"g": log(1.25) / 56})) for name, protocol in both.items()}
    assert stops == {name: [(day, "drug", "stop", name)] for name, day in (("PD", 56), ("iUPD", 56), ("iCPD", 112))}


def test_pseudoprogression_is_treated_on() -> None:
    """15 mm more by day 56, then 0.5 mm a day less."""
    turn = pkpd.param("turn", 56, "day", "when it turns")
    up, down = pkpd.param("up", 15 / 56, "mm/day", "swelling"), pkpd.param("down", 0.5, "mm/day", "response")
    model = pkpd.Model(
        "swelling",
        rates={D: sympy.Piecewise((up, H < turn), (-down, True)), X: -k * X, H: sympy.Integer(1)},
        outputs={"diameter": D},
        routes={"iv": {X: X + per_mg * pkpd.dose("mg")}},
    )
    stops = {}
    for name in ("PD", "iCPD"):
        protocol = pkpd.Protocol({"drug": DRUG}, rules=[pkpd.stop_at(pkpd.seen(name))])
        treated = pkpd.treat(model, protocol, until=150, imaging=IMAGING)
        np.testing.assert_allclose(treated.scans.diameter[0, :3, 0], [50, 65, 37], rtol=1e-6)
        stops[name] = [row[0] for row in decisions(treated)]
    assert stops == {"PD": [56], "iCPD": []}


def test_no_dose_after_an_event_to_the_day() -> None:
    """An event at any time, with visits at others: a dose on its day or before, none after."""
    rng = np.random.default_rng(1)
    when = rng.uniform(0, 250, 400)
    when[:3] = [28.0, 27.999, 28.001]
    protocol = pkpd.Protocol({"drug": DRUG, "other": DRUG}, rules=[pkpd.stop_at(pkpd.happened("harmed"), "drug")])
    treated = treat(protocol, {"due": when})
    np.testing.assert_allclose(treated.day_of("harmed"), np.where(when < 200, when, np.nan), atol=1e-6)
    for patient, day in enumerate(when):
        expected = np.arange(0, 200.5, 14)
        given = days(treated, patient, therapy="drug")
        if patient != 0:  # there the event and the dose coincide, up to rounding
            assert given == list(expected[expected < day]), day
        assert days(treated, patient, therapy="other") == list(expected)
        for stop, *what in decisions(treated, patient):
            assert what == ["drug", "stop", "harmed"]
            assert stop == min([*expected[expected >= day], *SCANS[SCANS >= day], 200])


# ---- toxicity


def toxicity(doses: list[float], at: float, decay: float = 0.05) -> float:
    return sum(exp(-decay * (at - day)) for day in doses if day < at)


@pytest.mark.parametrize("limit", [0.45, 0.6, 0.9])
def test_delay_at_toxicity(limit: float) -> None:
    """Each dose adds 1, which decays: looked at on the day of each cycle, and again every 5 days."""
    rule = pkpd.delay_at(pkpd.measured("X", at_least=limit), "drug", by=5)
    treated = treat(pkpd.Protocol({"drug": DRUG}, rules=[rule]), {})
    expected, delays, day = [], [], 0.0
    while day <= 200:
        if toxicity(expected, day) >= limit:
            delays.append((day, "drug", "delay", f"X at least {limit:g}"))
            day += 5
        else:
            expected.append(day)
            day += 14
    assert days(treated) == expected
    assert decisions(treated) == delays
    assert delays


def test_a_dose_that_would_wait_too_long_stops_the_therapy() -> None:
    """X after one dose is below 0.3 from 24.08 days on: a wait of 14 days is enough, one of 10 not; later neither."""
    assert toxicity([0], 21) > 0.3 > toxicity([0], 28)
    assert toxicity([0, 28], 56) > 0.3
    for at_most, expected, stop in ((10, [0], 21), (14, [0, 28], 56)):
        rule = pkpd.delay_at(pkpd.measured("X", at_least=0.3), "drug", by="1 week", at_most=at_most)
        treated = treat(pkpd.Protocol({"drug": DRUG}, rules=[rule]), {})
        assert days(treated) == expected
        stopped = [row for row in decisions(treated) if row[2] == "stop"]
        assert stopped == [(stop, "drug", "stop", f"X at least 0.3, for longer than {at_most}")]


def test_a_delay_beyond_the_longest_duration_ends_the_therapy() -> None:
    """X stays above 0.3 for 24.08 days after a dose: the second is on day 28, the third would be on day 63."""
    rule = pkpd.delay_at(pkpd.measured("X", at_least=0.3), "drug", by=7)
    after = pkpd.therapy(pkpd.bolus(1, "iv"), start=3, after="drug")
    for duration, expected, follows in ((63, [0, 28], 56), (64, [0, 28, 63], 66)):
        drug = pkpd.therapy(pkpd.bolus(100, "iv"), every=14, duration=duration)
        treated = treat(pkpd.Protocol({"drug": drug, "after": after}, rules=[rule]), {})
        assert toxicity([0, 28], 56) > 0.3 > toxicity([0, 28], 63)
        assert days(treated, therapy="drug") == expected
        assert days(treated, therapy="after") == [follows]


def test_a_first_cycle_that_is_put_off_begins_the_duration_later() -> None:
    begun = Progress.before_all(2, 1).started(np.array([True, True]), np.array([10.0, 10.0]), 0)
    begun = begun.where(np.array([False, True]), cycle=1)
    later = begun.delayed_by(np.array([True, True]), 7, longest=6)
    assert later.first.tolist() == [17, 10]
    assert later.due.tolist() == [17, np.inf]  # the second cycle would begin 7 days after the first


def test_stop_at_toxicity_is_for_good() -> None:
    """0.6 is first exceeded before the third dose; X falls below it again, and no dose is given."""
    rule = pkpd.stop_at(pkpd.measured("X", at_least=0.6), "drug")
    treated = treat(pkpd.Protocol({"drug": DRUG}, rules=[rule]), {})
    assert toxicity([0], 14) < 0.6 < toxicity([0, 14], 28)
    assert days(treated) == [0, 14]
    assert decisions(treated) == [(28, "drug", "stop", "X at least 0.6")]


def test_counts_below_a_limit() -> None:
    rule = pkpd.delay_at(pkpd.measured("D", below=40), "drug", by=1)
    treated = treat(pkpd.Protocol({"drug": DRUG}, rules=[rule]), {"d0": 30, "g": log(40 / 30) / 9.5}, until=40)
    assert days(treated) == [10, 24, 38]


def test_a_stop_within_a_cycle_spares_the_rest_of_it() -> None:
    weekly = pkpd.therapy(pkpd.fractions(0.5, 30, per_week=5))
    rule = pkpd.stop_at(pkpd.happened("harmed"))
    treated = treat(pkpd.Protocol({"radiation": weekly}, rules=[rule]), {"due": 9.5})
    assert days(treated) == [0, 1, 2, 3, 4, 7, 8, 9]
    assert decisions(treated) == [(10, "radiation", "stop", "harmed")]


def test_what_has_not_begun_is_stopped_too() -> None:
    later = pkpd.therapy(pkpd.bolus(100, "iv"), every=14, start=70)
    treated = treat(pkpd.Protocol({"drug": later}, rules=[pkpd.stop_at(pkpd.seen("PD"))]), {"g": log(1.21) / 56})
    assert days(treated) == []
    assert decisions(treated) == [(56, "drug", "stop", "PD")]


# ---- progression: few lesions or many


def lesions(n: int) -> pkpd.Model:
    every = [pkpd.state(f"D{i}", "mm", "diameter", start=d0) for i in range(n)]
    growth = [pkpd.param(f"g{i}", 0.0, "1/day", "growth", bounds=(None, None)) for i in range(n)]
    dose = pkpd.dose("Gy")
    return pkpd.Model(
        "lesions",
        rates={**{D: g * D for D, g in zip(every, growth, strict=True)}, X: -k * X},
        outputs={f"diameter{i}": D for i, D in enumerate(every)},
        routes={
            "iv": {X: X + per_mg * pkpd.dose("mg")},
            **{f"radiation{i}": {D: D * (1 - per_gray * dose)} for i, D in enumerate(every)},
        },
    )


def test_few_progressing_lesions_are_irradiated_after_a_washout_and_many_are_not() -> None:
    """Patient 0 progresses in lesion 1, patient 1 in all three, patient 2 in lesions 0 and 2, patient 3 in none."""
    fast = log(1.5) / 56
    patients = {
        "g0": np.array([0, fast, fast, 0]),
        "g1": np.array([fast * 1.3, fast, 0, 0]),
        "g2": np.array([0, fast, fast, 0]),
    }
    reached = {f"lesion{i}": f"radiation{i}" for i in range(3)}
    protocol = pkpd.Protocol(
        {
            "antibody": DRUG,
            "rescue": pkpd.therapy(pkpd.fractions(2, 3), start=None, lesions=reached),
            "systemic": pkpd.therapy(pkpd.bolus(75, "iv"), every=21, cycles=2, start=None),
        },
        rules=[
            pkpd.stop_at(pkpd.seen("PD"), "antibody"),
            pkpd.start_at(pkpd.seen("PD", lesions=(1, 2)), "rescue", washout="3 weeks"),
            pkpd.start_at(pkpd.seen("PD", lesions=(3, None)), "systemic", wait=7),
            pkpd.start_at(pkpd.completed("rescue"), "antibody", washout=10),
        ],
    )
    seen = {f"lesion{i}": f"diameter{i}" for i in range(3)}
    treated = pkpd.treat(lesions(3), protocol, patients, until=111, imaging=pkpd.Imaging(seen, SCANS, EXACT))
    table = treated.doses
    first = {0: ["radiation1"], 2: ["radiation0", "radiation2"]}
    for patient, routes in first.items():  # the last antibody before progression is on day 42: 42 + 21 = 63
        rescue = table[(table.patient == patient) & (table.therapy == "rescue")]
        assert rescue.day.tolist() == sorted([63, 64, 65] * len(routes))
        assert sorted(set(rescue.route)) == routes
        assert set(rescue.reason) == {"PD in 1 to 2 lesions"}
        again = table[(table.patient == patient) & (table.reason == "rescue completed")]
        assert again.day.tolist() == [75, 89, 103]
        assert set(again.therapy) == {"antibody"}
    assert days(treated, 1, therapy="systemic") == [63, 84]
    assert days(treated, 1, therapy="rescue") == []
    assert set(table[table.patient == 3].therapy) == {"antibody"}
    assert decisions(treated, 2)[:3] == [
        (56, "antibody", "stop", "PD"),
        (63, "rescue", "start", "PD in 1 to 2 lesions"),
        (75, "antibody", "start", "rescue completed"),
    ]


def test_rechallenge_is_judged_against_a_new_baseline() -> None:
    """Irradiated to half on day 70: 76.6 mm on day 112 is above the first baseline, not above the scan before."""
    protocol = pkpd.Protocol(
        {"drug": DRUG, "rescue": pkpd.therapy(pkpd.fractions(8, 1), start=None)},
        rules=[
            pkpd.stop_at(pkpd.seen("PD"), "drug"),
            pkpd.start_at(pkpd.seen("PD"), "rescue", washout=28, new_baseline=True),
            pkpd.start_at(pkpd.completed("rescue"), "drug", wait=7),
        ],
    )
    treated = treat(protocol, {"g": 0.01}, until=230)
    sizes = [50 * exp(0.56), 25 * exp(1.12), 25 * exp(1.68)]
    np.testing.assert_allclose(treated.scans.diameter[0, 1:4, 0], sizes, rtol=1e-6)
    assert 1.2 * 50 < sizes[1] < sizes[0]
    assert sizes[2] > 1.2 * sizes[1]
    assert decisions(treated) == [
        (56, "drug", "stop", "PD"),
        (70, "rescue", "start", "PD"),
        (77, "drug", "start", "rescue completed"),
        (168, "drug", "stop", "PD"),
    ]
    assert days(treated, therapy="drug") == [0, 14, 28, 42, *range(77, 168, 14)]
    without = pkpd.Protocol(
        protocol.therapies,
        [*protocol.rules[:1], pkpd.start_at(pkpd.seen("PD"), "rescue", washout=28), protocol.rules[2]],
    )
    assert decisions(treat(without, {"g": 0.01}, until=230))[3] == (112, "drug", "stop", "PD")


def test_a_rule_begins_its_therapy_as_often_as_it_may() -> None:
    for times, expected in ((1, [56]), (2, [56, 112])):
        rules = [pkpd.start_at(pkpd.seen("PD"), "rescue", times=times)]
        protocol = pkpd.Protocol({"rescue": pkpd.therapy(pkpd.fractions(0.01, 1), start=None)}, rules=rules)
        assert days(treat(protocol, {"g": log(1.3) / 56}, until=230)) == expected


# ---- leaving, missed visits


def test_nothing_after_a_patient_has_left() -> None:
    protocol = pkpd.Protocol({"drug": DRUG}, rules=[pkpd.stop_at(pkpd.seen("PD"))])
    treated = treat(protocol, {"due": [61.0, 500.0], "g": log(1.1) / 56}, leaving=["harmed"])
    assert days(treated, 0) == [0, 14, 28, 42, 56]
    np.testing.assert_allclose(treated.left, [61, 200], rtol=1e-7)
    np.testing.assert_array_equal(np.isnan(treated.scans.day[0]), [False, False, *[True] * 6])
    assert decisions(treated, 0) == []
    assert decisions(treated, 1) == [(112, "drug", "stop", "PD")]
    np.testing.assert_allclose(treated.day_of("harmed"), [61, np.nan], rtol=1e-7)


def test_a_missed_visit_shows_nothing() -> None:
    planned = np.tile(SCANS, (2, 1))
    planned[1, 1] = np.nan
    protocol = pkpd.Protocol({"drug": DRUG}, rules=[pkpd.stop_at(pkpd.seen("PD"))])
    treated = treat(protocol, {"g": [log(1.3) / 56] * 2}, imaging=pkpd.Imaging(LESION, planned, EXACT))
    assert [decisions(treated, i)[0][0] for i in (0, 1)] == [56, 112]
    np.testing.assert_array_equal(treated.scans.day, np.where(planned <= 200, planned, np.nan))


def test_follow_up_of_each_patient() -> None:
    treated = treat(pkpd.Protocol({"drug": DRUG}), {"g": [0.0, 0.0]}, until=np.array([30.0, 120.0]))
    assert [days(treated, i)[-1] for i in (0, 1)] == [28, 112]
    assert treated.left.tolist() == [30, 120]


# ---- the trajectory


def test_the_trajectory_is_that_of_the_doses_given() -> None:
    """An infusion of 10 days with a lag of 3 runs on across visits and decisions: as one regimen, uncut."""
    lag = pkpd.param("lag", 3, "day", "lag")
    model = _lagging(lag)
    drug = pkpd.therapy(pkpd.infusion(8, "iv", 10), every=21, cycles=5, start=5)
    harmless = pkpd.stop_at(pkpd.measured("X", at_least=1e9))
    protocol, patients = pkpd.Protocol({"drug": drug}, rules=[harmless]), {"lag": [3.0, 0.0]}
    solver = pkpd.Solver(rtol=1e-9)
    treated = pkpd.treat(model, protocol, patients, until=168, imaging=IMAGING, solver=solver)
    regimen = pkpd.infusion(8, "iv", 10, at=5, every=21, n=5)
    uncut = pkpd.simulate(model, regimen, parameters=patients, times=SCANS[:4], solver=solver)
    np.testing.assert_allclose(treated.scans.diameter[:, :4, 0], uncut["diameter"].to_numpy(), rtol=1e-7)


def _lagging(lag: Any) -> pkpd.Model:
    kill = pkpd.param("kill", 0.002, "1/day", "kill")
    return pkpd.Model(
        "lagging",
        rates={D: (pkpd.param("growth", 0.01, "1/day", "growth") - kill * X) * D, X: -k * X},
        outputs={"diameter": D},
        routes={"iv": {X: X + pkpd.dose("1")}},
        dosing={X: pkpd.Dosing(lag=lag)},
    )


def test_a_patient_is_the_same_in_any_company() -> None:
    people = _people()
    protocol = pkpd.Protocol(
        {"drug": pkpd.therapy(pkpd.bolus(100, "iv"), every=14, start=pkpd.within(0, 20))},
        rules=[
            pkpd.stop_at(pkpd.seen("PD")),
            pkpd.delay_at(pkpd.measured("X", at_least=0.6), by=3),
            pkpd.stop_at(pkpd.happened("harmed")),
        ],
    )
    whole = treat(protocol, people, seed=7)
    parts = [treat(protocol, people.slice(a, b), seed=7) for a, b in ((0, 13), (13, 14), (14, 60))]
    pd.testing.assert_frame_equal(whole.doses, pd.concat([p.doses for p in parts], ignore_index=True))
    pd.testing.assert_frame_equal(whole.decisions, pd.concat([p.decisions for p in parts], ignore_index=True))
    for name in ("day", "diameter", "role"):
        np.testing.assert_array_equal(whole.scans[name], np.concatenate([p.scans[name] for p in parts]))
    other = treat(protocol, people, seed=8)
    assert not whole.doses.day.equals(other.doses.day)


def _people() -> pkpd.Ensemble:
    rng = np.random.default_rng(0)
    people = pkpd.members(g=rng.normal(0.002, 0.004, 60), due=rng.uniform(20, 400, 60))
    return people.labelled(member=np.arange(60))


# ---- everything at once


@pytest.fixture(scope="module")
def everything() -> tuple[pkpd.Model, pkpd.Ensemble, pkpd.Treated]:
    """Two lesions, every kind of rule, patients who differ in all that rules look at, scans with errors."""
    n, rng = 300, np.random.default_rng(5)
    growth = {f"g{i}": rng.normal(0.003, 0.004, n) for i in range(2)}
    patients = pkpd.members(**growth, k=rng.uniform(0.02, 0.1, n), due=rng.uniform(30, 600, n)).labelled(
        member=np.arange(n)
    )
    model = pkpd.compose("both", lesions(2), _harming())
    reached = {f"lesion{i}": f"radiation{i}" for i in range(2)}
    protocol = pkpd.Protocol(
        {
            "run-in": pkpd.therapy(pkpd.bolus(20, "iv"), every=7, cycles=2),
            "antibody": pkpd.therapy(
                pkpd.infusion(80, "iv", 2), every=14, duration=280, start=pkpd.within(1, 21, after="run-in")
            ),
            "rescue": pkpd.therapy(pkpd.fractions(2, 4), start=None, lesions=reached),
            "systemic": pkpd.therapy(pkpd.bolus(60, "iv", at=[0, 7]), every=21, cycles=3, start=None),
        },
        rules=[
            pkpd.stop_at(pkpd.happened("harmed")),
            pkpd.delay_at(pkpd.measured("X", at_least=0.5), "antibody", "systemic", by=5, at_most=40),
            pkpd.stop_at(pkpd.seen("PD", "iCPD"), "antibody"),
            pkpd.start_at(pkpd.seen("PD", lesions=(1, 1)), "rescue", washout=14, new_baseline=True),
            pkpd.start_at(pkpd.seen("PD", lesions=(2, None)), "systemic", wait=3),
            pkpd.start_at(pkpd.completed("rescue"), "antibody", wait=7, times=2),
        ],
        entry=pkpd.within(0, 3, after="run-in"),
    )
    imaging = pkpd.Imaging({f"lesion{i}": f"diameter{i}" for i in range(2)}, pkpd.schedule_visits(42, 500, jitter=2))
    return model, patients, pkpd.treat(model, protocol, patients, until=400, imaging=imaging, seed=9)


def _harming() -> pkpd.Model:
    return pkpd.Model(
        "harming", {H: sympy.Integer(1), harmed: sympy.Integer(0)}, events=[pkpd.Event(when=H > due, then={harmed: 1})]
    )


def test_every_rule_has_been_at_work(everything: tuple[pkpd.Model, pkpd.Ensemble, pkpd.Treated]) -> None:
    counts = everything[2].decisions.groupby(["therapy", "action"]).size()
    for kind in (
        ("antibody", "delay"), ("antibody", "stop"), ("antibody", "start"), ("rescue", "start"), ("rescue", "stop"),
        ("systemic", "start"), ("systemic", "stop"), ("systemic", "delay"),
    ):  # fmt: skip
        assert counts[kind] > 3, kind


def test_no_dose_after_a_stop_and_all_in_order(everything: tuple[pkpd.Model, pkpd.Ensemble, pkpd.Treated]) -> None:
    treated = everything[2]
    every = {"run-in": 7, "antibody": 14, "systemic": 21}
    for (patient, name), own in treated.decisions.groupby(["patient", "therapy"]):
        doses = treated.doses[(treated.doses.patient == patient) & (treated.doses.therapy == name)]
        for row in own.query("action == 'stop'").itertuples():
            again = own.query("action == 'start' and day >= @row.day").day.min()
            assert not doses[(doses.day >= row.day) & ~(doses.day >= again)].size
    for (_, name), own in treated.doses.groupby(["patient", "therapy"]):
        if name in every:
            first = own[own.duplicated(["cycle", "reason"]).eq(False)]
            for _, series in first.groupby("reason"):
                if series.cycle.is_monotonic_increasing and series.cycle.is_unique:
                    assert (np.diff(series.day) >= every[str(name)] - 1e-9).all()
                    assert name != "antibody" or series.day.max() - series.day.min() < 280
    last = treated.left[treated.doses.patient.to_numpy()]
    assert (treated.doses.day.to_numpy() <= last + 1e-9).all()


def test_the_table_of_doses_simulated_again_is_the_trajectory(
    everything: tuple[pkpd.Model, pkpd.Ensemble, pkpd.Treated],
) -> None:
    """The true diameters at the scans, from nothing but the table of what was given."""
    model, patients, treated = everything
    rescued = treated.doses[treated.doses.therapy == "rescue"].patient.unique()[:3]
    beyond = treated.doses[treated.doses.therapy == "systemic"].patient.unique()[:3]
    for patient in [*rescued, *beyond]:
        regimen = pkpd.Regimen()
        for row in treated.doses.query("patient == @patient").itertuples():
            lasting = np.isfinite(row.duration)
            dose = pkpd.infusion(row.amount, row.route, row.duration) if lasting else pkpd.bolus(row.amount, row.route)
            regimen += dose.shift(row.day)
        at = np.flatnonzero(np.isfinite(treated.scans.day[patient]))
        times = treated.scans.day[patient, at].to_numpy() + treated.entry[patient]
        own = {name: float(patients[name][patient]) for name in patients.columns}
        run = pkpd.simulate(model, regimen, parameters=own, times=times)
        for i in range(2):
            true = treated.walked.readings.true[patient, at, i]
            np.testing.assert_allclose(run[f"diameter{i}"].to_numpy().ravel(), true, rtol=1e-6)


# ---- what is refused


def test_what_does_not_fit_is_refused() -> None:
    drug = {"drug": DRUG}
    with pytest.raises(pkpd.UnknownNameError, match="drog"):
        pkpd.Protocol(drug, rules=[pkpd.stop_at(pkpd.seen("PD"), "drog")])
    with pytest.raises(pkpd.UnknownNameError, match="PDD"):
        pkpd.seen("PDD")
    with pytest.raises(pkpd.RegimenError, match="measured"):
        pkpd.delay_at(pkpd.seen("PD"), by=7)
    with pytest.raises(pkpd.RegimenError, match="wait for each other: a after b after a"):
        pkpd.Protocol({n: pkpd.therapy(pkpd.bolus(1, "iv"), after=o) for n, o in (("a", "b"), ("b", "a"))})
    with pytest.raises(pkpd.RegimenError, match="the end of 'drug', which has neither"):
        pkpd.Protocol(drug | {"next": pkpd.therapy(pkpd.bolus(1, "iv"), after="drug")})
    with pytest.raises(pkpd.RegimenError, match="the end of 'drug', which has neither"):
        pkpd.Protocol(drug, rules=[pkpd.start_at(pkpd.completed("drug"), "drug")])
    with pytest.raises(pkpd.RegimenError, match="within"):
        pkpd.within(42, 1)
    with pytest.raises(pkpd.RegimenError, match="into its cycle"):
        treat(pkpd.Protocol({"drug": pkpd.therapy(pkpd.bolus(1, "iv", at=[0, 9]), every=7)}), {})
    with pytest.raises(pkpd.UnknownNameError, match="neutrophils"):
        treat(pkpd.Protocol(drug, rules=[pkpd.stop_at(pkpd.measured("neutrophils", below=1))]), {})
    with pytest.raises(pkpd.UnknownNameError, match="dead"):
        treat(pkpd.Protocol(drug), {}, leaving=["dead"])
    with pytest.raises(pkpd.SimulationError, match="give imaging="):
        treat(pkpd.Protocol(drug, rules=[pkpd.stop_at(pkpd.seen("PD"))]), {}, imaging=None)
    with pytest.raises(pkpd.RegimenError, match="steady state"):
        pkpd.therapy(pkpd.bolus(1, "iv", every=7, ss=True))
    with pytest.raises(pkpd.SimulationError, match="expected pkpd.Protocol"):
        pkpd.treat(GROWING, drug, until=10)  # type: ignore[arg-type]
    with pytest.raises(pkpd.SimulationError, match="expected pkpd.Imaging"):
        treat(pkpd.Protocol(drug), {}, imaging=LESION)
    with pytest.raises(pkpd.SimulationError, match="visits is 'weekly'"):
        pkpd.Imaging(LESION, "weekly")
    with pytest.raises(pkpd.SimulationError, match="days that rise"):
        pkpd.Imaging(LESION, [0, 14, 7])
    with pytest.raises(pkpd.UnknownNameError, match="liver"):
        pkpd.Imaging(LESION, [0, 7], nodes="liver")
    with pytest.raises(pkpd.SimulationError, match="'X' is in 1; a lesion has a length or a volume"):
        treat(pkpd.Protocol(drug), {}, imaging=pkpd.Imaging({"one": "X"}, [0, 7]))
    for wrong in ({"cycles": 0}, {"every": -1}, {"duration": float("nan")}, {"cycles": 2.5}):
        with pytest.raises(pkpd.RegimenError, match="expected"):
            pkpd.therapy(pkpd.bolus(1, "iv"), **({"every": 7} | wrong))


def test_protocols_are_values() -> None:
    one, two = (pkpd.Protocol({"drug": pkpd.therapy(pkpd.bolus(100, "iv"), every=14)}) for _ in range(2))
    assert one == two
    assert isinstance(one.therapies["drug"], Therapy)
    with pytest.raises(TypeError):
        one.therapies["more"] = DRUG  # type: ignore[index]


def test_rounding_loses_no_dose() -> None:
    """Doses every 0.1 day and scans every 0.3: sums of tenths are not equal to the bit, and each dose is given once."""
    protocol = pkpd.Protocol(
        {"drug": pkpd.therapy(pkpd.bolus(100, "iv"), every=0.1, cycles=60)},
        rules=[pkpd.stop_at(pkpd.seen("PD")), pkpd.delay_at(pkpd.measured("X", at_least=1e9), by=1)],
    )
    model = _keeping()
    visits = np.arange(30) * 0.3
    imaging = pkpd.Imaging(LESION, visits, EXACT)
    treated = pkpd.treat(model, protocol, until=8.8, imaging=imaging)
    np.testing.assert_allclose(days(treated), np.arange(60) * 0.1, atol=1e-6)
    sizes = 50 - 0.01 * np.ceil(visits / 0.1 - 1e-9)  # each dose takes 0.01 mm; one on the day comes after the scan
    np.testing.assert_allclose(treated.scans.diameter[0, :20, 0], sizes[:20], atol=1e-6)
    np.testing.assert_allclose(treated.scans.diameter[0, 21:, 0], 50 - 0.6, atol=1e-6)


def _keeping() -> pkpd.Model:
    loss = pkpd.param("loss", 1e-4, "mm/mg", "diameter lost")
    return pkpd.Model(
        "keeping",
        rates={D: sympy.Integer(0), X: -k * X},
        outputs={"diameter": D},
        routes={"iv": {D: D - loss * pkpd.dose("mg")}},
    )


def test_what_a_rule_begins_is_looked_at_before_it_is_given() -> None:
    """Begun at progression on day 56, on which toxicity is too high for it: delayed from that day on."""
    rules = [
        pkpd.stop_at(pkpd.seen("PD"), "drug"),
        pkpd.start_at(pkpd.seen("PD"), "next"),
        pkpd.delay_at(pkpd.measured("X", at_least=0.5), "next", by=5),
    ]
    weekly = pkpd.therapy(pkpd.bolus(100, "iv"), every=7)
    last = pkpd.therapy(pkpd.bolus(10, "iv"), every=21, start=None)
    treated = treat(pkpd.Protocol({"drug": weekly, "next": last}, rules=rules), {"g": log(1.3) / 56}, until=115)
    first = 56.0
    while toxicity(list(np.arange(0, 56, 7)), first) >= 0.5:
        first += 5
    assert first > 66
    assert days(treated, therapy="next") == [first, first + 21]
    assert decisions(treated)[1] == (56, "next", "start", "PD")


def test_a_model_in_hours_is_seen_on_the_same_days() -> None:
    """Therapies are in the model's unit of time, scans and what is reported in days."""
    rules = [pkpd.stop_at(pkpd.seen("iCPD")), pkpd.delay_at(pkpd.measured("X", at_least=0.6), by="5 days")]
    by_day = pkpd.Protocol(
        {"drug": pkpd.therapy(pkpd.bolus(100, "iv"), every=14, start=pkpd.within(1, 9))}, rules=rules
    )
    by_hour = pkpd.Protocol(
        {"drug": pkpd.therapy(pkpd.bolus(100, "iv"), every=14 * 24, start=pkpd.within(24, 9 * 24))}, rules=rules
    )
    patients = {"g": np.array([log(1.3) / 56, 0.001]), "due": np.array([70.0, 1e6])}
    hourly = GROWING.in_time("h")
    asked = {"imaging": IMAGING, "leaving": ["harmed"], "seed": 4}
    one = pkpd.treat(GROWING, by_day, patients, until=200, **asked)
    scaled = {name: column / 24 if name == "g" else column * 24 for name, column in patients.items()}
    two = pkpd.treat(hourly, by_hour, scaled, until="200 days", **asked)
    pd.testing.assert_frame_equal(one.doses, two.doses, rtol=1e-6)
    pd.testing.assert_frame_equal(one.decisions, two.decisions, rtol=1e-6)
    np.testing.assert_allclose(one.scans.diameter, two.scans.diameter, rtol=1e-6)
    np.testing.assert_allclose(one.left, two.left, rtol=1e-6)
    np.testing.assert_allclose(one.day_of("harmed"), two.day_of("harmed"), rtol=1e-6)
