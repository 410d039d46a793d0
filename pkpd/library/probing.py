"""A model's expressions at sampled points where no state is negative."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import sympy

from pkpd.symbolic.checks import every_symbol
from pkpd.symbolic.symbols import Clock, Declared, Dose, Given, InputRate, Parameter, State
from pkpd.units import conversion_factor, parse_unit

if TYPE_CHECKING:
    from pkpd.arrays import Array
    from pkpd.symbolic.model import Model

    Points = Mapping[Declared, Array]

__all__ = ["confined", "default_value", "evaluate", "points", "start_value", "terms_of"]

ROUNDING = 1e-9


def points(model: Model, count: int = 256, seed: int = 20) -> dict[Declared, Array]:
    """Values for every symbol of `model` at `count` points: parameters at their defaults, all else sampled.

    States, inputs, doses and the time are log-uniform over six decades around the sizes that
    the model itself names: the parameters and starts of the same dimension.  A given of unit 1
    is uniform between 0 and 1, since most are fractions.  One state in ten is zero.
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    sampled: dict[Declared, Array] = {}
    for symbol in _every_symbol(model):
        if isinstance(symbol, Parameter):
            sampled[symbol] = np.full(count, symbol.value)
        elif isinstance(symbol, Given) and symbol.unit == "1":
            sampled[symbol] = rng.uniform(0, 1, count)
        else:
            sizes = rng.choice(_sizes(model, symbol), count)
            sampled[symbol] = sizes * 10 ** rng.uniform(-3, 3, count)
            if isinstance(symbol, State):
                sampled[symbol][rng.random(count) < 0.1] = 0
    return sampled


def confined(model: Model, at: Points) -> dict[Declared, Array]:
    """The points `at`, with every state that cannot rise above some ceiling moved below it.

    A ceiling is a number that the model names (a parameter of the state's dimension; 1 for a
    pure number), not below the start, at which the rate is nowhere positive.  No dose and no
    event may raise the state.
    """
    raised = {s for route in model.routes.values() for s in route.jumps}
    raised |= {s for event in model.events for s in event.then}
    moved = dict(at)
    for s in model.states:
        ceiling = None if s in raised else _ceiling(model, s, at)
        if ceiling is not None:
            moved[s] = at[s] * ceiling / (ceiling + at[s])
    return moved


def _ceiling(model: Model, state: State, at: Points) -> float | None:
    lowest = start_value(state)
    named = _sizes(model, state) + ([1.0] if state.unit == "1" else [])
    for ceiling in sorted(size for size in named if size >= lowest):
        change, size = terms_of(model.rates[state], {**at, state: 0 * at[state] + ceiling})
        if not (change > ROUNDING * size).any():
            return ceiling
    return None


def evaluate(expression: sympy.Basic, at: Points) -> Array:
    """`expression` at each point; NaN or infinite where it has no value."""
    import numpy as np

    used = sorted(expression.free_symbols, key=str)
    function = sympy.lambdify(used, expression, modules=["scipy", "numpy"], cse=True)
    with np.errstate(all="ignore"):
        values = np.asarray(function(*(at[s] for s in used)), dtype=float)
    return np.broadcast_to(values, next(iter(at.values())).shape) if at else values


def terms_of(expression: sympy.Expr, at: Points) -> tuple[Array, Array]:
    """The sum of an expression's terms at each point, and the sum of their absolute values."""
    import numpy as np

    terms = [evaluate(term, at) for term in sympy.Add.make_args(expression)]
    with np.errstate(invalid="ignore"):  # one term may be infinite and another its opposite: no value, NaN
        return sum(terms[1:], terms[0]), sum((abs(t) for t in terms[1:]), abs(terms[0]))


def default_value(symbol: Parameter | Given) -> float:
    """What a parameter, or a given that stands in as one, is by default; 1 where nothing says."""
    if isinstance(symbol, Parameter):
        return symbol.value
    return 1.0 if symbol.default is None else symbol.default


def start_value(state: State) -> float:
    """Where a state starts, with every parameter at its default."""
    start = state.start.xreplace({s: sympy.Float(default_value(s)) for s in state.start.atoms(Parameter, Given)})
    return float(start)


def _every_symbol(model: Model) -> list[Declared]:
    return sorted(every_symbol(model), key=lambda s: (s.name, repr(s.declaration)))


def _sizes(model: Model, symbol: Declared) -> list[float]:
    """The positive values of the symbol's dimension that the model names, in the symbol's unit; 1 where none."""
    unit = parse_unit(symbol.unit)
    named: Iterable[tuple[Any, float]] = [
        *((parse_unit(s.unit), s.value) for s in model.settable if isinstance(s, Parameter)),
        *((parse_unit(s.unit), abs(start_value(s))) for s in model.states),
    ]
    if isinstance(symbol, Clock | InputRate | Dose | Given) and symbol.unit == "1":
        return [1.0]
    converted = [value * (conversion_factor(other, unit) or 0) for other, value in named]
    return sorted({size for size in converted if size > 0}) or [1.0]
