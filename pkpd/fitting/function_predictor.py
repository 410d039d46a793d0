"""Predictions of a plain function, and its derivatives."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from pkpd.arrays import Array, Index
from pkpd.errors import FitError
from pkpd.fitting.covariates import covariates
from pkpd.fitting.curves import Curve
from pkpd.fitting.predictor import Predictor, moments

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["FunctionPredictor"]


COMPLEX_STEP = 1e-20  # of a span: no digits cancel, so that it may be as small as one likes
CHECK_STEP = 1e-4  # of a span: of the differences that a complex step is held against
CHECK = 1e-3  # by how much of a column's largest value they may differ
FIRST_STEP = 0.02  # of a span: where differences of eighth order begin
TOLERANCE = 1e-11


@dataclass(frozen=True, eq=False)
class FunctionPredictor(Predictor):
    """A function of the time and of parameters, arm by arm; its model is a `Curve`.

    A point at which the function overflows, divides by zero, or is asked for the logarithm of
    what has none, is one that failed, as an integration may.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        moved = {c.parameter for c in self.coordinates}
        for name in (*moved, *self.constants):
            if name in self._columns:
                raise FitError(
                    f"fit: parameter {name!r} is set by the column {name!r} of {self.data.name}; it can be "
                    "neither free nor held."
                )
        for symbol in self.model.settable:
            if symbol.name not in moved | {*self.constants, *self._columns} and getattr(symbol, "default", 0) is None:
                raise FitError(
                    f"fit: parameter {symbol.name!r} of {self.model.name} has no value; name it in free, hold it by "
                    f"parameters={{{symbol.name!r}: ...}}, or give the argument a default."
                )

    @property
    def tolerance(self) -> float:
        """Rounding is the only error."""
        return 1e-15

    @property
    def by_column(self) -> tuple[str, ...]:
        return tuple(self._columns)

    @property
    def unused(self) -> tuple[str, ...]:
        return tuple(name for name in self.data.unused if name not in self._columns)

    def predictions(self, parameters: Mapping[str, Array]) -> Array:
        points = len(next(iter(parameters.values())))
        predicted = np.empty((points, len(self.data)))
        for arm in self.data.arms:
            rows, own = self.data.rows(arm), {c.parameter: parameters[c.label] for c in self.own(arm)}
            for i in range(points):
                values = {name: float(column[i]) for name, column in own.items()}
                predicted[i, rows] = self._called(self.data.time[rows], values, arm, rows)
            failed = ~np.isfinite(predicted[:, rows]).all(axis=1)
            self.count(arm, np.asarray(failed))
            predicted[np.ix_(failed, rows)] = np.nan
        return predicted

    def jacobian(self, x: Array) -> Array:
        """The derivatives of the predictions by the coordinates of a point, (observations, coordinates).

        By a complex step, exact but for rounding, where the function takes complex numbers and
        differences agree with it; otherwise by adaptive differences of eighth order.
        """
        scale = np.array([c.slope(v) for c, v in zip(self.coordinates, x, strict=True)])
        natural = np.array([c.natural(v) for c, v in zip(self.coordinates, x, strict=True)], dtype=float)
        starts = [abs(float(c.natural(c.start))) for c in self.coordinates]
        spans = np.array([abs(v) or start or 1.0 for v, start in zip(natural, starts, strict=True)])
        slopes = self._by_complex_step(natural, spans)
        if slopes is None:
            slopes = self._by_differences(natural, spans)
        return np.asarray(slopes * scale)

    def curve(self, arm: str, x: Array, times: Any, outputs: Sequence[str]) -> xr.Dataset:
        import xarray as xr

        wanted = moments(times)
        values = {
            c.parameter: float(c.natural(v)) for c, v in zip(self.coordinates, x, strict=True) if c in self.own(arm)
        }
        typical = {name: np.full(len(wanted), c[self.data.rows(arm)].mean()) for name, c in self._columns.items()}
        course = self._evaluated(wanted, {**self.held(arm), **typical, **values}, arm)
        name = self.function.output
        about = {"units": self.function.unit, "long_name": self.function.meaning(name)}
        axis = {"time": ("time", wanted, {"units": self.function.time, "long_name": "time"})}
        return xr.Dataset({name: ("time", course, about)} if name in outputs else {}, axis)

    # ---- the function

    @property
    def function(self) -> Curve:
        """The model, which is a curve."""
        return cast("Curve", self.model)

    @cached_property
    def _columns(self) -> dict[str, Array]:
        """The columns of the data that are arguments of the function."""
        return covariates(self.model, self.data)

    def _called(self, time: Array, values: Mapping[str, Any], arm: str, rows: Index) -> Any:
        columns = {name: column[rows] for name, column in self._columns.items()}
        return self._evaluated(time, {**self.held(arm), **columns, **values}, arm)

    def _evaluated(self, time: Array, values: Mapping[str, Any], arm: str) -> Any:
        """The function at these times, NaN where it has no value."""
        try:
            with np.errstate(all="ignore"):
                result = np.asarray(self.function(time, **values))
        except (ArithmeticError, ValueError) as error:
            if isinstance(error, ValueError) and "domain" not in str(error):
                raise self._broken(values, arm, error) from error
            return np.full(len(time), np.nan)
        except Exception as error:
            raise self._broken(values, arm, error) from error
        if result.dtype.kind not in "iufbc" or result.shape not in ((), (1,), (len(time),)):
            what = f"an array of shape {result.shape}" if result.dtype.kind in "iufbc" else repr(result)[:60]
            raise FitError(
                f"fit: the function {self.function.name} returned {what} at {len(time)} times; expected a number "
                "for each."
            )
        return np.broadcast_to(result, len(time))

    def _broken(self, values: Mapping[str, Any], arm: str, error: Exception) -> FitError:
        at = ", ".join(f"{name} = {value:.6g}" for name, value in values.items() if np.ndim(value) == 0)
        return FitError(
            f"fit: the function {self.function.name} failed in arm {arm!r} at {at}: {type(error).__name__}: {error}"
        )

    # ---- derivatives by the values of the coordinates

    def _at(self, natural: Any) -> Any:
        """The predictions at one point in the parameters' units, whose numbers may be complex."""
        predicted: Any = np.empty(len(self.data), dtype=complex if np.iscomplexobj(natural) else float)
        for arm in self.data.arms:
            own = {c.parameter: v for c, v in zip(self.coordinates, natural, strict=True) if c in self.own(arm)}
            rows = self.data.rows(arm)
            predicted[rows] = self._called(self.data.time[rows], own, arm, rows)
        return predicted

    def _by_complex_step(self, natural: Array, spans: Array) -> Array | None:
        """The slopes, or None where the function is not one of complex numbers, as ``abs`` is not."""
        slopes = np.empty((len(self.data), len(natural)))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # a complex number cast to a real one warns
                for i, span in enumerate(spans):
                    step = np.zeros(len(natural), dtype=complex)
                    step[i] = 1j * COMPLEX_STEP * span
                    slopes[:, i] = self._at(natural + step).imag / (COMPLEX_STEP * span)
        except (FitError, Warning):
            return None
        noise = np.finfo(float).eps / CHECK_STEP * np.abs(self._at(natural)).max(initial=0.0) / spans
        with np.errstate(invalid="ignore"):
            agree = np.abs(slopes - self._roughly(natural, spans)) <= CHECK * np.abs(slopes).max(axis=0) + 10 * noise
        return slopes if agree.all() else None

    def _roughly(self, natural: Array, spans: Array) -> Array:
        """The slopes by central differences."""
        steps = np.diag(CHECK_STEP * spans)
        with np.errstate(invalid="ignore"):
            columns = [
                (self._at(natural + step) - self._at(natural - step)) / (2 * step[i]) for i, step in enumerate(steps)
            ]
        return np.stack(columns, axis=1)

    def _by_differences(self, natural: Array, spans: Array) -> Array:
        from scipy.differentiate import jacobian

        def function(scaled: Array) -> Array:
            points = scaled.reshape(len(natural), -1)
            values = [self._at(natural + spans * point) for point in points.T]
            return np.stack(values, axis=1).reshape(len(self.data), *scaled.shape[1:])

        tolerances = {"atol": TOLERANCE * np.abs(self._at(natural)).max(initial=0.0), "rtol": TOLERANCE}
        with np.errstate(all="ignore"):
            result = jacobian(
                function, np.zeros(len(natural)), tolerances=tolerances, order=8, initial_step=FIRST_STEP, maxiter=6
            )
        return np.asarray(result.df / spans)
