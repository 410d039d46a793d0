"""What a mixture of subpopulations states, class by class, in the words that simulate one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pkpd.ensembles.correlated import Block
from pkpd.ensembles.marginals import TransformedNormal
from pkpd.ensembles.mixtures import Subpopulation, centered, check_mixture
from pkpd.ensembles.variability import Joint, Variability
from pkpd.errors import FitError, ParameterError, UnitError, unknown_name
from pkpd.fitting.free_parameters import Free
from pkpd.symbolic.values import parameter_value

if TYPE_CHECKING:
    from pkpd.fitting.mixed.statements import MixedEffects

__all__ = ["class_statement", "with_mixture"]


def with_mixture(statement: MixedEffects, mixture: Any) -> MixedEffects:
    """The statement with subpopulations, by name; the same where `mixture` is None.

    Raises
    ------
    ParameterError
        If it is no mixture, or the probabilities do not sum to 1.
    UnknownNameError
        If the model has no such parameter.
    FitError
        If a class has a value of what is not estimated, or varies in other parameters than `iiv`.
    """
    if mixture is None:
        return statement
    if isinstance(mixture, Mapping) and not mixture:
        raise FitError("mixed_effects: mixture has no subpopulation; expected {name: subpopulation(probability, ...)}.")
    check_mixture(mixture)
    settable = {s.name: s for s in statement.model.settable}
    estimated = {*statement.variability.names, *statement.free}
    for name, share in mixture.items():
        if len(mixture) > 1 and not 0 < share.probability < 1:
            raise FitError(
                f"mixed_effects: the probability of the subpopulation {name!r} is {share.probability:g}, where no "
                "search can begin; give a value between 0 and 1, or leave the subpopulation out."
            )
        for parameter in share.values:
            if parameter not in settable:
                raise unknown_name(statement.model.name, "parameter", parameter, settable)
            if parameter not in estimated:
                raise FitError(
                    f"mixed_effects: the subpopulation {name!r} has a value of {parameter!r}, which is not estimated; "
                    f"name it in iiv= or free=, and hold it by fixed=['{parameter}[{name}]'] if it is known."
                )
    whole = statement.but(mixture={str(name): share for name, share in mixture.items()})
    for name in whole.mixture:
        class_statement(whole, name)
    return whole


def class_statement(statement: MixedEffects, name: str) -> MixedEffects:
    """One class as a statement of its own: its starts and its variability, without mixture, labels that are held and
    priors.

    Raises
    ------
    FitError
        If a value cannot be read, or the class varies otherwise than in the size of the same etas.
    """
    share = statement.mixture[name]
    settable = {s.name: s for s in statement.model.settable}
    try:
        values = {p: parameter_value(statement.model, settable[p], value) for p, value in share.values.items()}
    except (ParameterError, UnitError) as error:
        raise FitError(f"mixed_effects: of the subpopulation {name!r}, {error}") from error
    variability = statement.variability if share.variability is None else _own_variability(statement, share, name)
    chosen = {p: replace(c, start=values[p]) if p in values else c for p, c in statement.free.items()}
    if share.variability is not None:  # its medians are where the class starts
        chosen = {p: replace(c, start=None) if p in variability.names else c for p, c in chosen.items()}
    try:
        variability = centered(variability, share, name, values)
    except ParameterError as error:
        raise FitError(f"mixed_effects: {error}") from error
    return statement.but(mixture={}, fixed=frozenset(), priors={}, free=chosen, variability=variability)


def _own_variability(statement: MixedEffects, share: Subpopulation, name: str) -> Variability:
    """That of a class, medians that it leaves out as in `iiv`."""
    centers = {k: getattr(d, "center", None) for k, d in statement.variability.distributions.items()}
    starts = {k: c.start for k, c in statement.free.items() if isinstance(c, Free) and c.start is not None}
    known = {**{k: c for k, c in centers.items() if c is not None}, **starts}
    own = Variability.of(statement.model.using(**{**known, **share.values}), share.variability)
    if [_kinds(joint) for joint in own.joints] != [_kinds(joint) for joint in statement.variability.joints]:
        raise FitError(
            f"mixed_effects: the subpopulation {name!r} varies in {_listed(own)}, and iiv= in "
            f"{_listed(statement.variability)}; the variability of a class has the parameters, scales and blocks of "
            "iiv=, with other spreads. State there all that varies in any class."
        )
    return own


def _kinds(joint: Joint) -> Any:
    """What must be the same in every class: the names, the scales, and which etas are correlated."""
    if not isinstance(joint, Block):
        return joint
    kinds = []
    for name, marginal in joint.marginals.items():
        scale = (
            (marginal.scale, marginal.lower, marginal.upper) if isinstance(marginal, TransformedNormal) else "boxcox"
        )
        kinds.append((name, type(marginal).__name__, scale, bool(getattr(marginal, "sd", None))))
    return kinds


def _listed(variability: Variability) -> str:
    blocks = (", ".join(joint.names) for joint in variability.joints)
    return "; ".join(f"({names})" if "," in names else names for names in blocks) or "nothing"
