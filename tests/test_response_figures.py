"""Waterfall, spider and swimmer: the artists that they make of an assessment."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_hex

import pkpd
from pkpd.figures.response_colors import RESPONSE_COLORS

SIZES = {
    "CR": [40, 20, 0, 0],
    "PR": [40, 20, 18, 18],
    "SD": [40, 41, 44, 42],
    "PD": [40, 60, 90, np.nan],
    "NE": [40] + [np.nan] * 3,
}


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    plt.close("all")


def patients(*names: str) -> xr.Dataset:
    """Patients with these best responses; in the second half each has a new lesion at the last visit."""
    sizes = np.array([SIZES[name] for name in names], dtype=float)[:, :, None]
    sizes = np.concatenate([sizes, np.zeros_like(sizes)], axis=2)
    return pkpd.collect_scans(np.array([-3.0, 42, 84, 126]), sizes, [1, 3])


def words(ax: plt.Axes) -> list[str]:
    legend = ax.get_legend()
    assert legend is not None
    return [text.get_text() for text in legend.get_texts()]


def colors(ax: plt.Axes) -> list[str]:
    return [to_hex(bar.get_facecolor()) for bar in ax.patches]


def color(name: str) -> str:
    return to_hex(RESPONSE_COLORS[name])


def test_a_waterfall_is_colored_by_best_response_and_says_how_many() -> None:
    assessment = pkpd.recist(patients("SD", "CR", "PD", "NE", "PR", "PR"))
    ax = pkpd.waterfall(assessment.best_change, classes=assessment.best_response)
    assert words(ax) == ["CR (1)", "PR (2)", "SD (1)", "PD (1)"]
    assert colors(ax) == [color(name) for name in ("PD", "SD", "PR", "PR", "CR")]
    np.testing.assert_allclose([bar.get_height() for bar in ax.patches], [50, 2.5, -55, -55, -100])
    assert ax.get_title(loc="left") == "n = 5; 1 of 6 patients not evaluable, left out"
    assert ax.get_xlabel() == "Patients, sorted"
    assert sorted(line.get_ydata()[0] for line in ax.lines if line.get_linestyle() == "--") == [-30, 20]


def test_a_waterfall_refuses_responses_of_other_patients() -> None:
    assessment = pkpd.recist(patients("SD", "CR"))
    with pytest.raises(pkpd.DataError, match="expected a response for each of the 2 values"):
        pkpd.waterfall(assessment.best_change, classes=assessment.best_response[:1])
    with pytest.raises(pkpd.DataError, match="has no codes of responses"):
        pkpd.waterfall(assessment.best_change, classes=assessment.pfs_day)


def test_a_spider_has_a_line_for_each_patient_from_the_baseline() -> None:
    assessment = pkpd.recist(patients("CR", "PR", "PR", "PD", "NE"))
    ax = pkpd.spider(assessment, cap=80)
    groups = [c for c in ax.collections if isinstance(c, LineCollection)]
    by_color = {to_hex(c.get_colors()[0]): c.get_segments() for c in groups}
    assert {name: len(by_color[color(name)]) for name in ("CR", "PR", "PD")} == {"CR": 1, "PR": 2, "PD": 1}
    np.testing.assert_allclose(by_color[color("CR")][0], [[-3 / 7, 0], [6, -50], [12, -100], [18, -100]])
    np.testing.assert_allclose(by_color[color("PD")][0], [[-3 / 7, 0], [6, 50], [12, 125]])
    assert words(ax) == ["CR (1)", "PR (2)", "PD (1)"]
    assert ax.get_title(loc="left") == "n = 4, 1 go beyond +80 %\n1 of 5 patients without two scans left out"


def test_a_spider_marks_the_first_scan_with_a_new_lesion() -> None:
    scans = patients("SD", "SD")
    sizes = scans.diameter.to_numpy().copy()
    sizes[1, 2:, 1] = 12.0
    ax = pkpd.spider(pkpd.recist(scans.assign(diameter=(scans.diameter.dims, sizes, scans.diameter.attrs))))
    dots = next(c for c in ax.collections if isinstance(c, PathCollection))
    np.testing.assert_allclose(dots.get_offsets(), [[12, 10]])
    assert words(ax)[-1] == "new lesion"


def test_a_swimmer_has_a_bar_for_each_patient_with_the_longest_above() -> None:
    scans = patients("CR", "SD", "PD")
    assessment = pkpd.recist(scans.assign(scheduled=scans.day), death=[np.nan, 150.0, 140.0])
    ax = pkpd.swimmer(assessment)
    bars = sorted(ax.patches, key=lambda bar: bar.get_y())
    np.testing.assert_allclose([bar.get_width() for bar in bars], [18, 20, 150 / 7])
    assert to_hex(bars[-1].get_facecolor()) == color("SD")
    assert words(ax) == ["CR (1)", "SD (1)", "PD (1)", "CR or PR", "progression", "death", "no event"]
    marks = {c.get_label(): c.get_offsets()[:, 0].tolist() for c in ax.collections}
    assert marks["CR or PR"] == [6]
    assert marks["progression"] == [6]
    np.testing.assert_allclose(marks["death"], [150 / 7, 20])  # the second after its progression
    assert marks["no event"] == [18]


def test_a_swimmer_by_irecist_tells_unconfirmed_from_confirmed() -> None:
    ax = pkpd.swimmer(pkpd.irecist(patients("PD", "PD", "CR")))
    marks = {c.get_label(): c.get_offsets()[:, 0].tolist() for c in ax.collections}
    assert marks["iUPD"] == [6, 6]
    assert marks["iCPD"] == [12, 12]
    assert words(ax)[:2] == ["iCR (1)", "iCPD (2)"]


def test_figures_of_patients_refuse_what_they_cannot_show() -> None:
    assessment = pkpd.recist(patients(*["SD"] * 81))
    with pytest.raises(pkpd.DataError, match="81 patients; 80 can be told apart"):
        pkpd.swimmer(assessment)
    with pytest.raises(pkpd.SimulationError, match="0 patients"):
        pkpd.swimmer(assessment.isel(patient=slice(0, 0)))
    with pytest.raises(pkpd.SimulationError, match="no patient has two scans to show; there are 1"):
        pkpd.spider(pkpd.recist(patients("NE")))
    with pytest.raises(pkpd.DataError, match="cap is 0"):
        pkpd.spider(assessment, cap=0)
    for draw in (pkpd.spider, pkpd.swimmer):
        with pytest.raises(pkpd.UnknownNameError, match="no variable"):
            draw(assessment.drop_vars(["change", "pfs_day"]))
