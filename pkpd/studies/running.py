"""A sweep at work: chunk after chunk, on this machine or on others, stopped and resumed at any moment."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pkpd.errors import DataError, PkpdError, SimulationError
from pkpd.studies.store import Store
from pkpd.studies.study import Study

__all__ = ["SweepOutcome", "run_study"]

TRIES = 3  # of a chunk, before it is given up

Tell = Callable[["SweepOutcome"], None]


@dataclass(frozen=True)
class SweepOutcome:
    """How far a sweep has come.

    Attributes
    ----------
    folder
        The store.
    members, chunks
        How many there are.
    done
        Members of finished chunks, those of earlier runs too.
    finished, earlier
        Chunks finished, and how many of these by earlier runs.
    statuses
        How many members ended with which status, by its name.
    given_up
        Why chunks have no results, by their number.
    stopped
        Whether it was interrupted.
    """

    folder: Path
    members: int
    chunks: int
    done: int
    finished: int
    earlier: int
    statuses: dict[str, int]
    given_up: dict[int, str]
    stopped: bool = False

    @property
    def complete(self) -> bool:
        """Whether every chunk has results."""
        return self.finished == self.chunks

    @property
    def failed(self) -> int:
        """How many members failed."""
        return sum(number for name, number in self.statuses.items() if name != "ok")

    def __str__(self) -> str:
        words = [f"{self.done:,} of {self.members:,} members in {self.finished:,} of {self.chunks:,} chunks"]
        if self.failed:
            kinds = ", ".join(f"{n:,} {name}" for name, n in self.statuses.items() if name != "ok")
            words.append(f"{self.failed:,} failed ({kinds})")
        if self.given_up:
            chunk, why = next(iter(self.given_up.items()))
            words.append(f"{len(self.given_up)} chunks given up, the first, {chunk}, because {why}")
        return "; ".join(words)


def run_study(
    study: Study,
    folder: str | Path,
    *,
    executor: Executor | None = None,
    workers: int | None = None,
    progress: Tell | None = None,
) -> SweepOutcome:
    """Run a sweep into a folder, or go on with one that was stopped.

    Chunks that are finished are not computed again, and the numbers are those of a run that was
    never interrupted, to the bit.

    Parameters
    ----------
    study
        What is to be computed.
    folder
        The store; made where there is none.
    executor
        Where chunks are computed: any ``concurrent.futures.Executor``, such as ``client.get_executor()`` of
        Dask.  By default in this process, whose integrator has threads of its own.
    workers
        Chunks that the executor computes at once, by default as many as this machine has processors;
        twice as many wait.
    progress
        Called with how far it has come after each chunk.

    Raises
    ------
    DataError
        If the folder holds another study, or cannot be written.
    SimulationError
        If another run writes to it.
    MissingExtraError
        If zarr is not installed.

    Examples
    --------
    >>> import pkpd, tempfile
    >>> study = pkpd.Study(pkpd.load("pk_1cmt"), pkpd.bolus("100 mg", "iv"), times=[0, 7], axes={"CL": [0.1, 0.2]})
    >>> print(pkpd.run_study(study, tempfile.mkdtemp() + "/sweep"))
    2 of 2 members in 1 of 1 chunks
    """
    store = Store(Path(folder))
    with store.locked():
        return _Run(study, store.opened_for(study), progress).go(executor, workers)


class _Run:
    def __init__(self, study: Study, store: Store, tell: Tell | None) -> None:
        self.study, self.store, self.tell = study, store, tell
        self.before = store.finished()
        self.finished = set(self.before)
        self.statuses = store.counts()
        self.given_up: dict[int, str] = {}

    def go(self, executor: Executor | None, workers: int | None) -> SweepOutcome:
        waiting = (n for n in range(self.study.chunks) if n not in self.before)
        with _stoppable() as stop:
            if executor is not None:
                self._all(executor, waiting, stop, 2 * (workers or os.cpu_count() or 1))
            else:
                with ThreadPoolExecutor(1) as own:  # one chunk is written while the next is integrated
                    self._own(own, waiting, stop)
        return self._outcome(stopped=stop.is_set())

    def _own(self, writer: Executor, waiting: Iterator[int], stop: threading.Event) -> None:
        """In this process: the integrator takes all processors, and a thread writes."""
        pending: tuple[int, Future[Any]] | None = None
        for chunk in waiting:
            if stop.is_set():
                break
            try:
                columns, status = _computed(self.study, chunk)
            except (PkpdError, MemoryError) as error:
                self._give_up(chunk, error)
                continue
            self._await(pending)
            pending = chunk, writer.submit(_written, self.store, self.study, chunk, columns, status)
        self._await(pending)

    def _await(self, pending: tuple[int, Future[Any]] | None) -> None:
        if pending is not None:
            self._finish(pending[0], pending[1].result())

    def _all(self, executor: Executor, waiting: Iterator[int], stop: threading.Event, most: int) -> None:
        """On the executor, no more than `most` chunks at a time; one whose worker dies is tried again."""
        running: dict[Future[Any], tuple[int, int]] = {}

        def submit(chunk: int, tries: int) -> None:
            running[executor.submit(_compute_and_write, self.study, str(self.store.folder), chunk)] = (chunk, tries)

        while True:
            while len(running) < most and not stop.is_set() and (chunk := next(waiting, None)) is not None:
                submit(chunk, 1)
            if not running:
                return
            done, _ = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
            for future in done:
                chunk, tries = running.pop(future)
                error = _error(future)
                if error is None:
                    self._finish(chunk, future.result())
                elif isinstance(error, DataError):  # the store cannot be written: no chunk can
                    raise error
                elif tries < TRIES and not stop.is_set():
                    submit(chunk, tries + 1)
                else:
                    self._give_up(chunk, error)
            if stop.is_set():
                for future in running:
                    future.cancel()

    def _finish(self, chunk: int, statuses: dict[str, int]) -> None:
        self.store.finish(chunk, statuses)
        self.finished.add(chunk)
        for name, number in statuses.items():
            self.statuses[name] = self.statuses.get(name, 0) + number
        if self.tell is not None:
            self.tell(self._outcome())

    def _give_up(self, chunk: int, error: BaseException) -> None:
        self.given_up[chunk] = f"{type(error).__name__}: {error}"
        self.store.give_up(chunk, self.given_up[chunk])

    def _outcome(self, *, stopped: bool = False) -> SweepOutcome:
        sizes = [b - a for a, b in map(self.study.chunk_range, self.finished)]
        return SweepOutcome(
            self.store.folder, self.study.members, self.study.chunks, sum(sizes), len(self.finished), len(self.before),
            dict(self.statuses), dict(self.given_up), stopped,
        )  # fmt: skip


def _error(future: Future[Any]) -> BaseException | None:
    try:
        return future.exception()
    except CancelledError as error:
        return error


@contextmanager
def _stoppable() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set; the chunk at work is finished first, unless there is a second one."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def heard(number: int, frame: Any) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, heard) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# ---- one chunk


def _computed(study: Study, chunk: int) -> tuple[dict[str, Any], Any]:
    """The results of a chunk by name, its parameters among them, and its statuses."""
    members = study.ensemble.slice(*study.chunk_range(chunk))
    columns, status = study.solve(members)
    if study.keep_parameters:
        columns |= {name: members[name] for name in study.ensemble.columns}
    return columns, status


def _compute_and_write(study: Study, folder: str, chunk: int) -> dict[str, int]:
    """What a worker does; the study is settled once in each of them."""
    known = _settled(study.hash)
    settled = known.setdefault("study", study)
    columns, status = _computed(settled, chunk)
    if not len(status):
        raise SimulationError(f"chunk {chunk} has no members.")
    return _written(Store(Path(folder)), settled, chunk, columns, status)


def _written(store: Store, study: Study, chunk: int, columns: dict[str, Any], status: Any) -> dict[str, int]:
    try:
        return store.write(study, chunk, columns, status)
    except OSError as error:
        raise DataError(
            f"cannot write {str(store.folder)!r}: {error.strerror or error}. What is finished stays; run it again to "
            "go on."
        ) from None


@lru_cache(maxsize=4)
def _settled(of: str) -> dict[str, Study]:
    return {}
