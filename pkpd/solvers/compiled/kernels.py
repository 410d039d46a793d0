"""The kernel of a model and a method, and what it is kept under."""

from __future__ import annotations

import sympy

from pkpd.solvers.compiled.explicit import explicit_kernel
from pkpd.solvers.compiled.kernel import Kernel
from pkpd.solvers.compiled.rosenbrock import rosenbrock_kernel
from pkpd.solvers.compiled.shape import Shape
from pkpd.solvers.equations.system import System
from pkpd.solvers.tableaus import dop853, rodas5p, tsit5

__all__ = ["make_kernel", "recipe"]


def recipe(model: System, method: str, shape: Shape) -> str:
    """All that the code of a kernel depends on, but for this package itself."""
    equations = sympy.Tuple(*model.rates, *(e for row in model.jumps for e in row))
    events = sympy.Tuple(*(sympy.Tuple(trigger, *then) for trigger, then in model.events))
    sizes = (
        len(model.y),
        len(model.p),
        len(model.u),
        len(model.jumps),
        model.strictness,
        model.watching,
        model.blocks,
    )
    return "\n".join([method, repr(shape), repr(sizes), sympy.srepr(equations), sympy.srepr(events)])


def make_kernel(model: System, method: str, shape: Shape) -> Kernel:
    """The whole integrator of `model` with the method of this name.

    Raises
    ------
    ModelError
        If the model holds a function that cannot be compiled.
    """
    if method == "rodas5p":
        return rosenbrock_kernel(model, rodas5p(), shape)
    return explicit_kernel(model, {"tsit5": tsit5, "dop853": dop853}[method](), shape)
