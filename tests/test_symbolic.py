"""Symbols, models and composition: what they hold, and what they refuse in which words."""

from __future__ import annotations

import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy
from examples import A1, CL, V1, R, T, T_min, alpha, growth, irradiated, kg, one_compartment

import pkpd
from pkpd.errors import ModelError, ParameterError, UnitError, UnknownNameError
from pkpd.symbolic.descriptions import parse_description
from pkpd.symbolic.values import check_bounds, parameter_value


def test_symbols_of_one_name_and_different_value_are_different() -> None:
    other = pkpd.param("CL", 0.5, "L/day", "clearance")
    assert other != CL
    assert (other - CL) != 0
    assert pkpd.param("kg", 0.12, "1/day", "tumor growth rate", source="illustrative") == kg


@pytest.mark.parametrize("symbol", [CL, T, R, pkpd.given("C", "mg/L", "concentration", default=1.0)])
def test_symbols_pickle_whole(symbol: sympy.Symbol) -> None:
    back = pickle.loads(pickle.dumps(symbol))
    assert back == symbol
    assert back.declaration == symbol.declaration


def test_an_event_cannot_be_changed_and_pickles_whole() -> None:
    (event,) = irradiated.events
    with pytest.raises(TypeError, match="does not support item assignment"):
        event.then[T] = 5  # type: ignore[index]
    assert pickle.loads(pickle.dumps(event)) == event


def test_models_pickle_compare_and_hash_by_content() -> None:
    back = pickle.loads(pickle.dumps(irradiated))
    assert back == irradiated
    assert hash(back) == hash(irradiated)
    assert back.equations() == irradiated.equations()
    assert growth != growth.using(kg=0.2)
    assert growth == growth.using(kg=0.2).using(kg=0.12)


def test_hash_is_that_of_another_process() -> None:
    import subprocess
    import sys

    code = "import sys; sys.path.insert(0, 'tests'); from examples import irradiated; print(irradiated.hash)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == irradiated.hash


def test_parameters_table() -> None:
    table = one_compartment.parameters
    assert list(table.index) == ["CL", "V1"]
    assert table.loc["CL", ["value", "unit", "meaning", "source", "lower", "iiv"]].tolist() == [
        0.3, "L/day", "clearance", "illustrative", 0.0, 0.3,
    ]  # fmt: skip


def test_equations_as_text_and_latex() -> None:
    text = irradiated.equations()
    assert "dT/dt = -R*alpha*T + kg*T" in text
    assert "when T < T_min: T -> 0" in text
    latex = irradiated._repr_latex_()
    assert latex.startswith(r"$\begin{aligned}")
    assert r"\alpha" in latex
    assert r"T_{\mathrm{min}}" in latex
    assert r"\mathrm{dose}" in pkpd.load("pk_1cmt")._repr_latex_()


def test_units_of_outputs_follow() -> None:
    assert dict(one_compartment.units) == {"A1": "mg", "CL": "L/day", "V1": "L", "C": "mg/L"}
    assert growth.units["V"] == "mm^3"


@pytest.mark.parametrize(
    ("rate", "message"),
    [
        (-CL * A1 - 2 * A1 * CL / V1, r"d A1/dt adds .*\[L mg/day\].*Is a division by a volume missing"),
        (-CL * A1, r"d A1/dt is .*\[L mg/day\]; expected \[mg/day\]"),
        (A1 * kg + sympy.exp(A1) * kg, r"exponent A1 \[mg\]"),
        (A1 * kg * sympy.log(V1), r"takes log of V1 \[L\]"),
        (kg * (A1 + V1), r"adds .* \[mg\] to V1 \[L\]"),
        (kg * A1 ** (CL / CL + kg / kg + pkpd.param("h", 2, "1", "Hill exponent")), r"reference value first"),
    ],
)
def test_units_that_do_not_balance(rate: sympy.Expr, message: str) -> None:
    with pytest.raises(UnitError, match=message):
        pkpd.Model("wrong", rates={A1: rate})


def test_same_dimension_of_another_size_is_refused() -> None:
    small = pkpd.state("A2", "ug", "amount elsewhere")
    with pytest.raises(UnitError, match="differ in size only"):
        pkpd.Model("wrong", rates={A1: kg * (A1 + small), small: kg * small})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pkpd.param("lambda", 1, "1", "rate"), "reserved. Try 'lambda_'"),
        (lambda: pkpd.param("exp", 1, "1", "rate"), "reserved"),
        (lambda: pkpd.param("k-1", 1, "1", "rate"), "cannot name a parameter"),
        (lambda: pkpd.param("k", 1, "1/dya", "rate"), "'dya' is not known. Did you mean"),
        (lambda: pkpd.state("X", "mg", "amount", start=A1), "uses 'A1'; a start is made of parameters"),
        (lambda: pkpd.state("X", "mg", "amount", start="A1"), "expected a number or an expression"),
        (lambda: pkpd.Model("m", rates={kg: kg}), "not a state"),
        (lambda: pkpd.Model("m", rates={T: sympy.Symbol("k") * T}), "undeclared symbol k; declare it"),
        (lambda: pkpd.Model("m", rates={T: kg * T}, outputs={"T": T}), "output 'T' has the name of a symbol"),
        (lambda: pkpd.Model("m", rates={T: kg * T - alpha * R * T}), "input rate 'R' has no route"),
        (lambda: pkpd.Model("m", rates={T: kg * T}, routes={"radiation": R}), "no rate uses it"),
        (lambda: pkpd.Model("m", rates={T: kg * T}, routes={"iv": {T: 2 * T}}), "exactly one dose"),
        (lambda: pkpd.Model("m", rates={T: kg * T}, routes={"iv": 3}), "expected {state: expression"),
        (lambda: pkpd.Model("m", rates={T: kg * T}, events=[pkpd.Event(sympy.true, {T: 0})]), "one comparison"),
        (lambda: pkpd.Model("m", rates={T: kg * T}, events=[pkpd.Event(1 * kg > T, {T: 0})]), "compares"),
        (
            lambda: pkpd.Model("m", rates={T: kg * T, A1: pkpd.param("kg", 1, "1/day", "other") * A1}),
            "'kg' is declared twice, differently",
        ),
    ],
)
def test_what_a_model_refuses(make: object, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        make()  # type: ignore[operator]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "much", None])
def test_a_parameter_is_a_finite_number(value: object) -> None:
    with pytest.raises(ParameterError, match="expected a"):
        pkpd.param("k", value, "1/day", "rate")  # type: ignore[arg-type]


def test_a_parameter_lies_within_its_bounds() -> None:
    with pytest.raises(ParameterError, match="outside its bounds 0 to 1"):
        pkpd.param("F", 1.5, "1", "bioavailability", bounds=(0, 1))


@pytest.mark.parametrize(
    ("value", "outside"), [(-1.0, "(0 or more)"), ("-2 L/h", "(0 or more)"), (-1e-300, "(0 or more)"), (0, None)]
)
def test_a_value_outside_the_bounds_is_refused_unless_they_are_ignored(value: object, outside: str | None) -> None:
    if outside is None:
        assert parameter_value(one_compartment, CL, value) == 0
        return
    with pytest.raises(ParameterError, match="parameter 'CL' is .* L/day, outside its bounds .*bounds=\"ignore\"") as e:
        parameter_value(one_compartment, CL, value)
    assert outside in str(e.value)
    assert parameter_value(one_compartment, CL, value, bounds="ignore") < 0
    with pytest.raises(ParameterError, match="outside its bounds"):
        one_compartment.using(CL=value)
    with pytest.raises(ParameterError, match="bounds is 'no'; expected 'refuse' or 'ignore'"):
        parameter_value(one_compartment, CL, value, bounds="no")  # type: ignore[arg-type]


def test_the_bounds_of_an_ensemble_name_the_first_member_outside() -> None:
    F = pkpd.param("F", 0.5, "1", "bioavailability", bounds=(0, 1))
    check_bounds(one_compartment, F, np.array([0, 1, 1 + 1e-15, np.nan]))
    with pytest.raises(ParameterError, match=r"'F' of member 2 in arm 'a' is 1.5 1, outside its bounds \(0 to 1\)"):
        check_bounds(one_compartment, F, np.array([0, 1, 1.5, -1]), "arm 'a'")
    check_bounds(one_compartment, F, np.array([1.5]), bounds="ignore")
    check_bounds(one_compartment, pkpd.given("C", "1", "x"), np.array([-5.0]))


def starting(T0: float) -> tuple[pkpd.Model, sympy.Symbol]:
    start = pkpd.param("T0", T0, "mm^3", "volume at the start")
    T_ = pkpd.state("T", "mm^3", "tumor volume", start=start)
    return pkpd.Model("tumor", rates={T_: kg * T_}), T_


def test_states_whose_starts_have_other_values_are_other_states() -> None:
    (one, T_1), (two, T_2) = starting(100), starting(200)
    assert T_1 != T_2
    assert one != two
    assert starting(100)[1] == T_1
    assert pkpd.state("X", "mg", "x", start=0.1) != pkpd.state("X", "mg", "x", start=0.1 + 1e-17 + 2e-17)


def test_a_conflicting_start_is_refused() -> None:
    (tumor, T_1), (_, T_2) = starting(100), starting(200)
    part = pkpd.Model("part", rates={}, terms={T_2: -kg * T_2})
    with pytest.raises(ModelError, match=r"'T' is declared twice, differently: start .*T0 = (100|200).*T0 = (100|200)"):
        pkpd.compose("whole", tumor, part)
    same = pkpd.Model("part", rates={}, terms={T_1: -kg * T_1})
    assert pkpd.compose("whole", tumor, same).using(T0=200).parameters.loc["T0", "value"] == 200


def test_a_dose_that_forgets_what_is_there_is_refused() -> None:
    with pytest.raises(
        ModelError,
        match=r"m: a dose on route 'iv' overwrites 'A1' by dose; write {A1: A1 \+ dose} to add to it, or Route",
    ):
        pkpd.Model("m", rates={A1: -kg * A1}, routes={"iv": {A1: pkpd.dose("mg")}})
    meant = pkpd.Route("iv", {A1: pkpd.dose("mg")}, replaces=True)
    model = pkpd.Model("m", rates={A1: -kg * A1}, routes={"load": meant})
    assert model.routes["load"].name == "load"
    for variant in (
        model.renamed("x_"),
        model.in_time("h"),
        pkpd.compose("m", model),
        pickle.loads(pickle.dumps(model)),
    ):
        assert next(iter(variant.routes.values())).replaces
    run = pkpd.simulate(model, pkpd.bolus(5, "load", at=[1, 2]), times=[2.0], at_dose="after")
    assert float(run["A1"][0]) == 5


def test_the_molar_mass_of_a_route() -> None:
    X = pkpd.state("X", "nmol", "drug")
    antibody = pkpd.dose("nmol", molar_mass="146 kDa")
    R_ = pkpd.input_rate("R_", "nmol/day", "infused", molar_mass=146e3)
    model = pkpd.Model("m", rates={X: -kg * X + R_}, routes={"iv": {X: X + antibody}, "pump": R_})
    assert {route.molar_mass for route in model.routes.values()} == {146e3}
    for variant in (model, model.renamed("x_"), model.in_time("h"), pickle.loads(pickle.dumps(model))):
        for route in variant.routes.values():
            assert 1500 * route.amount_factor("mg", variant.time, "a dose") == pytest.approx(10273.97, rel=1e-6)
            assert route.unit(variant.time) == "nmol"
    assert model != pkpd.Model("m", rates=model.rates, routes={"iv": {X: X + pkpd.dose("nmol")}, "pump": R_})
    without = pkpd.load("tmdd_full").routes["iv"]
    with pytest.raises(UnitError, match="a dose is 1500 mg, .* without a molar mass: divide by it"):
        without.amount_factor("mg", "day", "a dose is 1500 mg")
    with pytest.raises(ParameterError, match="a molar mass is -3; expected more than 0"):
        pkpd.dose("nmol", molar_mass=-3)


def test_an_antibody_of_known_mass_is_dosed_in_mg_too() -> None:
    assert pkpd.load("lindauer_2017").routes["iv"].amount_factor("mg", "day", "a dose") == pytest.approx(
        6.711, abs=1e-3
    )


@pytest.mark.parametrize("time", ["mg", "1/day", "Gy"])
def test_the_time_of_a_model_is_a_time(time: str) -> None:
    with pytest.raises(
        UnitError, match=f"m: its time is in '{time}'; expected a time such as h or day, or '1' for none"
    ):
        pkpd.Model("m", rates={T: 0}, time=time)


# ---- composition

C = pkpd.given("C", "mg/L", "drug concentration")
kill = pkpd.param("kill", 0.01, "L/mg/day", "killing per concentration", source="illustrative")
drug_effect = pkpd.Model("drug_effect", rates={}, terms={T: -kill * C * T})


def test_a_part_adds_to_the_rate_of_another() -> None:
    whole = pkpd.compose("whole", growth, drug_effect, one_compartment)
    assert whole.rates[T] == kg * T - kill * A1 / V1 * T
    assert whole.foreign == ()


def test_the_order_of_parts_never_matters() -> None:
    one = pkpd.compose("whole", growth, drug_effect, one_compartment)
    two = pkpd.compose("whole", one_compartment, drug_effect, growth)
    assert one == two
    assert one.equations() == two.equations()
    nested = pkpd.compose("whole", pkpd.compose("inner", drug_effect, one_compartment), growth)
    assert nested == one


def test_a_given_that_nobody_supplies() -> None:
    whole = pkpd.compose("whole", growth, drug_effect)
    with pytest.raises(ModelError, match=r"needs 'C' \(drug concentration, mg/L\), which no part supplies. Compose it"):
        whole.require_closed()


def test_a_state_that_nobody_owns() -> None:
    with pytest.raises(ModelError, match="acts on the state 'T'"):
        pkpd.compose("open", drug_effect, one_compartment).require_closed()


def test_a_given_with_a_default_is_a_parameter() -> None:
    C_ = pkpd.given("C", "mg/L", "drug concentration", default=2.0)
    part = pkpd.Model("alone", rates={T: kg * T - kill * C_ * T})
    part.require_closed()
    assert part.parameters.loc["C", "value"] == 2.0
    assert part.using(C=3.0).parameters.loc["C", "value"] == 3.0


def test_a_given_in_another_unit() -> None:
    per_nanogram = pkpd.param("kill", 1e-8, "L/ng/day", "killing per concentration")
    wrong = pkpd.Model("wrong", rates={T: -per_nanogram * pkpd.given("C", "ng/L", "concentration") * T})
    with pytest.raises(UnitError, match=r"wrong takes 'C' in \[ng/L\], but one_compartment supplies it in \[mg/L\]"):
        pkpd.compose("whole", wrong, one_compartment)


def test_a_start_may_use_a_given() -> None:
    k = pkpd.given("k", "1/day", "rate")
    X = pkpd.state("X", "mg", "amount", start=2 * k * pkpd.param("m", 1.0, "mg day", "scale"))
    source = pkpd.Model("source", rates={A1: -kg * A1}, outputs={"k": kg})
    whole = pkpd.compose("whole", pkpd.Model("part", rates={X: -k * X}), source)
    (start,) = (s.start for s in whole.states if s.name == "X")
    assert {s.name for s in start.free_symbols} == {"kg", "m"}
    whole.require_closed()


def test_two_owners_two_outputs_and_a_circle_are_refused() -> None:
    with pytest.raises(ModelError, match="state 'T' is defined twice, by "):
        pkpd.compose("whole", growth, pkpd.Model("again", rates={T: -kg * T}))
    V = pkpd.state("X", "mg", "amount")
    with pytest.raises(ModelError, match="output 'V' is defined twice"):
        pkpd.compose("whole", growth, pkpd.Model("other", rates={V: kg * V}, outputs={"V": V}))
    a, b = (pkpd.given(n, "1/day", "rate") for n in "ab")
    p = pkpd.Model("p", rates={T: a * T}, outputs={"b": a})
    q = pkpd.Model("q", rates={A1: A1 * b}, outputs={"a": b})
    with pytest.raises(ModelError, match=r"a, b depend on one another in a circle"):
        pkpd.compose("whole", p, q)


def test_parts_in_hours_and_days_are_joined_in_days_unless_chosen() -> None:
    k = pkpd.param("k", 0.1, "1/h", "elimination")
    hours = pkpd.Model("hours", rates={A1: -k * A1}, time="h")
    whole = pkpd.compose("whole", hours, growth)
    assert whole == pkpd.compose("whole", growth, hours)
    assert (whole.time, whole.units["k"], whole.parameters.loc["k", "value"]) == ("day", "1/day", 2.4)
    chosen = pkpd.compose("whole", hours, growth, time="h")
    assert (chosen.time, chosen.units["kg"], chosen.parameters.loc["kg", "value"]) == ("h", "1/h", 0.12 / 24)
    assert chosen == whole.in_time("h")


def test_two_names_of_one_unit_of_time_are_one() -> None:
    one, two = (
        pkpd.Model(f"in_{time}", rates={pkpd.state(f"X_{time}", "mg", "amount"): 0}, time=time)
        for time in ("h", "hour")
    )  # fmt: skip
    assert pkpd.compose("both", one, two).time == "h"


def test_a_part_without_a_unit_of_time_joins_no_other() -> None:
    X = pkpd.state("X", "1", "size")
    bare = pkpd.Model("bare", rates={X: X}, time="1")
    with pytest.raises(
        UnitError, match=r"bare: its time, in '1', cannot be converted to 'day'; its equations have no unit"
    ):
        pkpd.compose("whole", bare, growth)
    with pytest.raises(
        UnitError, match=r"growth: its time, in 'day', cannot be converted to 'mg'; expected a time such as"
    ):
        growth.in_time("mg")


def test_parts_share_a_route_for_different_states() -> None:
    L = pkpd.state("L", "cell", "lymphocytes", start=100)
    D0 = pkpd.param("D0", 2.0, "Gy", "dose that leaves 1/e", source="illustrative")
    lymph = pkpd.Model("lymph", rates={L: 0 * kg * L}, routes={"flash": {L: L * sympy.exp(-pkpd.dose("Gy") / D0)}})
    whole = pkpd.compose("whole", irradiated, lymph)
    assert set(whole.routes["flash"].jumps) == {T, L}
    again = pkpd.Model("again", rates={L: 0 * kg * L}, routes={"flash": {T: T - pkpd.dose("mm^3")}})
    with pytest.raises(ModelError, match="route 'flash' and both set 'T'"):
        pkpd.compose("twice", irradiated, again)


def test_renaming_serves_a_second_drug() -> None:
    second = one_compartment.renamed("ctla4_")
    both = pkpd.compose("both", one_compartment, second)
    assert {s.name for s in both.states} == {"A1", "ctla4_A1"}
    assert set(both.routes) == {"iv", "ctla4_iv"}
    assert {"C", "ctla4_C"} == set(both.outputs)
    assert one_compartment.renamed({"C": "Cp"}).outputs.keys() == {"Cp"}
    with pytest.raises(UnknownNameError, match=r"no name 'Cl'\. Did you mean 'CL'"):
        one_compartment.renamed({"Cl": "x"})


def test_renaming_leaves_the_states_of_others() -> None:
    assert drug_effect.renamed("x_").foreign == (T,)


def test_alternatives_are_chosen_by_name() -> None:
    KD = pkpd.param("KD", 30, "nM", "affinity", alternatives={"QSPIO": (66.5, "nM", "x"), "picky": (22, "pM", "y")})
    X = pkpd.state("X", "nM", "free drug", start=KD)
    model = pkpd.Model("binding", rates={X: -kg * X})
    assert model.using(KD="QSPIO").parameters.loc["KD", ["value", "source"]].tolist() == [66.5, "x"]
    assert model.using(KD="picky").parameters.loc["KD", "value"] == pytest.approx(0.022)
    assert model.using(KD="0.4 uM").parameters.loc["KD", "value"] == pytest.approx(400)
    with pytest.raises(ParameterError, match=r"'QSPI0'; expected a number, .* or an alternative \(QSPIO, picky\)"):
        model.using(KD="QSPI0")
    with pytest.raises(UnitError, match="cannot be converted"):
        model.using(KD="3 mg")


def test_a_jump_that_adds_is_an_infusion_too() -> None:
    assert one_compartment.routes["iv"].additive == {A1: 1}
    assert irradiated.routes["flash"].additive is None
    F = pkpd.param("F", 0.7, "1", "bioavailability")
    half = pkpd.Model("half", rates={A1: -CL * A1 / V1}, routes={"sc": {A1: A1 + F * pkpd.dose("mg")}})
    assert half.routes["sc"].additive == {A1: F}
    assert irradiated.routes["radiation"].unit("day") == "Gy"


def test_a_clock_prints_as_t_and_has_the_models_time() -> None:
    t = pkpd.clock("day")
    tau = pkpd.param("tau", 5, "day", "time constant")
    model = pkpd.Model("aging", rates={T: kg * T * sympy.exp(-t / tau)})
    assert "exp(-t/tau)" in model.equations()
    with pytest.raises(UnitError):
        pkpd.Model("aging", rates={T: kg * T * sympy.exp(-pkpd.clock("h") / tau)})


def test_symbols_by_name() -> None:
    assert irradiated["T_min"] == T_min
    with pytest.raises(UnknownNameError, match="Did you mean 'T_min'"):
        irradiated["Tmin"]


def test_load_names_the_nearest_model() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'kuznetsov_1994'"):
        pkpd.load("kuznetsov_1984")
    with pytest.raises(UnknownNameError):
        pkpd.load("../kuznetsov_1994")


def test_text_is_never_evaluated(tmp_path: object) -> None:
    """sympy would run what a text says; a model takes expressions and numbers alone."""
    harm = f"__import__('pathlib').Path('{tmp_path}/harm').touch()"
    h = pkpd.param("h", 70, "kg", "body weight")
    makers = [
        lambda: pkpd.Model("m", rates={T: harm}),
        lambda: pkpd.Model("m", rates={T: kg * T}, outputs={"V": harm}),
        lambda: pkpd.Model("m", rates={T: kg * T}, outputs={"V": pkpd.output(harm, "volume")}),  # type: ignore[arg-type]
        lambda: pkpd.Model("m", rates={T: kg * T}, routes={"iv": {T: harm}}),
        lambda: pkpd.Event(when=T < T_min, then={T: harm}),
        lambda: pkpd.state("X", "mg", "amount", start=harm),
        lambda: pkpd.power_effect(h, 70, harm),
        lambda: pkpd.linear_effect(h, 70, harm),
    ]
    for make in makers:
        with pytest.raises(ModelError, match="expected a number or an expression"):
            make()
    for make in (lambda: pkpd.param("k", harm, "1", "x"), lambda: growth.using(kg=harm)):  # type: ignore[arg-type]
        with pytest.raises(ParameterError):
            make()
    with pytest.raises(UnitError):
        pkpd.param("k", 1, harm, "x")
    assert not list(Path(str(tmp_path)).iterdir())


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: pkpd.param("k", 1, "1/day", "x", bounds=3), ParameterError, "bounds of parameter 'k' are 3; expected"),
        (
            lambda: pkpd.param("k", 1, "1/day", "x", bounds=(1,)),
            ParameterError,
            r"are \(1,\); expected \(low",
        ),
        (lambda: pkpd.param("k", 1, "1/day", "x", bounds=("a", 2)), ParameterError, r"are \('a', 2\)"),
        (
            lambda: pkpd.param("k", 1, "1/day", "x", bounds=(3, 2)),
            ParameterError,
            "are 3 to 2; the low one",
        ),
        (
            lambda: pkpd.param("k", 1, "1/day", "x", alternatives={"b": 3}),
            ParameterError,
            "alternative 'b' of 'k' is 3",
        ),
        (
            lambda: pkpd.param("k", 1, "1/day", "x", alternatives=[1]),
            ParameterError,
            r"alternatives of 'k' are \[1\]; exp",
        ),
        (
            lambda: pkpd.param("k", 1, "1/day", "x", alternatives={1: (2, "1/day", "y")}),
            ParameterError,
            "chosen by its name",
        ),
        (lambda: pkpd.param("k", 10**400, "1/day", "x"), ParameterError, "the value of parameter 'k' is too large"),
        (lambda: pkpd.param("k", 1, "1/day", "x", bounds=(0, 10**400)), ParameterError, "the bounds of parameter 'k'"),
        (lambda: growing().using(kg=10**400), ParameterError, "'kg' is too large for a number"),
        (lambda: pkpd.param("k", 1, ["1/day"], "x"), UnitError, r"a unit is given as text such as 'mg/L', not as \["),
        (lambda: pkpd.state("X", "mg", "x", start=math.nan), ModelError, "state 'X' starts at nan; expected a finite"),
        (lambda: growing(outputs=["T"]), ModelError, r"growing: outputs is \['T'\]; expected {name: expression}"),
        (lambda: growing(routes="iv"), ModelError, "growing: routes is 'iv'; expected {name: "),
        (lambda: growing(outputs={"V": {}}), ModelError, "output 'V' is {}; expected a number or an expression"),
        (lambda: growing(events=[{"when": T < 1}]), ModelError, r"events is .*; expected a list of Event\(when"),
        (lambda: growing(events=pkpd.Event(T < T_min, {T: 0})), ModelError, "expected a list of Event"),
        (lambda: pkpd.Event(True, {T: 0}), ModelError, "an event is triggered by True; expected one comparison"),
        (lambda: pkpd.Event(T < T_min, [T]), ModelError, r"what the event T < T_min does is \[T\]; expected {state: "),
        (lambda: pkpd.Event(T < T_min, {"T": 0}), ModelError, "the event T < T_min sets 'T', which is not a state"),
        (lambda: pkpd.compose("x", "pk_1cmt"), ModelError, r"compose\(\) got 'pk_1cmt' as a model; load one with"),
        (lambda: pkpd.compose("x", [growing()]), ModelError, r"compose\(\) got \[<Model growing"),
        (lambda: growing().renamed(3), ModelError, r"growing: renamed\(\) got 3; expected a prefix"),
        (lambda: growing()[3], UnknownNameError, "growing has no symbol '3'"),
        (
            lambda: growing().using(kg="fast"),
            ParameterError,
            "'fast'; expected a number, or one with a unit, such as '1.5 1/day'",
        ),
        (lambda: growing().using(kg="1e999"), ParameterError, "'kg' is inf; give a finite number"),
        (lambda: pkpd.load(["pk_1cmt"]), ModelError, r"load\(\) got \['pk_1cmt'\]; a model is loaded by its name"),
        (lambda: pkpd.lint(3), ModelError, r"lint\(\) got 3 as a model"),
        (lambda: pkpd.page(3), ModelError, r"page\(\) got 3 as a model"),
        (lambda: pkpd.category_effect(3, 0.2), ModelError, "a covariate is a symbol made by param or given, not 3"),
        (lambda: pkpd.category_effect(kg, {}), ModelError, "the change of a covariate effect is {}"),
    ],
)
def test_arguments_of_a_wrong_kind(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def growing(**fields: Any) -> pkpd.Model:
    return pkpd.Model("growing", rates={T: kg * T}, **fields)


def test_a_description_has_parts() -> None:
    text = """Growth of a tumor.

    dT/dt = kg T

`T` is a volume.

Source: a paper,
p. 3.

Valid below 100.

Allowed: negative-state of x, which the paper states too.
"""
    parts = parse_description(text)
    assert (parts.title, parts.source) == ("Growth of a tumor", "a paper, p. 3.")
    assert parts.body == ("    dT/dt = kg T", "`T` is a volume.")
    assert parts.notes[0] == "Valid below 100."
    assert [(a.code, a.place) for a in parts.allowances] == [("negative-state", "x")]
    assert parse_description("") == parse_description("\n\n")
    assert parse_description("One line").source == ""


@pytest.mark.parametrize("name", ["radiotherapy_lq", "tmdd_full", "kosinsky_2018", "stein_2011"])
def test_the_parts_of_a_description_in_the_library(name: str) -> None:
    model = pkpd.load(name)
    parts = parse_description(model.description)
    assert parts.source == pkpd.catalog().loc[name, "source"]
    assert parts.title == model.title
    assert parts.body
