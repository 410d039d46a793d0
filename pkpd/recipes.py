"""How a result was made, as text that it carries into its file, so that it can be made again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pkpd.model_text.writing import model_tables
from pkpd.symbolic.model import Model
from pkpd.treatment.regimen_json import regimen_as_json
from pkpd.treatment.regimens import Regimen

__all__ = ["RECIPE", "Recipe"]

RECIPE = "pkpd_recipe"  # where a result in memory keeps it, and the attribute of its file


@dataclass(frozen=True)
class Recipe:
    """What a result was computed from, beside the numbers that it holds itself.

    Attributes
    ----------
    model, treatment
        As given; the treatment by arm, ``""`` where there are no arms.
    varying
        The names of the parameters whose values the result holds over its members.
    asked
        The options of `pkpd.simulate` that its numbers depend on.
    """

    model: Model
    treatment: Mapping[str, Regimen | None]
    varying: tuple[str, ...]
    asked: Mapping[str, Any]

    def text(self) -> str:
        """The same as JSON.

        Raises
        ------
        ModelError, RegimenError
            If something has no text, such as a function of your own.
        """
        regimens = {arm: None if r is None else regimen_as_json(r) for arm, r in self.treatment.items()}
        content = {
            "model": model_tables(self.model), "regimens": regimens, "varying": self.varying, "asked": dict(self.asked),
        }  # fmt: skip
        return json.dumps(content)
