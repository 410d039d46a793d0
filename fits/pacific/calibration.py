"""The two calibrations, one after the other, and their record in fits/data/pacific_estimates.csv.

    python -m pkpd.fits.pacific.calibration [--out DIR] [--patients N]

First the response to an antibody alone in metastatic disease, then the control arm after chemoradiation.
Neither sees the durvalumab arm of PACIFIC, its strata, PACIFIC-2 or PACIFIC-5.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import least_squares

from pkpd.arrays import Array
from pkpd.cli.messages import as_messages
from pkpd.fits.pacific.control import control_summary, control_targets
from pkpd.fits.pacific.patients import Draws, draw
from pkpd.fits.pacific.response import response_targets, responses, summary
from pkpd.storage import write_atomically

__all__ = ["FIXED", "STAGES", "Stage", "calibrate", "estimates", "joint_estimates", "write_estimates"]

DATA = Path(__file__).parent.parent / "data"
ESTIMATES = DATA / "pacific_estimates.csv"
PATIENTS = 2048
LEAST_GAIN = 0.25  # of half the sum of squares

# Held: illustrative where no source is named.
FIXED = {
    "alpha": 0.0398,  # 1/Gy, mean before truncation, Geng 2017
    "kcl_rt_sd": 1.0,
    "h0": 5e-5,  # 1/day: 2 % a year die of other causes
}


@dataclass(frozen=True)
class Stage:
    """What is estimated from which targets; all on the logarithmic scale."""

    name: str
    start: Mapping[str, float]
    targets: Callable[[], pd.DataFrame]
    simulated: Callable[[Draws, Mapping[str, float], pd.DataFrame], Array]


def simulated_responses(draws: Draws, values: Mapping[str, float], targets: pd.DataFrame) -> Array:
    return summary(responses(draws, values), targets)


def joint_targets() -> pd.DataFrame:
    """Those of both stages; the number of those of the first in ``attrs``."""
    return pd.concat([response_targets(), control_targets()], ignore_index=True)


def simulated_jointly(draws: Draws, values: Mapping[str, float], targets: pd.DataFrame) -> Array:
    """Both stages with one growth for metastatic and stage III disease."""
    shared = one_growth(values)
    split = len(response_targets())
    first = simulated_responses(draws, shared, targets.iloc[:split])
    return np.r_[first, control_summary(draws, shared, targets.iloc[split:].reset_index(drop=True))]


def one_growth(values: Mapping[str, float]) -> dict[str, float]:
    return {**values, "rho_metastatic": values["rho"], "rho_metastatic_sd": values["rho_sd"]}


STAGES = {
    "response": Stage(
        "response",
        {"rho_metastatic": 9e-4, "rho_metastatic_sd": 1.0, "e": 0.035, "e_sd": 1.1, "PDL1_immune": 0.1, "kloss": 5e-3},
        response_targets,
        simulated_responses,
    ),
    "control": Stage(
        "control",
        {
            "rho": 1.85e-3, "rho_sd": 0.33, "alpha_sd": 0.66, "metastases": 1.0, "diameter_occult": 2.6,
            "diameter_occult_sd": 0.8, "kcl_rt": 6.5e-3, "h1": 1.2e-3, "B50": 11.0,
        },
        control_targets,
        control_summary,
    ),
    "joint": Stage(
        "joint",
        {
            "rho": 1.35e-3, "rho_sd": 0.66, "e": 0.044, "e_sd": 0.9, "PDL1_immune": 0.15, "kloss": 5e-3,
            "alpha_sd": 1.0, "metastases": 1.5, "diameter_occult": 2.3, "diameter_occult_sd": 1.0, "kcl_rt": 0.01,
            "h1": 1.1e-3, "B50": 11.0,
        },
        joint_targets,
        simulated_jointly,
    ),
}  # fmt: skip


@cache
def recorded() -> pd.DataFrame:
    """The table of estimates: stage, parameter, estimate, relative_se."""
    return pd.read_csv(ESTIMATES, comment="#")


def _values(*stages: str) -> dict[str, float]:
    rows = recorded()[recorded()["stage"].isin(stages)]
    return dict(zip(rows["parameter"], rows["estimate"], strict=True))


def estimates() -> dict[str, float]:
    """The recorded estimates of the two stages, with the values that were held."""
    return {**FIXED, **_values("response", "control")}


def joint_estimates() -> dict[str, float]:
    """Those of a calibration to the targets of both stages with one growth: a scenario, not the prediction."""
    return one_growth({**FIXED, **_values("joint")})


def calibrate(
    stage: Stage,
    others: Mapping[str, float],
    *,
    draws: Draws | None = None,
    start: Mapping[str, float] | None = None,
    evaluations: int = 16,
    restarts: int = 4,
) -> pd.DataFrame:
    """Least squares on the targets of a stage, each in units of its standard error.

    Returns a row for each parameter: stage, parameter, estimate and relative_se, the standard error of its
    logarithm.
    """  # fmt: skip
    people, targets = draw(PATIENTS) if draws is None else draws, stage.targets()
    names = list(stage.start)
    unit = np.array(list(stage.start.values()))
    first = 1 + np.log(np.array([(start or stage.start)[name] for name in names]) / unit)

    # x = 1 + ln(value/unit): near 1, as steps of differences are relative to x.
    def misfit(x: Array) -> Array:
        values = {**others, **dict(zip(names, unit * np.exp(x - 1), strict=True))}
        return np.asarray((stage.simulated(people, values, targets) - targets["value"]) / targets["se"])

    # Quantiles and shares of finitely many patients are rough at small steps: differences of 3 %, and a search that
    # ends is begun again where it ended, with steps of full length, until that gains nothing.
    result = least_squares(misfit, first, diff_step=0.03, x_scale=0.3, max_nfev=evaluations)
    for _ in range(restarts):
        again = least_squares(misfit, result.x, diff_step=0.03, x_scale=0.3, max_nfev=evaluations)
        gained, result = result.cost - again.cost, again
        if gained < LEAST_GAIN:
            break
    spread = np.sqrt(np.diag(np.linalg.pinv(result.jac.T @ result.jac)))
    rows = {"stage": stage.name, "parameter": names, "estimate": unit * np.exp(result.x - 1), "relative_se": spread}
    table = pd.DataFrame(rows)
    table.attrs["chi_square"] = float(2 * result.cost)
    return table


def write_estimates(folder: Path, patients: int = PATIENTS) -> Path:
    """Run both calibrations and write their estimates."""
    draws = draw(patients)
    first = calibrate(STAGES["response"], FIXED, draws=draws)
    known = {**FIXED, **dict(zip(first["parameter"], first["estimate"], strict=True))}
    second = calibrate(STAGES["control"], known, draws=draws)
    third = calibrate(STAGES["joint"], FIXED, draws=draws, evaluations=10, restarts=1)
    header = (
        "# Estimates of pkpd.fits.pacific.calibration: the response to an antibody alone, then the control arm after\n"
        f"# chemoradiation; jointly with one growth for both, a scenario.  {patients} patients, sums of squares "
        f"{first.attrs['chi_square']:.1f}, {second.attrs['chi_square']:.1f} and {third.attrs['chi_square']:.1f}; "
        "relative_se is that of the logarithm.\n"
    )
    text = header + pd.concat([first, second, third]).to_csv(index=False, float_format="%.5g")
    return write_atomically(folder / ESTIMATES.name, lambda path: path.write_text(text, encoding="utf-8"))


def main(arguments: Sequence[str] | None = None) -> None:
    """Calibrate, and write pacific_estimates.csv."""
    parser = argparse.ArgumentParser(prog="python -m pkpd.fits.pacific.calibration", description="Calibrate.")
    parser.add_argument("--out", type=Path, default=DATA, help="folder for pacific_estimates.csv; fits/data by default")
    parser.add_argument("--patients", type=int, default=PATIENTS, help=f"a power of 2; {PATIENTS} by default")
    chosen = parser.parse_args(arguments)
    print(f"wrote {write_estimates(chosen.out, chosen.patients)}")


if __name__ == "__main__":
    with as_messages():
        main()
