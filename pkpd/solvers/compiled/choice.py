"""Which shape suits a processor, as measured; ``PKPD_LANES`` overrules it.

A processor with AVX-512 holds 8 numbers in each of 32 registers.  One with AVX2 holds 4 in each of 16: 8 lanes
take a fifth more instructions there, since they spill what a step computes.  Large models want no other number.
AVX-512, AVX2 and SSE2 are measured, on one processor that has all of them (``benchmarks/results/shapes``); NEON is not.
"""

from __future__ import annotations

import os

from pkpd.errors import unknown_name
from pkpd.solvers.compiled.shape import LANES, Shape
from pkpd.solvers.compiled.target import Target

__all__ = ["chosen_shape"]

# By the processor's vectors.  NEON's registers are 32, of 2 numbers each.
SUITABLE = {"avx512": 8, "avx2": 4, "sse2": 2, "neon": 4, "other": 2}


def chosen_shape(target: Target) -> Shape:
    """The shape for a processor, or of as many lanes as ``PKPD_LANES`` says.

    Raises
    ------
    UnknownNameError
        If ``PKPD_LANES`` is none of `LANES`.
    """
    asked = os.environ.get("PKPD_LANES", "")
    if asked and asked not in map(str, LANES):
        raise unknown_name("PKPD_LANES", "number of lanes", asked, map(str, LANES))
    return Shape(int(asked or SUITABLE[target.vectors]), fused=target.fuses)
