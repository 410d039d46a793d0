"""The clinical examples, against published answers, closed-form likelihoods and least squares of our own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.special import ndtr
from scipy.stats import CensoredData, weibull_min

import pkpd
from pkpd.arrays import Array
from pkpd.fits import nsclc_lesions, pacific_survival, spdl1_nivolumab, tumgr_rates

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
PACIFIC, SPDL1, TUMGR = (SHARED / example.TABLE for example in (pacific_survival, spdl1_nivolumab, tumgr_rates))
LESIONS = SHARED / nsclc_lesions.FOLDER


def needs(path: Path) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not path.exists(), reason=f"the third-party {path.name} is not part of the repository")


# ---- PACIFIC


def survival_log_likelihood(time: Array, event: Array, k: float, lam: float, c: float = 0.0) -> float:
    """Of a Weibull distribution with a cured fraction, in closed form."""
    uncured = (1 - c) * np.exp(-((time / lam) ** k))
    density = uncured * k / lam * (time / lam) ** (k - 1)
    return float(np.where(event == 1, np.log(density), np.log(c + uncured)).sum())


def most_likely(time: Array, event: Array, *, cure: bool) -> tuple[Array, float]:
    """The most likely k, lam and c, and their log-likelihood, by a simplex search."""

    def loss(x: Array) -> float:
        return -survival_log_likelihood(time, event, *np.exp(x[:2]), 1 / (1 + np.exp(-x[2])) if cure else 0.0)

    start = [0.1, 3.0, -0.5] if cure else [0.1, 3.0]
    best = minimize(loss, start, method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-9, "maxiter": 4000})
    values = np.r_[np.exp(best.x[:2]), 1 / (1 + np.exp(-best.x[2:]))]
    return values, -float(best.fun)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Simulated times of 150 patients an arm, 35 % cured, followed for 48 months."""
    rng = np.random.default_rng(7)
    death = np.where(rng.random(300) < 0.35, np.inf, 15 * rng.weibull(1.4, 300))
    follow_up = rng.uniform(30, 48, 300)
    path = tmp_path_factory.mktemp("pacific") / "times.csv"
    arm = np.repeat(["durvalumab", "placebo"], 150)
    simulated = {"time": np.minimum(death, follow_up), "event": (death <= follow_up).astype(int), "arm": arm}
    pd.DataFrame(simulated).to_csv(path, index=False)
    return path


def check_survival(fit: pkpd.Fit, path: Path, *, cure: bool) -> None:
    """Each arm's estimates are the most likely ones, and the log-likelihood is the sum of theirs."""
    times, total = pd.read_csv(path), 0.0
    for arm, rows in times.groupby("arm"):
        values, log_likelihood = most_likely(rows["time"].to_numpy(), rows["event"].to_numpy(), cure=cure)
        names = ("k", "lam", "c")[: len(values)]
        ours = [fit.estimates["estimate"][f"{name}[{arm}]"] for name in names]
        assert ours == pytest.approx(values.tolist(), rel=1e-3)
        total += log_likelihood
    assert fit.log_likelihood == pytest.approx(total, abs=1e-4)


@pytest.mark.slow
def test_survival_of_a_simulated_cohort_is_that_of_the_closed_form(cohort: Path) -> None:
    check_survival(pacific_survival.weibull(cohort), cohort, cure=False)
    check_survival(pacific_survival.run(cohort), cohort, cure=True)


@pytest.mark.slow
@needs(PACIFIC)
def test_pacific_is_the_maximum_of_the_closed_form_and_the_recorded_one() -> None:
    cure, plain = pacific_survival.run(PACIFIC), pacific_survival.weibull(PACIFIC)
    check_survival(plain, PACIFIC, cure=False)
    check_survival(cure, PACIFIC, cure=True)
    recorded = {
        "k[durvalumab]": 1.4620, "lam[durvalumab]": 24.860, "c[durvalumab]": 0.45467,
        "k[placebo]": 1.2359, "lam[placebo]": 22.605, "c[placebo]": 0.31629,
    }  # fmt: skip
    for name, value in recorded.items():
        assert cure.estimates["estimate"][name] == pytest.approx(value, rel=1e-3), name
    assert (cure.aic, plain.aic) == pytest.approx((2919.2824, 2921.3681), abs=1e-2)
    assert (cure.bic, plain.bic) == pytest.approx((2946.6993, 2939.6460), abs=1e-2)
    published = pacific_survival.landmarks(cure, plain).set_index(["arm", "month"])
    early = published.loc[[(arm, month) for arm in ("durvalumab", "placebo") for month in (12, 24)]]
    assert early["fit_1"].to_numpy() == pytest.approx(early["alive"].to_numpy(), abs=0.011)
    later = published.xs(60, level="month")
    assert ((later["fit_1"] > later["low"]) & (later["fit_1"] < later["high"])).all()  # cure: within the interval
    assert (later["fit_2"] < later["low"] - 0.05).all()  # Weibull: far below


def test_survival_writes_its_report_tables_and_figure(
    cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pacific_survival.main(["--data", str(cohort), "--out", str(tmp_path)])
    assert "weibull_with_cure fitted to" in capsys.readouterr().out
    written = {"report.txt", "estimates.csv", "residuals.csv", "pacific_survival.png"}
    assert {p.name for p in tmp_path.iterdir()} == written


def test_kaplan_meier_is_the_fraction_alive_without_censoring() -> None:
    when, alive = pacific_survival.kaplan_meier(np.array([1.0, 2, 2, 5]), np.array([1, 1, 1, 1]))
    assert when.tolist() == [1, 2, 5]
    assert alive == pytest.approx([0.75, 0.25, 0])
    when, alive = pacific_survival.kaplan_meier(np.array([1.0, 2, 3, 4]), np.array([1, 0, 1, 0]))
    assert alive == pytest.approx([0.75, 0.375])


def test_survival_is_the_closed_form_and_scipys_maximum(cohort: Path) -> None:
    """The integrated S is that of the form, and scipy, which takes censored data, finds the same Weibull fit."""
    fit = pacific_survival.weibull(cohort)
    times = pd.read_csv(cohort)
    for arm, rows in times.groupby("arm"):
        form = pacific_survival.lifetimes(fit, str(arm))
        months = np.array([1.0, 6, 20, 60])
        np.testing.assert_allclose(fit.predict(months)["S"].sel(arm=arm), form.sf(months), rtol=1e-5)
        seen = rows["event"].to_numpy(bool)
        censored = CensoredData(uncensored=rows["time"][seen], right=rows["time"][~seen])
        shape, _, scale = weibull_min.fit(censored, floc=0)
        assert (fit.parameters(str(arm))["k"], fit.parameters(str(arm))["lam"]) == pytest.approx(
            (shape, scale), rel=1e-3
        )


# ---- soluble PD-L1


@pytest.mark.slow
@needs(SPDL1)
def test_spdl1_with_fast_clearance_is_a_regression_on_indicators() -> None:
    """With kfree so fast that day 29 is at the new level, ln sL is linear: by least squares in closed form."""
    tidy = spdl1_nivolumab.rows(SPDL1)
    tidy = tidy[tidy["cens"] == 0]
    free = {name: how for name, how in spdl1_nivolumab.SHARED.items() if name != "kfree"}
    free |= {"rel": pkpd.free(log=True, per_arm=True)}
    data = pkpd.read_observations(tidy, dict.fromkeys(tidy["arm"]))
    fit = pkpd.fit(spdl1_nivolumab.model, data, free, error=spdl1_nivolumab.ERROR, parameters={"kfree": 10.0})
    patients = pd.get_dummies(tidy["arm"]).to_numpy(dtype=float)
    groups = list(spdl1_nivolumab.GROUPS.values())
    after = tidy[groups].to_numpy() * (tidy["time"] > 0).to_numpy()[:, None]
    solution, squares, *_ = np.linalg.lstsq(np.hstack([after, patients]), np.log(tidy["value"]), rcond=None)
    ours = [fit.estimates["estimate"][f"change_{group}"] for group in groups]
    assert ours == pytest.approx(np.expm1(solution[: len(groups)]).tolist(), abs=2e-5)
    assert fit.estimates["estimate"]["sd_log[sL]"] == pytest.approx(float(np.sqrt(squares[0] / len(tidy))), rel=1e-4)


@pytest.mark.slow
@needs(SPDL1)
def test_spdl1_recovers_its_recorded_estimates() -> None:
    fit = spdl1_nivolumab.run(SPDL1)
    assert (fit.n_observations, fit.n_free, len(fit.data.arms), int((fit.data.censored == -1).sum())) == (
        408,
        150,
        145,
        3,
    )
    recorded = {"change_progressed": 0.12008, "change_stable": 0.11444, "change_responded": -0.01009}
    for name, value in recorded.items():
        assert fit.estimates["estimate"][name] == pytest.approx(value, abs=2e-4), name
    assert fit.estimates["estimate"]["sd_log[sL]"] == pytest.approx(0.10952, rel=1e-3)
    low, high = fit.estimates.loc["kfree", ["ci_low", "ci_high"]]
    assert high > 50 * low
    pooled = spdl1_nivolumab.pooled(SPDL1).estimates
    assert pooled["estimate"]["sd_log[sL]"] == pytest.approx(0.68688, rel=1e-3)
    assert pooled.loc["change_stable", "ci_low"] < 0 < pooled.loc["change_stable", "ci_high"]


@needs(SPDL1)
def test_spdl1_table_is_the_one_whose_medians_were_published() -> None:
    values = pd.read_csv(SPDL1)
    medians = pd.read_csv(spdl1_nivolumab.MEDIANS, comment="#")
    for row in medians.itertuples():
        mine = values[(values["Dataset"] == f"CM{int(row.trial[-3:])}") & (values["BOR3"] == row.cohort)]
        wide = mine.pivot_table(index="USUBJID", columns="Timepoint", values="sPDL1")
        inside = mine.assign(sPDL1=mine["sPDL1"].mask(mine["ULOQflag"] == 1))
        inside = inside.pivot_table(index="USUBJID", columns="Timepoint", values="sPDL1", dropna=False)
        assert wide["Pre"].notna().sum() == row.n
        for visit, median, change in (("Post1", row.day_29, row.change_29), ("Post2", row.later, row.change_later)):
            assert wide[visit].median() == pytest.approx(median, abs=1)
            assert (inside[visit] - inside["Pre"]).median() == pytest.approx(change, abs=1)
        assert wide["Pre"].median() == pytest.approx(row.day_1, abs=1)


# ---- tumgr


def simulated_visits(sizes: Array, name: int = 7) -> pd.DataFrame:
    return pd.DataFrame({"name": name, "date": np.arange(len(sizes)) * 28.0, "size": sizes})


@pytest.mark.parametrize(
    ("sizes", "reason"),
    [
        ([30.0], "only 1 eval"),
        ([30.0, 27.0], "2 evals not 20% diff"),
        ([30.0, 30.0, 30.0], "error data"),
        ([30.0, 20.0], ""),
        ([30.0, 29.0, 30.0], ""),
    ],
)
def test_tumgr_leaves_out_what_the_package_leaves_out(sizes: list[float], reason: str) -> None:
    assert tumgr_rates.not_analyzed(pd.Series(sizes) / sizes[0]) == reason


@pytest.mark.slow
def test_tumgr_selects_the_law_that_simulated_sizes_follow(tmp_path: Path) -> None:
    """Sizes with 1 % of noise; the day before the first visit is day 0, as in the package."""
    t, noise = np.arange(8) * 28.0 + 1, np.random.default_rng(1).normal(0, 0.002, 8)
    laws = {
        "gd": np.exp(-0.02 * t) + np.exp(0.003 * t) - 1,
        "dx": np.exp(-0.01 * t),
        "gx": np.exp(0.004 * t),
    }
    frames = [simulated_visits(50 * (law + noise) / 1.0, name) for name, law in enumerate(laws.values(), start=1)]
    path = tmp_path / "sampleData.csv"
    pd.concat(frames).sample(frac=1, random_state=1).to_csv(path, index=False)
    rows = tumgr_rates.visits(path)
    for (arm, mine), (name, law) in zip(rows.groupby("arm"), laws.items(), strict=True):
        assert mine["time"].tolist() == t.tolist()
        scaled = mine.assign(value=mine["value"] * (law[0] + noise[0]))  # relative to day 0, so that the law is exact
        estimates = tumgr_rates.rates(scaled)
        assert estimates["type"] == name, arm
    assert estimates["g"] == pytest.approx(0.004, rel=0.02)


def test_tumgr_writes_its_table_and_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wobble = 1 + 0.01 * np.array([0, 1, -1, 1, 0, -1])
    sizes = 40 * np.exp(-0.01 * np.arange(6) * 28) * wobble
    simulated_visits(sizes).to_csv(tmp_path / "sampleData.csv", index=False)
    tumgr_rates.main(["--data", str(tmp_path / "sampleData.csv"), "--out", str(tmp_path)])
    printed = capsys.readouterr().out
    assert "tumgr prints" in printed
    assert "0.020427" in printed
    assert pd.read_csv(tmp_path / "rates.csv")["type"].tolist() == ["dx"]
    assert (tmp_path / "tumgr_rates.png").stat().st_size > 10_000


@pytest.mark.slow
@needs(TUMGR)
def test_tumgr_prints_what_the_package_prints() -> None:
    result = tumgr_rates.run(TUMGR)
    assert result["type"].value_counts().to_dict() == {
        "gd": 25, "dx": 22, "gdphi": 6, "not fit": 5, "only 1 eval": 5, "gx": 4, "2 evals not 20% diff": 1,
    }  # fmt: skip
    published = pd.read_csv(tumgr_rates.ANSWERS, comment="#", index_col="parameter")
    pd.testing.assert_frame_equal(tumgr_rates.summary(result).astype(float), published.astype(float), atol=1e-6, rtol=0)


# ---- lesions


def test_lesions_are_read_with_their_words(tmp_path: Path) -> None:
    """Six visits stay, five do not; what vanished or is too small is below 5 mm; what was not evaluated is no visit."""
    words = ["30", "21", "TOO SMALL TO MEASURE", "0", "7", "12", "NOT EVALUABLE"]
    first = pd.DataFrame({"PatientID": "a", "TreatmentDay": np.arange(7) * 40 - 3, "TargetLesionLongDiam_mm": words})
    second = first.iloc[[0, 1, 2, 3, 4, 6]].assign(PatientID="b")
    pd.concat([first, second]).assign(StudyArm="Study_1_Arm_1").to_csv(tmp_path / "study1.csv", index=False)
    rows = nsclc_lesions.lesions(1, tmp_path)
    assert rows["arm"].tolist() == ["a"] * 6
    assert rows["time"].tolist() == [0, 40, 80, 120, 160, 200]
    assert rows["value"].tolist() == [30, 21, 5, 5, 7, 12]
    assert rows["cens"].tolist() == [0, 0, 1, 1, 0, 0]


def lesion_log_likelihood(rows: pd.DataFrame, TS0: float, g: float, d: float) -> float:
    """In closed form, with what is below 5 mm by its chance."""
    t, value, below = rows["time"].to_numpy(), rows["value"].to_numpy(), rows["cens"].to_numpy() == 1
    mean = TS0 * (np.exp(-d * t) + np.exp(g * t) - 1)
    sd = np.sqrt(6.324 + 0.01276 * mean**2)
    score = (value - mean) / sd
    return float(np.where(below, np.log(ndtr(score)), -(score**2) / 2 - np.log(sd) - np.log(2 * np.pi) / 2).sum())


def test_lesions_write_their_table_and_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of two simulated patients without error, whose rates are found."""
    t, frames = np.arange(7) * 45.0, []
    for patient, (TS0, g, d) in {"a": (60, 0.002, 0.01), "b": (30, 0.001, 0.004)}.items():
        size = TS0 * (np.exp(-d * t) + np.exp(g * t) - 1)
        frames.append(pd.DataFrame({"PatientID": patient, "TreatmentDay": t - 5, "TargetLesionLongDiam_mm": size}))
    pd.concat(frames).assign(StudyArm="Study_1_Arm_1").to_csv(tmp_path / "study1.csv", index=False)
    nsclc_lesions.main(["--data", str(tmp_path), "--study", "1", "--out", str(tmp_path)])
    assert "study 1" in capsys.readouterr().out
    rates = pd.read_csv(tmp_path / "nsclc_lesions.csv").set_index("patient")
    assert rates.loc["a", ["TS0", "g", "d"]].tolist() == pytest.approx([60, 0.002, 0.01], rel=0.02)
    assert rates.loc["b", ["TS0", "g", "d"]].tolist() == pytest.approx([30, 0.001, 0.004], rel=0.02)
    assert (tmp_path / "nsclc_lesions.png").stat().st_size > 10_000
    assert (tmp_path / "nsclc_lesions_patients.png").stat().st_size > 10_000


@pytest.mark.slow
@needs(LESIONS)
def test_lesions_have_the_most_likely_rates_of_the_closed_form() -> None:
    """A simplex search from our estimates finds nothing better, with and without values below 5 mm."""
    result = nsclc_lesions.run(LESIONS, study=1, patients=14)
    assert result["success"].all()
    assert (result["below"] > 0).any()
    by_patient = dict(list(nsclc_lesions.lesions(1, LESIONS).groupby("arm")))
    bounds = [(-13.815511, -2.302585)] * 2
    for arm, row in result.iterrows():
        rows = by_patient[arm]

        def loss(x: Array, rows: pd.DataFrame = rows) -> float:
            return -lesion_log_likelihood(rows, *np.exp(x))

        start = np.log([row["TS0"], row["g"], row["d"]])
        assert -loss(start) == pytest.approx(row["log_likelihood"], abs=1e-5)
        best = minimize(loss, start, method="Nelder-Mead", bounds=[(None, None), *bounds], options={"fatol": 1e-9})
        assert -best.fun < row["log_likelihood"] + 2e-4
