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

- Follow-up at the first analysis is uniform over 29 months (an illustrative accrual whose median is that of the
  trial); with 24 months for all, as first computed, the hazard ratio is 0.86 in place of 0.83.

Results
-------
- The placebo arm is inside the published interval at all ten numbers; PROCLAIM relapses later in the first year.
- Study 4 is met (39 numbers, sum of squares 31), also in what was no target: response depends little on size.
- The prediction misses: hazard ratio of PFS 0.83 (trial 0.52, 0.42 to 0.65), 0.81 to 0.87 over other calibrations
  that fit as well; PFS at 12 months 43 % (56), OS at 36 months 46 % (57).  By PD-L1 0.71, 0.88 and 0.91 from the
  highest stratum to the lowest (0.41, 0.49 and 0.73): the order, not the size.
- PACIFIC-2 is inside its interval (0.89; 0.85, 0.65 to 1.12), which explains nothing: the model predicts as much for
  PACIFIC at five years.  PACIFIC-5 0.90 (0.75, 0.58 to 0.99).  Local failure 5 % at 12 months (18), distant 39 (30).
- Growth is Gompertz, so that what is too small to see grows fastest, and an antibody with the strength that it has in
  lesions of centimeters does little to it.  Kill that rises as 1/diameter reaches the trial (0.48, strata 0.32, 0.53,
  0.62), but contradicts study 4 where lesions are measured, and PACIFIC-2.  Lymphopenia and escape cost the most of
  the effect; the one is assumed to act in proportion, the other was estimated from responses that ended.
- The targets hardly tell how local relapse, clearance after radiation and the burden that kills are distributed
  (relative errors near 1 or above).
"""
