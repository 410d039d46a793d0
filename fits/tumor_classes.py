"""Which tumors respond: growth of every animal of a study, and classes after INSPECTumours.

    python -m pkpd.fits.tumor_classes --data example_data.csv [--study "Study 2"] [--out DIR]

The example data of INSPECTumours (AstraZeneca; Apache-2.0): three studies with a control and two blinded drugs, 10
to 30 animals an arm, volumes every two or three days.  The table is not part of this project:
data/example_data.rda of the R package, written as CSV (study, group, treatment, animal_id, day, tumour_volume).

The classes are the package's (info.md, 3.2): a responder is a tumor that is below the 95 % prediction interval
of the controls at three measurements in a row; by its growth rate it is regressing (significantly
below 0), stable (not different from 0) or modest (above 0), the others are non-responders.

Choices
-------
- Every animal has a volume T0 at day 0 and a growth rate kg; the standard deviation of the logarithm is common
  to the study.
- Volumes below 15 mm^3 are too small to measure and take their chance to be below (M3).  The package
  puts 15 in their place, which pulls the rates of small tumors towards 0.
- An animal with fewer than two measured volumes has no rate and is left out ("not reliable" in the package).
- The interval of the controls is that of a new animal: mean and variance of the fitted logarithms over the controls
  of the study at that day, and the residual variance.  The package has a mixed model with random intercepts (and by
  default a change of slope) instead, so that its interval does not widen in time as this one does.
- Rates are tested against their standard errors in this fit (normal, 5 %), where the package has a t-test
  within the animal.

Results
-------
- Drug B: of 10 animals a study 6 are modest and 1 stable in study 1, 2 modest, 3 stable and 2 regressing in
  study 2, 3 modest and 1 regressing in study 3.  Drug A has 0, 6 and 1 modest ones of 14, 15 and 10.
- One of 59 controls is taken for a modest responder.
- The package's own test of the rates (a straight line through log10 volumes of 15 or more, a t-test within the
  animal) gives the same class to 126 of the 128 animals, where the interval of the controls is ours.
- Medians of kg (control, drug A, drug B): 0.21, 0.20, 0.11 /day in study 1, 0.23, 0.18, 0.01 in study 2, 0.24,
  0.22, 0.14 in study 3.
- One straight line an animal is too little where a tumor regresses and grows again (drug B, studies 2 and 3):
  such an animal is "stable" or "modest".  The residual SD of these studies, 0.47 and 0.49 against
  0.29, is that misfit.  The package offers a cut-off day for it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import ndtri

import pkpd
from pkpd.arrays import Array
from pkpd.cli.messages import as_messages
from pkpd.fits.panels import panels
from pkpd.fits.third_party import table, write

NAME = "inspectumours_mice/example_data.csv"
ORIGIN = "data/example_data.rda of the R package INSPECTumours, as CSV"
STUDIES = ("Study 1", "Study 2", "Study 3")
CLASSES = ("non-responder", "modest", "stable", "regressing")

SMALLEST = 15.0  # mm^3, of the package's quality control
IN_A_ROW = 3
REACH = float(ndtri(0.975))

FREE = {
    "T0": pkpd.free(20, (1e-6, None), log=True, per_arm=True),
    "kg": pkpd.free(0.1, (-2, 2), per_arm=True),
}
ERROR = pkpd.lognormal_error(0.5)


def observations(path: str | Path | None = None, study: str = "Study 1") -> pkpd.Dataset:
    """The animals of one study that have two measured volumes, an arm each."""
    cells = pd.read_csv(table(path, NAME, ORIGIN))
    rows = cells[cells["study"] == study].rename(columns={"day": "time"})
    if rows.empty:
        raise pkpd.DataError(f"there is no study {study!r}; expected {', '.join(cells['study'].unique())}.")
    below = rows["tumour_volume"] < SMALLEST
    rows = rows.assign(
        arm=rows["treatment"] + " " + rows["animal_id"].astype(str), output="T",
        value=rows["tumour_volume"].clip(lower=SMALLEST), blq=below.astype(int),
    )  # fmt: skip
    measured = (~below).groupby(rows["arm"]).transform("sum")
    tidy = rows.loc[measured >= 2, ["arm", "time", "output", "value", "blq"]]
    return pkpd.read_observations(tidy, dict.fromkeys(tidy["arm"]))


def run(path: str | Path | None = None, study: str = "Study 1") -> pkpd.Fit:
    """T0 and kg of every animal of a study."""
    return pkpd.fit(pkpd.load("growth_exponential"), observations(path, study), FREE, error=ERROR)


def classes(result: pkpd.Fit) -> pd.DataFrame:
    """By animal its treatment, growth rate (1/day), standard error and class."""
    arms = list(result.data.arms)
    rates = result.estimates.loc[[f"kg[{arm}]" for arm in arms], ["estimate", "se"]].set_axis(arms)
    limit = control_limit(result)
    kinds = [
        _class(responds(result, arm, limit), float(rate), float(se)) for arm, rate, se in rates.itertuples(name=None)
    ]
    treatment = [arm.rsplit(" ", 1)[0] for arm in arms]
    return pd.DataFrame(
        {"treatment": treatment, "kg": rates["estimate"], "se": rates["se"], "class": kinds}, index=arms
    )


def control_limit(result: pkpd.Fit) -> Array:
    """The lower end of the controls' 95 % prediction interval at each observation, (observations,), ln(mm^3)."""
    estimates = result.estimates["estimate"]
    controls = [arm for arm in result.data.arms if arm.startswith("Control ")]
    starts = np.log(estimates[[f"T0[{arm}]" for arm in controls]].to_numpy())
    rates = estimates[[f"kg[{arm}]" for arm in controls]].to_numpy()
    logs = starts + rates * np.asarray(result.data.time)[:, None]
    spread = np.sqrt(logs.var(axis=1, ddof=1) + estimates["sd_log[T]"] ** 2)
    return np.asarray(logs.mean(axis=1) - REACH * spread)


def responds(result: pkpd.Fit, arm: str, limit: Array) -> bool:
    """Whether an animal is below the limit three times in a row; at all times where it was measured less often."""
    rows = result.data.rows(arm)
    rows = rows[np.argsort(result.data.time[rows])]
    below = np.log(result.data.value[rows]) < limit[rows]
    length = min(IN_A_ROW, len(below))
    return bool(np.lib.stride_tricks.sliding_window_view(below, length).all(axis=1).any())


def _class(responder: bool, rate: float, se: float) -> str:
    if not responder:
        return "non-responder"
    if not abs(rate) > REACH * se:
        return "stable"
    return "modest" if rate > 0 else "regressing"


def counts(result: pkpd.Fit) -> pd.DataFrame:
    """How many animals of each treatment are in each class."""
    table = classes(result)
    return pd.crosstab(table["treatment"], table["class"]).reindex(columns=list(CLASSES), fill_value=0)


def draw(result: pkpd.Fit, path: Path) -> Path:
    """A panel for each animal, titled by its class."""
    kinds = classes(result)["class"]
    shown = [(f"{arm}\n{kinds[arm]}", result, arm) for arm in result.data.arms]
    figure = panels(shown, "T", columns=8, log=True)
    figure.axes[0].set_ylim(5, 1e4)  # of all, and not to where the lines would lead
    return pkpd.save(figure, path)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the report and the classes and, with ``--out``, write them with the figure and the tables."""
    parser = argparse.ArgumentParser(
        prog="python -m pkpd.fits.tumor_classes", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--data", help=f"{Path(NAME).name}, {ORIGIN}")
    parser.add_argument("--study", choices=STUDIES, default=STUDIES[0])
    parser.add_argument("--out", type=Path, help="folder for report.txt, estimates.csv, residuals.csv and the figure")
    chosen = parser.parse_args(arguments)
    result = run(chosen.data, chosen.study)
    print(result.report())
    print(counts(result).to_string())
    if chosen.out is not None:
        for path in write(result, chosen.out, draw, "tumor_classes.png"):
            print(f"wrote {path}")


if __name__ == "__main__":
    with as_messages():
        main()
