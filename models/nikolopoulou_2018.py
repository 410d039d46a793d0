"""Tumor and T cells under PD-1 and an antibody against it.

    dC/dt = lambda_C C (1 - C/C_K) - eta C T
    dT/dt = F (lambda_12 T_N I12/(K12 + I12) + lambda_2 T I2/(K2 + I2)) - d_T T
    dA/dt = -mu_PA P A - d_A A
    P     = (rho_P - gamma A) T                          PD-1
    Q     = sigma P rho_L (T + eps_C C)                  PD-1 bound to PD-L1
    F     = 1/(1 + Q/K_TQ)
    iv:  A -> A + dose

Source: Nikolopoulou E, Johnson LR, Harris D, Nagy JD, Stites EC, Kuang Y. Tumour-immune
dynamics with an immune checkpoint inhibitor. Lett Biomath 5:S137-S159 (2018), doi
10.1080/23737867.2018.1440978. Values as in BioModels MODEL1908270001, which is not curated;
the model reduces that of Lai X, Friedman A, PLoS One 12:e0178479 (2017).

The public SBML feeds the antibody at the rate A, not at its dose rate gamma_A = 1e-10
g/cm^3 a day: what starts at 0 stays there, so that it holds the untreated case alone.
Mended, the dose rate is an infusion on the route `iv`.

With the SBML's values the published dose removes less than 1 % of PD-1: gamma A stays
below 1.4e-9 beside rho_P = 5.84e-7.

Finding: it runs, but does not show its paper's claim, a tumor held by the inhibitor of PD-1, at these
values: at the published dose rate of 1e-10 g/cm^3 a day the tumor rests at 0.6411 g/cm^3, untreated at
0.6415; at a hundred times that at 0.6010.  Its two states of rest do not need the antibody.

Give A no more than rho_P/gamma, where P would turn
negative.  Densities are in g/cm^3; interleukins 2 and 12 are constant.
"""

from pkpd import Model, dose, output, param, state

SBML = "Nikolopoulou 2018, as in MODEL1908270001"
POSITIVE = (0, None)

lambda_C = param("lambda_C", 0.425, "1/day", "growth of tumor cells", source=SBML, bounds=POSITIVE)
C_K = param("C_K", 0.8725, "g/cm^3", "carrying capacity of the tumor", source=SBML, bounds=POSITIVE)
eta = param("eta", 57.5, "cm^3/g/day", "killing of tumor cells by T cells", source=SBML, bounds=POSITIVE)
lambda_12 = param("lambda_12", 8.81, "1/day", "activation by interleukin-12", source=SBML, bounds=POSITIVE)
T_N = param("T_N", 6e-4, "g/cm^3", "naive T cells", source=SBML, bounds=POSITIVE)
I12 = param("I12", 1.5e-10, "g/cm^3", "interleukin-12", source=SBML, bounds=POSITIVE)
K12 = param("K12", 1.5e-10, "g/cm^3", "interleukin-12 at half of the activation", source=SBML, bounds=POSITIVE)
lambda_2 = param("lambda_2", 0.5, "1/day", "proliferation by interleukin-2", source=SBML, bounds=POSITIVE)
I2 = param("I2", 2.37e-11, "g/cm^3", "interleukin-2", source=SBML, bounds=POSITIVE)
K2 = param("K2", 2.37e-11, "g/cm^3", "interleukin-2 at half of the proliferation", source=SBML, bounds=POSITIVE)
d_T = param("d_T", 0.025, "1/day", "death of T cells", source=SBML, bounds=POSITIVE)
K_TQ = param("K_TQ", 1.365e-18, "g^2/cm^6", "PD-1 bound to PD-L1 that halves T cells", source=SBML, bounds=POSITIVE)
rho_P = param("rho_P", 5.84e-7, "1", "PD-1 on a mass of T cells", source=SBML, bounds=POSITIVE)
rho_L = param("rho_L", 1.1615e-6, "1", "PD-L1 on a mass of T cells", source=SBML, bounds=POSITIVE)
eps_C = param("eps_C", 50.5, "1", "PD-L1 on tumor cells beside T cells", source=SBML, bounds=POSITIVE)
sigma = param("sigma", 0.002, "1", "binding of PD-1 to PD-L1, over its loss", source=SBML, bounds=POSITIVE)
gamma = param("gamma", 10, "cm^3/g", "PD-1 removed by the antibody", source=SBML, bounds=POSITIVE)
mu_PA = param("mu_PA", 1.05954e8, "cm^3/g/day", "depletion of the antibody by PD-1", source=SBML, bounds=POSITIVE)
d_A = param("d_A", 0.7115, "1/day", "degradation of the antibody", source=SBML, bounds=POSITIVE)

C0 = param("C0", 0.3968, "g/cm^3", "tumor cells at the start", source=SBML, bounds=POSITIVE)
T0 = param("T0", 0.006, "g/cm^3", "T cells at the start", source=SBML, bounds=POSITIVE)

C = state("C", "g/cm^3", "tumor cells", start=C0)
T = state("T", "g/cm^3", "T cells", start=T0)
A = state("A", "g/cm^3", "antibody against PD-1")

P = (rho_P - gamma * A) * T
Q = sigma * P * rho_L * (T + eps_C * C)
F = 1 / (1 + Q / K_TQ)

model = Model(
    "nikolopoulou_2018",
    rates={
        C: lambda_C * C * (1 - C / C_K) - eta * C * T,
        T: F * (lambda_12 * T_N * I12 / (K12 + I12) + lambda_2 * T * I2 / (K2 + I2)) - d_T * T,
        A: -mu_PA * P * A - d_A * A,
    },
    outputs={
        "P": output(P, "free PD-1"),
        "F": output(F, "activation of T cells, as a fraction of that without PD-1"),
    },
    routes={"iv": {A: A + dose("g/cm^3")}},
)
