"""Error models and priors as plain values for a JSON file, and back."""

from __future__ import annotations

import dataclasses
from typing import Any, get_args

from pkpd.ensembles.marginals import FromScipy, TransformedNormal
from pkpd.errors import DataError
from pkpd.fitting.likelihoods import BlqMethod, KnownSd, Likelihood, NormalError
from pkpd.fitting.outcomes import Binomial, EventTime, Poisson
from pkpd.json_files import Fields, json_number
from pkpd.measures.residual_error import ResidualError

__all__ = ["likelihood_as_json", "likelihood_from_json", "prior_as_json", "prior_from_json"]

_KINDS: dict[str, Any] = {
    "known_sd": KnownSd, "normal": NormalError, "binomial": Binomial, "poisson": Poisson, "event_time": EventTime,
}  # fmt: skip
_NAMES = {kind: name for name, kind in _KINDS.items()}


def likelihood_as_json(likelihood: Likelihood) -> dict[str, Any]:
    """An error model.

    Raises
    ------
    DataError
        If a file does not hold one of its kind.
    """
    if type(likelihood) not in _NAMES:
        raise DataError(f"write_fit: the error model {likelihood} is none of {', '.join(_KINDS)}, which a file holds.")
    values = {f.name: getattr(likelihood, f.name) for f in dataclasses.fields(likelihood)}  # type: ignore[arg-type]
    plain = {name: dataclasses.asdict(v) if isinstance(v, ResidualError) else v for name, v in values.items()}
    return {"kind": _NAMES[type(likelihood)], **plain}


def likelihood_from_json(fields: Fields) -> Likelihood:
    """The error model that was written.

    Raises
    ------
    DataError
        If an entry is missing or of a wrong kind.
    """
    kind = fields.choice("kind", list(_KINDS))
    blq: Any = fields.choice("blq", get_args(BlqMethod))
    if kind == "normal":
        return NormalError(_residual_error(fields.part("error")), blq)
    if kind == "binomial":
        return Binomial(blq=blq, trials=fields.text("trials"))
    if kind == "event_time":
        return EventTime(blq=blq, hazard=fields.text("hazard"))
    simple: Likelihood = _KINDS[kind](blq)
    return simple


def _residual_error(error: Fields) -> ResidualError:
    adds: Any = error.choice("adds", ("variance", "sd"))
    scale: Any = error.choice("scale", ("linear", "log"))
    return ResidualError(
        additive=error.number("additive"),
        proportional=error.number("proportional"),
        adds=adds,
        scale=scale,
        power=error.number_or_none("power"),
        held=error.flag("held"),
    )


def prior_as_json(label: str, prior: Any) -> dict[str, Any]:
    """A prior of one of our distributions, or a frozen one of ``scipy.stats`` by its name.

    Raises
    ------
    DataError
        If it is neither.
    """
    if isinstance(prior, TransformedNormal):
        values = {f.name: json_number(getattr(prior, f.name)) for f in dataclasses.fields(prior)}
        return {"kind": "transformed_normal", **values}
    frozen = prior.frozen if isinstance(prior, FromScipy) else prior
    name = getattr(getattr(frozen, "dist", None), "name", None)
    if name is None or _of_scipy(name) is None or type(frozen.dist) is not type(_of_scipy(name)):
        raise DataError(f"write_fit: the prior of {label!r} is {prior!r}, which is no distribution of scipy.stats.")
    try:
        arguments = [float(a) for a in frozen.args]
        named = {key: float(a) for key, a in frozen.kwds.items()}
    except (TypeError, ValueError):
        raise DataError(f"write_fit: the prior of {label!r} is {prior!r}; a file holds numbers as arguments.") from None
    return {"kind": "scipy", "name": name, "arguments": arguments, "named": named}


def prior_from_json(fields: Fields) -> Any:
    """The prior that was written.

    Raises
    ------
    DataError
        If an entry is missing or of a wrong kind, or scipy has no such distribution.
    """
    if fields.choice("kind", ("transformed_normal", "scipy")) == "scipy":
        return _frozen(fields)
    scale: Any = fields.choice("scale", ("linear", "log", "logit", "probit"))
    return TransformedNormal(
        scale,
        fields.number_or_none("center"),
        fields.number_or_none("sd"),
        fields.number("lower"),
        fields.number("upper"),
    )


def _frozen(fields: Fields) -> Any:
    distribution = _of_scipy(fields.text("name"))
    if distribution is None:
        raise fields.wrong("name", "a continuous distribution of scipy.stats")
    named = fields.part("named")
    try:
        return distribution(
            *fields.numbers("arguments").tolist(), **{name: named.number(name) for name in named.content}
        )
    except (TypeError, ValueError) as error:
        raise DataError(f"{fields.where}: scipy.stats.{distribution.name} refuses its arguments: {error}.") from None


def _of_scipy(name: str) -> Any:
    """The continuous distribution of this name, None where there is none."""
    from scipy import stats

    distribution = getattr(stats, name, None) if name in dir(stats) else None
    return distribution if isinstance(distribution, stats.rv_continuous) else None
