"""Random numbers by name and member: the same whatever else is drawn, and in whatever chunks."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import ParameterError

__all__ = ["check_counts", "check_seed", "normals", "uniforms"]


_SMALLEST = 2.0**-54  # below the generator's smallest positive number; 0 has no finite normal score


def check_counts(who: str, n: Any, first: Any) -> None:
    """Refuse counts of members that a stream cannot have; `who` asks for them.

    Raises
    ------
    ParameterError
        If a number is not whole, `n` is less than 1, `first` less than 0, or a member beyond 2**53.
    """
    whole = isinstance(n, int | np.integer) and isinstance(first, int | np.integer)
    if not whole or n < 1 or first < 0 or first + n > 2**53:
        raise ParameterError(f"{who}() got n={n!r}, first={first!r}; expected whole numbers, 1 or more and 0 or more.")


def check_seed(seed: Any) -> None:
    """Refuse what no generator of random numbers takes as a seed.

    Raises
    ------
    ParameterError
        If it is not a whole number of 0 or more.
    """
    if not isinstance(seed, int | np.integer) or seed < 0:
        raise ParameterError(f"the seed is {seed!r}; expected a whole number of 0 or more.")


def _stream(seed: int, name: str, first: int) -> np.random.Generator:
    """The stream of numbers called `name`, set to member `first`: one draw of ``random`` a member."""
    check_seed(seed)
    key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
    bits = np.random.PCG64(np.random.SeedSequence([seed, key]))
    bits.advance(first)
    return np.random.Generator(bits)


def uniforms(seed: int, name: str, n: int, first: int = 0) -> Array:
    """Numbers strictly between 0 and 1 for the members `first` to ``first + n - 1``, (n,)."""
    return np.maximum(_stream(seed, name, first).random(n), _SMALLEST)


def normals(seed: int, name: str, n: int, first: int = 0) -> Array:
    """Standard normal numbers for the members `first` to ``first + n - 1``, (n,)."""
    from scipy.special import ndtri

    scores: Array = ndtri(uniforms(seed, name, n, first))
    return scores
