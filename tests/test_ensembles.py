"""Grids, members and samples."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from examples import growth, one_compartment
from scipy import stats

import pkpd
from pkpd.errors import ParameterError, UnknownNameError


def test_a_grid_is_every_combination() -> None:
    grid = pkpd.grid(a=[1, 2], b=[10, 20, 30])
    assert grid.dims == ("a", "b")
    assert len(grid) == 6
    np.testing.assert_array_equal(grid["a"], [1, 1, 1, 2, 2, 2])
    np.testing.assert_array_equal(grid["b"], [10, 20, 30, 10, 20, 30])


def test_a_product_is_everyone_with_everyone() -> None:
    both = pkpd.grid(a=[1, 2]) * pkpd.members(b=[5, 6, 7], c=[8, 9, 10])
    assert both.shape == (2, 3)
    np.testing.assert_array_equal(both["c"], [8, 9, 10, 8, 9, 10])
    with pytest.raises(ParameterError, match="parameter 'a' is in both factors"):
        pkpd.grid(a=[1]) * pkpd.members(a=[1])
    with pytest.raises(ParameterError, match="dimension 'member' is in both"):
        pkpd.members(a=[1]) * pkpd.members(b=[1])


def test_ensembles_cannot_be_changed() -> None:
    ensemble = pkpd.members(a=[1.0, 2.0])
    with pytest.raises(ValueError, match="read-only"):
        ensemble.columns["a"][1][0] = 5
    with pytest.raises(TypeError):
        ensemble.sizes["member"] = 3  # type: ignore[index]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pkpd.grid(a=[]), "'a' have shape"),
        (lambda: pkpd.grid(a=[1, 1]), "'a' of a grid holds a value twice"),
        (lambda: pkpd.grid(a=3), "expected a sequence"),
        (lambda: pkpd.grid(a=["x"]), "expected numbers"),
        (lambda: pkpd.members(a=[1, 2]).labelled(weight=[1, 2, 3]), "label 'weight' has 3 values for 2 members"),
        (
            lambda: pkpd.Ensemble({"member": 3}, {"a": (("member",), [1, 2])}),
            r"'a' has the shape \(2,\) in an ensemble over {'member': 3}",
        ),
        (
            lambda: pkpd.Ensemble({"member": 3}, {"a": (("draw",), [1, 2])}),
            r"'a' has the shape \(2,\) in an ensemble over {'draw': None}",
        ),
        (lambda: pkpd.members(a=[1, 2], b=[1]), "a has 2, b has 1. For every combination use grid"),
    ],
)
def test_what_an_ensemble_refuses(make: object, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        make()  # type: ignore[operator]


def test_an_unknown_parameter_is_named_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="the ensemble has no parameter 'cl'. Did you mean 'CL'"):
        pkpd.members(CL=[1.0])["cl"]


def test_a_member_is_the_same_whatever_the_number_and_the_chunk() -> None:
    whole = pkpd.sample(one_compartment, 1000, seed=3)
    few = pkpd.sample(one_compartment, 10, seed=3)
    part = pkpd.sample(one_compartment, 100, seed=3, first=500)
    for name in ("CL", "V1"):
        np.testing.assert_array_equal(few[name], whole[name][:10])
        np.testing.assert_array_equal(part[name], whole[name][500:600])
    assert not np.array_equal(pkpd.sample(one_compartment, 10, seed=4)["CL"], few["CL"])


def test_a_further_distribution_leaves_the_others_alone() -> None:
    more = pkpd.sample(one_compartment, 10, seed=3, distributions={"V1": stats.uniform(2, 1)})
    np.testing.assert_array_equal(more["CL"], pkpd.sample(one_compartment, 10, seed=3)["CL"])
    assert ((more["V1"] >= 2) & (more["V1"] <= 3)).all()


def test_sobol_points_continue_too() -> None:
    whole = pkpd.sample(one_compartment, 48, seed=3, points="sobol")
    part = pkpd.sample(one_compartment, 16, seed=3, points="sobol", first=32)
    np.testing.assert_array_equal(part["CL"], whole["CL"][32:])


@pytest.mark.parametrize("points", ["random", "latin", "sobol"])
def test_samples_have_the_declared_median_and_omega(points: str) -> None:
    drawn = np.log(pkpd.sample(one_compartment, 4096, seed=1, points=points)["CL"] / 0.3)  # type: ignore[arg-type]
    # Four standard errors of a mean and a standard deviation over 4096 draws.
    assert abs(drawn.mean()) < 4 * 0.3 / 64
    assert abs(drawn.std() - 0.3) < 4 * 0.3 / np.sqrt(2 * 4096)


def test_a_parameter_that_is_zero_varies_about_zero() -> None:
    model = pkpd.load("kosinsky_2018")
    assert (pkpd.sample(model.using(S_L=0), 5, seed=1)["S_L"] == 0).all()


def test_parameters_are_drawn_independently() -> None:
    drawn = pkpd.sample(one_compartment, 4096, seed=1)
    assert abs(np.corrcoef(np.log(drawn["CL"]), np.log(drawn["V1"]))[0, 1]) < 4 / 64


def test_what_a_sample_refuses() -> None:
    with pytest.raises(ParameterError, match="exponential_growth declares no variability"):
        pkpd.sample(growth, 10, seed=1)
    with pytest.raises(UnknownNameError, match="Did you mean 'CL'"):
        pkpd.sample(one_compartment, 10, seed=1, distributions={"cl": stats.norm()})
    for n in (0, 2.5):
        with pytest.raises(ParameterError, match=rf"sample\(\) got n={n}"):
            pkpd.sample(one_compartment, n, seed=1)  # type: ignore[arg-type]
    for seed in (-1, 1.5):
        for points in ("random", "latin", "sobol"):
            with pytest.raises(ParameterError, match=rf"the seed is {seed}; expected a whole number"):
                pkpd.sample(one_compartment, 2, seed, points=points)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="frozen"):
        pkpd.sample(one_compartment, 1, seed=1, distributions={"CL": 3})
    with pytest.raises(ParameterError, match="expected 'random', 'latin' or 'sobol'"):
        pkpd.sample(one_compartment, 1, seed=1, points="halton")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pkpd.grid(CL=[1, math.nan]), "the axis 'CL' of a grid holds nan; expected finite"),
        (lambda: pkpd.members(CL=[1, 2]).take([5]), r"take\(\) got \[5\]; expected positions among 2 members"),
        (lambda: pkpd.members(CL=[1, 2]).take(["a"]), "expected positions among 2 members"),
        (lambda: pkpd.sample("kosinsky_2018", 3, seed=1), r"sample\(\) got 'kosinsky_2018' as a model"),
        (
            lambda: pkpd.sample(pkpd.load("kosinsky_2018"), 3, seed=-1),
            "seed is -1; expected a whole number",
        ),
        (lambda: pkpd.sample(pkpd.load("kosinsky_2018"), 3, seed=None, points="sobol"), "the seed is None"),
        (lambda: pkpd.sample(pkpd.load("kosinsky_2018"), 3, seed=1, distributions=[3]), r"distributions is \[3\]"),
    ],
)
def test_arguments_of_a_wrong_kind(make: Any, message: str) -> None:
    with pytest.raises(pkpd.PkpdError, match=message):
        make()
