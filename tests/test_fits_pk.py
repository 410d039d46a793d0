"""The pharmacokinetic examples, against closed forms, other programs' estimates and a likelihood of our own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import solve_ivp
from scipy.special import ndtr

import pkpd
from pkpd.arrays import Array
from pkpd.fits import (
    nimotuzumab,
    nsclc_lesions,
    pacific_survival,
    spdl1_nivolumab,
    theophylline,
    third_party,
    tumgr_rates,
    warfarin,
)

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
THEO, WARFARIN, NIMO = (SHARED / example.TABLE for example in (theophylline, warfarin, nimotuzumab))


def needs(path: Path) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not path.exists(), reason=f"the third-party {path.name} is not part of the repository")


def one_compartment(t: Array, mg: float, ka: float, CL: float, V: float) -> Array:
    """The concentration t after a dose into the depot (Gibaldi and Perrier 1982)."""
    after = np.maximum(t, 0)
    return mg * ka / (V * (ka - CL / V)) * (np.exp(-CL / V * after) - np.exp(-ka * after))


# ---- where tables come from


def test_a_table_that_is_not_there_is_named_with_its_origin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(third_party.VARIABLE, raising=False)
    with pytest.raises(
        pkpd.DataError, match=r"needs theo_sd.csv, which is not part of pkpd \(theo_sd of the R package"
    ):
        theophylline.run()
    monkeypatch.setenv(third_party.VARIABLE, str(tmp_path))
    with pytest.raises(pkpd.DataError, match=r"nlmixr2data/theo_sd.csv is not a file; expected theo_sd.csv"):
        theophylline.run()


@pytest.mark.parametrize(
    "example", [nimotuzumab, nsclc_lesions, pacific_survival, spdl1_nivolumab, theophylline, tumgr_rates, warfarin]
)
def test_every_example_says_where_its_table_is_to_be_had(example: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(third_party.VARIABLE, raising=False)
    with pytest.raises(pkpd.DataError, match=r"which is not part of pkpd \(.*\. Give its path, or set PKPD_FITS_DATA"):
        example.main([])


def test_a_table_is_found_below_the_folder_or_at_its_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "nlmixr2data").mkdir()
    file = tmp_path / theophylline.TABLE
    file.write_text("ID\n")
    monkeypatch.setenv(third_party.VARIABLE, str(tmp_path))
    assert third_party.table(None, theophylline.TABLE, "") == file
    monkeypatch.delenv(third_party.VARIABLE)
    assert third_party.table(str(file), theophylline.TABLE, "") == file


# ---- theophylline


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two simulated subjects without error, in theophylline's layout: one set of parameters at 70 kg."""
    t = np.array([0.25, 0.5, 1, 2, 4, 8, 12, 24])
    frames = []
    for subject, kg in ((1, 50.0), (2, 100.0)):
        CL, V = 2.5 * (kg / 70) ** 0.75, 30 * kg / 70
        seen = {"TIME": t, "DV": one_compartment(t, 300, 1.2, CL, V), "AMT": 0.0, "EVID": 0, "CMT": 2}
        given = {"TIME": [0.0], "DV": 0.0, "AMT": 300.0, "EVID": 101, "CMT": 1}
        frames += [pd.DataFrame(rows).assign(ID=subject, WT=kg) for rows in (given, seen)]
    path = tmp_path_factory.mktemp("theophylline") / "theo_sd.csv"
    pd.concat(frames).to_csv(path, index=False)
    return path


def test_theophylline_finds_the_parameters_at_70_kg(simulated: Path) -> None:
    """Subjects of 50 and 100 kg have the same ones, individually and pooled."""
    expected = {"ka": 1.2, "CL70": 2.5, "V70": 30.0}
    individual = theophylline.run(simulated).estimates["estimate"]
    pooled = theophylline.pooled(simulated).estimates["estimate"]
    for name, value in expected.items():
        assert pooled[name] == pytest.approx(value, rel=1e-5)
        for subject in "12":
            assert individual[f"{name}[{subject}]"] == pytest.approx(value, rel=1e-5)


@pytest.fixture(scope="module")
def theo() -> pkpd.Fit:
    return theophylline.run(THEO)


@needs(THEO)
def test_theophylline_of_subject_1_is_that_of_r(theo: pkpd.Fit) -> None:
    """R's nls with SSfol (example of ?SSfol): lKe -2.9196, lKa 0.5752, lCl -3.9159, in L/h/kg."""
    kg = 79.6
    e = theo.estimates["estimate"]
    CL, V = e["CL70[1]"] * (kg / 70) ** 0.75, e["V70[1]"] * kg / 70
    logs = np.log([CL / V, e["ka[1]"], CL / kg])
    assert logs == pytest.approx([-2.9196, 0.5752, -3.9159], abs=1e-3)
    first = theo.residuals[theo.residuals["arm"] == "1"]["residual"]
    assert np.sqrt((first**2).sum() / 8) == pytest.approx(0.732, abs=1e-3)


@needs(THEO)
def test_theophylline_individually_is_twelve_fits_of_one(theo: pkpd.Fit) -> None:
    """Each subject's estimates are the least squares of the closed form alone."""
    from scipy.optimize import least_squares

    table = pd.read_csv(THEO)
    for subject in (2, 9, 10):
        rows = table[table["ID"] == subject]
        mg, kg, seen = rows["AMT"].max(), rows["WT"].iloc[0], rows[rows["EVID"] == 0]

        def residuals(log: Array, mg: float = mg, kg: float = kg, seen: pd.DataFrame = seen) -> Array:
            ka, CL70, V70 = np.exp(log)
            C = one_compartment(seen["TIME"].to_numpy(), mg, ka, CL70 * (kg / 70) ** 0.75, V70 * kg / 70)
            return np.asarray(C - seen["DV"])

        alone = np.exp(least_squares(residuals, np.log([1.5, 2.8, 32]), xtol=1e-12, ftol=1e-12).x)
        ours = [theo.estimates["estimate"][f"{name}[{subject}]"] for name in ("ka", "CL70", "V70")]
        assert ours == pytest.approx(list(alone), rel=1e-4)


@needs(THEO)
def test_theophylline_recovers_its_recorded_estimates(theo: pkpd.Fit) -> None:
    assert (theo.n_observations, theo.n_free, theo.success) == (132, 36, True)
    assert theo.chi_square == pytest.approx(47.06583, rel=1e-5)
    recorded = {"ka[1]": 1.7775, "ka[9]": 8.866, "CL70[1]": 1.4402, "CL70[11]": 3.9337, "V70[7]": 35.323}
    for name, value in recorded.items():
        assert theo.estimates["estimate"][name] == pytest.approx(value, rel=2e-4), name
    assert theo.estimates["rse_percent"]["ka[9]"] == pytest.approx(55.1, rel=0.01)
    pooled = theophylline.pooled(THEO)
    assert pooled.estimates["estimate"].to_dict() == pytest.approx(
        {"ka": 1.4869, "CL70": 2.6898, "V70": 33.871}, rel=2e-4
    )
    assert np.sqrt(pooled.reduced_chi_square) == pytest.approx(1.4513, rel=1e-3)


@needs(THEO)
def test_theophylline_writes_its_report_tables_and_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    theophylline.main(["--data", str(THEO), "--out", str(tmp_path / "new")])
    assert "theophylline fitted to theo_sd.csv" in capsys.readouterr().out
    assert {p.name for p in (tmp_path / "new").iterdir()} == {
        "report.txt", "estimates.csv", "residuals.csv", "theophylline.png",
    }  # fmt: skip


# ---- warfarin


@pytest.fixture(scope="module")
def warf() -> pkpd.Fit:
    return warfarin.run(WARFARIN)


def warfarin_log_likelihood(p: dict[str, float]) -> float:
    """The log-likelihood of the whole table by the closed form of C, and PCA from scipy's integrator."""
    table, total = pd.read_csv(WARFARIN), 0.0
    for _, rows in table.groupby("id"):
        mg, kg = float(rows["amt"].max()), float(rows["wt"].iloc[0])
        CL, V = p["CL70"] * (kg / 70) ** 0.75, p["V70"] * kg / 70

        def C(t: Array, mg: float = mg, CL: float = CL, V: float = V) -> Array:
            return one_compartment(t - p["tlag"], mg, p["ka"], CL, V)

        def dPCA(t: float, y: Array, C: object = C) -> Array:
            c = C(np.array(t))  # type: ignore[operator]
            return np.asarray(p["kout"] * (p["R0"] * (1 - p["Imax"] * c / (p["IC50"] + c)) - y))

        cp, pca = (rows[(rows["evid"] == 0) & (rows["dvid"] == kind)] for kind in ("cp", "pca"))
        mean = C(cp["time"].to_numpy())
        sd = np.hypot(p["sd_additive[C]"], p["sd_proportional[C]"] * mean)
        value, below = cp["dv"].to_numpy(), cp["dv"].to_numpy() == 0
        total += np.log(ndtr((0.6 - mean[below]) / sd[below])).sum()
        total += normal_log_density(value[~below], mean[~below], sd[~below])
        if len(pca):
            t = np.r_[0, p["tlag"], np.unique(pca["time"])]
            run = solve_ivp(dPCA, (0, 200), [p["R0"]], t_eval=np.unique(t), rtol=1e-8, atol=1e-8, max_step=2)
            predicted = np.interp(pca["time"], run.t, run.y[0])
            total += normal_log_density(pca["dv"].to_numpy(), predicted, np.full(len(pca), p["sd_additive[PCA]"]))
    return total


def normal_log_density(value: Array, mean: Array, sd: Array) -> float:
    return float((-((value - mean) ** 2) / (2 * sd**2) - np.log(sd) - np.log(2 * np.pi) / 2).sum())


@pytest.mark.slow
@needs(WARFARIN)
def test_warfarin_is_at_the_maximum_of_an_independent_likelihood(warf: pkpd.Fit) -> None:
    """Its value is ours, and a step to either side in any parameter lowers it."""
    best = warf.estimates["estimate"].to_dict()
    at_best = warfarin_log_likelihood(best)
    assert at_best == pytest.approx(warf.log_likelihood, abs=1e-3)
    for name in ("ka", "CL70", "IC50", "kout", "sd_additive[C]"):
        for factor in (0.98, 1.02):
            assert warfarin_log_likelihood(best | {name: factor * best[name]}) < at_best, name


@pytest.mark.slow
@needs(WARFARIN)
def test_warfarin_recovers_its_recorded_estimates(warf: pkpd.Fit) -> None:
    recorded = {
        "ka": 1.6515, "tlag": 0.76753, "CL70": 0.13009, "V70": 8.4940, "IC50": 1.4479, "kout": 0.055914, "R0": 96.712,
        "sd_additive[C]": 0.42194, "sd_proportional[C]": 0.25231, "sd_additive[PCA]": 10.3445,
    }  # fmt: skip
    for name, value in recorded.items():
        assert warf.estimates["estimate"][name] == pytest.approx(value, rel=1e-3), name
    assert warf.estimates["at_bound"].to_dict() == {name: name == "Imax" for name in warf.estimates.index}
    assert warf.log_likelihood == pytest.approx(-1326.8198, abs=1e-3)
    assert (warf.n_observations, int((warf.data.censored == 1).sum())) == (483, 4)


@pytest.mark.slow
@needs(WARFARIN)
def test_warfarin_comes_near_the_mixed_effects_estimates(warf: pkpd.Fit) -> None:
    """nlmixr's, in the package posologyr (tests/testthat/test_multi_outputs.R), on the log scale."""
    nlmixr = {"CL70": np.exp(-2.03), "V70": np.exp(2.07), "kout": np.exp(-2.9), "R0": np.exp(4.57)}
    for name, value in nlmixr.items():
        assert warf.estimates["estimate"][name] == pytest.approx(value, rel=0.08), name


@pytest.mark.slow
@needs(WARFARIN)
def test_warfarin_needs_each_subjects_weight(warf: pkpd.Fit) -> None:
    """With everyone at 70 kg the likelihood falls by 32."""
    rows = pd.read_csv(WARFARIN).drop(columns="wt")
    zero = (rows["dvid"] == "cp") & (rows["evid"] == 0) & (rows["dv"] == 0)
    records = pkpd.read_nonmem(rows.assign(dv=rows["dv"].mask(zero, 0.6), cens=zero.astype(int)), time="h")
    alike = pkpd.fit(warfarin.model, records, warfarin.FREE, outputs=warfarin.OUTPUTS, error=warfarin.ERROR)
    assert warf.log_likelihood - alike.log_likelihood == pytest.approx(32.1, abs=0.05)


# ---- nimotuzumab


@pytest.mark.slow
@needs(NIMO)
def test_nimotuzumab_tells_of_saturation_and_not_of_turnover() -> None:
    aic = {"qss": 845.4269, "wagner": 843.4728, "saturable": 847.5939, "linear": 853.5358}
    fits = {kind: nimotuzumab.simpler(kind, NIMO) for kind in aic}
    for kind, value in aic.items():
        assert fits[kind].success
        assert fits[kind].aic == pytest.approx(value, abs=1e-3), kind
    qss = fits["qss"].estimates
    assert qss["at_bound"].to_dict() == {name: name == "CL" for name in qss.index}
    assert (qss["rse_percent"][["KSS", "R0", "kdeg"]] > 100).all()
    recorded = {"V1": 0.4574, "Q": 0.001932, "KSS": 332.7, "kint": 0.008603, "R0": 930, "kdeg": 0.01012}
    for name, value in recorded.items():
        assert qss["estimate"][name] == pytest.approx(value, rel=5e-3), name


@pytest.mark.slow
@needs(NIMO)
def test_nimotuzumab_is_at_one_optimum_and_its_linear_model_that_of_scipy() -> None:
    """The qss model ends at the same chi-square from two starts; the linear one is checked by superposition."""
    free = {
        name: pkpd.free(bounds=nimotuzumab.BOUNDS.get(name), log=name != "CL")
        for name in nimotuzumab.FREE["qss"].split()
    }
    other = {"V1": 1.0, "KSS": 500.0, "R0": 2000.0}
    moved = free | {name: pkpd.free(start, nimotuzumab.BOUNDS[name], log=True) for name, start in other.items()}
    again = pkpd.fit(nimotuzumab.elimination("qss"), nimotuzumab.records(NIMO), moved, outputs="lnC")
    assert again.chi_square == pytest.approx(247.4523, abs=1e-3)
    linear = nimotuzumab.simpler("linear", NIMO)
    assert linear_chi_square(linear.estimates["estimate"].to_dict()) == pytest.approx(linear.chi_square, rel=1e-6)


def linear_chi_square(p: dict[str, float]) -> float:
    """The sum of squares of ln C of two compartments, by superposition of infusions."""
    k10, k12, k21 = p["CL"] / p["V1"], p["Q"] / p["V1"], p["Q"] / p["V2"]
    total = k10 + k12 + k21
    root = np.sqrt(total**2 - 4 * k10 * k21)
    fast, slow = (total + root) / 2, (total - root) / 2
    weights = {fast: (fast - k21) / (fast - slow), slow: (k21 - slow) / (fast - slow)}
    chi_square = 0.0
    for _, rows in pd.read_csv(NIMO).groupby("ID"):
        seen, doses = rows[rows["EVID"] == 0], rows[rows["EVID"] == 1]
        t, C = seen["TIME"].to_numpy(), np.zeros(len(seen))
        for start, mg, rate in doses[["TIME", "AMT", "RATE"]].to_numpy():
            since = np.maximum(t - start, 0)
            during = np.minimum(since, mg / rate)
            for k, weight in weights.items():
                C += rate / p["V1"] * weight / k * (1 - np.exp(-k * during)) * np.exp(-k * (since - during))
        chi_square += float(((seen["DV"] - np.log(C)) ** 2).sum())
    return chi_square
