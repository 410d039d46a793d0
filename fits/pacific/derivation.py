"""How the tables of targets in fits/data were derived from data of others, which are not part of this project.

    python -m pkpd.fits.pacific.derivation [--out DIR]

It needs PKPD_FITS_DATA, the folder with ``nsclc_ghaffari_laleh_2022/study4.csv`` and
``km_stage3_crt_kmdata/PROCLAIM_2B.csv``.  Only summaries leave it: quantiles, shares and
Kaplan-Meier estimates at a few times, each with its standard error.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from pkpd.arrays import Array, Mask
from pkpd.cli.messages import as_messages
from pkpd.fits.third_party import table
from pkpd.storage import write_atomically

STUDY4 = ("nsclc_ghaffari_laleh_2022/study4.csv", "PLoS Comput Biol 18:e1009822, supplement S6, study 4 as CSV")
PROCLAIM = ("km_stage3_crt_kmdata/PROCLAIM_2B.csv", "repository raredd/kmdata, PROCLAIM_2B as CSV")
IMMUNOTHERAPY = "Study_4_Arm_2"  # by its course: fewer early and more lasting responses than the other arm
BASELINE_UNTIL = 7  # a scan up to a week after the first dose is a baseline scan
WINDOWS = {6: (28, 56), 12: (71, 98)}  # weeks: the days within which a scan counts as that of the visit
DECILES = np.arange(0.1, 0.95, 0.1)
WEEKS = (8, 14, 20, 28)
LASTING = (240, 480)  # days
MONTH = 365.25 / 12
LANDMARK = 84 / MONTH  # months from the first fraction; chemoradiation has ended in all
MONTHS = (2, 4, 6, 9, 12, 18, 24, 36)
SIZES = (0, 24, 37, 57, 1000)  # mm: the quartiles of diameters at baseline
RESAMPLED, SEED = 400, 4


def lesions() -> list[pd.Series]:
    """The diameters of each patient of the arm, by day; too small to measure counts as 5 mm."""
    rows = pd.read_csv(table(None, *STUDY4), dtype={"PatientID": str})
    text = rows["TargetLesionLongDiam_mm"].astype(str)
    diameter = pd.to_numeric(text.where(text != "TOO SMALL TO MEASURE", "5"), errors="coerce")
    rows = rows.assign(diameter=diameter)[(rows["StudyArm"] == IMMUNOTHERAPY) & diameter.notna()]
    by_patient = rows.sort_values("TreatmentDay").groupby("PatientID")
    return [patient.set_index("TreatmentDay")["diameter"] for _, patient in by_patient]


def course(diameters: pd.Series) -> dict[str, float] | None:
    """What a patient's diameters come to; None without a scan before and one after the first doses."""
    before, after = diameters[diameters.index <= BASELINE_UNTIL], diameters[diameters.index > BASELINE_UNTIL]
    if before.empty or after.empty:
        return None
    change = after / before.iloc[-1] - 1
    nadir = np.minimum.accumulate(np.r_[before.iloc[-1], after])[1:]
    worse = after.index[(after >= 1.2 * nadir) & (after >= nadir + 5)]
    response = change.index[change <= -0.3]
    responded = response[0] if len(response) else np.nan
    again = worse[worse > responded]
    lasted = again[0] if len(again) else after.index[-1]
    visits = {f"change_{week}": change[(change.index >= low) & (change.index <= high)].iloc[:1].mean()
              for week, (low, high) in WINDOWS.items()}  # fmt: skip
    return {**visits, "best": change.min(), "responded": responded, "lasted": lasted - responded,
            "relapsed": float(len(again) > 0)}  # fmt: skip


def alive(time: Array, event: Mask, at: Array) -> Array:
    """The Kaplan-Meier estimate (J Am Stat Assoc 53:457-481, 1958) at some times."""
    when = np.unique(time[event])
    steps = np.array([1 - ((time == t) & event).sum() / (time >= t).sum() for t in when])
    curve = np.r_[1.0, np.cumprod(steps)]
    return np.asarray(curve[np.searchsorted(when, at, side="right")])


def response_summary(courses: pd.DataFrame) -> dict[tuple[str, float], float]:
    """Deciles of change, when responses came, and how many lasted."""
    numbers: dict[tuple[str, float], float] = {}
    for name in (*(f"change_{week}" for week in WINDOWS), "best"):
        deciles = courses[name].quantile(DECILES)
        numbers |= {(name, round(float(q), 1)): float(value) for q, value in zip(DECILES, deciles, strict=True)}
    responders = courses[courses["responded"].notna()]
    numbers |= {("responded_by_week", week): float((responders["responded"] <= 7 * week).mean()) for week in WEEKS}
    lasting = alive(responders["lasted"].to_numpy(), responders["relapsed"].to_numpy() == 1, np.array(LASTING))
    return numbers | {("lasting", day): float(share) for day, share in zip(LASTING, lasting, strict=True)}


def response_table() -> pd.DataFrame:
    """The response of study 4, with standard errors by resampling patients."""
    courses = pd.DataFrame([row for row in map(course, lesions()) if row is not None])
    return with_errors(courses, response_summary, ("quantity", "at"))


def size_table() -> pd.DataFrame:
    """The response rate of study 4 by the diameter at baseline, a quarter of the patients each."""
    seen = [(one[one.index <= BASELINE_UNTIL], course(one)) for one in lesions()]
    rows = pd.DataFrame([(before.iloc[-1], row["best"] <= -0.3) for before, row in seen if row is not None])
    by_size = rows[1].groupby(pd.cut(rows[0], SIZES)).agg(["size", "mean"])
    table_ = pd.DataFrame({"above": SIZES[:-1], "up_to": SIZES[1:], "patients": by_size["size"].to_numpy()})
    return table_.assign(rate=by_size["mean"].to_numpy().round(4))


def proclaim_summary(patients: pd.DataFrame) -> dict[tuple[str, float], float]:
    later = patients[patients["time"] > LANDMARK]
    free = alive(later["time"].to_numpy() - LANDMARK, later["event"].to_numpy() == 1, np.array(MONTHS, dtype=float))
    return {("PFS", month): float(share) for month, share in zip(MONTHS, free, strict=True)}


def proclaim_table() -> pd.DataFrame:
    """PROCLAIM, both arms: free of progression, counted from 12 weeks after the first fraction."""
    return with_errors(pd.read_csv(table(None, *PROCLAIM)), proclaim_summary, ("quantity", "at"))


def with_errors(
    patients: pd.DataFrame, summary: Callable[[pd.DataFrame], dict[tuple[str, float], float]], names: tuple[str, str]
) -> pd.DataFrame:
    """A row for each number of a summary, with the standard deviation over resampled patients."""
    rng = np.random.default_rng(SEED)
    numbers = summary(patients)
    again = [summary(patients.iloc[rng.integers(len(patients), size=len(patients))]) for _ in range(RESAMPLED)]
    rows = [(*key, value, np.std([draw[key] for draw in again])) for key, value in numbers.items()]
    return pd.DataFrame(rows, columns=[*names, "value", "se"]).round(4)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the derived numbers as CSV."""
    parser = argparse.ArgumentParser(prog="python -m pkpd.fits.pacific.derivation", description="Derive the targets.")
    parser.add_argument("--out", type=Path, default=Path(), help="folder for the tables")
    out = parser.parse_args(arguments).out
    tables = {"response": response_table(), "proclaim": proclaim_table(), "response_by_size": size_table()}
    for name, rows in tables.items():
        text = rows.to_csv(index=False)
        print(f"wrote {write_text_to(out / f'pacific_{name}.csv', text)}")


def write_text_to(path: Path, text: str) -> Path:
    return write_atomically(path, lambda part: part.write_text(text, encoding="utf-8"))


if __name__ == "__main__":
    with as_messages():
        main()
