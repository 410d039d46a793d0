"""`pkpd fit study.toml`: from a study file to a fit, its uncertainty, and a folder of results."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pkpd.cli.study_files import Study, read_study
from pkpd.errors import unknown_name
from pkpd.toml_files import Table

if TYPE_CHECKING:
    import pandas as pd

    from pkpd.fitting.bootstrap import Bootstrap
    from pkpd.fitting.profiles import Profiles
    from pkpd.fitting.results import Fit
    from pkpd.records.observations import Dataset
    from pkpd.records.records import Records
    from pkpd.symbolic.model import Model

__all__ = ["Outcome", "outcome_files", "run_study"]

FEWEST_DRAWS = 20  # a picture of fewer says nothing

Progress = Callable[[str], AbstractContextManager[Callable[[int, int], None]]]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a study file asked for; `folder` is where its results go, if it says so."""

    study: Study
    fit: Fit
    profiles: Profiles | None
    bootstrap: Bootstrap | None
    folder: Path | None

    def report(self) -> str:
        """The fit as text, with what its starts, profiles and replicates say."""
        texts = [*([self.study.title] if self.study.title else []), self.fit.report()]
        if self.fit.starts is not None:
            texts.append(self.fit.starts.report())
        if self.profiles is not None:
            texts.append(self.profiles.report())
        if self.bootstrap is not None:
            texts.append(self.bootstrap.report(self.study.bootstrap.confidence if self.study.bootstrap else 0.95))
        return "\n\n".join(texts)


def run_study(path: Path, progress: Progress) -> Outcome:
    """Do what a study file says.

    Parameters
    ----------
    path
        The file; the data and the folder of the report are relative to its own folder.
    progress
        Opens a progress bar of a title, and gives what to call with (done, total).
    """
    import pkpd

    study = read_study(path)
    loaded: Model = pkpd.load(study.model)
    model = loaded if study.time is None else loaded.in_time(study.time)
    fit = _fitted(study, model, _observed(study, model, path), progress)
    profiles = bootstrap = None
    if study.profile is not None:
        with progress("profiles") as advance:
            profiles = pkpd.profile(fit, **_options(study.profile), progress=advance)
    if study.bootstrap is not None:
        with progress("bootstrap") as advance:
            options = _options(study.bootstrap)
            options.pop("confidence", None)
            bootstrap = pkpd.bootstrap(fit, **options, progress=advance)
    folder = None if study.report is None else path.parent / study.report.folder
    return Outcome(study, fit, profiles, bootstrap, folder)


def outcome_files(outcome: Outcome, folder: Path) -> Iterator[Path]:
    """Write the reports, the tables, the figure and the fit itself, each whole or not at all."""
    import pkpd
    from pkpd.cli.fitting import fit_files
    from pkpd.storage import write_atomically

    yield from fit_files(outcome.fit, folder, text=outcome.report())
    tables: dict[str, Any] = {}
    if outcome.fit.starts is not None:
        tables["starts"] = outcome.fit.starts.table
    if outcome.profiles is not None:
        tables |= {"profiles": outcome.profiles.table, "profile_intervals": outcome.profiles.intervals}
    if outcome.bootstrap is not None:
        tables |= {"bootstrap": outcome.bootstrap.table}
    for name, table in tables.items():
        yield write_atomically(folder / f"{name}.csv", table.to_csv)
    yield pkpd.write_fit(outcome.fit, folder / "fit.json")
    yield pkpd.write_report(
        outcome.fit,
        folder / "report.html",
        title=outcome.study.title,
        profiles=outcome.profiles,
        draws=_draws(outcome.bootstrap),
        log=outcome.study.report is not None and outcome.study.report.log,
    )


def _draws(bootstrap: Bootstrap | None) -> pd.DataFrame | None:
    """The replicates as a figure of their pairs takes them, where there are enough of them."""
    from pkpd.figures.pairs import MOST

    if bootstrap is None:
        return None
    table = bootstrap.table
    complete = table.loc[table["success"], [c.label for c in bootstrap.fit.coordinates[:MOST]]].dropna()
    return complete if len(complete) >= FEWEST_DRAWS and complete.shape[1] > 1 else None


# ---- from the tables of the file to what the functions take


def _options(table: Table) -> dict[str, Any]:
    """The keys that the file has, so that defaults are those of the functions."""
    return {name: getattr(table, name) for name in table.model_fields_set}


def _observed(study: Study, model: Model, path: Path) -> Dataset | Records:
    import pkpd
    from pkpd.records.observations import arm_names
    from pkpd.treatment.typed_doses import parse_regimen

    data = path.parent / study.data
    if study.records is not None:
        if study.regimens:
            raise unknown_name(f"{path.name} with [records], whose doses are in the table,", "key", "regimens", [])
        options = _options(study.records)
        options.pop("outputs", None)
        compartments = options.pop("compartments", None)
        numbers = None if compartments is None else {_number(k, path): name for k, name in compartments.items()}
        records: Records = pkpd.read_nonmem(data, compartments=numbers, time=model.time, **options)
        return records
    regimens: dict[str, Any] = dict.fromkeys(arm_names(data))
    for arm, doses in study.regimens.items():
        if arm not in regimens:
            raise unknown_name(f"{path.name}: [regimens]: {data.name}", "arm", arm, regimens)
        regimens[arm] = parse_regimen([doses] if isinstance(doses, str) else doses, model.time)
    observed: Dataset = pkpd.read_observations(data, regimens)
    return observed


def _number(key: str, path: Path) -> int:
    from pkpd.errors import DataError

    if not key.isdigit():
        raise DataError(f"{path.name}: [records.compartments] has the key {key!r}; expected a compartment's number.")
    return int(key)


def _fitted(study: Study, model: Model, data: Dataset | Records, progress: Progress) -> Fit:
    import pkpd

    options = _options(study.fit)
    if study.records is not None and study.records.outputs is not None:
        options["outputs"] = study.records.outputs
    with progress("fit") as advance:
        fit: Fit = pkpd.fit(
            model,
            data,
            {name: _free(table) for name, table in study.free.items()},
            error={name: _error(table) for name, table in study.error.items()} or None,
            parameters=study.parameters,
            progress=advance,
            **options,
        )
    return fit


def _free(table: Any) -> Any:
    import pkpd

    options = _options(table)
    if table.bounds is not None:
        options["bounds"] = tuple(table.bounds)
    if table.prior is not None:
        options["prior"] = getattr(pkpd, table.prior.kind)(**_without_kind(table.prior))
    return pkpd.free(**options)


def _error(table: Any) -> Any:
    import pkpd

    options = _without_kind(table)
    options.pop("fixed", None)
    name = table.kind if table.kind == "event_time" else f"{table.kind}_error"
    error = getattr(pkpd, name)(**options)
    return error.fixed() if getattr(table, "fixed", False) else error


def _without_kind(table: Table) -> dict[str, Any]:
    return {name: value for name, value in _options(table).items() if name != "kind"}
