"""The noun: a model, what varies between subjects, and how observations scatter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from pkpd.ensembles.box_cox import BoxCox
from pkpd.ensembles.correlated import Block
from pkpd.ensembles.distributions import as_distribution
from pkpd.ensembles.marginals import TransformedNormal
from pkpd.ensembles.mixtures import Subpopulation
from pkpd.ensembles.variability import Variability
from pkpd.errors import FitError, unknown_name
from pkpd.fitting.free_parameters import Free
from pkpd.fitting.mixed.dependent_errors import dependent
from pkpd.fitting.mixed.mixture_statements import with_mixture
from pkpd.fitting.outcomes import Binomial, EventTime, Poisson
from pkpd.measures.dependent_errors import DependentErrors
from pkpd.measures.residual_error import ResidualError
from pkpd.records.tidy_tables import as_text
from pkpd.symbolic.covariates import CovariateEffect
from pkpd.symbolic.model import Model, require_model

__all__ = ["ErrorModel", "MixedEffects", "mixed_effects"]

ErrorModel = ResidualError | Binomial | Poisson | EventTime


@dataclass(frozen=True, eq=False, repr=False)
class MixedEffects:
    """A nonlinear mixed-effects model; see `mixed_effects`.

    Attributes
    ----------
    model
        The structural model.
    variability
        What varies between subjects, with every median and spread filled in.
    error
        The error model of each observed output.
    covariates
        By parameter the effects on its typical value.
    occasions
        What varies from occasion to occasion within a subject.
    free
        What is estimated without variability, and where typical values start.
    fixed
        Labels of numbers that stay where they start.
    parameters
        Other parameters and what they are held at.
    priors
        By label the distribution of what is estimated.
    error_spread
        The standard deviation between subjects of the logarithm of numbers of error models.
    residuals
        Which errors depend on one another.
    mixture
        By name the subpopulations of which a subject belongs to one, unknown which.
    """

    model: Model
    variability: Variability
    error: Mapping[str, ErrorModel]
    covariates: Mapping[str, tuple[CovariateEffect, ...]] = field(default_factory=dict)
    occasions: Mapping[str, TransformedNormal] = field(default_factory=dict)
    free: Mapping[str, Free] = field(default_factory=dict)
    fixed: frozenset[str] = frozenset()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    priors: Mapping[str, Any] = field(default_factory=dict)
    error_spread: Mapping[str, float] = field(default_factory=dict)
    residuals: tuple[DependentErrors, ...] = ()
    mixture: Mapping[str, Subpopulation] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("error", "covariates", "occasions", "free", "parameters", "priors", "error_spread", "mixture"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    def __reduce__(self) -> tuple[Any, ...]:
        plain = {k: dict(v) if isinstance(v, MappingProxyType) else v for k, v in vars(self).items()}
        return MixedEffects, tuple(plain.values())

    def but(self, **changes: Any) -> MixedEffects:
        """The same with other fields, such as ``but(covariates={})``."""
        return replace(self, **changes)

    def __repr__(self) -> str:
        varying = ", ".join(self.variability.names)
        classes = f"; classes {', '.join(self.mixture)}" if self.mixture else ""
        return f"<MixedEffects {self.model.name}: {varying} vary; {', '.join(self.error)} observed{classes}>"


def mixed_effects(
    model: Model,
    iiv: Any = None,
    *,
    error: ErrorModel | Mapping[str, ErrorModel],
    covariates: Mapping[str, CovariateEffect | Sequence[CovariateEffect]] | None = None,
    occasions: Mapping[str, Any] | None = None,
    free: Mapping[str, Free] | Iterable[str] = (),
    fixed: Iterable[str] = (),
    parameters: Mapping[str, Any] | None = None,
    priors: Mapping[str, Any] | None = None,
    residuals: DependentErrors | Sequence[DependentErrors] = (),
    mixture: Mapping[str, Subpopulation] | None = None,
) -> MixedEffects:
    """State a nonlinear mixed-effects model, to be estimated by `pkpd.fit`.

    Parameters
    ----------
    model
        A closed model.
    iiv
        What varies between subjects, in the words that simulate a `population`: ``{"CL":
        lognormal(cv=0.3)}``, a `block` of correlated parameters, a list of these, or a
        `Variability`; what a distribution leaves out is taken from the model, and parameters with
        a declared ``iiv`` vary too unless they are None here.  Medians and spreads are where
        their estimates start.  A label of `error`, such as ``"sd_additive[C]"``, lets the error
        itself vary between subjects, log-normally.
    error
        ``{output: error model}``, or one error model where the model has one output: those of
        `pkpd.fit`.  Their numbers are where the estimates start; ``.fixed()`` holds them.
    covariates
        By parameter an effect or several: ``{"CL": power_effect("WT", 70)}``.  A covariate
        that changes within a subject acts in time.
    occasions
        By parameter its distribution about the subject's own value from occasion to occasion,
        ``{"CL": lognormal(cv=0.2)}``: a new value wherever the column OCC changes.
    free
        Parameters that are estimated without variability, named or with `pkpd.free`; of those
        that vary, `pkpd.free` says where the typical value starts and what is known beforehand.
        They are on a log scale where they start above 0, unless bounds admit values below 0.
    fixed
        Labels of the table of estimates that stay where they start, such as ``"ka"`` or
        ``"omega[ka]"``.
    parameters
        Other parameters to hold at values that differ from the model's.
    priors
        By label the distribution of an estimate, such as ``{"ka": lognormal(1.5, omega=0.3)}``: the
        most probable values are found then (MAP).
    residuals
        Errors that are not independent: ``[correlated("C", "E", 0.3)]`` between two outputs at one
        time, ``[autocorrelated("C", "8 h")]`` of one output in time.
    mixture
        Subpopulations by name, in the words of `population`: ``{"fast": subpopulation(0.6), "slow":
        subpopulation(0.4, values={"CL": 1.2})}``.  Which of them a subject belongs to is unknown.
        Values and probabilities are where estimates start; ``CL[slow]`` is the typical value in that class,
        ``CL`` that in all others, and ``probability[slow]`` its probability; the first class has
        the rest.  A class with a `variability` of its own has ``omega[CL[slow]]``.

    Returns
    -------
    MixedEffects

    Raises
    ------
    UnknownNameError
        If the model has no such parameter or output.
    FitError, ParameterError
        If a distribution is normal on no scale, a parameter is named for two purposes, or an
        error model is none.

    Examples
    --------
    >>> import pkpd
    >>> model = pkpd.load("pk_1cmt_oral").in_time("h")
    >>> pkpd.mixed_effects(
    ...     model,
    ...     iiv={"CL": pkpd.lognormal(cv=0.3), "V": pkpd.lognormal(cv=0.2)},
    ...     error={"C": pkpd.proportional_error(0.1)},
    ...     free=["ka"],
    ... )
    <MixedEffects pk_1cmt_oral: CL, V vary; C observed>
    >>> pkpd.mixed_effects(
    ...     model,
    ...     iiv={"CL": pkpd.lognormal(cv=0.3)},
    ...     error={"C": pkpd.proportional_error(0.1)},
    ...     free=["V", "ka"],
    ...     mixture={"fast": pkpd.subpopulation(0.7), "slow": pkpd.subpopulation(0.3, values={"CL": 2.0})},
    ... )
    <MixedEffects pk_1cmt_oral: CL vary; C observed; classes fast, slow>
    """
    require_model(model, "mixed_effects")
    model.require_closed()
    errors = _errors(model, error)
    iiv, spreads = _of_errors(iiv, errors)
    variability = Variability.of(model, iiv)
    _require_normal(variability)
    settable = {s.name: s for s in model.settable}
    wanted = _free(model, free, settable)
    held, effects = dict(parameters or {}), {k: _effects(k, e) for k, e in (covariates or {}).items()}
    within = {name: _occasion(name, d) for name, d in (occasions or {}).items()}
    at_start = frozenset([fixed] if isinstance(fixed, str) else map(str, fixed))
    _require_one_purpose(model, settable, {*variability.names, *wanted}, held, {**effects, **within})
    stated = MixedEffects(
        model, variability, errors, effects, within, wanted, at_start, held, dict(priors or {}), spreads,
        dependent(model, errors, residuals),
    )  # fmt: skip
    return with_mixture(stated, mixture)


def _require_one_purpose(
    model: Model,
    settable: Mapping[str, Any],
    estimated: set[str],
    held: Mapping[str, Any],
    changed: Mapping[str, Any],
) -> None:
    for name in (*changed, *held):
        if name not in settable:
            raise unknown_name(model.name, "parameter", str(name), settable)
    for name in held:
        if name in estimated:
            raise FitError(
                f"mixed_effects: {name!r} is held by parameters= and estimated too; leave one of the two out."
            )
    for name in changed:
        if name not in estimated:
            raise FitError(
                f"mixed_effects: {name!r} has an effect of a covariate or of occasions, and is not estimated; name it "
                "in iiv= or free=."
            )


def _errors(model: Model, error: Any) -> dict[str, ErrorModel]:
    if isinstance(error, ErrorModel):
        if len(model.outputs) != 1:
            raise FitError(
                f"mixed_effects: error is one error model, and {model.name} has the outputs "
                f"{', '.join(model.outputs)}; give error={{output: error model}}."
            )
        error = {next(iter(model.outputs)): error}
    if not isinstance(error, Mapping) or not error:
        raise FitError(f"mixed_effects: error is {error!r}; expected {{output: error model}}.")
    observables = [*(s.name for s in model.states), *model.outputs]
    for name, one in error.items():
        if name not in observables:
            raise unknown_name(model.name, "state or output", str(name), observables)
        if not isinstance(one, ErrorModel):
            raise FitError(
                f"mixed_effects: error[{name!r}] is {one!r}; expected additive_error(), proportional_error(), "
                "combined_error(), power_error(), lognormal_error(), binomial_error(), poisson_error() or event_time()."
            )
    return dict(error)


def _of_errors(iiv: Any, errors: Mapping[str, ErrorModel]) -> tuple[Any, dict[str, float]]:
    """The statement without the numbers of error models, and how these vary."""
    if isinstance(iiv, list | tuple):
        parts = [_of_errors(part, errors) for part in iiv]
        return [part for part, _ in parts], {k: v for _, spreads in parts for k, v in spreads.items()}
    if not isinstance(iiv, Mapping):
        return iiv, {}
    labels = {f"{n}[{o}]" for o, e in errors.items() if isinstance(e, ResidualError) for n in e.numbers}
    spreads = {}
    for label in sorted(labels & set(iiv)):
        distribution = iiv[label]
        if not isinstance(distribution, TransformedNormal) or distribution.scale != "log" or not distribution.sd:
            raise FitError(
                f"mixed_effects: iiv[{label!r}] is {distribution!r}; the size of an error varies log-normally, as "
                "lognormal(cv=0.3)."
            )
        _require_free_number(label, distribution, errors)
        spreads[label] = float(distribution.sd)
    return {name: d for name, d in iiv.items() if name not in spreads}, spreads


def _require_free_number(label: str, distribution: TransformedNormal, errors: Mapping[str, ErrorModel]) -> None:
    """Refuse a median beside the number of the error model itself, and a number that is the same for all."""
    name, output = label[:-1].split("[", 1)
    error = errors[output]
    assert isinstance(error, ResidualError)
    if error.held:
        raise FitError(
            f"mixed_effects: iiv[{label!r}] lets a number vary that error[{output!r}] holds for everyone; leave out "
            f".fixed(), and name {label!r} in fixed= to hold its typical value."
        )
    if distribution.center is not None and distribution.center != error.numbers[name]:
        raise FitError(
            f"mixed_effects: iiv[{label!r}] has the median {distribution.center:g}, and error[{output!r}] starts at "
            f"{error.numbers[name]:g}; give the median there alone, and here lognormal(cv=...)."
        )


def _require_normal(variability: Variability) -> None:
    for joint in variability.joints:
        if not isinstance(joint, Block):
            raise FitError(
                f"mixed_effects: {', '.join(joint.names)} are rows of a table, of which nothing is estimated."
            )
        for name, marginal in joint.marginals.items():
            if not isinstance(marginal, TransformedNormal | BoxCox):
                raise FitError(
                    f"mixed_effects: {name!r} is {marginal!r}, which is normal on no scale; expected lognormal(), "
                    "normal(), logitnormal(), probitnormal() or boxcox()."
                )


def _free(model: Model, free: Any, settable: Mapping[str, Any]) -> dict[str, Free]:
    if not isinstance(free, Mapping):
        free = dict.fromkeys([free] if isinstance(free, str) else free, Free())
    for name, choice in free.items():
        if name not in settable:
            raise unknown_name(model.name, "parameter", str(name), settable)
        if not isinstance(choice, Free):
            raise FitError(
                f"mixed_effects: free[{name!r}] is {choice!r}; expected free(start=..., bounds=(low, high))."
            )
        if choice.per_arm:
            raise FitError(
                f"mixed_effects: free[{name!r}] has per_arm=True; what differs between subjects is stated by iiv=."
            )
    return {str(name): choice for name, choice in free.items()}


def _effects(name: str, effect: Any) -> tuple[CovariateEffect, ...]:
    several = tuple(effect) if isinstance(effect, list | tuple) else (effect,)
    for one in several:
        if not isinstance(one, CovariateEffect):
            raise FitError(
                f"mixed_effects: covariates[{name!r}] has {one!r}; expected an effect of a column, such as "
                "power_effect('WT', 70), or a list of them."
            )
    seen: dict[tuple[str, str], CovariateEffect] = {}
    for one in several:
        twin = seen.setdefault((one.covariate, "" if one.kind != "category" else as_text(one.category)), one)
        if twin is not one:
            raise FitError(
                f"mixed_effects: covariates[{name!r}] has two effects of {one.covariate!r}, {twin} and {one}, whose "
                "coefficients would have one name; keep one of them."
            )
    return several


def _occasion(name: str, distribution: Any) -> TransformedNormal:
    within = as_distribution(name, distribution)
    if not isinstance(within, TransformedNormal) or within.scale != "log" or not within.sd:
        raise FitError(
            f"mixed_effects: occasions[{name!r}] is {distribution!r}; what changes from occasion to occasion is a "
            "factor, as lognormal(cv=0.2)."
        )
    if within.center is not None and within.center != 1:
        raise FitError(
            f"mixed_effects: occasions[{name!r}] has the median {within.center:g}; an occasion is a factor about the "
            "subject's own value, whose median is 1: lognormal(cv=0.2). The typical value stands in iiv= or free=."
        )
    return within
