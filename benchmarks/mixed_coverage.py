"""How often the 95 % intervals of mixed-effects fits hold what was simulated.

    python -m benchmarks.mixed_coverage michaelis_menten [--method focei] [--replicates 100] [--seed 1]

Writes ``benchmarks/results/mixed_coverage_MODEL_METHOD.csv``: a row for each number, with the share of the
replicates whose interval holds it, beside the mean and the spread of the estimates.  It takes minutes.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import sys
from pathlib import Path
from typing import Any

import numpy as np

import pkpd
from benchmarks.mixed_trials import Trial, claret, michaelis_menten, target_mediated
from pkpd.arrays import Array

__all__ = ["coverage", "main"]

MODELS = {"michaelis_menten": michaelis_menten, "claret": claret, "target_mediated": target_mediated}
METHODS = ("focei", "saem", "importance")
RESULTS = Path(__file__).parent / "results"


def coverage(model: str, method: Any, replicates: int, seed: int) -> tuple[list[dict[str, object]], int]:
    """A row for each number of the model, and how many fits did not converge or have no standard errors."""
    found, lost = [], 0
    for i in range(replicates):
        trial = MODELS[model](seed=seed + i)
        table = _table(trial, method, seed + i)
        if table is None:
            lost += 1
        else:
            found.append(table)
        print(f"\r{model} by {method}: {i + 1} of {replicates}, {lost} lost", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return [_row(label, value, np.array([t[label] for t in found])) for label, value in trial.truth.items()], lost


def _table(trial: Trial, method: Any, seed: int) -> dict[str, tuple[float, float, float]] | None:
    """By number the estimate and its interval; None where there is none, or the search did not converge."""
    try:
        fit = pkpd.fit(trial.statement, trial.data, method=method, outputs=trial.outputs, seed=seed, restarts=2)
    except pkpd.FitError:
        return None
    rows = fit.estimates.loc[list(trial.truth), ["estimate", "ci_low", "ci_high"]]
    if not (fit.converged and np.isfinite(rows.to_numpy()).all()):
        return None
    return {str(label): tuple(row) for label, row in zip(rows.index, rows.to_numpy().tolist(), strict=True)}


def _row(label: str, value: float, found: Array) -> dict[str, object]:
    estimate, low, high = found.T
    held = float(((low < value) & (value < high)).mean())
    return {
        "parameter": label, "simulated": value, "mean": f"{estimate.mean():.5g}", "sd": f"{estimate.std(ddof=1):.3g}",
        "held": f"{held:.3f}", "replicates": len(found),
    }  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    """Run the replicates and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("--method", choices=METHODS, default="focei")
    parser.add_argument("--replicates", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1, help="of the first trial; each further one has the next")
    given = parser.parse_args(arguments)
    rows, lost = coverage(given.model, given.method, given.replicates, given.seed)
    held = np.mean([float(str(row["held"])) for row in rows])
    command = f"python -m benchmarks.mixed_coverage {given.model} --method {given.method}"
    path = RESULTS / f"mixed_coverage_{given.model}_{given.method}.csv"
    with path.open("w", newline="") as file:
        file.write(f"# {datetime.date.today()}: {command} --replicates {given.replicates} --seed {given.seed}\n")
        file.write(f"# {lost} of {given.replicates} fits did not converge or have no interval\n")
        file.write(f"# 95 % intervals that hold the simulated value, all parameters: {held:.3f}\n")
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    print(path.read_text())


if __name__ == "__main__":
    main()
