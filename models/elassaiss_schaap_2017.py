"""Pembrolizumab in plasma, and the release of interleukin 2 ex vivo.

    dcentral/dt    = -CL C - Vmax C/(Km + C) - Q C + Q peripheral/V2,    C = central/V1
    dperipheral/dt =                           Q C - Q peripheral/V2
    IL2 = 1 + (Base - 1) (1 - Imax C/(IC50 + C))

IL2 is the ratio of release with and without more antibody added to the blood: it falls to 1 as
the drug in the blood already occupies PD-1.

Source: Elassaiss-Schaap J, Rossenu S, Lindauer A et al. Using model-based "learn and confirm" to
reveal the pharmacokinetics-pharmacodynamics relationship of pembrolizumab in the KEYNOTE-001
trial. CPT Pharmacometrics Syst Pharmacol 6:21-28 (2017), doi 10.1002/psp4.12132, Table 2; as in
nlmixr2lib's Elassaiss-Schaap_2017_pembrolizumab.

22 patients, 0.005 to 10 mg/kg over 30 min.  `iiv` follows from the printed CV (22.7 % of Vmax,
12.0 % of Base); bioavailability varies between occasions by 37.7 %.  The residual error is 29.6 %
of C, and 0.209 of IL2.  A public copy for mrgsolve (depot, pembro.cpp) writes
Imax - (Imax - Base) C/(IC50 + C), which begins at Imax and rises to Base.
"""

from math import log

from pkpd import Model, dose, output, param, state

TABLE = "Elassaiss-Schaap 2017, Table 2, as in nlmixr2lib"
POSITIVE = (0, None)

CL = param("CL", 0.168, "L/day", "linear clearance", source=TABLE, bounds=POSITIVE)
V1 = param("V1", 2.88, "L", "central volume", source=TABLE, bounds=POSITIVE)
Q = param("Q", 0.384, "L/day", "intercompartmental clearance", source=TABLE, bounds=POSITIVE)
V2 = param("V2", 2.85, "L", "peripheral volume", source=TABLE, bounds=POSITIVE)
Vmax = param(
    "Vmax", 0.114, "mg/day", "largest rate of saturable elimination", source=TABLE, bounds=POSITIVE,
    iiv=log(1 + 0.227**2) ** 0.5,
)  # fmt: skip
Km = param("Km", 0.0784, "mg/L", "concentration at half the maximal rate", source=TABLE, bounds=POSITIVE)
Base = param(
    "Base", 2.09, "1", "ratio of interleukin 2 without drug", source=TABLE, bounds=POSITIVE,
    iiv=log(1 + 0.12**2) ** 0.5,
)  # fmt: skip
Imax = param("Imax", 0.961, "1", "largest inhibition", source=TABLE, bounds=(0, 1))
IC50 = param("IC50", 0.535, "mg/L", "concentration at half of the inhibition", source=TABLE, bounds=POSITIVE)

central = state("central", "mg", "pembrolizumab in the central compartment")
peripheral = state("peripheral", "mg", "pembrolizumab in the peripheral compartment")
C = central / V1

model = Model(
    "elassaiss_schaap_2017",
    rates={
        central: -CL * C - Vmax * C / (Km + C) - Q * C + Q * peripheral / V2,
        peripheral: Q * C - Q * peripheral / V2,
    },
    outputs={
        "C": output(C, "pembrolizumab in plasma"),
        "IL2": output(1 + (Base - 1) * (1 - Imax * C / (IC50 + C)), "ratio of interleukin 2 release"),
    },
    routes={"iv": {central: central + dose("mg")}},
)
