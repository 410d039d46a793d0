"""Random scans that meet many rules: lesions that shrink, grow, vanish and come back, gaps, nodes, new ones."""

from __future__ import annotations

import numpy as np
import xarray as xr

import pkpd


def random_scans(seed: int, patients: int = 300, visits: int = 9, lesions: int = 6) -> xr.Dataset:
    """Scans in whole mm, so that thresholds are met exactly now and then."""
    rng = np.random.default_rng(seed)
    due = np.tile(np.arange(visits) * 42.0, (patients, 1))
    day = due + rng.integers(-14, 15, due.shape) * (due > 0)
    day[rng.random(day.shape) < 0.12] = np.nan
    day[rng.random(patients) < 0.75, 0] = 0.0
    role = rng.choice([0, 1, 1, 2, 3, 3], (patients, lesions))
    role[rng.random(patients) < 0.06] = 0
    node = rng.random(role.shape) < 0.3
    start = rng.integers(10, 40, role.shape).astype(float)
    drift = rng.choice([-0.35, -0.1, 0.0, 0.05, 0.2], (patients, 1, lesions))
    drift[rng.random(patients) < 0.15] = -0.9
    walk = np.cumsum(drift + 0.12 * rng.standard_normal((patients, visits, lesions)), axis=1)
    size = np.round(start[:, None] * np.exp(walk - walk[:, :1]))
    size[(size < 4) | (rng.random(size.shape) < 0.03)] = 0.0
    since = rng.integers(1, visits + 2, role.shape)
    new = (role == 3)[:, None, :]
    size[new & (np.arange(visits)[None, :, None] < since[:, None, :])] = 0.0
    size[:, 0] = np.where(role == 3, 0.0, np.maximum(size[:, 0], 10.0))
    steady = rng.random(patients) < 0.25  # many visits without any change
    size[steady] = np.where(size[steady] > 0, np.round(size[steady] / 8) * 8, 0.0)
    size[:, 0][steady] = np.where(role[steady] == 3, 0.0, np.maximum(size[:, 0][steady], 8.0))
    small = (size > 0) & (size <= 6) & (rng.random(size.shape) < 0.5)
    small[:, 0] = False
    size[rng.random(size.shape) < 0.03] = np.nan
    small &= ~np.isnan(size)
    unequivocal = (rng.random(size.shape) < 0.05) & (np.arange(visits)[None, :, None] > 1)
    unequivocal &= (role >= 2)[:, None, :]
    organ = rng.integers(0, 3, role.shape)
    return pkpd.collect_scans(
        day, np.where(small, 5.0, size), role, node=node, too_small=small, unequivocal=unequivocal, organ=organ,
        scheduled=due,
    )  # fmt: skip
