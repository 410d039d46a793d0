"""The quickstart does what it promises."""

from __future__ import annotations

from pathlib import Path

from pkpd.fits import quickstart


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
