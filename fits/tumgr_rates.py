"""Rates of tumor growth and regression, patient by patient, as the package tumgr finds them.

    python -m pkpd.fits.tumgr_rates --data sampleData.csv [--out DIR]

The sample data of tumgr: tumor quantities of 68 patients at 453 visits (Wilkerson J, R package
tumgr, repository wilkersj/tumgr, data/sampleData.rda; the method is Stein et al., Clin Cancer
Res 17:907-917 (2011)).  The table, as CSV with the columns name, date and size, is not part of
this project; what the package prints for it is in ``data/tumgr_answers.csv``.

Each patient has up to four fits of the size relative to the first one,

    gd     exp(-d t) + exp(g t) - 1                  `stein_2011`
    dx     exp(-d t)                                 `stein_2011_dx`
    gx     exp(g t)                                  `stein_2011_gx`
    gdphi  (1 - phi) exp(g t) + phi exp(-d t)        `stein_2011_gdphi`

and among those whose parameters all have p < 0.1 the one with the lowest AIC is selected.

Choices
-------
All are tumgr's, as its code has them, so that the answers can be compared:

- The visit of the first value is day 1, and the curve is 1 at day 0.
- Least squares with equal weights; g, d and phi between 0 and 1, all started at 0.00511 and 0.9.
- A model needs more visits than parameters.  One visit, or two that differ by less than 20 %,
  are not analyzed.
- A parameter at a bound has no standard error here and so no p below 0.1; in tumgr it has a
  large one, to the same effect.
- g of gdphi is reported as g sqrt(1 - phi).

These are individual fits: nothing is shared between patients.

Results
-------
- All that the package prints is reproduced to its last digit: 25 patients gd, 22 dx, 6 gdphi, 4
  gx, 5 not fit and 6 not analyzed; medians g 0.001414, d 0.020427 /day and phi 0.987.
- g is known for 35 of 68 patients alone: under treatment that works, visits end before regrowth.
- Equal weights fit the large sizes: the selected curve of patient 30007 grows again, while each of
  his ten values is below the one before.  "Growth" of a tumor that has shrunk to a tenth is then
  an artifact of the weights.
- What was selected hangs on the rule: gdphi has a lower AIC than gd in 12 of 25 patients with gd,
  and falls out because one of its parameters is at a bound or has p > 0.1.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

import pkpd
from pkpd.cli.messages import as_messages
from pkpd.fits.panels import panels
from pkpd.fits.third_party import table
from pkpd.storage import write_atomically

TABLE = "tumgr_clinical_tumor_quantity/sampleData.csv"
ORIGIN = "repository wilkersj/tumgr, data/sampleData.rda, as CSV"
ANSWERS = Path(__file__).parent / "data" / "tumgr_answers.csv"

MODELS = {
    "gd": ("stein_2011", ("g", "d")),
    "dx": ("stein_2011_dx", ("d",)),
    "gx": ("stein_2011_gx", ("g",)),
    "gdphi": ("stein_2011_gdphi", ("g", "d", "phi")),
}
FREE = {"g": pkpd.free(0.00511, (0, 1)), "d": pkpd.free(0.00511, (0, 1)), "phi": pkpd.free(0.9, (0, 1))}
SIGNIFICANT = 0.1


def visits(path: str | Path | None = None) -> pd.DataFrame:
    """A row for each visit: arm (the patient), time, output and value (the size over the first one)."""
    rows = pd.read_csv(table(path, TABLE, ORIGIN)).dropna().sort_values(["name", "date"])
    patient = rows.groupby("name")
    return pd.DataFrame(
        {
            "arm": rows["name"].astype(str),
            "time": rows["date"] - patient["date"].transform("first") + 1,
            "output": "TS",
            "value": rows["size"] / patient["size"].transform("first"),
        }
    )


def not_analyzed(values: pd.Series) -> str:
    """Why a patient with these values is not analyzed; empty where he is."""
    if len(values) == 1:
        return "only 1 eval"
    if len(values) == 2 and 0.8 < values.iloc[-1] < 1.2:
        return "2 evals not 20% diff"
    return "error data" if values.nunique() == 1 else ""


def fits(rows: pd.DataFrame) -> dict[str, pkpd.Fit]:
    """All fits of one patient that his visits allow."""
    data = pkpd.read_observations(rows, dict.fromkeys(rows["arm"]))
    return {
        name: pkpd.fit(pkpd.load(model), data, {p: FREE[p] for p in free}, parameters={"TS0": 1.0})
        for name, (model, free) in MODELS.items()
        if len(data) > len(free)
    }


def selected(candidates: Mapping[str, pkpd.Fit]) -> str:
    """The name of the fit with the lowest AIC among those with significant parameters, or "not fit"."""
    good = {
        name: fit.aic for name, fit in candidates.items() if fit.success and bool((p_values(fit) < SIGNIFICANT).all())
    }
    return min(good, key=lambda name: good[name]) if good else "not fit"


def p_values(fit: pkpd.Fit) -> np.ndarray:
    """Of each estimate against 0, by Student's t; NaN where it has no standard error."""
    score = np.abs(fit.estimates["estimate"] / fit.estimates["se"])
    return 2 * stats.t.sf(score.to_numpy(), fit.degrees_of_freedom)


def rates(rows: pd.DataFrame) -> dict[str, float]:
    """What is reported of one patient: type, and g, d and phi of the fit that was selected."""
    reason = not_analyzed(rows["value"])
    if reason:
        return {"type": reason}
    candidates = fits(rows)
    choice = selected(candidates)
    known = candidates[choice].estimates["estimate"].to_dict() if choice in candidates else {}
    if choice == "gdphi":
        known["g"] *= np.sqrt(1 - known["phi"])
    return {"type": choice, **known}


def run(path: str | Path | None = None) -> pd.DataFrame:
    """A row for each patient: visits, type, g, d and phi (NaN where the type has none)."""
    patients = visits(path).groupby("arm", sort=False)
    by_patient = {arm: {"visits": len(rows), **rates(rows)} for arm, rows in patients}
    result = pd.DataFrame.from_dict(by_patient, orient="index").reindex(columns=["visits", "type", *FREE])
    return result.astype(dict.fromkeys(FREE, float)).rename_axis("patient")


def summary(result: pd.DataFrame) -> pd.DataFrame:
    """Number, median, quartiles, mean and standard deviation of g, d and phi, as tumgr prints them."""
    values = result[list(FREE)]
    parts = [values.count(), values.median(), values.quantile(0.25), values.quantile(0.75), values.mean(), values.std()]
    return pd.concat(parts, axis=1, keys=["n", "median", "q1", "q3", "mean", "sd"]).rename_axis("parameter")


def draw(result: pd.DataFrame, rows: pd.DataFrame, path: Path) -> Path:
    """Two patients of each type, those with the most visits."""
    shown = []
    for name in MODELS:
        mine = result[result["type"] == name].sort_values("visits", ascending=False, kind="stable").index[:2]
        shown += [(f"{arm}: {name}", fits(rows[rows["arm"] == arm])[name], arm) for arm in mine]
    return pkpd.save(panels(shown, "TS", log=True, label="Tumor size (first visit = 1)"), path)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the summary beside tumgr's; with ``--out`` write rates.csv and the figure."""
    parser = argparse.ArgumentParser(prog="python -m pkpd.fits.tumgr_rates", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", help="sampleData.csv; below $PKPD_FITS_DATA by default")
    parser.add_argument("--out", type=Path, help="folder for rates.csv and tumgr_rates.png")
    chosen = parser.parse_args(arguments)
    result = run(chosen.data)
    print(result["type"].value_counts().to_string(), "\n")
    print(summary(result).to_string(), "\n\ntumgr prints")
    print(pd.read_csv(ANSWERS, comment="#", index_col="parameter").to_string())
    if chosen.out is not None:
        chosen.out.mkdir(parents=True, exist_ok=True)
        print(f"wrote {write_atomically(chosen.out / 'rates.csv', result.to_csv)}")
        print(f"wrote {draw(result, visits(chosen.data), chosen.out / 'tumgr_rates.png')}")


if __name__ == "__main__":
    with as_messages():
        main()
