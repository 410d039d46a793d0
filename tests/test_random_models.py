"""Random models under random treatment against an oracle that shares only their equations; see `random_models`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from helpers import mostly_slow
from plain_oracle import _same as same_time
from random_models import Case, random_case

import pkpd

pytestmark = pytest.mark.usefixtures("cache")

WAYS = ("auto", "tsit5", "dop853", "rodas5p", "numpy")
FEW = [1, 4, 6, 15, 20, 36]
MANY = [seed for seed in range(60) if seed not in FEW]
RTOL, ATOL = 1e-8, 1e-10
TOLERANCES = 1000  # the global error of oscillators over tens of periods; a wrong time or branch costs 1e5 and more


def names_of(case: Case) -> list[str]:
    return [s.name for s in case.model.states]


def by_oracle(case: Case, side: str, **options: object) -> np.ndarray:
    """(members, states, times)."""
    return np.array([getattr(case.oracle(case.of_member(i), **options), side) for i in range(2)])


def simulated(case: Case, **options: object) -> np.ndarray:
    """The same by the package."""
    names = names_of(case)
    settings = {"times": case.times, "parameters": case.values, "rtol": RTOL, "atol": ATOL, "on_failure": "raise"}
    run = pkpd.simulate(case.model, case.regimen, outputs=names, **(settings | options))
    return np.stack([np.broadcast_to(run[n].values, (2, run.sizes["time"])) for n in names], axis=1)


def in_tolerances(values: np.ndarray, oracle: np.ndarray) -> float:
    """The worst error; a state that comes near zero counts from a hundredth of its size on."""
    size = np.maximum(np.abs(oracle), 0.01 * np.abs(oracle).max(axis=2, keepdims=True))
    return float(np.max(np.abs(values - oracle) / (ATOL + RTOL * size)))


# ---- trajectories


def check_methods(seed: int) -> None:
    case, side = random_case(seed), ("before", "after")[seed % 2]
    oracle = by_oracle(case, side)
    for method in WAYS:
        error = in_tolerances(simulated(case, method=method, at_dose=side), oracle)
        assert error < TOLERANCES, f"seed {seed}, {method}, {case.features}: {error:.3g} tolerances"


@pytest.mark.parametrize("seed", mostly_slow(FEW))
def test_every_method_agrees_with_the_oracle(seed: int) -> None:
    check_methods(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", MANY)
def test_every_method_agrees_with_the_oracle_on_many(seed: int) -> None:
    check_methods(seed)


def test_the_seeds_cover_what_they_are_to_cover() -> None:
    features = {feature for seed in [*FEW, *MANY] for feature in random_case(seed).features}
    assert features >= {
        "linear", "saturable", "oral", "logistic", "indirect", "oscillator", "van_der_pol", "predator", "window",
        "brief_pulse", "step", "train", "ramp", "sine", "two_branches", "excursion", "threshold", "arrival",
    }  # fmt: skip


def test_events_are_counted_as_the_oracle_counts_them() -> None:
    for seed in (3, 5, 15, 36):
        case = random_case(seed)
        assert case.model.events
        prepared = pkpd.prepare(case.model, case.regimen, times=case.times)
        counted = prepared(dict(case.values)).event_counts
        expected = [case.oracle(case.of_member(i)).counts for i in range(2)]
        np.testing.assert_array_equal(np.transpose(counted), expected)
        assert np.sum(counted) > 0


# ---- company and preparation


@pytest.mark.parametrize("method", WAYS)
def test_a_members_bits_do_not_depend_on_its_company(method: str) -> None:
    case = random_case(FEW[WAYS.index(method)], members=11)
    prepared = pkpd.prepare(case.model, case.regimen, times=case.times, solver=pkpd.Solver(method=method))
    together = prepared(case.values)
    chosen = np.array([7, 2, 9])
    some = prepared({name: column[chosen] for name, column in case.values.items()})
    for name in names_of(case):
        np.testing.assert_array_equal(some[name], together[name][chosen])
        alone = prepared({n: column[4:5] for n, column in case.values.items()})
        np.testing.assert_array_equal(np.ravel(alone[name]), together[name][4])


def check_prepared(case: Case) -> None:
    run = pkpd.simulate(case.model, case.regimen, times=case.times, parameters=case.values)
    values = pkpd.prepare(case.model, case.regimen, times=case.times)(dict(case.values))
    for name in [*names_of(case), "product"]:
        np.testing.assert_array_equal(values[name], run[name])


@pytest.mark.parametrize("seed", FEW[:4])
def test_prepared_equals_simulate_bit_by_bit(seed: int) -> None:
    check_prepared(random_case(seed))


# ---- derivatives


def check_sensitivities(seed: int) -> None:
    """Where differences of two sizes agree, which they do unless a stop passes a stored time between them."""
    case = random_case(seed)
    names = [n for n in case.values if n not in ("per_day",)][:3]
    if not names:
        pytest.skip("no parameter of this case varies")
    run = pkpd.simulate(
        case.model, case.regimen, times=case.times, parameters=case.values, outputs=names_of(case),
        sensitivities=names, rtol=1e-9, atol=1e-11, on_failure="raise",
    )  # fmt: skip
    at = case.of_member(0)
    largest = np.abs(case.oracle(at).before).max(axis=1, keepdims=True) + 1e-3
    for name in names:
        wide, narrow = (_difference(case, at, name, h) for h in (2e-4, 1e-4))
        # By a parameter that hardly matters a difference has little but noise.
        size = np.maximum(np.abs(narrow).max(axis=1, keepdims=True), 0.05 * largest / at[name])
        agree = np.abs(wide - narrow) < 3e-5 * size
        assert agree.mean() > 0.75, (seed, name)
        exact = np.array([np.atleast_2d(run[f"sensitivity_{s}"].sel(parameter=name).transpose(..., "time").values)[0]
                          for s in names_of(case)])  # fmt: skip
        error = np.where(agree, np.abs(exact - (4 * narrow - wide) / 3) / size, 0)
        assert error.max() < 1e-4, f"seed {seed}, d/d{name}, {case.features}: {error.max():.3g}"


def _difference(case: Case, at: dict[str, float], name: str, h: float) -> np.ndarray:
    high, low = (case.oracle(at | {name: at[name] * (1 + sign * h)}).before for sign in (1, -1))
    return (high - low) / (2 * h * at[name])


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 12, 36])
def test_sensitivities_are_differences_of_the_oracle(seed: int) -> None:
    check_sensitivities(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [s for s in range(40) if s not in (2, 12, 36)])
def test_sensitivities_are_differences_of_the_oracle_on_many(seed: int) -> None:
    check_sensitivities(seed)


# ---- reductions


def check_reductions(seed: int) -> None:
    case = random_case(seed)
    at = case.of_member(0)
    stops = [t for d in case.doses(at) for t in (d.time, d.time + (d.duration or 0))] + case.breaks(at)
    grid = np.unique(np.concatenate([np.linspace(0, case.end, 4001), [t for t in stops if 0 < t < case.end]]))
    grid = grid[np.diff(grid, prepend=-1) > 1e-8]
    course = case.oracle(at, times=grid)
    # Both sides of what happens at a time; what is after the last of the times does not count.
    seen = {n: np.stack([course.before[k], course.after[k]], axis=1) for k, n in enumerate(names_of(case))}
    for both in seen.values():
        both[-1, 1] = both[-1, 0]
    levels = {name: float(both.min() + 0.37 * np.ptp(both)) for name, both in seen.items()}
    rows = {f"{kind} {name}": (name, *row) for name in seen for kind, row in _kinds(levels[name]).items()}
    run = pkpd.simulate(case.model, case.regimen, times=case.times, parameters=case.values, reduce=rows)
    for name, both in seen.items():
        numbers = {kind: float(np.ravel(run[f"{kind} {name}"].values)[0]) for kind in _kinds(0.0)}
        _check_numbers(case, name, numbers, levels[name], grid, both)


def _kinds(level: float) -> dict[str, tuple[object, ...]]:
    plain = {kind: (kind,) for kind in ("min", "max", "auc", "last")}
    return plain | {kind: (kind, level, "from_start") for kind in ("first_above", "first_below")}


def _check_numbers(
    case: Case, name: str, numbers: dict[str, float], level: float, grid: np.ndarray, both: np.ndarray
) -> None:
    low, high, size = both.min(), both.max(), np.abs(both).max() + 1e-9
    area = np.sum(np.diff(grid) * (both[:-1, 1] + both[1:, 0]) / 2)
    where = f"seed {case.seed}, {name}, {case.features}: {numbers}, {low}, {high}, {area}"
    coarse = 1e-2 if case.model.events else 1e-4  # an event lies between the points of the grid
    assert -1e-6 * size < low - numbers["min"] < coarse * size, where
    assert -1e-6 * size < numbers["max"] - high < coarse * size, where
    np.testing.assert_allclose(numbers["last"], both[-1, 0], atol=1e-5 * size, err_msg=where)
    np.testing.assert_allclose(numbers["auc"], area, atol=coarse / 5 * size * case.end, err_msg=where)
    if high - low > 1e-3 * size:
        for kind, beyond in (("first_above", both > level), ("first_below", both < level)):
            _check_crossing(numbers[kind], beyond, grid, f"{where}, {kind}")


def _check_crossing(got: float, beyond: np.ndarray, grid: np.ndarray, where: str) -> None:
    """Within the cell of the grid in which the level is first passed."""
    first = int(np.argmax(beyond.any(axis=1)))
    if not beyond.any():
        assert not np.isfinite(got) or got > grid[-1], where
    else:
        assert grid[max(first - 1, 0)] - 1e-6 <= got <= grid[first] + 1e-6, (where, got, grid[first])


@pytest.mark.parametrize("seed", [15, 20])
def test_reductions_are_those_of_a_dense_grid(seed: int) -> None:
    check_reductions(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [s for s in range(40) if s not in (15, 20)])
def test_reductions_are_those_of_a_dense_grid_on_many(seed: int) -> None:
    check_reductions(seed)


# ---- tables


def check_table(seed: int) -> None:
    """The doses as records of two subjects; where an observation and a dose meet, the observation comes first."""
    case = random_case(seed)
    names = names_of(case)
    compartments = {i + 1: route for i, route in enumerate(case.model.routes)}
    rows = [row for i in range(2) for row in _subject(replace_lag(case), i, compartments)]
    data = pkpd.read_nonmem(pd.DataFrame(rows), compartments=compartments)
    own = [s.name for s in case.model.settable]
    values = {name: column for name, column in case.values.items() if name in own}
    table = pkpd.predict(case.model, data, parameters=values, rtol=RTOL, atol=ATOL, on_failure="raise")
    observed = table[table["EVID"] == 0]
    by_table = np.stack([observed[n].to_numpy().reshape(2, -1) for n in names], axis=1)
    error = in_tolerances(by_table, simulated(case, rtol=1e-10, atol=1e-12))
    assert error < TOLERANCES, f"seed {seed}, {case.features}: {error:.3g} tolerances"


def replace_lag(case: Case) -> Case:
    """The case with doses as they are given, before bioavailability and lag, which a model has for both paths."""
    arrives = "arrival" in case.features

    def doses(v):
        return [
            replace(d, time=d.time - v["lag"], amount=d.amount / v["F"]) if arrives and d.route == "iv" else d
            for d in case.doses(v)
        ]

    return replace(case, doses=doses)


def _subject(case: Case, member: int, compartments: dict[int, str]) -> list[dict[str, float]]:
    number = {route: n for n, route in compartments.items()}
    doses = [d for d in case.doses(case.of_member(member)) if d.time <= case.end]
    records = [(d.time, 1, d) for d in doses] + [(float(t), 0, None) for t in case.times]
    anchors = sorted({time for time, _, _ in records})

    def moment(time: float) -> float:
        return next(a for a in anchors if same_time(a, time))

    rows = []
    for time, evid, d in sorted(records, key=lambda record: (moment(record[0]), record[1])):
        row = {"ID": member + 1, "TIME": moment(time), "EVID": evid, "AMT": 0.0, "DUR": 0.0, "CMT": 1}
        if d is not None:
            row |= {"AMT": d.amount, "DUR": d.duration or 0.0, "CMT": number[d.route]}
        rows.append(row)
    return rows


@pytest.mark.parametrize("seed", FEW[:4])
def test_a_table_equals_the_regimen(seed: int) -> None:
    check_table(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [s for s in range(60) if s not in FEW[:4]])
def test_a_table_equals_the_regimen_on_many(seed: int) -> None:
    check_table(seed)
