"""CT26 tumors under an oncolytic virus, mouse by mouse: exponential growth, and tumors too small to measure.

    python -m pkpd.fits.ct26_mice --data PBS_group.csv [--out DIR]

Volumes of CT26.WT tumors in BALB/c mice from day 11 to 60, eight mice a group: injected on days 11, 14 and
17 with PBS, with a vesicular stomatitis virus (rVSV-GFP), or with one that makes mIL12 and mGMCSF
(Ryapolova and Babaev; github.com/DBgentech2023sirius/CT26_rVSV-GFP_rVSV-mIL12-mGMCSF, commit c9220d3).
The tables are not part of this project: the first sheet of each Tables/Separate_mice_*.xlsx as CSV
(a row a mouse, a column a day) named PBS_group.csv, rVSV-GFP_group.csv and rVSV-mIL12-mGMCSF_group.csv,
in one folder.

Choices
-------
- Each mouse has a volume T0 on day 11 and a growth rate kg, which may be negative; the standard deviation
  of the logarithm is common.  Time 0 of the fit is day 11.
- A volume of 0 means too small to measure.  The smallest one measured is 9.36 mm^3 (0.52 * 3 * 3 * 2), and a 0
  takes its chance to be below that (M3).
- Nothing is pooled: this says what each mouse did, not what the virus does; the paper's own model of virus
  and immune cells was fitted to the group means.

Results
-------
- kg of the PBS mice is 0.14 to 0.25 /day, median 0.19: doubling in 3.6 days.  Medians under the viruses are 0.14 and
  0.11, and the spread is twice and three times as large: in each group most mice grow as the controls do.  A
  Mann-Whitney test of the rates against PBS has p = 0.083 and 0.065.
- Four treated mice have a negative rate: one under rVSV-GFP, three under rVSV-mIL12-mGMCSF.  They are the four
  with zeros.  Without the zeros (M1) all four would grow, at 0.025 to 0.043 /day: what is too small to
  measure is the response.
- Where every volume was measured the estimates are those of a straight line through the logarithms.
- Gompertz growth with one final volume for all fits worse (AIC 2370 against 2320).
- The fit is not good where growth changes: volumes of day 11 are 0.8 SD below the lines (growth is faster
  at first), and residuals of neighboring days correlate (0.28).  Mouse 5 under rVSV-GFP stays below 66 mm^3
  until day 35 and then doubles every 5 days; a line through that is no more than a summary.  The
  residual SD of 0.43 is this misfit as much as the error of measurement: volumes between 14 and 33 are
  calipers read to a millimeter.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

import pkpd
from pkpd.cli.messages import as_messages
from pkpd.fits.panels import panels
from pkpd.fits.third_party import command, table

GROUPS = ("PBS", "rVSV-GFP", "rVSV-mIL12-mGMCSF")
FOLDER = "ct26_rvsv_mice"
ORIGIN = "Tables/ of github.com/DBgentech2023sirius/CT26_rVSV-GFP_rVSV-mIL12-mGMCSF, as CSV"

FIRST_DAY = 11
SMALLEST = 9.36  # mm^3: the smallest volume measured

FREE = {
    "T0": pkpd.free(20, log=True, per_arm=True),
    "kg": pkpd.free(0.1, (-2, 2), per_arm=True),
}
ERROR = pkpd.lognormal_error(0.5)


def observations(path: str | Path | None = None) -> pkpd.Dataset:
    """All mice, an arm each, from the file of the PBS group and the other two beside it."""
    first = table(path, f"{FOLDER}/{GROUPS[0]}_group.csv", ORIGIN)
    files = {group: table(first.with_name(f"{group}_group.csv"), f"{group}_group.csv", ORIGIN) for group in GROUPS}
    rows = pd.concat([_tidy(group, pd.read_csv(file)) for group, file in files.items()], ignore_index=True)
    return pkpd.read_observations(rows, dict.fromkeys(rows["arm"]))


def _tidy(group: str, wide: pd.DataFrame) -> pd.DataFrame:
    """A row a volume, of a table with a row a mouse."""
    rows = wide.melt(id_vars="time", var_name="day", value_name="volume").dropna()
    below = rows["volume"] < SMALLEST * (1 - 1e-9)
    return pd.DataFrame(
        {
            "arm": group + " " + rows["time"].str.removeprefix("mouse "),
            "time": rows["day"].astype(float) - FIRST_DAY,
            "output": "T",
            "value": np.where(below, SMALLEST, rows["volume"]),
            "blq": below.astype(int),
        }
    )


def run(path: str | Path | None = None) -> pkpd.Fit:
    """T0 and kg of each mouse."""
    return pkpd.fit(pkpd.load("growth_exponential"), observations(path), FREE, error=ERROR)


def rates(result: pkpd.Fit) -> pd.DataFrame:
    """The growth rate of each mouse (1/day), with its group and standard error."""
    table = result.estimates.loc[[f"kg[{arm}]" for arm in result.data.arms], ["arm", "estimate", "se"]]
    return table.assign(group=table["arm"].str.rsplit(" ", n=1).str[0]).set_index("arm")


def draw(result: pkpd.Fit, path: Path) -> Path:
    """A panel for each mouse, a row for each group."""
    shown = [(arm.replace("-mIL12-mGMCSF", "-IL12"), result, arm) for arm in result.data.arms]
    figure = panels(shown, "T", columns=8, log=True)
    figure.axes[0].set_ylim(3, 2e4)  # of all, and not to where the lines would lead
    return pkpd.save(figure, path)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the report and, with ``--out``, write it with the figure and the tables."""
    command("ct26_mice", __doc__, run, draw, arguments)


if __name__ == "__main__":
    with as_messages():
        main()
