"""What a regimen gains and what it costs, on the same runs."""

from __future__ import annotations

import numpy as np

from pkpd.fits.phenomena.arms import Arm, Runs, phenomenon, population
from pkpd.fits.phenomena.comparisons import share
from pkpd.fits.phenomena.findings import Finding, holds
from pkpd.fits.phenomena.measures import controlled
from pkpd.fits.phenomena.regimens import YEAR, durvalumab

__all__ = ["adverse_events"]

DOSES = (1, 2, 4, 8, 13, 26)


@phenomenon(
    lambda: {str(n): Arm(durvalumab(n), population()) for n in DOSES},
    needs=("hazard of the antibody", "antibody occupancy", "PD-L1 brake", "killing by effectors", "priming by antigen"),
)
def adverse_events(runs: Runs) -> Finding:
    """Longer treatment controls more tumors; most of its immune-related risk comes with the first doses.

    That the risk is early is put in (`irae_hazard`, illustrative); what the run adds is that control goes on
    rising with the doses that add little risk.
    """
    benefit = np.array([controlled(run, 2 * YEAR) for run in runs.values()])
    risk = np.array([float(run["P_irae"].isel(time=-1).mean()) for run in runs.values()])
    holds(np.all(np.diff(risk) > 0), "risk does not rise")
    holds(np.all(np.diff(benefit) >= 0) and benefit[-1] > benefit[0] + 0.03, "benefit does not rise")
    early = float((risk[DOSES.index(4)]) / risk[-1])
    holds(early > 0.5, f"the first four doses have {early:.2f} of the risk of two years")
    late = float((benefit[-1] - benefit[DOSES.index(4)]) / benefit[-1])
    holds(late > 0.1, f"doses after the fourth add {late:.2f} of the control")
    n = next(iter(runs.values())).sizes["member"]
    ends = [share(round(part * n), n) for part in benefit]
    return Finding(
        "Benefit and risk: most of the immune-related risk is in the first doses, control goes on rising",
        {f"{n} doses, {what}": float(v) for what, ys in (("controlled", benefit), ("at risk", risk))
         for n, v in zip(DOSES, ys, strict=True)}
        | {"share of the risk in four doses": early},
        np.array(DOSES, float), {"tumor controlled at 2 years": benefit, "immune-related adverse event": risk},
        x_label="Doses of durvalumab", y_label="Share of patients",
        bands={"tumor controlled at 2 years": (np.array([e.low for e in ends]), np.array([e.high for e in ends]))},
        note=f"N = {n}; Wilson's 95 % interval",
    )  # fmt: skip
