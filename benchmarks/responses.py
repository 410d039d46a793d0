"""What the assessment of a large trial costs: RECIST 1.1 and iRECIST of 100,000 patients."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

import pkpd
from benchmarks.rounds import say
from benchmarks.scale import Scale
from benchmarks.tables import Table

__all__ = ["responses_table"]

PATIENTS, VISITS, LESIONS = 100_000, 20, 5


def responses_table(scale: Scale) -> Table:
    """The CPU time of the assessment of scans, checks and labels included, the least of the rounds."""
    patients = PATIENTS if scale.everything else PATIENTS // 10
    scans = _scans(patients)
    rows = []
    for name, assess in (("recist", pkpd.recist), ("irecist", pkpd.irecist)):
        say(f"responses: {name}")
        seconds = min(_seconds(assess, scans) for _ in range(scale.rounds))
        target = 2.0 if patients == PATIENTS else None
        rows.append(
            {
                "criterion": name,
                "patients": patients,
                "visits": VISITS,
                "lesions": LESIONS,
                "s": seconds,
                "target s": target,
            }
        )
    remarks = [
        "Target, non-target and new lesions that grow and shrink at random, 5 % of the visits missed, 1 % of the "
        "diameters not evaluable. CPU time of one call, which is one thread, the least of the rounds."
    ]
    return Table("responses", "RECIST 1.1 and iRECIST", rows, remarks)


def _seconds(assess: Callable[[xr.Dataset], Any], scans: xr.Dataset) -> float:
    start = time.process_time()
    assess(scans)
    return time.process_time() - start


def _scans(patients: int) -> xr.Dataset:
    rng = np.random.default_rng(1)
    day = np.arange(VISITS) * 42.0 + rng.uniform(-3, 3, (patients, VISITS))
    day[:, 0] = 0.0
    day[:, 1:][rng.random((patients, VISITS - 1)) < 0.05] = np.nan
    steps = rng.normal(-0.02, 0.12, (patients, VISITS, LESIONS))
    diameter = rng.uniform(10, 60, (patients, 1, LESIONS)) * np.exp(np.cumsum(steps, axis=1))
    role = rng.choice([1, 1, 1, 2, 3], (patients, LESIONS))
    role[:, 0] = 1
    late = np.arange(VISITS)[None, :, None] < rng.integers(1, VISITS, (patients, 1, LESIONS))
    diameter[late & (role == 3)[:, None, :]] = 0.0
    diameter[:, 1:][rng.random((patients, VISITS - 1, LESIONS)) < 0.01] = np.nan
    return pkpd.collect_scans(day, diameter, role)
