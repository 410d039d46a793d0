"""Random effects on numbers of doses and under steady state: the marginal likelihood by closed forms and quadrature."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit, logsumexp, ndtr, ndtri
from scipy.stats import norm

import pkpd
from pkpd.fitting.mixed.conditional import Approximation
from pkpd.fitting.mixed.settling import settled
from pkpd.fitting.mixed.stochastic import likelihood
from pkpd.fitting.mixed.subjects import Subjects

DOSE, CL, V, SD, EVERY = 100.0, 3.0, 20.0, 0.25, 12.0
# None near the end of an infusion: a likelihood has a kink there, often two modes, and no expansion about one holds.
TIMES = np.array([1.0, 4.0, 5.0, 6.0, 8.0, 11.0])
SUBJECTS = 5


@dataclass(frozen=True)
class Case:
    """One random effect: the parameter, how it varies, what eta makes of it, and the concentration then."""

    parameter: str
    distribution: Any
    value: Callable[[np.ndarray], np.ndarray]
    concentration: Callable[[np.ndarray], np.ndarray]
    omega: float
    dosing: str = ""
    rate: float = 0.0
    steady: bool = False


def bolus(F: Any = 1.0, clearance: Any = CL, lag: Any = 0.0) -> np.ndarray:
    after = TIMES - np.asarray(lag)[..., None]
    rate = np.asarray(clearance)[..., None] / V
    return np.asarray(np.asarray(F)[..., None] * DOSE / V * np.exp(-rate * after) * (after >= 0))


def infusion(duration: np.ndarray) -> np.ndarray:
    duration, k = duration[..., None], CL / V
    during = -np.expm1(-k * np.minimum(TIMES, duration))
    return np.asarray(DOSE / duration / CL * during * np.exp(-k * np.maximum(TIMES - duration, 0)))


def steady(clearance: np.ndarray) -> np.ndarray:
    return bolus(clearance=clearance) / -np.expm1(-clearance[..., None] / V * EVERY)


CASES = {
    "F by its logit": Case("F", pkpd.logitnormal(0.6, omega=0.7), lambda e: expit(logit(0.6) + e), bolus, 0.7, "F"),
    "F by its probit": Case("F", pkpd.probitnormal(0.6, omega=0.5), lambda e: ndtr(ndtri(0.6) + e), bolus, 0.5, "F"),
    "lag": Case("tlag", pkpd.lognormal(0.4, omega=0.2), lambda e: 0.4 * np.exp(e), lambda x: bolus(lag=x), 0.2, "lag"),
    "duration": Case(
        "D1", pkpd.lognormal(2.4, omega=0.2), lambda e: 2.4 * np.exp(e), infusion, 0.2, "duration", rate=-2.0
    ),
    "rate": Case(
        "R1", pkpd.lognormal(40, omega=0.2), lambda e: 40 * np.exp(e), lambda x: infusion(DOSE / x), 0.2, "rate", -1.0
    ),
    "steady state": Case("CL", pkpd.lognormal(CL, omega=0.4), lambda e: CL * np.exp(e), steady, 0.4, steady=True),
}
UNITS = {"F": "1", "tlag": "h", "D1": "h", "R1": "mg/h"}


def model_of(case: Case) -> pkpd.Model:
    clearance = pkpd.param("CL", CL, "L/h", "clearance", source="test")
    volume = pkpd.param("V", V, "L", "volume", source="test")
    amount = pkpd.state("A", "mg", "amount")
    dosing = {}
    if case.dosing:
        own = pkpd.param(case.parameter, 0.5, UNITS[case.parameter], case.dosing, source="test")
        dosing = {amount: pkpd.Dosing(**{case.dosing: own})}
    return pkpd.Model(
        "one", rates={amount: -clearance / volume * amount}, outputs={"C": pkpd.output(amount / volume, "conc")},
        dosing=dosing, time="h",
    )  # fmt: skip


def observed(case: Case) -> np.ndarray:
    rng = np.random.default_rng(5)
    f = case.concentration(case.value(case.omega * rng.standard_normal(SUBJECTS)))
    return np.asarray(f + SD * rng.standard_normal(f.shape))


def subjects_of(case: Case, y: np.ndarray) -> Subjects:
    rows = []
    for i in range(SUBJECTS):
        rows.append((i + 1, 0.0, DOSE, 1, 0.0, case.rate, int(case.steady), EVERY * case.steady))
        rows += [(i + 1, t, 0.0, 0, v, 0.0, 0, 0.0) for t, v in zip(TIMES, y[i], strict=True)]
    table = pd.DataFrame(rows, columns=["ID", "TIME", "AMT", "EVID", "DV", "RATE", "SS", "II"]).assign(CMT=1)
    data = pkpd.read_nonmem(table, compartments={1: "A"})
    statement = pkpd.mixed_effects(
        model_of(case), {case.parameter: case.distribution}, error={"C": pkpd.additive_error(SD)}
    )
    return settled(statement, data, outputs=None, blq="M3", solver=pkpd.Solver(rtol=1e-10))


def by_quadrature(case: Case, y: np.ndarray) -> float:
    """-2 ln of the integral over eta by the trapezoid rule, without n ln(2 pi)."""
    eta = np.linspace(-8, 8, 8001) * case.omega
    f = case.concentration(case.value(eta))
    joint = norm.logpdf(y[:, None], f, SD).sum(-1) + norm.logpdf(eta, 0, case.omega)
    marginal = logsumexp(joint, axis=1) + np.log(eta[1] - eta[0])
    return float(-2 * marginal.sum() - y.size * np.log(2 * np.pi))


@pytest.mark.parametrize("name", CASES)
def test_the_likelihood_is_the_integral_over_the_random_effect(name: str) -> None:
    """By importance sampling within its error, by FOCEI and Laplace as near as an expansion comes."""
    case = CASES[name]
    y = observed(case)
    subjects = subjects_of(case, y)
    exact = by_quadrature(case, y)
    u, nothing = subjects.population.start, np.zeros((SUBJECTS, 1))
    sampled = likelihood(subjects, u, nothing, 2048, 1)
    assert sampled.error < 0.05
    assert sampled.value == pytest.approx(exact, abs=max(4 * sampled.error, 2e-3))
    for kind in ("focei", "laplace"):
        point = Approximation(subjects, kind).evaluate(u[None], nothing[None], gradient=False)  # type: ignore[arg-type]
        assert point.value[0] == pytest.approx(exact, abs=0.1 * SUBJECTS), kind


@pytest.mark.parametrize("name", CASES)
def test_gradients_go_through_doses_and_steady_states(name: str) -> None:
    """Those of FOCEI, the modes' motion among them, against central differences of the whole objective."""
    case = CASES[name]
    subjects = subjects_of(case, observed(case))
    approximation, u = Approximation(subjects, "focei"), subjects.population.start
    point = approximation.evaluate(u[None], np.zeros((1, SUBJECTS, 1)), tol=1e-14)
    assert point.gradient is not None
    steps = 1e-3 * np.eye(len(u))
    around = np.concatenate([u + steps, u - steps])
    values = approximation.evaluate(around, np.repeat(point.eta, len(around), 0), gradient=False, tol=1e-16).value
    differences = (values[: len(u)] - values[len(u) :]) / 2e-3
    assert point.gradient[0] == pytest.approx(differences, abs=5e-4 * np.abs(differences).max())
