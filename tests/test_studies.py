"""`pkpd fit study.toml`: a study file does what `pkpd.fit` does, and its mistakes are named."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers import run_here

import pkpd
from pkpd.cli.study_files import read_study

TIMES = np.array([0.5, 1.0, 2.0, 4.0, 8.0, 12.0])

STUDY = """
title = "A bolus"
model = "pk_1cmt"
time = "h"
data = "bolus.csv"

[regimens]
low = "30 mg iv"
high = ["60 mg iv", "30 mg iv at 3 h"]

[free]
CL = { start = 0.5, bounds = [0.01, inf], log = true }
V = { start = "8 L", log = true, prior = { kind = "lognormal", median = 10, cv = 0.5 } }

[error]
C = { kind = "proportional", sd = 0.2 }

[fit]
starts = 3
seed = 2

[profile]
parameters = ["CL"]

[bootstrap]
replicates = 6
by = "parametric"
seed = 1

[report]
folder = "results"
log = true
"""

ARMS = {"low": pkpd.bolus("30 mg", "iv"), "high": pkpd.bolus("60 mg", "iv") + pkpd.bolus("30 mg", "iv", at="3 h")}


def write_data(folder: Path) -> Path:
    """Two arms with a residual error of 10 %."""
    model = pkpd.load("pk_1cmt").in_time("h")
    run = pkpd.simulate(model, ARMS, times=TIMES, parameters={"CL": 1, "V": 10})
    values = pkpd.observe(run, "C", error=pkpd.proportional_error(0.1), seed=3)["value"].to_series().reset_index()
    table = values.assign(output="C")[["arm", "time", "output", "value"]]
    table.to_csv(folder / "bolus.csv", index=False)
    return folder / "bolus.csv"


def write_study(folder: Path, text: str = STUDY) -> Path:
    path = folder / "study.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_study_is_the_fit_that_it_describes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, study = write_data(tmp_path), write_study(tmp_path)
    code, out, err = run_here(capsys, "fit", str(study))
    assert code == 0, err
    free = {
        "CL": pkpd.free(0.5, bounds=(0.01, None), log=True),
        "V": pkpd.free("8 L", log=True, prior=pkpd.lognormal(10, cv=0.5)),
    }
    error = {"C": pkpd.proportional_error(0.2)}
    model = pkpd.load("pk_1cmt").in_time("h")
    fit = pkpd.fit(model, pkpd.read_observations(data, ARMS), free, error=error, starts=3, seed=2)
    written = pd.read_csv(tmp_path / "results" / "estimates.csv", index_col="parameter")
    np.testing.assert_allclose(written[["estimate", "se"]], fit.estimates[["estimate", "se"]], rtol=1e-6)
    assert out.startswith("A bolus\n\npk_1cmt fitted to bolus.csv")
    assert fit.starts is not None
    assert fit.starts.report() in out
    assert pkpd.profile(fit, ["CL"]).report() in out
    assert pkpd.bootstrap(fit, 6, by="parametric", seed=1).report() in out
    assert (tmp_path / "results" / "report.txt").read_text() == out
    assert {path.name for path in (tmp_path / "results").iterdir()} == {
        "report.txt", "report.html", "estimates.csv", "residuals.csv", "fit.png", "fit.json", "starts.csv",
        "profiles.csv", "profile_intervals.csv", "bootstrap.csv",
    }  # fmt: skip
    assert pkpd.read_fit(tmp_path / "results" / "fit.json").x.tolist() == pytest.approx(fit.x.tolist(), rel=1e-6)
    assert len(pd.read_csv(tmp_path / "results" / "bootstrap.csv")) == 6


def test_without_a_folder_nothing_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_data(tmp_path)
    head = STUDY.partition("[fit]")[0]
    code, out, err = run_here(capsys, "fit", str(write_study(tmp_path, head)))
    assert (code, err) == (0, "")
    assert "sd_proportional[C]" in out
    assert {path.name for path in tmp_path.iterdir()} == {"bolus.csv", "study.toml"}


def test_a_nonmem_table_is_read_as_the_study_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [(1, 0, 1, 100, np.nan, 1), *((1, t, 0, 0, 10 * np.exp(-0.1 * t), 1) for t in TIMES)]
    table = pd.DataFrame(rows, columns=["ID", "TIME", "EVID", "AMT", "DV", "CMT"])
    table.to_csv(tmp_path / "records.csv", index=False)
    text = """
        model = "pk_1cmt"
        time = "h"
        data = "records.csv"
        [records]
        compartments = { 1 = "central" }
        outputs = "C"
        [free]
        CL = { start = 0.5, log = true }
        V = { start = 8, log = true }
    """
    code, out, err = run_here(capsys, "fit", str(write_study(tmp_path, text)), "--out", str(tmp_path / "fit"))
    assert code == 0, err
    written = pd.read_csv(tmp_path / "fit" / "estimates.csv", index_col="parameter")
    np.testing.assert_allclose(written["estimate"], [1, 10], rtol=1e-6)
    assert "records.csv" in out


@pytest.mark.parametrize(
    ("table", "error"),
    [
        ('{ kind = "additive", sd = 2, fixed = true }', pkpd.additive_error(2).fixed()),
        ('{ kind = "lognormal", sd = 0.2 }', pkpd.lognormal_error(0.2)),
        ('{ kind = "power", proportional = 0.2, power = 1.5 }', pkpd.power_error(0.2, 1.5)),
        (
            '{ kind = "combined", additive = 1, proportional = 0.1, adds = "sd" }',
            pkpd.combined_error(1, 0.1, adds="sd"),
        ),
        ('{ kind = "binomial", trials = "N" }', pkpd.binomial_error("N")),
        ('{ kind = "poisson" }', pkpd.poisson_error()),
        ('{ kind = "event_time", hazard = "h" }', pkpd.event_time("h")),
    ],
)
def test_every_error_model_has_its_table(tmp_path: Path, table: str, error: Any) -> None:
    from pkpd.cli.studies import _error

    text = STUDY.replace('{ kind = "proportional", sd = 0.2 }', table)
    assert _error(read_study(write_study(tmp_path, text)).error["C"]) == error


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("model =", "modle =", "study.toml, line 3 has no key 'modle'. Did you mean 'model'?"),
        ('model = "pk_1cmt"', "", "study.toml lacks the key 'model'"),
        ('"pk_1cmt"', '"pk_1cmpt"', "Did you mean 'pk_1cmt'"),
        ("bounds", "bound", ": [free.CL] has no key 'bound'. Did you mean 'bounds'?"),
        ("[0.01, inf]", "[0.01]", ": [free.CL] bounds is [0.01]; expected two numbers"),
        ("log = true }", 'log = "yes" }', ": [free.CL] log is 'yes'; expected true or false"),
        ("start = 0.5", "start = [1]", ": [free.CL] start is [1]; expected a number, or text with a unit"),
        ('"lognormal"', '"lognorm"', ": [free.V] prior has no kind 'lognorm'. Did you mean 'lognormal'?"),
        ("cv = 0.5", "cvs = 0.5", ": [free.V.prior] has no key 'cvs'. Did you mean 'cv'?"),
        ('kind = "proportional", ', "", ": [error] C lacks the key 'kind'"),
        ("sd = 0.2", "std = 0.2", ": [error.C]"),
        ("starts = 3", "starts = 2.5", ": [fit] starts is 2.5; expected a whole number"),
        ("starts = 3", "start = 3", ": [fit] has no key 'start'. Did you mean 'starts'?"),
        ('by = "parametric"', 'by = "mouse"', ": [bootstrap] by is 'mouse'; expected 'subject', 'arm' or"),
        ("high =", "hihg =", "study.toml: [regimens]: bolus.csv has no arm 'hihg'. Did you mean 'high'?"),
        ('"30 mg iv"', "30", ": [regimens] low is 30; expected a dose as text"),
        ('"30 mg iv"', '"iv 30"', "the dose 'iv 30' is not understood"),
        ("C = {", "D = {", "has no observed output 'D'"),
        ("CL =", "Cl =", "pk_1cmt has no parameter 'Cl'. Did you mean 'CL'?"),
        ('"bolus.csv"', '"bolsu.csv"', "bolsu.csv"),
        ("[fit]", "[fit", "study.toml is not TOML"),
        ('[profile]\nparameters = ["CL"]', "profile = 1", ": [fit] has no key 'profile'"),
        ("[regimens]", "[records]\n[regimens]", "whose doses are in the table, has no key 'regimens'"),
    ],
)
def test_a_mistake_in_a_study_gives_one_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, message: str
) -> None:
    write_data(tmp_path)
    assert old in STUDY
    code, out, err = run_here(capsys, "fit", str(write_study(tmp_path, STUDY.replace(old, new, 1))))
    assert (code, out) == (1, "")
    assert err.startswith("error: ")
    # What the file's tables refuse is told with its line.
    assert re.search(r"study\.toml, line \d+" * message.startswith(":") + re.escape(message), err), err
    assert len(err.strip().splitlines()) == 1
    assert not (tmp_path / "results").exists()


def test_a_study_names_at_least_one_parameter(tmp_path: Path) -> None:
    text = 'model = "pk_1cmt"\ndata = "x.csv"\n[free]\n'
    with pytest.raises(pkpd.DataError, match=r"study.toml, line 3: free is \{\}; expected a table \[free.NAME\]"):
        read_study(write_study(tmp_path, text))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fit", "pk_1cmt", "--data", "x.csv"], "--free"),
        (["fit", "pk_1cmt", "--free", "CL"], "--data"),
        (["fit", "study.toml", "--free", "CL"], "--free"),
        (["fit", "study.toml", "--set", "CL=1"], "--set"),
    ],
)
def test_options_beside_a_study_or_missing_without_one_are_a_wrong_command_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    code, _, err = run_here(capsys, *arguments)
    assert code == 2
    assert message in err


def test_a_study_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run_here(capsys, "fit", "nowhere.toml")
    assert code == 1
    assert "there is no file 'nowhere.toml'" in err
