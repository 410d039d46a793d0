"""Doses as typed: ``AMOUNT [UNIT] ROUTE [at T,T,...] [over DURATION] [every INTERVAL x N]``.

The text is cut into words, and the words into an amount, a route and clauses.  Every step looks at a
word once, so that a long or wrong text costs no more than its length.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

from pkpd.errors import RegimenError
from pkpd.treatment.regimens import Regimen, bolus, infusion
from pkpd.treatment.typed_times import LONGEST_UNIT, NUMBER, in_unit

__all__ = ["MOST_DOSES", "SYNTAX", "parse_dose", "parse_regimen"]

SYNTAX = "AMOUNT [UNIT] ROUTE [at T,T,...] [over DURATION] [every INTERVAL x N]"
MOST_DOSES = 10_000  # of one regimen that is typed

_CLAUSES = ("at", "over", "every")
_EXAMPLES = "'1500 mg iv over 1 h every 28 x 13' or '2 Gy radiation at 7,8,9'"
_ROUTE = re.compile(r"[A-Za-z]\w*")


def parse_dose(text: str, unit: str | None = None) -> Regimen:
    """Read ``AMOUNT [UNIT] ROUTE [at T,T,...] [over DURATION] [every INTERVAL x N]``.

    Parameters
    ----------
    text
        The dose.  Clauses may stand in any order; a time may carry a unit, as in ``every 8 h x 3``, and
        the unit of the last of several times is that of all where no other has one.
    unit
        The model's unit of time, in which times without a unit are read.

    Raises
    ------
    RegimenError
        If the text is not of that form, has a time with a unit where `unit` is None, or asks for more than
        `MOST_DOSES` doses.
    """
    words = text.split()
    amount, route, rest = _amount_and_route(text, words)
    clauses = _clauses(text, rest)
    at = _times(text, clauses["at"], unit) if "at" in clauses else [0.0]
    every, n = _repeats(text, clauses["every"], unit) if "every" in clauses else (None, None)
    _bounded(len(at) * (n or 1), text)
    if "over" in clauses:
        duration = _quantity(text, " ".join(clauses["over"]))
        return infusion(amount, route, duration, at=at, every=every, n=n)
    return bolus(amount, route, at=at, every=every, n=n)


def parse_regimen(texts: list[str], unit: str | None = None) -> Regimen:
    """The doses of several texts together; see `parse_dose`."""
    doses = tuple(dose for text in texts for dose in parse_dose(text, unit).doses)
    _bounded(len(doses), "; ".join(texts))
    return Regimen(doses)


def _amount_and_route(text: str, words: list[str]) -> tuple[str, str, list[str]]:
    """The amount with its unit, the route, and the words of the clauses."""
    number = NUMBER.match(words[0]) if words else None
    if number is None:
        raise _not_understood(text, "it begins with no amount")
    separate = number.end() == len(words[0]) and len(words) > 2 and words[2] not in _CLAUSES
    unit = words[1] if separate else words[0][number.end() :]
    rest = words[2:] if separate else words[1:]
    if len(unit) > LONGEST_UNIT:
        raise _not_understood(text, f"{_cut(unit)!r} is no unit")
    if not rest or not _ROUTE.fullmatch(rest[0]):
        raise _not_understood(text, f"{rest[0]!r} names no route" if rest else "it names no route")
    return f"{number[0]} {unit}".strip(), rest[0], rest[1:]


def _clauses(text: str, words: list[str]) -> Mapping[str, list[str]]:
    """The words of each clause by its keyword."""
    clauses: dict[str, list[str]] = {}
    latest: list[str] | None = None
    for word in words:
        if word in clauses:
            raise _not_understood(text, f"{word!r} stands in it twice")
        if word in _CLAUSES:
            latest = clauses[word] = []
        elif latest is None:
            raise _not_understood(text, _no_keyword(word))
        else:
            latest.append(word)
    for keyword, after in clauses.items():
        if not after:
            raise _not_understood(text, f"nothing stands after {keyword!r}")
    return clauses


def _no_keyword(word: str) -> str:
    return f"{_cut(word)!r} is none of at, over and every{_hint(word)}"


def _hint(word: str) -> str:
    near = difflib.get_close_matches(word[:20].lower(), _CLAUSES, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _times(text: str, words: list[str], unit: str | None) -> list[float]:
    """The numbers of an ``at`` clause in the model's time."""
    items = [" ".join(item.split()) for item in " ".join(words).split(",")]
    _bounded(len(items), text)
    *earlier, latest = items
    number = NUMBER.match(latest)
    if number is not None and all(map(NUMBER.fullmatch, earlier)):
        earlier = [f"{item} {latest[number.end() :]}".strip() for item in earlier]
    return [_time(text, item, unit) for item in (*earlier, latest)]


def _repeats(text: str, words: list[str], unit: str | None) -> tuple[float, int]:
    """Interval, in the model's time, and number of an ``every`` clause."""
    interval, x, count = (part.strip() for part in " ".join(words).rpartition("x"))
    if not x or not re.fullmatch(r"[0-9]+", count):
        raise _not_understood(text, f"after 'every' stands {_cut(' '.join(words))!r}, not INTERVAL x N")
    _bounded(int(count) if len(count) < 10 else 10**10, text)
    return _time(text, interval, unit), int(count)


def _time(text: str, item: str, unit: str | None) -> float:
    return in_unit(_quantity(text, item), unit, f"a time in the dose {_cut(text)!r}")


def _quantity(text: str, item: str) -> str:
    """A number, or a number and its unit."""
    number = NUMBER.match(item)
    if number is None:
        raise _not_understood(text, f"{_cut(item)!r} is no time")
    unit = item[number.end() :].split()
    if len(unit) > 1:
        raise _not_understood(text, _no_keyword(next(filter(_hint, unit), unit[1])))
    if unit and len(unit[0]) > LONGEST_UNIT:
        raise _not_understood(text, f"{_cut(unit[0])!r} is no unit of time")
    return " ".join([number[0], *unit])


def _bounded(count: int, text: str) -> None:
    if count > MOST_DOSES:
        raise RegimenError(
            f"the dose {_cut(text)!r} asks for {'more than 10 billion' if count >= 10**10 else f'{count:,}'} doses; "
            f"expected at most {MOST_DOSES:,} on the command line."
        )


def _not_understood(text: str, why: str) -> RegimenError:
    end = "" if why.endswith("?") else "."
    return RegimenError(f"the dose {_cut(text)!r} is not understood; expected something like {_EXAMPLES}: {why}{end}")


def _cut(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
