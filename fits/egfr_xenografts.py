"""Lung cancer xenografts under erlotinib or gefitinib: plasma and tumor volume, fitted jointly, mouse by mouse.

    python -m pkpd.fits.egfr_xenografts --data PKPD_ErloAndGefi_LXF.csv [--drug gefitinib] [--out DIR]

LXF A677 tumors (adenocarcinoma of the lung, from patients) in mice that got 6.25, 25 or 100 mg/kg of
erlotinib or gefitinib a day by mouth from day 3 to 16, eight mice a dose, and eight controls (Eigenmann
et al., Mol Cancer Ther, 2016).  The tables PKPD_ErloAndGefi_LXF.csv, PK_LXF_erlo.csv and
PK_LXF_gefi.csv are not part of this project: they are in data/ of github.com/DavAug/ErlotinibGefitinib
(BSD-3-Clause), commit f0f2a39.  The second and third are looked for beside the first.

Choices
-------
- One compartment with absorption and Simeoni's tumor: C kills cycling cells, which die over 3/k1.
  1 mm^3 is 1 mg.  V, CL, lambda0, lambda1, k1 and k2 are shared by all mice; each mouse has its own w0.
- k1 of gefitinib is held at 100 /day, death without delay: where it is free it grows without end.
- ka is held at the published 55 /day; the samples are too few and too late for it.
- Doses are those of each mouse (body weight times dose); dosing at 100 mg/kg of erlotinib stopped on day 9
  and went on from day 14 to 16, as the table has it.
- Volumes have a combined error, as in the paper, whose two standard deviations are estimated;
  concentrations a log-normal one.  Samples below the limit (0.952 ng/mL) take their chance to be below (M3).
- This is not the paper's mixed-effects model: apart from w0 and dose the mice are alike, and what
  differs between them ends in the residual error.

Results
-------
- Erlotinib: V 0.135 L (95 % 0.076 to 0.241) and CL 1.17 L/day (0.71 to 1.93); the paper's typical mouse, as
  the source's notebook has it, has 0.127 L and 7.56 /day * 0.127 L = 0.96 L/day.
- Gefitinib: V 0.94 L (0.68 to 1.32), CL 4.33 L/day (3.33 to 5.62); the paper's, as in the rows of the
  controls, are 1.40 L and 3.87 /day * 1.40 L = 5.42 L/day.  V is lower here; CL agrees.
- The two fits share nothing but the controls, and agree on growth: lambda0 0.090 +- 0.003 and 0.095 +- 0.002
  /day, lambda1 0.10 +- 0.01 and 0.12 +- 0.01 g/day.
- k2 is 0.066 (0.038 to 0.113) L/mg/day for erlotinib and 0.23 (0.17 to 0.32) for gefitinib.  It is determined
  no better than CL: volumes know k2 times the area under C, which is k2*dose/CL.  k2/CL is 0.056 per mg for
  erlotinib and 0.053 for gefitinib: a milligram does the same.
- Death without delay fits as well: k1 of erlotinib is 5.3 /day (1.2 to 23), and with k1 held at 100 /day the
  log-likelihood is lower by 0.1.  The paper has no delay.
- Its growth law, 2 lambda0 lambda1 w/(lambda1 + 2 lambda0 w), fits a little worse than Simeoni's (without
  delay, log-likelihood lower by 1.7 and 3.6 with as many parameters).
- At 100 mg/kg of erlotinib tumors fall to a tenth between days 4 and 11 (five of eight mice: 6, 28, 67, 137, 147), and
  grow back when dosing stops; the model, which kills in proportion to C and the same in all mice, takes a
  sixth of them.  The combined error hides it: these volumes are small beside its additive part of 0.05 g.
- The spread of concentrations is large: a factor e^1.4 = 4 with erlotinib, e^0.88 = 2.4 with gefitinib.  A
  quarter of an hour matters at ka = 55 /day, and one mouse on 25 mg/kg has 1.35 mg/L ten hours after a dose,
  where the model has 0.15.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

import pkpd
from pkpd.cli.messages import as_messages
from pkpd.fits.panels import panels
from pkpd.fits.third_party import table, write

FOLDER = "erlotinib_gefitinib_lxf_xenograft"
MICE = "PKPD_ErloAndGefi_LXF.csv"
SAMPLES = {"erlotinib": "PK_LXF_erlo.csv", "gefitinib": "PK_LXF_gefi.csv"}
NUMBER = {"erlotinib": 1, "gefitinib": 2}  # the column DRUG
VOLUME, CONCENTRATION = 2, 1  # the column YTYPE
ORIGIN = "data/ of github.com/DavAug/ErlotinibGefitinib"

MODEL = pkpd.compose("xenograft", pkpd.load("pk_1cmt_oral"), pkpd.load("simeoni_2004"))

GROWTH = {
    "w0": pkpd.free(0.11, log=True, per_arm=True),
    "lambda0": pkpd.free(0.1, log=True),
    "lambda1": pkpd.free(0.1, log=True),
    "k2": pkpd.free(0.1, log=True),
}
FREE = {
    "erlotinib": GROWTH
    | {"k1": pkpd.free(5, log=True), "V": pkpd.free(0.13, log=True), "CL": pkpd.free(1.0, log=True)},
    "gefitinib": GROWTH | {"V": pkpd.free(1.4, log=True), "CL": pkpd.free(5.0, log=True)},
}
HELD = {"erlotinib": {"ka": 55}, "gefitinib": {"ka": 55, "k1": 100}}
ERROR = {"C": pkpd.lognormal_error(1.0), "w": pkpd.combined_error(0.05, 0.15)}


def read(path: Path) -> pd.DataFrame:
    """A table of the source: semicolons between fields, a dot where there is no value."""
    cells = pd.read_csv(path, sep=";", na_values=".")
    return cells.rename(columns={"#ID": "arm", "DOSE GROUP": "group"}).astype({"arm": str})


def observations(path: str | Path | None = None, drug: str = "erlotinib", *, controls: bool = True) -> pkpd.Dataset:
    """Tumor mass `w` (g) of every mouse under a drug and of the controls; an arm each, with its doses (mg)."""
    mice = _mice(table(path, f"{FOLDER}/{MICE}", ORIGIN), drug, controls)
    volumes = mice[mice["YTYPE"] == VOLUME].assign(output="w", value=lambda rows: rows["Y"] / 1000, blq=0)
    return _dataset(volumes, mice)


def with_plasma(path: str | Path | None = None, drug: str = "erlotinib") -> pkpd.Dataset:
    """The same and their concentrations `C` (mg/L)."""
    file = table(path, f"{FOLDER}/{MICE}", ORIGIN)
    mice = _mice(file, drug, controls=True)
    samples = read(table(file.with_name(SAMPLES[drug]), SAMPLES[drug], ORIGIN))
    samples = samples[samples["YTYPE"] == CONCENTRATION]
    both = [mice[mice["YTYPE"] == VOLUME].assign(output="w"), samples.assign(output="C")]
    rows = pd.concat(both, ignore_index=True)
    return _dataset(rows.assign(value=rows["Y"] / 1000, blq=rows["CENS"].fillna(0).astype(int)), mice)


def _mice(file: Path, drug: str, controls: bool) -> pd.DataFrame:
    cells = read(file)
    treated = (cells["DRUG"] == NUMBER[drug]) & (cells["group"] > 0)
    return cells[treated | (controls & (cells["group"] == 0))]


def _dataset(rows: pd.DataFrame, mice: pd.DataFrame) -> pkpd.Dataset:
    regimens = {mouse: regimen(of_mouse) for mouse, of_mouse in mice.groupby("arm")}
    tidy = rows.rename(columns={"TIME": "time"})[["arm", "time", "output", "value", "blq"]]
    return pkpd.read_observations(tidy, regimens, at_dose="before")


def regimen(rows: pd.DataFrame) -> pkpd.Regimen | None:
    """The doses of one mouse, from micrograms and NONMEM's ADDL and II; None for a control."""
    doses = rows[rows["DOSE"] > 0].fillna({"ADDL": 0, "II": 1})
    each = [
        pkpd.bolus(dose.DOSE / 1000, "oral", every=dose.II, n=int(dose.ADDL) + 1).shift(dose.TIME)
        for dose in doses.itertuples()
    ]
    return functools.reduce(lambda earlier, later: earlier + later, each) if each else None


def run(path: str | Path | None = None, drug: str = "erlotinib") -> pkpd.Fit:
    """Plasma and volumes under one drug, and the controls."""
    return pkpd.fit(MODEL, with_plasma(path, drug), FREE[drug], parameters=HELD[drug], error=ERROR)


def draw(result: pkpd.Fit, path: Path) -> Path:
    """The tumor of each mouse, in order of the first dose."""
    first = {arm: _first_dose(result, arm) for arm in result.data.arms}
    arms = sorted(first, key=lambda arm: first[arm])
    shown = [(f"mouse {arm}, " + (f"{first[arm]:.2g} mg" if first[arm] else "control"), result, arm) for arm in arms]
    return pkpd.save(panels(shown, "w", columns=8, log=True, bottom=0.003), path)


def _first_dose(result: pkpd.Fit, arm: str) -> float:
    treatment = result.data.regimens[arm]
    return 0.0 if treatment is None else float(treatment.doses[0].amount.expression)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the report and, with ``--out``, write it with the figure and the tables."""
    parser = argparse.ArgumentParser(
        prog="python -m pkpd.fits.egfr_xenografts", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--data", help=f"{MICE}, with {' and '.join(SAMPLES.values())} beside it")
    parser.add_argument("--drug", choices=tuple(SAMPLES), default="erlotinib")
    parser.add_argument("--out", type=Path, help="folder for report.txt, estimates.csv, residuals.csv and the figure")
    chosen = parser.parse_args(arguments)
    result = run(chosen.data, chosen.drug)
    print(result.report())
    if chosen.out is not None:
        for path in write(result, chosen.out, draw, f"{chosen.drug}_xenografts.png"):
            print(f"wrote {path}")


if __name__ == "__main__":
    with as_messages():
        main()
