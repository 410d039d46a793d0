"""Nimotuzumab in twelve patients as a population: clearance that saturates, by mixed effects.

    python -m pkpd.fits.nimotuzumab_population --data nimoData.csv [--out DIR]

321 concentrations over 14 weeks of ten weekly infusions of 50, 100, 200 or 400 mg of an antibody
to EGFR (Rodriguez-Vera et al., J Clin Pharmacol 55:888-898 (2015); nimoData of the R package
nlmixr2data).  The table is not part of this project.  The models and the records are those of
`pkpd.fits.nimotuzumab`, which pools all patients; the unit of the concentrations is not told.

Choices
-------
- Michaelis-Menten elimination beside a linear one ("saturable" of the pooled fits): of the pooled data
  it said as much as the turnover of the target, with fewer numbers.
- V1 and Vmax vary log-normally; Q, V2 and KSS do not.  The linear CL is held at 0, where it ends when it is
  estimated, pooled or as a population.  The error of ln C is additive.
- `linear` has linear elimination alone, whose CL varies; both are by FOCEI.

Results
-------
- Saturable: Vmax 2.2 mg/h (+- 59 %) at a KSS of 230 (+- 58 %), V1 1.5; Vmax varies by 46 %, V1 by 56 %.  The
  error is 0.69 on the log scale where pooling has 0.89: the rest was between patients.
- AIC 745.1 against 751.1 of linear elimination, whose CL would have to vary by 112 %: that the clearance
  saturates is told by differences within patients, if weakly.
- V2 is not known (+- 120 %), as in the pooled fits.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pkpd
from pkpd.cli.messages import as_messages
from pkpd.fits.nimotuzumab import elimination, records
from pkpd.fits.third_party import command

ERROR = {"lnC": pkpd.additive_error(0.5)}
FREE = {"Q": pkpd.free(0.005), "V2": pkpd.free(1.0), "KSS": pkpd.free(50.0)}

population = pkpd.mixed_effects(
    elimination("saturable"),
    {"V1": pkpd.lognormal(1.0, cv=0.4), "Vmax": pkpd.lognormal(1.0, cv=0.4)},
    error=ERROR,
    free=FREE,
    parameters={"CL": 0.0},
)
linear = pkpd.mixed_effects(
    elimination("linear"),
    {"CL": pkpd.lognormal(0.01, cv=0.4), "V1": pkpd.lognormal(1.0, cv=0.4)},
    error=ERROR,
    free={name: FREE[name] for name in ("Q", "V2")},
)


def run(path: str | Path | None = None) -> pkpd.MixedFit:
    """FOCEI with saturable elimination."""
    return pkpd.fit(population, records(path), method="focei", outputs="lnC")


def simpler(path: str | Path | None = None) -> pkpd.MixedFit:
    """FOCEI with linear elimination alone."""
    return pkpd.fit(linear, records(path), method="focei", outputs="lnC")


def draw(result: pkpd.MixedFit, path: Path) -> list[Path]:
    """The panel of diagnostics and the individual courses."""
    return [
        pkpd.save(pkpd.goodness_of_fit(result), path),
        pkpd.save(pkpd.individual_fits(result), path.parent / "nimotuzumab_population_individuals.pdf"),
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the report and, with ``--out``, write it with the figures and the tables."""
    command("nimotuzumab_population", __doc__, run, draw, arguments)


if __name__ == "__main__":
    with as_messages():
        main()
