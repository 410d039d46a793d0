"""What a sweep will take of time, memory and disk, from a few of its members."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pkpd.memory import in_bytes, physical_memory
from pkpd.studies.study import Study

__all__ = ["Forecast", "forecast"]

PROBED = 400  # members, drawn evenly over all
COPIES = 3  # of a chunk's results that are in memory at once: computed, collected, being written


@dataclass(frozen=True)
class Forecast:
    """What a sweep will take.

    Attributes
    ----------
    members, chunks, chunk_size
        How many there are.
    memory
        Bytes of results that are held at once.
    disk
        Bytes of the store before compression.
    seconds
        On this machine.
    failing
        The share of the probed members that failed.
    room_in_memory, room_on_disk
        Bytes of this machine; None where the system does not say.
    """

    members: int
    chunks: int
    chunk_size: int
    memory: int
    disk: int
    seconds: float
    failing: float
    room_in_memory: int | None
    room_on_disk: int | None

    @property
    def beyond(self) -> str:
        """Why it does not fit this machine, in words; empty where it does."""
        if self.room_in_memory is not None and self.memory > self.room_in_memory:
            return (
                f"a chunk takes {in_bytes(self.memory)} of memory, and this machine has {in_bytes(self.room_in_memory)}"
            )
        if self.room_on_disk is not None and self.disk > self.room_on_disk:
            return (
                f"the store takes up to {in_bytes(self.disk)}, and {in_bytes(self.room_on_disk)} of the disk are free"
            )
        return ""

    def __str__(self) -> str:
        lines = [
            f"members    {self.members:,} in {self.chunks:,} chunks of {self.chunk_size:,}",
            f"memory     {in_bytes(self.memory)} of results at a time",
            f"disk       {in_bytes(self.disk)} before compression",
            f"time       {_duration(self.seconds)} on this machine",
        ]
        return "\n".join([*lines, *([f"failing    {self.failing:.1%} of the members probed"] if self.failing else [])])


def forecast(study: Study, folder: str | Path = ".") -> Forecast:
    """Integrate a few members, evenly over all, and forecast the whole.

    Parameters
    ----------
    study
        What is to be computed.
    folder
        Where it will be stored; its disk is looked at.

    Examples
    --------
    >>> import pkpd
    >>> study = pkpd.Study(pkpd.load("pk_1cmt"), pkpd.bolus("100 mg", "iv"), times=[0, 7], axes={"CL": [0.1, 0.2]})
    >>> forecast(study).members
    2
    """
    probed = np.unique(np.linspace(0, study.members - 1, min(PROBED, study.members)).astype(np.int64))
    some = study.ensemble.take(probed)
    _, status = study.solve(some)  # compiles
    begun = time.perf_counter()
    study.solve(some)
    seconds = (time.perf_counter() - begun) * study.members / len(some)
    parameters, statuses = len(study.ensemble.columns) * study.keep_parameters, status.size // len(some)
    kept, held = (8 * (n + parameters) + statuses for n in (study.numbers_per_member, study.held_per_member))
    existing = next(p for p in [Path(folder).resolve(), *Path(folder).resolve().parents] if p.exists())
    return Forecast(
        members=study.members,
        chunks=study.chunks,
        chunk_size=study.chunk_size,
        memory=COPIES * held * study.chunk_size,
        disk=kept * study.members,
        seconds=seconds,
        failing=float(np.mean(status != 0)),
        room_in_memory=physical_memory(),
        room_on_disk=shutil.disk_usage(existing).free if os.access(existing, os.R_OK) else None,
    )


def _duration(seconds: float) -> str:
    for unit, size in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.2g} s"
