"""One output of a prepared model or a plain function for many sets of inputs, and which of them failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pkpd.arrays import Array, Mask
from pkpd.errors import DataError, SimulationError, unknown_name
from pkpd.measures.failed_members import Failed
from pkpd.prepared.prepared import Prepared
from pkpd.results import reduced_attrs
from pkpd.studies.study import Study

__all__ = ["Evaluated", "check_policy", "evaluate", "one_each", "settled"]


@dataclass(frozen=True, eq=False)
class Evaluated:
    """The numbers of one output.

    Attributes
    ----------
    name, attrs
        Of the output; its unit and meaning.
    numbers
        (members, ...): one for each member, or for each member, arm and time.
    failed
        (members,): whose integration failed.
    others
        The labels of the dimensions after the members: name to (values, attrs).
    """

    name: str
    attrs: Mapping[str, Any]
    numbers: Array
    failed: Mask
    others: Mapping[str, tuple[Any, Mapping[str, Any]]]

    @property
    def flat(self) -> Array:
        """(members, columns)."""
        return self.numbers.reshape(len(self.numbers), -1)

    @property
    def unusable(self) -> Mask:
        """(members,): who failed, or has no finite number, as a time that is never reached."""
        return self.failed | ~np.isfinite(self.flat).all(axis=1)

    @property
    def coordinates(self) -> dict[str, Any]:
        return {name: (name, values, dict(attrs)) for name, (values, attrs) in self.others.items()}

    def shaped(self, columns: Array) -> Array:
        """(columns, ...) with the dimensions that the columns stand for."""
        return columns.reshape(*self.numbers.shape[1:], *columns.shape[1:])

    def whole_groups(self, size: int, failed: Failed, who: str, group: str) -> Mask:
        """Which groups of `size` members one after the other may be used, after the policy.

        A group, such as a base row of a Saltelli design, is worth nothing without all of its members.

        Raises
        ------
        SimulationError
            If a member is not usable and the policy is ``"raise"``, or fewer than two groups are left.
        """
        check_policy(failed)
        unusable = self.unusable
        whole: Mask = np.asarray(~unusable.reshape(-1, size).any(axis=1))
        lost = (
            f"{int(unusable.sum())} of {unusable.size} members have no value of {self.name!r} "
            f"({int(self.failed.sum())} failed, {int((unusable & ~self.failed).sum())} not finite), in "
            f"{int((~whole).sum())} of {whole.size} {group}"
        )
        if unusable.any() and failed == "raise":
            raise SimulationError(f"{who}(): {lost}. failed='exclude' leaves these {group} out and counts them.")
        if whole.sum() < 2:
            raise SimulationError(f"{who}(): {lost}; with {int(whole.sum())} left there is nothing to estimate from.")
        return whole

    def counts(self, whole: Mask, failed: Failed, group: str) -> dict[str, Any]:
        """What a table says about what it rests on."""
        return {
            "output": self.name,
            "members": int(self.failed.size),
            "members_failed": int(self.failed.sum()),
            "members_not_finite": int((self.unusable & ~self.failed).sum()),
            group: int(whole.size),
            f"{group}_excluded": int((~whole).sum()),
            "failure_policy": failed,
        }


def settled(response: Any) -> Any:
    """What is evaluated: of a study the model under its treatment."""
    return response.prepared if isinstance(response, Study) else response


def check_policy(failed: Any) -> None:
    """Refuse a policy on failed members that is none of the two."""
    if not isinstance(failed, str) or failed not in ("raise", "exclude"):
        raise SimulationError(f"failed is {failed!r}; expected 'raise' or 'exclude'.")


def evaluate(who: str, response: Any, columns: Mapping[str, Array], output: str | None) -> Evaluated:
    """The values of `output` for members whose inputs are `columns`.

    Raises
    ------
    SimulationError, UnknownNameError
        If `response` is neither a prepared model nor a function, or it is not clear which output is meant.
    DataError
        If a function does not return a number for each member.
    """
    if isinstance(response, Prepared):
        return _of_model(who, response, columns, output)
    if not callable(response):
        raise SimulationError(
            f"{who}() got {response!r}; expected a model under its treatment, from pkpd.prepare(model, regimen, "
            "times=..., reduce=...), or a function of arrays by name."
        )
    numbers = np.asarray(response(**columns), dtype=float)
    members = len(next(iter(columns.values())))
    if numbers.shape != (members,):
        raise DataError(
            f"{who}(): the function returned an array of shape {numbers.shape} for {members} members; expected a "
            "number for each."
        )
    name = output or str(getattr(response, "__name__", "output"))
    return Evaluated(name, {"units": "1", "long_name": name}, numbers, np.zeros(members, dtype=bool), {})


def _of_model(who: str, prepared: Prepared, columns: Mapping[str, Array], output: str | None) -> Evaluated:
    name = _chosen(who, prepared, output)
    values = prepared(columns)
    numbers, status = values[name], values.status
    if prepared.arms:
        numbers, status = np.moveaxis(numbers, 1, 0), np.moveaxis(status, 1, 0)
    others: dict[str, Any] = {"arm": (list(prepared.arms), {"long_name": "arm"})} if prepared.arms else {}
    if not prepared.reductions:
        others["time"] = (prepared.times, {"units": prepared.model.time, "long_name": "time"})
    failed: Mask = (status != 0).reshape(len(numbers), -1).any(axis=1)
    return Evaluated(name, _attrs(prepared, name), np.array(numbers, dtype=float), failed, others)


def _chosen(who: str, prepared: Prepared, output: str | None) -> str:
    has = tuple(prepared.reductions) or prepared.outputs
    if output is None and len(has) == 1:
        return has[0]
    if output is None:
        raise SimulationError(f"{who}(): say which output= is meant; {prepared.model.name} has {', '.join(has)}.")
    if output not in has:
        raise unknown_name(prepared.model.name, "prepared output", str(output), has)
    return output


def _attrs(prepared: Prepared, name: str) -> dict[str, Any]:
    model, reduction = prepared.model, prepared.reductions.get(name)
    if reduction is not None:
        return reduced_attrs(model, reduction)
    return {"units": model.units[name], "long_name": model.meaning(name)}


def one_each(who: str, evaluated: Evaluated) -> Array:
    """(members,): the numbers, where there is one for each member.

    Raises
    ------
    SimulationError
        If they vary over arms or times too.
    """
    if evaluated.flat.shape[1] != 1:
        sizes = ", ".join(f"{len(values)} of {name}" for name, (values, _) in evaluated.others.items())
        raise SimulationError(
            f"{who}() needs one number of {evaluated.name!r} for each member, and there are {sizes}; prepare one arm "
            "with a single time, or with reduce=."
        )
    return evaluated.flat[:, 0]
