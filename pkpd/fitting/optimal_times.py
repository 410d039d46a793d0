"""The verb: when to sample, so that parameters are estimated as well as so many samples allow."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import FitError
from pkpd.fitting.curves import Curve
from pkpd.fitting.designs import Design, designed, observed_outputs, sampled
from pkpd.fitting.exchange import exchanged, log_determinants
from pkpd.fitting.identifiability import Identifiability, analyzed
from pkpd.fitting.identifiability_reports import exact_ones
from pkpd.fitting.observation_models import with_further_rows
from pkpd.fitting.predictor import moments
from pkpd.fitting.text_tables import table
from pkpd.prepared.asked import regimens_by_arm
from pkpd.prepared.solver import Solver
from pkpd.records.observations import SIDES, Side
from pkpd.symbolic.model import Model

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SamplingTimes", "optimal_times"]


CANDIDATES = 121  # on each of a linear and a logarithmic grid
ROUNDING = 1e-9  # of the interval: what is nearer to an end is at it
STEP = 1e-4  # of the interval: of the differences in time that the local search follows


@dataclass(frozen=True, eq=False, repr=False)
class SamplingTimes:
    """Sampling times and how good they are; see `optimal_times`.

    Attributes
    ----------
    times
        (samples,): the best times, each as often as it is sampled, in the model's unit of time.
    log_determinant
        Of the information of the parameters, on the scale of the search.
    """

    times: Array
    log_determinant: float
    sampling: _Sampling

    def efficiency(self, times: Any) -> float:
        """The D-efficiency of other times relative to these, so that 0.5 needs twice the samples.

        ``(det M(times)/det M)**(1/k)`` of the information M of k parameters, times the ratio
        of the numbers of samples.
        """
        other = self.sampling.log_determinant(_samples(times))
        k = len(self.sampling.design.coordinates)
        return float(np.exp((other - self.log_determinant) / k) * len(self.times) / len(np.atleast_1d(times)))

    @property
    def identifiability(self) -> Identifiability:
        """What samples at these times inform."""
        return analyzed(self.sampling.at(self.times))

    @property
    def expected(self) -> pd.DataFrame:
        """The standard errors to expect of these times; see `Identifiability.expected`."""
        return self.identifiability.expected

    def report(self) -> str:
        """The times, and what they inform, as text."""
        design = self.sampling.design
        distinct, counts = np.unique(self.times, return_counts=True)
        rows = [[f"time [{design.model.time}]", "samples"]]
        rows += [[f"{time:.6g}", str(count)] for time, count in zip(distinct, counts, strict=True)]
        arms = f" in each of {len(design.data.arms)} arms" if len(design.data.arms) > 1 else ""
        head = (
            f"{design.model.name}: D-optimal times of {len(self.times)} samples{arms} for "
            f"{', '.join(c.label for c in design.coordinates)}"
        )
        return f"{head}\n\n{table(rows)}\n\n{self.identifiability.report()}"

    def __str__(self) -> str:
        return self.report()

    def __repr__(self) -> str:
        return f"<SamplingTimes {', '.join(f'{t:.4g}' for t in self.times)} [{self.sampling.design.model.time}]>"


@dataclass(frozen=True, eq=False)
class _Sampling:
    """A design whose times are to be chosen: each arm and output is sampled at every time."""

    design: Design
    outputs: Sequence[str]
    side: Side

    def at(self, times: Array) -> Design:
        """The design at these times, which may repeat."""
        design = self.design
        regimens, sd = design.data.regimens, dict(zip(design.data.output, design.data.sd, strict=True))
        plain = sampled(regimens, dict.fromkeys(regimens, times), self.outputs, self.side)
        data = dataclasses.replace(plain, sd=np.array([sd[name] for name in plain.output]))
        longer, places, _ = with_further_rows(data, design.chosen)
        predictor = dataclasses.replace(design.predictor, data=longer)
        return dataclasses.replace(design, data=data, predictor=predictor, places=places)

    def factors(self, times: Array) -> Array:
        """What a sample at each time says, (times, rows, coordinates): a factor of its information."""
        design = self.at(times)
        rows = design.rows(design.start).parameters
        arms, outputs = len(design.data.arms), len(self.outputs)
        by_time = rows.reshape(arms, len(times), outputs, *rows.shape[1:])
        return np.asarray(np.moveaxis(by_time, 1, 0).reshape(len(times), -1, rows.shape[2]))

    def log_determinant(self, times: Array) -> float:
        return float(log_determinants(information_of(self.factors(times)).sum(axis=0)[None])[0])


def information_of(factors: Array) -> Array:
    """The information of each sample, (times, coordinates, coordinates)."""
    return np.asarray(np.einsum("tri,trj->tij", factors, factors))


def optimal_times(
    model: Model | Curve | Callable[..., Any],
    treatment: Any,
    free: Any,
    n: int,
    *,
    between: tuple[float, float] | None = None,
    candidates: Any = None,
    outputs: Any = None,
    error: Any = None,
    parameters: Mapping[str, Any] | None = None,
    at_dose: Side = "after",
    gap: float = 0.0,
    seed: int = 0,
    solver: Solver | None = None,
) -> SamplingTimes:
    """Find the times of `n` samples that determine parameters best: the D-optimal ones.

    The determinant of the expected information is largest, so that the volume of the
    confidence ellipsoid is smallest, whatever the scales of the parameters.  The times are
    those for the values at which `free` starts (local optimality).  From several seeded
    beginnings on a grid samples are exchanged for better ones until none is; the best then
    goes to the optimum nearby by scipy's SLSQP, with exact sensitivities.

    Parameters
    ----------
    model, treatment, free, outputs, error, parameters, solver
        As for `pkpd.identifiability`; the numbers of error models are taken as known.  Where
        there are several arms, or outputs, all of them are sampled at each time.
    n
        The number of samples (of each arm and output).  A time may be sampled repeatedly.
    between
        The earliest and the latest time, in the model's unit of time.
    candidates
        Instead of `between` the only times that are possible, such as those of visits.
    at_dose
        Whether a sample at the time of a dose is ``"after"`` it or ``"before"``.
    gap
        The shortest time between two samples; 0 lets them coincide.
    seed
        Of the beginnings.

    Returns
    -------
    SamplingTimes
        Its `times`, the `efficiency` of others, and the standard errors to `expect`.

    Raises
    ------
    FitError, UnknownNameError
        If the arguments do not fit together, or so many samples cannot determine the parameters.

    References
    ----------
    Fedorov VV. Theory of Optimal Experiments. Academic Press, New York (1972).
    Atkinson AC, Donev AN, Tobias RD. Optimum Experimental Designs, with SAS. Oxford University
    Press (2007), chapter 17.

    Examples
    --------
    A bolus with additive error is sampled at once, and one time constant V/CL later:

    >>> import pkpd
    >>> best = pkpd.optimal_times(
    ...     pkpd.load("pk_1cmt"), pkpd.bolus(100, "iv"), {"CL": pkpd.free(1), "V": pkpd.free(10)}, n=2,
    ...     between=(0, 50), error=pkpd.additive_error(0.1),
    ... )
    >>> best.times.round(3).tolist()
    [0.0, 10.0]
    """
    if not isinstance(n, int) or isinstance(n, bool) or n < 1:
        raise FitError(f"n is {n!r}; expected the number of samples, 1 or more.")
    if at_dose not in SIDES:
        raise FitError(f"at_dose is {at_dose!r}; expected 'before' or 'after'.")
    grid = _grid(between, candidates)
    regimens_by_arm(treatment)  # not a table
    design = designed(
        model, treatment, free, times=grid, outputs=outputs, error=error, parameters=parameters, at_dose=at_dose,
        solver=solver,
    )  # fmt: skip
    sampling = _Sampling(design, observed_outputs(design.model, outputs, error), at_dose)
    _check_gap(gap, grid, n)
    information = information_of(sampling.factors(grid))
    _check_enough(sampling, information, n)
    times = grid[exchanged(information, grid, n, gap, np.random.default_rng(seed))]
    if candidates is None:
        times = _refined(sampling, times, (float(grid[0]), float(grid[-1])), gap)
    return SamplingTimes(times, sampling.log_determinant(times), sampling)


def _samples(times: Any) -> Array:
    samples = np.sort(np.array(times, dtype=float).reshape(-1))
    if not samples.size or not np.isfinite(samples).all():
        raise FitError(f"times is {times!r}; expected one or more numbers.")
    return samples


def _grid(between: Any, candidates: Any) -> Array:
    if (between is None) == (candidates is None):
        raise FitError(f"between is {between!r} and candidates is {candidates!r}; expected one of them.")
    if candidates is not None:
        return moments(candidates)
    try:
        low, high = (float(end) for end in between)
    except (TypeError, ValueError):
        raise FitError(f"between is {between!r}; expected (earliest, latest), two numbers.") from None
    if not 0 <= low < high < np.inf:
        raise FitError(f"between is {low:g} to {high:g}; expected times of 0 or more, the earliest first.")
    near = low + np.geomspace(1e-4, 1.0, CANDIDATES) * (high - low)
    return np.unique(np.concatenate([np.linspace(low, high, CANDIDATES), near[:-1]]))


def _check_gap(gap: Any, grid: Array, n: int) -> None:
    if not isinstance(gap, int | float) or not 0 <= gap < np.inf:
        raise FitError(f"gap is {gap!r}; expected a time of 0 or more.")
    if gap * (n - 1) > grid[-1] - grid[0]:
        raise FitError(f"{n} samples {gap:g} apart do not fit between {grid[0]:g} and {grid[-1]:g}.")


def _check_enough(sampling: _Sampling, information: Array, n: int) -> None:
    """Refuse what even samples at all candidate times would not tell apart, and too few samples."""
    whole = analyzed(sampling.design)
    if not whole.identifiable:
        raise FitError(
            f"no times between {sampling.design.data.time.min():g} and {sampling.design.data.time.max():g} determine "
            f"{', '.join(c.label for c in whole.coordinates)}: {exact_ones(whole)}"
        )
    rank = n * int(np.linalg.matrix_rank(information).max())
    if rank < len(whole.coordinates):
        raise FitError(
            f"{n} sample{'s' * (n > 1)} cannot determine {len(whole.coordinates)} parameters "
            f"({', '.join(c.label for c in whole.coordinates)}); take more."
        )


def _refined(sampling: _Sampling, times: Array, ends: tuple[float, float], gap: float) -> Array:
    """The optimum near times on a grid, or these times where nothing near is better."""
    from scipy.optimize import LinearConstraint, minimize

    span, k = ends[1] - ends[0], len(sampling.design.coordinates)

    def cost(scaled: Array) -> tuple[float, Array]:
        here = ends[0] + np.clip(scaled, 0.0, 1.0) * span
        low, high = np.clip(here - STEP * span, *ends), np.clip(here + STEP * span, *ends)
        moved = np.concatenate([here, low, high])
        order = np.argsort(moved, kind="stable")
        factors = sampling.factors(moved[order])[np.argsort(order, kind="stable")]
        now, before, after = np.split(information_of(factors), 3)
        whole = now.sum(axis=0)
        slopes = (after - before) / ((high - low) / span)[:, None, None]
        gradient = np.einsum("ij,tji->t", np.linalg.pinv(whole, hermitian=True), slopes)
        return -float(log_determinants(whole[None])[0]) / k, -gradient / k

    apart = LinearConstraint(np.diff(np.eye(len(times)), axis=0), gap / span, np.inf) if gap and len(times) > 1 else ()
    start = (np.sort(times) - ends[0]) / span
    best = minimize(
        cost, start, jac=True, method="SLSQP", bounds=[(0.0, 1.0)] * len(times), constraints=apart,
        options={"ftol": 1e-12, "maxiter": 200},
    )  # fmt: skip
    scaled = np.where(best.x < ROUNDING, 0.0, np.where(best.x > 1 - ROUNDING, 1.0, best.x))
    refined = np.sort(ends[0] + scaled * span)
    better = sampling.log_determinant(refined) >= sampling.log_determinant(np.sort(times))
    return np.asarray(refined if better else np.sort(times))
