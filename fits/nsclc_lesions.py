"""Target lesions of lung cancer under atezolizumab or docetaxel: growth and regression in four studies.

    python -m pkpd.fits.nsclc_lesions --data FOLDER [--study 1 2 3 4] [--out DIR]

The longest diameter of a target lesion, visit by visit, of 1,329 patients in four studies
(Ghaffari Laleh et al., PLoS Comput Biol 18:e1009822 (2022), supplement S6, CC BY 4.0; read from
the repository lucavella/classical-models-tumour-response-therapy, src/data/study1.xlsx to
study4.xlsx, saved as study1.csv to study4.csv with the columns PatientID, TreatmentDay,
TargetLesionLongDiam_mm and StudyArm).  The tables are not part of this project.

    TS = TS0 (exp(-d t) + exp(g t) - 1)        `stein_2011`

Choices
-------
- A fit for each patient with at least six visits, as in the paper's first experiment: TS0, g and d
  of his own.  Nothing is shared between patients; this is no mixed-effects model.
- Time is counted from the first scan.
- The error is held at that of sums of diameters in NSCLC (Struemper et al. 2025, as in
  nlmixr2lib): variances 6.324 mm^2 and 0.01276 of the square of the size.  With three numbers
  estimated from six values a standard deviation of one's own would be far too small.
- "TOO SMALL TO MEASURE" and a diameter of 0 are below 5 mm (RECIST 1.1), and count by the chance of
  that (M3).  "NOT EVALUABLE" is left out.
- g and d are between 1e-6 and 0.1 /day; one that ends at 1e-6 was not seen.

Results
-------
- 585 patients have six visits or more (38, 70, 202 and 275); all fits converge.  Growth is seen in
  66 to 87 % of a study's patients, regression in 87 to 93 %.
- Where growth is seen its median rate is nearly the same in each study, 0.00108 to 0.00116 /day
  (a doubling in 20 months); regression differs more (0.0034 to 0.0062 /day).  The typical values
  of 786 patients with NSCLC under pembrolizumab, of the same equation for sums of diameters, are
  0.00093 and 0.0024 /day (Struemper et al. 2025).
- Single lesions have less error than was assumed of sums: the mean square of residuals is 0.40 to
  0.59, where 0.57 to 0.66 is expected with three parameters for so many visits.
- Patients with six visits lived and stayed on study for half a year: their rates are not those of
  all, and no fit of theirs can tell.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

import pkpd
from pkpd.cli.messages import as_messages
from pkpd.fits.panels import panels
from pkpd.fits.third_party import table
from pkpd.storage import write_atomically

FOLDER = "nsclc_ghaffari_laleh_2022"
ORIGIN = "PLoS Comput Biol 18:e1009822, supplement S6, a sheet for each study as CSV"
STUDIES = (1, 2, 3, 4)
VISITS = 6
SMALLEST = 5.0  # mm
UNSEEN, FASTEST = 1e-6, 0.1  # 1/day

MODEL = pkpd.load("stein_2011")
ERROR = {"TS": pkpd.combined_error(additive=6.324**0.5, proportional=0.01276**0.5).fixed()}


def lesions(study: int, path: str | Path | None = None) -> pd.DataFrame:
    """The diameters of the patients with six visits or more, as `scans` has them."""
    return scans(study, path, VISITS)


def scans(study: int, path: str | Path | None = None, fewest: int = 1) -> pd.DataFrame:
    """The diameters of patients with so many visits: arm (the patient), time, output, value, cens and group."""
    name = f"study{study}.csv"
    file = table(None if path is None else Path(path) / name, f"{FOLDER}/{name}", ORIGIN)
    rows = pd.read_csv(file, dtype={"PatientID": str}).rename(columns={"PatientID": "arm", "StudyArm": "group"})
    text = rows["TargetLesionLongDiam_mm"].astype(str)
    diameter = pd.to_numeric(text.where(text != "TOO SMALL TO MEASURE", "0"), errors="coerce")
    rows = rows.assign(
        time=rows["TreatmentDay"] - rows.groupby("arm")["TreatmentDay"].transform("min"),
        output="TS",
        value=diameter.where(diameter > 0, SMALLEST).where(diameter.notna()),
        cens=(diameter == 0).astype(int),
    )[["arm", "time", "output", "value", "cens", "group"]].dropna()
    enough = rows.groupby("arm")["value"].transform("size") >= fewest
    return rows[enough].sort_values(["arm", "time"], kind="stable")


def fit(rows: pd.DataFrame) -> pkpd.Fit:
    """TS0, g and d of one patient."""
    measured = rows.drop(columns="group").drop_duplicates()
    size = float(measured["value"].iloc[0])
    free = {
        "TS0": pkpd.free(size, (size / 5, size * 5), log=True),
        "g": pkpd.free(1e-3, (UNSEEN, FASTEST), log=True),
        "d": pkpd.free(3e-3, (UNSEEN, FASTEST), log=True),
    }
    return pkpd.fit(MODEL, pkpd.read_observations(measured, dict.fromkeys(measured["arm"])), free, error=ERROR)


def run(path: str | Path | None = None, study: int = 1, patients: int | None = None) -> pd.DataFrame:
    """A row for each patient of a study, or for the first so many: visits, group, TS0, g, d and how well they fit."""
    by_patient = list(lesions(study, path).groupby("arm"))[:patients]
    return pd.DataFrame.from_dict({arm: _row(rows) for arm, rows in by_patient}, orient="index").rename_axis("patient")


def _row(rows: pd.DataFrame) -> dict[str, object]:
    result = fit(rows)
    estimates = result.estimates["estimate"]
    return {
        "group": rows["group"].iloc[0],
        "visits": len(result.data),
        "below": int((result.data.censored == 1).sum()),
        **estimates.to_dict(),
        "grows": bool(estimates["g"] > 2 * UNSEEN),
        "shrinks": bool(estimates["d"] > 2 * UNSEEN),
        "log_likelihood": result.log_likelihood,
        "chi_square": result.chi_square,
        "success": result.success,
    }


def summary(result: pd.DataFrame) -> pd.Series:
    """Patients, shares in which growth and regression were seen, their medians, and the mean square of residuals."""
    seen = {"g": result.loc[result["grows"], "g"], "d": result.loc[result["shrinks"], "d"]}
    return pd.Series(
        {
            "patients": len(result),
            "grow_percent": 100 * result["grows"].mean(),
            "shrink_percent": 100 * result["shrinks"].mean(),
            "g_median": seen["g"].median(),
            "d_median": seen["d"].median(),
            "mean_square": result["chi_square"].sum() / (result["visits"] - result["below"]).sum(),
        }
    )


def draw(results: Mapping[int, pd.DataFrame], path: Path) -> Path:
    """g against d of each patient, a panel for each study; those not seen stand at the edge, in gray."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    from pkpd.figures.style import BLUE, GRAY, STYLE

    with mpl.rc_context(STYLE):
        columns = min(len(results), 2)
        rows = -(-len(results) // columns)
        size = (columns * 2.8, rows * 2.4)
        figure, axes = plt.subplots(rows, columns, figsize=size, sharex=True, sharey=True, squeeze=False)
        for spare in axes.flat[len(results) :]:
            spare.remove()
        for ax, (study, result) in zip(axes.flat, results.items(), strict=False):
            seen = result["grows"] & result["shrinks"]
            for dots, color in ((result[~seen], GRAY), (result[seen], BLUE)):
                ax.plot(dots["d"], dots["g"], "o", color=color, markersize=2, linestyle="none", alpha=0.7)
            ax.set(title=f"study {study}: {len(result)} patients", xscale="log", yscale="log")
        figure.supxlabel("Regression rate d (1/day)", fontsize=8)
        figure.supylabel("Growth rate g (1/day)", fontsize=8)
    return pkpd.save(figure, path)


def draw_patients(study: int, path: Path, folder: str | Path | None = None, patients: int = 12) -> Path:
    """The first patients of a study with their curves; triangles stand for values below 5 mm."""
    by_patient = list(lesions(study, folder).groupby("arm"))[:patients]
    return pkpd.save(
        panels([(f"patient …{arm[-6:]}", fit(rows), arm) for arm, rows in by_patient], "TS", bottom=0), path
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a summary of each study; with ``--out`` write the estimates and the figures."""
    parser = argparse.ArgumentParser(
        prog="python -m pkpd.fits.nsclc_lesions", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--data", help="the folder with study1.csv to study4.csv; below $PKPD_FITS_DATA by default")
    parser.add_argument("--study", type=int, nargs="+", choices=STUDIES, default=list(STUDIES))
    parser.add_argument("--patients", type=int, help="the first so many of each study; all by default")
    parser.add_argument("--out", type=Path, help="folder for nsclc_lesions.csv and two figures")
    chosen = parser.parse_args(arguments)
    results = {study: run(chosen.data, study, chosen.patients) for study in chosen.study}
    print(pd.DataFrame({f"study {study}": summary(result) for study, result in results.items()}).T.to_string())
    if chosen.out is not None:
        chosen.out.mkdir(parents=True, exist_ok=True)
        whole = pd.concat(results, names=["study"])
        print(f"wrote {write_atomically(chosen.out / 'nsclc_lesions.csv', whole.to_csv)}")
        print(f"wrote {draw(results, chosen.out / 'nsclc_lesions.png')}")
        print(f"wrote {draw_patients(chosen.study[0], chosen.out / 'nsclc_lesions_patients.png', chosen.data)}")


if __name__ == "__main__":
    with as_messages():
        main()
