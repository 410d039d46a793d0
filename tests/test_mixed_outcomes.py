"""Counts and event times beside what is measured: joint models by the Laplace approximation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import pkpd
from pkpd.fitting.mixed.settling import settled


def growth_and_survival() -> pkpd.Model:
    """Exponential growth of a tumor whose size is the hazard, times a factor."""
    kg = pkpd.param("kg", 0.05, "1/day", "growth rate", source="illustrative")
    beta = pkpd.param("beta", 0.002, "1/day/mm", "hazard of a size", source="illustrative")
    size = pkpd.state("size", "mm", "tumor size", start=20)
    cumulative = pkpd.state("H", "1", "cumulative hazard")
    return pkpd.Model(
        "growth_and_survival",
        rates={size: kg * size, cumulative: beta * size},
        outputs={"y": pkpd.output(size, "size"), "h": pkpd.output(beta * size, "hazard")},
        time="day",
    )


def simulated(n: int = 150) -> tuple[pd.DataFrame, np.ndarray]:
    """Sizes until death or day 60, and the day of death by inversion of the cumulative hazard in closed form."""
    rng = np.random.default_rng(4)
    kg = 0.04 * np.exp(0.4 * rng.standard_normal(n))
    beta = 0.001
    rows = []
    for i in range(n):
        death = np.log1p(rng.exponential() * kg[i] / (beta * 20)) / kg[i]
        end = min(death, 60.0)
        for t in (0.0, 10.0, 20.0, 30.0, 40.0, 50.0):
            if t < end:
                rows.append((i + 1, t, 20 * np.exp(kg[i] * t) * np.exp(0.1 * rng.standard_normal()), 1))
        rows.append((i + 1, end, float(death <= 60), 2))
    table = pd.DataFrame(rows, columns=["ID", "TIME", "DV", "DVID"]).assign(AMT=0, EVID=0)
    return table, kg


def test_tumor_size_and_survival_jointly() -> None:
    """The hazard's dependence on size is found where it was simulated; the rates are those of the subjects."""
    table, kg = simulated()
    statement = pkpd.mixed_effects(
        growth_and_survival(),
        {"kg": pkpd.lognormal(0.05, cv=0.3)},
        error={"y": pkpd.lognormal_error(0.2), "H": pkpd.event_time("h")},
        free={"beta": pkpd.free(0.002)},
    )
    fit = pkpd.fit(statement, pkpd.read_nonmem(table), method="laplace", outputs={1: "y", 2: "H"})
    assert fit.converged
    for label, truth in (("kg", 0.04), ("beta", 0.001), ("omega[kg]", 0.4)):
        assert abs(fit.estimates.loc[label, "estimate"] - truth) < 3 * fit.estimates.loc[label, "se"], label
    assert np.corrcoef(fit.individuals["kg"], kg)[0, 1] > 0.7
    with pytest.raises(pkpd.FitError, match="not simulated at their own times"):
        fit.npde()


def test_the_individual_likelihood_of_an_event_time() -> None:
    """d ln h - H in closed form, beside the density of the sizes."""
    table, _ = simulated(2)
    statement = pkpd.mixed_effects(
        growth_and_survival(),
        {"kg": pkpd.lognormal(0.05, cv=0.3)},
        error={"y": pkpd.lognormal_error(0.2), "H": pkpd.event_time("h")},
    )
    subjects = settled(
        statement, pkpd.read_nonmem(table), outputs={1: "y", 2: "H"}, blq="M3", solver=pkpd.Solver(rtol=1e-10)
    )
    beta = subjects.population.start[None, : subjects.population.nb]
    value = subjects.terms(subjects.population.phi(beta, np.zeros((1, 2, 1)))).value[0]
    for i in range(2):
        own = table[table["ID"] == i + 1]
        sizes, end = own[own["DVID"] == 1], own[own["DVID"] == 2].iloc[0]
        f = 20 * np.exp(0.05 * sizes["TIME"])
        z = (np.log(sizes["DV"]) - np.log(f)) / 0.2
        density = -(z**2 + np.log(2 * np.pi)) / 2 - np.log(0.2) - np.log(sizes["DV"])
        hazard = 0.002 * 20 * np.exp(0.05 * end["TIME"])
        cumulative = 0.002 * 20 * np.expm1(0.05 * end["TIME"]) / 0.05
        expected = -(density.sum() + end["DV"] * np.log(hazard) - cumulative)
        assert value[i] == pytest.approx(expected, rel=1e-6)


def test_counts() -> None:
    """Poisson counts about a decay: the rates that were simulated, and FOCEI near Laplace."""
    rng = np.random.default_rng(8)
    k = pkpd.param("k", 0.1, "1/day", "decay", source="illustrative")
    start = pkpd.param("N0", 20, "1", "count at time 0", source="illustrative")
    count = pkpd.state("N", "1", "expected count", start=start)
    model = pkpd.Model("decay", rates={count: -k * count}, outputs={"n": pkpd.output(count, "count")})
    rows = []
    for i in range(60):
        own = 25 * np.exp(0.4 * rng.standard_normal())
        rows += [(i + 1, t, float(rng.poisson(own * np.exp(-0.15 * t)))) for t in (0.0, 2.0, 5.0, 9.0)]
    table = pd.DataFrame(rows, columns=["ID", "TIME", "DV"]).assign(AMT=0, EVID=0)
    statement = pkpd.mixed_effects(
        model, {"N0": pkpd.lognormal(20, cv=0.3)}, error={"n": pkpd.poisson_error()}, free={"k": pkpd.free(0.1)}
    )
    data = pkpd.read_nonmem(table)
    fit = pkpd.fit(statement, data, method="laplace")
    for label, truth in (("N0", 25), ("k", 0.15), ("omega[N0]", 0.4)):
        assert abs(fit.estimates.loc[label, "estimate"] - truth) < 3 * fit.estimates.loc[label, "se"], label
    focei = pkpd.fit(statement, data, method="focei", covariance=None)
    assert focei.objective == pytest.approx(fit.objective, abs=1.0)
    with pytest.raises(pkpd.FitError, match="needs normal errors"):
        pkpd.fit(statement, data, method="fo")
