"""The invented values of a model drawn anew, to see how far a finding hangs on them.

A value is invented where its source says "illustrative".  A draw multiplies each of them by its
own log-normal factor, a share between 0 and 1 by its odds; values with a published source stay.
What sets one patient apart from another is drawn too where it is a value of that kind.
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
    """Factors on invented values.

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
    table = model.parameters
    return list(table.index[table["source"].str.contains("illustrative")])


def draws(model: pkpd.Model, n: int, cv: float, seed: int) -> Draws:
    """`n` draws of all invented values of `model` by factors exp(`cv` z), z standard normal."""
    names = invented(model)
    z = np.random.default_rng(seed).standard_normal((n, len(names)))
    upper = model.parameters["upper"]
    return Draws(dict(zip(names, np.exp(cv * z).T, strict=True)), frozenset(name for name in names if upper[name] == 1))


def drawn(model: pkpd.Model, patient: Mapping[str, Any] | pkpd.Ensemble, these: Draws) -> pkpd.Ensemble:
    """Everybody in `patient` with the invented values of each draw, along the dimension ``draw``."""
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
