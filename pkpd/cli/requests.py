"""What the options of `pkpd simulate` and `pkpd sweep` ask for, as arguments of `simulate`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pkpd.cli.forecast import refuse_beyond_memory
from pkpd.treatment.typed_doses import parse_regimen
from pkpd.treatment.typed_times import parse_times

if TYPE_CHECKING:
    from pkpd.symbolic.model import Model

__all__ = ["requested"]


def requested(
    model: Model, doses: list[str] | None, times: str, outputs: str | None, members: Sequence[int] = ()
) -> dict[str, Any]:
    """Regimen, times and outputs as typed, for members along dimensions of these lengths.

    Raises
    ------
    RegimenError, SimulationError, UnitError
        If a text is not understood, or the result would not fit into memory.
    """
    names = None if outputs is None else [name.strip() for name in outputs.split(",")]
    stored = parse_times(times, "--times", model.time)
    refuse_beyond_memory(model, members, len(stored), names)
    return {"regimen": parse_regimen(doses or [], model.time), "times": stored, "outputs": names}
