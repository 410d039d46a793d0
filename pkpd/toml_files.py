"""TOML files, read into checked tables: what is wrong is named with its key and its line."""

from __future__ import annotations

import re
import tomllib
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

from pkpd.errors import DataError, unknown_name

__all__ = ["Expected", "Table", "TomlFile", "checked", "read_toml", "toml_key", "toml_text"]

LARGEST = 5_000_000  # bytes of a file that is written by people

Keys = tuple[str, ...]


class Table(BaseModel):
    """A table of a file: its keys are those declared, and their values are not converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


@dataclass(frozen=True)
class Expected:
    """What a value may be, in words, for a message: ``Annotated[str | float, Expected("a number, or text")]``."""

    words: str


T = TypeVar("T", bound=Table)


@dataclass(frozen=True)
class TomlFile:
    """The content of a file, and where its keys stand.

    Attributes
    ----------
    name
        Of the file, without its folder.
    content
        Tables as dictionaries.
    lines
        The line of each key, counted from 1; of what stands within braces or brackets that of the whole.
    """

    name: str
    content: Mapping[str, Any]
    lines: Mapping[Keys, int]

    def where(self, keys: Sequence[str]) -> str:
        """The place of a key in words: ``tumor.toml, line 12: [rates] T``."""
        known = [tuple(keys[:n]) for n in range(len(keys), 0, -1) if tuple(keys[:n]) in self.lines]
        line = f", line {self.lines[known[0]]}" if known else ""
        table = f" [{'.'.join(keys[:-1])}]" if len(keys) > 1 else ""
        return f"{self.name}{line}:{table}{' ' + keys[-1] if keys else ''}".rstrip(":")


def read_toml(path: str | Path) -> TomlFile:
    """Read a TOML file.

    Raises
    ------
    DataError
        If there is no such file, it is not TOML, or it is too large.
    """
    path = Path(path)
    try:
        if path.stat().st_size > LARGEST:
            raise DataError(f"{path.name} has {path.stat().st_size:,} bytes; at most {LARGEST:,} are read.")
        text = path.read_text(encoding="utf-8")
        return TomlFile(path.name, tomllib.loads(text), dict(_lines(text)))
    except FileNotFoundError:
        raise DataError(f"there is no file {str(path)!r}.") from None
    except OSError as error:
        raise DataError(f"{str(path)!r} cannot be read: {error.strerror}.") from None
    except RecursionError:
        raise DataError(f"{path.name} is not read: its brackets lie too deep within one another.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValueError) as error:
        raise DataError(f"{path.name} is not TOML: {error}.") from None


def checked(kind: type[T], file: TomlFile, keys: Keys = ()) -> T:
    """The table at `keys` of a file, every value of the kind that is declared.

    Raises
    ------
    DataError
        If a key is missing, or a value is not what was expected.
    UnknownNameError
        If a key means nothing, with the nearest one that does.
    """
    content: Any = file.content
    for key in keys:
        if not isinstance(content, Mapping) or key not in content:
            raise DataError(f"{file.name} lacks the table [{'.'.join(keys)}].")
        content = content[key]
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False)
        # A key that is misspelled is also one that is missing; of alternatives, that which fits farthest was meant.
        first = min(errors, key=lambda e: (e["type"] != "extra_forbidden", -len(_place(content, e)[0])))
        raise _message(kind, file, keys, content, first) from None


# ---- what is wrong, in one sentence

_KINDS = {
    "int_type": "a whole number", "int_from_float": "a whole number", "float_type": "a number",
    "bool_type": "true or false", "string_type": "text", "list_type": "a list", "dict_type": "a table",
    "model_type": "a table", "model_attributes_type": "a table",
}  # fmt: skip


def _message(kind: type[Table], file: TomlFile, above: Keys, content: Any, error: Any) -> Exception:
    keys, value = _place(content, error)
    place, what = file.where([*above, *keys]), error["type"]
    table = file.where([*above, *keys[:-1]]) if len([*above, *keys]) > 1 else file.name
    if what == "extra_forbidden":
        of_kind = _at(content, keys[:-1]).get("kind")
        return unknown_name(place.rpartition(" ")[0].rstrip(":"), "key", keys[-1], _known(kind, keys[:-1], of_kind))
    if what == "missing":
        return DataError(f"{table} lacks the key {keys[-1]!r}.")
    if what == "union_tag_not_found":
        return DataError(f"{place} lacks the key 'kind'.")
    if what == "union_tag_invalid":
        tags = re.findall("'([^']+)'", error["ctx"]["expected_tags"])
        return unknown_name(place, "kind", str(error["ctx"]["tag"]), tags)
    expected = _stated(kind, keys) or (error["ctx"]["expected"] if what == "literal_error" else "")
    if not expected and what in _KINDS:
        expected = _described(kind, keys) or _KINDS[what]
    sentence = f"expected {expected}" if expected else error["msg"][0].lower() + error["msg"][1:]
    return DataError(f"{place} is {_short(value)}; {sentence}.")


def _at(content: Any, keys: Sequence[str]) -> Any:
    for key in keys:
        content = content[int(key) if isinstance(content, list) else key]
    return content


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _place(content: Any, error: Any) -> tuple[list[str], Any]:
    """The keys that lead to a place, without the tags of alternatives that pydantic puts between, and what is there."""
    keys: list[str] = []
    value, loc = content, error["loc"]
    for i, step in enumerate(loc):
        if (isinstance(value, Mapping) and step in value) or (isinstance(value, list) and isinstance(step, int)):
            keys.append(str(step))
            value = value[step]
        elif error["type"] == "missing" and isinstance(value, Mapping) and i == len(loc) - 1:
            keys.append(str(step))
            value = None
    return keys, value


def _tables(annotation: Any) -> Iterator[Any]:
    """What an annotation allows, one by one, and what it is said to."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from (each for each in get_args(annotation)[1:] if isinstance(each, Expected))
        yield from _tables(get_args(annotation)[0])
    elif origin in (Union, types.UnionType):
        for member in get_args(annotation):
            yield from _tables(member)
    else:
        yield annotation


def _walked(kind: type[Table], keys: Sequence[str]) -> list[Any]:
    """The kinds that a value at `keys` may have."""
    allowed: list[Any] = [kind]
    for key in keys:
        following: list[Any] = []
        for each in allowed:
            if _is_table(each):
                if key in each.model_fields:
                    following += [m for m in each.model_fields[key].metadata if isinstance(m, Expected)]
                    following += _tables(each.model_fields[key].annotation)
            elif get_origin(each) is dict:
                following += _tables(get_args(each)[1])
            elif get_origin(each) is list:
                following += _tables(get_args(each)[0])
        allowed = following
    return allowed


def _is_table(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _known(kind: type[Table], keys: Sequence[str], of_kind: Any) -> list[str]:
    """The keys that the table at a place may have; where tables differ by their key ``kind``, of this one."""
    tables = [t for t in _walked(kind, keys) if _is_table(t)]
    fitting = [t for t in tables if "kind" in t.model_fields and of_kind in get_args(t.model_fields["kind"].annotation)]
    return [name for table in fitting or tables for name in table.model_fields]


def _stated(kind: type[Table], keys: Sequence[str]) -> str:
    """What a value at a place is said to be."""
    return next((each.words for each in _walked(kind, keys) if isinstance(each, Expected)), "")


_WORDS = {float: "a number", int: "a whole number", str: "text", bool: "true or false", list: "a list", dict: "a table"}


def _described(kind: type[Table], keys: Sequence[str]) -> str:
    """In words what a value at a place may be."""
    words = []
    for each in _walked(kind, keys):
        if _is_table(each):
            words.append(f"a table with {', '.join(list(each.model_fields)[:4])}")
        elif (get_origin(each) or each) in _WORDS:
            words.append(_WORDS[get_origin(each) or each])
    return " or ".join(dict.fromkeys(words))


# ---- where the keys stand

_HEADER = re.compile(r"\s*\[\[?\s*(.+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=(.*)$""")
_PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")


def _lines(text: str) -> Iterator[tuple[Keys, int]]:
    """Each key with its line, as the file is laid out; text over several lines is passed over."""
    table: Keys = ()
    counts: dict[Keys, int] = {}
    closing = ""
    for number, line in enumerate(text.splitlines(), 1):
        if closing:
            closing = "" if closing in line else closing
        elif header := _HEADER.match(line):
            table = _parts(header[1])
            if line.lstrip().startswith("[["):
                counts[table] = counts.get(table, -1) + 1
                yield table, number
                table = (*table, str(counts[table]))
            yield table, number
        elif entry := _KEY.match(line):
            yield (*table, *_parts(entry[1])), number
            closing = next((q for q in ('"""', "'''") if entry[2].count(q) == 1), "")


def _parts(text: str) -> Keys:
    return tuple(part.strip("\"'") for part in _PART.findall(text))


# ---- written

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


def toml_text(value: Any) -> str:
    """A value as TOML writes it, on one line; text of several lines over as many.

    Raises
    ------
    DataError
        If TOML has no such value.

    Examples
    --------
    >>> toml_text({"value": 0.5, "unit": "1/day", "bounds": [0, float("inf")]})
    '{ value = 0.5, unit = "1/day", bounds = [0, inf] }'
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{toml_key(k)} = {toml_text(v)}" for k, v in value.items()) + " }" if value else "{}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml_text, value)) + "]"
    raise DataError(f"TOML has no form for {value!r}.")


def toml_key(key: str) -> str:
    """A key as TOML writes it."""
    return key if _BARE.fullmatch(key) else _quoted(key)


def _quoted(text: str) -> str:
    if "\n" in text:
        return '"""\n' + "".join(c if c == "\n" else _escaped(c) for c in text) + '"""'
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    return f"\\u{ord(character):04x}" if ord(character) < 32 or ord(character) == 127 else character
