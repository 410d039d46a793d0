"""What a rule of `pkpd.library.lint` says, and how it shows an expression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import sympy

__all__ = ["Finding", "Severity", "shown"]

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Finding:
    """One thing that lint found: a code, ``error`` or ``warning``, the place, and a sentence."""

    code: str
    severity: Severity
    where: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.where}: {self.severity} [{self.code}] {self.sentence}"


def shown(expression: sympy.Basic) -> str:
    """An expression as text, cut short where it is long."""
    text = str(sympy.sstr(expression, full_prec=False))
    return text if len(text) <= 80 else text[:77] + "..."
