"""Lint: each class of defect is found in a small model, and the library has none."""

from __future__ import annotations

import dataclasses
import sys

import pytest
import sympy
from examples import irradiated, one_compartment

import pkpd
from pkpd import Event, Model, clock, dose, given, input_rate, output, param, state
from pkpd.library.lint import Finding, lint

NAMES = list(pkpd.catalog().index)
SAID = {"source": "illustrative"}

k = param("k", 0.1, "1/day", "growth rate", **SAID)
u = param("u", 0.0, "1/day", "kill by a drug", **SAID)
T = state("T", "mm^3", "tumor volume", start=60)
E = state("E", "cell", "effectors", start=100)


def found(model: Model | str, *declared: object) -> set[tuple[str, str]]:
    """Code and place of each finding."""
    return {(f.code, f.where) for f in lint(model, declared)}


def growing(rate: sympy.Expr, **more: object) -> Model:
    return Model("small", rates={T: rate}, **more)


# ---- the library


@pytest.mark.parametrize("name", NAMES)
def test_the_library_is_clean(name: str) -> None:
    assert [str(f) for f in lint(name)] == []


def test_sound_models_are_clean() -> None:
    assert lint(one_compartment) == []
    sound = irradiated.using(T_min=5)
    assert lint(sound) == []


# Each is what the public SBML of that paper does, which the library mends.
PUBLISHED_DEFECTS = [
    ("de_pillis_2009", {"d": 0}, ("zero-input", "parameter 'd'")),
    ("kosinsky_2018", {"k_a": 0}, ("zero-input", "parameter 'k_a'")),
    ("saad_2017", {"E0": 0}, ("stuck-at-zero", "state 'E'")),
]


@pytest.mark.parametrize(("name", "values", "finding"), PUBLISHED_DEFECTS, ids=[d[0] for d in PUBLISHED_DEFECTS])
def test_defects_of_public_models_are_found(name, values, finding) -> None:
    assert finding in found(pkpd.load(name).using(**values))


# ---- units and numbers


@pytest.mark.parametrize("factor", [24, 7.0, 1 / 24, 0.0417, 1440, sympy.Rational(1, 7)])
def test_a_bare_time_factor_is_found(factor) -> None:
    assert found(growing(factor * k * T)) == {("time-factor", "d T/dt")}


def test_a_time_factor_inside_a_function_is_found() -> None:
    t = clock("day")
    assert ("time-factor", "d T/dt") in found(growing(k * T * sympy.exp(-24 * k * t)))


@pytest.mark.parametrize("factor", [2, 3, 0.5, 23, 1 / 25])
def test_other_factors_are_not(factor) -> None:
    assert found(growing(factor * k * T)) == set()


def test_a_week_of_doses_or_grays_is_no_conversion() -> None:
    alpha = param("alpha", 0.1, "1/Gy", "radiosensitivity", **SAID)
    assert found(growing(k * T, routes={"radiation": {T: T * sympy.exp(-7 * alpha * dose("Gy"))}})) == set()


def test_a_parameter_in_another_time_unit_is_found_unless_it_has_company() -> None:
    half_life = param("half_life", 5, "hour", "half-life", **SAID)
    assert found(growing(k * T, outputs={"h": output(2 * half_life * T, "a product")})) >= {
        ("other-time-unit", "parameter 'half_life'")
    }
    mu = param("mu", 0.3, "1/hour", "repair", **SAID)
    assert found(growing(k * T * sympy.exp(-mu * half_life))) == set()


def test_an_output_that_mixes_units_is_found() -> None:
    CL = param("CL", 0.2, "L/hour", "clearance", **SAID)
    t = clock("day")
    model = growing(k * T, outputs={"cleared": output(CL * t, "volume cleared so far")})
    assert ("mixed-units", "output 'cleared'") in found(model)
    daily = param("CL", 4.8, "L/day", "clearance", **SAID)
    assert found(growing(k * T, outputs={"cleared": output(daily * t, "volume cleared so far")})) == set()


def test_a_bare_power_of_ten_is_found() -> None:
    per_volume = output(1e6 * E, "effectors in millions")
    assert found(Model("small", rates={E: -k * E}, outputs={"n": per_volume})) == {("bare-conversion", "output 'n'")}
    percent = output(100 * E, "a hundred times the effectors")
    assert found(Model("small", rates={E: -k * E}, outputs={"n": percent})) == set()


# ---- inputs that do nothing


def test_a_route_that_does_nothing_is_found() -> None:
    F = param("F", 0, "1", "bioavailability", **SAID)
    A = state("A", "mg", "amount")
    model = Model("small", rates={A: -k * A}, routes={"oral": {A: A + F * dose("mg")}})
    (finding,) = lint(model)
    assert (finding.code, finding.severity) == ("dead-route", "error")
    assert "does not change 'A': F is 0" in finding.sentence
    assert lint(model.using(F=0.7)) == []


def test_a_rate_route_that_does_nothing_is_found() -> None:
    R, alpha = input_rate("R", "Gy/day", "dose rate"), param("alpha", 0, "1/Gy", "radiosensitivity", **SAID)
    model = growing(k * T - alpha * R * T, routes={"radiation": R})
    assert found(model) == {("dead-route", "route 'radiation'"), ("zero-input", "parameter 'alpha'")}
    assert found(model.using(alpha=0.2)) == set()


@pytest.mark.parametrize("rate", [k * T - u * T, T * (k - u), (k - u * T / (T + 60 * T)) * T])
def test_an_input_that_is_zero_by_default_is_found(rate) -> None:
    assert found(growing(rate)) == {("zero-input", "parameter 'u'")}


def test_zeros_that_are_meant_are_not() -> None:
    covariate = param("ECOG", 0, "1", "performance status", **SAID)
    factor = param("factor", 1.5, "1", "effect of the status", **SAID)
    offset = param("h0", 0, "mm^3/day", "seeding", **SAID)
    drug = given("drug", "1/day", "kill by another part", default=0)
    rate = offset + k * T * factor**covariate * (1 + factor * covariate) - drug * T
    assert found(growing(rate)) == set()


# ---- what stands still


def test_a_state_that_nothing_moves_is_found() -> None:
    D = state("D", "1", "killing, as it was at the start", start=0.3)
    assert found(Model("small", rates={T: k * T * (1 - D), D: 0})) == {("frozen-state", "state 'D'")}
    moved = Model("small", rates={T: k * T * D, D: 0}, routes={"drug": {D: D * sympy.exp(-dose("1"))}})
    assert found(moved) == set()


def test_states_that_stay_at_zero_together_are_found() -> None:
    E1, E2 = state("E1", "cell", "effectors here"), state("E2", "cell", "effectors there")
    rates = {T: k * T, E1: k * E2 - k * E1, E2: k * E1 - k * E2}
    assert found(Model("small", rates=rates)) == {("stuck-at-zero", "state 'E1'"), ("stuck-at-zero", "state 'E2'")}
    source = param("source", 1, "cell/day", "influx", **SAID)
    assert found(Model("small", rates=rates | {E1: source + k * E2 - k * E1})) == set()
    dosed = Model("small", rates=rates, routes={"cells": {E2: E2 + dose("cell")}})
    assert found(dosed) == set()


def test_a_start_in_the_place_of_a_state_is_found() -> None:
    T0 = param("T0", 60, "mm^3", "tumor volume at the start", **SAID)
    x = state("x", "mm^3", "tumor volume", start=T0)
    kill = param("kill", 1e-3, "1/mm^3/day", "recruitment", **SAID)
    model = Model("small", rates={x: k * x, E: kill * T0 * E - k * E})
    assert found(model) == {("frozen-start", "d E/dt")}
    assert found(Model("small", rates={x: k * (T0 - x), E: kill * x * E - k * E})) == set()


@pytest.mark.parametrize("constant", [k, sympy.Float(3)])
def test_an_output_that_never_changes_is_found(constant) -> None:
    assert found(growing(k * T, outputs={"r": output(constant, "growth rate")})) == {("frozen-output", "output 'r'")}


# ---- signs

kill = param("kill", 3.0, "mm^3/day", "constant loss", **SAID)


def test_a_state_that_falls_below_zero_is_found() -> None:
    (finding,) = lint(growing(k * T - kill))
    assert (finding.code, finding.severity, finding.where) == ("negative-state", "warning", "d T/dt")
    assert "at T = 0 k*T - kill is negative." in finding.sentence


def test_where_the_author_promised_otherwise_it_is_an_error() -> None:
    x = state("x", "mm^3", "tumor volume", start=60, nonnegative=True)
    (finding,) = lint(Model("small", rates={x: k * x - kill}))
    assert (finding.code, finding.severity) == ("negative-state", "error")


def test_jumps_inputs_events_and_starts_below_zero_are_found() -> None:
    R = input_rate("R", "mm^3/day", "removal")
    assert found(growing(k * T, routes={"surgery": {T: T - dose("mm^3")}})) == {("negative-state", "route 'surgery'")}
    assert found(growing(k * T - R, routes={"drain": R})) == {("negative-state", "d T/dt")}
    event = Event(when=T > 100, then={T: T - 500})
    with pytest.raises(pkpd.UnitError):
        growing(k * T, events=[event])
    size = param("size", 500, "mm^3", "resected volume", **SAID)
    assert {c for c, _ in found(growing(k * T, events=[Event(when=T > size / 2, then={T: T - size})]))} == {
        "negative-state"
    }
    assert found(growing(k * T, events=[Event(when=T > size, then={T: T - size})])) == set()
    low = state("low", "mm^3", "tumor volume", start=-1)
    assert found(Model("small", rates={low: k * low})) == {("negative-state", "the start of low")}


def test_a_fraction_that_stays_below_one_is_known_to() -> None:
    P = state("P", "1", "fraction of targets made")
    capacity = param("capacity", 3, "1", "largest burden", **SAID)
    B = state("B", "1", "burden", start=0.5)
    within = {P: k * (1 - P), B: k * B * (1 - B / capacity), E: k * E * (1 - P) + (k * E) * (capacity - B)}
    source = param("source", 5, "cell/day", "influx", **SAID)
    bounded = within | {E: source * (1 - P) + source * (capacity - B) - k * E}
    assert found(Model("small", rates=bounded)) == set()
    unbounded = bounded | {P: k * (4 - P)}
    assert found(Model("small", rates=unbounded)) == {("negative-state", "d E/dt")}


def test_a_dose_lifts_a_state_above_its_ceiling() -> None:
    P = state("P", "1", "fraction of targets made")
    source = param("source", 5, "cell/day", "influx", **SAID)
    rates = {P: k * (1 - P), E: source * (1 - P) - k * E}
    assert found(Model("small", rates=rates)) == set()
    dosed = Model("small", rates=rates, routes={"protein": {P: P + dose("1")}})
    assert found(dosed) == {("negative-state", "d E/dt")}


# ---- words and declarations


def test_values_outside_their_bounds_are_found() -> None:
    CL = param("CL", 0.3, "1/day", "loss", source="illustrative", bounds=(0, 1), alternatives={"x": (2, "1/day", "y")})
    model = growing(-CL * T)
    assert [(f.code, f.severity) for f in lint(model)] == [("out-of-bounds", "error")]
    assert "the alternative 'x' 2 1/day is outside its bounds 0 to 1" in lint(model)[0].sentence
    with pytest.raises(pkpd.ParameterError, match=r"'CL' is -1 1/day, outside its bounds \(0 to 1\)"):
        model.using(CL=-1)


def test_a_dose_that_sets_a_state_says_so() -> None:
    d, filled = pkpd.dose("mm^3"), param("filled", 3, "mm^3", "content", source="illustrative")
    X = state("X", "mm^3", "elsewhere")
    jumps = {T: T + d, X: filled}
    model = pkpd.Model("filling", rates={T: -k * T, X: -k * X}, routes={"fill": jumps})
    assert ("overwritten-state", "route 'fill'") in found(model)
    routes = {"fill": pkpd.Route("fill", jumps, replaces=True)}
    meant = pkpd.Model("filling", rates={T: -k * T, X: -k * X}, routes=routes)
    assert "overwritten-state" not in {code for code, _ in found(meant)}


def test_missing_words_are_found() -> None:
    r = param("r", 0.1, "1/day", "")
    model = growing(r * T, outputs={"twice": 2 * T, "V": T})
    assert found(model) == {
        ("no-meaning", "symbol 'r'"),
        ("no-source", "parameter 'r'"),
        ("no-meaning", "output 'twice'"),
    }


def test_what_is_declared_and_not_used_is_found() -> None:
    r = param("r", 0.1, "1/day", "another rate", **SAID)
    R = input_rate("R", "Gy/day", "dose rate")
    V = given("V", "mm^3", "volume")
    assert found(growing(k * T), k, T, r, E, R, V, dose("mg"), "text") == {
        ("unused", "parameter 'r'"),
        ("unused", "state 'E'"),
        ("unused", "input rate 'R'"),
        ("unused", "given 'V'"),
    }
    assert found(growing(k * T + 0 * r), r) == {("unused", "parameter 'r'")}
    used_in_start = state("x", "mm^3", "tumor volume", start=kill / k)
    assert found(Model("small", rates={used_in_start: -k * used_in_start}), kill, k) == set()


def test_a_file_of_the_library_is_searched_for_unused_symbols(monkeypatch) -> None:
    pkpd.load("growth_linear")
    monkeypatch.setattr(sys.modules["pkpd.models.growth_linear"], "spare", E, raising=False)
    assert found("growth_linear") == {("unused", "state 'E'")}
    assert found(pkpd.load("growth_linear")) == set()


# ---- findings and allowances


def test_a_defect_in_print_is_allowed_by_name_and_in_words() -> None:
    defective = growing(k * T - kill)
    allowed = dataclasses.replace(defective, description="Title\n\nAllowed: negative-state of T, as in the paper.\n")
    assert lint(allowed) == []
    other = dataclasses.replace(defective, description="Title\n\nAllowed: negative-state of E, as in the paper.\n")
    assert found(other) == {("negative-state", "d T/dt"), ("unneeded-allowance", "allowance of 'E'")}


def test_errors_come_first_and_findings_are_frozen_and_readable() -> None:
    findings = lint(growing(24 * k * T - kill - u * T))
    assert [f.severity for f in findings] == ["error", "warning", "warning"]
    assert str(findings[0]).startswith("d T/dt: error [time-factor] ")
    with pytest.raises(dataclasses.FrozenInstanceError):
        findings[0].code = "other"
    assert findings == lint(growing(24 * k * T - kill - u * T))
    assert isinstance(findings[0], Finding)


def test_every_code_is_explained() -> None:
    import inspect
    import re

    import pkpd.library.lint as room
    from pkpd.library import lint_dynamics, lint_numbers

    written = set()
    for module in (room, lint_dynamics, lint_numbers):
        source = inspect.getsource(module)
        written |= set(re.findall(r'Finding\(\s*"([a-z-]+)"', source))
    assert len(written) == 17
    explained = set(re.findall(r"^([a-z-]+)  +(?:error|warning)  ", room.__doc__, re.M))
    assert written == explained


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(pkpd.UnknownNameError, match="Did you mean 'kosinsky_2018'"):
        lint("kosinsky")
