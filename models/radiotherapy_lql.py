"""Linear-quadratic-linear radiation kill, for fractions of high dose.

    a fraction of d Gy kills the share 1 - exp(-effect):
        effect = alpha d + beta d^2                                          d <= dT
        effect = alpha dT + beta dT^2 + (alpha + 2 beta dT) (d - dT)         d > dT

`radiotherapy_lql(living, dead)` is the part that irradiates the clones of a tumor, which
another part owns, and adds what it kills to its dead cells; `model` joins it with the tumor of
`growth_logistic` and the dead cells of `tumor_volume`.

Source: Astrahan M, Med Phys 35:4161-4172 (2008), with the final slope that continues the
linear-quadratic curve without a kink.  alpha and beta are illustrative, alpha/beta is 10 Gy as
usual for tumors; so is the transition at 6 Gy.

Below dT this is `radiotherapy_lq`.  Fractions are short, and far enough apart for repair.
"""

from collections.abc import Iterable

from sympy import Max, Min, exp

from pkpd import Model, compose, dose, param
from pkpd.models import growth_logistic, tumor_volume
from pkpd.symbolic.symbols import State

INVENTED = "illustrative; alpha/beta is 10 Gy, as usual for tumors"
POSITIVE = (0, None)

alpha = param("alpha", 0.06, "1/Gy", "linear coefficient of radiation kill", source=INVENTED, bounds=POSITIVE, iiv=0.3)
beta = param("beta", 0.006, "1/Gy^2", "quadratic coefficient of radiation kill", source=INVENTED, bounds=POSITIVE)
dT = param("dT", 6, "Gy", "fraction dose from which kill is log-linear", source="illustrative", bounds=POSITIVE)

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
