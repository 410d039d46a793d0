"""Growth of tumors by treatment, with mice as subjects: the INSPECTumours studies by mixed effects.

    python -m pkpd.fits.tumor_classes_population --data example_data.csv [--study "Study 2"] [--out DIR]

The example data of INSPECTumours (AstraZeneca; Apache-2.0): three studies with a control and two blinded drugs, 10
to 30 animals an arm.  The table is not part of this project: data/example_data.rda of the R package,
written as CSV.  `pkpd.fits.tumor_classes` fits every animal by itself, and classifies it.

Choices
-------
- Exponential growth; the volume at day 0 varies log-normally between animals, the rate normally, so that a tumor
  may shrink.  Drugs are factors on the mean rate.
- Volumes below 15 mm^3 take their chance to be below (M3), as in the single fits; an animal with one measured
  volume is used too, where single fits leave it out.
- By the Laplace approximation, as values below a limit ask for.

Results
-------
- Study 1: controls grow by 0.22 /day; drug A changes that by -12 % (standard error 7 %: not different from 0) and
  drug B by -57 % (6 %).  Study 2: 0.23 /day, -27 % (8 %) and -87 % (8 %).  Study 3: 0.23 /day, -11 % (9 %) and
  -38 % (9 %).
- Rates differ between animals of one treatment by a standard deviation of 0.04 to 0.06 /day, a fifth of the
  controls' mean.
- The error of studies 2 and 3, 0.52 and 0.56 on the log scale against 0.33, is what a straight line misses of tumors
  that regress and grow again, as in the single fits.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

import pkpd
from pkpd.cli.messages import as_messages
from pkpd.fits.third_party import command, table
from pkpd.fits.tumor_classes import NAME, ORIGIN, SMALLEST, STUDIES

__all__ = ["NAME", "STUDIES", "draw", "main", "population", "records", "run"]

population = pkpd.mixed_effects(
    pkpd.load("growth_exponential"),
    {"T0": pkpd.lognormal(20, cv=0.5), "kg": pkpd.normal(0.2, sd=0.05)},
    error={"T": pkpd.lognormal_error(0.4)},
    covariates={"kg": [pkpd.category_effect("treatment", of="Drug A"), pkpd.category_effect("treatment", of="Drug B")]},
)


def records(path: str | Path | None = None, study: str = "Study 1") -> pkpd.Records:
    """The animals of one study that have a measured volume."""
    cells = pd.read_csv(table(path, NAME, ORIGIN))
    rows = cells[cells["study"] == study].sort_values(["animal_id", "day"])
    below = rows["tumour_volume"] < SMALLEST
    rows = rows.assign(
        ID=rows["animal_id"], TIME=rows["day"].astype(float), DV=rows["tumour_volume"].clip(lower=SMALLEST),
        CENS=below.astype(int), AMT=0, EVID=0,
    )  # fmt: skip
    measured = (~below).groupby(rows["ID"]).transform("sum") > 0
    return pkpd.read_nonmem(rows.loc[measured, ["ID", "TIME", "DV", "CENS", "AMT", "EVID", "treatment"]])


def run(path: str | Path | None = None, study: str = "Study 1") -> pkpd.MixedFit:
    """The rates by treatment, and how animals differ."""
    return pkpd.fit(population, records(path, study), method="laplace", outputs="T")


def draw(result: pkpd.MixedFit, path: Path) -> list[Path]:
    """The panel of diagnostics, and predictive checks by treatment."""
    return [
        pkpd.save(pkpd.goodness_of_fit(result, log=True), path),
        pkpd.save(pkpd.vpc(result, by="treatment", log=True), path.parent / "tumor_classes_population_vpc.png"),
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the report and, with ``--out``, write it with the figures and the tables."""
    command("tumor_classes_population", __doc__, run, draw, arguments)


if __name__ == "__main__":
    with as_messages():
        main()
