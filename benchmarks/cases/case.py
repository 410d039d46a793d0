"""A benchmark case: a model, boluses at fixed intervals, and an ensemble that a seed fixes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pkpd import Ensemble, Model, Regimen, bolus, members
from pkpd.solvers.equations.numpy_code import numpy_code
from pkpd.solvers.equations.system import System, numbered_system
from pkpd.solvers.problem import Problem
from pkpd.solvers.schedule import Schedule, make_schedule

__all__ = ["REFERENCE_MEMBERS", "Case"]

Array = NDArray[np.float64]

BLOCK = 10_000  # members that one seed draws
REFERENCE_MEMBERS = 100
REFERENCES = Path(__file__).parent.parent / "references"


@dataclass(frozen=True, eq=False)
class Case:
    """An ensemble of initial value problems that every integrator solves alike.

    The first bolus is given at time 0.  A stored time that coincides with a bolus holds
    the value before it.

    Attributes
    ----------
    name, title
        A word, and a line for people.
    model
        Every member starts from its starts, with its defaults but for `spread`.
    route, amount
        The bolus: its route and its size in the route's unit.
    interval, doses
        Days between boluses, and their number; the last interval ends the case.
    stores
        Times stored in each interval, at even distances, the last at its end.
    spread
        The coefficient of variation of each parameter that varies, lognormal with the
        default as its mean; independent.
    seed
        Of the first 10,000 members; every further 10,000 have the next seed.
    stiff
        Whether an explicit method is out of place.
    """

    name: str
    title: str
    model: Model
    route: str
    amount: float
    interval: float
    doses: int
    stores: int
    spread: Mapping[str, float]
    seed: int
    stiff: bool = False

    @property
    def regimen(self) -> Regimen:
        return bolus(self.amount, self.route, every=self.interval, n=self.doses)

    @property
    def times(self) -> Array:
        """When states are stored: time 0, then `stores` times in each interval."""
        return np.linspace(0.0, self.interval * self.doses, self.stores * self.doses + 1)

    @property
    def system(self) -> System:
        """The model over numbered symbols, in whose order parameters and states stand."""
        return numbered_system(self.model)

    def varied(self, count: int) -> dict[str, Array]:
        """The values of each parameter that varies, (count,); the same however many follow."""
        blocks = [self._block(self.seed + i) for i in range(-(-count // BLOCK))]
        return {name: np.concatenate([block[name] for block in blocks])[:count] for name in self.spread}

    def _block(self, seed: int) -> dict[str, Array]:
        generator = np.random.default_rng(seed)
        drawn = {}
        for name, cv in self.spread.items():
            variance = np.log1p(cv * cv)
            normal = generator.normal(0, 1, BLOCK)
            drawn[name] = self._default(name) * np.exp(normal * np.sqrt(variance) - 0.5 * variance)
        return drawn

    def ensemble(self, count: int) -> Ensemble:
        """The first `count` members as `simulate` takes them."""
        return members(**self.varied(count))

    def parameters(self, count: int) -> Array:
        """(parameters, count), in the order of `system`."""
        varied = self.varied(count)
        table = np.empty((len(self.system.parameters), count))
        for i, name in enumerate(self.system.parameters):
            table[i] = varied[name] if name in varied else self._default(name)
        return table

    def _default(self, name: str) -> float:
        return float(self.model[name].declaration.value)

    def starts(self, parameters: Array) -> Array:
        """(states, count) at time 0, before the first bolus."""
        return numpy_code(self.system).starts(parameters)

    def problem(self, count: int, rtol: float) -> Problem:
        """The first `count` members as the solver layer takes them; atol is rtol/100 everywhere."""
        parameters = self.parameters(count)
        return Problem(
            model=self.system,
            parameters=parameters,
            starts=self.starts(parameters),
            schedule=self._schedule(),
            times=self.times,
            rtol=rtol,
            atol=np.full(len(self.system.states), rtol * 1e-2),
        )

    def _schedule(self) -> Schedule:
        times = np.arange(self.doses, dtype=np.float64)[None, :] * self.interval
        jumps, inputs = np.zeros(self.doses, dtype=np.int64), np.full(self.doses, -1)
        return make_schedule(times, np.full_like(times, self.amount), np.full_like(times, np.nan), jumps, inputs, 0)

    @property
    def reference_path(self) -> Path:
        return REFERENCES / f"{self.name}.npy"

    @cached_property
    def reference(self) -> Array:
        """The first 100 members at tight tolerance, (100, times, states); `benchmarks.reference` made it."""
        loaded: Array = np.load(self.reference_path, allow_pickle=False)
        return loaded
