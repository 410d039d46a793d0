"""The shape of machine code: how many members it takes side by side, and how it is written out.

A member's operations, their order and their roundings do not depend on the shape.  A processor's vectors want
several lanes; a thread of a GPU, and whoever reads the code, wants one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from llvmlite import ir

__all__ = ["BIT", "DOUBLE", "INT", "LANES", "SHORT", "Shape"]

DOUBLE = ir.DoubleType()
INT = ir.IntType(64)
SHORT = ir.IntType(32)
BIT = ir.IntType(1)
LANES = (1, 2, 4, 8)  # there may be


@dataclass(frozen=True)
class Shape:
    """How a kernel is written; a part of what its machine code is kept under.

    Attributes
    ----------
    lanes
        Members side by side: 1, 2, 4 or 8.  The types of one lane are scalars, so that its code
        holds no vector.
    unroll
        A loop over no more rows than this, where their number is known, is written out with constant
        indices.
    inlined
        Operations of a step up to which the rates are written out at each stage, rather than called.
    private
        Whether the workspace lies in the function ``run`` itself and not with its caller.  Where all that
        indexes it is constant LLVM keeps it in registers.  Such a call cannot be continued: it
        needs as many turns as its members take.
    fused
        Whether a product that is added to something is not rounded before: for every processor that
        does so in one instruction.
    """

    lanes: int = 8
    unroll: int = 0
    inlined: int = 2500
    private: bool = False
    fused: bool = True

    def __post_init__(self) -> None:
        if self.lanes not in LANES:
            raise ValueError(f"lanes={self.lanes}: there may be 1, 2, 4 or 8 of them")

    @property
    def vector(self) -> Any:
        """The type of a number in every lane."""
        return self.of(DOUBLE)

    @property
    def ints(self) -> Any:
        """The type of a whole number in every lane."""
        return self.of(INT)

    @property
    def mask(self) -> Any:
        """The type of a truth in every lane."""
        return self.of(BIT)

    @property
    def pointer(self) -> Any:
        """The type of a pointer to rows of lanes."""
        return ir.PointerType(self.vector)

    @property
    def row(self) -> int:
        """The bytes of a row; also what it is aligned to."""
        return 8 * self.lanes

    def suffix(self, kind: Any) -> str:
        """How LLVM's intrinsics name the type of a number or of one in every lane."""
        return f"v{kind.count}f64" if isinstance(kind, ir.VectorType) else "f64"

    def of(self, kind: Any) -> Any:
        """The type of a scalar of type `kind` in every lane."""
        return kind if self.lanes == 1 else ir.VectorType(kind, self.lanes)

    def constant(self, kind: Any, x: Any) -> Any:
        """The same constant in every lane; a scalar where `kind` is one."""
        return ir.Constant(kind, [x] * self.lanes if isinstance(kind, ir.VectorType) else x)
