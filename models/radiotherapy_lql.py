"""Linear-quadratic-linear radiation kill, for fractions of high dose.

    a fraction of d Gy kills the share 1 - exp(-effect):
        effect = alpha d + beta d^2                                          d <= dT
        effect = alpha dT + beta dT^2 + (alpha + 2 beta dT) (d - dT)         d > dT

`radiotherapy_lql(living, dead)` is the part that irradiates the clones of a tumor, which
another part owns, and adds what it kills to its dead cells; `model` joins it with the tumor of
`growth_logistic` and the dead cells of `tumor_volume`.

Source: Astrahan M, Med Phys 35:4161-4172 (2008), not read: the form is that of public uses of it,
with the final slope that continues the linear-quadratic curve without a kink.  alpha and beta are
from Geng C, Paganetti H, Grassberger C, Sci Rep 7:13542 (2017), whose alpha is normal (0.0398, 0.168)
over patients and positive: its median is computed here.  The transition is the estimate of Santiago A
et al., Radiat Oncol 11 (2016), doi 10.1186/s13014-016-0643-5, from local control in 31 studies of
2319 patients with lung cancer, with alpha/beta of 10 Gy; the two curves fitted about alike there, and
alpha/beta without a transition was 3.9 Gy (68 % CI 2.2 to 9.0).

Below dT this is `radiotherapy_lq`.  Fractions are short, and far enough apart for repair.
"""

from collections.abc import Iterable

from sympy import Max, Min, exp

from pkpd import Model, compose, dose, param
from pkpd.models import growth_logistic, tumor_volume
from pkpd.symbolic.symbols import State

GENG = "Geng 2017, as in public simulators of it (cancer_simulation.py)"
POSITIVE = (0, None)

alpha = param(
    "alpha", 0.13, "1/Gy", "linear coefficient of radiation kill", bounds=POSITIVE, iiv=0.3,
    source=f"computed from {GENG}: median of the positive part of a normal distribution (0.0398, 0.168)",
    alternatives={"mean": (0.0398, "1/Gy", f"{GENG}: mean before truncation")},
)  # fmt: skip
beta = param(
    "beta", 0.013, "1/Gy^2", "quadratic coefficient of radiation kill", bounds=POSITIVE,
    source=f"computed from {GENG}: alpha/beta is 10 Gy",
    alternatives={"mean": (0.00398, "1/Gy^2", f"{GENG}: for the mean of alpha")},
)  # fmt: skip
dT = param(
    "dT",
    11,
    "Gy",
    "fraction dose from which kill is log-linear",
    bounds=POSITIVE,
    source="Santiago 2016, abstract: 11.0 (5.2) Gy",
)

d = dose("Gy")
bent = Min(d, dT)
survival = exp(-(alpha * bent + beta * bent**2 + (alpha + 2 * beta * dT) * Max(0, d - dT)))


def radiotherapy_lql(living: Iterable[State], dead: State, route: str = "radiation") -> Model:
    """The part by which a fraction on `route` kills the clones `living`; they become `dead`."""
    clones = tuple(living)
    killed = {tumor: survival * tumor for tumor in clones}
    return Model("radiotherapy_lql", rates={}, routes={route: {**killed, dead: dead + (1 - survival) * sum(clones)}})


model = compose(
    "radiotherapy_lql",
    growth_logistic.model,
    tumor_volume.model,
    radiotherapy_lql([growth_logistic.T], tumor_volume.D),
)
