"""Mistakes of users with mixed-effects models, each with one message, and numbers that once were wrong in silence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import log_ndtr, logsumexp
from scipy.stats import norm

import pkpd
from pkpd.fitting.mixed.conditional import Approximation
from pkpd.fitting.mixed.predictive_checks import predictive_checks
from pkpd.fitting.mixed.residuals import npde
from pkpd.fitting.mixed.settling import settled
from pkpd.fitting.mixed.stochastic import likelihood
from tests.mixed_problems import one_compartment, simulated

COMPARTMENTS = {1: "depot", 2: "central"}


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return simulated(12).table[["ID", "TIME", "AMT", "EVID", "CMT", "DV", "WT"]]


def records(table: pd.DataFrame) -> pkpd.Records:
    return pkpd.read_nonmem(table, compartments=COMPARTMENTS)


def begun(statement: pkpd.MixedEffects, data: pkpd.Records) -> float:
    """The objective where the search begins."""
    return pkpd.fit(statement, data, iterations=0, restarts=0, covariance=None).objective


# ---- messages


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "saem", "phases": (0, 0)}, r"phases is \(0, 0\); expected two numbers"),
        ({"method": "saem", "phases": 100}, "phases is 100; expected two numbers"),
        ({"method": "saem", "chains": -1}, "chains is -1; expected a whole number of 1 or more"),
        ({"method": "importance", "samples": 2}, "samples is 2; expected a whole number of 16 or more"),
        ({"start": {"CL": "3 L/h"}}, "'CL' starts at '3 L/h'; expected a number"),
        ({"start": {"omega[CL]": -0.2}}, r"'omega\[CL\]' starts at -0.2; a standard deviation is above 0"),
        ({"outputs": {1: "C"}}, "no observation of {1: 'C'}; it has no column DVID"),
    ],
)
def test_options_that_are_not_possible(table: pd.DataFrame, options: dict[str, Any], message: str) -> None:
    with pytest.raises(pkpd.FitError, match=message):
        pkpd.fit(one_compartment(), records(table), **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"covariates": {"CL": [pkpd.power_effect("WT", 70), pkpd.exponential_effect("WT", 70)]}},
            "two effects of 'WT', .* whose coefficients would have one name",
        ),
        ({"occasions": {"CL": pkpd.lognormal(2.0, cv=0.2)}}, r"occasions\['CL'\] has the median 2"),
        (
            {"iiv": {"CL": pkpd.lognormal(cv=0.3), "sd_additive[C]": pkpd.lognormal(5.0, cv=0.3)}},
            r"iiv\['sd_additive\[C\]'\] has the median 5, and error\['C'\] starts at 0.7",
        ),
        (
            {
                "iiv": {"CL": pkpd.lognormal(cv=0.3), "sd_additive[C]": pkpd.lognormal(cv=0.3)},
                "error": pkpd.additive_error(0.7).fixed(),
            },
            r"leave out .fixed\(\), and name 'sd_additive\[C\]' in fixed=",
        ),
    ],
)
def test_statements_that_contradict_themselves(options: dict[str, Any], message: str) -> None:
    with pytest.raises(pkpd.FitError, match=message):
        one_compartment(**options)


def test_what_no_subject_can_tell(table: pd.DataFrame) -> None:
    weight = one_compartment(covariates={"CL": pkpd.power_effect("WT", 70)})
    with pytest.raises(pkpd.FitError, match="'CL~WT' cannot be estimated, since all subjects have one value"):
        pkpd.fit(weight, records(table.assign(WT=80.0)))
    held = one_compartment(covariates={"CL": pkpd.power_effect("WT", 70, 0.75)})
    assert np.isfinite(begun(held, records(table.assign(WT=80.0))))
    occasions = one_compartment(occasions={"CL": pkpd.lognormal(cv=0.2)})
    with pytest.raises(pkpd.FitError, match=r"no subject has two occasions .* told from 'omega\[CL\]'"):
        pkpd.fit(occasions, records(table.assign(OCC=1)))
    beyond = table.assign(CENS=(table["EVID"] == 0).astype(int), DV=0.5)
    with pytest.raises(pkpd.FitError, match="all 84 observations of C lie beyond a limit"):
        pkpd.fit(one_compartment(), records(beyond))
    third = table.assign(CENS=((table["EVID"] == 0) & (table["ID"] == 3)).astype(int))
    with pytest.warns(UserWarning, match="M1"), pytest.raises(pkpd.FitError, match="every observation of subject 3"):
        pkpd.fit(one_compartment(), records(third), blq="M1")


def test_a_table_without_doses_and_one_with_an_infinite_value(table: pd.DataFrame) -> None:
    with pytest.raises(pkpd.FitError, match=r"changes no prediction, and records has no dose \(EVID 1 or 4\)"):
        pkpd.fit(one_compartment(), records(table[table["EVID"] == 0]))
    with pytest.raises(pkpd.DataError, match="row 4 .*DV is inf; expected a finite number"):
        records(table.assign(DV=table["DV"].where(table.index != 3, np.inf)))


def test_a_count_is_not_beyond_a_limit(table: pd.DataFrame) -> None:
    beyond = table.assign(DV=table["DV"].round(), CENS=(table["EVID"] == 0).astype(int))
    with pytest.raises(pkpd.FitError, match="is flagged as beyond a limit .*: counts have no such limit"):
        pkpd.fit(one_compartment(error=pkpd.poisson_error()), records(beyond), method="laplace")


def test_a_new_patient_needs_neither_every_category_nor_every_output(table: pd.DataFrame) -> None:
    """One without the effect of a category, and one of whom the second output was not observed."""
    both = table.assign(SEX=table["ID"] % 2, DVID=np.where(table["TIME"] == 24, 2, 1))
    statement = one_compartment(
        covariates={"CL": pkpd.category_effect("SEX")},
        error={"C": pkpd.additive_error(0.7), "central": pkpd.proportional_error(0.5)},
    )
    fit = pkpd.fit(statement, records(both), outputs={1: "C", 2: "central"}, covariance=None)
    second = pkpd.empirical_bayes(fit, records(both[both["ID"] == 2]))
    assert second.individuals["CL"][0] == pytest.approx(float(fit.individuals["CL"].sel(subject="2")), rel=1e-6)
    less = both[(both["ID"] == 2) & (both["DVID"] == 1)]
    assert pkpd.empirical_bayes(fit, records(less)).n_observations == 6


def test_one_subject_is_fitted_without_a_warning(table: pd.DataFrame) -> None:
    """Its shrinkage has no value; warnings are errors here."""
    fit = pkpd.fit(one_compartment(), records(table[table["ID"] == 1]))
    assert np.isnan(fit.shrinkage["eta[CL]"])
    assert "went to 0" in fit.report()


def test_a_column_sd_is_any_column_where_the_error_is_a_model(table: pd.DataFrame) -> None:
    data = records(table.assign(SD=np.nan))
    assert begun(one_compartment(), data) == pytest.approx(begun(one_compartment(), records(table)))


def test_questions_that_a_fit_does_not_answer(table: pd.DataFrame) -> None:
    fit = pkpd.fit(one_compartment(free=["R"]), records(table))
    assert "positive definite: the data say nothing of R (" in fit.report()
    for attempt, message in (
        (lambda: fit.covariance("Q"), "covariance is 'Q'; expected 'R', 'S' or 'sandwich'"),
        (lambda: pkpd.vpc(fit, replicates=-3), "replicates is -3; expected a whole number of 2 or more"),
        (lambda: pkpd.vpc(fit, bins=0), "bins is 0; expected a number of bins of 1 or more"),
    ):
        with pytest.raises(pkpd.PkpdError, match=message):
            attempt()


# ---- what is held


@pytest.mark.parametrize("name", ["CL", "V"])
def test_a_standard_deviation_is_held_within_a_block(table: pd.DataFrame, name: str) -> None:
    """Whichever of the two; the optimum is that of the block in the other order."""
    either = {"CL": pkpd.lognormal(2.7, cv=0.3), "V": pkpd.lognormal(31, cv=0.3)}

    def fitted(names: tuple[str, str]) -> pkpd.MixedFit:
        joint = pkpd.block({n: either[n] for n in names}, correlations={names: 0.5})
        iiv = [joint, {"ka": pkpd.lognormal(1.5, cv=0.5)}]
        return pkpd.fit(one_compartment(iiv=iiv, fixed=[f"omega[{name}]"]), records(table), covariance=None)

    one, other = fitted(("CL", "V")), fitted(("V", "CL"))
    assert one.estimates.loc[f"omega[{name}]", "estimate"] == pytest.approx(pkpd.lognormal(cv=0.3).sd, rel=1e-12)
    assert one.objective == pytest.approx(other.objective, abs=1e-4)
    assert one.estimates.loc["correlation[CL,V]", "estimate"] == pytest.approx(
        other.estimates.loc["correlation[V,CL]", "estimate"], abs=1e-3
    )


@pytest.mark.parametrize("fixed", [["correlation[CL,V]"], ["omega[CL]", "omega[V]"]])
def test_what_would_move_with_the_rest_of_a_block_is_not_held(table: pd.DataFrame, fixed: list[str]) -> None:
    joint = pkpd.block(
        {"CL": pkpd.lognormal(2.7, cv=0.3), "V": pkpd.lognormal(31, cv=0.3)}, correlations={("CL", "V"): 0.5}
    )
    statement = one_compartment(iiv=joint, free=["ka"], fixed=fixed)
    with pytest.raises(pkpd.FitError, match=r"fixed= holds .*, within a block .* and it would move"):
        pkpd.fit(statement, records(table))
    whole = one_compartment(iiv=joint, free=["ka"], fixed=["omega[CL]", "omega[V]", "correlation[CL,V]"])
    assert np.isfinite(begun(whole, records(table)))


def test_the_m_step_of_a_block_with_a_held_standard_deviation() -> None:
    """Of exact random effects the regression of one on the other, which a held spread leaves as it is."""
    from pkpd.fitting.mixed.saem import _State

    joint = pkpd.block(
        {"CL": pkpd.lognormal(2.7, cv=0.3), "V": pkpd.lognormal(31, cv=0.3)}, correlations={("CL", "V"): 0.5}
    )
    statement = one_compartment(iiv=joint, free=["ka"], fixed=["omega[CL]"])
    subjects = settled(statement, simulated(4), outputs=None, blq="M3", solver=pkpd.Solver())
    population = subjects.population
    state = _State(subjects, population.start, np.zeros((1, 4, 2)), np.random.default_rng(0))
    seen = np.array([[0.04, 0.018], [0.018, 0.03]])
    l = np.where(population.free_l, state._with_held(population.l_of(seen)), population.start_l)
    slope, held = 0.018 / 0.04, pkpd.lognormal(cv=0.3).sd ** 2
    left = 0.03 - slope * 0.018
    expected = [[held, slope * held], [slope * held, left + slope**2 * held]]
    assert population.omega(l) == pytest.approx(np.array(expected))


def test_the_model_of_a_fit_has_parameters_given_as_text(table: pd.DataFrame) -> None:
    iiv = {"CL": pkpd.lognormal(2.7, cv=0.3), "V": pkpd.lognormal(31, cv=0.2)}
    known = pkpd.empirical_bayes(one_compartment(iiv=iiv, parameters={"ka": "28.8 1/day"}), records(table))
    assert {s.name: s.value for s in known.model.settable}["ka"] == pytest.approx(1.2)


# ---- limits


def limited(table: pd.DataFrame, **columns: Any) -> pkpd.Records:
    return records(table.assign(**columns))


def test_a_limit_stands_in_dv_or_in_lloq(table: pd.DataFrame) -> None:
    """CENS with DV at the limit, with 0, or with nothing beside LLOQ, and LLOQ alone, say the same."""
    below = (table["EVID"] == 0) & (table["DV"] < 1.5)
    cens, at_limit = below.astype(int), table["DV"].where(~below, 1.5)
    expected = begun(one_compartment(), limited(table, CENS=cens, DV=at_limit))
    for columns in (
        {"CENS": cens, "DV": table["DV"].where(~below, 0.0), "LLOQ": 1.5},
        {"CENS": cens, "DV": table["DV"].where(~below), "LLOQ": 1.5},
        {"DV": table["DV"], "LLOQ": 1.5},
    ):
        assert begun(one_compartment(), limited(table, **columns)) == pytest.approx(expected)
    with pytest.raises(pkpd.DataError, match=r"column DV: DV is missing; a value below a limit \(CENS 1\) needs"):
        limited(table, CENS=cens, DV=table["DV"].where(~below))


def test_a_fit_with_lloq_is_read_again(table: pd.DataFrame, tmp_path: Any) -> None:
    """Of one subject apart, by the ordinary fit."""
    one = limited(table[table["ID"] == 1], LLOQ=1.5)
    fit = pkpd.fit(pkpd.load("pk_1cmt_oral").in_time("h"), one, ["CL", "V"], error=pkpd.additive_error(0.3))
    assert (fit.data.censored == 1).any()
    again = pkpd.read_fit(pkpd.write_fit(fit, tmp_path / "fit.json"))
    assert again.log_likelihood == fit.log_likelihood


def test_subjects_that_are_left_out_take_no_unit_of_time_with_them(table: pd.DataFrame) -> None:
    """A subject without a measured value left, in a table in hours of a model in days."""
    model = pkpd.load("pk_1cmt_oral")
    whole = pkpd.read_nonmem(table[table["ID"] == 1], compartments=COMPARTMENTS, time="h")
    two = table[table["ID"] <= 2]
    two = two.assign(CENS=((two["ID"] == 2) & (two["EVID"] == 0)).astype(int))
    less = pkpd.read_nonmem(two, compartments=COMPARTMENTS, time="h")
    alone = pkpd.fit(model, whole, {"CL": pkpd.free(60), "V": pkpd.free(30)}, parameters={"ka": 28})
    with pytest.warns(UserWarning, match="M1"):
        left = pkpd.fit(model, less, {"CL": pkpd.free(60), "V": pkpd.free(30)}, parameters={"ka": 28})
    assert left.estimates["estimate"].to_numpy() == pytest.approx(alone.estimates["estimate"].to_numpy(), rel=1e-6)


def test_values_above_a_limit_rank_highest_in_a_predictive_check(table: pd.DataFrame) -> None:
    above = (table["EVID"] == 0) & (table["DV"] > 6)
    data = limited(table, CENS=-above.astype(int), DV=table["DV"].where(~above, 6.0))
    known = pkpd.empirical_bayes(one_compartment(), data)
    check = predictive_checks(known, "C", n=100, seed=0, percentiles=(5, 50, 95), bins=None, corrected=False, by=None)[
        0
    ]
    assert check.below is None
    seen = table[table["EVID"] == 0]
    for i, (_, own) in enumerate(seen.groupby("TIME")):
        high = np.quantile(own["DV"], 0.95, method="nearest")
        if high > 6:
            assert np.isnan(check.observed[2, i])
            assert not np.isneginf(check.simulated[:, 2, i]).any()
        else:
            assert check.observed[2, i] <= 6


# ---- random effects on errors, and outcomes


def iv(n: int = 6, seed: int = 3) -> tuple[pkpd.Records, np.ndarray, np.ndarray]:
    """100 mg into 20 L at once, clearance 3 L/h with an omega of 0.4, six samples with an sd of 0.25."""
    rng, times = np.random.default_rng(seed), np.array([1, 4, 8, 12, 18, 24.0])
    clearance = 3 * np.exp(0.4 * rng.standard_normal(n))
    y = 5 * np.exp(-clearance[:, None] / 20 * times) + 0.25 * rng.standard_normal((n, 6))
    rows = []
    for i in range(n):
        rows.append((i + 1, 0.0, 100.0, 1, 1, 0.0))
        rows += [(i + 1, t, 0.0, 0, 1, v) for t, v in zip(times, y[i], strict=True)]
    table = pd.DataFrame(rows, columns=["ID", "TIME", "AMT", "EVID", "CMT", "DV"])
    return pkpd.read_nonmem(table, compartments={1: "central"}), times, y


def noisy() -> pkpd.MixedEffects:
    return pkpd.mixed_effects(
        pkpd.load("pk_1cmt").in_time("h"),
        {"CL": pkpd.lognormal(3, omega=0.4), "sd_additive[C]": pkpd.lognormal(omega=0.5)},
        error=pkpd.additive_error(0.25),
        parameters={"V": 20.0},
    )


def test_importance_sampling_where_everything_varies() -> None:
    """Nothing is without a random effect; the integral over two by the trapezoid rule."""
    data, times, y = iv()
    grid = np.linspace(-6, 6, 401)
    f = 5 * np.exp(-3 * np.exp(0.4 * grid)[:, None] / 20 * times)
    sd = 0.25 * np.exp(0.5 * grid)
    joint = (
        norm.logpdf(y[:, None, None], f[:, None], sd[:, None]).sum(-1) + norm.logpdf(grid)[:, None] + norm.logpdf(grid)
    )
    marginal = logsumexp(joint, axis=(1, 2)) + 2 * np.log(grid[1] - grid[0])
    subjects = settled(noisy(), data, outputs=None, blq="M3", solver=pkpd.Solver(rtol=1e-10))
    found = likelihood(subjects, subjects.population.start, np.zeros((6, 2)), 2048, 1)
    assert found.value == pytest.approx(-2 * marginal.sum() - y.size * np.log(2 * np.pi), abs=4 * found.error)


@pytest.mark.parametrize("method", ["fo", "foce"])
def test_methods_in_which_an_eta_on_the_error_would_do_nothing(method: str) -> None:
    with pytest.raises(pkpd.FitError, match="the error from the typical subject"):
        pkpd.fit(noisy(), iv()[0], method=method)


def test_an_uninformed_eta_leaves_the_standard_errors_of_the_others() -> None:
    """That on the error goes to 0: the error's own SE by samples is that of FOCEI, not of noise."""
    fits = [pkpd.fit(noisy(), iv(8, 10)[0], method=method, samples=256) for method in ("focei", "importance")]
    one, other = (fit.standard_errors(log=True)["sd_additive[C]"] for fit in fits)
    assert other == pytest.approx(one, rel=0.05)
    assert "small difference of large numbers" in fits[1].report()


def frailty() -> tuple[pkpd.MixedEffects, pd.DataFrame]:
    """A constant hazard whose factor varies between subjects."""
    rate = pkpd.param("rate", 0.02, "1/day", "hazard", source="illustrative")
    cumulative = pkpd.state("H", "1", "cumulative hazard")
    model = pkpd.Model("frailty", rates={cumulative: rate}, outputs={"h": pkpd.output(rate, "hazard")}, time="day")
    rng = np.random.default_rng(1)
    time = rng.exponential(50 * np.exp(-0.8 * rng.standard_normal(20)))
    rows = [(i + 1, min(t, 60.0), float(t <= 60)) for i, t in enumerate(time)]
    statement = pkpd.mixed_effects(model, {"rate": pkpd.lognormal(0.02, omega=0.8)}, error={"H": pkpd.event_time("h")})
    return statement, pd.DataFrame(rows, columns=["ID", "TIME", "DV"]).assign(AMT=0, EVID=0)


def test_events_need_the_time_from_which_on_there_is_a_risk() -> None:
    """And then have the integral over the frailty, by the Laplace approximation nearly; FOCEI is refused."""
    statement, table = frailty()
    with pytest.raises(pkpd.FitError, match=r"row 1 \(ID 1\) is a time to an event, and the first record"):
        pkpd.fit(statement, pkpd.read_nonmem(table), method="laplace", outputs="H")
    begin = table.assign(TIME=0.0, DV=np.nan, EVID=2)
    data = pkpd.read_nonmem(pd.concat([begin, table]).sort_values("ID", kind="stable"))
    with pytest.raises(pkpd.FitError, match="expected information of observations, which times to an event"):
        pkpd.fit(statement, data, outputs="H")
    eta = np.linspace(-8, 8, 4001)
    rate = 0.02 * np.exp(0.8 * eta)
    event, time = table["DV"].to_numpy()[:, None], table["TIME"].to_numpy()[:, None]
    marginal = logsumexp(event * np.log(rate) - rate * time + norm.logpdf(eta), axis=1) + np.log(eta[1] - eta[0])
    subjects = settled(statement, data, outputs="H", blq="M3", solver=pkpd.Solver(rtol=1e-10))
    u, nothing = subjects.population.start, np.zeros((20, 1))
    laplace = Approximation(subjects, "laplace").evaluate(u[None], nothing[None], gradient=False).value[0]
    sampled = likelihood(subjects, u, nothing, 1024, 1)
    assert sampled.value == pytest.approx(-2 * marginal.sum(), abs=4 * sampled.error)
    assert laplace == pytest.approx(-2 * marginal.sum(), abs=0.5)


def test_npde_of_counts_is_standard_normal() -> None:
    """Counts about 2 tie with their simulations, which must not make them rank low."""
    rng = np.random.default_rng(1)
    start = pkpd.param("N0", 2, "1", "count", source="illustrative")
    count = pkpd.state("N", "1", "expected count", start=start)
    decay = pkpd.param("k", 0.1, "1/day", "decay", source="illustrative")
    model = pkpd.Model("decay", rates={count: -decay * count}, outputs={"n": pkpd.output(count, "count")})
    times, n = np.array([0, 2, 5, 9.0]), 200
    mean = 2 * np.exp(0.3 * rng.standard_normal(n))[:, None] * np.exp(-0.1 * times)
    table = pd.DataFrame(
        {
            "ID": np.repeat(np.arange(1, n + 1), 4),
            "TIME": np.tile(times, n),
            "DV": rng.poisson(mean).ravel().astype(float),
        }
    ).assign(AMT=0, EVID=0)
    statement = pkpd.mixed_effects(model, {"N0": pkpd.lognormal(2, omega=0.3)}, error=pkpd.poisson_error())
    subjects = settled(statement, pkpd.read_nonmem(table), outputs=None, blq="M3", solver=pkpd.Solver())
    errors, discrepancies = npde(subjects, subjects.population.start, 300, 2)
    assert abs(errors.mean()) < 3 / np.sqrt(len(errors))
    assert errors.var() == pytest.approx(1, abs=0.15)
    assert discrepancies.mean() == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("blq", ["M3", "M4"])
def test_m3_and_m4_of_a_random_effect_against_the_integral(blq: Any) -> None:
    """With values below 0.6 and above 3.5, an additive error."""
    data, times, y = iv()
    cens = np.where(y < 0.6, 1, np.where(y > 3.5, -1, 0))
    value = np.clip(y, 0.6, 3.5)
    full = data.table.assign(CENS=0)
    here = full["EVID"] == 0
    full.loc[here, "DV"], full.loc[here, "CENS"] = value.ravel(), cens.ravel()
    statement = pkpd.mixed_effects(
        pkpd.load("pk_1cmt").in_time("h"), {"CL": pkpd.lognormal(3, omega=0.4)}, error=pkpd.additive_error(0.25),
        parameters={"V": 20.0},
    )  # fmt: skip
    eta = np.linspace(-8, 8, 8001)
    f = 5 * np.exp(-3 * np.exp(0.4 * eta)[:, None] / 20 * times)
    z = (value[:, None] - f) / 0.25
    measured, below, above = norm.logpdf(z) - np.log(0.25), log_ndtr(z), log_ndtr(-z)
    if blq == "M4":
        positive, zero = log_ndtr(f / 0.25), log_ndtr(-f / 0.25)
        measured, above = measured - positive, above - positive
        below = below + np.log1p(-np.exp(zero - below)) - positive
    each = np.where(cens[:, None] == 1, below, np.where(cens[:, None] == -1, above, measured)).sum(-1)
    marginal = logsumexp(each + norm.logpdf(eta), axis=1) + np.log(eta[1] - eta[0])
    data = pkpd.read_nonmem(full, compartments={1: "central"})
    subjects = settled(statement, data, outputs=None, blq=blq, solver=pkpd.Solver(rtol=1e-10))
    found = likelihood(subjects, subjects.population.start, np.zeros((6, 1)), 1024, 1)
    exact = -2 * marginal.sum() - (cens == 0).sum() * np.log(2 * np.pi)
    assert found.value == pytest.approx(exact, abs=4 * found.error)


# ---- many fits


def test_ctrl_c_ends_many_fits_at_once(table: pd.DataFrame) -> None:
    """Not one of them alone; what was done before is there."""
    data, calls = records(table), [0]

    def stop(*_: object) -> None:
        calls[0] += 1
        if calls[0] == 2:
            raise KeyboardInterrupt

    fit = pkpd.fit(one_compartment(), data)
    drawn = pkpd.bootstrap(fit, 9, by="subject", progress=stop)
    assert drawn.interrupted
    assert len(drawn.table) == 2
    calls[0] = 1
    walked = pkpd.profile(fit, ["CL", "V"], progress=stop)
    assert walked.interrupted
    assert [curve.label for curve in walked.curves] == ["CL"]
    calls[0] = 1
    search = pkpd.search_covariates(fit, {"CL": pkpd.power_effect("WT", 70)}, progress=stop)
    assert search.interrupted
    assert "interrupted" in search.report()
    calls[0] = 0
    several = pkpd.fit(one_compartment(), data, starts=3, progress=stop, covariance=None, restarts=0)
    assert several.interrupted
    assert "interrupted after 1 of 3 searches" in several.message
    calls[0] = 1
    sampled = pkpd.fit(one_compartment(), data, method="importance", samples=64, progress=stop)
    assert sampled.interrupted
    assert not sampled.converged


def test_a_covariate_search_is_told_what_it_can_try(table: pd.DataFrame) -> None:
    fit = pkpd.fit(one_compartment(), records(table), covariance=None)
    effect = pkpd.power_effect("WT", 70)
    with_weight = pkpd.fit(one_compartment(covariates={"CL": effect}), records(table), covariance=None)
    cases: list[tuple[pkpd.MixedFit, Any, str]] = [
        (fit, {"Cl": effect}, "no estimated parameter 'Cl'. Did you mean 'CL'"),
        (fit, {"CL": "WT"}, r"candidates\['CL'\] has 'WT'; expected an effect of a column"),
        (fit, ["CL"], r"candidates is \['CL'\]; expected effects by parameter"),
        (with_weight, {"CL": effect}, "the fit has an effect of 'WT' on 'CL' already"),
    ]
    for begin, candidates, message in cases:
        with pytest.raises(pkpd.PkpdError, match=message):
            pkpd.search_covariates(begin, candidates)
    several = [effect, pkpd.exponential_effect("WT", 70)]
    found = pkpd.search_covariates(fit, {"CL": several}, forward=0.999, backward=0.9999)
    assert set(found.table["step"][found.table["direction"] == "forward"]) == {1}  # one effect of a column is enough


def test_likelihood_ratios_are_of_one_table_and_of_models_within_one_another(table: pd.DataFrame) -> None:
    effect = pkpd.power_effect("WT", 70)

    def fitted(covariates: dict[str, Any], data: pkpd.Records) -> pkpd.MixedFit:
        return pkpd.fit(one_compartment(covariates=covariates), data, covariance=None, iterations=2, restarts=0)

    plain = fitted({}, records(table))
    with pytest.raises(pkpd.FitError, match="the fits are of other observations"):
        pkpd.likelihood_ratio(plain, fitted({"CL": effect}, simulated(12, seed=8)))
    with pytest.raises(pkpd.FitError, match="the smaller model estimates 'CL~WT', which the larger one lacks"):
        pkpd.likelihood_ratio(
            fitted({"CL": effect}, records(table)), fitted({"V": effect, "ka": effect}, records(table))
        )


def test_the_profile_of_a_coefficient_reaches_both_of_its_ends() -> None:
    """Though its estimate is but two standard errors above 0."""
    fit = pkpd.fit(
        one_compartment(covariates={"CL": pkpd.power_effect("WT", 70)}), simulated(30, seed=3, covariate=True)
    )
    row = pkpd.profile(fit, ["CL~WT"]).intervals.loc["CL~WT"]
    wald = fit.estimates.loc["CL~WT"]
    assert row["ci_low"] == pytest.approx(wald["ci_low"], abs=0.3 * wald["se"])
    assert row["ci_high"] == pytest.approx(wald["ci_high"], abs=0.3 * wald["se"])


def test_shrinkage_of_an_occasion_is_that_of_those_who_had_it(table: pd.DataFrame) -> None:
    odd = table["ID"] % 2 == 1
    twice = table.assign(OCC=np.where((table["TIME"] > 5) & odd, 2, 1))
    known = pkpd.empirical_bayes(one_compartment(occasions={"CL": pkpd.lognormal(cv=0.2)}), records(twice))
    own = known.individuals["eta[CL_occasion_2]"].to_numpy()
    assert (own[1::2] == 0).all()
    omega = pkpd.lognormal(cv=0.2).sd
    assert known.shrinkage["eta[CL_occasion_2]"] == pytest.approx(1 - own[::2].std(ddof=1) / omega)
