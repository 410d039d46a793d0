"""The commands.  Data go to stdout or files; messages and progress to stderr.

Exit codes: 0 done; 1 something asked for is not possible, and a message says why;
2 the command line itself is wrong; 3 done, but some members failed; 130 interrupted.
"""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pkpd.cli.messages import FAILED, SOME_FAILED, as_messages, fail, say
from pkpd.errors import FailedMembersWarning

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["app", "main"]

_HELP = r"""ODE-based pharmacodynamic modeling for immuno-oncology.

Doses are written as

    AMOUNT \[UNIT] ROUTE \[at T,T,...] \[over DURATION] \[every INTERVAL x N]

such as '1500 mg iv over 1 h every 28 x 13' or '2 Gy radiation at 7,8,9 over 0.001'.
Times are in the model's unit of time, or carry their own: every 8 h x 3, --times "0:3 days:1 h".
"""

app = typer.Typer(
    help=_HELP,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)

ModelName = Annotated[
    str, typer.Argument(metavar="MODEL", help="A name from `pkpd catalog`, or a file: a model as text, .toml.")
]
RunCode = Annotated[bool, typer.Option("--run-code", help="Run MODEL if it is a Python file; only if you trust it.")]
Models = Annotated[list[str] | None, typer.Argument(metavar="[MODEL]...", help="Names from `pkpd catalog`.")]
Doses = Annotated[
    list[str] | None,
    typer.Option(
        "--dose",
        help=r"'AMOUNT \[UNIT] ROUTE \[at T,T,...] \[over DURATION] \[every INTERVAL x N]'; repeatable.",
    ),
]
Values = Annotated[list[str] | None, typer.Option("--set", help="NAME=VALUE for a parameter; repeatable.")]
Times = Annotated[
    str, typer.Option("--times", help="FROM:TO:STEP, or 0,1,7; in the model's time, or with a unit: 8 h.")
]
Outputs = Annotated[str | None, typer.Option("--outputs", help="States and outputs to keep, separated by commas.")]
Method = Annotated[
    str, typer.Option("--method", help="auto, tsit5, dop853, rodas5p, numpy, scipy, ...; see simulate().")
]
Tolerance = Annotated[float, typer.Option("--rtol", help="Relative tolerance.")]
Out = Annotated[Path | None, typer.Option("--out", help="File to write: .nc or .csv; CSV to stdout without it.")]


def _print_version(asked: bool) -> None:
    if asked:
        import platform

        import pkpd

        typer.echo(f"pkpd {pkpd.__version__}, Python {platform.python_version()}")
        raise typer.Exit


@app.callback()
def entry(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    # No docstring: the help of the program is that of `app`.
    pass


@app.command()
def catalog(as_csv: Annotated[bool, typer.Option("--csv", help="As CSV.")] = False) -> None:
    """List the models of the library."""
    import pkpd
    from pkpd.cli.terminal import print_table

    table = pkpd.catalog().reset_index()
    if as_csv:
        sys.stdout.write(table.to_csv(index=False))
    else:
        overview = table[["name", "title", "states", "routes"]]
        print_table(list(overview), overview.itertuples(index=False), widest=100, limits={"routes": 18})


@app.command()
def show(
    model: ModelName,
    as_text: Annotated[bool, typer.Option("--toml", help="As a file that other commands take as MODEL.")] = False,
    run_code: RunCode = False,
) -> None:
    """Show a model: description, equations, parameters with their sources, how to run it."""
    from pkpd.cli.models import model_named
    from pkpd.cli.pages import print_page

    if as_text:
        from pkpd.model_text.writing import model_text

        sys.stdout.write(model_text(model_named(model, run_code=run_code)))
    else:
        print_page(model_named(model, run_code=run_code) if model.endswith((".toml", ".py")) else model)


@app.command()
def page(
    models: Models = None,
    out: Annotated[Path, typer.Option("--out", help="Folder to write NAME.md and NAME.png to.")] = Path("pages"),
) -> None:
    """Write the pages of models with their figures; of the whole library, with an index, unless models are named."""
    from pkpd.cli.pages import write_pages

    names = _known(models)
    with _progress("pages") as advance:
        for done, path in enumerate(write_pages(names, out, index=not models), 1):
            say(f"wrote {path}")
            advance(done, len(names))


@app.command()
def lint(models: Models = None) -> None:
    """Look for semantic defects in models, or in the whole library; exit with 1 where there are errors."""
    import pkpd
    from pkpd.cli.models import model_named

    names = models or list(pkpd.catalog().index)
    errors = warned = 0
    for name in names:
        for finding in pkpd.lint(model_named(name) if name.endswith(".toml") else name):
            typer.echo(f"{name}: {finding}")
            errors += finding.severity == "error"
            warned += finding.severity == "warning"
    say(f"{_counted(len(names), 'model')}: {_counted(errors, 'error')}, {_counted(warned, 'warning')}")
    if errors:
        raise SystemExit(FAILED)


@app.command()
def simulate(
    model: ModelName,
    dose: Doses = None,
    values: Values = None,
    times: Times = "0:365:1",
    outputs: Outputs = None,
    method: Method = "auto",
    rtol: Tolerance = 1e-8,
    out: Out = None,
    run_code: RunCode = False,
) -> None:
    """Simulate a model once and write the result as a table."""
    import pkpd
    from pkpd.cli.models import model_named
    from pkpd.cli.requests import requested

    loaded = model_named(model, run_code=run_code)
    request = requested(loaded, dose, times, outputs)
    _deliver(pkpd.simulate(loaded, **request, parameters=_assignments(values), method=method, rtol=rtol), out)


@app.command()
def sweep(
    model: ModelName,
    grid: Annotated[
        list[str] | None, typer.Option("--grid", help=r"NAME=1,2,5 or NAME=FROM:TO:COUNT\[:log]; repeatable.")
    ] = None,
    sample: Annotated[int, typer.Option("--sample", help="Members drawn from the declared variability.")] = 0,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the sample.")] = 1,
    dose: Doses = None,
    values: Values = None,
    times: Times = "0:365:7",
    outputs: Outputs = None,
    method: Method = "auto",
    rtol: Tolerance = 1e-8,
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write, .nc or .csv; of a study the folder to write to.")
    ] = None,
    run_code: RunCode = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what a study takes of time, memory and disk.")
    ] = False,
    chunk: Annotated[int | None, typer.Option("--chunk", min=1, help="Members of a study's chunk.")] = None,
    threads: Annotated[int | None, typer.Option("--threads", min=1, help="Threads of the integrator.")] = None,
    scheduler: Annotated[
        str | None, typer.Option("--scheduler", help="Address of a Dask scheduler, or a number of workers here.")
    ] = None,
) -> None:
    """Simulate a model over a grid of parameters, a random sample, or both.

    Instead of MODEL a study file, STUDY.toml, which says it all: it is run in chunks into a folder, and begun again
    where it was stopped.
    """
    import pkpd
    from pkpd.cli.models import model_named
    from pkpd.cli.parsing import parse_axes
    from pkpd.cli.requests import requested
    from pkpd.cli.sweeping import is_study, run_sweep

    if model.endswith(".toml") and is_study(model):
        _refuse_flags(
            model, {"--grid": grid, "--sample": sample, "--dose": dose, "--set": values, "--outputs": outputs}
        )
        run_sweep(Path(model), out, dry_run=dry_run, chunk=chunk, threads=threads, scheduler=scheduler)
        return
    loaded = model_named(model, run_code=run_code).using(**_assignments(values))
    axes = parse_axes(grid or [])
    if not axes.columns and not sample:
        fail("nothing to sweep: give --grid NAME=..., --sample N, or both.")
    request = requested(loaded, dose, times, outputs, [*axes.shape, sample or 1])
    ensemble = axes * pkpd.sample(loaded, sample, seed) if sample else axes
    with _progress(f"{loaded.name}: {len(ensemble)} members") as advance:
        result = pkpd.simulate(loaded, **request, parameters=ensemble, method=method, rtol=rtol, progress=advance)
    _deliver(result, out)


@app.command()
def schema() -> None:
    """Print the JSON Schema of study files, for editors that complete and check them."""
    import json

    from pkpd.studies.tables import study_schema

    typer.echo(json.dumps(study_schema(), indent=1))


@app.command()
def rerun(
    result: Annotated[Path, typer.Argument(metavar="RESULT", help="A result, .nc, or the folder of a sweep.")],
) -> None:
    """Compute a result again from what its file says, and compare every bit; exit with 1 where it differs."""
    import pkpd

    again = pkpd.rerun(result)
    typer.echo(str(again))
    if not again.same:
        raise SystemExit(FAILED)


@app.command()
def tolerance(
    study: Annotated[Path, typer.Argument(metavar="STUDY.toml", help="A study file.")],
    members: Annotated[int, typer.Option("--members", min=1, help="How many members to look at.")] = 200,
    factor: Annotated[float, typer.Option("--factor", help="By how much to divide the tolerances.")] = 100.0,
) -> None:
    """Integrate some members of a study again at a tighter tolerance, and report what changes."""
    import pkpd

    typer.echo(str(pkpd.check_tolerance(pkpd.read_study(study), members=members, factor=factor)))


@app.command()
def verify(
    out: Annotated[Path | None, typer.Option("--out", help="File to write the report to, .md.")] = None,
) -> None:
    """Compare what this machine computes with closed forms, by every integrator; exit with 1 where it fails."""
    import pkpd
    from pkpd.storage import write_atomically

    report = pkpd.verify()
    if out is None:
        typer.echo(str(report))
    else:
        write_atomically(out, lambda path: path.write_text(f"{report}\n", encoding="utf-8"))
        say(f"wrote {out}")
    if not report.passed:
        raise SystemExit(FAILED)


@app.command()
def plot(
    result: Annotated[Path, typer.Argument(metavar="RESULT.nc", help="A result that simulate or sweep wrote.")],
    output: Annotated[str, typer.Option("--output", help="The state or output to show.")],
    kind: Annotated[str, typer.Option("--kind", help="time, spaghetti, response, heat or waterfall.")] = "time",
    x: Annotated[str | None, typer.Option("--x", help="The swept axis across (response, heat).")] = None,
    y: Annotated[str | None, typer.Option("--y", help="The swept axis up (heat).")] = None,
    at: Annotated[
        str | None,
        typer.Option("--at", help="The time to show (response, heat), as 7 or '1 week'; by default the last."),
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="The figure to write: .png, .pdf or .svg.")] = Path("figure.png"),
) -> None:
    """Draw a figure from a result file."""
    from pkpd.cli.plotting import draw
    from pkpd.storage import read_result

    path = draw(read_result(result), output, kind, x=x, y=y, at=at, out=out)
    say(f"wrote {path}")


@app.command()
def fit(
    model: Annotated[
        str, typer.Argument(metavar="MODEL|STUDY.toml", help="A name from `pkpd catalog`, or a study file.")
    ],
    data: Annotated[
        Path | None, typer.Option("--data", help="CSV with the columns arm, time, output, value, sd.")
    ] = None,
    free: Annotated[
        list[str] | None,
        typer.Option("--free", help="NAME, NAME=LOW:HIGH or NAME=LOW:HIGH:log; append @arm for one per arm."),
    ] = None,
    dose: Annotated[
        list[str] | None, typer.Option("--dose", help="'ARM: AMOUNT UNIT ROUTE ...' as in simulate; repeatable.")
    ] = None,
    values: Values = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for the report, tables and figure.")] = None,
    run_code: RunCode = False,
) -> None:
    """Fit a model to observations and report the estimates.

    A study file says it all: model, data, regimens by arm, what is estimated from where within which bounds and
    priors, error models, starts, profiles, bootstrap, and the folder of the report.
    """
    from pkpd.cli.fitting import fit_files, run_fit
    from pkpd.cli.models import describes_model, model_named

    if model.endswith(".toml") and not describes_model(model):
        _fit_study(Path(model), {"--data": data, "--free": free, "--dose": dose, "--set": values}, out)
        return
    if data is None or not free:
        raise typer.BadParameter(
            "give it, or a study file instead of the model.", param_hint="--free" if data else "--data"
        )
    loaded = model_named(model, run_code=run_code)
    estimated = run_fit(loaded, data, free, dose or [], _assignments(values))
    typer.echo(estimated.report())
    if out is not None:
        for path in fit_files(estimated, out):
            say(f"wrote {path}")


def _refuse_flags(file: str, flags: Mapping[str, object]) -> None:
    also = [flag for flag, value in flags.items() if value]
    if also:
        raise typer.BadParameter(f"{file} says it itself; leave the option out.", param_hint=also[0])


def _fit_study(path: Path, flags: Mapping[str, object], out: Path | None) -> None:
    from pkpd.cli.studies import outcome_files, run_study

    _refuse_flags(path.name, flags)
    outcome = run_study(path, _progress)
    typer.echo(outcome.report())
    folder = out or outcome.folder
    if folder is not None:
        for written in outcome_files(outcome, folder):
            say(f"wrote {written}")


@app.command("app")
def in_browser(
    model: Annotated[
        str | None, typer.Argument(metavar="[MODEL|FILE.toml]", help="A name from `pkpd catalog`, or a model as text.")
    ] = None,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port of 127.0.0.1; 0 for a free one.")] = 8765,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the address and open no browser.")] = False,
) -> None:
    """Explore models in the browser: sliders, arms, virtual populations, responses; on this machine alone."""
    from pkpd.app.serving import explore, require_packages
    from pkpd.cli.models import model_named

    require_packages()
    explore(None if model is None else model_named(model), port=port, browser=not no_browser)


@app.command()
def quickstart(
    out: Annotated[Path, typer.Option("--out", help="Folder to write to.")] = Path("quickstart"),
) -> None:
    """Run the main job on real input: exposure, a timing sweep over virtual mice, and a fit."""
    example = importlib.import_module("pkpd.fits.quickstart")
    with _progress("quickstart") as advance:
        summary = example.run(out, progress=advance)
    typer.echo(summary)


def main() -> None:
    """Run the command line; an error of ours is one message, never a traceback."""
    warnings.simplefilter("ignore", FailedMembersWarning)  # _deliver counts them
    with as_messages():
        app()
        sys.stdout.flush()  # so that a full disk behind it is met here


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _known(models: list[str] | None) -> list[str]:
    """The names of these models of the library, or of all where none is named."""
    import pkpd

    return [pkpd.load(name).name for name in models or pkpd.catalog().index]


def _assignments(values: list[str] | None) -> dict[str, str]:
    from pkpd.cli.parsing import distinct, parse_assignment

    return distinct(map(parse_assignment, values or []), "--set")


@contextmanager
def _progress(title: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on stderr, where that is a terminal; yields what to call with (done, total)."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _deliver(result: xr.Dataset, out: Path | None) -> None:
    from pkpd.storage import as_table, write_result

    if out is None:
        sys.stdout.write(as_table(result).to_csv(index=False))
    else:
        say(f"wrote {write_result(result, out)}")
    failed = int((result["status"] != 0).sum())
    if failed:
        say(f"{failed} of {result['status'].size} members failed; see the variable 'status'")
        raise SystemExit(SOME_FAILED)
