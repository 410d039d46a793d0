"""A protocol at work: patients walk from decision to decision, each at days of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from pkpd.arrays import Array, Mask
from pkpd.prepared.parameters import ParameterValues
from pkpd.prepared.prepared import Prepared
from pkpd.treatment.conditions import Completed, Condition, Happened, Measured, Seen
from pkpd.treatment.protocols import StartAt
from pkpd.treatment.therapies import ENTRY, Within
from pkpd.trials.cycles import Cycle
from pkpd.trials.dosing import COMPLETED, STOPPED, UNDER_WAY, Doses, Progress, before, give
from pkpd.trials.readings import Readings, Shows
from pkpd.trials.rules import Decisions, SettledRules, Standing
from pkpd.trials.segments import Reached, begin, go_on

__all__ = ["Walk", "Walked", "walk"]

JUST_AFTER = 3e-9
"""Relative to a day: what is due within so much of it is due that day."""


@dataclass(frozen=True, eq=False)
class Walk:
    """What a walk through a protocol needs, settled.

    Attributes
    ----------
    starts
        By therapy (and `ENTRY`) the draw of its start: (patients,) days after what it follows.
    events
        The number of each event of the model that a condition or `leaving` names.
    leaving
        The events with which a patient leaves: death, dropout.
    until
        (patients,): how long each is followed from entry.
    """

    prepared: Prepared
    values: ParameterValues
    cycles: tuple[Cycle, ...]
    rules: SettledRules
    starts: Mapping[str, tuple[Within, Array]]
    events: Mapping[str, int]
    leaving: tuple[str, ...]
    until: Array

    @property
    def patients(self) -> int:
        return len(self.until)

    @cached_property
    def before_entry(self) -> tuple[int, ...]:
        """The therapies that entry waits for and no rule begins."""
        begun = {rule.therapy for rule in self.rules.rules if isinstance(rule, StartAt)}
        numbers, name = list[int](), ENTRY
        while name in self.starts and (after := self.starts[name][0].after) is not None:
            name = after
            if name not in begun:
                numbers.append(self.rules.names.index(name))
        return tuple(numbers)


@dataclass(frozen=True, eq=False)
class Walked:
    """What a walk came to.

    Attributes
    ----------
    entry
        (patients,): the day on which each entered the trial; infinite where none did.
    left
        (patients,): the last day under observation.
    leaving
        The events with which patients leave.
    """

    reached: Reached
    readings: Readings
    standing: Standing
    entry: Array
    left: Array
    doses: Doses
    decisions: tuple[Decisions, ...]
    leaving: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Step:
    """Where a walk stands between two segments."""

    reached: Reached
    readings: Readings
    standing: Standing
    entry: Array
    left: Array  # infinite as long as a patient is under observation
    checked: tuple[Array, ...]  # by therapy under check the day at which rules have looked

    @property
    def active(self) -> Mask:
        mask: Mask = np.isposinf(self.left)
        return mask


def walk(setting: Walk, readings: Readings) -> Walked:
    """Walk all patients through a protocol to the last day, or to where they leave."""
    step, doses, decisions = _begun(setting, readings), list[Doses](), list[Decisions]()
    while step.active.any():
        step, decided = _decide(setting, step)
        decisions += decided
        step, at_once, decided = _give_until(setting, step, _just_after(step.standing.now), unchecked=False)
        decisions += decided
        next_day = _next_day(setting, step)
        until = np.where(step.active & np.isfinite(next_day), next_day, step.standing.now)
        step, later, decided = _give_until(setting, step, until, unchecked=True)
        decisions += decided
        doses.append(Doses.joined([Doses.none(), *at_once, *later]))
        reached = go_on(setting.prepared, setting.values, setting.cycles, step.reached, doses[-1], until)
        step = _moved(setting, replace(step, reached=reached), until, np.isposinf(next_day))
    every = Doses.joined([Doses.none(), *doses])
    every = every.take(~before(step.left[every.patient], every.day))
    made = tuple(d.until(step.left) for d in decisions)
    return Walked(step.reached, step.readings, step.standing, step.entry, step.left, every, made, setting.leaving)


def _begun(setting: Walk, readings: Readings) -> _Step:
    n, rules = setting.patients, setting.rules
    nothing = tuple(Progress.before_all(n, readings.lesions) for _ in setting.cycles)
    fired = np.zeros((len(rules.rules), n), dtype=np.int64)
    never = np.full(n, np.inf)
    standing = Standing(np.zeros(n), nothing, fired, never)
    reached = begin(setting.prepared, setting.values)
    unchecked = tuple(np.full(n, np.nan) for _ in rules.checks)
    step = _Step(reached, readings, standing, never, never, unchecked)
    return _moved(
        setting,
        _started(setting, step, None, np.ones(n, dtype=bool), np.zeros(n)),
        np.zeros(n),
        np.zeros(n, dtype=bool),
    )


def _just_after(day: Array) -> Array:
    return day + JUST_AFTER * np.maximum(np.abs(day), 1.0)


# ---- starts that follow something


def _started(setting: Walk, step: _Step, after: str | None, who: Mask, day: Array) -> _Step:
    """The same once what starts `after` something of `day` has its own day, the patient's entry included."""
    standing, entry = step.standing, step.entry
    for name, (start, days) in setting.starts.items():
        if start.after != after:
            continue
        if name == ENTRY:
            new = who & np.isposinf(entry)
            entry = np.where(new, np.maximum(day + days, standing.now), entry)
            step = _started(setting, replace(step, standing=standing, entry=entry), ENTRY, new, entry)
            standing, entry = step.standing, step.entry
        else:
            number = setting.rules.names.index(name)
            progress = standing.progress[number]
            waiting = who & (progress.stage == 0)
            standing = standing.with_progress(
                number, progress.started(waiting, np.maximum(day + days, standing.now), 0)
            )
    return replace(step, standing=standing, entry=entry)


# ---- decisions


def _decide(setting: Walk, step: _Step) -> tuple[_Step, list[Decisions]]:
    """Scan who is due, look at the rules, and note at which doses they have looked."""
    now, active = step.standing.now, step.active
    asked = setting.rules.waiting_for_responses(step.standing)
    readings, shows = step.readings.looked(
        active, asked, now, step.entry, step.standing.new_baseline, step.reached.current
    )
    due = [_due(setting, step, number) for number in range(len(setting.cycles))]
    checked = tuple(
        np.where(day <= _just_after(now), day, seen)
        for day, seen in zip(_check_days(setting, step), step.checked, strict=True)
    )
    step = replace(step, readings=readings, checked=checked)
    holds = _holds(setting, step, shows, active)
    standing, decisions = setting.rules.applied(step.standing, holds, shows.progressing, due, completions=False)
    return _ended_by_delays(setting, replace(step, standing=standing), step.standing, decisions)


def _ended_by_delays(
    setting: Walk, step: _Step, earlier: Standing, decisions: list[Decisions]
) -> tuple[_Step, list[Decisions]]:
    """The same with what follows therapies whose longest duration a delay has brought to its end."""
    for number, progress in enumerate(step.standing.progress):
        over = (progress.stage == COMPLETED) & (earlier.progress[number].stage == UNDER_WAY)
        if over.any():
            step, more = _completed(setting, step, number, over)
            decisions = decisions + more
    return step, decisions


def _due(setting: Walk, step: _Step, number: int) -> Mask:
    """For whom a cycle of a therapy begins now."""
    progress = step.standing.progress[number]
    begins: Mask = (progress.place == 0) & (
        progress.next_dose(setting.cycles[number]) <= _just_after(step.standing.now)
    )
    return begins & step.active


def _check_days(setting: Walk, step: _Step) -> list[Array]:
    """By therapy under check the day of the dose at which rules look next."""
    return [c.due(setting.cycles[c.therapy], step.standing.progress[c.therapy]) for c in setting.rules.checks]


def _holds(setting: Walk, step: _Step, shows: Shows, active: Mask) -> Callable[[Condition], Mask]:
    def holds(condition: Condition) -> Mask:
        if isinstance(condition, Seen):
            return shows.holds(condition)
        if isinstance(condition, Happened):
            known: Mask = step.reached.event_days[setting.events[condition.event]] <= step.standing.now
            return active & known
        assert isinstance(condition, Measured)
        return active & _within(step.reached.current[condition.of], condition)

    return holds


def _within(value: Array, limits: Measured) -> Mask:
    low = -np.inf if limits.at_least is None else limits.at_least
    high = np.inf if limits.below is None else limits.below
    mask: Mask = (value >= low) & (value < high)
    return mask


# ---- doses and days


def _give_until(
    setting: Walk, step: _Step, until: Array, *, unchecked: bool
) -> tuple[_Step, list[Doses], list[Decisions]]:
    """Give what is due before `until`, and what follows a therapy that is then completed.

    With `unchecked` False a dose at which rules have yet to look waits.
    """
    doses, decisions = list[Doses](), list[Decisions]()
    again = True
    while again:
        again = False
        for number, cycle in enumerate(setting.cycles):
            limit = until if unchecked else _unless_to_check(setting, step, number, until)
            limit = np.where(step.active, limit, 0)
            progress, parts, over = give(number, cycle, step.standing.progress[number], limit)
            doses += [_not_before(part, step.standing.now) for part in parts]
            step = replace(step, standing=step.standing.with_progress(number, progress))
            if over.any():
                again = True
                step, decided = _completed(setting, step, number, over)
                decisions += decided
    return step, doses, decisions


def _not_before(doses: Doses, now: Array) -> Doses:
    """Doses due now up to rounding, at the very day that the patient has reached."""
    return replace(doses, day=np.maximum(doses.day, now[doses.patient]))


def _unless_to_check(setting: Walk, step: _Step, number: int, until: Array) -> Array:
    for check, day, seen in zip(setting.rules.checks, _check_days(setting, step), step.checked, strict=True):
        if check.therapy == number:
            return np.where(np.isfinite(day) & (day != seen), 0.0, until)
    return until


def _completed(setting: Walk, step: _Step, number: int, who: Mask) -> tuple[_Step, list[Decisions]]:
    """What follows the last dose of a therapy: starts that wait for it, and rules."""
    name, last = setting.rules.names[number], step.standing.progress[number].last
    step = _started(setting, step, name, who, last)
    nobody = np.zeros(len(who), dtype=bool)

    def holds(condition: Condition) -> Mask:
        return who if isinstance(condition, Completed) and condition.therapy == name else nobody

    now = step.standing.now
    standing = replace(step.standing, now=np.where(who, np.maximum(last, now), now))  # rules count from the last dose
    aims = np.ones((len(who), step.readings.lesions), dtype=bool)
    due = [nobody] * len(setting.cycles)
    standing, decisions = setting.rules.applied(standing, holds, aims, due, completions=True)
    return replace(step, standing=replace(standing, now=now)), decisions


def _next_day(setting: Walk, step: _Step) -> Array:
    """(patients,): the next day on which something may be decided, not before today; infinite for none."""
    now = step.standing.now
    days = [step.entry + setting.until, step.readings.next_day(step.entry, now)]
    for day, seen in zip(_check_days(setting, step), step.checked, strict=True):
        days.append(np.where(day != seen, day, np.inf))
    for number in setting.rules.awaited:
        progress = step.standing.progress[number]
        end = progress.cycle_end(setting.cycles[number])  # of every cycle: a rule may yet stop or delay the next
        days.append(np.where((progress.stage == UNDER_WAY) & (end > now), end, np.inf))
    next_day: Array = np.maximum(np.min(days, axis=0), now)
    return next_day


def _shut_out(setting: Walk, step: _Step) -> Mask:
    """For whom a therapy that entry waits for was stopped, and no rule begins it again."""
    stopped = [step.standing.progress[number].stage == STOPPED for number in setting.before_entry]
    mask: Mask = np.any(stopped, axis=0) if stopped else np.zeros(setting.patients, dtype=bool)
    return mask


def _moved(setting: Walk, step: _Step, until: Array, stalled: Mask) -> _Step:
    """The same where patients have come to `until`: who left on the way, died or failed, is there no more.

    Who has not entered, and is `stalled` or had stopped what entry waits for, never will.
    """
    left, reached = step.left, step.reached
    gone = np.min(
        [np.full(setting.patients, np.inf), *(reached.event_days[setting.events[e]] for e in setting.leaving)], axis=0
    )
    left = np.where(step.active & (gone <= until), gone, left)
    failed = step.active & (reached.status != 0)
    left = np.where(failed, np.fmin(left, reached.patients.at), left)
    end = step.entry + setting.until
    never = np.isposinf(end) & (stalled | _shut_out(setting, step))
    over = step.active & ((step.standing.now >= end) | never)
    left = np.where(over & np.isposinf(left), step.standing.now, left)
    return replace(
        step, left=left, standing=replace(step.standing, now=np.where(step.active, until, step.standing.now))
    )
