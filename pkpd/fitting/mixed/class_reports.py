"""What the report of a fit says of a mixture: its classes, and whether the data show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pkpd.fitting.mixed.classes import Classes
from pkpd.fitting.mixed.natural import natural
from pkpd.fitting.text_tables import number, table

if TYPE_CHECKING:
    from pkpd.fitting.mixed.results import MixedFit

__all__ = ["about_classes", "class_table"]


def class_table(fit: MixedFit) -> str:
    """The classes with their probabilities, and how many subjects belong to them; empty without a mixture."""
    classes, shares = fit.subjects.classes, fit.shares
    if classes is None or shares is None:
        return ""
    probability = np.exp(classes.log_probabilities(fit.u))
    rows = [["subpopulation", "probability", "subjects", "their mean chance %"]]
    for k, name in enumerate(classes.names):
        own = fit.class_of == k
        sure = number(100 * float(shares[k, own].mean()), 3) if own.any() else ""
        rows.append([name, number(float(probability[k])), str(int(own.sum())), sure])
    return table(rows)


def about_classes(fit: MixedFit) -> list[str]:
    """Notes on classes that are empty, not determined, or have changed places."""
    classes = fit.subjects.classes
    if classes is None:
        return []
    probability = np.exp(classes.log_probabilities(fit.u))
    empty = classes.empty(fit.u, fit.n_subjects)
    notes = [
        f"The probability of {name!r} went to {share:.2g}: no subject is in that class, and what is its own is not "
        "determined. The data do not ask for it."
        for name, share, gone in zip(classes.names, probability, empty, strict=True)
        if gone
    ]
    return [*notes, *_undetermined(fit, classes, bool(empty.any())), *_changed(fit, classes)]


def _undetermined(fit: MixedFit, classes: Classes, some_empty: bool) -> list[str]:
    if some_empty or fit.certainty is None:
        return []
    notes = []
    for label in classes.labels[classes.first_probability :]:
        row = fit.estimates.loc[label].to_dict()
        low, high = float(row["ci_low"]), float(row["ci_high"])
        if row["fixed"]:
            continue
        if not np.isfinite(high - low):
            notes.append(f"{label} is undetermined: the data do not tell the classes apart.")
        elif fit.n_subjects * low < 1 or (classes.count == 2 and fit.n_subjects * (1 - high) < 1):
            notes.append(
                f"{label} is undetermined: its interval, {low:.2g} to {high:.2g}, reaches to where less than one "
                "subject is in a class. Compare with a fit without a mixture: likelihood_ratio()."
            )
    return notes


def _changed(fit: MixedFit, classes: Classes) -> list[str]:
    """Whether what tells classes apart is no longer in the order of the start."""
    places = classes.told_by
    order, now = (np.argsort(u[places], kind="stable") for u in (classes.start, fit.u))
    if np.array_equal(order, now):
        return []
    values = natural(classes, fit.u)[places]
    found = ", ".join(f"{classes.labels[i]} = {value:.3g}" for i, value in zip(places, values, strict=True))
    return [f"The classes have changed places: {found}, not in the order of their starts. Names follow the numbers."]
