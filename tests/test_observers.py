"""Maxima, areas and first crossings are those of the trajectory, whatever times are stored."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import sympy
from helpers import tolerance_error
from scipy.optimize import brentq

import pkpd
from pkpd.errors import UnknownNameError
from pkpd.solvers import observing as observing_module
from pkpd.solvers.equations.numpy_code import numpy_code
from pkpd.solvers.equations.observers import Watch, observed
from pkpd.solvers.equations.system import numbered_system
from pkpd.solvers.observing import collect_numbers, observation, watches_of
from pkpd.solvers.problem import Problem
from pkpd.solvers.reductions import Reduction
from pkpd.solvers.schedule import make_schedule
from pkpd.solvers.solve import solve

METHODS = ["auto", "tsit5", "dop853", "rodas5p", "numpy", "scipy"]
EACH = ["auto", "rodas5p", "numpy", "scipy"]  # of the four drivers

CL = pkpd.param("CL", 1.0, "L/h", "clearance")
V = pkpd.param("V", 10.0, "L", "volume")
ka = pkpd.param("ka", 1.0, "1/h", "absorption")
G = pkpd.state("G", "mg", "amount in the gut")
A = pkpd.state("A", "mg", "amount")
oral = pkpd.Model(
    "oral",
    rates={G: -ka * G, A: ka * G - CL / V * A},
    outputs={"C": pkpd.output(A / V, "concentration", "mg/L")},
    routes={"po": {G: G + pkpd.dose("mg")}, "iv": {A: A + pkpd.dose("mg")}},
    time="h",
)

x = pkpd.state("x", "1", "place", start=0)
v = pkpd.state("v", "1/h", "speed", start=1)
w = pkpd.param("w", 1.0, "1/h", "frequency")
swing = pkpd.Model("swing", rates={x: v, v: -(w**2) * x}, time="h")

PO, IV = 0, 1


def doses(*entries):
    """Of (time, amount, duration or NaN, route); one row."""
    times, amounts, durations, routes = (np.array(column, dtype=float)[None] for column in zip(*entries, strict=True))
    lasts = ~np.isnan(durations[0])
    route = routes[0].astype(np.int64)
    return make_schedule(times, amounts, durations, np.where(lasts, -1, route), np.where(lasts, 0, -1), 1)


def no_doses():
    return make_schedule(*np.zeros((3, 1, 0)), np.zeros(0, np.int64), np.zeros(0, np.int64), 0)


def numbers(
    model, watches, window, schedule=None, *, method="auto", thresholds=(), first_dose=np.inf, before=True, **values
):
    """What `watches` come to in every member."""
    schedule = schedule or no_doses()
    system = numbered_system(model, ("iv",) if schedule.input_values.shape[2] else ())
    members = max((np.size(v) for v in values.values()), default=1)
    defaults = {s.name: s.value for s in model.settable}
    parameters = np.array([values.get(n, defaults[n]) + np.zeros(members) for n in system.parameters])
    problem = Problem(
        system, parameters, numpy_code(system).starts(parameters), schedule, np.asarray(window, float),
        1e-6, np.full(len(system.states), 1e-9), before,
    )  # fmt: skip
    watched = {name: Watch(*w) for name, w in watches.items()}
    task = observation(problem, watched, dict(thresholds), first_dose)
    return task.read(solve(task.problem, method))


def near(value, expected, tolerances=10):
    value, expected = np.asarray(value), np.broadcast_to(expected, np.shape(value))
    np.testing.assert_array_equal(np.isinf(value), np.isinf(expected))
    value, expected = (np.where(np.isinf(a), 0.0, a) for a in (value, expected))
    assert tolerance_error(value, expected, rtol=1e-6, atol=1e-8) < tolerances


ALL = {
    "Cmax": ("C", "max"), "tmax": ("C", "time_of_max"), "Cmin": ("C", "min"), "AUC": ("C", "auc"),
    "end": ("C", "last"), "tmin": ("C", "time_of_min"),
}  # fmt: skip


def bateman(CL, t, dose=100.0, V=10.0, ka=1.0):
    ke = CL / V
    return dose / V * ka / (ka - ke) * (np.exp(-ke * t) - np.exp(-ka * t))


@pytest.mark.parametrize("method", METHODS)
def test_an_oral_dose(method):
    clearance = np.array([1.0, 2.0, 5.0])
    ke = clearance / 10
    peak = np.log(1 / ke) / (1 - ke)
    got = numbers(oral, ALL, [0, 500], doses((2.0, 100, np.nan, PO)), method=method, CL=clearance)
    near(got["Cmax"], bateman(clearance, peak))
    near(got["tmax"], 2 + peak, 1000)  # a flat top: an error of 1e-6 in C is one of 1e-3 in time, at most
    near(got["AUC"], 100 / clearance)
    assert (got["Cmin"] <= 1e-8).all()
    near(got["end"], bateman(clearance, 498.0))


@pytest.mark.parametrize("method", METHODS)
def test_an_infusion_peaks_at_its_end(method):
    got = numbers(oral, ALL, [0, 100], doses((1.0, 60, 1 / 24, IV), (50.0, 50, 1 / 24, IV)), method=method)
    rate, ke = 60 * 24, 0.1
    near(got["Cmax"], rate / 1.0 * (1 - np.exp(-ke / 24)))
    near(got["tmax"], 1 + 1 / 24)
    first = rate * (1 - np.exp(-ke / 24)) * np.exp(-ke * (99 - 1 / 24))
    second = rate * 50 / 60 * (1 - np.exp(-ke / 24)) * np.exp(-ke * (50 - 1 / 24))
    near(got["end"], first + second)
    near(got["AUC"], 110 - 10 * (first + second))  # CL AUC = dose - what is left, V C


@pytest.mark.parametrize("method", EACH)
def test_a_bolus_is_seen_on_both_sides(method):
    schedule = doses((0.0, 100, np.nan, IV), (10.0, 20, np.nan, IV))
    got = numbers(oral, ALL, [0, 20], schedule, method=method)
    near(got["Cmax"], 10.0)
    near(got["tmax"], 0.0)
    near(got["Cmin"], 0.0)  # before the dose at time 0, as the value stored there
    got = numbers(oral, ALL, [0, 20], schedule, method=method, before=False)
    near(got["Cmin"], (10 * np.exp(-1) + 2) * np.exp(-1))
    near(got["tmin"], 20.0)
    got = numbers(oral, ALL, [1, 10], schedule, method=method)  # the trough at 10, before the dose there
    near(got["Cmax"], 10 * np.exp(-0.1))
    near(got["Cmin"], 10 * np.exp(-1))
    near(got["AUC"], 100 * (np.exp(-0.1) - np.exp(-1)))
    got = numbers(oral, ALL, [1, 10], schedule, method=method, before=False)
    near(got["Cmin"], 10 * np.exp(-1))
    near(got["Cmax"], 10 * np.exp(-0.1))
    near(got["end"], 10 * np.exp(-1) + 2)


@pytest.mark.slow
@pytest.mark.parametrize("method", EACH)
def test_a_swing(method):
    frequency = np.array([1.0, 3.0, 0.1])
    watches = {
        "top": ("x", "max"), "bottom": ("x", "min"), "at": ("x", "time_of_max"), "low": ("x", "time_of_min"),
        "fastest": ("v", "max"), "area": ("x", "auc"), "up": ("x", "first_above"), "down": ("x", "first_below"),
    }  # fmt: skip
    limits = {"up": 0.2, "down": -0.5 / frequency}
    got = numbers(swing, watches, [0, 50], method=method, thresholds=limits, w=frequency)
    near(got["top"], 1 / frequency, 50)
    near(got["bottom"], -1 / frequency, 100)  # of fifty hours, some eight turns of which add up
    near(got["at"], np.pi / 2 / frequency, 1000)
    near(got["low"], 3 * np.pi / 2 / frequency, 1000)
    near(got["area"], (1 - np.cos(50 * frequency)) / frequency**2, 500)
    near(got["up"], np.arcsin(0.2 * frequency) / frequency)
    near(got["down"], 7 * np.pi / 6 / frequency, 50)
    near(got["fastest"], np.ones(3))


@pytest.mark.parametrize("method", EACH)
def test_first_crossings_count_from_the_first_dose(method):
    watches = {
        "gone": ("C", "first_below"), "from 0": ("C", "first_below", True), "up": ("C", "first_above"),
        "never": ("C", "first_above"), "at once": ("C", "first_below"),
    }  # fmt: skip
    limits = {"gone": np.array([2.0, 4.0]), "from 0": 2.0, "up": 5.0, "never": 12.0, "at once": 11.0}
    schedule, times = doses((3.0, 100, np.nan, IV), (60, 100, np.nan, IV)), [0, 80]
    got = numbers(oral, watches, times, schedule, method=method, thresholds=limits, first_dose=3.0, CL=np.ones(2))
    near(got["gone"], 3 + 10 * np.log(10 / limits["gone"]))
    near(got["from 0"], [0, 0])
    near(got["up"], [3, 3])
    assert np.isinf(got["never"]).all()
    near(got["at once"], [3, 3])


def test_a_first_dose_of_each_member():
    schedule = doses((3.0, 100, np.nan, IV), (8.0, 100, np.nan, IV))
    watches = {"gone": ("C", "first_below")}
    first = np.array([3.0, 8.0, 30.0])
    got = numbers(oral, watches, [0, 20], schedule, thresholds={"gone": 11.0}, first_dose=first, CL=np.ones(3))
    decay = 10 * np.exp(-0.5) + 10
    near(got["gone"], [3.0, 8 + 10 * np.log(decay / 11), np.inf])


def test_a_window_of_one_time():
    got = numbers(oral, ALL, [5.0], doses((0.0, 100, np.nan, IV)))
    near(got["Cmax"], 10 * np.exp(-0.5))
    near(got["Cmin"], 10 * np.exp(-0.5))
    near([got["tmax"][0], got["tmin"][0], got["AUC"][0]], [5, 5, 0])


def test_the_model_is_not_touched_by_its_observers():
    schedule = doses((2.0, 100, np.nan, PO), (30.0, 50, 2.0, IV))
    got = numbers(oral, {**ALL, "x": ("G", "max")}, [0, 50], schedule)
    left = bateman(1.0, 48.0) + 25 * (1 - np.exp(-0.2)) * np.exp(-0.1 * 18)
    near(got["end"], left)
    near(got["x"], 100.0)


@pytest.mark.parametrize("method", EACH)
def test_an_output_with_a_corner(method):
    model = pkpd.Model(
        "corner", rates={x: v, v: -(w**2) * x}, time="h",
        outputs={"y": pkpd.output(sympy.Min(sympy.Abs(x), sympy.Rational(1, 2) + 0 * x), "cut off", "1"),
                 "z": pkpd.output(sympy.Min(x, 1 - x), "roof", "1")},
    )  # fmt: skip
    got = numbers(
        model, {"y": ("y", "max"), "area": ("y", "auc"), "z": ("z", "max"), "low": ("z", "min")}, [0, 2 * np.pi],
        method=method,
    )  # fmt: skip
    near(got["y"], 0.5)
    near(got["z"], 0.5)
    near(got["low"], -1.0)
    near(got["area"], 4 * (1 - np.cos(np.pi / 6) + 0.5 * np.pi / 3), 100)


@pytest.mark.parametrize("method", EACH)
def test_an_output_that_the_clock_changes(method):
    t, on = pkpd.clock("h"), pkpd.param("on", 2.0, "h", "start")
    model = pkpd.Model(
        "shown", rates={A: -CL / V * A}, time="h", routes={"iv": {A: A + pkpd.dose("mg")}},
        outputs={"y": pkpd.output(sympy.Piecewise((3 * A, (t >= on) & (t < 2 * on)), (A, True)), "shown", "mg")},
    )  # fmt: skip
    watches = {
        "top": ("y", "max"), "at": ("y", "time_of_max"), "area": ("y", "auc"), "low": ("y", "min"),
        "up": ("y", "first_above"),
    }  # fmt: skip
    schedule = doses((0.0, 100, np.nan, 0))
    got = numbers(
        model, watches,
        [0, 10], schedule, method=method, before=False, thresholds={"up": 150.0}, on=np.array([2.0, 4.5, 20.0]),
    )  # fmt: skip
    near(got["top"], [300 * np.exp(-0.2), 300 * np.exp(-0.45), 100.0])
    near(got["at"], [2.0, 4.5, 0.0])
    near(got["up"], [2.0, 4.5, np.inf])
    near(got["low"], 100 * np.exp(-1) * np.ones(3))
    area = 1000 * (1 - np.exp(-1)) + 2000 * (
        np.exp(-0.1 * np.array([2, 4.5, 10])) - np.exp(-0.1 * np.array([4, 9, 10]))
    )
    near(got["area"], area)


@pytest.mark.parametrize("method", EACH)
def test_events_of_the_model_are_seen_on_both_sides(method):
    t = pkpd.clock("h")
    model = pkpd.Model(
        "emptied", rates={A: CL / V * A}, time="h", routes={"iv": {A: A + pkpd.dose("mg")}},
        events=[pkpd.Event(when=A > 20 * CL / CL * pkpd.param("one", 1.0, "mg", "unit"), then={A: A / 4}),
                pkpd.Event(when=t > pkpd.param("at", 3.0, "h", "when"), then={A: A * 0})],
    )  # fmt: skip
    got = numbers(
        model, {"top": ("A", "max"), "low": ("A", "min")}, [1, 12], doses((0.0, 10, np.nan, 0)), method=method, at=11.0
    )
    near(got["top"], 20.0)
    near(got["low"], 0.0)
    got = numbers(
        model, {"top": ("A", "max"), "low": ("A", "min")}, [1, 8], doses((0.0, 10, np.nan, 0)), method=method, at=11.0
    )
    near(got["low"], 5.0)


def test_a_failed_member_has_no_numbers():
    got = numbers(oral, ALL, [0, 10], doses((0.0, 100, np.nan, IV)), CL=np.array([1.0, np.nan]))
    assert all(np.isfinite(value[0]) and np.isnan(value[1]) for value in got.values())


def test_an_unknown_name():
    with pytest.raises(UnknownNameError, match="no state or output 'c'"):
        observed(numbered_system(oral), (("x", Watch("c", "max")),))


def test_a_train_of_doses_has_its_largest_peak_found_among_many():
    schedule = doses(*((float(t), 100, np.nan, PO) for t in range(0, 240, 12)))
    got = numbers(oral, ALL, [0, 240], schedule, CL=np.array([1.0, 3.0]))
    for member, clearance in enumerate((1.0, 3.0)):
        ke = clearance / 10

        def slope(at, ke=ke, clearance=clearance):
            ago = at - 12.0 * np.arange(20)
            return np.sum(ke * np.exp(-ke * ago) - np.exp(-ago))

        top = brentq(lambda s, f=slope: -f(s), 228.01, 239)
        near(got["Cmax"][member], np.sum(bateman(clearance, top - 12.0 * np.arange(20))), 20)


@pytest.mark.parametrize("method", EACH)
def test_a_plateau_sets_no_turns_off(method):
    kin = pkpd.param("kin", 3.0, "mg/h", "production")
    model = pkpd.Model("turnover", rates={A: kin - CL / V * A, G: ka * A - 7 * ka * G}, time="h")
    watches = {"top": ("G", "max"), "bottom": ("G", "min"), "most": ("A", "max"), "when": ("A", "time_of_max")}
    system = numbered_system(model)
    values = {s.name: s.value for s in model.settable}
    parameters = np.array([[values[n]] for n in system.parameters])
    starts = np.array([[0.0], [0.0]])
    problem = Problem(system, parameters, starts, no_doses(), np.array([0.0, 300.0]), 1e-6, np.full(2, 1e-9))
    plain = solve(problem, method)
    task = observation(problem, {n: Watch(*w) for n, w in watches.items()}, {})
    solution = solve(task.problem, method)
    assert solution.steps[0] < 3 * plain.steps[0] + 20
    got = task.read(solution)
    near(got["top"], 30 / 7)
    near(got["most"], 30.0)
    near(got["bottom"], 0.0)


def test_what_reductions_watch():
    watches, thresholds = watches_of({
        "top": Reduction("C", "max"), "gone": Reduction("C", "first_below", 2.0, from_start=True),
        "high": Reduction("C", "first_above", (1.0, 2.0)),
    })  # fmt: skip
    assert watches == {
        "top": Watch("C", "max"), "gone": Watch("C", "first_below", True), "high": Watch("C", "first_above"),
    }  # fmt: skip
    assert thresholds == {"gone": 2.0, "high": (1.0, 2.0)}


@pytest.mark.parametrize("method", ["auto", "numpy"])
def test_chunks_and_progress(method, monkeypatch):
    monkeypatch.setitem(observing_module.CHUNK_MEMBERS, "cpu", 3)
    system = numbered_system(oral)
    clearance = np.linspace(0.5, 3, 10)
    values = {s.name: s.value for s in oral.settable} | {"CL": clearance}
    parameters = np.array([values[n] + np.zeros(10) for n in system.parameters])
    schedule = doses((0.0, 100, np.nan, IV))
    schedule = dataclasses.replace(schedule, input_values=schedule.input_values[:, :, :0])
    problem = Problem(
        system, parameters, numpy_code(system).starts(parameters), schedule, np.array([0.0, 24]), 1e-6, np.full(2, 1e-9)
    )
    reductions = {"AUC": Reduction("C", "auc"), "gone": Reduction("C", "first_below", tuple(np.linspace(1, 9, 10)))}
    marks = []
    kept = collect_numbers(problem, reductions, 0.0, method, lambda done, total: marks.append((done, total)))
    near(kept.columns["AUC"], 100 / clearance * (1 - np.exp(-clearance / 10 * 24)))
    reached = np.log(10 / np.linspace(1, 9, 10)) * 10 / clearance
    near(kept.columns["gone"], np.where(reached < 24, reached, np.inf))
    assert marks[-1] == (10, 10)
    assert sorted(marks) == marks
    assert (kept.ended == 24).all()
    assert not kept.status.any()


@pytest.mark.parametrize("method", EACH)
def test_a_quantity_of_the_clock_alone(method):
    t = pkpd.clock("h")
    model = pkpd.Model(
        "tide", rates={A: -CL / V * A}, time="h", outputs={"y": pkpd.output(sympy.sin(w * t), "tide", "1")}
    )
    watches = {"top": ("y", "max"), "at": ("y", "time_of_max"), "low": ("y", "min"), "area": ("y", "auc")}
    frequency = np.array([1.0, 0.3, 0.1])
    got = numbers(model, watches, [0, 14], method=method, w=frequency)
    near(got["top"], [1, 1, np.sin(1.4)])
    near(got["at"], [np.pi / 2, np.pi / 0.6, 14], 100)
    near(got["low"], [-1, np.sin(0.3 * 14), 0])
    near(got["area"], (1 - np.cos(14 * frequency)) / frequency)


@pytest.mark.parametrize("method", ["tsit5", "dop853", "numpy", "scipy"])
def test_two_turns_within_one_step_are_seen(method):
    """The overtone turns four times in a swing."""
    fast = pkpd.Model(
        "overtones", rates={x: v, v: -(w**2) * x}, time="h",
        outputs={"y": pkpd.output(x**2 - x / 2, "overtone", "1")},
    )  # fmt: skip
    got = numbers(fast, {"top": ("y", "max"), "low": ("y", "min")}, [0, 40], method=method)
    near(got["top"], 1.5, 100)
    near(got["low"], -1 / 16, 100)


def test_watching_cuts_no_step_short():
    system = numbered_system(swing)
    problem = Problem(
        system, np.array([[1.0]]), np.array([[0.0], [1.0]]), no_doses(), np.array([0.0, 40]), 1e-6, np.full(2, 1e-9)
    )
    task = observation(problem, {"top": Watch("x", "max"), "low": Watch("x", "min")}, {})
    bare = observation(problem, {"end": Watch("x", "last")}, {})
    for method in ("tsit5", "dop853"):
        watched, plain = solve(task.problem, method), solve(bare.problem, method)
        assert abs(int(watched.steps[0]) - int(plain.steps[0])) <= 3
