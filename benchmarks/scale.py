"""How much is measured: all of it, or as little as shows that everything works."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FULL", "QUICK", "Scale"]


@dataclass(frozen=True)
class Scale:
    """Numbers of rounds, seconds, members.

    Attributes
    ----------
    rounds, budget, fewest
        Of the comparison: repeats, seconds that one run may take, and the members it has at least.
    limit
        Seconds after which a run is given up.
    tolerances, precision_budget
        Of the work-precision figure, loosest first, and seconds that one of its runs may take.
    members
        Of the scaling; a count is left out where it would take longer than `patience` seconds.
    states, stiff_states
        Of the scaling.
    memory
        Members of the memory run.
    gpu
        Members on a card.
    everything
        Whether scaling has the peers beside ours, and threads and first simulations every case.
    """

    rounds: int
    budget: float
    fewest: int
    limit: float
    tolerances: tuple[float, ...]
    precision_budget: float
    members: tuple[int, ...]
    states: tuple[int, ...]
    stiff_states: tuple[int, ...]
    patience: float
    memory: int
    gpu: int
    everything: bool


FULL = Scale(
    rounds=5,
    budget=0.8,
    fewest=100,
    limit=45.0,
    tolerances=(1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10),
    precision_budget=0.3,
    members=(100, 1_000, 10_000, 100_000, 1_000_000),
    states=(5, 10, 20, 50, 100, 150),
    stiff_states=(10, 31, 100, 301),
    patience=10.0,
    memory=1_000_000,
    gpu=1_000_000,
    everything=True,
)

QUICK = Scale(
    rounds=2,
    budget=0.3,
    fewest=20,
    limit=45.0,
    tolerances=(1e-4, 1e-6, 1e-8),
    precision_budget=0.1,
    members=(100, 1_000, 10_000),
    states=(5, 20),
    stiff_states=(10, 31),
    patience=2.0,
    memory=10_000,
    gpu=10_000,
    everything=False,
)
