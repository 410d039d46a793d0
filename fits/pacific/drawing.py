"""The figures of the report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

import pkpd
from pkpd.arrays import Array, Mask
from pkpd.figures.style import BLUE, COLUMN, GRAY, RED, canvas, grid_canvas
from pkpd.fits.pacific.control import published
from pkpd.fits.pacific.response import STUDY_SD, Responses, franzese, summary
from pkpd.fits.pacific.trials import CHEMORADIATION, CRT_DAYS, MONTH, PACIFIC, Course

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_curves", "draw_patient", "draw_proclaim", "draw_ratios", "draw_response", "draw_scenarios"]

COLORS = {"durvalumab": RED, "placebo": BLUE}
DATA = Path(__file__).parent.parent / "data"


def curve(ax: Axes, time: Array, event: Mask, color: str, label: str) -> None:
    """Kaplan-Meier steps of simulated patients, in months."""
    steps = pkpd.kaplan_meier(time, event, unit="day")
    ax.step(steps["time"] / MONTH, steps["survival"], where="post", color=color, linewidth=1.2, label=label)


def landmarks(ax: Axes, arm: str, endpoint: str) -> None:
    """Published rates with their intervals, and the median as an interval across."""
    rows = published(trial="PACIFIC", arm=arm, endpoint=endpoint)
    rates, medians = rows[rows["statistic"] == "rate"], rows[rows["statistic"] == "median"]
    style = {"fmt": "o", "color": COLORS[arm], "markersize": 3.5, "capsize": 2, "linewidth": 0.8}
    ax.errorbar(rates["months"], rates["value"], yerr=_reach(rates), **style)
    ax.errorbar(medians["value"], np.full(len(medians), 0.5), xerr=_reach(medians), markerfacecolor="white", **style)


def _reach(rows: pd.DataFrame) -> Array:
    return np.abs(rows[["low", "high"]].to_numpy().T - rows["value"].to_numpy()).clip(0)


def draw_curves(arms: Mapping[str, Course], path: Path, reconstructed: pd.DataFrame | None = None) -> Path:
    """PFS and OS of the arms over the published landmarks, and over reconstructed survival where it is at hand."""
    with grid_canvas(2) as (figure, axes):
        for ax, endpoint in zip(axes, ("PFS", "OS"), strict=True):
            for arm, course in arms.items():
                time, event = (course.day, course.event) if endpoint == "PFS" else course.overall()
                curve(ax, time, event, COLORS[arm], f"{arm}, simulated")
                landmarks(ax, arm, endpoint)
                if endpoint == "OS" and reconstructed is not None:
                    rows = reconstructed[reconstructed["arm"] == arm]
                    steps = pkpd.kaplan_meier(rows["time"], rows["event"])
                    ax.step(steps["time"], steps["survival"], where="post", color=COLORS[arm], linewidth=0.6, alpha=0.6)
            title = "Progression-free survival" if endpoint == "PFS" else "Overall survival"
            ax.set(xlabel="Time from randomization (months)", ylabel=title, xlim=(0, 62), ylim=(0, 1.02))
            ax.set_xticks(range(0, 61, 12))
        axes[0].plot([], [], "o", color=GRAY, markersize=3.5, label="published (95 % CI)")
        axes[0].plot([], [], "o", color=GRAY, markersize=3.5, markerfacecolor="white", label="published median")
        axes[0].legend(loc="upper right")
    return pkpd.save(figure, path)


def draw_patient(estimates: Mapping[str, float], path: Path) -> Path:
    """Lymphocytes and tumors of a patient of median growth and effectors, TC 50 % and 0.3/Gy, in both arms."""
    days = np.arange(0, 601.0, 2)
    patient = {name: estimates[name] for name in ("rho", "e", "PDL1_immune", "kloss", "diameter_occult")}
    patient |= {"kcl": estimates["kcl_rt"], "diameter_gross": 50.0, "PDL1_tumor": 0.5, "alpha": 0.3}
    patient["start"] = PACIFIC.randomized - CRT_DAYS - 21
    outputs = ["diameter", "diameter_metastasis", "lymphocytes"]
    with grid_canvas(2) as (figure, axes):
        for arm, regimen in {"placebo": CHEMORADIATION, "durvalumab": CHEMORADIATION + PACIFIC.antibody()}.items():
            course = pkpd.simulate(
                pkpd.load("durvalumab_chemoradiation_nsclc"), regimen, times=days, parameters=patient, outputs=outputs
            )
            months = (days - PACIFIC.randomized) / MONTH
            axes[1].plot(months, course["diameter"], color=COLORS[arm], label=f"gross disease, {arm}")
            axes[1].plot(months, course["diameter_metastasis"], "--", color=COLORS[arm], label=f"metastasis, {arm}")
        axes[0].plot(months, 100 * course["lymphocytes"], color="0.2")
        axes[0].axhline(29, color=GRAY, linewidth=0.6, linestyle=":", label="published nadir (29 %)")
        axes[0].set(ylabel="Circulating lymphocytes (%)", ylim=(0, 105))
        axes[1].set(ylabel="Diameter (mm)", ylim=(0, 90))
        for ax in axes:
            ax.set(xlabel="Time from randomization (months)", xlim=(months[0], months[-1]))
            ax.axvline(0, color=GRAY, linewidth=0.5)
        axes[0].legend(loc="lower right")
        axes[1].legend(loc="upper right")
    return pkpd.save(figure, path)


def draw_proclaim(course: Course, landmark: float, path: Path) -> Path:
    """PFS of the simulated control arm and of PROCLAIM from the landmark on."""
    rows = pd.read_csv(DATA / "pacific_proclaim.csv", comment="#")
    later = course.day > landmark
    with canvas(None, COLUMN) as ax:
        curve(ax, course.day[later] - landmark, course.event[later], BLUE, "simulated")
        ax.errorbar(rows["at"], rows["value"], yerr=1.96 * rows["se"], fmt="s", color="0.2", markersize=3.5, capsize=2,
                    linewidth=0.8, label="PROCLAIM (95 % CI)")  # fmt: skip
        ax.set(xlabel="Time from 12 weeks after the first fraction (months)", ylabel="Progression-free survival",
               xlim=(0, 38), ylim=(0, 1.02))  # fmt: skip
        ax.legend(loc="upper right")
    return pkpd.save(ax, path)


def draw_response(seen: Responses, targets: pd.DataFrame, path: Path) -> Path:
    """Deciles of change, when responses come, and response rates by PD-L1, beside what they were calibrated to."""
    numbers = targets.assign(simulated=summary(seen, targets))
    with grid_canvas(4) as (figure, axes):
        for ax, (quantity, title) in zip(axes, {"change_6": "At week 6", "best": "Best"}.items(), strict=False):
            rows = numbers[numbers["quantity"] == quantity]
            _beside(ax, 100 * rows["at"], 100 * rows[["value", "se", "simulated"]])
            ax.axhline(0, color=GRAY, linewidth=0.5)
            ax.set(xlabel="Percentile of patients", ylabel=f"{title}: change of diameter (%)")
        rows = numbers[numbers["quantity"] == "responded_by_week"]
        _beside(axes[2], rows["at"], 100 * rows[["value", "se", "simulated"]])
        axes[2].set(xlabel="Week", ylabel="Responses that have come (%)", ylim=(0, 105), xlim=(0, 32))
        _rates(axes[3], numbers[numbers["quantity"] == "ORR"])
        axes[0].legend(loc="upper left")
    return pkpd.save(figure, path)


def _beside(ax: Axes, at: pd.Series, rows: pd.DataFrame) -> None:
    ax.errorbar(at, rows["value"], yerr=1.96 * rows["se"], fmt="s", color="0.2", markersize=3.5, capsize=2,
                linewidth=0.8, label="study 4 (95 % CI)")  # fmt: skip
    ax.plot(at, rows["simulated"], "-o", color=RED, markersize=3, linewidth=1, label="calibrated")


def _rates(ax: Axes, rows: pd.DataFrame) -> None:
    level = np.linspace(0, 1, 101)
    center, sd = franzese(level), STUDY_SD
    logit = np.log(center / (1 - center))
    low, high = (1 / (1 + np.exp(-(logit + side * 1.96 * sd))) for side in (-1, 1))
    ax.fill_between(100 * level, 100 * low, 100 * high, color="0.88", linewidth=0, label="95 % of studies")
    ax.plot(100 * level, 100 * center, color="0.2", linewidth=1, label="Franzese 2026")
    ax.plot(100 * rows["at"], 100 * rows["simulated"], "-o", color=RED, markersize=3, linewidth=1)
    ax.set(xlabel="Tumor cells with PD-L1 (%)", ylabel="Response rate (%)", ylim=(0, 80), xlim=(0, 100))
    ax.legend(loc="upper left")


def draw_ratios(table: pd.DataFrame, interval: tuple[float, float], path: Path) -> Path:
    """Hazard ratios, published beside predicted."""
    rows = table[table["statistic"] == "hazard_ratio"].reset_index(drop=True)
    y = -np.arange(len(rows), dtype=float)
    with canvas(None, (COLUMN[0] * 1.35, COLUMN[1] * 1.25)) as ax:
        ax.errorbar(rows["value"], y + 0.13, xerr=_reach(rows), fmt="s", color="0.2", markersize=3.5, capsize=2,
                    linewidth=0.8, label="published (95 % CI)")  # fmt: skip
        ax.plot(rows["predicted"], y - 0.13, "o", color=RED, markersize=4, label="predicted")
        ax.plot(interval, [y[0] - 0.13] * 2, color=RED, linewidth=0.8, label="95 % of trials of this size")
        ax.axvline(1, color=GRAY, linewidth=0.6)
        ax.set_xscale("log")
        ax.set_xticks([0.3, 0.5, 0.7, 1, 1.4], ["0.3", "0.5", "0.7", "1", "1.4"], minor=False)
        ax.xaxis.set_minor_locator(_no_ticks())
        ax.set_yticks(y, [f"{row.trial}, {row.endpoint}" for row in rows.itertuples()])
        ax.set(xlabel="Hazard ratio, durvalumab v placebo", ylim=(y[-1] - 0.6, 1.9))
        ax.legend(loc="upper left", ncols=2)
    return pkpd.save(ax, path)


def _no_ticks() -> object:
    from matplotlib.ticker import NullLocator

    return NullLocator()


def draw_scenarios(table: pd.DataFrame, path: Path) -> Path:
    """The hazard ratio of PFS in PACIFIC and in PACIFIC-2 under each assumption."""
    y = -np.arange(len(table), dtype=float)
    trial = published(statistic="hazard_ratio", endpoint="PFS").set_index("trial")["value"]
    with canvas(None, (COLUMN[0] * 1.5, COLUMN[1] * 1.1)) as ax:
        for column, color, marker in (("PACIFIC", RED, "o"), ("PACIFIC-2", BLUE, "D")):
            ax.axvline(trial[column], color=color, linewidth=0.8, linestyle="--")
            ax.plot(table[column], y, marker, color=color, markersize=4, label=column)
        ax.plot([], [], color=GRAY, linewidth=0.8, linestyle="--", label="published")
        ax.set_yticks(y, table["scenario"])
        ax.set(xlabel="Hazard ratio of PFS", xlim=(0.3, 1.05), ylim=(y[-1] - 0.6, 0.6))
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, columnspacing=1)
    return pkpd.save(ax, path)
