"""The population examples of fits/: they recover their recorded estimates; their commands write what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import pkpd
from pkpd.fits import (
    nimotuzumab_population,
    nsclc_lesions_population,
    theophylline_population,
    tumor_classes_population,
    warfarin_population,
)
from tests.mixed_problems import nlmixr2data


def test_theophylline_as_a_population() -> None:
    path = nlmixr2data("theo_sd.csv")
    fit = theophylline_population.run(path)
    expected = {"ka": 1.590, "CL": 2.752, "V": 31.81, "sd_additive[C]": 0.6943, "omega[ka]": 0.6344}
    for label, value in expected.items():
        assert fit.estimates.loc[label, "estimate"] == pytest.approx(value, rel=2e-3)
    assert fit.objective == pytest.approx(116.8034, abs=1e-3)


def test_theophylline_has_a_lower_flip_flop_optimum() -> None:
    fit = theophylline_population.flip_flop(nlmixr2data("theo_sd.csv"))
    assert fit.converged
    assert fit.objective == pytest.approx(110.346, abs=0.02)
    assert fit.estimates.loc["omega[ka]", "at_floor"]
    assert "omega[ka] went to 0 and stands at its floor" in fit.report()


def test_the_command_writes_report_tables_and_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = nlmixr2data("theo_sd.csv")
    theophylline_population.main(["--data", str(path), "--out", str(tmp_path)])
    assert "116.8034" in capsys.readouterr().out
    written = {file.name for file in tmp_path.iterdir()}
    assert written >= {"report.txt", "estimates.csv", "residuals.csv", "theophylline_population.png"}


@pytest.mark.slow
def test_warfarin_as_a_population() -> None:
    fit = warfarin_population.run(nlmixr2data("warfarin.csv"))
    expected = {"CL70": 0.1359, "V70": 7.989, "IC50": 1.170, "kout": 0.05309, "R0": 96.58}
    for label, value in expected.items():
        assert fit.estimates.loc[label, "estimate"] == pytest.approx(value, rel=0.01), label
    assert fit.objective == pytest.approx(1275.214, abs=0.1)
    assert set(fit.residuals["output"]) == {"C", "PCA"}
    assert np.isfinite(fit.estimates["se"]).all()


def test_an_example_says_where_its_table_is_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PKPD_FITS_DATA", raising=False)
    for example in (theophylline_population, warfarin_population):
        with pytest.raises(
            pkpd.DataError, match=r"which is not part of pkpd \(.*\. Give its path, or set PKPD_FITS_DATA"
        ):
            example.main([])


def test_the_benchmark_measures_each_method(monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks import mixed

    path = nlmixr2data("theo_sd.csv")
    data = pkpd.read_nonmem(path, time="h", compartments={1: "depot", 2: "central"})
    row = mixed._row("focei", data, 1)
    assert row["objective"] == "116.8034"
    assert row["CPU s"] > 0
    monkeypatch.delenv("PKPD_FITS_DATA", raising=False)
    from benchmarks.scale import QUICK

    assert mixed.mixed_table(QUICK).rows == []


def test_growth_by_treatment_of_mice() -> None:
    """Drug B slows growth in each study, drug A in the second alone; recorded estimates of study 1."""
    import os

    folders = (os.environ.get("PKPD_FITS_DATA", ""), str(Path(__file__).parents[2] / "shared" / "data"))
    found = [Path(f) / tumor_classes_population.NAME for f in folders if f]
    path = next((p for p in found if p.is_file()), None)
    if path is None:
        pytest.skip("the example data of INSPECTumours are not here; set PKPD_FITS_DATA to the folder that has them")
    fit = tumor_classes_population.run(path)
    expected = {"kg": 0.2234, "kg~treatment=Drug A": -0.1238, "kg~treatment=Drug B": -0.5679, "omega[kg]": 0.0373}
    for label, value in expected.items():
        assert fit.estimates.loc[label, "estimate"] == pytest.approx(value, rel=0.02), label
    assert fit.estimates.loc["kg~treatment=Drug B", "ci_high"] < 0


def nsclc_tables() -> Path:
    import os

    folders = (os.environ.get("PKPD_FITS_DATA", ""), str(Path(__file__).parents[2] / "shared" / "data"))
    found = [Path(f) / nsclc_lesions_population.FOLDER for f in folders if f]
    folder = next((p for p in found if (p / "study4.csv").is_file()), None)
    if folder is None:
        pytest.skip("the tables of Ghaffari Laleh et al. are not here; set PKPD_FITS_DATA to the folder that has them")
    return folder


def test_lesions_of_four_studies_are_one_table() -> None:
    """Patients are numbered through all studies, and one with a single scan is left out."""
    data = nsclc_lesions_population.records(nsclc_tables())
    table = data.table
    assert len(data.subjects) == 1328
    assert table.groupby("ID").size().min() == nsclc_lesions_population.FEWEST
    assert (table.groupby("ID")["study"].nunique() == 1).all()
    assert set(table.loc[table["CENS"] == 1, "DV"]) == {5.0}


@pytest.mark.slow
def test_growth_of_lesions_is_the_same_in_two_studies() -> None:
    """Of studies 1 and 2 alone; the interval of g has that of sums of diameters in other patients."""
    effect = pkpd.category_effect("study", of="study 2")
    statement = nsclc_lesions_population.population.but(covariates={"g": (effect,), "d": (effect,)})
    fit = pkpd.fit(statement, nsclc_lesions_population.records(nsclc_tables(), (1, 2)), outputs="TS", restarts=2)
    assert fit.converged
    rows = fit.estimates
    assert rows.loc["g~study=study 2", "ci_low"] < 0 < rows.loc["g~study=study 2", "ci_high"]
    assert rows.loc["g", "ci_low"] < 0.00093 < rows.loc["g", "ci_high"]  # Struemper et al. 2025


def test_nimotuzumab_as_a_population() -> None:
    """Saturable elimination is better than linear elimination by AIC; recorded estimates."""
    path = nlmixr2data("nimoData.csv")
    saturable, linear = nimotuzumab_population.run(path), nimotuzumab_population.simpler(path)
    assert saturable.converged
    assert saturable.objective == pytest.approx(139.126, abs=0.02)
    assert linear.aic - saturable.aic == pytest.approx(6.0, abs=0.1)
    for label, value in {"Vmax": 2.231, "V1": 1.475, "sd_additive[lnC]": 0.6926}.items():
        assert saturable.estimates.loc[label, "estimate"] == pytest.approx(value, rel=0.01), label
