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
    times: tuple = tuple(np.linspace(0, 60, 41))


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
    "F, RATE -2: the rate scales": Case([{"TIME": 2, "AMT": 100, "RATE": -2}], infused(2, 24, 2.5), {"F": 0.6, "D": 2.5}),
    "lag": Case([{"TIME": 2, "AMT": 100}], bolus(3.25, 100), {"tlag": 1.25}),
    "lag of an infusion": Case([{"TIME": 2, "AMT": 100, "RATE": 20}], infused(3.25, 20, 5), {"tlag": 1.25}),
    "ADDL": Case([{"TIME": 1, "AMT": 100, "ADDL": 4, "II": 6}], doses_at([1, 7, 13, 19, 25], 100)),
    "ADDL beyond the records": Case([{"TIME": 1, "AMT": 100, "ADDL": 10**6, "II": 50}], doses_at([1, 51], 100)),
    "ADDL, dose in between": Case(
        [{"TIME": 1, "AMT": 100, "ADDL": 2, "II": 6}, {"TIME": 9, "AMT": 30}],
        total(doses_at([1, 7, 13], 100), bolus(9, 30)),
    ),
    "ADDL, lag": Case([{"TIME": 1, "AMT": 100, "ADDL": 2, "II": 6}], doses_at([3, 9, 15], 100), {"tlag": 2}),
    "ADDL, lag longer than II": Case([{"TIME": 1, "AMT": 9, "ADDL": 3, "II": 6}], doses_at([15, 21, 27, 33], 9), {"tlag": 14}),
    "ADDL of infusions longer than II": Case(
        [{"TIME": 1, "AMT": 100, "RATE": 10, "ADDL": 3, "II": 4}], total(*(infused(t, 10, 10) for t in (1, 5, 9, 13)))
    ),
    "EVID 2": Case([{"TIME": 0, "AMT": 100}, {"TIME": 9, "EVID": 2}], bolus(0, 100)),
    "EVID 3": Case([{"TIME": 0, "AMT": 100}, {"TIME": 9, "EVID": 3}, {"TIME": 20, "AMT": 5}], until(9, bolus(0, 100), bolus(20, 5))),
    "EVID 3 ends infusions": Case([{"TIME": 0, "AMT": 100, "RATE": 5}, {"TIME": 9, "EVID": 3}], until(9, infused(0, 5, 20))),
    "EVID 3 cancels ADDL": Case([{"TIME": 0, "AMT": 9, "ADDL": 9, "II": 4}, {"TIME": 9, "EVID": 3}], until(9, doses_at([0, 4, 8], 9))),
    "EVID 3 cancels a lagged dose": Case([{"TIME": 0, "AMT": 5}, {"TIME": 8, "AMT": 9}, {"TIME": 9, "EVID": 3}], until(9, bolus(2, 5)), {"tlag": 2}),
    "EVID 4": Case([{"TIME": 0, "AMT": 100}, {"TIME": 9, "EVID": 4, "AMT": 30}], until(9, bolus(0, 100), bolus(9, 30))),
    "EVID 4, infusion": Case(
        [{"TIME": 0, "AMT": 100}, {"TIME": 9, "EVID": 4, "AMT": 30, "RATE": 6}], until(9, bolus(0, 100), infused(9, 6, 5))
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
        [{"TIME": 0, "AMT": 100, "SS": 1, "II": 12}], until(1.25, steady(100, 12, 10.75), steady(100, 12, -1.25)), {"tlag": 1.25}
    ),
    "SS 1, lag of just II": Case(
        [{"TIME": 0, "AMT": 100, "SS": 1, "II": 12}], total(steady(100, 12), bolus(12, 100)), {"tlag": 12}
    ),
    "SS 1, lag longer than II": Case(
        [{"TIME": 0, "AMT": 100, "SS": 1, "II": 4}],
        total(steady(100, 4, 3), doses_at([1, 5, 9], 100)), {"tlag": 9}
    ),
    "SS 1, lag of a multiple of II in floating point": Case(
        [{"TIME": 0, "AMT": 100, "SS": 1, "II": 0.1}], total(steady(100, 0.1), doses_at([0.1, 0.2, 0.3], 100)), {"tlag": 0.3}
    ),
    "SS 1 of infusions, lag": Case(
        [{"TIME": 0, "AMT": 100, "RATE": 5, "SS": 1, "II": 6}], total(steady_infused(5, 20, 6, 4), infused(2, 5, 20)), {"tlag": 2}
    ),
    "SS 1 replaces what was": Case(
        [{"TIME": 0, "AMT": 500, "ADDL": 9, "II": 6}, {"TIME": 1, "AMT": 900, "RATE": 10}, {"TIME": 9, "AMT": 100, "SS": 1, "II": 12}],
        until(9, total(doses_at([0, 6], 500), infused(1, 10, 90)), steady(100, 12, -9)),
    ),
    "SS 1 after EVID 4": Case(
        [{"TIME": 0, "AMT": 500}, {"TIME": 9, "EVID": 4, "AMT": 100, "SS": 1, "II": 12}], until(9, bolus(0, 500), steady(100, 12, -9))
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
        [{"TIME": 0, "AMT": 500}, {"TIME": 9, "EVID": 4, "AMT": 100, "SS": 2, "II": 12}], until(9, bolus(0, 500), steady(100, 12, -9))
    ),
    "SS 3": Case([{"TIME": 0, "AMT": 500}, {"TIME": 9, "AMT": 100, "SS": 3, "II": 12}], until(9, bolus(0, 500), steady(100, 12, -9))),
    "SS 1 of a constant infusion, then off": Case(
        [{"TIME": 0, "RATE": 6, "SS": 1}], lambda terms, t: infusion_response(terms, t + 1e9, 6, 1e9)
    ),
    "SS 1 of a constant infusion, RATE -1, F": Case(
        [{"TIME": 0, "RATE": -1, "SS": 1}], lambda terms, t: infusion_response(terms, t + 1e9, 6, 1e9), {"R": 6, "F": 0.6}
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
}  # fmt: skip


@pytest.mark.parametrize("name", ["pk_1cmt", "pk_2cmt"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_doses_into_the_central_compartment(case: Case, name: str) -> None:
    data = pkpd.read_nonmem(table(case.doses, case.times), compartments=CENTRAL)
    found = observed(pkpd.load(name), data, parameters=VALUES[name] | case.parameters)
    wanted = case.expected(TERMS[name], np.array(case.times, dtype=float))
    assert_alike(found, wanted)
