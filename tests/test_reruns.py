"""Results made again, tolerances checked, and the machine verified."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from helpers import run_here

import pkpd
from pkpd.errors import DataError, ParameterError
from pkpd.studies import verification

MODEL = pkpd.load("pk_1cmt")
WEEKLY = pkpd.bolus("100 mg", "iv", every=7, n=3)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"regimen": None},
        {"regimen": {"control": None, "treated": WEEKLY}},
        {"parameters": pkpd.grid(CL=[0.1, 0.2], V=[3.0, 4.0])},
        {"parameters": pkpd.members(CL=[0.1, 0.2]), "method": "dop853", "rtol": 1e-5, "atol": 1e-7},
        {"sensitivities": ["CL"], "outputs": ["C"]},
        {"reduce": {"peak": ("C", "max"), "gone": ("C", "first_below", 0.5)}, "at_dose": "after"},
    ],
)
def test_a_written_result_is_made_again_to_the_bit(options, tmp_path):
    run = pkpd.simulate(MODEL, options.pop("regimen", WEEKLY), times=[0, 1, 7, 30], **options)
    again = pkpd.rerun(pkpd.write_result(run, tmp_path / "run.nc"))
    assert again.same, again
    assert str(again).endswith("the same to the bit")


def test_a_number_that_was_changed_is_found(tmp_path):
    run = pkpd.simulate(MODEL, WEEKLY, times=[0, 1, 7])
    changed = run.copy(deep=True)
    changed["C"].values[1] += 0.25
    changed.encoding = run.encoding
    again = pkpd.rerun(pkpd.write_result(changed, tmp_path / "run.nc"))
    assert not again.same
    assert again.differing == {"C": pytest.approx(0.25)}
    assert "C by up to 0.25 differ; by the same versions" in str(again)
    assert "made with pkpd 0.0.1" in str(
        dataclasses.replace(again, then=again.now.replace(again.now.split(",")[0], "pkpd 0.0.1"))
    )


def test_what_was_derived_does_not_say_how_it_was_made(tmp_path):
    run = pkpd.simulate(MODEL, WEEKLY, times=[0, 1, 7])
    with pytest.raises(DataError, match="does not say how it was made"):
        pkpd.rerun(pkpd.write_result(run.assign(twice=2 * run["C"]).drop_encoding(), tmp_path / "run.nc"))


def test_a_sweep_is_made_again(tmp_path):
    pytest.importorskip("zarr", reason="an extra")
    study = pkpd.Study(MODEL, WEEKLY, times=[0, 7, 14], axes={"CL": [0.1, 0.2, 0.4]}, chunk=2)
    pkpd.run_study(study, tmp_path / "sweep")
    assert pkpd.rerun(tmp_path / "sweep").same
    import zarr

    zarr.open_group(str(tmp_path / "sweep" / "data.zarr"), mode="r+")["C"][1, 1] = 0.0
    assert list(pkpd.rerun(tmp_path / "sweep").differing) == ["C"]


def test_a_tighter_tolerance_changes_less_than_the_tolerance_allows():
    study = pkpd.Study(MODEL, WEEKLY, times=np.arange(0, 60, 5), axes={"CL": np.geomspace(0.05, 1, 40)})
    fine, coarse = (pkpd.check_tolerance(study.but(solver=pkpd.Solver(rtol=r)), members=10) for r in (1e-8, 1e-3))
    assert fine.worst < 1e-6 < coarse.worst < 0.1
    assert len(fine.members) == 10
    assert set(fine.table.index) == {"central", "C"}
    assert int(fine.table.loc["C", "member"]) in fine.members
    with pytest.raises(ParameterError, match="factor is 1 and members 10"):
        pkpd.check_tolerance(study, members=10, factor=1)


def test_members_that_fail_are_left_out_and_counted():
    study = pkpd.Study(MODEL, WEEKLY, times=[0, 60], axes={"CL": [0.1, 0.2]}, solver=pkpd.Solver(max_steps=1))
    check = pkpd.check_tolerance(study)
    assert check.failing == 2
    assert "2 members failed and are left out" in str(check)


def test_this_machine_passes(capsys, tmp_path):
    code, report, _ = run_here(capsys, "verify")
    assert code == 0
    assert "checks passed" in report
    assert "FAIL" not in report


def test_a_wrong_integrator_is_found(monkeypatch, capsys):
    monkeypatch.setattr(verification, "_CASES", {"bolus, one compartment": lambda method: 1e-3})
    code, report, _ = run_here(capsys, "verify")
    assert code == 1
    assert "| bolus, one compartment | auto | 1.0e-03 | 1e-05 | FAIL |" in report


def test_on_the_command_line(tmp_path, capsys):
    run_here(capsys, "simulate", "pk_1cmt", "--dose", "10 mg iv", "--out", str(tmp_path / "run.nc"))
    code, told, _ = run_here(capsys, "rerun", str(tmp_path / "run.nc"))
    assert (code, told.strip().endswith("the same to the bit")) == (0, True)
    path = tmp_path / "s.toml"
    path.write_text('model = "pk_1cmt"\ntimes = "0:7:1"\nregimen = "10 mg iv"\n', encoding="utf-8")
    code, told, _ = run_here(capsys, "tolerance", str(path))
    assert code == 0
    assert "relative change at rtol 1e-10 instead of 1e-08, of 1 members" in told
