"""What a request from the shell will take in memory, before it is begun."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from pkpd.errors import SimulationError
from pkpd.memory import in_bytes, physical_memory

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
    size, room = _BYTES * count * times * max(kept, 1), physical_memory()
    if room is not None and size > room:
        raise SimulationError(
            f"{model.name}: {count:,} members x {times:,} times x {kept} outputs would take {in_bytes(size)} of "
            f"memory, and this machine has {in_bytes(room)}. Ask for less with --times, --outputs, --grid or --sample."
        )
