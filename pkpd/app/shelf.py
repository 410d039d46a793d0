"""The models at hand: those of the library by name, and those that were opened as text."""

from __future__ import annotations

import hashlib
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pkpd.errors import DataError, ModelError, UnknownNameError
from pkpd.library.catalog import load
from pkpd.model_text.reading import read_model
from pkpd.symbolic.symbols import Given

if TYPE_CHECKING:
    from pkpd.symbolic.model import Model

__all__ = ["Recent", "Shelf", "as_file"]

T = TypeVar("T")
OPENED = 16  # models as text that are kept


class Recent(Generic[T]):
    """What was made last, by its key; at most so many things, for several threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._things: OrderedDict[Hashable, T] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._things)

    def find(self, key: Hashable) -> T | None:
        """What is kept under `key`, which is then the last to go."""
        with self._lock:
            if key in self._things:
                self._things.move_to_end(key)
            return self._things.get(key)

    def keep(self, key: Hashable, thing: T) -> T:
        """Keep `thing`; the one that was not asked for the longest goes."""
        with self._lock:
            self._things[key] = thing
            self._things.move_to_end(key)
            while len(self._things) > self._most:
                self._things.popitem(last=False)
        return thing

    def made(self, key: Hashable, make: Callable[[], T]) -> T:
        """What is kept under `key`, made where it is not."""
        thing = self.find(key)
        return self.keep(key, make()) if thing is None else thing


class Shelf:
    """Models by what the browser calls them.

    Parameters
    ----------
    own
        A model that was named on the command line; it stays.
    """

    def __init__(self, own: Model | None = None) -> None:
        if own is not None:
            require_alone(own)
        self._opened: Recent[Model] = Recent(OPENED)
        self.own = own

    @property
    def start(self) -> str | None:
        """What the model of the command line is called."""
        return None if self.own is None else self.own.name if _of_library(self.own) else _reference(self.own)

    def open(self, text: str) -> str:
        """Read a model as text, which is never run, and say what it is called from now on.

        Raises
        ------
        DataError, ModelError, UnitError, ParameterError, UnknownNameError
            As for `pkpd.read_model`, with the line.
        """
        model = as_file(text, "model.toml", read_model)
        require_alone(model)
        reference = _reference(model)
        self._opened.keep(reference, model)
        return reference

    def model(self, reference: str) -> Model:
        """The model that is called so.

        Raises
        ------
        UnknownNameError
            If the library has no such model.
        DataError
            If it was opened as text and is no longer kept.
        ModelError
            If it does not run alone.
        """
        if self.own is not None and reference == _reference(self.own):
            return self.own
        if reference.startswith("text-"):
            model = self._opened.find(reference)
            if model is None:
                raise DataError(f"the model {reference!r} is no longer kept; open its file again.")
            return model
        model = load(reference)
        require_alone(model)
        return model


def as_file(text: str, name: str, read: Callable[[Path], T]) -> T:
    """What `read` makes of a file with this text; it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="pkpd-app-") as folder:
        path = Path(folder) / name
        path.write_text(text, encoding="utf-8")
        return read(path)


def runs_alone(model: Model) -> bool:
    """Whether nothing that another part supplies is missing."""
    return not model.foreign and not _lacking(model)


def _lacking(model: Model) -> list[str]:
    return [s.name for s in model.settable if isinstance(s, Given) and s.default is None]


def require_alone(model: Model) -> None:
    if not runs_alone(model):
        missing = ", ".join([s.name for s in model.foreign] + _lacking(model))
        raise ModelError(
            f"{model.name} is a part that needs {missing} from others; join them with pkpd.compose, write the model "
            "with pkpd.write_model, and open that file."
        )


def _of_library(model: Model) -> bool:
    try:
        return bool(load(model.name) == model)
    except UnknownNameError:
        return False


def _reference(model: Any) -> str:
    return "text-" + hashlib.sha256(model.hash.encode()).hexdigest()[:12]
