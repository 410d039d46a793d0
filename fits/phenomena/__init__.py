"""What durvalumab, radiation and chemotherapy can do, each phenomenon by regimen and patient alone.

    python -m pkpd.fits.phenomena [NAME ...] [--out DIR] [--robustness [--draws N]]

Each phenomenon is a set of arms of `durvalumab_radiotherapy_nsclc` (for order and gap also
`kosinsky_2018`, mice) and a function of what came of them, which asserts what it claims and returns a
`Finding` with its numbers and curves.

The patients differ from the typical one by the parameters that each phenomenon names.  Many of these
values are illustrative, as much of the model is: the findings say that a mechanism can make a
phenomenon and what it depends on, and give no rate, dose or day for a patient.

How far they hang on those values ``--robustness`` tells.  It draws all of them anew by log-normal
factors, with what QSPIO-TNBC's own file marks as estimated, and with the growth rate.  Of 50 draws by
10 %, 47 or more show each phenomenon, but for the fraction dose (45), order and gap (44) and abscopal
regression (43).  Of 50 draws by 20 %, 44 or more show fates, durable response, pseudoprogression,
acquired resistance, synergy, suppressor depletion and adverse events, 37 chemotherapy, 29 to 33 primary
resistance, order and gap, abscopal regression, the fraction dose, washout and infiltration.  Patients
and thresholds were chosen with the model in sight.

Values with a source are not drawn, and some sources disagree.  Of the affinities of the antibody all
phenomena show with 0.022, 0.4 and 30 nM; with 66.5 nM durable response and the washout do not.

Treatment begins on day 0, after 60 days in which a tumor and its immune response settle.
Responses are by the sum of two diameters alone: response is a fall by 30 % from day 0,
progression a rise by 20 % and 5 mm from the nadir.
"""
