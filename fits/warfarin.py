"""Warfarin and prothrombin: absorption with a lag, and inhibited synthesis, of 32 subjects at once.

    python -m pkpd.fits.warfarin --data warfarin.csv [--out DIR]

Concentrations of warfarin (251) and prothrombin complex activity, PCA (232, in % of normal), over
six days after one oral dose of about 1.5 mg/kg (O'Reilly and Aggeler, J Clin Invest 42:1542-1551
(1963) and Circulation 38:169-177 (1968); warfarin.csv of the package nlmixr2data, where DV is in
mg/L or %, AMT in mg and TIME in h).  The table is not part of this project: `data(warfarin,
package = "nlmixr2data")` in R, written as CSV.

    ddepot/dt   = -ka depot,                   a dose arrives tlag later
    dcentral/dt =  ka depot - CL C,            C = central/V
    dPCA/dt     = kout R0 (1 - Imax C/(IC50 + C)) - kout PCA,    PCA(0) = R0

Choices
-------
- Every subject has its own body weight (40 to 102 kg): CL = CL70 (WT/70 kg)^0.75, V = V70
  WT/(70 kg), which the column wt sets; the exponents are held.
- Both outputs are fitted at once, so that PCA informs the pharmacokinetics too.  Errors are
  additive and proportional for C and additive for PCA; their standard deviations are estimated.
- The four concentrations of exactly 0, all within an hour of the dose, are taken as below a
  limit of 0.6 mg/L, the lowest value of the table (M3).  Taken as measured they make the
  likelihood unbounded: where the lag is longer than their time the model has 0 too, and the
  additive standard deviation goes to 0.
- Naive pooling: one set of parameters for all subjects, as if they were one.  What the
  subjects differ by is counted as error, the standard errors are those of that assumption and
  too small, and the standard deviations are not those of an assay.  Mixed effects are not in
  this example.

Results
-------
- CL70 0.130 L/h, V70 8.5 L, kout 0.056 /h, R0 97 %.  Mixed-effects estimates by nlmixr of the same
  data (as in a test of the package posologyr: with transit absorption and no weight) are CL
  0.131, V 7.9, Imax 0.97, IC50 1.01 mg/L, kout 0.055, R0 96.5: pooling reaches all but IC50 (1.45).
- Imax ends at its bound 1.  The proportional error of 25 % is mostly variability between
  subjects.
- ka and tlag depend on each other (correlation 0.88), few samples being early.
- Weight is worth 32 units of log-likelihood for no parameter: with everyone at 70 kg it falls from
  -1326.8 to -1358.9, V becomes 7.7 L and the errors of C grow (0.65 mg/L, 27 %).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

import pkpd
from pkpd import Dosing, Model, dose, output, param, power_effect, state
from pkpd.cli.messages import as_messages
from pkpd.fits.panels import panels
from pkpd.fits.third_party import command, table

TABLE = "nlmixr2data/warfarin.csv"
ORIGIN = "warfarin of the R package nlmixr2data, as CSV"
START = "a start"
POSITIVE = (0, None)

WT = param("WT", 70, "kg", "body weight", source="column wt")
ka = param("ka", 0.8, "1/h", "absorption rate constant", source=START, bounds=POSITIVE)
tlag = param("tlag", 0.8, "h", "time from a dose to its arrival", source=START, bounds=POSITIVE)
CL70 = param("CL70", 0.13, "L/h", "clearance over bioavailability, at 70 kg", source=START, bounds=POSITIVE)
V70 = param("V70", 8, "L", "volume over bioavailability, at 70 kg", source=START, bounds=POSITIVE)
Imax = param("Imax", 0.9, "1", "largest inhibition of synthesis", source=START, bounds=(0, 1))
IC50 = param("IC50", 1, "mg/L", "warfarin at half of the inhibition", source=START, bounds=POSITIVE)
kout = param("kout", 0.05, "1/h", "loss of the prothrombin complex", source=START, bounds=POSITIVE)
R0 = param("R0", 100, "1", "activity before warfarin, % of normal", source=START, bounds=POSITIVE)

CL = CL70 * power_effect(WT, 70, 0.75)
V = V70 * power_effect(WT, 70, 1)

depot = state("depot", "mg", "drug at the site of absorption")
central = state("central", "mg", "drug in the central compartment")
PCA = state("PCA", "1", "prothrombin complex activity, % of normal", start=R0)
C = central / V

model = Model(
    "warfarin",
    rates={
        depot: -ka * depot,
        central: ka * depot - CL * C,
        PCA: kout * R0 * (1 - Imax * C / (IC50 + C)) - kout * PCA,
    },
    outputs={"C": output(C, "warfarin in plasma")},
    routes={"oral": {depot: depot + dose("mg")}},
    dosing={depot: Dosing(lag=tlag)},
    time="h",
)

FREE = {
    **{name: pkpd.free(log=True) for name in ("ka", "CL70", "V70", "IC50", "kout", "R0")},
    "tlag": pkpd.free(),
    "Imax": pkpd.free(),
}
ERROR = {"C": pkpd.combined_error(0.5, 0.2), "PCA": pkpd.additive_error(10)}
OUTPUTS = {"cp": "C", "pca": "PCA"}


def records(path: str | Path | None = None) -> pkpd.Records:
    """The 32 subjects; concentrations of 0 are below the lowest other one."""
    rows = pd.read_csv(table(path, TABLE, ORIGIN))
    concentration = (rows["dvid"] == "cp") & (rows["evid"] == 0)
    zero = concentration & (rows["dv"] == 0)
    limit = rows.loc[concentration & ~zero, "dv"].min()
    return pkpd.read_nonmem(rows.assign(dv=np.where(zero, limit, rows["dv"]), cens=zero.astype(int)), time="h")


def run(path: str | Path | None = None) -> pkpd.Fit:
    """Both outputs of all subjects, with one set of parameters at 70 kg."""
    return pkpd.fit(model, records(path), FREE, outputs=OUTPUTS, error=ERROR)


def draw(result: pkpd.Fit, path: Path) -> Path:
    """Warfarin and PCA of the first twelve subjects; PCA in a file of its own beside `path`."""
    shown = [(f"subject {arm}", result, arm) for arm in result.data.arms[:12]]
    pkpd.save(panels(shown, "PCA", bottom=0), path.with_stem(f"{path.stem}_pca"))
    return pkpd.save(panels(shown, "C", bottom=0), path)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the report and, with ``--out``, write it with the figures and the tables."""
    command("warfarin", __doc__, run, draw, arguments)


if __name__ == "__main__":
    with as_messages():
        main()
