"""Regimens that begin in a steady state: as a table with SS, as many repeated doses, and their derivatives."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import sympy

import pkpd
from pkpd import Dosing, Model, ParameterError, RegimenError, Solver, clock, dose, input_rate, param, state
from pkpd.errors import FailedMembersWarning
from tests.helpers import relative_error

TIMES = np.array([0.0, 2, 5, 8, 12, 15])
EXACT = Solver(rtol=1e-11, atol=1e-11)

CL, V, ka = param("CL", 3, "L/h", "clearance"), param("V", 30, "L", "volume"), param("ka", 0.7, "1/h", "absorption")
Vmax, Km = param("Vmax", 20, "mg/h", "largest rate"), param("Km", 40, "mg", "amount at half of it")
F, tlag = param("F", 0.8, "1", "bioavailability"), param("tlag", 0, "h", "lag")
A0 = param("A0", 3, "mg h", "area at the start")
depot, central = state("depot", "mg", "drug to be absorbed"), state("central", "mg", "drug")
area = state("area", "mg h", "area under the amount", start=A0)
pump = input_rate("pump", "mg/h", "rate of a pump")

linear = Model(
    "linear",
    rates={depot: -ka * depot, central: ka * depot - CL / V * central + pump, area: central},
    outputs={"C": central / V},
    routes={"oral": {depot: depot + dose("mg")}, "iv": {central: central + dose("mg")}, "pump": pump},
    dosing={depot: Dosing(F=F, lag=tlag), central: Dosing(lag=tlag)},
    time="h",
)
saturable = Model(
    "saturable",
    rates={central: -Vmax * central / (Km + central)},
    routes={"iv": {central: central + dose("mg")}},
    time="h",
)

REGIMENS = {
    "bolus": (lambda ss, n: pkpd.bolus(100, "iv", every=12, ss=ss, n=n), {}),
    "oral": (lambda ss, n: pkpd.bolus("100 mg", "oral", every="0.5 day", ss=ss, n=n), {}),
    "infusion": (lambda ss, n: pkpd.infusion(100, "iv", 3, every=12, ss=ss, n=n), {}),
    "infusion of two intervals and more": (lambda ss, n: pkpd.infusion(100, "iv", 27, every=12, ss=ss, n=n), {}),
    "infusion of just two intervals": (lambda ss, n: pkpd.infusion(100, "iv", 24, every=12, ss=ss, n=n), {}),
    "route that takes a rate": (lambda ss, n: pkpd.infusion(100, "pump", 3, every=12, ss=ss, n=n), {}),
    "lag": (lambda ss, n: pkpd.bolus(100, "oral", every=12, ss=ss, n=n), {"tlag": 5}),
    "lag of an interval": (lambda ss, n: pkpd.bolus(100, "oral", every=12, ss=ss, n=n), {"tlag": 12}),
    "lag of more than an interval": (lambda ss, n: pkpd.infusion(100, "iv", 3, every=6, ss=ss, n=n), {"tlag": 8}),
    "infusion that runs, with a lag": (lambda ss, n: pkpd.infusion(100, "iv", 9, every=12, ss=ss, n=n), {"tlag": 5}),
}


@pytest.mark.parametrize(
    ("case", "method"),
    [*((case, "auto") for case in REGIMENS), ("lag", "numpy"), ("infusion of just two intervals", "numpy")],
)
def test_as_after_many_repeated_doses(case: str, method: str) -> None:
    make, parameters = REGIMENS[case]
    interval = 6 if case == "lag of more than an interval" else 12
    steady = pkpd.simulate(linear, make(True, 2), times=TIMES, parameters=parameters, method=method, rtol=1e-9)
    before = 40 * interval
    many = pkpd.simulate(linear, make(False, 42), times=TIMES + before, parameters=parameters, method=method, rtol=1e-9)
    for name in ("depot", "central", "C"):
        np.testing.assert_allclose(steady[name], many[name], rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(
        steady["area"] - steady["area"][0], many["area"] - many["area"][0], rtol=1e-6, atol=1e-8
    )  # fmt: skip
    assert float(steady["area"][0]) == 3


def table(rows: list[dict[str, float]]) -> pkpd.Records:
    looks = [{"TIME": t, "EVID": 0} for t in TIMES[1:]]
    frame = pd.DataFrame([{"EVID": 1, "TIME": 0, **row} for row in rows] + looks).fillna(0).assign(ID=1)
    return pkpd.read_nonmem(frame, compartments={1: "depot", 2: "central", 3: "pump"})


@pytest.mark.parametrize(
    ("regimen", "rows", "parameters"),
    [
        (pkpd.bolus(100, "oral", every=9, ss=True, n=2), [{"AMT": 100, "II": 9, "SS": 1, "ADDL": 1, "CMT": 1}], {}),
        (
            pkpd.infusion(90, "iv", 20, every=8, ss=True),
            [{"AMT": 90, "RATE": 4.5, "II": 8, "SS": 1, "CMT": 2}],
            {"tlag": 3},
        ),
        (
            pkpd.infusion(90, "pump", 3, every=8, ss=True),
            [{"AMT": 90, "RATE": 30, "II": 8, "SS": 1, "CMT": 3}],
            {"CL": 5},
        ),
        (
            pkpd.bolus(100, "oral", every=24, ss=True) + pkpd.bolus(40, "iv", every=8, ss=True),
            [{"AMT": 100, "II": 24, "SS": 1, "CMT": 1}, {"AMT": 40, "II": 8, "SS": 2, "CMT": 2}],
            {"tlag": 1},
        ),
    ],
)
def test_as_a_table_with_ss(regimen: pkpd.Regimen, rows: list[dict[str, float]], parameters: dict[str, float]) -> None:
    seen = pkpd.predict(linear, table(rows), parameters=parameters, rtol=1e-9)
    run = pkpd.simulate(linear, regimen, times=TIMES, parameters=parameters, rtol=1e-9)
    later = seen[seen["EVID"] == 0]
    for name in ("depot", "central", "area"):
        np.testing.assert_allclose(run[name][1:], later[name], rtol=1e-7, atol=1e-9)


def test_each_arm_and_member_has_its_own_steady_state() -> None:
    interval = param("tau", 12, "h", "interval")
    arms = {"none": None, "ss": pkpd.bolus(100, "iv", every=interval, ss=True), "once": pkpd.bolus(100, "iv")}
    run = pkpd.simulate(linear, arms, times=[0], parameters={"tau": [6, 12], "CL": [3, 5]}, at_dose="after")
    k, tau = np.array([3, 5]) / 30, np.array([6, 12])
    expected = [[0, 0], 100 / (1 - np.exp(-k * tau)), [100, 100]]
    np.testing.assert_allclose(run["central"].squeeze("time"), expected, rtol=1e-7)


def test_a_clearance_that_changes_later_is_at_first_that_of_the_steady_state() -> None:
    run = pkpd.simulate(
        linear, pkpd.bolus(100, "iv", every=12, ss=True), times=[0, 12], at_dose="after",
        covariates={"CL": pkpd.over_time([0, 6], [3, 6])},
    )  # fmt: skip
    peak = 100 / (1 - np.exp(-1.2))
    np.testing.assert_allclose(run["central"], peak * np.exp(-np.array([0, 0.1 * 6 + 0.2 * 6])), rtol=1e-7)


def differences(prepared, at, step=1e-4, names=None):
    """Derivatives of the first output by central differences of order 4, (times, K)."""
    (name,) = names or prepared.outputs
    columns = []
    for k, value in enumerate(at):
        h = step * (abs(value) or 1)
        moved = np.tile(at, (4, 1)).T
        moved[k] += h * np.array([-2, -1, 1, 2])
        low2, low, high, high2 = prepared(moved)[name]
        columns.append((low2 - 8 * low + 8 * high - high2) / (12 * h))
    return np.stack(columns, axis=1)


tau, size, lasting = param("tau", 8, "h", "interval"), param("size", 100, "mg", "dose"), param("T", 3, "h", "duration")


SLOPES = [
    (linear, pkpd.bolus(size, "oral", every=tau, ss=True, n=2), {"ka": 0.7, "F": 0.8}),
    (linear, pkpd.bolus(size, "oral", every=tau, ss=True, n=2), {"CL": 3.0, "tlag": 2.5}),
    (linear, pkpd.infusion(size, "iv", lasting, every=tau, ss=True), {"V": 30.0, "T": 3.0}),
    (linear, pkpd.infusion(size, "iv", lasting, every=tau, ss=True), {"CL": 3.0, "T": 19.0, "tlag": 1.5}),
    (linear, pkpd.infusion(size, "iv", lasting, every=tau, ss=True), {"CL": 3.0, "T": 16.0}),
    (linear, pkpd.infusion(size, "pump", lasting, every=tau, ss=True), {"CL": 3.0, "T": 11.0}),
    (linear, pkpd.bolus(size, "iv", every=tau, ss=True), {"tlag": 11.0, "CL": 3.0}),
    (saturable, pkpd.bolus(size, "iv", every=tau, ss=True), {"Vmax": 20.0, "Km": 40.0}),
    (saturable, pkpd.infusion(size, "iv", lasting, every=tau, ss=True), {"Vmax": 20.0, "T": 11.0}),
    (
        linear,
        pkpd.bolus(size, "iv", every=tau, ss=True) + pkpd.infusion(size, "oral", 3, every=12, ss=True),
        {"CL": 3.0, "ka": 0.7},
    ),
]


@pytest.mark.parametrize(
    ("model", "regimen", "at", "method"),
    [*((*case, "auto") for case in SLOPES), (*SLOPES[3], "numpy"), (*SLOPES[5], "numpy")],
)
def test_derivatives_go_through_the_steady_state(model, regimen, at: dict[str, float], method: str) -> None:
    names = [*at, "size", "tau"]
    options = {"times": TIMES + 0.25, "outputs": ["central"], "parameters": names, "solver": EXACT.but(method=method)}
    point = np.array([*at.values(), 100, 8.0])
    exact = pkpd.prepare(model, regimen, sensitivities=names, **options)(point).sensitivities["central"][0]
    expected = differences(pkpd.prepare(model, regimen, **options), point)
    np.testing.assert_allclose(exact, expected, rtol=2e-6, atol=2e-8 * np.abs(expected).max())


def test_derivatives_by_what_a_steady_state_keeps() -> None:
    """What only accumulates starts where it did; its derivative by that start is 1."""
    run = pkpd.simulate(
        linear, pkpd.bolus(100, "iv", every=12, ss=True), times=[0, 5], sensitivities=["A0", "central", "area"]
    )
    np.testing.assert_allclose(run["sensitivity_area"], [[1, 0, 1]] * 2, atol=1e-9)
    np.testing.assert_allclose(run["sensitivity_central"], np.zeros((2, 3)), atol=1e-9)


def test_what_is_refused() -> None:
    timed = Model(
        "timed",
        rates={central: -CL / V * central * (1 + clock("h") / param("slow", 10, "h", "time"))},
        routes={"iv": {central: central + dose("mg")}},
        time="h",
    )
    erased = Model(
        "erased", rates={central: -CL / V * central}, time="h",
        routes={"iv": {central: central + dose("mg")}, "wash": {central: central * sympy.exp(-dose("1"))}},
    )  # fmt: skip
    steady = pkpd.bolus(100, "iv", every=12, ss=True)
    for model, regimen, message in (
        (linear, steady.shift(3), "is at time 3; begin the regimen with it"),
        (timed, steady, "the rates of timed depend on time itself"),
        (erased, steady + pkpd.bolus(1, "wash", every=12, ss=True), "does not add to its states"),
        (linear, pkpd.bolus(100, "iv", every=tau, ss=True), "the interval .* is 0; expected a finite number"),
        (linear, pkpd.bolus(100, "iv", every=1e-9, ss=True), "cannot be told from rounding"),
    ):
        with pytest.raises(RegimenError, match=message):
            pkpd.simulate(model, regimen, times=[1], parameters={"tau": 0} if "is 0" in message else {})
    with pytest.raises(ParameterError, match=r"second derivatives by 'CL' do not go through the\s+steady state"):
        pkpd.prepare(linear, steady, times=[1], sensitivities=["CL"], order=2)({})


def test_a_member_without_a_steady_state_says_so() -> None:
    with pytest.warns(FailedMembersWarning, match="1 no_steady_state.*has no steady state that repeated doses reach"):
        run = pkpd.simulate(
            saturable, pkpd.bolus(100, "iv", every=8, ss=True), times=[0, 4], parameters={"Vmax": [20, 10]}
        )
    assert np.isfinite(run["central"][0]).all()
    assert np.isnan(run["central"][1]).all()


def test_a_total_that_doses_keep_is_that_of_the_start() -> None:
    """Receptors that are neither made nor lost: their total in the steady state is what they start with."""
    on, off = param("on", 0.05, "1/mg/h", "binding"), param("off", 0.5, "1/h", "unbinding")
    R0 = param("R0", 10, "mg", "receptors")
    free, bound = state("R", "mg", "free receptors", start=R0), state("RC", "mg", "bound ones")
    binding = Model(
        "binding",
        rates={
            central: -CL / V * central - on * central * free + off * bound,
            free: off * bound - on * central * free,
            bound: on * central * free - off * bound,
        },
        routes={"iv": {central: central + dose("mg")}},
        time="h",
    )
    steady = pkpd.prepare(
        binding, pkpd.bolus(20, "iv", every=12, ss=True), times=TIMES, parameters=["R0", "CL"], outputs=["R"],
        sensitivities=["R0", "CL"], solver=EXACT,
    )  # fmt: skip
    point = np.array([10.0, 3])
    values = steady(point)
    many = pkpd.simulate(binding, pkpd.bolus(20, "iv", every=12, n=41), times=TIMES + 480, rtol=1e-10)
    assert relative_error(values["R"][0], many["R"]) < 1e-7
    slopes = pkpd.prepare(
        binding, pkpd.bolus(20, "iv", every=12, ss=True), times=TIMES, parameters=["R0", "CL"], outputs=["R"],
        solver=EXACT,
    )  # fmt: skip
    np.testing.assert_allclose(values.sensitivities["R"][0], differences(slopes, point), rtol=1e-6)


# ---- tables

R, D = param("R", 30, "mg/h", "rate"), param("T", 3, "h", "duration")
dosed = Model(
    "dosed",
    rates={depot: -ka * depot, central: ka * depot - Vmax * central / (Km + central), area: central},
    outputs={"C": central / V},
    dosing={depot: Dosing(F=F, lag=tlag, rate=R, duration=D), central: Dosing(lag=tlag, rate=R, duration=D)},
    time="h",
)

TABLES = {
    "bolus": ([{"AMT": 100, "II": 12, "SS": 1, "CMT": 2}], {"Vmax": 20, "Km": 40}),
    "F, and doses after": ([{"AMT": 100, "II": 12, "SS": 1, "ADDL": 1}], {"ka": 0.7, "F": 0.8}),
    "lag": ([{"AMT": 100, "II": 12, "SS": 1, "ADDL": 1}], {"Km": 40, "tlag": 2.5}),
    "lag of more than an interval": ([{"AMT": 50, "II": 4, "SS": 1}], {"ka": 0.7, "tlag": 9.5}),
    "infusion": ([{"AMT": 60, "RATE": 20, "II": 8, "SS": 1, "CMT": 2}], {"Vmax": 20, "Km": 40}),
    "infusion longer than the interval, lag": (
        [{"AMT": 60, "RATE": 5, "II": 8, "SS": 1}], {"F": 0.8, "tlag": 2.5, "Vmax": 20},
    ),
    "rate of the model": ([{"AMT": 60, "RATE": -1, "II": 6, "SS": 1}], {"R": 7, "F": 0.8}),
    "duration of the model": ([{"AMT": 60, "RATE": -2, "II": 6, "SS": 1, "CMT": 2}], {"T": 9.5, "tlag": 1.5}),
    "constant infusion": ([{"RATE": 9, "SS": 1, "CMT": 2}], {"Vmax": 20, "Km": 40}),
    "constant infusion, lag": ([{"RATE": 9, "SS": 1, "CMT": 2}], {"Vmax": 20, "tlag": 2.5}),
    "added to what is there": (
        [{"AMT": 100, "CMT": 1}, {"TIME": 3, "AMT": 20, "II": 12, "SS": 2, "CMT": 1}], {"ka": 0.7, "F": 0.8, "Km": 40},
    ),
    "twice": (
        [{"AMT": 100, "II": 12, "SS": 1}, {"TIME": 6, "AMT": 30, "RATE": 10, "II": 6, "SS": 1, "CMT": 2}],
        {"ka": 0.7, "Vmax": 20},
    ),
    "later": ([{"TIME": 1, "EVID": 2}, {"TIME": 6, "AMT": 30, "II": 6, "SS": 1}], {"ka": 0.7, "Km": 40}),
}  # fmt: skip


def looks(rows: list[dict[str, float]]) -> pkpd.Records:
    frame = pd.DataFrame([{"EVID": 1, "TIME": 0, "CMT": 1, **row} for row in rows])
    frame = pd.concat([frame, pd.DataFrame([{"TIME": t + 0.3, "EVID": 0} for t in TIMES])])
    frame = frame.fillna(0).sort_values("TIME", kind="stable").assign(ID=1)
    return pkpd.read_nonmem(frame, compartments={1: "depot", 2: "central"})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "method"), [*((case, "auto") for case in TABLES), ("bolus", "numpy"), ("constant infusion, lag", "numpy")]
)
@pytest.mark.parametrize("output", ["central", "area"])
def test_derivatives_of_tables_go_through_steady_states(case: str, method: str, output: str) -> None:
    rows, at = TABLES[case]
    options = {"outputs": [output], "parameters": [*at], "solver": EXACT.but(method=method)}
    point = np.array([*at.values()], dtype=float)
    exact = pkpd.prepare(dosed, looks(rows), sensitivities=[*at], **options)(point).sensitivities[output]
    table = pkpd.prepare(dosed, looks(rows), **options)
    expected = differences(lambda moved: {output: table(moved[:, :, None])[output]}, point, names=(output,))
    np.testing.assert_allclose(exact, expected, rtol=5e-6, atol=5e-8 * np.abs(expected).max())


@pytest.mark.parametrize(
    "row", [{"AMT": 100, "II": 12}, {"AMT": 60, "RATE": 20, "II": 8}, {"AMT": 60, "RATE": 4, "II": 8}]
)
def test_derivatives_by_a_lag_that_is_zero(row: dict[str, float]) -> None:
    """From above alone, since a lag is not negative."""
    options = {"outputs": ["central"], "parameters": ["tlag"], "solver": EXACT}
    exact = pkpd.prepare(dosed, looks([{**row, "SS": 1, "ADDL": 1}]), sensitivities=["tlag"], **options)(np.zeros(1))
    table = pkpd.prepare(dosed, looks([{**row, "SS": 1, "ADDL": 1}]), **options)
    h = 1e-3
    seen = table(h * np.arange(5.0)[None, :, None])["central"]
    expected = np.array([-25, 48, -36, 16, -3]) @ seen / (12 * h)
    np.testing.assert_allclose(exact.sensitivities["central"][1:, 0], expected[1:], rtol=1e-5)


def test_second_derivatives_of_a_steady_state_are_refused() -> None:
    with pytest.raises(ParameterError, match=r"second derivatives by 'ka' do not go through the steady states \(SS\)"):
        pkpd.prepare(dosed, looks(TABLES["bolus"][0]), sensitivities=["ka"], order=2)({})


def test_a_table_names_each_status_as_it_is() -> None:
    """The names of statuses do not depend on how their numbers are spaced."""
    with pytest.warns(FailedMembersWarning, match="no steady state that repeated doses reach"):
        seen = pkpd.predict(dosed, looks([{"AMT": 1000, "II": 12, "SS": 1}]))
    assert set(seen["status"]) == {"no_steady_state"}
    bounded = state("A", "mg", "drug", start=1, nonnegative=True)
    below = Model("below", rates={bounded: -param("loss", 5, "mg/h", "loss")}, time="h")
    with pytest.warns(FailedMembersWarning, match="negative value of a state"):
        seen = pkpd.predict(below, pkpd.read_nonmem(pd.DataFrame({"ID": 1, "TIME": [0.0, 1], "EVID": 0})))
    assert list(seen["status"]) == ["ok", "negative"]
