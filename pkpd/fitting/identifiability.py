"""The verb: which parameters can a design inform, before anything is measured?"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array, Index, Mask
from pkpd.errors import FitError
from pkpd.fitting.collinearity import SINGULAR, Confounded, collinearity_indices, confounded, estimable, subsets
from pkpd.fitting.curves import Curve
from pkpd.fitting.designs import Design, designed
from pkpd.fitting.free_parameters import Coordinate
from pkpd.fitting.function_predictor import FunctionPredictor
from pkpd.fitting.identifiability_reports import report
from pkpd.fitting.record_predictor import RecordPredictor
from pkpd.prepared.solver import Solver
from pkpd.records.observations import Side
from pkpd.symbolic.model import Model
from pkpd.symbolic.reach import places_of, reaching

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Identifiability", "analyzed", "identifiability"]


IDLE = 1e-7  # of the size of the predictions: a smaller effect is the integrator's error
ELSEWHERE = 2  # further points at which it is seen whether what is singular is so everywhere
SPREAD = 0.4  # how far they lie, on the scale of logarithms


@dataclass(frozen=True, eq=False, repr=False)
class Identifiability:
    """What a design can say of parameters; see `identifiability`.

    Attributes
    ----------
    design
        The model and what is sampled.
    x
        (coordinates,): the point, on the scale of the search.
    sensitivities
        (rows, coordinates): the change of each standardized observation by a relative change of
        each parameter.  Where residual errors depend on the prediction, and so say something of
        it, an observation has a second row.
    covariance_x
        (coordinates, coordinates): the lower bound of Cramer and Rao on the scale of the search;
        NaN for what the design does not inform.
    rank
        How many combinations of parameters the design informs.
    singular_values
        Those of the sensitivities with columns of length 1, without parameters that have no effect.
    confounded
        The smallest sets of parameters whose effects make up for one another, exactly or nearly.
    everywhere
        Of each of `confounded` whether it is exact, in the same ratio, at other points too.
    unreachable
        The parameters that no equation connects with an observation, and where they stand.
    without_effect
        The other parameters that change no observation of this design.
    """

    design: Design
    x: Array
    sensitivities: Array
    covariance_x: Array
    rank: int
    singular_values: Array
    confounded: tuple[Confounded, ...]
    everywhere: tuple[bool, ...]
    unreachable: Mapping[str, Sequence[str]] = field(default_factory=dict)
    without_effect: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "unreachable", MappingProxyType(dict(self.unreachable)))

    @property
    def coordinates(self) -> Sequence[Coordinate]:
        return self.design.coordinates

    @property
    def identifiable(self) -> bool:
        """Whether the design informs every parameter, however poorly."""
        return self.rank == len(self.coordinates)

    @property
    def estimable(self) -> tuple[str, ...]:
        """Parameters that can be estimated together while the others are held: their collinearity index is 15 or less.

        They are chosen by their influence; other choices may serve as well.
        """
        used = _used(self.sensitivities)
        if not len(used):
            return ()
        return tuple(self.coordinates[used[i]].label for i in estimable(self.sensitivities[:, used]))

    @property
    def expected(self) -> pd.DataFrame:
        """A table by parameter: value, se, rse_percent, unit, log, importance.

        The standard errors are those that the design allows at best (Cramer-Rao), NaN for a
        parameter that it does not inform, or without an error model.  The importance is the
        root mean square of the parameter's column of the sensitivities.
        """
        import pandas as pd

        se = np.sqrt(np.diag(self.covariance_x)) if self.design.sized else np.full(len(self.x), np.nan)
        size = np.linalg.norm(self.sensitivities, axis=0) / np.sqrt(len(self.design.data))
        rows = {
            c.label: {
                "value": float(c.natural(v)),
                "se": float(width * c.slope(v)),
                "rse_percent": float(100 * width * c.slope(v) / abs(c.natural(v))) if c.natural(v) else np.nan,
                "unit": c.unit,
                "log": c.log,
                "importance": float(weight),
            }
            for c, v, width, weight in zip(self.coordinates, self.x, se, size, strict=True)
        }
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("parameter")

    @property
    def correlation(self) -> pd.DataFrame:
        """The expected correlation of the estimates on the scale of the search; NaN where there is none."""
        import pandas as pd

        labels, se = [c.label for c in self.coordinates], np.sqrt(np.diag(self.covariance_x))
        values = self.covariance_x / np.outer(se, se)
        return pd.DataFrame(values, index=pd.Index(labels, name="parameter"), columns=labels)

    @property
    def collinearity(self) -> pd.DataFrame:
        """The collinearity index of subsets of the parameters that have an effect, the worst first.

        Columns: parameters, size, index (infinite where a subset is singular).  All subsets
        where there are few parameters; of many the small ones.  Up to about 10 the parameters
        of a subset can be estimated together (Brun 2001).
        """
        import pandas as pd

        used = _used(self.sensitivities)
        labels = [self.coordinates[i].label for i in used]
        rows = [
            (", ".join(labels[i] for i in which), size, float(index))
            for size, subset in subsets(len(used)).items()
            for which, index in zip(subset, collinearity_indices(self.sensitivities[:, used], subset), strict=True)
        ]
        table = pd.DataFrame(rows, columns=["parameters", "size", "index"])
        return table.sort_values(["index", "size"], ascending=[False, True], ignore_index=True)

    def report(self) -> str:
        """What the design informs, as text."""
        return report(self)

    def __str__(self) -> str:
        return self.report()

    def __repr__(self) -> str:
        return (
            f"<Identifiability of {self.design.model.name}: rank {self.rank} of {len(self.coordinates)} "
            f"parameters from {len(self.design.data)} observations>"
        )


def identifiability(
    model: Model | Curve | Callable[..., Any],
    treatment: Any,
    free: Any,
    *,
    times: Any = None,
    outputs: Any = None,
    error: Any = None,
    parameters: Mapping[str, Any] | None = None,
    at_dose: Side | None = None,
    seed: int = 0,
    solver: Solver | None = None,
) -> Identifiability:
    """Say which parameters a design can inform, before anything is measured.

    The sensitivities of the observations to relative changes of the parameters are integrated
    with the model, at the starts of `free`.  Their rank is the number of combinations that the
    design informs at that point, and the smallest sets of parameters whose effects make up for
    one another are named.  What is singular there is looked at in other points too.

    Parameters
    ----------
    model
        A closed model; or a plain function, as for `pkpd.fit`, whose treatment is None.
    treatment
        A regimen, or regimens by arm, sampled at `times`; or a table (`read_observations`,
        `read_nonmem`) whose rows say when is sampled, and whose values do not matter.
    free
        What is to be estimated, as for `pkpd.fit`: ``{name: free(...)}`` or a list of names.  Priors
        do not count: it is asked what the observations inform.
    times
        When each arm is sampled, in the model's unit of time; ``{arm: times}`` where they differ.
    outputs
        What is observed at all times: those of `error`, or the model's only output, by default.
        For records as for `pkpd.fit`.
    error
        The residual error of each output, ``{"C": proportional_error(0.2)}``, or one for all;
        its numbers count as estimated too.  Where it is missing, and a table has no standard
        deviations, errors in proportion to the largest prediction stand in for the ranking,
        and no standard errors are expected.
    parameters
        Other parameters to hold at values that differ from the model's.
    at_dose
        Whether a sample at the time of a dose is ``"before"`` it or ``"after"``; by default
        before, but after where there is nothing before.
    seed
        Of the other points at which what is singular is looked at.
    solver
        How to integrate; ``Solver(rtol=1e-10)`` by default.

    Returns
    -------
    Identifiability
        Its `report()` says it in words; `expected` has the standard errors to expect.

    Raises
    ------
    FitError, UnknownNameError
        If the arguments do not fit together, or the model cannot be solved.

    References
    ----------
    Brun R, Reichert P, Kuensch HR. Practical identifiability analysis of large environmental
    simulation models. Water Resour Res 37:1015-1030 (2001).

    Examples
    --------
    >>> import pkpd
    >>> design = pkpd.identifiability(
    ...     pkpd.load("pk_1cmt_oral"), pkpd.bolus(100, "oral"), ["CL", "V", "F"], times=[1, 2, 5, 10]
    ... )
    >>> design.rank
    2
    >>> [design.coordinates[i].label for i in design.confounded[0].which]
    ['CL', 'V', 'F']
    """
    return analyzed(
        designed(
            model, treatment, free, times=times, outputs=outputs, error=error, parameters=parameters, at_dose=at_dose,
            solver=solver,
        ),
        seed,
    )  # fmt: skip


def analyzed(design: Design, seed: int = 0) -> Identifiability:
    """The identifiability of the parameters of a design at its start."""
    x = design.start
    rows = design.rows(x)
    scaled = _scaled(design, x, rows.without_numbers())
    scaled = np.where(np.linalg.norm(scaled, axis=0) > IDLE * rows.size, scaled, 0.0)
    used = _used(scaled)
    columns = scaled[:, used]
    values = np.linalg.svd(columns / np.linalg.norm(columns, axis=0), compute_uv=False) if len(used) else np.empty(0)
    sets = tuple(_renumbered(c, used) for c in confounded(columns)) if len(used) else ()
    idle = [c for i, c in enumerate(design.coordinates) if i not in used]
    lost = _unreachable(design, idle)
    return Identifiability(
        design=design,
        x=x,
        sensitivities=scaled,
        covariance_x=_bound(design, x, scaled, used),
        rank=int((values > SINGULAR * values.max(initial=0.0)).sum()),
        singular_values=values,
        confounded=sets,
        everywhere=_everywhere(design, sets, seed),
        unreachable=lost,
        without_effect=tuple(c.label for c in idle if c.label not in lost),
    )


def _scaled(design: Design, x: Array, slopes: Array) -> Array:
    return np.asarray(slopes * _spans(design, x))


def _spans(design: Design, x: Array) -> Array:
    return np.array([c.span(v) for c, v in zip(design.coordinates, x, strict=True)])


def _used(sensitivities: Array) -> Index:
    return np.flatnonzero(np.abs(sensitivities).max(axis=0, initial=0.0) > 0)


def _renumbered(combination: Confounded, used: Index) -> Confounded:
    return dataclasses.replace(combination, which=tuple(int(used[i]) for i in combination.which))


def _bound(design: Design, x: Array, scaled: Array, used: Index) -> Array:
    """The Cramer-Rao bound of what is informed: a parameter that takes part in no direction without effect."""
    covariance = np.full((len(x), len(x)), np.nan)
    if not len(used):
        return covariance
    lengths = np.linalg.norm(scaled[:, used], axis=0)
    _, values, rows = np.linalg.svd(scaled[:, used] / lengths, full_matrices=True)
    kept = np.flatnonzero(values > SINGULAR * values[0])
    lost = np.delete(rows, kept, axis=0)
    informed: Mask = np.asarray(np.abs(lost).max(axis=0, initial=0.0) < 1e-3)
    scale = _spans(design, x)[used] / lengths
    whole = (rows[kept].T / values[kept] ** 2) @ rows[kept] * np.outer(scale, scale)
    at = used[informed]
    covariance[np.ix_(at, at)] = whole[np.ix_(informed, informed)]
    return covariance


# ---- what follows from the equations, and what holds elsewhere


def _unreachable(design: Design, idle: Sequence[Coordinate]) -> dict[str, Sequence[str]]:
    """The idle parameters that no equation connects with what is observed, and the places where they stand."""
    predictor = design.predictor
    if isinstance(predictor, FunctionPredictor):  # whose equations are not known
        return {}
    model, data = predictor.model, predictor.data
    regimens = [regimen for regimen in data.regimens.values() if regimen is not None]
    routes = None if isinstance(predictor, RecordPredictor) else [d.route for r in regimens for d in r.doses]
    reached = reaching(model, data.outputs, routes)
    by_dose = {s.name for regimen in regimens for s in regimen.parameters}
    return {c.label: places_of(model, c.parameter) for c in idle if c.parameter not in reached | by_dose}


def _everywhere(design: Design, sets: Sequence[Confounded], seed: int) -> tuple[bool, ...]:
    """Whether each exact set stays exact, in the same ratio, at other points within the bounds."""
    if not any(c.exact for c in sets):
        return (False,) * len(sets)
    rng = np.random.default_rng(seed)
    lower, upper = (np.array([getattr(c, key) for c in design.coordinates]) for key in ("lower", "upper"))
    held = [c.exact for c in sets]
    for _ in range(ELSEWHERE):
        x = np.clip(
            design.start + _spans(design, design.start) * rng.uniform(-SPREAD, SPREAD, len(lower)), lower, upper
        )
        try:
            scaled = _scaled(design, x, design.rows(x).without_numbers())
        except FitError:  # the model cannot be solved there, so that nothing is known
            return (False,) * len(sets)
        held = [before and _stays(c, scaled) for before, c in zip(held, sets, strict=True)]
    return tuple(held)


def _stays(combination: Confounded, scaled: Array) -> bool:
    columns = scaled[:, combination.which]
    change = np.linalg.norm(columns @ combination.direction)
    return bool(change <= 10 * SINGULAR * np.linalg.norm(columns, axis=0).max())
