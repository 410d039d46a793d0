"""Endpoints of a study as tables: what each kind is read from, and its options."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from pkpd.toml_files import Table

__all__ = ["BestChange", "CompleteResponse", "Endpoint", "EndpointTable", "FirstEvent", "RecistEndpoint"]

Names = str | Annotated[list[str], Field(min_length=1)]
Days = Annotated[float, Field(ge=0)]


class EndpointTable(Table):
    """What all endpoints have: the variable or variables that they are read from."""

    kind: str
    of: Names

    @property
    def names(self) -> tuple[str, ...]:
        """Of what it is read from."""
        return (self.of,) if isinstance(self.of, str) else tuple(self.of)

    def plain(self) -> dict[str, Any]:
        """The kind and the options that differ from their defaults, as in a file."""
        return {"kind": self.kind, **self.model_dump(exclude_defaults=True, exclude={"kind"})}


class BestChange(EndpointTable):
    """The lowest change from baseline at the times of the study, in percent; see `pkpd.best_change`."""

    kind: Literal["best_change"]
    of: str
    baseline: float = 0.0


class CompleteResponse(EndpointTable):
    """Whether (1 or 0) an output is at or below a limit at a time after `after`; see `pkpd.complete_response`."""

    kind: Literal["complete_response"]
    of: str
    below: float | str
    after: float = 0.0


class RecistEndpoint(EndpointTable):
    """What `pkpd.recist` makes of diameters of target lesions, read at the times of the study, without error.

    Attributes
    ----------
    kind
        ``best_response`` as the code of `recist`; ``objective_response``, 1 where that is CR or PR, else 0;
        ``response_time`` and ``progression_time``, infinite where there is none; ``pfs_time``, to progression,
        death or the last scan, and ``pfs_event``, whether it ended in an event (1) or was censored (0).
    of
        One or more outputs that are lengths.
    death
        The event of the model, as from `pkpd.time_to_event`, that ends the life of a patient.
    confirmation, stable
        In days; see `pkpd.RecistRules`.
    """

    kind: Literal["best_response", "objective_response", "response_time", "progression_time", "pfs_time", "pfs_event"]
    death: str | None = None
    confirmation: Days = 28.0
    stable: Days = 42.0


class FirstEvent(EndpointTable):
    """The first of events from `pkpd.time_to_event`: when, or when observation ended; and whether it was seen (1 or 0).

    See `pkpd.first_event`.
    """

    kind: Literal["event_time", "event_seen"]
    censored_by: list[str] = Field(default_factory=list)


Endpoint = Annotated[BestChange | CompleteResponse | RecistEndpoint | FirstEvent, Field(discriminator="kind")]
