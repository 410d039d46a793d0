"""Random numbers by name and member: the same whatever else is drawn, and in whatever chunks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.ensembles.inputs import shortened
from pkpd.errors import ParameterError

__all__ = ["by_runs", "check_counts", "check_seed", "normals", "uniforms"]


_SMALLEST = 2.0**-54  # below the generator's smallest positive number; 0 has no finite normal score
_GAP = 1024  # numbers that are cheaper to draw and drop than a stream is to set


def check_counts(who: str, n: Any, first: Any) -> None:
    """Refuse counts of members that a stream cannot have; `who` asks for them.

    Raises
    ------
    ParameterError
        If a number is not whole, `n` is less than 1, `first` less than 0, or a member beyond 2**53.
    """
    if not _whole(n) or not _whole(first) or n < 1 or first < 0 or first + n > 2**53:
        raise ParameterError(
            f"{who}() got n={shortened(n)}, first={shortened(first)}; expected whole numbers, 1 or more and 0 or more."
        )


def check_seed(seed: Any) -> None:
    """Refuse what no generator of random numbers takes as a seed.

    Raises
    ------
    ParameterError
        If it is not a whole number of 0 or more.
    """
    if not _whole(seed) or seed < 0:
        raise ParameterError(f"the seed is {shortened(seed)}; expected a whole number of 0 or more.")


def _whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


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


def by_runs(members: Index, draw: Callable[[int, int], Array]) -> Array:
    """What ``draw(first, n)``, (..., n), gives for these members, in their order: drawn in runs of neighbors."""
    if (np.diff(members) == 1).all():
        return draw(int(members[0]), len(members))
    wanted, back = np.unique(members, return_inverse=True)
    runs = np.split(wanted, np.flatnonzero(np.diff(wanted) > _GAP) + 1)
    pieces = [draw(int(run[0]), int(run[-1] - run[0]) + 1)[..., run - run[0]] for run in runs]
    return np.concatenate(pieces, axis=-1)[..., back]
