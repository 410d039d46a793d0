"""One number for each member out of its trajectory: what is kept, as a name and a kind."""

from __future__ import annotations

from dataclasses import dataclass

from pkpd.errors import SimulationError, unknown_name

__all__ = ["KINDS", "Reduction"]

KINDS = ("min", "max", "last", "time_of_min", "time_of_max", "first_below", "first_above", "auc")


@dataclass(frozen=True)
class Reduction:
    """What is kept of a variable: a kind (see `KINDS`) and, for some, a threshold in its unit.

    Attributes
    ----------
    of, kind
        The name of a state or output, and one of `KINDS`.
    threshold
        Of a first crossing: one for all members, or one for each.
    from_start
        Whether a first crossing counts from the first time, rather than from the first dose.
    """

    of: str
    kind: str
    threshold: float | tuple[float, ...] | None = None
    from_start: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise unknown_name("reduce", "kind", str(self.kind), KINDS)
        if (self.threshold is not None) != self.kind.startswith("first_"):
            needs = "needs a threshold" if self.threshold is None else "takes no threshold"
            raise SimulationError(f"the reduction {self.kind!r} of {self.of!r} {needs}.")
