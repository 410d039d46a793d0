"""Melanoma, antigen-presenting and T cells under pembrolizumab.

    dA/dt = alpha M/(M + b) - mu_A A
    dT/dt = a_pem alpha_e A - b_pem mu_e T
    dM/dt = gamma M - nu T M/(M + g)

Source: Tsur N, Kogan Y, Avizov-Khodak E, Vaeth D, Vogler N, Utikal J, Lotem M, Agur Z.
Predicting response to pembrolizumab in metastatic melanoma by a new personalization
algorithm. J Transl Med 17:338 (2019), doi 10.1186/s12967-019-2081-2, Table 1; BioModels
MODEL1911150001. The population model of the same group is BIOMD0000000838.

The patient is on pembrolizumab from the start and stays on it: its effect is constant, a_pem
on activation and b_pem on exhaustion, and both are 1 without it (`"untreated"`).

BIOMD0000000838 starts A and T at rest with the tumor, but divides by M/(M + b) where it
should multiply; mended here, and in play for tumors near b cells.  It has no b_pem.
MODEL1911150001 starts A and T at 1 and M at 50 cells, which is illustrative.

Table 1 gives ranges over patients: alpha 1161 to 2986, b 3.704e4 to 1.476e5, a_pem 10 to 1e4,
gamma 0.003269 to 0.08664, g 2.019e7 to 1e8.
"""

from pkpd import Model, param, state

TABLE = "Tsur 2019, Table 1 and MODEL1911150001"
POPULATION = "Tsur 2019, as in BIOMD0000000838"
NONE = "1 without the drug, by its definition"
POSITIVE = (0, None)

alpha = param(
    "alpha", 1161, "cell/day", "activation of antigen-presenting cells", source=TABLE, bounds=POSITIVE,
    alternatives={"population": (2986, "cell/day", POPULATION)},
)  # fmt: skip
b = param(
    "b", 37040, "cell", "tumor at half the maximal activation", source=TABLE, bounds=POSITIVE,
    alternatives={"population": (92330, "cell", POPULATION)},
)  # fmt: skip
mu_A = param("mu_A", 0.231, "1/day", "death of antigen-presenting cells", source=TABLE, bounds=POSITIVE)
a_pem = param(
    "a_pem", 5005, "1", "effect of the drug on activation of T cells", source=TABLE, bounds=POSITIVE,
    alternatives={"population": (1000, "1", f"{POPULATION}: 831.8 a day"), "untreated": (1, "1", NONE)},
)  # fmt: skip
alpha_e = param("alpha_e", 0.8318, "1/day", "activation of T cells", source=TABLE, bounds=POSITIVE)
b_pem = param(
    "b_pem", 0.9, "1", "effect of the drug on exhaustion of T cells", source=TABLE, bounds=POSITIVE,
    alternatives={"population": (1, "1", POPULATION), "untreated": (1, "1", NONE)},
)  # fmt: skip
mu_e = param("mu_e", 0.1777, "1/day", "death of T cells", source=TABLE, bounds=POSITIVE)
gamma = param(
    "gamma", 0.003269, "1/day", "net growth of melanoma", source=TABLE, bounds=POSITIVE,
    alternatives={"population": (0.04496, "1/day", POPULATION)},
)  # fmt: skip
nu = param("nu", 0.1245, "1/day", "largest killing of melanoma by a T cell", source=TABLE, bounds=POSITIVE)
g = param(
    "g", 2.019e7, "cell", "tumor at half the maximal killing", source=TABLE, bounds=POSITIVE,
    alternatives={"population": (6.01e7, "cell", POPULATION)},
)  # fmt: skip

M0 = param("M0", 1e6, "cell", "melanoma cells at the start", source=POPULATION, bounds=POSITIVE)
A0 = alpha / mu_A * M0 / (M0 + b)

A = state("A", "cell", "antigen-presenting cells", start=A0)
T = state("T", "cell", "T cells in the tumor", start=a_pem * alpha_e * A0 / (b_pem * mu_e))
M = state("M", "cell", "melanoma cells", start=M0)

model = Model(
    "tsur_2019",
    rates={
        A: alpha * M / (M + b) - mu_A * A,
        T: a_pem * alpha_e * A - b_pem * mu_e * T,
        M: gamma * M - nu * T * M / (M + g),
    },
)
