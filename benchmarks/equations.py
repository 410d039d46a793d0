"""A case's equations as functions for the peers, all generated from the one model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy

from benchmarks.cases import Case
from pkpd.solvers.equations.system import AMOUNT, TIME, System

__all__ = [
    "antimony_text",
    "compiled_jacobian",
    "compiled_jump",
    "compiled_rates",
    "sbml_text",
    "scalar_rates",
    "traced_jump",
    "traced_rates",
]

_Y, _P = sympy.IndexedBase("y"), sympy.IndexedBase("p")


def scalar_rates(system: System) -> Callable[..., tuple[float, ...]]:
    """``f(t, y, p)``, a tuple of rates, with Python's `math` and shared subexpressions."""
    return _function(system, system.rates, "math")


def compiled_rates(system: System) -> Any:
    """`scalar_rates`, compiled by numba."""
    return _compiled(scalar_rates(system))


def compiled_jacobian(system: System) -> Any:
    """``f(t, y, p)``, a tuple of the Jacobian's entries row by row, compiled by numba."""
    return _compiled(_function(system, [e for row in system.jacobian for e in row], "math"))


def compiled_jump(case: Case) -> Any:
    """``f(t, y, p)``, a tuple of the states after the bolus, compiled by numba."""
    return _compiled(_function(case.system, _jump(case), "math"))


def traced_rates(system: System) -> Callable[..., Any]:
    """``f(t, y, p)``, a tuple of traced rates, with jax."""
    return _function(system, system.rates, "jax")


def traced_jump(case: Case) -> Callable[..., Any]:
    """``f(t, y, p)``, a tuple of the traced states after the bolus, with jax."""
    return _function(case.system, _jump(case), "jax")


def antimony_text(case: Case) -> str:
    """The case in Antimony: states ``y_0, ...``, parameters ``p_0, ...``, each bolus an event.

    An event fires just after its time, so that a result at that time is the value before.
    """
    system = case.system
    lines = [f"  {y}' = {_printed(rate)}; {y} = 0;" for y, rate in zip(system.y, system.rates, strict=True)]
    lines += [f"  {p} = 1;" for p in system.p]
    changed = [(y, after) for y, after in zip(system.y, _jump(case), strict=True) if after != y]
    for number in range(case.doses):
        then = ", ".join(f"{y} = {_printed(after)}" for y, after in changed)
        lines.append(f"  at (time > {number * case.interval!r}), t0=false: {then};")
    return "\n".join(["model bench", *lines, "end"])


def sbml_text(case: Case) -> str:
    """`antimony_text`, translated to SBML."""
    import antimony

    antimony.clearPreviousLoads()
    if antimony.loadAntimonyString(antimony_text(case)) < 0:
        raise RuntimeError(antimony.getLastError())
    text: str = antimony.getSBMLString("bench")
    return text


def _jump(case: Case) -> list[sympy.Expr]:
    (row,) = case.system.jumps
    return [e.xreplace({AMOUNT: sympy.Float(case.amount)}) for e in row]


def _function(system: System, expressions: Any, modules: str) -> Callable[..., Any]:
    places = {s: _Y[i] for i, s in enumerate(system.y)} | {s: _P[i] for i, s in enumerate(system.p)}
    indexed = tuple(sympy.Float(e) if e.is_number else e.xreplace(places) for e in expressions)
    generated: Callable[..., Any] = sympy.lambdify([TIME, _Y, _P], indexed, modules, cse=True)
    return generated


def _compiled(function: Any) -> Any:
    import numba

    return numba.njit(function)


def _printed(expression: sympy.Expr) -> str:
    # Antimony writes a power as ^, and takes ln for the natural logarithm.
    return str(expression).replace("**", "^").replace("log(", "ln(")
