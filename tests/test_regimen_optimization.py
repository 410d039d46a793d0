"""Regimens over a grid of decisions: closed forms, robust optima by hand, what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from sympy import exp

import pkpd
from pkpd.measures.member_statistics import member_statistic

amount = pkpd.param("amount", 100, "mg", "dose")
start = pkpd.param("start", 0, "day", "time of the dose")
drug = pkpd.load("pk_1cmt")
TROUGH = {"trough": ("C", "last")}


# ---- radiation: equal biological dose to the lung


def irradiated(alpha_beta: float) -> pkpd.Model:
    """A tumor that grows exponentially and is killed by the linear-quadratic law."""
    T = pkpd.state("T", "mm^3", "tumor", start=1000)
    kg = pkpd.param("kg", 0.01, "1/day", "growth")
    alpha = pkpd.param("alpha", 0.05, "1/Gy", "linear coefficient")
    beta = pkpd.param("beta", 0.05 / alpha_beta, "1/Gy^2", "quadratic coefficient")
    d = pkpd.dose("Gy")
    relative = pkpd.output(T / pkpd.param("T0", 1000, "mm^3", "size at the start"), "relative size", "1")
    S = exp(-alpha * d - beta * d**2)
    return pkpd.Model("irradiated", {T: kg * T}, routes={"radiation": {T: S * T}}, outputs={"size": relative})


SPARING, LUNG, BED = 0.3, 3.0, 40.0  # the lung's share of each fraction, its alpha/beta, and the dose that it bears


def fraction_dose(n: int) -> float:
    """The dose of n fractions with BED to the lung: the root of n s d (1 + s d/LUNG) = BED."""
    return LUNG / (2 * SPARING) * (np.sqrt(1 + 4 * BED / (n * LUNG)) - 1)


def log_kill(n: int, alpha_beta: float) -> float:
    d = fraction_dose(n)
    return 0.05 * n * d * (1 + d / alpha_beta)


NUMBERS = [1, 2, 3, 5, 8, 12, 20, 30]


def fractionated(alpha_beta: float) -> pkpd.ResponseSurface:
    def lung(run: xr.Dataset) -> xr.DataArray:
        doses = xr.DataArray([fraction_dose(int(n)) for n in run["n"]], dims="n")
        return xr.apply_ufunc(lambda d, n: pkpd.bed(SPARING * d, n, alpha_beta=LUNG), doses, run["n"])

    return pkpd.optimize_regimen(
        irradiated(alpha_beta),
        lambda n: pkpd.fractions(fraction_dose(n), n),
        {"n": NUMBERS},
        times=[0, 60],
        reduce={"final": ("size", "last")},
        minimize="final",
        constraints=[pkpd.at_most(lung, BED)],
    )


@pytest.mark.parametrize("alpha_beta", [4.0, 20.0])
def test_the_surface_of_fractionation_at_equal_lung_dose_is_the_closed_form(alpha_beta: float) -> None:
    """Below alpha/beta = LUNG/SPARING of the tumor the fewest fractions are best, above it the most."""
    surface = fractionated(alpha_beta)
    expected = [np.exp(0.01 * 60 - log_kill(n, alpha_beta)) for n in NUMBERS]
    np.testing.assert_allclose(surface.dataset["objective"], expected, rtol=1e-6)
    np.testing.assert_allclose(surface.dataset["constraint_value"].squeeze(), BED, rtol=1e-12)
    assert bool(surface.dataset["feasible"].all())
    assert surface.optimum["n"].item() == (30 if alpha_beta > LUNG / SPARING else 1)


def test_at_the_critical_ratio_every_fractionation_is_as_good() -> None:
    """E = a n d (1 + d/r) is then a BED/s whatever n, so that the surface is flat; off it, it is not."""
    flat, steep = fractionated(LUNG / SPARING), fractionated(20.0)
    assert int(flat.near(1e-6).sum()) == len(NUMBERS)
    assert int(steep.near(0.05).sum()) < len(NUMBERS)
    table = flat.flatness([1e-6])
    assert [table[name].item() for name in ("n_low", "n_high", "share")] == [1, 30, 1.0]


def test_a_lower_limit_of_the_lung_leaves_nothing_and_the_message_says_how_near() -> None:
    surface = pkpd.optimize_regimen(
        irradiated(10.0), pkpd.fractions(pkpd.param("d", 2, "Gy", "fraction"), 10), {"d": [2.0, 3.0]}, times=[0, 30],
        reduce={"final": ("size", "last")}, minimize="final", constraints=[pkpd.at_most("d", 1.5, name="fraction")],
    )  # fmt: skip
    with pytest.raises(pkpd.SimulationError, match=r"none of 2 regimens is feasible; d=2.0 .*'fraction <= 1.5' with 2"):
        _ = surface.optimum


# ---- a dose for a target, for one and for two patients


def towards(target: float) -> object:
    def miss(run: xr.Dataset) -> xr.DataArray:
        return np.abs(run["trough"] - target)

    return miss


def test_the_least_dose_for_a_trough_is_the_closed_form_between_the_values_of_the_grid() -> None:
    surface = pkpd.optimize_regimen(
        drug, pkpd.bolus(amount, "iv"), {"amount": np.arange(10.0, 101, 10)}, times=[0, 10], reduce=TROUGH,
        minimize="amount", constraints=[pkpd.at_least("trough", 2)], parameters={"CL": "1 L/day", "V": 10},
    )  # fmt: skip
    exact = 2 * 10 * np.exp(1)
    assert surface.optimum["amount"].item() == 10 * np.ceil(exact / 10)
    by_slopes = pkpd.refine_regimen(surface, method="slsqp")
    assert by_slopes.success
    assert by_slopes.decisions["amount"] == pytest.approx(exact, rel=1e-6)
    assert by_slopes.constraints["trough >= 2"] == pytest.approx(2, rel=1e-6)
    evolved = pkpd.refine_regimen(surface, seed=1)
    assert evolved.decisions["amount"] == pytest.approx(exact, rel=1e-3)
    assert evolved.constraints["trough >= 2"] >= 2 * (1 - 1e-6)
    assert evolved.from_grid == 60
    assert "grid 60" in evolved.report()


TWO = pkpd.members(CL=[0.2, 1.0], V=[10, 10])
E1, E2 = np.exp(-0.2), np.exp(-1.0)


@pytest.mark.parametrize(
    ("over", "squared", "exact"),
    [
        ("worst", False, 2 * 5 * 10 / (E1 + E2)),  # both as far from the target, on either side
        ("mean", True, 5 * 10 * (E1 + E2) / (E1**2 + E2**2)),  # least squares
        (("cvar", 0.5), False, 2 * 5 * 10 / (E1 + E2)),  # the worse of two is the worst half
    ],
)
def test_the_robust_dose_for_two_patients_is_that_by_hand(over: object, squared: bool, exact: float) -> None:
    def miss(run: xr.Dataset) -> xr.DataArray:
        return (run["trough"] - 5) ** 2 if squared else np.abs(run["trough"] - 5)

    surface = pkpd.optimize_regimen(
        drug, pkpd.bolus(amount, "iv"), {"amount": np.arange(40.0, 141, 4)}, times=[0, 10], reduce=TROUGH,
        minimize=miss, over=over, parameters=TWO,
    )  # fmt: skip
    assert abs(surface.optimum["amount"].item() - exact) <= 2.0
    fine = pkpd.refine_regimen(surface, seed=3, points=15)
    assert fine.decisions["amount"] == pytest.approx(exact, rel=2e-3)


def test_each_patient_has_an_optimum_of_their_own_and_weights_count() -> None:
    surface = pkpd.optimize_regimen(
        drug, pkpd.bolus(amount, "iv"), {"amount": np.arange(40.0, 141, 1)}, times=[0, 10], reduce=TROUGH,
        minimize=towards(5), parameters=TWO,
    )  # fmt: skip
    own = surface.of_each("member").optimum["amount"]
    np.testing.assert_array_equal(own, np.round([50 / E1, 50 / E2]))
    heavy = pkpd.optimize_regimen(
        drug, pkpd.bolus(amount, "iv"), {"amount": np.arange(40.0, 141, 1)}, times=[0, 10], reduce=TROUGH,
        minimize=towards(5), parameters=TWO.labelled(weight=[0.99, 0.01]),
    )  # fmt: skip
    assert heavy.optimum["amount"].item() == own[0].item()
    assert surface.at({"amount": 61.0})["objective"].item() == pytest.approx(
        (abs(6.1 * E1 - 5) + abs(6.1 * E2 - 5)) / 2, rel=1e-6
    )


def test_start_and_dose_are_one_ensemble_and_an_arm_each_a_number_of_doses() -> None:
    """Superposition: the trough of n doses by hand, over three decisions, two of them parameters."""

    def doses(n: int) -> pkpd.Regimen:
        return pkpd.bolus(amount, "iv", at=start, every=7, n=n)

    axes = {"start": [0.0, 2.0], "n": [1, 2, 3], "amount": [50.0, 100.0]}
    surface = pkpd.optimize_regimen(
        drug, doses, axes, times=[0, 30], reduce=TROUGH, maximize="trough", parameters={"CL": 0.5, "V": 5}
    )
    assert surface.dataset["objective"].dims == ("start", "n", "amount")
    for s in axes["start"]:
        for n in axes["n"]:
            expected = [a / 5 * sum(np.exp(-0.1 * (30 - s - 7 * k)) for k in range(n)) for a in axes["amount"]]
            np.testing.assert_allclose(surface.dataset["objective"].sel(start=s, n=n), expected, rtol=1e-6)
    assert [surface.optimum[k].item() for k in axes] == [2.0, 3, 100.0]
    assert "start and n and amount at the end of the axis" in surface.report()


def test_a_decision_may_be_a_word() -> None:
    surface = pkpd.optimize_regimen(
        drug, lambda drug: pkpd.bolus(100, "iv") if drug == "given" else None, {"drug": ["none", "given"]},
        times=[0, 1], reduce=TROUGH, maximize="trough",
    )  # fmt: skip
    assert surface.optimum["drug"].item() == "given"
    assert float(surface.dataset["objective"].sel(drug="none")) == 0.0


# ---- over a population


def test_resamples_say_how_sure_the_optimum_is() -> None:
    people = pkpd.population(drug, 60, seed=2, variability={"CL": pkpd.lognormal(0.5, omega=0.5)})
    surface = pkpd.optimize_regimen(
        drug, pkpd.bolus(amount, "iv"), {"amount": [40.0, 60.0, 80.0]}, times=[0, 7], reduce=TROUGH,
        minimize=towards(5), over="mean", constraints=[pkpd.at_least("trough", 1, over=("quantile", 0.1))],
        parameters=people,
    )  # fmt: skip
    again = surface.resampled(100, seed=4)
    assert float(again["chosen"].sum()) == pytest.approx(float(again["feasible"].max()))
    inside = (again["lower"] <= surface.dataset["objective"]) & (surface.dataset["objective"] <= again["upper"])
    assert bool(inside.all())
    assert bool((again["upper"] > again["lower"]).all())
    with pytest.raises(pkpd.DataError, match="takes no statistic"):
        surface.of_each("member").resampled(seed=1)


def test_statistics_by_hand() -> None:
    values, equal = np.array([[1.0, 2.0, 3.0, 4.0]]), np.ones(4)
    heavy = np.array([1.0, 1.0, 1.0, 5.0])
    cases = [
        ("mean", equal, True, 2.5), ("mean", heavy, True, 26 / 8), ("median", equal, True, 2.0),
        ("median", heavy, True, 4.0), ("worst", equal, True, 4.0), ("worst", equal, False, 1.0),
        (("quantile", 0.75), equal, True, 3.0), (("quantile", 1), equal, True, 4.0),
        (("quantile", 0), equal, True, 1.0),
        (("cvar", 0.5), equal, True, 3.5), (("cvar", 0.5), equal, False, 1.5),
        (("cvar", 0.375), equal, True, (4 + 0.5 * 3) / 1.5),  # a share cuts a member in two
        (("cvar", 1), equal, True, 2.5), (("cvar", 0.75), heavy, True, (5 * 4 + 3) / 6),
    ]  # fmt: skip
    for over, weights, high, expected in cases:
        assert member_statistic(over).of(values, weights, high_is_bad=high)[0] == pytest.approx(expected), (over, high)
    lost = np.array([[np.nan, 2.0, 4.0, np.nan], [np.nan] * 4])
    for over in ("mean", "worst", "median", ("cvar", 0.5)):
        numbers = member_statistic(over).of(lost, equal, high_is_bad=True)
        assert 2 <= numbers[0] <= 4
        assert np.isnan(numbers[1])
    never = np.array([[1.0, np.inf, 3.0]])
    assert member_statistic("median").of(never, np.ones(3), high_is_bad=True)[0] == 3.0
    assert member_statistic(("cvar", 0.3)).of(never, np.ones(3), high_is_bad=False)[0] == 1.0


# ---- members that fail


def test_members_that_fail_are_refused_or_counted() -> None:
    A, k = pkpd.state("A", "mg", "drug", start=1), pkpd.param("k", 1, "1/day/mg", "growth")
    blows_up = pkpd.Model("blows_up", {A: k * A**2}, routes={"iv": {A: A + pkpd.dose("mg")}})
    ask = {"times": [0, 0.5], "reduce": {"final": ("A", "last")}, "minimize": "final",
           "parameters": pkpd.members(k=[0.1, 0.2, 3.0])}  # fmt: skip
    with pytest.raises(pkpd.SimulationError, match=r"2 of 6 simulations have no value of 'final', first at amount=1"):
        pkpd.optimize_regimen(blows_up, pkpd.bolus(amount, "iv"), {"amount": [1.0, 2.0]}, **ask)
    surface = pkpd.optimize_regimen(blows_up, pkpd.bolus(amount, "iv"), {"amount": [1.0, 2.0]}, failed="exclude", **ask)
    assert surface.dataset["failed"].values.tolist() == [1, 1]
    expected = np.mean([2 / (1 - k * 2 * 0.5) for k in (0.1, 0.2)])
    assert surface.dataset["objective"][0].item() == pytest.approx(expected, rel=1e-6)
    own = surface.of_each("member").optimum
    assert own["feasible"].values.tolist() == [True, True, False]
    assert np.isnan(own["amount"][2])


# ---- what is refused


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"decisions": {"amout": [1.0]}}, pkpd.UnknownNameError, "Did you mean 'amount'"),
        ({"decisions": {"amount": []}}, pkpd.ParameterError, "'amount' has the values"),
        ({"decisions": {"amount": [1.0, 1.0]}}, pkpd.ParameterError, "holds a value twice"),
        ({"decisions": {}}, pkpd.ParameterError, "at least one"),
        ({"minimize": "through"}, pkpd.UnknownNameError, "Did you mean 'trough'"),
        ({"minimize": None}, pkpd.ParameterError, "one of the two"),
        ({"maximize": "trough"}, pkpd.ParameterError, "one of the two"),
        ({"minimize": 3}, pkpd.ParameterError, "a goal is of 3"),
        ({"minimize": lambda run: 1.0}, pkpd.DataError, "returned a float"),
        ({"minimize": lambda run: run["trough"].expand_dims(x=2)}, pkpd.DataError, "varies over x"),
        ({"over": "typical"}, pkpd.ParameterError, "over is 'typical'"),
        ({"over": ("cvar", 0)}, pkpd.ParameterError, "more than 0 to 1"),
        ({"constraints": ["trough"]}, pkpd.ParameterError, "constraints holds 'trough'"),
        ({"regimen": 3}, pkpd.RegimenError, "got 3"),
        ({"regimen": lambda amount: 5}, pkpd.RegimenError, "returned 5 for amount=50.0"),
        ({"regimen": lambda amount, n: None}, pkpd.UnknownNameError, "'n'"),
        ({"reduce": {}}, pkpd.SimulationError, "reduce is {}"),
        ({"reduce": {"amount": ("C", "last")}}, pkpd.ParameterError, "'amount' is a decision"),
        ({"failed": "ignore"}, pkpd.SimulationError, "failed is 'ignore'"),
        ({"each": "patient"}, pkpd.UnknownNameError, "no dimension 'patient'"),
        ({"parameters": {"CL": [1, 2]}}, pkpd.ParameterError, "'CL' has 2 values"),
        ({"parameters": {"CLx": 1}}, pkpd.UnknownNameError, "'CLx'"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(change: dict[str, object], error: type[Exception], match: str) -> None:
    ask = {"regimen": pkpd.bolus(amount, "iv"), "decisions": {"amount": [50.0]}, "times": [0, 10], "reduce": TROUGH,
           "minimize": "trough"} | change  # fmt: skip
    with pytest.raises(error, match=match):
        pkpd.optimize_regimen(drug, ask.pop("regimen"), ask.pop("decisions"), **ask)  # type: ignore[arg-type]


def test_refinement_refuses_what_it_cannot_do() -> None:
    ask = {"times": [0, 10], "reduce": {"peak": ("C", "max")}, "minimize": "peak"}
    surface = pkpd.optimize_regimen(drug, pkpd.bolus(amount, "iv"), {"amount": [50.0, 60.0]}, **ask)
    with pytest.raises(pkpd.DataError, match="'peak' has no exact derivative"):
        pkpd.refine_regimen(surface, method="slsqp")
    with pytest.raises(pkpd.DataError, match="method is 'newton'"):
        pkpd.refine_regimen(surface, method="newton")  # type: ignore[arg-type]
    with pytest.raises(pkpd.DataError, match="got a Dataset"):
        pkpd.refine_regimen(surface.dataset)  # type: ignore[arg-type]
    discrete = pkpd.optimize_regimen(drug, lambda n: pkpd.bolus(50, "iv", every=1, n=n), {"n": [1, 2]}, **ask)
    with pytest.raises(pkpd.DataError, match="none of n is a parameter"):
        pkpd.refine_regimen(discrete)
    with pytest.raises(pkpd.DataError, match="which is not on the grid"):
        surface.at({"amount": 55.0})
    with pytest.raises(pkpd.UnknownNameError, match="decision 'amount'"):
        surface.at({"dosage": 55.0})
    with pytest.raises(pkpd.ParameterError, match="within is -1"):
        surface.near(-1)
    with pytest.raises(pkpd.ParameterError, match="the limit of 'peak' is nan"):
        pkpd.at_most("peak", float("nan"))
