"""The text at the head of a model's file, in its parts: title, what it is, source, what comes after."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["Allowance", "Description", "parse_description"]


@dataclass(frozen=True)
class Allowance:
    """A finding of lint that a model keeps on purpose: ``Allowed: negative-state of x, which ...``."""

    code: str
    place: str


@dataclass(frozen=True)
class Description:
    """A model's description in its parts.

    Attributes
    ----------
    title
        The first line, without its period.
    body
        The paragraphs before the source, as they are written.
    source
        The paragraph that begins with ``Source:``, without that word and on one line; empty
        where there is none.
    notes
        The paragraphs after the source: changes, defects, validity.
    allowances
        What the paragraphs that begin with ``Allowed:`` allow.
    """

    title: str
    body: tuple[str, ...]
    source: str
    notes: tuple[str, ...]
    allowances: tuple[Allowance, ...]


@lru_cache(maxsize=256)
def parse_description(text: str) -> Description:
    """The parts of a description.

    Examples
    --------
    >>> parse_description("Growth.\\n\\n    dT/dt = kg T\\n\\nSource: a paper,\\np. 3.").source
    'a paper, p. 3.'
    """
    first, *paragraphs = re.split(r"\n\s*\n", text.strip("\n")) or [""]
    at = next((i for i, p in enumerate(paragraphs) if p.lstrip().startswith("Source:")), len(paragraphs))
    allowed = re.findall(r"^\s*Allowed:\s*([a-z-]+) of (\w+)", text, re.M)
    return Description(
        title=first.strip().partition("\n")[0].rstrip("."),
        body=tuple(paragraphs[:at]),
        source=" ".join(" ".join(paragraphs[at : at + 1]).split()).removeprefix("Source:").strip(),
        notes=tuple(paragraphs[at + 1 :]),
        allowances=tuple(Allowance(code, place) for code, place in allowed),
    )
