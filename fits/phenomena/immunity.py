"""What the immune system does by itself, and what the antibody finds there."""

from __future__ import annotations

import numpy as np

import pkpd
from pkpd.arrays import Array
from pkpd.fits.phenomena.arms import Arm, Runs, changed, phenomenon, population
from pkpd.fits.phenomena.comparisons import share
from pkpd.fits.phenomena.durvalumab_alone import ACCESSIBLE
from pkpd.fits.phenomena.findings import Finding, holds
from pkpd.fits.phenomena.measures import THRESHOLDS, best_response, on_day, quartiles, relative, responded
from pkpd.fits.phenomena.regimens import BOTH, START, YEAR, durvalumab

__all__ = ["adaptive_resistance", "early_response", "late_metastasis", "soluble_pdl1", "who_benefits"]

INFILTRATED = ACCESSIBLE | {"kpri": 3.5e8}  # twice the typical priming


@phenomenon(
    lambda: {
        "untreated": Arm(None, INFILTRATED, days=YEAR),
        "durvalumab": Arm(durvalumab(), INFILTRATED, days=YEAR),
    },
    needs=(
        "induction of PD-L1", "exhaustion", "suppression", "PD-L1 brake",
        "antibody occupancy", "killing by effectors", "priming by antigen",
    ),
)  # fmt: skip
def adaptive_resistance(runs: Runs) -> Finding:
    """A tumor full of effectors grows, as they bring on what restrains them.

    That it is held or cleared without any one of them is what the matrix shows (`matrix`).
    """
    untreated, treatment = (relative(run, "burden") for run in runs.values())
    holds(untreated[-1] > 1.2, f"the untreated tumor is at {untreated[-1]:.2f} after a year")
    holds(treatment.min() < 0.1, "durvalumab does not release the response")
    induced = float(runs["untreated"]["PDL1_primary"][0])
    return Finding(
        "Adaptive resistance: effectors bring on PD-L1 and exhaustion, which hold them until durvalumab comes",
        {"untreated after a year": float(untreated[-1]), "PD-L1 on day 0, fold": induced,
         "effectors on day 0": float(runs["untreated"]["E_primary"][0]),
         "exhausted on day 0": float(runs["untreated"]["X_primary"][0])},
        runs["untreated"]["time"].values, dict(zip(runs, (untreated, treatment), strict=True)),
        y_label="Living tumor (day 0 = 1)", regimen=durvalumab(),
    )  # fmt: skip


EXHAUSTED = ACCESSIBLE | {"kpri": 4e8, "PDL1_0": 5.0}


@phenomenon(
    lambda: {
        "untreated": Arm(None, EXHAUSTED, days=182),
        "durvalumab": Arm(durvalumab(), EXHAUSTED, days=182),
    },
    needs=(
        "reinvigoration", "exhaustion", "antibody occupancy", "PD-L1 brake", "killing by effectors",
        "priming by antigen",
    ),
)  # fmt: skip
def early_response(runs: Runs) -> Finding:
    """Response at the first scan, begun by effectors that were there, nearly half of them exhausted."""
    size = {name: relative(run) for name, run in runs.items()}
    at_scan = {name: float(on_day(one, 42)) for name, one in size.items()}
    holds(at_scan["durvalumab"] < 0.7, f"no response at six weeks: {at_scan['durvalumab']:.2f}")
    run = runs["durvalumab"]
    effectors, exhausted = (float(run[name][0]) for name in ("E_primary", "X_primary"))
    holds(exhausted > 0.5 * effectors, "few effectors are exhausted")
    gain = float(run["E_primary"][1]) / effectors
    holds(gain > 1.85, f"in the first week effectors grow {gain:.2f}-fold alone")
    return Finding(
        "Early response: in its first week the antibody doubles the effectors in the tumor, by those that return",
        {f"size at 6 weeks, {k}": v for k, v in at_scan.items()}
        | {"exhausted for each effector, day 0": exhausted / effectors, "effectors after a week, fold": gain},
        run["time"].values, size, thresholds=THRESHOLDS, regimen=durvalumab(),
    )  # fmt: skip


SEEDED = 2 * YEAR
SEED = 65.0  # mm^3, a ball of 5 mm
EMPTY = {"diameter0_primary": 1e-3, "diameter0_metastasis": 1e-3}
SETTLES = pkpd.bolus(SEED, "seeding_metastasis", at=START + SEEDED)


@phenomenon(
    lambda: {
        "cleared by radiation and durvalumab": Arm(BOTH + SETTLES, ACCESSIBLE, days=4 * YEAR),
        "never had a tumor": Arm(SETTLES, ACCESSIBLE | EMPTY, days=4 * YEAR),
    },
    needs=("memory", "recall", "trafficking to the metastasis", "killing by effectors", "priming by antigen"),
)
def late_metastasis(runs: Runs) -> Finding:
    """A lesion of 5 mm that settles a year after the last dose is held where the patient has memory."""
    size = {name: run["T_metastasis"].values for name, run in runs.items()}
    after, naive = (float(on_day(one, SEEDED + 182)) for one in size.values())
    before = float(on_day(next(iter(size.values())), SEEDED - 7))
    holds(before < 1, f"{before:.0f} mm^3 of the first metastasis are left")
    holds(after < SEED / 2, f"with memory it is at {after:.0f} mm^3 after half a year")
    holds(naive > SEED, f"without a tumor before it is at {naive:.0f} mm^3 too")
    first = (SEEDED - 28) // 7
    return Finding(
        "A metastasis that settles a year after the end of treatment is held by memory of the first tumor",
        {f"mm^3 half a year after, {name}": float(on_day(one, SEEDED + 182)) for name, one in size.items()},
        runs["never had a tumor"]["time"].values[first:] - SEEDED, {name: one[first:] for name, one in size.items()},
        x_label="Time from its settling (day)", y_label="Living metastasis (mm$^3$)",
    )  # fmt: skip


def _by_third(benefit: Array, marker: Array) -> list[float]:
    """The share of `benefit` in each third of the patients by `marker`."""
    return [float(benefit[third].mean()) for third in np.array_split(np.argsort(marker, kind="stable"), 3)]


def _interval(shares: list[float], n: int) -> tuple[Array, Array]:
    """Wilson's interval of each of some shares of `n` patients."""
    each = [share(round(max(part, 0) * n), n) for part in shares]
    return np.array([one.low for one in each]), np.array([one.high for one in each])


@phenomenon(
    lambda: {
        "untreated": Arm(None, population(), days=YEAR),
        "durvalumab": Arm(durvalumab(), population(), days=YEAR),
    },
    needs=("PD-L1 brake", "antibody occupancy", "killing by effectors", "priming by antigen"),
)
def who_benefits(runs: Runs) -> Finding:
    """Response by what could be measured on day 0: PD-L1, effectors, burden; that of the untreated is taken off.

    Who has a tumor that grows though few effectors are held by PD-L1 has few effectors, or one out of reach: that is
    why response rises with PD-L1, and it does not among the candidates before they are chosen.
    """
    gain = responded(runs["durvalumab"], YEAR).astype(float) - responded(runs["untreated"], YEAR)
    start = runs["durvalumab"].isel(time=0)
    markers = {
        "PD-L1": start["PDL1_primary"].values,
        "effectors per tumor": (start["E_primary"] / start["T_primary"]).values,
        "sum of diameters": start["SLD"].values,
    }
    thirds = {name: _by_third(gain, values) for name, values in markers.items()}
    low, _, high = thirds["PD-L1"]
    holds(high > 1.5 * low and high - low > 0.1, f"PD-L1 does not tell: {thirds['PD-L1']}")
    holds(thirds["effectors per tumor"][2] > 1.5 * thirds["effectors per tumor"][0], f"effectors do not tell: {thirds}")
    return Finding(
        "Who benefits: response to durvalumab rises with PD-L1 and with effectors in the tumor",
        {f"{name}, third {i + 1}": part for name, parts in thirds.items() for i, part in enumerate(parts)},
        np.array([1.0, 2.0, 3.0]), {name: np.array(shares) for name, shares in thirds.items()},
        x_label="Third of patients by value on day 0", y_label="Response within a year, less untreated",
        bands={"PD-L1": _interval(thirds["PD-L1"], len(gain) // 3)}, note=f"N = {len(gain)}; Wilson's 95 % interval",
    )  # fmt: skip


# An antibody that occupies the receptor leaves soluble PD-L1 its clearance: what is seen is its production.
ANTI_PD1 = {"onL": 0.0}


@phenomenon(
    lambda: {"anti-PD-1": Arm(durvalumab(), changed(population(), ANTI_PD1), days=YEAR)},
    needs=("shedding by tumors", "antibody occupancy", "killing by effectors", "priming by antigen"),
)
def soluble_pdl1(runs: Runs) -> Finding:
    """Soluble PD-L1 under an antibody that does not bind it rises with progression and not with response."""
    (run,) = runs.values()
    fold = relative(run, "sL")[:, :14]
    groups = best_response(run)
    for name, flags in groups.items():
        holds(flags.mean() > 0.05, f"only {flags.mean():.2f} of patients: {name}")
    month = {name: float(np.median(on_day(fold[flags], 28))) for name, flags in groups.items()}
    progressed, stable, response = month.values()
    holds(progressed > stable > response, f"the production does not tell: {month}")
    holds(progressed > 1.05, f"it does not rise with progression: {month}")
    labels = {f"{name} ({flags.sum()})": flags for name, flags in groups.items()}
    return Finding(
        "Soluble PD-L1 under an antibody to PD-1 rises in patients who progress and hardly in those who respond",
        {f"fold after four weeks, {name}": value for name, value in month.items()},
        run["time"].values[:14], {label: np.median(fold[flags], axis=0) for label, flags in labels.items()},
        bands={label: quartiles(fold[flags]) for label, flags in labels.items()},
        y_label="Soluble PD-L1 (day 0 = 1)", note=f"N = {len(fold)}; medians and middle halves",
    )  # fmt: skip
