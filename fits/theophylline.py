"""Theophylline in twelve subjects: one compartment with absorption, subject by subject and pooled.

    python -m pkpd.fits.theophylline --data theo_sd.csv [--out DIR]

Concentrations in serum over 25 hours after one oral dose of about 4 mg/kg (Boeckmann, Sheiner
and Beal's NONMEM Users Guide; R's Theoph, and theo_sd.csv of the package nlmixr2data, where DV is
in mg/L, AMT in mg and TIME in h).  The table is not part of this project: `data(theo_sd,
package = "nlmixr2data")` in R, written as CSV.

Choices
-------
- Every subject has its own body weight: CL = CL70 (WT/70 kg)^0.75, V = V70 WT/(70 kg), which
  the column WT of the records sets.  The exponents are held.
- `run` estimates ka, CL70 and V70 of each subject (36 numbers).  The observations of one subject
  do not depend on the numbers of another, so that these are twelve individual fits in one
  search; only the standard deviation of the residuals is common.  `pooled` estimates one set for
  all, as if all observations came from one subject (naive pooling).  Neither is a mixed-effects
  model: the pooled fit takes variability between subjects for error, and nothing borrows
  strength in the individual ones.
- All observations have the same weight, as in Pinheiro and Bates' analysis; those of time 0 too,
  where the model has 0 and the assay reads up to 0.74 mg/L in four subjects.

Results
-------
- The individual estimates are those of R's `nlsList` with `SSfol` (Pinheiro and Bates 2000,
  chapter 8): for subject 1 log ke -2.92, log ka 0.575, log Cl -3.92 (L/h/kg).
- ka is the least certain and differs most: 0.68 to 8.9 /h; for subject 9, whose peak is the
  first or second sample, its standard error is 55 % of it.
- The residual standard deviation is 0.70 mg/L individually and 1.45 pooled: most of what the
  pooled fit leaves is between subjects.  The pooled ka, 1.49 /h, CL70 2.69 L/h and V70 33.9 L are
  near the geometric means of the individual ones (1.61, 2.78, 32.0).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pkpd
from pkpd import Model, dose, output, param, power_effect, state
from pkpd.cli.messages import as_messages
from pkpd.fits.panels import panels
from pkpd.fits.third_party import command, table

TABLE = "nlmixr2data/theo_sd.csv"
ORIGIN = "theo_sd of the R package nlmixr2data, as CSV"
POSITIVE = (0, None)

WT = param("WT", 70, "kg", "body weight", source="column WT")
ka = param("ka", 1.5, "1/h", "absorption rate constant", source="a start", bounds=POSITIVE)
CL70 = param("CL70", 2.8, "L/h", "clearance over bioavailability, at 70 kg", source="a start", bounds=POSITIVE)
V70 = param("V70", 32, "L", "volume over bioavailability, at 70 kg", source="a start", bounds=POSITIVE)

CL = CL70 * power_effect(WT, 70, 0.75)
V = V70 * power_effect(WT, 70, 1)

depot = state("depot", "mg", "drug at the site of absorption")
central = state("central", "mg", "drug in the central compartment")

model = Model(
    "theophylline",
    rates={depot: -ka * depot, central: ka * depot - CL * central / V},
    outputs={"C": output(central / V, "theophylline in serum")},
    routes={"oral": {depot: depot + dose("mg")}},
    time="h",
)


def records(path: str | Path | None = None) -> pkpd.Records:
    """The twelve subjects."""
    file = table(path, TABLE, ORIGIN)
    return pkpd.read_nonmem(file, time="h", compartments={1: "depot", 2: "central"})


def run(path: str | Path | None = None) -> pkpd.Fit:
    """ka, CL70 and V70 of each subject."""
    free = {name: pkpd.free(log=True, per_arm=True) for name in ("ka", "CL70", "V70")}
    return pkpd.fit(model, records(path), free)


def pooled(path: str | Path | None = None) -> pkpd.Fit:
    """One ka, CL70 and V70 for all."""
    return pkpd.fit(model, records(path), {name: pkpd.free(log=True) for name in ("ka", "CL70", "V70")})


def draw(result: pkpd.Fit, path: Path) -> Path:
    """A panel for each subject, with the individual curve."""
    return pkpd.save(panels([(f"subject {arm}", result, arm) for arm in result.data.arms], "C"), path)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the report and, with ``--out``, write it with the figure and the tables."""
    command("theophylline", __doc__, run, draw, arguments)


if __name__ == "__main__":
    with as_messages():
        main()
