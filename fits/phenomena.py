"""What durvalumab, radiation and chemotherapy can do, each phenomenon by regimen and patient alone.

    python -m pkpd.fits.phenomena [NAME ...] [--out DIR] [--robustness [--draws N]]

Each phenomenon is a set of arms of `durvalumab_radiotherapy_nsclc` (for order and gap also
`kosinsky_2018`, mice) and a function of what came of them, which asserts what it claims and returns a
`Finding` with its numbers and curves.

The patients differ from the typical one by the parameters that each phenomenon names.  Many of these
values are illustrative, as much of the model is: the findings say that a mechanism can make a
phenomenon and what it depends on, and give no rate, dose or day for a patient.

How far they hang on those values ``--robustness`` tells.  Of 50 draws of all of them by log-normal
factors of 10 %, 48 or more show each phenomenon.  Of 50 draws by 20 %, 45 or more show fates, durable
response, pseudoprogression, acquired resistance, synergy, washout, suppressor depletion and adverse
events, 41 to 44 abscopal regression and chemotherapy, 37 to 39 primary resistance, order and gap,
the fraction dose and infiltration.  Patients and thresholds were chosen with the model in sight.

Values with a source are not drawn, and some sources disagree.  Of the affinities of the antibody all
phenomena show with 0.022, 0.4 and 30 nM; with 66.5 nM durable response and the washout do not.

Treatment begins on day 0, after 60 days in which a tumor and its immune response settle.
Responses are by the sum of two diameters alone: response is a fall by 30 % from day 0,
progression a rise by 20 % and 5 mm from the nadir.
"""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import pkpd
from pkpd.cli.messages import as_messages
from pkpd.fits.perturbation import Draws, drawn, draws
from pkpd.storage import write_atomically

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

Array = NDArray[np.float64]
Patient = Mapping[str, Any] | pkpd.Ensemble

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
    y_label: str = "sum of diameters (day 0 = 1)"
    x_label: str = "time from the first treatment, days"
    log: bool = False
    levels: Mapping[str, float] = field(default_factory=dict)
    top: float | None = None  # of the y axis, to leave room for the legend

    def draw(self, ax: Axes | None = None) -> Axes:
        """The curves, with the claim above them."""
        from pkpd.figures.style import OKABE_ITO, canvas

        with canvas(ax) as axes:
            axes.set_prop_cycle(color=OKABE_ITO)
            for (label, y), style in zip(self.curves.items(), ("-", "--", "-.", ":") * 3, strict=False):
                axes.plot(self.x, y, style, label=label, marker="o" if len(self.x) < 20 else None, markersize=3)
            for label, level in self.levels.items():
                axes.axhline(level, color="0.6", lw=0.8)
                axes.annotate(label, (1, level), xycoords=("axes fraction", "data"), ha="right", va="bottom", size=6)
            axes.set(xlabel=self.x_label, ylabel=self.y_label, yscale="log" if self.log else "linear")
            axes.set_ylim(top=self.top)
            axes.set_title(textwrap.fill(self.claim, 56), fontsize=7)
            axes.legend(fontsize=6, handlelength=3)
        return axes


def holds(condition: Any, sentence: str) -> None:
    """Refuse a finding that the simulation does not bear out."""
    if not bool(condition):
        raise AssertionError(sentence)


# ---- regimens, patients, arms


def durvalumab(n: int = 13, at: Any = 0) -> pkpd.Regimen:
    """1500 mg every 4 weeks."""
    return pkpd.infusion(1500, "iv", 1 / 24, at=START + at, every=28, n=n)


def radiation(dose: Any, n: int, at: Any = 0, lesion: str = "primary") -> pkpd.Regimen:
    """Fractions on five days a week to one lesion."""
    return pkpd.fractions(dose, n, f"radiation_{lesion}", start=START + at, per_week=5)


HYPOFRACTIONATED = (8, 3)


def flagship() -> pkpd.Model:
    return pkpd.load("durvalumab_radiotherapy_nsclc")


def population() -> pkpd.Ensemble:
    """Patients that differ by the variability that the model declares."""
    return pkpd.sample(flagship(), PATIENTS, SEED)


@dataclass(frozen=True)
class Arm:
    """A regimen, and who gets it: what sets a patient apart, or many patients."""

    regimen: pkpd.Regimen | None
    patient: Patient = field(default_factory=dict)
    days: int = 2 * YEAR


def treated(
    regimen: pkpd.Regimen | None, patient: Patient | None = None, *, days: int = 2 * YEAR, these: Draws | None = None
) -> xr.Dataset:
    """A run from the first day of treatment on, by week, with its days counted from there.

    With draws the patient is one of each model, along the dimension ``draw``.
    """
    times = np.arange(START, START + days + 1, 7.0)
    who = (patient or {}) if these is None else drawn(flagship(), patient or {}, these)
    run = pkpd.simulate(
        flagship(), regimen, times=times, parameters=who, outputs=OUTPUTS, on_failure="raise", rtol=1e-7
    )
    return run.assign_coords(time=times - START)


Runs = Mapping[str, "xr.Dataset"]


@dataclass(frozen=True)
class Phenomenon:
    """Arms, and what they show."""

    arms: Callable[[], Mapping[str, Arm]]
    show: Callable[[Runs], Finding]

    def __call__(self) -> Finding:
        """The finding in the model as it stands; AssertionError where it does not show."""
        return self.show(self.runs(None))

    def runs(self, these: Draws | None) -> dict[str, xr.Dataset]:
        arms = self.arms().items()
        return {name: treated(arm.regimen, arm.patient, days=arm.days, these=these) for name, arm in arms}

    def refusals(self, these: Draws) -> list[str | None]:
        """For each draw the claim that fails, or None where all hold."""
        runs = self.runs(these)
        return [self._refusal({name: run.isel(draw=i) for name, run in runs.items()}) for i in range(len(these))]

    def _refusal(self, runs: Runs) -> str | None:
        try:
            self.show(runs)
        except AssertionError as refusal:
            return str(refusal)
        return None


PHENOMENA: dict[str, Callable[[], Finding]] = {}


def phenomenon(arms: Callable[[], Mapping[str, Arm]]) -> Callable[[Callable[[Runs], Finding]], Phenomenon]:
    """Enter what `arms` show among the phenomena, under the name of the function that shows it."""

    def entered(show: Callable[[Runs], Finding]) -> Phenomenon:
        found = Phenomenon(arms, show)
        PHENOMENA[show.__name__] = found
        return found

    return entered


# ---- measures


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


def controlled(run: xr.Dataset, day: float) -> float:
    """The share of patients in response on a day."""
    return float((on_day(relative(run), day) <= 0.7).mean())


def curves(runs: Runs, *names: str) -> dict[str, Array]:
    return {name: relative(runs[name]) for name in names or runs}


def best(runs: Runs) -> dict[str, float]:
    """The smallest sum of diameters in each arm, relative to day 0."""
    return {name: float(relative(run).min()) for name, run in runs.items()}


LEVELS = {"response": 0.7, "day 0": 1.0}


# ---- one antibody, many patients


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
        share, run["time"].values, medians, levels=LEVELS,
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
        runs["4 doses"]["time"].values, curves(runs, "no durvalumab", "4 doses"), levels=LEVELS,
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
        y_label="size (day 0 = 1)", levels={"progression": 1.2, "response": 0.7},
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
        runs["responder"]["time"].values, curves(runs, *RESISTANT), levels=LEVELS,
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


# ---- with radiation

ALONE = {"none": None, "durvalumab": durvalumab(), "radiation": radiation(*HYPOFRACTIONATED)}
BOTH = radiation(*HYPOFRACTIONATED) + durvalumab()
SINGLE = ("durvalumab", "radiation")


@phenomenon(
    lambda: (
        {name: Arm(regimen) for name, regimen in {**ALONE, "both": BOTH}.items()}
        | {f"{name}, population": Arm(regimen, population()) for name, regimen in {**ALONE, "both": BOTH}.items()}
    )
)
def synergy(runs: Runs) -> Finding:
    """Radiation (3 x 8 Gy to the primary) and durvalumab together do more than either, and more than their sum."""
    # The log of living tumor in mm^3, plus 1 so that an extinct one counts: independent kills would add up in it.
    logs = {name: float(np.log(on_day(runs[name]["burden"].values, 182) + 1)) for name in (*ALONE, "both")}
    gain = {name: logs["none"] - logs[name] for name in (*SINGLE, "both")}
    holds(gain["both"] > 1.3 * (gain["durvalumab"] + gain["radiation"]), f"no synergy: {gain}")
    least = best(runs)
    holds(least["both"] < min(least[name] for name in SINGLE), "no gain in size")
    rate = {name: controlled(runs[f"{name}, population"], 2 * YEAR) for name in (*ALONE, "both")}
    holds(rate["both"] > rate["durvalumab"] + rate["radiation"], f"no synergy in the population: {rate}")
    return Finding(
        "Radiation and durvalumab: more than either alone, and more than their sum",
        {f"log fall of living tumor at 26 weeks, {k}": v for k, v in gain.items()}
        | {f"controlled at 2 years, {k}": v for k, v in rate.items()},
        runs["none"]["time"].values, curves(runs, *ALONE, "both"), levels=LEVELS,
    )  # fmt: skip


GAPS = (-168, -140, -112, -84, -56, -28, -14, 0, 14, 28, 56, 84, 112, 140, 168)
SCHEDULES = {"3 x 8 Gy": HYPOFRACTIONATED, "30 x 2 Gy": (2, 30)}


def _gaps() -> dict[str, Arm]:
    gap = pkpd.param("gap", 0, "day", "from the first fraction to the first antibody dose", source="swept")
    patients = _with({"kpri": 1.7e7}, gap=GAPS)
    return {
        name: Arm(radiation(*fractions, at=168) + durvalumab(3, at=168 + gap), patients, days=168 + YEAR)
        for name, fractions in SCHEDULES.items()
    }


def _with(patient: Mapping[str, float], **sweep: Any) -> pkpd.Ensemble:
    """One patient at every combination of the swept values."""
    axes = pkpd.grid(**sweep)
    return pkpd.Ensemble(axes.sizes, {**axes.columns, **{name: ((), value) for name, value in patient.items()}})


@phenomenon(_gaps)
def order_and_gap(runs: Runs) -> Finding:
    """Antibody before and after radiation: a gap costs in both directions, most where the antibody is late.

    Three doses of durvalumab and 3 x 8 Gy, which begin on day 168; a year after them.  What is primed
    before the antibody is exhausted or lost, what antibody is gone frees nothing.  With 60 Gy in 30
    fractions, which take six weeks and the lymphocytes, the time matters less.
    """
    living = {name: run["burden"].isel(time=-1).values + 1 for name, run in runs.items()}
    short, long = living.values()
    together = short[GAPS.index(0)]
    before, after = (float(short[end] / together) for end in (0, -1))
    holds(min(before, after) > 1.5, f"a gap does not cost: {before:.2f}, {after:.2f}")
    holds(after > before, "the late antibody should be the worse order")
    holds(long.max() / long.min() < short.max() / short.min(), "time matters as much for 30 fractions")
    return Finding(
        "Order and gap: antibody long before or long after radiation loses; long after is worse",
        {"best gap, days": GAPS[int(short.argmin())], "168 days before, fold": before,
         "168 days after, fold": after, "30 x 2 Gy, largest fold": float(long.max() / long.min())},
        np.array(GAPS, float), living, x_label="first antibody dose after first fraction, days",
        y_label="tumor after a year + 1, mm$^3$", log=True,
    )  # fmt: skip


SHIFTS = (-4, -2, 0, 2, 5, 8, 12)
COMPUTED = {-4: 7.95, 0: 11.44, 5: 98.89, 12: 601}


def order_and_gap_in_mice() -> Finding:
    """The published model: CT26 tumors after 5 x 2 Gy, by the day of the first antibody dose.

    Kosinsky Y et al., J Immunother Cancer 6:17 (2018), with the corrected repair; `COMPUTED` are
    volumes on day 30 from the paper's parameters by another code (LSODA), without extinction, not printed ones.
    """
    shift = pkpd.param("shift", 0, "day", "from the first fraction to the first antibody dose", source="swept")
    radiated = pkpd.fractions(2, n=5, start=7, every=1, duration=0.001)
    antibody = pkpd.bolus(1.333, "ip", at=[7, 9, 11, 14, 16, 18, 21, 23, 25]).shift(shift)
    sensitivities = {f"S_L {S_L} µL": S_L for S_L in (1.77, 8.89, 22.63)}
    run = pkpd.simulate(
        pkpd.load("kosinsky_2018"), radiated + antibody, times=[0, 30], outputs=["V"], on_failure="raise",
        parameters=pkpd.grid(S_L=list(sensitivities.values()), shift=SHIFTS) * pkpd.members(V_min=[0]),
    )["V"].isel(time=-1).squeeze("member")  # fmt: skip
    volumes = {k: run.sel(S_L=v).values for k, v in sensitivities.items()}
    typical = dict(zip(SHIFTS, volumes["S_L 8.89 µL"], strict=True))
    for day, volume in COMPUTED.items():
        holds(abs(typical[day] / volume - 1) < 0.02, f"{typical[day]:.2f} mm^3 at {day}, expected {volume}")
    holds(np.all(np.diff(volumes["S_L 8.89 µL"]) > 0), "earlier is not better")
    return Finding(
        "CT26 mice (Kosinsky 2018): the later the antibody after radiation, the larger the tumor",
        {f"shift {k}": float(v) for k, v in typical.items()},
        np.array(SHIFTS, float), volumes, x_label="first antibody dose after first fraction, days",
        y_label="tumor on day 30, mm$^3$", log=True,
    )  # fmt: skip


PHENOMENA["order_and_gap_in_mice"] = order_and_gap_in_mice


@phenomenon(
    lambda: {
        "both": Arm(BOTH, days=YEAR),
        "radiation": Arm(radiation(*HYPOFRACTIONATED), days=YEAR),
        "durvalumab": Arm(durvalumab(), days=YEAR),
        "both, no effectors": Arm(BOTH, {"kpri": 0.0}, days=YEAR),
    }
)
def abscopal(runs: Runs) -> Finding:
    """The metastasis regresses though the primary alone is irradiated, and not without effectors."""
    size = {name: relative(run, "T_metastasis") for name, run in runs.items()}
    last = {name: float(on_day(one, 182)) for name, one in size.items()}
    holds(last["both"] < 0.5, f"the metastasis is at {last['both']:.2f}")
    for name in list(runs)[1:]:
        holds(last[name] > 1.2, f"{name}: the metastasis is at {last[name]:.2f}")
    local = relative(runs["both, no effectors"], "T_primary")
    holds(local.min() < 0.3, "radiation should still work where it is given")
    return Finding(
        "Abscopal: the metastasis outside the field regresses, and not without effectors",
        {f"metastasis at 26 weeks, {k}": v for k, v in last.items()},
        runs["both"]["time"].values, size, y_label="living metastasis (day 0 = 1)",
    )  # fmt: skip


FRACTIONS = (0.25, 0.5, 1, 2, 3, 4, 5, 6, 8, 10, 12, 15)


def _fractions() -> dict[str, Arm]:
    dose = pkpd.param("fraction", 2, "Gy", "dose of a fraction", source="swept")
    regimen = radiation(dose, 15) + durvalumab()
    return {
        name: Arm(regimen, _with({"field": field, "kpri": 1.3e7}, fraction=FRACTIONS), days=182)
        for name, field in {"field of 300 mL": 300.0, "no lymphocytes hit": 0.0}.items()
    }


@phenomenon(_fractions)
def fraction_dose(runs: Runs) -> Finding:
    """Fifteen fractions to the primary with durvalumab: small ones prime too little, large ones deplete lymphocytes.

    What responds is the metastasis, outside of the field; with no lymphocytes hit, larger is never worse.
    """
    living = {name: run["T_metastasis"].isel(time=-1).values + 1 for name, run in runs.items()}
    hit, spared = living.values()
    nadir = runs["field of 300 mL"]["L"].min("time").values
    least = int(hit.argmin())
    holds(0 < least < len(FRACTIONS) - 1, f"the best fraction is at the end: {FRACTIONS[least]} Gy")
    holds(min(hit[0], hit[-1]) > 1.5 * hit[least], "the optimum is flat")
    holds(np.all(np.diff(nadir) < 0) and nadir[-1] < 0.5, f"lymphocytes are not depleted: {nadir[-1]:.2f}")
    holds(spared[-1] <= 1.1 * spared.min() and spared[-1] < hit[-1] / 1.5, "large fractions lose without depletion")
    return Finding(
        "The best fraction dose lies between too little antigen and too few lymphocytes",
        {"best fraction, Gy": FRACTIONS[least], "metastasis at the best, mm^3": float(hit[least]),
         "at 0.25 Gy": float(hit[0]), "at 15 Gy": float(hit[-1]), "lymphocytes at 15 Gy": float(nadir[-1])},
        np.array(FRACTIONS, float), living,
        x_label="dose of each of 15 fractions, Gy", y_label="metastasis at 26 weeks + 1, mm$^3$", log=True,
    )  # fmt: skip


WASHOUTS = (14, 28, 42, 56, 84, 112, 140, 168)
EXTENTS = {"limited": {"diameter0_metastasis": 10.0}, "widespread": {"diameter0_metastasis": 35.0}}
LAST = 7 * 28  # the day of the eighth dose


def _washouts() -> dict[str, Arm]:
    washout = pkpd.param("washout", 28, "day", "from the last antibody dose to radiation", source="swept")
    regimen = durvalumab(8) + radiation(*HYPOFRACTIONATED, at=LAST + washout)
    before = {f"{extent}, before": Arm(durvalumab(8), patient) for extent, patient in EXTENTS.items()}
    return before | {
        extent: Arm(regimen, _with(patient, washout=WASHOUTS), days=4 * YEAR) for extent, patient in EXTENTS.items()
    }


@phenomenon(_washouts)
def progression_after_durvalumab(runs: Runs) -> Finding:
    """3 x 8 Gy to the primary, weeks after the last of eight doses that could not hold the tumor.

    Limited progression is a primary with a small metastasis, widespread one with a large metastasis.
    """
    limits = {}
    for extent in EXTENTS:
        first = progression(runs[f"{extent}, before"])
        holds(first < LAST + min(WASHOUTS), f"{extent}: no progression on durvalumab")
        limits[extent] = np.array([_second_progression(runs[extent], w) for w in WASHOUTS])
    limited, widespread = limits.values()
    holds((limited / widespread)[:2].min() > 1.5, f"extent does not matter within four weeks: {limits}")
    holds(limited[0] > 1.5 * limited[-1], f"limited disease is held as long without antibody: {limits}")
    holds((limited / widespread)[-1] < 1.2, f"limited disease is held longer without antibody too: {limits}")
    return Finding(
        "Radiation after progression on durvalumab holds limited disease for long while antibody is left, "
        "widespread disease never",
        {f"{extent}, washout {w}": float(limits[extent][i]) for extent in limits for i, w in enumerate(WASHOUTS)},
        np.array(WASHOUTS, float), limits,
        x_label="washout: last antibody dose to radiation, days", y_label="radiation to progression, days",
    )  # fmt: skip


def _second_progression(run: xr.Dataset, washout: float) -> float:
    """Days from radiation to progression, or to the end of the run."""
    after = run.sel(washout=washout).sel(time=slice(LAST + washout, None))
    day = min(float(progression(after)), float(after["time"][-1]))
    return day - LAST - washout


# ---- with other drugs


def _rescued(drug: str, n: int, patient: Mapping[str, float]) -> dict[str, Arm]:
    """Durvalumab, a drug every three weeks, and both."""
    cycles = pkpd.bolus(1, drug, at=START, every=21, n=n)
    regimens = {"durvalumab": durvalumab(), drug.replace("_", " "): cycles, "both": durvalumab() + cycles}
    return {name: Arm(regimen, patient) for name, regimen in regimens.items()}


def _rescue(runs: Runs, claim: str) -> Finding:
    least = best(runs)
    for name in list(runs)[:2]:
        holds(least[name] > 0.9, f"{name} alone shrinks the tumor to {least[name]:.2f}")
    holds(least["both"] < 0.5, f"both together do not rescue: {least['both']:.2f}")
    return Finding(claim, least, runs["both"]["time"].values, curves(runs), levels=LEVELS)


@phenomenon(lambda: _rescued("depletion", 8, {"kpri": 7e7} | SUPPRESSED))
def suppressor_depletion(runs: Runs) -> Finding:
    """A patient whom suppressors keep from responding responds once they are depleted."""
    return _rescue(runs, "Depletion of Treg and MDSC rescues a patient who does not respond to durvalumab")


@phenomenon(lambda: _rescued("infiltration_drug", 17, {"kpri": 5e7, "ktr": 0.005}))  # a twentieth of the typical entry
def infiltration(runs: Runs) -> Finding:
    """A patient whose effectors do not get into the tumor responds once a drug lets them."""
    return _rescue(runs, "A drug that opens the tumor to effectors rescues a patient whose tumor excludes them")


CHEMOTHERAPY = pkpd.bolus(1, "chemo", at=START, every=21, n=4)
CHEMO_ARMS = {"durvalumab": durvalumab(), "chemotherapy": CHEMOTHERAPY, "both": durvalumab() + CHEMOTHERAPY}


@phenomenon(
    lambda: (
        {name: Arm(regimen, {"kpri": 1.5e7}, days=YEAR) for name, regimen in CHEMO_ARMS.items()}
        | {f"{name}, population": Arm(regimen, population()) for name, regimen in CHEMO_ARMS.items()}
    )
)
def chemotherapy_added(runs: Runs) -> Finding:
    """Four cycles of chemotherapy kill tumor, whose antigen primes, and lymphocytes."""
    year = {name: float(relative(runs[name])[-1]) for name in CHEMO_ARMS}
    holds(year["both"] < 0.8 * min(year["durvalumab"], year["chemotherapy"]), f"chemotherapy adds nothing: {year}")
    mature = {name: float(runs[name]["DC"].values[:13].max()) for name in CHEMO_ARMS}
    holds(mature["both"] > 1.1 * mature["durvalumab"], f"chemotherapy releases no antigen: {mature}")
    fewest = float(runs["both"]["L"].min())
    holds(fewest < 0.8, "chemotherapy spares lymphocytes")
    rate = {name: controlled(runs[f"{name}, population"], 2 * YEAR) for name in CHEMO_ARMS}
    holds(rate["both"] > max(rate["durvalumab"], rate["chemotherapy"]), f"not in the population: {rate}")
    return Finding(
        "Chemotherapy added to durvalumab: deeper and longer, at a cost in lymphocytes",
        {f"size at one year, {k}": v for k, v in year.items()}
        | {f"controlled at 2 years, {k}": v for k, v in rate.items()} | {"fewest lymphocytes": fewest},
        runs["both"]["time"].values, curves(runs, *CHEMO_ARMS), levels=LEVELS,
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


# ---- how far they hang on the invented values


def robustness(names: Sequence[str], n: int, cv: float = 0.1, seed: int = 3) -> dict[str, list[str | None]]:
    """For each phenomenon of the flagship what fails, or None, in each of `n` draws of its invented values."""
    these = draws(flagship(), n, cv, seed)
    return {name: found.refusals(these) for name in names if isinstance(found := PHENOMENA[name], Phenomenon)}


def table(names: Sequence[str], n: int, cvs: Sequence[float] = (0.1, 0.2)) -> str:
    """Phenomenon by phenomenon in how many of `n` draws it holds, for each size of the factors."""
    held = [{name: refusals.count(None) for name, refusals in robustness(names, n, cv).items()} for cv in cvs]
    head = "phenomenon," + ",".join(f"of {n} at {cv:.0%}" for cv in cvs)
    return "\n".join([head, *(f"{name}," + ",".join(str(one[name]) for one in held) for name in held[0])])


def main(arguments: Sequence[str] | None = None) -> None:
    """Check the phenomena, print their numbers and, with ``--out``, write their figures."""
    parser = argparse.ArgumentParser(prog="python -m pkpd.fits.phenomena", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"all by default; {', '.join(PHENOMENA)}")
    parser.add_argument("--out", type=Path, help="folder for the figures, and for robustness.csv")
    parser.add_argument(
        "--robustness", action="store_true",
        help="in how many draws of the invented values, by factors of 10 and 20 %%, each still shows",
    )  # fmt: skip
    parser.add_argument("--draws", type=int, default=50, metavar="N", help="how many draws; 50 by default")
    chosen = parser.parse_args(arguments)
    for name in chosen.names:
        if name not in PHENOMENA:
            parser.error(f"there is no phenomenon {name!r}; there are {', '.join(PHENOMENA)}")
    if chosen.draws < 1:
        parser.error(f"--draws is {chosen.draws}; expected 1 or more")
    if chosen.out is not None:
        chosen.out.mkdir(parents=True, exist_ok=True)
    if chosen.robustness:
        text = table(chosen.names or list(PHENOMENA), chosen.draws)
        print(text)
        if chosen.out is not None:
            write_atomically(chosen.out / "robustness.csv", lambda path: path.write_text(text + "\n", encoding="utf-8"))
        return
    for name in chosen.names or PHENOMENA:
        found = PHENOMENA[name]()
        print(f"{name}: {found.claim}")
        print(*(f"    {key}: {value:.3g}" for key, value in found.numbers.items()), sep="\n")
        if chosen.out is not None:
            pkpd.save(found.draw(), chosen.out / f"{name}.png")


if __name__ == "__main__":
    with as_messages():
        main()
