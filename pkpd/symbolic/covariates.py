"""Effects of covariates on parameters, as expressions: ``CL * power_effect(WT, 70, 0.75)``.

A reference given as a number becomes a parameter of its own, ``WT_ref`` in the unit of the
covariate, so that units balance and the reference stands in the table of parameters.
"""

from __future__ import annotations

from typing import Any

import sympy

from pkpd.errors import ModelError
from pkpd.symbolic.symbols import Given, Parameter, as_expression, param

__all__ = ["category_effect", "exponential_effect", "linear_effect", "power_effect"]


def power_effect(
    covariate: Parameter | Given, reference: Any, exponent: Any, *, source: str = "reference value"
) -> sympy.Expr:
    """The factor ``(covariate/reference)**exponent``.

    Allometric scaling of clearance by weight is ``power_effect(WT, 70, 0.75)``, that of a
    volume ``power_effect(WT, 70, 1)``.

    Parameters
    ----------
    covariate
        Body weight, albumin, ...
    reference
        The value without effect: a parameter, or a number in the unit of the covariate.
    exponent
        A pure number, or a parameter without unit.
    source
        Where a reference that is a number was read.

    Raises
    ------
    ModelError
        If the covariate is not a declared symbol.

    References
    ----------
    Holford NHG. A size standard for pharmacokinetics. Clin Pharmacokinet 30:329-332 (1996).
    """
    return (covariate / _reference(covariate, reference, source)) ** as_expression(
        exponent, "the exponent of a covariate effect"
    )


def linear_effect(
    covariate: Parameter | Given, reference: Any, slope: Any, *, source: str = "reference value"
) -> sympy.Expr:
    """The factor ``1 + slope*(covariate - reference)``; negative far from the reference.

    `slope` is a parameter in the reciprocal unit of the covariate; the other arguments and
    errors are those of `power_effect`.
    """
    return 1 + as_expression(slope, "the slope of a covariate effect") * (
        covariate - _reference(covariate, reference, source)
    )


def exponential_effect(
    covariate: Parameter | Given, reference: Any, slope: Any, *, source: str = "reference value"
) -> sympy.Expr:
    """The factor ``exp(slope*(covariate - reference))``, which is positive everywhere.

    The arguments and errors are those of `linear_effect`.
    """
    return sympy.exp(
        as_expression(slope, "the slope of a covariate effect") * (covariate - _reference(covariate, reference, source))
    )


def category_effect(indicator: Parameter | Given, change: Any) -> sympy.Expr:
    """The factor ``(1 + change)**indicator``: 1 for the reference category, ``1 + change`` for the other.

    Parameters
    ----------
    indicator
        0 or 1, without unit.  Between the two the effect is interpolated on the log scale.
    change
        The fractional change, above -1: a number, or a parameter without unit.
    """
    return (1 + as_expression(change, "the change of a covariate effect")) ** _covariate(indicator)


def _covariate(symbol: Any) -> Parameter | Given:
    if not isinstance(symbol, Parameter | Given):
        raise ModelError(f"a covariate is a symbol made by param or given, not {symbol!r}.")
    return symbol


def _reference(covariate: Parameter | Given, value: Any, source: str) -> sympy.Expr:
    _covariate(covariate)
    if isinstance(value, sympy.Symbol):
        return value
    return param(f"{covariate.name}_ref", value, covariate.unit, f"reference of {covariate.meaning}", source=source)
