"""Calibrations that fit about as well, and what each predicts.

    python -m pkpd.fits.pacific.plausible [--out DIR] [--sets N]

Estimates are varied at random around those on record; a set is kept where the sum of squares of each stage is at most
that of the record plus the number of its parameters, which is a fit as good as a draw from the posterior has in the
median.  Kept sets and their predictions go to fits/data/pacific_plausible.csv.  The predictions play no part in what
is kept.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from pkpd.cli.messages import as_messages
from pkpd.fits.pacific.calibration import DATA, STAGES, Stage, estimates, recorded
from pkpd.fits.pacific.patients import Draws, draw
from pkpd.fits.pacific.prediction import STRATA, predicted, ratio
from pkpd.fits.pacific.trials import PACIFIC
from pkpd.storage import write_atomically

__all__ = ["PLAUSIBLE", "kept", "plausible_sets", "sum_of_squares"]

PLAUSIBLE = DATA / "pacific_plausible.csv"
PATIENTS, SETS, SEED = 1024, 20, 5
WIDEST = 0.6  # of the proposals' SD of logarithms, where an estimate is hardly told at all
NARROWER = 0.5  # proposals are independent, estimates are not: at their full errors next to none would fit


def sum_of_squares(stage: Stage, draws: Draws, values: Mapping[str, float]) -> float:
    """Of the misfits to the targets of a stage."""
    targets = stage.targets()
    return float((((stage.simulated(draws, values, targets) - targets["value"]) / targets["se"]) ** 2).sum())


def plausible_sets(draws: Draws, sets: int, *, seed: int = SEED, most: int = 400) -> pd.DataFrame:
    """Up to `sets` sets of estimates that fit, of at most `most` proposals for each stage."""
    rng, columns = np.random.default_rng(seed), []
    for name in ("response", "control"):
        stage, values = STAGES[name], estimates()
        limit = sum_of_squares(stage, draws, values) + len(stage.start)
        columns.append(pd.DataFrame(_fitting(stage, draws, limit, sets, most, rng)))
    return pd.concat(columns, axis=1).dropna()


def _fitting(
    stage: Stage, draws: Draws, limit: float, sets: int, most: int, rng: np.random.Generator
) -> list[dict[str, float]]:
    rows = recorded()[recorded()["stage"] == stage.name]
    spread = NARROWER * rows["relative_se"].clip(upper=WIDEST).to_numpy()
    fitting: list[dict[str, float]] = []
    for _ in range(most):
        drawn = rows["estimate"].to_numpy() * np.exp(spread * rng.standard_normal(len(rows)))
        proposal = dict(zip(rows["parameter"], drawn, strict=True))
        if sum_of_squares(stage, draws, {**estimates(), **proposal}) <= limit:
            fitting.append(proposal)
        if len(fitting) == sets:
            break
    return fitting


def predictions(draws: Draws, sets: pd.DataFrame) -> pd.DataFrame:
    """The sets with the hazard ratio of PFS in PACIFIC and in its strata."""
    rows = []
    for values in sets.to_dict("records"):
        arms = predicted(PACIFIC, draws, {**estimates(), **values})
        rows.append({**values, "PACIFIC": ratio(arms), **{name: ratio(arms, stratum=name) for name in STRATA}})
    return pd.DataFrame(rows)


def kept() -> pd.DataFrame:
    """The sets on record."""
    return pd.read_csv(PLAUSIBLE, comment="#")


def main(arguments: Sequence[str] | None = None) -> None:
    """Find plausible sets of estimates and write them with their predictions."""
    parser = argparse.ArgumentParser(prog="python -m pkpd.fits.pacific.plausible", description="Vary the estimates.")
    parser.add_argument("--out", type=Path, default=DATA, help="folder for pacific_plausible.csv; fits/data by default")
    parser.add_argument("--sets", type=int, default=SETS, help=f"how many to keep; {SETS} by default")
    chosen = parser.parse_args(arguments)
    draws = draw(PATIENTS)
    rows = predictions(draws, plausible_sets(draws, chosen.sets))
    header = (
        "# Sets of estimates that fit the targets of both stages about as well as those on record, and the hazard\n"
        f"# ratios of PFS that each predicts: pkpd.fits.pacific.plausible, {PATIENTS} patients.\n"
    )
    text = header + rows.to_csv(index=False, float_format="%.4g")
    print(
        f"wrote {write_atomically(chosen.out / PLAUSIBLE.name, lambda path: path.write_text(text, encoding='utf-8'))}"
    )


if __name__ == "__main__":
    with as_messages():
        main()
