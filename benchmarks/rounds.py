"""Jobs side by side: each in a process of its own, measured in turns, so that a slow minute slows them all."""

from __future__ import annotations

import dataclasses
import json
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.accuracy import Error
from benchmarks.peers import Job
from benchmarks.worker import environment

__all__ = ["ROOT", "Failure", "Measurement", "Task", "Worker", "hired", "measured", "say"]

ROOT = Path(__file__).parent.parent  # where `python -m benchmarks` finds this package


def say(text: str) -> None:
    """Tell who waits how far it is."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


class Failure(Exception):
    """A job that broke off, or took longer than it may."""


@dataclass(frozen=True)
class Task:
    """What a worker is asked to do in each round, and the error of how many members it is to report."""

    members: int
    rtol: float
    compared: int = 100


@dataclass(frozen=True)
class Measurement:
    """What the rounds of one task gave."""

    job: Job
    task: Task
    seconds: tuple[float, ...]
    error: Error
    setup: float
    peak: float

    @property
    def microseconds(self) -> float:
        """The median time of a member."""
        return median(self.seconds) / self.task.members * 1e6


class Worker:
    """A job's process.

    Raises
    ------
    Failure
        If it does not answer within `limit` seconds, or breaks off.
    """

    def __init__(self, job: Job, limit: float) -> None:
        self.job, self.limit = job, limit
        self.peak = 0.0
        self.stderr = tempfile.TemporaryFile()  # noqa: SIM115 - a pipe that nobody reads would fill up and halt it
        self.cache = tempfile.TemporaryDirectory()  # an empty one, so that the first result is a new model's
        asked = {"peer": dataclasses.asdict(job.peer), "case": job.case, "threads": job.threads}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", json.dumps(asked)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.stderr,
            cwd=ROOT, env={**environment(job.threads), "PKPD_CACHE": self.cache.name},
        )  # fmt: skip
        self.setup = float(self._answer()["setup"])

    def run(self, task: Task) -> tuple[float, Error]:
        """Seconds and error of one run."""
        assert self.process.stdin is not None
        self.process.stdin.write((json.dumps(dataclasses.asdict(task)) + "\n").encode())
        self.process.stdin.flush()
        answer = self._answer()
        return float(answer["seconds"]), Error(**answer["error"])

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], self.limit)
        if not ready:
            self.close()
            raise Failure(f"no result within {self.limit:g} s")
        line = self.process.stdout.readline()
        if not line:
            raise Failure(self._last_words())
        answer: dict[str, Any] = json.loads(line)
        self.peak = float(answer["peak"])
        return answer

    def _last_words(self) -> str:
        self.process.communicate()
        self.stderr.seek(0)
        lines = self.stderr.read().decode(errors="replace").strip().splitlines()
        self.close()
        return lines[-1] if lines else f"ended with exit status {self.process.returncode}"

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        self.stderr.close()
        self.cache.cleanup()


def hired(jobs: Iterable[Job], limit: float) -> tuple[list[Worker], dict[Job, str]]:
    """A worker for each job, started one after the other, and why the others have none."""
    workers, refused = [], {}
    for job in jobs:
        missing = job.peer.missing()
        if missing:
            refused[job] = f"absent: {missing} is not installed"
            continue
        say(f"starting {job}")
        try:
            workers.append(Worker(job, limit))
        except Failure as reason:
            refused[job] = str(reason)
    return workers, refused


def measured(tasks: Iterable[tuple[Worker, Task]], rounds: int) -> tuple[list[Measurement], dict[Job, str]]:
    """Every task `rounds` times, in turns; a worker that fails drops out, with the reason."""
    planned = list(tasks)
    seconds: dict[tuple[Worker, Task], list[float]] = {pair: [] for pair in planned}
    errors: dict[tuple[Worker, Task], Error] = {}
    failed: dict[Job, str] = {}
    for _ in range(rounds):
        for worker, task in planned:
            if worker.job in failed:
                continue
            try:
                spent, errors[worker, task] = worker.run(task)
                seconds[worker, task].append(spent)
            except Failure as reason:
                failed[worker.job] = str(reason)
    done = [
        Measurement(worker.job, task, tuple(spent), errors[worker, task], worker.setup, worker.peak)
        for (worker, task), spent in seconds.items()
        if spent
    ]
    return done, failed
