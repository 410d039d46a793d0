"""Fits whose answers have closed forms, and fits that have no answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

import pkpd

a = pkpd.param("a", 1.0, "mm^3", "volume at the start", source="illustrative")
b = pkpd.param("b", 1.0, "mm^3/day", "slope", source="illustrative")
V = pkpd.state("V", "mm^3", "volume", start=a)
line = pkpd.Model("line", rates={V: b}, outputs={})

LINE_TIMES = np.array([0.0, 1.0, 2.0, 3.0, 5.0, 8.0, 9.0, 12.0])


def table(arm: Any, time: Any, value: Any, output: str = "V", **columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"arm": arm, "time": time, "output": output, "value": value, **columns})


def line_data(sd: float | None = None, seed: int = 4) -> pkpd.Dataset:
    """Values of 20 + 3 t with normal errors of SD 4."""
    value = 20 + 3 * LINE_TIMES + 4 * np.random.default_rng(seed).standard_normal(len(LINE_TIMES))
    columns = {} if sd is None else {"sd": sd}
    return pkpd.read_observations(table("a", LINE_TIMES, value, **columns), {"a": None})


def line_fit(sd: float | None = None, **options: Any) -> pkpd.Fit:
    """a + b t by least squares: estimates, intervals and bands are those of linear regression."""
    return pkpd.fit(line, line_data(sd), {"a": pkpd.free(10.0), "b": pkpd.free(1.0)}, **options)


def regression(data: pkpd.Dataset) -> tuple[np.ndarray, np.ndarray, float]:
    """The estimates of a and b, inv(X.T X), and the residual variance s**2."""
    design = np.stack([np.ones(len(data)), data.time], axis=1)
    inverse = np.linalg.inv(design.T @ design)
    best = inverse @ design.T @ data.value
    return best, inverse, float(((data.value - design @ best) ** 2).sum() / (len(data) - 2))


decay = pkpd.load("pk_1cmt")
oral = pkpd.load("pk_1cmt_oral")


def decay_data(seed: int = 1, sd: float = 0.4) -> pkpd.Dataset:
    """100 mg into 10 L with CL 2 L/day: 10 exp(-0.2 t) mg/L, normal errors of known SD."""
    time = np.array([0.5, 1.0, 2.0, 4.0, 6.0, 9.0, 12.0, 16.0])
    value = 10 * np.exp(-0.2 * time) + sd * np.random.default_rng(seed).standard_normal(len(time))
    return pkpd.read_observations(table("iv", time, value, "C", sd=sd), {"iv": pkpd.bolus(100, "iv")})


def decay_fit(**options: Any) -> pkpd.Fit:
    wanted = {name: pkpd.free(start, log=True) for name, start in (("CL", 1.5), ("V", 8.0))}
    return pkpd.fit(decay, decay_data(), wanted, **options)


def tail_fit(**options: Any) -> pkpd.Fit:
    """An oral dose seen after its absorption only: ka may be as large as it likes, while V makes up for it."""
    time = np.array([4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 36.0])
    ka, k = 1.5, 0.1
    true = 100 / 20 * ka / (ka - k) * (np.exp(-k * time) - np.exp(-ka * time))
    value = true * (1 + 0.05 * np.random.default_rng(3).standard_normal(len(time)))
    data = pkpd.read_observations(table("oral", time, value, "C", sd=0.05 * true), {"oral": pkpd.bolus(100, "oral")})
    wanted = {
        "ka": pkpd.free(1.0, (0.01, 100.0), log=True),
        "CL": pkpd.free(1.5, (0.01, 100.0), log=True),
        "V": pkpd.free(15.0, (0.1, 1000.0), log=True),
    }
    return pkpd.fit(oral, data, wanted, **options)


def flip_flop_fit(**options: Any) -> pkpd.Fit:
    """An oral dose seen from the start: the two rate constants may change places, with another V."""
    time = np.array([0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 18.0, 24.0])
    ka, k = 1.0, 0.1
    true = 100 / 20 * ka / (ka - k) * (np.exp(-k * time) - np.exp(-ka * time))
    value = true * (1 + 0.05 * np.random.default_rng(5).standard_normal(len(time)))
    data = pkpd.read_observations(table("oral", time, value, "C", sd=0.05 * true), {"oral": pkpd.bolus(100, "oral")})
    wanted = {
        "ka": pkpd.free(1.0, (0.01, 100.0), log=True),
        "CL": pkpd.free(1.5, (0.01, 100.0), log=True),
        "V": pkpd.free(15.0, (0.1, 1000.0), log=True),
    }
    return pkpd.fit(oral, data, wanted, **options)


def bioavailability_fit(**options: Any) -> pkpd.Fit:
    """Oral doses alone fix CL/F and V/F: F has no value of its own."""
    time = np.array([0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 18.0])
    true = 5 * (np.exp(-0.1 * time) - np.exp(-time)) / 0.9
    value = true * (1 + 0.05 * np.random.default_rng(5).standard_normal(len(time)))
    data = pkpd.read_observations(table("oral", time, value, "C", sd=0.05 * true), {"oral": pkpd.bolus(100, "oral")})
    wanted = {
        "V": pkpd.free(15.0, (0.1, 1000.0), log=True),
        "CL": pkpd.free(1.5, (0.01, 100.0), log=True),
        "F": pkpd.free(0.8, (0.01, 10.0), log=True),
    }
    return pkpd.fit(oral, data, wanted, parameters={"ka": 1.0}, **options)


def shrinking_fit(**options: Any) -> pkpd.Fit:
    """A tumor seen while it shrinks: what would grow (1 - phi) hardly shows, and so not how fast (g)."""
    time = np.arange(0.0, 50.0, 7.0)
    true = 60 * (0.9 * np.exp(-0.03 * time) + 0.1 * np.exp(0.002 * time))
    value = true + 1.5 * np.random.default_rng(2).standard_normal(len(time))
    data = pkpd.read_observations(table("a", time, value, "TS", sd=1.5), {"a": None})
    wanted = {
        "g": pkpd.free(0.003, (1e-6, 1.0), log=True),
        "phi": pkpd.free(0.95, (0.0, 1.0)),
        "d": pkpd.free(0.02, (1e-4, 1.0), log=True),
    }
    return pkpd.fit(pkpd.load("stein_2011_gdphi"), data, wanted, parameters={"TS0": 60.0}, **options)
