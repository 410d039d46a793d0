"""Tables of results, as markdown for people and CSV for programs."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Table", "read_rows", "write_csv"]

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Table:
    """Rows of named cells, and what a reader must know about them; too many to list stay in the CSV."""

    name: str
    title: str
    rows: Sequence[Row]
    remarks: Sequence[str] = ()
    listed: bool = True

    @property
    def columns(self) -> list[str]:
        """Every name that a row has, in order of appearance."""
        return list(dict.fromkeys(name for row in self.rows for name in row))

    def markdown(self) -> str:
        lines = [f"## {self.title}", ""]
        if self.rows and self.listed:
            lines += [_line(self.columns), _line(["---"] * len(self.columns))]
            lines += [_line([_text(row.get(c)) for c in self.columns]) for row in self.rows]
            lines.append("")
        if not self.listed:
            lines.append(f"- The {len(self.rows)} rows are in {self.name}.csv.")
        lines += [f"- {remark}" for remark in self.remarks]
        return "\n".join(lines).rstrip() + "\n"


def write_csv(table: Table, folder: Path) -> None:
    """Write ``name.csv``, every number in full."""
    if not table.rows:
        return
    with (folder / f"{table.name}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=table.columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(table.rows)


def read_rows(name: str, folder: Path) -> list[dict[str, Any]]:
    """The rows of ``name.csv``, numbers as numbers; none where there is no such file."""
    path = folder / f"{name}.csv"
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [{column: _cell(text) for column, text in row.items()} for row in csv.DictReader(file)]


def _cell(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text or None


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _text(value: Any) -> str:
    if value is None or value == "":
        return ""
    if not isinstance(value, float):
        return str(value)
    # An error or a tolerance needs its exponent; a time needs three digits.
    return f"{value:.1e}" if value != 0 and abs(value) < 1e-3 else f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"
