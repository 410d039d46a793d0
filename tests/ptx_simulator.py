"""PTX run on this processor: warps of 32 threads with a stack of reconvergence points, calls included.

The text is translated to C, a function for each basic block and one thread, and compiled by
gcc.  A warp runs the block on top of its stack for all of its threads that stand there; where
they part they meet again at the block's immediate post-dominator.  Warps take turns of a few
blocks, so that they share the counter of members as they would on a card.  Arithmetic is
IEEE's, operation by operation, as PTX has it where a rounding is named.
"""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

WARP = 32
TURN = 64  # blocks
REGISTER = r"%[a-zA-Z]+\d*"
C_TYPES = {
    "b8": "uint8_t", "u8": "uint8_t", "s8": "int8_t", "b16": "uint16_t", "u16": "uint16_t", "s16": "int16_t",
    "b32": "uint32_t", "u32": "uint32_t", "s32": "int32_t", "b64": "uint64_t", "u64": "uint64_t", "s64": "int64_t",
    "f64": "double", "pred": "uint8_t",
}  # fmt: skip
OPPOSITE = {"lt": "ge", "le": "gt", "gt": "le", "ge": "lt", "eq": "ne"}
SIGNS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "lo": "<", "ls": "<=", "hi": ">"}
SYMBOLS = {"add": "+", "sub": "-", "mul": "*", "and": "&", "or": "|", "xor": "^", "div": "/"}
LIBRARY = {
    "sqrt": "__builtin_sqrt", "abs": "__builtin_fabs", "neg": "-", "rcp": "1.0 / ", "min": "least", "max": "most",
    "fma": "__builtin_fma",
}  # fmt: skip
WHOLE = {"rmi": "__builtin_floor", "rpi": "__builtin_ceil", "rzi": "__builtin_trunc"}

HEAD = """
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
static inline double D(uint64_t x) { double d; memcpy(&d, &x, 8); return d; }
static inline uint64_t U(double d) { uint64_t x; memcpy(&x, &d, 8); return x; }
static inline double least(double a, double b)
{ return a != a ? b : b != b ? a : a == b ? D(U(a) | U(b)) : a < b ? a : b; }
static inline double most(double a, double b)
{ return a != a ? b : b != b ? a : a == b ? D(U(a) & U(b)) : a > b ? a : b; }
static inline uint64_t shl_b64(uint64_t x, uint32_t n) { return n > 63 ? 0 : x << n; }
static inline uint32_t shl_b32(uint32_t x, uint32_t n) { return n > 31 ? 0 : x << n; }
static inline uint64_t shr_u64(uint64_t x, uint32_t n) { return n > 63 ? 0 : x >> n; }
static inline uint32_t shr_u32(uint32_t x, uint32_t n) { return n > 31 ? 0 : x >> n; }
static inline int64_t shr_s64(int64_t x, uint32_t n) { return x >> (n > 63 ? 63 : n); }
static inline int32_t shr_s32(int32_t x, uint32_t n) { return x >> (n > 31 ? 31 : n); }
"""

TAIL = """
typedef int (*Block)(Thread *, const uint64_t *);
static const Block blocks[] = {%(blocks)s};
static const int meets[] = {%(meets)s};    /* the post-dominator of each block */
static const int callee[] = {%(callee)s};  /* the first block of the function that it calls at its end, or -1 */
static const int end_of[] = {%(end_of)s};  /* the end of the function whose first block it is */
typedef struct { int at, until; uint32_t mask; } Entry;
typedef struct { int depth; Entry entries[512]; } Warp;

static void push(Warp *w, int at, int until, uint32_t mask)
{ if (w->depth == 512) abort(); w->entries[w->depth++] = (Entry){at, until, mask}; }

static int turn(Warp *w, Thread *threads, const uint64_t *P)
{
  for (int i = 0; i < %(turn)d; i++) {
    while (w->depth && w->entries[w->depth - 1].at == w->entries[w->depth - 1].until) w->depth--;
    if (!w->depth) return 0;
    Entry *e = &w->entries[w->depth - 1];
    int at = e->at, first = -1, same = 1, next[%(warp)d];
    uint32_t mask = e->mask;
    for (int t = 0; t < %(warp)d; t++) if (mask >> t & 1) {
      next[t] = blocks[at](threads + t, P);
      if (first < 0) first = next[t];
      same &= next[t] == first;
    }
    if (callee[at] >= 0) { e->at = first; push(w, callee[at], end_of[callee[at]], mask); continue; }
    if (same) { e->at = first; continue; }
    e->at = meets[at];
    for (uint32_t left = mask; left;) {
      int to = next[__builtin_ctz(left)];
      uint32_t group = 0;
      for (int t = 0; t < %(warp)d; t++) if (left >> t & 1 && next[t] == to) group |= 1u << t;
      left &= ~group;
      if (to != meets[at]) push(w, to, meets[at], group);
    }
  }
  return 1;
}

void launch(const uint64_t *P, int count_blocks, int threads)
{
  int per_block = (threads + %(warp)d - 1) / %(warp)d, warps = count_blocks * per_block, alive = 1;
  Thread *room = calloc((size_t)warps * %(warp)d, sizeof(Thread));
  Warp *stacks = calloc(warps, sizeof(Warp));
  for (int w = 0; w < warps; w++) {
    int last = threads - w %% per_block * %(warp)d;
    push(stacks + w, %(entry)d, end_of[%(entry)d], last >= %(warp)d ? ~0u : (1u << last) - 1);
  }
  while (alive) {
    alive = 0;
    for (int w = 0; w < warps; w++) alive |= turn(stacks + w, room + (size_t)w * %(warp)d, P);
  }
  free(room); free(stacks);
}
int local_bytes(void) { return %(local)d; }
"""


@dataclass
class Function:
    """A function of the text: its basic blocks, each a list of instructions."""

    name: str
    parameters: list[str]
    blocks: list[list[str]] = field(default_factory=lambda: [[]])
    labels: dict[str, int] = field(default_factory=dict)
    local: int = 0


def needs_gcc() -> None:
    """Skip the test that calls it where there is no gcc."""
    if shutil.which("gcc") is None:
        pytest.skip("no gcc on the PATH, which compiles the simulated PTX")


def simulated(ptx: str, folder: Path, name: str = "kernel") -> ctypes.CDLL:
    """The kernel ``run`` of `ptx`, as a library with ``launch(arguments, blocks, threads)``."""
    source, library = folder / f"{name}.c", folder / f"{name}.so"
    source.write_text(translated(ptx), encoding="utf-8")
    options = ["-O1", "-mfma", "-ffp-contract=off", "-fno-strict-aliasing", "-w", "-shared", "-fPIC"]
    subprocess.run(["gcc", *options, "-o", str(library), str(source)], check=True)
    loaded = ctypes.CDLL(str(library))
    loaded.launch.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]
    return loaded


# ---- reading


def functions_of(ptx: str) -> list[Function]:
    """The functions of a module that have a body."""
    found = []
    for header in re.finditer(r"\.(?:entry|func)\s+(\w+)\s*\(([^)]*)\)[^;{]*\{", ptx):
        function = Function(header[1], re.findall(r"(\w+)(?:,|\s*$)", header[2], re.MULTILINE))
        body = ptx[header.end() : _closing(ptx, header.end())]
        for statement in re.sub(r"^\s*[{}]\s*$", "", body, flags=re.MULTILINE).split(";"):
            _read(function, statement)
        found.append(function)
    return found


def _closing(text: str, begin: int) -> int:
    """Where the brace before `begin` is closed."""
    depth = 1
    for match in re.compile(r"[{}]").finditer(text, begin):
        depth += 1 if match[0] == "{" else -1
        if depth == 0:
            return match.start()
    raise ValueError("a brace is not closed")


def _read(function: Function, statement: str) -> None:
    """Add a statement, with the labels before it; a branch, a call and a return end a block."""
    labels = re.match(r"(?:\s*\$\w+:)*", statement)
    for label in re.findall(r"\$\w+", labels[0] if labels else ""):
        if function.blocks[-1]:
            function.blocks.append([])
        function.labels[label] = len(function.blocks) - 1
    instruction = " ".join(statement[labels.end() if labels else 0 :].split())
    depot = re.match(r"\.local .*\[(\d+)\]", instruction)
    if depot:
        function.local = int(depot[1])
    elif instruction and not instruction.startswith("."):
        function.blocks[-1].append(instruction)
        if re.match(r"(@!?%p\d+ )?(bra|ret|call)", instruction):
            function.blocks.append([])


def tables_of(ptx: str) -> list[str]:
    """The tables and constants of a module, as C."""
    pattern = r"^[^\n]*\.(?:global|const) [^\n]*?\.[bus](\d+) (\w+)(\[\d+\])?(?: = \{?([^;}]*)\}?)?;"
    return [
        f"static const uint{bits}_t {name}{size or '[1]'} = {{{values or 0}}};"
        for bits, name, size, values in re.findall(pattern, ptx, re.MULTILINE)
    ]


# ---- writing


def translated(ptx: str) -> str:
    """The C text of a module."""
    ptx = re.sub(r"//.*", "", ptx)
    return _Translation(functions_of(ptx), tables_of(ptx)).text()


class _Translation:
    """A module on its way to C.  Registers that live in one block alone are its locals."""

    def __init__(self, functions: list[Function], tables: list[str]) -> None:
        self.functions, self.tables = functions, tables
        sizes = [len(f.blocks) + 1 for f in functions]  # and the end of each
        self.first = {f.name: sum(sizes[:i]) for i, f in enumerate(functions)}
        self.depots = {f.name: sum(g.local // 8 + 2 for g in functions[:i]) for i, f in enumerate(functions)}
        self.registers: dict[str, int] = {}

    def text(self) -> str:
        bodies: list[str] = []
        columns: dict[str, list[Any]] = {"blocks": [], "meets": [], "callee": [], "end_of": []}
        for f in self.functions:
            first, count, shared = self.first[f.name], len(f.blocks), _shared(f)
            bodies += [self._block(f, i, shared) for i in range(count)]
            columns["blocks"] += [*(f"b{first + i}" for i in range(count)), "0"]
            columns["meets"] += [first + m for m in _post_dominators([_successors(f, i) for i in range(count)])] + [-1]
            columns["callee"] += [self._callee(block) for block in f.blocks] + [-1]
            columns["end_of"] += [first + count] + [-1] * count
        local = sum(f.local // 8 + 2 for f in self.functions)
        thread = f"typedef struct {{ uint64_t r[{len(self.registers) + 1}], arg[64], local[{local}]; }} Thread;"
        numbers = {"turn": TURN, "warp": WARP, "entry": self.first["run"], "local": 8 * local}
        tail = TAIL % {**numbers, **{name: ",".join(map(str, column)) for name, column in columns.items()}}
        return "\n".join([HEAD, *self.tables, thread, *bodies, tail])

    def _callee(self, block: list[str]) -> int:
        called = re.match(r"call(?:\.uni)? (\w+)", block[-1]) if block else None
        return self.first[called[1]] if called else -1

    def _block(self, f: Function, number: int, shared: set[str]) -> str:
        block, first = f.blocks[number], self.first[f.name]
        own = sorted({r for line in block for r in re.findall(REGISTER, line)} - shared)
        lines = [f"static int b{first + number}(Thread *t, const uint64_t *P) {{"]
        lines += [f"uint64_t {r.replace('%', 'R_')};" for r in own]
        lines += [self._statement(f, line, shared) for line in block]
        return "\n".join([*lines, f"return {first + number + 1}; }}"])

    def _statement(self, f: Function, line: str, shared: set[str]) -> str:
        guard, line = re.fullmatch(r"(?:@(!?%p\d+) )?(.*)", line).groups()  # type: ignore[union-attr]
        operation, _, rest = line.partition(" ")
        operands = [o.strip() for o in re.findall(r"\{[^}]*\}|\[[^]]*\]|[^,\[\]{}]+", rest) if o.strip()]
        text = self._instruction(_Reader(self, f, shared), operation, operands)
        if guard is None:
            return text
        truth = _Reader(self, f, shared).place(guard.lstrip("!"))
        return f"if ({'!' if guard[0] == '!' else ''}{truth}) {{ {text} }}"

    def _instruction(self, reader: _Reader, operation: str, operands: list[str]) -> str:
        parts = operation.split(".")
        kind, width = parts[0], parts[-1]
        f = reader.function
        if kind == "bra":
            return f"return {self.first[f.name] + f.labels[operands[0]]};"
        if kind == "ret":
            return f"return {self.first[f.name] + len(f.blocks)};"
        if kind == "call":
            return ""
        if kind in ("ld", "st"):
            return reader.moved(kind, parts, operands)
        if kind == "atom":
            place, size = reader.address(operands[1]), reader.read(operands[2], width)
            return f"{{ uint64_t *q = (uint64_t *)({place}); {reader.place(operands[0])} = *q; *q += {size}; }}"
        if kind == "mov" and operands[1].startswith("__local"):
            return f"{reader.place(operands[0])} = (uint64_t)(t->local + {self.depots[f.name]});"
        if kind in ("mov", "cvta"):
            return reader.written(operands[0], "b64", reader.read(operands[1], "b64"))
        if kind == "cvt":
            return reader.converted(parts, operands)
        return reader.written(operands[0], _result(kind, width), reader.value(kind, parts, operands[1:]))


def _result(kind: str, width: str) -> str:
    return "pred" if kind == "setp" else width


@dataclass
class _Reader:
    """Operands of one function as C expressions."""

    module: _Translation
    function: Function
    shared: set[str]

    def place(self, register: str) -> str:
        if register not in self.shared:
            return register.replace("%", "R_")
        numbers = self.module.registers
        return f"t->r[{numbers.setdefault(f'{self.function.name} {register}', len(numbers))}]"

    def read(self, operand: str, width: str) -> str:
        """The value of an operand of this type."""
        if operand.startswith("%"):
            place = self.place(operand)
            return f"D({place})" if width == "f64" else f"({C_TYPES[width]}){place}"
        if operand.startswith("0d"):
            bits = f"0x{operand[2:]}ULL"
            return f"D({bits})" if width == "f64" else bits
        if re.fullmatch(r"-?\d+", operand):
            return f"({C_TYPES[width]})({_whole(operand)})"
        if re.fullmatch(r"\w+", operand):
            return f"(uint64_t){operand}"
        raise ValueError(f"operand {operand!r}")

    def written(self, register: str, width: str, value: str) -> str:
        if width == "f64":
            return f"{self.place(register)} = U({value});"
        unsigned = C_TYPES["b" + width[1:]] if width != "pred" else "uint64_t"
        return f"{self.place(register)} = (uint64_t)({unsigned})({value});"

    def address(self, operand: str) -> str:
        base, _, offset = operand.strip("[] ").partition("+")
        return f"{self.read(base, 'b64')} + ({offset or 0})"

    def moved(self, kind: str, parts: list[str], operands: list[str]) -> str:
        """A load or a store, of one or several registers."""
        width = parts[-1]
        registers, place = operands if kind == "ld" else operands[::-1]
        names = [r.strip() for r in registers.strip("{}").split(",")]
        if "param" in parts:
            base = place.strip("[]").split("+")[0]
            return self._parameter(kind, base, names[0])
        c_type = C_TYPES["b" + width[1:]]
        lines = [f"{c_type} *q = ({c_type} *)({self.address(place)});"]
        for i, name in enumerate(names):
            lines.append(self._loaded(name, width, i) if kind == "ld" else f"q[{i}] = ({c_type}){self.bits(name)};")
        return "{ " + " ".join(lines) + " }"

    def bits(self, operand: str) -> str:
        return self.read(operand, "b64")

    def _loaded(self, name: str, width: str, i: int) -> str:
        value = f"(int{width[1:]}_t)q[{i}]" if width[0] == "s" else f"q[{i}]"
        return f"{self.place(name)} = (uint64_t)({value});"

    def _parameter(self, kind: str, name: str, register: str) -> str:
        """What a function is called with lies in slots of the thread; those of the kernel in `P`."""
        if kind == "st":
            return f"t->arg[{int(re.search(r'[0-9]+$', name)[0])}] = {self.bits(register)};"  # type: ignore[index]
        slot = self.function.parameters.index(name)
        return f"{self.place(register)} = {'P' if self.function.name == 'run' else 't->arg'}[{slot}];"

    def converted(self, parts: list[str], operands: list[str]) -> str:
        into, source = (p for p in parts[1:] if p in C_TYPES)
        value = self.read(operands[1], source)
        if into == source == "f64":
            value = f"{WHOLE[parts[1]]}({value})"
        elif into != "f64" and source == "f64" and parts[1] != "rzi":
            raise ValueError(f"{'.'.join(parts)}: only toward zero is simulated")
        return self.written(operands[0], into, f"({C_TYPES[into]})({value})")

    def value(self, kind: str, parts: list[str], operands: list[str]) -> str:
        """What an arithmetic or logical instruction computes."""
        width = parts[-1]
        if kind == "selp":
            return f"{self.place(operands[2])} ? {self.read(operands[0], width)} : {self.read(operands[1], width)}"
        if kind in ("shl", "shr"):
            return f"{kind}_{width}({self.read(operands[0], width)}, {self.read(operands[1], 'u32')})"
        values = [self.read(o, width) for o in operands]
        if kind == "setp":
            return _comparison(parts[1], *values, real=width == "f64")
        if width == "f64" and kind in LIBRARY:
            return f"{LIBRARY[kind]}({', '.join(values)})"
        if kind in ("min", "max"):
            return f"{values[0]} {'<' if kind == 'min' else '>'} {values[1]} ? {values[0]} : {values[1]}"
        if kind in ("not", "neg"):
            return f"{'-' if kind == 'neg' else '!' if width == 'pred' else '~'}{values[0]}"
        return f"{values[0]} * {values[1]} + {values[2]}" if kind == "mad" else f" {SYMBOLS[kind]} ".join(values)


def _whole(number: str) -> str:
    """A whole number as C has it; the smallest of 64 bits has no literal."""
    return "(-9223372036854775807LL - 1)" if number == str(-(2**63)) else f"{number}LL"


def _comparison(name: str, a: str, b: str, *, real: bool) -> str:
    if name in ("nan", "num"):
        return f"({a} != {a} || {b} != {b}) == {int(name == 'nan')}"
    if real and name.endswith("u"):
        return f"!({a} {SIGNS[OPPOSITE[name[:-1]]]} {b})" if name != "neu" else f"{a} != {b}"
    if real and name == "ne":
        return f"({a} < {b} || {a} > {b})"
    return f"{a} {SIGNS[name]} {b}"


def _shared(f: Function) -> set[str]:
    """The registers that several blocks use."""
    seen, shared = set[str](), set[str]()
    for block in f.blocks:
        used = {r for line in block for r in re.findall(REGISTER, line)}
        shared |= used & seen
        seen |= used
    return shared


def _successors(f: Function, number: int) -> set[int]:
    """The blocks that may follow one; the number of blocks is the end of the function."""
    block, following = f.blocks[number], {number + 1}
    for line in block:
        match = re.fullmatch(r"(@!?%p\d+ )?(bra|ret)(?:\.uni)? ?(\S*)", line)
        if match:
            following = following if match[1] else set()
            following.add(f.labels[match[3]] if match[2] == "bra" else len(f.blocks))
    return following


def _post_dominators(successors: list[set[int]]) -> list[int]:
    """The immediate post-dominator of each block, by sets to a fixed point."""
    count = len(successors)
    everyone = set(range(count + 1))
    after = [set(everyone) for _ in range(count)] + [{count}]
    changed = True
    while changed:
        changed = False
        for i in range(count - 1, -1, -1):
            new = set.intersection(*(after[s] for s in successors[i])) | {i}
            changed |= new != after[i]
            after[i] = new
    return [max(after[i] - {i}, key=lambda q: len(after[q])) for i in range(count)]
