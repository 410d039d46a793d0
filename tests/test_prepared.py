"""prepare(): arrays equal to what the labelled verbs give, derivatives against differences, going on from a state."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from examples import irradiated, one_compartment

import pkpd
from pkpd.errors import ParameterError, SimulationError, UnknownNameError

DAYS = np.arange(0.0, 22.0)
DOSES = pkpd.bolus(30, "iv", at=[0, 7, 14])
ORAL = pkpd.load("pk_1cmt_oral")
VALUES = {"ka": 1.5, "CL": 1.0, "V": 10.0, "F": 0.8, "tlag": 0.5}


def table(**columns: object) -> pkpd.Records:
    rows = {"ID": [1] * 5 + [2] * 5, "TIME": [0, 1, 2, 4, 8] * 2, "AMT": [100, 0, 0, 0, 0] * 2, "CMT": 1}
    return pkpd.read_nonmem(pd.DataFrame(rows | columns), compartments={1: "depot", 2: "central"})


# ---- the same numbers as the labels


@pytest.mark.parametrize("method", ["auto", "tsit5", "rodas5p", "numpy", "scipy"])
def test_a_call_gives_the_bits_of_simulate(method: str) -> None:
    solver = pkpd.Solver(method=method)
    prepared = pkpd.prepare(one_compartment, DOSES, times=DAYS, parameters=["CL", "V1"], solver=solver)
    matrix = np.array([[0.3, 0.4, 0.5], [3.0, 3.5, 4.0]])
    run = pkpd.simulate(
        one_compartment, DOSES, times=DAYS, parameters={"CL": matrix[0], "V1": matrix[1]}, solver=solver
    )
    values = prepared(matrix)
    assert values["C"].shape == (3, len(DAYS))
    np.testing.assert_array_equal(values["C"], run["C"])
    by_name = prepared({"CL": matrix[0], "V1": matrix[1]})
    np.testing.assert_array_equal(by_name["C"], run["C"])
    by_ensemble = prepared(pkpd.members(CL=matrix[0], V1=matrix[1]))
    np.testing.assert_array_equal(by_ensemble["A1"], run["A1"])
    np.testing.assert_array_equal(prepared(matrix[:, 1])["C"], values["C"][1:2])


def test_a_table_gives_the_bits_of_predict() -> None:
    prepared = pkpd.prepare(ORAL, table(), outputs=["C"], parameters=["CL", "V"])
    each = {"CL": np.array([1.0, 2.0]), "V": np.array([10.0, 12.0])}
    expected = pkpd.predict(ORAL, table(), parameters=each)["C"].to_numpy()
    np.testing.assert_array_equal(prepared(each)["C"], expected)
    np.testing.assert_array_equal(prepared(np.array([*each.values()]))["C"], expected)
    copies = np.stack([np.array([*each.values()]), np.array([[1.1, 2.1], [9.0, 11.0]])], axis=1)
    values = prepared(copies)
    assert values["C"].shape == (2, 10)
    np.testing.assert_array_equal(values["C"][0], expected)
    np.testing.assert_array_equal(values["C"][1], prepared(copies[:, 1])["C"])


def test_arms_are_those_of_one_regimen_each() -> None:
    start = pkpd.param("start", 1, "day", "first dose")
    arms = {"control": None, "early": DOSES, "late": pkpd.infusion(10, "iv", duration=0.5).shift(start)}
    ensemble = pkpd.grid(start=[2, 5]) * pkpd.members(CL=[0.2, 0.4])
    run = pkpd.simulate(one_compartment, arms, times=DAYS, parameters=ensemble)
    assert run["C"].dims == ("arm", "start", "member", "time")
    for name, regimen in arms.items():
        own = pkpd.simulate(one_compartment, regimen, times=DAYS, parameters={"CL": [0.2, 0.4]} | (
            {"start": 5.0} if name == "late" else {}))  # fmt: skip
        np.testing.assert_array_equal(run["C"].sel(arm=name, start=5), own["C"])


def test_the_name_of_a_state_sets_its_start() -> None:
    run = pkpd.simulate(one_compartment, times=[0, 2.0], parameters={"A1": [5.0, 7.0], "CL": 0.3, "V1": 3.0})
    np.testing.assert_allclose(run["A1"], np.outer([5, 7], np.exp([0, -0.2])), rtol=1e-8)


# ---- derivatives


def difference(function, x: float, h: float):
    return (function(x + h) - function(x - h)) / (2 * h)


@pytest.mark.parametrize("name", VALUES)
def test_derivatives_of_a_table(name: str) -> None:
    tight = pkpd.Solver(rtol=1e-11, atol=1e-13)
    prepared = pkpd.prepare(ORAL, table(DUR=[0.7, 0, 0, 0, 0] * 2), outputs=["C"], sensitivities=[name], solver=tight)

    def predicted(value: float):
        return prepared(VALUES | {name: value})["C"]

    expected = difference(predicted, VALUES[name], 1e-4)
    np.testing.assert_allclose(prepared(VALUES).sensitivities["C"][:, 0], expected, atol=1e-6 * abs(expected).max())


@pytest.mark.parametrize(("code", "name"), [(-1, "R"), (-2, "D")])
@pytest.mark.parametrize("by", ["F", "R", "D"])
def test_derivatives_by_a_modeled_rate_and_duration(code: int, name: str, by: str) -> None:
    values = {"ka": 1.5, "CL": 1.0, "V": 10.0, "R": 150.0, "D": 0.7, "F": 0.8}
    tight = pkpd.Solver(rtol=1e-11, atol=1e-13)
    data = table(RATE=[code, 0, 0, 0, 0] * 2)
    prepared = pkpd.prepare(ORAL, data, outputs=["C"], sensitivities=[by], solver=tight)
    slope = prepared(values).sensitivities["C"][:, 0]
    if by not in (name, "F"):
        np.testing.assert_array_equal(slope, 0)
        return
    expected = difference(lambda x: prepared(values | {by: x})["C"], values[by], 1e-4 * values[by])
    np.testing.assert_allclose(slope, expected, atol=1e-6 * abs(expected).max())


def test_second_derivatives_on_both_paths() -> None:
    tight = pkpd.Solver(rtol=1e-10, atol=1e-12)
    start = pkpd.param("start", 0.5, "day", "first dose")
    names = ["CL", "V", "ka"]
    regimen = pkpd.bolus(100, "oral").shift(start)
    by_regimen = pkpd.prepare(
        ORAL, regimen, times=[1, 2, 4, 8], outputs=["C"], parameters=[*names, "start"], solver=tight,
        sensitivities=[*names, "start"], order=2,
    )  # fmt: skip
    by_table = pkpd.prepare(ORAL, table(), outputs=["C"], parameters=names, sensitivities=names, order=2, solver=tight)
    for prepared, x in ((by_regimen, np.array([1.0, 10.0, 1.5, 0.6])), (by_table, np.array([1.0, 10.0, 1.5]))):
        second = prepared(x).second_sensitivities["C"]
        for k in range(len(x)):
            step = np.eye(len(x))[k] * 1e-4
            expected = (prepared(x + step).sensitivities["C"] - prepared(x - step).sensitivities["C"]) / 2e-4
            np.testing.assert_allclose(second[..., k, :], expected, atol=2e-6 * abs(expected).max())


def test_a_new_choice_of_parameters_makes_no_machine_code(monkeypatch: pytest.MonkeyPatch) -> None:
    from pkpd.solvers.compiled import methods

    kosinsky, rt = pkpd.load("kosinsky_2018"), pkpd.fractions(2.0, 2, "radiation", start=1, duration=0.001)
    pkpd.simulate(kosinsky, rt, times=[0, 5], sensitivities=["alpha"])
    monkeypatch.setattr(methods, "_text", lambda *_: pytest.fail("new machine code"))
    run = pkpd.simulate(kosinsky, rt, times=[0, 5], sensitivities=["delta"])
    assert np.isfinite(run["sensitivity_V"]).all()


# ---- state in, state out


@pytest.mark.parametrize("cut", [7.0, 10.5])
def test_going_on_from_a_state_equals_no_stop(cut: float) -> None:
    whole = pkpd.prepare(irradiated, pkpd.fractions(2, 5, "flash", start=7), times=DAYS)
    part = pkpd.prepare(irradiated, pkpd.fractions(2, 5, "flash", start=7), times=[*DAYS[cut > DAYS], cut])
    matrix = {"kg": np.array([0.05, 0.1])}
    later, uncut = whole.resume(part(matrix).final, matrix), whole(matrix)
    assert np.isnan(later["T"][:, DAYS < cut]).all()
    after = cut < DAYS
    np.testing.assert_allclose(later["T"][:, after], uncut["T"][:, after], rtol=1e-7)
    if cut == 7.0:  # a stop of its own already
        np.testing.assert_array_equal(later["T"][:, after], uncut["T"][:, after])


def test_other_doses_from_where_patients_stand() -> None:
    prepared = pkpd.prepare(one_compartment, pkpd.bolus(30, "iv"), times=np.arange(11.0))
    half = pkpd.prepare(one_compartment, pkpd.bolus(30, "iv"), times=[0, 5.0])({"CL": 0.3, "V1": 3.0})
    later = prepared.resume(half.final, {"CL": 0.3, "V1": 3.0}, doses=pkpd.bolus(60, "iv", at=6))
    np.testing.assert_allclose(later["A1"][0, -1], 30 * np.exp(-1) + 60 * np.exp(-0.4), rtol=1e-7)


def test_the_log_of_events() -> None:
    T = pkpd.state("T", "1", "tumor", start=1)
    k, T_min = pkpd.param("k", 1, "1/day", "kill"), pkpd.param("T_min", 0.1, "1", "extinct below")
    model = pkpd.Model("dying", rates={T: -k * T}, events=[pkpd.Event(when=T < T_min, then={T: 0})])
    values = pkpd.prepare(model, times=[0, 5.0])({"k": np.array([1.0, 0.1])})
    np.testing.assert_allclose(values.event_times, [[np.log(10), np.inf]], rtol=1e-7)
    np.testing.assert_array_equal(values.event_counts, [[1, 0]])


# ---- what is refused


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: pkpd.prepare(ORAL, times=[1], parameters=["Cl"]), UnknownNameError, "Did you mean 'CL'"),
        (lambda: pkpd.prepare(ORAL, times=[1], parameters=["CL", "CL"]), ParameterError, "'CL' twice"),
        (lambda: pkpd.prepare(ORAL, times=[1], order=3), SimulationError, "order is 3"),
        (lambda: pkpd.prepare(ORAL, table(), times=[1]), SimulationError, "leave out times="),
        (lambda: pkpd.prepare(ORAL, times=[1], parameters=["CL"])(np.ones((2, 3))), ParameterError, r"\(1, members\)"),
        (lambda: pkpd.prepare(ORAL, table(), parameters=["CL"])(np.ones((1, 3))), ParameterError, r"\(1, copies, 2\)"),
        (lambda: pkpd.prepare(ORAL, table(CL=1.0), sensitivities=["CL"]), ParameterError, "column 'CL' of records"),
        (
            lambda: pkpd.prepare(ORAL, table(SS=1, II=24, TIME=0, AMT=100), sensitivities=["CL"], order=2)(),
            ParameterError,
            "do not go through the steady states",
        ),
    ],
)
def test_what_prepare_refuses(make, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()
