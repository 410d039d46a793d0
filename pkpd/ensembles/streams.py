"""Random numbers by name and member: the same whatever else is drawn, and in whatever chunks."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

__all__ = ["normals", "stream", "uniforms"]

Array = NDArray[np.float64]

_SMALLEST = 2.0**-54  # below the generator's smallest positive number; 0 has no finite normal score


def stream(seed: int, name: str, first: int) -> np.random.Generator:
    """The stream of numbers called `name`, set to member `first`: one draw of ``random`` a member."""
    key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
    bits = np.random.PCG64(np.random.SeedSequence([seed, key]))
    bits.advance(first)
    return np.random.Generator(bits)


def uniforms(seed: int, name: str, n: int, first: int = 0) -> Array:
    """Numbers strictly between 0 and 1 for the members `first` to ``first + n - 1``, (n,)."""
    return np.maximum(stream(seed, name, first).random(n), _SMALLEST)


def normals(seed: int, name: str, n: int, first: int = 0) -> Array:
    """Standard normal numbers for the members `first` to ``first + n - 1``, (n,)."""
    from scipy.special import ndtri

    scores: Array = ndtri(uniforms(seed, name, n, first))
    return scores
