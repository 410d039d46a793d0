"""How a mixed-effects model is estimated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pkpd.fitting.mixed.covariance import CovarianceKind

__all__ = ["Estimator", "Options"]

Estimator = Literal["fo", "foce", "focei", "laplace", "saem", "importance"]


@dataclass(frozen=True)
class Options:
    """How a mixed-effects model was estimated, so that it can be done again.

    Attributes
    ----------
    outputs, blq, solver
        As for `pkpd.fit`.
    covariance
        Which matrix standard errors come from; None for none.
    restarts
        How many draws of the random effects the modes of each subject are also sought from.
    iterations
        The most iterations of a search; of SAEM those of its first and second phase.
    chains
        Of SAEM for each subject; by default so many that there are 50 or more in all.
    samples
        The points of importance sampling for each subject, a power of 2 or the next one.
    spread
        The factor by which every number of the further starts is off, up or down.
    """

    method: Estimator = "focei"
    outputs: Any = None
    blq: Any = "M3"
    solver: Any = None
    seed: int = 0
    covariance: CovarianceKind | None = "R"
    restarts: int = 8
    iterations: int = 200
    phases: tuple[int, int] = (200, 150)
    chains: int | None = None
    samples: int = 1024
    spread: float = 3.0
