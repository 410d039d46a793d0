"""CMT names a route: fractions of radiation and doses by a route in a table are those of a regimen."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import sympy

import pkpd

TIMES = np.array([0.0, 1, 2.5, 5, 9, 14, 20, 30])


def table(doses, times=TIMES):
    """Records of one subject: observations come first at their time, as `simulate` stores what is before a dose."""
    rows = [{"TIME": t, "EVID": 0} for t in times] + [{"EVID": 1, **d} for d in doses]
    frame = pd.DataFrame(rows).fillna(0)
    return frame.iloc[np.argsort(frame.TIME, kind="stable")].assign(ID=1)


def predicted(model, doses, compartments, outputs, **options):
    data = pkpd.read_nonmem(table(doses), compartments=compartments)
    found = pkpd.predict(model, data, outputs=outputs, on_failure="raise", **options)
    return found[found.EVID == 0][list(outputs)].to_numpy()


def simulated(model, regimen, outputs, parameters=None):
    run = pkpd.simulate(model, regimen, times=TIMES, parameters=parameters, rtol=1e-9, atol=1e-12)
    return np.stack([run[name].values for name in outputs], axis=-1)


def assert_alike(one, other, tolerance=1e-6):
    size = np.abs(other).max(axis=0)
    assert (size > 0).all()
    assert (np.abs(one - other) <= tolerance * size).all()


@pytest.mark.parametrize("item", [{"DUR": 0.001}, {"RATE": 2 / 0.001}], ids=["DUR", "RATE"])
def test_fractions_on_a_rate_route_in_a_table_are_those_of_a_regimen(item) -> None:
    model, outputs = pkpd.load("kosinsky_2018"), ("V", "TV")
    doses = [{"TIME": t, "AMT": 2, "CMT": 1, **item} for t in (1, 2, 3)]
    doses += [{"TIME": t, "AMT": 1.333, "CMT": 2} for t in (2, 5)]
    regimen = pkpd.fractions(2, 3, start=1, duration=0.001) + pkpd.bolus(1.333, "ip", at=[2, 5])
    found = predicted(model, doses, {1: "radiation", 2: "ip"}, outputs)
    assert_alike(found, simulated(model, regimen, outputs))


def test_fractions_on_jump_routes_in_a_table_are_those_of_a_regimen() -> None:
    """Radiation scales ten states at once, some of its doses come by ADDL, and the drug is infused."""
    model, outputs = pkpd.load("durvalumab_radiotherapy_nsclc"), ("L", "P", "SLD")
    doses = [
        *({"TIME": t, "AMT": 2, "CMT": 1} for t in range(1, 6)),
        {"TIME": 8.25, "AMT": 2, "CMT": 1, "ADDL": 4, "II": 1},
        {"TIME": 4, "AMT": 3, "CMT": 2},
        {"TIME": 5, "AMT": 700, "CMT": 3, "DUR": 0.0417},
    ]
    regimen = (
        pkpd.fractions(2, 5, "radiation_primary", start=1)
        + pkpd.fractions(2, 5, "radiation_primary", start=8.25)
        + pkpd.bolus(3, "radiation_metastasis", at=4)
        + pkpd.infusion(700, "iv", 0.0417, at=5)
    )
    found = predicted(model, doses, {1: "radiation_primary", 2: "radiation_metastasis", 3: "iv"}, outputs)
    assert_alike(found, simulated(model, regimen, outputs))


def two_ways():
    """A dose goes to a compartment by halves, and another one cuts it down."""
    k = pkpd.param("k", 0.3, "1/day", "loss", source="illustrative")
    kill = pkpd.param("kill", 0.2, "1/Gy", "kill", source="illustrative")
    tlag = pkpd.param("tlag", 0.0, "day", "lag", source="illustrative")
    A, B = pkpd.state("A", "mg", "here", start=1), pkpd.state("B", "mg", "there")
    amount, d = pkpd.dose("mg"), pkpd.dose("Gy")
    return pkpd.Model(
        "two_ways",
        rates={A: -k * A, B: k * A - k * B},
        routes={
            "halves": {A: A + amount / 2, B: B + amount / 2},
            "cut": {A: A * sympy.exp(-kill * d)},
            "A": {B: B + amount},
        },
        dosing={A: pkpd.Dosing(lag=tlag), B: pkpd.Dosing(lag=tlag)},
    )


@pytest.mark.parametrize("lag", [0, 1.5])
@pytest.mark.parametrize("item", [{}, {"DUR": 2}, {"RATE": 40}, {"ADDL": 3, "II": 4.25}], ids=str)
def test_an_additive_route_takes_what_a_regimen_gives_it(item, lag) -> None:
    model, at = two_ways(), [2, 6.25, 10.5, 14.75] if "ADDL" in item else 2
    duration = item.get("DUR", 20 / item["RATE"] if "RATE" in item else None)
    regimen = pkpd.bolus(20, "halves", at=at) if duration is None else pkpd.infusion(20, "halves", duration, at=at)
    found = predicted(
        model, [{"TIME": 2, "AMT": 20, "CMT": 1, **item}], {1: "halves"}, ("A", "B"), parameters={"tlag": lag}
    )
    assert_alike(found, simulated(model, regimen, ("A", "B"), {"tlag": lag}))


def test_a_name_that_is_a_state_and_a_route_means_the_state() -> None:
    found = predicted(two_ways(), [{"TIME": 2, "AMT": 20, "CMT": 1}], {1: "A"}, ("A",))
    after = np.exp(-0.3 * TIMES) + np.where(TIMES > 2, 20 * np.exp(-0.3 * (TIMES - 2)), 0)
    assert_alike(found[:, 0], after)


def test_records_of_one_time_see_the_jumps_of_routes_above_them() -> None:
    rows = [(0, 0, 0), (0, 5, 1), (0, 0, 0), (0, 5, 1), (0, 0, 0)]
    frame = pd.DataFrame(rows, columns=["TIME", "AMT", "EVID"]).assign(ID=1)
    found = pkpd.predict(two_ways(), pkpd.read_nonmem(frame, compartments={1: "cut"})).A
    np.testing.assert_allclose(found, np.exp([0, -1, -1, -2, -2]), rtol=1e-12)


def test_a_steady_state_of_a_route_is_where_its_doses_lead() -> None:
    """Turnover with a cut every 4 days: each survives to a fraction f of the dose and recovers to the baseline."""
    kin = pkpd.param("kin", 6, "mg/day", "production", source="illustrative")
    kout = pkpd.param("kout", 0.5, "1/day", "loss", source="illustrative")
    A, d, half = pkpd.state("A", "mg", "amount", start=3), pkpd.dose("Gy"), pkpd.param("half", 4, "Gy", "D", source="x")
    model = pkpd.Model("cut", rates={A: kin - kout * A}, routes={"cut": {A: A * half / (half + d)}})
    frame = pd.DataFrame({"ID": 1, "TIME": [0, 4], "EVID": [1, 0], "AMT": [4, 0], "SS": [1, 0], "II": [4, 0]})
    found = pkpd.predict(model, pkpd.read_nonmem(frame, compartments={1: "cut"}), on_failure="raise").A
    decay = np.exp(-2)
    before = 12 * (1 - decay) / (1 - decay / 2)
    np.testing.assert_allclose(found, [before / 2, before], rtol=1e-6)


@pytest.mark.parametrize("ss", [1, 2])
@pytest.mark.parametrize("item", [{}, {"DUR": 1}, {"DUR": 9}], ids=str)
def test_a_steady_state_of_an_additive_route(ss, item) -> None:
    """By superposition: that of two half doses into the two states."""
    dose = {"TIME": 2, "AMT": 20, "SS": ss, "II": 4, **item}
    by_route = predicted(two_ways(), [{**dose, "CMT": 1}], {1: "halves"}, ("A", "B"))
    halves = [{**dose, "CMT": 1, "AMT": 10}, {**dose, "CMT": 2, "AMT": 10, "SS": 2}]
    by_state = predicted(two_ways(), halves, {1: "A", 2: "B"}, ("A", "B"))
    assert_alike(by_route, by_state)


def test_a_constant_infusion_by_a_rate_route_rests_at_its_steady_state() -> None:
    R = pkpd.input_rate("R", "mg/day", "zero-order input")
    kout = pkpd.param("kout", 0.5, "1/day", "loss", source="illustrative")
    A = pkpd.state("A", "mg", "amount")
    model = pkpd.Model("input", rates={A: R - kout * A}, routes={"input": R})
    frame = pd.DataFrame({"ID": 1, "TIME": [0, 2], "EVID": [1, 0], "AMT": 0, "RATE": [3, 0], "SS": [1, 0]})
    found = pkpd.predict(model, pkpd.read_nonmem(frame, compartments={1: "input"}), on_failure="raise").A
    np.testing.assert_allclose(found, 6 * np.exp([0, -1]), rtol=1e-6)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [{"AMT": 5, "CMT": 2, "DUR": 1}],
            r"row 1 \(ID 1\), column DUR: DUR is 1; route 'cut' of two_ways acts at once",
        ),
        ([{"AMT": 5, "CMT": 2, "RATE": 1}], r"column RATE: RATE is 1; route 'cut' of two_ways acts at once"),
        ([{"AMT": 5, "CMT": 1, "RATE": -2}], r"column RATE: RATE is -2; route 'halves' .* no modeled rate or duration"),
        ([{"AMT": 5, "CMT": 2, "SS": 2, "II": 1}], r"column SS: SS is 2; route 'cut' .* no steady state can be added"),
        ([{"EVID": 2, "CMT": -2}], r"row 1 \(ID 1\), column CMT: 'cut' is a route, which cannot be turned off"),
        (
            [{"AMT": 5, "CMT": 2}, {"EVID": 2, "CMT": -3}],
            r"row 2 \(ID 1\), column CMT: 'A' cannot be turned off, because doses on the route 'cut' reach it",
        ),
    ],
)
def test_what_a_route_cannot_take_is_refused_by_row(rows, message) -> None:
    frame = pd.DataFrame([{"EVID": 1, "AMT": 0, "TIME": 0, **row} for row in rows]).fillna(0).assign(ID=1)
    data = pkpd.read_nonmem(frame, compartments={1: "halves", 2: "cut", 3: "A"})
    with pytest.raises(pkpd.RegimenError, match=message):
        pkpd.predict(two_ways(), data)


def test_a_rate_route_needs_a_rate_or_a_duration() -> None:
    frame = pd.DataFrame({"ID": 1, "TIME": [0], "AMT": 2})
    data = pkpd.read_nonmem(frame, compartments={1: "radiation"})
    with pytest.raises(
        pkpd.RegimenError, match=r"row 1 .* RATE is 0; route 'radiation' .* takes a dose rate \(R, Gy/day\)"
    ):
        pkpd.predict(pkpd.load("kosinsky_2018"), data)


def test_records_with_routes_are_written_and_read_again(tmp_path) -> None:
    options = {"compartments": {1: "radiation", 2: "ip"}, "time": "day"}
    data = pkpd.read_nonmem(table([{"TIME": 1, "AMT": 2, "CMT": 1, "DUR": 0.001}]), **options)
    pkpd.write_nonmem(data, tmp_path / "records.csv")
    again = pkpd.read_nonmem(tmp_path / "records.csv", **options)
    assert again == data
    model = pkpd.load("kosinsky_2018")
    pd.testing.assert_frame_equal(pkpd.predict(model, again), pkpd.predict(model, data))
