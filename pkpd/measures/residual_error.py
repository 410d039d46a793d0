"""What an assay would have reported: simulated observations with residual error."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pkpd.arrays import Array
from pkpd.ensembles.streams import normals
from pkpd.errors import DataError, ParameterError
from pkpd.measures.dependent_errors import AutocorrelatedErrors, DependentErrors
from pkpd.measures.failed_members import Failed, kept, over_time
from pkpd.measures.stored_times import real_numbers, stored
from pkpd.measures.thresholds import threshold

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "ResidualError",
    "additive_error",
    "combined_error",
    "lognormal_error",
    "observe",
    "power_error",
    "proportional_error",
]


@dataclass(frozen=True)
class ResidualError:
    """How an observation differs from what it observes.

    With `scale` ``"linear"`` by a normal error of standard deviation ``sqrt(additive**2 +
    (proportional*prediction)**2)``, or ``additive + proportional*prediction`` where `adds` is
    ``"sd"``; with ``"log"`` by a factor ``exp(error)`` of standard deviation `additive`.  With a
    `power` the proportional part is ``proportional*prediction**power``.

    A fit estimates these numbers, beginning with those given, unless they are `held`.
    """

    additive: float
    proportional: float = 0.0
    adds: Literal["variance", "sd"] = "variance"
    scale: Literal["linear", "log"] = "linear"
    power: float | None = None
    held: bool = False

    def __post_init__(self) -> None:
        parts = [("additive", self.additive), ("proportional", self.proportional)]
        parts += [] if self.power is None else [("power", self.power)]
        for what, value in parts:
            number = real_numbers(value) if isinstance(value, Real) else None
            if number is None or not 0 <= number < math.inf:
                raise ParameterError(f"the {what} part of a residual error is {value!r}; expected 0 or more.")
        if self.adds not in ("variance", "sd"):
            raise ParameterError(f"adds is {self.adds!r}; expected 'variance' or 'sd'.")

    def fixed(self) -> ResidualError:
        """The same error with its numbers held by a fit."""
        return replace(self, held=True)

    @property
    def numbers(self) -> dict[str, float]:
        """What a fit estimates, by name: the parts that are there."""
        if self.scale == "log":
            return {"sd_log": self.additive}
        named = {"sd_additive": self.additive, "sd_proportional": self.proportional}
        return {k: v for k, v in named.items() if v} | ({} if self.power is None else {"power": self.power})

    def with_numbers(self, values: Mapping[str, float]) -> ResidualError:
        """The same error with other `numbers`."""
        names = {"sd_log": "additive", "sd_additive": "additive", "sd_proportional": "proportional", "power": "power"}
        changes: dict[str, Any] = {names[name]: float(value) for name, value in values.items()}
        return replace(self, **changes)

    def sd(self, prediction: Any) -> Array:
        """The standard deviation at each prediction, on the error's scale."""
        height = np.abs(np.asarray(prediction, dtype=float))
        size = self.proportional * (height if self.power is None else height**self.power)
        return np.asarray(np.hypot(self.additive, size) if self.adds == "variance" else self.additive + size)

    def observed(self, prediction: Array, scores: Array) -> Array:
        """The observations at standard normal scores."""
        if self.scale == "log":
            return prediction * np.exp(self.additive * scores)
        return prediction + self.sd(prediction) * scores

    def __str__(self) -> str:
        if self.scale == "log":
            return f"log-normal, sd {self.additive:g} of the logarithm"
        parts = [f"additive sd {self.additive:g}"] if self.additive else []
        if self.power is not None:
            return f"sd {self.proportional:g} times the prediction to the power {self.power:g}"
        parts += [f"proportional sd {100 * self.proportional:g} %"] if self.proportional else []
        joined = f" ({self.adds}s add)" if len(parts) > 1 else ""
        return (", ".join(parts) or "none") + joined


def additive_error(sd: float) -> ResidualError:
    """Normal with the standard deviation `sd`, in the output's unit.

    Examples
    --------
    >>> additive_error(0.5)
    ResidualError(additive=0.5, proportional=0.0, adds='variance', scale='linear', power=None, held=False)
    """
    return ResidualError(sd)


def proportional_error(sd: float) -> ResidualError:
    """Normal with the standard deviation ``sd * prediction`` (0.2 for 20 %).

    Examples
    --------
    >>> proportional_error(0.15)
    ResidualError(additive=0.0, proportional=0.15, adds='variance', scale='linear', power=None, held=False)
    """
    return ResidualError(0.0, sd)


def power_error(proportional: float, power: float = 0.5) -> ResidualError:
    """Normal with the standard deviation ``proportional * prediction**power``.

    Power 0.5 is what counts have, 1 a proportional error, 0 an additive one.

    Examples
    --------
    >>> power_error(0.2, 0.7)
    ResidualError(additive=0.0, proportional=0.2, adds='variance', scale='linear', power=0.7, held=False)
    """
    return ResidualError(0.0, proportional, power=power)


def combined_error(
    additive: float, proportional: float, *, adds: Literal["variance", "sd"] = "variance"
) -> ResidualError:
    """Additive and proportional error together.

    Parameters
    ----------
    additive
        Its standard deviation, in the output's unit.
    proportional
        Its standard deviation relative to the prediction.
    adds
        Whether their variances add (``y = f + f*eps1 + eps2``), or their standard deviations
        (``y = f + (a + b*f)*eps``).

    Raises
    ------
    ParameterError
        If a number is negative.

    Examples
    --------
    >>> combined_error(0.5, 0.15)
    ResidualError(additive=0.5, proportional=0.15, adds='variance', scale='linear', power=None, held=False)
    """
    return ResidualError(additive, proportional, adds)


def lognormal_error(sd: float) -> ResidualError:
    """Log-normal: the logarithm of the observation is normal with the standard deviation `sd`.

    Examples
    --------
    >>> lognormal_error(0.2)
    ResidualError(additive=0.2, proportional=0.0, adds='variance', scale='log', power=None, held=False)
    """
    return ResidualError(sd, scale="log")


def observe(
    run: xr.Dataset,
    output: str = "C",
    *,
    error: ResidualError,
    seed: int,
    residuals: DependentErrors | Sequence[DependentErrors] = (),
    times: Any = None,
    lloq: float | str | xr.DataArray | Array | None = None,
    failed: Failed = "raise",
) -> xr.Dataset:
    """Simulate observations of `output`, with residual error and a limit of quantification.

    Parameters
    ----------
    run
        The result of `simulate`.
    output
        What is observed.
    error
        `additive_error`, `proportional_error`, `combined_error` or `lognormal_error`.
    seed
        A member's error at a time is the same whatever else is observed, in whatever chunks
        of a `population`; members keep their numbers when some are selected.
    residuals
        `correlated` or `autocorrelated`, where errors depend on one another: with those of the
        other output as observed with the same seed, or with those at the times stored before.
    times
        The stored times at which to observe; all by default.
    lloq
        The lower limit of quantification: a number in the output's unit, ``"0.05 mg/L"``, or an
        array by member, as for `exposure`.
    failed
        What to do about members that failed: ``"raise"``, or ``"exclude"`` them (NaN, not
        below the limit).

    Returns
    -------
    xarray.Dataset
        Over the dimensions of the run: ``value``, what is reported, which is `lloq` below the
        limit; ``blq``, whether it is below; ``prediction``, without error; and ``lloq``, if
        given.  Method M1 leaves out where ``blq``; method M3 takes the chance of ``blq`` there.
        Without a limit an observation may be negative under an error that is not log-normal.

    Raises
    ------
    SimulationError
        If a time is not stored, or a member failed and the policy is ``"raise"``.
    ParameterError
        If `error` or `residuals` is no such thing.
    DataError
        If a prediction is negative under a log-normal error, or members have no whole numbers.
    UnknownNameError
        If the run has no such output.
    UnitError
        If the unit of `lloq` does not fit the output.

    References
    ----------
    Beal SL. Ways to fit a PK model with some data below the quantification limit.
    J Pharmacokinet Pharmacodyn 28:481-504 (2001).

    Examples
    --------
    >>> import pkpd
    >>> run = pkpd.simulate(pkpd.load("pk_1cmt"), pkpd.bolus("10 mg", "iv"), times=[0, 1, 7], outputs=["C"])
    >>> seen = observe(run, "C", error=pkpd.proportional_error(0.1), seed=1)
    >>> dict(seen["value"].sizes)
    {'time': 3}
    """
    import xarray as xr

    if not isinstance(error, ResidualError):
        raise ParameterError(f"error is {error!r}; expected combined_error(...) or another residual error.")
    whole = over_time(run, output, "observe")
    picked = slice(None) if times is None else [stored(whole, t) for t in np.atleast_1d(times)]
    chosen = whole.isel(time=picked)
    prediction = chosen.where(kept(run, output, failed, "observe")).transpose(*whole.dims)
    if error.scale == "log" and bool((prediction < 0).any()):
        raise DataError(
            f"observe(): {output!r} is {float(prediction.min()):g} somewhere; a log-normal error needs 0 or more."
        )
    value = prediction.copy(
        data=error.observed(prediction.to_numpy(), _dependent(whole, output, seed, residuals, picked))
    )
    unit = {"units": whole.attrs.get("units", "1")}
    limit = None if lloq is None else threshold(lloq, whole, "lloq")
    below = value < (-math.inf if limit is None else limit)
    meaning = whole.attrs.get("long_name", output)
    variables = {
        "value": value.where(~below, limit).assign_attrs(whole.attrs, long_name=f"observed {meaning}"),
        "blq": below.assign_attrs(units="1", long_name="below the limit of quantification"),
        "prediction": prediction.assign_attrs(whole.attrs),
    }
    if limit is not None:
        variables["lloq"] = xr.DataArray(limit, attrs={**unit, "long_name": "lower limit of quantification"})
    about = {"model": str(run.attrs.get("model", "")), "output": output, "residual_error": str(error), "seed": seed}
    return xr.Dataset(variables, attrs=about)


def _dependent(whole: xr.DataArray, output: str, seed: int, residuals: Any, picked: Any) -> Array:
    """The scores of `output` at the stored times that are picked, as dependent as `residuals` say."""
    several = tuple(residuals) if isinstance(residuals, list | tuple) else (residuals,)
    for one in several:
        if not isinstance(one, DependentErrors):
            raise ParameterError(
                f"observe(): residuals has {one!r}; expected correlated('C', 'E', 0.3), autocorrelated('C', 2.0), or a "
                "list of them."
            )
    own = [one for one in several if output in one.outputs]
    if len(own) > 1 or (several and not own):
        named = ", ".join(one.label for one in several)
        raise ParameterError(
            f"observe(): residuals are {named}; expected one of them to name {output!r}, and no more than one."
        )
    chosen = whole.isel(time=picked)
    one = own[0] if own else None
    if isinstance(one, AutocorrelatedErrors):
        unit = str(whole["time"].attrs.get("units", "day"))
        scores = one.in_unit(unit).followed(
            _scores(whole, output, seed), whole["time"].to_numpy(), whole.dims.index("time")
        )
        return whole.copy(data=scores).isel(time=picked).to_numpy()
    scores = _scores(chosen, output, seed)
    if one is None or output == one.first:
        return scores
    others = one.correlation * _scores(chosen, one.first, seed)
    return np.asarray(others + math.sqrt(1 - one.correlation**2) * scores)


def _scores(prediction: xr.DataArray, output: str, seed: int) -> Array:
    """A standard normal number for each observation: a stream for each time, a place in it for each member."""
    scores = np.empty(prediction.shape)
    draw = _by_member(prediction, seed)
    member = prediction.dims.index("member") if "member" in prediction.dims else None
    for name, place in _streams(prediction, output):
        scores[place] = draw(name) if member is not None else draw(name)[0]
    return scores


def _streams(prediction: xr.DataArray, output: str) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """For each time, and value of a swept axis, the name of its stream and its place in the array."""
    axes = [d for d in prediction.dims if d != "member"]
    labels = [prediction[d].to_numpy().tolist() if d in prediction.coords else range(prediction.sizes[d]) for d in axes]
    for where in itertools.product(*(range(prediction.sizes[d]) for d in axes)):
        position = dict(zip(axes, where, strict=True))
        place = " ".join(f"{d}={labels[i][where[i]]!r}" for i, d in enumerate(axes))
        yield f"<observation of {output}: {place}>", tuple(position.get(d, slice(None)) for d in prediction.dims)


def _by_member(prediction: xr.DataArray, seed: int) -> Callable[[str], Array]:
    """A function that draws from a stream for the members there are, by their numbers."""
    numbers = prediction["member"].to_numpy() if "member" in prediction.dims else np.array([0])
    if numbers.dtype.kind not in "iu" or (numbers < 0).any():
        raise DataError(f"observe(): the members are numbered {numbers[:3]} ...; expected whole numbers of 0 or more.")
    first = int(numbers.min())
    size = int(numbers.max()) - first + 1
    return lambda name: normals(seed, name, size, first)[numbers - first]
