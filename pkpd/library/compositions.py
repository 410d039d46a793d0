"""A composition as text: parts of the library by name, with prefixes, and parts that act on states of others."""

from __future__ import annotations

import importlib
import inspect
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import Field

from pkpd.errors import ModelError, PkpdError, UnknownNameError, unknown_name
from pkpd.library.catalog import load
from pkpd.library.part_words import PartWords, part_words
from pkpd.model_text.reading import model_of, read_model
from pkpd.symbolic.composition import compose
from pkpd.symbolic.model import Model
from pkpd.symbolic.symbols import State
from pkpd.toml_files import Table, TomlFile, checked, read_toml

__all__ = ["CompositionTable", "composition_of", "model_or_composition", "read_model_or_composition"]


class PartTable(Table):
    """A part under other names: a prefix for all of its own, or a table from old to new names."""

    part: str
    renamed: str | dict[str, str] | None = None


class CompositionTable(Table):
    """Parts that are joined into one model; see `pkpd.compose`.

    Attributes
    ----------
    parts
        Each the name of a model of the library, or of a model file beside this one; what a model's module has
        beside its ``model`` after a dot, ``clones.inherited``; a part that acts on states of other parts
        with their names, ``radiotherapy_lq(T)``.
    """

    name: str
    parts: list[str | PartTable] = Field(min_length=1)
    time: str | None = None
    description: str = ""


def composition_of(file: TomlFile, keys: tuple[str, ...], folder: Path) -> Model:
    """The model that the composition at `keys` of a file describes.

    Raises
    ------
    DataError
        If a key or value is not what is expected.
    ModelError, UnitError, UnknownNameError
        If there is no such part or state, or the parts do not fit; the message names the key and the line.
    """
    table = checked(CompositionTable, file, keys)
    where = file.where([*keys, "parts"])
    built: list[Model] = []
    waiting = [_Entry.of(part, where, folder) for part in table.parts]
    while waiting:  # a part that acts on the states of another comes after it, wherever it is listed
        states = {state.name: state for model in built for state in model.states}
        made = [entry.attempt(states) for entry in waiting]
        refusals = [each for each in made if isinstance(each, UnknownNameError)]
        if len(refusals) == len(made):
            raise refusals[0]
        built += [each for each in made if isinstance(each, Model)]
        waiting = [entry for entry, each in zip(waiting, made, strict=True) if not isinstance(each, Model)]
    try:
        return compose(table.name, *built, description=table.description, time=table.time)
    except PkpdError as error:
        raise type(error)(f"{where}: {error}") from None


def read_model_or_composition(path: str | Path) -> Model:
    """The model of a file whose ``[model]`` says all of it, or lists parts."""
    return model_or_composition(read_toml(path), Path(path).parent)


def model_or_composition(file: TomlFile, folder: Path) -> Model:
    """The model of the table ``[model]`` of a file that was read from a folder."""
    table = file.content.get("model")
    # A misspelled key is told by the nearest form.
    composed = isinstance(table, Mapping) and {"parts", "part"} & set(table)
    return composition_of(file, ("model",), folder) if composed else model_of(file, ("model",))


@dataclass(frozen=True)
class _Entry:
    """One part as it is listed, and what makes it."""

    words: PartWords
    made_by: Any
    renamed: str | dict[str, str] | None
    where: str

    @staticmethod
    def of(listed: str | PartTable, where: str, folder: Path) -> _Entry:
        text, renamed = (listed, None) if isinstance(listed, str) else (listed.part, listed.renamed)
        if text.endswith(".toml"):
            path = folder / text
            if not path.resolve().is_relative_to(folder.resolve()):
                raise ModelError(f"{where}: {text!r} lies outside the folder of the file; name a file within it.")
            return _Entry(PartWords(text), read_model(path), renamed, where)
        words = part_words(text, where)
        return _Entry(words, _found(words, where), renamed, where)

    def attempt(self, states: Mapping[str, State]) -> Model | UnknownNameError:
        """The part, or the refusal of a name that no part has so far."""
        try:
            return self.model(states)
        except UnknownNameError as refusal:
            return refusal

    def model(self, states: Mapping[str, State]) -> Model:
        try:
            made = self.made_by if isinstance(self.made_by, Model) else _called(self.made_by, self.words, states)
            return made if self.renamed is None else made.renamed(self.renamed)
        except PkpdError as error:
            raise type(error)(f"{self.where}: {self.words.text!r}: {error}") from None


def _found(words: PartWords, where: str) -> Model | Callable[..., Model]:
    """What the library has of this name: a model, or the function of a part that is called with states."""
    try:
        whole = load(words.module)
    except PkpdError as error:
        raise type(error)(f"{where}: {error}") from None
    if not words.called and words.member is None:
        return whole
    offered = _offered(words.module)
    name = words.member or words.module
    kinds = {k for k, v in offered.items() if isinstance(v, Model) != words.called}
    if name in kinds:
        found: Model | Callable[..., Model] = offered[name]
        return found
    if words.called and not kinds:
        raise ModelError(
            f"{where}: {words.text!r}: {words.module} acts on no states of other parts; write its name alone."
        )
    raise unknown_name(f"{where}: {words.module}", "part", name, kinds)


def _offered(module: str) -> dict[str, Any]:
    """The models of a module of the library, and its functions that return one; nothing else of it can be named."""
    content = importlib.import_module(f"pkpd.models.{module}")
    public = {name: value for name, value in vars(content).items() if not name.startswith("_")}
    return {
        name: value
        for name, value in public.items()
        if isinstance(value, Model)
        or (isinstance(value, types.FunctionType) and value.__module__ == content.__name__ and _returns_model(value))
    }


def _returns_model(function: types.FunctionType) -> bool:
    return function.__annotations__.get("return") in ("Model", Model)


# ---- the arguments of a part


def _called(function: Callable[..., Model], words: PartWords, states: Mapping[str, State]) -> Model:
    # The annotations are the library's own text.
    takes = [
        p
        for p in inspect.signature(function, eval_str=True).parameters.values()
        if p.kind is not inspect.Parameter.KEYWORD_ONLY
    ]
    every = takes[0].kind is inspect.Parameter.VAR_POSITIONAL if takes else False
    kinds = [takes[0]] * len(words.arguments) if every else takes
    needed = 1 if every else sum(p.default is inspect.Parameter.empty for p in takes)
    if not needed <= len(words.arguments) <= len(kinds):
        raise ModelError(f"it was given {len(words.arguments)} arguments; expected {', '.join(p.name for p in takes)}.")
    return function(*(_value(a, p.annotation, p.name, states) for a, p in zip(words.arguments, kinds, strict=False)))


def _value(word: Any, kind: Any, name: str, states: Mapping[str, State]) -> Any:
    """An argument as the part takes it: the word of the file is a name, a number, or a list or table of names."""
    origin = get_origin(kind)
    if origin in (Iterable, Sequence) and isinstance(word, tuple):
        return [_value(each, get_args(kind)[0], name, states) for each in word]
    if origin is Mapping and isinstance(word, dict):
        key, value = get_args(kind)
        return {_value(k, key, name, states): _value(v, value, name, states) for k, v in word.items()}
    if kind is State and isinstance(word, str):
        if word not in states:
            raise unknown_name("the composition", "state", word, states)
        return states[word]
    if kind in (str, int) and type(word) is kind:
        return word
    raise ModelError(f"{name!r} is {_written(word)}; expected {_expected(kind)}.")


def _expected(kind: Any) -> str:
    if get_origin(kind) is Mapping:
        return "a table such as {D: [S, R]}"
    if get_origin(kind) in (Iterable, Sequence):
        return "a list such as [S, R]"
    return {State: "the name of a state", str: "a name", int: "a whole number"}.get(kind, "what a file cannot hold")


def _written(word: Any) -> str:
    if isinstance(word, tuple):
        return f"[{', '.join(map(_written, word))}]"
    if isinstance(word, dict):
        return "{" + ", ".join(f"{k}: {_written(v)}" for k, v in word.items()) + "}"
    return str(word)
