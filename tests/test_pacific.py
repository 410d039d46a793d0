"""PACIFIC predicted: its patients, targets, endpoints, mechanisms removed, record and report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

import pkpd
from pkpd.fits.pacific import calibration, control, derivation, patients, plausible, prediction, response, trials
from pkpd.fits.pacific.__main__ import main
from pkpd.fits.pacific.report import READING, findings, report, write

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
needs_data = pytest.mark.skipif(
    not (SHARED / derivation.STUDY4[0]).exists(), reason="the third-party tables are not part of the repository"
)
VALUES = calibration.estimates()
FEW = patients.draw(256)


@pytest.fixture(scope="module")
def results():
    return findings(FEW, patients.draw(64))


# ---- patients


def test_radiosensitivity_is_a_truncated_normal_correlated_with_growth():
    draws = patients.draw(4096)
    alpha = patients.radiosensitivity(draws, {"alpha": 0.04, "alpha_sd": 0.17})
    truth = stats.truncnorm(-0.04 / 0.17, np.inf, loc=0.04, scale=0.17)
    np.testing.assert_allclose(np.quantile(alpha, [0.1, 0.5, 0.9]), truth.ppf([0.1, 0.5, 0.9]), rtol=0.03)
    assert alpha.min() > 0
    grade = stats.spearmanr(alpha, draws.uniform["growth"]).statistic
    assert grade == pytest.approx(6 / np.pi * np.arcsin(0.87 / 2), abs=0.01)  # of a normal correlation of 0.87


def test_largest_metastasis_is_that_of_a_poisson_number_of_lognormal_ones():
    values = {"metastases": 1.7, "diameter_occult": 4.0, "diameter_occult_sd": 0.8}
    diameter, metastatic = patients.largest_metastasis(patients.draw(8192), values)
    rng = np.random.default_rng(1)
    number = rng.poisson(1.7, 40_000)
    sizes = np.exp(np.log(4.0) + 0.8 * rng.standard_normal((40_000, number.max())))
    largest = np.where(np.arange(number.max()) < number[:, None], sizes, 0).max(1)
    largest = largest[largest < patients.VISIBLE]  # a visible one is stage IV
    assert 1 - metastatic.mean() == pytest.approx((largest == 0).mean(), abs=0.01)
    at = [0.25, 0.5, 0.75, 0.95]
    seen = np.quantile(diameter[metastatic == 1], at)
    np.testing.assert_allclose(seen, np.quantile(largest[largest > 0], at), rtol=0.02)
    assert diameter.max() < patients.VISIBLE


def test_expression_has_the_shares_of_its_strata():
    level = patients.expression(patients.draw(4096))
    shares = [((level >= low) & (level < high)).mean() for low, high in prediction.STRATA.values()]
    np.testing.assert_allclose(shares, [0.33, 0.32, 0.35], atol=0.002)


def test_a_patient_is_the_same_quantile_at_other_estimates():
    more = {**VALUES, "rho": 2 * VALUES["rho"]}
    one, two = (patients.stage_three_patients(FEW, values, 84, 40)["rho"] for values in (VALUES, more))
    np.testing.assert_allclose(two, 2 * one)


def test_chemoradiation_ends_1_to_42_days_before_randomization():
    start = patients.stage_three_patients(FEW, VALUES, 84, 40)["start"]
    assert 84 - 40 - 42 <= start.min() < 4
    assert 40 < start.max() <= 84 - 40 - 1


# ---- targets


def test_franzese_is_the_published_logit():
    logits = special.logit([float(response.franzese(0.5, first_line=line)) for line in (False, True)])
    np.testing.assert_allclose(logits, [-1.441 + 0.821 - 0.697, -1.441 + 0.821])
    assert float(response.franzese(0.0)) == pytest.approx(1 / (1 + np.exp(1.441 + 0.697)))


@needs_data
def test_tables_of_targets_are_what_is_derived_from_the_data(monkeypatch):
    monkeypatch.setenv("PKPD_FITS_DATA", str(SHARED))
    courses = pd.DataFrame([row for row in map(derivation.course, derivation.lesions()) if row is not None])
    assert len(courses) == 376
    for name, summary in (
        ("response", derivation.response_summary(courses)),
        ("proclaim", derivation.proclaim_summary(pd.read_csv(SHARED / derivation.PROCLAIM[0]))),
    ):
        rows = pd.read_csv(control.DATA / f"pacific_{name}.csv", comment="#")
        keys = zip(rows["quantity"], rows["at"], strict=True)
        np.testing.assert_allclose(rows["value"], [summary[key] for key in keys], atol=5e-5)
    sizes = pd.read_csv(control.DATA / "pacific_response_by_size.csv", comment="#")
    pd.testing.assert_frame_equal(sizes, derivation.size_table(), check_dtype=False)


@needs_data
def test_published_numbers_are_those_of_the_shared_table():
    shared = pd.read_csv(SHARED / "trial_landmarks" / "landmarks.csv")
    rates = shared[(shared["trial"] == "PACIFIC") & (shared["statistic"] == "rate") & shared["months"].notna()]
    known = {(row.arm, row.endpoint.split()[0], row.months): row.value for row in rates.itertuples()}
    mine = control.published(trial="PACIFIC", statistic="rate").dropna(subset="months")
    assert len(mine) == 14
    for row in mine.itertuples():
        assert known[row.arm, row.endpoint, row.months] == row.value
    ratios = shared[shared["statistic"] == "hazard_ratio"]["value"].tolist()
    assert set(control.published(statistic="hazard_ratio")["value"]) <= set(ratios)


def test_no_target_is_of_a_treated_arm_or_another_trial():
    targets = control.control_targets()
    used = {(row.quantity, row.at, row.value) for row in targets.itertuples()}
    treated = control.published(arm="durvalumab")
    assert not used & {(row.endpoint, row.months, row.value) for row in treated.itertuples()}
    assert set(targets["quantity"]) == {"PFS", "OS", "ORR", "PROCLAIM PFS"}
    assert len(targets) == 10 + 8  # PACIFIC's placebo arm, PROCLAIM


# ---- trials and endpoints


def test_a_course_by_hand():
    """Two patients: a new lesion at the second visit; a death between visits."""
    days = np.array([0.0, 56.0, 112.0, 168.0])
    diameters = np.array([[[40, 0], [38, 0], [39, 11], [39, 15]], [[40, 0], [27, 0], [27, 0], [27, 0]]], dtype=float)
    read = trials._read(days, diameters, np.array([400.0, 130.0]))
    assert read["day"].tolist() == [112, 130]
    assert read["event"].tolist() == [True, True]
    assert read["response"].tolist() == [False, True]
    assert read["distant"].tolist() == [112, np.inf]
    assert read["local"].tolist() == [np.inf, np.inf]


def test_doses_stop_on_a_patients_own_last_day():
    model = pkpd.load("durvalumab_chemoradiation_nsclc")
    times = np.arange(84.0, 300, 3)
    stopped = pkpd.simulate(
        model,
        trials.PACIFIC.antibody(),
        times=times,
        parameters={"last_dose": np.array([-1.0, 130.0, 1e6])},
        outputs=["A1"],
    )["A1"]
    by_hand = [None, pkpd.bolus(698, "iv", at=[84, 98, 112, 126]), pkpd.bolus(698, "iv", at=84, every=14, n=26)]
    for number, regimen in enumerate(by_hand):
        expected = pkpd.simulate(model, regimen, times=times, outputs=["A1"])["A1"]
        np.testing.assert_allclose(stopped[number], expected, rtol=1e-5, atol=1e-6)


def test_no_antibody_after_progression():
    course = trials.simulated(trials.PACIFIC, FEW, VALUES, antibody=True)
    people = patients.stage_three_patients(FEW, VALUES, 84, trials.CRT_DAYS)
    unstopped = trials._assessed(trials.PACIFIC, FEW, people, True)
    np.testing.assert_array_equal(course.day, unstopped.day)  # until progression both are the same
    assert np.all(course.death <= unstopped.death + 1e-6)  # after it the antibody no longer helps
    assert np.any(course.death < unstopped.death)


@pytest.mark.parametrize("removed", [{"e": 0.0}, {"KD": 1e12}])
def test_hazard_ratio_is_one_without_effectors_or_occupancy(removed):
    arms = prediction.predicted(trials.PACIFIC, FEW, VALUES, **removed)
    np.testing.assert_array_equal(arms.placebo.day, arms.durvalumab.day)
    for endpoint in ("PFS", "OS"):
        assert prediction.ratio(arms, endpoint=endpoint) == pytest.approx(1, abs=1e-4)


def test_lymphopenia_and_escape_cost_effect(results):
    table = results.scenarios.set_index("scenario")["PACIFIC"]
    assert table["the prediction"] < table["no effectors released (e = 0)"] == pytest.approx(1, abs=1e-4)
    assert table["lymphocytes spared, and no escape"] < table["no escape from effectors"] < table["the prediction"]


def test_cumulative_incidence_lets_death_compete():
    course = trials.Course(
        day=np.array([1.0, 2, 3, 4]), event=np.ones(4, bool), death=np.array([100.0, 50, np.inf, np.inf]),
        response=np.zeros(4, bool), local=np.array([56.0, np.inf, np.inf, np.inf]), distant=np.full(4, np.inf),
        PDL1=np.zeros(4), patients=np.ones(4, bool),
    )  # fmt: skip
    assert prediction.incidence(course, "local", 12) == pytest.approx(0.25)


# ---- the record


@pytest.mark.slow
def test_placebo_is_inside_every_published_interval():
    placebo = prediction.Arms(*[trials.simulated(trials.PACIFIC, patients.draw(4096), VALUES, antibody=False)] * 2)
    rows = control.published(trial="PACIFIC", arm="placebo").to_dict("records")
    assert len(rows) == 10
    for row in rows:
        value = prediction._predicted({"PACIFIC": placebo}, row)
        assert row["low"] <= value <= row["high"], row


@pytest.mark.slow
@pytest.mark.parametrize(("name", "squares"), [("response", 21.8), ("control", 11.5)])
def test_recorded_estimates_are_recovered(name, squares):
    """Calibrated again from the record: nothing is left to gain, and nothing moves."""
    draws, stage = patients.draw(calibration.PATIENTS), calibration.STAGES[name]
    assert plausible.sum_of_squares(stage, draws, VALUES) == pytest.approx(squares, abs=0.3)
    again = calibration.calibrate(stage, VALUES, draws=draws, start=VALUES, evaluations=3)
    assert again.attrs["chi_square"] > squares - 1
    moved = np.log(again["estimate"] / [VALUES[parameter] for parameter in again["parameter"]])
    assert np.all(np.abs(moved) < 0.5 * again["relative_se"])


@pytest.mark.slow
def test_plausible_sets_fit_and_predict_what_is_recorded():
    draws, rows = patients.draw(plausible.PATIENTS), plausible.kept()
    assert len(rows) >= 10
    for name in ("response", "control"):
        stage = calibration.STAGES[name]
        limit = plausible.sum_of_squares(stage, draws, VALUES) + len(stage.start)
        assert plausible.sum_of_squares(stage, draws, {**VALUES, **rows.iloc[0][list(stage.start)]}) < limit + 0.2
    again = plausible.predictions(draws, rows[calibration.recorded()["parameter"][:15].tolist()].iloc[:1])
    assert float(again["PACIFIC"].iloc[0]) == pytest.approx(rows["PACIFIC"].iloc[0], abs=0.01)


# ---- the report


def test_report_says_what_was_predicted_and_where_it_misses(results):
    text = report(results)
    row = results.compared.iloc[20]
    assert row["statistic"] == "hazard_ratio"
    assert f"predicted {row['predicted']:.2f}, published 0.52" in text
    assert results.compared["predicted"].notna().all()
    missed = results.compared[results.compared["inside"].eq(False)]
    assert len(missed)
    assert f"{len(missed)} of 32 published numbers" in text
    for name in ("Nothing was fitted to the durvalumab arm", "PACIFIC-2", "MSKCC", "Held: alpha"):
        assert name in text


@pytest.mark.slow
def test_the_words_of_the_report_are_those_of_its_numbers():
    compared = prediction.comparison(prediction.all_trials(patients.draw(2048), VALUES)).set_index(
        ["trial", "endpoint"]
    )
    ratio = compared[compared["statistic"] == "hazard_ratio"]
    assert "each effect is too small" in READING
    strata = [float(ratio.loc[(f"PACIFIC {name}", "PFS"), "predicted"]) for name in reversed(prediction.STRATA)]
    assert strata == sorted(strata)
    by_stratum = ratio[ratio.index.get_level_values("trial").str.contains("TC")]
    assert len(by_stratum) == 3
    assert (by_stratum["predicted"] > by_stratum["value"]).all()
    assert all(
        ratio.loc[["PACIFIC", "PACIFIC 5 years"], "predicted"] > ratio.loc[["PACIFIC", "PACIFIC 5 years"], "high"]
    )
    assert ratio.loc[("PACIFIC-2", "PFS"), "inside"]
    both = [float(ratio.loc[(name, "PFS"), "predicted"]) for name in ("PACIFIC 5 years", "PACIFIC-2")]
    assert both[0] == pytest.approx(both[1], abs=0.03)
    assert float(compared.loc[("MSKCC", "local failure"), "predicted"]) < 0.18 / 2


def test_response_hardly_depends_on_size_unless_kill_rises_steeply(results):
    smallest, largest = results.sizes.iloc[0], results.sizes.iloc[-1]
    for name, most in (("rate", 1.5), ("simulated", 1.8)):  # 256 patients
        assert smallest[name] < most * largest[name]
    assert smallest["steep"] > 2 * largest["steep"]


def test_report_and_figures_are_written(results, tmp_path):
    paths = write(results, tmp_path)
    assert {path.name for path in paths} == {
        "report.txt", "compared.csv", "response.png", "control.png", "proclaim.png", "predicted.png",
        "hazard_ratios.png", "scenarios.png", "patient.png",
    }  # fmt: skip
    assert all(path.stat().st_size > 1000 for path in paths)


def test_command_prints_the_report(monkeypatch, results, capsys):
    monkeypatch.setattr("pkpd.fits.pacific.__main__.findings", lambda draws, few: results)
    main(["--patients", "256"])
    assert capsys.readouterr().out.startswith("PACIFIC, predicted")
