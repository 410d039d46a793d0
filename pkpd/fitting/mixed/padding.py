"""The observations of all subjects side by side, padded to the width of the subject who has most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.fitting.likelihoods import Likelihood, NormalError, Observed
from pkpd.fitting.mixed.expansion import subject_of
from pkpd.fitting.mixed.linking import Partners
from pkpd.fitting.mixed.links import Link, Side
from pkpd.fitting.mixed.observed import Endpoint, Observations
from pkpd.fitting.record_observations import RecordObservations

__all__ = ["padded"]


def padded(
    observed: RecordObservations,
    chosen: Mapping[str, Likelihood],
    wanted: Sequence[str],
    labels: Sequence[str],
    linked: Sequence[Partners],
) -> Observations:
    """The observations by subject.

    Parameters
    ----------
    wanted
        The outputs that are predicted.
    labels
        Of the components that are numbers of error models or correlations, in their order.
    linked
        Which observations have partners.
    """
    data, rows = observed.data, observed.rows
    subject = subject_of(observed.records)[rows]
    width = int(np.bincount(subject).max())
    at, shape = _places(subject, width), (len(data.arms), width)
    links = tuple(_link(one, data, at, chosen) for one in linked)
    predictions = 1 + max([*(len(one.further) for one in chosen.values()), *(1 for _ in links)])
    most = max([*(len(one.numbers) for one in chosen.values()), *(link.numbers for link in links)])
    record, which = (np.full((shape[0] * width, predictions), fill) for fill in (0, -1))
    number = np.full((shape[0] * width, most), -1)
    outputs = np.array(data.output, dtype=object)
    endpoints = []
    numeric = {k: column.astype(float) for k, column in observed.records.covariates.items() if column.dtype != object}
    for name, likelihood in chosen.items():
        own = np.flatnonzero(outputs == name)
        record[at[own]] = rows[own][:, None]
        which[at[own], 0] = wanted.index(name)
        for i, further in enumerate(likelihood.further):
            which[at[own], 1 + i] = wanted.index(further)
        index = _numbers(name, likelihood, labels)
        number[at[own], : len(index)] = index
        part = Observed(
            data.value[own], data.censored[own], data.sd[own],
            {name: column[rows[own]] for name, column in numeric.items()},
        )  # fmt: skip
        endpoints.append(Endpoint(name, likelihood, part, at[own], index, _logs(likelihood)))
    for one, link in zip(linked, links, strict=True):
        ends = (one.stated.outputs[-1], one.stated.outputs[0])
        record[link.places, 1] = rows[one.other]
        which[link.places, 1] = wanted.index(ends[1])
        index = np.concatenate([*(_numbers(name, chosen[name], labels) for name in ends), [labels.index(link.label)]])
        number[link.places, : len(index)] = index
    mask = np.zeros(shape[0] * width, dtype=bool)
    mask[at] = True
    return Observations(
        tuple(endpoints), record.reshape(*shape, -1), which.reshape(*shape, -1), mask.reshape(shape),
        number.reshape(*shape, -1), at, links,
    )  # fmt: skip


def _places(subject: Index, width: int) -> Index:
    """(observations,): the place of each among subjects x width."""
    order = np.argsort(subject, kind="stable")
    rank = np.empty(len(subject), dtype=np.int64)
    rank[order] = np.arange(len(subject)) - np.searchsorted(subject[order], subject[order])
    return subject * width + rank


def _numbers(output: str, likelihood: Likelihood, labels: Sequence[str]) -> Index:
    return np.array([labels.index(f"{n}[{output}]") for n in likelihood.numbers], dtype=np.int64)


def _logs(likelihood: Likelihood) -> Any:
    return np.array([n != "power" for n in likelihood.numbers], dtype=bool)


def _link(one: Partners, data: Any, at: Index, chosen: Mapping[str, Likelihood]) -> Link:
    """Of a pair the second output has the first for a partner."""

    def side(output: str, value: Array) -> Side:
        likelihood = chosen[output]
        assert isinstance(likelihood, NormalError)  # `dependent` refuses others
        return Side(likelihood, value, _logs(likelihood))

    outputs = one.stated.outputs
    own, other = side(outputs[-1], data.value[one.own]), side(outputs[0], data.value[one.other])
    return Link(one.stated.label, at[one.own], at[one.other], own, other, one.gaps)
