"""When conditions on the clock change: solved for, for all members at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import sympy

from pkpd.arrays import Array, Index, Mask
from pkpd.errors import SimulationError
from pkpd.solvers.equations.clock import ClockCondition
from pkpd.solvers.equations.derivatives import partial
from pkpd.solvers.equations.numpy_code import vectorized
from pkpd.solvers.equations.system import TIME
from pkpd.solvers.ordering import count_before

__all__ = ["MOST_CHANGES", "SAME_TIME", "Changes", "Question", "changes"]

SAME_TIME = 1e-12  # relative: what differs by less is one time
MOST_CHANGES = 1_000_000  # of one condition in one member
CELLS = 256  # of the whole span in which a level that is not linear in time is looked at
CELLS_A_TURN = 16  # of a sine or cosine in it
HALVINGS = 64
_BEYOND = 1e-6  # how far past the end of the span, in parts of it, a value after its last change is looked at
_TARGET = sympy.Symbol("target", real=True)

Function = Callable[..., Array]


@dataclass(frozen=True)
class Question:
    """For whom and from when to when the changes are sought.

    Attributes
    ----------
    p
        (parameters, members).
    start, end
        (members,).
    directions
        (parameters, members, directions): what the derivatives of the times are by.
    names
        Of the parameters, for messages.
    """

    p: Array
    start: Array
    end: Array
    directions: Array
    names: tuple[str, ...]


@dataclass(frozen=True)
class Changes:
    """The value of one condition in all members, as a function of time.

    Attributes
    ----------
    first
        (members,): the value from the start.
    member, time, value
        (changes,), by member and then by time: when it changes, and the value from there on.
    at_once
        (changes,): whether at the very time of the change it has its new value already.
    shift
        (changes, directions): d time in each direction of the parameters.
    """

    first: Array
    member: Index
    time: Array
    value: Array
    at_once: Mask
    shift: Array

    def at(self, member: Index, time: Array) -> Array:
        """The value in `member` at `time`, of which none is one of a change."""
        count = count_before((self.member, self.time), (member, time))
        starts = np.searchsorted(self.member, member)
        value = self.value[np.maximum(count - 1, 0)] if len(self.value) else np.zeros(len(member))
        return np.where(count > starts, value, self.first[member])


@dataclass(frozen=True)
class _Spans:
    """Stretches of time of one member each in which the conditions within a level are constant."""

    member: Index
    begin: Array
    end: Array
    inner: tuple[Array, ...] = ()

    def take(self, which: Index | Mask) -> _Spans:
        return _Spans(self.member[which], self.begin[which], self.end[which], tuple(v[which] for v in self.inner))


@dataclass(frozen=True)
class _Moments:
    """Times at which a condition may change; `at_once` is None where its own level decides."""

    member: Index
    time: Array
    own: Mask
    at_once: Mask
    shift: Array


@dataclass(frozen=True)
class _Level:
    """The functions of a level; each takes times, members and the values of inner conditions."""

    inner: int
    used: tuple[int, ...]
    value: Function
    slope: Function
    by_parameters: Function
    reach: Function | None
    bends: Function


@lru_cache(maxsize=256)
def _level(level: sympy.Expr, p: tuple[sympy.Symbol, ...], inner: tuple[sympy.Symbol, ...]) -> _Level:
    used = tuple(i for i, symbol in enumerate(p) if symbol in level.free_symbols)
    slope = partial(level, TIME)
    arguments = [TIME, tuple(p[i] for i in used), inner]
    linear = TIME not in slope.free_symbols
    reach = (_TARGET - level.xreplace({TIME: sympy.S.Zero})) / slope if linear and slope != 0 else None
    if reach is not None:  # a branch that is constant in time reaches nothing
        reach = reach.xreplace({sympy.zoo: sympy.nan})
    turns = [partial(wave.args[0], TIME) for wave in level.atoms(sympy.sin, sympy.cos, sympy.tan)]
    return _Level(
        len(inner),
        used,
        vectorized(arguments, [level]),
        vectorized(arguments, [slope]),
        vectorized(arguments, [partial(level, p[i]) for i in used]),
        None if reach is None else vectorized([*arguments, _TARGET], [reach]),
        vectorized(arguments, [sympy.Add(*(sympy.Abs(turn) for turn in turns))]),
    )


def changes(
    condition: ClockCondition, p: Sequence[sympy.Symbol], question: Question, known: Mapping[sympy.Symbol, Changes]
) -> Changes:
    """When `condition` changes in each member after `start` and up to `end`.

    A level that is linear in time between the changes of the conditions within it is solved
    exactly.  Any other is looked at in cells (`CELLS` over the span, `CELLS_A_TURN` for each
    turn of a sine or cosine): between the zeros of its slope that show as a change of sign
    from one cell to the next it is monotone, and there every crossing is located.  What can
    be missed is a level that rises and falls within one cell and both times crosses.

    Raises
    ------
    SimulationError
        If it changes more than `MOST_CHANGES` times in a member.
    """
    inner = tuple(s for s in known if s in condition.level.free_symbols)
    level = _level(condition.level, tuple(p), inner)
    spans, boundaries = _spans(question, [known[s] for s in inner])
    spans = _Spans(spans.member, spans.begin, spans.end, _inner_values([known[s] for s in inner], spans))
    own = _crossings(condition, level, spans, question)
    return _changes(condition, level, question, [known[s] for s in inner], _merged([boundaries, own]))


# ---- stretches of time


def _spans(question: Question, inner: Sequence[Changes]) -> tuple[_Spans, _Moments]:
    """The stretches between changes of the conditions within a level, and those changes."""
    parts = [_Moments(c.member, c.time, np.zeros(len(c.time), bool), c.at_once, c.shift) for c in inner]
    k = question.directions.shape[2]
    none = _Moments(np.zeros(0, np.int64), np.zeros(0), np.zeros(0, bool), np.zeros(0, bool), np.zeros((0, k)))
    moments = _merged([none, *parts])
    return _between(question, moments), moments


def _between(question: Question, moments: _Moments) -> _Spans:
    everyone = np.arange(len(question.start))
    member = np.concatenate([everyone, moments.member])
    begin = np.concatenate([question.start, moments.time])
    order = np.lexsort((begin, member))
    member, begin = member[order], begin[order]
    end = np.append(begin[1:], np.nan)
    last = np.append(member[1:] != member[:-1], True)
    end[last] = _horizon(question)[member[last]]
    return _Spans(member, begin, end)


def _horizon(question: Question) -> Array:
    size = np.maximum(np.abs(question.end), np.abs(question.end - question.start))
    return question.end + _BEYOND * np.where(size > 0, size, 1.0)


def _merged(parts: Sequence[_Moments]) -> _Moments:
    """Moments in order, with those of one time as one; the first part's are kept."""
    member, time, own, at_once, shift = (
        np.concatenate([getattr(m, name) for m in parts]) for name in ("member", "time", "own", "at_once", "shift")
    )
    order = np.lexsort((time, member))
    gap = np.diff(time[order], prepend=-np.inf)
    near = (gap <= SAME_TIME * np.abs(time[order])) & (np.diff(member[order], prepend=-1) == 0)
    group = np.cumsum(~near) - 1
    chosen = np.full(group[-1] + 1 if len(group) else 0, len(time), dtype=np.int64)
    np.minimum.at(chosen, group, order)
    return _Moments(member[chosen], time[chosen], own[chosen], at_once[chosen], shift[chosen])


def _inner_values(inner: Sequence[Changes], spans: _Spans) -> tuple[Array, ...]:
    middle = spans.begin + 0.5 * (spans.end - spans.begin)
    return tuple(c.at(spans.member, middle) for c in inner)


# ---- crossings


def _call(function: Function, level: _Level, time: Array, spans: _Spans, question: Question, *more: Array) -> Array:
    inner = np.array(spans.inner).reshape(level.inner, len(time))
    with np.errstate(all="ignore"):
        return function(time, question.p[list(level.used)][:, spans.member], inner, *more)


def _crossings(condition: ClockCondition, level: _Level, spans: _Spans, question: Question) -> _Moments:
    """Where the level passes zero, or a whole number, within its stretches."""
    if level.reach is None:
        spans = _monotone(level, spans, question)
    at_begin, at_end = (_call(level.value, level, t, spans, question)[0] for t in (spans.begin, spans.end))
    first, last = np.minimum(at_begin, at_end), np.maximum(at_begin, at_end)
    if condition.kind == "floor":
        lowest, highest = np.ceil(first), np.floor(last)
    else:
        lowest, highest = np.zeros(len(first)), np.where((first <= 0) & (last >= 0), 0.0, -1.0)
    with np.errstate(invalid="ignore"):
        count = np.where(np.isfinite(lowest) & np.isfinite(highest), np.maximum(highest - lowest + 1, 0), 0)
    _check_count(condition, spans, count, question)
    which, place = _repeated(count)
    target, spans = lowest[which] + place, spans.take(which)
    if level.reach is None:
        time = _root(lambda t: _call(level.value, level, t, spans, question)[0] - target, spans.begin, spans.end)
    else:
        time = _call(level.reach, level, np.zeros(len(target)), spans, question, target)[0]
    at_start = question.start + SAME_TIME * np.maximum(np.abs(question.start), question.end - question.start)
    inside = (spans.begin < time) & (time < spans.end) & (time > at_start[spans.member])
    time, spans = time[inside], spans.take(inside)
    shift = _shift(level, time, spans, question)
    yes = np.ones(len(time), bool)
    return _Moments(spans.member, time, yes, yes, shift)


def _check_count(condition: ClockCondition, spans: _Spans, count: Array, question: Question) -> None:
    total = np.bincount(spans.member, weights=count, minlength=len(question.start))
    if (total > MOST_CHANGES).any():
        member = int(np.argmax(total))
        names = {sympy.Symbol(f"p_{i}", real=True): sympy.Symbol(name) for i, name in enumerate(question.names)}
        raise SimulationError(
            f"the condition on the clock '{condition.kind} of {condition.level.xreplace(names)}' changes "
            f"{total[member]:.3g} times in member {member} between time {question.start[member]:g} and "
            f"{question.end[member]:g}; {MOST_CHANGES:g} times are the most. Is its period as it should be?"
        )


def _monotone(level: _Level, spans: _Spans, question: Question) -> _Spans:
    """The stretches cut into cells, and these at the zeros of the slope that show between them."""
    cells = _cells(level, spans, question)

    def slope(time: Array, of: _Spans) -> Array:
        slopes: Array = _call(level.slope, level, time, of, question)[0]
        return slopes

    with np.errstate(invalid="ignore"):
        turning = np.flatnonzero(np.sign(slope(cells.begin, cells)) * np.sign(slope(cells.end, cells)) < 0)
    bent = cells.take(turning)
    top = _root(lambda t: slope(t, bent), bent.begin, bent.end)
    begin, end = np.append(cells.begin, top), np.append(cells.end, bent.end)
    end[turning] = top
    inner = tuple(np.append(v, b) for v, b in zip(cells.inner, bent.inner, strict=True))
    return _Spans(np.append(cells.member, bent.member), begin, end, inner)


def _cells(level: _Level, spans: _Spans, question: Question) -> _Spans:
    length = spans.end - spans.begin
    whole = (_horizon(question) - question.start)[spans.member]
    parts = 1.0 / 3.0 * np.arange(4)
    turns = [_call(level.bends, level, spans.begin + part * length, spans, question)[0] for part in parts]
    fastest = np.nan_to_num(np.max(turns, axis=0), nan=0.0, posinf=0.0)
    count = np.ceil(np.maximum(CELLS * length / whole, CELLS_A_TURN * fastest * length / (2 * np.pi)))
    count = np.where(np.isfinite(count), np.maximum(count, 8.0), 1.0)
    if (count > CELLS_A_TURN * MOST_CHANGES).any():
        member = int(spans.member[np.argmax(count)])
        raise SimulationError(
            f"a condition on the clock swings {count.max() / CELLS_A_TURN:.3g} times in member {member} before time "
            f"{question.end[member]:g}; {MOST_CHANGES:g} times are the most. Is its frequency as it should be?"
        )
    which, place = _repeated(count)
    step, cut = (length / count)[which], spans.take(which)
    end = np.where(place + 1 == count[which], cut.end, cut.begin + (place + 1) * step)
    return _Spans(cut.member, cut.begin + place * step, end, cut.inner)


def _repeated(count: Array) -> tuple[Index, Index]:
    """The number of each entry `count` times, and 0, 1, ... within these."""
    whole = count.astype(np.int64)
    which = np.repeat(np.arange(len(whole)), whole)
    return which, np.arange(len(which)) - np.repeat(np.cumsum(whole) - whole, whole)


def _root(function: Callable[[Array], Array], low: Array, high: Array) -> Array:
    """Where `function` changes its sign between `low` and `high`, by bisection."""
    low, high = low.copy(), high.copy()
    side = np.sign(function(low))
    for _ in range(HALVINGS):
        middle = low + 0.5 * (high - low)
        same = np.sign(function(middle)) == side
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return high


def _shift(level: _Level, time: Array, spans: _Spans, question: Question) -> Array:
    """d time = -(d level by the parameters)/(slope of the level), in each direction."""
    k = question.directions.shape[2]
    if not k or not level.used:
        return np.zeros((len(time), k))
    slope = _call(level.slope, level, time, spans, question)[0]
    by = _call(level.by_parameters, level, time, spans, question)
    along = question.directions[list(level.used)][:, spans.member]
    with np.errstate(all="ignore"):
        return np.asarray(-np.einsum("ps,psk->sk", by, along) / slope[:, None])


# ---- values


def _changes(
    condition: ClockCondition, level: _Level, question: Question, inner: Sequence[Changes], moments: _Moments
) -> Changes:
    """The moments at which the value truly changes, and the value after each."""
    spans = _between(question, moments)
    spans = _Spans(spans.member, spans.begin, spans.end, _inner_values(inner, spans))
    middle = spans.begin + 0.5 * (spans.end - spans.begin)
    value = _value(condition.kind, _call(level.value, level, middle, spans, question)[0])
    opening = np.append(True, spans.member[1:] != spans.member[:-1])
    before = np.roll(value, 1)
    new = (before != value) & ~(np.isnan(before) & np.isnan(value)) & ~opening
    # Apart from the first of each member, the stretches begin at the moments, in their order.
    at = new[~opening] & (moments.time <= question.end[moments.member] + SAME_TIME * np.abs(moments.time))
    risen = (value > before)[~opening]
    own = risen if condition.kind != ">" else ~risen
    return Changes(
        value[opening],
        moments.member[at],
        moments.time[at],
        value[~opening][at],
        np.where(moments.own, own, moments.at_once)[at],
        moments.shift[at],
    )


def _value(kind: str, level: Array) -> Array:
    with np.errstate(invalid="ignore"):
        if kind == "floor":
            return np.asarray(np.floor(level))
        # A level that is no number makes neither the condition nor its opposite hold.
        return np.where(np.isnan(level), np.nan, level > 0 if kind == ">" else level >= 0)
