"""Residual errors that are correlated between two outputs or in time, against multivariate normal distributions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal

import pkpd
from pkpd.fitting.mixed.conditional import Approximation
from pkpd.fitting.mixed.modes import pulled, weighted
from pkpd.fitting.mixed.replicates import replicates
from pkpd.fitting.mixed.settling import settled
from pkpd.fitting.mixed.subjects import Subjects

TIMES = np.array([0.0, 1.0, 1.5, 4.0, 6.0])
KE, RATIO = 0.3, 3.0
SOLVER = pkpd.Solver(rtol=1e-10)


def decay() -> pkpd.Model:
    """C = 10 exp(-ke t) and E = ratio C + 1."""
    ke = pkpd.param("ke", KE, "1/h", "elimination", source="illustrative")
    ratio = pkpd.param("ratio", RATIO, "1", "effect by concentration", source="illustrative")
    A = pkpd.state("A", "mg/L", "concentration", start=10)
    outputs = {"C": pkpd.output(A, "concentration"), "E": pkpd.output(ratio * A, "effect")}
    return pkpd.Model("decay", rates={A: -ke * A}, outputs=outputs, time="h")


def line() -> pkpd.Model:
    """y = base + slope t, and z = 2 y + level."""
    base = pkpd.param("base", 5, "mg/L", "start", source="illustrative")
    slope = pkpd.param("slope", 1, "mg/L/h", "rise", source="illustrative")
    A = pkpd.state("A", "mg/L", "size", start=base)
    outputs = {"y": pkpd.output(A, "size"), "z": pkpd.output(2 * A, "twice the size")}
    return pkpd.Model("line", rates={A: slope}, outputs=outputs, time="h")


def table(outputs: dict[int, Any], n: int = 2, times: np.ndarray = TIMES) -> pd.DataFrame:
    """Subjects with values (n, times) of each output by its DVID; NaN where it is not observed."""
    rows = [
        {"ID": i + 1, "TIME": t, "DV": values[i, j], "DVID": kind, "AMT": 0, "EVID": 0}
        for i in range(n)
        for j, t in enumerate(times)
        for kind, values in outputs.items()
        if np.isfinite(values[i, j])
    ]
    return pd.DataFrame(rows)


ERRORS = {
    "additive": pkpd.additive_error(0.4),
    "proportional": pkpd.proportional_error(0.2),
    "combined": pkpd.combined_error(0.3, 0.1),
    "sds add": pkpd.combined_error(0.3, 0.1, adds="sd"),
    "power": pkpd.power_error(0.2, 0.7),
    "log": pkpd.lognormal_error(0.25),
    "held": pkpd.proportional_error(0.2).fixed(),
}
CASES = [("serial", name, name) for name in ERRORS]
CASES += [("pair", "additive", "proportional"), ("pair", "log", "combined"), ("pair", "power", "log")]
CASES += [("pair", "held", "sds add")]


def subjects_of(kind: str, first: str, second: str, n: int = 2) -> Subjects:
    """Two subjects with observations some of which have no partner."""
    rng = np.random.default_rng(3)
    C = 10 * np.exp(-KE * TIMES) * np.exp(0.2 * rng.standard_normal((n, len(TIMES))))
    E = RATIO * C * np.exp(0.1 * rng.standard_normal(C.shape))
    E[0, 1] = C[1, 3] = np.nan
    observed = {1: C} if kind == "serial" else {1: C, 2: E}
    errors = {"C": ERRORS[first]} if kind == "serial" else {"C": ERRORS[first], "E": ERRORS[second]}
    residuals = pkpd.autocorrelated("C", 2.0) if kind == "serial" else pkpd.correlated("C", "E", 0.6)
    iiv = {"ke": pkpd.lognormal(cv=0.3)}
    statement = pkpd.mixed_effects(decay(), iiv, error=errors, free=["ratio"], residuals=residuals)
    outputs = {1: "C"} if kind == "serial" else {1: "C", 2: "E"}
    return settled(statement, pkpd.read_nonmem(table(observed, n)), outputs=outputs, blq="M3", solver=SOLVER)


def of_subject(subjects: Subjects, phi: np.ndarray, kind: str, errors: dict[str, str], s: int) -> Any:
    """The mean, covariance and values of one subject on the scales of its errors, by hand."""
    psi = dict(zip(subjects.population.labels, subjects.population.psi(phi)[0, s], strict=False))
    seen = subjects.observations
    time = subjects.trajectories.records["TIME"][seen.rows[s, :, 0]]
    mean, sd, value, jacobian, output = [], [], [], 0.0, []
    for j in np.flatnonzero(seen.mask[s]):
        e = next(e for e in seen.endpoints if s * seen.shape[1] + j in e.places)
        y = float(e.observed.value[list(e.places).index(s * seen.shape[1] + j)])
        f = 10 * np.exp(-psi["ke"] * time[j]) * (psi["ratio"] if e.output == "E" else 1)
        error = ERRORS[errors[e.output]]
        if not error.held:
            error = error.with_numbers({n: psi[f"{n}[{e.output}]"] for n in error.numbers})
        log = error.scale == "log"
        mean.append(np.log(f) if log else f)
        value.append(np.log(y) if log else y)
        sd.append(float(error.sd(f)))
        jacobian += np.log(y) if log else 0.0
        output.append(e.output)
    at = time[seen.mask[s]]
    if kind == "serial":
        R = np.exp(-np.abs(at[:, None] - at) / psi["autocorrelation_time[C]"])
    else:
        other = np.array(output)[:, None] != np.array(output)
        R = np.eye(len(at)) + np.where((at[:, None] == at) & other, psi["residual_correlation[C,E]"], 0.0)
    return np.array(mean), R * np.outer(sd, sd), np.array(value), jacobian


def somewhere(subjects: Subjects) -> np.ndarray:
    """phi off its start, the subjects apart."""
    population = subjects.population
    phi = population.mu(population.start[None, : population.nb])
    return phi + 0.2 * np.random.default_rng(1).standard_normal(phi.shape)


@pytest.mark.parametrize(("kind", "first", "second"), CASES)
def test_the_density_of_a_subject_is_multivariate_normal(kind: str, first: str, second: str) -> None:
    subjects = subjects_of(kind, first, second)
    phi = somewhere(subjects)
    errors = {"C": first, "E": second}
    values = subjects.observations.terms(subjects.channels(phi)).value[0]
    assert np.array_equal(values, subjects.terms(phi).value[0])  # without slopes
    for s in range(2):
        mean, covariance, value, jacobian = of_subject(subjects, phi, kind, errors, s)
        by_hand = -multivariate_normal(mean, covariance).logpdf(value) + jacobian
        assert values[s] == pytest.approx(by_hand, rel=1e-8)
        assert covariance[0, 1] != 0


@pytest.mark.parametrize(("kind", "first", "second"), CASES)
def test_scores_and_information_are_those_of_the_multivariate_normal(kind: str, first: str, second: str) -> None:
    subjects = subjects_of(kind, first, second)
    phi, errors, h = somewhere(subjects), {"C": first, "E": second}, 1e-5
    every = np.arange(len(subjects.population.components))
    z, D = subjects.slopes(phi, every)
    terms = subjects.observations.terms(z)
    score, information = pulled(D, terms.slope)[0], weighted(D, terms.information, D)[0]
    steps = h * np.eye(len(every))
    values = [(subjects.terms(phi + step).value - subjects.terms(phi - step).value)[0] / (2 * h) for step in steps]
    assert score == pytest.approx(np.stack(values, axis=-1), rel=1e-5, abs=1e-5)
    for s in range(2):
        around = [[of_subject(subjects, phi + sign * step, kind, errors, s) for sign in (1, -1)] for step in steps]
        dmean = [(up[0] - down[0]) / (2 * h) for up, down in around]
        dV = [(up[1] - down[1]) / (2 * h) for up, down in around]
        V = np.linalg.inv(of_subject(subjects, phi, kind, errors, s)[1])
        by_hand = np.array(
            [
                [a @ V @ b + 0.5 * np.trace(V @ A @ V @ B) for b, B in zip(dmean, dV, strict=True)]
                for a, A in zip(dmean, dV, strict=True)
            ]
        )
        assert information[s] == pytest.approx(by_hand, rel=1e-6, abs=1e-6 * np.abs(by_hand).max())


# ---- a linear model, whose marginal likelihood is a multivariate normal density

AT = np.array([0.0, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0])
TRUTH = {"base": 5.0, "slope": 1.0, "omega[base]": 1.0, "omega[slope]": 0.3}


def trial(kind: str, n: int, seed: int, tau: float = 2.0, rho: float = 0.6, sd: float = 0.8) -> pkpd.Records:
    """Lines with errors that are correlated in time, or between y and z (of sd 1.5 times that of y)."""
    rng = np.random.default_rng(seed)
    base = TRUTH["base"] + TRUTH["omega[base]"] * rng.standard_normal((n, 1))
    slope = TRUTH["slope"] + TRUTH["omega[slope]"] * rng.standard_normal((n, 1))
    y = base + slope * AT
    if kind == "serial":
        R = np.exp(-np.abs(AT[:, None] - AT) / tau) if tau else np.eye(len(AT))
        return pkpd.read_nonmem(table({1: y + sd * rng.standard_normal(y.shape) @ np.linalg.cholesky(R).T}, n, AT))
    one, two = rng.standard_normal((2, *y.shape))
    z = 2 * y + 1.5 * sd * (rho * one + np.sqrt(1 - rho**2) * two)
    return pkpd.read_nonmem(table({1: y + sd * one, 2: z}, n, AT))


OUTPUTS = {"serial": {1: "y"}, "pair": {1: "y", 2: "z"}}


def lines(kind: str, residuals: Any = (), **options: Any) -> pkpd.MixedEffects:
    errors = {"y": pkpd.additive_error(0.7), "z": pkpd.additive_error(1.4)}
    iiv = {"base": pkpd.normal(5, sd=0.8), "slope": pkpd.normal(1, sd=0.4)}
    return pkpd.mixed_effects(
        line(), iiv, error={k: errors[k] for k in OUTPUTS[kind].values()}, residuals=residuals, **options
    )


SERIAL, PAIR = pkpd.autocorrelated("y", 1.5), pkpd.correlated("y", "z", 0.3)
STATED = {"serial": SERIAL, "pair": PAIR}
LABEL = {"serial": "autocorrelation_time[y]", "pair": "residual_correlation[y,z]"}


def marginal(values: dict[str, float], kind: str, data: pkpd.Records) -> float:
    """-2 ln L without n ln(2 pi), from N(X beta, Z Omega Z' + R) of each subject."""
    own = data["ID"] == data["ID"][0]  # all subjects are observed alike
    t, second = data["TIME"][own], data["DVID"][own] == 2
    mean, V = moments(values, kind, t, second)
    y = data["DV"].reshape(-1, len(t))
    return float(-2 * multivariate_normal(mean, V).logpdf(y).sum() - y.size * np.log(2 * np.pi))


def moments(values: dict[str, float], kind: str, t: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean and covariance of the observations of y and (where `second`) z at t."""
    Z = np.stack([np.ones(len(t)), t], axis=1) * np.where(second, 2.0, 1.0)[:, None]
    sd = np.where(second, values.get("sd_additive[z]", 1.0), values["sd_additive[y]"])
    gap = np.abs(t[:, None] - t)
    R = np.exp(-gap / values[LABEL[kind]]) if kind == "serial" else np.where(gap == 0, values[LABEL[kind]], 0.0)
    np.fill_diagonal(R, 1.0)
    Omega = np.diag([values["omega[base]"] ** 2, values["omega[slope]"] ** 2])
    return Z @ [values["base"], values["slope"]], Z @ Omega @ Z.T + R * np.outer(sd, sd)


@pytest.mark.parametrize("method", ["fo", "foce", "focei", "laplace"])
@pytest.mark.parametrize("kind", ["serial", "pair"])
def test_of_a_linear_model_every_approximation_is_the_marginal_likelihood(kind: str, method: str) -> None:
    data = trial(kind, 5, seed=2)
    fit = pkpd.fit(
        lines(kind, STATED[kind]), data, method=method, outputs=OUTPUTS[kind], covariance=None, iterations=3, restarts=0
    )
    values = fit.estimates["estimate"].to_dict()
    assert values[LABEL[kind]] != STATED[kind].start
    assert fit.objective == pytest.approx(marginal(values, kind, data), abs=1e-6)


@pytest.mark.parametrize("kind", ["serial", "pair"])
def test_importance_sampling_meets_the_marginal_likelihood(kind: str) -> None:
    data = trial(kind, 5, seed=2)
    statement = lines(kind, STATED[kind], fixed=["base", "slope", "omega[base]", "omega[slope]", LABEL[kind]])
    fit = pkpd.fit(statement, data, method="importance", outputs=OUTPUTS[kind], samples=1024, covariance=None)
    exact = marginal(fit.estimates["estimate"].to_dict(), kind, data)
    assert fit.objective == pytest.approx(exact, abs=4 * fit.objective_error + 1e-3)


@pytest.fixture(scope="module", params=["serial", "pair"])
def fitted(request: pytest.FixtureRequest) -> tuple[str, pkpd.Records, pkpd.MixedFit]:
    data = trial(request.param, 40, seed=5)
    return (
        request.param,
        data,
        pkpd.fit(lines(request.param, STATED[request.param]), data, outputs=OUTPUTS[request.param]),
    )


def test_what_was_simulated_is_found(fitted: tuple[str, pkpd.Records, pkpd.MixedFit]) -> None:
    kind, data, fit = fitted
    truth = {**TRUTH, "sd_additive[y]": 0.8, "sd_additive[z]": 1.2, LABEL["serial"]: 2.0, LABEL["pair"]: 0.6}
    for label, row in fit.estimates.iterrows():
        assert abs(row["estimate"] - truth[str(label)]) < 3 * row["se"], label
    row = fit.estimates.loc[LABEL[kind]]
    assert row["unit"] == {"serial": "h", "pair": "1"}[kind]
    assert 0 < row["ci_low"] < truth[LABEL[kind]] < row["ci_high"]
    assert LABEL[kind] in fit.report()
    independent = pkpd.fit(lines(kind), data, outputs=OUTPUTS[kind])
    assert pkpd.likelihood_ratio(independent, fit).p < 1e-6


def test_standard_errors_are_those_of_the_marginal_likelihood(fitted: tuple[str, pkpd.Records, pkpd.MixedFit]) -> None:
    kind, data, fit = fitted
    values = fit.estimates["estimate"].to_dict()
    labels, h = list(values), 1e-3

    def at(*moves: tuple[int, float]) -> float:
        moved = dict(values)
        for i, step in moves:
            moved[labels[i]] += step
        return marginal(moved, kind, data)

    k = len(labels)
    hessian = np.empty((k, k))
    for i in range(k):
        for j in range(k):
            signs = [(a, b) for a in (1, -1) for b in (1, -1)]
            hessian[i, j] = sum(a * b * at((i, a * h), (j, b * h)) for a, b in signs) / (4 * h * h)
    exact = np.sqrt(np.diag(np.linalg.inv(0.5 * hessian)))
    assert fit.estimates["se"].to_numpy() == pytest.approx(exact, rel=5e-3)


def test_cwres_are_white_and_iwres_are_not(fitted: tuple[str, pkpd.Records, pkpd.MixedFit]) -> None:
    kind, _, fit = fitted
    rows = fit.residuals
    values = fit.estimates["estimate"].to_dict()
    own = rows["subject"] == "3"
    t, second = rows["time"][own].to_numpy(), (rows["output"][own] == "z").to_numpy()
    _, V = moments(values, kind, t, second)
    sd = np.where(second, values.get("sd_additive[z]", 1.0), values["sd_additive[y]"])
    eigen, vectors = np.linalg.eigh(V)
    by_hand = vectors @ (vectors.T @ (rows["observed"][own] - rows["pred"][own]) / np.sqrt(eigen))
    assert rows["cwres"][own].to_numpy() == pytest.approx(by_hand, abs=1e-6)
    individual = (rows["observed"][own] - rows["ipred"][own]) / sd
    assert rows["iwres"][own].to_numpy() == pytest.approx(individual.to_numpy())


def test_replicates_have_the_correlations(fitted: tuple[str, pkpd.Records, pkpd.MixedFit]) -> None:
    kind, _, fit = fitted
    values = fit.estimates["estimate"].to_dict()
    drawn = replicates(fit.subjects, fit.u, 500, seed=4)[:, 0]
    rows = fit.residuals[fit.residuals["subject"] == "1"]
    _, V = moments(values, kind, rows["time"].to_numpy(), (rows["output"] == "z").to_numpy())
    error = np.sqrt((V**2 + np.outer(np.diag(V), np.diag(V))) / 500)
    assert (np.abs(np.cov(drawn, rowvar=False) - V) < 5 * error).all()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["serial", "pair"])
def test_saem_and_importance_sampling_find_the_same(kind: str) -> None:
    data = trial(kind, 24, seed=5, tau=0.8)  # longer, and intercepts differ from errors by little: EM creeps
    settings: dict[str, Any] = {"outputs": OUTPUTS[kind], "samples": 128}
    fit = pkpd.fit(lines(kind, STATED[kind]), data, **settings)
    start = {label: float(v) for label, v in fit.estimates["estimate"].items()} | {LABEL[kind]: 0.4}
    saem = pkpd.fit(
        lines(kind, STATED[kind]), data, method="saem", start=start, phases=(40, 60), covariance=None, **settings
    )
    se = fit.estimates["se"]
    assert (abs(saem.estimates["estimate"] - fit.estimates["estimate"]) < 0.3 * se).all()
    held = ["base", "slope", "omega[base]", "omega[slope]"]
    few = lines(kind, STATED[kind], fixed=held)
    done = pkpd.fit(few, data, method="importance", start=start, **settings)
    exact = pkpd.fit(few, data, start=start, **settings)
    row, wanted = done.estimates.loc[LABEL[kind]], exact.estimates.loc[LABEL[kind]]
    assert row["estimate"] == pytest.approx(wanted["estimate"], abs=0.1 * wanted["se"])
    assert row["se"] == pytest.approx(wanted["se"], rel=0.1)


# ---- nothing to find


def test_no_correlation_is_the_model_without_it() -> None:
    data = trial("pair", 5, seed=2)
    held = pkpd.correlated("y", "z", 0.0).fixed()
    one, other = (
        pkpd.fit(lines("pair", residuals), data, outputs=OUTPUTS["pair"], iterations=4, restarts=0)
        for residuals in ((), held)
    )
    assert other.objective == pytest.approx(one.objective, abs=1e-6)
    assert bool(other.estimates.loc[LABEL["pair"], "fixed"])
    assert other.n_free == one.n_free
    data = trial("serial", 5, seed=2)
    short = pkpd.autocorrelated("y", 1e-3).fixed()
    one, other = (
        pkpd.fit(lines("serial", residuals), data, outputs={1: "y"}, iterations=4, restarts=0)
        for residuals in ((), short)
    )
    assert other.objective == pytest.approx(one.objective, abs=1e-6)


def test_independent_errors_are_found_to_be_so() -> None:
    data = trial("pair", 30, seed=6, rho=0.0)
    row = pkpd.fit(lines("pair", PAIR), data, outputs=OUTPUTS["pair"]).estimates.loc[LABEL["pair"]]
    assert row["ci_low"] < 0 < row["ci_high"]
    assert abs(row["estimate"]) < 0.2
    data = trial("serial", 30, seed=9, tau=0.0)
    fit = pkpd.fit(lines("serial", SERIAL), data, outputs={1: "y"})
    row = fit.estimates.loc[LABEL["serial"]]
    assert np.exp(-0.5 / row["estimate"]) < 0.2  # over the shortest gap
    assert fit.converged
    back_and_forth = np.diff(np.random.default_rng(4).standard_normal((20, len(AT) + 1)), axis=1)
    opposed = pkpd.read_nonmem(table({1: 5 + AT + 0.5 * back_and_forth}, 20, AT))
    nothing = pkpd.fit(lines("serial", SERIAL, fixed=["omega[base]", "omega[slope]"]), opposed, outputs={1: "y"})
    assert bool(nothing.estimates.loc[LABEL["serial"], "at_floor"])
    assert "the data show no correlation of errors in time" in " ".join(nothing.report().split())
    assert np.isfinite(nothing.estimates["se"][["base", "slope", "sd_additive[y]"]]).all()


# ---- approximations of models that are not linear


@pytest.mark.parametrize(("kind", "first", "second"), [("serial", "combined", ""), ("pair", "log", "proportional")])
def test_gradients_of_focei(kind: str, first: str, second: str) -> None:
    subjects = subjects_of(kind, first, second)
    approximation, u = Approximation(subjects, "focei"), subjects.population.start[None]
    nothing = np.zeros((1, subjects.count, subjects.population.q))
    point = approximation.evaluate(u, nothing, tol=1e-16)
    assert point.gradient is not None
    for i in range(subjects.population.nu):
        step = 1e-4 * np.eye(subjects.population.nu)[i]
        ends = [approximation.evaluate(u + s * step, point.eta, gradient=False, tol=1e-16).value[0] for s in (1, -1)]
        assert point.gradient[0, i] == pytest.approx((ends[0] - ends[1]) / 2e-4, rel=1e-4, abs=1e-4)


def test_foce_holds_the_standard_deviations_of_both_partners() -> None:
    subjects = subjects_of("pair", "proportional", "combined")
    phi = somewhere(subjects)
    sd = np.random.default_rng(2).uniform(0.5, 2.0, (1, *subjects.observations.shape))
    values = subjects.observations.terms(subjects.channels(phi), sd=sd).value[0]
    mean, covariance, value, _ = of_subject(subjects, phi, "pair", {"C": "proportional", "E": "combined"}, 0)
    own, held = np.sqrt(np.diag(covariance)), sd[0, 0, subjects.observations.mask[0]]
    by_hand = multivariate_normal(mean, covariance * np.outer(held / own, held / own)).logpdf(value)
    assert values[0] == pytest.approx(-by_hand)


@pytest.mark.parametrize("kind", ["serial", "pair"])
def test_correlations_of_relative_errors_are_found(kind: str) -> None:
    rng, n = np.random.default_rng(8), 40
    ke = KE * np.exp(0.3 * rng.standard_normal((n, 1)))
    one, two = rng.standard_normal((2, n, len(TIMES)))
    if kind == "serial":
        one = one @ np.linalg.cholesky(np.exp(-np.abs(TIMES[:, None] - TIMES) / 2.0)).T
    else:
        two = 0.7 * one + np.sqrt(0.51) * two
    C = 10 * np.exp(-ke * TIMES)
    observed = {1: C * np.exp(0.2 * one), 2: RATIO * C * (1 + 0.15 * two)}
    residuals = pkpd.autocorrelated("C", 1.0) if kind == "serial" else pkpd.correlated("C", "E", 0.0)
    errors = {"C": pkpd.lognormal_error(0.3), "E": pkpd.proportional_error(0.3)}
    iiv = {"ke": pkpd.lognormal(0.2, cv=0.4)}
    statement = pkpd.mixed_effects(decay(), iiv, error=errors, free=["ratio"], residuals=residuals)
    data, outputs = pkpd.read_nonmem(table(observed, n)), {1: "C", 2: "E"}
    fit = pkpd.fit(statement, data, outputs=outputs)
    truth = {"ke": KE, "ratio": RATIO, "sd_log[C]": 0.2, "sd_proportional[E]": 0.15, "omega[ke]": 0.3}
    truth |= {"autocorrelation_time[C]": 2.0, "residual_correlation[C,E]": 0.7}
    assert all(abs(row["estimate"] - truth[str(label)]) < 3 * row["se"] for label, row in fit.estimates.iterrows())
    assert pkpd.likelihood_ratio(pkpd.fit(statement.but(residuals=()), data, outputs=outputs), fit).p < 1e-6


# ---- partners


def test_a_subject_whose_time_goes_back_begins_anew_and_repeats_are_partners_in_their_order() -> None:
    rows = [(1, 0.0, 5.0, 1), (1, 2.0, 7.0, 1), (1, 0.0, 5.0, 1), (1, 1.0, 6.0, 1), (2, 0.0, 4.0, 1)]
    data = pd.DataFrame(rows, columns=["ID", "TIME", "DV", "DVID"]).assign(AMT=0.0, EVID=0)
    data.loc[2, "EVID"] = 3
    data = pd.concat([data.iloc[:3], data.iloc[2:3].assign(EVID=0), data.iloc[3:]])
    subjects = settled(lines("serial", SERIAL), pkpd.read_nonmem(data), outputs="y", blq="M3", solver=SOLVER)
    (link,) = subjects.observations.links
    assert list(link.places) == [1, 3]
    assert list(link.partners) == [0, 2]
    assert list(link.gaps) == [2.0, 1.0]
    rows = [(1, 0.0, 5.0, 1), (1, 0.0, 9.0, 2), (1, 0.0, 5.5, 1), (1, 0.0, 9.5, 2), (1, 0.0, 9.7, 2), (1, 1.0, 6.0, 1)]
    data = pd.DataFrame(rows, columns=["ID", "TIME", "DV", "DVID"]).assign(AMT=0.0, EVID=0)
    outputs = {1: "y", 2: "z"}
    subjects = settled(lines("pair", PAIR), pkpd.read_nonmem(data), outputs=outputs, blq="M3", solver=SOLVER)
    (link,) = subjects.observations.links
    assert list(link.places) == [1, 3]
    assert list(link.partners) == [0, 2]


def test_one_observation_of_a_patient_needs_no_partner() -> None:
    data = table({1: np.array([[5.0, 9.0]])}, 1, np.array([0.0, 2.0]))
    data.loc[0, ["EVID", "DV"]] = 2, 0
    data = pkpd.read_nonmem(data)
    known = pkpd.empirical_bayes(lines("serial", SERIAL), data, outputs={1: "y"})
    assert float(known.individuals["base"][0]) > 5
    with pytest.raises(pkpd.errors.FitError, match="cannot be estimated: there are no two observations of the output"):
        pkpd.fit(lines("serial", SERIAL), data, outputs={1: "y"})


# ---- kept, held, profiled


def test_written_and_read(tmp_path: Path) -> None:
    data = trial("pair", 5, seed=2)
    statement = lines("pair", PAIR, fixed=[LABEL["pair"]])
    fit = pkpd.fit(statement, data, outputs=OUTPUTS["pair"], start={LABEL["pair"]: 0.5})
    assert fit.estimates.loc[LABEL["pair"], "estimate"] == pytest.approx(0.5)
    path = tmp_path / "fit.json"
    pkpd.write_fit(fit, path)
    assert LABEL["pair"] in json.loads(path.read_text())["labels"]
    again = pkpd.read_fit(path, statement)
    pd.testing.assert_frame_equal(again.residuals, fit.residuals)


def test_time_constants_have_a_unit() -> None:
    (one,) = lines("serial", pkpd.autocorrelated("y", "0.5 day")).residuals
    assert one.start == pytest.approx(12.0)
    assert one.fixed().held


def test_a_profile_of_a_correlation_stays_within_its_bounds() -> None:
    data = trial("pair", 4, seed=2, rho=0.95)
    held = ["base", "slope", "omega[base]", "omega[slope]", "sd_additive[z]"]
    fit = pkpd.fit(lines("pair", PAIR, fixed=held), data, outputs=OUTPUTS["pair"])
    curve = pkpd.profile(fit, LABEL["pair"])[LABEL["pair"]]
    assert curve.value.max() < 1
    row = fit.estimates.loc[LABEL["pair"]]
    assert (curve.low, curve.high) == pytest.approx((row["ci_low"], row["ci_high"]), abs=0.4 * row["se"])


# ---- what is refused


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: pkpd.correlated("C", "C", 0.3), r"both outputs are 'C'; name two, or use autocorrelated\('C', time\)"),
        (lambda: pkpd.correlated("C", "E", 1.0), "the correlation is 1.0; expected a number between -1 and 1"),
        (lambda: pkpd.correlated("C", "E", "0.3"), "the correlation is '0.3'"),
        (lambda: pkpd.autocorrelated("C", 0), "the time constant is 0; expected a number above 0"),
        (lambda: lines("serial", 0.3), "residuals has 0.3; expected correlated"),
        (lambda: lines("serial", pkpd.autocorrelated("w", 1)), "has no output 'w'"),
        (lambda: lines("serial", pkpd.autocorrelated("y", "3 mg")), "is '3 mg', which is no time"),
        (lambda: lines("serial", pkpd.autocorrelated("y", "-3 h")), "the time constant of the errors of 'y' is -3.0"),
        (lambda: lines("pair", [PAIR, SERIAL]), r"names 'y' in both 'residual_correlation\[y,z\]' and "),
        (
            lambda: pkpd.mixed_effects(
                line(), {"base": pkpd.normal(5, sd=1)}, error={"y": pkpd.poisson_error()}, residuals=SERIAL
            ),
            r"'autocorrelation_time\[y\]' needs normal or log-normal errors, and error\['y'\] is",
        ),
    ],
)  # fmt: skip
def test_bad_statements(made: Any, message: str) -> None:
    with pytest.raises(pkpd.errors.PkpdError, match=message):
        made()


def test_data_that_leave_no_place_for_correlation() -> None:
    data = table({1: 5 + np.arange(8.0).reshape(2, 4)}, 2, AT[:4])
    censored = pkpd.read_nonmem(data.assign(CENS=[1, 0, 0, 0, 1, 0, 0, 0]))
    with pytest.raises(
        pkpd.errors.FitError, match="no place for the 2 observations of 'y' beyond a limit; use blq='M1'"
    ):
        pkpd.fit(lines("serial", SERIAL), censored, outputs={1: "y"})
    with pytest.warns(UserWarning, match="were dropped"):
        kept = settled(lines("serial", SERIAL), censored, outputs={1: "y"}, blq="M1", solver=SOLVER)
    assert len(kept.observations.links[0].places) == 4
    with pytest.raises(pkpd.errors.FitError, match="blq is 'M4'"):
        pkpd.fit(lines("serial", SERIAL), pkpd.read_nonmem(data), outputs={1: "y"}, blq="M4")
    twice = pkpd.read_nonmem(pd.concat([data.iloc[:1], data]))
    with pytest.raises(pkpd.errors.FitError, match="'y' is observed twice at time 0 of subject 1"):
        pkpd.fit(lines("serial", SERIAL), twice, outputs={1: "y"})
    apart = pkpd.read_nonmem(data.assign(DVID=np.where(data["TIME"] < 1, 1, 2)))
    with pytest.raises(pkpd.errors.FitError, match="no two observations of both outputs at one time of a subject"):
        pkpd.fit(lines("pair", PAIR), apart, outputs=OUTPUTS["pair"])
