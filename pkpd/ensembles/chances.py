"""The chances by which members have their events, and the grades of those events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pkpd.ensembles.streams import check_counts, uniforms
from pkpd.errors import ParameterError
from pkpd.symbolic.hazards import hazards
from pkpd.symbolic.model import Model, require_model

__all__ = ["draw_grades", "event_chances"]


def event_chances(model: Model) -> dict[str, Any]:
    """A uniform distribution for the ``u`` of every event of a model: covariates for `population`.

    As with all that `population` draws, a member has the same numbers whatever else is drawn,
    and in every arm; a second trial of other patients has another seed, or another `first`.

    Parameters
    ----------
    model
        With events from `time_to_event`.

    Returns
    -------
    dict
        ``{"u_death": scipy.stats.uniform(), ...}``.

    Raises
    ------
    ParameterError
        If the model has no such event.

    Examples
    --------
    >>> import pkpd
    >>> V = pkpd.state("V", "mL", "tumor volume", start=10)
    >>> growing = pkpd.Model("growing", {V: pkpd.param("kg", 0.01, "1/day", "growth", iiv=0.3) * V})
    >>> model = pkpd.time_to_event(growing, "death", pkpd.param("h0", 1e-3, "1/day/mL", "hazard") * V)
    >>> patients = pkpd.population(model, 100, seed=1, covariates=pkpd.event_chances(model))
    >>> sorted(patients.columns)
    ['kg', 'u_death']
    """
    from scipy.stats import uniform

    require_model(model, "event_chances")
    names = hazards(model)
    if not names:
        raise ParameterError(f"{model.name} has no event with a hazard; time_to_event() adds one.")
    return {f"u_{name}": uniform() for name in names}


def draw_grades(shares: Mapping[str, float], n: int, seed: int, *, name: str = "grade", first: int = 0) -> NDArray[Any]:
    """Draw the grade that an event of each of `n` patients has, should it happen, (n,).

    Parameters
    ----------
    shares
        By grade, from the mildest: the share of events that have it, adding up to 1.
    n
        The number of patients.
    seed
        Patient i has the same grade whatever `n` and `first`.
    name
        Of the event: two events of one patient are independent draws under two names.
    first
        The number of the first patient.

    Returns
    -------
    numpy.ndarray
        Of text.

    Raises
    ------
    ParameterError
        If the shares are not 0 or more or do not add up to 1, or a count is out of range.

    Examples
    --------
    Immune-mediated pneumonitis in PACIFIC: 9.4 % of any grade, 1.9 % of 3 or 4, 0.8 % fatal (Naidoo J et
    al., Lung Cancer 166:84-93, 2022, abstract):

    >>> import pkpd
    >>> grades = pkpd.draw_grades({"1-2": 6.7 / 9.4, "3-4": 1.9 / 9.4, "5": 0.8 / 9.4}, 10_000, seed=1)
    >>> round(float((grades == "3-4").mean()), 2)  # 1.9/9.4 = 0.20
    0.21
    """
    check_counts("draw_grades", n, first)
    parts = np.array(list(shares.values()), dtype=float)
    if not len(parts) or not (parts >= 0).all() or abs(parts.sum() - 1) > 1e-9:
        raise ParameterError(f"draw_grades: the shares are {dict(shares)}; expected 0 or more, adding up to 1.")
    place = np.searchsorted(np.cumsum(parts), uniforms(seed, f"grade of {name}", n, first), side="right")
    return np.array(list(shares), dtype=str)[np.minimum(place, len(parts) - 1)]
