"""How the equations are integrated: one bundle of options, one set of defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from pkpd.errors import SimulationError, unknown_name
from pkpd.solvers.solve import DEVICE_METHODS, DEVICES, METHODS
from pkpd.solvers.tolerances import tolerance

__all__ = ["Solver", "chosen_solver"]

MOST_STEPS = 10**15


@dataclass(frozen=True)
class Solver:
    """The options of an integration; every verb that integrates takes one.

    Parameters
    ----------
    method
        ``"auto"``: an explicit method, and an implicit one for the members that turn out
        stiff, compiled for the model.  One of the two alone is ``"tsit5"``, ``"dop853"`` or
        ``"rodas5p"``.  ``"numpy"`` needs no compiler; ``"scipy"`` takes one member at a time
        with LSODA, or with ``"DOP853"``, ``"RK45"``, ``"Radau"``, ``"BDF"``.
    rtol
        Relative tolerance of a step.
    atol
        Absolute tolerance of a step, for all states or by state.  By default it is 1e-10, or
        `rtol` times the size of what a state starts with and is given, whichever is less: a
        nanogram is solved as exactly as a gram.
    max_steps
        The largest number of steps between two stops (doses, events and the like).
    threads
        Threads to use, by default as many as there are processors and as there is work for;
        ``"numpy"`` and the methods of scipy have one.
    device
        ``"cpu"``, or ``"gpu"``: an NVIDIA card of the Ampere generation or later, for many members, by
        ``"auto"`` or one of its methods.  Experimental: it has been tested by simulation alone, where it agrees
        to the bit with processors that fuse products with sums, and has not yet run on a card.  Needs the driver
        and no further package; steady states are found on the processor all the same.

    Raises
    ------
    UnknownNameError
        If there is no such method or device.
    SimulationError
        If another option is not acceptable; the message names it.

    Examples
    --------
    >>> Solver(rtol=1e-6).but(method="scipy")
    Solver(method='scipy', rtol=1e-06, atol=None, max_steps=100000, threads=None, device='cpu')
    """

    method: str = "auto"
    rtol: float = 1e-8
    atol: float | Mapping[str, float] | None = None
    max_steps: int = 100_000
    threads: int | None = None
    device: str = "cpu"

    def __post_init__(self) -> None:
        if not isinstance(self.method, str):
            raise SimulationError(f"method is {self.method!r}; expected a name such as 'auto' or 'scipy'.")
        if self.method not in METHODS:
            raise unknown_name("the solver", "method", self.method, METHODS)
        _check_device(self.device, self.method)
        tolerance("rtol", self.rtol)
        if self.atol is not None and not isinstance(self.atol, Mapping):
            tolerance("atol", self.atol)
        if self.threads is not None and (not isinstance(self.threads, int) or self.threads < 1):
            raise SimulationError(f"threads is {self.threads!r}; expected a whole number of 1 or more.")
        if not isinstance(self.max_steps, int | np.integer) or not 1 <= self.max_steps <= MOST_STEPS:
            large = isinstance(self.max_steps, int) and self.max_steps > MOST_STEPS
            what = "too large" if large else repr(self.max_steps)
            raise SimulationError(f"max_steps is {what}; expected a whole number of 1 or more, up to {MOST_STEPS:g}.")

    def but(self, **options: Any) -> Solver:
        """The same with other options; what is None stays as it is.

        Raises
        ------
        UnknownNameError
            If there is no such option.
        """
        known = [f.name for f in fields(self)]
        for name in options:
            if name not in known:
                raise unknown_name("the solver", "option", name, known)
        return replace(self, **{name: value for name, value in options.items() if value is not None})


def _check_device(device: str, method: str) -> None:
    if device not in DEVICES:
        raise unknown_name("the solver", "device", str(device), DEVICES)
    if device == "gpu" and method not in DEVICE_METHODS:
        raise SimulationError(
            f"method {method!r} runs on the processor alone; with device='gpu' expected one of "
            f"{', '.join(map(repr, DEVICE_METHODS))}."
        )


def chosen_solver(solver: Solver | None, **options: Any) -> Solver:
    """`solver`, or that of the defaults, with the options that are given one by one.

    Raises
    ------
    SimulationError
        If it is no `Solver`.
    """
    if not isinstance(solver, Solver | None):
        raise SimulationError(f"solver is {solver!r}; expected pkpd.Solver(...).")
    return (solver or Solver()).but(**options)
