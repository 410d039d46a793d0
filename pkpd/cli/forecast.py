"""What a request from the shell will take in memory, before it is begun."""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from pkpd.errors import SimulationError

if TYPE_CHECKING:
    from pkpd.symbolic.model import Model

__all__ = ["refuse_beyond_memory"]

# A number is held as computed, and once more where the table to write is made.
_BYTES = 16


def refuse_beyond_memory(model: Model, members: Sequence[int], times: int, outputs: Collection[str] | None) -> None:
    """Refuse a simulation whose result would not fit into the memory of this machine.

    Parameters
    ----------
    model
        Says how many states and outputs are kept where `outputs` names none.
    members
        The length of each dimension of members.
    times, outputs
        The number of stored times, and the names to keep.

    Raises
    ------
    SimulationError
        With the sizes, and the options that make them smaller.
    """
    kept = len(outputs) if outputs is not None else len(model.states) + len(model.outputs)
    count = math.prod(members)
    size, room = _BYTES * count * times * max(kept, 1), _memory()
    if room is not None and size > room:
        raise SimulationError(
            f"{model.name}: {count:,} members x {times:,} times x {kept} outputs would take {_gigabytes(size)}, "
            f"and this machine has {_gigabytes(room)}. Ask for less with --times, --outputs, --grid or --sample."
        )


def _memory() -> int | None:
    """The bytes of this machine's memory, or None where the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # no sysconf on Windows
        return None


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:,.3g} GB of memory"
