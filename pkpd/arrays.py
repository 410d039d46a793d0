"""The kinds of arrays that functions take and give back."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "Codes", "Index", "Mask"]

Array: TypeAlias = NDArray[np.float64]
Codes: TypeAlias = NDArray[np.int8]
Index: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]
