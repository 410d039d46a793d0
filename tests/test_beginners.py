"""Mistakes of a first day: each is answered by a sentence that says what to write instead."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import numpy as np
import pytest
import sympy

import pkpd
from pkpd.errors import ModelError, ParameterError, UnitError

T = pkpd.state("T", "mm^3", "tumor volume", start=100)
A = pkpd.state("A", "mg", "drug")
k = pkpd.param("k", 0.1, "1/day", "rate", bounds=(0, 1))


def model(**rates: sympy.Expr) -> pkpd.Model:
    return pkpd.Model("m", {A: rates["A"]}, routes={"iv": {A: A + pkpd.dose("mg")}})


@pytest.mark.parametrize("argument", [T, -T / 100, T + T**2])
@pytest.mark.parametrize("function", [np.exp, np.log, np.sqrt, np.log10, np.expm1])
def test_functions_of_numpy_name_those_of_sympy(function: np.ufunc, argument: sympy.Expr) -> None:
    with pytest.raises(ModelError, match=rf"numpy\.{function.__name__} got .*; write it by sympy: from sympy import"):
        function(argument)


@pytest.mark.parametrize(
    "asked",
    [
        lambda: 1 if T > 5 else 0,
        lambda: max(T, 0),
        lambda: min(T, k),
        lambda: np.maximum(T, 0),
        lambda: np.where(T > 5, 1, 0),
        lambda: 1 < T < 5,
        lambda: (T > 5) and (T < 9),
    ],
)
def test_conditions_name_piecewise_and_events(asked: Callable[[], object]) -> None:
    with pytest.raises(ModelError, match=r"is not known before the model runs.*Piecewise.*Max.*Event\(when="):
        asked()


def test_sympy_itself_is_left_alone() -> None:
    x = sympy.Symbol("x")
    with pytest.raises(TypeError, match="cannot determine truth value"):
        bool(x > 5)
    with pytest.raises(TypeError, match="has no callable exp method") as refused:
        np.exp(x + 1)
    assert not isinstance(refused.value, ModelError)
    assert bool(sympy.Integer(6) > 5)
    assert sympy.Max(T, 0).free_symbols == {T}
    assert pickle.loads(pickle.dumps(T > 5)) == (T > 5)


def test_a_bare_number_is_asked_for_its_unit() -> None:
    with pytest.raises(UnitError, match=r"number has no unit: declare it, as param\('K', 1000, 'mm\^3', \.\.\.\)"):
        pkpd.Model("m", {T: k * T * (1 - T / 1000)})
    with pytest.raises(UnitError, match=r"param\('K', 5, 'mm\^3/day'"):
        pkpd.Model("m", {T: k * T + 5})


def test_a_route_that_forgets_what_is_there_is_refused() -> None:
    with pytest.raises(ModelError, match=r"overwrites 'A' by dose; write \{A: A \+ dose\}"):
        pkpd.Model("m", {A: -k * A}, routes={"iv": {A: pkpd.dose("mg")}})


def test_a_dose_after_the_last_time_is_said() -> None:
    with pytest.warns(UserWarning, match="the first dose is given at 30 day, after the last of times"):
        pkpd.simulate(model(A=-k * A), pkpd.bolus("1 mg", "iv", at=30), times=[0, 10])


def test_a_value_outside_its_bounds_is_refused() -> None:
    with pytest.raises(ParameterError, match=r"'k' is 2 1/day, outside its bounds \(0 to 1\); give a value"):
        pkpd.simulate(model(A=-k * A), times=[0, 1], parameters={"k": 2})


def test_percents_for_fractions_are_asked_about() -> None:
    with pytest.warns(UserWarning, match=r"cv is a fraction, 0.3 for 30 %; this is 3000 %. Was cv=0.3 meant\?"):
        pkpd.lognormal(cv=30)
    with pytest.warns(UserWarning, match=r"iiv is the standard deviation of the logarithm.* Was iiv=0.3 meant\?"):
        pkpd.param("CL", 0.2, "L/day", "clearance", iiv=30)
