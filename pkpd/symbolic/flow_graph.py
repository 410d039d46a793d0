"""What flows where in a model, and what acts on what, read off its equations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy

from pkpd.symbolic.symbols import Given

if TYPE_CHECKING:
    from pkpd.symbolic.model import Model

__all__ = ["Action", "Flow", "FlowGraph", "flow_graph"]

_POINTS = 7  # at which the sign of an action is looked at
_LARGEST = 400  # operations of a rate that is multiplied out


@dataclass(frozen=True)
class Flow:
    """An amount that leaves `source` and enters `target`; None is the world outside."""

    source: str | None
    target: str | None


@dataclass(frozen=True)
class Action:
    """`source` raises (1), lowers (-1) or changes either way (0) the rate or the value of `target`."""

    source: str
    target: str
    sign: int


@dataclass(frozen=True)
class FlowGraph:
    """The states of a model, the quantities named in its equations, and how they hang together.

    Attributes
    ----------
    states, quantities, inputs
        Names of the states, of the outputs that occur in rates, and of what the model is given.
    flows
        Between states, and from and to the outside.
    actions
        Of states, quantities and inputs on each other's rates and values.
    routes
        For each route the states that its doses enter or change.
    """

    states: tuple[str, ...]
    quantities: tuple[str, ...]
    inputs: tuple[str, ...]
    flows: tuple[Flow, ...]
    actions: tuple[Action, ...]
    routes: Mapping[str, tuple[str, ...]]


def flow_graph(model: Model) -> FlowGraph:
    """Read flows and actions off the rates.

    A term that leaves the rate of one state and enters that of another, up to a constant, is a flow between
    them; what is left over comes from outside or goes there.  A state that a rate depends on otherwise
    acts on it; the sign of the action is that of the derivative, the same at several points.

    Parameters
    ----------
    model
        Any model.

    Examples
    --------
    >>> import pkpd
    >>> graph = flow_graph(pkpd.load("pk_1cmt_oral"))
    >>> [(flow.source, flow.target) for flow in graph.flows]
    [('depot', 'central'), ('central', None)]
    """
    rates, named = _with_names(model)
    flows, carried = _flows(rates)
    actors: dict[Any, str] = {state: state.name for state in model.states}
    actors |= {symbol: symbol.name for symbol in named}
    given = {s: s.name for s in model.settable if isinstance(s, Given)}
    used = set().union(*(e.free_symbols for e in (*rates.values(), *named.values())))
    inputs = {s: name for s, name in given.items() if s in used}
    actions = tuple(_actions(rates, named, actors | inputs, carried))
    return FlowGraph(
        tuple(s.name for s in model.states), tuple(s.name for s in named), tuple(inputs.values()), flows, actions,
        {name: _entered(model, name) for name in model.routes},
    )  # fmt: skip


def _with_names(model: Model) -> tuple[dict[Any, sympy.Expr], dict[sympy.Symbol, sympy.Expr]]:
    """The rates with each output that occurs in them as a symbol, and what these symbols are."""
    outputs = sorted(model.outputs.items(), key=lambda item: -int(item[1].expression.count_ops()))
    symbols = {name: sympy.Symbol(name, positive=True) for name, _ in outputs}
    rates = dict(model.rates)
    named: dict[sympy.Symbol, sympy.Expr] = {}
    for name, out in outputs:
        if _only_sums(out.expression, set(model.states)):
            continue
        replaced = {s: e.subs(out.expression, symbols[name]) for s, e in rates.items()}
        inside = {s: e.subs(out.expression, symbols[name]) for s, e in named.items()}
        if any(symbols[name] in e.free_symbols for e in (*replaced.values(), *inside.values())):
            rates, named = replaced, {**inside, symbols[name]: out.expression}
    return rates, named


def _only_sums(expression: sympy.Expr, states: set[Any]) -> bool:
    """Whether it is a state in another unit, or a sum of states, which need no box of their own."""
    used = expression.free_symbols & states
    slopes = [sympy.diff(expression, s) for s in used]
    return not any(slope.free_symbols & states for slope in slopes)


def _terms(rate: sympy.Expr, moving: set[Any]) -> list[sympy.Expr]:
    """The terms of a rate, multiplied out where states stand and not among parameters."""
    terms = []
    for whole in sympy.Add.make_args(rate):
        factor, part = whole.as_independent(*moving, as_Add=False)
        small = part.count_ops() <= _LARGEST
        moved = sympy.Add.make_args(sympy.expand_mul(part) if small else part)
        terms += [f * t for f in _factors(factor) for t in moved]
    return [t for t in terms if t != 0]


def _factors(factor: sympy.Expr) -> tuple[sympy.Expr, ...]:
    """A sum of clearances apart, each a flow of its own; one of unlike signs, as of a covariate, stays whole."""
    parts = sympy.Add.make_args(sympy.expand_mul(factor))
    return parts if len({_negative(p) for p in parts}) == 1 else (factor,)


def _unvalued(expression: sympy.Expr) -> set[Any]:
    """What moves: states, named quantities and inputs, all that has no declared value."""
    return {s for s in expression.free_symbols if _declared(s) is None}


def _negative(term: sympy.Expr) -> bool:
    """Whether a term is below 0 at the declared values, with all that moves above 0."""
    at = {s: 0.5 if _declared(s) is None else _declared(s) for s in term.free_symbols}
    return bool(complex(term.xreplace({s: sympy.Float(v) for s, v in at.items()}).evalf()).real < 0)


def _flows(rates: Mapping[Any, sympy.Expr]) -> tuple[tuple[Flow, ...], dict[Any, set[Any]]]:
    """The flows, and for each state those whose amount flows into it."""
    states = set(rates)
    terms = {state: _terms(rate, states | _unvalued(rate)) for state, rate in rates.items()}
    flows: dict[Flow, None] = {}
    carried: dict[Any, set[Any]] = {state: set() for state in rates}
    matched: set[tuple[Any, int]] = set()
    for source in rates:
        leaving = {i: t for i, t in enumerate(terms[source]) if _negative(t) and source in t.free_symbols}
        for target, j, i in _entering(leaving, terms, source, states):
            flows[Flow(source.name, target.name)] = None
            carried[target].add(source)
            matched |= {(source, i), (target, j)}
    for state in rates:
        left = [t for i, t in enumerate(terms[state]) if (state, i) not in matched]
        grown = [t for t in left if not _negative(t)]
        if grown:
            flows[Flow(None, state.name)] = None
        if any(_negative(t) and not _brakes(t, grown, state, states) for t in left):
            flows[Flow(state.name, None)] = None
    return tuple(flows), carried


def _entering(
    leaving: Mapping[int, sympy.Expr], terms: Mapping[Any, list[sympy.Expr]], source: Any, states: set[Any]
) -> Iterator[tuple[Any, int, int]]:
    """The states and the numbers of their terms that a flow enters by, and of the term most like it that leaves."""
    for target, others in terms.items():
        for j, other in enumerate(others):
            if target is source or _negative(other):
                continue
            ratios = {i: (other / term).free_symbols for i, term in leaving.items()}
            alike = [i for i, symbols in ratios.items() if not symbols & states]
            if alike:
                sizes = {i: len(ratios[i]) for i in alike}
                yield target, j, min(sizes, key=sizes.__getitem__)


def _brakes(term: sympy.Expr, grown: list[sympy.Expr], state: Any, states: set[Any]) -> bool:
    """Whether a loss is a growth that slows with its own size, as in logistic growth."""
    return any((term / g).free_symbols & states == {state} for g in grown if state in g.free_symbols)


def _actions(
    rates: Mapping[Any, sympy.Expr], named: Mapping[Any, sympy.Expr], actors: Mapping[Any, str],
    carried: Mapping[Any, set[Any]],
) -> Iterator[Action]:  # fmt: skip
    for target, expression in {**rates, **named}.items():
        for actor in sorted(expression.free_symbols & set(actors), key=lambda s: actors[s]):
            if actor == target or (actor in carried.get(target, ()) and _linear(expression, actor)):
                continue
            yield Action(actors[actor], actors[target], _sign(expression, actor))


def _linear(expression: sympy.Expr, actor: Any) -> bool:
    """Whether `actor` only flows: all its terms are proportional to it."""
    terms = _terms(expression, {actor, *_unvalued(expression)})
    return all((t / actor).free_symbols.isdisjoint({actor}) for t in terms if actor in t.free_symbols)


def _sign(expression: sympy.Expr, actor: Any) -> int:
    """That of the derivative at several positive points, the same each time; 0 where it changes."""
    symbols = sorted(expression.free_symbols, key=str)
    slope = sympy.lambdify(symbols, sympy.diff(expression, actor), "numpy")
    points = np.random.default_rng(0).uniform(0.05, 0.6, (len(symbols), _POINTS))  # shares are below 1
    places = [points[i] if _declared(s) is None else _declared(s) for i, s in enumerate(symbols)]
    with np.errstate(all="ignore"):
        signs = {int(np.sign(v)) for v in np.ravel(slope(*places)) if np.isfinite(v) and v != 0}
    return signs.pop() if len(signs) == 1 else 0


def _declared(symbol: Any) -> float | None:
    value = getattr(symbol, "value", None)
    return None if value is None else float(value)


def _entered(model: Model, name: str) -> tuple[str, ...]:
    route = model.routes[name]
    if route.rate is not None:
        return tuple(s.name for s, rate in model.rates.items() if route.rate in rate.free_symbols)
    return tuple(s.name for s in route.jumps)
