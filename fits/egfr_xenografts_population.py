"""Lung cancer xenografts under erlotinib as a population: how mice differ, and a dose that the fit has not seen.

    python -m pkpd.fits.egfr_xenografts_population --data PKPD_ErloAndGefi_LXF.csv [--out DIR]

The mice are those of `pkpd.fits.egfr_xenografts` (Eigenmann et al., Mol Cancer Ther, 2016): eight controls, and eight
each under 6.25, 25 and 100 mg/kg of erlotinib by mouth from day 3 to 16.  The table is not part of this project; that
module says where it is to be had.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

import pkpd
from pkpd.cli.messages import as_messages
from pkpd.fits.egfr_xenografts import FOLDER, MICE, MODEL, NUMBER, ORIGIN, VOLUME, read
from pkpd.fits.third_party import command, table

__all__ = [
    "GROUPS", "HELD_OUT", "MODEL", "by_dose", "calibration", "draw", "main", "pooled", "population", "prediction",
    "records", "run",
]  # fmt: skip

GROUPS = (0.0, 6.25, 25.0, 100.0)  # mg/kg a day
HELD_OUT = 100.0  # the group that is predicted
REFERENCE = 25.0  # mg/kg, of the effect of dose

ERROR = {"w": pkpd.combined_error(additive=0.018, proportional=0.1)}
IIV = {
    "w0": pkpd.lognormal(0.115, omega=0.4),
    "lambda0": pkpd.lognormal(0.16, omega=0.5),
    "lambda1": pkpd.lognormal(0.06, omega=0.6),
    "k2": pkpd.lognormal(0.18, omega=0.6),
}
HELD = {"ka": 55.0}

population = pkpd.mixed_effects(MODEL, IIV, error=ERROR, free={"k1": pkpd.free(2.0)}, parameters=HELD)
by_dose = population.but(covariates={"k2": (pkpd.power_effect("exposed", REFERENCE),)})
pooled = pkpd.mixed_effects(
    MODEL,
    {"w0": IIV["w0"]},
    error={"w": pkpd.combined_error(additive=0.05, proportional=0.17)},
    free={"lambda0": pkpd.free(0.09), "lambda1": pkpd.free(0.1), "k2": pkpd.free(0.05), "k1": pkpd.free(5.0)},
    parameters=HELD,
)


def records(path: str | Path | None = None, groups: Iterable[float] = GROUPS) -> pkpd.Records:
    """The mice of some dose groups: doses in mg, volumes as tumor mass in g, and each mouse's own V and CL."""
    cells = read(table(path, f"{FOLDER}/{MICE}", ORIGIN))
    wanted = cells["group"].isin(list(groups)) & ((cells["DRUG"] == NUMBER["erlotinib"]) | (cells["group"] == 0))
    rows = cells[wanted].fillna({"ADDL": 0, "II": 0, "DOSE": 0})
    doses = rows[rows["DOSE"] > 0].assign(EVID=1, CMT=1, AMT=lambda r: r["DOSE"] / 1000, DV=0.0)
    volumes = rows[rows["YTYPE"] == VOLUME].assign(EVID=0, CMT=2, AMT=0.0, ADDL=0, II=0, DV=lambda r: r["Y"] / 1000)
    both = pd.concat([volumes, doses]).assign(
        ID=lambda r: r["arm"].astype(int),
        CL=lambda r: r["V"] * r["KE"],
        exposed=lambda r: r["group"].where(r["group"] > 0, REFERENCE),  # a control has no drug for k2 to act with
        dose=lambda r: r["group"].map(lambda group: f"{group:g} mg/kg" if group else "control"),
    )
    both = both.sort_values(["group", "ID", "TIME", "EVID"], kind="stable")
    columns = ["ID", "TIME", "EVID", "CMT", "AMT", "ADDL", "II", "DV", "V", "CL", "exposed", "dose"]
    return pkpd.read_nonmem(both[columns], compartments={1: "oral", 2: "central"})


def run(path: str | Path | None = None) -> pkpd.MixedFit:
    """All mice, by FOCEI."""
    return pkpd.fit(population, records(path), method="focei", outputs="w", restarts=2)


def calibration(path: str | Path | None = None) -> pkpd.MixedFit:
    """Without the group that is predicted."""
    groups = [group for group in GROUPS if group != HELD_OUT]
    return pkpd.fit(population, records(path, groups), method="focei", outputs="w", restarts=2)


def prediction(calibrated: pkpd.MixedFit, path: str | Path | None = None) -> pkpd.MixedFit:
    """The mice of the group that was held out, with the population held at what the others say of it."""
    return pkpd.empirical_bayes(calibrated, records(path, [HELD_OUT]))


def draw(result: pkpd.MixedFit, path: Path) -> list[Path]:
    """The panel of diagnostics, every mouse, and predictive checks by dose."""
    return [
        pkpd.save(pkpd.goodness_of_fit(result, log=True), path),
        pkpd.save(pkpd.individual_fits(result, log=True), path.parent / "egfr_xenografts_population_mice.pdf"),
        pkpd.save(pkpd.vpc(result, by="dose", log=True), path.parent / "egfr_xenografts_population_vpc.png"),
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the report and, with ``--out``, write it with the figures and the tables."""
    command("egfr_xenografts_population", __doc__, run, draw, arguments)


if __name__ == "__main__":
    with as_messages():
        main()
