"""Going on with doses and stored times of each member's own: the spine under protocols."""

from __future__ import annotations

import numpy as np
import pytest

import pkpd
from pkpd.prepared.regimens import RegimenProblems
from pkpd.solvers.schedule import Schedule
from pkpd.treatment.timed_doses import TimedDoses

MODEL = pkpd.load("pk_1cmt")
PEOPLE = {"CL": np.array([0.3, 0.6, 1.2]), "V": np.array([3.0, 3.0, 4.0])}
NAN, INF = np.nan, np.inf


def table() -> TimedDoses:
    """A bolus and an infusion of each member's own; the last has no infusion."""
    times = np.array([[1.0, 4.0], [2.0, 3.5], [6.0, INF]])
    amounts = np.array([[10.0, 40.0], [20.0, 60.0], [30.0, 0.0]])
    durations = np.array([[NAN, 5.0], [NAN, 1.0], [NAN, NAN]])
    return TimedDoses(("iv", "iv"), times, amounts, durations)


def regimen(i: int) -> pkpd.Regimen:
    doses = table()
    own = pkpd.bolus(doses.amounts[i, 0], "iv", at=doses.times[i, 0])
    if np.isfinite(doses.times[i, 1]):
        own += pkpd.infusion(doses.amounts[i, 1], "iv", doses.durations[i, 1], at=doses.times[i, 1])
    return own


@pytest.fixture
def prepared() -> pkpd.Prepared:
    lasting = pkpd.infusion(1, "iv", 1) + pkpd.bolus(1, "iv")
    return pkpd.prepare(MODEL, lasting, times=[0.0], outputs=["central", "C"], solver=pkpd.Solver(rtol=1e-10))


def test_each_member_has_doses_and_times_of_its_own(prepared: pkpd.Prepared) -> None:
    start = prepared(PEOPLE).final
    assert start is not None
    ends = np.array([[2.5, 7.0], [3.7, INF], [5.0, 9.0]])
    values = prepared.resume(start, PEOPLE, doses=table(), times=ends)
    np.testing.assert_array_equal(values.ended, [7.0, 3.7, 9.0])
    for i in range(3):
        own = {name: column[i] for name, column in PEOPLE.items()}
        when = ends[i][np.isfinite(ends[i])]
        alone = pkpd.prepare(MODEL, regimen(i), times=when, outputs=["central", "C"], solver=pkpd.Solver(rtol=1e-10))(
            own
        )
        for name in ("central", "C"):
            np.testing.assert_allclose(values[name][i, : len(when)], alone[name][0], rtol=1e-8)
    assert np.isnan(values["central"][1, 1])


def test_a_cut_in_the_middle_of_an_infusion_changes_nothing(prepared: pkpd.Prepared) -> None:
    start = prepared(PEOPLE).final
    assert start is not None
    whole = prepared.resume(start, PEOPLE, doses=table(), times=np.full((3, 1), 10.0))
    cut = prepared.resume(start, PEOPLE, doses=table(), times=np.array([[6.0], [4.1], [6.0]]))
    assert cut.final is not None
    later = prepared.resume(cut.final, PEOPLE, doses=table(), times=np.full((3, 1), 10.0))
    np.testing.assert_allclose(later["central"], whole["central"], rtol=1e-8)


def test_some_of_the_members_go_on_alone(prepared: pkpd.Prepared) -> None:
    values = prepared.values_of(PEOPLE)
    start = prepared.solve(values).final
    assert start is not None
    doses, ends = table(), np.array([[5.0], [6.0], [7.0]])
    together = prepared.resume(start, values, doses=doses, times=ends)
    who = np.array([2, 0])
    some = TimedDoses(doses.routes, doses.times[who], doses.amounts[who], doses.durations[who])
    apart = prepared.resume(start.take(who), values.take(who), doses=some, times=ends[who])
    np.testing.assert_array_equal(apart["central"], together["central"][who])
    assert apart.final is not None
    put = start.put(who, apart.final)
    np.testing.assert_array_equal(put.at, [5.0, 0.0, 7.0])
    np.testing.assert_array_equal(put.states[:, 1], start.states[:, 1])


def test_what_does_not_fit_is_refused(prepared: pkpd.Prepared) -> None:
    start = prepared(PEOPLE).final
    assert start is not None
    ends = np.full((3, 1), 5.0)
    with pytest.raises(pkpd.SimulationError, match="times= and until=4"):
        prepared.resume(start, PEOPLE, times=ends, until=4)
    with pytest.raises(pkpd.SimulationError, match=r"shape \(2, 1\)"):
        prepared.resume(start, PEOPLE, times=ends[:2])
    with pytest.raises(pkpd.SimulationError, match="increasing"):
        prepared.resume(start, PEOPLE, times=np.array([[5.0, 5.0]] * 3))
    only_bolus = pkpd.prepare(MODEL, pkpd.bolus(1, "iv"), times=[0.0])
    with pytest.raises(pkpd.RegimenError, match="'iv' lasts"):
        only_bolus.resume(start, PEOPLE, doses=table(), times=ends)
    assert isinstance(only_bolus.problems, RegimenProblems)


@pytest.mark.parametrize("before", [True, False])
def test_inputs_at_times_of_each_member(before: bool) -> None:
    rng = np.random.default_rng(1)
    stops = np.sort(rng.integers(0, 9, (4, 5)).astype(float), axis=1)
    rates = rng.normal(size=(4, 6, 2))
    schedule = Schedule(stops, np.full((4, 5), -1), np.zeros((4, 5)), rates)
    for width in (2, 7):  # fewer and more times than members
        times = np.sort(rng.integers(0, 9, (4, width)).astype(float), axis=1)
        seen = schedule.input_values_at(times, before=before)
        for i in range(4):
            for k in range(width):
                passed = int((stops[i] < times[i, k]).sum() if before else (stops[i] <= times[i, k]).sum())
                np.testing.assert_array_equal(seen[i, k], rates[i, passed])
