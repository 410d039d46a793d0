"""What durvalumab, radiation and chemotherapy can do, each phenomenon by regimen and patient alone.

    python -m pkpd.fits.phenomena [NAME ...] [--out DIR] [--matrix | --robustness [--draws N]]

Each phenomenon is a set of arms of `durvalumab_radiotherapy_nsclc` (for order and gap also
`kosinsky_2018`, mice) and a function of what came of them, which asserts what it claims and returns a
`Finding` with its numbers and curves.  A claim names the mechanisms that it needs, and fails without any one
of them: ``--matrix`` takes each mechanism out alone (`mechanisms`) and prints what falls.

The patients differ from the typical one by the parameters that each phenomenon names.  Many of these
values are illustrative, as much of the model is: the findings say that a mechanism can make a
phenomenon and what it depends on, and give no rate, dose or day for a patient.  A population is drawn by
the variability of published models and of one calibration, and holds those whose tumor grows untreated.

Beside data (`against_data`, `study_4`): waterfall, spider and time to response of 376 patients with lung
cancer under an antibody to PD-L1 (calibrated); response by PD-L1 (Study 1108, ATLANTIC, a meta-analysis,
INSPIRE), by size (INSPIRE), outside of the field of radiation (PEMBRO-RT and MDACC), and soluble PD-L1 under
nivolumab; each says what of the model was chosen by it.

How far they hang on those values ``--robustness`` tells.  It draws all of them anew by log-normal
factors, with what QSPIO-TNBC's own file marks as estimated, and with the growth rate.  Of 50 draws by
10 %, 47 or more show each phenomenon, but for radiation with durvalumab again (45), abscopal regression and
the fraction dose (44).  Of 50 draws by 20 %, 29 to 31 show these three, 35 the early response, 38 to 40 which
lesion, the field, suppressors after radiation and infiltration, and 42 to 50 each of the others.
Patients and thresholds were chosen with the model in sight.

Values with a source are not drawn, and some sources disagree.  Of the affinities of the antibody all
phenomena show with 0.022 and 0.4 nM; with 30 and 66.5 nM the early response does not.

Treatment begins on day 0, after 60 days in which a tumor and its immune response settle.
Responses are by the sum of two diameters alone: response is a fall by 30 % from day 0,
progression a rise by 20 % and 5 mm from the nadir.
"""
