"""The chances by which members have their events: uniform numbers for `time_to_event`."""

from __future__ import annotations

from typing import Any

from pkpd.errors import ParameterError
from pkpd.symbolic.hazards import hazards
from pkpd.symbolic.model import Model, require_model

__all__ = ["event_chances"]


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
