"""Over the library: what is prepared equals `simulate` and `predict` bit by bit, however its parameters are set."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from helpers import closed
from test_library import NAMES, REGIMENS, regimen_for

import pkpd
from pkpd.symbolic.symbols import Parameter

pytestmark = pytest.mark.usefixtures("cache")

SAMPLE = [
    "pk_1cmt", "pk_2cmt_oral", "pk_1cmt_transit", "pk_1cmt_mm", "indirect_response_1", "durvalumab_baverel_2018",
    "growth_von_bertalanffy", "radiotherapy_lq", "simeoni_2004", "claret_2009", "stein_2011", "galante_2012",
    "kuznetsov_1994", "wilkie_2013", "kosinsky_2018",
]  # fmt: skip
TIMES = np.array([0.0, 0.5, 1.0, 3.0, 7.0, 7.02, 14.0])
MEMBERS = 3


def people(model: pkpd.Model) -> dict[str, np.ndarray]:
    """Members with values a little off their defaults, within their bounds."""
    rng = np.random.default_rng(len(model.settable))
    values = {}
    for s in model.settable:
        column = (s.value if isinstance(s, Parameter) else s.default) * np.append(
            1.0, rng.uniform(0.98, 1.02, MEMBERS - 1)
        )
        values[s.name] = np.clip(column, *s.declaration.bounds) if isinstance(s, Parameter) else column
    return values


def treated(name: str) -> list[tuple[pkpd.Model, pkpd.Regimen | None]]:
    model = closed(pkpd.load(name))
    return [(model, None if route is None else regimen_for(model, route)) for n, route in REGIMENS if n == name]


def check_regimens(name: str) -> None:
    for model, regimen in treated(name):
        values = people(model)
        run = pkpd.simulate(model, regimen, times=TIMES, parameters=values)
        order = list(reversed(values))
        prepared = pkpd.prepare(model, regimen, times=TIMES, parameters=order)
        matrix = np.array([values[n] for n in order]).reshape(len(order), MEMBERS)
        by_matrix, by_name = prepared(matrix), prepared(values)
        last = prepared(matrix[:, -1:])
        compared = [n for n in by_matrix.columns if n in run]
        assert len(compared) >= len(model.states)
        for n in compared:
            expected = np.broadcast_to(run[n].values, (MEMBERS, len(TIMES)))
            np.testing.assert_array_equal(np.broadcast_to(by_matrix[n], expected.shape), expected, err_msg=n)
            np.testing.assert_array_equal(np.broadcast_to(by_name[n], expected.shape), expected, err_msg=n)
            np.testing.assert_array_equal(np.ravel(last[n])[-len(TIMES) :], expected[-1], err_msg=n)


def check_tables(name: str) -> None:
    for model, regimen in treated(name):
        if regimen is None:
            continue
        values, doses = people(model), regimen.table()
        data = pkpd.read_nonmem(table_of(doses), compartments={1: str(doses["route"][0])})
        predicted = pkpd.predict(model, data, parameters=values)
        order = list(reversed(values))
        matrix = np.array([values[n] for n in order]).reshape(len(order), MEMBERS)
        prepared = pkpd.prepare(model, data, parameters=order)(matrix)
        run = pkpd.simulate(model, regimen, times=TIMES, parameters=values)
        for n in prepared.columns:
            column = predicted[f"{n}_predicted" if n in data.table.columns else n].to_numpy(float)
            np.testing.assert_array_equal(prepared[n], column, err_msg=n)
            expected = np.broadcast_to(run[n].values, (MEMBERS, len(TIMES)))
            observed = column[predicted["EVID"].to_numpy() == 0].reshape(MEMBERS, -1)
            size = np.abs(expected).max() + 1e-12
            np.testing.assert_allclose(observed, expected, rtol=2e-5, atol=2e-6 * size, err_msg=n)


def table_of(doses: pd.DataFrame) -> pd.DataFrame:
    """The doses, and an observation at each of `TIMES`, before a dose of the same time."""
    seen = pd.DataFrame({"TIME": TIMES, "EVID": 0, "AMT": 0.0, "DUR": 0.0})
    durations = doses["duration"].astype(float).fillna(0.0)
    dosed = pd.DataFrame({"TIME": doses["time"], "EVID": 1, "AMT": doses["amount"], "DUR": durations})
    one = pd.concat([seen, dosed]).sort_values("TIME", kind="stable").assign(CMT=1)
    return pd.concat([one.assign(ID=i + 1) for i in range(MEMBERS)], ignore_index=True)


@pytest.mark.parametrize("name", SAMPLE)
def test_prepared_equals_simulate(name: str) -> None:
    check_regimens(name)


@pytest.mark.parametrize("name", SAMPLE[::3])
def test_prepared_tables_equal_predict_and_the_regimen(name: str) -> None:
    check_tables(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name not in SAMPLE])
def test_prepared_equals_simulate_over_the_catalog(name: str) -> None:
    check_regimens(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name not in SAMPLE[::3]])
def test_prepared_tables_equal_predict_and_the_regimen_over_the_catalog(name: str) -> None:
    check_tables(name)
