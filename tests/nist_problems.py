"""The nonlinear regression problems of NIST StRD as plain functions, and those that are trajectories as models.

The data, the starts and the certified values are in tests/nist; see there for their sources.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import pkpd
from pkpd.arrays import Array

FOLDER = Path(__file__).parent / "nist"


@dataclass(frozen=True)
class Problem:
    """One data set: by parameter two starts, the certified value and its standard deviation."""

    name: str
    level: str
    parameters: dict[str, tuple[float, float, float, float]]
    squares: float
    sd: float
    table: pd.DataFrame

    def free(self, start: int) -> dict[str, Any]:
        """The parameters, from the first or the second start."""
        return {name: pkpd.free(values[start - 1]) for name, values in self.parameters.items()}

    @property
    def certified(self) -> Array:
        return np.array([values[2] for values in self.parameters.values()])

    @property
    def data(self) -> pkpd.Dataset:
        """The observations, each with a number, since some stand there twice."""
        return pkpd.read_observations(self.table, {"nist": None})


@cache
def problem(name: str) -> Problem:
    lines = (FOLDER / f"{name}.csv").read_text(encoding="utf-8").splitlines()
    head = [line.removeprefix("# ").split(", ") for line in lines if line.startswith("# ")]
    numbers = {cells[0]: tuple(float(cell) for cell in cells[1:]) for cells in head if _is_number(cells[-1])}
    rows = [[float(cell) for cell in row] for row in csv.reader(lines[len(head) + 1 :])]
    columns = pd.DataFrame(rows, columns=lines[len(head)].split(","))
    table = pd.DataFrame({"arm": "nist", "time": columns.iloc[:, 1], "output": "y", "value": columns["y"]})
    table["subject"] = np.arange(len(table))
    if name == "Nelson":  # its model is one of the logarithm, and of a second variable
        table = table.assign(value=np.log(table["value"]), x2=columns["x2"])
    level = next(cells[1].split()[0] for cells in head if cells[0].startswith(name))
    parameters = {key: values for key, values in numbers.items() if len(values) == 4}
    (squares,), (sd,) = numbers["residual sum of squares"], numbers["residual standard deviation"]
    return Problem(name, level, parameters, squares, sd, table)  # type: ignore[arg-type]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def digits(estimate: Any, certified: Any) -> float:
    """The smallest number of digits that agree (the log relative error of NIST), at most 11."""
    error = np.abs(np.asarray(estimate) - certified) / np.abs(certified)
    with np.errstate(divide="ignore"):
        return float(np.min(np.minimum(-np.log10(error), 11.0)))


# ---- the functions, in the words of NIST


def bennett5(x: Any, b1: Any, b2: Any, b3: Any) -> Any:
    return b1 * (b2 + x) ** (-1 / b3)


def boxbod(x: Any, b1: Any, b2: Any) -> Any:
    return b1 * (1 - np.exp(-b2 * x))


def chwirut(x: Any, b1: Any, b2: Any, b3: Any) -> Any:
    return np.exp(-b1 * x) / (b2 + b3 * x)


def danwood(x: Any, b1: Any, b2: Any) -> Any:
    return b1 * x**b2


def enso(x: Any, b1: Any, b2: Any, b3: Any, b4: Any, b5: Any, b6: Any, b7: Any, b8: Any, b9: Any) -> Any:
    def cycle(period: Any, cosine: Any, sine: Any) -> Any:
        return cosine * np.cos(2 * np.pi * x / period) + sine * np.sin(2 * np.pi * x / period)

    return b1 + cycle(12, b2, b3) + cycle(b4, b5, b6) + cycle(b7, b8, b9)


def eckerle4(x: Any, b1: Any, b2: Any, b3: Any) -> Any:
    return b1 / b2 * np.exp(-0.5 * ((x - b3) / b2) ** 2)


def gauss(x: Any, b1: Any, b2: Any, b3: Any, b4: Any, b5: Any, b6: Any, b7: Any, b8: Any) -> Any:
    return b1 * np.exp(-b2 * x) + b3 * np.exp(-((x - b4) ** 2) / b5**2) + b6 * np.exp(-((x - b7) ** 2) / b8**2)


def cubic_ratio(x: Any, b1: Any, b2: Any, b3: Any, b4: Any, b5: Any, b6: Any, b7: Any) -> Any:
    return (b1 + b2 * x + b3 * x**2 + b4 * x**3) / (1 + b5 * x + b6 * x**2 + b7 * x**3)


def kirby2(x: Any, b1: Any, b2: Any, b3: Any, b4: Any, b5: Any) -> Any:
    return (b1 + b2 * x + b3 * x**2) / (1 + b4 * x + b5 * x**2)


def lanczos(x: Any, b1: Any, b2: Any, b3: Any, b4: Any, b5: Any, b6: Any) -> Any:
    return b1 * np.exp(-b2 * x) + b3 * np.exp(-b4 * x) + b5 * np.exp(-b6 * x)


def mgh09(x: Any, b1: Any, b2: Any, b3: Any, b4: Any) -> Any:
    return b1 * (x**2 + x * b2) / (x**2 + x * b3 + b4)


def mgh10(x: Any, b1: Any, b2: Any, b3: Any) -> Any:
    return b1 * np.exp(b2 / (x + b3))


def mgh17(x: Any, b1: Any, b2: Any, b3: Any, b4: Any, b5: Any) -> Any:
    return b1 + b2 * np.exp(-x * b4) + b3 * np.exp(-x * b5)


def misra1b(x: Any, b1: Any, b2: Any) -> Any:
    return b1 * (1 - (1 + b2 * x / 2) ** -2)


def misra1c(x: Any, b1: Any, b2: Any) -> Any:
    return b1 * (1 - (1 + 2 * b2 * x) ** -0.5)


def misra1d(x: Any, b1: Any, b2: Any) -> Any:
    return b1 * b2 * x / (1 + b2 * x)


def nelson(x: Any, b1: Any, b2: Any, b3: Any, x2: Any) -> Any:
    return b1 - b2 * x * np.exp(-b3 * x2)


def rat42(x: Any, b1: Any, b2: Any, b3: Any) -> Any:
    return b1 / (1 + np.exp(b2 - b3 * x))


def rat43(x: Any, b1: Any, b2: Any, b3: Any, b4: Any) -> Any:
    return b1 / (1 + np.exp(b2 - b3 * x)) ** (1 / b4)


def roszman1(x: Any, b1: Any, b2: Any, b3: Any, b4: Any) -> Any:
    return b1 - b2 * x - np.arctan(b3 / (x - b4)) / np.pi


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "Bennett5": bennett5, "BoxBOD": boxbod, "Chwirut1": chwirut, "Chwirut2": chwirut, "DanWood": danwood, "ENSO": enso,
    "Eckerle4": eckerle4, "Gauss1": gauss, "Gauss2": gauss, "Gauss3": gauss, "Hahn1": cubic_ratio, "Kirby2": kirby2,
    "Lanczos1": lanczos, "Lanczos2": lanczos, "Lanczos3": lanczos, "MGH09": mgh09, "MGH10": mgh10, "MGH17": mgh17,
    "Misra1a": boxbod, "Misra1b": misra1b, "Misra1c": misra1c, "Misra1d": misra1d, "Nelson": nelson, "Rat42": rat42,
    "Rat43": rat43, "Roszman1": roszman1, "Thurber": cubic_ratio,
}  # fmt: skip
