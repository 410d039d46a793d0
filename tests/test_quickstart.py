"""The quickstart, and the README's example, do what they promise."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import pkpd
from pkpd.fits import quickstart

README = Path(pkpd.__file__).parent.parent / "README.md"


def test_quickstart_writes_figures_tables_and_a_summary(tmp_path: Path) -> None:
    reported: list[tuple[int, int]] = []
    text = quickstart.run(tmp_path / "out", progress=lambda done, total: reported.append((done, total)))
    names = {p.name for p in (tmp_path / "out").iterdir()}
    assert names == {
        "exposure.nc", "exposure.png", "occupancy.csv", "occupancy.png", "timing.csv", "timing.png",
        "mc38_estimates.csv", "mc38_report.txt", "mc38_fit.png", "summary.md",
    }  # fmt: skip
    assert "radiation, antibody from day 7" in text
    assert "Look first at" in text
    assert reported[-1] == (quickstart.STAGES, quickstart.STAGES)


def test_complete_responses_fall_with_delay_as_published() -> None:
    rates, alone = quickstart.timing()
    at = {int(day): float(rates["rate"].sel(mab_start=day)) for day in rates["mab_start"].values}
    assert float(alone["untreated"]["rate"]) == 0
    assert at[7] > at[12] > at[19]
    assert 0.4 <= at[7] <= 0.7


@pytest.mark.skipif(not README.exists(), reason="the README is in the checkout only")
def test_the_readme_example_runs(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.S)
    assert len(blocks) >= 2
    namespace: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), namespace)
    assert "mab_start" in capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {"tumor.png", "run.csv"}
    assert namespace["found"].estimates.loc["CL", "estimate"] == pytest.approx(0.4, rel=0.3)  # type: ignore[attr-defined]


@pytest.mark.skipif(not README.exists(), reason="the README is in the checkout only")
def test_the_readme_names_every_model_and_no_other() -> None:
    library = README.read_text(encoding="utf-8").partition("## The library")[2].partition("\n## ")[0]
    named = set(re.findall(r"`([a-z0-9_]+)`", library.partition("|---|---|")[2]))
    assert named == set(pkpd.catalog().index)
