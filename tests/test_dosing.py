"""How a compartment takes a dose, and covariate effects: what a model holds, and what it refuses."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
import sympy
from examples import A1, CL, V1, growth, one_compartment

import pkpd
from pkpd import Dosing, Model, dose, param
from pkpd.errors import ModelError, UnitError

F = param("F", 0.5, "1", "bioavailability", source="illustrative")
tlag = param("tlag", 0.25, "day", "lag", source="illustrative", bounds=(0, None))
R = param("R", 10, "mg/day", "rate", source="illustrative")
D = param("D", 0.5, "day", "duration", source="illustrative")


def dosed(**fields: object) -> Model:
    return Model(
        "dosed",
        rates={A1: -CL * A1 / V1},
        routes={"iv": {A1: A1 + F * dose("mg")}},
        dosing={A1: Dosing(**{"F": F, "lag": tlag, "rate": R, "duration": D} | fields)},
    )


def attributes(model: Model) -> dict[str, dict[str, str]]:
    return {s.name: {k: str(e) for k, e in d.attributes.items()} for s, d in model.dosing.items()}


ALL = {"A1": {"F": "F", "lag": "tlag", "rate": "R", "duration": "D"}}


def test_attributes_are_parameters_though_no_rate_uses_them() -> None:
    model = dosed()
    assert attributes(model) == ALL
    assert set(model.parameters.index) == {"CL", "V1", "F", "tlag", "R", "D"}
    assert model["R"] == R
    assert "dose into A1: F = F, lag = tlag, rate = R, duration = D" in model.equations()


def test_attributes_survive_pickling_renaming_new_defaults_and_composition() -> None:
    model = dosed()
    back = pickle.loads(pickle.dumps(model))
    assert back == model
    assert attributes(back) == ALL
    renamed = model.renamed("x_")
    assert attributes(renamed) == {"x_A1": {"F": "x_F", "lag": "x_tlag", "rate": "x_R", "duration": "x_D"}}
    changed = model.using(tlag=0.75)
    assert changed.dosing[A1].lag.value == 0.75
    assert changed.parameters.loc["tlag", "value"] == 0.75
    whole = pkpd.compose("whole", growth, model)
    assert attributes(whole) == ALL
    assert whole == pkpd.compose("whole", model, growth)


def test_attributes_are_part_of_a_models_identity() -> None:
    assert dosed() == dosed()
    assert dosed() != dosed(lag=0)
    assert dosed(duration=None) != dosed()
    assert "duration" not in dosed(duration=None).dosing[A1].attributes


def test_a_part_may_say_how_the_compartment_of_another_takes_a_dose() -> None:
    late = Model("late", rates={}, dosing={A1: Dosing(lag=tlag)})
    assert late.foreign == (A1,)
    whole = pkpd.compose("whole", one_compartment, late)
    assert whole.lag("iv") == tlag
    with pytest.raises(ModelError, match="dosing of 'A1' is defined twice"):
        pkpd.compose("twice", whole, late)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: dosed(F=CL), UnitError, r"the dosing attribute F of A1 is CL \[L/day\]; expected \[1\]"),
        (lambda: dosed(lag=F), UnitError, r"the dosing attribute lag of A1 is F \[1\]; expected \[day\]"),
        (lambda: dosed(rate=D), UnitError, r"rate of A1 is D \[day\]; expected \[mg/day\]"),
        (lambda: dosed(duration=R), UnitError, r"duration of A1 is R \[mg/day\]; expected \[day\]"),
        (lambda: dosed(lag=A1 / R), ModelError, "uses 'A1'; it is made of parameters and givens only"),
        (lambda: dosed(lag=pkpd.clock("day")), ModelError, "uses 't'; it is made of parameters"),
        (lambda: dosed(lag="soon"), ModelError, "attribute lag is 'soon'; expected a number or an expression"),
        (lambda: Model("m", rates={A1: -R}, dosing={A1: F}), ModelError, r"expected \{state: Dosing"),
        (lambda: Model("m", rates={A1: -R}, dosing={F: Dosing()}), ModelError, r"expected \{state: Dosing"),
    ],
)
def test_what_dosing_refuses(make: object, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        make()  # type: ignore[operator]


def test_a_route_to_compartments_with_different_lags_is_refused() -> None:
    A2 = pkpd.state("A2", "mg", "amount elsewhere")
    both = {A1: A1 + dose("mg"), A2: A2 + dose("mg")}
    rates = {A1: -CL * A1 / V1, A2: -CL * A2 / V1}
    with pytest.raises(ModelError, match="route 'iv' reaches compartments with different lags"):
        Model("m", rates=rates, routes={"iv": both}, dosing={A1: Dosing(lag=tlag)})
    same = Model("m", rates=rates, routes={"iv": both}, dosing={s: Dosing(lag=tlag) for s in (A1, A2)})
    assert same.lag("iv") == tlag


# ---- a lag in a simulation


@pytest.mark.parametrize("method", ["scipy", "numpy"])
def test_a_lag_moves_a_bolus_and_an_infusion(method: str) -> None:
    model = dosed()
    t = np.array([0.0, 0.2, 0.25, 0.3, 1.0, 3.0])
    once = pkpd.bolus(10, "iv") + pkpd.infusion(10, "iv", duration="12 h", at=2)
    late = pkpd.simulate(model, once, times=t, method=method, rtol=1e-9)["A1"]
    same = pkpd.simulate(model.using(tlag=0), once.shift(0.25), times=t, method=method, rtol=1e-9)["A1"]
    assert late.values == pytest.approx(same.values, rel=1e-8)
    assert (late[:3] == 0).all()
    assert late[4] == pytest.approx(5 * np.exp(-0.1 * 0.75), rel=1e-8)


def test_each_member_has_its_own_lag() -> None:
    lags = np.array([0.0, 0.5, 2.0])
    run = pkpd.simulate(dosed(), pkpd.bolus(10, "iv"), times=[1.0], parameters={"tlag": lags}, rtol=1e-9)
    assert run["A1"].values[:, 0] == pytest.approx(np.where(lags < 1, 5 * np.exp(-0.1 * (1 - lags)), 0), rel=1e-8)


def test_the_lag_of_a_dose_rate_is_that_of_the_compartment_it_enters() -> None:
    A = pkpd.input_rate("A", "mg/day", "release")
    model = Model("released", rates={A1: F * A - CL * A1 / V1}, routes={"oral": A}, dosing={A1: Dosing(lag=tlag)})
    assert model.lag("oral") == tlag
    run = pkpd.simulate(model, pkpd.infusion(10, "oral", duration=0.5), times=[0.25, 0.75], rtol=1e-9)
    assert run["A1"].values == pytest.approx([0, 0.5 * 20 / 0.1 * (1 - np.exp(-0.05))], rel=1e-8)


# ---- covariate effects

WT = param("WT", 70, "kg", "body weight", source="illustrative")
slope = param("slope", 0.01, "1/kg", "effect of weight", source="illustrative")
female = param("female", 0, "1", "sex", source="illustrative")


def clearance(effect: sympy.Expr) -> Model:
    return Model("scaled", rates={A1: -CL * effect * A1 / V1}, outputs={"CLi": CL * effect})


@pytest.mark.parametrize(
    ("effect", "values", "factor"),
    [
        (pkpd.power_effect(WT, 70, 0.75), {"WT": 35}, 0.5**0.75),
        (pkpd.power_effect(WT, 50, 1), {"WT": 35}, 0.7),
        (pkpd.linear_effect(WT, 70, slope), {"WT": 90}, 1.2),
        (pkpd.exponential_effect(WT, 70, slope), {"WT": 90}, np.exp(0.2)),
        (pkpd.category_effect(female, -0.2), {"female": 1}, 0.8),
        (pkpd.category_effect(female, -0.2), {"female": 0}, 1.0),
    ],
)
def test_covariate_effects(effect: sympy.Expr, values: dict[str, float], factor: float) -> None:
    run = pkpd.simulate(clearance(effect), times=[0], parameters=values)
    assert float(run["CLi"][0]) == pytest.approx(0.3 * factor, rel=1e-12)


def test_a_reference_is_a_parameter_in_the_unit_of_its_covariate() -> None:
    table = clearance(pkpd.power_effect(WT, 69.4, 0.75, source="Zhao 2026")).parameters
    assert table.loc["WT_ref", ["value", "unit", "source"]].tolist() == [69.4, "kg", "Zhao 2026"]
    own = param("WT0", 70, "kg", "reference weight")
    assert "WT0" in clearance(pkpd.power_effect(WT, own, 0.75)).parameters.index


def test_effects_refuse_what_is_not_a_covariate_and_units_that_do_not_balance() -> None:
    with pytest.raises(ModelError, match="a covariate is a symbol made by param or given"):
        pkpd.power_effect(WT / 2, 70, 0.75)  # type: ignore[arg-type]
    with pytest.raises(UnitError):
        clearance(pkpd.linear_effect(WT, 70, 0.01))
    with pytest.raises(ModelError, match="'WT_ref' is declared twice"):
        clearance(pkpd.power_effect(WT, 70, 0.75) * pkpd.power_effect(WT, 69, 0.75))


# ---- bioavailability


@pytest.mark.parametrize("spelled_out", [False, True])
def test_a_route_gives_the_part_of_a_dose_that_a_table_gives(spelled_out: bool) -> None:
    part = F if spelled_out else 1
    model = Model(
        "dosed", rates={A1: -CL * A1 / V1}, routes={"iv": {A1: A1 + part * dose("mg")}}, dosing={A1: Dosing(F=F)}
    )
    doses = pkpd.bolus(10, "iv") + pkpd.infusion(4, "iv", duration=0.5, at=1)
    run = pkpd.simulate(model, doses, times=[0.5, 1.5], parameters={"F": [0.5, 0.8]}, rtol=1e-10, atol=1e-12)
    table = pd.DataFrame({"ID": 1, "TIME": [0, 0.5, 1, 1.5], "AMT": [10, 0, 4, 0], "DUR": [0, 0, 0.5, 0]})
    for F_value, of_member in zip((0.5, 0.8), run["A1"].values, strict=True):
        records = pkpd.read_nonmem(table, compartments={1: "A1"})
        by_table = pkpd.predict(model, records, parameters={"F": F_value}, rtol=1e-10, atol=1e-12)
        assert of_member == pytest.approx(by_table["A1"].to_numpy()[[1, 3]], rel=1e-9)
        assert of_member[0] == pytest.approx(F_value * 10 * np.exp(-0.05), rel=1e-9)


def test_bioavailability_of_a_dose_rate() -> None:
    A = pkpd.input_rate("A", "mg/day", "release")
    model = Model("released", rates={A1: A - CL * A1 / V1}, routes={"oral": A}, dosing={A1: Dosing(F=F)})
    run = pkpd.simulate(model, pkpd.infusion(10, "oral", duration=0.5), times=[0.5], rtol=1e-9)
    assert run["A1"].values == pytest.approx([0.5 * 20 / 0.1 * (1 - np.exp(-0.05))], rel=1e-8)


def test_a_route_to_compartments_with_different_bioavailability_is_refused() -> None:
    A2 = pkpd.state("A2", "mg", "amount elsewhere")
    both = {A1: A1 + dose("mg"), A2: A2 + dose("mg")}
    with pytest.raises(ModelError, match="route 'iv' reaches compartments with different bioavailabilities"):
        Model("m", rates={A1: -CL * A1 / V1, A2: -CL * A2 / V1}, routes={"iv": both}, dosing={A1: Dosing(F=F)})
