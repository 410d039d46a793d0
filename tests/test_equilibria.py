"""Phase planes and bifurcations against equilibria in closed form."""

from __future__ import annotations

import numpy as np
import pytest

import pkpd

FOLD = 2 / (3 * np.sqrt(3))  # of x' = mu + x - x^3


@pytest.fixture(scope="module")
def cusp() -> pkpd.Model:
    x = pkpd.state("x", "1", "state", start=0)
    mu = pkpd.param("mu", 0, "1", "forcing", source="illustrative")
    k = pkpd.param("k", 2, "1/day", "rate", source="illustrative")
    return pkpd.Model("cusp", rates={x: k * (mu + x - x**3)})


@pytest.fixture(scope="module")
def competition() -> pkpd.Model:
    """x' = r x (1 - x - 2 y), y' = r y (1 - y - 2 x): two winners, one saddle, and an unstable origin."""
    x, y = pkpd.state("x", "1", "first clone", start=0.1), pkpd.state("y", "1", "second clone", start=0.1)
    r = pkpd.param("r", 3, "1/day", "rate", source="illustrative")
    return pkpd.Model("competition", rates={x: r * x * (1 - x - 2 * y), y: r * y * (1 - y - 2 * x)})


def test_equilibria_of_competition_with_their_eigenvalues(competition) -> None:
    plane = pkpd.phase_plane(competition, {"x": (0, 1.5), "y": (0, 1.5)}, points=7)
    np.testing.assert_allclose(plane["equilibrium_x"], [0, 0, 1 / 3, 1], atol=1e-9)
    np.testing.assert_allclose(plane["equilibrium_y"], [0, 1, 1 / 3, 0], atol=1e-9)
    assert plane["kind"].values.tolist() == ["unstable node", "stable node", "saddle", "stable node"]
    assert plane["stable"].values.tolist() == [False, True, False, True]
    # At (1/3, 1/3): r (-1/3 -+ 2/3).
    np.testing.assert_allclose(np.sort(plane["real"].isel(equilibrium=2)), [-3, 1])
    np.testing.assert_allclose(np.sort(plane["real"].isel(equilibrium=3)), [-3, -3])
    np.testing.assert_allclose(plane["rate_x"].sel(x=1.5, y=0.75), 3 * 1.5 * (1 - 1.5 - 1.5))
    assert plane["rate_x"].attrs["units"] == "1/day"


def test_a_spiral_and_a_center_are_told_apart() -> None:
    """x' = v, v' = -w^2 x - c v: eigenvalues -c/2 +- i sqrt(w^2 - c^2/4); undamped it does not tell."""
    x, v = pkpd.state("x", "1", "position", start=1), pkpd.state("v", "1/day", "speed", start=0)
    w = pkpd.param("w", 2, "1/day", "frequency", source="illustrative")
    c = pkpd.param("c", 1, "1/day", "damping", source="illustrative")
    model = pkpd.Model("spring", rates={x: v, v: -(w**2) * x - c * v})
    box = {"x": (-1, 1), "v": (-2, 2)}
    plane = pkpd.phase_plane(model, box, points=5, starts=3)
    assert plane["kind"].values.tolist() == ["stable focus"]
    np.testing.assert_allclose(plane["real"], -0.5)
    np.testing.assert_allclose(np.abs(plane["imaginary"]), np.sqrt(4 - 0.25))
    center = pkpd.phase_plane(model, box, parameters={"c": 0}, points=5, starts=3)
    assert center["kind"].values.tolist() == ["not hyperbolic"]


def test_the_four_equilibria_of_kuznetsov_1994() -> None:
    """Tumor-free saddle, dormant focus, saddle, escaped node, as in the paper; each with rates of 0 in the model."""
    model = pkpd.load("kuznetsov_1994")
    plane = pkpd.phase_plane(model, {"T": (0, 6e8), "E": (0, 4e6)}, points=5, starts=6)
    assert plane["kind"].values.tolist() == ["saddle", "stable focus", "saddle", "stable node"]
    assert float(plane["equilibrium_E"][0]) == pytest.approx(13000 / 0.0412)
    dormant = plane.isel(equilibrium=1)
    run = pkpd.simulate(
        model, times=[0, 500], parameters={"T0": float(dormant["equilibrium_T"]), "E0": float(dormant["equilibrium_E"])}
    )
    np.testing.assert_allclose(run["T"], float(dormant["equilibrium_T"]), rtol=1e-6)


def test_other_states_are_held_where_they_are_said_to_be(competition) -> None:
    x = pkpd.bifurcation(competition, "r", (1, 2), {"x": (-0.5, 1.5)}, points=3, held={"y": 0.25})
    np.testing.assert_allclose(np.sort(x["x"].isel(r=0)), [0, 0.5], atol=1e-9)
    with pytest.raises(pkpd.UnknownNameError, match="state to hold 'z'"):
        pkpd.bifurcation(competition, "r", (1, 2), {"x": (0, 1)}, held={"z": 1})


def test_folds_branches_and_hysteresis_of_the_cusp(cusp) -> None:
    table = pkpd.bifurcation(cusp, "mu", (-1, 1), {"x": (-2, 2)})
    np.testing.assert_allclose(table["fold_value"], [-FOLD, FOLD], rtol=1e-7)
    np.testing.assert_allclose(table["fold_x"], [1 / np.sqrt(3), -1 / np.sqrt(3)], rtol=1e-6)
    mu = table["mu"]
    residual = mu + table["x"] - table["x"] ** 3
    assert float(abs(residual).max()) < 1e-9
    assert bool((table["stable"] == (3 * table["x"] ** 2 > 1)).where(table["x"].notnull(), True).all())
    np.testing.assert_allclose(table["leading"].values, (2 * (1 - 3 * table["x"] ** 2)).values, rtol=1e-8)
    inside = abs(mu) < FOLD
    assert bool((table["stable_equilibria"] == np.where(inside, 2, 1)).all())
    assert bool((table["x"].notnull().sum("branch") == np.where(inside, 3, 1)).all())
    assert bool((table["hysteresis"] == inside).all())
    assert bool((table["up_x"].where(mu < FOLD, -9) < 0).all())
    assert bool((table["up_x"].where(mu > FOLD, 9) > 1).all()), "over the fold it jumps to the upper branch"
    assert bool((table["down_x"].where(mu > -FOLD, 9) > 0.57).all())


def test_a_transcritical_exchange_of_stability_has_no_hysteresis() -> None:
    """x' = x (r - x) in units of k: the branches 0 and r cross at r = 0 and exchange stability."""
    x, k = pkpd.state("x", "1", "cells", start=0.1), pkpd.param("k", 1, "1/day", "rate", source="illustrative")
    r = pkpd.param("r", 0.5, "1", "net growth", source="illustrative")
    model = pkpd.Model("growth", rates={x: k * x * (r - x)})
    table = pkpd.bifurcation(model, "r", (-0.95, 1), {"x": (-2, 2)}, points=40)
    assert table.sizes["branch"] == 2
    assert table.sizes["fold"] == 0
    zero = table.isel(branch=int(abs(table["x"]).max("r").argmin("branch")))
    np.testing.assert_allclose(zero["x"], 0, atol=1e-9)
    assert bool((zero["stable"] == (zero["r"] < 0)).all())
    assert not table["hysteresis"].any()


def test_a_way_can_begin_at_the_escaped_tumor() -> None:
    """More effectors flow in: the escaped tumor of Kuznetsov 1994 falls to the dormant one at the fold."""
    model = pkpd.load("kuznetsov_1994")
    box = {"T": (0, 6e8), "E": (0, 4e6)}
    table = pkpd.bifurcation(model, "s", (5000, 30000), box, points=26, seeds=3, starts=4, up_from="highest")
    (fold,) = table["fold_value"].values
    s = table["s"]
    assert bool((table["up_T"].where(s < fold, 1e9) > 1e8).all())
    assert bool((table["up_T"].where(s > fold, 0) < 2e7).all())
    assert bool((table["hysteresis"] == (s < fold)).all())
    assert not pkpd.bifurcation(model, "s", (5000, 30000), box, points=5, seeds=2, starts=4)["hysteresis"].any()


def test_where_nothing_is_stable_the_way_ends() -> None:
    """Van der Pol: the origin is unstable for m > 0, and what surrounds it is a cycle, which is no equilibrium."""
    x, y = pkpd.state("x", "1", "x", start=1), pkpd.state("y", "1", "y", start=0)
    m = pkpd.param("m", 1, "1", "damping", source="illustrative")
    k = pkpd.param("k", 1, "1/day", "rate", source="illustrative")
    model = pkpd.Model("cycle", rates={x: k * y, y: k * (m * (1 - x**2) * y - x)})
    table = pkpd.bifurcation(model, "m", (-1, 1), {"x": (-3, 3), "y": (-3, 3)}, points=11, seeds=2, starts=3)
    up = table["up_x"]
    np.testing.assert_allclose(up.where(table["m"] < -0.1, 0), 0, atol=1e-9)
    assert up.where(table["m"] > 0.1).isnull().all()


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"ranges": {"x": (1, 0)}}, pkpd.DataError, "range of 'x' is 1 to 0"),
        ({"ranges": {"y": (0, 1)}}, pkpd.UnknownNameError, "state 'y'"),
        ({"ranges": {}}, pkpd.DataError, "as ranges"),
        ({"parameter": "nu"}, pkpd.UnknownNameError, "no parameter 'nu'"),
        ({"between": (1, -1)}, pkpd.DataError, "goes from 1 to -1"),
        ({"between": 3}, pkpd.DataError, "between is 3"),
        ({"points": 2}, pkpd.DataError, "points is 2"),
        ({"seeds": 1}, pkpd.DataError, "seeds is 1"),
        ({"up_from": "top"}, pkpd.DataError, "up_from is 'top'"),
        ({"parameters": {"k": [1, 2]}}, pkpd.ParameterError, "one value of each parameter; k"),
    ],
)
def test_bad_arguments_are_named(cusp, change, error, words) -> None:
    good = {"parameter": "mu", "between": (-1, 1), "ranges": {"x": (-2, 2)}, "points": 5} | change
    with pytest.raises(error, match=words):
        pkpd.bifurcation(cusp, good.pop("parameter"), good.pop("between"), good.pop("ranges"), **good)


def test_too_many_searches_are_refused(competition) -> None:
    with pytest.raises(pkpd.DataError, match="starts of each of 2 states"):
        pkpd.phase_plane(competition, {"x": (0, 1), "y": (0, 1)}, points=3, starts=200)


def test_a_model_that_depends_on_time_has_no_equilibria() -> None:
    x, k = pkpd.state("x", "1", "x", start=1), pkpd.param("k", 1, "1/day^2", "rate", source="illustrative")
    timed = pkpd.Model("timed", rates={x: -k * pkpd.clock("day") * x})
    with pytest.raises(pkpd.ModelError, match="dx/dt|d x/dt depends on time"):
        pkpd.bifurcation(timed, "k", (1, 2), {"x": (0, 1)})
    with pytest.raises(pkpd.DataError, match="expected two states"):
        pkpd.phase_plane(timed, {"x": (0, 1)})
