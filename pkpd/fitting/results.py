"""The result of a fit."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pkpd.arrays import Array, Mask
from pkpd.errors import unknown_name
from pkpd.fitting.free_parameters import Coordinate
from pkpd.fitting.multistart import Starts
from pkpd.fitting.objective import Objective
from pkpd.fitting.outcomes import EventTime
from pkpd.fitting.predictor import Predictor
from pkpd.fitting.reports import report
from pkpd.notebook import shown, text_block
from pkpd.prepared.solver import Solver
from pkpd.records.observations import Dataset
from pkpd.records.tidy_tables import as_text
from pkpd.symbolic.model import Model

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["Fit"]


SdMeaning = Literal["known", "relative", "modeled"]


@dataclass(frozen=True, eq=False, repr=False)
class Fit:
    """The result of `fit`; frozen.

    The log-likelihood is that of independent observations under their error models.  Without
    error models it is Gaussian: with known standard deviations s_i it is
    ``-1/2 sum(r_i^2 + ln(2 pi s_i^2))``, r_i the residual over s_i; with relative ones the errors
    are ``sigma s_i`` and sigma, put at its most likely value ``sqrt(chi_square/n)``, counts as
    one more parameter.  AIC is ``2 k - 2 ln L`` and BIC ``k ln n - 2 ln L``, with the numbers of
    error models among the k.  All constants are kept, so that they compare fits of the same
    data whatever their error models.

    Attributes
    ----------
    objective
        What was maximized: the data and the predictor of it, error models and priors.
    x, covariance_x
        Estimates and covariance on the scale of the search, NaN where missing.
    at_bound
        Which estimates a bound holds.
    covariance_missing
        Why a standard error is missing; empty where none is.
    predicted
        The model's values for the observations.
    standardized
        (observations,): residuals ``(observed - predicted)/sd`` on the scale of each error model, NaN beyond a limit.
    sd
        (observations,): the standard deviations of the errors, of the logarithm for a log-normal one.
    log_likelihood
        The logarithm of the likelihood at the estimates.
    sd_is
        ``"known"`` or ``"relative"``, see `fit`; ``"modeled"`` by error models.
    evaluations, jacobians
        How often the minimizer asked for values, and for their derivatives.
    solves, solver_failures
        The trajectories integrated, and those of them that failed.
    failures_by_arm
        The failed ones in each arm.
    success, message
        Whether the minimizer converged, and what it says.
    lmfit_result
        The minimizer's own result; the parameters of lmfit are called ``p_0``, ``p_1``, ... in
        the order of `coordinates`, on the scale of the search.
    starts
        Where the searches began and ended, if there were several.
    """

    objective: Objective
    x: Array
    covariance_x: Array
    at_bound: Mask
    covariance_missing: str
    predicted: Array
    standardized: Array
    sd: Array
    log_likelihood: float
    sd_is: SdMeaning
    evaluations: int
    jacobians: int
    solves: int
    failures_by_arm: Mapping[str, int]
    success: bool
    message: str
    lmfit_result: Any
    starts: Starts | None = None

    def __post_init__(self) -> None:
        for key in ("x", "covariance_x", "at_bound", "predicted", "standardized", "sd"):
            array = np.array(getattr(self, key))
            array.flags.writeable = False
            object.__setattr__(self, key, array)
        object.__setattr__(self, "failures_by_arm", MappingProxyType(dict(self.failures_by_arm)))

    def __reduce__(self) -> tuple[Any, ...]:
        values = [getattr(self, f.name) for f in dataclasses.fields(self)]
        return Fit, tuple(dict(v) if isinstance(v, MappingProxyType) else v for v in values)

    # ---- what was fitted

    @property
    def model(self) -> Model:
        return self.predictor.model

    @property
    def data(self) -> Dataset:
        """The observations that were fitted."""
        return self.objective.data

    @property
    def predictor(self) -> Predictor:
        """The model under the regimens or records of the data."""
        return self.objective.predictor

    @property
    def constants(self) -> Mapping[str, Any]:
        """The parameters that were held at other values than the model's."""
        return MappingProxyType(dict(self.predictor.constants))

    @property
    def coordinates(self) -> tuple[Coordinate, ...]:
        """What was estimated: the free parameters, then the numbers of error models."""
        return self.objective.coordinates

    @property
    def solver(self) -> Solver:
        return self.predictor.solver

    # ---- how well it fits

    @property
    def n_observations(self) -> int:
        return len(self.data)

    @property
    def n_free(self) -> int:
        """How many numbers were estimated."""
        return len(self.coordinates)

    @property
    def degrees_of_freedom(self) -> int:
        """How many more values `chi_square` sums than numbers were estimated; 0 where there are fewer."""
        return max(int(self.standard.sum()) - self.n_free, 0)

    @property
    def solver_failures(self) -> int:
        return sum(self.failures_by_arm.values())

    @property
    def chi_square(self) -> float:
        """The sum of squares of the residuals over their standard deviations, of measured values.

        Times to an event have no such residual and are left out; NaN where there is nothing else.
        """
        return float(np.nansum(self.standardized[self.standard] ** 2)) if self.standard.any() else math.nan

    @cached_property
    def standard(self) -> Mask:
        """Which observations have a residual with a standard deviation, (observations,).

        Times to an event and values beyond a limit have none.
        """
        standard = np.array(self.data.censored == 0)
        for group in self.objective.groups:
            standard[group.rows] &= not isinstance(group.likelihood, EventTime)
        return standard

    @property
    def reduced_chi_square(self) -> float:
        """chi_square over the degrees of freedom; NaN where there are none."""
        return self.chi_square / self.degrees_of_freedom if self.degrees_of_freedom else math.nan

    @property
    def log_posterior(self) -> float:
        """The log-likelihood and the log-density of the priors."""
        prior = self.objective.priors.log_density(self.x[None], self.coordinates)[0]
        return float(self.log_likelihood + prior)

    @property
    def n_likelihood(self) -> int:
        """The number of parameters of the likelihood: a common factor of standard deviations counts."""
        return self.n_free + (self.sd_is == "relative")

    @property
    def aic(self) -> float:
        """Akaike's information criterion."""
        return 2 * self.n_likelihood - 2 * self.log_likelihood

    @property
    def bic(self) -> float:
        """The Bayesian (Schwarz's) information criterion."""
        return self.n_likelihood * math.log(self.n_observations) - 2 * self.log_likelihood

    # ---- tables

    @property
    def estimates(self) -> pd.DataFrame:
        """A table by parameter, ``name[arm]`` where an arm has its own.

        Columns: estimate, se, rse_percent, ci_low and ci_high (95 %), unit, arm (or
        "shared"), log, at_bound.  On a log scale the standard error is by the delta method
        and the interval is symmetric in ln(parameter).  The intervals are Gaussian with
        known standard deviations and Student's t with relative ones.
        """
        import pandas as pd

        width = self._quantile * np.sqrt(np.diag(self.covariance_x))
        rows = {
            c.label: {
                "estimate": float(c.natural(v)),
                "se": se,
                "rse_percent": 100 * se / abs(c.natural(v)) if c.natural(v) else math.nan,
                "ci_low": float(c.natural(v - w)),
                "ci_high": float(c.natural(v + w)),
                "unit": c.unit,
                "arm": "shared" if c.arm is None else c.arm,
                "log": c.log,
                "at_bound": bool(held),
            }
            for c, v, w, se, held in zip(
                self.coordinates, self.x, width, np.sqrt(np.diag(self._covariance)), self.at_bound, strict=True
            )
        }
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("parameter")

    @property
    def _quantile(self) -> float:
        from scipy.special import ndtri, stdtrit

        if self.sd_is != "relative":
            return float(ndtri(0.975))
        return float(stdtrit(self.degrees_of_freedom, 0.975)) if self.degrees_of_freedom else math.nan

    @property
    def _covariance(self) -> Array:
        slopes = np.array([c.slope(v) for c, v in zip(self.coordinates, self.x, strict=True)])
        return np.asarray(self.covariance_x * np.outer(slopes, slopes))

    def _square(self, values: Array) -> pd.DataFrame:
        import pandas as pd

        labels = [c.label for c in self.coordinates]
        return pd.DataFrame(values, index=pd.Index(labels, name="parameter"), columns=labels)

    @property
    def covariance(self) -> pd.DataFrame:
        """The covariance of the estimates in the parameters' units; NaN where missing."""
        return self._square(self._covariance)

    @property
    def correlation(self) -> pd.DataFrame:
        """The correlation of the estimates on the scale of the search; NaN where missing."""
        se = np.sqrt(np.diag(self.covariance_x))
        return self._square(self.covariance_x / np.outer(se, se))

    @property
    def residuals(self) -> pd.DataFrame:
        """A row for each observation: arm, time, output, observed, predicted, sd, residual.

        Where the data tell subjects apart, ``subject`` follows the arm; where some observations
        are beyond a limit, ``censored`` is at the end, and their residual is NaN.  It is ``(observed -
        predicted)/sd``, on the scale of the error model; sd is 1 where the data have none.
        """
        import pandas as pd

        data = self.data
        return pd.DataFrame(
            {
                "arm": data.arm,
                **({"subject": data.subject} if data.subject else {}),
                "time": data.time,
                "output": data.output,
                "observed": data.value,
                "predicted": self.predicted,
                "sd": self.sd,
                "residual": self.standardized,
                **({"censored": data.censored} if data.censored.any() else {}),
            }
        )

    # ---- use

    def parameters(self, arm: str | int) -> dict[str, Any]:
        """The estimates that act in one arm, and the constants: what `simulate` takes as parameters.

        Raises
        ------
        UnknownNameError
            If the data have no such arm.
        """
        arm = as_text(arm)
        if arm not in self.data.arms:
            raise unknown_name(self.data.name, "arm", arm, self.data.arms)
        acting = self.predictor.own(arm)
        own = {
            c.parameter: float(c.natural(v))
            for c, v in zip(self.predictor.coordinates, self.x, strict=False)
            if c in acting
        }
        return {name: value for name, value in self.constants.items() if name in self.predictor.held(arm)} | own

    def predict(self, times: Any) -> xr.Dataset:
        """The states and outputs of every arm at `times`, by dimensions ``arm`` and ``time``.

        Parameters
        ----------
        times
            As for `simulate`, in the model's unit of time and as the data count it; 0 or more, or
            as early as the data begin.  At the time of a dose the value is that before it.  Before
            the first record of a subject of a NONMEM table it is NaN.
        """
        import xarray as xr

        observables = [*(s.name for s in self.model.states), *self.model.outputs]
        runs = [self.predictor.curve(arm, self.x, times, observables) for arm in self.data.arms]
        return xr.concat(
            runs, xr.DataArray(np.array(self.data.arms), dims="arm", name="arm"), join="exact", combine_attrs="override"
        )

    def report(self) -> str:
        """The fit as text: what was fitted, the estimates, how well they are known, how well they fit."""
        return report(self)

    def __str__(self) -> str:
        return self.report()

    def __repr__(self) -> str:
        estimates = ", ".join(f"{c.label}={c.natural(v):.4g}" for c, v in zip(self.coordinates, self.x, strict=True))
        quality = f"chi-square {self.chi_square:.4g}"
        if not self.standard.any():
            quality = f"log-likelihood {self.log_likelihood:.6g}"
        return f"<Fit of {self.model.name} to {self.data.name}: {estimates}; {quality}>"

    def _repr_html_(self) -> str:
        return shown(repr(self)[1:-1], self.estimates, text_block("Report", self.report()))
