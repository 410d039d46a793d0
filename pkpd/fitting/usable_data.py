"""What of the data a fit uses: measured values, and on which side of a dose each stands."""

from __future__ import annotations

import dataclasses
import warnings
from collections import Counter
from collections.abc import Sequence

import numpy as np

from pkpd.arrays import Array, Index, Mask
from pkpd.errors import FitError
from pkpd.fitting.regimen_predictor import RegimenPredictor
from pkpd.records.observations import SIDES, Dataset, Side

__all__ = ["check_side", "measured", "with_sides"]


DIFFERENT = 1e-6  # relative: two sides of a dose that the solver's error does not explain


def measured(data: Dataset) -> Mask:
    """Which observations are measured values; the others, if any, are dropped with a warning that counts them.

    Raises
    ------
    FitError
        If none is.
    """
    known = np.asarray(data.censored == 0)
    if known.all():
        return known
    lost = Counter(arm for arm, kept in zip(data.arm, known, strict=True) if not kept)
    where = ", ".join(f"{n} in arm {arm!r}" for arm, n in list(lost.items())[:5]) + (", ..." if len(lost) > 5 else "")
    if not known.any():
        raise FitError(
            f"fit: all {len(data)} observations of {data.name} are beyond a limit (blq or cens); none is left."
        )
    warnings.warn(
        f"fit: {int((~known).sum())} of {len(data)} observations of {data.name} are below or above a limit (blq or "
        f"cens: {where}) and were dropped (Beal's method M1); the estimates are biased where these are many.",
        UserWarning,
        stacklevel=3,
    )
    return known


def check_side(at_dose: object) -> None:
    """Refuse what is neither ``"before"`` nor ``"after"`` nor None.

    Raises
    ------
    FitError
    """
    if at_dose is not None and not (isinstance(at_dose, str) and at_dose in SIDES):
        raise FitError(f"fit: at_dose is {at_dose!r}; expected 'before' or 'after'.")


def with_sides(predictor: RegimenPredictor, x: Array, at_dose: Side | None) -> Dataset:
    """The data with every observation on one side of a dose.

    Where neither the data nor `at_dose` say it of an observation for which it matters at the
    point `x`, a warning names it and what was assumed: before the dose; but after it where the
    model has exactly 0 before it and a value was measured.
    """
    data = predictor.data
    sides = np.array([side or at_dose or "" for side in data.at_dose], dtype=object)
    unsaid = np.flatnonzero((sides == "") & [data.regimens[arm] is not None for arm in data.arm])
    doubtful: list[int] = []
    if len(unsaid):
        before, after = (_values(predictor, x, side, unsaid) for side in SIDES)
        with np.errstate(invalid="ignore"):
            matters = np.abs(after - before) > DIFFERENT * np.maximum(np.abs(after), np.abs(before))
        nothing_yet, measured_0 = matters & (before == 0), data.value[unsaid] == 0
        sides[unsaid[nothing_yet & ~measured_0]] = "after"
        doubtful = unsaid[matters & ~(nothing_yet & measured_0)].tolist()
    sides[sides == ""] = "before"
    _warn(data, sides.tolist(), doubtful)
    return dataclasses.replace(data, at_dose=tuple(sides.tolist()))


def _values(predictor: RegimenPredictor, x: Array, side: Side, rows: Index) -> Array:
    """What the model has for some observations, all on one side of doses; all arms as one ensemble."""
    data = predictor.data.take(np.isin(np.arange(len(predictor.data)), rows))
    one_sided = dataclasses.replace(data, at_dose=(side,) * len(data))
    asked = dataclasses.replace(predictor, data=one_sided, solves=Counter(), failures=Counter())
    return np.asarray(asked(x[None])[0])


def _warn(data: Dataset, sides: Sequence[str], doubtful: Sequence[int]) -> None:
    if not doubtful:
        return
    places = dict.fromkeys((data.arm[i], data.output[i], float(data.time[i]), sides[i]) for i in doubtful)
    assumed = [f"arm {arm!r}, {output!r} at time {time:g} as {side} the dose" for arm, output, time, side in places]
    more = f"; and {len(assumed) - 5} more" if len(assumed) > 5 else ""
    warnings.warn(
        "fit: a value that stands at the time of a dose may be from before or after it. Taken were "
        f"{'; '.join(assumed[:5])}{more}. Say which with at_dose='before' or 'after' in read_observations() or fit(), "
        "or for each observation in a column 'at_dose'.",
        UserWarning,
        stacklevel=4,
    )
