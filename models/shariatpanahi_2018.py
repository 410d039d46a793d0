"""Myeloid-derived suppressor cells that hold down the priming of T cells.

    dC/dt = a C ln(Cmax/C) - (b N + eta T) Ca
    dN/dt = sigma - f N + g N C^2/(h + C^2) - p N Ca
    dT/dt = -m T + j T C^2/(k + C^2) + r N Ca S - u T Ca
    dM/dt = beta (M_min - M) + alpha C/(q + C)
    Ca    = C/(1 + (C/Cs)^(1/3))                       tumor cells within reach
    S     = Smin + (1 - Smin)/(1 + gamma ((M - M_min)/Mu)^2)
    depletion:  M -> M exp(-dose)

Source: Shariatpanahi SP, Shariatpanahi SP, Madjidzadeh K, Hassan M, Abedi-Valugerdi M.
Mathematical modeling of tumor-induced immunosuppression by myeloid-derived suppressor cells:
implications for therapeutic targeting strategies. J Theor Biol 442:1-10 (2018), doi
10.1016/j.jtbi.2018.01.006. Values as in BioModels MODEL1909090003, which is not curated;
the paper itself was not read, so what is mended is read from the equations' units.

Mended: (1) recruitment of natural killer and T cells is coded g C^2/(h + C^2), not times N
and T as in the model it cites (de Pillis 2005), which leaves a fraction of a cell a day.
(2) gamma = 0.006 on a squared number of cells makes S a step at M_min; it is taken for
suppressors in millions (Mu, illustrative).  (3) A constant apoptosis of 0.7 a day holds any
tumor below 5e4 cells, so that suppressors never expand; it is left out.

Cs = l^3 with the SBML's l = 100.  The paper depletes suppressors by low-dose 5-fluorouracil,
whose equations were not found: `depletion` leaves the fraction exp(-dose) of them, which is
illustrative.

Finding: it runs, but does not show its paper's claim at these values.  As mended, the suppressors
take up to four fifths of the priming and change almost nothing: the tumor falls below one cell on
day 74.2 with them, on day 72.6 without (gamma = 0), as T cells come by recruitment (j) and not by
priming (r).  Do not read an effect of depleting suppressors from it.
"""

from sympy import Piecewise, exp, log

from pkpd import Model, dose, output, param, state

SBML = "Shariatpanahi 2018, as in MODEL1909090003"
POSITIVE = (0, None)

a = param("a", 0.057, "1/day", "Gompertz growth of the tumor", source=SBML, bounds=POSITIVE)
Cmax = param("Cmax", 1e10, "cell", "tumor at which growth stops", source=SBML, bounds=POSITIVE)
Cs = param("Cs", 1e6, "cell", "tumor of which half is out of reach", source=f"{SBML} (l^3)", bounds=POSITIVE)
b = param("b", 3.23e-7, "1/cell/day", "killing by natural killer cells", source=SBML, bounds=POSITIVE)
eta = param("eta", 1.1e-7, "1/cell/day", "killing by cytotoxic T cells", source=SBML, bounds=POSITIVE)

sigma = param("sigma", 14000, "cell/day", "influx of natural killer cells", source=SBML, bounds=POSITIVE)
f = param("f", 0.0412, "1/day", "death of natural killer cells", source=SBML, bounds=POSITIVE)
g = param("g", 0.025, "1/day", "largest recruitment of natural killer cells", source=SBML, bounds=POSITIVE)
h = param("h", 2.02e7, "cell^2", "square of the tumor at half the maximal recruitment", source=SBML, bounds=POSITIVE)
p = param("p", 1e-7, "1/cell/day", "inactivation of natural killer cells", source=SBML, bounds=POSITIVE)

m = param("m", 0.02, "1/day", "death of T cells", source=SBML, bounds=POSITIVE)
j = param("j", 0.1, "1/day", "largest recruitment of T cells", source=SBML, bounds=POSITIVE)
k = param("k", 2.02e7, "cell^2", "square of the tumor at half the maximal recruitment", source=SBML, bounds=POSITIVE)
r = param("r", 1.1e-7, "1/cell/day", "priming of T cells by natural killer cells", source=SBML, bounds=POSITIVE)
u = param("u", 1e-10, "1/cell/day", "inactivation of T cells", source=SBML, bounds=POSITIVE)

Smin = param("Smin", 0.18, "1", "priming that is left under full suppression", source=SBML, bounds=(0, 1))
gamma = param("gamma", 0.006, "1", "sensitivity of priming to suppressors", source=SBML, bounds=POSITIVE)
Mu = param("Mu", 1e6, "cell", "unit of suppressors for gamma", source="illustrative: see the text", bounds=POSITIVE)
M_min = param("M_min", 5e6, "cell", "suppressors without tumor", source=SBML, bounds=POSITIVE)
beta = param("beta", 0.25, "1/day", "turnover of suppressors", source=SBML, bounds=POSITIVE)
alpha = param("alpha", 1.2e8, "cell/day", "largest expansion of suppressors by tumor", source=SBML, bounds=POSITIVE)
q = param("q", 1e10, "cell", "tumor at half the maximal expansion", source=SBML, bounds=POSITIVE)

C0 = param("C0", 1e6, "cell", "tumor cells at the start", source="illustrative: 1 in the SBML", bounds=POSITIVE)

C = state("C", "cell", "tumor cells", start=C0)
N = state("N", "cell", "natural killer cells", start=sigma / f)
T = state("T", "cell", "cytotoxic T cells", start=1)
M = state("M", "cell", "myeloid-derived suppressor cells", start=M_min)

Ca = Piecewise((C / (1 + (C / Cs) ** (1 / 3)), C > 0), (0, True))
S = Smin + (1 - Smin) / (1 + gamma * ((M - M_min) / Mu) ** 2)

model = Model(
    "shariatpanahi_2018",
    rates={
        C: Piecewise((a * C * log(Cmax / C), C > 0), (0, True)) - (b * N + eta * T) * Ca,
        N: sigma - f * N + g * N * C**2 / (h + C**2) - p * N * Ca,
        T: -m * T + j * T * C**2 / (k + C**2) + r * N * Ca * S - u * T * Ca,
        M: beta * (M_min - M) + alpha * C / (q + C),
    },
    outputs={"S": output(S, "priming of T cells, as a fraction of that without suppressors")},
    routes={"depletion": {M: M * exp(-dose("1"))}},
)
