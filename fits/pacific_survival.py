"""Survival in PACIFIC: Weibull hazards with and without a fraction that is cured.

    python -m pkpd.fits.pacific_survival --data pacific_antonia2018_fig2.csv [--out DIR]

Durvalumab or placebo after chemoradiotherapy of stage III lung cancer: 713 times of death or of
the last visit, reconstructed from the published Kaplan-Meier curves (Antonia et al., N Engl J
Med 379:2342-2350 (2018), figure 2; by Bomze et al., JAMA Netw Open 3:e2017675 (2020), repository
davidbomze/SIFI, survival_data/itt).  The table is not part of this project.  What was published
later of the same patients is in ``data/pacific_landmarks.csv``.

    dHu/dt = (k/lambda) (t/lambda)^(k - 1),    Hu(0) = 0
    S = c + (1 - c) exp(-Hu),    H = -ln S,    h = dH/dt

Hu is the cumulative hazard of those who are not cured, c the fraction that is; c = 0 is a
Weibull distribution, and the whole is `pkpd.with_cure` of `pkpd.weibull_times` (`lifetimes`).  A
patient is one observation at its time, 1 for a death and 0 for a time censored: `event_time`
takes ln h - H of a death and -H of a censored time.

Choices
-------
- Each arm has a shape, a scale and a cured fraction of its own: neither proportional hazards
  nor a common shape is assumed.
- Reconstructed times are taken as exact, and patients differ by their arm alone.
- Time is counted in months from randomization, which was one to 42 days after
  chemoradiotherapy.  The hazard is that of t + 3 s: for k < 1 it has no end at 0.

Results
-------
- The cure model is a little better by AIC (2919.3 against 2921.4) and worse by BIC (2946.7
  against 2939.6): two years of follow-up hardly tell a plateau from a long tail.  c and lambda
  depend on each other (correlation -0.92).
- The cured fraction is 0.45 +- 0.08 with durvalumab and 0.32 +- 0.11 with placebo.
- Five years later 42.9 and 33.4 % were alive.  The cure model of 2018 has 46.9 and 34.0 %, the
  Weibull model 29.9 and 20.9 %: what the data of the time could not decide, the plateau, is
  what mattered, and a model chosen by BIC would have been off by 13 percentage points.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sympy import exp, log

import pkpd
from pkpd import Model, clock, output, param, state
from pkpd.cli.messages import as_messages
from pkpd.figures.style import BLUE, COLUMN, RED, canvas
from pkpd.fits.third_party import command, table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TABLE = "km_ipd_pacific/pacific_antonia2018_fig2.csv"
ORIGIN = "repository davidbomze/SIFI, survival_data/itt/pacific_antonia2018_fig2.csv"
LANDMARKS = Path(__file__).parent / "data" / "pacific_landmarks.csv"
ARMS = {"durvalumab": RED, "placebo": BLUE}
POSITIVE = (0, None)

t = clock("month")
k = param("k", 1.1, "1", "shape of the Weibull distribution", source="a start", bounds=POSITIVE)
lam = param("lam", 30, "month", "scale of the Weibull distribution", source="a start", bounds=POSITIVE)
c = param("c", 0, "1", "fraction that is cured", source="0: none, a Weibull distribution", bounds=(0, 1))
moment = param("moment", 1e-6, "month", "after which the hazard is that of the model", source="3 s, a choice")

Hu = state("Hu", "1", "cumulative hazard of those not cured")
hu = k / lam * ((t + moment) / lam) ** (k - 1)
S = c + (1 - c) * exp(-Hu)

model = Model(
    "weibull_with_cure",
    rates={Hu: hu},
    outputs={
        "S": output(S, "fraction alive"),
        "H": output(-log(S), "cumulative hazard"),
        "h": output((1 - c) * hu * exp(-Hu) / S, "hazard of death", "1/month"),
    },
    time="month",
)

WEIBULL = {"k": pkpd.free(log=True, per_arm=True), "lam": pkpd.free(log=True, per_arm=True)}
CURE = WEIBULL | {"c": pkpd.free(0.3, per_arm=True)}


def observations(path: str | Path | None = None) -> pkpd.Dataset:
    """A row for each patient: 1 at the time of a death, 0 at a time censored."""
    patients = pd.read_csv(table(path, TABLE, ORIGIN))
    rows = patients.rename(columns={"event": "value"}).assign(output="H", subject=np.arange(len(patients)))
    return pkpd.read_observations(rows, dict.fromkeys(ARMS))


def run(path: str | Path | None = None) -> pkpd.Fit:
    """Weibull hazards and a cured fraction for each arm."""
    return pkpd.fit(model, observations(path), CURE, error={"H": pkpd.event_time("h")})


def weibull(path: str | Path | None = None) -> pkpd.Fit:
    """Weibull hazards for each arm, none cured."""
    return pkpd.fit(model, observations(path), WEIBULL, error={"H": pkpd.event_time("h")})


def landmarks(*fits: pkpd.Fit) -> pd.DataFrame:
    """The published fractions alive beside those of fits, a column each."""
    published = pd.read_csv(LANDMARKS, comment="#")
    for number, fit in enumerate(fits, start=1):
        alive = fit.predict(np.unique(published["month"]))["S"]
        published[f"fit_{number}"] = [
            float(alive.sel(arm=arm, time=month))
            for arm, month in zip(published["arm"], published["month"], strict=True)
        ]
    return published


def kaplan_meier(time: np.ndarray, event: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The times of events and the fraction alive after each, from `pkpd.kaplan_meier`."""
    curve = pkpd.kaplan_meier(time, event)
    steps = curve.isel(time=(curve["events"] > 0).to_numpy())
    return steps["time"].to_numpy(), steps["survival"].to_numpy()


def lifetimes(fit: pkpd.Fit, arm: str) -> Any:
    """The fitted distribution of an arm's times in closed form: to draw from, and to read beyond the data."""
    estimates = {"c": 0.0, **fit.parameters(arm)}
    return pkpd.with_cure(pkpd.weibull_times(estimates["k"], estimates["lam"]), estimates["c"])


def draw(result: pkpd.Fit, path: Path) -> Path:
    """Kaplan-Meier curves with the numbers at risk, the fitted forms to five years, and what was published later."""
    data, months = result.data, np.linspace(0, 62, 311)
    plain = pkpd.fit(model, data, WEIBULL, error={"H": pkpd.event_time("h")})
    curve = pkpd.kaplan_meier(data.time, data.value, group=data.arm, unit="month")
    with canvas(None, (COLUMN[0] * 1.3, COLUMN[1] * 1.3)) as ax:
        pkpd.survival_curves(curve, what="Fraction alive", colors=ARMS, risk_at=range(0, 61, 12), ax=ax)
        for arm, color in ARMS.items():
            ax.plot(months, lifetimes(result, arm).sf(months), color=color, linewidth=1.0, linestyle="--")
            ax.plot(months, lifetimes(plain, arm).sf(months), color=color, linewidth=1.0, linestyle=":")
            mark_published(ax, arm, color, after=float(data.time.max()))
        ax.plot([], [], color="0.3", linewidth=1.0, linestyle="--", label="cure model")
        ax.plot([], [], color="0.3", linewidth=1.0, linestyle=":", label="Weibull")
        ax.plot([], [], "o", color="0.3", markersize=4, label="published later")
        ax.set(xlabel="Time from randomization (months)", xlim=(0, 63))
        ax.legend(loc="lower left")
    return pkpd.save(ax, path)


def mark_published(ax: Axes, arm: str, color: str, *, after: float) -> None:
    """The fractions alive, with their intervals, that were published of a later follow-up."""
    published = pd.read_csv(LANDMARKS, comment="#")
    later = published[(published["month"] > after) & (published["arm"] == arm)]
    bars = [later["alive"] - later["low"], later["high"] - later["alive"]]
    ax.errorbar(later["month"], later["alive"], yerr=bars, fmt="o", color=color, markersize=4, capsize=2)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the report and, with ``--out``, write it with the figure and the tables."""
    command("pacific_survival", __doc__, run, draw, arguments)


if __name__ == "__main__":
    with as_messages():
        main()
