"""`pkpd sweep STUDY.toml`: a sweep that is written down, run in chunks and resumed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from pkpd.cli.messages import FAILED, INTERRUPTED, SOME_FAILED, fail, say
from pkpd.errors import MissingExtraError

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from pkpd.studies.running import SweepOutcome
    from pkpd.studies.study import Study

__all__ = ["is_study", "run_sweep"]


def is_study(path: str) -> bool:
    """Whether a file is a study, which names a model or says when to store, rather than a model alone."""
    from pkpd.toml_files import read_toml

    content = read_toml(path).content
    return "times" in content or not isinstance(content.get("model"), dict)


def run_sweep(
    path: Path, out: Path | None, *, dry_run: bool, chunk: int | None, threads: int | None, scheduler: str | None
) -> None:
    """Run the study of a file into a folder, or say what that would take; ends the program with its exit code."""
    from pkpd.studies.forecasts import forecast
    from pkpd.studies.running import run_study
    from pkpd.studies.study_files import read_study, store_folder

    study = read_study(path)
    study = study if chunk is None else study.but(chunk=chunk)
    study = study if threads is None else study.but(solver=study.solver.but(threads=threads))
    folder = out or store_folder(path)
    expected = forecast(study, folder)
    if dry_run:
        typer.echo(str(expected))
    if expected.beyond:
        fail(f"{expected.beyond}. Store less with outputs or reduce, or a smaller chunk.")
    if dry_run:
        return
    with _executor(scheduler) as executor, _bar(study) as tell:
        outcome = run_study(study, folder, executor=executor, progress=tell)
    _end(outcome, path)


def _end(outcome: SweepOutcome, path: Path) -> None:
    say(f"{outcome.folder}: {outcome}")
    if outcome.stopped and not outcome.complete:
        say(f"stopped; go on with: pkpd sweep {path} --out {outcome.folder}")
        raise SystemExit(INTERRUPTED)
    if outcome.given_up:
        raise SystemExit(FAILED)
    if outcome.failed:
        raise SystemExit(SOME_FAILED)


@contextmanager
def _executor(scheduler: str | None) -> Iterator[Executor | None]:
    """Workers of Dask at an address, or so many of this machine; none where nothing is asked for."""
    if scheduler is None:
        yield None
        return
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise MissingExtraError("--scheduler needs Dask; install it with: pip install 'pkpd[sweep]'") from None
    if not scheduler.isdigit():
        with Client(scheduler) as client:
            yield client.get_executor(pure=False)
        return
    threads = max(1, (os.cpu_count() or 1) // int(scheduler))
    with (
        LocalCluster(n_workers=int(scheduler), threads_per_worker=threads, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        yield client.get_executor(pure=False)


@contextmanager
def _bar(study: Study) -> Iterator[Any]:
    """A progress bar of members on stderr, where that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[done]} of {task.fields[all]} members"),
        TimeElapsedColumn(), TimeRemainingColumn(), TextColumn("{task.fields[failed]}"),
    )  # fmt: skip
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        members = f"{study.members:,}"
        task = bar.add_task(study.title or study.model.name, total=study.members, done="0", all=members, failed="")

        def tell(outcome: SweepOutcome) -> None:
            failed = f"{outcome.failed:,} failed" if outcome.failed else ""
            bar.update(task, completed=outcome.done, done=f"{outcome.done:,}", failed=failed)

        yield tell
