"""Rules of a protocol at work on patients: what holds for whom, and what then changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pkpd.arrays import Array, Index, Mask
from pkpd.treatment.conditions import Completed, Condition, Happened, Measured, Seen
from pkpd.treatment.protocols import DelayAt, Protocol, StartAt, StopAt
from pkpd.treatment.therapies import Therapy
from pkpd.trials.cycles import Cycle
from pkpd.trials.dosing import UNDER_WAY, WAITING, Progress, before
from pkpd.units import time_in

__all__ = ["Checks", "Decisions", "SettledRules", "Standing", "settled_rules"]

PLANNED = "planned"


@dataclass(frozen=True, eq=False)
class Decisions:
    """What was decided, each a row: (decisions,) for patient, day, therapy, action and reason (a number)."""

    patient: Index
    day: Array
    therapy: Index
    action: str
    reason: int

    def until(self, last: Array) -> Decisions:
        """Those up to a last day of each patient, (patients,)."""
        kept = ~before(last[self.patient], self.day)
        return replace(self, patient=self.patient[kept], day=self.day[kept], therapy=self.therapy[kept])


@dataclass(frozen=True, eq=False)
class Standing:
    """Where patients stand in all therapies.

    Attributes
    ----------
    now
        (patients,): the day each has reached.
    progress
        By therapy.
    fired
        (rules, patients): how often a rule has begun its therapy.
    new_baseline
        (patients,): from when on responses are judged against a new baseline; infinite where they are not.
    """

    now: Array
    progress: tuple[Progress, ...]
    fired: Index
    new_baseline: Array

    def with_progress(self, number: int, progress: Progress) -> Standing:
        """The same with another progress in one therapy."""
        return replace(self, progress=(*self.progress[:number], progress, *self.progress[number + 1 :]))


@dataclass(frozen=True, eq=False)
class Checks:
    """Of one therapy: whether rules look before each dose, or at the beginning of each cycle alone."""

    therapy: int
    every_dose: bool

    def due(self, cycle: Cycle, progress: Progress) -> Array:
        """(patients,): the day on which rules look next, infinite where they do not."""
        day = progress.next_dose(cycle)
        return day if self.every_dose else np.where(progress.place == 0, day, np.inf)


@dataclass(frozen=True, eq=False)
class SettledRules:
    """The rules of a protocol with numbers for names and times; see `settled_rules`.

    Attributes
    ----------
    names
        Of the therapies.
    planned
        Of each therapy whether it has a start of its own.
    local, longest
        Of each therapy whether it is for lesions, and its longest duration.
    reasons
        What the numbers of reasons mean.
    checks
        The therapies at whose doses rules look.
    awaited
        The therapies whose completion something waits for.
    """

    rules: tuple[StopAt | DelayAt | StartAt, ...]
    names: tuple[str, ...]
    planned: tuple[bool, ...]
    local: tuple[bool, ...]
    longest: tuple[float, ...]
    concerned: tuple[tuple[int, ...], ...]
    times: tuple[Mapping[str, float], ...]
    reasons: tuple[str, ...]
    checks: tuple[Checks, ...]
    awaited: frozenset[int]

    @property
    def toxic(self) -> frozenset[int]:
        """The numbers of the reasons that are measurements and events."""
        own = [i + 1 for i, rule in enumerate(self.rules) if isinstance(rule.when, Measured | Happened)]
        return frozenset([*own, *(i + len(self.rules) for i in own)])

    def waiting_for_responses(self, standing: Standing) -> Mask:
        """For whom a response may still change anything, (patients,)."""
        mask = np.zeros(len(standing.now), dtype=bool)
        for number, rule in enumerate(self.rules):
            if isinstance(rule, StartAt) and isinstance(rule.when, Seen):
                mask |= standing.fired[number] < rule.times
            elif isinstance(rule.when, Seen):
                for therapy in self.concerned[number]:
                    mask |= self._to_come(standing, therapy)
        return mask

    def _to_come(self, standing: Standing, therapy: int) -> Mask:
        """For whom a therapy is under way, or has a start that lies ahead."""
        stage = standing.progress[therapy].stage
        mask: Mask = (stage == UNDER_WAY) | ((stage == WAITING) & self.planned[therapy])
        return mask

    def applied(
        self,
        standing: Standing,
        holds: Callable[[Condition], Mask],
        aims: Mask,
        due: Sequence[Mask],
        *,
        completions: bool,
    ) -> tuple[Standing, list[Decisions]]:
        """Where patients stand once the rules have been looked at, in their order.

        Parameters
        ----------
        holds
            For whom a condition holds, (patients,).
        aims
            (patients, lesions): the lesions that local therapy would be for.
        due
            By therapy: for whom a cycle is due now.
        completions
            Whether to look at the rules that wait for a therapy to be completed, or at the others.
        """
        decisions: list[Decisions] = []
        for number, rule in enumerate(self.rules):
            if isinstance(rule.when, Completed) is not completions or not (who := holds(rule.when)).any():
                continue
            if isinstance(rule, StopAt):
                standing = self._stop(standing, number, who, decisions)
            elif isinstance(rule, DelayAt):
                standing = self._delay(standing, number, who, due, decisions)
            else:
                standing = self._start(standing, number, who, aims, decisions)
        return standing, decisions

    def _stop(self, standing: Standing, number: int, who: Mask, decisions: list[Decisions]) -> Standing:
        for therapy in self.concerned[number]:
            stopped = who & self._to_come(standing, therapy)
            if stopped.any():
                decisions.append(_decided(standing, stopped, therapy, "stop", number + 1))
                standing = standing.with_progress(therapy, standing.progress[therapy].stopped(stopped))
        return standing

    def _delay(
        self, standing: Standing, number: int, who: Mask, due: Sequence[Mask], decisions: list[Decisions]
    ) -> Standing:
        times = self.times[number]
        for therapy in self.concerned[number]:
            progress = standing.progress[therapy]
            held = who & due[therapy] & (progress.stage == UNDER_WAY)
            too_long = held & (progress.delayed + times["by"] > times["at_most"])
            why = {"stop": number + 1 + len(self.rules), "delay": number + 1}
            for action, those in (("stop", too_long), ("delay", held & ~too_long)):
                if those.any():
                    decisions.append(_decided(standing, those, therapy, action, why[action]))
            progress = progress.stopped(too_long)
            progress = progress.delayed_by(held & ~too_long, times["by"], self.longest[therapy])
            standing = standing.with_progress(therapy, progress)
        return standing

    def _start(self, standing: Standing, number: int, who: Mask, aims: Mask, decisions: list[Decisions]) -> Standing:
        rule, (therapy,), times = self.rules[number], self.concerned[number], self.times[number]
        assert isinstance(rule, StartAt)
        progress = standing.progress[therapy]
        begun = who & (progress.stage != UNDER_WAY) & (standing.fired[number] < rule.times)
        if not begun.any():
            return standing
        others = [p.last for i, p in enumerate(standing.progress) if i != therapy]
        last = np.max(others, axis=0) if others else np.full(len(who), -np.inf)
        day = np.maximum(standing.now + times["wait"], last + times["washout"])
        aimed = None
        if self.local[therapy]:
            aimed = aims if isinstance(rule.when, Seen) else np.ones_like(aims)
        standing = standing.with_progress(therapy, progress.started(begun, day, number + 1, aimed))
        fired = standing.fired.copy()
        fired[number] += begun
        decisions.append(Decisions(np.flatnonzero(begun), day[begun], _same(begun, therapy), "start", number + 1))
        new = np.where(begun & rule.new_baseline, day, standing.new_baseline)
        return replace(standing, fired=fired, new_baseline=new)


def _decided(standing: Standing, who: Mask, therapy: int, action: str, reason: int) -> Decisions:
    return Decisions(np.flatnonzero(who), standing.now[who], _same(who, therapy), action, reason)


def _same(who: Mask, number: int) -> Index:
    return np.full(int(who.sum()), number, dtype=np.int64)


def settled_rules(protocol: Protocol, unit: str) -> SettledRules:
    """The rules of `protocol` with times in `unit`, a model's unit of time."""
    names = tuple(protocol.therapies)
    number = {name: i for i, name in enumerate(names)}
    concerned = [(rule.therapy,) if isinstance(rule, StartAt) else protocol.concerned(rule) for rule in protocol.rules]
    awaited = {rule.when.therapy for rule in protocol.rules if isinstance(rule.when, Completed)}
    awaited |= {start.after for start in protocol.starts.values() if start.after is not None} & set(names)
    return SettledRules(
        rules=protocol.rules,
        names=names,
        planned=tuple(therapy.start is not None for therapy in protocol.therapies.values()),
        local=tuple(bool(therapy.lesions) for therapy in protocol.therapies.values()),
        longest=tuple(_longest(name, therapy, unit) for name, therapy in protocol.therapies.items()),
        concerned=tuple(tuple(number[name] for name in own) for own in concerned),
        times=tuple(_times(rule, unit) for rule in protocol.rules),
        reasons=(PLANNED, *(str(rule.when) for rule in protocol.rules), *map(_too_long, protocol.rules)),
        checks=tuple(_checks(protocol, number)),
        awaited=frozenset(number[name] for name in awaited),
    )


def _times(rule: Any, unit: str) -> dict[str, float]:
    if isinstance(rule, DelayAt):
        most = np.inf if rule.at_most is None else time_in(rule.at_most, unit, "at_most of delay_at()")
        return {"by": time_in(rule.by, unit, "by of delay_at()"), "at_most": most}
    if isinstance(rule, StartAt):
        return {name: time_in(getattr(rule, name), unit, f"{name} of start_at()") for name in ("wait", "washout")}
    return {}


def _longest(name: str, therapy: Therapy, unit: str) -> float:
    return np.inf if therapy.duration is None else time_in(therapy.duration, unit, f"duration of {name!r}")


def _too_long(rule: Any) -> str:
    return f"{rule.when}, for longer than {rule.at_most}" if isinstance(rule, DelayAt) else ""


def _checks(protocol: Protocol, number: Mapping[str, int]) -> list[Checks]:
    """The therapies that a rule on measurements or events stops (look at each dose) or delays (at each cycle)."""
    looking = [rule for rule in protocol.rules if isinstance(rule.when, Measured | Happened)]
    stopped = {name for rule in looking if isinstance(rule, StopAt) for name in protocol.concerned(rule)}
    delayed = {name for rule in looking if isinstance(rule, DelayAt) for name in protocol.concerned(rule)}
    return [Checks(number[name], name in stopped) for name in protocol.therapies if name in stopped | delayed]
