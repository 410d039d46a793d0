"""A response over designed axes and members, after a policy on what failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pkpd.analysis.evaluated import check_policy
from pkpd.arrays import Array, Index
from pkpd.errors import DataError, SimulationError, unknown_name
from pkpd.measures.failed_members import Failed, evaluable, variable

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Members", "members_of"]


@dataclass(frozen=True, eq=False)
class Members:
    """What is analyzed of a response.

    Attributes
    ----------
    values
        The response itself.
    others
        Its dimensions besides the designed axes and ``member``.
    columns
        For each combination of these, (members, ...) over the designed axes, without those left out.
    excluded
        (others...): how many members, or without members how many places, were left out.
    """

    values: xr.DataArray
    others: tuple[str, ...]
    columns: list[Array]
    excluded: Index

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.values.sizes[d] for d in self.others)


def members_of(
    who: str, run: xr.Dataset | xr.DataArray, output: str | None, axes: tuple[str, ...], failed: Failed
) -> Members:
    """The response of `run` over `axes`, after the policy on members that failed.

    Raises
    ------
    SimulationError
        If something failed and the policy is ``"raise"``, or no member is left.
    DataError, UnknownNameError
        If it is not clear which output is meant, or an axis is not there.
    """
    check_policy(failed)
    values = _measured(who, run, output)
    for axis in axes:
        if axis not in values.dims:
            raise unknown_name(f"{who}(): the response", "dimension", axis, map(str, values.dims))
    lost, total = int(values.isnull().sum()), values.size
    if lost and failed == "raise":
        raise SimulationError(
            f"{who}(): {lost} of {total} values of the response failed or are missing. failed='exclude' leaves out "
            "whole members (without members the values themselves) and counts them."
        )
    others = tuple(str(d) for d in values.dims if d not in (*axes, "member"))
    by_member = values if "member" in values.dims else values.expand_dims("member")
    table = by_member.transpose(*others, "member", *axes).to_numpy().astype(float)
    pieces = table.reshape(-1, *table.shape[len(others) :])
    chosen = [_whole(piece) for piece in pieces]
    if any(len(column) == 0 or not np.isfinite(column).any() for column in chosen):
        raise SimulationError(f"{who}(): {lost} of {total} values failed or are missing, and no whole member is left.")
    left_out = [
        len(piece) - len(column) if len(piece) > 1 else int((~np.isfinite(piece)).sum())
        for piece, column in zip(pieces, chosen, strict=True)
    ]
    shape = tuple(values.sizes[d] for d in others)
    return Members(values, others, chosen, np.array(left_out, dtype=np.int64).reshape(shape))


def _measured(who: str, run: xr.Dataset | xr.DataArray, output: str | None) -> xr.DataArray:
    """The response, NaN where it failed or is not finite."""
    import xarray as xr

    if isinstance(run, xr.DataArray) and output is None:
        return run.where(np.isfinite(run))
    if not isinstance(run, xr.Dataset) or output is None:
        raise DataError(f"{who}() got a {type(run).__name__} and output={output!r}; expected a result and an output.")
    values = variable(run, output)
    return values.where(evaluable(run, output) & np.isfinite(values))


def _whole(piece: Array) -> Array:
    """The members with all of their values; a lone one as it is."""
    if len(piece) == 1:
        return piece
    return piece[np.isfinite(piece).reshape(len(piece), -1).all(axis=1)]
