"""Times to an event as parts of a model: hazards that the trajectory drives, drawn inside the integrator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy

from pkpd.errors import ModelError
from pkpd.symbolic.composition import compose
from pkpd.symbolic.model import Event, Model, output, require_model
from pkpd.symbolic.symbols import State, as_expression, check_name, clock, param, state

__all__ = ["hazards", "time_to_event"]


def time_to_event(
    model: Model,
    name: str,
    hazard: Any,
    *,
    meaning: str = "",
    then: Mapping[State, Any] | None = None,
) -> Model:
    """Add an event to a model whose hazard may depend on the model's trajectory.

    The cumulative hazard is integrated with the model, and the event happens when the chance of
    still being without it falls to a number ``u`` between 0 and 1 that each member has::

        dH/dt = hazard,    H(0) = 0,    the event happens when H = -ln u

    With `u` uniform (`event_chances` draws it) the time has exactly the distribution of that
    hazard, whatever drives it: no grid of times is involved.

    Parameters
    ----------
    model
        What the hazard depends on; it may have other such events already, which then compete.
    name
        Of the event, such as ``"death"``.
    hazard
        The rate of the event, 0 or more, in 1/time of the model: an expression of its states and
        parameters, of new parameters, of `given` outputs of the model by name, and of its
        `clock`.
    meaning
        Of the event, in words; by default its name.
    then
        What the event does besides, such as ``{V: 0}``.

    Returns
    -------
    Model
        The same with the states ``H_name`` (the cumulative hazard), ``name`` (0, and 1 from the
        event on) and ``t_name`` (0, and the time of the event from then on), the parameter
        ``u_name``, by default 0.5, the median, and the outputs ``S_name`` (the chance of no event
        by then) and ``h_name`` (the hazard), which `event_time` fits to observed times.

    Raises
    ------
    ModelError
        If a name is taken already or cannot be one, or `then` does not fit.
    UnitError
        If the hazard is not a rate.

    Notes
    -----
    A hazard that depends on the indicator of another event, such as ``h*(1 - death)``, stops
    with it.  Without that, hazards go on, and `first_event` reads which came first.

    References
    ----------
    Bender R, Augustin T, Blettner M. Stat Med 24:1713-1723 (2005), eq. 4: H(T) = -ln U.

    Examples
    --------
    >>> import pkpd
    >>> V, h0 = pkpd.state("V", "mL", "tumor volume", start=10), pkpd.param("h0", 1e-4, "1/day/mL", "hazard")
    >>> growing = pkpd.Model("growing", {V: pkpd.param("kg", 0.01, "1/day", "growth") * V})
    >>> model = pkpd.time_to_event(growing, "death", hazard=h0 * V)
    >>> run = pkpd.simulate(model, times=[0, 300], parameters={"u_death": [0.2, 0.5, 0.8]})
    >>> run["t_death"].isel(time=-1).round(2).values.tolist()
    [283.87, 207.08, 117.29]
    """
    require_model(model, "time_to_event")
    check_name(name, "event")
    what = meaning or name.replace("_", " ")
    rate = as_expression(hazard, f"the hazard of {name!r}")
    H = state(f"H_{name}", "1", f"cumulative hazard of {what}")
    happened = state(name, "1", f"whether {what} has happened")
    when = state(f"t_{name}", model.time, f"time of {what}, 0 before it")
    u = param(f"u_{name}", 0.5, "1", f"chance of no {what} at which it happens", source="uniform", bounds=(0, 1))
    _check_new(model, name, {H.name, name, when.name, u.name, f"S_{name}", f"h_{name}"})
    part = Model(
        f"{name}_hazard",
        rates={H: rate, happened: 0, when: 0},
        outputs={
            f"S_{name}": output(sympy.exp(-H), f"chance of no {what} so far", "1"),
            f"h_{name}": output(rate, f"hazard of {what}"),
        },
        events=[Event(when=sympy.log(u) + H >= 0, then={happened: 1, when: clock(model.time), **dict(then or {})})],
        time=model.time,
    )
    return compose(model.name, model, part, description=model.description, time=model.time)


def hazards(model: Model) -> tuple[str, ...]:
    """The names of the events that `time_to_event` added to a model, sorted.

    Examples
    --------
    >>> import pkpd
    >>> V = pkpd.state("V", "mL", "tumor volume", start=10)
    >>> model = pkpd.Model("still", {V: 0 * V / pkpd.param("tau", 1, "day", "none")})
    >>> pkpd.hazards(pkpd.time_to_event(model, "death", pkpd.param("h", 0.01, "1/day", "hazard")))
    ('death',)
    """
    require_model(model, "hazards")
    names = {s.name for s in model.symbols.values()}
    return tuple(sorted(s.name for s in model.states if {f"{kind}_{s.name}" for kind in ("H", "t", "u")} <= names))


def _check_new(model: Model, name: str, added: set[str]) -> None:
    taken = sorted(added & {*model.symbols, *model.outputs})
    if name in hazards(model):
        raise ModelError(f"{model.name} has the event {name!r} already, added by time_to_event().")
    if taken:
        raise ModelError(f"{model.name} has the name {taken[0]!r} already, which time_to_event({name!r}) would add.")
