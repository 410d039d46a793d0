"""Target-mediated drug disposition: drug, target and complex.

    dcentral/dt    = -CL C - Q C + Q peripheral/V2 - V1 (kon C Rec - koff P),    C = central/V1
    dperipheral/dt =         Q C - Q peripheral/V2
    dRec/dt        = ksyn - kdeg Rec - kon C Rec + koff P,    Rec(0) = ksyn/kdeg
    dP/dt          = kon C Rec - (koff + kint) P
    RO = P/(Rec + P),    Ctot = C + P

`central` is free drug, Rec free target and P their complex.  The names are those of the
approximations `tmdd_qss`, `tmdd_qe`, `tmdd_wagner` and `pk_2cmt_mm`, whose parameters are:
KSS = (koff + kint)/kon, KD = koff/kon, Vmax = kint V1 ksyn/kdeg, Km = KSS.

Source: Mager DE, Jusko WJ. General pharmacokinetic model for drugs exhibiting
target-mediated drug disposition. J Pharmacokinet Pharmacodyn 28:507-532 (2001).  All values
are illustrative: an antibody in humans and a soluble or membrane target in plasma.

Distribution is written with a clearance and a volume where the paper has two rate
constants; Q = 0 leaves one compartment.  Fast binding (kon C far above the other rates)
makes the equations stiff.
"""

from pkpd import Model, dose, output, param, state

INVENTED = "illustrative"
POSITIVE = (0, None)

CL = param("CL", 0.25, "L/day", "linear clearance of free drug", source=INVENTED, bounds=POSITIVE)
V1 = param("V1", 3, "L", "volume of the central compartment", source=INVENTED, bounds=POSITIVE)
Q = param("Q", 0.4, "L/day", "intercompartmental clearance", source=INVENTED, bounds=POSITIVE)
V2 = param("V2", 2.5, "L", "volume of the peripheral compartment", source=INVENTED, bounds=POSITIVE)
kon = param("kon", 10, "1/nM/day", "association of drug and target", source=INVENTED, bounds=POSITIVE)
koff = param("koff", 5, "1/day", "dissociation of the complex", source=INVENTED, bounds=POSITIVE)
kint = param("kint", 0.5, "1/day", "internalization of the complex", source=INVENTED, bounds=POSITIVE)
ksyn = param("ksyn", 0.4, "nM/day", "synthesis of the target", source=INVENTED, bounds=POSITIVE)
kdeg = param("kdeg", 0.2, "1/day", "degradation of free target", source=INVENTED, bounds=POSITIVE)

central = state("central", "nmol", "free drug in the central compartment")
peripheral = state("peripheral", "nmol", "drug in the peripheral compartment")
Rec = state("Rec", "nM", "free target", start=ksyn / kdeg)
P = state("P", "nM", "complex of drug and target")

C = central / V1
exchange = Q * C - Q * peripheral / V2
binding = kon * C * Rec - koff * P

model = Model(
    "tmdd_full",
    rates={
        central: -CL * C - exchange - V1 * binding,
        peripheral: exchange,
        Rec: ksyn - kdeg * Rec - binding,
        P: binding - kint * P,
    },
    outputs={
        "C": output(C, "free drug in plasma", "nM"),
        "Ctot": output(C + P, "free and bound drug in plasma", "nM"),
        "RO": output(P / (Rec + P), "fraction of target occupied"),
    },
    routes={"iv": {central: central + dose("nmol")}},
)
