"""Observations: a tidy table with a regimen for each arm, checked once when it is read."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.errors import DataError
from pkpd.notebook import shown
from pkpd.records.tidy_tables import Table, as_text, nearest, read_csv, read_table
from pkpd.treatment.regimens import Regimen
from pkpd.units import convert

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SIDES", "Dataset", "Side", "arm_names", "read_observations"]

Side = Literal["before", "after"]
SIDES: tuple[Side, Side] = ("before", "after")

REQUIRED = ("arm", "time", "output", "value")
EXPECTED = f"{', '.join(REQUIRED)} and, where known, sd"
SUBJECT = ("subject", "animal", "mouse", "id")
UNIT = ("unit", "units")
BELOW = {"1": 1, "true": 1, "yes": 1, "0": 0, "false": 0, "no": 0}
CENSORED = {"blq": BELOW, "bql": BELOW, "cens": {"0": 0, "1": 1, "-1": -1}}


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Observations and the regimen under which each arm was observed; see `read_observations`.

    Attributes
    ----------
    arm, output
        What each observation belongs to and what it measures, one text for each.
    time, value, sd
        (observations,): in the units of the model's time and of the output.  `sd` is 1
        throughout where the standard deviations are not given.
    regimens
        The regimen of each arm, in the order in which the arms first appear; None for an
        untreated arm.
    sd_given
        Whether the standard deviations are data.
    name, source
        The file, and the text of its ``#`` lines.
    unused
        Columns that are there and have no meaning here.
    subject
        The animal or patient of each observation; empty where the table does not say.
    censored
        (observations,): 0 for a measured value, 1 where the truth is below `value` (a limit of
        quantification), -1 where it is above, as NONMEM tables have it in CENS.
    at_dose
        For each observation whether one at the time of a dose is ``"before"`` or ``"after"``
        it, or an empty text where nobody says.
    columns
        By name the numbers of the further columns, (observations,), NaN where a cell is empty.
        A fit takes those that are named like a parameter of its model for covariates.
    unit
        The unit of each value, its standard deviation and its limit, where the table says it; see
        `in_units`.
    """

    arm: tuple[str, ...]
    time: Array
    output: tuple[str, ...]
    value: Array
    sd: Array
    regimens: Mapping[str, Regimen | None]
    sd_given: bool = True
    name: str = "observations"
    source: str = ""
    unused: tuple[str, ...] = ()
    subject: tuple[str, ...] = ()
    censored: Index = dataclasses.field(default_factory=lambda: np.empty(0, dtype=np.int64))
    at_dose: tuple[str, ...] = ()
    columns: Mapping[str, Array] = dataclasses.field(default_factory=dict)
    unit: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not len(self.censored):
            object.__setattr__(self, "censored", np.zeros(len(self.arm), dtype=np.int64))
        for key, kind in (("time", float), ("value", float), ("sd", float), ("censored", np.int64)):
            column = np.array(getattr(self, key), dtype=kind)
            column.flags.writeable = False
            object.__setattr__(self, key, column)
        object.__setattr__(self, "at_dose", self.at_dose or ("",) * len(self.arm))
        object.__setattr__(self, "regimens", MappingProxyType(dict(self.regimens)))
        object.__setattr__(self, "columns", MappingProxyType(dict(self.columns)))

    def __len__(self) -> int:
        return len(self.arm)

    def __reduce__(self) -> tuple[Any, ...]:
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        plain = {"regimens": dict(self.regimens), "columns": dict(self.columns)}
        return Dataset, tuple((values | plain).values())

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms, in the order in which they first appear."""
        return tuple(self.regimens)

    @property
    def outputs(self) -> tuple[str, ...]:
        """What is observed, in the order of first appearance."""
        return tuple(dict.fromkeys(self.output))

    @property
    def start(self) -> float:
        """When the model starts: at time 0, or at the earliest observation where that is before 0."""
        return min(0.0, float(self.time.min(initial=0.0)))

    @property
    def table(self) -> pd.DataFrame:
        """The observations as a table: arm, time, output, value and, where there are any, subject, sd and cens.

        Then the side of a dose, and the further columns of numbers, such as covariates.
        """
        import pandas as pd

        columns: dict[str, Any] = {"arm": self.arm}
        columns |= {"subject": self.subject} if self.subject else {}
        columns |= {"time": self.time, "output": self.output, "value": self.value}
        columns |= {"unit": self.unit} if self.unit else {}
        columns |= {"sd": self.sd} if self.sd_given else {}
        columns |= {"cens": self.censored} if self.censored.any() else {}
        columns |= {"at_dose": self.at_dose} if any(self.at_dose) else {}
        return pd.DataFrame(columns | dict(self.columns))

    def rows(self, arm: str) -> Index:
        """The positions of the observations of one arm; none of an arm that is not there."""
        return self._rows.get(arm, np.empty(0, dtype=np.int64))

    @cached_property
    def _rows(self) -> dict[str, Index]:
        arms = np.array(self.arm)
        return {arm: np.flatnonzero(arms == arm) for arm in self.arms}

    def take(self, wanted: Any) -> Dataset:
        """The observations at which `wanted` is true, with the arms that are left.

        Parameters
        ----------
        wanted
            (observations,) of truth values, such as ``data.time >= 8``.

        Raises
        ------
        DataError
            If the shape differs, or nothing is left.
        """
        mask = np.asarray(wanted)
        if mask.shape != (len(self),) or mask.dtype != bool or np.ma.is_masked(wanted):
            raise DataError(f"{self.name}: take() needs {len(self)} truth values, one for each observation.")
        if not mask.any():
            raise DataError(f"{self.name}: take() leaves no observation.")
        chosen: dict[str, Any] = {}
        for key in ("arm", "output", "subject", "at_dose", "unit"):
            column = getattr(self, key)
            chosen[key] = tuple(cell for cell, kept in zip(column, mask, strict=True) if kept) if column else ()
        for key in ("time", "value", "sd", "censored"):
            chosen[key] = getattr(self, key)[mask]
        chosen["columns"] = {name: column[mask] for name, column in self.columns.items()}
        chosen["regimens"] = {arm: regimen for arm, regimen in self.regimens.items() if arm in chosen["arm"]}
        return dataclasses.replace(self, **chosen)

    def in_units(self, units: Mapping[str, str]) -> Dataset:
        """The same observations in the units of a model; `self` where the table does not say its own.

        Parameters
        ----------
        units
            By output the unit that is wanted, such as ``model.units``.

        Raises
        ------
        UnitError
            If a unit of the table is unknown, or is not one of what is measured.
        """
        if not self.unit:
            return self
        names = zip(self.unit, self.output, strict=True)
        factors = {
            (own, output): convert(1.0, own, units[output], f"{self.name}: the unit of a value of {output!r}")
            for own, output in dict.fromkeys(names)
            if output in units
        }
        factor = np.array([factors.get(pair, 1.0) for pair in zip(self.unit, self.output, strict=True)])
        sd = self.sd * factor if self.sd_given else self.sd
        columns = {name: c * factor if name == "lloq" else c for name, c in self.columns.items()}
        return dataclasses.replace(self, value=self.value * factor, sd=sd, columns=columns, unit=())

    def keep(self, wanted: Any) -> Dataset:
        """The old name of `take`."""
        warnings.warn("Dataset.keep() is now take(); keep() goes with the next release.", DeprecationWarning, 2)
        return self.take(wanted)

    def _repr_html_(self) -> str:
        """Of each arm and output the observations, their times and their values."""
        import pandas as pd

        table = pd.DataFrame({"arm": self.arm, "output": self.output, "time": self.time, "value": self.value})
        told = {"observations": ("time", "size"), "first": ("time", "min"), "last": ("time", "max")}
        ends = {"lowest": ("value", "min"), "median": ("value", "median"), "highest": ("value", "max")}
        return shown(
            f"{self.name}: {len(self)} observations", table.groupby(["arm", "output"], sort=False).agg(**told, **ends)
        )

    def __repr__(self) -> str:
        return (
            f"<Dataset {self.name}: {len(self)} observations of {', '.join(self.outputs)} "
            f"in {len(self.arms)} arms ({', '.join(self.arms)})>"
        )


def read_observations(
    table: str | Path | pd.DataFrame,
    regimens: Mapping[Any, Regimen | None],
    *,
    at_dose: Side | None = None,
) -> Dataset:
    """Read a tidy table of observations and join it with the regimen of each arm.

    Parameters
    ----------
    table
        A CSV file or a DataFrame with one observation a row and the columns ``arm``,
        ``time`` and ``output`` (a state or output of the model), ``value`` (in its unit, or in
        that of a column ``unit``, which a fit then converts), and, where known, ``sd``, the
        standard deviation of `value`.  Lines that begin with ``#`` before the column names
        tell the source.  Several observations of an
        output at one time are replicates; a row that is repeated in full is refused.
        What was not measured has no row.  Further columns with a meaning:

        - ``subject``, ``animal``, ``mouse`` or ``id`` tells apart the animals or patients of
          an arm, as any other column does: equal values of two of them are two observations.
        - ``blq`` (or ``bql``) is 1 where the truth is below `value`, the limit of
          quantification; ``cens`` is that, or -1 where the truth is above `value`.  With
          ``lloq`` alone, a value below it is below the limit, whatever it says.  Where ``lloq``
          is known it is the limit of what is flagged, whose value may be less or left empty.
        - ``at_dose`` is ``before`` or ``after``; see below.
        - A column of numbers that has the name of a parameter of the model, such as ``WT``, is a
          covariate of a fit: it sets that parameter, and is constant in each subject.

    regimens
        For each arm its regimen, or None where nothing was given.
    at_dose
        Whether an observation at the time of a dose is ``"before"`` it (a trough) or
        ``"after"``, where the column ``at_dose`` does not say it of the observation.

    Notes
    -----
    A time before 0 is allowed: the model then starts, with its starts, at the earliest time of
    the table, for all arms alike, and doses keep their times.  The parameters of the start
    (such as the tumor volume T0) are then those of that time.

    Raises
    ------
    DataError
        If a column is missing; a cell is empty, not a number, not finite or out of range;
        a row is repeated; or the arms of the table and of `regimens` are not the same.
        The message names the file, the line (of a DataFrame, the row's label) and the column.

    Examples
    --------
    >>> import pandas as pd, pkpd
    >>> table = pd.DataFrame({"arm": "control", "time": [0, 7], "output": "V", "value": [60, 140]})
    >>> pkpd.read_observations(table, {"control": None})
    <Dataset the DataFrame: 2 observations of V in 1 arms (control)>
    """
    cells = read_table(table, EXPECTED)
    _check_columns(cells)
    texts = {c: tuple(cells.texts(c)) for c in ("arm", "output")}
    subject, flags, unit, lloq, side = (
        _first(cells, names) for names in (SUBJECT, CENSORED, UNIT, ("lloq",), ("at_dose",))
    )
    _check_one_flag(cells)
    censored, value = _limited(cells, flags, lloq)
    numbers = {"time": np.array(cells.numbers("time")), "value": value}
    numbers |= {"sd": np.array(cells.numbers("sd"))} if "sd" in cells.columns else {}
    _check_sizes(cells, numbers.get("sd"))
    _check_repeats(cells, texts, numbers)
    with_meaning = (*REQUIRED, "sd", lloq, side, subject, flags, unit)
    unused = tuple(c for c in cells.columns if c not in with_meaning)
    return Dataset(
        **texts,
        time=numbers["time"],
        value=numbers["value"],
        sd=numbers.get("sd", np.ones(len(cells))),
        regimens=_matched(cells.name, list(dict.fromkeys(texts["arm"])), regimens),
        sd_given="sd" in numbers,
        name=cells.name,
        source=cells.source,
        unused=unused,
        subject=() if subject is None else tuple(cells.texts(subject)),
        censored=censored,
        at_dose=_sides(cells, side, at_dose),
        columns={
            "lloq" if name == lloq else name: column
            for name in (*unused, *([] if lloq is None else [lloq]))
            if (column := _numbers(cells, name)) is not None
        },
        unit=() if unit is None else tuple(cells.texts(unit)),
    )


def arm_names(path: str | Path) -> list[str]:
    """The arms that a CSV file names, in the order in which they first appear; none where it has no such column.

    Raises
    ------
    DataError
        If the file is not there or not a table.
    """
    return list(dict.fromkeys(arm for arm in read_csv(Path(path), EXPECTED).columns.get("arm", ()) if arm))


# ---- what the columns mean


def _first(cells: Table, names: Any) -> str | None:
    """The column with one of `names`, in any case; the first of these names where there are several."""
    lowered = {c.lower(): c for c in cells.columns}
    return next((lowered[name] for name in names if name in lowered), None)


def _limited(cells: Table, flags: str | None, limits: str | None) -> tuple[Index, Array]:
    """0 for measured values, 1 below and -1 above a limit; and the values, of what is beyond a limit the limit.

    Raises
    ------
    DataError
        If neither a value nor a limit is there.
    """
    value = np.array(cells.numbers_or_nan("value"))
    lloq = np.full(len(cells), np.nan) if limits is None else np.array(cells.numbers_or_nan(limits))
    if flags is None:
        censored = (value < lloq).astype(np.int64)
    else:
        censored = np.array(cells.choices(flags, CENSORED[flags.lower()], 0), dtype=np.int64)
    value = np.where(censored == 1, np.fmax(value, lloq), value)
    if np.isnan(value).any():
        row = int(np.argmax(np.isnan(value)))
        if not censored[row]:
            cells.number(row, "value")  # refuses it
        raise DataError(
            f"{cells.place(row, 'value')} is empty; the value of what is beyond a limit is that limit, unless a "
            "column 'lloq' has it."
        )
    return censored, value


def _numbers(cells: Table, name: str) -> Array | None:
    """A column of numbers, NaN where a cell is empty; None where a cell is anything else."""
    try:
        return np.array(cells.numbers_or_nan(name))
    except DataError:
        return None


def _sides(cells: Table, column: str | None, at_dose: Side | None) -> tuple[str, ...]:
    if at_dose is not None and not (isinstance(at_dose, str) and at_dose in SIDES):
        raise DataError(f"at_dose is {at_dose!r}; expected 'before' or 'after'.")
    if column is None:
        return (at_dose or "",) * len(cells)
    return tuple(cells.choices(column, dict(zip(SIDES, SIDES, strict=True)), at_dose or ""))


# ---- checks


def _check_columns(cells: Table) -> None:
    """Refuse what is missing or only misspelled."""
    spare = [c for c in cells.columns if c not in (*REQUIRED, "sd")]
    for name in REQUIRED:
        if name not in cells.columns:
            near = nearest(name, spare)
            hint = f" Is it {near!r}?" if near else ""
            raise DataError(f"{cells.name} has no column {name!r}.{hint} It has {', '.join(map(repr, cells.columns))}.")
    wrong = next((c for c in spare if c.lower() == "sd"), None)
    if wrong is not None and "sd" not in cells.columns:
        raise DataError(f"{cells.name} has a column {wrong!r}; the standard deviation is read from 'sd'. Rename it.")
    if not len(cells):
        raise DataError(f"{cells.name} has column names but no observations.")


def _check_one_flag(cells: Table) -> None:
    flags = [c for c in cells.columns if c.lower() in CENSORED]
    if len(flags) > 1:
        raise DataError(
            f"{cells.name} has the columns {' and '.join(map(repr, flags))}, which both say what is beyond a limit; "
            "keep one of them."
        )


def _check_sizes(cells: Table, sd: Array | None) -> None:
    if sd is not None and (sd <= 0).any():
        row = int(np.argmax(sd <= 0))
        raise DataError(
            f"{cells.place(row, 'sd')} is {sd[row]:g}; a standard deviation is more than 0. "
            "Give one to this observation, or leave out the row."
        )


def _check_repeats(cells: Table, texts: Mapping[str, Sequence[str]], numbers: Mapping[str, Array]) -> None:
    others = [cells.plain(c) for c in cells.columns if c not in texts and c not in numbers]
    columns = [*texts.values(), *(column.tolist() for column in numbers.values()), *others]
    rows: dict[tuple[Any, ...], str] = {}
    for row, label in zip(zip(*columns, strict=True), cells.labels, strict=True):
        if row in rows:
            raise DataError(
                f"{cells.name}, {label} repeats {rows[row]}: arm {row[0]!r}, output {row[1]!r}, time {row[2]:g}, "
                f"value {row[3]:g}. Remove one, or tell two animals with one value apart by a column 'subject'."
            )
        rows[row] = label


def _matched(where: str, arms: Sequence[str], regimens: Any) -> dict[str, Regimen | None]:
    if not isinstance(regimens, Mapping):
        raise DataError(f"regimens is {regimens!r}; expected a mapping of each arm to its Regimen or None.")
    by_name = {as_text(arm): regimen for arm, regimen in regimens.items()}
    for arm in arms:
        if arm not in by_name:
            near = nearest(arm, [name for name in by_name if name not in arms])
            hint = f" Is it {near!r}?" if near else " Give regimens={...: None} if it was not treated."
            raise DataError(f"{where}: arm {arm!r} has no regimen.{hint.replace('...', repr(arm))}")
    for arm, regimen in by_name.items():
        if arm not in arms:
            raise DataError(f"regimens names arm {arm!r}, which is not in {where}. It has {', '.join(arms)}.")
        if regimen is not None and not isinstance(regimen, Regimen):
            raise DataError(f"the regimen of arm {arm!r} is {regimen!r}; expected a Regimen or None.")
    return {arm: by_name[arm] for arm in arms}
