"""Members side by side: a thin language over LLVM for code that works on lanes.

A `Value` is one number, or one in every lane of a `Shape`, not yet computed; its operators
write instructions.  Every instruction treats all lanes alike, so that what a member gets
cannot depend on its neighbors.  No loop is left to a vectorizer's judgment, and no
rounding to an optimizer's: which product is added without being rounded is settled here, by
the order of writing alone, so that every shape has the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from llvmlite import ir

from pkpd.solvers.compiled.shape import BIT, DOUBLE, INT, SHORT, Shape
from pkpd.solvers.compiled.value import Value

__all__ = ["Code", "Rows", "Variable", "constants", "function", "publish", "text"]


def function(
    module: ir.Module,
    name: str,
    arguments: Sequence[Any],
    shape: Shape,
    *,
    public: bool = False,
    inline: bool = False,
) -> tuple[Code, list[Any]]:
    """A new function that returns nothing, and its arguments as values.

    A function is written out wherever it is called if it is `inline`, and never otherwise.
    """
    made = ir.Function(module, ir.FunctionType(ir.VoidType(), arguments), name)
    if not public:
        made.linkage = "internal"
        made.attributes.add("alwaysinline" if inline else "noinline")
    made.attributes.add("nounwind")
    code = Code(ir.IRBuilder(made.append_basic_block("entry")), shape)
    return code, [Value(code, raw) for raw in made.args]


def constants(module: ir.Module, name: str, numbers: Sequence[int]) -> Any:
    """A table of whole numbers that is part of the machine code; read by `Code.entry`."""
    kind = ir.ArrayType(SHORT, len(numbers))
    made = ir.GlobalVariable(module, kind, name)
    made.linkage, made.global_constant = "internal", True
    made.initializer = ir.Constant(kind, list(numbers))
    return made


def text(words: str) -> Any:
    """A text as a constant that ends with a zero byte."""
    content = bytearray(words.encode() + b"\0")
    return ir.Constant(ir.ArrayType(ir.IntType(8), len(content)), content)


def publish(module: ir.Module, **values: Any) -> None:
    """Give constants names that are seen outside of the module."""
    for name, value in values.items():
        made = ir.GlobalVariable(module, value.type, name)
        made.global_constant, made.initializer = True, value


class Code:
    """A function being written, of one shape."""

    def __init__(self, builder: ir.IRBuilder, shape: Shape) -> None:
        self.builder, self.shape = builder, shape

    # ---- values

    def number(self, x: float) -> Value:
        """The same number in every lane."""
        return Value(self, self.shape.constant(self.shape.vector, float(x)))

    def whole(self, i: int) -> Value:
        return Value(self, ir.Constant(INT, int(i)))

    def scalar(self, x: float) -> Value:
        return Value(self, ir.Constant(DOUBLE, float(x)))

    def splat(self, x: Value) -> Value:
        """One scalar in every lane."""
        if self.shape.lanes == 1:
            return x
        b, kind = self.builder, self.shape.of(x.raw.type)
        one = b.insert_element(ir.Constant(kind, ir.Undefined), x.raw, ir.Constant(SHORT, 0))
        zeros = self.shape.constant(self.shape.of(SHORT), 0)
        return Value(self, b.shuffle_vector(one, ir.Constant(kind, ir.Undefined), zeros))

    def like(self, pattern: Value, x: Any) -> Value:
        """`x` as a value of the type of `pattern`."""
        if isinstance(x, Value):
            return x
        return Value(self, self.shape.constant(pattern.raw.type, x))

    def select(self, condition: Value, yes: Any, no: Any) -> Value:
        pattern = yes if isinstance(yes, Value) else no if isinstance(no, Value) else self.number(0.0)
        return Value(self, self.builder.select(condition.raw, self.like(pattern, yes).raw, self.like(pattern, no).raw))

    def replaced(self, condition: Value, new: Any, old: Value) -> Value:
        """`select`, to be written where `old` was read: as a whole row.

        The fence, which is no instruction, hides from LLVM that `old` stays; it would store some lanes
        alone, which takes a dozen times as long on AMD's processors with AVX2.
        """
        if self.shape.lanes > 1:
            old = self.call("arithmetic.fence", old)
        return self.select(condition, new, old)

    def mostly(
        self, usual: Value, write: Callable[[], Value], name: str, anywhere: Callable[..., Value], *arguments: Value
    ) -> Value:
        """What `write` writes where every lane is `usual`, and else `anywhere` of `arguments`, as a function `name`.

        In a lane that is usual both must have the same bits.  One lane alone has `anywhere` on the spot.
        """
        if self.shape.lanes == 1:
            return anywhere(*arguments)
        b = self.builder
        common, rare, onward = (b.append_basic_block(n) for n in ("usual", "rare", "onward"))
        callee = self._outside(name, anywhere, [v.raw.type for v in arguments])
        b.cbranch(self.any(~usual).raw, rare, common).set_weights([1, 1000])
        b.position_at_end(rare)
        rarely = b.call(callee, [v.raw for v in arguments])
        b.branch(onward)
        b.position_at_end(common)
        found = write().raw
        common = b.block
        b.branch(onward)
        b.position_at_end(onward)
        chosen = b.phi(self.shape.vector)
        chosen.add_incoming(rarely, rare)
        chosen.add_incoming(found, common)
        return Value(self, chosen)

    def _outside(self, name: str, write: Callable[..., Value], kinds: Sequence[Any]) -> Any:
        """A function of the module that returns what `write` writes."""
        module = self.builder.module
        if name not in module.globals:
            made = ir.Function(module, ir.FunctionType(self.shape.vector, kinds), name)
            made.linkage = "internal"
            made.attributes.add("noinline")
            made.attributes.add("cold")
            made.attributes.add("nounwind")
            code = Code(ir.IRBuilder(made.append_basic_block("entry")), self.shape)
            code.builder.ret(write(*(Value(code, raw) for raw in made.args)).raw)
        return module.globals[name]

    def call(self, name: str, *values: Value) -> Value:
        """An LLVM intrinsic on lanes, such as ``sqrt``."""
        types = [v.raw.type for v in values]
        kind = ir.FunctionType(types[0], types)
        full = f"llvm.{name}.{self.shape.suffix(types[0])}"
        intrinsic = self.builder.module.globals.get(full) or ir.Function(self.builder.module, kind, full)
        return Value(self, self.builder.call(intrinsic, [v.raw for v in values]))

    def fma(self, a: Value, b: Value, c: Value) -> Value:
        """``a*b + c`` with one rounding."""
        return self.call("fma", a, b, c)

    def sqrt(self, x: Value) -> Value:
        return self.call("sqrt", x)

    def absolute(self, x: Value) -> Value:
        return self.call("fabs", x)

    def floor(self, x: Value) -> Value:
        return self.call("floor", x)

    def larger(self, a: Value, b: Any) -> Value:
        """The larger; NaN where either is."""
        b = self.like(a, b)
        return self.select((a > b) | a.is_nan(), a, b)

    def maximum(self, a: Value, b: Value) -> Value:
        """The larger, in one instruction of most processors; `b` where either is NaN."""
        return self.select(a > b, a, b)

    def smaller(self, a: Value, b: Any) -> Value:
        """The smaller; NaN where either is."""
        b = self.like(a, b)
        return self.select((a < b) | a.is_nan(), a, b)

    def finite(self, x: Value) -> Value:
        return self.absolute(x) < float("inf")

    def any(self, mask: Value) -> Value:
        """Whether any lane is set, as one bit."""
        if self.shape.lanes == 1:
            return mask
        bits = self._bits(mask)
        return Value(self, self.builder.icmp_unsigned("!=", bits, ir.Constant(bits.type, 0)))

    def _bits(self, mask: Value) -> Any:
        """A bit for each lane, as one whole number."""
        return self.builder.bitcast(mask.raw, ir.IntType(self.shape.lanes))

    # ---- memory

    def variable(self, kind: Any, initial: Any = None) -> Variable:
        """A variable of the function."""
        made = Variable(self, kind)
        if initial is not None:
            made.set(initial)
        return made

    def numbers(self, initial: Any) -> Variable:
        """A variable with a number in every lane."""
        return self.variable(self.shape.vector, initial)

    def truths(self, initial: Any) -> Variable:
        """A variable with a truth in every lane."""
        return self.variable(self.shape.mask, initial)

    def allocate(self, count: int) -> Value:
        """Room for rows of lanes on the stack."""
        with self.builder.goto_entry_block():
            place = self.builder.alloca(self.shape.vector, count)
        place.align = self.shape.row
        return Value(self, place)

    def load(self, pointer: Any, index: Any, *, align: int = 8) -> Value:
        """``pointer[index]``."""
        raw = self.builder.load(self.builder.gep(pointer, [self._index(index)]))
        raw.align = align
        return Value(self, raw)

    def store(self, pointer: Any, index: Any, x: Value, *, align: int = 8) -> None:
        written = self.builder.store(x.raw, self.builder.gep(pointer, [self._index(index)]))
        written.align = align

    def entry(self, table: Any, index: Any) -> Value:
        """``table[index]`` of a table of `constants`."""
        place = self.builder.gep(table, [ir.Constant(INT, 0), self._index(index)])
        return Value(self, self.builder.zext(self.builder.load(place), INT))

    def _index(self, index: Any) -> Any:
        return index.raw if isinstance(index, Value) else ir.Constant(INT, index)

    # ---- flow

    @contextmanager
    def when(self, condition: Value) -> Iterator[None]:
        with self.builder.if_then(condition.raw):
            yield

    @contextmanager
    def forever(self) -> Iterator[Loop]:
        """A loop left by `Loop.leave_when`."""
        b = self.builder
        head, done = b.append_basic_block("loop"), b.append_basic_block("done")
        b.branch(head)
        b.position_at_end(head)
        yield Loop(self, head, done)
        b.branch(head)
        b.position_at_end(done)

    def each(self, count: Any, first: Any = 0) -> Iterator[Any]:
        """`first` to `count` - 1, as a loop or, where a shape asks for it, written out with numbers known now."""
        if isinstance(count, int) and isinstance(first, int) and count - first <= self.shape.unroll:
            yield from range(first, count)
        else:
            yield from self.repeat(count, first)

    def repeat(self, count: Any, first: Any = 0) -> Iterator[Value]:
        """A loop over `first` to `count` - 1 in every shape."""
        i = self.variable(INT, first)
        with self.forever() as loop:
            now = i.get()
            loop.leave_when(now >= count)
            yield now
            i.set(now + 1)

    def each_lane(self, mask: Value) -> Iterator[Any]:
        """A loop over the numbers of the lanes set in `mask`."""
        if self.shape.lanes == 1:
            with self.when(mask):
                yield 0
            return
        b = self.builder
        bits = self.variable(INT, Value(self, b.zext(self._bits(mask), INT)))
        with self.forever() as loop:
            now = bits.get()
            loop.leave_when(now.equals(0))
            yield Value(self, b.cttz(now.raw, ir.Constant(BIT, 1)))
            bits.set(now & (now - 1))

    def call_function(self, callee: Any, *values: Any) -> None:
        self.builder.call(callee, [v.raw if isinstance(v, Value) else v for v in values])

    def end(self) -> None:
        self.builder.ret_void()


class Loop:
    """A loop being written."""

    def __init__(self, code: Code, head: Any, done: Any) -> None:
        self.code, self.head, self.done = code, head, done

    def leave_when(self, condition: Value) -> None:
        b = self.code.builder
        onward = b.append_basic_block("on")
        b.cbranch(condition.raw, self.done, onward)
        b.position_at_end(onward)


class Variable:
    """A place on the stack for one value; LLVM keeps it in a register where it can."""

    def __init__(self, code: Code, kind: Any) -> None:
        self.code = code
        self.kind = kind
        with code.builder.goto_entry_block():
            self.place = code.builder.alloca(kind)

    def get(self) -> Value:
        return Value(self.code, self.code.builder.load(self.place))

    def set(self, x: Any) -> None:
        if not isinstance(x, Value):
            x = Value(self.code, self.code.shape.constant(self.kind, x))
        self.code.builder.store(x.raw, self.place)


class Rows:
    """Rows of lanes in memory: ``rows[i]`` is a value in every lane."""

    def __init__(self, code: Code, pointer: Any, first: int = 0) -> None:
        self.code = code
        self.pointer = pointer if first == 0 else code.builder.gep(pointer, [ir.Constant(INT, first)])

    def __getitem__(self, row: Any) -> Value:
        return self.code.load(self.pointer, row, align=self.code.shape.row)

    def __setitem__(self, row: Any, x: Any) -> None:
        x = x if isinstance(x, Value) else self.code.number(x)
        self.code.store(self.pointer, row, x, align=self.code.shape.row)

    def lane(self, row: Any, lane: Any) -> Value:
        """One lane of a row."""
        return self.code.load(self._scalars(), self._place(row, lane))

    def set_lane(self, row: Any, lane: Any, x: Any) -> None:
        x = x if isinstance(x, Value) else self.code.scalar(x)
        self.code.store(self._scalars(), self._place(row, lane), x)

    def _scalars(self) -> Any:
        return self.code.builder.bitcast(self.pointer, ir.PointerType(DOUBLE))

    def _place(self, row: Any, lane: Any) -> Any:
        return row * self.code.shape.lanes + lane
