"""reduce=: numbers for each member, equal to those of the whole course, without its memory."""

from __future__ import annotations

import numpy as np
import pytest
from examples import irradiated, one_compartment

import pkpd
from pkpd.errors import FailedMembersWarning, SimulationError, UnknownNameError
from pkpd.solvers import chunks

DAYS = np.arange(0.0, 30.0)
DOSES = pkpd.bolus(30, "iv", at=[0, 7, 14])


def test_reductions_are_those_of_the_trajectory_whatever_times_are_stored() -> None:
    """C after boluses of 30 mg at days 0, 7 and 14: C0 exp(-k t), added up."""
    ensemble = pkpd.sample(one_compartment, 50, seed=1)
    reduced = pkpd.simulate(
        one_compartment, DOSES, times=[0.0, 29.0], parameters=ensemble, rtol=1e-9,
        reduce={
            "top": ("C", "max"), "bottom": ("C", "min"), "end": ("C", "last"), "area": ("C", "auc"),
            "peak": ("C", "time_of_max"), "below": ("C", "first_below", 5.0), "never": ("C", "first_above", 1e9),
            "at_once": ("C", "first_below", 5.0, "from_start"),
        },
    )  # fmt: skip
    k, C0 = ensemble["CL"] / ensemble["V1"], 30 / ensemble["V1"]
    peaks = C0 * np.array([np.ones_like(k), 1 + np.exp(-7 * k), 1 + np.exp(-7 * k) + np.exp(-14 * k)])
    area = C0 / k * sum(1 - np.exp(-k * (29 - at)) for at in (0, 7, 14))
    np.testing.assert_allclose(reduced["top"], peaks[-1], rtol=1e-7)
    np.testing.assert_array_equal(reduced["bottom"], 0)
    np.testing.assert_allclose(reduced["end"], peaks[-1] * np.exp(-15 * k), rtol=1e-7)
    np.testing.assert_allclose(reduced["area"], area, rtol=1e-7)
    np.testing.assert_array_equal(reduced["peak"], 14)
    first = np.log(C0 / 5) / k
    expected = np.where(first < 7, np.maximum(first, 0), np.nan)
    np.testing.assert_allclose(reduced["below"].values[first < 7], expected[first < 7], atol=1e-6)
    assert np.isinf(reduced["never"]).all()
    np.testing.assert_array_equal(reduced["at_once"], 0)
    assert "time" not in reduced.dims
    assert reduced["top"].dims == ("member",)
    assert reduced["area"].attrs["units"] == "day mg/L"
    assert reduced["peak"].attrs["units"] == "day"


def test_thresholds_may_differ_by_member() -> None:
    fractions = np.array([0.5, 0.1])
    reduced = pkpd.simulate(
        one_compartment, pkpd.bolus(30, "iv", at=1), times=[0, 400], parameters={"CL": [0.3, 0.3], "V1": [3.0, 3.0]},
        reduce={"below": ("C", "first_below", 10 * fractions)}, rtol=1e-10,
    )  # fmt: skip
    np.testing.assert_allclose(reduced["below"], 1 - np.log(fractions) / 0.1, rtol=1e-8)


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    ensemble = pkpd.grid(kg=[0.05, 0.1, 0.2]) * pkpd.members(alpha=np.linspace(0.1, 0.4, 7))
    start = pkpd.param("start", 1, "day", "first fraction")
    regimen = pkpd.fractions(2, 5, "flash").shift(start) + pkpd.fractions(1, 2, start=20, duration=0.1)
    ensemble = ensemble * pkpd.grid(start=[0, 3])
    whole = pkpd.simulate(irradiated, regimen, times=DAYS, parameters=ensemble)
    monkeypatch.setattr(chunks, "CHUNK_MEMBERS", 5)
    monkeypatch.setitem(chunks.CHUNK_BYTES, "cpu", 1)
    told: list[tuple[int, int]] = []
    parts = pkpd.simulate(
        irradiated, regimen, times=DAYS, parameters=ensemble, progress=lambda done, total: told.append((done, total))
    )
    np.testing.assert_array_equal(parts["T"], whole["T"])
    np.testing.assert_array_equal(parts["status"], whole["status"])
    assert told[-1] == (42, 42)
    assert sorted(told) == told


@pytest.mark.parametrize("outputs", [None, ["C"]])
def test_outputs_of_every_chunk_are_there(outputs: list[str] | None, monkeypatch: pytest.MonkeyPatch) -> None:
    ensemble = pkpd.sample(one_compartment, 50, seed=1)
    with monkeypatch.context() as small:
        small.setattr(chunks, "CHUNK_MEMBERS", 7)
        small.setitem(chunks.CHUNK_BYTES, "cpu", 1)
        # First the parts: memory never written to could hold the right numbers of a run before.
        parts = pkpd.simulate(one_compartment, DOSES, times=DAYS, parameters=ensemble, outputs=outputs)
    whole = pkpd.simulate(one_compartment, DOSES, times=DAYS, parameters=ensemble)
    np.testing.assert_array_equal(parts["C"], whole["C"])


def test_a_failed_member_has_no_reduction() -> None:
    values = np.array([0.1, np.nan])
    with pytest.warns(FailedMembersWarning):
        found = pkpd.simulate(irradiated, times=DAYS, parameters={"kg": values}, reduce={"top": ("T", "max")})
    assert np.isfinite(found["top"][0])
    assert np.isnan(found["top"][1])


@pytest.mark.parametrize(
    ("reduce", "error", "message"),
    [
        ({"x": ("c", "max")}, UnknownNameError, "no state or output 'c'. Did you mean 'C'"),
        ({"x": ("C", "maximum")}, UnknownNameError, "reduce has no kind 'maximum'. Did you mean 'max'"),
        ({"x": ("C", "first_below")}, SimulationError, "'first_below' of 'C' needs a threshold"),
        ({"x": ("C", "max", 3.0)}, SimulationError, "'max' of 'C' takes no threshold"),
        ({"C": ("C", "max")}, SimulationError, "reduce has the name 'C'"),
        ({"x": "max"}, SimulationError, "expected"),
    ],
)
def test_what_reduce_refuses(reduce: dict[str, tuple[object, ...]], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        pkpd.simulate(one_compartment, times=DAYS, reduce=reduce)


def test_reduce_stands_alone() -> None:
    with pytest.raises(SimulationError, match="leave out outputs= and sensitivities="):
        pkpd.simulate(one_compartment, times=DAYS, reduce={"x": ("C", "max")}, outputs=["C"])
