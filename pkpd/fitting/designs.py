"""A design: what is sampled, when, under which treatment; and what its observations say of parameters."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import FitError, unknown_name
from pkpd.fitting.free_parameters import Coordinate, coordinates
from pkpd.fitting.predictor import Predictor, moments
from pkpd.fitting.record_observations import RecordObservations, record_observations
from pkpd.fitting.record_predictor import RecordPredictor
from pkpd.fitting.regimen_predictor import RegimenPredictor
from pkpd.measures.residual_error import ResidualError
from pkpd.prepared.asked import observables, regimens_by_arm
from pkpd.prepared.solver import Solver
from pkpd.records.observations import SIDES, Dataset, Side
from pkpd.records.records import Records
from pkpd.symbolic.model import Model

__all__ = ["SOLVER", "Design", "Rows", "designed", "sampled"]


SOLVER = Solver(rtol=1e-10)


@dataclass(frozen=True, eq=False)
class Rows:
    """The derivatives of standardized observations: ``parameters.T @ parameters`` is their information.

    Attributes
    ----------
    parameters
        (2 observations, coordinates): first by way of the mean, then by way of the standard
        deviation, where that depends on the prediction.
    numbers
        (2 observations, numbers): the same for the logarithms of the numbers of error models.
    size
        The length of the vector of standardized predictions.
    """

    parameters: Array
    numbers: Array
    size: float

    def without_numbers(self) -> Array:
        """What is left of `parameters` to tell where the numbers of the error models are estimated too."""
        if not self.numbers.shape[1]:
            return self.parameters
        explained, *_ = np.linalg.lstsq(self.numbers, self.parameters, rcond=None)
        return np.asarray(self.parameters - self.numbers @ explained)


@dataclass(frozen=True, eq=False)
class Design:
    """What will be observed of a model, with which error, and the parameters of interest.

    The values of `predictor.data` mean nothing; its times, arms and outputs are the design.

    Attributes
    ----------
    errors
        The residual error of each output; empty where there is none: the standard deviations of
        the data are then those of the errors or, where they have none, every output has errors
        in proportion to its largest prediction.
    """

    predictor: Predictor
    errors: Mapping[str, ResidualError] = field(default_factory=dict)

    @property
    def coordinates(self) -> Sequence[Coordinate]:
        return self.predictor.coordinates

    @property
    def start(self) -> Array:
        return np.array([c.start for c in self.coordinates])

    @property
    def sized(self) -> bool:
        """Whether the size of the errors is known, so that standard errors can be expected."""
        return bool(self.errors) or self.predictor.data.sd_given

    def rows(self, x: Array) -> Rows:
        """What the observations say at a point on the scale of the search.

        Raises
        ------
        FitError
            If the model cannot be solved there, or an error model has no error at a prediction
            that depends on the parameters.
        """
        predicted, slopes = self._linearized(x)
        data, blocks, numbers = self.predictor.data, [], []
        for output in data.outputs:
            at = np.flatnonzero([name == output for name in data.output])
            sd, by_height, parts = self._spread(output, predicted[at], at)
            self._check(sd, slopes, at)
            with np.errstate(all="ignore"):
                mean = np.where(sd[:, None] > 0, slopes[at] / sd[:, None], 0.0)
                width = np.sqrt(2) * by_height[:, None] * mean
                by_number = np.where(sd[:, None] > 0, np.sqrt(2) * parts / sd[:, None], 0.0)
            blocks += [mean, width]
            numbers.append(np.concatenate([np.zeros_like(parts), by_number]))
        return Rows(np.concatenate(blocks), _side_by_side(numbers), self._size(predicted))

    def _linearized(self, x: Array) -> tuple[Array, Array]:
        predicted, slopes = self.predictor(x[None])[0], self.predictor.jacobian(x)
        wrong = ~np.isfinite(predicted) | ~np.isfinite(slopes).all(axis=1)
        if wrong.any():
            arm = self.predictor.data.arm[int(np.argmax(wrong))]
            at = ", ".join(f"{c.label} = {c.natural(v):.6g}" for c, v in zip(self.coordinates, x, strict=True))
            raise FitError(f"{self.predictor.model.name} cannot be solved in arm {arm!r} at {at}.")
        return predicted, slopes

    def _spread(self, output: str, height: Array, at: Array) -> tuple[Array, Array, Array]:
        """The standard deviation on the scale of the prediction, its slope, and those by the numbers' logarithms."""
        error, data = self.errors.get(output), self.predictor.data
        if error is None:
            sd = data.sd[at] if data.sd_given else np.full(len(at), np.abs(height).max(initial=0.0) or 1.0)
            return sd, np.zeros(len(at)), np.empty((len(at), 0))
        if error.scale == "log":
            sd = error.additive * height
            return sd, np.zeros(len(at)), sd[:, None]
        sd, size = error.sd(height), error.proportional * np.abs(height)
        with np.errstate(all="ignore"):
            share = np.where(sd > 0, size / sd, 0.0) if error.adds == "variance" else np.ones(len(at))
            own = np.where(sd > 0, error.additive / sd, 0.0) if error.adds == "variance" else np.ones(len(at))
        parts = {"additive": error.additive * own, "proportional": size * share}
        kept = [part for name, part in parts.items() if getattr(error, name)]
        return sd, share * error.proportional * np.sign(height), np.stack(kept, axis=1)

    def _check(self, sd: Array, slopes: Array, at: Array) -> None:
        """Refuse an observation without error that depends on the parameters: it would say everything."""
        certain = ~(sd > 0) & (np.abs(slopes[at]).max(axis=1) > 0)
        if certain.any():
            row, data = int(at[np.argmax(certain)]), self.predictor.data
            raise FitError(
                f"output {data.output[row]!r} at time {data.time[row]:g} of arm {data.arm[row]!r} has the standard "
                f"deviation {sd[np.argmax(certain)]:g} under the error model ({self.errors[data.output[row]]}); "
                "give it an additive part, or sample where the prediction is above 0."
            )

    def _size(self, predicted: Array) -> float:
        data = self.predictor.data
        return float(np.sqrt(len(data))) if not self.sized else float(np.linalg.norm(predicted / self._sd(predicted)))

    def _sd(self, predicted: Array) -> Array:
        sd = np.array(self.predictor.data.sd)
        for output, error in self.errors.items():
            at = np.flatnonzero([name == output for name in self.predictor.data.output])
            sd[at] = error.additive if error.scale == "log" else error.sd(predicted[at])
        return np.where(sd > 0, sd, np.inf)


def _side_by_side(blocks: Sequence[Array]) -> Array:
    """Each output has numbers of its own."""
    from scipy.linalg import block_diag

    return np.asarray(block_diag(*blocks), dtype=float)


def designed(
    model: Model,
    treatment: Any,
    free: Any,
    *,
    times: Any = None,
    outputs: Any = None,
    error: Any = None,
    parameters: Mapping[str, Any] | None = None,
    at_dose: Side | None = None,
    solver: Solver | None = None,
) -> Design:
    """The design of these arguments of `identifiability`, checked.

    Raises
    ------
    FitError, UnknownNameError
        If they do not fit together; the message says which.
    """
    if not isinstance(model, Model):
        raise FitError(f"got {model!r} as the model; load one with pkpd.load(name).")
    model.require_closed()
    observed = _observed(model, treatment, times, outputs, error)
    data = observed.data if isinstance(observed, RecordObservations) else observed
    moved = coordinates(model, data, free)
    constants, options = dict(parameters or {}), solver or SOLVER
    errors = _errors(data, error)
    if isinstance(observed, RecordObservations):
        return Design(RecordPredictor(model, data, moved, constants, options, observed=observed), errors)
    predictor = RegimenPredictor(model, data, moved, constants, options)
    return Design(dataclasses.replace(predictor, data=_with_sides(predictor, at_dose)), errors)


def sampled(
    model: Model, regimens: Mapping[str, Any], times: Mapping[str, Array], outputs: Sequence[str], side: Side | None = None
) -> Dataset:
    """A table without values: in each arm each output at the times of that arm."""
    rows = [(arm, output, float(time)) for arm in regimens for time in times[arm] for output in outputs]
    arms, names, moments_ = zip(*rows, strict=True)
    zeros = np.zeros(len(rows))
    return Dataset(
        arm=arms, time=np.array(moments_), output=names, value=zeros, sd=zeros + 1.0, regimens=dict(regimens),
        sd_given=False, name="the design", at_dose=() if side is None else (side,) * len(rows),
    )  # fmt: skip


def _observed(model: Model, treatment: Any, times: Any, outputs: Any, error: Any) -> Dataset | RecordObservations:
    if isinstance(treatment, Dataset | Records):
        if times is not None:
            raise FitError(f"times is {times!r}, but the table says itself when is sampled; leave it out.")
        if isinstance(treatment, Records):
            return record_observations(model, treatment, outputs)
        if outputs is not None:
            raise FitError(f"outputs is {outputs!r}, but {treatment.name} says itself what is observed; leave it out.")
        return treatment
    if times is None:
        raise FitError("times is None; say when is sampled, such as times=[1, 2, 4, 8].")
    arms, regimens = regimens_by_arm(treatment)
    named = dict(zip(arms or ("design",), regimens, strict=True))
    return sampled(model, named, _times_by_arm(times, list(named)), observed_outputs(model, outputs, error))


def _times_by_arm(times: Any, arms: Sequence[str]) -> dict[str, Array]:
    if not isinstance(times, Mapping):
        return dict.fromkeys(arms, moments(times))
    for arm in times:
        if str(arm) not in arms:
            raise unknown_name("times= of the design", "arm", str(arm), arms)
    if len(times) < len(arms):
        missing = next(arm for arm in arms if arm not in map(str, times))
        raise FitError(f"times says nothing of arm {missing!r}; give times for every arm, or one sequence for all.")
    return {arm: moments(times[arm]) for arm in arms}


def observed_outputs(model: Model, outputs: Any, error: Any) -> list[str]:
    """The outputs that are observed: those named, those with an error model, or the model's only one."""
    if outputs is not None:
        return list(dict.fromkeys(observables(model, outputs)))
    if isinstance(error, Mapping) and error:
        return observables(model, [str(name) for name in error])
    if len(model.outputs) == 1:
        return list(model.outputs)
    known = [*(s.name for s in model.states), *model.outputs]
    raise FitError(f"outputs is None; say which of {', '.join(known)} of {model.name} is observed.")


def _errors(data: Dataset, error: Any) -> dict[str, ResidualError]:
    if error is None:
        return {}
    by_output = error if isinstance(error, Mapping) else dict.fromkeys(data.outputs, error)
    for name, kind in by_output.items():
        if name not in data.outputs:
            raise unknown_name(f"error= of {data.name}", "observed output", str(name), data.outputs)
        if not isinstance(kind, ResidualError):
            raise FitError(
                f"the error of {name!r} is {kind!r}; expected additive_error(), proportional_error(), combined_error() "
                "or lognormal_error()."
            )
        if not (kind.additive or kind.proportional):
            raise FitError(f"the error of {name!r} has a standard deviation of 0 ({kind}); give it one above 0.")
    lacking = next((name for name in data.outputs if name not in by_output), None)
    if lacking is not None:
        raise FitError(f"{lacking!r} has no error model; give error={{{lacking!r}: ...}} too.")
    return dict(by_output)


def _with_sides(predictor: RegimenPredictor, at_dose: Side | None) -> Dataset:
    """The design with every sample on one side of a dose: before it, but after it where nothing is there before."""
    if at_dose is not None and at_dose not in SIDES:
        raise FitError(f"at_dose is {at_dose!r}; expected 'before' or 'after'.")
    data = predictor.data
    sides = np.array([side or at_dose or "" for side in data.at_dose], dtype=object)
    if (sides == "").any():
        x = np.array([[c.start for c in predictor.coordinates]])
        before, after = (
            dataclasses.replace(predictor, data=dataclasses.replace(data, at_dose=(side,) * len(data)))(x)[0]
            for side in SIDES
        )
        nothing_yet = (before == 0) & (after != 0)
        sides[(sides == "") & nothing_yet] = "after"
    sides[sides == ""] = "before"
    return dataclasses.replace(data, at_dose=tuple(sides.tolist()))
