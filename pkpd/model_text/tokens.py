"""The words of an expression, each with its place in the text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from pkpd.errors import ModelError

__all__ = ["MOST_CHARACTERS", "Kind", "Token", "tokens"]

MOST_CHARACTERS = 20_000
MOST_DIGITS = 40

Kind = Literal["number", "name", "sign", "end"]

_SPACE = re.compile(r"[ \t\r\n]*")
_PATTERNS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("number", re.compile(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")),
    ("name", re.compile(r"[A-Za-z_][A-Za-z0-9_]*")),
    ("sign", re.compile(r"\*\*|<=|>=|==|!=|[-+*/^(),<>]")),
)


@dataclass(frozen=True)
class Token:
    """A word of an expression.

    Attributes
    ----------
    text, kind
        The word and what it is; the end has no text.
    at
        The number of its first character, counted from 1.
    """

    text: str
    kind: Kind
    at: int


def tokens(text: str, where: str) -> list[Token]:
    """The words of `text`, the end as the last.

    Raises
    ------
    ModelError
        If the text is too long, or has a character that belongs to no word; `where` names the expression.

    Examples
    --------
    >>> [token.text for token in tokens("kg*T", "d T/dt")]
    ['kg', '*', 'T', '']
    """
    if len(text) > MOST_CHARACTERS:
        raise ModelError(f"{where} has {len(text):,} characters; at most {MOST_CHARACTERS:,} are read.")
    words, at = [], _after_space(text, 0)
    while at < len(text):
        word = _word(text, at, where)
        words.append(word)
        at = _after_space(text, at + len(word.text))
    return [*words, Token("", "end", len(text) + 1)]


def _after_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _word(text: str, at: int, where: str) -> Token:
    for kind, pattern in _PATTERNS:
        if match := pattern.match(text, at):
            if kind == "number" and len(match[0]) > MOST_DIGITS:
                raise ModelError(f"{where}: the number {match[0][:12]}... at character {at + 1} has too many digits.")
            return Token(match[0], kind, at + 1)
    raise ModelError(
        f"{where}: the character {text[at]!r} at {at + 1} has no meaning in an expression. "
        "There are names, numbers, + - * / ^ ( ) , and comparisons."
    )
