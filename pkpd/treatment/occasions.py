"""Variability from occasion to occasion within a subject, as jumps of a factor."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from pkpd.errors import ModelError, RegimenError, UnitError, unknown_name
from pkpd.symbolic.model import Model, Route, require_model
from pkpd.symbolic.symbols import Parameter, State, dose, param, state
from pkpd.symbolic.variants import with_expressions
from pkpd.treatment.dose_times import as_time, times_in
from pkpd.treatment.regimens import Regimen, bolus

__all__ = ["by_occasion"]


def by_occasion(model: Model, omegas: Mapping[str, float], starts: Sequence[float]) -> tuple[Model, Regimen]:
    """A model whose parameters change from occasion to occasion, and the regimen that changes them.

    A parameter is one number in a run, so each occasion has a parameter of its own: the
    factor ``CL_occasion_2`` on CL during the second occasion, 1 by default, with the given
    omega as its declared ``iiv``.  `population` and `sample` draw the factors like any other
    parameter, and a solver begins a new step where an occasion begins.

    Parameters
    ----------
    model
        The model.
    omegas
        By parameter the standard deviation of its logarithm between the occasions of one
        subject.
    starts
        When the occasions begin: numbers in the model's time, or text such as ``"3 weeks"``;
        increasing, the first at 0.

    Returns
    -------
    Model, Regimen
        Write this regimen before the doses, ``occasions + doses``: of what happens at one
        time, what is written first acts first.

    Raises
    ------
    UnknownNameError
        If the model has no such parameter.
    ModelError
        If the start of a state depends on one of them.
    RegimenError
        If the starts do not begin at 0, or do not increase.

    References
    ----------
    Karlsson MO, Sheiner LB. The importance of modeling interoccasion variability in
    population pharmacokinetic analyses. J Pharmacokinet Biopharm 21:735-750 (1993).
    """
    require_model(model, "by_occasion")
    if not isinstance(omegas, Mapping):
        raise ModelError(f"by_occasion() got {omegas!r} as omegas; expected {{parameter: omega}}.")
    times = _times(starts, model.time)
    if not times or times[0] != 0 or any(b <= a for a, b in itertools.pairwise(times)):
        raise RegimenError(f"occasions begin at {times}; expected increasing times, the first 0.")
    factors = {name: _factors(model, name, omega, times) for name, omega in omegas.items()}
    current = {
        name: state(f"{name}_occasion", "1", f"factor on {name} in this occasion", start=own[0])
        for name, own in factors.items()
    }
    jumps = {
        f"occasion_{i + 1}": {current[name]: own[i] * dose("1") for name, own in factors.items()}
        for i in range(1, len(times))
    }
    regimen = Regimen()
    for route, time in zip(jumps, times[1:], strict=True):
        regimen += bolus(1, route, at=time)
    return _changing(model, {model[name]: now for name, now in current.items()}, jumps), regimen


def _times(starts: Any, unit: str) -> list[float]:
    """The beginnings of occasions as numbers in `unit`."""
    try:
        return [float(times_in(as_time(start, "the beginning of an occasion"), unit)) for start in starts]
    except (TypeError, RegimenError, UnitError):  # no sequence, no time, or an expression of parameters
        raise RegimenError(f"occasions begin at {starts!r}; expected increasing times, the first 0.") from None


def _factors(model: Model, name: str, omega: float, times: Sequence[float]) -> list[Parameter]:
    known = {s.name: s for s in model.settable if isinstance(s, Parameter)}
    if name not in known:
        raise unknown_name(model.name, "parameter", str(name), known)
    used = [s.name for s in model.states if known[name] in s.start.free_symbols]
    if used:
        raise ModelError(f"{model.name}: the start of {used[0]!r} depends on {name!r}, which cannot vary by occasion.")
    return [
        param(
            f"{name}_occasion_{i}", 1, "1", f"factor on {name} from time {time:g}",
            source="by_occasion", bounds=(0, None), iiv=omega,
        )
        for i, time in enumerate(times, start=1)
    ]  # fmt: skip


def _changing(model: Model, current: Mapping[Any, State], jumps: Mapping[str, Any]) -> Model:
    """`model` with each of the parameters multiplied by the state that holds its factor, which `jumps` set."""
    return with_expressions(
        model,
        {parameter: parameter * factor for parameter, factor in current.items()},
        rates=lambda rates: rates | dict.fromkeys(current.values(), 0),
        routes=lambda routes: routes | {name: Route(name, jump, replaces=True) for name, jump in jumps.items()},
    )
