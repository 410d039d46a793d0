"""How often the 95 % intervals of mixed-effects fits hold what was simulated, and whether the estimators agree.

    python -m benchmarks.mixed_coverage michaelis_menten [--method focei] [--replicates 100] [--seed 70001]
    python -m benchmarks.mixed_coverage --agreement

The first writes ``benchmarks/results/mixed_coverage_MODEL_METHOD.csv``: a row for each number, with the share of the
replicates whose interval holds it, beside the mean and the spread of the estimates.  It takes minutes to hours:
each fit is a line in ``build/mixed_coverage`` as soon as it is done, and a run that was stopped goes on behind the last
one.  The second compares the methods on the trials that they have in common, and writes ``mixed_agreement.csv``.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import itertools
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import pkpd
from benchmarks.mixed_trials import Trial, claret, michaelis_menten, target_mediated

__all__ = ["agreement", "coverage", "kept", "main", "replicate"]

MODELS: dict[str, Callable[..., Trial]] = {
    "michaelis_menten": michaelis_menten, "claret": claret, "target_mediated": target_mediated,
}  # fmt: skip
METHODS = ("focei", "saem", "importance")
RESULTS = Path(__file__).parent / "results"
KEPT = Path("build") / "mixed_coverage"

Line = dict[str, Any]


def replicate(trial: Trial, method: Any, seed: int) -> Line:
    """One fit: by number the estimate, its standard error and its interval; none where the search did not converge.

    All begin 30 % off; importance sampling has FOCEI's estimates to begin with, which saves time.
    """
    begun = time.process_time()
    line: Line = {"seed": seed, "rows": None}
    options: Any = {"outputs": trial.outputs, "seed": seed, "restarts": 2}
    try:
        if method == "importance":
            first = pkpd.fit(trial.statement, trial.data, covariance=None, **options)
            options |= {"start": first}
        fit = pkpd.fit(trial.statement, trial.data, method=method, **options)
    except pkpd.FitError as error:
        return line | {"why": str(error)}
    rows = fit.estimates.loc[list(trial.truth), ["estimate", "se", "ci_low", "ci_high"]]
    numbers = dict(zip(rows.index, rows.to_numpy(float).tolist(), strict=True))
    done = fit.converged and bool(np.isfinite(rows.to_numpy(float)).all())
    return line | {
        "rows": numbers if done else None, "why": "" if done else f"converged: {fit.converged}; {numbers}",
        "objective": fit.objective, "error": fit.objective_error, "seconds": round(time.process_time() - begun, 2),
    }  # fmt: skip


def kept(folder: Path, model: str, method: str) -> list[Line]:
    """The fits that were done, in the order of their seeds."""
    path = folder / f"{model}_{method}.jsonl"
    lines = [json.loads(text) for text in path.read_text().splitlines()] if path.is_file() else []
    return sorted(lines, key=lambda line: line["seed"])


def coverage(model: str, lines: list[Line]) -> list[Line]:
    """A row for each number of the model: how many of the intervals hold what was simulated."""
    truth = MODELS[model](n=5).truth
    found = [line["rows"] for line in lines if line["rows"]]
    return [_row(label, value, np.array([rows[label] for rows in found])) for label, value in truth.items()]


def _row(label: str, value: float, found: Any) -> Line:
    estimate, _, low, high = found.T
    held = float(((low < value) & (value < high)).mean())
    return {
        "parameter": label, "simulated": value, "mean": f"{estimate.mean():.5g}", "sd": f"{estimate.std(ddof=1):.3g}",
        "held": f"{held:.3f}", "replicates": len(found),
    }  # fmt: skip


def agreement(folder: Path) -> list[Line]:
    """A row for each model and two methods: how far apart they end on the same trials.

    `within 3` is the share of trials whose objectives differ by less than three times their Monte Carlo errors
    together; the distances of estimates are in standard errors of the second method, of all numbers.
    """
    rows = []
    for model, (one, other) in itertools.product(MODELS, itertools.combinations(METHODS, 2)):
        first, second = ({line["seed"]: line for line in kept(folder, model, m) if line["rows"]} for m in (one, other))
        if seeds := sorted(first.keys() & second.keys()):
            rows.append({"model": model, "methods": f"{one}, {other}"} | _apart(first, second, seeds))
    return rows


def _apart(first: dict[int, Line], second: dict[int, Line], seeds: list[int]) -> Line:
    drop = np.array([first[s]["objective"] - second[s]["objective"] for s in seeds])
    error = np.hypot(*[[by[s]["error"] for s in seeds] for by in (first, second)])
    a, b = (np.array([list(by[s]["rows"].values()) for s in seeds]) for by in (first, second))
    distance = (a[..., 0] - b[..., 0]) / b[..., 1]
    return {
        "trials": len(seeds), "objective, mean difference": f"{drop.mean():.3f}", "sd": f"{drop.std():.3f}",
        "Monte Carlo error": f"{np.sqrt(np.mean(error**2)):.3f}",
        "within 3": f"{np.mean(np.abs(drop) < 3 * error):.3f}" if error.all() else "",
        "estimates, rms distance": f"{np.sqrt(np.mean(distance**2)):.3f}",
        "largest mean distance": f"{np.abs(distance.mean(axis=0)).max():.3f}",
    }  # fmt: skip


def _run(model: str, method: str, replicates: int, seed: int, folder: Path) -> None:
    """The fits that are missing, each kept as soon as it is done, and the table of those so far."""
    folder.mkdir(parents=True, exist_ok=True)
    there = {line["seed"] for line in kept(folder, model, method)}
    seeds = range(seed, seed + replicates)
    for s in seeds:
        if s not in there:
            line = replicate(MODELS[model](seed=s), method, s)
            with (folder / f"{model}_{method}.jsonl").open("a") as file:
                file.write(json.dumps(line) + "\n")
        lines = [line for line in kept(folder, model, method) if line["seed"] in seeds]
        lost = sum(not line["rows"] for line in lines)
        print(f"\r{model} by {method}: {len(lines)} of {replicates}, {lost} lost", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    write_table(model, method, lines, f"--replicates {replicates} --seed {seed}")


def write_table(model: str, method: str, lines: list[Line], options: str) -> None:
    """The table of the fits so far, under a header that says what they are."""
    lost = sum(not line["rows"] for line in lines)
    rows = coverage(model, lines)
    held = np.mean([float(row["held"]) for row in rows])
    seconds = np.median([line["seconds"] for line in lines if "seconds" in line])
    header = [
        f"{datetime.date.today()}: python -m benchmarks.mixed_coverage {model} --method {method} {options}",
        f"{lost} of {len(lines)} fits did not converge or have no interval; median CPU time of one: {seconds:.1f} s",
        f"95 % intervals that hold the simulated value, all parameters: {held:.3f}",
    ]
    _write(RESULTS / f"mixed_coverage_{model}_{method}.csv", header, rows)


def _write(path: Path, header: list[str], rows: list[Line]) -> None:
    with path.open("w", newline="") as file:
        file.writelines(f"# {line}\n" for line in header)
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    print(path.read_text())


def main(arguments: list[str] | None = None) -> None:
    """Run the replicates that are missing and write the table, or compare the methods."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=MODELS, nargs="?")
    parser.add_argument("--method", choices=METHODS, default="focei")
    parser.add_argument("--replicates", type=int, default=100)
    parser.add_argument("--seed", type=int, default=70001, help="of the first trial; each further one has the next")
    parser.add_argument("--kept", type=Path, default=KEPT, help="folder of the fits that are done")
    parser.add_argument("--agreement", action="store_true", help="compare the methods on the same trials")
    given = parser.parse_args(arguments)
    if given.agreement:
        header = [
            f"{datetime.date.today()}: python -m benchmarks.mixed_coverage --agreement, the fits of mixed_coverage_*"
        ]
        _write(RESULTS / "mixed_agreement.csv", header, agreement(given.kept))
    elif given.model is None:
        parser.error(f"which model: {', '.join(MODELS)}?")
    else:
        _run(given.model, given.method, given.replicates, given.seed, given.kept)


if __name__ == "__main__":
    main()
