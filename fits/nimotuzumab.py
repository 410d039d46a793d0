"""Nimotuzumab in twelve patients: what a pooled fit tells of target-mediated disposition.

    python -m pkpd.fits.nimotuzumab --data nimoData.csv [--out DIR]

321 concentrations over 14 weeks of ten weekly infusions of 50, 100, 200 or 400 mg of an antibody
to EGFR (Rodriguez-Vera et al., J Clin Pharmacol 55:888-898 (2015); nimoData of the R package
nlmixr2data, AMT in mg, TIME in h).  The table is not part of this project.  DV is the natural
logarithm of the concentration: the vignette of nlmixr models it so.  Its unit is not told.

    dcentral/dt    = -CL C - Q C + Q peripheral/V2 - kint V1 P,    Ctot = central/V1
    dperipheral/dt =         Q C - Q peripheral/V2
    dRtot/dt       = kdeg (R0 - Rtot) - (kint - kdeg) P,    Rtot(0) = R0
    P = Rtot C/(KSS + C),    C from Ctot, Rtot and KSS as in `tmdd_qss`

`run` is the quasi-steady-state model of the paper; `simpler` has, in its place, a constant
target ("wagner"), Michaelis-Menten elimination ("saturable") or linear elimination ("linear").

Choices
-------
- Errors are log-normal: least squares of ln C, whose common standard deviation is estimated.
- Naive pooling: one set of parameters for the twelve patients.  Their variability is counted as
  error (a standard deviation of 0.89 on the log scale), and standard errors are too small.  The
  paper's is a mixed-effects model.
- Concentrations are taken as mg/L.  The volumes that follow, V1 0.46 or 1.2 L, are below that of
  plasma, so the unit is likely another, and volumes, KSS and R0 mean no more than their ratios.
- CL is on its own scale and may be 0; the others have bounds of about a factor 100.  Without
  bounds the search can leave for a peripheral compartment without end (V2 1e28, AIC 852.5).
- `run` starts once.  Of eight starts (``starts=8``) half end where it does, the others where kdeg is
  0.18 /h, 2.6 lower in log-likelihood.

Results
-------
- CL ends at its bound 0: what clearance there is saturates.
- kdeg and kint, KSS and R0 are not told apart (standard errors of 34 to 240 %).  A constant
  target, kdeg = kint, fits as well with a parameter less (AIC 843.5 against 845.4), and
  Michaelis-Menten elimination nearly so (847.6); linear elimination is worse (853.5), though
  not by BIC (872.4 against 873.6 of the best).
- So the pooled data show clearance that saturates at a few hundred units, with little
  certainty, and no turnover of the target.  V2 has a standard error of 300 % under each
  saturable model.
- Patient 13, whose concentrations before a dose fall below 1 from the fifth week on, has a third
  of chi-square: one set of parameters is not enough for him.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import sympy

import pkpd
from pkpd import Model, dose, output, param, state
from pkpd.cli.messages import as_messages
from pkpd.fits.panels import panels
from pkpd.fits.third_party import command, table
from pkpd.models.tmdd_qss import free_drug

TABLE = "nlmixr2data/nimoData.csv"
ORIGIN = "nimoData of the R package nlmixr2data, as CSV"
START = "a start"
POSITIVE = (0, None)

CL = param("CL", 0.005, "L/h", "clearance of free drug", source=START, bounds=POSITIVE)
V1 = param("V1", 0.5, "L", "volume of the central compartment", source=START, bounds=POSITIVE)
Q = param("Q", 0.002, "L/h", "intercompartmental clearance", source=START, bounds=POSITIVE)
V2 = param("V2", 2, "L", "volume of the peripheral compartment", source=START, bounds=POSITIVE)
KSS = param("KSS", 300, "mg/L", "steady-state constant of binding", source=START, bounds=POSITIVE)
kint = param("kint", 0.01, "1/h", "internalization of bound drug", source=START, bounds=POSITIVE)
R0 = param("R0", 900, "mg/L", "target before treatment, as drug that it can bind", source=START, bounds=POSITIVE)
kdeg = param("kdeg", 0.01, "1/h", "loss of free target", source=START, bounds=POSITIVE)
Vmax = param("Vmax", 4, "mg/h", "largest saturable elimination", source=START, bounds=POSITIVE)
C_unit = param("C_unit", 1, "mg/L", "the concentration whose logarithm is 0", source="unit of the table")

central = state("central", "mg", "free and bound drug in the central compartment")
peripheral = state("peripheral", "mg", "drug in the peripheral compartment")
Rtot = state("Rtot", "mg/L", "free and bound target", start=R0)

Elimination = Literal["qss", "wagner", "saturable", "linear"]
BOUNDS = {
    "V1": (0.05, 5), "Q": (2e-4, 0.05), "V2": (0.2, 20), "KSS": (5, 5000), "kint": (5e-4, 0.5), "R0": (5, 2e4),
    "kdeg": (5e-4, 0.5), "Vmax": (0.1, 200),
}  # fmt: skip
FREE: dict[Elimination, str] = {
    "qss": "CL V1 Q V2 KSS kint R0 kdeg",
    "wagner": "CL V1 Q V2 KSS kint R0",
    "saturable": "CL V1 Q V2 KSS Vmax",
    "linear": "CL V1 Q V2",
}


def elimination(kind: Elimination) -> Model:
    """Two compartments, with the elimination of this kind beside the linear one."""
    target = {"qss": Rtot, "wagner": R0}.get(kind)
    C = central / V1 if target is None else free_drug(central / V1, target, KSS)
    bound = sympy.Integer(0) if target is None else target * C / (KSS + C)
    saturable = Vmax * C / (KSS + C) if kind == "saturable" else kint * V1 * bound
    exchange = Q * C - Q * peripheral / V2
    rates = {central: -CL * C - exchange - saturable, peripheral: exchange}
    if kind == "qss":
        rates[Rtot] = kdeg * (R0 - Rtot) - (kint - kdeg) * bound
    return Model(
        f"nimotuzumab_{kind}",
        rates=rates,
        outputs={"C": output(C, "free drug in serum", "mg/L"), "lnC": output(sympy.log(C / C_unit), "ln C")},
        routes={"iv": {central: central + dose("mg")}},
        time="h",
    )


def records(path: str | Path | None = None) -> pkpd.Records:
    """The twelve patients."""
    return pkpd.read_nonmem(table(path, TABLE, ORIGIN), time="h", compartments={1: "central"})


def run(path: str | Path | None = None) -> pkpd.Fit:
    """Target-mediated disposition at quasi-steady state, one set of parameters for all patients."""
    return simpler("qss", path)


def simpler(kind: Elimination, path: str | Path | None = None) -> pkpd.Fit:
    """As `run` with elimination of this kind."""
    free = {name: pkpd.free(bounds=BOUNDS.get(name), log=name != "CL") for name in FREE[kind].split()}
    return pkpd.fit(elimination(kind), records(path), free, outputs="lnC")


def draw(result: pkpd.Fit, path: Path) -> Path:
    """ln C of each patient, in the order of their doses."""
    dosed = result.predictor.observed.records
    first_doses = zip(dosed["AMT"][dosed.first_rows].tolist(), result.data.arms, strict=True)
    shown = [(f"patient {arm}, {mg:g} mg", result, arm) for mg, arm in sorted(first_doses, key=lambda pair: pair[0])]
    return pkpd.save(panels(shown, "lnC", bottom=-1, label="ln concentration (DV of the table)"), path)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the report and, with ``--out``, write it with the figure and the tables."""
    command("nimotuzumab", __doc__, run, draw, arguments)


if __name__ == "__main__":
    with as_messages():
        main()
