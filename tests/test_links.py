"""Published links from tumors and responses to survival, against closed forms, the shared facts and trials."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.integrate import quad
from scipy.stats import lognorm, norm

import pkpd
from pkpd.arrays import Array
from pkpd.models import claret_2014, claret_2014_dcr, franzese_2026, ribba_2022, struemper_2025

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
FACTS = SHARED / "nsclc_link_models" / "models.csv"
HAZARDS = SHARED / "nsclc_link_models" / "franzese_2026_hazards.csv"
PRECISE = {"rtol": 1e-9, "atol": 1e-12, "on_failure": "raise"}


def needs(path: Path) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not path.exists(), reason=f"the third-party {path.name} is not part of the repository")


# ---- claret_2014


@pytest.mark.parametrize("method", ["scipy", "numpy"])
def test_claret_2014_tumor_size_is_its_closed_form(method: str) -> None:
    t = np.array([0.0, 30, 56, 200, 700])
    who = {"TS0": 120.0, "KL": 0.002, "KDE": 0.02, "lambda_": 0.015}
    run = pkpd.simulate(claret_2014.model, times=t, parameters=who, method=method, **PRECISE)
    expected = 120 * np.exp(0.002 * t - 0.02 / 0.015 * (1 - np.exp(-0.015 * t)))
    np.testing.assert_allclose(run["TS"], expected, rtol=1e-7)


def test_claret_2014_time_to_growth_is_that_of_the_smallest_tumor() -> None:
    t = np.linspace(0, 300, 6001)
    run = pkpd.simulate(claret_2014.model, times=t, **PRECISE)
    assert t[int(run["TS"].to_numpy().argmin())] == pytest.approx(float(run["TTG"][0]), abs=0.05)


def test_claret_2014_survival_is_log_normal_in_days() -> None:
    t = np.array([1.0, 100, 400, 1000])
    who = {"asian": 1, "smoker": 0, "TS0": 60.0, "ALB": 33.0}
    run = pkpd.simulate(claret_2014.model, times=t, parameters=who)
    TTG = np.log(0.0103 / 0.00107) / 0.0193
    mu = 1.079 - 0.00197 * 60 + 0.97695 * np.log(TTG + 100) + 0.319
    np.testing.assert_allclose(run["S"], lognorm(np.exp(-0.24), scale=np.exp(mu)).sf(t), rtol=1e-10)
    evaluable = lognorm(np.exp(0.502), scale=np.exp(0.681 + 0.108 * 33))
    np.testing.assert_allclose(run["Sn"], evaluable.sf(t), rtol=1e-10)


def test_claret_2014_has_no_survival_where_its_logarithm_does_not_exist() -> None:
    """TTG of -100 days and below: as many draws as the integral over lambda of the published spreads says."""
    people = pkpd.population(claret_2014.model, 40_000, 3, variability=claret_2014.variability)
    run = pkpd.simulate(claret_2014.model, times=[0, 365], parameters=people, outputs=["TS", "TTG", "mu", "S"])
    undefined = run["TTG"].isel(time=0) <= -100
    assert np.array_equal(np.isnan(run["S"].isel(time=1)), undefined)
    assert not np.isnan(run["TS"]).any()

    def below(rate: float) -> float:
        center, spread = np.log(0.0103 / 0.00107), np.hypot(0.679, 1.18)
        return norm.cdf((-100 * rate - center) / spread) * lognorm(0.797, scale=0.0193).pdf(rate)

    assert float(undefined.mean()) == pytest.approx(quad(below, 0, 1)[0], abs=4 * np.sqrt(0.005 / 40_000))


def test_claret_2014_as_printed_contradicts_its_own_medians() -> None:
    """Why KDE and lambda are exchanged: as Table S1 prints them no median of the paper comes out."""
    printed = pkpd.simulate(claret_2014.model, times=[0, 56], parameters={"KDE": 0.0193, "lambda_": 0.0103})
    assert float(printed["TTG"][0]) > 2 * 125
    assert float(printed["TS"][1] / printed["TS"][0]) < 0.5


@needs(FACTS)
def test_links_have_the_values_of_the_shared_table() -> None:
    facts = pd.read_csv(FACTS).set_index(["model", "parameter"])["value"]
    size, OS = facts["Claret 2014 MONET1 TGI"].astype(float), facts["Claret 2014 MONET1 OS"].astype(float)
    ours = {name: claret_2014.model[name].value for name in claret_2014.model.parameters.index}
    assert [ours[k] for k in ("TS0", "KL", "KDE", "lambda_")] == list(size[["BASE", "KL", "KDE", "lambda"]])
    assert [ours[k] for k in ("mu0", "b_TS", "b_TTG", "b_asian", "b_smoker")] == list(OS.iloc[:5])
    assert np.log(ours["sigma"]) == pytest.approx(OS["log_scale"])
    for endpoint, names in (
        ("OS", ("mu_OS0", "b_OS_DCR", "b_OS_ALB")),
        ("PFS", ("mu_PFS0", "b_PFS_DCR", "b_PFS_BEV")),
    ):
        theirs = facts[f"Claret 2014 DCR-{endpoint}"].astype(float)
        assert [claret_2014_dcr.model[name].value for name in names] == list(theirs.iloc[:3])
        assert np.log(claret_2014_dcr.model[f"sigma_{endpoint}"].value) == pytest.approx(theirs["log_scale"])
    sld = facts["Ribba 2022 OAK atezolizumab SLD"].astype(float)
    assert [ribba_2022.model[k].value for k in ("kg", "ks")] == list(sld[["kge", "kse"]])
    assert float(facts["Franzese 2026 MBMA ORR", "durvalumab_mono"]) == franzese_2026.model["a"].value
    assert float(facts["Franzese 2026 MBMA OS", "slope_mono"]) == franzese_2026.model["b_OS"].value


# ---- claret_2014_dcr


@pytest.mark.parametrize("DCR", [0, 1])
def test_claret_2014_dcr_hazards_make_log_normal_times(DCR: int) -> None:
    t = np.array([0.0, 0.5, 2, 6, 12, 24, 60])
    run = pkpd.simulate(
        claret_2014_dcr.model, times=t, parameters={"DCR": DCR, "low_ALB": 1, "BEV": 1}, method="scipy", **PRECISE
    )
    OS = lognorm(np.exp(-0.370), scale=np.exp(1.855 + 0.939 * DCR - 0.270)).sf(t)
    PFS = lognorm(np.exp(-0.641), scale=np.exp(0.466 + 1.378 * DCR + 0.232)).sf(t)
    np.testing.assert_allclose(run["S_OS"], OS, atol=1e-6)
    np.testing.assert_allclose(run["S_PFS"], PFS, atol=2e-6)


def test_claret_2014_dcr_estimates_are_drawn_with_their_published_errors() -> None:
    """z = estimate/error, as the tables print it."""
    drawn = pkpd.population(claret_2014_dcr.model, 20_000, 5, variability=claret_2014_dcr.uncertainty)
    printed = {
        "mu_OS0": 30.2, "b_OS_DCR": 14.5, "b_OS_ALB": -4.5, "mu_PFS0": 9.8, "b_PFS_DCR": 26.2, "b_PFS_BEV": 5.4,
    }  # fmt: skip
    for name, z in printed.items():
        assert np.mean(drawn[name]) / np.std(drawn[name]) == pytest.approx(z, rel=0.03), name
    for name, z in (("sigma_OS", -12.0), ("sigma_PFS", -22.7)):
        values = np.log(drawn[name])
        assert np.mean(values) / np.std(values) == pytest.approx(z, rel=0.03), name


# ---- links as functions of what another tumor model or a trial gives


def test_links_are_functions_of_metrics_from_anywhere() -> None:
    """The same survival as that of each model, at its own metrics."""
    t = np.array([50.0, 300, 900])
    for name, link, metrics, days in (
        ("claret_2014", claret_2014.os_times, ("TTG", "TS0"), 1),
        ("struemper_2025", struemper_2025.os_times, ("kgi", "TTG", "TSb"), 7),
    ):
        model = pkpd.load(name)
        people = pkpd.population(model, 20, 1)
        run = pkpd.simulate(model, times=t / days, parameters=people)
        own = {"TTG": run["TTG"].isel(time=0).to_numpy(), "TS0": people["TS0"], "TSb": people["TS0"]}
        own["kgi"] = people["kge"] if name == "struemper_2025" else None
        times = link(*(own[metric] for metric in metrics))
        np.testing.assert_allclose(times.sf(t[:, None]).T, run["S"], rtol=1e-9)


def test_disease_control_of_a_trial_becomes_times_to_events() -> None:
    """Drawn for 20,000 patients of whom 70 % have disease control, as the mixture of two log-normal curves says."""
    DCR = np.random.default_rng(1).random(20_000) < 0.7
    OS = pkpd.draw_times(claret_2014_dcr.os_times(DCR), len(DCR), 2)
    curve = pkpd.kaplan_meier(OS, np.ones(len(OS), bool))
    landmarks = pkpd.landmark_survival(curve, [6, 12, 24])["survival"].to_numpy()
    run = pkpd.simulate(claret_2014_dcr.model, times=[6, 12, 24], parameters={"DCR": [0, 1]})
    expected = np.array([1 - DCR.mean(), DCR.mean()]) @ run["S_OS"].to_numpy()
    np.testing.assert_allclose(landmarks, expected, atol=0.015)
    np.testing.assert_allclose(
        claret_2014_dcr.pfs_times([0, 1], BEV=1).sf([[6], [12], [24]]).T,
        pkpd.simulate(claret_2014_dcr.model, times=[6, 12, 24], parameters={"DCR": [0, 1], "BEV": 1})["S_PFS"],
        atol=1e-5,
    )


def test_a_time_to_growth_without_published_survival_is_refused() -> None:
    with pytest.raises(pkpd.ParameterError, match="a time to growth is -120 day; the published link needs more than"):
        claret_2014.os_times([30, -120], 80)


@needs(SHARED / "km_pdl1_nsclc_sifi")
def test_claret_2014_beside_a_trial_it_has_not_seen() -> None:
    """As its docstring has it: survival under first-line chemotherapy in KEYNOTE-042."""
    months = np.array([6, 12, 18, 24, 30])
    covariates = {"asian": pkpd.categorical({0: 0.79, 1: 0.21}), "smoker": pkpd.categorical({0: 0.2, 1: 0.8})}
    people = pkpd.population(
        claret_2014.model, 4000, 1, variability=claret_2014.variability, covariates=covariates
    )  # fmt: skip
    run = pkpd.simulate(claret_2014.model, times=months * 30.44, parameters=people, outputs=["S", "Sn"])
    # Over those whose survival the link gives: 0.5 % have none.
    evaluable, rest = (run[name].mean("member", skipna=True).to_numpy() for name in ("S", "Sn"))
    rows = pd.read_csv(SHARED / "km_pdl1_nsclc_sifi" / "keynote-042_mok2019_fig2c.csv")
    theirs = curve(rows[rows["arm"] == "chemotherapy"], months)
    assert np.abs(evaluable - theirs).max() < 0.025
    low = 0.86 * evaluable + 0.14 * rest - theirs
    assert (low < 0).all()
    assert low.min() > -0.05


def struemper_survival(months: Array, statement: object, using: dict[str, object], **values: float) -> Array:
    model = struemper_2025.model.using(**using)
    people = pkpd.population(model, 4000, 1, variability=statement)
    columns = {name: people[name] for name in people.columns}
    run = pkpd.simulate(model, times=months * 30.44 / 7, parameters={**columns, "N": 2, **values}, outputs=["S"])
    return np.asarray(run["S"].mean("member"))


@needs(SHARED / "km_pdl1_nsclc_sifi")
def test_struemper_2025_beside_trials_it_has_not_seen() -> None:
    """As its docstring has it: docetaxel as in OAK; pembrolizumab as in KEYNOTE-042 late, and too well early."""
    months = np.array([6, 12, 18, 24, 30])
    docetaxel = {"kge": "chemotherapy", "kse": "chemotherapy", "PD1": 0}
    oak = pd.read_csv(SHARED / "km_pdl1_nsclc_sifi" / "oak_fehrenbacher2018_fig1a.csv")
    ours = struemper_survival(months, struemper_2025.variability_others, docetaxel)
    assert np.abs(ours - curve(oak[oak["arm"] == "docetaxel"], months)).max() < 0.045
    keynote = pd.read_csv(SHARED / "km_pdl1_nsclc_sifi" / "keynote-042_mok2019_fig2a.csv")
    excess = struemper_survival(months, struemper_2025.variability, {}, PDL1=70) - curve(
        keynote[keynote["arm"] == "pembrolizumab"], months
    )
    assert 0.1 < excess[0] < 0.16
    assert (np.diff(excess) < 0).all()
    assert np.abs(excess[3:]).max() < 0.045


# ---- ribba_2022


def test_ribba_2022_is_two_times_stein_tied_by_one_decay() -> None:
    t = np.array([0.0, 21, 63, 200])
    who = {"TS0": 90.0, "kg": 0.002, "ks": 0.01, "DNA0": 1000.0, "kg_DNA": 0.004, "zeta": 1.5}
    run = pkpd.simulate(ribba_2022.model, times=t, parameters=who, **PRECISE)
    np.testing.assert_allclose(run["TS"], 90 * (np.exp(-0.01 * t) + np.exp(0.002 * t) - 1), rtol=1e-7)
    np.testing.assert_allclose(run["lgDNA"], 3 * (np.exp(-0.015 * t) + np.exp(0.004 * t) - 1), rtol=1e-7)
    untied = pkpd.simulate(ribba_2022.model, times=t, parameters={**who, "ks": 0.02}, **PRECISE)
    assert float(untied["lgDNA"][2]) < float(run["lgDNA"][2])


@needs(SHARED / "nsclc_ghaffari_laleh_2022")
def test_deciles_of_study_4_are_those_of_its_patients() -> None:
    from pkpd.fits.reproductions.ribba_2022 import DECILES, STUDY_4, STUDY_4_RESPONSES

    rows = pd.read_csv(SHARED / "nsclc_ghaffari_laleh_2022" / "study4.csv")
    text = rows["TargetLesionLongDiam_mm"].astype(str)
    size = pd.to_numeric(text, errors="coerce").where(~text.str.contains("SMALL"), 5.0)
    rows = rows.assign(size=size).dropna(subset=["size"]).sort_values("TreatmentDay")
    before = rows[rows["TreatmentDay"] <= 7].groupby("PatientID")["size"].last()
    after = rows[rows["TreatmentDay"] > 7].groupby("PatientID")["size"].min()
    change = (after / before - 1).dropna()
    assert len(change) == 701
    np.testing.assert_allclose(np.quantile(change, DECILES), STUDY_4, atol=5e-4)
    assert (change <= -0.3).mean() == pytest.approx(STUDY_4_RESPONSES, abs=5e-4)


# ---- franzese_2026


def arm(name: str, months: Array, **values: float) -> xr.Dataset:
    return pkpd.simulate(
        franzese_2026.model.using(**franzese_2026.treatment(name)), times=months, parameters=values, **PRECISE
    )


@needs(HAZARDS)
@pytest.mark.parametrize("name", ["durvalumab", "pembrolizumab", "atezolizumab_chemotherapy", "chemotherapy"])
def test_franzese_2026_is_the_product_of_its_monthly_probabilities(name: str) -> None:
    table = pd.read_csv(HAZARDS)
    months = np.arange(0, 57)
    run = arm(name, months, PDL1=0.4, line2=1, squamous=0.3, ECOG0=0.5, asian=0.2)
    a, kind = franzese_2026.TREATMENTS[name]
    c1, c2, b_OS, b_PFS, mono, chemo = franzese_2026.KINDS[kind]
    ORR = 1 / (1 + np.exp(-(a - 0.697 + c1 * 0.4 + c2 * 0.16 + 0.282 * 0.3 * chemo)))
    OS = b_OS * ORR - 0.595 * ORR * 0.2 + 0.213 * 0.3 * chemo - 0.4 * 0.5 * (1 - chemo)
    PFS = 0.410 * mono + b_PFS * ORR + 0.186 * 0.3 * chemo - 0.293 * 0.5
    shift = table["pfs_chemo_shift"].fillna(0)[:56] * chemo
    left_OS = np.cumprod((1 - np.exp(table["os_log_p"][:56])) ** np.exp(OS))
    left_PFS = np.cumprod((1 - np.exp(table["pfs_log_p"][:56])) ** np.exp(PFS + shift))
    np.testing.assert_allclose(run["ORR"][0], ORR, rtol=1e-12)
    np.testing.assert_allclose(run["S_OS"][1:], left_OS, rtol=1e-7)
    np.testing.assert_allclose(run["S_PFS"][1:], left_PFS, rtol=1e-7)


@pytest.mark.parametrize("name", ["durvalumab", "pembrolizumab", "chemotherapy", "nivolumab_ipilimumab"])
def test_franzese_2026_response_rate_is_that_of_the_model(name: str) -> None:
    run = arm(name, np.array([0, 1]), PDL1=0.6, line2=1, squamous=0.3)
    rates = franzese_2026.response_rate(name, [0.0, 0.6], line2=1, squamous=0.3)
    assert rates[1] == pytest.approx(float(run["ORR"][0]), rel=1e-12)


def test_franzese_2026_hangs_on_pdl1_by_way_of_response_alone() -> None:
    """Without the effect of response, PD-L1 does nothing to survival."""
    low, high = (arm("durvalumab", np.array([0, 12]), PDL1=x) for x in (0.05, 0.9))
    assert float(high["S_OS"][1] - low["S_OS"][1]) > 0.1
    cut = {"b_OS": 0.0, "b_asian": 0.0, "b_PFS": 0.0}
    low, high = (arm("durvalumab", np.array([0, 12]), PDL1=x, **cut) for x in (0.05, 0.9))
    np.testing.assert_allclose(low[["S_OS", "S_PFS"]].to_array(), high[["S_OS", "S_PFS"]].to_array(), rtol=1e-9)


def test_franzese_2026_with_the_effect_of_the_line_as_its_copy_has_it_responds_too_often() -> None:
    """+0.697 in first line, beside the same intercepts: a quarter in OAK's second line, where 14 % responded."""
    copied = arm("atezolizumab", np.array([0, 1]), line2=1, b_line=0)
    assert float(copied["ORR"][0]) == pytest.approx(0.25, abs=0.01)
    ours = arm("atezolizumab", np.array([0, 1]), line2=1)
    assert float(ours["ORR"][0]) == pytest.approx(58 / 425, abs=0.01)


def test_franzese_2026_strata_have_the_published_spread() -> None:
    drawn = pkpd.population(franzese_2026.model, 40_000, 9, variability=franzese_2026.variability)
    published = {"eta_ORR": 0.346, "eta_OS": 0.011, "eta_b_OS": 0.673, "eta_PFS": 0.199, "eta_b_PFS": 0.251}
    etas = np.stack([drawn[name] for name in published])
    np.testing.assert_allclose(etas.std(axis=1), list(published.values()), rtol=0.02)
    correlation = np.corrcoef(etas)
    assert correlation[3, 4] == pytest.approx(-0.642, abs=0.01)
    correlation[3, 4] = correlation[4, 3] = 0
    np.testing.assert_allclose(correlation, np.eye(5), atol=0.02)


def test_franzese_2026_names_the_nearest_treatment() -> None:
    with pytest.raises(pkpd.UnknownNameError, match="Did you mean 'durvalumab'"):
        franzese_2026.treatment("durvalumb")


def curve(rows: pd.DataFrame, months: Array) -> Array:
    """Kaplan and Meier's estimate at `months`, by counting."""
    rows = rows.sort_values("time")
    at_risk = len(rows) - np.searchsorted(rows["time"], np.unique(rows["time"]))
    events = rows.groupby("time")["event"].sum().to_numpy()
    left = np.append(1.0, np.cumprod(1 - events / at_risk))
    return np.asarray(left[np.searchsorted(np.unique(rows["time"]), months, side="right")])


@needs(SHARED / "km_pdl1_nsclc_sifi")
def test_franzese_2026_beside_survival_in_oak() -> None:
    """Under docetaxel within 6 points for two years; under atezolizumab up to 9 points too low."""
    rows = pd.read_csv(SHARED / "km_pdl1_nsclc_sifi" / "oak_fehrenbacher2018_fig1a.csv")
    months = np.arange(0, 25)
    misfit = {}
    for theirs, ours in (("docetaxel", "chemotherapy"), ("atezolizumab", "atezolizumab")):
        misfit[ours] = arm(ours, months, line2=1)["S_OS"].to_numpy() - curve(rows[rows["arm"] == theirs], months)
    assert np.abs(misfit["chemotherapy"]).max() < 0.06
    assert -0.09 < misfit["atezolizumab"].min() < -0.04
    assert misfit["atezolizumab"].max() < 0.03


@needs(SHARED / "km_stage3_crt_kmdata")
def test_franzese_2026_beside_progression_in_keynote_024() -> None:
    """The antibody keeps more patients than it says; chemotherapy 3 points in the mean, most between two scans."""
    rows = pd.read_csv(SHARED / "km_stage3_crt_kmdata" / "KEYNOTE024_1A.csv")
    months = np.arange(0, 13)
    antibody = arm("pembrolizumab", months, PDL1=0.75)["S_PFS"].to_numpy()
    theirs = curve(rows[rows["arm"] == "pembrolizumab"], months)
    assert -0.15 < (antibody - theirs).min() < -0.05
    chemotherapy = arm("chemotherapy", months)["S_PFS"].to_numpy()
    misfit = np.abs(chemotherapy - curve(rows[rows["arm"] == "chemo"], months))
    assert misfit.max() == misfit[6] < 0.14
    assert misfit.mean() < 0.04
