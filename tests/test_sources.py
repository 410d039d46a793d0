"""What a model says of its source is what the source says."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

import pkpd
from pkpd.fits import tumgr_rates

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
QSPIO = SHARED / "qspio_nsclc_parameters" / "parameters_NSCLC.csv"


def test_durvalumab_has_the_title_of_its_paper() -> None:
    words = " ".join(pkpd.load("durvalumab_baverel_2018").description.split())
    assert (
        "Population pharmacokinetics of durvalumab in cancer patients and association with longitudinal biomarkers of "
        "disease status. Clin Pharmacol Ther 103:631-642 (2018)"
    ) in words


@pytest.mark.parametrize(
    ("model", "parameter"), [("stein_2011", "g"), ("stein_2011", "d"), ("stein_2011_gdphi", "phi")]
)
def test_rates_are_the_medians_that_tumgr_prints(model: str, parameter: str) -> None:
    printed = pd.read_csv(tumgr_rates.ANSWERS, comment="#", index_col="parameter").loc[parameter]
    assert pkpd.load(model)[parameter].value == printed["median"]
    assert f"of {printed['n']:.0f}" in " ".join(pkpd.load(model).description.split()).replace("of the 35", "of 35")


def cited() -> list[tuple[str, str, str]]:
    """Model, parameter and QSPIO-TNBC's name of each value that is said to be its own."""
    rows = []
    for name in pkpd.catalog().index:
        sources = pkpd.load(name).parameters["source"]
        for parameter, source in sources[sources.str.match(r"(computed from )?QSPIO-TNBC")].items():
            rows += [(name, parameter, theirs) for theirs in re.findall(r"\(((?:k_|C_|initial_)\w+)", source)]
    return rows


@pytest.mark.parametrize(("name", "parameter", "theirs"), cited())
def test_what_qspio_marks_as_estimated_is_called_so(name: str, parameter: str, theirs: str) -> None:
    if not QSPIO.exists():
        pytest.skip(f"{QSPIO} is not here")
    note = pd.read_csv(QSPIO, index_col="name")["notes"][theirs]
    source = pkpd.load(name).parameters["source"][parameter]
    assert ("estimated" in note) == ("estimated" in source), (note, source)


def test_four_values_of_the_flagship_are_estimated() -> None:
    ours = {parameter for name, parameter, _ in cited() if name == "durvalumab_radiotherapy_nsclc"}
    assert {"kcl", "kX", "kexh", "Tmax", "kg", "kkill", "kP", "kMDSC"} <= ours
