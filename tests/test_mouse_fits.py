"""The examples in mice recover their recorded estimates, and agree with what is known without them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.stats import mannwhitneyu, norm
from scipy.stats import t as student

import pkpd
from pkpd.fits import ct26_mice, egfr_xenografts, egfr_xenografts_population, mc38_abscopal, tumor_classes

SHARED = Path(os.environ.get("PKPD_FITS_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
CT26 = SHARED / ct26_mice.FOLDER / "PBS_group.csv"
XENOGRAFTS = SHARED / egfr_xenografts.FOLDER / egfr_xenografts.MICE
CLASSES = SHARED / tumor_classes.NAME


def needs(path: Path) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not path.exists(), reason="the third-party table is not part of the repository")


# ---- MC38, both sites


@pytest.fixture(scope="module")
def abscopal() -> pkpd.Fit:
    return mc38_abscopal.run()


def test_abscopal_recovers_its_recorded_estimates(abscopal: pkpd.Fit) -> None:
    recorded = {
        "A": (5.8648, 0.2771), "a": (0.58162, 0.05018),
        "c10[0 Gy]": (2.6244e7, 5.900e6), "c10[8 Gy]": (3.4107e7, 6.780e6),
        "c20[0 Gy]": (7.7506e6, 2.862e6), "c20[8 Gy]": (4.5424e6, 1.699e6),
    }  # fmt: skip
    assert abscopal.success
    assert abscopal.chi_square == pytest.approx(397.499, rel=1e-5)
    assert (abscopal.n_observations, abscopal.n_free) == (29, 6)
    for name, (value, se) in recorded.items():
        assert abscopal.estimates.loc[name, "estimate"] == pytest.approx(value, rel=5e-4), name
        assert abscopal.estimates.loc[name, "se"] == pytest.approx(se, rel=5e-3), name


def test_abscopal_death_is_the_published_one(abscopal: pkpd.Fit) -> None:
    A = abscopal.estimates.loc["A"]
    assert A["ci_low"] < 6.12 < A["ci_high"]


@pytest.mark.parametrize(("output", "A", "se"), [("V1", 6.027, 0.433), ("V2", 6.230, 0.293)])
def test_each_site_alone_tells_the_same_death(abscopal: pkpd.Fit, output: str, A: float, se: float) -> None:
    other = {"V1": "c20", "V2": "c10"}[output]
    data = abscopal.data.take(np.array(abscopal.data.output) == output)
    free = {name: choice for name, choice in mc38_abscopal.FREE.items() if name != other}
    alone = pkpd.fit(abscopal.model, data, free, sd_is="relative").estimates.loc["A"]
    assert alone["estimate"] == pytest.approx(A, abs=2e-3)
    assert alone["se"] == pytest.approx(se, abs=2e-3)


def test_without_immunogenic_death_the_tumors_do_not_regress(abscopal: pkpd.Fit) -> None:
    free = {name: choice for name, choice in mc38_abscopal.FREE.items() if name != "A"}
    without = pkpd.fit(abscopal.model, abscopal.data, free, parameters={"A": 0}, sd_is="relative")
    assert without.chi_square == pytest.approx(3053, rel=1e-3)


def test_abscopal_writes_both_sites(abscopal: pkpd.Fit, tmp_path: Path) -> None:
    path = mc38_abscopal.draw(abscopal, tmp_path / "both.png")
    assert path.stat().st_size > 10_000


# ---- CT26, mouse by mouse


@pytest.fixture(scope="module")
def ct26() -> pkpd.Fit:
    return ct26_mice.run(CT26)


def straight(days: np.ndarray, logs: np.ndarray) -> np.ndarray:
    return np.polyfit(days, logs, 1)[::-1]


def ct26_table(folder: Path) -> Path:
    """Three small groups in the format of the source, of straight lines with a scatter; one mouse is cured."""
    days = np.array([11.0, 14.0, 17.0, 22.0, 26.0])
    scatter = np.array([0.1, -0.1, 0.05, 0.1, -0.15])
    for i, group in enumerate(ct26_mice.GROUPS):
        volumes = {f"mouse {k}": 20 * np.exp((0.2 - 0.05 * i) * (days - 11) + k * scatter) for k in (1, 2)}
        if i == 2:
            volumes["mouse 2"] = np.array([30.0, 20.0, 14.0, 0.0, 0.0])
        wide = pd.DataFrame(volumes, index=[str(day) for day in days]).T.rename_axis("time")
        wide.to_csv(folder / f"{group}_group.csv")
    return folder / "PBS_group.csv"


def test_ct26_reads_three_files_and_a_zero_is_below_the_limit(tmp_path: Path) -> None:
    data = ct26_mice.observations(ct26_table(tmp_path))
    assert data.arms == ("PBS 1", "PBS 2", "rVSV-GFP 1", "rVSV-GFP 2", "rVSV-mIL12-mGMCSF 1", "rVSV-mIL12-mGMCSF 2")
    assert data.censored.sum() == 2
    assert (data.value[data.censored == 1] == ct26_mice.SMALLEST).all()


def test_ct26_is_a_straight_line_through_the_logarithms_where_all_is_measured(tmp_path: Path) -> None:
    fit = ct26_mice.run(ct26_table(tmp_path))
    for arm in fit.data.arms[:5]:
        rows = fit.data.rows(arm)
        expected = straight(fit.data.time[rows], np.log(fit.data.value[rows]))
        assert np.log(fit.estimates.loc[f"T0[{arm}]", "estimate"]) == pytest.approx(expected[0], abs=1e-5)
        assert fit.estimates.loc[f"kg[{arm}]", "estimate"] == pytest.approx(expected[1], abs=1e-6)


@needs(CT26)
def test_ct26_recovers_its_recorded_rates(ct26: pkpd.Fit) -> None:
    recorded = {
        "PBS 3": 0.187187, "PBS 7": 0.247279, "rVSV-GFP 4": -0.033876, "rVSV-GFP 5": 0.102132,
        "rVSV-mIL12-mGMCSF 1": -0.032870, "rVSV-mIL12-mGMCSF 5": -0.007230, "rVSV-mIL12-mGMCSF 8": -0.048309,
    }  # fmt: skip
    rates = ct26_mice.rates(ct26)
    assert (ct26.n_observations, int(ct26.data.censored.sum())) == (215, 17)
    assert ct26.log_likelihood == pytest.approx(-1111.0213, abs=1e-3)
    assert ct26.estimates.loc["sd_log[T]", "estimate"] == pytest.approx(0.42835, abs=1e-4)
    for arm, rate in recorded.items():
        assert rates.loc[arm, "estimate"] == pytest.approx(rate, abs=2e-5), arm
    medians = rates.groupby("group")["estimate"].median()
    assert medians.to_numpy() == pytest.approx([0.19098, 0.14129, 0.11049], abs=1e-4)
    by_group = {group: rows["estimate"] for group, rows in rates.groupby("group")}
    p = [mannwhitneyu(by_group["PBS"], by_group[group]).pvalue for group in ct26_mice.GROUPS[1:]]
    assert p == pytest.approx([0.08298, 0.06496], abs=1e-4)


@needs(CT26)
@pytest.mark.parametrize("arm", ["PBS 3", "rVSV-GFP 4", "rVSV-mIL12-mGMCSF 5"])
def test_ct26_is_a_tobit_regression(ct26: pkpd.Fit, arm: str) -> None:
    """scipy's maximum of the censored normal likelihood of one mouse, at the common SD."""
    rows = ct26.data.rows(arm)
    days, logs, below = ct26.data.time[rows], np.log(ct26.data.value[rows]), ct26.data.censored[rows] == 1
    sd = ct26.estimates.loc["sd_log[T]", "estimate"]

    def minus_log_likelihood(p: np.ndarray) -> float:
        line = p[0] + p[1] * days
        measured = norm.logpdf(logs[~below], line[~below], sd).sum()
        return float(-measured - norm.logcdf(logs[below], line[below], sd).sum())

    options = {"xatol": 1e-9, "fatol": 1e-12, "maxiter": 5000}
    best = minimize(minus_log_likelihood, [3, 0.1], method="Nelder-Mead", options=options).x
    assert np.log(ct26.estimates.loc[f"T0[{arm}]", "estimate"]) == pytest.approx(best[0], abs=1e-5)
    assert ct26.estimates.loc[f"kg[{arm}]", "estimate"] == pytest.approx(best[1], abs=1e-6)


@needs(CT26)
def test_without_the_zeros_every_ct26_tumor_would_grow(ct26: pkpd.Fit) -> None:
    with pytest.warns(UserWarning, match="17 of 215 observations"):
        without = pkpd.fit(ct26.model, ct26.data, ct26_mice.FREE, error=ct26_mice.ERROR, blq="M1")
    assert (ct26_mice.rates(ct26)["estimate"] < 0).sum() == 4
    assert ct26_mice.rates(without)["estimate"].min() == pytest.approx(0.0252, abs=1e-4)


# ---- classes of tumors


def class_table(path: Path) -> Path:
    """A study whose classes are known: controls double in 3 days, four treated animals do not."""
    days, rng = np.arange(0, 25, 2), np.random.default_rng(1)
    rates = {f"c{i}": ("Control", 0.23 + 0.01 * i) for i in range(4)}
    rates |= {"as": ("Drug", 0.24), "modest": ("Drug", 0.08), "stable": ("Drug", 0.0), "regressing": ("Drug", -0.1)}
    rows = [
        ("Study 1", treatment, name, day, 200 * np.exp(rate * day + 0.05 * rng.standard_normal()))
        for name, (treatment, rate) in rates.items()
        for day in days
    ]
    rows += [("Study 1", "Drug", "never", day, 1.0) for day in days]
    columns = ["study", "treatment", "animal_id", "day", "tumour_volume"]
    pd.DataFrame(rows, columns=columns).to_csv(path, index=False)
    return path


def test_simulated_animals_have_their_classes(tmp_path: Path) -> None:
    fit = tumor_classes.run(class_table(tmp_path / "table.csv"))
    kinds = tumor_classes.classes(fit)["class"]
    assert "Drug never" not in kinds.index
    assert kinds.filter(like="Control").eq("non-responder").all()
    expected = {"as": "non-responder", "modest": "modest", "stable": "stable", "regressing": "regressing"}
    assert {name: kinds[f"Drug {name}"] for name in expected} == expected
    assert tumor_classes.counts(fit).loc["Drug"].tolist() == [1, 1, 1, 1]


def test_a_study_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(pkpd.DataError, match="no study 'Study 9'; expected Study 1"):
        tumor_classes.run(class_table(tmp_path / "table.csv"), "Study 9")


@needs(CLASSES)
@pytest.mark.slow
@pytest.mark.parametrize(
    ("study", "log_likelihood", "sd", "drug_a", "drug_b", "agreeing"),
    [
        ("Study 1", -1982.7075, 0.29023, [14, 0, 0, 0], [3, 6, 1, 0], 38),
        ("Study 2", -2341.3007, 0.46821, [9, 6, 0, 0], [3, 2, 3, 2], 39),
        ("Study 3", -2791.4628, 0.49072, [9, 1, 0, 0], [6, 3, 0, 1], 49),
    ],
)
def test_classes_recover_their_recorded_counts(
    study: str, log_likelihood: float, sd: float, drug_a: list[int], drug_b: list[int], agreeing: int
) -> None:
    fit = tumor_classes.run(CLASSES, study)
    counts = tumor_classes.counts(fit)
    assert fit.log_likelihood == pytest.approx(log_likelihood, abs=1e-2)
    assert fit.estimates.loc["sd_log[T]", "estimate"] == pytest.approx(sd, abs=1e-4)
    assert [counts.loc["Drug A"].tolist(), counts.loc["Drug B"].tolist()] == [drug_a, drug_b]
    kinds = tumor_classes.classes(fit)["class"]
    assert sum(kinds[arm] == kind for arm, kind in package_classes(fit).items()) == agreeing


def package_classes(fit: pkpd.Fit) -> dict[str, str]:
    """As INSPECTumours tests the rates: a line through the logarithms of 15 or more, a t-test with N - 1."""
    limit, kinds = tumor_classes.control_limit(fit), {}
    for arm in fit.data.arms:
        rows = fit.data.rows(arm)
        (slope, _), covariance = np.polyfit(fit.data.time[rows], np.log(fit.data.value[rows]), 1, cov=True)
        p = 2 * student.sf(abs(slope) / covariance[0, 0] ** 0.5, len(rows) - 1)
        responder = "stable" if p > 0.05 else "modest" if slope > 0 else "regressing"
        kinds[arm] = responder if tumor_classes.responds(fit, arm, limit) else "non-responder"
    return kinds


# ---- xenografts under erlotinib or gefitinib

TRUTH = {"V": 0.15, "CL": 1.3, "lambda0": 0.12, "lambda1": 0.1, "k1": 1.0, "k2": 0.1}


def xenograft_tables(folder: Path) -> Path:
    """Simulated mice without error in the format of the source: two controls and four on erlotinib."""
    mice, samples = [], []
    for mouse, milligrams in enumerate([0, 0, 0.2, 0.6, 2.5, 2.5], start=1):
        start = 80.0 + 10 * mouse
        own = {"V": TRUTH["V"], "KE": TRUTH["CL"] / TRUTH["V"]}
        head = {"#ID": mouse, "DRUG": 1 if milligrams else 2, "DOSE GROUP": 40 * milligrams} | own
        if milligrams:
            mice += [head | {"TIME": 3, "DOSE": 1000 * milligrams}]
            mice += [head | {"TIME": 4, "DOSE": 1000 * milligrams, "ADDL": 9, "II": 1}]
        doses = pkpd.bolus(milligrams, "oral", every=1, n=11).shift(3) if milligrams else None
        values = {**TRUTH, "ka": 55, "w0": start / 1000}
        run = pkpd.simulate(egfr_xenografts.MODEL, doses, times=np.arange(0, 31, 2.5), parameters=values, rtol=1e-9)
        volumes = zip(run["time"].values, run["w"].values, strict=True)
        mice += [head | {"TIME": t, "Y": 1000 * w, "YTYPE": 2} for t, w in volumes]
        times = [10.05, 10.3, 11.0]
        course = pkpd.simulate(egfr_xenografts.MODEL, doses, times=times, parameters=values, rtol=1e-9)["C"].to_numpy()
        for t, C in zip(times, course, strict=True):
            below = C < 0.952e-3
            sample = head | {"TIME": t, "Y": 0.952 if below else 1000 * C, "YTYPE": 1, "CENS": 1 if below else np.nan}
            samples += [sample] if milligrams else []
    pd.DataFrame(mice).to_csv(folder / egfr_xenografts.MICE, sep=";", na_rep=".", index=False)
    pd.DataFrame(samples).to_csv(folder / "PK_LXF_erlo.csv", sep=";", na_rep=".", index=False)
    return folder / egfr_xenografts.MICE


def test_simulated_xenografts_are_read_with_their_doses(tmp_path: Path) -> None:
    data = egfr_xenografts.with_plasma(xenograft_tables(tmp_path))
    assert data.arms == ("1", "2", "3", "4", "5", "6")
    assert data.regimens["1"] is None
    assert data.regimens["4"] is not None
    assert [dose.time for dose in data.regimens["4"].doses] == list(range(3, 14))
    assert int(data.censored.sum()) == 2  # those of a day after the two lower doses
    assert egfr_xenografts.observations(tmp_path / egfr_xenografts.MICE, controls=False).arms == ("3", "4", "5", "6")


def test_a_missing_table_of_samples_is_named(tmp_path: Path) -> None:
    path = xenograft_tables(tmp_path)
    (tmp_path / "PK_LXF_erlo.csv").unlink()
    with pytest.raises(pkpd.DataError, match=r"PK_LXF_erlo.csv is not a file"):
        egfr_xenografts.with_plasma(path)


@pytest.mark.slow
def test_simulated_xenografts_give_back_what_they_were_made_of(tmp_path: Path) -> None:
    data = egfr_xenografts.with_plasma(xenograft_tables(tmp_path))
    small = {"C": pkpd.lognormal_error(0.05).fixed(), "w": pkpd.proportional_error(0.05).fixed()}
    fit = pkpd.fit(egfr_xenografts.MODEL, data, egfr_xenografts.FREE["erlotinib"], parameters={"ka": 55}, error=small)
    for name, value in TRUTH.items():
        assert fit.estimates.loc[name, "estimate"] == pytest.approx(value, rel=1e-2), name


def test_xenografts_as_records_have_the_doses_and_the_plasma_of_each_mouse(tmp_path: Path) -> None:
    """Predicted with what they were made of, their volumes are those of the table."""
    data = egfr_xenografts_population.records(xenograft_tables(tmp_path), groups=(0, 8, 24, 100))
    table = data.table
    assert list(dict.fromkeys(table["dose"])) == ["control", "8 mg/kg", "24 mg/kg", "100 mg/kg"]
    assert table["CL"].to_numpy() == pytest.approx(TRUTH["CL"])
    assert set(table.loc[table["dose"] == "control", "exposed"]) == {25.0}  # no effect, and none of dose
    growth = {k: TRUTH[k] for k in ("lambda0", "lambda1", "k1", "k2")}
    for mouse in (1, 4, 6):
        own = pkpd.read_nonmem(table[table["ID"] == mouse], compartments={1: "oral", 2: "central"})
        start = (80 + 10 * mouse) / 1000
        predicted = pkpd.predict(
            egfr_xenografts.MODEL, own, parameters={**growth, "ka": 55, "w0": start}, covariates=("V", "CL"), rtol=1e-9
        )
        seen = (own.table["EVID"] == 0).to_numpy()
        assert predicted["w"].to_numpy()[seen] == pytest.approx(own.table["DV"].to_numpy()[seen], rel=1e-6)


POPULATION = {
    "w0": (0.1109, 0.0084), "lambda0": (0.2559, 0.0325), "lambda1": (0.08384, 0.0120), "k2": (0.1486, 0.0243),
    "k1": (2.193, 0.237), "sd_additive[w]": (0.01735, 0.0022), "sd_proportional[w]": (0.1074, 0.0072),
    "omega[w0]": (0.4046, 0.0553), "omega[lambda0]": (0.5344, 0.0953), "omega[lambda1]": (0.6868, 0.116),
    "omega[k2]": (0.6198, 0.1285),
}  # fmt: skip


@needs(XENOGRAFTS)
@pytest.mark.slow
def test_xenografts_as_a_population_recover_their_recorded_estimates(tmp_path: Path) -> None:
    """And mice differ in more than their first volume: 399 points for three spreads."""
    fit = egfr_xenografts_population.run(XENOGRAFTS)
    assert fit.converged
    assert (fit.n_subjects, fit.n_observations) == (32, 424)
    assert fit.objective == pytest.approx(-1855.964, abs=0.02)
    for label, (value, se) in POPULATION.items():
        assert fit.estimates.loc[label, "estimate"] == pytest.approx(value, rel=5e-3), label
        assert fit.estimates.loc[label, "se"] == pytest.approx(se, rel=0.03), label
    pooled = pkpd.fit(egfr_xenografts_population.pooled, fit.records, outputs="w", covariance=None)
    test = pkpd.likelihood_ratio(pooled, fit)
    assert (test.degrees, test.variances) == (3, 3)
    assert test.drop == pytest.approx(399.1, abs=0.1)
    by_dose = pkpd.fit(egfr_xenografts_population.by_dose, fit.records, outputs="w", start=fit, covariance=None)
    assert pkpd.likelihood_ratio(fit, by_dose).p == pytest.approx(0.228, abs=0.005)
    drawn = egfr_xenografts_population.draw(fit, tmp_path / "mice.png")
    assert all(path.stat().st_size > 10_000 for path in drawn)


@needs(XENOGRAFTS)
@pytest.mark.slow
def test_xenografts_at_a_dose_held_out_regress_more_than_predicted() -> None:
    calibrated = egfr_xenografts_population.calibration(XENOGRAFTS)
    assert calibrated.estimates.loc["k2", "estimate"] == pytest.approx(0.0911, rel=5e-3)
    assert calibrated.objective == pytest.approx(-1367.781, abs=0.02)
    predicted = egfr_xenografts_population.prediction(calibrated, XENOGRAFTS)
    assert predicted.n_subjects == 8
    found = egfr_xenografts_population.misfit(predicted)
    assert found.loc["7 to 11"].to_numpy() == pytest.approx([0.061, 0.151, 0.708], abs=1e-2)
    assert found.loc["23 to 30"].to_numpy() == pytest.approx([0.310, 0.534, 1.0], abs=1e-2)


@needs(XENOGRAFTS)
def test_the_benchmark_fit_has_24_arms(tmp_path: Path) -> None:
    data = egfr_xenografts.observations(XENOGRAFTS, controls=False)
    assert (len(data.arms), len(data)) == (24, 322)


RECORDED = {
    "erlotinib": {
        "V": (0.13524, 0.03997), "CL": (1.1716, 0.2980), "lambda0": (0.090392, 0.002696), "lambda1": (0.10206, 0.00961),
        "k1": (5.264, 3.94), "k2": (0.065741, 0.018093), "sd_additive[w]": (0.053644, 0.005035),
        "sd_proportional[w]": (0.15527, 0.01516), "sd_log[C]": (1.4107, 0.1870),
    },
    "gefitinib": {
        "V": (0.94381, 0.16052), "CL": (4.3270, 0.5787), "lambda0": (0.094908, 0.002345), "lambda1": (0.11753, 0.01095),
        "k2": (0.22973, 0.03720), "sd_additive[w]": (0.055555, 0.004463), "sd_proportional[w]": (0.15081, 0.01462),
        "sd_log[C]": (0.87919, 0.09446),
    },
}  # fmt: skip
PUBLISHED_CL = {"erlotinib": 7.56 * 0.127, "gefitinib": 3.87 * 1.40}  # L/day, Eigenmann 2016


@needs(XENOGRAFTS)
@pytest.mark.slow
@pytest.mark.parametrize(("drug", "log_likelihood"), [("erlotinib", 363.1778), ("gefitinib", 431.5815)])
def test_xenografts_recover_their_recorded_estimates(drug: str, log_likelihood: float, tmp_path: Path) -> None:
    fit = egfr_xenografts.run(XENOGRAFTS, drug)
    assert fit.log_likelihood == pytest.approx(log_likelihood, abs=2e-3)
    assert fit.success
    for name, (value, se) in RECORDED[drug].items():
        tolerance = 0.02 if name == "k1" else 1e-3  # a flat direction
        assert fit.estimates.loc[name, "estimate"] == pytest.approx(value, rel=tolerance), name
        assert fit.estimates.loc[name, "se"] == pytest.approx(se, rel=3 * tolerance), name
    CL = fit.estimates.loc["CL"]
    assert CL["ci_low"] < PUBLISHED_CL[drug] < CL["ci_high"]
    assert egfr_xenografts.draw(fit, tmp_path / "mice.png").stat().st_size > 10_000


@pytest.mark.slow
@needs(CT26)
def test_mice_have_a_panel_each(ct26: pkpd.Fit, tmp_path: Path) -> None:
    assert ct26_mice.draw(ct26, tmp_path / "mice.png").stat().st_size > 10_000
