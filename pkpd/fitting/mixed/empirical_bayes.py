"""Individual parameters of new patients from a known population, as dose individualization needs them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from pkpd.errors import FitError
from pkpd.fitting.mixed.estimation import SOLVER, require_value, start_of
from pkpd.fitting.mixed.mixing import approximation_of, individual_modes, modes_of
from pkpd.fitting.mixed.results import MixedFit, Options
from pkpd.fitting.mixed.settling import settled
from pkpd.fitting.mixed.statements import MixedEffects
from pkpd.fitting.observation_models import blq_method
from pkpd.fitting.outcomes import EventTime
from pkpd.prepared.solver import Solver
from pkpd.records.records import Records

__all__ = ["empirical_bayes"]


def empirical_bayes(
    population: MixedFit | MixedEffects,
    data: Records,
    *,
    outputs: Any = None,
    blq: Any = None,
    solver: Solver | None = None,
    restarts: int = 8,
    seed: int = 0,
) -> MixedFit:
    """The most probable random effects of patients, with the population held at what is known.

    Parameters
    ----------
    population
        A fit, whose estimates are the population's; or a `mixed_effects` model, whose medians,
        spreads and errors are.
    data
        The patients, from `pkpd.read_nonmem`; one observation of each is enough, of one output.
    outputs, blq, solver
        As for `pkpd.fit`; those of the fit by default.
    restarts
        From how many draws the modes of each patient are also sought.

    Returns
    -------
    MixedFit
        Of which `individuals`, `residuals` and the figures are of these patients.

    Raises
    ------
    FitError
        If `population` is neither, or a patient has no observation.

    References
    ----------
    Sheiner LB, Beal S, Rosenberg B, Marathe VV. Forecasting individual pharmacokinetics. Clin
    Pharmacol Ther 26:294-305 (1979).

    Examples
    --------
    >>> import pandas as pd, pkpd
    >>> patient = pd.DataFrame({"ID": 1, "TIME": [0, 6], "AMT": [100, 0], "EVID": [1, 0], "CMT": 1, "DV": [0, 4.0]})
    >>> known = pkpd.mixed_effects(
    ...     pkpd.load("pk_1cmt").in_time("h"),
    ...     {"CL": pkpd.lognormal(2.0, cv=0.3), "V": pkpd.lognormal(15, cv=0.2)},
    ...     error=pkpd.proportional_error(0.1),
    ... )
    >>> own = pkpd.empirical_bayes(known, pkpd.read_nonmem(patient)).individuals
    >>> bool(own["CL"][0] < 2.0)  # 4 mg/L after 6 h is more than the typical 3: this patient clears less
    True
    """
    if isinstance(population, MixedFit):
        statement, options = population.statement, replace(population.options, method="focei", covariance=None)
    elif isinstance(population, MixedEffects):
        statement, options = population, Options(covariance=None)
    else:
        raise FitError(
            f"empirical_bayes() got {population!r}; expected the result of a fit of a mixed-effects model, or such a "
            "model."
        )
    changes = {"outputs": outputs, "blq": blq, "solver": solver}
    options = replace(options, seed=seed, restarts=restarts, **{k: v for k, v in changes.items() if v is not None})
    subjects = settled(
        statement, data, outputs=options.outputs, blq=blq_method(options.blq, statement.error),
        solver=options.solver or SOLVER, patients=True,
    )  # fmt: skip
    u, _ = start_of(subjects, population if isinstance(population, MixedFit) else None)
    require_value(subjects, u)
    timed = any(isinstance(error, EventTime) for error in statement.error.values())  # of which FOCEI knows too little
    eta, approximation = modes_of(subjects), approximation_of(subjects, "laplace" if timed else "focei")
    if restarts:
        eta, _ = approximation.elsewhere(u, eta, seed=seed, restarts=restarts)
    point = approximation.evaluate(u[None], eta[None], gradient=False)
    shares = None if point.shares is None else point.shares[0]
    modes, spread = individual_modes(point, shares)
    return MixedFit(
        statement=statement, records=data, options=options, subjects=subjects, u=u,
        objective=float(point.value[0]), each=point.each[0], eta=modes, eta_covariance=spread, certainty=None,
        converged=bool(point.converged.all()),
        message="the population is held, and the modes of its patients are found", iterations=0, evaluations=1,
        floored=np.zeros(len(u), dtype=bool), trace=np.empty((0, len(u) + 1)),
        failed=tuple(np.array(subjects.names)[~np.isfinite(point.each[0])].tolist()), shares=shares,
    )  # fmt: skip
