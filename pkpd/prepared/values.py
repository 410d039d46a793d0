"""What a prepared model gives back: plain arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pkpd.arrays import Array, Index, Mask
from pkpd.errors import unknown_name

__all__ = ["Patients", "Values"]


@dataclass(frozen=True, eq=False)
class Patients:
    """Where the members of an ensemble stand: what `Prepared.resume` goes on from.

    Attributes
    ----------
    at
        (members,): the time each has reached.
    states
        (states, members), before any dose at that time.
    armed
        (events, members): which events of the model may happen next; None for those whose
        condition does not hold.
    """

    at: Array
    states: Array
    armed: Mask | None = None

    def take(self, members: Index) -> Patients:
        """Some of the members."""
        armed = None if self.armed is None else self.armed[:, members]
        return Patients(self.at[members], self.states[:, members], armed)

    def put(self, members: Index, others: Patients) -> Patients:
        """All members, of whom these now stand where `others` do."""
        at, states = self.at.copy(), self.states.copy()
        at[members], states[:, members] = others.at, others.states
        if self.armed is None or others.armed is None:
            return Patients(at, states, None)
        armed = self.armed.copy()
        armed[:, members] = others.armed
        return Patients(at, states, armed)


@dataclass(frozen=True, eq=False)
class Values:
    """The arrays of one call of a `Prepared`.

    Shapes end in the stored times, or in the records of a table.  The members come before:
    ``(members, times)``, ``(arms, members, times)`` where regimens were given by arm; a call
    with a value for each name and no more has one member.

    Attributes
    ----------
    columns
        By name the states, outputs and reductions asked for; a reduction has no times.
    sensitivities
        By name the same with a last axis over the parameters to differentiate by.
    second_sensitivities
        By name the same with two such axes.
    status
        How each member ended (`Status`); for a table of each record.
    ended
        The last time each member reached.
    final
        Where the members stand at the end.
    event_times, event_counts
        (events, members): when each event of the model first happened (infinite where never),
        and how often.
    note
        The methods that were used.
    """

    columns: Mapping[str, Array]
    status: Index
    ended: Array
    note: str = ""
    sensitivities: Mapping[str, Array] = field(default_factory=dict)
    second_sensitivities: Mapping[str, Array] = field(default_factory=dict)
    final: Patients | None = None
    event_times: Array | None = None
    event_counts: Index | None = None

    def __getitem__(self, name: str) -> Array:
        if name not in self.columns:
            raise unknown_name("the result", "state, output or reduction", name, self.columns)
        return self.columns[name]
