"""Every error that pkpd raises on purpose.

    PkpdError
    ├── ModelError              a model is not well formed
    │   └── UnitError           two terms do not add, or a unit is not known
    ├── RegimenError            a dose, a fraction or a route is not possible
    ├── ParameterError          a parameter or its value is not acceptable
    ├── DataError               a table of observations is not usable
    ├── SimulationError         a simulation was asked for wrongly, or failed
    ├── FitError                a fit was asked for wrongly
    ├── UnknownNameError        a name that nothing has (also a KeyError)
    └── MissingExtraError       an optional package is not installed (also an ImportError)

    UserWarning
    └── FailedMembersWarning    some members of an ensemble failed

All but the last two are also ``ValueError``.  A message says what is wrong with
its name and value, where, what was expected, and the nearest right thing.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "DataError",
    "FailedMembersWarning",
    "FitError",
    "MissingExtraError",
    "ModelError",
    "ParameterError",
    "PkpdError",
    "RegimenError",
    "SimulationError",
    "UnitError",
    "UnknownNameError",
    "unknown_name",
]


class PkpdError(Exception):
    """The root of all errors raised by pkpd."""


class ModelError(PkpdError, ValueError):
    """A model is not well formed."""


class UnitError(ModelError):
    """Two terms do not add, or a unit is not known."""


class RegimenError(PkpdError, ValueError):
    """A dose, a fraction or a route is not possible."""


class ParameterError(PkpdError, ValueError):
    """A parameter or its value is not acceptable."""


class DataError(PkpdError, ValueError):
    """A table of observations is not usable."""


class SimulationError(PkpdError, ValueError):
    """A simulation was asked for wrongly, or failed under ``on_failure="raise"``."""


class FitError(PkpdError, ValueError):
    """A fit was asked for wrongly."""


class UnknownNameError(PkpdError, KeyError):
    """A name that nothing has; the message lists the names there are."""

    def __str__(self) -> str:  # KeyError would show the message in quotes
        return str(self.args[0])


class MissingExtraError(PkpdError, ImportError):
    """An optional package is not installed; the message names the extra."""


class FailedMembersWarning(UserWarning):
    """Some members of an ensemble failed; their values are NaN from then on."""


def unknown_name(where: str, kind: str, name: str, known: Iterable[str]) -> UnknownNameError:
    """The error for a `kind` that `where` does not have, with the nearest name it does have."""
    names, name = sorted(known), str(name)
    lowered = {n.lower(): n for n in names}
    near = [lowered[name.lower()]] if name.lower() in lowered else difflib.get_close_matches(name, names, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    has = f" It has {', '.join(names)}." if names else f" It has no {kind} at all."
    return UnknownNameError(f"{where} has no {kind} {name!r}.{hint}{has}")
