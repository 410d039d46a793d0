"""JSON files, read entry by entry: what is missing or of a wrong kind is named with its place."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.errors import DataError
from pkpd.storage import write_atomically

__all__ = ["Fields", "json_number", "json_numbers", "read_json", "write_json"]

_INFINITE = {"inf": math.inf, "-inf": -math.inf}  # JSON has no word for them, and none for NaN, which is null


def json_number(value: Any) -> Any:
    """A number as JSON has it: null for NaN, the texts inf and -inf for what is infinite."""
    number = value.item() if isinstance(value, np.generic) else value
    if isinstance(number, float) and not math.isfinite(number):
        return None if math.isnan(number) else "inf" if number > 0 else "-inf"
    return number


def json_numbers(values: Any) -> Any:
    """An array of numbers as nested lists; see `json_number`."""
    plain = np.asarray(values).tolist()
    return [json_numbers(v) if isinstance(v, list) else json_number(v) for v in plain]


def write_json(path: str | Path, content: Mapping[str, Any]) -> Path:
    """Write an object of plain values, whole or not at all.

    Raises
    ------
    DataError
        If the folder does not exist, or the file cannot be written.
    """
    text = json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    return write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def read_json(path: str | Path) -> Fields:
    """The object of a JSON file.

    Raises
    ------
    DataError
        If there is no such file, it is no JSON, or no object.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise DataError(f"{str(path)!r} cannot be read as JSON: {reason}.") from None
    if not isinstance(content, dict):
        raise DataError(f"{str(path)!r} holds a {type(content).__name__}; expected an object.")
    return Fields(content, str(path))


@dataclass(frozen=True)
class Fields:
    """An object of a JSON file, and where it stands; every reader refuses an entry of a wrong kind.

    Attributes
    ----------
    content
        The entries by name.
    where
        The file and the place in it, for messages.
    """

    content: Mapping[str, Any]
    where: str

    def entry(self, name: str, expected: str) -> Any:
        """An entry as it stands."""
        if name not in self.content:
            raise DataError(f"{self.where}: {name!r} is missing; expected {expected}.")
        return self.content[name]

    def wrong(self, name: str, expected: str) -> DataError:
        """The error for an entry of a wrong kind."""
        text = repr(self.content.get(name))
        return DataError(
            f"{self.where}: {name!r} is {text if len(text) < 60 else text[:57] + '...'}; expected {expected}."
        )

    def text(self, name: str) -> str:
        value = self.entry(name, "text")
        if not isinstance(value, str):
            raise self.wrong(name, "text")
        return value

    def choice(self, name: str, known: Sequence[str]) -> str:
        value = self.text(name)
        if value not in known:
            raise self.wrong(name, f"one of {', '.join(known)}")
        return value

    def text_or_none(self, name: str) -> str | None:
        return None if self.entry(name, "text or null") is None else self.text(name)

    def flag(self, name: str) -> bool:
        value = self.entry(name, "true or false")
        if not isinstance(value, bool):
            raise self.wrong(name, "true or false")
        return value

    def integer(self, name: str) -> int:
        value = self.entry(name, "a whole number")
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.wrong(name, "a whole number")
        return value

    def number(self, name: str) -> float:
        try:
            return _number(self.entry(name, "a number"))
        except TypeError:
            raise self.wrong(name, "a number") from None

    def number_or_none(self, name: str) -> float | None:
        return None if self.entry(name, "a number or null") is None else self.number(name)

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.entry(name, "a list of texts")
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise self.wrong(name, "a list of texts")
        return tuple(value)

    def numbers(self, name: str, *shape: int) -> Array:
        """An array of this shape; of any length where it is left out."""
        kind = f"numbers of shape {shape}" if shape else "a list of numbers"
        value = self.entry(name, kind)
        try:
            array = np.array(_nested(value), dtype=float)
        except (TypeError, ValueError):
            raise self.wrong(name, kind) from None
        if not isinstance(value, list) or (array.shape != shape if shape else array.ndim != 1):
            raise self.wrong(name, kind)
        return array

    def integers(self, name: str) -> Index:
        value = self.entry(name, "a list of whole numbers")
        if not isinstance(value, list) or not all(isinstance(v, int) and abs(v) < 2**63 for v in value):
            raise self.wrong(name, "a list of whole numbers")
        return np.array(value, dtype=np.int64)

    def flags(self, name: str) -> tuple[bool, ...]:
        value = self.entry(name, "a list of true and false")
        if not isinstance(value, list) or not all(isinstance(v, bool) for v in value):
            raise self.wrong(name, "a list of true and false")
        return tuple(value)

    def part(self, name: str) -> Fields:
        """An object within this one."""
        value = self.entry(name, "an object")
        if not isinstance(value, dict):
            raise self.wrong(name, "an object")
        return Fields(value, f"{self.where}: {name}")

    def part_or_none(self, name: str) -> Fields | None:
        return None if self.entry(name, "an object or null") is None else self.part(name)

    def parts(self, name: str) -> list[Fields]:
        """A list of objects within this one."""
        value = self.entry(name, "a list of objects")
        if not isinstance(value, list) or not all(isinstance(v, dict) for v in value):
            raise self.wrong(name, "a list of objects")
        return [Fields(v, f"{self.where}: {name}[{i}]") for i, v in enumerate(value)]


def _number(value: Any) -> float:
    if value is None:
        return math.nan
    if isinstance(value, str) and value in _INFINITE:
        return _INFINITE[value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(value)
    return float(value)


def _nested(value: Any) -> Any:
    return [_nested(v) for v in value] if isinstance(value, list) else _number(value)
