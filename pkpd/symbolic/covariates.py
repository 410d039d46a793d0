"""Effects of covariates on parameters, as expressions: ``CL * power_effect(WT, 70, 0.75)``.

A reference given as a number becomes a parameter of its own, ``WT_ref`` in the unit of the
covariate, so that units balance and the reference stands in the table of parameters.

Of a column of a table, which is named by a text, an effect is a statement for
`pkpd.mixed_effects`: ``{"CL": power_effect("WT", 70)}``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, overload

import sympy

from pkpd.errors import ModelError
from pkpd.symbolic.symbols import Given, Parameter, as_expression, param

__all__ = ["CovariateEffect", "category_effect", "exponential_effect", "linear_effect", "power_effect"]

EffectKind = Literal["power", "exponential", "linear", "category"]


@dataclass(frozen=True)
class CovariateEffect:
    """The effect of a column of a table on a parameter: a factor on its typical value.

    Attributes
    ----------
    kind
        ``"power"``, ``"exponential"``, ``"linear"`` or ``"category"``.
    covariate
        The column.
    reference
        The value without effect; None for a category.
    coefficient
        None to estimate it from 0; a number to hold it; `pkpd.free` to estimate it from elsewhere.
    category
        The value of the column that has the effect.
    """

    kind: EffectKind
    covariate: str
    reference: float | None
    coefficient: Any = None
    category: Any = 1

    def __str__(self) -> str:
        x = self.covariate
        return {
            "power": f"({x}/{self.reference})^c",
            "exponential": f"exp(c ({x} - {self.reference}))",
            "linear": f"1 + c ({x} - {self.reference})",
            "category": f"1 + c where {x} is {self.category}",
        }[self.kind]


@overload
def power_effect(covariate: str, reference: float, exponent: Any = None) -> CovariateEffect: ...


@overload
def power_effect(
    covariate: Parameter | Given, reference: Any, exponent: Any, *, source: str = "reference value"
) -> sympy.Expr: ...


def power_effect(
    covariate: Parameter | Given | str, reference: Any, exponent: Any = None, *, source: str = "reference value"
) -> sympy.Expr | CovariateEffect:
    """The factor ``(covariate/reference)**exponent``.

    Allometric scaling of clearance by weight is ``power_effect(WT, 70, 0.75)``, that of a
    volume ``power_effect(WT, 70, 1)``.

    Parameters
    ----------
    covariate
        Body weight, albumin, ...: a symbol of a model, or the name of a column.
    reference
        The value without effect: a parameter, or a number in the unit of the covariate.
    exponent
        A pure number, or a parameter without unit.  Of a column a number is held; left out, it
        is estimated from 0, and from elsewhere with `pkpd.free`.
    source
        Where a reference that is a number was read.

    Raises
    ------
    ModelError
        If the covariate is not a declared symbol.

    References
    ----------
    Holford NHG. A size standard for pharmacokinetics. Clin Pharmacokinet 30:329-332 (1996).

    Examples
    --------
    >>> effect = power_effect("WT", 70)  # of CL, by mixed_effects(..., covariates={"CL": effect})
    """
    if isinstance(covariate, str):
        return _of_column("power", covariate, reference, exponent)
    return (covariate / _reference(covariate, reference, source)) ** as_expression(
        exponent, "the exponent of a covariate effect"
    )


@overload
def linear_effect(covariate: str, reference: float, slope: Any = None) -> CovariateEffect: ...


@overload
def linear_effect(
    covariate: Parameter | Given, reference: Any, slope: Any, *, source: str = "reference value"
) -> sympy.Expr: ...


def linear_effect(
    covariate: Parameter | Given | str, reference: Any, slope: Any = None, *, source: str = "reference value"
) -> sympy.Expr | CovariateEffect:
    """The factor ``1 + slope*(covariate - reference)``; negative far from the reference.

    `slope` is a parameter in the reciprocal unit of the covariate; the other arguments and
    errors are those of `power_effect`.

    Examples
    --------
    >>> effect = linear_effect("AGE", 60)  # of CL, by mixed_effects(..., covariates={"CL": effect})
    """
    if isinstance(covariate, str):
        return _of_column("linear", covariate, reference, slope)
    return 1 + as_expression(slope, "the slope of a covariate effect") * (
        covariate - _reference(covariate, reference, source)
    )


@overload
def exponential_effect(covariate: str, reference: float, slope: Any = None) -> CovariateEffect: ...


@overload
def exponential_effect(
    covariate: Parameter | Given, reference: Any, slope: Any, *, source: str = "reference value"
) -> sympy.Expr: ...


def exponential_effect(
    covariate: Parameter | Given | str, reference: Any, slope: Any = None, *, source: str = "reference value"
) -> sympy.Expr | CovariateEffect:
    """The factor ``exp(slope*(covariate - reference))``, which is positive everywhere.

    The arguments and errors are those of `linear_effect`.

    Examples
    --------
    >>> effect = exponential_effect("AGE", 60)  # of CL, by mixed_effects(..., covariates={"CL": effect})
    """
    if isinstance(covariate, str):
        return _of_column("exponential", covariate, reference, slope)
    return sympy.exp(
        as_expression(slope, "the slope of a covariate effect") * (covariate - _reference(covariate, reference, source))
    )


@overload
def category_effect(indicator: str, change: Any = None, *, of: Any = 1) -> CovariateEffect: ...


@overload
def category_effect(indicator: Parameter | Given, change: Any) -> sympy.Expr: ...


def category_effect(
    indicator: Parameter | Given | str, change: Any = None, *, of: Any = 1
) -> sympy.Expr | CovariateEffect:
    """The factor ``(1 + change)**indicator``: 1 for the reference category, ``1 + change`` for the other.

    Parameters
    ----------
    indicator
        0 or 1, without unit.  Between the two the effect is interpolated on the log scale.  Or the
        name of a column.
    change
        The fractional change, above -1: a number, or a parameter without unit.  Of a column a
        number is held; left out, it is estimated from 0, and from elsewhere with `pkpd.free`.
    of
        The value of the column, a number or a text, that has the effect; the others have none.

    Examples
    --------
    >>> import pkpd
    >>> print(pkpd.category_effect("sex", of="female"))
    1 + c where sex is female
    """
    if isinstance(indicator, str):
        return CovariateEffect("category", indicator, None, change, of)
    return (1 + as_expression(change, "the change of a covariate effect")) ** _covariate(indicator)


def _of_column(kind: EffectKind, column: str, reference: Any, coefficient: Any) -> CovariateEffect:
    if isinstance(reference, bool) or not isinstance(reference, int | float) or (kind == "power" and not reference > 0):
        what = "a number above 0" if kind == "power" else "a number"
        raise ModelError(f"the reference of the effect of {column!r} is {reference!r}; expected {what}.")
    return CovariateEffect(kind, column, float(reference), coefficient)


def _covariate(symbol: Any) -> Parameter | Given:
    if not isinstance(symbol, Parameter | Given):
        raise ModelError(f"a covariate is a symbol made by param or given, not {symbol!r}.")
    return symbol


def _reference(covariate: Parameter | Given, value: Any, source: str) -> sympy.Expr:
    _covariate(covariate)
    if isinstance(value, sympy.Symbol):
        return value
    return param(f"{covariate.name}_ref", value, covariate.unit, f"reference of {covariate.meaning}", source=source)
