"""What each kind of record does, against closed forms of linear pharmacokinetics."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest

import pkpd
from tests.helpers import relative_error
from tests.oracles import (
    absorbed,
    bolus_response,
    infusion_response,
    one_compartment_terms,
    steady_bolus_response,
    steady_infusion_response,
    two_compartment_terms,
)

ONE, TWO = {"CL": 3.0, "V": 30.0}, {"CL": 3.0, "V1": 30.0, "Q": 5.0, "V2": 60.0}
TERMS = {"pk_1cmt": one_compartment_terms(**ONE), "pk_2cmt": two_compartment_terms(**TWO)}
VALUES = {"pk_1cmt": ONE, "pk_2cmt": TWO}
CENTRAL = {1: "central"}
TIMES = np.linspace(0, 60, 41)


def table(doses, times):
    """Records of one subject: the doses, and observations at `times` that come last at their time."""
    rows = [{"EVID": 1, **d} for d in doses] + [{"TIME": t, "EVID": 0} for t in times]
    frame = pd.DataFrame(rows).fillna(0)
    return frame.iloc[np.argsort(frame.TIME, kind="stable")].assign(ID=1)


def observed(model, data, column="C", **options):
    """The predictions at the observations."""
    found = pkpd.predict(model, data, on_failure="raise", **options)
    return found[column].to_numpy()[found.EVID == 0]


def assert_alike(found, wanted):
    """Equal to 1e-6 relative, or zero where zero is wanted."""
    there = np.abs(wanted) > 1e-9
    assert np.abs(found[~there]).max(initial=0) < 2e-9
    assert not there.any() or relative_error(found[there], wanted[there]) < 1e-6


@dataclass
class Case:
    """Doses, and the responses that add up to what is observed."""

    doses: list
    expected: object
    parameters: dict = field(default_factory=dict)
    times: tuple = tuple(TIMES)


def bolus(at, amount):
    return lambda terms, t: bolus_response(terms, t - at, amount)


def infused(at, rate, duration):
    return lambda terms, t: infusion_response(terms, t - at, rate, duration)


def steady(amount, interval, phase=0.0):
    """As a steady state leaves it: nothing is given after the last dose, `phase` before time 0."""
    return lambda terms, t: steady_bolus_response(terms, t + phase, amount, interval)


def steady_infused(rate, duration, interval, phase=0.0):
    return lambda terms, t: steady_infusion_response(terms, t + phase, rate, duration, interval)


def total(*parts):
    return lambda terms, t: sum(part(terms, t) for part in parts)


def until(end, first, then=None):
    """`first` before `end`, and what comes `then` (nothing unless said) from there on."""

    def value(terms, t):
        after = np.zeros_like(t) if then is None else then(terms, t)
        return np.where(t < end, first(terms, t), after)

    return value


def doses_at(times, amount):
    return total(*(bolus(t, amount) for t in times))


CASES = {
    "bolus": Case([{"TIME": 0, "AMT": 100}], bolus(0, 100)),
    "two boluses at one time": Case([{"TIME": 3, "AMT": 40}] * 2, bolus(3, 80)),
    "boluses": Case(
        [{"TIME": 0, "AMT": 100}, {"TIME": 7.3, "AMT": 50}, {"TIME": 20, "AMT": 80}],
        total(bolus(0, 100), bolus(7.3, 50), bolus(20, 80)),
    ),
    "RATE": Case([{"TIME": 2, "AMT": 100, "RATE": 20}], infused(2, 20, 5)),
    "RATE, overlapping": Case(
        [{"TIME": 2, "AMT": 100, "RATE": 20}, {"TIME": 4, "AMT": 30, "RATE": 3}],
        total(infused(2, 20, 5), infused(4, 3, 10)),
    ),
    "DUR": Case([{"TIME": 2, "AMT": 100, "DUR": 4}], infused(2, 25, 4)),
    "RATE -1": Case([{"TIME": 2, "AMT": 100, "RATE": -1}], infused(2, 8, 12.5), {"R": 8}),
    "RATE -2": Case([{"TIME": 2, "AMT": 100, "RATE": -2}], infused(2, 40, 2.5), {"D": 2.5}),
    "F": Case([{"TIME": 2, "AMT": 100}], bolus(2, 60), {"F": 0.6}),
    "F 0": Case([{"TIME": 2, "AMT": 100, "RATE": 5}, {"TIME": 9, "AMT": 7}], bolus(0, 0), {"F": 0}),
    "F, RATE: the duration scales": Case([{"TIME": 2, "AMT": 100, "RATE": 20}], infused(2, 20, 3), {"F": 0.6}),
    "F, DUR: the rate scales": Case([{"TIME": 2, "AMT": 100, "DUR": 4}], infused(2, 15, 4), {"F": 0.6}),
    "F, RATE -1: the duration scales": Case(
        [{"TIME": 2, "AMT": 100, "RATE": -1}], infused(2, 8, 7.5), {"F": 0.6, "R": 8}
    ),
    "F, RATE -2: the rate scales": Case(
        [{"TIME": 2, "AMT": 100, "RATE": -2}], infused(2, 24, 2.5), {"F": 0.6, "D": 2.5}
    ),
    "lag": Case([{"TIME": 2, "AMT": 100}], bolus(3.25, 100), {"tlag": 1.25}),
    "lag of an infusion": Case([{"TIME": 2, "AMT": 100, "RATE": 20}], infused(3.25, 20, 5), {"tlag": 1.25}),
    "ADDL": Case([{"TIME": 1, "AMT": 100, "ADDL": 4, "II": 6}], doses_at([1, 7, 13, 19, 25], 100)),
    "ADDL beyond the records": Case([{"TIME": 1, "AMT": 100, "ADDL": 10**6, "II": 50}], doses_at([1, 51], 100)),
    "ADDL, dose in between": Case(
        [{"TIME": 1, "AMT": 100, "ADDL": 2, "II": 6}, {"TIME": 9, "AMT": 30}],
        total(doses_at([1, 7, 13], 100), bolus(9, 30)),
    ),
    "ADDL, lag": Case([{"TIME": 1, "AMT": 100, "ADDL": 2, "II": 6}], doses_at([3, 9, 15], 100), {"tlag": 2}),
    "ADDL, lag longer than II": Case(
        [{"TIME": 1, "AMT": 9, "ADDL": 3, "II": 6}], doses_at([15, 21, 27, 33], 9), {"tlag": 14}
    ),
    "ADDL of infusions longer than II": Case(
        [{"TIME": 1, "AMT": 100, "RATE": 10, "ADDL": 3, "II": 4}], total(*(infused(t, 10, 10) for t in (1, 5, 9, 13)))
    ),
    "EVID 2": Case([{"TIME": 0, "AMT": 100}, {"TIME": 9, "EVID": 2}], bolus(0, 100)),
    "EVID 3": Case(
        [{"TIME": 0, "AMT": 100}, {"TIME": 9, "EVID": 3}, {"TIME": 20, "AMT": 5}], until(9, bolus(0, 100), bolus(20, 5))
    ),
    "EVID 3 ends infusions": Case(
        [{"TIME": 0, "AMT": 100, "RATE": 5}, {"TIME": 9, "EVID": 3}], until(9, infused(0, 5, 20))
    ),
    "EVID 3 cancels ADDL": Case(
        [{"TIME": 0, "AMT": 9, "ADDL": 9, "II": 4}, {"TIME": 9, "EVID": 3}], until(9, doses_at([0, 4, 8], 9))
    ),
    "EVID 3 cancels a lagged dose": Case(
        [{"TIME": 0, "AMT": 5}, {"TIME": 8, "AMT": 9}, {"TIME": 9, "EVID": 3}], until(9, bolus(2, 5)), {"tlag": 2}
    ),
    "EVID 4": Case([{"TIME": 0, "AMT": 100}, {"TIME": 9, "EVID": 4, "AMT": 30}], until(9, bolus(0, 100), bolus(9, 30))),
    "EVID 4, infusion": Case(
        [{"TIME": 0, "AMT": 100}, {"TIME": 9, "EVID": 4, "AMT": 30, "RATE": 6}],
        until(9, bolus(0, 100), infused(9, 6, 5)),
    ),
    "SS 1": Case([{"TIME": 0, "AMT": 100, "SS": 1, "II": 12}], steady(100, 12)),
    "SS 1, F": Case([{"TIME": 0, "AMT": 100, "SS": 1, "II": 12}], steady(60, 12), {"F": 0.6}),
    "SS 1, ADDL": Case(
        [{"TIME": 0, "AMT": 100, "SS": 1, "II": 12, "ADDL": 2}], total(steady(100, 12), doses_at([12, 24], 100))
    ),
    "SS 1, interval short against the half-life": Case([{"TIME": 0, "AMT": 1, "SS": 1, "II": 0.02}], steady(1, 0.02)),
    "SS 1, interval long": Case([{"TIME": 0, "AMT": 100, "SS": 1, "II": 500}], steady(100, 500)),
    "SS 1 of infusions": Case([{"TIME": 0, "AMT": 100, "RATE": 20, "SS": 1, "II": 12}], steady_infused(20, 5, 12)),
    "SS 1 of infusions, ADDL": Case(
        [{"TIME": 0, "AMT": 100, "RATE": 20, "SS": 1, "II": 12, "ADDL": 1}],
        total(steady_infused(20, 5, 12), infused(12, 20, 5)),
    ),
    "SS 1 of infusions longer than II": Case(
        [{"TIME": 0, "AMT": 100, "RATE": 5, "SS": 1, "II": 6}], steady_infused(5, 20, 6)
    ),
    "SS 1 of infusions that last just II": Case(
        [{"TIME": 0, "AMT": 100, "RATE": 10, "SS": 1, "II": 10}], steady_infused(10, 10, 10)
    ),
    "SS 1 of infusions that last just 2 II": Case(
        [{"TIME": 0, "AMT": 100, "RATE": 5, "SS": 1, "II": 10}], steady_infused(5, 20, 10)
    ),
    "SS 1, RATE -1, F": Case(
        [{"TIME": 0, "AMT": 100, "RATE": -1, "SS": 1, "II": 12}], steady_infused(8, 7.5, 12), {"R": 8, "F": 0.6}
    ),
    "SS 1, RATE -2, F": Case(
        [{"TIME": 0, "AMT": 100, "RATE": -2, "SS": 1, "II": 2}], steady_infused(24, 2.5, 2), {"D": 2.5, "F": 0.6}
    ),
    "SS 1, lag": Case(
        [{"TIME": 0, "AMT": 100, "SS": 1, "II": 12}],
        until(1.25, steady(100, 12, 10.75), steady(100, 12, -1.25)),
        {"tlag": 1.25},
    ),
    "SS 1, lag of just II": Case(
        [{"TIME": 0, "AMT": 100, "SS": 1, "II": 12}], total(steady(100, 12), bolus(12, 100)), {"tlag": 12}
    ),
    "SS 1, lag longer than II": Case(
        [{"TIME": 0, "AMT": 100, "SS": 1, "II": 4}], total(steady(100, 4, 3), doses_at([1, 5, 9], 100)), {"tlag": 9}
    ),
    "SS 1, lag of a multiple of II in floating point": Case(
        [{"TIME": 0, "AMT": 100, "SS": 1, "II": 0.1}],
        total(steady(100, 0.1), doses_at([0.1, 0.2, 0.3], 100)),
        {"tlag": 0.3},
    ),
    "SS 1 of infusions, lag": Case(
        [{"TIME": 0, "AMT": 100, "RATE": 5, "SS": 1, "II": 6}],
        total(steady_infused(5, 20, 6, 4), infused(2, 5, 20)),
        {"tlag": 2},
    ),
    "SS 1 replaces what was": Case(
        [
            {"TIME": 0, "AMT": 500, "ADDL": 9, "II": 6},
            {"TIME": 1, "AMT": 900, "RATE": 10},
            {"TIME": 9, "AMT": 100, "SS": 1, "II": 12},
        ],
        until(9, total(doses_at([0, 6], 500), infused(1, 10, 90)), steady(100, 12, -9)),
    ),
    "SS 1 after EVID 4": Case(
        [{"TIME": 0, "AMT": 500}, {"TIME": 9, "EVID": 4, "AMT": 100, "SS": 1, "II": 12}],
        until(9, bolus(0, 500), steady(100, 12, -9)),
    ),
    "SS 2": Case(
        [{"TIME": 0, "AMT": 500, "ADDL": 1, "II": 20}, {"TIME": 9, "AMT": 100, "SS": 2, "II": 12}],
        until(9, bolus(0, 500), total(doses_at([0, 20], 500), steady(100, 12, -9))),
    ),
    "SS 2 of infusions longer than II": Case(
        [{"TIME": 0, "AMT": 500}, {"TIME": 9, "AMT": 100, "RATE": 5, "SS": 2, "II": 6}],
        until(9, bolus(0, 500), total(bolus(0, 500), steady_infused(5, 20, 6, -9))),
    ),
    "SS 1 and SS 2: morning and evening": Case(
        [{"TIME": 0, "AMT": 100, "SS": 1, "II": 24}, {"TIME": 8, "AMT": 50, "SS": 2, "II": 24}],
        until(8, steady(100, 24), total(steady(100, 24), steady(50, 24, -8))),
    ),
    "SS 2 after EVID 4": Case(
        [{"TIME": 0, "AMT": 500}, {"TIME": 9, "EVID": 4, "AMT": 100, "SS": 2, "II": 12}],
        until(9, bolus(0, 500), steady(100, 12, -9)),
    ),
    "SS 3": Case(
        [{"TIME": 0, "AMT": 500}, {"TIME": 9, "AMT": 100, "SS": 3, "II": 12}],
        until(9, bolus(0, 500), steady(100, 12, -9)),
    ),
    "SS 1 of a constant infusion, then off": Case(
        [{"TIME": 0, "RATE": 6, "SS": 1}], lambda terms, t: infusion_response(terms, t + 1e9, 6, 1e9)
    ),
    "SS 1 of a constant infusion, RATE -1, F": Case(
        [{"TIME": 0, "RATE": -1, "SS": 1}],
        lambda terms, t: infusion_response(terms, t + 1e9, 6, 1e9),
        {"R": 6, "F": 0.6},
    ),
    "SS 1 of a constant infusion, lag": Case(
        [{"TIME": 0, "RATE": 6, "SS": 1}], lambda terms, t: infusion_response(terms, t + 1e9, 6, 1e9 + 2), {"tlag": 2}
    ),
    "SS 2 of a constant infusion": Case(
        [{"TIME": 0, "AMT": 500}, {"TIME": 9, "RATE": 6, "SS": 2}],
        until(9, bolus(0, 500), total(bolus(0, 500), lambda terms, t: infusion_response(terms, t - 9 + 1e9, 6, 1e9))),
    ),
    "SS 1 of nothing: the model alone": Case([{"TIME": 0, "AMT": 500}, {"TIME": 9, "SS": 1}], until(9, bolus(0, 500))),
    "off": Case([{"TIME": 0, "AMT": 100}, {"TIME": 9, "EVID": 2, "CMT": -1}], until(9, bolus(0, 100))),
    "first record later than 0": Case([{"TIME": 20, "AMT": 100}], bolus(20, 100), times=(20, 21, 30)),
    "first record before 0": Case([{"TIME": -5, "AMT": 100}], bolus(-5, 100), times=(-5, 0, 30)),
}


@pytest.mark.parametrize("name", ["pk_1cmt", "pk_2cmt"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_doses_into_the_central_compartment(case: Case, name: str) -> None:
    data = pkpd.read_nonmem(table(case.doses, case.times), compartments=CENTRAL)
    found = observed(pkpd.load(name), data, parameters=VALUES[name] | case.parameters)
    wanted = case.expected(TERMS[name], np.array(case.times, dtype=float))
    assert_alike(found, wanted)


# ---- the depot: its attributes are the model's, not the names'


@pytest.mark.parametrize(("name", "terms"), [("pk_1cmt_oral", "pk_1cmt"), ("pk_2cmt_oral", "pk_2cmt")])
@pytest.mark.parametrize(
    ("doses", "expected", "parameters"),
    [
        ([{"TIME": 0, "AMT": 100, "CMT": 1}], bolus(0, 100), {}),
        ([{"TIME": 0, "AMT": 100, "CMT": 1}], bolus(2.5, 60), {"F": 0.6, "tlag": 2.5}),
        ([{"TIME": 0, "AMT": 100, "CMT": 1, "RATE": -2}], infused(0, 15, 4), {"F": 0.6, "D": 4}),
        ([{"TIME": 0, "AMT": 100, "CMT": 1, "SS": 1, "II": 12}], steady(100, 12), {}),
        ([{"TIME": 0, "AMT": 9, "CMT": 1, "ADDL": 2, "II": 6}], doses_at([14, 20, 26], 9), {"tlag": 14}),
        ([{"TIME": 0, "AMT": 100, "CMT": 1, "RATE": -1, "SS": 2, "II": 3}], steady_infused(8, 12.5, 3), {"R": 8}),
    ],
)
def test_doses_into_the_depot(name, terms, doses, expected, parameters) -> None:
    data = pkpd.read_nonmem(table(doses, TIMES), compartments={1: "depot", 2: "central"})
    found = observed(pkpd.load(name), data, parameters=VALUES[terms] | {"ka": 0.7} | parameters)
    assert_alike(found, expected(absorbed(TERMS[terms], 0.7), TIMES))


def test_the_depots_attributes_are_not_those_of_other_compartments() -> None:
    doses = [{"TIME": 0, "AMT": 100, "CMT": 2}, {"TIME": 0, "AMT": 50, "CMT": 1}]
    data = pkpd.read_nonmem(table(doses, TIMES), compartments={1: "depot", 2: "central"})
    found = observed(pkpd.load("pk_1cmt_oral"), data, parameters=ONE | {"ka": 0.7, "F": 0.5, "tlag": 3})
    terms = TERMS["pk_1cmt"]
    assert_alike(found, bolus(0, 100)(terms, TIMES) + bolus(3, 25)(absorbed(terms, 0.7), TIMES))


# ---- the order of records


def test_a_record_sees_the_doses_above_it_and_not_those_below() -> None:
    rows = [(0, 0, 0), (0, 100, 1), (0, 0, 0), (5, 0, 0), (5, 30, 1), (5, 0, 0), (5, 20, 1), (5, 0, 0)]
    data = pkpd.read_nonmem(pd.DataFrame(rows, columns=["TIME", "AMT", "EVID"]).assign(ID=1), compartments=CENTRAL)
    found = pkpd.predict(pkpd.load("pk_1cmt"), data, parameters=ONE).central
    left = 100 * np.exp(-0.5)
    assert_alike(found.to_numpy(), np.array([0, 100, 100, left, left + 30, left + 30, left + 50, left + 50]))


@pytest.mark.parametrize("evid", [0, 2])
def test_a_dose_without_a_record_comes_before_the_records_of_its_time(evid) -> None:
    """Also where the sum of the intervals misses the record's time by rounding: 3*0.1 > 0.3."""
    rows = [(0, 100, 1, 3, 0.1), (0.3, 0, evid, 0, 0)]
    columns = ["TIME", "AMT", "EVID", "ADDL", "II"]
    data = pkpd.read_nonmem(pd.DataFrame(rows, columns=columns).assign(ID=1), compartments=CENTRAL)
    found = pkpd.predict(pkpd.load("pk_1cmt"), data, parameters=ONE).central
    assert relative_error(found[1], sum(100 * np.exp(-0.1 * t) for t in (0.3, 0.2, 0.1, 0))) < 1e-9


def test_an_observation_between_the_resets_of_one_time() -> None:
    rows = [(0, 100, 1), (4, 0, 0), (4, 0, 3), (4, 0, 0), (4, 10, 1), (4, 0, 0), (4, 7, 4), (4, 0, 0)]
    data = pkpd.read_nonmem(pd.DataFrame(rows, columns=["TIME", "AMT", "EVID"]).assign(ID=1), compartments=CENTRAL)
    found = pkpd.predict(pkpd.load("pk_1cmt"), data, parameters=ONE).central
    assert_alike(found.to_numpy(), np.array([100, 100 * np.exp(-0.4), 0, 0, 10, 10, 7, 7]))


@pytest.mark.parametrize("evid", [3, 4])
def test_time_starts_again_at_a_reset(evid) -> None:
    rows = [(0, 100, 1, 9, 4), (10, 0, 0, 0, 0), (1, 60 * (evid == 4), evid, 0, 0), (3, 0, 0, 0, 0), (9, 0, 0, 0, 0)]
    columns = ["TIME", "AMT", "EVID", "ADDL", "II"]
    data = pkpd.read_nonmem(pd.DataFrame(rows, columns=columns).assign(ID=1), compartments=CENTRAL)
    found = pkpd.predict(pkpd.load("pk_1cmt"), data, parameters=ONE).central[[1, 3, 4]]
    after = 60 * (evid == 4) * np.exp(-0.1 * np.array([2, 8]))
    before = sum(100 * np.exp(-0.1 * t) for t in (10, 6, 2))
    assert_alike(found.to_numpy(), np.array([before, *after]))


def test_an_input_is_exactly_zero_when_no_infusion_runs() -> None:
    """0.1 + 0.2 - 0.1 - 0.2 is not 0; a drug without elimination would show it."""
    doses = [{"TIME": 0, "AMT": 0.3, "RATE": 0.1}, {"TIME": 1, "AMT": 1, "RATE": 0.2}]
    data = pkpd.read_nonmem(table(doses, [7, 1e6]), compartments=CENTRAL)
    early, late = observed(pkpd.load("pk_1cmt"), data, "central", parameters={"CL": 0}, method="numpy")
    assert early == late


# ---- compartments turned off and on


def test_a_compartment_that_is_off_takes_nothing_until_it_is_dosed() -> None:
    """The depot keeps emptying, the central compartment loses it; a dose turns it on with what then comes."""
    doses = [
        {"TIME": 0, "AMT": 100, "CMT": 1},
        {"TIME": 4, "EVID": 2, "CMT": -2},
        {"TIME": 10, "AMT": 20, "CMT": 2},
    ]
    times = np.array([2, 4, 6, 9, 10, 12, 20.0])
    data = pkpd.read_nonmem(table(doses, times), compartments={1: "depot", 2: "central"})
    found = observed(pkpd.load("pk_1cmt_oral"), data, parameters=ONE | {"ka": 0.7})
    terms = TERMS["pk_1cmt"]
    depot_left = 100 * np.exp(-0.7 * 10)
    later = bolus(10, 20)(terms, times) + bolus(10, depot_left)(absorbed(terms, 0.7), times)
    wanted = np.where(times < 4, bolus(0, 100)(absorbed(terms, 0.7), times), np.where(times < 10, 0, later))
    assert_alike(found, wanted)


@pytest.mark.parametrize("again", [{"EVID": 2, "CMT": 2}, {"EVID": 3}], ids=["EVID 2", "reset"])
def test_a_compartment_is_turned_on(again) -> None:
    doses = [{"TIME": 1, "EVID": 2, "CMT": -2}, {"TIME": 3, "AMT": 100, "CMT": 1}, {"TIME": 5, **again}]
    if again["EVID"] == 3:
        doses.append({"TIME": 5, "AMT": 100 * np.exp(-0.7 * 2), "CMT": 1})
    data = pkpd.read_nonmem(table(doses, [4, 5, 9, 20]), compartments={1: "depot", 2: "central"})
    found = observed(pkpd.load("pk_1cmt_oral"), data, parameters=ONE | {"ka": 0.7})
    late = bolus(5, 100 * np.exp(-0.7 * 2))(absorbed(TERMS["pk_1cmt"], 0.7), np.array([9, 20.0]))
    assert_alike(found, np.array([0, 0, *late]))


def test_without_its_periphery_a_compartment_loses_all_that_goes_there() -> None:
    doses = [{"TIME": 0, "EVID": 2, "CMT": -2}, {"TIME": 0, "AMT": 100, "CMT": 1}]
    data = pkpd.read_nonmem(table(doses, TIMES), compartments={1: "central", 2: "peripheral"})
    found = observed(pkpd.load("pk_2cmt"), data, parameters=TWO)
    assert_alike(found, 100 / 30 * np.exp(-8 / 30 * TIMES))


def test_off_ends_the_infusions_that_run_but_not_those_to_come() -> None:
    doses = [
        {"TIME": 0, "AMT": 100, "RATE": 5, "CMT": 1, "ADDL": 1, "II": 25},
        {"TIME": 9, "EVID": 2, "CMT": -1},
    ]
    data = pkpd.read_nonmem(table(doses, TIMES), compartments=CENTRAL)
    found = observed(pkpd.load("pk_1cmt"), data, parameters=ONE)
    expected = until(9, infused(0, 5, 20), infused(25, 5, 20))
    assert_alike(found, expected(TERMS["pk_1cmt"], TIMES))


def test_an_observation_turns_its_compartment_off_after_it_is_made() -> None:
    """A urine collection: the amount since the last one."""
    urine = pkpd.state("urine", "mg", "drug in urine")
    part = pkpd.load("pk_1cmt")
    model = pkpd.Model("with_urine", rates={**part.rates, urine: part["CL"] * part["central"] / part["V"]})
    rows = [(0, 100, 1, 1), (8, 0, 0, -2), (8, 0, 2, 2), (20, 0, 0, -2), (20, 0, 0, 2), (24, 0, 0, 2)]
    frame = pd.DataFrame(rows, columns=["TIME", "AMT", "EVID", "CMT"]).assign(ID=1)
    found = pkpd.predict(model, pkpd.read_nonmem(frame), parameters=ONE).urine
    left = 100 * np.exp(-0.1 * np.array([0, 8, 20]))
    assert_alike(found.to_numpy(), np.array([0, left[0] - left[1], 0, left[1] - left[2], 0, 0]))


def test_a_steady_state_leaves_off_what_is_off() -> None:
    doses = [
        {"TIME": 0, "EVID": 2, "CMT": -2},
        {"TIME": 1, "AMT": 100, "CMT": 1, "SS": 1, "II": 12},
        {"TIME": 31, "AMT": 50, "CMT": 1, "SS": 2, "II": 12},
    ]
    data = pkpd.read_nonmem(table(doses, TIMES + 1), compartments={1: "central", 2: "peripheral"})
    found = observed(pkpd.load("pk_2cmt"), data, parameters=TWO)
    terms = [(1 / 30, 8 / 30)]
    expected = until(30, steady(100, 12), total(steady(100, 12), steady(50, 12, -30)))
    assert_alike(found, expected(terms, TIMES))


@pytest.mark.parametrize("on", [{"EVID": 2, "CMT": 1}, {"EVID": 1, "AMT": 30, "CMT": 1}], ids=["EVID 2", "dose"])
def test_an_infusion_that_was_ended_does_not_go_on_when_its_compartment_does(on) -> None:
    doses = [{"TIME": 0, "AMT": 100, "RATE": 5, "CMT": 1}, {"TIME": 9, "EVID": 2, "CMT": -1}, {"TIME": 12, **on}]
    data = pkpd.read_nonmem(table(doses, TIMES), compartments=CENTRAL)
    found = observed(pkpd.load("pk_1cmt"), data, parameters=ONE)
    expected = until(9, infused(0, 5, 20), bolus(12, on.get("AMT", 0)))
    assert_alike(found, expected(TERMS["pk_1cmt"], TIMES))


def test_a_steady_state_dose_turns_its_compartment_on_and_no_other() -> None:
    other = pkpd.state("other", "mg", "a compartment that keeps what it has", start=3)
    part = pkpd.load("pk_1cmt")
    model = pkpd.Model("two_apart", rates={**part.rates, other: 0})
    off = [{"TIME": 0, "EVID": 2, "CMT": -1}, {"TIME": 0, "EVID": 2, "CMT": -2}]
    for ss in (1, 2):
        doses = [*off, {"TIME": 1, "AMT": 100, "CMT": 1, "SS": ss, "II": 12}]
        data = pkpd.read_nonmem(table(doses, [1, 5]))
        found = pkpd.predict(model, data, parameters=ONE, on_failure="raise")
        assert_alike(found.central.to_numpy()[-2:], 30 * steady(100, 12)(TERMS["pk_1cmt"], np.array([0.0, 4.0])))
        assert list(found.other[-2:]) == [0, 0]


# ---- covariates that change


@pytest.mark.parametrize(
    ("carry", "lost"),
    [
        ("backward", [4 * 2, 4 * 2 + 6 * 5, 4 * 2 + 6 * 5 + 10 * 3]),
        ("forward", [4 * 1, 4 * 1 + 6 * 2, 4 * 1 + 6 * 2 + 10 * 5]),
        ("linear", [4 * 1.5, 4 * 1.5 + 6 * 3.5, 4 * 1.5 + 6 * 3.5 + 10 * 4]),
    ],
)
@pytest.mark.parametrize("start", [0.0, -7.0, 100.0])
def test_a_covariate_between_records(carry, lost, start) -> None:
    """CL is 1, 2, 5, 3 at the records; what is lost is its integral."""
    rows = [(0, 100, 1, 1), (4, 0, 0, 2), (10, 0, 0, 5), (20, 0, 0, 3)]
    frame = pd.DataFrame(rows, columns=["TIME", "AMT", "EVID", "CL"]).assign(ID=1)
    data = pkpd.read_nonmem(frame.assign(TIME=frame.TIME + start), compartments=CENTRAL)
    found = pkpd.predict(pkpd.load("pk_1cmt"), data, parameters={"V": 30}, carry=carry)
    assert_alike(found.C.to_numpy()[1:], 100 / 30 * np.exp(-np.array(lost) / 30))


@pytest.mark.parametrize(
    ("carry", "seen"), [("backward", [5, 5, 7, 2]), ("forward", [5, 5, 7, 2]), ("linear", [5, 5, 7, 2])]
)
def test_an_output_uses_the_covariate_of_its_own_record(carry, seen) -> None:
    rows = [(0, 100, 1, 5), (0, 0, 0, 5), (3, 0, 0, 7), (3, 0, 0, 2)]
    frame = pd.DataFrame(rows, columns=["TIME", "AMT", "EVID", "V"]).assign(ID=1)
    data = pkpd.read_nonmem(frame, compartments=CENTRAL)
    found = pkpd.predict(pkpd.load("pk_1cmt"), data, parameters={"CL": 0}, carry=carry)
    assert_alike(found.C.to_numpy(), 100 / np.array(seen))


@pytest.mark.parametrize(
    ("carry", "filled"),
    [("backward", [5, 5, 9, 9, 9]), ("forward", [5, 5, 5, 9, 9]), ("linear", [5, 5, 8, 9, 9])],
)
def test_missing_covariates_are_filled_within_the_subject(carry, filled) -> None:
    one = pd.DataFrame({"TIME": [0, 1, 4, 5, 9], "AMT": [100, 0, 0, 0, 0], "V": [np.nan, 5, np.nan, 9, np.nan]})
    frame = pd.concat([one.assign(ID=1), one.assign(ID=2, V=one.V * 2)])
    data = pkpd.read_nonmem(frame, compartments=CENTRAL)
    found = pkpd.predict(pkpd.load("pk_1cmt"), data, parameters={"CL": 0}, carry=carry)
    assert_alike(found.C.to_numpy(), 100 / np.array([*filled, *(2 * v for v in filled)]))


def test_dosing_attributes_and_steady_states_take_the_covariates_of_their_record() -> None:
    frame = pd.DataFrame(
        {
            "ID": 1,
            "TIME": [0, 5, 30],
            "AMT": [100, 100, 0],
            "II": [0, 12, 0],
            "SS": [0, 1, 0],
            "F": [0.5, 0.8, 1],
            "CL": [1, 3, 4],
        }
    )
    found = pkpd.predict(pkpd.load("pk_1cmt"), pkpd.read_nonmem(frame, compartments=CENTRAL), parameters={"V": 30})
    at_steady = steady(80, 12)(TERMS["pk_1cmt"], np.array([0.0]))[0]
    assert_alike(found.C.to_numpy(), np.array([50 / 30, at_steady, at_steady * np.exp(-25 * 4 / 30)]))


def test_a_start_takes_the_covariate_of_the_record_it_starts_at() -> None:
    base = pkpd.param("base", 1, "mg", "amount at the start", source="illustrative")
    A = pkpd.state("A", "mg", "amount", start=base)
    model = pkpd.Model("constant", rates={A: 0})
    rows = [(0, 2, 0, 7), (4, 2, 0, 8), (5, 2, 3, 9), (6, 2, 0, 1)]
    frame = pd.DataFrame(rows, columns=["TIME", "MDV", "EVID", "BASE"]).assign(ID=1, MDV=1)
    assert list(pkpd.predict(model, pkpd.read_nonmem(frame)).A) == [7, 7, 9, 9]


# ---- steady states of nonlinear models, and where there are none


@pytest.mark.parametrize("extra", [{}, {"RATE": 400}, {"RATE": 40}], ids=["bolus", "infusion", "overlapping infusions"])
def test_a_saturable_steady_state_is_where_repeated_doses_lead(extra) -> None:
    model = pkpd.load("durvalumab_baverel_2018")
    dose = {"TIME": 0, "AMT": 200, "II": 4, **extra}
    once = pkpd.read_nonmem(table([{**dose, "SS": 1, "ADDL": 2}], [0, 1, 4, 7.5]), compartments={1: "A1"})
    many = pkpd.read_nonmem(table([{**dose, "ADDL": 402}], [1600, 1601, 1604, 1607.5]), compartments={1: "A1"})
    wanted = observed(model, many)
    assert relative_error(observed(model, once), wanted) < 1e-6


def test_a_steady_state_has_a_baseline_where_the_model_has_one() -> None:
    kin = pkpd.param("kin", 6, "mg/day", "production", source="illustrative")
    kout = pkpd.param("kout", 0.5, "1/day", "loss", source="illustrative")
    A = pkpd.state("A", "mg", "amount", start=3)
    model = pkpd.Model("turnover", rates={A: kin - kout * A})
    rows = [(0, 0, 1, 0), (4, 10, 1, 6)]
    frame = pd.DataFrame(rows, columns=["TIME", "AMT", "SS", "II"]).assign(ID=1, EVID=1)
    found = pkpd.predict(model, pkpd.read_nonmem(frame)).A
    assert_alike(found.to_numpy(), np.array([12, 12 + 10 / (1 - np.exp(-3))]))


def test_a_saturated_infusion_rests_where_elimination_meets_it() -> None:
    model = pkpd.load("pk_1cmt_mm")
    values = {s.name: s.value for s in model.settable}
    rate = 0.8 * values["Vmax"]
    frame = pd.DataFrame({"ID": 1, "TIME": [0], "RATE": [rate], "SS": 1, "EVID": 1, "AMT": 0})
    found = pkpd.predict(model, pkpd.read_nonmem(frame, compartments=CENTRAL), parameters={"CL": 0}).C
    assert relative_error(found, values["Km"] * 4) < 1e-6


def growing():
    T = pkpd.state("T", "mm^3", "tumor volume", start=60)
    part = pkpd.load("pk_1cmt")
    kg = pkpd.param("kg", 0.1, "1/day", "growth", source="illustrative")
    return pkpd.Model("growing", rates={**part.rates, T: kg * T}, dosing=part.dosing)


def accumulating():
    AUC = pkpd.state("AUC", "mg*day/L", "area under the curve")
    part = pkpd.load("pk_1cmt")
    return pkpd.Model("accumulating", rates={**part.rates, AUC: part["central"] / part["V"]}, dosing=part.dosing)


@pytest.mark.parametrize("ss", [1, 2])
def test_where_there_is_no_steady_state_the_records_say_so(ss) -> None:
    model = growing()
    doses = [{"TIME": 0, "AMT": 10}, {"TIME": 5, "AMT": 100, "SS": ss, "II": 12}]
    frame = pd.concat([table(doses, [4, 6]), table(doses[:1], [4, 6]).assign(ID=2)])
    data = pkpd.read_nonmem(frame, compartments=CENTRAL)
    with pytest.warns(pkpd.FailedMembersWarning, match=r"1 of 2 subjects failed, 2 of 7 records .* row 3 \(ID 1\)"):
        found = pkpd.predict(model, data)
    assert list(found.status) == ["ok", "ok", "no_steady_state", "no_steady_state", "ok", "ok", "ok"]
    assert list(found.central.isna()) == [False, False, True, True, False, False, False]
    with pytest.raises(pkpd.SimulationError, match="no steady state that repeated doses reach; 'T' does not settle"):
        pkpd.predict(model, data, on_failure="raise")


def test_what_only_accumulates_does_not_keep_a_steady_state_from_being_found() -> None:
    """The area of an interval is the dose by the clearance, from the start (SS 1) or on top of what is there (SS 2)."""
    model, dose = accumulating(), {"TIME": 0, "AMT": 100, "SS": 1, "II": 12}
    data = pkpd.read_nonmem(table([dose], [0, 12]), compartments=CENTRAL)
    found = pkpd.predict(model, data, parameters=ONE, on_failure="raise")
    assert_alike(found.central.to_numpy()[1:], 30 * steady(100, 12)(TERMS["pk_1cmt"], np.array([0.0, 12.0])))
    assert_alike(found.AUC.to_numpy(), np.array([0, 0, 100 / 3]))
    doses = [{"TIME": 0, "AMT": 10}, {"TIME": 5, "AMT": 100, "SS": 2, "II": 12}]
    data = pkpd.read_nonmem(table(doses, [4, 5, 17]), compartments=CENTRAL)
    found = pkpd.predict(model, data, parameters=ONE, on_failure="raise")
    decayed = 10 / 3 * (1 - np.exp(-0.1 * np.array([4, 5, 17])))
    assert_alike(found.AUC[found.EVID == 0].to_numpy(), decayed + np.array([0, 0, 100 / 3]))


def test_an_area_of_an_area_accumulates_too_and_a_lag_leaves_both_at_their_start() -> None:
    part = pkpd.load("pk_1cmt")
    AUC, AUMC = pkpd.state("AUC", "mg*day/L", "area", start=2), pkpd.state("AUMC", "mg*day^2/L", "area of the area")
    rates = {**part.rates, AUC: part["central"] / part["V"], AUMC: AUC}
    model = pkpd.Model("areas", rates=rates, dosing=part.dosing)
    data = pkpd.read_nonmem(table([{"TIME": 0, "AMT": 100, "SS": 1, "II": 12}], [0, 4]), compartments=CENTRAL)
    found = pkpd.predict(model, data, parameters={**ONE, "tlag": 5}, on_failure="raise")
    trough = 100 / 30 * np.exp(-1.2) / (1 - np.exp(-1.2))
    concentration = trough * np.exp(0.5) * np.exp(-0.1 * np.array([0, 0, 4]))
    assert_alike(found.central.to_numpy(), 30 * concentration)
    area = (concentration[0] - concentration) / 0.1
    assert_alike(found.AUC.to_numpy(), 2 + area)
    assert_alike(found.AUMC.to_numpy(), np.array([0, 0, 4 * (2 + concentration[0] / 0.1) - area[2] / 0.1]))


@pytest.mark.parametrize("rate", [{}, {"RATE": 50}], ids=["at once", "infused"])
def test_a_dose_into_what_only_accumulates_has_no_steady_state(rate) -> None:
    dose = {"TIME": 0, "AMT": 100, "SS": 1, "II": 12, "CMT": 2, **rate}
    data = pkpd.read_nonmem(table([dose], [0, 12]))
    with pytest.raises(pkpd.SimulationError, match="'AUC' does not settle"):
        pkpd.predict(accumulating(), data, on_failure="raise")


# ---- time itself, subjects, failures


@pytest.mark.parametrize("start", [0.0, -3.0, 50.0])
def test_rates_and_outputs_see_the_time_of_the_table(start) -> None:
    t = pkpd.clock("day")
    one = pkpd.param("one", 1, "mg/day^2", "slope", source="illustrative")
    day = pkpd.param("day", 1, "day", "unit of time", source="illustrative")
    A = pkpd.state("A", "mg", "amount")
    model = pkpd.Model("clocked", rates={A: one * t}, outputs={"phase": t / day})
    frame = pd.DataFrame({"ID": 1, "TIME": np.array([0, 2, 7, 7, 9]) + start, "EVID": [0, 0, 0, 3, 0], "MDV": 1})
    found = pkpd.predict(model, pkpd.read_nonmem(frame))
    assert_alike(found.phase.to_numpy(), frame.TIME.to_numpy())
    begin = start + np.array([0, 0, 0, 7, 7])
    assert_alike(found.A.to_numpy(), (frame.TIME.to_numpy() ** 2 - begin**2) / 2)
    steady_dose = pd.DataFrame({"ID": 1, "TIME": [0], "AMT": 1, "SS": 1, "II": 4})
    with pytest.raises(pkpd.RegimenError, match="depend on time itself"):
        pkpd.predict(model, pkpd.read_nonmem(steady_dose))


@pytest.mark.parametrize("method", ["auto", "tsit5", "rodas5p", "numpy"])
def test_a_subject_does_not_depend_on_the_others(method: str) -> None:
    rng = np.random.default_rng(1)
    frames = []
    for subject in range(30):
        doses = [{"TIME": 0, "AMT": rng.uniform(50, 100), "ADDL": 3, "II": rng.uniform(5, 9), "RATE": 40}]
        frames.append(
            table(doses, np.sort(rng.uniform(0, 40, rng.integers(1, 9)))).assign(ID=subject, CL=rng.uniform(1, 9))
        )
    model, options = pkpd.load("pk_2cmt"), {"parameters": TWO}
    data = [pkpd.read_nonmem(f, compartments=CENTRAL) for f in (pd.concat(frames), *frames)]
    together, *alone = (pkpd.predict(model, d, **options, method=method).C for d in data)
    np.testing.assert_array_equal(together, pd.concat(alone))


def test_parameters_by_subject() -> None:
    frame = pd.concat([table([{"TIME": 0, "AMT": 100}], [5]).assign(ID=i) for i in (7, 3)])
    data = pkpd.read_nonmem(frame, compartments=CENTRAL)
    V = np.array([30.0, 50.0])
    for parameters in ({"V": V, "CL": 3}, pkpd.members(V=V, CL=np.array([3.0, 3.0]))):
        found = observed(pkpd.load("pk_1cmt"), data, parameters=parameters)
        assert_alike(found, 100 / V * np.exp(-3 / V * 5))
    with pytest.raises(pkpd.ParameterError, match="one for each of the 2 subjects"):
        pkpd.predict(pkpd.load("pk_1cmt"), data, parameters={"V": np.ones(3)})


def test_covariates_can_be_left_out() -> None:
    data = pkpd.read_nonmem(table([{"TIME": 0, "AMT": 100}], [5]).assign(v=10), compartments=CENTRAL)
    model = pkpd.load("pk_1cmt")
    assert_alike(observed(model, data, parameters={"CL": 0}), np.array([10.0]))
    assert_alike(observed(model, data, parameters={"CL": 0, "V": 50}, covariates=()), np.array([2.0]))
    with pytest.raises(pkpd.UnknownNameError, match="has no covariate 'V'. Did you mean 'v'"):
        pkpd.predict(model, data, covariates=["V"])


def test_events_of_the_model_still_fire() -> None:
    """A dose that makes a condition true fires its event, also in what a later record of that time sees."""
    part = pkpd.load("pk_1cmt")
    A = part["central"]
    full = pkpd.param("full", 50, "mg", "capacity", source="illustrative")
    model = pkpd.Model("capped", rates=part.rates, events=[pkpd.Event(when=A > full, then={A: 1})])
    data = pkpd.read_nonmem(table([{"TIME": 0, "AMT": 40}, {"TIME": 2, "AMT": 40}], [0, 2, 3]))
    found = observed(model, data, "central", parameters=ONE)
    assert_alike(found, np.array([40, 1, np.exp(-0.1)]))


@pytest.mark.parametrize("method", ["numpy", "scipy"])
def test_every_method_gives_the_same(method) -> None:
    doses = [{"TIME": 0, "AMT": 100, "RATE": 5, "SS": 1, "II": 6}, {"TIME": 9, "AMT": 20}]
    data = pkpd.read_nonmem(table(doses, TIMES[:9]), compartments=CENTRAL)
    found = observed(pkpd.load("pk_1cmt"), data, parameters=ONE, method=method)
    wanted = total(steady_infused(5, 20, 6), bolus(9, 20))(TERMS["pk_1cmt"], TIMES[:9])
    assert_alike(found, wanted)


def test_a_population_against_its_closed_form() -> None:
    n = 20_000
    one = table([{"TIME": 0, "AMT": 100, "ADDL": 3, "II": 7, "RATE": 50}], np.linspace(1, 28, 9))
    frame = pd.concat([one] * n, ignore_index=True).assign(ID=np.repeat(np.arange(n), len(one)))
    frame["CL"] = np.repeat(np.random.default_rng(1).lognormal(1, 0.3, n), len(one))
    data = pkpd.read_nonmem(frame, compartments=CENTRAL)
    found = observed(pkpd.load("pk_1cmt"), data, parameters={"V": 30.0}).reshape(n, -1)
    CL = frame.CL.to_numpy()[:: len(one)][:, None]
    t = np.linspace(1, 28, 9)
    k = CL / 30
    wanted = sum(
        50 / CL * (1 - np.exp(-k * np.clip(t - s, 0, 2))) * np.exp(-k * np.maximum(t - s - 2, 0))
        for s in (0, 7, 14, 21)
    )
    assert relative_error(found, wanted) < 1e-6
