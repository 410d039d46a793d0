"""Warfarin and prothrombin in 32 subjects as a population: kinetics and effect at once, by mixed effects.

    python -m pkpd.fits.warfarin_population --data warfarin.csv [--out DIR]

Concentrations of warfarin (251) and prothrombin complex activity, PCA (232, in % of normal), over
six days after one oral dose of about 1.5 mg/kg (O'Reilly and Aggeler, J Clin Invest 42:1542-1551
(1963) and Circulation 38:169-177 (1968); warfarin.csv of the package nlmixr2data).  The table
is not part of this project: `data(warfarin, package = "nlmixr2data")` in R, written as CSV.  The
model and the records are those of `pkpd.fits.warfarin`, which pools all subjects.

Choices
-------
- ka, CL, V, IC50, kout and R0 vary log-normally; the lag does not, and Imax is held at 1: pooled
  and estimated by mixed effects it ends at that bound.
- CL and V follow body weight with the exponents 0.75 and 1, which the model holds.
- The four concentrations of 0 within an hour of the dose count by their chance to be below 0.6
  mg/L (M3), as in the pooled fit.

Results
-------
- CL 0.136 L/h and V 8.0 L at 70 kg, IC50 1.17 mg/L, kout 0.053 /h, R0 97 %; nlmixr estimates CL
  0.131, V 7.9, IC50 1.01, kout 0.055, R0 96.5 of the same data (in a test of the package
  posologyr: with transit absorption, without weight, and with Imax 0.97).
- Clearance varies by 27 %, sensitivity (IC50) by 46 %: subjects differ more in what they need than
  in what they clear.  The proportional error of C is 10 % where pooling has 25 %, the error of PCA
  3.8 % where pooling takes differences between subjects for error.
- ka is known least: its shrinkage is 42 %, for few subjects were sampled during absorption.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pkpd
from pkpd.cli.messages import as_messages
from pkpd.fits.third_party import command
from pkpd.fits.warfarin import OUTPUTS, model, records

population = pkpd.mixed_effects(
    model,
    {
        "ka": pkpd.lognormal(0.8, cv=0.5),
        "CL70": pkpd.lognormal(cv=0.3),
        "V70": pkpd.lognormal(cv=0.2),
        "IC50": pkpd.lognormal(cv=0.4),
        "kout": pkpd.lognormal(cv=0.2),
        "R0": pkpd.lognormal(cv=0.1),
    },
    error={"C": pkpd.combined_error(0.5, 0.1), "PCA": pkpd.additive_error(5)},
    free={"tlag": pkpd.free(0.8)},
    parameters={"Imax": 1.0},
)


def run(path: str | Path | None = None) -> pkpd.MixedFit:
    """FOCEI of both outputs."""
    return pkpd.fit(population, records(path), method="focei", outputs=OUTPUTS)


def draw(result: pkpd.MixedFit, path: Path) -> list[Path]:
    """For each output the panel of diagnostics, the individual courses and the predictive check."""
    written = []
    for output in ("C", "PCA"):
        name = f"warfarin_population_{output}"
        written += [
            pkpd.save(pkpd.goodness_of_fit(result, output), path.parent / f"{name}.png"),
            pkpd.save(pkpd.individual_fits(result, output), path.parent / f"{name}_individuals.pdf"),
            pkpd.save(pkpd.vpc(result, output=output), path.parent / f"{name}_vpc.png"),
        ]
    return written


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the report and, with ``--out``, write it with the figures and the tables."""
    command("warfarin_population", __doc__, run, draw, arguments)


if __name__ == "__main__":
    with as_messages():
        main()
