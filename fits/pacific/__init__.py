"""PACIFIC predicted: durvalumab after chemoradiation, from a control arm and from an antibody alone.

    python -m pkpd.fits.pacific [--out DIR]
    python -m pkpd.fits.pacific.calibration      estimates again what fits/data/pacific_estimates.csv records
    python -m pkpd.fits.pacific.derivation       derives again the targets of third-party tables

The model is `durvalumab_chemoradiation_nsclc`.  In this order, and with nothing tuned afterwards:

1. `response`: growth and the antibody's effect over patients, to lesions under an antibody alone (study 4 of
   Ghaffari Laleh 2022: changes at weeks 6 and 12 and at best, when responses come and how long they last) and to
   response rates by PD-L1 (Franzese 2026).
2. `control`: growth, radiosensitivity and occult metastases of stage III patients and their hazard of death, to
   PACIFIC's placebo arm (PFS, OS, response rate) and to PROCLAIM from the end of chemoradiation on.
3. `prediction`: durvalumab added.  PACIFIC, its strata of PD-L1, PACIFIC-2, PACIFIC-5, and where patients fail.
4. `scenarios`: what the prediction rests on.

Choices
-------
- Patients differ by growth, radiosensitivity (correlated 0.87 with growth, Geng 2017), size, occult metastases,
  effectors, PD-L1, clearance of what radiation kills, and the day of randomization.
- Progression is RECIST 1.1 of one target lesion, read with an error of 1.7 mm, and of a new lesion, seen from
  10 mm on, at PACIFIC's visits; deaths are drawn by cumulative hazard.
- Growth has another distribution in metastatic disease than in stage III: the two sets of targets do not agree on
  one.  The scenario of one growth for both is in the report.
- Response rates are those of second line, after a platinum doublet.
"""
