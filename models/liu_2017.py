"""Nivolumab, tumor size, dropout and survival; clearance follows the tumor.

    dcentral/dt    = -CLt C - Q C + Q peripheral/V2,    C = central/V1i
    dperipheral/dt =          Q C - Q peripheral/V2
    dTS/dt         = kg TS ln(TSmax/TS) - Emax exp(-lambda_ t) C/(EC50 + C) TS,    TS(0) = TS0
    dH/dt          = h shape ((t + eps)/one_day)^(shape - 1) exp(b_TS TS + b_ECOG ECOG),    S = exp(-H)
    dHd/dt         = hd shaped ((t + eps)/one_day)^(shaped - 1),    Sd = exp(-Hd)

    CLt = CLi (TS/TS_ref + TS_add)^CL_TS exp(Tmax t^Hill/(T50^Hill + t^Hill))
    CLi = CL (WT/80 kg)^CL_WT (GFR/80 mL/min)^CL_GFR (ALB/40 g/L)^CL_ALB
          exp(CL_ECOG ECOG + CL_RCC RCC + CL_other other) CL_ADA^ADA CL_unknown^ADA_unknown
    V1i = V1 (WT/80 kg)^V1_WT exp(V1_male male + V1_lung lung)

H and Hd are the cumulative hazards of death and of dropout, S and Sd the probabilities to be
alive and to be in the study.

Source: Liu C, Yu J, Li H et al. Association of time-varying clearance of nivolumab with disease
dynamics and its implications on exposure response analysis. Clin Pharmacol Ther 101:657-666
(2017), doi 10.1002/cpt.656; not verified in the paper.  The pharmacokinetics are its estimates, as in
jhhughes256/nivo_sim (NivoPKTS_Final.R).  Tumor, survival and dropout are round numbers of the authors'
simulation, which that repository had from them by letter (the same in NivoPKTS_Final.R and in
NivoPKPD_Final.R).  The simulation's own pharmacokinetics, in which clearance hangs on the tumor far
more, are the alternatives `simulation`: ``model.using(**SIMULATION)``.

Mended: (1) the public code adds Tmax = 0.218 in the exponent, so that clearance rises by 24 %; the paper's
abstract has it fall as patients improve, and so do the labels, by a quarter: here Tmax is negative.
(2) It takes the exponential of the factors 1.11 and 1.04 for antibodies to the drug and for those not
known, a threefold clearance; here they are factors.  (3) Albumin of 4 is in g/dL, where it says mg/dL.

The defaults are the paper's reference patient, a woman of 80 kg with lung cancer other than squamous or not
(lung = 0), and 54.6 mm, where the paper's has 60 (TS_ref).  `iiv` is the square root of the published variances;
that of Tmax adds to it, in `variability`.  `variability_of_simulation` is that of the simulation.
Infusions last 0.5 h; the residual error is 19.4 %.  Shapes of 1 leave constant hazards; eps keeps a hazard
with a shape below 1 finite at the start.
"""

from math import log as ln

from sympy import Piecewise, exp, log

from pkpd import Model, clock, dose, lognormal, normal, output, param, power_effect, state

PAPER = "Liu 2017, as in nivo_sim NivoPKTS_Final.R; not verified in the paper"
FILE = "Liu 2017: the authors' simulation, as in nivo_sim NivoPKPD_Final.R; not verified in the paper"
REFERENCE = "reference patient of Liu 2017, as in nivo_sim"
POSITIVE = (0, None)
BINARY = (0, 1)


def estimated(name, value, unit, meaning, simulated, **declared):
    """A parameter of the paper's estimates, and its value in the simulation."""
    others = {"simulation": (simulated, unit, FILE)}
    return param(name, value, unit, meaning, source=PAPER, alternatives=others, **declared)


CL = estimated("CL", 0.228, "L/day", "clearance at the first dose", 0.06, bounds=POSITIVE, iiv=0.096721**0.5)
V1 = estimated("V1", 3.87, "L", "central volume", 5.0, bounds=POSITIVE, iiv=0.099225**0.5)
Q = estimated("Q", 0.7944, "L/day", "intercompartmental clearance", 0.5, bounds=POSITIVE)
V2 = estimated("V2", 3.01, "L", "peripheral volume", 5.0, bounds=POSITIVE, iiv=0.185761**0.5)
Tmax = estimated("Tmax", -0.218, "1", "change of ln(clearance) in the long run", 0.0)
T50 = param("T50", 66, "day", "time at half the maximal change", source=PAPER, bounds=POSITIVE)
Hill = param("Hill", 7.82, "1", "steepness of the change in time", source=PAPER, bounds=POSITIVE)
CL_TS = estimated("CL_TS", 0.111, "1", "exponent of the tumor size on clearance", 0.3)
TS_ref = estimated("TS_ref", 60, "mm", "tumor size of the reference patient", 1, bounds=POSITIVE)
TS_add = estimated("TS_add", 0, "1", "what is added to the relative tumor size", 1, bounds=POSITIVE)
CL_ECOG = estimated("CL_ECOG", 0.092, "1", "effect of ECOG 1 on ln(clearance)", ln(1.5))
CL_WT = param("CL_WT", 0.738, "1", "exponent of weight on clearance", source=PAPER)
CL_GFR = param("CL_GFR", 0.189, "1", "exponent of glomerular filtration on clearance", source=PAPER)
CL_ALB = param("CL_ALB", -0.723, "1", "exponent of albumin on clearance", source=PAPER)
CL_RCC = param("CL_RCC", 0.071, "1", "effect of renal cell cancer on ln(clearance)", source=PAPER)
CL_other = param("CL_other", -0.0411, "1", "effect of other cancers on ln(clearance)", source=PAPER)
CL_ADA = param("CL_ADA", 1.11, "1", "factor on clearance with antibodies to the drug", source=PAPER, bounds=POSITIVE)
CL_unknown = param(
    "CL_unknown", 1.04, "1", "factor on clearance where these are not known", source=PAPER, bounds=POSITIVE
)
V1_WT = param("V1_WT", 0.582, "1", "exponent of weight on the central volume", source=PAPER)
V1_male = param("V1_male", 0.11, "1", "effect of men on ln(central volume)", source=PAPER)
V1_lung = param("V1_lung", -0.123, "1", "effect of known lung histology on ln(central volume)", source=PAPER)

WT = param("WT", 80, "kg", "body weight", source=REFERENCE, bounds=POSITIVE)
GFR = param("GFR", 80, "mL/min", "glomerular filtration, for 1.73 m^2", source=REFERENCE, bounds=POSITIVE)
ALB = param("ALB", 40, "g/L", "serum albumin", source=REFERENCE, bounds=POSITIVE)
ECOG = param("ECOG", 0, "1", "ECOG performance status", source=REFERENCE, bounds=POSITIVE)
RCC = param("RCC", 0, "1", "1 for renal cell cancer", source=REFERENCE, bounds=BINARY)
other = param("other", 0, "1", "1 for cancers other than of lung and kidney", source=REFERENCE, bounds=BINARY)
ADA = param("ADA", 0, "1", "1 with antibodies to the drug", source=REFERENCE, bounds=BINARY)
ADA_unknown = param("ADA_unknown", 0, "1", "1 where these are not known", source=REFERENCE, bounds=BINARY)
male = param("male", 0, "1", "1 for men", source=REFERENCE, bounds=BINARY)
lung = param("lung", 0, "1", "1 for squamous or non-squamous lung cancer", source=REFERENCE, bounds=BINARY)

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
eps = param("eps", 1e-6, "day", "shift of time that keeps a hazard finite", source=FILE, bounds=POSITIVE)

central = state("central", "mg", "nivolumab in the central compartment")
peripheral = state("peripheral", "mg", "nivolumab in the peripheral compartment")
TS = state("TS", "mm", "tumor size", start=TS0)
H = state("H", "1", "cumulative hazard of death")
Hd = state("Hd", "1", "cumulative hazard of dropout")

t = clock("day")
CLi = (
    CL
    * power_effect(WT, 80, CL_WT, source=REFERENCE)
    * power_effect(GFR, 80, CL_GFR, source=REFERENCE)
    * power_effect(ALB, 40, CL_ALB, source=REFERENCE)
    * exp(CL_ECOG * ECOG + CL_RCC * RCC + CL_other * other)
    * CL_ADA**ADA
    * CL_unknown**ADA_unknown
)
V1i = V1 * power_effect(WT, 80, V1_WT, source=REFERENCE) * exp(V1_male * male + V1_lung * lung)
since = (t / T50) ** Hill
C = central / V1i
CLt = CLi * (TS / TS_ref + TS_add) ** CL_TS * exp(Tmax * since / (1 + since))
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
        "CLt": output(CLt, "clearance at this time", "L/day"),
        "S": output(exp(-H), "probability of survival"),
        "Sd": output(exp(-Hd), "probability to be in the study"),
    },
    routes={"iv": {central: central + dose("mg")}},
)

SIMULATION = dict.fromkeys(("CL", "V1", "Q", "V2", "Tmax", "CL_TS", "TS_ref", "TS_add", "CL_ECOG"), "simulation")

# The eta of Tmax adds to it; all etas are independent.  The simulation has a variance of 0.1 of CL, V1 and V2.
variability = {"Tmax": normal(sd=0.044521**0.5)}
variability_of_simulation = {name: lognormal(omega=0.1**0.5) for name in ("CL", "V1", "V2")}
