"""Virtual patients on durvalumab beside the patients of a study of an antibody to PD-L1.

    python -m pkpd.fits.phenomena.study_4 --data study4.csv [--out DIR] [--grid]

Best change and time to response of the target lesion of 376 patients (Ghaffari Laleh et al., PLoS Comput Biol
18:e1009822, 2022, supplement S6, study 4, arm 2; see `pkpd.fits.nsclc_lesions`).  The file does not name its
arms; the second is taken for the antibody, as its responses last longer.  The table is not part of this project.

Choices
-------
- The typical `kpri` and its spread were chosen by the deciles of best change, the quartiles of the time to
  response, and the change at the first scan (``--grid`` prints how the misfit depends on them).
- Virtual patients are scanned as the real ones: every six weeks with a jitter of four days, an error of
  1.7 mm (`ONE_SCAN`, Oxnard 2011: a difference of two scans has a standard deviation of 2.4 mm).  What is below
  5 mm, "too small to measure" or gone counts as 5 mm in both.
- They leave after the second scan at the latest once the lesion is 20 % and 5 mm above its nadir, and before that with
  the chance by visit with which real patients left without it.  Patients with one scan after the first are hardly in
  the file, so virtual patients have two.
- Patients with a first diameter below 10 mm are left out of both.

Results
-------
- Lesions respond in 26 % of virtual and 23 % of real patients, half of them within 12 weeks in both; deciles of
  best change are within 9 % of each other.
- The fastest are missed: the last decile at the first scan is +32 % in real patients and +20 % in virtual ones, and
  some real lesions vanish within weeks.
- The misfit is flat around the values that were chosen: with other patients of the model it is 40 to 54 for a
  typical `kpri` of 1.1 to 1.7e8 and a spread of 0.9 to 1.5; at 3.2e8 it is above 150.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

import pkpd
from pkpd.arrays import Array
from pkpd.cli.messages import as_messages
from pkpd.fits.nsclc_lesions import FOLDER, ORIGIN
from pkpd.fits.phenomena.arms import flagship, growing, treated
from pkpd.fits.phenomena.comparisons import Comparison, Estimate, median, share
from pkpd.fits.phenomena.regimens import durvalumab
from pkpd.fits.third_party import table

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

ARM = "Study_4_Arm_2"
ONE_SCAN = 1.7  # mm
INTERVAL, JITTER, SMALLEST, MEASURABLE = 42.0, 4.0, 5.0, 10.0
VISITS = 15
DECILES = np.arange(0.1, 0.95, 0.1)
TUNED = {"best": 0.03, "first": 0.03, "weeks": 0.3}  # what counts as a misfit of one, of changes and of log weeks


@dataclass(frozen=True)
class Scans:
    """Diameters in mm at the first scan, (patients,), and on days after it, (patients, visits); NaN past the end."""

    first: Array
    day: Array
    diameter: Array

    @property
    def change(self) -> Array:
        """From the first scan, as a share."""
        return self.diameter / self.first[:, None] - 1

    @property
    def best(self) -> Array:
        return np.asarray(np.nanmin(self.change, axis=1))

    @property
    def response_day(self) -> Array:
        """The day of the first change by -30 %; infinite if never."""
        small = self.change <= -0.3
        day = np.take_along_axis(self.day, small.argmax(1)[:, None], 1)[:, 0]
        return np.where(small.any(1), day, np.inf)

    @property
    def progressed(self) -> Array:
        """At each visit whether the lesion is 20 % and 5 mm above its nadir."""
        sizes = np.column_stack([self.first, np.nan_to_num(self.diameter, nan=np.inf)])
        nadir = np.minimum.accumulate(sizes, axis=1)[:, 1:]
        return np.asarray((self.diameter >= 1.2 * nadir) & (self.diameter >= nadir + 5))


def real(path: str | Path | None = None) -> Scans:
    """The patients of the arm with a first scan until day 7 and another after it."""
    file = table(path, f"{FOLDER}/study4.csv", ORIGIN)
    rows = pd.read_csv(file, dtype={"PatientID": str}).query("StudyArm == @ARM")
    text = rows["TargetLesionLongDiam_mm"].astype(str)
    value = pd.to_numeric(text.where(text != "TOO SMALL TO MEASURE", "0"), errors="coerce").clip(lower=SMALLEST)
    rows = rows.assign(value=value, day=rows["TreatmentDay"].astype(float)).dropna(subset=["value"])
    patients = [patient.sort_values("day", kind="stable") for _, patient in rows.groupby("PatientID")]
    courses = [(p[p["day"] <= 7]["value"].to_numpy(), p[p["day"] > 7]) for p in patients]
    kept = [(before[-1], after) for before, after in courses if len(before) and len(after) and before[-1] >= MEASURABLE]
    return Scans(
        np.array([first for first, _ in kept]),
        _padded(after["day"] for _, after in kept),
        _padded(after["value"] for _, after in kept),
    )


def _padded(rows: Iterable[pd.Series]) -> Array:
    values = [row.to_numpy(dtype=float)[:VISITS] for row in rows]
    return np.array([np.pad(v, (0, VISITS - len(v)), constant_values=np.nan) for v in values])


def leaving(scans: Scans) -> Array:
    """By visit the chance that it is the last one though the lesion has not progressed."""
    last = np.isfinite(scans.day).sum(1)
    without = ~scans.progressed.any(1)
    visits = np.arange(1, VISITS + 1)
    return np.array([(without & (last == k)).sum() / max((last >= k).sum(), 1) for k in visits])


def scanned(run: xr.Dataset, chance: Array, seed: int = 0) -> Scans:
    """The primary of each virtual patient as it would have been scanned."""
    rng = np.random.default_rng(seed)
    sizes = run["diameter_primary"].transpose("member", "time").values
    sizes = sizes[sizes[:, 0] >= MEASURABLE]
    day = INTERVAL * np.arange(1, VISITS + 1) + rng.normal(0, JITTER, (len(sizes), VISITS))
    true = np.array([np.interp(d, run["time"].values, one) for d, one in zip(day, sizes, strict=True)])
    seen = np.where(true < SMALLEST, SMALLEST, np.maximum(true + rng.normal(0, ONE_SCAN, true.shape), SMALLEST))
    whole = Scans(sizes[:, 0] + rng.normal(0, ONE_SCAN, len(sizes)), day, seen)
    ends = whole.progressed | (rng.random(day.shape) < chance)
    ends[:, 0], ends[:, -1] = False, True
    kept = np.arange(VISITS) <= ends.argmax(1)[:, None]
    return Scans(whole.first, np.where(kept, day, np.nan), np.where(kept, seen, np.nan))


def virtual(chance: Array, typical: float | None = None, spread: float | None = None, n: int = 500) -> Scans:
    """Virtual patients on durvalumab; `typical` and `spread` of `kpri` are the model's by default."""
    model = flagship()
    kpri = pkpd.lognormal(
        typical or float(model.parameters.loc["kpri", "value"]),
        omega=spread or float(model.parameters.loc["kpri", "iiv"]),
    )
    people = growing(pkpd.sample(model, n, seed=11, distributions={"kpri": kpri}))
    return scanned(treated(durvalumab(26), people, days=96 * 7), chance)


def summary(scans: Scans) -> dict[str, Array]:
    """Deciles of best change and of change at the first scan, and quartiles of the weeks to response."""
    weeks = scans.response_day[np.isfinite(scans.response_day)] / 7
    return {
        "best": np.quantile(scans.best, DECILES),
        "first": np.quantile(scans.change[:, 0], DECILES),
        "weeks": np.quantile(weeks, [0.25, 0.5, 0.75]),
    }


def misfit(computed: Mapping[str, Array], measured: Mapping[str, Array]) -> float:
    """The sum of squares of all differences, each by what counts as one (`TUNED`)."""
    changes = sum(np.sum(((computed[k] - measured[k]) / TUNED[k]) ** 2) for k in ("best", "first"))
    return float(changes + np.sum((np.log(computed["weeks"] / measured["weeks"]) / TUNED["weeks"]) ** 2))


def grid(measured: Scans) -> pd.DataFrame:
    """The misfit by the typical `kpri` (rows, cells a day) and its spread (columns)."""
    chance, wanted = leaving(measured), summary(measured)
    typical, spread = (0.8e8, 1.2e8, 1.6e8, 2.4e8, 3.2e8), (0.6, 1.0, 1.4, 1.8)
    rows = [[misfit(summary(virtual(chance, m, w)), wanted) for w in spread] for m in typical]
    return pd.DataFrame(rows, index=pd.Index(typical, name="kpri"), columns=pd.Index(spread, name="spread"))


def compare(path: str | Path | None = None) -> Comparison:
    """Deciles of best change, response and its time, with intervals of the patients by resampling them."""
    measured = real(path)
    computed = virtual(leaving(measured))
    shown = (1, 3, 5, 7, 9)
    labels = [f"best change, decile {k}" for k in shown]
    estimates: list[list[Estimate]] = []
    for scans in (computed, measured):
        low, high = np.quantile(_resampled(scans.best), [0.025, 0.975], axis=0)
        deciles = np.quantile(scans.best, DECILES)
        estimates.append([Estimate(deciles[k - 1], low[k - 1], high[k - 1]) for k in shown])
        responses = np.isfinite(scans.response_day)
        weeks = median(scans.response_day[responses] / 7)
        estimates[-1] += [share(int(responses.sum()), len(responses)), _scaled(weeks, 1 / 52)]
    return Comparison(
        "Best change and time to response of target lesions under an antibody to PD-L1",
        [*labels, "response of the lesion", "median time to response, years"],
        *estimates, y_label="Change from the first scan, share, or years",
        note=f"N = {len(computed.first)} virtual, {len(measured.first)} real patients; intervals of 95 %",
        tuned="typical kpri and its spread, by deciles and times",
    )  # fmt: skip


def _scaled(estimate: Estimate, by: float) -> Estimate:
    return Estimate(estimate.value * by, estimate.low * by, estimate.high * by)


def _resampled(best: Array, n: int = 400) -> Array:
    """Deciles of resampled patients."""
    rng = np.random.default_rng(1)
    return np.quantile(rng.choice(best, (n, len(best))), DECILES, axis=1).T


def draw(measured: Scans, computed: Scans) -> Figure:
    """Waterfalls, responses over time, and spiders of both."""
    from pkpd.figures.style import BLACK, BLUE, grid_canvas

    pair = (("real", measured, BLACK), ("virtual", computed, BLUE))
    with grid_canvas(4) as (figure, (waterfall, responses, *spiders)):
        for name, scans, color in pair:
            best = 100 * np.sort(scans.best)[::-1]
            low, high = 100 * np.quantile(_resampled(scans.best), [0.025, 0.975], axis=0)
            waterfall.plot(np.linspace(0, 100, len(best)), best, color=color, label=f"{name}, N = {len(best)}")
            waterfall.fill_between(100 * DECILES, low[::-1], high[::-1], color=color, alpha=0.2, linewidth=0)
            weeks = np.sort(scans.response_day) / 7
            responses.step(
                weeks, 100 * np.arange(1, len(weeks) + 1) / len(weeks), where="post", color=color, label=name
            )
        waterfall.set(xlabel="Patients (%)", ylabel="Best change of the lesion (%)", ylim=(-100, 100))
        responses.set(xlabel="Week of the first change by -30 %", ylabel="Patients (%)", xlim=(0, 60), ylim=(0, 35))
        for ax in (waterfall, responses):
            ax.legend(fontsize=6)
        for ax, (name, scans, color) in zip(spiders, pair, strict=True):
            for day, change in list(zip(scans.day, scans.change, strict=True))[:120]:
                ax.plot(np.append(0, day) / 7, 100 * np.append(0, change), color=color, linewidth=0.5, alpha=0.5)
            ax.set(
                xlabel="Week",
                ylabel="Change of the lesion (%)",
                title=f"{name}: 120 patients",
                xlim=(0, 90),
                ylim=(-100, 150),
            )
        for ax in (waterfall, *spiders):
            for level in (-30, 20):
                ax.axhline(level, color="0.6", linewidth=0.6, linestyle="--", zorder=0)
    return figure


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the comparison and, with ``--out``, write the figure."""
    parser = argparse.ArgumentParser(
        prog="python -m pkpd.fits.phenomena.study_4", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--data", help="study4.csv; below $PKPD_FITS_DATA by default")
    parser.add_argument("--out", type=Path, help="folder for study_4.png")
    parser.add_argument("--grid", action="store_true", help="also print the misfit by kpri and its spread")
    chosen = parser.parse_args(arguments)
    measured = real(chosen.data)
    print(compare(chosen.data).table())
    if chosen.grid:
        print(grid(measured).round(1).to_string())
    if chosen.out is not None:
        chosen.out.mkdir(parents=True, exist_ok=True)
        print(f"wrote {pkpd.save(draw(measured, virtual(leaving(measured))), chosen.out / 'study_4.png')}")


if __name__ == "__main__":
    with as_messages():
        main()
