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
    from pkpd.solvers.compiled import kernels

    kosinsky, rt = pkpd.load("kosinsky_2018"), pkpd.fractions(2.0, 2, "radiation", start=1, duration=0.001)
    pkpd.simulate(kosinsky, rt, times=[0, 5], sensitivities=["alpha"])
    monkeypatch.setattr(kernels, "make_kernel", lambda *_: pytest.fail("new machine code"))
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


def test_the_log_holds_events_on_the_clock() -> None:
    T, day = pkpd.state("T", "1", "tumor", start=1), pkpd.clock("day")
    k, T_min = pkpd.param("k", 1, "1/day", "kill"), pkpd.param("T_min", 0.1, "1", "extinct below")
    cut = pkpd.param("cut", 0.5, "day", "surgery")
    events = [pkpd.Event(when=day >= cut, then={T: T / 2}), pkpd.Event(when=T < T_min, then={T: 0})]
    model = pkpd.Model("surgery", rates={T: -k * T}, events=events)
    values = pkpd.prepare(model, times=[0, 5.0])({"cut": np.array([0.5, 9.0])})
    np.testing.assert_allclose(values.event_times, [[0.5, np.inf], [np.log(5), np.log(10)]], rtol=1e-7)
    np.testing.assert_array_equal(values.event_counts, [[1, 0], [1, 1]])


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
        (lambda: pkpd.prepare(ORAL, table(), parameters=["central"]), ParameterError, "names the state 'central'"),
        (lambda: pkpd.prepare(ORAL, table(), parameters=["CL"])(-np.ones((1, 2))), ParameterError, "its bounds"),
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


# ---- what changes in time, and what a dose is multiplied by


@pytest.mark.parametrize("method", ["auto", "rodas5p", "numpy", "scipy"])
@pytest.mark.parametrize("carry", ["forward", "linear"])
def test_a_clearance_that_changes_in_time(carry: str, method: str) -> None:
    """A = 30 exp(-integral of CL/V): 0.3, then 0.6 from day 4 on, or between them in a line."""
    course = pkpd.over_time([0, 4], [0.3, 0.6], carry)
    t = np.array([0.0, 2, 4, 6])
    run = pkpd.simulate(
        one_compartment, pkpd.bolus(30, "iv"), times=t, covariates={"CL": course}, parameters={"V1": 3.0},
        at_dose="after", rtol=1e-10, method=method, sensitivities=["V1"],
    )  # fmt: skip
    area = {"forward": [0, 0.6, 1.2, 2.4], "linear": [0, 0.75, 1.8, 3.0]}[carry]
    np.testing.assert_allclose(run["A1"], 30 * np.exp(-np.array(area) / 3), rtol=1e-8)
    np.testing.assert_allclose(run["sensitivity_A1"][:, 0], run["A1"] * np.array(area) / 9, rtol=1e-7)


def test_courses_of_each_member_and_arm() -> None:
    own = pkpd.over_time([0, 4], [[0.3, 0.6], [0.3, 0.9]])
    run = pkpd.simulate(
        one_compartment, {"one": pkpd.bolus(30, "iv"), "two": pkpd.bolus(60, "iv")}, times=[6],
        covariates={"CL": own}, parameters={"V1": [3.0, 3.0]},
    )  # fmt: skip
    expected = np.outer([30, 60], np.exp([-2.4 / 3, -3.0 / 3]))
    np.testing.assert_allclose(run["A1"].squeeze("time"), expected, rtol=1e-6)


def test_what_covariates_refuse() -> None:
    WT = pkpd.param("WT", 70, "kg", "weight")
    for covariates, error, message in (
        ({"CL": 3}, ParameterError, r"expected over_time\("),
        ({"Cl": pkpd.over_time([0], [1])}, UnknownNameError, "Did you mean 'CL'"),
        ({"CL": pkpd.over_time([0, 1], [[1, 2]] * 3)}, ParameterError, "for 3 members; there are 1"),
    ):
        with pytest.raises(error, match=message):
            pkpd.simulate(one_compartment, times=[1], covariates=covariates)
    with pytest.raises(ParameterError, match="the first 0"):
        pkpd.over_time([1, 2], [1, 2])
    assert WT.name not in pkpd.bolus(1, "iv").parameters


def test_a_dose_per_kilogram() -> None:
    with pytest.warns(UserWarning, match="no body weight WT; 2 mg/kg on route 'iv' is given to 70 kg"):
        run = pkpd.simulate(one_compartment, pkpd.bolus("2 mg/kg", "iv"), times=[0], at_dose="after")
    assert float(run["A1"][0]) == pytest.approx(140)
    with pytest.warns(UserWarning, match="no body weight"):
        run = pkpd.simulate(
            one_compartment, pkpd.bolus("2 mg/kg", "iv"), times=[0], at_dose="after", parameters={"WT": [50, 80]}
        )
    np.testing.assert_allclose(run["A1"][:, 0], [100, 160])
    baverel = pkpd.load("durvalumab_baverel_2018")
    assert "WT" in baverel.parameters.index
    run = pkpd.simulate(baverel, pkpd.bolus("10 mg/kg", "iv"), times=[0], at_dose="after", parameters={"WT": 81.0})
    assert float(run["A1"][0]) == pytest.approx(810)


def test_doses_that_all_come_too_late_are_told() -> None:
    with pytest.warns(UserWarning, match="the first dose is given at 9 day, after the last of times"):
        pkpd.simulate(one_compartment, pkpd.bolus(1, "iv", at=9), times=[0, 5])


def test_declared_bounds_are_kept_unless_ignored() -> None:
    pk = pkpd.load("pk_1cmt")
    data = pkpd.read_nonmem(pd.DataFrame({"ID": 1, "TIME": [0, 1], "AMT": [1, 0]}), compartments={1: "central"})
    for bad in (-1.0, np.array([1.0, -1.0]), pkpd.members(CL=[1.0, -1.0])):
        with pytest.raises(ParameterError, match=r"'CL'.* is -1 L/day, outside its bounds"):
            pkpd.simulate(pk, times=[1], parameters=bad if isinstance(bad, pkpd.Ensemble) else {"CL": bad})
    with pytest.raises(ParameterError, match="outside its bounds"):
        pkpd.predict(pk, data, parameters={"CL": -1.0})
    with pytest.raises(ParameterError, match="outside its bounds"):
        pkpd.prepare(pk, times=[1], parameters=["CL"])(np.array([-1.0]))
    grown = pkpd.simulate(pk, pkpd.bolus(1, "iv"), times=[3.5], parameters={"CL": -1.0, "V": 3.5}, bounds="ignore")
    np.testing.assert_allclose(grown["central"], np.e, rtol=1e-6)


def test_a_result_beyond_this_machine_is_refused_before_it_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    from pkpd.prepared import prepared

    monkeypatch.setattr(prepared, "physical_memory", lambda: 10_000)
    with pytest.raises(SimulationError, match=r"100 members x 22 times x 2 .* 35.2 kB of memory.*reduce="):
        pkpd.simulate(one_compartment, times=DAYS, parameters={"CL": np.linspace(0.1, 1, 100)})


def test_each_arm_may_have_parameters_of_its_own() -> None:
    """(parameters, arms, members) is, bit by bit, each arm alone with its own parameters, derivatives too."""
    model = pkpd.load("pk_1cmt")
    start = pkpd.param("start", 1.0, "day", "first dose")
    arms = {
        "iv": pkpd.bolus(100, "iv", every=1, n=3),
        "late": pkpd.bolus("80 mg", "iv", at=start),
        "steady": pkpd.bolus(50, "iv", every=2, ss=True),
    }
    times, names = np.linspace(0, 5, 11), ["CL", "V", "start"]
    rng = np.random.default_rng(7)
    table = rng.uniform(0.8, 1.2, (3, 3, 4)) * np.array([1.0, 10.0, 1.5])[:, None, None]
    options = {"times": times, "outputs": ["C"], "parameters": names, "sensitivities": names}
    together = pkpd.prepare(model, arms, **options)(table)
    for i, (arm, regimen) in enumerate(arms.items()):
        own = ["CL", "V"] if arm != "late" else names
        alone = pkpd.prepare(model, regimen, **options | {"parameters": own, "sensitivities": own})(
            table[: len(own), i]
        )
        np.testing.assert_array_equal(together["C"][i], alone["C"])
        np.testing.assert_allclose(
            together.sensitivities["C"][i][..., : len(own)], alone.sensitivities["C"], rtol=1e-7, atol=1e-9
        )
    with pytest.raises(pkpd.ParameterError, match=r"expected \(3, members\) or \(3, 3 arms, members\)"):
        pkpd.prepare(model, arms, **options)(table[:, :2])
