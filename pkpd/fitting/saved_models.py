"""Which model a file means: its name, its unit of time and its defaults, held to its hash."""

from __future__ import annotations

from typing import Any

from pkpd.errors import DataError, PkpdError, UnknownNameError
from pkpd.fitting.curves import Curve, as_curve
from pkpd.json_files import Fields, json_number
from pkpd.library.catalog import load
from pkpd.records.observations import Dataset
from pkpd.symbolic.model import Model
from pkpd.symbolic.symbols import Given, Parameter

__all__ = ["curve_from_json", "model_as_json", "model_from_json"]


def model_as_json(model: Model) -> dict[str, Any]:
    """What tells a model from others, and how to make it from the one in the library."""
    defaults = {symbol.name: json_number(_default(symbol)) for symbol in model.settable}
    return {"name": model.name, "hash": model.hash, "time": model.time, "defaults": defaults}


def model_from_json(fields: Fields, model: object) -> Model:
    """`model` if it is the one meant, or the one of the library.

    Raises
    ------
    DataError
        If `model` is another, or is needed: the library has no such model, or has changed.
    """
    wanted, name = fields.text("hash"), fields.text("name")
    if model is not None:
        if not isinstance(model, Model):
            raise DataError(f"{fields.where} got {model!r} as the model; expected a Model.")
        if model.hash != wanted:
            raise DataError(
                f"{fields.where}: the fitted model {name!r} has the hash {wanted[:12]}, and the one given, "
                f"{model.name!r}, has {model.hash[:12]}: equations, units or defaults differ."
            )
        return model
    try:
        known = load(name)
    except UnknownNameError:
        raise DataError(
            f"{fields.where}: {name!r} is no model of the library; give model=, the model that was fitted."
        ) from None
    for candidate in _variants(known, fields):
        if candidate.hash == wanted:
            return candidate
    raise DataError(
        f"{fields.where}: {name!r} of the library is not the model that was fitted (hash {known.hash[:12]} and "
        f"{wanted[:12]}): it has changed, or parameters were tied. Give model=, the model that was fitted (Fit.model)."
    )


def curve_from_json(fields: Fields, function: Any, data: Dataset) -> Curve:
    """`function` as the curve that was fitted to these data.

    Raises
    ------
    DataError
        If it is not given, or another.
    """
    wanted, name = fields.text("hash"), fields.text("name")
    if function is None or isinstance(function, Model) or not callable(function):
        raise DataError(f"{fields.where}: the function {name!r} was fitted; give it as model=, files hold no code.")
    curve = as_curve(function, data)
    if curve.hash != wanted:
        raise DataError(
            f"{fields.where}: the function {curve.name!r} is not the one that was fitted ({name!r}): its text, output "
            "or units differ."
        )
    return curve


def _variants(known: Model, fields: Fields) -> list[Model]:
    """The model of the library as it is, and with the unit of time and the defaults of the file."""
    variants = [known]
    try:
        timed = known if fields.text("time") == known.time else known.in_time(fields.text("time"))
        defaults = fields.part("defaults")
        changed = {
            symbol.name: value
            for symbol in timed.settable
            if symbol.name in defaults.content
            and (value := defaults.number_or_none(symbol.name)) is not None
            and value != _default(symbol)
        }
        variants += [timed, timed.using(**changed)]
    except DataError:
        raise
    except PkpdError:
        pass  # such a variant cannot be made; the hash decides
    return variants


def _default(symbol: Parameter | Given) -> float | None:
    return symbol.value if isinstance(symbol, Parameter) else symbol.default
