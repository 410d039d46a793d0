"""A design: what is sampled, when, under which treatment; and what its observations say of parameters."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from pkpd.arrays import Array, Index, Mask
from pkpd.errors import FitError, unknown_name
from pkpd.fitting.curves import Curve, as_curve, curve, in_units_of
from pkpd.fitting.free_parameters import Coordinate, coordinates
from pkpd.fitting.function_predictor import FunctionPredictor
from pkpd.fitting.likelihoods import KnownSd, Likelihood, Observed
from pkpd.fitting.observation_models import error_coordinates, likelihood_groups, likelihoods, with_further_rows
from pkpd.fitting.outcomes import EventTime
from pkpd.fitting.predictor import Predictor, moments
from pkpd.fitting.record_observations import RecordObservations, record_observations
from pkpd.fitting.record_predictor import RecordPredictor
from pkpd.fitting.regimen_predictor import RegimenPredictor
from pkpd.fitting.tied import with_tied_parameters
from pkpd.prepared.asked import observables, regimens_by_arm
from pkpd.prepared.solver import Solver
from pkpd.records.observations import SIDES, Dataset, Side
from pkpd.records.records import Records
from pkpd.symbolic.model import Model

__all__ = ["SOLVER", "Design", "Rows", "designed", "observed_outputs", "sampled"]


SOLVER = Solver(rtol=1e-10)


@dataclass(frozen=True, eq=False)
class Rows:
    """Factors of the expected information of observations: ``rows.T @ rows`` is that of all of them.

    Attributes
    ----------
    parameters
        (observations, ways, coordinates): an observation says something by way of its mean and,
        where that depends on the prediction, of its standard deviation.
    numbers
        (observations, ways, numbers): the same for the numbers of error models.
    size
        The length of the vector of standardized predictions.
    """

    parameters: Array
    numbers: Array
    size: float

    def flat(self) -> Array:
        """(rows, coordinates), the numbers of error models taken as known."""
        return self.parameters.reshape(-1, self.parameters.shape[2])

    def without_numbers(self) -> Array:
        """(rows, coordinates): what is left to tell where the numbers of error models are estimated too."""
        if not self.numbers.shape[2]:
            return self.flat()
        numbers = self.numbers.reshape(-1, self.numbers.shape[2])
        explained, *_ = np.linalg.lstsq(numbers, self.flat(), rcond=None)
        return np.asarray(self.flat() - numbers @ explained)


@dataclass(frozen=True, eq=False)
class Design:
    """What will be observed of a model, with which error, and the parameters of interest.

    Attributes
    ----------
    predictor
        What predicts: first the observations, then further outputs that likelihoods need.
    data
        Its times, arms and outputs are the design; its values mean nothing.
    chosen
        The likelihood of each output.
    places
        Where the further outputs of the observations stand.
    sized
        Whether the size of the errors is known, so that standard errors can be expected.
    """

    predictor: Predictor
    data: Dataset
    chosen: Mapping[str, Likelihood]
    places: Mapping[str, Index]
    sized: bool

    @property
    def model(self) -> Model:
        return self.predictor.model

    @property
    def coordinates(self) -> Sequence[Coordinate]:
        return self.predictor.coordinates

    @property
    def start(self) -> Array:
        return np.array([c.start for c in self.coordinates])

    def rows(self, x: Array) -> Rows:
        """What the observations say at a point on the scale of the search.

        Raises
        ------
        FitError
            If the model cannot be solved there, or an observation without error depends on the
            parameters.
        """
        predicted, slopes = self.predictor.linearized(x[None])
        self._check_solved(x, predicted[0], slopes[0])
        errors = error_coordinates(self.model, self.chosen)
        numbers = np.array([c.start for c in errors])
        k, ways = len(self.coordinates), 1 + max(self._ways(likelihood) for likelihood in self.chosen.values())
        whole, size = np.zeros((len(self.data), ways, k + len(errors))), 0.0
        for group in likelihood_groups(self.data, self.chosen, self.places, k):
            own = np.array([errors[i - k].natural(numbers[i - k]) for i in group.numbers])
            along = np.zeros((len(group.rows), self._ways(group.likelihood) + 1, whole.shape[2]))
            along[:, : group.sources.shape[1], :k] = slopes[0, group.sources]
            for j, i in enumerate(group.numbers):
                along[:, group.sources.shape[1] + j, i] = own[j] if errors[i - k].log else 1.0
            heights = predicted[:, group.sources]
            information = group.likelihood.density(heights, self._observed(group.rows), own[None]).information[0]
            certain = self._certain_refused(along, information, group)
            whole[group.rows, : along.shape[1]] = _factors(information) @ certain
            size += float((heights[0, :, 0] ** 2 * np.nan_to_num(information[:, 0, 0], posinf=0.0)).sum())
        return Rows(whole[:, :, :k], whole[:, :, k:], float(np.sqrt(size)))

    def times_after_doses(self) -> Array:
        """The times of samples that are taken after a dose of the same time, where it matters."""
        data, predictor = self.predictor.data, self.predictor
        after = np.array([side == "after" for side in data.at_dose])
        if not after.any():
            return np.empty(0)
        earlier = dataclasses.replace(predictor, data=dataclasses.replace(data, at_dose=("before",) * len(data)))
        matters = predictor(self.start[None])[0] != earlier(self.start[None])[0]
        return np.asarray(data.time[after & matters])

    @staticmethod
    def _ways(likelihood: Likelihood) -> int:
        return len(likelihood.further) + len(likelihood.numbers)

    def _observed(self, rows: Index) -> Observed:
        columns = {name: column[rows] for name, column in self.data.columns.items()}
        return Observed(self.data.value[rows], self.data.censored[rows], self.data.sd[rows], columns)

    def _check_solved(self, x: Array, predicted: Array, slopes: Array) -> None:
        wrong = ~np.isfinite(predicted) | ~np.isfinite(slopes).all(axis=1)
        if wrong.any():
            arm = self.predictor.data.arm[int(np.argmax(wrong))]
            at = ", ".join(f"{c.label} = {c.natural(v):.6g}" for c, v in zip(self.coordinates, x, strict=True))
            raise FitError(f"{self.model.name} cannot be solved in arm {arm!r} at {at}.")

    def _certain_refused(self, along: Array, information: Array, group: Any) -> Array:
        """Refuse an observation without error that depends on the parameters: it would say everything."""
        endless: Mask = np.asarray(~np.isfinite(information).all(axis=(1, 2)))
        certain = endless & (np.abs(along[:, : group.sources.shape[1]]).max(axis=(1, 2)) > 0)
        if certain.any():
            row = int(group.rows[np.argmax(certain)])
            raise FitError(
                f"output {group.output!r} at time {self.data.time[row]:g} of arm {self.data.arm[row]!r} has no error "
                f"under its error model ({group.likelihood}); give that an additive part, or sample at another time."
            )
        return np.where(endless[:, None, None], 0.0, along)


def _factors(information: Array) -> Array:
    """A factor F of each matrix, ``F.T @ F``; of matrices whose rows may be in very different units."""
    known: Mask = np.asarray(np.isfinite(information).all(axis=(1, 2)))
    finite = np.where(known[:, None, None], information, 0.0)
    scale = np.sqrt(np.diagonal(finite, axis1=1, axis2=2))
    scale = np.where(scale > 0, scale, 1.0)
    values, vectors = np.linalg.eigh(finite / scale[:, :, None] / scale[:, None, :])
    return np.asarray(np.sqrt(np.maximum(values, 0.0))[:, :, None] * np.swapaxes(vectors, 1, 2) * scale[:, None, :])


# ---- from what a user says


def designed(
    model: Model | Curve | Callable[..., Any],
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
    if at_dose is not None and at_dose not in SIDES:
        raise FitError(f"at_dose is {at_dose!r}; expected 'before' or 'after'.")
    model, held = _settled(model, treatment, dict(parameters or {}), free)
    observed = _observed(model, treatment, times, outputs, error)
    data = observed if isinstance(observed, Dataset) else observed.data
    moved, options = coordinates(model, data, free), solver or SOLVER
    data = dataclasses.replace(data, censored=np.zeros(len(data), dtype=np.int64))
    chosen = likelihoods(data, error, "M1")
    _refuse_event_times(chosen)
    longer, places, source = with_further_rows(data, chosen)
    if isinstance(observed, RecordObservations):
        asked = dataclasses.replace(observed, data=longer, rows=observed.rows[source])
        predictor: Predictor = RecordPredictor(model, longer, moved, held, options, observed=asked)
    elif isinstance(model, Curve):
        predictor = FunctionPredictor(model, longer, moved, held, options)
    else:
        plain = RegimenPredictor(model, longer, moved, held, options)
        predictor = dataclasses.replace(plain, data=_with_sides(plain, at_dose))
    own = predictor.data.take(np.arange(len(longer)) < len(data))
    sized = data.sd_given or not any(isinstance(likelihood, KnownSd) for likelihood in chosen.values())
    design = Design(predictor, own, chosen, places, sized)
    return design if sized else dataclasses.replace(design, data=_with_sd_by_size(design))


def _settled(model: Any, treatment: Any, held: dict[str, Any], free: object) -> tuple[Model, dict[str, Any]]:
    """A closed model, or a curve for a function, and the parameters that are held."""
    if isinstance(model, Model):
        settled, held = with_tied_parameters(model, held, free)
        settled.require_closed()
        return settled, held
    if not callable(model):
        raise FitError(
            f"got {model!r} as the model; load one with pkpd.load(name), or give a function f(time, b1, ...)."
        )
    if isinstance(treatment, Dataset):
        return cast("Model", as_curve(model, treatment)), held
    if treatment is not None:
        raise FitError(
            f"got {treatment!r} as the treatment, but a function takes no doses; give None, or observations."
        )
    named = model if isinstance(model, Curve) else curve(model)
    return cast("Model", dataclasses.replace(named, output=named.output or "y")), held


def sampled(
    regimens: Mapping[str, Any], times: Mapping[str, Array], outputs: Sequence[str], side: Side | None
) -> Dataset:
    """A table without values: in each arm each output at the times of that arm."""
    rows = [(arm, output, float(time)) for arm in regimens for time in times[arm] for output in outputs]
    ones = np.ones(len(rows))
    return Dataset(
        arm=tuple(arm for arm, _, _ in rows),
        time=np.array([time for _, _, time in rows]),
        output=tuple(output for _, output, _ in rows),
        value=ones,
        sd=ones,
        regimens=dict(regimens),
        sd_given=False,
        name="the design",
        at_dose=() if side is None else (side,) * len(rows),
    )


def _observed(model: Model, treatment: Any, times: Any, outputs: Any, error: Any) -> Dataset | RecordObservations:
    if isinstance(treatment, Dataset | Records):
        if times is not None:
            raise FitError(f"times is {times!r}, but {treatment.name} says itself when is sampled; leave it out.")
        if isinstance(treatment, Records):
            return record_observations(model, treatment, outputs)
        if outputs is not None:
            raise FitError(f"outputs is {outputs!r}, but {treatment.name} says itself what is observed; leave it out.")
        return in_units_of(model, treatment) if isinstance(model, Curve) else treatment.in_units(model.units)
    if times is None:
        raise FitError(f"times is {times}; say when is sampled, such as times=[1, 2, 4, 8].")
    arms, regimens = regimens_by_arm(treatment)
    named: dict[str, Any] = dict(zip(arms or ("design",), regimens, strict=True))
    if isinstance(model, Curve):
        named = dict.fromkeys(named)
    return sampled(named, _times_by_arm(times, list(named)), observed_outputs(model, outputs, error), None)


def _times_by_arm(times: Any, arms: Sequence[str]) -> dict[str, Array]:
    if not isinstance(times, Mapping):
        return dict.fromkeys(arms, moments(times))
    by_name = {str(arm): moments(own) for arm, own in times.items()}
    for arm in by_name:
        if arm not in arms:
            raise unknown_name("times= of the design", "arm", arm, arms)
    for arm in arms:
        if arm not in by_name:
            raise FitError(f"times says nothing of arm {arm!r}; give times for every arm, or one sequence for all.")
    return by_name


def observed_outputs(model: Model, outputs: Any, error: Any) -> list[str]:
    """The outputs that are observed: those named, those with an error model, or the model's only one."""
    if outputs is not None:
        return list(dict.fromkeys(observables(model, outputs)))
    if isinstance(error, Mapping) and error:
        return observables(model, [str(name) for name in error])
    if len(model.outputs) == 1:
        return list(model.outputs)
    known = [*(s.name for s in model.states), *model.outputs]
    raise FitError(f"outputs is {outputs}; say which of {', '.join(known)} of {model.name} is observed.")


def _refuse_event_times(chosen: Mapping[str, Likelihood]) -> None:
    for output, likelihood in chosen.items():
        if isinstance(likelihood, EventTime):
            raise FitError(
                f"the error of {output!r} is {likelihood}; what event times say depends on when they come, so that "
                "their design is simulated: `simulate`, draw times, and fit."
            )


def _with_sides(predictor: RegimenPredictor, at_dose: Side | None) -> Dataset:
    """The design with every sample on one side of a dose: before it, but after it where nothing is there before."""
    data = predictor.data
    sides = np.array([side or at_dose or "" for side in data.at_dose], dtype=object)
    if (sides == "").any():
        x = np.array([[c.start for c in predictor.coordinates]])
        before, after = (
            dataclasses.replace(predictor, data=dataclasses.replace(data, at_dose=(side,) * len(data)))(x)[0]
            for side in SIDES
        )
        sides[(sides == "") & (before == 0) & (after != 0)] = "after"
    sides[sides == ""] = "before"
    return dataclasses.replace(data, at_dose=tuple(sides.tolist()))


def _with_sd_by_size(design: Design) -> Dataset:
    """The design with errors in proportion to the largest prediction of each output."""
    predicted = np.abs(design.predictor(design.start[None])[0, : len(design.data)])
    names = np.array(design.data.output)
    largest = {name: float(np.nanmax(predicted[names == name], initial=0.0)) for name in design.data.outputs}
    return dataclasses.replace(design.data, sd=np.array([largest[name] or 1.0 for name in names]))
