"""What durvalumab, radiation and chemotherapy can do, each phenomenon by regimen and patient alone.

    python -m pkpd.fits.phenomena [NAME ...] [--out DIR] [--perturb N]

One function for each phenomenon simulates `durvalumab_radiotherapy_nsclc` (for order and gap also
`kosinsky_2018`, mice), asserts what it claims, and returns a `Finding` with its numbers and curves.

The patients differ from the typical one by the parameters that each function names.  All of these
values are illustrative, as most of the model is: the findings say that a mechanism can make a
phenomenon and what it depends on, and give no rate, dose or day for a patient.

How far they hang on those values: with all of them moved at once by log-normal factors of 10 %,
``--perturb 24`` finds 21 to 24 of 24 models to show fates, pseudoprogression, primary and acquired
resistance, synergy, chemotherapy and adverse events, 19 abscopal regression and rescue by
suppressor depletion, 17 rescue by infiltration, 13 to 16 the rest: a response to few doses, the
optimal fraction, the cost of a gap and the washout each lie near a threshold of one patient.

Treatment begins on day 0, after 60 days in which a tumor and its immune response settle.
Responses are by the sum of two diameters alone: response is a fall by 30 % from day 0,
progression a rise by 20 % and 5 mm from the nadir.
"""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import pkpd

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

Array = NDArray[np.float64]

START = 60
YEAR = 364  # 52 weeks
SEED, PATIENTS = 5, 200
OUTPUTS = ("SLD", "burden", "resistant", "T_primary", "T_metastasis", "effectors", "L", "DC", "P_irae")


@dataclass(frozen=True)
class Finding:
    """What was found, and the curves that show it."""

    claim: str
    numbers: Mapping[str, float]
    x: Array
    curves: Mapping[str, Array]
    y_label: str = "sum of diameters, relative to day 0"
    x_label: str = "day of treatment"
    log: bool = False
    levels: Mapping[str, float] = field(default_factory=dict)

    def draw(self, ax: Axes | None = None) -> Axes:
        """The curves, with the claim above them."""
        from pkpd.figures.style import canvas

        with canvas(ax) as axes:
            for (label, y), style in zip(self.curves.items(), ("-", "--", "-.", ":") * 3, strict=False):
                axes.plot(self.x, y, style, label=label, marker="o" if len(self.x) < 20 else None, markersize=3)
            for label, level in self.levels.items():
                axes.axhline(level, color="0.6", lw=0.8)
                axes.annotate(label, (1, level), xycoords=("axes fraction", "data"), ha="right", va="bottom", size=6)
            axes.set(xlabel=self.x_label, ylabel=self.y_label, yscale="log" if self.log else "linear")
            axes.set_title(textwrap.fill(self.claim, 56), fontsize=7)
            axes.legend(fontsize=6)
        return axes


def holds(condition: Any, sentence: str) -> None:
    """Refuse a finding that the simulation does not bear out."""
    if not bool(condition):
        raise AssertionError(sentence)


# ---- regimens and patients


def durvalumab(n: int = 13, at: Any = 0) -> pkpd.Regimen:
    """1500 mg every 4 weeks."""
    return pkpd.infusion(1500, "iv", 1 / 24, at=START + at, every=28, n=n)


def radiation(dose: Any, n: int, at: Any = 0, lesion: str = "primary") -> pkpd.Regimen:
    """Fractions on five days a week to one lesion."""
    return pkpd.fractions(dose, n, f"radiation_{lesion}", start=START + at, per_week=5)


HYPOFRACTIONATED = (8, 3)


_model: ContextVar[pkpd.Model | None] = ContextVar("model", default=None)


def flagship() -> pkpd.Model:
    """The model; within `robustness`, one with other values."""
    return _model.get() or pkpd.load("durvalumab_radiotherapy_nsclc")


def treated(regimen: pkpd.Regimen | None, parameters: Any = None, *, days: int = 2 * YEAR) -> xr.Dataset:
    """A run from the first day of treatment on, by week, with its days counted from there."""
    times = np.arange(START, START + days + 1, 7.0)
    run = pkpd.simulate(
        flagship(), regimen, times=times, parameters=parameters, outputs=OUTPUTS, on_failure="raise", rtol=1e-7
    )
    return run.assign_coords(time=times - START)


def population() -> pkpd.Ensemble:
    """Patients that differ by the variability that the model declares."""
    return pkpd.sample(flagship(), PATIENTS, SEED)


def relative(run: xr.Dataset, name: str = "SLD") -> Array:
    """A quantity relative to the first day of treatment; time is last."""
    values = run[name].transpose(..., "time").values
    return np.asarray(values / values[..., :1])


def progression(run: xr.Dataset) -> Array:
    """The day on which the sum of diameters is 20 % and 5 mm above its nadir; infinite if never."""
    size = run["SLD"].transpose(..., "time").values
    nadir = np.minimum.accumulate(size, -1)
    worse = (size >= 1.2 * nadir) & (size >= nadir + 5)
    return np.where(worse.any(-1), run["time"].values[worse.argmax(-1)], np.inf)


def on_day(curve: Array, day: float) -> Array:
    return np.asarray(curve[..., round(day / 7)])


def curves(**runs: xr.Dataset) -> dict[str, Array]:
    return {name.replace("_", " "): relative(run) for name, run in runs.items()}


LEVELS = {"response": 0.7, "day 0": 1.0}


# ---- one antibody, many patients


def fates() -> Finding:
    """Shrinkage, stabilization and progression in one population on one regimen."""
    run = treated(durvalumab(), population(), days=YEAR)
    size = relative(run)
    response = (size <= 0.7).any(-1)
    stable = ~response & (progression(run) > 168)
    share = {
        "responds": response.mean(),
        "is stable for 24 weeks": stable.mean(),
        "progresses": (~response & ~stable).mean(),
    }
    for fate, part in share.items():
        holds(part > 0.05, f"only {part:.2f} of patients {fate}")
    holds(abs(sum(share.values()) - 1) < 1e-12, "fates overlap")
    chosen = {
        fate: np.median(size[flags], axis=0)
        for fate, flags in zip(share, (response, stable, ~response & ~stable), strict=True)
    }
    return Finding(
        "One population on durvalumab: some tumors shrink, some are stable, most progress (medians of each fate)",
        {k: float(v) for k, v in share.items()}, run["time"].values, chosen, levels=LEVELS,
    )  # fmt: skip


IMMUNOGENIC = {"kpri": 1e8}  # three times the typical priming


def durable_response() -> Finding:
    """A response that outlasts the antibody, and one dose that is too little for it."""
    run = treated(durvalumab(4), IMMUNOGENIC, days=4 * YEAR)
    short = treated(durvalumab(1), IMMUNOGENIC, days=4 * YEAR)
    size, relapsed = relative(run), relative(short)
    holds(on_day(size, YEAR) < 0.3, "no response to four doses")
    holds(size[156:].max() < 0.3, "the response is lost within three years of the last dose")
    holds(relapsed.min() < 0.9 and relapsed[-1] > 1.2, "one dose should shrink the tumor, and lose it again")
    everyone = treated(durvalumab(), population(), days=3 * YEAR)
    responders = relative(everyone)[(relative(everyone)[:, :53] <= 0.7).any(-1)]
    lasting = float((responders[:, -1] <= 0.7).mean())
    holds(lasting > 0.5, f"{lasting:.2f} of responses last two years after the end of treatment")
    return Finding(
        "Four doses are enough for a response that lasts years after them; one dose is not",
        {"last dose, day": 84, "size after 4 years": float(size[-1]), "responses that last 2 years off": lasting},
        run["time"].values, curves(four_doses=run, one_dose=short), levels=LEVELS,
    )  # fmt: skip


PSEUDO = {"kpri": 2e8, "vI": 8e-5, "kcl": "qspio", "diameter0_primary": 20, "diameter0_metastasis": 15}


def pseudoprogression() -> Finding:
    """A sum of diameters that rises by 20 %, then falls, while living tumor falls; progression has living tumor rise.

    The patient is immunogenic, with much infiltrate per effector and slow clearance of dead cells.
    """
    pseudo = treated(durvalumab(), PSEUDO, days=182)
    true = treated(durvalumab(), {**PSEUDO, "kpri": 1e7}, days=182)
    size, living = relative(pseudo), relative(pseudo, "burden")
    called = float(progression(pseudo))
    also = float(progression(true))
    holds(called < 112, "the sum of diameters does not rise by 20 %")
    holds(size.min() < 0.7 and size.argmin() * 7 > called, "the sum of diameters does not fall after that")
    holds(np.isfinite(also), "the comparison does not progress")
    at_call, at_true = float(on_day(living, called)), float(on_day(relative(true, "burden"), also))
    holds(at_call < 0.8 and at_true > 1.5, f"living tumor does not tell them apart: {at_call:.2f}, {at_true:.2f}")
    dry = treated(durvalumab(), {**PSEUDO, "vI": 1.76e-7}, days=182)  # a T cell's own volume
    holds(relative(dry).max() < 1.2, "without infiltrate it should not be called progression")
    return Finding(
        "Pseudoprogression: diameters rise and fall while living tumor falls",
        {"called, day": called, "living then": at_call, "living at true progression": at_true},
        pseudo["time"].values,
        {**curves(pseudoprogression=pseudo, true_progression=true),
         "living tumor, pseudoprogression": living, "living tumor, true progression": relative(true, "burden")},
        y_label="relative to day 0", levels={"progression": 1.2, "response": 0.7},
    )  # fmt: skip


RESPONDER = {"kpri": 8e7}
RESISTANT = {
    "responder": {},
    "high burden": {"diameter0_primary": 80, "diameter0_metastasis": 43},
    "suppressors": {"sTreg": 1.0, "sMDSC": 1.0},
    "PD-L1 loss": {"PDL1_0": 0.0, "ligand_max": 0.85},  # restrained by another checkpoint instead
}


def primary_resistance() -> Finding:
    """A responder, and the same patient with a high burden, with suppressors, or without PD-L1."""
    runs = {name: treated(durvalumab(), RESPONDER | change) for name, change in RESISTANT.items()}
    sizes = {name: relative(run) for name, run in runs.items()}
    best = {name: float(size.min()) for name, size in sizes.items()}
    holds(best["responder"] < 0.7, "the responder does not respond")
    for name in list(RESISTANT)[1:]:
        holds(best[name] > 0.95, f"{name}: the tumor shrinks to {best[name]:.2f}")
        holds(np.isfinite(progression(runs[name])), f"{name}: no progression")
    lost = RESPONDER | RESISTANT["PD-L1 loss"]
    untreated = relative(treated(None, lost))
    holds(np.allclose(sizes["PD-L1 loss"], untreated, rtol=1e-4), "the antibody acts without PD-L1")
    other = relative(treated(pkpd.bolus(500, "checkpoint_iv", at=START, every=21, n=18), lost))
    holds(other.min() < 0.7, "blocking the checkpoint that is there does not help")
    return Finding(
        "Primary resistance to durvalumab by burden, by suppressors, and by loss of PD-L1",
        best | {"PD-L1 loss, other checkpoint blocked": float(other.min())},
        runs["responder"]["time"].values, sizes, levels=LEVELS,
    )  # fmt: skip


def acquired_resistance() -> Finding:
    """Resistant cells, one in a thousand at the start, take over a tumor that responds, on treatment."""
    times = 4 * YEAR
    run, cured = (treated(durvalumab(52), IMMUNOGENIC | {"resistant0": r}, days=times) for r in (1e-3, 0))
    size = relative(run)
    share = (run["resistant"] / run["burden"]).values
    when = float(progression(run))
    holds(size.min() < 0.3, "no response at first")
    holds(np.isfinite(when) and size[-1] > 1.5 * size.min(), "no relapse")
    holds(share[0] < 0.01 and share[-1] > 0.99, "resistant cells do not take over")
    holds(relative(cured)[-1] < 0.1, "without resistant cells at the start it should stay away")
    return Finding(
        "Acquired resistance: under continued durvalumab a resistant clone takes over",
        {"nadir": float(size.min()), "progression, day": when, "resistant share then": float(on_day(share, when))},
        run["time"].values,
        {"1 in 1000 resistant at the start": size, "none resistant at the start": relative(cured),
         "resistant share of living tumor": share}, y_label="relative to day 0, or share",
    )  # fmt: skip


# ---- with radiation


def synergy() -> Finding:
    """Radiation (3 x 8 Gy to the primary) and durvalumab together do more than either, and more than their sum."""
    both = radiation(*HYPOFRACTIONATED) + durvalumab()
    # The log of living tumor in mm^3, plus 1 so that an extinct one counts: independent kills would add up in it.
    arms = {"none": None, "durvalumab": durvalumab(), "radiation": radiation(*HYPOFRACTIONATED), "both": both}
    runs = {name: treated(regimen, days=YEAR) for name, regimen in arms.items()}
    logs = {name: np.log(on_day(run["burden"].values, 182) + 1) for name, run in runs.items()}
    gain = {name: float(logs["none"] - logs[name]) for name in list(arms)[1:]}
    holds(gain["both"] > 1.5 * (gain["durvalumab"] + gain["radiation"]), f"no synergy: {gain}")
    holds(relative(runs["both"]).min() < min(relative(runs[a]).min() for a in ("durvalumab", "radiation")), "no gain")
    rate = {
        name: float((relative(treated(regimen, population()))[:, -1] <= 0.7).mean()) for name, regimen in arms.items()
    }
    holds(rate["both"] > rate["durvalumab"] + rate["radiation"], f"no synergy in the population: {rate}")
    return Finding(
        "Radiation and durvalumab: more than either alone, and more than their sum",
        {f"log fall of living tumor at 26 weeks, {k}": v for k, v in gain.items()}
        | {f"controlled at 2 years, {k}": v for k, v in rate.items()},
        runs["none"]["time"].values, curves(**runs), levels=LEVELS,
    )  # fmt: skip


GAPS = (-112, -84, -56, -28, -14, -7, 0, 7, 14, 28, 56, 84, 112)


def order_and_gap() -> Finding:
    """Antibody before and after radiation: a gap costs in both directions, most where the antibody is late.

    60 Gy in 30 fractions, which take six weeks, and three doses of durvalumab; radiation begins on day 112,
    in a patient a little more immunogenic than the typical one.
    """
    gap = pkpd.param("gap", 0, "day", "from the first fraction to the first antibody dose", source="swept")
    living = {}
    for label, fractions in {"30 x 2 Gy": (2, 30), "3 x 8 Gy": HYPOFRACTIONATED}.items():
        regimen = radiation(*fractions, at=112) + durvalumab(3, at=112 + gap)
        run = treated(regimen, pkpd.grid(gap=GAPS, kpri=[4e7]), days=112 + 301)
        living[label] = run["burden"].isel(time=-1, kpri=0).values + 1
    long = living["30 x 2 Gy"]
    best = int(long.argmin())
    holds(0 < best < len(GAPS) - 1, f"the best gap is at the end: {GAPS[best]}")
    holds(min(long[0], long[-1]) > 1.5 * long[best], "a gap does not cost")
    holds(long[-1] > long[0], "the late antibody should be the worse order")
    short = living["3 x 8 Gy"]
    holds(short[-1] > 3 * short[GAPS.index(0)], "a late antibody should lose what 3 x 8 Gy primed")
    return Finding(
        "Order and gap: antibody long before or long after radiation loses; long after is worse",
        {"best gap, days": GAPS[best], "112 days before, fold": float(long[0] / long[best]),
         "112 days after, fold": float(long[-1] / long[best])},
        np.array(GAPS, float), living, x_label="first antibody dose after first fraction, days",
        y_label="living tumor 300 days after radiation, + 1 mm$^3$", log=True,
    )  # fmt: skip


SHIFTS = (-4, -2, 0, 2, 5, 8, 12)
PUBLISHED = {-4: 7.95, 0: 11.44, 5: 98.89, 12: 601}


def order_and_gap_in_mice() -> Finding:
    """The published model: CT26 tumors after 5 x 2 Gy, by the day of the first antibody dose.

    Kosinsky Y et al., J Immunother Cancer 6:17 (2018), with the corrected repair; `PUBLISHED` are
    volumes on day 30 computed from the paper's parameters with LSODA, without extinction.
    """
    shift = pkpd.param("shift", 0, "day", "from the first fraction to the first antibody dose", source="swept")
    radiated = pkpd.fractions(2, n=5, start=7, every=1, duration=0.001)
    antibody = pkpd.bolus(1.333, "ip", at=[7, 9, 11, 14, 16, 18, 21, 23, 25]).shift(shift)
    sensitivities = {"S_L 1.77": 1.77, "S_L 8.89": 8.89, "S_L 22.63": 22.63}
    run = pkpd.simulate(
        pkpd.load("kosinsky_2018"), radiated + antibody, times=[0, 30], outputs=["V"], on_failure="raise",
        parameters=pkpd.grid(S_L=list(sensitivities.values()), shift=SHIFTS) * pkpd.members(V_min=[0]),
    )["V"].isel(time=-1).squeeze("member")  # fmt: skip
    volumes = {k: run.sel(S_L=v).values for k, v in sensitivities.items()}
    typical = dict(zip(SHIFTS, volumes["S_L 8.89"], strict=True))
    for day, volume in PUBLISHED.items():
        holds(abs(typical[day] / volume - 1) < 0.02, f"{typical[day]:.2f} mm^3 at {day}, expected {volume}")
    holds(np.all(np.diff(volumes["S_L 8.89"]) > 0), "earlier is not better")
    return Finding(
        "CT26 mice (Kosinsky 2018): the later the antibody after radiation, the larger the tumor",
        {f"shift {k}": float(v) for k, v in typical.items()},
        np.array(SHIFTS, float), volumes, x_label="first antibody dose after first fraction, days",
        y_label="tumor on day 30, mm$^3$", log=True,
    )  # fmt: skip


def abscopal() -> Finding:
    """The metastasis regresses though the primary alone is irradiated, and not without effectors."""
    both = radiation(*HYPOFRACTIONATED) + durvalumab()
    arms = {
        "both": (both, {}), "radiation": (radiation(*HYPOFRACTIONATED), {}), "durvalumab": (durvalumab(), {}),
        "both, no effectors": (both, {"kpri": 0}),
    }  # fmt: skip
    runs = {name: treated(regimen, change, days=YEAR) for name, (regimen, change) in arms.items()}
    size = {name: relative(run, "T_metastasis") for name, run in runs.items()}
    last = {name: float(on_day(one, 182)) for name, one in size.items()}
    holds(last["both"] < 0.3, f"the metastasis is at {last['both']:.2f}")
    for name in list(arms)[1:]:
        holds(last[name] > 1.2, f"{name}: the metastasis is at {last[name]:.2f}")
    local = relative(runs["both, no effectors"], "T_primary")
    holds(local.min() < 0.3, "radiation should still work where it is given")
    return Finding(
        "Abscopal: the metastasis outside the field regresses, and not without effectors",
        {f"metastasis at 26 weeks, {k}": v for k, v in last.items()},
        runs["both"]["time"].values, size, y_label="living metastasis, relative to day 0",
    )  # fmt: skip


FRACTIONS = (0.5, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15)


def fraction_dose() -> Finding:
    """Fifteen fractions to the primary with durvalumab: small ones prime too little, large ones deplete lymphocytes.

    What responds is the metastasis, outside of the field; with no lymphocytes hit, larger is never worse.
    """
    dose = pkpd.param("fraction", 2, "Gy", "dose of a fraction", source="swept")
    regimen = radiation(dose, 15) + durvalumab()
    run = treated(regimen, pkpd.grid(fraction=FRACTIONS, field=[0, 300]), days=182)
    living = run["T_metastasis"].isel(time=-1) + 1
    hit, spared = (living.sel(field=f).values for f in (300, 0))
    nadir = run["L"].min("time").sel(field=300).values
    best = int(hit.argmin())
    holds(0 < best < len(FRACTIONS) - 1, f"the best fraction is at the end: {FRACTIONS[best]} Gy")
    holds(min(hit[0], hit[-1]) > 1.5 * hit[best], "the optimum is flat")
    holds(np.all(np.diff(nadir) < 0) and nadir[-1] < 0.35, f"lymphocytes are not depleted: {nadir[-1]:.2f}")
    holds(spared[-1] <= 1.1 * spared.min() and spared[-1] < hit[-1] / 1.5, "large fractions lose without depletion")
    return Finding(
        "The best fraction dose lies between too little antigen and too few lymphocytes",
        {"best fraction, Gy": FRACTIONS[best], "metastasis at the best, mm^3": float(hit[best]),
         "at 0.5 Gy": float(hit[0]), "at 15 Gy": float(hit[-1]), "lymphocytes at 15 Gy": float(nadir[-1])},
        np.array(FRACTIONS, float), {"field of 300 mL": hit, "no lymphocytes hit": spared},
        x_label="dose of each of 15 fractions, Gy", y_label="living metastasis after 26 weeks, + 1 mm$^3$", log=True,
    )  # fmt: skip


WASHOUTS = (14, 28, 42, 56, 84, 112, 140)


def progression_after_durvalumab() -> Finding:
    """3 x 8 Gy to the primary, weeks after the last of eight doses that could not hold the tumor.

    Limited progression is a primary with a small metastasis, widespread one with a large metastasis.
    """
    washout = pkpd.param("washout", 28, "day", "from the last antibody dose to radiation", source="swept")
    extents = {"limited": 12, "widespread": 35}
    last, limits = 7 * 28, {}
    for extent, diameter in extents.items():
        patient = {"diameter0_metastasis": diameter}
        before = treated(durvalumab(8), patient)
        holds(progression(before) < last + min(WASHOUTS), f"{extent}: no progression on durvalumab")
        regimen = durvalumab(8) + radiation(*HYPOFRACTIONATED, at=last + washout)
        run = treated(regimen, pkpd.grid(washout=WASHOUTS, diameter0_metastasis=[diameter]), days=4 * YEAR)
        limits[extent] = np.array([_second_progression(run.isel(diameter0_metastasis=0), w, last) for w in WASHOUTS])
    held = limits["limited"] / limits["widespread"]
    holds(held[:3].min() > 2, f"extent does not matter within six weeks: {limits}")
    holds(held[-1] < 1.2, f"limited disease is held without antibody too: {limits}")
    return Finding(
        "Radiation after progression on durvalumab holds limited disease for long while antibody is left, "
        "widespread disease never",
        {f"{extent}, washout {w}": float(limits[extent][i]) for extent in extents for i, w in enumerate(WASHOUTS)},
        np.array(WASHOUTS, float), limits, x_label="washout, days", y_label="days from radiation to progression",
    )  # fmt: skip


def _second_progression(run: xr.Dataset, washout: float, last: float) -> float:
    """Days from radiation to progression, or to the end of the run."""
    after = run.sel(washout=washout, time=slice(last + washout, None))
    day = min(float(progression(after)), float(after["time"][-1]))
    return day - last - washout


# ---- with other drugs


def suppressor_depletion() -> Finding:
    """A patient whom suppressors keep from responding responds once they are depleted."""
    patient = {"kpri": 1e8, "sTreg": 1.0, "sMDSC": 1.0}
    depletion = pkpd.bolus(1, "depletion", at=START, every=21, n=8)
    arms = {"durvalumab": durvalumab(), "depletion": depletion, "both": durvalumab() + depletion}
    runs = {name: treated(regimen, patient) for name, regimen in arms.items()}
    best = {name: float(relative(run).min()) for name, run in runs.items()}
    holds(best["durvalumab"] > 0.95 and best["depletion"] > 0.95, f"either alone shrinks the tumor: {best}")
    holds(best["both"] < 0.3, f"depletion does not rescue: {best}")
    return Finding(
        "Depletion of Treg and MDSC rescues a patient who does not respond to durvalumab",
        best, runs["both"]["time"].values, curves(**runs), levels=LEVELS,
    )  # fmt: skip


def infiltration() -> Finding:
    """A patient whose effectors do not get into the tumor responds once a drug lets them."""
    patient = RESPONDER | {"ktr": 0.02}  # a fifth of the typical entry
    drug = pkpd.bolus(1, "infiltration_drug", at=START, every=21, n=17)
    arms = {"durvalumab": durvalumab(), "infiltration drug": drug, "both": durvalumab() + drug}
    runs = {name: treated(regimen, patient) for name, regimen in arms.items()}
    best = {name: float(relative(run).min()) for name, run in runs.items()}
    holds(min(best["durvalumab"], best["infiltration drug"]) > 0.95, f"either alone shrinks the tumor: {best}")
    holds(best["both"] < 0.3, f"infiltration does not rescue: {best}")
    return Finding(
        "A drug that opens the tumor to effectors rescues a patient whose tumor excludes them",
        best, runs["both"]["time"].values, {name: relative(run) for name, run in runs.items()}, levels=LEVELS,
    )  # fmt: skip


def chemotherapy_added() -> Finding:
    """Four cycles of chemotherapy kill tumor, whose antigen primes, and lymphocytes."""
    cycles = pkpd.bolus(1, "chemo", at=START, every=21, n=4)
    arms = {"durvalumab": durvalumab(), "chemotherapy": cycles, "both": durvalumab() + cycles}
    runs = {name: treated(regimen, days=YEAR) for name, regimen in arms.items()}
    year = {name: float(relative(run)[-1]) for name, run in runs.items()}
    holds(year["both"] < 0.8 * min(year["durvalumab"], year["chemotherapy"]), f"chemotherapy adds nothing: {year}")
    mature = {name: float(run["DC"].values[:13].max()) for name, run in runs.items()}
    holds(mature["both"] > 1.1 * mature["durvalumab"], f"chemotherapy releases no antigen: {mature}")
    fewest = float(runs["both"]["L"].min())
    holds(fewest < 0.8, "chemotherapy spares lymphocytes")
    rate = {n: float((relative(treated(a, population()))[:, -1] <= 0.7).mean()) for n, a in arms.items()}
    holds(rate["both"] > max(rate["durvalumab"], rate["chemotherapy"]), f"not in the population: {rate}")
    return Finding(
        "Chemotherapy added to durvalumab: deeper and longer, at a cost in lymphocytes",
        {f"size at one year, {k}": v for k, v in year.items()}
        | {f"controlled at 2 years, {k}": v for k, v in rate.items()} | {"fewest lymphocytes": fewest},
        runs["both"]["time"].values, curves(**runs), levels=LEVELS,
    )  # fmt: skip


DOSES = (1, 2, 4, 8, 13, 26)


def adverse_events() -> Finding:
    """Longer treatment controls more tumors, with less and less gain, while the risk goes on rising."""
    runs = [treated(durvalumab(n), population()) for n in DOSES]
    benefit = np.array([(relative(run)[:, -1] <= 0.7).mean() for run in runs])
    risk = np.array([float(run["P_irae"].isel(time=-1).mean()) for run in runs])
    holds(np.all(np.diff(risk) > 0), "risk does not rise")
    holds(np.all(np.diff(benefit) >= 0) and benefit[-1] > benefit[0], "benefit does not rise")
    early, late = ((benefit[j] - benefit[i]) / (risk[j] - risk[i]) for i, j in ((0, 4), (4, 5)))
    holds(late < 0.6 * early, f"the second year is worth as much as the first: {early:.2f}, {late:.2f}")
    return Finding(
        "Adverse-event risk beside benefit: the second year adds risk and little control",
        {f"{n} doses, {what}": float(v) for what, ys in (("controlled", benefit), ("at risk", risk))
         for n, v in zip(DOSES, ys, strict=True)},
        np.array(DOSES, float), {"tumor controlled at 2 years": benefit, "immune-related adverse event": risk},
        x_label="doses of durvalumab", y_label="share of patients",
    )  # fmt: skip


PHENOMENA: dict[str, Callable[[], Finding]] = {
    f.__name__: f
    for f in (
        fates, durable_response, pseudoprogression, primary_resistance, acquired_resistance, synergy,
        order_and_gap, order_and_gap_in_mice, abscopal, fraction_dose, progression_after_durvalumab,
        suppressor_depletion, infiltration, chemotherapy_added, adverse_events,
    )
}  # fmt: skip


def perturbed(n: int, cv: float, seed: int) -> list[pkpd.Model]:
    """The flagship `n` times, all of its illustrative values moved at once by log-normal factors."""
    model = pkpd.load("durvalumab_radiotherapy_nsclc")
    table = model.parameters
    free = table[table["source"].str.contains("illustrative") & (table["value"] > 0) & np.isinf(table["upper"])]
    rng = np.random.default_rng(seed)
    return [model.using(**(free["value"] * np.exp(cv * rng.standard_normal(len(free)))).to_dict()) for _ in range(n)]


def robustness(names: Sequence[str], n: int, cv: float = 0.1, seed: int = 3) -> dict[str, int]:
    """How many of `n` models with other illustrative values still show each phenomenon."""
    held = dict.fromkeys(names, 0)
    for model in perturbed(n, cv, seed):
        token = _model.set(model)
        try:
            for name in names:
                held[name] += _shows(name)
        finally:
            _model.reset(token)
    return held


def _shows(name: str) -> bool:
    try:
        PHENOMENA[name]()
    except AssertionError:
        return False
    return True


def main(arguments: Sequence[str] | None = None) -> None:
    """Check the phenomena, print their numbers and, with ``--out``, write their figures."""
    parser = argparse.ArgumentParser(prog="python -m pkpd.fits.phenomena", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"all by default; {', '.join(PHENOMENA)}")
    parser.add_argument("--out", type=Path, help="folder for the figures")
    parser.add_argument("--perturb", type=int, metavar="N", help="in how many of N perturbed models each still shows")
    chosen = parser.parse_args(arguments)
    for name in chosen.names:
        if name not in PHENOMENA:
            parser.error(f"there is no phenomenon {name!r}; there are {', '.join(PHENOMENA)}")
    if chosen.perturb:
        for name, held in robustness(chosen.names or list(PHENOMENA), chosen.perturb).items():
            print(f"{name}: holds in {held} of {chosen.perturb}")
        return
    for name in chosen.names or PHENOMENA:
        found = PHENOMENA[name]()
        print(f"{name}: {found.claim}")
        print(*(f"    {key}: {value:.3g}" for key, value in found.numbers.items()), sep="\n")
        if chosen.out is not None:
            chosen.out.mkdir(parents=True, exist_ok=True)
            pkpd.save(found.draw(), chosen.out / f"{name}.png")


if __name__ == "__main__":
    main()
