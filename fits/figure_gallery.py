"""Every figure for print: at one column width, as small multiples, in color and in gray.

    python -m pkpd.fits.figure_gallery --out DIR

Writes each as ``NAME.png`` and as ``NAME_gray.png``, the same converted to the luminance that a gray print has.
What is drawn is simulated here, from models of the library with their own values.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

import pkpd
from pkpd.fits import mc38_radiation

__all__ = ["FIGURES", "draw_all", "to_gray"]

Q4W = pkpd.infusion("1500 mg", route="iv", duration="1 h", every=28, n=6)
RADIATION = pkpd.fractions(2.0, n=5, route="radiation", start=7, every=1, duration=0.001)
ANTIBODY = pkpd.bolus(1.333, route="ip", at=[7, 9, 11, 14])
SEED = 2018


# ---- what is simulated


@cache
def antibody() -> xr.Dataset:
    """Durvalumab in 60 patients; times at each dose and the end of each infusion, so that drops are steep."""
    days = np.union1d(np.linspace(0, 168, 337), 28.0 * np.arange(6) + 1 / 24)
    model = pkpd.load("durvalumab_baverel_2018")
    return pkpd.simulate(model, Q4W, times=days, parameters=pkpd.sample(model, 60, SEED), outputs=["C"])


@cache
def mice() -> xr.Dataset:
    model = pkpd.load("kosinsky_2018")
    return pkpd.simulate(
        model, RADIATION + ANTIBODY, times=np.linspace(0, 56, 113), parameters=pkpd.sample(model, 60, SEED),
        outputs=["V"],
    )  # fmt: skip


@cache
def cured() -> xr.Dataset:
    """Complete responses by the first day of the antibody."""
    model = pkpd.load("kosinsky_2018")
    first = pkpd.param("first", 7, "day", "day of the first antibody dose")
    run = pkpd.simulate(
        model, RADIATION + ANTIBODY.shift(first - 7), times=np.arange(0.0, 61.0),
        parameters=pkpd.grid(first=[7, 12, 19]) * pkpd.sample(model, 40, SEED), outputs=["V"],
    )  # fmt: skip
    return pkpd.rate(pkpd.complete_response(run, "V", below="10 mm^3", after=7))


@cache
def arms() -> xr.Dataset:
    """The same rates by the name of an arm, and so of categories."""
    rates = cured()
    return rates.assign_coords(first=["day 7", "day 12", "day 19"]).rename(first="arm")


@cache
def swept() -> xr.Dataset:
    """A tumor over its growth rate and the killing of it."""
    model = pkpd.load("growth_logistic")
    return pkpd.simulate(
        model, times=np.arange(0.0, 61.0), parameters=pkpd.grid(kg=[0.05, 0.1, 0.15, 0.2], T0=[0, 50, 100, 200, 400])
    )


@cache
def observed() -> tuple[xr.Dataset, pd.DataFrame]:
    """Concentrations of a one-compartment drug in 200 members, and in 40 that were observed."""
    model = pkpd.load("pk_1cmt_oral")
    hours = [0.5, 1, 2, 4, 8, 12, 24, 48]
    volume, clearance = (str(s) for s in ("V", "CL"))
    drawn = pkpd.members(
        ka=np.full(200, 1.0), **{volume: 20 * np.exp(0.25 * _scores(0)), clearance: 3 * np.exp(0.3 * _scores(1))}
    )
    dose = pkpd.bolus("100 mg", "oral")
    run = pkpd.simulate(model.in_time("h"), dose, times=[0.0, *hours], parameters=drawn, outputs=["C"])
    error = pkpd.combined_error(0.05, 0.2)
    simulated = pkpd.observe(run, "C", error=error, seed=SEED, times=hours, lloq=0.3)
    seen = pkpd.observe(run, "C", error=error, seed=SEED + 1, times=hours, lloq=0.3).isel(member=slice(0, 40))
    table = seen["value"].to_dataframe().reset_index()[["time", "value", "member"]]
    return simulated, table.assign(sex=np.where(table["member"] % 2, "female", "male"))


def _scores(stream: int) -> Any:
    return np.random.default_rng([SEED, stream]).standard_normal(200)


def _sexes() -> xr.Dataset:
    simulated, _ = observed()
    sexes = np.where(simulated["member"].to_numpy() % 2, "female", "male")
    return simulated.assign_coords(sex=("member", sexes))


@cache
def fitted() -> pkpd.Fit:
    return mc38_radiation.run()


# ---- what is drawn

FIGURES: Mapping[str, Callable[[], Any]] = {
    "time_course": lambda: pkpd.time_course(antibody(), "C", regimen=Q4W),
    "time_course_log": lambda: pkpd.time_course(mice(), "V", regimen=RADIATION + ANTIBODY, log=True),
    "time_course_swept": lambda: pkpd.time_course(swept().isel(T0=2), "T", by="kg"),
    "time_course_multiples": lambda: pkpd.small_multiples(
        swept(), "T0", lambda part, ax: pkpd.time_course(part, "T", by="kg", ax=ax)
    )[0],
    "spaghetti": lambda: pkpd.spaghetti(mice(), "V"),
    "response_rate": lambda: pkpd.response_curve(cured(), "rate", x="first", lines={"untreated": 0.0}),
    "response_categories": lambda: pkpd.response_curve(arms(), "rate", x="arm"),
    "response_log": lambda: pkpd.response_curve(swept(), "T", x="T0", by="kg", at=30, log=True),
    "heat_map": lambda: pkpd.heat_map(swept(), "T0", "kg", output="T", at=60, values=True, optimum="min"),
    "vpc": lambda: pkpd.vpc(*_both(), replicates=5, log=True),
    "vpc_binless": lambda: pkpd.vpc(*_both(), replicates=5, bins="none"),
    "vpc_strata_below": lambda: pkpd.vpc(_sexes(), observed()[1], by="sex", below=True, replicates=5, log=True),
    "fit_overlay": lambda: pkpd.fit_overlay(fitted())[0],
    "individual_fits": lambda: pkpd.individual_fits(fitted())[0],
    "goodness_of_fit": lambda: pkpd.goodness_of_fit(fitted()),
    "waterfall": lambda: pkpd.waterfall(pkpd.best_change(mice(), "V")),
    "schematic": lambda: pkpd.schematic(pkpd.load("kosinsky_2018")),
    "schematic_small": lambda: pkpd.schematic(pkpd.load("tumor_immune")),
}


def _both() -> tuple[xr.Dataset, pd.DataFrame]:
    simulated, table = observed()
    return simulated, table[["time", "value"]]


def draw_all(folder: str | Path, names: list[str] | None = None) -> list[Path]:
    """Write the figures, all by default, in color and in gray; returns the files."""
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    files = []
    for name in FIGURES if names is None else names:
        colored = pkpd.save(FIGURES[name](), target / f"{name}.png", dpi=200)
        files += [colored, to_gray(colored)]
    return files


def to_gray(path: Path) -> Path:
    """The picture as a gray print has it (luminance of Rec. 601), beside the one in color."""
    import matplotlib.pyplot as plt

    pixels = plt.imread(path)[..., :3]
    gray = pixels @ np.array([0.299, 0.587, 0.114])
    written = path.with_name(f"{path.stem}_gray.png")
    plt.imsave(written, gray, cmap="gray", vmin=0, vmax=1)
    return written


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw the gallery."""
    parser = argparse.ArgumentParser(description="Every figure for print, in color and in gray.")
    parser.add_argument("--out", required=True, help="folder for the pictures")
    parser.add_argument("names", nargs="*", help="figures to draw; all by default")
    asked = parser.parse_args(arguments)
    for path in draw_all(asked.out, asked.names or None):
        print(f"wrote {path}")


if __name__ == "__main__":
    main()
