"""Whether a search can begin where it is asked to."""

from __future__ import annotations

import numpy as np

from pkpd.arrays import Array, Mask
from pkpd.errors import FitError
from pkpd.fitting.function_predictor import FunctionPredictor
from pkpd.fitting.objective import Objective

__all__ = ["check_start"]


def check_start(objective: Objective, x: Array) -> None:
    """Refuse a start at which an arm cannot be solved, or at which the data are impossible.

    Raises
    ------
    FitError
        Naming the first such arm.
    """
    value = objective.log_posterior(x[None])[0]
    at = ", ".join(f"{c.label} = {c.natural(v):.6g}" for c, v in zip(objective.coordinates, x, strict=True))
    failed = [arm for arm, n in objective.predictor.failures.items() if n]
    name = objective.predictor.model.name
    if failed:
        if isinstance(objective.predictor, FunctionPredictor):
            raise FitError(
                f"fit: {name} has no finite value at the start ({at}) in arm {failed[0]!r}; start elsewhere."
            )
        raise FitError(
            f"fit: {name} cannot be solved at the start in arm {failed[0]!r} ({at}). "
            "Start elsewhere, or try another method of simulate()."
        )
    if value > -np.inf:
        return
    predicted = objective.predicted(x[None])
    for group in objective.groups:
        wrong: Mask = ~np.isfinite(objective.density(group, predicted, x[None]).value[0])
        if wrong.any():
            row = int(group.rows[np.argmax(wrong)])
            raise FitError(
                f"fit: at the start ({at}) the model predicts {predicted[0, row]:.6g} of {group.output!r} at "
                f"time {objective.data.time[row]:g} in arm {objective.data.arm[row]!r}, which its error model "
                f"({group.likelihood}) does not allow where {objective.data.value[row]:g} was observed. Start "
                "elsewhere, or choose another error model."
            )
    raise FitError(f"fit: the priors give the start ({at}) no probability; start where they do.")
