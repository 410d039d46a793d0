"""Immune-mediated adverse events of a PD-L1 antibody, early ones first.

    RO = C/(C50 + C)
    dW/dt = -ksus RO W,                W(0) = 1
    h_imae = Aimae ksus RO W
    h_stop = hstop + Astop ksus RO W
    each event happens when its cumulative hazard reaches -ln u

W is the share of those who are going to have an event that has not had it: it is used up by
exposure alone, so that the hazard is front-loaded, a pause in dosing halts it, and a second year has
little of the first's.  imae is a first immune-mediated event other than pneumonitis (the
alternatives of Aimae and ksus are those of immune-mediated pneumonitis), stop the end of treatment
for an adverse event of any cause.  The model says when they happen; what a stop does to dosing is
the protocol's.  Grades are drawn by `draw_grades`.

Source: PACIFIC.  Naidoo J et al., Lung Cancer 166:84-93 (2022), abstract: immune-mediated events
other than pneumonitis in 10.7 % with up to a year of durvalumab, 1.7 % of grade 3 or 4, and 56.3 % of
them within 3 months of the first dose.  From these two fractions Aimae and ksus are computed, as if all
had been treated for the year.  Antonia SJ et al., N Engl J Med 377:1919-1929 (2017): 15.4 % stopped
durvalumab for adverse events and 9.8 % placebo; hstop is that of placebo over a year, Astop the
difference, with the onset of the immune-mediated events, which is an assumption.

Illustrative besides: the form (susceptibles used up at a rate that occupancy sets) and C50, far below
therapeutic concentrations, because exposure had no effect on the rate of events of antibodies to PD-1
and PD-L1 in the meta-analysis of Zhang R et al. (2022), see `zhang_2022`.
"""

from pkpd import Model, given, output, param, state, time_to_event

POSITIVE = (0, None)
NAIDOO = "computed from Naidoo 2022: 10.7 % in a year, 56.3 % of them within 3 months"
PNEUMONITIS = "computed from Naidoo 2022: 9.4 %, 78.4 % of them within 3 months"

C = given("C", "mg/L", "antibody in plasma", default=100)

ksus = param(
    "ksus", 0.008034232844, "1/day", "using up of susceptibility at full occupancy", source=NAIDOO,
    bounds=POSITIVE, alternatives={"pneumonitis": (0.01626016195, "1/day", PNEUMONITIS)},
)  # fmt: skip
Aimae = param(
    "Aimae", 0.1195221493, "1", "cumulative hazard of an immune-mediated event, all of it", source=NAIDOO,
    bounds=POSITIVE, iiv=0.5,
    alternatives={"pneumonitis": (0.09897673699, "1", PNEUMONITIS)},
)  # fmt: skip
hstop = param(
    "hstop", 0.000282384008, "1/day", "hazard of stopping for an adverse event without the drug",
    source="computed from Antonia 2017: 9.8 % with placebo, over a year", bounds=POSITIVE,
)  # fmt: skip
Astop = param(
    "Astop", 0.06769355365, "1", "cumulative hazard of stopping for the drug's events", bounds=POSITIVE,
    source="computed from Antonia 2017: 15.4 against 9.8 %, with the onset of Naidoo 2022",
)  # fmt: skip
C50 = param(
    "C50", 1, "mg/L", "concentration of half occupancy", bounds=POSITIVE,
    source="illustrative: far below the trough, so that dose does not matter",
)  # fmt: skip

W = state("W", "1", "susceptibility that is left", start=1)
RO = C / (C50 + C)

model = Model("adverse_events", rates={W: -ksus * RO * W}, outputs={"RO_irae": output(RO, "occupancy that acts")})
model = time_to_event(model, "imae", Aimae * ksus * RO * W, meaning="an immune-mediated event")
model = time_to_event(model, "stop", hstop + Astop * ksus * RO * W, meaning="stopping for an adverse event")
