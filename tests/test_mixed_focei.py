"""Objectives that expand about the modes: reference values, gradients, standard errors."""

from __future__ import annotations

import numpy as np
import pytest

import pkpd
from pkpd.fitting.mixed.conditional import Approximation
from pkpd.fitting.mixed.settling import settled
from pkpd.fitting.mixed.subjects import Subjects
from tests.mixed_problems import OMEGAS, one_compartment, simulated, theophylline, wang

SD = 0.1**0.5
FLOORED = 4  # a seed at which the estimate of a variance of 0 is 0, as it is in about half of all trials


def subjects_of(statement: pkpd.MixedEffects, data: pkpd.Records, rtol: float = 1e-10) -> Subjects:
    return settled(statement, data, outputs=None, blq="M3", solver=pkpd.Solver(rtol=rtol))


@pytest.mark.parametrize(
    ("error", "method", "objective"),
    [
        (pkpd.proportional_error(SD), "focei", 39.458),
        (pkpd.proportional_error(SD), "foce", 39.207),
        (pkpd.proportional_error(SD), "fo", 39.213),
        (pkpd.additive_error(SD), "focei", -2.059),
        (pkpd.additive_error(SD), "foce", -2.059),
        (pkpd.additive_error(SD), "fo", 0.026),
    ],
)
def test_wang_2007(error: object, method: str, objective: float) -> None:
    """NONMEM's objective functions at the values that the paper names, to the digits that it prints."""
    subjects = subjects_of(*wang(error))
    start, nothing = subjects.population.start, np.zeros((1, 10, 1))
    point = Approximation(subjects, method).evaluate(start[None], nothing, gradient=False)  # type: ignore[arg-type]
    assert point.value[0] == pytest.approx(objective, abs=1e-3)


def test_theophylline_focei() -> None:
    """116.8034 and standard errors of ln ka, ln CL, ln V by R as NONMEM prints them."""
    fit = pkpd.fit(*theophylline(), method="focei")
    assert fit.converged
    assert fit.objective == pytest.approx(116.8034, abs=1e-3)
    se = fit.standard_errors("R", log=True)
    assert [se["ka"], se["CL"], se["V"]] == pytest.approx([0.1918, 0.0835, 0.0466], abs=1.5e-4)
    assert "116.8034" in fit.report()


@pytest.mark.parametrize("method", ["focei", "foce", "laplace", "fo"])
def test_gradients_are_those_of_the_objective(method: str) -> None:
    """Against central differences of the whole objective with another step."""
    subjects = subjects_of(one_compartment(), simulated(8))
    approximation = Approximation(subjects, method)  # type: ignore[arg-type]
    u, eta = subjects.population.start, np.zeros((1, 8, 3))
    point = approximation.evaluate(u[None], eta)
    assert point.gradient is not None
    steps = 1e-3 * np.eye(len(u))
    around = np.concatenate([u + steps, u - steps])
    values = approximation.evaluate(around, np.repeat(point.eta, len(around), 0), gradient=False, tol=1e-16).value
    differences = (values[: len(u)] - values[len(u) :]) / 2e-3
    assert point.gradient[0] == pytest.approx(differences, abs=2e-4 * np.abs(differences).max())


def test_the_motion_of_modes() -> None:
    subjects = subjects_of(one_compartment(), simulated(6))
    approximation, u = Approximation(subjects, "focei"), subjects.population.start
    point = approximation.evaluate(u[None], np.zeros((1, 6, 3)), tol=1e-16)
    assert point.motion is not None
    for k in range(len(u)):
        ends = np.stack([u, u])
        ends[:, k] += [1e-4, -1e-4]
        modes = approximation.evaluate(ends, np.repeat(point.eta, 2, 0), gradient=False, tol=1e-18).eta
        assert point.motion[0, :, :, k] == pytest.approx((modes[0] - modes[1]) / 2e-4, abs=1e-4)


def test_a_linear_model_has_its_exact_likelihood() -> None:
    """y = psi + e with normal psi: all approximations are the normal density of y, in closed form."""
    ids = np.repeat(np.arange(1, 6), 3)
    rng = np.random.default_rng(0)
    y = 10 + np.repeat(rng.normal(0, 2, 5), 3) + rng.normal(0, 0.5, 15)
    import pandas as pd

    base = pkpd.param("base", 10, "mg", "level", source="test")
    x = pkpd.state("x", "mg", "a state at rest", start=base)
    model = pkpd.Model("level", rates={x: 0 * x / pkpd.param("tau", 1, "day", "unit", source="test")}, outputs={})
    table = pd.DataFrame({"ID": ids, "TIME": [0.0, 1.0, 2.0] * 5, "DV": y, "AMT": 0, "EVID": 0})
    statement = pkpd.mixed_effects(model, {"base": pkpd.normal(sd=2)}, error={"x": pkpd.additive_error(0.5)})
    subjects = subjects_of(statement, pkpd.read_nonmem(table))
    covariance = 4 * np.ones((3, 3)) + 0.25 * np.eye(3)
    residual = (y - 10).reshape(5, 3)
    exact = (residual @ np.linalg.inv(covariance) * residual).sum() + 5 * np.linalg.slogdet(covariance)[1]
    for method in ("fo", "foce", "focei", "laplace"):
        point = Approximation(subjects, method).evaluate(subjects.population.start[None], np.zeros((1, 5, 1)))
        assert point.value[0] == pytest.approx(exact, abs=1e-5)


def test_simulated_values_are_estimated() -> None:
    """What was simulated lies within three standard errors of what is estimated."""
    fit = pkpd.fit(one_compartment(), simulated(60, seed=3))
    truth = {"ka": 1.2, "CL": 3.0, "V": 35.0, "omega[ka]": 0.5, "omega[CL]": 0.3, "omega[V]": 0.2}
    table = fit.estimates
    for label, value in truth.items():
        assert abs(table.loc[label, "estimate"] - value) < 3 * table.loc[label, "se"], label
    assert fit.condition_number() < 50


def test_the_estimated_variability_simulates() -> None:
    """`variability` and `model` of a fit draw a population, whose spread is the one estimated."""
    fit = pkpd.fit(one_compartment(), simulated(24), covariance=None)
    people = pkpd.population(fit.model, 4000, 1, variability=fit.variability)
    spread = np.log(people["CL"]).std()
    assert spread == pytest.approx(fit.estimates.loc["omega[CL]", "estimate"], rel=0.05)
    assert np.median(people["V"]) == pytest.approx(fit.estimates.loc["V", "estimate"], rel=0.02)


def test_a_block_and_its_correlation() -> None:
    statement = one_compartment(
        iiv=[
            pkpd.block(
                {"CL": pkpd.lognormal(2.7, cv=0.3), "V": pkpd.lognormal(31, cv=0.3)}, correlations={("CL", "V"): 0.3}
            ),
            {"ka": pkpd.lognormal(1.5, cv=0.5)},
        ]
    )
    fit = pkpd.fit(statement, simulated(40))
    diagonal = pkpd.fit(one_compartment(), simulated(40))
    assert "correlation[CL,V]" in fit.estimates.index
    assert fit.objective <= diagonal.objective + 1e-4  # the diagonal one lies within
    assert fit.omega.loc["CL", "V"] == pytest.approx(
        fit.estimates.loc["correlation[CL,V]", "estimate"]
        * fit.estimates.loc["omega[CL]", "estimate"]
        * fit.estimates.loc["omega[V]", "estimate"]
    )


def test_a_variance_without_information_goes_to_its_floor_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """ka does not vary in these data: its spread ends at the floor, and the rest is estimated."""
    monkeypatch.setitem(OMEGAS, "ka", 0.0)
    fit = pkpd.fit(one_compartment(), simulated(30, seed=FLOORED))
    row = fit.estimates.loc["omega[ka]"]
    assert row["estimate"] == pytest.approx(0.01)
    assert row["at_floor"]
    assert np.isnan(row["se"])
    assert "omega[ka] went to 0" in fit.report()
    assert np.isfinite(fit.estimates.loc["CL", "se"])


def test_individual_modes_are_the_least_of_the_individual_objective() -> None:
    fit = pkpd.fit(one_compartment(), simulated(10), covariance=None)
    assert set(fit.individuals.data_vars) >= {"CL", "eta[CL]", "eta_sd[CL]", "objective"}
    assert float(fit.individuals["objective"].sum()) == pytest.approx(fit.objective, abs=1e-6)
    typical = fit.estimates.loc["CL", "estimate"]
    assert fit.individuals["CL"].to_numpy() == pytest.approx(typical * np.exp(fit.individuals["eta[CL]"].to_numpy()))


def test_shrinkage_is_its_definition() -> None:
    fit = pkpd.fit(one_compartment(), simulated(10), covariance=None)
    eta = fit.individuals["eta[V]"].to_numpy()
    expected = 1 - eta.std(ddof=1) / fit.estimates.loc["omega[V]", "estimate"]
    assert fit.shrinkage["eta[V]"] == pytest.approx(expected)


def test_phenobarbital_as_nonmem_prints_it() -> None:
    """Objective, sandwich standard errors, condition number and CWRES of NONMEM for pheno_real (of pharmpy)."""
    import os
    from pathlib import Path

    import pandas as pd

    path = Path(os.environ.get("PKPD_FITS_DATA", "")) / "pharmpy" / "pheno.dta"
    if not path.is_file():
        pytest.skip("pheno.dta of the Python package pharmpy-core is not below PKPD_FITS_DATA/pharmpy")
    rows = pd.read_csv(path, sep=r"\s+", na_values=".")
    rows = rows.assign(low=(rows["APGR"] < 5).astype(int), EVID=(rows["AMT"] > 0).astype(int), CMT=1)
    data = pkpd.read_nonmem(rows.drop(columns=["FA1", "FA2", "APGR"]))
    weight = pkpd.power_effect("WGT", 1, 1)
    statement = pkpd.mixed_effects(
        pkpd.load("pk_1cmt").in_time("h"),
        {"CL": pkpd.lognormal(0.00469307, omega=0.0309626**0.5), "V": pkpd.lognormal(1.00916, omega=0.031128**0.5)},
        error=pkpd.proportional_error(0.0130865**0.5),
        covariates={"CL": weight, "V": [weight, pkpd.category_effect("low", pkpd.free(0.1))]},
    )
    fit = pkpd.fit(statement, data, covariance="sandwich")
    assert fit.objective == pytest.approx(586.276, abs=1e-3)
    se = fit.standard_errors("sandwich")
    assert [se["CL"], se["V"], se["V~low"]] == pytest.approx([2.09967e-4, 2.68946e-2, 8.37555e-2], rel=1e-3)
    variances = fit.omega_standard_errors("sandwich")
    assert [variances.loc["CL", "CL"], variances.loc["V", "V"]] == pytest.approx([1.34156e-2, 7.47591e-3], rel=1e-3)
    assert fit.condition_number("sandwich") == pytest.approx(4.39229, rel=1e-3)
    assert fit.residuals["cwres"].iloc[0] == pytest.approx(-0.40104, abs=1e-3)
