"""Rows of doses as regimens, and as the Python that makes the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pkpd.app.messages import DoseRow
from pkpd.errors import RegimenError, unknown_name
from pkpd.treatment.regimens import Regimen, bolus, fractions, infusion

if TYPE_CHECKING:
    from pkpd.symbolic.model import Model

__all__ = ["regimen_code", "regimen_of"]

_VERBS: Mapping[str, Callable[..., Regimen]] = {"bolus": bolus, "infusion": infusion, "fractions": fractions}


@dataclass(frozen=True)
class Call:
    """A call that makes a regimen: run, or written."""

    verb: str
    positional: tuple[Any, ...]
    keywords: Mapping[str, Any]

    def run(self) -> Regimen:
        return _VERBS[self.verb](*self.positional, **self.keywords)

    def code(self) -> str:
        arguments = [*map(repr, self.positional), *(f"{key}={value!r}" for key, value in self.keywords.items())]
        return f"pkpd.{self.verb}({', '.join(arguments)})"


def regimen_of(model: Model, rows: Iterable[DoseRow]) -> Regimen | None:
    """The doses of all rows together; None where there are none.

    Raises
    ------
    RegimenError, UnknownNameError
        If the model has no such route, or it does not take such a dose.
    """
    regimens = [_call(model, row).run() for row in rows]
    return sum(regimens[1:], regimens[0]) if regimens else None


def regimen_code(model: Model, rows: Iterable[DoseRow]) -> str:
    """The Python expression that makes the same regimen."""
    return " + ".join(_call(model, row).code() for row in rows) or "None"


def _call(model: Model, row: DoseRow) -> Call:
    if row.route not in model.routes:
        raise unknown_name(model.name, "route", row.route, model.routes)
    unit = model.routes[row.route].unit(model.time)
    amount = row.amount if unit == "1" else f"{row.amount!r} {unit}"
    if row.weekdays:
        if unit != "Gy":
            raise RegimenError(
                f"the doses of {row.route!r}, in {unit}, are for weekdays only; expected that of radiation, in Gy."
            )
        lasting = {} if row.duration is None else {"duration": row.duration}
        weekly = {"start": row.start, "per_week": 5, **lasting, "time": model.time}
        return Call("fractions", (amount, row.n, row.route), weekly)
    repeated = {"at": row.start} if row.n == 1 else {"at": row.start, "every": row.every, "n": row.n}
    if row.duration is None:
        return Call("bolus", (amount, row.route), repeated)
    return Call("infusion", (amount, row.route, row.duration), repeated)
