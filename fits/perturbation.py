"""The uncertain values of a model drawn anew, to see how far a finding hangs on them.

A value is invented where its source says "illustrative", and estimated where the public code that it
is from says so of its own value, "(estimated)", without a measurement.  A draw multiplies each of
them, and the growth rate `kg`, by its own log-normal factor, a share between 0 and 1 by its odds;
other values with a published source stay.  What sets one patient apart from another is drawn too
where it is a value of that kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import pkpd

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Draws:
    """Factors on uncertain values.

    Parameters
    ----------
    factors
        By parameter the factor of each draw.
    shares
        The parameters that lie between 0 and 1.
    """

    factors: Mapping[str, Array]
    shares: frozenset[str]

    def __len__(self) -> int:
        return len(next(iter(self.factors.values())))

    def of(self, name: str, values: Array) -> Array:
        """`values` in each draw; draws come first."""
        factor = self.factors[name].reshape(-1, *(1,) * values.ndim)
        scaled = factor * values
        return np.asarray(scaled / (1 - values + scaled) if name in self.shares else scaled)


def invented(model: pkpd.Model) -> list[str]:
    """The parameters whose values no source gives."""
    return _whose_source_says(model, "illustrative")


def estimated(model: pkpd.Model) -> list[str]:
    """The parameters whose values the code that they are from marks as estimated."""
    return _whose_source_says(model, "(estimated)")


def uncertain(model: pkpd.Model) -> list[str]:
    """All that is drawn anew: what is invented or estimated, and the growth rate of the tumor."""
    growth = [name for name in model.parameters.index if name == "kg"]
    return [*invented(model), *estimated(model), *growth]


def _whose_source_says(model: pkpd.Model, words: str) -> list[str]:
    table = model.parameters
    return list(table.index[table["source"].str.contains(words, regex=False)])


def draws(model: pkpd.Model, n: int, cv: float, seed: int) -> Draws:
    """`n` draws of all uncertain values of `model` by factors exp(`cv` z), z standard normal."""
    names = uncertain(model)
    z = np.random.default_rng(seed).standard_normal((n, len(names)))
    upper = model.parameters["upper"]
    return Draws(dict(zip(names, np.exp(cv * z).T, strict=True)), frozenset(name for name in names if upper[name] == 1))


def drawn(model: pkpd.Model, patient: Mapping[str, Any] | pkpd.Ensemble, these: Draws) -> pkpd.Ensemble:
    """Everybody in `patient` with the uncertain values of each draw, along the dimension ``draw``."""
    who = _ensemble(patient)
    defaults = model.parameters["value"]
    columns = dict(who.columns)
    for name in these.factors:
        dims, values = columns.get(name, ((), defaults[name]))
        columns[name] = (("draw", *dims), these.of(name, np.asarray(values, dtype=float)))
    return pkpd.Ensemble({"draw": len(these), **who.sizes}, columns, who.labels)


def _ensemble(patient: Mapping[str, Any] | pkpd.Ensemble) -> pkpd.Ensemble:
    if isinstance(patient, pkpd.Ensemble):
        return patient
    return pkpd.Ensemble({}, {name: ((), value) for name, value in patient.items()})
