"""The report: what was calibrated, what was predicted, and by how much the prediction misses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pkpd.errors import DataError
from pkpd.fits.pacific import drawing
from pkpd.fits.pacific.calibration import FIXED, estimates, recorded
from pkpd.fits.pacific.control import LANDMARK, control_summary, control_targets
from pkpd.fits.pacific.patients import Draws
from pkpd.fits.pacific.plausible import kept
from pkpd.fits.pacific.prediction import Arms, all_trials, comparison, trial_interval
from pkpd.fits.pacific.response import Responses, rates_by_size, response_targets, responses, summary
from pkpd.fits.pacific.scenarios import scenario_table
from pkpd.fits.third_party import table
from pkpd.storage import write_atomically

__all__ = ["Findings", "findings", "report", "write"]

SURVIVAL = ("km_ipd_pacific/pacific_antonia2018_fig2.csv", "repository davidbomze/SIFI, pacific_antonia2018_fig2.csv")


@dataclass(frozen=True, eq=False)
class Findings:
    """All that the report says and draws.

    `response` and `control` are targets with the column `simulated`; `compared` is every published number with
    what was predicted; `interval` that of the hazard ratio in trials of PACIFIC's size; `sizes` are response rates by
    diameter, also where kill falls as 1/diameter.
    """

    seen: Responses
    trials: Mapping[str, Arms]
    response: pd.DataFrame
    control: pd.DataFrame
    compared: pd.DataFrame
    interval: tuple[float, float]
    scenarios: pd.DataFrame
    sizes: pd.DataFrame


def findings(draws: Draws, scenario_draws: Draws) -> Findings:
    """Simulate what the report needs; the calibrations are those on record."""
    values = estimates()
    seen, trials = responses(draws, values), all_trials(draws, values)
    response, control = response_targets(), control_targets()
    return Findings(
        seen,
        trials,
        response.assign(simulated=summary(seen, response)),
        control.assign(simulated=control_summary(draws, values, control)),
        comparison(trials),
        trial_interval(trials["PACIFIC"]),
        scenario_table(scenario_draws, values),
        rates_by_size(seen).assign(steep=rates_by_size(responses(draws, values, size=1.0))["simulated"]),
    )


def report(results: Findings) -> str:
    """The text."""
    sections = {
        "PACIFIC, predicted": _opening(results),
        "What was tuned, and to what": _tuned(results),
        "The control arm": _control(results),
        "Predicted: PACIFIC": _rows(results.compared[results.compared["trial"].str.startswith("PACIFIC")
                                                     & ~results.compared["trial"].str.contains("TC|-2|-5")]),
        "Predicted: strata, other trials, patterns of failure": _rows(
            results.compared[results.compared["trial"].str.contains("TC|-2|-5|MSKCC")]),
        "Where the prediction misses": _misses(results),
        "What it rests on": _scenarios(results),
    }  # fmt: skip
    return "\n\n".join(f"{title}\n{'=' * len(title)}\n{text}" for title, text in sections.items()) + "\n"


def _ratio_of(results: Findings, trial: str, endpoint: str = "PFS") -> pd.Series:
    """The row of a hazard ratio."""
    rows = results.compared
    return rows[(rows["trial"] == trial) & (rows["statistic"] == "hazard_ratio") & (rows["endpoint"] == endpoint)].iloc[
        0
    ]


def _opening(results: Findings) -> str:
    row, low, high = _ratio_of(results, "PACIFIC"), *results.interval
    verdict = "inside" if row["inside"] else "outside"
    others = kept()["PACIFIC"]
    return (
        f"Hazard ratio of PFS, durvalumab over placebo: predicted {row['predicted']:.2f}, published {row['value']:.2f} "
        f"({row['low']:.2f} to {row['high']:.2f}).\nThe prediction is {verdict} the published interval. Trials of 713 "
        f"such patients: {low:.2f} to {high:.2f} in 95 %.\n{len(others)} other calibrations that fit about as well: "
        f"{others.min():.2f} to {others.max():.2f}.\nNothing was fitted to the durvalumab arm, the PD-L1 strata, "
        "PACIFIC-2, PACIFIC-5 or the patterns of failure."
    )


def _tuned(results: Findings) -> str:
    held = ", ".join(f"{name} {value:g}" for name, value in FIXED.items())
    columns = ["stage", "parameter", "estimate", "relative_se"]
    squares = {name: float((((rows["simulated"] - rows["value"]) / rows["se"]) ** 2).sum())
               for name, rows in (("response", results.response), ("control", results.control))}  # fmt: skip
    used = recorded()[recorded()["stage"] != "joint"]
    return (
        f"First the response to an antibody alone, to {len(results.response)} numbers of study 4 and of Franzese 2026 "
        f"(sum of squares {squares['response']:.1f}), then the control arm, to {len(results.control)} numbers of "
        f"PACIFIC's placebo arm and of PROCLAIM ({squares['control']:.1f}).\nHeld: {held}.\n"
        "relative_se is that of the logarithm; near 1 or above, the targets hardly tell the parameter.\n\n"
        + used[columns].to_string(index=False, float_format=lambda x: f"{x:.4g}")
        + "\n\nResponse: target and calibrated\n"
        + _targets(results.response)
    )


def _targets(rows: pd.DataFrame) -> str:
    z = (rows["simulated"] - rows["value"]) / rows["se"]
    table_ = rows.assign(z=z)[["quantity", "at", "value", "se", "simulated", "z"]]
    return table_.to_string(index=False, float_format=lambda x: f"{x:.3g}", na_rep="")


def _control(results: Findings) -> str:
    placebo = results.compared[(results.compared["trial"] == "PACIFIC") & (results.compared["arm"] == "placebo")]
    inside = int(placebo["inside"].sum())
    return (
        f"Placebo: {inside} of {len(placebo)} published numbers have the simulated arm inside their interval.\n"
        + _targets(results.control)
    )


def _rows(rows: pd.DataFrame) -> str:
    columns = [
        "trial",
        "arm",
        "endpoint",
        "statistic",
        "months",
        "value",
        "low",
        "high",
        "predicted",
        "misfit",
        "inside",
    ]
    shown = rows[columns].replace({True: "yes", False: "NO", np.nan: ""})
    return shown.to_string(index=False, float_format=lambda x: f"{x:.3g}")


def _misses(results: Findings) -> str:
    rows = results.compared
    outside, known = rows[rows["inside"].eq(False)], int(rows["inside"].notna().sum())
    head = f"{len(outside)} of {known} published numbers with an interval have the prediction outside:"
    return "\n".join([head, *map(_miss, outside.to_dict("records")), "", READING])


def _miss(row: dict[str, Any]) -> str:
    when = "" if np.isnan(row["months"]) else f" at {row['months']:g} months"
    return (
        f"- {row['trial']}, {row['arm']}, {row['endpoint']} {row['statistic']}{when}: "
        f"predicted {row['predicted']:.3g}, published {row['value']:g} ({row['low']:g} to {row['high']:g})"
    )


# Written for the estimates on record; a test fails where the numbers no longer say so.
READING = """\
In words: the antibody, at the strength that it has alone in metastatic disease, delays relapse after chemoradiation
and prevents little of it; the trial saw relapse prevented. The strata come out in their order, the effect rising with
PD-L1, but each effect is too small. The hazard ratio of PACIFIC-2 is inside its interval, which explains nothing: the
model predicts the same small effect for both trials (at five years, as PACIFIC-2 was followed), and the trials
differ. Local failure is a third of what was seen: the placebo arm alone does not tell local from distant relapse, and
the calibration gave nearly all of it to metastases. PROCLAIM relapses later than the simulated control arm in the
first year: it was given little weight, and its reading of scans, histology and consolidation differ from PACIFIC's."""


def _scenarios(results: Findings) -> str:
    return (
        "Each assumption changed alone: hazard ratios of PFS, and the response rate in metastatic disease (in study 4\n"
        "0.23). No row is fitted to PACIFIC, and none but the first is the prediction. Without released effectors or\n"
        "without occupancy nothing is left. What reaches the trial's 0.52 must not take PACIFIC-2 (0.85) along, and\n"
        "here everything does: none of these assumptions explains both trials.\n\n"
        + results.scenarios.to_string(index=False, float_format=lambda x: f"{x:.2f}")
        + "\n\nWith size = 1 kill rises steeply as tumors get small. Study 4 speaks against it where lesions are\n"
        "large enough to measure: response hardly depends on size there, as in the prediction. Below what a scan sees\n"
        "nothing is known. Response rate by diameter (mm), simulated and with size = 1 (steep); a check, no target:\n\n"
        + results.sizes.to_string(index=False, float_format=lambda x: f"{x:.3g}")
    )


def reconstructed() -> pd.DataFrame | None:
    """Overall survival of PACIFIC as reconstructed from the figure; None where the table is not at hand."""
    try:
        return pd.read_csv(table(None, *SURVIVAL))
    except DataError:
        return None


def write(results: Findings, folder: Path) -> list[Path]:
    """The text, the table of comparisons and the figures."""
    folder.mkdir(parents=True, exist_ok=True)
    text, pacific = report(results), results.trials["PACIFIC"]
    arms = {"durvalumab": pacific.durvalumab, "placebo": pacific.placebo}
    concurrent = results.trials["PACIFIC-2"].placebo
    return [
        write_atomically(folder / "report.txt", lambda path: path.write_text(text, encoding="utf-8")),
        write_atomically(folder / "compared.csv", lambda path: results.compared.to_csv(path, index=False)),
        drawing.draw_response(results.seen, response_targets(), folder / "response.png"),
        drawing.draw_patient(estimates(), folder / "patient.png"),
        drawing.draw_curves({"placebo": pacific.placebo}, folder / "control.png"),
        drawing.draw_proclaim(concurrent, LANDMARK, folder / "proclaim.png"),
        drawing.draw_curves(arms, folder / "predicted.png", reconstructed()),
        drawing.draw_ratios(results.compared, results.interval, folder / "hazard_ratios.png"),
        drawing.draw_scenarios(results.scenarios, folder / "scenarios.png"),
    ]
