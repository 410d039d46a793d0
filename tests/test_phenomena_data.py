"""The flagship beside published numbers: what compares, what is compared, and what must come out."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import pkpd
from pkpd.fits.phenomena import against_data, study_4
from pkpd.fits.phenomena.__main__ import main
from pkpd.fits.phenomena.catalog import COMPARISONS
from pkpd.fits.phenomena.comparisons import Comparison, Estimate, median, share

SHARED = Path(os.environ.get("PKPD_FITS_DATA", Path(__file__).parents[2] / "shared" / "data"))
STUDY_4 = SHARED / study_4.FOLDER / "study4.csv"
INSPIRE = SHARED / against_data.INSPIRE
with_study_4 = pytest.mark.skipif(
    not STUDY_4.is_file(), reason="study4.csv is not part of pkpd and not in ../shared/data"
)
with_inspire = pytest.mark.skipif(
    not INSPIRE.is_file(), reason="INSPIRE's table is not part of pkpd and not in ../shared/data"
)


# ---- what compares


def test_a_share_has_wilsons_interval():
    """(p + z^2/2n +- z sqrt(p (1 - p)/n + z^2/4n^2))/(1 + z^2/n)."""
    z, n, p = 1.959963984540054, 50, 0.2
    center, reach = p + z**2 / (2 * n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    estimate = share(10, 50)
    assert (estimate.low, estimate.high) == pytest.approx(
        ((center - reach) / (1 + z**2 / n), (center + reach) / (1 + z**2 / n))
    )


def test_a_median_has_the_interval_of_order_statistics():
    """Of 20 values the 6th and the 15th hold the median in 95.9 % of samples (Conover 1999, Table A3)."""
    estimate = median(np.arange(1.0, 21.0)[::-1])
    assert (estimate.value, estimate.low, estimate.high) == (10.5, 6, 15)


def test_a_comparison_says_and_draws_both_numbers():
    import matplotlib.pyplot as plt

    one = Comparison("It fits", ["a", "bb"], [Estimate(1, 0.5, 2), Estimate(2)], [Estimate(1.5), Estimate(3)], "y", "N")
    assert one.table().splitlines() == [
        "    a   computed 1 (0.5 to 2)  published 1.5", "    bb  computed 2  published 3",
    ]  # fmt: skip
    axes = one.draw()
    points = {c.get_label(): c.lines[0].get_ydata().tolist() for c in axes.containers}
    assert points == {"computed": [1, 2], "published": [1.5, 3]}
    plt.close(axes.figure)


# ---- scans as those of study 4


def scans():
    nan = np.nan
    return study_4.Scans(
        first=np.array([50.0, 40.0, 30.0]),
        day=np.array([[42, 84, 126], [42, 84, nan], [40, 80, 120]], dtype=float),
        diameter=np.array([[40, 34, 42], [44, 49, nan], [30, 33, 34]], dtype=float),
    )


def test_best_change_response_and_progression_of_scans():
    few = scans()
    assert few.best.tolist() == pytest.approx([-0.32, 0.1, 0.0])
    assert few.response_day.tolist() == [84, np.inf, np.inf]
    assert few.progressed.tolist() == [[False, False, True], [False, True, False], [False, False, False]]


def test_chance_to_leave_counts_those_without_progression():
    assert study_4.leaving(scans())[:4].tolist() == pytest.approx([0, 0, 1 / 2, 0])


def test_a_scan_has_its_error_and_small_lesions_count_as_five_millimeters():
    import xarray as xr

    days = np.arange(0, 673, 7.0)
    sizes = np.concatenate([np.full((4000, len(days)), 40.0), np.full((10, len(days)), 3.0)])
    sizes[-10:, 0] = 20
    run = xr.Dataset({"diameter_primary": (("member", "time"), sizes)}, coords={"time": days})
    seen = study_4.scanned(run, np.zeros(study_4.VISITS), seed=3)
    assert np.std(seen.diameter[:4000, 0] - seen.first[:4000]) == pytest.approx(2.4, rel=0.05)  # Oxnard 2011
    assert np.mean(seen.day[:, 0]) == pytest.approx(42, abs=0.3)
    assert np.all(seen.diameter[-10:, 2] == 5)


def test_who_progresses_leaves_after_the_second_scan_at_the_latest():
    import xarray as xr

    days = np.arange(0, 673, 7.0)
    run = xr.Dataset(
        {"diameter_primary": (("member", "time"), 40 * np.exp(0.01 * days)[None, :].repeat(5, 0))},
        coords={"time": days},
    )
    seen = study_4.scanned(run, np.zeros(study_4.VISITS))
    assert np.isfinite(seen.day).sum(1).tolist() == [2] * 5


# ---- what must come out


@with_study_4
def test_virtual_patients_have_the_best_change_and_time_to_response_of_real_ones():
    measured = study_4.real(STUDY_4)
    assert len(measured.first) == 376
    computed = study_4.virtual(study_4.leaving(measured))
    real, virtual = study_4.summary(measured), study_4.summary(computed)
    assert np.abs(virtual["best"] - real["best"]).max() < 0.12
    assert np.abs(virtual["first"] - real["first"])[:-1].max() < 0.08
    assert real["first"][-1] - virtual["first"][-1] < 0.15  # the fastest tenth grows faster than any of the model's
    assert virtual["weeks"][1] == pytest.approx(real["weeks"][1], rel=0.15)
    assert np.isfinite(computed.response_day).mean() == pytest.approx(
        np.isfinite(measured.response_day).mean(), abs=0.05
    )
    slow = study_4.virtual(study_4.leaving(measured), typical=2e7, spread=0.5)
    assert study_4.misfit(study_4.summary(slow), real) > 3 * study_4.misfit(virtual, real)


def test_out_of_field_response_has_the_order_of_the_trials_but_for_fifteen_fractions():
    comparison = against_data.out_of_field()
    alone, three, four, fifteen = (estimate.value for estimate in comparison.computed)
    assert min(three, four) > alone + 0.1
    assert fifteen < min(three, four)
    published = [estimate.value for estimate in comparison.published]
    assert published == [0.2, 0.48, 0.54, 0.18]
    assert max(abs(c - p) for c, p in zip((alone, three, four, fifteen), published, strict=True)) < 0.2


def test_response_rises_with_pdl1_as_in_trials():
    comparison = against_data.response_by_pdl1()
    by_label = dict(zip(comparison.labels, zip(comparison.computed, comparison.published, strict=True), strict=True))
    for none, much in (
        ("Study 1108, 0 to 25 %", "Study 1108, 25 to 100 %"),
        ("ATLANTIC, 0 to 25 %", "ATLANTIC, 25 to 100 %"),
    ):
        assert by_label[much][0].value > 2 * by_label[none][0].value
        assert by_label[much][1].value > 2 * by_label[none][1].value
    for computed, published in (by_label[f"Franzese, {who} positive"] for who in ("none", "all")):
        assert computed.low < published.value < computed.high


def test_soluble_pdl1_rises_in_the_order_of_best_responses():
    comparison = against_data.soluble_pdl1_nivolumab()
    computed = [estimate.value for estimate in comparison.computed]
    published = [estimate.value for estimate in comparison.published]
    assert computed[0] > computed[2] > computed[4]
    assert min(published[:2]) > max(published[4:])
    assert len(comparison.labels) == 6


@with_inspire
def test_inspires_patients_are_counted_and_compared():
    comparison = against_data.inspire(INSPIRE)
    assert [estimate.value for estimate in comparison.published[:3]] == pytest.approx([6 / 47, 3 / 36, 7 / 10])
    computed = [estimate.value for estimate in comparison.computed]
    assert computed[0] < computed[1] < computed[2]
    assert computed[3] > computed[5]


def test_both_tumors_of_mice_are_compared_as_ratios_of_arms():
    comparison = against_data.mc38_pair()
    assert list(comparison.labels) == ["primary, day 14", "primary, day 18", "abscopal, day 14", "abscopal, day 18"]
    for computed, published in zip(comparison.computed, comparison.published, strict=True):
        assert published.low < published.value < published.high < 0
        assert abs(computed.value - published.value) < 0.35


def test_command_compares_and_says_what_it_lacks(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("PKPD_FITS_DATA", raising=False)
    main(["out_of_field", "study_4", "--out", str(tmp_path)])
    out = capsys.readouterr().out
    assert "3 x 8 Gy" in out
    assert "published 0.48" in out
    assert "study_4: not compared:" in out
    assert (tmp_path / "out_of_field.png").stat().st_size > 10_000
    assert set(COMPARISONS) >= {"study_4", "out_of_field", "inspire"}


@with_study_4
def test_command_of_study_4_writes_its_figure(tmp_path, capsys):
    study_4.main(["--data", str(STUDY_4), "--out", str(tmp_path)])
    assert "response of the lesion" in capsys.readouterr().out
    assert (tmp_path / "study_4.png").stat().st_size > 20_000


@with_study_4
@pytest.mark.slow
def test_the_calibrated_values_are_near_the_least_misfit():
    table = study_4.grid(study_4.real(STUDY_4))
    assert table.loc[1.6e8, 1.0] < 0.7 * table.loc[3.2e8, 1.0]
    assert table.to_numpy().min() > 0


def test_a_missing_table_is_named():
    with pytest.raises(pkpd.DataError, match=r"nothing\.csv is not a file"):
        study_4.real("nothing.csv")
