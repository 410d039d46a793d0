"""The benchmarks of mixed effects: where searches end, and coverage that goes on where it was stopped."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import mixed, mixed_coverage
from benchmarks.mixed_trials import Trial
from benchmarks.scale import QUICK
from pkpd.fitting.mixed.starts import MixedStarts
from tests.mixed_problems import nlmixr2data


def test_a_search_counts_where_it_ended() -> None:
    """One at each optimum, one at a third place, one at an optimum that has not converged."""
    objective = np.array([116.8035, 110.3461, 118.0, 116.8034])
    nothing = np.zeros((4, 1))
    converged = np.array([True, True, True, False])
    starts = MixedStarts(("ka",), nothing, nothing, objective, converged, np.array([1, 0, 2, -1]))
    assert mixed.elsewhere(starts) == 2


def test_without_the_table_the_section_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PKPD_FITS_DATA", raising=False)
    table = mixed.starts_table(QUICK)
    assert table.rows == []
    assert table.remarks == ["PKPD_FITS_DATA names no folder with nlmixr2data/theo_sd.csv."]


def test_the_section_counts_the_searches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PKPD_FITS_DATA", str(nlmixr2data("theo_sd.csv").parents[1]))
    monkeypatch.setattr(mixed, "FEW", 2)
    (row,) = mixed.starts_table(QUICK).rows
    assert row["searches"] == 2
    assert sum(v for k, v in row.items() if k.startswith(("NONMEM", "flip-flop", "elsewhere"))) == 2
    assert row["CPU s"] > 0


LABELS = ("TS0", "K_L", "K_D", "lambda_", "omega[TS0]", "omega[K_L]", "omega[K_D]", "omega[lambda_]")
TRUE = dict(zip(LABELS, (80.0, 0.021, 0.025, 0.053, 0.5, 0.5, 0.5, 0.5), strict=True))


def line(seed: int, off: float, objective: float = 10.0, error: float = 0.5) -> dict[str, object]:
    """A fit whose estimates are off by so many standard errors."""
    rows = {
        k: [v + off * 0.1 * v, 0.1 * v, v + (off - 1.96) * 0.1 * v, v + (off + 1.96) * 0.1 * v] for k, v in TRUE.items()
    }
    return {"seed": seed, "rows": rows, "why": "", "objective": objective, "error": error, "seconds": 1.0}


def test_coverage_is_the_share_of_intervals_that_hold_the_value() -> None:
    lines = [line(1, 0.0), line(2, 1.9), line(3, -2.0), line(4, 2.5), {"seed": 5, "rows": None, "why": "lost"}]
    rows = mixed_coverage.coverage("claret", lines)
    assert [row["parameter"] for row in rows] == list(LABELS)
    assert {row["held"] for row in rows} == {"0.500"}
    assert {row["replicates"] for row in rows} == {4}


def test_coverage_goes_on_where_it_was_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "claret_saem.jsonl").write_text(json.dumps(line(2, 0.0)) + "\n")
    fitted: list[int] = []

    def replicate(trial: Trial, method: str, seed: int) -> dict[str, object]:
        fitted.append(seed)
        return line(seed, 0.0)

    monkeypatch.setattr(mixed_coverage, "replicate", replicate)
    monkeypatch.setattr(mixed_coverage, "RESULTS", tmp_path)
    command = ["claret", "--method", "saem", "--replicates", "3", "--seed", "1", "--kept", str(tmp_path / "kept")]
    mixed_coverage.main(command)
    assert fitted == [1, 3]
    written = (tmp_path / "mixed_coverage_claret_saem.csv").read_text()
    assert "0 of 3 fits did not converge" in written
    assert "TS0,80.0,80,0,1.000,3" in written
    mixed_coverage.main(command)
    assert fitted == [1, 3]


def test_agreement_is_of_the_trials_that_two_methods_share(tmp_path: Path) -> None:
    first = [line(1, 0.0, 10.0), line(2, 0.0, 12.0), line(3, 0.0)]
    second = [line(1, 1.0, 11.0), line(2, 1.0, 9.0), line(4, 0.0)]
    for method, lines in (("saem", first), ("importance", second)):
        (tmp_path / f"claret_{method}.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lines))
    (row,) = mixed_coverage.agreement(tmp_path)
    assert (row["model"], row["methods"], row["trials"]) == ("claret", "saem, importance", 2)
    assert row["objective, mean difference"] == "1.000"  # -1 and 3
    assert row["Monte Carlo error"] == "0.707"
    assert row["within 3"] == "0.500"  # 3 is more than 3 times 0.707
    assert row["estimates, rms distance"] == "1.000"
