"""The words by which a part is named: ``NAME``, ``NAME.PART``, and ``NAME(T, [S, R], {D: [S]}, 5)``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pkpd.errors import ModelError

__all__ = ["PartWords", "part_words"]

LONGEST = 2_000
_WORD = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]*|[0-9]{1,9}(?![A-Za-z0-9_])|[.,:()\[\]{}])")


@dataclass(frozen=True)
class PartWords:
    """A part as it is named.

    Attributes
    ----------
    text
        As it was typed.
    module, member
        The model of the library, and what of its module; None for the part of the module's own name.
    called
        Whether arguments are given.
    arguments
        Each a name, a whole number, a tuple of such for a list, or a dictionary for a table.
    """

    text: str
    module: str = ""
    member: str | None = None
    called: bool = False
    arguments: tuple[Any, ...] = ()


def part_words(text: str, where: str) -> PartWords:
    """The words of a part.

    Raises
    ------
    ModelError
        If the text is no such form; `where` names its place.

    Examples
    --------
    >>> part_words("chemotherapy({D: [S, R]})", "study.toml").arguments
    ({'D': ('S', 'R')},)
    """
    if len(text) > LONGEST:
        raise ModelError(f"{where}: the name of a part has {len(text):,} characters; at most {LONGEST:,} are read.")
    reader = _Reader(text, where)
    module = reader.name()
    member = reader.name() if reader.takes(".") else None
    called = reader.takes("(")
    arguments = tuple(reader.several(")", reader.argument)) if called else ()
    if reader.word:
        raise reader.refused("the end")
    return PartWords(text, module, member, called, arguments)


class _Reader:
    """The words one after another."""

    def __init__(self, text: str, where: str) -> None:
        self.text, self.where, self.at = text, where, 0
        self.word = ""
        self._next()

    def _next(self) -> None:
        match = _WORD.match(self.text, self.at)
        self.start = match.start(1) if match else self.at
        self.word = match[1] if match else self.text[self.at :].strip()[:1]
        self.at = match.end() if match else self.at
        if match is None and self.word:
            raise self.refused("a name")

    def takes(self, sign: str) -> bool:
        """Whether the next word is this sign; it is then passed."""
        found = self.word == sign
        if found:
            self._next()
        return found

    def name(self) -> str:
        word = self.word
        if not word[:1].isalpha():
            raise self.refused("a name")
        self._next()
        return word

    def several(self, closing: str, one: Any) -> Iterator[Any]:
        """What stands before a closing bracket, between commas."""
        if self.takes(closing):
            return
        yield one()
        while self.takes(","):
            yield one()
        if not self.takes(closing):
            raise self.refused(f"a comma or {closing!r}")

    def argument(self) -> Any:
        if self.takes("["):
            return tuple(self.several("]", self._one))
        if self.takes("{"):
            return dict(self.several("}", self._pair))
        return self._one()

    def _pair(self) -> tuple[str, Any]:
        key = self.name()
        if not self.takes(":"):
            raise self.refused("':'")
        return key, tuple(self.several("]", self._one)) if self.takes("[") else self._one()

    def _one(self) -> str | int:
        if self.word.isdigit():
            number = int(self.word)
            self._next()
            return number
        return self.name()

    def refused(self, expected: str) -> ModelError:
        found = repr(self.word) if self.word else "the end"
        return ModelError(
            f"{self.where}: {self.text[:80]!r} has {found} at character {self.start + 1}; expected {expected}. A part "
            "is a name such as 'pk_2cmt', or one with the states that it acts on, 'radiotherapy_lq(T)'."
        )
