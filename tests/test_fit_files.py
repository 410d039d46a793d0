"""A fit on disk: as JSON and back, as a page of HTML; and fits beside each other."""

from __future__ import annotations

import dataclasses
import html.parser
import json
import re

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import scipy.stats
import sympy

mpl.use("Agg")

from examples import growth, kg, one_compartment

import pkpd
from pkpd.fitting.error_json import likelihood_as_json, likelihood_from_json, prior_as_json, prior_from_json
from pkpd.fitting.likelihoods import NormalError
from pkpd.fitting.outcomes import binomial_error, event_time, poisson_error
from pkpd.json_files import Fields, json_numbers, read_json
from pkpd.measures.residual_error import ResidualError, power_error
from pkpd.treatment.regimen_json import regimen_as_json, regimen_from_json

TIMES = np.array([1.0, 2, 4, 8, 12])
DAY = pkpd.param("day_1", 1, "day", "a day")
STRANGE = '<script>alert("x")</script> & b'


def observations(arms=("low", "high"), seed: int = 1, blq: float = 0.0) -> pkpd.Dataset:
    """Two doses of a drug with CL 0.5 L/day in 4 L, with proportional errors."""
    rng = np.random.default_rng(seed)
    rows = []
    for arm, amount in zip(arms, (100.0, 300.0), strict=True):
        values = amount / 4 * np.exp(-0.5 / 4 * TIMES) * (1 + 0.1 * rng.normal(size=5))
        rows += [(arm, t, "C", max(v, blq), int(v < blq)) for t, v in zip(TIMES, values, strict=True)]
    table = pd.DataFrame(rows, columns=["arm", "time", "output", "value", "blq"])
    regimens = {arm: pkpd.bolus(a, "iv", every="2 days", n=1) for arm, a in zip(arms, (100, 300), strict=True)}
    return pkpd.read_observations(table, regimens)


pk = pkpd.load("pk_1cmt")
FREE = {"CL": pkpd.free(0.4, (0.01, None), log=True), "V": pkpd.free(3)}


@pytest.fixture(scope="module")
def fit() -> pkpd.Fit:
    return pkpd.fit(pk, observations(), FREE)


@pytest.fixture(scope="module")
def modeled() -> pkpd.Fit:
    free = FREE | {"CL": pkpd.free(0.4, log=True, prior=pkpd.lognormal(0.5, cv=0.3))}
    return pkpd.fit(pk, observations(blq=8.0), free, error={"C": pkpd.combined_error(0.1, 0.2)})


def there_and_back(fit: pkpd.Fit, folder, **options) -> pkpd.Fit:
    return pkpd.read_fit(pkpd.write_fit(fit, folder / "fit.json"), **options)


def changed(path, *keys, to) -> None:
    """Write another value at a place of a JSON file."""
    content = json.loads(path.read_text())
    place = content
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = to
    path.write_text(json.dumps(content))


def assert_same(a: pkpd.Fit, b: pkpd.Fit) -> None:
    assert a.report() == b.report()
    for name in ("x", "covariance_x", "at_bound", "predicted", "standardized", "sd"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    pd.testing.assert_frame_equal(a.residuals, b.residuals)
    np.testing.assert_allclose(a.objective.log_posterior(a.x[None]), b.objective.log_posterior(b.x[None]), rtol=1e-12)
    np.testing.assert_allclose(a.predict(TIMES)["C"], b.predict(TIMES)["C"], rtol=1e-12)


# ---- JSON


def test_a_fit_is_the_same_after_a_file(fit, modeled, tmp_path) -> None:
    for one in (fit, modeled):
        again = there_and_back(one, tmp_path)
        assert_same(one, again)
        assert again.lmfit_result is None
        assert again.coordinates == one.coordinates
        assert again.data.regimens == one.data.regimens


def test_a_file_holds_plain_values_with_the_estimates_by_name(fit, tmp_path) -> None:
    text = pkpd.write_fit(fit, tmp_path / "fit.json").read_text()
    content = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert (content["format"], content["schema"]) == ("pkpd fit", 1)
    assert content["model"]["hash"] == pk.hash
    assert dict(zip(content["labels"], content["estimates"], strict=True)) == fit.estimates["estimate"].to_dict()
    assert content["free"][0]["upper"] == "inf"
    assert "lmfit" not in text
    assert "py/" not in text


def test_missing_standard_errors_stay_missing(tmp_path) -> None:
    fit = pkpd.fit(pk, observations(), FREE | {"V": pkpd.free(4.5, (4.4, 9))})
    assert np.isnan(fit.covariance_x).any()
    again = there_and_back(fit, tmp_path)
    np.testing.assert_array_equal(fit.covariance_x, again.covariance_x)
    assert again.covariance_missing == fit.covariance_missing


def test_a_fit_that_was_cut_short_is_continued_from_its_file(fit, tmp_path) -> None:
    short = pkpd.fit(pk, observations(), FREE, max_evaluations=2)
    assert not short.success
    again = pkpd.refit(there_and_back(short, tmp_path))
    assert again.success
    assert again.x == pytest.approx(fit.x, rel=1e-6)
    assert again.estimates["se"].tolist() == pytest.approx(fit.estimates["se"].tolist(), rel=1e-5)


def test_a_map_fit_with_limits_is_continued(modeled, tmp_path) -> None:
    again = pkpd.refit(there_and_back(modeled, tmp_path))
    assert again.log_posterior == pytest.approx(modeled.log_posterior, abs=1e-6)
    assert again.x == pytest.approx(modeled.x, abs=1e-3)


def test_the_starts_of_a_search_come_back(tmp_path) -> None:
    bounded = {"CL": pkpd.free(0.4, (0.01, 10), log=True), "V": pkpd.free(3, (0.1, 100), log=True)}
    fit = pkpd.fit(pk, observations(), bounded, starts=4, seed=1)
    again = there_and_back(fit, tmp_path)
    pd.testing.assert_frame_equal(again.starts.table, fit.starts.table)
    assert again.starts.report() == fit.starts.report()
    words = Reader(pkpd.write_report(fit, tmp_path / "fit.html").read_text(encoding="utf-8")).words
    assert fit.starts.report() in words


def test_records_come_back_with_their_observations(tmp_path) -> None:
    rows = [(i, 0.0, 1, 1, 100.0 * i, 0.0) for i in (1, 2)]
    rows += [(i, t, 0, 0, 0.0, 25 * i * np.exp(-0.125 * t) * (1 + 0.02 * i)) for i in (1, 2) for t in TIMES]
    table = pd.DataFrame(rows, columns=["ID", "TIME", "EVID", "MDV", "AMT", "DV"]).assign(sex="f", CMT=1)
    records = pkpd.read_nonmem(table.sort_values(["ID", "TIME"], kind="stable"))
    fit = pkpd.fit(pk, records, ["CL", "V"])
    again = there_and_back(fit, tmp_path)
    assert_same(fit, again)
    assert again.predictor.observed.records == fit.predictor.observed.records
    assert pkpd.refit(again).x == pytest.approx(fit.x, rel=1e-6)
    assert_same(fit, there_and_back(fit, tmp_path, data=records))


def test_models_of_the_library_are_found_with_their_unit_of_time_and_defaults(tmp_path) -> None:
    model = pk.in_time("h").using(V=3.5)
    fit = pkpd.fit(model, observations(), {"CL": pkpd.free(0.4)}, parameters={"V": "3900 mL"})
    again = there_and_back(fit, tmp_path)
    assert again.model == model
    assert again.constants == {"V": "3900 mL"}


def test_another_model_has_to_be_given_and_to_be_the_same(tmp_path) -> None:
    data = pkpd.read_observations(
        pd.DataFrame({"arm": "a", "time": TIMES, "output": "V", "value": 60 * np.exp(0.1 * TIMES)}), {"a": None}
    )
    path = pkpd.write_fit(pkpd.fit(growth, data, ["kg"]), tmp_path / "fit.json")
    with pytest.raises(pkpd.DataError, match=r"is no model of the library; give model="):
        pkpd.read_fit(path)
    assert pkpd.read_fit(path, model=growth).estimates.loc["kg", "estimate"] == pytest.approx(0.1, rel=1e-6)
    with pytest.raises(pkpd.DataError, match=r"has the hash \w{12}, and the one given, 'pk_1cmt', has"):
        pkpd.read_fit(path, model=pk)
    with pytest.raises(pkpd.DataError, match="got 'growth' as the model"):
        pkpd.read_fit(path, model="growth")
    path = pkpd.write_fit(pkpd.fit(pk, observations(), ["CL"]), tmp_path / "fit.json")
    changed(path, "model", "hash", to="0" * 64)
    with pytest.raises(pkpd.DataError, match="'pk_1cmt' of the library is not the model that was fitted"):
        pkpd.read_fit(path)


def test_a_tied_parameter_needs_the_fitted_model(tmp_path) -> None:
    fit = pkpd.fit(one_compartment, observations(), ["CL"], parameters={"V1": 8 * one_compartment["CL"] * DAY})
    path = pkpd.write_fit(fit, tmp_path / "fit.json")
    with pytest.raises(pkpd.DataError, match="give model="):
        pkpd.read_fit(path)
    assert_same(fit, pkpd.read_fit(path, model=fit.model))


def decline(time, A, k=0.1):
    """An amount that declines."""
    return A * np.exp(-k * time)


def test_a_fit_of_a_function_is_read_with_the_function(tmp_path) -> None:
    table = pd.DataFrame({"arm": "a", "time": TIMES, "output": "y", "value": decline(TIMES, 10, 0.2) + 0.01 * TIMES})
    free = {"A": pkpd.free(8.0), "k": pkpd.free(0.1, log=True)}
    fit = pkpd.fit(decline, pkpd.read_observations(table, {"a": None}), free)
    path = pkpd.write_fit(fit, tmp_path / "fit.json")
    again = pkpd.read_fit(path, model=decline)
    pd.testing.assert_frame_equal(fit.estimates, again.estimates)
    assert fit.report() == again.report()
    np.testing.assert_array_equal(fit.predict([1, 2])["y"], again.predict([1, 2])["y"])
    np.testing.assert_allclose(pkpd.refit(again).x, fit.x, rtol=1e-9)
    with pytest.raises(pkpd.DataError, match="the function 'decline' was fitted; give it as model="):
        pkpd.read_fit(path)
    with pytest.raises(pkpd.DataError, match="the function '<lambda>' is not the one that was fitted"):
        pkpd.read_fit(path, model=lambda time, A, k: A)
    assert "import" not in path.read_text()


def test_what_cannot_be_written_in_a_regimen_is_asked_for(tmp_path) -> None:
    start = pkpd.param("start", 0.5, "day", "time of the dose")
    data = observations()
    strange = pkpd.bolus(100, "iv", at=start * sympy.cos(start / start.value / DAY / 2))
    regimens = {"low": strange, "high": data.regimens["high"]}
    data = dataclasses.replace(data, regimens=regimens)
    path = pkpd.write_fit(
        pkpd.fit(pk, data, {"CL": pkpd.free(), "start": pkpd.free(bounds=(0.1, 0.9))}), tmp_path / "fit.json"
    )
    with pytest.raises(pkpd.DataError, match=r"regimen of arm 'low' was not written: .* function 'cos'.* Give data="):
        pkpd.read_fit(path)
    again = pkpd.read_fit(path, data=data)
    assert again.data.regimens == data.regimens
    other = dataclasses.replace(data, value=data.value + 1)
    with pytest.raises(pkpd.DataError, match="data is not what was fitted: 'C' at time 1 of arm 'low' was"):
        pkpd.read_fit(path, data=other)
    with pytest.raises(pkpd.DataError, match="data has no arm 'low'"):
        pkpd.read_fit(path, data=data.take(np.array(data.arm) == "high"))
    with pytest.raises(pkpd.DataError, match="got 3 as the data"):
        pkpd.read_fit(path, data=3)


@pytest.mark.parametrize(
    "regimen",
    [
        pkpd.bolus("5 mg", "iv", every="8 h", n=4),
        pkpd.infusion(100, "iv", "1 h", at=[0, 1.1, 7], time="day"),
        pkpd.bolus(10 * pk["V"], "iv", every=21, n=3).shift(pkpd.param("wait", 2, "day", "delay", bounds=(0, None))),
        pkpd.bolus(3, "iv", every=pkpd.given("tau", "h", "interval", default=12.0), n=2),
        pkpd.bolus(1, "iv", every=7, n=3, ss=True),
        pkpd.fractions(2, n=10, start="1 week", per_week=5),
        pkpd.bolus(sympy.Rational(1, 3), "iv", at=sympy.sqrt(kg * DAY) * DAY),
        pkpd.bolus(sympy.Max(pk["V"], 2) * sympy.exp(-pk["CL"] / pk["V"] * DAY), "iv"),
        pkpd.Regimen(),
    ],
)
def test_regimens_come_back_equal(regimen: pkpd.Regimen) -> None:
    doses = json.loads(json.dumps(regimen_as_json(regimen), allow_nan=False))
    again = regimen_from_json(Fields({"doses": doses}, "file").parts("doses"))
    assert again == regimen
    assert again.parameters == regimen.parameters


@pytest.mark.parametrize(
    "time",
    [
        "__import__('os').system('true')",
        {"eval": ["1"]},
        {"power": [9, {"power": [9, {"power": [9, 9]}]}]},
        {"power": [{"power": [9, 64]}, 64]},
        {"power": [2, 10**9]},
        {"sum": []},
        {"exp": [1, 2]},
        {"ratio": [1, 0]},
        {"parameter": {"name": "import"}},
        {"unit_of_time": "mg"},
        True,
        10**400,
        [1],
    ],
)
def test_expressions_of_a_file_are_never_evaluated(time) -> None:
    dose = {"time": time, "amount": {"value": 1, "unit": None}, "route": "iv", "duration": None, "ss": False}
    with pytest.raises(pkpd.PkpdError):
        regimen_from_json([Fields(dose | {"interval": None}, "file")])


def test_deep_expressions_are_refused() -> None:
    time: object = 1
    for _ in range(100):
        time = {"sum": [time]}
    dose = {"time": time, "amount": {"value": 1, "unit": None}, "route": "iv", "duration": None, "ss": False}
    with pytest.raises(pkpd.DataError, match="'time' is"):
        regimen_from_json([Fields(dose | {"interval": None}, "file")])


@pytest.mark.parametrize(
    "error",
    [
        pkpd.additive_error(2),
        pkpd.combined_error(1, 0.2, adds="sd"),
        pkpd.lognormal_error(0.3).fixed(),
        power_error(0.1, 0.7),
        binomial_error("trials"),
        poisson_error(),
        event_time("h"),
    ],
)
def test_error_models_come_back_equal(error) -> None:
    likelihood = NormalError(error, "M4") if isinstance(error, ResidualError) else error
    content = json.loads(json.dumps(likelihood_as_json(likelihood)))
    assert likelihood_from_json(Fields(content, "file")) == likelihood


def test_priors_come_back_with_their_density() -> None:
    for prior in (pkpd.lognormal(3, cv=0.3), pkpd.logitnormal(0.2, omega=1), scipy.stats.gamma(2.5, scale=3)):
        content = json.loads(json.dumps(prior_as_json("CL", prior)))
        again = prior_from_json(Fields(content, "file"))
        a, b = (p if hasattr(p, "logpdf") else p.frozen() for p in (prior, again))
        assert a.logpdf(0.3) == b.logpdf(0.3)
    with pytest.raises(pkpd.DataError, match="the prior of 'CL' is 3, which is no distribution of scipy.stats"):
        prior_as_json("CL", 3)
    bad = {"kind": "scipy", "name": "rv_continuous", "arguments": [], "named": {}}
    with pytest.raises(pkpd.DataError, match="'name' is 'rv_continuous'; expected a continuous distribution"):
        prior_from_json(Fields(bad, "file"))


@pytest.mark.parametrize(
    ("keys", "to", "message"),
    [
        (["format"], "lmfit", "'format' is 'lmfit'; expected 'pkpd fit'"),
        (["schema"], 7, "has the schema 7, and pkpd .* reads 1"),
        (["x"], [1.0], r"'x' is \[1.0\]; expected numbers of shape \(2,\)"),
        (["x"], [None, 1.0], "'x' is .*; expected 2 finite numbers"),
        (["x"], "import os", "'x' is 'import os'; expected numbers"),
        (["data", "time"], [0.0], r"data: 'time' is \[0.0\]; expected numbers of shape \(10,\)"),
        (["data", "output"], ["C"], r"'output' is \['C'\]; expected 10 entries"),
        (["data", "regimens"], {}, "'regimens' is {}; expected one for each of the arms low, high"),
        (["data", "regimens", "low"], 3, "regimens: 'low' is 3; expected a list of objects"),
        (["likelihoods"], {}, "expected one for each of C"),
        (["likelihoods", "C", "kind"], "pickle", "'kind' is 'pickle'; expected one of known_sd, normal"),
        (["free", 0, "log"], 1, r"free\[0\]: 'log' is 1; expected true or false"),
        (["free", 0, "parameter"], "XX", "is no fit of pk_1cmt|labels"),
        (["solver", "method"], "euler", "is no fit of pk_1cmt: the solver has no method 'euler'"),
        (["success"], "yes", "'success' is 'yes'; expected true or false"),
        (["labels"], ["a", "b"], "expected the estimated numbers CL, V"),
        (["at_bound"], [True], "expected 2 flags"),
    ],
)
def test_a_changed_file_is_refused_with_the_place(fit, tmp_path, keys, to, message) -> None:
    path = pkpd.write_fit(fit, tmp_path / "fit.json")
    changed(path, *keys, to=to)
    with pytest.raises(pkpd.DataError, match=message) as caught:
        pkpd.read_fit(path)
    assert str(path) in str(caught.value)


def test_what_is_no_file_of_a_fit_is_refused(fit, tmp_path) -> None:
    with pytest.raises(pkpd.DataError, match="cannot be read as JSON: No such file"):
        pkpd.read_fit(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{'a': 1}")
    with pytest.raises(pkpd.DataError, match="cannot be read as JSON: Expecting property name"):
        pkpd.read_fit(tmp_path / "bad.json")
    (tmp_path / "bad.json").write_text("[" * 100_000)
    with pytest.raises(pkpd.DataError, match="cannot be read as JSON"):
        pkpd.read_fit(tmp_path / "bad.json")
    (tmp_path / "bad.json").write_text("[1]")
    with pytest.raises(pkpd.DataError, match="holds a list; expected an object"):
        pkpd.read_fit(tmp_path / "bad.json")
    (tmp_path / "bad.json").write_text("{}")
    with pytest.raises(pkpd.DataError, match="'format' is None; expected 'pkpd fit'"):
        pkpd.read_fit(tmp_path / "bad.json")
    with pytest.raises(pkpd.DataError, match=r"write_fit\(\) got 3; expected what fit\(\) returns"):
        pkpd.write_fit(3, tmp_path / "fit.json")
    with pytest.raises(pkpd.DataError, match="there is no folder"):
        pkpd.write_fit(fit, tmp_path / "missing" / "fit.json")


def test_numbers_that_json_lacks_have_words() -> None:
    assert json_numbers(np.array([[1.0, np.nan], [np.inf, -np.inf]])) == [[1.0, None], ["inf", "-inf"]]
    back = Fields({"x": [[1.0, None], ["inf", "-inf"]]}, "file").numbers("x", 2, 2)
    np.testing.assert_array_equal(back, [[1.0, np.nan], [np.inf, -np.inf]])


def test_refit_refuses_what_is_no_fit(fit) -> None:
    with pytest.raises(pkpd.FitError, match=r"refit\(\) got 3; expected what fit"):
        pkpd.refit(3)
    with pytest.raises(pkpd.FitError, match="max_evaluations is 0; expected a whole number of 1 or more"):
        pkpd.refit(fit, max_evaluations=0)


# ---- HTML


class Reader(html.parser.HTMLParser):
    """The tags, the text and the pictures of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.words = ""
        self.sources: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.append(tag)
        if tag not in ("meta", "img"):
            self.open.append(tag)
        self.sources += [value for key, value in attrs if key in ("src", "href")]

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        self.words += data


@pytest.fixture(scope="module")
def page(fit, tmp_path_factory) -> str:
    data = dataclasses.replace(observations(arms=(STRANGE, "high")), name=STRANGE, source=STRANGE)
    strange = pkpd.fit(pk, data, FREE)
    return pkpd.write_report(strange, tmp_path_factory.mktemp("report") / "fit.html").read_text(encoding="utf-8")


def test_a_report_is_one_page_that_needs_no_other(page) -> None:
    read = Reader(page)
    assert read.open == []
    assert read.tags.count("img") == 3  # courses, goodness of fit, correlations
    assert all(re.match(r"data:image/(svg\+xml|png);base64,[A-Za-z0-9+/=]+$", source) for source in read.sources)
    assert "http:" not in page.replace("http-equiv", "")
    assert "https:" not in page


def test_a_report_shows_names_as_text(page) -> None:
    read = Reader(page)
    assert "script" not in read.tags
    assert read.words.count(STRANGE) >= 4  # title, arms, source of the data, text report
    assert "default-src 'none'" in page


def test_a_report_has_the_numbers_of_the_fit(fit, page, tmp_path) -> None:
    words = Reader(page).words
    for value in fit.estimates["estimate"]:
        assert f"{value:.4g}" in words
    for part in ("Estimates", "Goodness of fit", "Log-likelihood", f"{fit.aic:.7g}", "dcentral/dt", "2 arms"):
        assert part in words
    assert words.count("did NOT converge") == 0
    short = pkpd.fit(pk, observations(), FREE, max_evaluations=2)
    assert "did NOT converge" in Reader(pkpd.write_report(short, tmp_path / "s.html", title="Short").read_text()).words


def test_a_report_shows_profiles_and_draws(fit, tmp_path) -> None:
    profiles = pkpd.profile(fit, ["CL", "V"])
    draws = pkpd.bootstrap(fit, 20, by="parametric", seed=2)
    path = pkpd.write_report(fit, tmp_path / "fit.html", profiles=profiles, draws=draws, log=True)
    read = Reader(path.read_text(encoding="utf-8"))
    assert read.tags.count("img") == 5
    assert profiles.report() in read.words
    assert draws.report() in read.words


def test_a_report_is_refused_before_anything_is_drawn(fit, tmp_path) -> None:
    with pytest.raises(pkpd.DataError, match=r"a report is written as \.html, not as 'fit.txt'"):
        pkpd.write_report(fit, tmp_path / "fit.txt")
    with pytest.raises(pkpd.DataError, match="folder .*missing' for the report 'fit.html' does not exist"):
        pkpd.write_report(fit, tmp_path / "missing" / "fit.html")
    with pytest.raises(pkpd.DataError, match=r"write_report\(\) got 3"):
        pkpd.write_report(3, tmp_path / "fit.html")


# ---- comparison


def test_a_comparison_has_criteria_weights_and_tests(fit) -> None:
    simple = pkpd.fit(pk, observations(), {"CL": pkpd.free(0.4)})
    error = pkpd.fit(pk, observations(), FREE, error=pkpd.proportional_error(0.1))
    result = pkpd.compare({"V held": simple, "both": fit, "proportional": error}, nested=[("V held", "both")])
    table = result.table
    assert table.index[0] == table["aic"].idxmin()
    assert table.loc["both", "k"] == 3
    assert table["k"].to_dict() == {"V held": 2, "both": 3, "proportional": 3}
    for name, one in (("V held", simple), ("both", fit), ("proportional", error)):
        assert table.loc[name, "log_likelihood"] == one.log_likelihood
        assert table.loc[name, "aic"] == 2 * table.loc[name, "k"] - 2 * one.log_likelihood
        assert table.loc[name, "bic"] == pytest.approx(np.log(10) * table.loc[name, "k"] - 2 * one.log_likelihood)
    delta = table["aic"] - table["aic"].min()
    np.testing.assert_allclose(table["weight"], np.exp(-delta / 2) / np.exp(-delta / 2).sum())
    np.testing.assert_allclose(table["delta_bic"], table["bic"] - table["bic"].min())
    (test,) = result.tests.to_dict("records")
    statistic = 2 * (fit.log_likelihood - simple.log_likelihood)
    assert (test["statistic"], test["df"]) == (pytest.approx(statistic), 1)
    assert test["p_value"] == pytest.approx(scipy.stats.chi2.sf(statistic, 1))
    assert "Likelihood-ratio tests" in str(result)
    assert "3 fits of the same 10 observations" in result._repr_html_()


@pytest.mark.slow
def test_the_p_values_of_true_nulls_are_uniform() -> None:
    values = []
    for seed in range(60):
        data = observations(seed=seed)
        fits = {
            name: pkpd.fit(pk, data, free, error=pkpd.proportional_error(0.1).fixed(), parameters=held)
            for name, free, held in (("V", ["CL"], {"V": 4.0}), ("both", ["CL", "V"], {}))
        }
        values.append(pkpd.compare(fits, nested=[("V", "both")]).tests["p_value"].iloc[0])
    assert scipy.stats.kstest(values, "uniform").pvalue > 0.01


def test_a_test_that_is_not_to_be_trusted_says_why(fit) -> None:
    simple = pkpd.fit(pk, observations(), {"CL": pkpd.free(0.4)})
    worse = dataclasses.replace(fit, log_likelihood=simple.log_likelihood - 3)
    bound = dataclasses.replace(fit, at_bound=np.array([True, False]))
    stopped = dataclasses.replace(fit, success=False)
    remarks = [
        pkpd.compare({"a": simple, "b": other}, nested=[("a", "b")]).tests["remark"].iloc[0]
        for other in (fit, worse, bound, stopped)
    ]
    assert remarks[0] == ""
    assert "not at its optimum" in remarks[1]
    assert "the p-value is too large" in remarks[2]
    assert "did not converge" in remarks[3]


@pytest.mark.parametrize(
    ("fits", "nested", "message"),
    [
        (lambda f: 3, (), r"fits is 3; expected \{name: fit"),
        (lambda f: {"a": f}, (), "got 1 fit; a comparison needs two or more"),
        (lambda f: {"a": f, "b": 3}, (), "'b' is 3; expected what fit"),
        (lambda f: {"a": f, "b": f}, [("a", "c")], "compare has no fit 'c'"),
        (lambda f: {"a": f, "b": f}, [("a", "b")], "'a' has 3 parameters and 'b' has 3; the first of a nested pair"),
        (lambda f: {"a": f, "b": f}, "ab", "nested is 'ab'; expected pairs"),
        (lambda f: {"a": f, "b": f}, ["ab"], "nested has 'ab'; expected a pair"),
    ],
)
def test_a_comparison_that_cannot_be_made_is_refused(fit, fits, nested, message) -> None:
    with pytest.raises(pkpd.PkpdError, match=message):
        pkpd.compare(fits(fit), nested=nested)


def test_fits_of_different_data_or_with_priors_are_not_compared(fit, modeled) -> None:
    with pytest.raises(pkpd.FitError, match=r"'b' has a prior of CL, so its log-likelihood is not at its maximum"):
        pkpd.compare({"a": fit, "b": modeled})
    other = pkpd.fit(pk, observations(seed=2), FREE)
    with pytest.raises(pkpd.FitError, match=r"'a' and 'b' differ in their data: value of observation 1 is"):
        pkpd.compare({"a": fit, "b": other})
    fewer = pkpd.fit(pk, observations().take(np.arange(10) < 9), FREE)
    with pytest.raises(pkpd.FitError, match=r"'a' has 10 observations and 'b' has 9"):
        pkpd.compare({"a": fit, "b": fewer})


def test_a_page_is_read_as_json_only_where_it_is_json(tmp_path) -> None:
    (tmp_path / "a.json").write_bytes(b"\xff\xfe")
    with pytest.raises(pkpd.DataError, match="cannot be read as JSON"):
        read_json(tmp_path / "a.json")
