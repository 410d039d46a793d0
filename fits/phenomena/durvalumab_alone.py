"""One antibody, many patients."""

from __future__ import annotations

import numpy as np

import pkpd
from pkpd.fits.phenomena.arms import START, YEAR, Arm, Runs, durvalumab, phenomenon, population
from pkpd.fits.phenomena.findings import Finding, holds
from pkpd.fits.phenomena.measures import THRESHOLDS, best, controlled, curves, on_day, progression, relative

__all__ = [
    "IMMUNOGENIC", "SUPPRESSED", "acquired_resistance", "adverse_events", "durable_response", "fates",
    "primary_resistance", "pseudoprogression",
]  # fmt: skip


@phenomenon(lambda: {"durvalumab": Arm(durvalumab(), population(), days=YEAR)})
def fates(runs: Runs) -> Finding:
    """Shrinkage, stabilization and progression in one population on one regimen."""
    run = runs["durvalumab"]
    size = relative(run)
    response = (size <= 0.7).any(-1)
    stable = ~response & (progression(run) > 168)
    groups = {"responds": response, "is stable for 24 weeks": stable, "progresses": ~response & ~stable}
    share = {fate: float(flags.mean()) for fate, flags in groups.items()}
    for fate, part in share.items():
        holds(part > 0.05, f"only {part:.2f} of patients {fate}")
    medians = {f"{fate} ({share[fate]:.0%})": np.median(size[flags], axis=0) for fate, flags in groups.items()}
    return Finding(
        "One population on durvalumab: some tumors shrink, some are stable, most progress (medians of each fate)",
        share, run["time"].values, medians, thresholds=THRESHOLDS,
    )  # fmt: skip


IMMUNOGENIC = {"kpri": 5e7}  # five times the typical priming


@phenomenon(
    lambda: {
        "no durvalumab": Arm(None, IMMUNOGENIC, days=4 * YEAR),
        "4 doses": Arm(durvalumab(4), IMMUNOGENIC, days=4 * YEAR),
        "1 dose, population": Arm(durvalumab(1), population(), days=3 * YEAR),
        "13 doses, population": Arm(durvalumab(), population(), days=3 * YEAR),
    }
)
def durable_response(runs: Runs) -> Finding:
    """A response that outlasts the antibody by years, in a patient and in most who respond to a year of it."""
    short = relative(runs["4 doses"])
    holds(on_day(short, YEAR) < 0.3, "no response to four doses")
    holds(short[156:].max() < 0.3, "the response is lost within three years of the last dose")
    holds(np.isfinite(progression(runs["no durvalumab"])), "no progression without the antibody")
    everyone = relative(runs["13 doses, population"])
    lasting = float((everyone[(everyone[:, :53] <= 0.7).any(-1), -1] <= 0.7).mean())
    holds(lasting > 0.5, f"only {lasting:.2f} of responses last two years after the end of treatment")
    share = {name: controlled(run, 3 * YEAR) for name, run in runs.items() if name.endswith("population")}
    few, many = share.values()
    holds(few < 0.7 * many, f"one dose does as well as a year of them: {few:.2f}, {many:.2f}")
    return Finding(
        "Four doses are enough for a response that lasts years after them in an immunogenic tumor",
        {"size 3.7 years after the last dose": float(short[-1]), "responses that last 2 years off": lasting}
        | {f"controlled at 3 years, {name}": part for name, part in share.items()},
        runs["4 doses"]["time"].values, curves(runs, "no durvalumab", "4 doses"), thresholds=THRESHOLDS,
    )  # fmt: skip


INFLAMED = {"kpri": 2e8, "vI": 7e-5, "kcl": 0.03, "diameter0_primary": 20, "diameter0_metastasis": 15}


@phenomenon(
    lambda: {
        "pseudoprogression": Arm(durvalumab(), INFLAMED, days=182),
        "true progression": Arm(durvalumab(), INFLAMED | {"kpri": 5e6}, days=182),
        "no infiltrate": Arm(durvalumab(), INFLAMED | {"vI": 1.76e-7}, days=182),  # a T cell's own volume
    }
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
    holds(relative(runs["no infiltrate"]).max() < 1.2, "without infiltrate it should not be called progression")
    return Finding(
        "Pseudoprogression: diameters rise and fall while living tumor falls",
        {"called, day": called, "living then": at_call, "living at true progression": at_true},
        pseudo["time"].values,
        {"diameters, pseudoprogression": size, "living tumor, pseudoprogression": living,
         "diameters, true progression": relative(true), "living tumor, true progression": growing},
        y_label="size (day 0 = 1)", thresholds={"progression": 1.2, "response": 0.7},
    )  # fmt: skip


RESPONDER = {"kpri": 3.5e7}
SUPPRESSED = {"sTreg": 1.0, "sMDSC": 1.0}  # five times the typical suppression
LOST = {"PDL1_0": 0.0, "ligand_max": 0.85}  # restrained by another checkpoint instead
RESISTANT = {
    "responder": {},
    "high burden": {"diameter0_primary": 75, "diameter0_metastasis": 45},
    "suppressors": SUPPRESSED,
    "PD-L1 loss": LOST,
}


@phenomenon(
    lambda: (
        {name: Arm(durvalumab(), RESPONDER | change) for name, change in RESISTANT.items()}
        | {
            "PD-L1 loss, untreated": Arm(None, RESPONDER | LOST),
            "PD-L1 loss, other checkpoint blocked": Arm(
                pkpd.bolus(500, "checkpoint_iv", at=START, every=21, n=18), RESPONDER | LOST
            ),
        }
    )
)
def primary_resistance(runs: Runs) -> Finding:
    """A responder, and the same patient with a high burden, with suppressors, or without PD-L1."""
    least = best(runs)
    holds(least["responder"] < 0.7, "the responder does not respond")
    for name in list(RESISTANT)[1:]:
        holds(least[name] > 0.9, f"{name}: the tumor shrinks to {least[name]:.2f}")
        holds(np.isfinite(progression(runs[name])), f"{name}: no progression")
    untreated, lost = (relative(runs[name]) for name in ("PD-L1 loss, untreated", "PD-L1 loss"))
    holds(np.allclose(lost, untreated, rtol=1e-4), "the antibody acts without PD-L1")
    holds(least["PD-L1 loss, other checkpoint blocked"] < 0.7, "blocking the checkpoint that is there does not help")
    return Finding(
        "Primary resistance to durvalumab by burden, by suppressors, and by loss of PD-L1",
        {name: size for name, size in least.items() if name != "PD-L1 loss, untreated"},
        runs["responder"]["time"].values, curves(runs, *RESISTANT), thresholds=THRESHOLDS,
    )  # fmt: skip


@phenomenon(
    lambda: {
        name: Arm(durvalumab(52), IMMUNOGENIC | {"resistant0": share}, days=4 * YEAR)
        for name, share in {"1 in 1000 resistant at the start": 1e-3, "none resistant at the start": 0.0}.items()
    }
)
def acquired_resistance(runs: Runs) -> Finding:
    """Resistant cells, one in a thousand at the start, take over a tumor that responds, on treatment."""
    run, cured = runs.values()
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
        {**dict(zip(runs, (size, without), strict=True)), "resistant share of living tumor, first patient": share},
        y_label="size (day 0 = 1), or share", top=1.9,
    )  # fmt: skip


DOSES = (1, 2, 4, 8, 13, 26)


@phenomenon(lambda: {str(n): Arm(durvalumab(n), population()) for n in DOSES})
def adverse_events(runs: Runs) -> Finding:
    """Longer treatment controls more tumors, with less and less gain, while the risk goes on rising.

    That it goes on rising is an assumption: the hazard is constant while exposure lasts (`irae_hazard`).
    """
    benefit = np.array([controlled(run, 2 * YEAR) for run in runs.values()])
    risk = np.array([float(run["P_irae"].isel(time=-1).mean()) for run in runs.values()])
    holds(np.all(np.diff(risk) > 0), "risk does not rise")
    holds(np.all(np.diff(benefit) >= 0) and benefit[-1] > benefit[0], "benefit does not rise")
    early, late = ((benefit[j] - benefit[i]) / (risk[j] - risk[i]) for i, j in ((0, 4), (4, 5)))
    holds(late < 0.8 * early, f"the second year is worth as much as the first: {early:.2f}, {late:.2f}")
    return Finding(
        "Adverse-event risk beside benefit: the second year adds risk and less control",
        {f"{n} doses, {what}": float(v) for what, ys in (("controlled", benefit), ("at risk", risk))
         for n, v in zip(DOSES, ys, strict=True)},
        np.array(DOSES, float), {"tumor controlled at 2 years": benefit, "immune-related adverse event": risk},
        x_label="doses of durvalumab", y_label="share of patients",
    )  # fmt: skip
