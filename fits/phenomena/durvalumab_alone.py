"""One antibody, many patients."""

from __future__ import annotations

import numpy as np

import pkpd
from pkpd.fits.phenomena.arms import Arm, Runs, phenomenon, population
from pkpd.fits.phenomena.findings import Finding, holds
from pkpd.fits.phenomena.measures import (
    THRESHOLDS,
    best,
    controlled,
    curves,
    first_response,
    on_day,
    progression,
    quartiles,
    relative,
    responded,
)
from pkpd.fits.phenomena.regimens import START, YEAR, durvalumab

__all__ = [
    "ACCESSIBLE", "SUPPRESSED", "acquired_resistance", "durable_response", "fates", "primary_resistance",
    "pseudoprogression",
]  # fmt: skip

ACCESSIBLE = {"resistant0": 1e-6}  # a tumor that effectors reach and recognize, but for one cell in a million


@phenomenon(
    lambda: {
        "untreated": Arm(None, population(), days=YEAR),
        "durvalumab": Arm(durvalumab(26), population()),
    },
    needs=("antibody occupancy", "PD-L1 brake", "killing by effectors", "priming by antigen", "resistant cells"),
)
def fates(runs: Runs) -> Finding:
    """Shrinkage, stabilization and progression in one population on one regimen, and responses that are lost."""
    run, untreated = runs["durvalumab"], float(responded(runs["untreated"], YEAR).mean())
    response, progressed = responded(run, YEAR), progression(run)
    stable = ~response & (progressed > 168)
    groups = {"responds": response, "is stable for 24 weeks": stable, "progresses": ~response & ~stable}
    share = {fate: float(flags.mean()) for fate, flags in groups.items()}
    for fate, part in share.items():
        holds(part > 0.1, f"only {part:.2f} of patients {fate}")
    holds(untreated < 0.02, f"{untreated:.2f} respond without treatment")
    weeks = float(np.median(first_response(run)[response])) / 7
    holds(6 <= weeks <= 16, f"the median response comes after {weeks:.0f} weeks")
    lost = float(np.isfinite(progressed[response]).mean())
    holds(0.2 < lost < 0.8, f"{lost:.2f} of responses are lost within two years")
    size = relative(run)
    labels = {f"{fate} ({share[fate]:.0%})": flags for fate, flags in groups.items()}
    return Finding(
        "One population on durvalumab: some tumors shrink, half of them for good, some are stable, others grow",
        share | {"respond untreated": untreated, "median time to response, weeks": weeks, "responses lost": lost},
        run["time"].values, {label: np.median(size[flags], axis=0) for label, flags in labels.items()},
        thresholds=THRESHOLDS, bands={label: quartiles(size[flags]) for label, flags in labels.items()},
        note=f"N = {len(response)}; medians and middle halves of each fate", top=3, regimen=durvalumab(26),
    )  # fmt: skip


IMMUNOGENIC = ACCESSIBLE | {"kpri": 2e8}  # a third more than the typical priming


@phenomenon(
    lambda: {
        "no durvalumab": Arm(None, IMMUNOGENIC, days=6 * YEAR),
        "4 doses": Arm(durvalumab(4), IMMUNOGENIC, days=6 * YEAR),
        "1 dose, population": Arm(durvalumab(1), population(), days=3 * YEAR),
        "26 doses, population": Arm(durvalumab(26), population(), days=3 * YEAR),
    },
    needs=("antibody occupancy", "PD-L1 brake", "killing by effectors", "priming by antigen", "extinction"),
)
def durable_response(runs: Runs) -> Finding:
    """A response that outlasts the antibody by years, as no living tumor is left; in a population longer is better."""
    short = relative(runs["4 doses"])
    holds(on_day(short, YEAR) < 0.3, "no response to four doses")
    living = float(runs["4 doses"]["burden"][-1])
    holds(living < 1, f"{living:.0f} mm^3 of living tumor six years after the last dose")
    holds(np.isfinite(progression(runs["no durvalumab"])), "no progression without the antibody")
    share = {name: controlled(run, 3 * YEAR) for name, run in runs.items() if name.endswith("population")}
    few, many = share.values()
    holds(few < 0.7 * many, f"one dose does as well as two years of them: {few:.2f}, {many:.2f}")
    return Finding(
        "Four doses are enough for a response that lasts years after them in an immunogenic tumor",
        {"size 5.7 years after the last dose": float(short[-1]), "living tumor then, mm^3": living}
        | {f"controlled at 3 years, {name}": part for name, part in share.items()},
        runs["4 doses"]["time"].values, curves(runs, "no durvalumab", "4 doses"), thresholds=THRESHOLDS,
        regimen=durvalumab(4),
    )  # fmt: skip


INFLAMED = ACCESSIBLE | {"kpri": 2e8, "vI": 8.5e-5, "kcl": 0.03, "diameter0_primary": 20, "diameter0_metastasis": 15}


@phenomenon(
    lambda: {
        "pseudoprogression": Arm(durvalumab(), INFLAMED, days=YEAR),
        "true progression": Arm(durvalumab(), INFLAMED | {"resistant0": 99, "kg": 0.02}, days=YEAR),
        "population": Arm(durvalumab(), population(), days=182),
    },
    needs=("infiltrate", "dead cells", "antibody occupancy", "killing by effectors", "priming by antigen"),
)
def pseudoprogression(runs: Runs) -> Finding:
    """A sum of diameters that rises by 20 %, then falls, while living tumor falls; progression has living tumor rise.

    The patient is immunogenic, with much infiltrate per effector and slow clearance of dead cells.
    """
    pseudo, true = runs["pseudoprogression"], runs["true progression"]
    size, living, growing = relative(pseudo), relative(pseudo, "burden"), relative(true, "burden")
    called, also = float(progression(pseudo)), float(progression(true))
    holds(called < 112, "the sum of diameters does not rise by 20 %")
    holds(size.min() < 0.7 and size.argmin() * 7 > called, "the sum of diameters does not fall after that")
    holds(np.isfinite(also), "the comparison does not progress")
    at_call, at_true = float(on_day(living, called)), float(on_day(growing, also))
    holds(at_call < 0.9 and at_true > 1.3, f"living tumor does not tell them apart: {at_call:.2f}, {at_true:.2f}")
    everyone = runs["population"]
    rate = float((np.isfinite(progression(everyone)) & (relative(everyone)[:, -1] <= 0.7)).mean())
    return Finding(
        "Pseudoprogression: diameters rise and fall while living tumor falls",
        {"called, day": called, "living then": at_call, "living at true progression": at_true,
         "share of the population called and in response at 26 weeks": rate},
        pseudo["time"].values,
        {"diameters, pseudoprogression": size, "living tumor, pseudoprogression": living,
         "diameters, true progression": relative(true), "living tumor, true progression": growing},
        y_label="Size (day 0 = 1)", thresholds={"progression": 1.2, "response": 0.7}, top=3, regimen=durvalumab(),
    )  # fmt: skip


RESPONDER = ACCESSIBLE | {"kpri": 4e7}
SUPPRESSED = {"sTreg": 1.0, "sMDSC": 1.0}  # five times the typical suppression
LOST = {"PDL1_0": 0.0, "ligand_max": 0.85}  # restrained by another checkpoint instead
RESISTANT = {
    "responder": {},
    "high burden": {"diameter0_primary": 100, "diameter0_metastasis": 60},
    "suppressors": SUPPRESSED,
    "PD-L1 loss": LOST,
    "not reached": {"resistant0": 4.0},
}
OTHER_BLOCKED = pkpd.bolus(500, "checkpoint_iv", at=START, every=21, n=18)


@phenomenon(
    lambda: (
        {name: Arm(durvalumab(), RESPONDER | change) for name, change in RESISTANT.items()}
        | {
            "responder, untreated": Arm(None, RESPONDER),
            "PD-L1 loss, untreated": Arm(None, RESPONDER | LOST),
            "PD-L1 loss, other checkpoint blocked": Arm(OTHER_BLOCKED, RESPONDER | LOST),
        }
    ),
    needs=(
        "antibody occupancy", "PD-L1 brake", "killing by effectors", "priming by antigen", "suppression",
        "MDSC drawn by tumor", "second checkpoint", "resistant cells",
    ),
)  # fmt: skip
def primary_resistance(runs: Runs) -> Finding:
    """A responder, and the same patient with a high burden, with suppressors, without PD-L1, or out of reach."""
    least = best(runs)
    holds(least["responder"] < 0.7, "the responder does not respond")
    holds(least["responder, untreated"] > 0.9, "the responder needs no antibody")
    for name in list(RESISTANT)[1:]:
        holds(least[name] > 0.7, f"{name}: the tumor shrinks to {least[name]:.2f}")
    untreated, lost = (relative(runs[name]) for name in ("PD-L1 loss, untreated", "PD-L1 loss"))
    holds(np.allclose(lost, untreated, rtol=1e-4), "the antibody acts without PD-L1")
    holds(relative(runs["PD-L1 loss, untreated"]).min() > 0.9, "without PD-L1 the tumor shrinks by itself")
    holds(least["PD-L1 loss, other checkpoint blocked"] < 0.7, "blocking the checkpoint that is there does not help")
    return Finding(
        "Primary resistance to durvalumab by burden, by suppressors, by loss of PD-L1, and out of reach",
        {name: size for name, size in least.items() if "untreated" not in name},
        runs["responder"]["time"].values, curves(runs, *RESISTANT), thresholds=THRESHOLDS, regimen=durvalumab(),
    )  # fmt: skip


SHARES = {"1 in 1000 resistant at the start": 1e-3, "none resistant at the start": 0.0}


@phenomenon(
    lambda: (
        {name: Arm(durvalumab(52), IMMUNOGENIC | {"resistant0": x}, days=4 * YEAR) for name, x in SHARES.items()}
        | {"untreated": Arm(None, IMMUNOGENIC)}
    ),
    needs=("resistant cells", "antibody occupancy", "PD-L1 brake", "killing by effectors", "priming by antigen"),
)
def acquired_resistance(runs: Runs) -> Finding:
    """Resistant cells, one in a thousand at the start, take over a tumor that responds, on treatment."""
    run, cured, untreated = runs.values()
    holds(np.isfinite(progression(untreated)), "no progression without durvalumab")
    size, without = relative(run), relative(cured)
    share = (run["resistant"] / run["burden"]).values
    when = float(progression(run))
    holds(size.min() < 0.3, "no response at first")
    holds(np.isfinite(when) and size[-1] > 1.5 * size.min(), "no relapse")
    holds(share[0] < 0.01 and share[-1] > 0.99, "resistant cells do not take over")
    holds(without[-1] < 0.1, "without resistant cells at the start it should stay away")
    return Finding(
        "Acquired resistance: under continued durvalumab a resistant clone takes over",
        {"nadir": float(size.min()), "progression, day": when, "resistant share then": float(on_day(share, when))},
        run["time"].values,
        dict(zip(SHARES, (size, without), strict=True)), thresholds=THRESHOLDS, regimen=durvalumab(52),
    )  # fmt: skip
