"""Linear-quadratic radiation kill with delayed clearance of killed cells.

    dT/dt = kg T (1 - T/Tmax)
    dD/dt = -kcl D
    a fraction of d Gy:  S = exp(-alpha d - beta d^2),  D -> D + (1 - S) T,  T -> S T
    V = T + D

`radiotherapy_lq(T)` is the part that irradiates a tumor T which another part owns;
`model` joins it with a tumor of logistic growth, which is exponential where Tmax is far
above T.  Killed cells no longer grow, but count in the volume until they are cleared.

Source: linear-quadratic survival as reviewed by McMahon SJ, Phys Med Biol 64:01TR01
(2018); first-order clearance of killed cells, and the values, from Kosinsky Y et al., J
Immunother Cancer 6:17 (2018), Table 1 (CT26 tumors).  alpha/beta there is 10 Gy.

Valid for acute fractions (short beside the half-time of DNA repair) far enough apart for
repair to be complete, and below about 10 Gy each.  No repopulation faster than growth.
"""

from sympy import exp

from pkpd import Model, compose, dose, output, param, state
from pkpd.symbolic.symbols import Parameter, State

KOSINSKY = "Kosinsky 2018, Table 1"
RAUF = "Rauf 2025 (PNAS), MC38; code yijianglanl/SIRPa-Paper-Code"

alpha = param(
    "alpha", 0.146, "1/Gy", "linear coefficient of radiation kill", source=KOSINSKY, bounds=(0, None),
    alternatives={"Rauf_MC38": (5.15e-3, "1/Gy", RAUF)},
)  # fmt: skip
beta = param(
    "beta", 0.0146, "1/Gy^2", "quadratic coefficient of radiation kill", bounds=(0, None),
    source="computed from Kosinsky 2018: 0.1 alpha for an acute fraction",
    alternatives={"Rauf_MC38": (6.58e-3, "1/Gy^2", RAUF)},
)  # fmt: skip
kcl = param("kcl", 0.1725, "1/day", "clearance of killed cells", source=f"{KOSINSKY} (mu)", bounds=(0, None))


def radiotherapy_lq(T: State, *, alpha: Parameter = alpha, beta: Parameter = beta, kcl: Parameter = kcl) -> Model:
    """The part that irradiates the tumor `T` and keeps the killed cells.

    Parameters
    ----------
    T
        A tumor that another part owns, as a volume or a number of cells.
    alpha, beta, kcl
        Other declarations of these parameters, where they have other values and sources.

    Returns
    -------
    Model
        Owns `D`, the killed cells, in the unit of `T`; has the route ``radiation`` (Gy) and
        the output ``V``, all that is measured.
    """
    D = state("D", T.unit, "killed tumor, not yet cleared")
    d = dose("Gy")
    S = exp(-alpha * d - beta * d**2)
    return Model(
        "radiotherapy_lq",
        rates={D: -kcl * D},
        routes={"radiation": {T: S * T, D: D + (1 - S) * T}},
        outputs={"V": output(T + D, "total tumor, living and killed")},
    )


kg = param("kg", 0.4, "1/day", "tumor growth rate", source=f"{KOSINSKY} (r)", bounds=(0, None))
Tmax = param("Tmax", 2500, "mm^3", "tumor volume at which growth stops", source=f"{KOSINSKY} (TVmax)", bounds=(0, None))
T0 = param("T0", 15, "mm^3", "tumor volume at the start", source="Kosinsky 2018, BIOMD0000000863", bounds=(0, None))

T = state("T", "mm^3", "living tumor", start=T0)

growth = Model("logistic_growth", rates={T: kg * T * (1 - T / Tmax)})

model = compose("radiotherapy_lq", growth, radiotherapy_lq(T))
