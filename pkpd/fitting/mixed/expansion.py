"""What changes within a subject, written into the model: covariates in time and occasions.

A covariate that changes multiplies its parameter by a factor of a column, an occasion by a number
that every subject has for it; both stand in the model as parameters, so that the integrator, the
derivatives and the records treat them like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.ensembles.box_cox import BoxCox
from pkpd.errors import DataError, unknown_name
from pkpd.fitting.mixed.statements import MixedEffects
from pkpd.records.records import Records
from pkpd.records.tidy_tables import as_text
from pkpd.symbolic.covariates import CovariateEffect
from pkpd.symbolic.model import Model
from pkpd.symbolic.symbols import param
from pkpd.symbolic.variants import with_expressions

__all__ = ["Expanded", "coefficient_label", "expanded"]


@dataclass(frozen=True, eq=False)
class Expanded:
    """A model and records with what changes within a subject, and what is left to the population model.

    Attributes
    ----------
    constant
        By parameter the effects of covariates that do not change, with the column of each (subjects,).
    changing
        By the new parameter's name the effect whose coefficient it is.
    occasions
        By parameter the new parameters, one for each occasion.
    box_cox
        By parameter the new ones: exp(eta), and the shape.
    """

    model: Model
    records: Records
    constant: Mapping[str, tuple[tuple[CovariateEffect, Array], ...]]
    changing: Mapping[str, tuple[str, CovariateEffect]] = field(default_factory=dict)
    occasions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    box_cox: Mapping[str, tuple[str, str]] = field(default_factory=dict)


def coefficient_label(parameter: str, effect: CovariateEffect) -> str:
    """The name of the coefficient of an effect in the table of estimates."""
    of = f"={as_text(effect.category)}" if effect.kind == "category" and effect.category != 1 else ""
    return f"{parameter}~{effect.covariate}{of}"


def expanded(statement: MixedEffects, records: Records, *, estimated: bool = True) -> Expanded:
    """Write into the model what changes within a subject of these records.

    Unless effects are `estimated`, a category may be one that nobody has.

    Raises
    ------
    UnknownNameError
        If there is no such column.
    DataError
        If a covariate is missing, is no number, or not positive where its logarithm is taken.
    """
    constant: dict[str, list[tuple[CovariateEffect, Array]]] = {}
    changing: dict[str, tuple[str, CovariateEffect]] = {}
    columns: dict[str, Array] = {}
    factors: dict[str, Any] = {}
    for parameter, effects in statement.covariates.items():
        for effect in effects:
            sizes = _sizes(effect, records, estimated=estimated)
            first = sizes[records.first_rows]
            if (sizes == first[subject_of(records)]).all():
                constant.setdefault(parameter, []).append((effect, _covariate(effect, first)))
                continue
            label = coefficient_label(parameter, effect)
            name, column = _identifier(label), _identifier(f"{label}_size")
            changing[name] = (label, effect)
            columns[column] = sizes
            factors[parameter] = factors.get(parameter, 1) * _factor(effect, name, column)
    occasions = _occasions(statement, records, columns, factors)
    shapes = _box_cox(statement, factors)
    model = _with_factors(statement.model, factors)
    kept = {name: tuple(effects) for name, effects in constant.items()}
    return Expanded(model, _with_columns(records, columns), kept, changing, occasions, shapes)


def subject_of(records: Records) -> Index:
    """(records,): the number of the subject of each."""
    numbers: Index = np.cumsum(np.isin(np.arange(len(records)), records.first_rows)) - 1
    return numbers


# ---- covariates


def _column(effect: CovariateEffect, records: Records) -> Any:
    known = [*records.covariates, *(k for k in ("OCC", "DVID") if k in records.standard)]
    lowered = {name.lower(): name for name in known}
    name = effect.covariate if effect.covariate in known else lowered.get(effect.covariate.lower())
    if name is None:
        raise unknown_name(records.name, "covariate", effect.covariate, records.covariates)
    return records[name]


def _sizes(effect: CovariateEffect, records: Records, *, estimated: bool) -> Array:
    """What the coefficient multiplies, at every record: ln(x/reference), x - reference, or 0 and 1."""
    column = _column(effect, records)
    if effect.kind == "category":
        texts = np.array([as_text(value) for value in column.tolist()], dtype=object)
        _require_known(effect, records, np.isin(texts, ("nan", "None", "")))
        if estimated and as_text(effect.category) not in texts:
            raise DataError(
                f"{records.name}: column {effect.covariate!r} has no {effect.category!r}, of which an effect is to be "
                f"estimated; it has {', '.join(sorted(set(texts.tolist()))[:8])}."
            )
        return np.asarray((texts == as_text(effect.category)).astype(float))
    if column.dtype == object:
        row = next(i for i, value in enumerate(column) if isinstance(value, str))
        raise DataError(
            f"{records.place(row)}, column {effect.covariate!r}: {column[row]!r} is not a number; the effect of a "
            f"category is category_effect({effect.covariate!r}, of={column[row]!r})."
        )
    _require_known(effect, records, np.isnan(column))
    if effect.kind != "power":
        return np.asarray(column - effect.reference)
    if not (column > 0).all():
        row = int(np.argmin(column > 0))
        raise DataError(
            f"{records.place(row)}, column {effect.covariate!r} is {column[row]:g}; a power of it needs values above "
            "0. Use linear_effect or exponential_effect, or mend the table."
        )
    return np.asarray(np.log(column / effect.reference))


def _require_known(effect: CovariateEffect, records: Records, missing: Any) -> None:
    if missing.any():
        row = int(np.argmax(missing))
        raise DataError(
            f"{records.place(row)}: covariate {effect.covariate!r} is missing; fill it in, or leave out the subject."
        )


def _covariate(effect: CovariateEffect, sizes: Array) -> Array:
    """The covariate of each subject as `Coefficient` takes it, of a size."""
    if effect.kind == "category":
        return sizes
    assert effect.reference is not None
    return np.asarray(effect.reference * np.exp(sizes) if effect.kind == "power" else effect.reference + sizes)


def _factor(effect: CovariateEffect, name: str, column: str) -> Any:
    import sympy

    # Whatever the unit of the covariate, the column holds a pure number, and so is the coefficient.
    size = param(column, 0, "1", f"{effect} in time", source="column")
    coefficient = param(name, 0, "1", f"coefficient of {effect}", source="estimated")
    if effect.kind in ("linear", "category"):
        return 1 + coefficient * size
    return sympy.exp(coefficient * size)


# ---- occasions


def _occasions(
    statement: MixedEffects, records: Records, columns: dict[str, Array], factors: dict[str, Any]
) -> dict[str, tuple[str, ...]]:
    """Write a factor for each occasion of each parameter; which occasion it is stands in columns of 0 and 1."""
    if not statement.occasions:
        return {}
    occ = records["OCC"]
    if np.isnan(occ).all():
        raise DataError(
            f"{records.name} has no column OCC, which numbers the occasions of {list(statement.occasions)}."
        )
    _require_known(CovariateEffect("category", "OCC", None), records, np.isnan(occ))
    kinds = np.unique(occ)
    names: dict[str, tuple[str, ...]] = {}
    for kind in kinds:
        columns[f"occasion_{kind:g}"] = (occ == kind).astype(float)
    for parameter in statement.occasions:
        names[parameter] = tuple(f"{parameter}_occasion_{kind:g}" for kind in kinds)
        for kind, name in zip(kinds, names[parameter], strict=True):
            own = param(name, 1, "1", f"factor on {parameter} at occasion {kind:g}", source="estimated")
            here = param(f"occasion_{kind:g}", 0, "1", f"whether it is occasion {kind:g}", source="column OCC")
            factors[parameter] = factors.get(parameter, 1) * own**here
    return names


def _box_cox(statement: MixedEffects, factors: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Write the factor exp((exp(shape eta) - 1)/shape) of each parameter that `boxcox` draws."""
    import sympy

    names = {}
    for parameter, marginal in statement.variability.distributions.items():
        if isinstance(marginal, BoxCox) and marginal.sd:
            if not marginal.shape:
                raise DataError(
                    f"the shape of {parameter!r} starts at 0, which is lognormal(); begin with 0.1 or -0.1."
                )
            names[parameter] = (f"{parameter}_exp_eta", f"{parameter}_shape")
            spread = param(
                names[parameter][0], 1, "1", f"exp(eta) of {parameter}", source="estimated", bounds=(0, None)
            )
            shape = param(names[parameter][1], marginal.shape, "1", f"shape of {parameter}", source="estimated")
            factor = sympy.exp((spread**shape - 1) / shape)
            factors[parameter] = factors.get(parameter, 1) * factor
    return names


# ---- models and records


def _with_factors(model: Model, factors: Mapping[str, Any]) -> Model:
    if not factors:
        return model
    table = {model[name]: model[name] * factor for name, factor in factors.items()}
    return with_expressions(model, table)


def _with_columns(records: Records, columns: Mapping[str, Array]) -> Records:
    if not columns:
        return records
    return Records(
        records.standard, {**records.covariates, **columns}, records.compartments, records.name, records.time,
        records.clock,
    )  # fmt: skip


def _identifier(label: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in label)
