"""The models that ship with pkpd, by name."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
from functools import lru_cache
from typing import TYPE_CHECKING

from pkpd.errors import ModelError, unknown_name
from pkpd.symbolic.descriptions import parse_description
from pkpd.symbolic.model import Model

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["catalog", "load"]


@lru_cache(maxsize=1)
def _names() -> tuple[str, ...]:
    package = importlib.import_module("pkpd.models")
    return tuple(sorted(m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_")))


def load(name: str) -> Model:
    """The model called `name` in the library.

    Its ``description`` is the text at the head of its file.

    Raises
    ------
    UnknownNameError
        If the library has no such model; the message lists those it has.
    ModelError
        If `name` is not text.

    Examples
    --------
    >>> load("pk_2cmt")
    <Model pk_2cmt: 2 states, 8 parameters>
    """
    if not isinstance(name, str):
        raise ModelError(f"load() got {name!r}; a model is loaded by its name, as text such as 'pk_1cmt'.")
    return _loaded(name)


@lru_cache(maxsize=256)
def _loaded(name: str) -> Model:
    if name not in _names():
        raise unknown_name("the model library", "model", name, _names())
    module = importlib.import_module(f"pkpd.models.{name}")
    model = getattr(module, "model", None)
    if not isinstance(model, Model):
        raise ModelError(f"models/{name}.py defines no 'model'.")
    return dataclasses.replace(model, description=module.__doc__ or "")


def catalog() -> pd.DataFrame:
    """A table of the library by name: title, number of states and parameters, routes, source.

    Examples
    --------
    >>> catalog().loc["pk_1cmt", "title"]
    'One compartment with linear elimination'
    """
    import pandas as pd

    rows = []
    for name in _names():
        model = load(name)
        rows.append(
            {
                "name": name,
                "title": model.title,
                "states": len(model.states),
                "parameters": len(model.settable),
                "routes": ", ".join(model.routes),
                "source": source_of(model),
            }
        )
    return pd.DataFrame(rows).set_index("name")


def source_of(model: Model) -> str:
    """The paragraph of a model's description that begins with ``Source:``, on one line."""
    return parse_description(model.description).source
