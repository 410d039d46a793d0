"""Which likelihood the observations of each output have, as `fit` is told by ``error=`` and ``blq=``."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, get_args

import numpy as np

from pkpd.arrays import Index
from pkpd.errors import FitError, unknown_name
from pkpd.fitting.free_parameters import Coordinate
from pkpd.fitting.groups import Group
from pkpd.fitting.likelihoods import BlqMethod, KnownSd, Likelihood, NormalError
from pkpd.fitting.outcomes import Binomial, EventTime, Poisson
from pkpd.measures.residual_error import ResidualError
from pkpd.records.observations import Dataset
from pkpd.symbolic.model import Model

__all__ = ["blq_method", "error_coordinates", "likelihood_groups", "likelihoods", "with_further_rows"]


def blq_method(blq: Any, error: Any) -> BlqMethod:
    """M1 by default for sums of squares, M3 with an error model.

    Raises
    ------
    FitError
    """
    if blq is None:
        return "M1" if error is None else "M3"
    if blq not in get_args(BlqMethod):
        raise FitError(f"fit: blq is {blq!r}; expected 'M1' (leave out), 'M3' or 'M4'.")
    method: BlqMethod = blq
    return method


def likelihoods(data: Dataset, error: Any, blq: BlqMethod) -> dict[str, Likelihood]:
    """The likelihood of each observed output.

    Raises
    ------
    FitError
        If an output has no error model and the data no standard deviations, an error model is
        none, or a value is impossible under it.
    UnknownNameError
        If an error model is given for what was not observed.
    """
    if isinstance(error, ResidualError | Binomial | Poisson | EventTime):
        if len(data.outputs) > 1:
            raise FitError(
                f"fit: error is one error model, and {data.name} observes {', '.join(data.outputs)}; "
                "give error={output: error model}."
            )
        error = {data.outputs[0]: error}
    if not isinstance(error, Mapping | None):
        raise FitError(f"fit: error is {error!r}; expected {{output: error model}}, as in {{'V': additive_error(1)}}.")
    for name in error or {}:
        if name not in data.outputs:
            raise unknown_name(f"error= of the fit to {data.name}", "observed output", str(name), data.outputs)
    return {output: _likelihood(data, output, (error or {}).get(output), blq, error) for output in data.outputs}


def _likelihood(data: Dataset, output: str, error: Any, blq: BlqMethod, all_errors: Any) -> Likelihood:
    if isinstance(error, Binomial | Poisson | EventTime):
        _refuse_limits(data, output, error, blq)
        return error
    if isinstance(error, ResidualError):
        _check_values(data, output, error)
        _check_numbers(output, error)
        return NormalError(error, blq)
    if error is not None:
        raise FitError(
            f"fit: error[{output!r}] is {error!r}; expected additive_error(), proportional_error(), combined_error(), "
            "power_error(), lognormal_error(), binomial_error(), poisson_error() or event_time()."
        )
    if all_errors is not None and not data.sd_given:
        raise FitError(
            f"fit: {output!r} has no error model, and {data.name} no column 'sd'; give error={{{output!r}: ...}} too."
        )
    return KnownSd(blq)


def _refuse_limits(data: Dataset, output: str, error: Any, blq: BlqMethod) -> None:
    """Refuse flags that the likelihood of counts and of event times has no place for."""
    flagged = (np.array(data.output) == output) & (data.censored != 0)
    if flagged.any() and blq != "M1":
        i = int(np.argmax(flagged))
        cure = (
            "a time without the event has the value 0, and no flag"
            if isinstance(error, EventTime)
            else "counts have no such limit; leave the flag out, or the observation with blq='M1'"
        )
        raise FitError(
            f"fit: output {output!r} at time {data.time[i]:g} of arm {data.arm[i]!r} is flagged as beyond a limit "
            f"(blq or cens is {data.censored[i]}), and its error model is {error}: {cure}."
        )


def _check_values(data: Dataset, output: str, error: ResidualError) -> None:
    if error.scale == "linear":
        return
    wrong = (np.array(data.output) == output) & ~(data.value > 0)
    if wrong.any():
        i = int(np.argmax(wrong))
        raise FitError(
            f"fit: output {output!r} at time {data.time[i]:g} of arm {data.arm[i]!r} is {data.value[i]:g}; the "
            "log-normal error model needs positive values. Flag what is below a limit with 'blq' and give the limit."
        )


def _check_numbers(output: str, error: ResidualError) -> None:
    if not any(error.sd(np.array([1.0])) > 0):
        raise FitError(
            f"fit: the standard deviation of {output!r} starts at 0; give error={{{output!r}: ...}} a number above 0."
        )


def error_coordinates(model: Model, chosen: Mapping[str, Likelihood]) -> tuple[Coordinate, ...]:
    """The numbers of error models that are estimated: standard deviations as logarithms."""
    coordinates = []
    for output, likelihood in chosen.items():
        for name, start in likelihood.numbers.items():
            unit = model.units[output] if name == "sd_additive" else "1"
            if name == "power":
                coordinates.append(Coordinate(f"{name}[{output}]", None, unit, start, -math.inf, math.inf, False))
            else:
                log = math.log(start)
                coordinates.append(Coordinate(f"{name}[{output}]", None, unit, log, -math.inf, math.inf, True))
    return tuple(coordinates)


def with_further_rows(data: Dataset, chosen: Mapping[str, Likelihood]) -> tuple[Dataset, dict[str, Index], Index]:
    """The data with a row for each further output that a likelihood needs.

    Returns
    -------
    tuple
        The longer data; by output where the further rows of its observations stand, (observations, further
        outputs); and which row of `data` each row of the longer data repeats.
    """
    output = np.array(data.output, dtype=object)
    repeated, names = [np.arange(len(data))], [output]
    places: dict[str, Index] = {}
    count = len(data)
    for name, likelihood in chosen.items():
        rows = np.flatnonzero(output == name)
        columns = []
        for further in likelihood.further:
            columns.append(np.arange(count, count + len(rows)))
            repeated.append(rows)
            names.append(np.full(len(rows), further, dtype=object))
            count += len(rows)
        places[name] = np.stack(columns, axis=1) if columns else np.empty((len(rows), 0), dtype=np.int64)
    source = np.concatenate(repeated)
    return _repeated(data, source, np.concatenate(names)), places, source


def _repeated(data: Dataset, rows: Index, outputs: Any) -> Dataset:
    if len(rows) == len(data):
        return data
    changes: dict[str, Any] = {"output": tuple(outputs.tolist())}
    for key in ("arm", "subject", "at_dose"):
        column = getattr(data, key)
        changes[key] = tuple(column[i] for i in rows) if column else column
    changes |= {key: getattr(data, key)[rows] for key in ("time", "value", "sd", "censored")}
    changes["columns"] = {name: column[rows] for name, column in data.columns.items()}
    return dataclasses.replace(data, **changes)


def likelihood_groups(
    data: Dataset, chosen: Mapping[str, Likelihood], places: Mapping[str, Index], first: int
) -> tuple[Group, ...]:
    """The observations by output; the numbers of error models are coordinates from `first` on."""
    groups = []
    output = np.array(data.output, dtype=object)
    for name, likelihood in chosen.items():
        rows = np.flatnonzero(output == name)
        numbers = np.arange(first, first + len(likelihood.numbers))
        first += len(numbers)
        sources = np.concatenate([rows[:, None], places[name]], axis=1)
        groups.append(Group(name, likelihood, rows, sources, numbers))
    return tuple(groups)
