"""The population examples of fits/: they recover their recorded estimates; their commands write what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import pkpd
from pkpd.fits import theophylline_population, warfarin_population
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
