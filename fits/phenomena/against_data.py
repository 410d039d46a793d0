"""The flagship beside trials: response out of the field, by PD-L1 and size, and soluble PD-L1.

Nothing is tuned to these numbers but what a comparison says.  Computed intervals are of the number of
virtual patients, published ones as printed or by Wilson from the counts of a table.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

import pkpd
from pkpd.arrays import Array, Mask
from pkpd.fits import mc38_abscopal
from pkpd.fits.phenomena.arms import changed, population, treated
from pkpd.fits.phenomena.comparisons import Comparison, Estimate, median, share
from pkpd.fits.phenomena.immunity import ANTI_PD1
from pkpd.fits.phenomena.measures import best_response, on_day, relative, responded
from pkpd.fits.phenomena.regimens import YEAR, durvalumab, radiation
from pkpd.fits.spdl1_nivolumab import GROUPS, MEDIANS
from pkpd.fits.third_party import table
from pkpd.models import franzese_2026

__all__ = ["inspire", "mc38_pair", "out_of_field", "response_by_pdl1", "soluble_pdl1_nivolumab"]

DATA = Path(mc38_abscopal.__file__).parent / "data"
INSPIRE = "pembrolizumab_inspire_reportRmd/pembrolizumab.csv"
INSPIRE_ORIGIN = "repository biostatsPMH/reportRmd, data/pembrolizumab.rda, as CSV"


def out_of_field() -> Comparison:
    """Response of the metastasis when the primary is irradiated, within a year, beside PEMBRO-RT and MDACC."""
    rows = pd.read_csv(DATA / "out_of_field_response.csv", comment="#")
    everyone = population()
    computed = []
    for row in rows.itertuples():
        regimen = durvalumab() if row.fractions == 0 else durvalumab() + radiation(row.fraction_dose, row.fractions)
        response = responded(treated(regimen, everyone, days=YEAR), YEAR, "diameter_metastasis")
        computed.append(share(int(response.sum()), len(response)))
    return Comparison(
        "Out-of-field response with an antibody to PD-(L)1: radiation in few fractions adds, in fifteen it adds less",
        list(rows["arm"]), computed, [Estimate(rate) for rate in rows["rate"]],
        y_label="Response outside the field (share)",
        note=f"N = {len(everyone)} virtual patients (durvalumab); PEMBRO-RT and MDACC pooled (pembrolizumab), sizes of "
        "arms not read. 95 % intervals of the virtual patients",
    )  # fmt: skip


def response_by_pdl1() -> Comparison:
    """Response to durvalumab by thirds of PD-L1, beside trials in pretreated patients and a meta-analysis of trials.

    A third stands for a stratum: about a third of lung cancers each have no PD-L1, some, and much (from memory).
    """
    rows = pd.read_csv(DATA / "response_by_pdl1.csv", comment="#")
    run = treated(durvalumab(), population(), days=YEAR)
    low, middle, high = _thirds(responded(run, YEAR), run["PDL1_primary"].isel(time=0).values)
    none, all_positive = (Estimate(_franzese(positive)) for positive in (0.0, 1.0))
    labels = [f"{row.trial}, {row.low} to {row.high} %" for row in rows.itertuples()]
    strata = [_joined(low, middle) if row.high == 25 else high for row in rows.itertuples()]
    published = [Estimate(row.rate, row.rate_low, row.rate_high) for row in rows.itertuples()]
    positive = _joined(middle, high)
    return Comparison(
        "Response to durvalumab rises with PD-L1 as in trials",
        [*labels, "Franzese, none positive", "Franzese, all positive"],
        [_wilson(s) for s in (*strata, low, positive)], [*published, none, all_positive],
        y_label="Response (share)",
        note=f"N = {len(run['member'])} virtual patients in thirds by PD-L1; 95 % intervals; Franzese 2026: second "
        "line or later",
        tuned="E50 of PD-L1's induction was chosen with the rates of Study 1108 and ATLANTIC in sight",
    )  # fmt: skip


def _thirds(flags: Mask, marker: Array) -> list[Mask]:
    return [flags[third] for third in np.array_split(np.argsort(marker, kind="stable"), 3)]


def _joined(*groups: Mask) -> Mask:
    return np.concatenate(groups)


def _wilson(flags: Mask) -> Estimate:
    return share(int(flags.sum()), len(flags))


def _franzese(positive: float) -> float:
    """The rate of response to durvalumab alone in second line, by the share of patients with PD-L1."""
    arm = franzese_2026.model.using(**franzese_2026.treatment("durvalumab"))
    run = pkpd.simulate(arm, times=[0.0], parameters={"PDL1": positive, "line2": 1}, outputs=["ORR"])
    return float(run["ORR"].squeeze())


def soluble_pdl1_nivolumab() -> Comparison:
    """The rise of soluble PD-L1 after four weeks by best response, beside nivolumab in renal cancer and melanoma."""
    run = treated(durvalumab(), changed(population(), ANTI_PD1), days=YEAR)
    rise = on_day(relative(run, "sL"), 28) - 1
    medians = pd.read_csv(MEDIANS, comment="#")
    labels, computed, published = [], [], []
    for code, (name, flags) in zip(GROUPS, best_response(run).items(), strict=True):
        for row in medians[medians["cohort"] == code].itertuples():
            labels.append(f"{name}, {row.trial}")
            computed.append(median(rise[flags]))
            published.append(Estimate(row.change_29 / row.day_1))
    return Comparison(
        "Soluble PD-L1 after four weeks of an antibody to PD-1, by best response",
        labels, computed, published, y_label="Rise from day 0 (share)",
        note=f"N = {len(rise)} virtual patients with lung cancer, medians with 95 % intervals; published: median "
        "change over median on day 1, 14 to 42 patients each, other tumors",
        tuned="s_shed, by the rise of patients who progress",
    )  # fmt: skip


def inspire(path: str | Path | None = None) -> Comparison:
    """Response by thirds of PD-L1 and of baseline size, beside pembrolizumab in many tumors (INSPIRE)."""
    patients = pd.read_csv(table(path, INSPIRE, INSPIRE_ORIGIN)).dropna(subset=["pdl1", "l_size", "orr"])
    real = (patients["orr"] == "CR/PR").to_numpy()
    pdl1 = patients["pdl1"].to_numpy()
    strata = [real[pdl1 < 1], real[(pdl1 >= 1) & (pdl1 < 50)], real[pdl1 >= 50]]
    run = treated(durvalumab(), population(), days=YEAR)
    response, start = responded(run, YEAR), run.isel(time=0)
    virtual = _thirds(response, start["PDL1_primary"].values) + _thirds(response, start["SLD"].values)
    return Comparison(
        "Response by PD-L1 and by size at the start: rising with the one, falling with the other",
        ["PD-L1 < 1 %", "PD-L1 1 to 49 %", "PD-L1 50 % or more", "smallest third", "middle third", "largest third"],
        [_wilson(flags) for flags in virtual],
        [_wilson(flags) for flags in strata + _thirds(real, patients["l_size"].to_numpy())],
        y_label="Response (share)",
        note=f"N = {len(response)} virtual patients with lung cancer in thirds, {len(real)} of INSPIRE with many "
        "tumors; Wilson's 95 % intervals",
    )  # fmt: skip


def mc38_pair() -> Comparison:
    """Tumors of mice on both flanks, one irradiated: the fit of `mc38_abscopal` beside the volumes, as logs."""
    fit = mc38_abscopal.run()
    rows = pd.read_csv(mc38_abscopal.DATA, comment="#")
    days = (14, 18, 20)
    wide = rows.pivot_table(index=["site", "time"], columns="arm", values=["value", "sd"])
    predicted = fit.predict(np.array(days, dtype=float) - mc38_abscopal.FIRST_DAY)
    labels, computed, published = [], [], []
    for site, output in mc38_abscopal.SITES.items():
        for i, day in enumerate(days):
            if (site, day) not in wide.index or wide.loc[(site, day)].isna().any():
                continue
            labels.append(f"{site}, day {day}")
            both = predicted[output].isel(time=i)
            computed.append(Estimate(float(np.log10(both.sel(arm="8 Gy") / both.sel(arm="0 Gy")))))
            published.append(_log_ratio(wide.loc[(site, day)]))
    return Comparison(
        "MC38 in mice: 8 Gy to one tumor shrinks the other one too (rauf_2025, fitted)",
        labels, computed, published, y_label="Volume, 8 Gy over 0 Gy (log$_{10}$)",
        note="group means; bars are one standard deviation between mice, whose number is not known",
        tuned="A, growth and sizes at the start were fitted to these volumes",
    )  # fmt: skip


def _log_ratio(row: pd.Series) -> Estimate:
    value, sd = row["value"], row["sd"]
    ratio = float(np.log10(value["8 Gy"] / value["0 Gy"]))
    spread = float(np.hypot(*(sd[arm] / value[arm] for arm in ("8 Gy", "0 Gy"))) / np.log(10))
    return Estimate(ratio, ratio - spread, ratio + spread)
