"""A public SBML file of the shared data, integrated by libroadrunner: an oracle from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data" / "biomodels_sbml"


def integrated(
    identifier: str,
    times: Sequence[float],
    *,
    mend: Mapping[str, str] = {},
    values: Mapping[str, float] = {},
) -> dict[str, np.ndarray]:
    """Concentrations by species at `times`; `times` begin at 0.

    Parameters
    ----------
    identifier
        Of BioModels, such as ``"BIOMD0000000762"``.
    times
        In the clock of the file.
    mend
        What to put for what in the file's text, in which no space stands between two tags.
    values
        Of parameters and species (``"[T]"``) from the start.
    """
    roadrunner = pytest.importorskip("roadrunner", reason="libroadrunner is not installed")
    found = list(FOLDER.glob(f"*__{identifier}.xml"))
    if not found:
        pytest.skip(f"{identifier} is not in {FOLDER}")
    text = re.sub(r">\s+<", "><", found[0].read_text())
    for wrong, right in mend.items():
        assert wrong in text, f"{identifier} has no {wrong}"
        text = text.replace(wrong, right)
    runner = roadrunner.RoadRunner(text)
    for name, value in values.items():
        runner[name] = value
    runner.integrator.relative_tolerance = 1e-11
    runner.integrator.absolute_tolerance = 1e-14
    runner.integrator.maximum_num_steps = 200_000
    species = list(runner.model.getFloatingSpeciesIds())
    rows = runner.simulate(times=list(times), selections=[f"[{s}]" for s in species])
    return dict(zip(species, np.array(rows).T, strict=True))
