"""Protocols: therapies, and the rules by which what visits show stops, delays and begins them."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from pkpd.errors import RegimenError, unknown_name
from pkpd.treatment.conditions import Completed, Condition, Seen
from pkpd.treatment.therapies import ENTRY, Therapy, Within, as_start
from pkpd.units import time_in

__all__ = ["DelayAt", "Protocol", "Rule", "StartAt", "StopAt", "delay_at", "start_at", "stop_at"]


@dataclass(frozen=True)
class StopAt:
    """Stop therapies for good, all of them where none is named; see `stop_at`."""

    when: Condition
    therapies: tuple[str, ...]


@dataclass(frozen=True)
class DelayAt:
    """Put the next dose of therapies off while a condition holds; see `delay_at`."""

    when: Condition
    therapies: tuple[str, ...]
    by: Any
    at_most: Any = None


@dataclass(frozen=True)
class StartAt:
    """Begin a therapy; see `start_at`."""

    when: Condition
    therapy: str
    wait: Any = 0
    washout: Any = 0
    times: int = 1
    new_baseline: bool = False


Rule = StopAt | DelayAt | StartAt


def stop_at(when: Condition, *therapies: str) -> StopAt:
    """Stop therapies when a condition holds: no dose at that time or later.

    Parameters
    ----------
    when
        From `seen`, `measured`, `happened` or `completed`.  Stopping at ``seen("PD")`` stops at
        progression, at ``seen("iCPD")`` goes on beyond an unconfirmed one.
    *therapies
        Their names; none for all of the protocol.

    Raises
    ------
    RegimenError
        If `when` is no condition.

    Examples
    --------
    >>> import pkpd
    >>> pkpd.stop_at(pkpd.seen("iCPD"), "durvalumab").therapies
    ('durvalumab',)
    """
    return StopAt(_condition(when, "stop_at"), tuple(map(str, therapies)))


def delay_at(when: Condition, *therapies: str, by: Any, at_most: Any = None) -> DelayAt:
    """Put the next cycle of therapies off for as long as a condition holds.

    Parameters
    ----------
    when
        From `measured` or `happened`, looked at on the day that a cycle is due.
    *therapies
        Their names; none for all of the protocol.
    by
        How long until it is looked at again; later cycles are timed from when this one began.
    at_most
        The longest delay of a cycle: a therapy that would have to wait longer is stopped.

    Raises
    ------
    RegimenError
        If `when` is a response (which is known at scans alone), or a number is out of range.

    Examples
    --------
    Neutrophils below 1 put the next cycle off by a week, for 6 weeks at most:

    >>> import pkpd
    >>> rule = pkpd.delay_at(pkpd.measured("ANC", below=1.0), "docetaxel", by=7, at_most="6 weeks")
    """
    if isinstance(_condition(when, "delay_at"), Seen | Completed):
        raise RegimenError(f"delay_at() got the condition {when}; expected measured(...) or happened(...).")
    _check_time("delay_at(): by", by, least=False)
    if at_most is not None:
        _check_time("delay_at(): at_most", at_most)
    return DelayAt(when, tuple(map(str, therapies)), by, at_most)


def start_at(
    when: Condition, therapy: str, *, wait: Any = 0, washout: Any = 0, times: int = 1, new_baseline: bool = False
) -> StartAt:
    """Begin a therapy when a condition holds; a therapy that had been stopped is given again.

    Parameters
    ----------
    when
        From `seen`, `measured`, `happened` or `completed`.
    therapy
        Its name.  Nothing happens while it is under way.
    wait
        How long after the condition was seen it begins.
    washout
        How long after the last dose of every other therapy it begins at the earliest.
    times
        How often the rule begins it in one patient, at most.
    new_baseline
        Whether responses are judged from then on against the last scan before it begins, so that
        a further progression can be seen.

    Raises
    ------
    RegimenError
        If `when` is no condition, or a number is out of range.

    Examples
    --------
    Radiation of up to three progressing lesions, two weeks after the last dose of antibody, and
    then the antibody again:

    >>> import pkpd
    >>> rules = [
    ...     pkpd.stop_at(pkpd.seen("PD"), "durvalumab"),
    ...     pkpd.start_at(pkpd.seen("PD", lesions=(1, 3)), "rescue", washout="2 weeks", new_baseline=True),
    ...     pkpd.start_at(pkpd.completed("rescue"), "durvalumab", wait=7),
    ... ]
    """
    _check_time("start_at(): wait", wait)
    _check_time("start_at(): washout", washout)
    if not isinstance(times, numbers.Integral) or times < 1:
        raise RegimenError(f"start_at(): times is {times!r}; expected a whole number of 1 or more.")
    return StartAt(_condition(when, "start_at"), str(therapy), wait, washout, int(times), bool(new_baseline))


@dataclass(frozen=True)
class Protocol:
    """Treatment that depends on the patient: therapies by name, and rules; frozen.

    Rules are looked at in their order at every visit, before what is due that day is given.

    Parameters
    ----------
    therapies
        By name, from `therapy`.
    rules
        From `stop_at`, `delay_at` and `start_at`.
    entry
        When a patient enters the trial, from which visits are counted: a number, text, or
        `within`, which may follow a therapy; by default the start of the model.

    Raises
    ------
    RegimenError, UnknownNameError
        If a rule or a start names a therapy that is not there, or starts wait for each other.

    Examples
    --------
    >>> import pkpd
    >>> protocol = pkpd.Protocol(
    ...     {"antibody": pkpd.therapy(pkpd.bolus(200, "iv"), every=21, cycles=35)},
    ...     rules=[pkpd.stop_at(pkpd.seen("PD"), "antibody")],
    ... )
    """

    therapies: Mapping[str, Therapy]
    rules: tuple[Rule, ...] = ()
    entry: Any = 0

    def __post_init__(self) -> None:
        if not isinstance(self.therapies, Mapping) or not all(isinstance(t, Therapy) for t in self.therapies.values()):
            raise RegimenError(f"therapies is {self.therapies!r}; expected {{name: pkpd.therapy(...)}}.")
        if ENTRY in self.therapies:
            raise RegimenError(
                f"a therapy has the name {ENTRY!r}, which stands for the patient's entry into the trial."
            )
        rules = tuple(self.rules) if isinstance(self.rules, Iterable) else (self.rules,)
        if not all(isinstance(rule, Rule) for rule in rules):
            raise RegimenError(f"rules is {self.rules!r}; expected a list of stop_at, delay_at and start_at.")
        object.__setattr__(self, "therapies", MappingProxyType(dict(self.therapies)))
        object.__setattr__(self, "rules", rules)
        object.__setattr__(self, "entry", as_start(self.entry, None))
        for where, name in self._named():
            if name not in self.therapies:
                raise unknown_name(where, "therapy", name, self.therapies)
        self._check_starts()
        self._check_ends()

    def __reduce__(self) -> tuple[Any, ...]:
        return Protocol, (dict(self.therapies), self.rules, self.entry)

    def concerned(self, rule: StopAt | DelayAt) -> tuple[str, ...]:
        """The therapies that a rule stops or delays."""
        return rule.therapies or tuple(self.therapies)

    def _named(self) -> Iterator[tuple[str, str]]:
        """Where a therapy is named, and its name."""
        for rule in self.rules:
            names = (rule.therapy,) if isinstance(rule, StartAt) else rule.therapies
            yield from ((f"a rule at {rule.when}", name) for name in names)
            if isinstance(rule.when, Completed):
                yield f"completed({rule.when.therapy!r})", rule.when.therapy
        for name, start in self.starts.items():
            if start.after is not None and start.after != ENTRY:
                yield f"the start of {name!r}", start.after

    @property
    def starts(self) -> dict[str, Within]:
        """The starts that do not wait for a rule, by therapy, and the patient's entry."""
        starts = {name: t.start for name, t in self.therapies.items()} | {ENTRY: self.entry}
        return {name: start for name, start in starts.items() if start is not None}

    def _check_starts(self) -> None:
        """Refuse starts that wait for each other."""
        starts = self.starts
        for name in starts:
            at, trail = name, [name]
            while at in starts and (following := starts[at].after) is not None:
                trail.append(following)
                if trail.count(following) > 1:
                    raise RegimenError(f"starts wait for each other: {' after '.join(trail)}.")
                at = following

    def _check_ends(self) -> None:
        """Refuse to wait for the end of a therapy that has none."""
        awaited = [start.after for start in self.starts.values() if start.after not in (None, ENTRY)]
        awaited += [rule.when.therapy for rule in self.rules if isinstance(rule.when, Completed)]
        for name in awaited:
            therapy = self.therapies[str(name)]
            if therapy.every is not None and therapy.cycles is None and therapy.duration is None:
                raise RegimenError(f"something waits for the end of {name!r}, which has neither cycles= nor duration=.")


def _condition(when: Any, what: str) -> Condition:
    if not isinstance(when, Condition):
        raise RegimenError(f"{what}() got {when!r}; expected seen, measured, happened or completed.")
    return when


def _check_time(what: str, value: Any, *, least: bool = True) -> None:
    number = time_in(value, "day", what)
    if not (0 <= number < float("inf")) or (number == 0 and not least):
        raise RegimenError(f"{what} is {value!r}; expected {'0 or more' if least else 'more than 0'}.")
