"""The verb: when to sample, so that parameters are estimated as well as so many samples allow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.errors import FitError, unknown_name
from pkpd.fitting.curves import Curve
from pkpd.fitting.designs import Design, designed, observed_outputs
from pkpd.fitting.exchange import criterion, exchanged
from pkpd.fitting.identifiability import Identifiability, analyzed
from pkpd.fitting.identifiability_reports import exact_ones
from pkpd.fitting.predictor import moments
from pkpd.fitting.sampling_schemes import Sampling
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
        (samples,): the best times, each as often as it is sampled, in the model's unit of time; (arms,
        samples) where each arm has its own.
    log_determinant
        Of the information of the parameters of interest, on the scale of the search.
    """

    times: Array
    log_determinant: float
    sampling: Sampling

    def efficiency(self, times: Any) -> float:
        """The D-efficiency of other times relative to these, so that 0.5 needs twice the samples.

        ``(det M(times)/det M)**(1/k)`` of the information M of k parameters, times the ratio
        of the numbers of samples; k counts the parameters of interest.  Where each arm has its own
        times, (arms, samples).
        """
        samples = self.sampling.samples(times)
        other = self.sampling.log_determinant(samples)
        k = len(self.sampling.design.coordinates) - len(self.sampling.nuisance)
        return float(np.exp((other - self.log_determinant) / k) * self.times.shape[-1] / samples.shape[-1])

    @property
    def by_arm(self) -> dict[str, Array]:
        """The times of each arm."""
        arms = self.sampling.design.data.arms
        return dict(zip(arms, np.broadcast_to(self.times, (len(arms), self.times.shape[-1])), strict=True))

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
        design, nuisance = self.sampling.design, self.sampling.nuisance
        rows = [[f"time [{design.model.time}]", "samples"]]
        for arm, own in self.by_arm.items() if self.times.ndim > 1 else [("", self.times)]:
            distinct, counts = np.unique(own, return_counts=True)
            rows += [[f"{arm} {t:.6g}".strip(), str(count)] for t, count in zip(distinct, counts, strict=True)]
        arms = f" in each of {len(design.data.arms)} arms" if len(design.data.arms) > 1 else ""
        labels = [c.label for c in design.coordinates]
        of_interest = ", ".join(label for i, label in enumerate(labels) if i not in nuisance)
        beside = f", with {', '.join(labels[i] for i in nuisance)} estimated too" if len(nuisance) else ""
        kind = "D_s-optimal" if len(nuisance) else "D-optimal"
        number = self.times.shape[-1]
        head = f"{design.model.name}: {kind} times of {number} samples{arms} for {of_interest}{beside}"
        return f"{head}\n\n{table(rows)}\n\n{self.identifiability.report()}"

    def __str__(self) -> str:
        return self.report()

    def __repr__(self) -> str:
        rows = "; ".join(", ".join(f"{t:.4g}" for t in row) for row in np.atleast_2d(self.times))
        return f"<SamplingTimes {rows} [{self.sampling.design.model.time}]>"


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
    interest: str | Iterable[str] | None = None,
    own_times: bool = False,
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
        The shortest time between two samples of an arm; 0 lets them coincide.
    interest
        The parameters to determine best while the others of `free` are estimated too (D_s-optimality);
        all by default.  A parameter with a value in each arm stands for all of them.
    own_times
        Whether each arm has `n` times of its own.
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
    observed = observed_outputs(design.model, outputs, error)
    sampling = Sampling(design, observed, at_dose, _nuisance(design, interest), own_times)
    _check_gap(gap, grid, n)
    information = sampling.information(grid)
    _check_enough(sampling, information, n)
    times = grid[exchanged(information, grid, n, gap, np.random.default_rng(seed), sampling.nuisance)]
    if candidates is None:
        times = _refined(sampling, times, (float(grid[0]), float(grid[-1])), gap)
    return SamplingTimes(times if own_times else times[0], sampling.log_determinant(times), sampling)


def _nuisance(design: Design, interest: Any) -> Index:
    """The coordinates that are not of interest.

    Raises
    ------
    UnknownNameError
        If a name is that of no free parameter.
    """
    if interest is None:
        return np.empty(0, dtype=np.int64)
    names = [interest] if isinstance(interest, str) else list(interest)
    known = dict.fromkeys(name for c in design.coordinates for name in (c.parameter, c.label))
    for name in names:
        if name not in known:
            raise unknown_name("optimal_times", "free parameter", str(name), known)
    own = [c.parameter in names or c.label in names for c in design.coordinates]
    if not any(own):
        raise FitError(f"interest is {interest!r}; expected the name of a free parameter, or several.")
    return np.flatnonzero(~np.array(own))


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


def _check_enough(sampling: Sampling, information: Array, n: int) -> None:
    """Refuse what even samples at all candidate times would not tell apart, and too few samples."""
    whole = analyzed(sampling.design)
    if not whole.identifiable:
        raise FitError(
            f"no times between {sampling.design.data.time.min():g} and {sampling.design.data.time.max():g} determine "
            f"{', '.join(c.label for c in whole.coordinates)}: {exact_ones(whole)}"
        )
    rank = n * int(np.linalg.matrix_rank(information).max(axis=1).sum())
    if rank < len(whole.coordinates):
        raise FitError(
            f"{n} sample{'s' * (n > 1)} cannot determine {len(whole.coordinates)} parameters "
            f"({', '.join(c.label for c in whole.coordinates)}); take more."
        )


def _refined(sampling: Sampling, times: Array, ends: tuple[float, float], gap: float) -> Array:
    """The optimum near times on a grid, or these times where nothing near is better."""
    from scipy.optimize import LinearConstraint, minimize

    span, k = ends[1] - ends[0], len(sampling.design.coordinates) - len(sampling.nuisance)
    groups, n = times.shape

    def cost(scaled: Array) -> tuple[float, Array]:
        here = ends[0] + np.clip(scaled.reshape(groups, n), 0.0, 1.0) * span
        low, high = np.clip(here - STEP * span, *ends), np.clip(here + STEP * span, *ends)
        now, before, after = np.split(sampling.of_own_times(np.concatenate([here, low, high], axis=1)), 3, axis=1)
        whole = now.sum(axis=(0, 1))
        slopes = (after - before) / ((high - low) / span)[:, :, None, None]
        gradient = np.einsum("ij,gtji->gt", _sensitivity(whole, sampling.nuisance), slopes)
        return -float(criterion(whole[None], sampling.nuisance)[0]) / k, -gradient.ravel() / k

    steps = np.kron(np.eye(groups), np.diff(np.eye(n), axis=0))
    apart = LinearConstraint(steps, gap / span, np.inf) if gap and n > 1 else ()
    start = (np.sort(times, axis=1) - ends[0]) / span
    best = minimize(
        cost, start.ravel(), jac=True, method="SLSQP", bounds=[(0.0, 1.0)] * times.size, constraints=apart,
        options={"ftol": 1e-12, "maxiter": 200},
    )  # fmt: skip
    scaled = np.where(best.x < ROUNDING, 0.0, np.where(best.x > 1 - ROUNDING, 1.0, best.x)).reshape(groups, n)
    refined = np.sort(ends[0] + scaled * span, axis=1)
    better = sampling.log_determinant(refined) >= sampling.log_determinant(np.sort(times, axis=1))
    return np.asarray(refined if better else np.sort(times, axis=1))


def _sensitivity(information: Array, nuisance: Index) -> Array:
    """The derivatives of `criterion` by the entries of the information."""
    inverse = np.linalg.pinv(information, hermitian=True)
    if len(nuisance):
        block = np.ix_(nuisance, nuisance)
        inverse[block] -= np.linalg.pinv(information[block], hermitian=True)
    return np.asarray(inverse)
