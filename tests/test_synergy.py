"""Dose-response curves and synergy surfaces against surfaces worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import pkpd
from pkpd.analysis.hill import hill, hill_dose
from pkpd.analysis.synergies import dose_additive

DOSES = np.array([0, 0.5, 1, 2, 4, 8.0])


def surface(values, a=DOSES, b=DOSES) -> xr.DataArray:
    dims = ("A", "B") if np.ndim(values) == 2 else ("member", "A", "B")
    return xr.DataArray(values, {"A": ("A", a, {"units": "nM"}), "B": b}, dims, "effect")


def of(table: xr.Dataset, reference: str, name: str = "excess") -> np.ndarray:
    return table[name].sel(reference=reference).to_numpy()


# ---- Hill curves


def test_a_hill_curve_is_recovered_rising_and_falling() -> None:
    dose = np.array([0, 0.3, 1, 3, 10, 30, 100.0])
    for E0, Emax in ((5.0, 80.0), (80.0, 5.0)):
        curve = xr.DataArray(hill(dose, E0, Emax, 4.0, 1.7), {"dose": ("dose", dose, {"units": "mg"})}, "dose")
        table = pkpd.dose_response(curve, dose="dose")
        np.testing.assert_allclose(table["estimate"], [E0, Emax, 4.0, 1.7], rtol=1e-6)
        np.testing.assert_allclose(table["fitted"], curve, rtol=1e-6)
        assert table["unit"].values.tolist() == ["1", "1", "mg", "1"]
        assert bool(table["within_doses"])
    assert hill_dose(*map(np.array, (42.5, 5.0, 80.0, 4.0, 1.7))) == pytest.approx(4.0)


def test_intervals_of_ec50_hold_as_often_as_they_say() -> None:
    rng, dose = np.random.default_rng(0), np.array([0, 0.3, 1, 2, 3, 5, 10, 30, 100.0])
    noisy = hill(dose, 0, 1, 3.0, 1.5) + 0.03 * rng.standard_normal((200, len(dose)))
    table = pkpd.dose_response(xr.DataArray(noisy, {"dose": dose}, ("trial", "dose")), dose="dose")
    exact = xr.DataArray([0, 1, 3.0, 1.5], {"quantity": ["E0", "Emax", "EC50", "hill"]}, "quantity")
    held = ((table["low"] <= exact) & (exact <= table["high"])).mean("trial")
    assert (abs(held - 0.95) < 0.05).all(), held.values


def test_members_give_intervals_by_the_bootstrap_and_failed_ones_demand_a_policy() -> None:
    rng, dose = np.random.default_rng(1), np.array([0, 1, 3, 10, 30, 100.0])
    each = hill(dose, 0, 1, 10.0, 1.0) * (1 + 0.1 * rng.standard_normal((40, 1)))
    run = xr.Dataset(
        {"kill": (("member", "dose"), each), "status": (("member", "dose"), np.zeros((40, 6), dtype=int))},
        {"dose": dose},
    )
    run["status"][:4, 2] = 2  # a tenth of the members fails at one dose
    with pytest.raises(pkpd.SimulationError, match="4 of 240 values"):
        pkpd.dose_response(run, "kill", dose="dose")
    table = pkpd.dose_response(run, "kill", dose="dose", failed="exclude", resamples=50)
    assert int(table["excluded"]) == 4
    direct = pkpd.dose_response(run["kill"].isel(member=slice(4, None)), dose="dose", resamples=50)
    np.testing.assert_array_equal(table["low"], direct["low"])
    Emax = table.sel(quantity="Emax")
    error = 0.1 / np.sqrt(36)  # of the mean amplitude
    assert 2 * error < float(Emax["high"] - Emax["low"]) < 6 * error
    np.testing.assert_allclose(table["low"].sel(quantity="EC50"), 10, rtol=1e-3)


def test_a_dose_response_of_a_simulated_sweep() -> None:
    """Occupancy C/(KD + C) at steady exposure: EC50 is KD and the Hill coefficient 1."""
    ratio, C = pkpd.param("KD", 2, "mg/L", "constant", source="illustrative"), pkpd.param(
        "C", 1, "mg/L", "concentration", source="illustrative"
    )  # fmt: skip
    x = pkpd.state("x", "1", "occupied fraction", start=0)
    k = pkpd.param("k", 5, "1/day", "rate", source="illustrative")
    model = pkpd.Model("binding", rates={x: k * (C / (ratio + C) - x)})
    run = pkpd.simulate(model, times=[20], parameters=pkpd.grid(C=[0.1, 0.3, 1, 3, 10, 30, 100], k=[4, 5]))
    table = pkpd.dose_response(run.sel(time=20), "x", dose="C")
    np.testing.assert_allclose(table["estimate"].sel(quantity="EC50"), [2, 2], rtol=1e-4)
    np.testing.assert_allclose(table["estimate"].sel(quantity="hill"), [1, 1], rtol=1e-4)
    assert str(table["unit"].sel(quantity="EC50").values) == "mg/L"


def test_an_ec50_beyond_the_doses_says_so_and_bad_doses_are_named() -> None:
    dose = np.array([0, 1, 2, 3, 4, 5.0])
    beyond = xr.DataArray(hill(dose, 0, 1, 50.0, 1.0), {"dose": dose}, "dose")
    assert not bool(pkpd.dose_response(beyond, dose="dose", E0=0.0)["within_doses"])
    with pytest.raises(pkpd.DataError, match="4 doses .* too few"):
        pkpd.dose_response(beyond.isel(dose=slice(4)), dose="dose")
    with pytest.raises(pkpd.DataError, match="doses of 0 and more"):
        pkpd.dose_response(beyond.assign_coords(dose=dose - 1), dose="dose")
    with pytest.raises(pkpd.UnknownNameError, match="dimension 'Dose'.*Did you mean 'dose'"):
        pkpd.dose_response(beyond, dose="Dose")


# ---- synergy


def test_bliss_and_hsa_against_surfaces_by_hand() -> None:
    both = surface([[0, 0.2, 0.5], [0.4, 0.6, 0.5], [0.5, 0.8, 0.9]], [0, 1, 2], [0, 1, 2])
    table = pkpd.synergy(both, "A", "B", references=["bliss", "hsa"])
    np.testing.assert_allclose(of(table, "bliss", "expected"), [[0, 0.2, 0.5], [0.4, 0.52, 0.7], [0.5, 0.6, 0.75]])
    np.testing.assert_allclose(of(table, "bliss"), [[0, 0, 0], [0, 0.08, -0.2], [0, 0.2, 0.15]], atol=1e-12)
    np.testing.assert_allclose(of(table, "hsa", "expected"), [[0, 0.2, 0.5], [0.4, 0.4, 0.5], [0.5, 0.5, 0.5]])
    assert table["A"].attrs["units"] == "nM"
    assert table["excess_low"].isnull().all(), "without replicates there are no intervals"


def test_a_drug_with_itself_is_dose_additive() -> None:
    """E = (a + r b)^h/(EC50^h + (a + r b)^h): the second drug is the first, 1/r times as potent."""
    total = DOSES[:, None] + 0.5 * DOSES[None, :]
    both = surface(hill(total, 0, 0.9, 2.0, 1.8))
    table = pkpd.synergy(both, "A", "B")
    np.testing.assert_allclose(of(table, "loewe"), 0, atol=1e-6)
    assert (of(table, "bliss")[1:, 1:] != 0).all(), "which Bliss calls synergy or antagonism"


def test_loewe_of_two_emax_drugs_against_the_closed_form() -> None:
    """With Emax 1 and h = 1 of both: a/(A E/(1-E)) + b/(B E/(1-E)) = 1, so that E = s/(1+s), s = a/A + b/B."""
    s = DOSES[:, None] / 1.5 + DOSES[None, :] / 4.0
    expected = dose_additive((DOSES, DOSES), np.array([0, 1, 1.5, 1]), np.array([0, 1, 4.0, 1]))
    np.testing.assert_allclose(expected, s / (1 + s), rtol=1e-9)


def test_loewe_beyond_the_emax_of_a_partial_drug_is_the_other_alone() -> None:
    first, second = np.array([0, 1.0, 1.0, 1.0]), np.array([0, 0.3, 1.0, 1.0])
    expected = dose_additive((DOSES, DOSES), first, second)
    strong = DOSES / (1 + DOSES)
    np.testing.assert_allclose(expected[2:], np.repeat(strong[2:, None], len(DOSES), axis=1), rtol=1e-9)
    # Below it, E with a (1-E)/E + b (0.3-E)/E = 1 for both EC50 1: E = (a + 0.3 b)/(1 + a + b).
    low = dose_additive((np.array([0, 0.1]), np.array([0, 0.1])), first, second)
    np.testing.assert_allclose(low[1, 1], (0.1 + 0.03) / 1.2, rtol=1e-9)


def test_intervals_of_the_excess_hold_the_synergy_that_was_put_in() -> None:
    rng, alone = np.random.default_rng(3), DOSES / (2 + DOSES)
    bliss = alone[:, None] + alone - alone[:, None] * alone
    exact = bliss + 0.3 * np.outer(alone, alone) * (1 - bliss)
    wells = exact + 0.01 * rng.standard_normal((30, 6, 6))
    wells[:, 0, 0] = 0
    table = pkpd.synergy(surface(wells), "A", "B", references=["bliss", "loewe"], resamples=200)
    low, high, inner = of(table, "bliss", "excess_low"), of(table, "bliss", "excess_high"), np.s_[1:, 1:]
    held = (low <= exact - bliss) & (exact - bliss <= high)
    assert held[inner].mean() > 0.85
    assert (low[2:5, 2:5] > 0).all(), "synergy that is seen"
    assert np.isfinite(of(table, "loewe", "excess_low")[inner]).all()


def test_a_tenth_of_failed_members_demands_a_policy() -> None:
    rng, alone = np.random.default_rng(4), DOSES / (2 + DOSES)
    wells = (alone[:, None] + alone - alone[:, None] * alone) * (1 - 0.02 * rng.random((20, 1, 1)))
    broken = wells.copy()
    broken[:2, 3, 3] = np.nan
    with pytest.raises(pkpd.SimulationError, match="2 of 720 values"):
        pkpd.synergy(surface(broken), "A", "B")
    table = pkpd.synergy(surface(broken), "A", "B", failed="exclude", resamples=20)
    assert (table.attrs["members"], table.attrs["excluded"]) == (18, 2)
    np.testing.assert_array_equal(table["excess"], pkpd.synergy(surface(wells[2:]), "A", "B", resamples=20)["excess"])


def test_what_is_no_effect_is_refused() -> None:
    alone = DOSES / (2 + DOSES)
    bliss = alone[:, None] + alone - alone[:, None] * alone
    with pytest.raises(pkpd.DataError, match="an effect is 2"):
        pkpd.synergy(surface(np.where(bliss > 0.9, 2.0, bliss)), "A", "B")
    with pytest.raises(pkpd.DataError, match=r"without drugs the effect is 0\.5"):
        pkpd.synergy(surface(np.maximum(bliss, 0.5)), "A", "B")
    with pytest.raises(pkpd.DataError, match="'A' is .* expected doses with 0"):
        pkpd.synergy(surface(bliss).isel(A=slice(1, None)), "A", "B")
    with pytest.raises(pkpd.DataError, match="no Hill curves could be fitted"):
        pkpd.synergy(surface(bliss[:2], DOSES[:2]), "A", "B")
    with pytest.raises(pkpd.UnknownNameError, match="reference 'blis'.*Did you mean 'bliss'"):
        pkpd.synergy(surface(bliss), "A", "B", references="blis")
