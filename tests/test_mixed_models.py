"""What a mixed-effects model can say: other scales, covariates in time, occasions, several outputs, limits, doses."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import pkpd
from pkpd.fitting.mixed.conditional import Approximation
from pkpd.fitting.mixed.settling import settled
from tests.mixed_problems import TIMES, closed_form, one_compartment, simulated

ROUTES = {1: "depot", 2: "central"}


def table_of(data: pkpd.Records) -> pd.DataFrame:
    return data.table[["ID", "TIME", "AMT", "EVID", "CMT", "DV", "WT"]].copy()


def objective(statement: pkpd.MixedEffects, data: pkpd.Records, method: str = "focei", **options: object) -> float:
    subjects = settled(
        statement, data, outputs=options.get("outputs"), blq=options.get("blq", "M3"), solver=pkpd.Solver(rtol=1e-10)
    )  # type: ignore[arg-type]
    nothing = np.zeros((1, subjects.count, subjects.population.q))
    approximation = Approximation(subjects, method)  # type: ignore[arg-type]
    return float(approximation.evaluate(subjects.population.start[None], nothing, gradient=False).value[0])


# ---- covariates


def test_a_covariate_that_explains_variability_lowers_it() -> None:
    """With the exponent of WT on CL estimated, it is near 0.75, and omega of CL falls."""
    data = simulated(60, seed=2, covariate=True)
    plain = pkpd.fit(one_compartment(), data, covariance=None)
    fit = pkpd.fit(one_compartment(covariates={"CL": pkpd.power_effect("WT", 70)}), data)
    row = fit.estimates.loc["CL~WT"]
    assert abs(row["estimate"] - 0.75) < 3 * row["se"]
    assert fit.objective < plain.objective - 3.84
    assert fit.estimates.loc["omega[CL]", "estimate"] < plain.estimates.loc["omega[CL]", "estimate"]


@pytest.mark.parametrize(
    ("effect", "factor"),
    [
        (pkpd.power_effect("WT", 70, 0.75), lambda wt: (wt / 70) ** 0.75),
        (pkpd.exponential_effect("WT", 70, 0.01), lambda wt: np.exp(0.01 * (wt - 70))),
        (pkpd.linear_effect("WT", 70, 0.01), lambda wt: 1 + 0.01 * (wt - 70)),
    ],
)
def test_effects_are_factors_in_the_population_and_in_time(effect: object, factor: object) -> None:
    """The same covariate constant in a subject, or in time (its first row differs in nothing): one objective."""
    data = simulated(6)
    by_factor = objective(one_compartment(covariates={"CL": effect}), data)
    # the same by a model that has WT in it
    table = table_of(data)
    model = pkpd.load("pk_1cmt_oral").in_time("h")
    factors = factor(table["WT"].to_numpy())  # type: ignore[operator]
    table["size"] = factors
    scaled = pkpd.mixed_effects(
        model,
        {"ka": pkpd.lognormal(1.5, cv=0.6), "CL": pkpd.lognormal(2.7, cv=0.3), "V": pkpd.lognormal(31.5, cv=0.2)},
        error={"C": pkpd.additive_error(0.7)},
        covariates={"CL": pkpd.power_effect("size", 1, 1)},
    )
    other = objective(scaled, pkpd.read_nonmem(table, compartments=ROUTES))
    assert by_factor == pytest.approx(other, abs=1e-6)


def test_categories_by_number_and_by_text() -> None:
    table = table_of(simulated(20, seed=4))
    odd = table["ID"] % 2 == 1
    table["sex"] = np.where(odd, "female", "male")
    table["female"] = odd.astype(int)
    data = pkpd.read_nonmem(table, compartments=ROUTES)
    by_text = objective(one_compartment(covariates={"V": pkpd.category_effect("sex", 0.3, of="female")}), data)
    by_number = objective(one_compartment(covariates={"V": pkpd.category_effect("female", 0.3)}), data)
    assert by_text == pytest.approx(by_number, abs=1e-9)
    fit = pkpd.fit(one_compartment(covariates={"V": pkpd.category_effect("sex", of="female")}), data)
    assert "V~sex=female" in fit.estimates.index


def changing_weight() -> pd.DataFrame:
    """Clearance follows a weight that doubles at 6 h, in a model of one compartment and a bolus: a closed form."""
    rng = np.random.default_rng(9)
    rows = []
    for i in range(12):
        clearance = 3 * np.exp(0.2 * rng.standard_normal())
        rows.append((i + 1, 0.0, 100.0, 1, 1, 0.0, 50.0))
        for t in (1.0, 3.0, 6.0, 9.0, 12.0):
            early = min(t, 6.0) * clearance
            late = max(t - 6.0, 0.0) * clearance * 2**0.75
            value = 100 / 20 * np.exp(-(early + late) / 20) * np.exp(0.05 * rng.standard_normal())
            rows.append((i + 1, t, 0.0, 0, 1, value, 50.0 if t <= 6 else 100.0))
    return pd.DataFrame(rows, columns=["ID", "TIME", "AMT", "EVID", "CMT", "DV", "WT"])


def test_a_covariate_that_changes_in_time_acts_in_time() -> None:
    statement = pkpd.mixed_effects(
        pkpd.load("pk_1cmt").in_time("h"),
        {"CL": pkpd.lognormal(2.5, cv=0.3)},
        error={"C": pkpd.proportional_error(0.1)},
        free={"V": pkpd.free(15)},
        covariates={"CL": pkpd.power_effect("WT", 50, pkpd.free(0.5))},
    )
    fit = pkpd.fit(statement, pkpd.read_nonmem(changing_weight(), compartments={1: "central"}))
    assert fit.converged
    row = fit.estimates.loc["CL~WT"]
    assert row["ci_low"] < 0.75 < row["ci_high"]
    assert fit.estimates.loc["V", "estimate"] == pytest.approx(20, rel=0.05)


def test_occasions() -> None:
    """Two occasions of one clearance each: their spread is estimated beside that between subjects."""
    rng = np.random.default_rng(3)
    rows = []
    for i in range(40):
        own = 3 * np.exp(0.3 * rng.standard_normal())
        for occasion in (1, 2):
            clearance = own * np.exp(0.2 * rng.standard_normal())
            start = 48.0 * (occasion - 1)
            rows.append((i + 1, start, 100.0, 4 if occasion == 2 else 1, 1, 0.0, occasion))
            for t in (1.0, 4.0, 8.0, 14.0):
                value = 100 / 20 * np.exp(-clearance / 20 * t) * np.exp(0.05 * rng.standard_normal())
                rows.append((i + 1, start + t, 0.0, 0, 1, value, occasion))
    table = pd.DataFrame(rows, columns=["ID", "TIME", "AMT", "EVID", "CMT", "DV", "OCC"])
    statement = pkpd.mixed_effects(
        pkpd.load("pk_1cmt").in_time("h"),
        {"CL": pkpd.lognormal(2.5, cv=0.3)},
        error={"C": pkpd.proportional_error(0.1)},
        free={"V": pkpd.free(15)},
        occasions={"CL": pkpd.lognormal(cv=0.3)},
    )
    fit = pkpd.fit(statement, pkpd.read_nonmem(table, compartments={1: "central"}))
    values = fit.estimates
    for label, truth in (("omega[CL]", 0.3), ("omega_occasion[CL]", 0.2), ("CL", 3.0)):
        assert abs(values.loc[label, "estimate"] - truth) < 3 * values.loc[label, "se"], label
    assert fit.omega.shape == (3, 3)
    assert fit.omega.iloc[1, 1] == fit.omega.iloc[2, 2]


# ---- etas


def test_a_parameter_without_variability_and_fixed_numbers() -> None:
    statement = one_compartment(
        iiv={"CL": pkpd.lognormal(2.7, cv=0.3), "V": pkpd.lognormal(31, cv=0.2)},
        free={"ka": pkpd.free(1.5)},
        fixed=["V", "omega[V]"],
    )
    fit = pkpd.fit(statement, simulated(20))
    assert fit.estimates.loc["V", "estimate"] == pytest.approx(31, rel=1e-12)
    assert fit.estimates.loc["omega[V]", "estimate"] == pytest.approx(pkpd.lognormal(1, cv=0.2).sd)
    assert fit.estimates.loc[["V", "omega[V]"], "fixed"].all()
    assert np.isnan(fit.estimates.loc["V", "se"])
    assert "omega[ka]" not in fit.estimates.index
    assert fit.estimates.loc["ka", "se"] > 0


def test_normal_and_logit_etas() -> None:
    """F between 0 and 1 by its logit, V normal: the individual values stay on their scales."""
    statement = one_compartment(
        iiv={
            "F": pkpd.logitnormal(0.7, omega=0.6),
            "V": pkpd.normal(33, sd=6),
            "ka": pkpd.lognormal(1.2, cv=0.5),
            "CL": pkpd.lognormal(2.7, cv=0.3),
        },
        fixed=["F", "omega[F]"],
    )
    fit = pkpd.fit(statement, simulated(30))
    people = fit.individuals
    assert ((people["F"] > 0) & (people["F"] < 1)).all()
    assert people["V"].to_numpy() == pytest.approx(
        fit.estimates.loc["V", "estimate"] + people["eta[V]"].to_numpy(), rel=1e-9
    )
    assert people["eta[F]"].std() > 0.05  # a random effect on a number of the dose moves the predictions


@pytest.mark.slow
def test_a_random_effect_on_the_lag() -> None:
    rng = np.random.default_rng(6)
    n = 14
    psi = {"ka": np.full(n, 1.2), "CL": 3 * np.exp(0.2 * rng.standard_normal(n)), "V": np.full(n, 35.0)}
    lag = 0.6 * np.exp(0.4 * rng.standard_normal(n))
    table = table_of(simulated(n))
    shifted = table.copy()
    shifted["TIME"] = shifted["TIME"] - lag[table["ID"].to_numpy() - 1]
    here = (table["EVID"] == 0).to_numpy()
    value = np.where(shifted["TIME"] > 0, closed_form(shifted, psi), 0.0)
    table.loc[here, "DV"] = value[here] + 0.1 * rng.standard_normal(int(here.sum()))
    statement = one_compartment(
        iiv={"tlag": pkpd.lognormal(0.6, cv=0.4), "CL": pkpd.lognormal(2.7, cv=0.3)},
        free={"ka": pkpd.free(1.5), "V": pkpd.free(30)},
        error={"C": pkpd.additive_error(0.2)},
    )
    fit = pkpd.fit(statement, pkpd.read_nonmem(table, compartments=ROUTES), restarts=2, covariance=None)
    assert np.corrcoef(fit.individuals["tlag"], lag)[0, 1] > 0.9
    assert fit.estimates.loc["tlag", "estimate"] == pytest.approx(0.6, rel=0.25)


def test_an_eta_on_the_size_of_the_error() -> None:
    """Half of the subjects scatter three times as much: a random effect on the error sees who."""
    rng = np.random.default_rng(2)
    table = table_of(simulated(40, sd=0.0))
    loud = table["ID"].to_numpy() % 2 == 0
    here = (table["EVID"] == 0).to_numpy()
    noise = np.where(loud, 0.9, 0.3) * rng.standard_normal(len(table))
    table.loc[here, "DV"] += noise[here]
    data = pkpd.read_nonmem(table, compartments=ROUTES)
    iiv = {"ka": pkpd.lognormal(1.2, cv=0.5), "CL": pkpd.lognormal(3, cv=0.3), "V": pkpd.lognormal(35, cv=0.2)}
    plain = pkpd.fit(one_compartment(iiv=iiv), data, method="laplace", covariance=None)
    statement = one_compartment(iiv={**iiv, "sd_additive[C]": pkpd.lognormal(cv=0.5)})
    fit = pkpd.fit(statement, data, method="laplace", covariance=None)
    assert fit.objective < plain.objective - 5
    eta = fit.individuals["eta[sd_additive[C]]"].to_numpy()
    assert eta[1::2].mean() > eta[0::2].mean() + 0.3


# ---- observations


def test_several_outputs_each_with_its_error() -> None:
    table = table_of(simulated(12))
    table["DVID"] = 1
    amounts = table[table["EVID"] == 0].copy()
    amounts["DVID"], amounts["DV"] = 2, amounts["DV"] * 35
    both = pd.concat([table, amounts]).sort_values(["ID", "TIME", "EVID"], ascending=[True, True, False], kind="stable")
    data = pkpd.read_nonmem(both, compartments=ROUTES)
    statement = one_compartment(error={"C": pkpd.additive_error(0.5), "central": pkpd.proportional_error(0.3)})
    fit = pkpd.fit(statement, data, outputs={1: "C", 2: "central"})
    assert {"sd_additive[C]", "sd_proportional[central]"} <= set(fit.estimates.index)
    assert set(fit.residuals["output"]) == {"C", "central"}
    assert len(fit.residuals) == 2 * 12 * len(TIMES)


@pytest.mark.parametrize("blq", ["M3", "M4"])
def test_values_below_a_limit_count_by_their_chance(blq: str) -> None:
    """Against the individual likelihood by hand: of a subject with two values below 1.5."""
    from scipy.stats import norm

    table = table_of(simulated(1, seed=12))
    table["CENS"] = ((table["DV"] < 1.5) & (table["EVID"] == 0)).astype(int)
    table.loc[table["CENS"] == 1, "DV"] = 1.5
    assert table["CENS"].sum() >= 1
    data = pkpd.read_nonmem(table, compartments=ROUTES)
    statement = one_compartment()
    subjects = settled(statement, data, outputs=None, blq=blq, solver=pkpd.Solver(rtol=1e-10))  # type: ignore[arg-type]
    beta = subjects.population.start[None, : subjects.population.nb]
    terms = subjects.terms(subjects.population.phi(beta, np.zeros((1, 1, 3))))
    psi = {"ka": np.array([1.5]), "CL": np.array([2.7]), "V": np.array([31.5])}
    here = (table["EVID"] == 0).to_numpy()
    f, y, below = closed_form(table, psi)[here], table["DV"].to_numpy()[here], table["CENS"].to_numpy()[here] == 1
    chance = norm.cdf(y, f, 0.7) - (norm.cdf(0, f, 0.7) if blq == "M4" else 0.0)
    density = np.where(below, np.log(chance), norm.logpdf(y, f, 0.7))
    density -= norm.logcdf(f / 0.7) if blq == "M4" else 0.0
    assert float(terms.value[0, 0]) == pytest.approx(-density.sum(), rel=1e-7)


def test_values_below_a_limit_are_worth_more_than_nothing() -> None:
    """M3 comes nearer to the clearance of the whole data than leaving the low values out."""
    whole = simulated(40, seed=1, sd=0.2)
    table = table_of(whole)
    table["CENS"] = ((table["DV"] < 1.5) & (table["EVID"] == 0)).astype(int)
    table.loc[table["CENS"] == 1, "DV"] = 1.5
    data = pkpd.read_nonmem(table, compartments=ROUTES)
    truth = pkpd.fit(one_compartment(), whole, covariance=None).estimates.loc["CL", "estimate"]
    m3 = pkpd.fit(one_compartment(), data, covariance=None)
    with pytest.warns(UserWarning, match="were dropped"):
        m1 = pkpd.fit(one_compartment(), data, covariance=None, blq="M1")
    assert abs(m3.estimates.loc["CL", "estimate"] - truth) < abs(m1.estimates.loc["CL", "estimate"] - truth)
    check = pkpd.vpc(m3, replicates=30)
    assert [ax.get_ylabel() for ax in check.axes] == ["C (mg/L)", "Share below the limit"]


def test_log_transform_both_sides_is_the_normal_error_of_logarithms() -> None:
    """The objective of lognormal_error is that of ln C with an additive error, plus the Jacobian."""
    data = simulated(6, sd=0.05)
    statement = one_compartment(error={"C": pkpd.lognormal_error(0.2)})
    model = pkpd.load("pk_1cmt_oral").in_time("h")
    import sympy

    C = model.outputs["C"].expression
    unit = pkpd.param("unit", 1, "mg/L", "unit of concentration", source="test")
    logged = pkpd.Model(
        "logged",
        rates=model.rates,
        outputs={"lnC": pkpd.output(sympy.log(C / unit), "logarithm of concentration")},
        routes=model.routes,
        dosing=model.dosing,
        time="h",
    )
    table = table_of(data)
    values = table.loc[table["EVID"] == 0, "DV"]
    table.loc[table["EVID"] == 0, "DV"] = np.log(values)
    iiv = {"ka": pkpd.lognormal(1.5, cv=0.6), "CL": pkpd.lognormal(2.7, cv=0.3), "V": pkpd.lognormal(31.5, cv=0.2)}
    other = pkpd.mixed_effects(logged, iiv, error={"lnC": pkpd.additive_error(0.2)})
    jacobian = 2 * float(np.log(values).sum())
    for method in ("focei", "fo"):
        assert objective(statement, data, method) == pytest.approx(
            objective(other, pkpd.read_nonmem(table, compartments=ROUTES), method) + jacobian, abs=1e-5
        )


def test_box_cox_etas_are_those_that_simulate_a_population() -> None:
    """CL by boxcox(): the spread and the shape that were simulated lie near the estimates, and simulate again."""
    n, rng = 120, np.random.default_rng(1)
    table = table_of(simulated(n, sd=0.0))
    clearance = pkpd.boxcox(3.0, omega=0.4, shape=0.9).at(rng.standard_normal(n))
    psi = {"ka": np.full(n, 1.2), "CL": clearance, "V": np.full(n, 35.0)}
    here = (table["EVID"] == 0).to_numpy()
    table.loc[here, "DV"] = closed_form(table, psi)[here] + 0.05 * rng.standard_normal(int(here.sum()))
    statement = one_compartment(
        iiv={"CL": pkpd.boxcox(2.7, omega=0.3, shape=0.4)},
        free={"ka": pkpd.free(1.5), "V": pkpd.free(30)},
        error={"C": pkpd.additive_error(0.1)},
    )
    fit = pkpd.fit(statement, pkpd.read_nonmem(table, compartments=ROUTES), restarts=2)
    # With clearances known nearly exactly it is the maximum likelihood fit of their distribution.
    from scipy.optimize import minimize

    def minus_log(x: np.ndarray) -> float:
        center, omega, shape = np.exp(x[0]), np.exp(x[1]), x[2]
        inside = 1 + shape * np.log(clearance / center)
        if (inside <= 0).any():
            return 1e10
        eta = np.log(inside) / shape
        return float((eta**2 / (2 * omega**2) + np.log(omega) + np.log(inside)).sum())

    best = minimize(minus_log, [np.log(3.0), np.log(0.4), 0.9], method="Nelder-Mead", options={"xatol": 1e-6}).x
    for label, value in (("CL", np.exp(best[0])), ("omega[CL]", np.exp(best[1])), ("shape[CL]", best[2])):
        assert abs(fit.estimates.loc[label, "estimate"] - value) < 0.3 * fit.estimates.loc[label, "se"], label
    assert fit.individuals["CL"].to_numpy() == pytest.approx(clearance, rel=0.05)
    people = pkpd.population(fit.model, 4000, 1, variability=fit.variability)
    assert np.quantile(people["CL"], 0.9) == pytest.approx(np.quantile(clearance, 0.9), rel=0.25)
    assert "CL_exp_eta" not in fit.estimates.index
