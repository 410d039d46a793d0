"""How much memory this machine has, and what a request would take of it."""

from __future__ import annotations

import math
import os
from functools import cache

__all__ = ["in_bytes", "physical_memory"]


@cache
def physical_memory() -> int | None:
    """The bytes of this machine's memory, or None where the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # no sysconf on Windows
        return None


def in_bytes(size: float) -> str:
    """A number of bytes in words, such as ``3.2 GB``."""
    power = min(int(math.log(max(size, 1), 1000)), 6)
    return f"{size / 1000**power:.3g} {('B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB')[power]}"
