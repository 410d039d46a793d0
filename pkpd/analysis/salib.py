"""SALib, where it is installed."""

from __future__ import annotations

import importlib
from typing import Any

from pkpd.errors import MissingExtraError

__all__ = ["salib"]


def salib(module: str) -> Any:
    """A module of SALib, such as ``analyze.sobol``.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    try:
        return importlib.import_module(f"SALib.{module}")
    except ImportError:
        raise MissingExtraError(
            f"sensitivity indices ({module}) are estimated by SALib; install it with: pip install 'pkpd[sweep]'"
        ) from None
