"""Symptomatic pneumonitis by mean lung dose, and more of it with a PD-L1 antibody.

    a fraction of d Gy to the tumor:  MLD -> MLD + lung d (ab_lung + d)/(ab_lung + dref)
                                      L1 -> L1 + the rise of H(MLD)
    P = (Phi((MLD - TD50)/(m_lung TD50)) - Phi(-1/m_lung))/(1 - Phi(-1/m_lung)),  H = -ln(1 - P)
    dMLD/dt = 0,    dL1/dt = -klat L1,    dL2/dt = klat (L1 - L2)
    RO = C/(C50_lung + C)
    h_pneumonitis_g2 = klat L2 (1 + syn RO)
    pneumonitis_g2 happens when its cumulative hazard reaches -ln u

MLD is the mean dose to both lungs in fractions of dref = 2 Gy, Phi the normal distribution, and P the chance
of pneumonitis of grade 2 or more by radiation alone, as in Lyman's model of a complication.  What a
fraction adds to the cumulative hazard H becomes due after a latent period of two stages.  An antibody that is there
while it becomes due multiplies the hazard: so the risk depends on the gap between them, which is the
reason in the clinic to wait before irradiating a lung again.

Source: Lyman's model of pneumonitis by mean lung dose, fitted to the published series by Marks LB et
al., Int J Radiat Oncol Biol Phys 76:S70-S76 (2010): TD50 31.4 Gy, m 0.45 (as quoted in public notes on
that review; with them the model comes within 3 percentage points of QUANTEC's table of 5, 10, 20, 30
and 40 % at 7, 13, 20, 24 and 27 Gy, see the tests); or by Seppenwoolde Y et al., ibid. 55:724-735
(2003), abstract: 30.8 Gy, 0.37.  Lyman's curve is not 0 without dose; here it is shifted to be so.
The factor of durvalumab is computed from PACIFIC: pneumonitis or radiation pneumonitis of grade 2 or
more in 94 of 475 with durvalumab and 33 of 234 with placebo (Vansteenkiste JF et al., JTO Clin Res Rep
5:100638, 2024, abstract).

Illustrative: the latent period, the mean lung dose for each Gy to the tumor, C50_lung, alpha/beta of
3 Gy with the fraction's dose at the tumor, the product of the two risks, and one factor for all
latencies.  Patients with pneumonitis before it were not randomized in PACIFIC, so that its rates are
not of all who are irradiated (29.8 % in Palma DA et al., ibid. 85:444-450, 2013, see
`pneumonitis_odds`).
"""

from math import log as ln

from sympy import erfc, exp, log, sqrt

from pkpd import Model, dose, given, output, param, state, time_to_event

POSITIVE = (0, None)
SEPPENWOOLDE = "Seppenwoolde 2003, abstract"

C = given("C", "mg/L", "antibody in plasma", default=0)

lung = param(
    "lung", 0.27, "1", "mean lung dose for each Gy to the tumor", bounds=(0, 1), iiv=0.25,
    source="illustrative: 16 Gy of 60",
)  # fmt: skip
ab_lung = param(
    "ab_lung", 3, "Gy", "alpha/beta of the lung", bounds=(0.1, None),
    source="illustrative: a usual value of late damage",
)  # fmt: skip
dref = param("dref", 2, "Gy", "fraction of the doses counted", source="the definition of EQD2", bounds=(0.1, None))
TD50 = param(
    "TD50", 31.4, "Gy", "mean lung dose with a chance of one half", source="Marks 2010 (QUANTEC)", bounds=(1, None),
    alternatives={"Seppenwoolde_2003": (30.8, "Gy", SEPPENWOOLDE)},
)  # fmt: skip
m_lung = param(
    "m_lung", 0.45, "1", "flatness of the dose-response", source="Marks 2010 (QUANTEC)", bounds=(0.01, None),
    alternatives={"Seppenwoolde_2003": (0.37, "1", SEPPENWOOLDE)},
)  # fmt: skip
klat = param(
    "klat", 1 / 30, "1/day", "rate of each of the two stages of latency", bounds=POSITIVE,
    source="illustrative: two months on average",
)  # fmt: skip
syn = param(
    "syn", ln(1 - 94 / 475) / ln(1 - 33 / 234) - 1, "1", "added hazard with the antibody", bounds=POSITIVE,
    source="computed from Vansteenkiste 2024: 94 of 475 against 33 of 234",
)  # fmt: skip
C50_lung = param(
    "C50_lung", 1, "mg/L", "concentration of half of the added hazard", bounds=POSITIVE,
    source="illustrative: far below the trough, so that dose does not matter",
)  # fmt: skip

MLD = state("MLD", "Gy", "mean lung dose in fractions of 2 Gy")
L1 = state("L1", "1", "cumulative hazard in its first latent stage")
L2 = state("L2", "1", "cumulative hazard in its second latent stage")

d = dose("Gy")


def spared(D):
    """Lyman's chance of none at a mean lung dose."""
    return erfc((D - TD50) / (m_lung * TD50 * sqrt(2))) / 2


def total(D):
    """The cumulative hazard of radiation alone at a mean lung dose, none without dose."""
    return log(spared(0) / spared(D))


added = lung * d * (ab_lung + d) / (ab_lung + dref)
RO = C / (C50_lung + C)

model = Model(
    "pneumonitis",
    rates={MLD: 0, L1: -klat * L1, L2: klat * (L1 - L2)},
    routes={"radiation": {MLD: MLD + added, L1: L1 + total(MLD + added) - total(MLD)}},
    outputs={"P_pneumonitis": output(1 - exp(-total(MLD)), "chance of pneumonitis by radiation alone", "1")},
)
model = time_to_event(model, "pneumonitis_g2", klat * L2 * (1 + syn * RO), meaning="pneumonitis of grade 2 or more")
