"""What code that works on lanes computes with: a number, or one in every lane, not yet computed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pkpd.solvers.compiled.shape import DOUBLE, INT

if TYPE_CHECKING:
    from pkpd.solvers.compiled.lanes import Code

__all__ = ["Value"]


class Value:
    """A number, a whole number or a truth, one or one in every lane, that will be computed."""

    __slots__ = ("code", "factors", "raw")

    def __init__(self, code: Code, raw: Any, factors: tuple[Value, Value] | None = None) -> None:
        self.code, self.raw, self.factors = code, raw, factors

    @property
    def _real(self) -> bool:
        return self.raw.type in (DOUBLE, self.code.shape.vector)

    def _with(self, other: Any, real: str, whole: str) -> Value:
        build = getattr(self.code.builder, real if self._real else whole)
        return Value(self.code, build(self.raw, self.code.like(self, other).raw))

    def _fused(self, other: Value) -> Value | None:
        """The sum with a product that is not rounded, which is the second where both are products."""
        if not self.code.shape.fused:
            return None
        if other.factors is not None:
            return self.code.fma(*other.factors, self)
        return None if self.factors is None else self.code.fma(*self.factors, other)

    def __add__(self, other: Any) -> Value:
        return self._fused(self.code.like(self, other)) or self._with(other, "fadd", "add")

    __radd__ = __add__

    def __sub__(self, other: Any) -> Value:
        b = self.code.like(self, other)
        products = self.factors is not None or b.factors is not None
        return (self._fused(-b) if products else None) or self._with(b, "fsub", "sub")

    def __rsub__(self, other: Any) -> Value:
        return self.code.like(self, other) - self

    def __mul__(self, other: Any) -> Value:
        b = self.code.like(self, other)
        product = self._with(b, "fmul", "mul")
        return Value(self.code, product.raw, (self, b) if self._real else None)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Value:
        return self._with(other, "fdiv", "sdiv")

    def __rtruediv__(self, other: Any) -> Value:
        return self.code.like(self, other) / self

    def __neg__(self) -> Value:
        a, b = self.factors or (None, None)
        raw = self.code.builder.fneg(self.raw)
        return Value(self.code, raw, None if a is None or b is None else (-a, b))

    def __and__(self, other: Any) -> Value:
        return Value(self.code, self.code.builder.and_(self.raw, self.code.like(self, other).raw))

    def __or__(self, other: Any) -> Value:
        return Value(self.code, self.code.builder.or_(self.raw, self.code.like(self, other).raw))

    def __xor__(self, other: Any) -> Value:
        return Value(self.code, self.code.builder.xor(self.raw, self.code.like(self, other).raw))

    def __invert__(self) -> Value:
        return Value(self.code, self.code.builder.not_(self.raw))

    def _compare(self, sign: str, other: Any) -> Value:
        """A comparison; with NaN every one is false."""
        b = self.code.like(self, other)
        build = self.code.builder
        compare = build.fcmp_ordered if self._real else build.icmp_signed
        return Value(self.code, compare(sign, self.raw, b.raw))

    def __lt__(self, other: Any) -> Value:
        return self._compare("<", other)

    def __le__(self, other: Any) -> Value:
        return self._compare("<=", other)

    def __gt__(self, other: Any) -> Value:
        return self._compare(">", other)

    def __ge__(self, other: Any) -> Value:
        return self._compare(">=", other)

    def equals(self, other: Any) -> Value:
        return self._compare("==", other)

    def differs(self, other: Any) -> Value:
        return self._compare("!=", other)

    def is_nan(self) -> Value:
        return Value(self.code, self.code.builder.fcmp_unordered("uno", self.raw, self.raw))

    # ---- bits, for the elementary functions

    def bits(self) -> Value:
        """The bits of a number in every lane as whole numbers."""
        return Value(self.code, self.code.builder.bitcast(self.raw, self.code.shape.ints))

    def as_number(self) -> Value:
        """A whole number in every lane read as the bits of numbers."""
        return Value(self.code, self.code.builder.bitcast(self.raw, self.code.shape.vector))

    def to_real(self) -> Value:
        """A whole number as a number."""
        return Value(self.code, self.code.builder.sitofp(self.raw, DOUBLE))

    def to_whole(self) -> Value:
        """A number cut to a whole number."""
        return Value(self.code, self.code.builder.fptosi(self.raw, INT))

    def shift_left(self, places: int) -> Value:
        return Value(self.code, self.code.builder.shl(self.raw, self.code.like(self, places).raw))

    def shift_right(self, places: int) -> Value:
        """Zeros come in."""
        return Value(self.code, self.code.builder.lshr(self.raw, self.code.like(self, places).raw))
