"""Which model a word of the command line means: a name of the library, or a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pkpd.errors import DataError, ModelError

if TYPE_CHECKING:
    from pkpd.symbolic.model import Model

__all__ = ["describes_model", "model_named"]


def model_named(word: str, *, run_code: bool = False) -> Model:
    """The model of this name, or the one that a file describes.

    Parameters
    ----------
    word
        A name of the library; a model as text or a composition, ``FILE.toml``; or ``FILE.py``, whose ``model`` is
        taken.
    run_code
        Whether a Python file may be run.

    Raises
    ------
    ModelError
        If the file is Python and may not be run, or has no model.
    DataError
        If there is no such file, or it is not what is expected.
    """
    from pkpd.library.catalog import load
    from pkpd.library.compositions import read_model_or_composition

    if word.endswith(".toml"):
        return read_model_or_composition(word)
    if not word.endswith(".py"):
        return load(word)
    if not run_code:
        raise ModelError(
            f"{word} is a program, and reading the model would run it. Add --run-code if you trust it, or write the "
            "model as text with pkpd.write_model."
        )
    model = _run(Path(word)).get("model")
    return _checked(model, word)


def describes_model(path: str) -> bool:
    """Whether a file that is there has a table ``[model]`` and says nothing of data."""
    from pkpd.toml_files import read_toml

    if not Path(path).exists():
        return False
    content = read_toml(path).content
    return isinstance(content.get("model"), dict) and "data" not in content


def _run(path: Path) -> dict[str, Any]:
    import runpy

    if not path.is_file():
        raise DataError(f"there is no file {str(path)!r}.")
    return runpy.run_path(str(path))


def _checked(model: Any, word: str) -> Model:
    from pkpd.symbolic.model import Model

    if not isinstance(model, Model):
        raise ModelError(f"{word} defines no 'model'; its last line should be model = Model(...).")
    return model
