"""Nivolumab, tumor size, dropout and survival; clearance follows the tumor.

    dcentral/dt    = -CLt C - Q C + Q peripheral/V2,    C = central/V1
    dperipheral/dt =          Q C - Q peripheral/V2
    dTS/dt         = kg TS ln(TSmax/TS) - Emax exp(-lambda_ t) C/(EC50 + C) TS,    TS(0) = TS0
    dH/dt          = h shape ((t + eps)/one_day)^(shape - 1) exp(b_TS TS + b_ECOG ECOG),    S = exp(-H)
    dHd/dt         = hd shaped ((t + eps)/one_day)^(shaped - 1),    Sd = exp(-Hd)

    CLt = CL CL_ECOG^ECOG (1 + TS/one_mm)^CL_TS

H and Hd are the cumulative hazards of death and of dropout, S and Sd the probabilities to be
alive and to be in the study.

Source: Liu C, Yu J, Li H et al. Association of time-varying clearance of nivolumab with disease
dynamics and its implications on exposure response analysis. Clin Pharmacol Ther 101:657-666
(2017), doi 10.1002/cpt.656; equations and values as in jhhughes256/nivo_sim (NivoPKPD_Final.R),
which had them from the authors by letter.  They are not verified in the paper.

`iiv` is the square root of the variances in that file.  Infusions last 0.5 h.  Shapes of 1
leave constant hazards; eps keeps a hazard with a shape below 1 finite at the start.
"""

from sympy import Piecewise, exp, log

from pkpd import Model, clock, dose, output, param, state

FILE = "Liu 2017, as in nivo_sim NivoPKPD_Final.R; not verified in the paper"
POSITIVE = (0, None)

CL = param("CL", 0.06, "L/day", "clearance without tumor", source=FILE, bounds=POSITIVE, iiv=0.1**0.5)
V1 = param("V1", 5.0, "L", "central volume", source=FILE, bounds=POSITIVE, iiv=0.1**0.5)
Q = param("Q", 0.5, "L/day", "intercompartmental clearance", source=FILE, bounds=POSITIVE)
V2 = param("V2", 5.0, "L", "peripheral volume", source=FILE, bounds=POSITIVE, iiv=0.1**0.5)
CL_TS = param("CL_TS", 0.3, "1", "exponent of the tumor size on CL", source=FILE)
CL_ECOG = param("CL_ECOG", 1.5, "1", "factor on CL for ECOG 1", source=FILE, bounds=POSITIVE)
ECOG = param("ECOG", 0, "1", "ECOG performance status", source="reference patient of nivo_sim", bounds=POSITIVE)

TS0 = param("TS0", 54.6, "mm", "tumor size at the start", source=FILE, bounds=POSITIVE)
TSmax = param("TSmax", 1000, "mm", "tumor size at which growth stops", source=FILE, bounds=POSITIVE)
kg = param("kg", 0.005, "1/day", "rate at which growth slows", source=FILE, bounds=POSITIVE, iiv=0.1**0.5)
Emax = param("Emax", 0.02, "1/day", "largest kill rate", source=FILE, bounds=POSITIVE, iiv=1.0)
EC50 = param("EC50", 20, "mg/L", "concentration at half of the kill", source=FILE, bounds=POSITIVE, iiv=0.1)
lambda_ = param(
    "lambda_", 0.001, "1/day", "rate at which the effect is lost", source=FILE, bounds=POSITIVE, iiv=0.5**0.5
)

h = param("h", 0.0001, "1/day", "hazard of death without tumor", source=FILE, bounds=POSITIVE, iiv=0.1**0.5)
shape = param("shape", 1, "1", "Weibull shape of survival", source=FILE, bounds=POSITIVE)
b_TS = param("b_TS", 0.02, "1/mm", "effect of the tumor size on ln(hazard)", source=FILE)
b_ECOG = param("b_ECOG", 1, "1", "effect of ECOG on ln(hazard)", source=FILE)
hd = param("hd", 0.001, "1/day", "hazard of dropout", source=FILE, bounds=POSITIVE)
shaped = param("shaped", 1, "1", "Weibull shape of dropout", source=FILE, bounds=POSITIVE)

one_day = param("one_day", 1, "day", "unit of time under the power", source="by definition of h", bounds=POSITIVE)
one_mm = param("one_mm", 1, "mm", "unit of size under the power", source="by definition of CL", bounds=POSITIVE)
eps = param("eps", 1e-6, "day", "shift of time that keeps a hazard finite", source=FILE, bounds=POSITIVE)

central = state("central", "mg", "nivolumab in the central compartment")
peripheral = state("peripheral", "mg", "nivolumab in the peripheral compartment")
TS = state("TS", "mm", "tumor size", start=TS0)
H = state("H", "1", "cumulative hazard of death")
Hd = state("Hd", "1", "cumulative hazard of dropout")

t = clock("day")
C = central / V1
CLt = CL * CL_ECOG**ECOG * (1 + TS / one_mm) ** CL_TS
kill = Emax * exp(-lambda_ * t) * C / (EC50 + C)
age = (t + eps) / one_day

model = Model(
    "liu_2017",
    rates={
        central: -CLt * C - Q * C + Q * peripheral / V2,
        peripheral: Q * C - Q * peripheral / V2,
        TS: Piecewise((kg * TS * log(TSmax / TS) - kill * TS, TS > 0), (0, True)),
        H: h * shape * age ** (shape - 1) * exp(b_TS * TS + b_ECOG * ECOG),
        Hd: hd * shaped * age ** (shaped - 1),
    },
    outputs={
        "C": output(C, "nivolumab in plasma"),
        "CLt": output(CLt, "clearance at this time"),
        "S": output(exp(-H), "probability of survival"),
        "Sd": output(exp(-Hd), "probability to be in the study"),
    },
    routes={"iv": {central: central + dose("mg")}},
)
