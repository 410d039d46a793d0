"""The report ``results.md``: the tables of a run, among those of earlier runs that it did not measure again."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.tables import Table, read_rows

__all__ = ["Report", "begun", "with_recorded_cases"]

HEADING = re.compile(r"^## (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Report:
    """A report in the making.

    Attributes
    ----------
    path
        Of the file.
    head
        What stands before the first table.
    origin
        What is added to the remarks of a table of this run; empty where the head says it of all.
    sections
        The text of each table by its title.
    """

    path: Path
    head: str
    origin: str
    sections: Mapping[str, str]

    def but(self, table: Table) -> Report:
        """The same with `table`, in the place of the one with its title."""
        remarked = replace(table, remarks=[*table.remarks, self.origin]) if self.origin else table
        return replace(self, sections={**self.sections, table.title: remarked.markdown()})

    def write(self) -> None:
        self.path.write_text("\n".join([self.head, *self.sections.values()]), encoding="utf-8")


def begun(path: Path, command: str, about: Sequence[str], *, whole: bool) -> Report:
    """The report of a run before its first table.

    Parameters
    ----------
    command
        What was called.
    about
        The circumstances, a line each.
    whole
        Whether the run measures everything; if not, the tables in the file stay until one is measured again,
        which then says so.
    """
    if whole or not path.exists():
        head = ["# Benchmark results", "", f"Made by `{command}`; benchmarks/README.md says what is compared and how."]
        return Report(path, "\n".join([*head, "", *(f"- {line}" for line in about), ""]), "", {})
    head, *parts = HEADING.split(path.read_text(encoding="utf-8"))
    sections = {title: f"## {title}{text.rstrip()}\n" for title, text in zip(parts[::2], parts[1::2], strict=True)}
    return Report(path, head.rstrip() + "\n", f"This section alone: `{command}`. {'. '.join(about)}.", sections)


def with_recorded_cases(table: Table, folder: Path, cases: Sequence[str]) -> Table:
    """`table`, which has rows of `cases` alone, with the rows of other cases that its file in `folder` has."""
    recorded: list[dict[str, Any]] = [row for row in read_rows(table.name, folder) if row["case"] not in cases]
    return replace(table, rows=[*recorded, *table.rows])
