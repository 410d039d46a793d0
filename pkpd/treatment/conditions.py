"""What rules of a protocol look at: responses at scans, measurements, events, therapies that are over."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pkpd.errors import RegimenError, unknown_name

__all__ = ["Completed", "Condition", "Happened", "Measured", "Seen", "completed", "happened", "measured", "seen"]

RECIST = ("CR", "PR", "SD", "PD")
IRECIST = ("iCR", "iPR", "iSD", "iUPD", "iCPD")


@dataclass(frozen=True)
class Seen:
    """A scan shows one of these responses; see `seen`."""

    responses: tuple[str, ...]
    lesions: tuple[int, int | None] | None = None

    def __str__(self) -> str:
        return " or ".join(self.responses) + _of_lesions(self.lesions)


@dataclass(frozen=True)
class Measured:
    """A state or output of the model is beyond a limit; see `measured`."""

    of: str
    at_least: float | None = None
    below: float | None = None

    def __str__(self) -> str:
        low = "" if self.at_least is None else f"{self.of} at least {self.at_least:g}"
        high = "" if self.below is None else f"{self.of} below {self.below:g}"
        return " and ".join(part for part in (low, high) if part)


@dataclass(frozen=True)
class Happened:
    """An event of the model has happened; see `happened`."""

    event: str

    def __str__(self) -> str:
        return self.event


@dataclass(frozen=True)
class Completed:
    """A therapy is over, all its doses given; see `completed`."""

    therapy: str

    def __str__(self) -> str:
        return f"{self.therapy} completed"


Condition = Seen | Measured | Happened | Completed


def seen(*responses: str, lesions: Sequence[int | None] | None = None) -> Seen:
    """A scan shows one of these responses.

    Parameters
    ----------
    *responses
        ``"CR"``, ``"PR"``, ``"SD"``, ``"PD"`` by RECIST 1.1; ``"iUPD"``, ``"iCPD"`` and the
        others by iRECIST.
    lesions
        The least and the most lesions that progress, ``(1, 3)`` for oligoprogression; None for
        no most.

    Raises
    ------
    UnknownNameError, RegimenError
        If there is no such response, or the numbers are not in order.

    Examples
    --------
    >>> import pkpd
    >>> print(pkpd.seen("PD", lesions=(1, 3)))
    PD in 1 to 3 lesions
    """
    if not responses:
        raise RegimenError(f"seen() got {responses!r}; expected one response or more, such as 'PD'.")
    for response in responses:
        if response not in RECIST + IRECIST:
            raise unknown_name("seen()", "response", str(response), RECIST + IRECIST)
    if lesions is None:
        return Seen(responses)
    least, most = _lesions(lesions)
    return Seen(responses, (least, most))


def measured(of: str, *, at_least: float | None = None, below: float | None = None) -> Measured:
    """A state or output of the model is at least one number, or below another.

    It is looked at at each visit, and before each dose of the therapies that the rule stops or
    delays: a count of neutrophils, the grade of a toxicity.

    Raises
    ------
    RegimenError
        If there is no limit, or it is no number.

    Examples
    --------
    >>> import pkpd
    >>> print(pkpd.measured("ANC", below=1.0))
    ANC below 1
    """
    limits = [limit for limit in (at_least, below) if limit is not None]
    if not limits or not all(isinstance(limit, numbers.Real) and limit == limit for limit in limits):
        raise RegimenError(f"measured({of!r}): at_least={at_least!r}, below={below!r}; expected a number for one.")
    return Measured(str(of), at_least, below)


def happened(event: str) -> Happened:
    """An event of the model has happened, such as an adverse event drawn by its hazard.

    It is known at the next visit, and before the next dose of the therapies that the rule stops or
    delays.

    Parameters
    ----------
    event
        The state that the event sets: with `time_to_event` the name of the event.

    Examples
    --------
    >>> import pkpd
    >>> rule = pkpd.stop_at(pkpd.happened("pneumonitis"), "durvalumab")
    """
    return Happened(str(event))


def completed(therapy: str) -> Completed:
    """All doses of a therapy have been given (it was not stopped): known with its last dose.

    Examples
    --------
    >>> import pkpd
    >>> again = pkpd.start_at(pkpd.completed("rescue"), "durvalumab", wait="1 week")
    """
    return Completed(str(therapy))


def _lesions(lesions: Any) -> tuple[int, int | None]:
    try:
        least, most = lesions
        good = int(least) == least >= 0 and (most is None or int(most) == most >= least)
    except (TypeError, ValueError):
        good = False
    if not good:
        raise RegimenError(f"seen(): lesions is {lesions!r}; expected the least and the most, (1, 3) or (4, None).")
    return int(least), None if most is None else int(most)


def _of_lesions(lesions: tuple[int, int | None] | None) -> str:
    if lesions is None:
        return ""
    least, most = lesions
    if most is None:
        return f" in {least} or more lesions"
    return f" in {least} to {most} lesions" if most > least else f" in {least} lesion{'s' if least != 1 else ''}"
