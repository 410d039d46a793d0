"""Soluble PD-L1 under nivolumab: does its production rise, and in whom?

    python -m pkpd.fits.spdl1_nivolumab --data sPDL1_CM9_CM38_tidydata_clin.csv [--out DIR]

Soluble PD-L1 before nivolumab and on days 29 and 43 or 63, in 169 patients with renal cancer
(CheckMate 009) or melanoma (CheckMate 038) (Mahoney et al., J Immunother Cancer 10:e003527
(2022); repository rossmacp/sPDL1_Publication, Data/sPDL1_CM9_CM38_tidydata_clin.Rds).  The table,
as CSV, is not part of this project; the medians that the authors printed are in
``data/spdl1_medians.csv``.

    dsL/dt = kfree sL0 shed - kfree sL,    sL(0) = sL0 = first rel
    shed   = (1 + change of the patient's group) from the first dose on

This is `pdl1_soluble` with no antibody bound: nivolumab binds PD-1, so that soluble PD-L1 shows
its production alone.  `change` differs by best response: progression, stable disease, complete
or partial response.

Choices
-------
- Each patient has an initial value of his own, rel times his first measurement, so that the
  change is seen within patients: between them values differ 25-fold.  These are 145 nuisance
  parameters of three observations each: the changes are estimated without bias, but the most
  likely standard deviation (11 %) is too small, by the factor sqrt(n/(n - parameters)) = 1.26.
- Errors are log-normal, with one standard deviation.  Values above the upper limit of
  quantification (ULOQflag) are censored (M3).
- Patients whose response could not be evaluated, those with one value, and those whose values are
  all above the limit are left out: the last have no upper end to their initial value.
- Not a mixed-effects model: no distribution of the initial values is assumed or estimated.

Results
-------
- The production rises by 12 % (6 to 17) in patients who progressed and 11 % (6 to 17) in those
  with stable disease, and not in responders (-1 %, -6 to 4).
- That is what the medians of the authors say: +103 to +259 pg/mL on day 29 without response, +42
  and +79 with one.
- kfree, 0.09 /day, has no upper end within reason (0.01 to 0.9): by day 29 the new level is
  nearly there.  More can only be said with samples in the first weeks.
- Single values are far off (residuals of up to 5 standard deviations): the errors have longer
  tails than the log-normal distribution.
- With one initial value for all patients (`pooled`, naive pooling) the standard deviation is 69 %
  and no change of 10 % can be seen: 24 +- 12 %, 5 +- 9 % and -5 +- 11 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import sympy

import pkpd
from pkpd import Model, category_effect, output, param, state
from pkpd.cli.messages import as_messages
from pkpd.fits.third_party import command, table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TABLE = "spdl1_nivolumab_checkmate/sPDL1_CM9_CM38_tidydata_clin.csv"
ORIGIN = "repository rossmacp/sPDL1_Publication, Data/, as CSV"
MEDIANS = Path(__file__).parent / "data" / "spdl1_medians.csv"
GROUPS = {"PD": "progressed", "SD": "stable", "CRPR": "responded"}
VERBS = {"progressed": "progressed", "stable": "were stable", "responded": "responded"}
POSITIVE = (0, None)

first = param("first", 2000, "pg/mL", "first measurement", source="column first", bounds=POSITIVE)
rel = param("rel", 1, "1", "initial value relative to the first measurement", source="a start", bounds=POSITIVE)
kfree = param("kfree", 0.1, "1/day", "clearance of soluble PD-L1", source="a start", bounds=POSITIVE)
shed = sympy.Integer(1)
for group in GROUPS.values():
    member = param(group, 0, "1", f"1 in patients who {VERBS[group]}", source=f"column {group}", bounds=(0, 1))
    change = param(
        f"change_{group}", 0.1, "1", f"change of production in patients who {VERBS[group]}", source="a start"
    )
    shed *= category_effect(member, change)

initial = first * rel
soluble = state("sL", "pg/mL", "soluble PD-L1", start=initial)

model = Model(
    "spdl1_production",
    rates={soluble: kfree * initial * shed - kfree * soluble},
    outputs={"fold": output(soluble / initial, "soluble PD-L1, relative to the start")},
)

SHARED = {"kfree": pkpd.free(log=True, bounds=(1e-3, 10))} | {
    f"change_{group}": pkpd.free(bounds=(-0.99, 10)) for group in GROUPS.values()
}
ERROR = {"sL": pkpd.lognormal_error(0.1)}


def rows(path: str | Path | None = None) -> pd.DataFrame:
    """A row for each value of the patients who tell of a change, with their group; time is 0 on day 1."""
    values = pd.read_csv(table(path, TABLE, ORIGIN)).sort_values(["USUBJID", "Timepoint"])
    values = values[values["BOR3"].isin(GROUPS)]
    by_patient = values.assign(measured=values["ULOQflag"] == 0).groupby("USUBJID")["measured"]
    values = values[(by_patient.transform("size") > 1) & (by_patient.transform("sum") > 0)]
    tidy = pd.DataFrame(
        {
            "arm": values["USUBJID"],
            "time": values["Day"].str.removeprefix("Day").astype(float) - 1,
            "output": "sL",
            "value": values["sPDL1"],
            "cens": -values["ULOQflag"],
            **{group: (values["BOR3"] == code).astype(float) for code, group in GROUPS.items()},
        }
    ).sort_values(["arm", "time"])
    return tidy.assign(first=tidy.groupby("arm")["value"].transform("first"))


def observations(path: str | Path | None = None) -> pkpd.Dataset:
    """The rows as data, an arm for each patient."""
    tidy = rows(path)
    return pkpd.read_observations(tidy, dict.fromkeys(tidy["arm"]))


def run(path: str | Path | None = None) -> pkpd.Fit:
    """The changes of three groups, with an initial value for each patient."""
    return pkpd.fit(model, observations(path), SHARED | {"rel": pkpd.free(log=True, per_arm=True)}, error=ERROR)


def pooled(path: str | Path | None = None) -> pkpd.Fit:
    """The same with one initial value for all patients and kfree held at what `run` finds."""
    tidy = rows(path).drop(columns="first")
    everyone = pkpd.read_observations(tidy, dict.fromkeys(tidy["arm"]))
    free = {name: how for name, how in SHARED.items() if name != "kfree"} | {"rel": pkpd.free(log=True)}
    return pkpd.fit(model, everyone, free, error={"sL": pkpd.lognormal_error(0.8)}, parameters={"kfree": 0.095})


def draw(result: pkpd.Fit, path: Path) -> Path:
    """Values relative to the estimated initial ones, by response, with the fitted course."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    from pkpd.figures.style import BLUE, GRAY, RED, STYLE

    days = np.linspace(0, float(result.data.time.max()), 101)
    courses, estimates = result.predict(days)["fold"], result.estimates["estimate"]
    with mpl.rc_context(STYLE):
        figure, axes = plt.subplots(1, len(GROUPS), figsize=(6.4, 2.4), sharex=True, sharey=True)
        for ax, group in zip(axes, GROUPS.values(), strict=True):
            arms = [arm for arm in result.data.arms if result.data.columns[group][result.data.rows(arm)[0]]]
            for arm in arms:
                _patient(ax, result, arm, float(estimates[f"rel[{arm}]"]), (BLUE, GRAY))
            ax.plot(days, courses.sel(arm=arms[0]), color=RED, linewidth=1.8)
            ax.axhline(1, color="black", linewidth=0.5)
            ax.set(title=f"{len(arms)} who {VERBS[group]}", yscale="log", ylim=(0.45, 2.2))
            ax.set_yticks([0.5, 1, 2], ["0.5", "1", "2"])
            ax.minorticks_off()
        axes[0].set_ylabel("Soluble PD-L1\n(relative to the start)")
        figure.supxlabel("Time from the first dose (day)", fontsize=8)
    return pkpd.save(figure, path)


def _patient(ax: Axes, result: pkpd.Fit, arm: str, relative: float, colors: tuple[str, str]) -> None:
    """One patient's values as a thin line; those above the limit as triangles."""
    data = result.data
    mine = data.rows(arm)
    fold = data.value[mine] / (data.columns["first"][mine] * relative)
    ax.plot(data.time[mine], fold, color=colors[1], linewidth=0.3, alpha=0.6)
    for marker, kind in (("o", 0), ("^", -1)):
        seen = data.censored[mine] == kind
        ax.plot(data.time[mine][seen], fold[seen], marker, color=colors[0], markersize=1.5, linestyle="none")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the report and, with ``--out``, write it with the figure and the tables."""
    command("spdl1_nivolumab", __doc__, run, draw, arguments)


if __name__ == "__main__":
    with as_messages():
        main()
