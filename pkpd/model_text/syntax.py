"""Expressions as trees of few kinds of nodes, read by descent with limits on their size.

choice      = both ("or" both)*
both        = denied ("and" denied)*
denied      = "not" denied | comparison
comparison  = sum (("<" | "<=" | ">" | ">=" | "==" | "!=") sum)?
sum         = product (("+" | "-") product)*
product     = signed (("*" | "/") signed)*
signed      = ("-" | "+") signed | power
power       = atom (("^" | "**") signed)?
atom        = NUMBER | NAME | NAME "(" choice ("," choice)* ")" | "(" choice ")"
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pkpd.errors import ModelError
from pkpd.model_text.tokens import Token, tokens

__all__ = ["Apply", "Name", "Node", "Number", "Operation", "parse"]

MOST_NODES = 10_000
DEEPEST = 60

COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")


@dataclass(frozen=True)
class Number:
    """A number, as written."""

    text: str
    at: int


@dataclass(frozen=True)
class Name:
    """A symbol by its name."""

    name: str
    at: int


@dataclass(frozen=True)
class Apply:
    """A function of arguments."""

    function: str
    arguments: tuple[Node, ...]
    at: int


@dataclass(frozen=True)
class Operation:
    """An operator and what it joins: ``-`` of one part is a sign; ``+``, ``*``, ``and`` and ``or`` may join many."""

    operator: str
    parts: tuple[Node, ...]
    at: int


Node = Number | Name | Apply | Operation


def parse(text: str, where: str) -> Node:
    """The tree of an expression.

    Raises
    ------
    ModelError
        If `text` is no expression, or too large or too deep; `where` names it.

    Examples
    --------
    >>> parse("kg", "d T/dt")
    Name(name='kg', at=1)
    """
    return _Parser(tokens(text, where), where).whole()


class _Parser:
    """A position among the words; what is read from there on moves it."""

    def __init__(self, words: list[Token], where: str) -> None:
        self.words, self.where = words, where
        self.position = self.nodes = self.depth = 0

    def whole(self) -> Node:
        tree = self._choice()
        if self._next.kind != "end":
            raise self._unexpected("the end, or an operator such as *")
        return tree

    @property
    def _next(self) -> Token:
        return self.words[self.position]

    def _take(self, *texts: str) -> Token | None:
        """The next word, if it is one of these."""
        word = self._next
        if word.kind == "end" or word.text not in texts:
            return None
        self.position += 1
        return word

    def _counted(self, node: Node) -> Node:
        self.nodes += 1
        if self.nodes > MOST_NODES:
            raise ModelError(f"{self.where} has more than {MOST_NODES:,} terms and factors; split it into quantities.")
        return node

    def _unexpected(self, expected: str) -> ModelError:
        word = self._next
        what = "it ends" if word.kind == "end" else f"there is {word.text!r}"
        return ModelError(f"{self.where}: {what} at character {word.at}, where {expected} was expected.")

    # ---- from the loosest to the tightest

    def _choice(self) -> Node:
        self.depth += 1
        if self.depth > DEEPEST:
            raise ModelError(f"{self.where} has more than {DEEPEST} parentheses within one another.")
        node = self._joined("or", self._both)
        self.depth -= 1
        return node

    def _both(self) -> Node:
        return self._joined("and", self._denied)

    def _denied(self) -> Node:
        signs = []
        while word := self._take("not"):
            signs.append(word)
        return self._signs(signs, self._comparison())

    def _comparison(self) -> Node:
        left = self._sum()
        word = self._take(*COMPARISONS)
        if word is None:
            return left
        node = self._counted(Operation(word.text, (left, self._sum()), word.at))
        if self._next.text in COMPARISONS:
            raise self._unexpected("'and' between two comparisons")
        return node

    def _sum(self) -> Node:
        first, parts = self._next, [self._product()]
        while word := self._take("+", "-"):
            part = self._product()
            parts.append(part if word.text == "+" else self._counted(Operation("-", (part,), word.at)))
        return parts[0] if len(parts) == 1 else self._counted(Operation("+", tuple(parts), first.at))

    def _product(self) -> Node:
        first, parts = self._next, [self._signed()]
        while word := self._take("*", "/"):
            part = self._signed()
            parts.append(part if word.text == "*" else self._counted(Operation("/", (part,), word.at)))
        return parts[0] if len(parts) == 1 else self._counted(Operation("*", tuple(parts), first.at))

    def _signed(self) -> Node:
        signs = []
        while word := self._take("-", "+"):
            signs.append(word)
        return self._signs([word for word in signs if word.text == "-"], self._power())

    def _power(self) -> Node:
        base = self._atom()
        word = self._take("^", "**")
        if word is None:
            return base
        self.depth += 1
        if self.depth > DEEPEST:
            raise ModelError(f"{self.where} has more than {DEEPEST} powers within one another.")
        node = self._counted(Operation("^", (base, self._signed()), word.at))
        self.depth -= 1
        return node

    def _atom(self) -> Node:
        word = self._next
        if word.kind == "number":
            self.position += 1
            return self._counted(Number(word.text, word.at))
        if word.kind == "name" and word.text not in ("and", "or", "not"):
            self.position += 1
            return self._counted(self._apply(word) if self._take("(") else Name(word.text, word.at))
        if self._take("("):
            inner = self._choice()
            self._close()
            return inner
        raise self._unexpected("a number, a name or '('")

    def _apply(self, word: Token) -> Node:
        arguments = [self._choice()]
        while self._take(","):
            arguments.append(self._choice())
        self._close()
        return Apply(word.text, tuple(arguments), word.at)

    def _close(self) -> None:
        if self._take(")") is None:
            raise self._unexpected("')'")

    def _joined(self, word: str, part: Callable[[], Node]) -> Node:
        first, parts = self._next, [part()]
        while self._take(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else self._counted(Operation(word, tuple(parts), first.at))

    def _signs(self, signs: list[Token], node: Node) -> Node:
        """`node` after these signs, of which two cancel."""
        return self._counted(Operation(signs[-1].text, (node,), signs[-1].at)) if len(signs) % 2 else node
