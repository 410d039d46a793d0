"""A prepared call again and again: what is kept from one to the next changes no bit of the next."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import sympy

import pkpd
import pkpd.solvers.compiled.methods as compiled
from pkpd.errors import RegimenError
from pkpd.symbolic.symbols import finite_number

ORAL = pkpd.load("pk_1cmt_oral")


def table(subjects: int) -> pkpd.Records:
    """A dose at time 0, seen by a record of that time, and one more that the last record comes with."""
    times, doses = [0.0, 0.0, 1.0, 2.5, 8.0, 8.0], [100, 0, 0, 0, 50, 0]
    rows = {"ID": np.repeat(np.arange(subjects), 6), "TIME": times * subjects, "AMT": doses * subjects, "CMT": 1}
    return pkpd.read_nonmem(pd.DataFrame(rows), compartments={1: "depot", 2: "central"})


def differentiated(subjects: int) -> pkpd.Prepared:
    wrt = ["ka", "CL", "V"]
    return pkpd.prepare(ORAL, table(subjects), outputs=["depot", "C"], parameters=wrt, sensitivities=wrt)


@pytest.mark.parametrize("subjects", [3, 12])  # a lane for each direction, or all in one
def test_a_second_call_has_the_bits_of_a_first_one(subjects: int) -> None:
    rng = np.random.default_rng(1)
    first, second = (np.array([[1.5], [2.8], [32.0]]) * rng.uniform(0.8, 1.2, (3, subjects)) for _ in range(2))
    again, fresh = differentiated(subjects), differentiated(subjects)(second)
    again(first)
    values = again(second)
    plain = pkpd.prepare(ORAL, table(subjects), outputs=["depot", "C"], parameters=["ka", "CL", "V"])(second)
    for name in ("depot", "C"):
        np.testing.assert_array_equal(values[name], fresh[name])
        np.testing.assert_array_equal(values[name], plain[name])
        np.testing.assert_array_equal(values.sensitivities[name], fresh.sensitivities[name])


def test_derivatives_at_records_of_the_time_of_a_dose_are_differences() -> None:
    prepared, x = differentiated(2), np.array([[1.5, 1.2], [2.8, 3.0], [32.0, 30.0]])
    values = prepared(x)
    for k in range(3):
        step = np.zeros_like(x)
        step[k] = 1e-5 * x[k]
        by = (prepared(x + step)["C"] - prepared(x - step)["C"]) / np.repeat(2 * step[k], 6)
        np.testing.assert_allclose(values.sensitivities["C"][:, k], by, rtol=1e-5, atol=1e-7)


def test_derivatives_follow_a_parameter_that_changes_its_sign() -> None:
    """The tangent made where `b` is positive, and the rate continuous, does not serve where it is negative."""
    b = pkpd.param("b", 1.0, "1", "acceleration", bounds=(None, None))
    k, low = pkpd.param("k", 0.1, "1/day", "loss"), pkpd.param("low", 4.0, "mg", "where the loss changes")
    A = pkpd.state("A", "mg", "drug", start=0)
    faster = sympy.Piecewise((1 + sympy.Abs(b) - b, A > low), (1, True))
    model = pkpd.Model("signed", rates={A: -k * A * faster}, routes={"iv": {A: A + pkpd.dose("mg")}})
    rows = {"ID": [1] * 4, "TIME": [0, 1, 3, 9], "AMT": [5, 0, 0, 0], "CMT": 1}
    data = pkpd.read_nonmem(pd.DataFrame(rows), compartments={1: "iv"})
    prepared = pkpd.prepare(model, data, parameters=["b"], sensitivities=["low"])
    for value, power in ((1.0, 1), (-1.0, 3), (2.0, 1), (-0.5, 2)):
        # A(t) = low exp(-k (t - tau)), with exp(-k tau) = (low/5)**(1/power).
        by_low = (1 - 1 / power) * (4 / 5) ** (-1 / power) * np.exp(-0.1 * np.array([3.0, 9.0]))
        slopes = prepared(np.array([[value]])).sensitivities["A"][2:, 0]
        np.testing.assert_allclose(slopes, by_low, rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize("order", [1, 2])
def test_a_table_differentiates_a_model_without_outputs(order: int) -> None:
    k, A = pkpd.param("k", 0.5, "1/day", "elimination"), pkpd.state("A", "mg", "drug", start=0)
    model = pkpd.Model("bare", rates={A: -k * A}, routes={"iv": {A: A + pkpd.dose("mg")}})
    rows = {"ID": [1] * 3, "TIME": [0, 1, 3], "AMT": [5, 0, 0], "CMT": 1}
    data = pkpd.read_nonmem(pd.DataFrame(rows), compartments={1: "iv"})
    values = pkpd.prepare(model, data, parameters=["k"], sensitivities=["k"], order=order)(np.array([[0.5]]))
    t, exact = np.array([0.0, 1, 3]), 5 * np.exp(-0.5 * np.array([0.0, 1, 3]))
    np.testing.assert_allclose(values.sensitivities["A"][:, 0], -t * exact, rtol=1e-6)
    if order == 2:
        np.testing.assert_allclose(values.second_sensitivities["A"][:, 0, 0], t**2 * exact, rtol=1e-6)


@pytest.mark.parametrize("kept", [0, 10**6])
def test_what_is_too_large_to_keep_lives_until_it_is_solved(kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared, x = differentiated(12), np.repeat(np.array([[1.5], [2.8], [32.0]]), 12, axis=1)
    right = prepared(x)
    monkeypatch.setattr(compiled, "MOST_KEPT", kept)
    monkeypatch.setattr(compiled, "_KEPT", {})
    for _ in range(3):
        np.testing.assert_array_equal(prepared(x)["C"], right["C"])
    assert bool(compiled._KEPT) == (kept > 0)


def test_what_is_kept_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "_KEPT", {})
    doses = pkpd.bolus(100, "iv")
    for i in range(2 * compiled.KEPT):
        prepared = pkpd.prepare(pkpd.load("pk_1cmt"), doses, times=[1.0, 2.0 + i], outputs=["C"], parameters=["CL"])
        C = prepared(np.array([[1.0]]))["C"][0]
        assert C[1] / C[0] == pytest.approx(np.exp(-(1 + i) / prepared.model["V"].value), rel=1e-6)
        assert len(compiled._KEPT) <= compiled.KEPT


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("many", r"^the dose is 'many'; expected an amount\.$"),
        (float("nan"), r"^the dose is nan; give a finite one\.$"),
        (10**400, r"^the dose is too large for a number; give a finite one\.$"),
    ],
)
def test_a_finite_number_or_the_error_and_the_words_of_who_asks(value: object, message: str) -> None:
    assert finite_number("2.5", "the dose") == 2.5
    with pytest.raises(RegimenError, match=message):
        finite_number(value, "the dose", error=RegimenError, expected="expected an amount", finite="give a finite one")
