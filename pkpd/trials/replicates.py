"""Many replicates of a trial: the endpoints of each, and how they scatter."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.ensembles.streams import check_counts, check_seed
from pkpd.errors import DataError, SimulationError
from pkpd.trials.conducting import settled_trial
from pkpd.trials.endpoints import Endpoint, EndpointOptions, endpoints_of, meanings
from pkpd.trials.forests import subgroup_coords
from pkpd.trials.splitting import Split
from pkpd.trials.trials import Trial
from pkpd.units import time_in

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["replicate_intervals", "replicate_trial"]


def replicate_trial(
    trial: Trial,
    replicates: int,
    seed: int,
    *,
    landmarks: Sequence[Any] = (),
    subgroups: Mapping[str, Split] | None = None,
    confidence: float = 0.95,
    first: int = 0,
    progress: Callable[[int, int], object] | None = None,
) -> xr.Dataset:
    """Simulate replicates of a trial, each with patients of its own, and take the endpoints of each.

    The patients of a replicate are forgotten once their endpoints are taken, so that memory is
    that of one replicate; `simulate_trial` has them again.

    Parameters
    ----------
    trial
        The trial; every replicate has its size.
    replicates
        How many.
    seed
        Reproduces everything, to the bit.  A replicate is the same whatever others are
        simulated: ``first=50`` goes on where 50 replicates ended.
    landmarks
        Times from entry at which survival is wanted, days or text such as ``"12 months"``.
    subgroups
        By name of a factor, from `split_at`: the hazard ratio in each class.
    confidence
        Of the intervals of hazard ratios.
    first
        The number of the first replicate.
    progress
        Called with the number of replicates done, and of all.

    Returns
    -------
    xarray.Dataset
        Over ``replicate`` and ``arm``: ``response_rate``, ``disease_control_rate``,
        ``median_response_duration``, ``median_pfs``, ``median_os``, the events of each, the rates
        of adverse events and of therapies stopped for toxicity, mean ``doses``, ``pfs_rate`` and
        ``os_rate`` by ``landmark``.  Over ``replicate`` and ``comparison``, an arm against the
        control: ``pfs_hazard_ratio`` with ``_lower`` and ``_upper``, ``pfs_p_value`` of the
        log-rank test, and the same of ``os``; by ``subgroup`` too ``pfs_subgroup_hazard_ratio``
        with its limits, and the same of ``os``.  Patients whose integration failed or who never
        entered are left out and counted: ``failed``, ``not_entered``.

    Raises
    ------
    SimulationError, UnknownNameError, RegimenError, ParameterError
        If the trial does not fit its model, or a number is out of range.

    Examples
    --------
    >>> import pkpd
    >>> V, h0 = pkpd.state("V", "mL", "tumor volume", start=10), pkpd.param("h0", 1e-4, "1/day/mL", "hazard")
    >>> growing = pkpd.Model("growing", {V: pkpd.param("kg", 0.005, "1/day", "growth", iiv=0.3) * V})
    >>> model = pkpd.time_to_event(growing, "death", h0 * V)
    >>> arms = {"a": pkpd.Protocol({}), "b": pkpd.Protocol({})}
    >>> trial = pkpd.Trial(model, arms, patients=100, accrual=90, follow_up=365, death="death", biomarkers="kg")
    >>> outcome = pkpd.replicate_trial(trial, 5, seed=1, landmarks=["6 months"])
    >>> outcome["os_rate"].dims, outcome["os_hazard_ratio"].dims
    (('replicate', 'arm', 'landmark'), ('replicate', 'comparison'))
    """
    check_seed(seed)
    check_counts("replicate_trial", replicates, first)
    settled = settled_trial(trial)
    times = tuple(time_in(at, "day", "a landmark") for at in landmarks)
    if not 0 < confidence < 1:
        raise SimulationError(f"confidence is {confidence!r}; expected more than 0 and less than 1.")
    options = EndpointOptions(times, dict(subgroups or {}), confidence)
    rows = []
    for replicate in range(first, first + replicates):
        rows.append(endpoints_of(settled.patients(replicate, seed), trial, options))
        if progress is not None:
            progress(replicate - first + 1, replicates)
    return _labelled(trial, rows, np.arange(first, first + replicates), options, seed)


def _labelled(
    trial: Trial, rows: Sequence[Mapping[str, Endpoint]], replicate: Any, options: EndpointOptions, seed: int
) -> xr.Dataset:
    import xarray as xr

    table, variables = meanings(trial), dict[str, Any]()
    for name, (dims, _) in rows[0].items():
        unit, meaning = table[name]
        column = np.array([row[name][1] for row in rows])
        variables[name] = (("replicate", *dims), column, {"units": unit, "long_name": meaning})
    others = [arm for arm in trial.arms if arm != trial.control]
    coords: dict[str, Any] = {"replicate": replicate, "arm": list(trial.arms), "comparison": others}
    if options.landmarks:
        named = {"units": "day", "long_name": "time from entry"}
        coords["landmark"] = ("landmark", list(options.landmarks), named)
    if options.subgroups:
        coords |= subgroup_coords(options.subgroups)
    about: dict[str, Any] = {"model": trial.model.name, "control": trial.control, "patients": trial.patients}
    about |= {"seed": seed, "confidence": options.confidence}
    return xr.Dataset(variables, coords, about)


def replicate_intervals(outcome: xr.Dataset, confidence: float = 0.95) -> xr.Dataset:
    """How endpoints scatter between replicates: what one trial of this size may show.

    Parameters
    ----------
    outcome
        From `replicate_trial`.
    confidence
        The part of the replicates between the limits.

    Returns
    -------
    xarray.Dataset
        Every endpoint over ``quantile`` instead of ``replicate``: the lower limit, the median and
        the upper limit.  Replicates in which there is no such number (NaN, as the duration of
        response where nobody responded) are left out and counted under ``missing_`` and
        the name; a median survival that was not reached is infinite and counts as that.

    Raises
    ------
    DataError
        If `outcome` is not from `replicate_trial`.

    Examples
    --------
    >>> import numpy as np, pkpd, xarray as xr
    >>> outcome = xr.Dataset({"response_rate": ("replicate", np.arange(101) / 100)})
    >>> pkpd.replicate_intervals(outcome, 0.9)["response_rate"].values.round(3).tolist()
    [0.05, 0.5, 0.95]
    """
    import xarray as xr

    if not hasattr(outcome, "data_vars") or "replicate" not in outcome.dims:
        raise DataError(f"replicate_intervals: got a {type(outcome).__name__}; expected a result of replicate_trial().")
    if not 0 < confidence < 1:
        raise DataError(f"replicate_intervals: confidence is {confidence!r}; expected more than 0 and less than 1.")
    quantiles = [(1 - confidence) / 2, 0.5, (1 + confidence) / 2]
    variables: dict[str, Any] = {}
    for name, column in outcome.data_vars.items():
        values = np.moveaxis(column.to_numpy().astype(float), column.dims.index("replicate"), 0)
        dims = [dim for dim in column.dims if dim != "replicate"]
        variables[str(name)] = (("quantile", *dims), _quantiles(values, quantiles), dict(column.attrs))
        missing = np.isnan(values).sum(axis=0)
        if missing.any():
            about = {"units": "1", "long_name": f"replicates without {column.attrs.get('long_name', name)}"}
            variables[f"missing_{name}"] = (dims, missing, about)
    coords = {name: c for name, c in outcome.coords.items() if "replicate" not in c.dims}
    return xr.Dataset(variables, {"quantile": quantiles, **coords}, dict(outcome.attrs))


def _quantiles(values: Any, quantiles: Sequence[float]) -> Any:
    """Linear quantiles over the first axis without NaN; between a number and infinity it is infinite."""
    columns = values.reshape(len(values), -1).T
    result = np.full((len(quantiles), len(columns)), np.nan)
    for place, column in enumerate(columns):
        known = np.sort(column[~np.isnan(column)])
        if known.size:
            at = np.array(quantiles) * (known.size - 1)
            low, high = known[np.floor(at).astype(int)], known[np.ceil(at).astype(int)]
            part = at - np.floor(at)
            finite = np.isfinite(low) & np.isfinite(high)
            gap = np.subtract(high, low, out=np.zeros_like(low), where=finite)
            result[:, place] = np.where(finite, low + part * gap, np.where(part == 0, low, high))
    return result.reshape(len(quantiles), *values.shape[1:])
