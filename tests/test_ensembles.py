"""Grids, members and samples."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pint
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


# ---- a sample is a population


@pytest.mark.parametrize("points", ["random", "latin", "sobol"])
def test_a_sample_is_a_population_without_labels(points: Any) -> None:
    sample = pkpd.sample(one_compartment, 64, seed=3, points=points)
    people = pkpd.population(one_compartment, 64, 3, points=points)
    assert list(sample.columns) == list(people.columns) == ["CL", "V1"]
    assert (list(sample.labels), list(people.labels)) == ([], ["member"])
    for name in sample.columns:
        np.testing.assert_array_equal(sample[name], people[name])


def test_sobol_points_spread_a_correlated_population_more_evenly() -> None:
    """The mean of the etas of 4096 members: random ones miss 0 by 1/64 standard deviations, Sobol's by far less."""
    both = pkpd.block(["CL", "V1"], covariance=[0.09, 0.03, 0.04])
    people = pkpd.population(one_compartment, 4096, 3, variability=both, points="sobol")
    etas = np.stack([np.log(people["CL"] / 0.3) / 0.3, np.log(people["V1"] / 3.0) / 0.2])
    assert np.abs(etas.mean(axis=1)).max() < 0.1 / 64
    np.testing.assert_allclose(np.corrcoef(etas)[0, 1], 0.5, atol=5e-3)


def test_a_sample_takes_the_distributions_of_a_population() -> None:
    fixed = pkpd.sample(one_compartment, 10, seed=1, distributions={"CL": None, "V1": pkpd.normal(sd=0.1)})
    assert list(fixed.columns) == ["V1"]
    with pytest.raises(ParameterError, match=r"values of 'CL' lie outside its bounds 0 to inf; the first is -"):
        pkpd.sample(one_compartment, 100, seed=1, distributions={"CL": stats.norm()})


# ---- members by number


HUGE = pkpd.grid(a=np.arange(10**5), b=np.arange(10**5)) * pkpd.members(c=np.arange(7.0), d=10 * np.arange(7.0))


def test_a_slice_of_a_grid_too_large_to_be_made_holds_its_members() -> None:
    part = HUGE.slice(7 * 10**10 - 3, 7 * 10**10)
    assert len(HUGE) == 7 * 10**10
    assert part.sizes == {"member": 3}
    np.testing.assert_array_equal(part["a"], [10**5 - 1] * 3)
    np.testing.assert_array_equal(part["c"], [4, 5, 6])
    np.testing.assert_array_equal(part["d"], [40, 50, 60])
    np.testing.assert_array_equal(part.labels["member"][1], 7 * 10**10 - np.array([3, 2, 1]))


def test_members_by_number_are_those_of_the_whole() -> None:
    whole = pkpd.grid(a=[1, 2, 3]) * pkpd.sample(one_compartment, 5, seed=1) * pkpd.Ensemble({}, {"k": ((), 7.0)})
    part = whole.slice(4, 12)
    chosen = [3, -1, 3, 0]
    for name in ("a", "CL", "V1", "k"):
        np.testing.assert_array_equal(part[name], whole[name][4:12])
        np.testing.assert_array_equal(whole.take(chosen)[name], whole[name][chosen])
        np.testing.assert_array_equal(whole.take(whole["a"] > 1)[name], whole[name][whole["a"] > 1])
    assert whole.take(chosen).labels["member"][1].tolist() == [3, 14, 3, 0]


def test_a_result_of_a_slice_is_that_of_its_members() -> None:
    ensemble = pkpd.grid(CL=[0.1, 0.2, 0.4], V1=[2.0, 3.0])
    whole = pkpd.simulate(one_compartment, pkpd.bolus(10, "iv"), times=[1, 2], parameters=ensemble)["C"].to_numpy()
    part = pkpd.simulate(one_compartment, pkpd.bolus(10, "iv"), times=[1, 2], parameters=ensemble.slice(1, 4))
    np.testing.assert_array_equal(part["C"], whole.reshape(6, 2)[1:4])
    assert part["member"].values.tolist() == [1, 2, 3]


def test_a_population_too_large_to_be_drawn_is_drawn_in_parts() -> None:
    everyone = pkpd.population(one_compartment, 10**10, 3, first=5)
    part = everyone.slice(10**9, 10**9 + 20)
    again = pkpd.population(one_compartment, 20, 3, first=5 + 10**9)
    for name in ("CL", "V1"):
        np.testing.assert_array_equal(part[name], again[name])
    np.testing.assert_array_equal(part.labels["member"][1], again.labels["member"][1])
    scattered = everyone.take([9 * 10**9, 0, 10**9 + 3, 0])
    assert scattered["CL"].tolist()[2] == again["CL"][3]
    assert scattered["CL"].tolist()[1] == pkpd.population(one_compartment, 6, 3)["CL"][5]
    product = (pkpd.grid(k=[1.0, 2.0]) * everyone).slice(10**10 - 2, 10**10 + 2)
    np.testing.assert_array_equal(product["k"], [1, 1, 2, 2])
    np.testing.assert_array_equal(product.labels["member"][1], [10**10 + 3, 10**10 + 4, 5, 6])
    np.testing.assert_array_equal(product["CL"][2:], everyone.slice(0, 2)["CL"])


def test_a_rule_survives_pickling() -> None:
    mixture = {"a": pkpd.subpopulation(0.5), "b": pkpd.subpopulation(0.5, values={"CL": 3.0})}
    everyone = pkpd.population(one_compartment, 10**7, 3, mixture=mixture)
    again = pickle.loads(pickle.dumps(everyone))
    assert len(pickle.dumps(everyone)) < 10_000
    np.testing.assert_array_equal(again.slice(5, 9)["CL"], everyone.slice(5, 9)["CL"])
    np.testing.assert_array_equal(
        again.slice(5, 9).labels["subpopulation"][1], everyone.slice(5, 9).labels["subpopulation"][1]
    )


def test_a_rule_can_be_made_whole() -> None:
    everyone = pkpd.population(one_compartment, 2**20 + 1, 3)
    assert list(everyone.columns) == ["CL", "V1"]
    np.testing.assert_array_equal(everyone["CL"][-5:], everyone.slice(2**20 - 4, 2**20 + 1)["CL"])
    assert everyone.columns["CL"][1] is everyone.columns["CL"][1]  # drawn once
    np.testing.assert_array_equal(everyone.whole()["V1"], everyone["V1"])


def test_values_outside_the_bounds_are_refused_in_the_part_that_holds_them() -> None:
    everyone = pkpd.population(one_compartment, 10**9, 1, variability={"CL": pkpd.normal(sd=0.1)})
    with pytest.raises(ParameterError, match=r"'CL' lie outside its bounds 0 to inf; the first is -.*, of subject \d+"):
        everyone.slice(0, 10_000)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: pkpd.population(one_compartment, 10**15, 1)["CL"],
            r"1e\+15 members; .* of memory.*\.slice\(start, stop\)",
        ),
        (lambda: (HUGE * pkpd.grid(e=np.arange(10**5)))["a"], r"7e\+15 members; .* take 56 PB of memory"),
        (lambda: (HUGE * pkpd.grid(e=np.arange(10**5))).slice(0, 10**15), r"1e\+15 members; .* of memory"),
        (lambda: HUGE * pkpd.grid(e=np.arange(10**6)), r"more than 2\*\*53 members"),
        (lambda: HUGE.slice(3, 1), r"slice\(\) got 3 to 1; expected 0 <= start < stop <= 70000000000"),
        (lambda: HUGE.slice(0, 10**400), "slice\\(\\) got 0 to 1000.*401 characters"),
        (lambda: HUGE.slice(0, True), "slice\\(\\) got 0 to True"),
        (lambda: HUGE.take([[1], [1, 2]]), "expected rows of one length"),
        (lambda: HUGE.take(pd.NA), "got <NA>; expected positions"),
        (lambda: HUGE.take([0.5]), r"got \[0.5\]; expected positions"),
        (lambda: pkpd.population(one_compartment, 2**30 + 1, 1, points="sobol"), r"beyond the 2\*\*30 points"),
        (lambda: pkpd.population(one_compartment, 2, 1, points="latin", first=1), "drawn whole"),
        (lambda: pkpd.population(one_compartment, 10**9, 1, points="latin"), "1000000000 points are too many"),
    ],
)
def test_what_members_by_number_refuse(make: Any, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        make()


# ---- what is no number


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pkpd.members(CL=[1, pd.NA]), "the values of 'CL' are .*<NA>.*; expected numbers"),
        (lambda: pkpd.members(CL=pd.array([1, None], "Int64")), "the values of 'CL' are .*<NA>"),
        (lambda: pkpd.members(CL=pd.Series([1, None], dtype="Int64")), "the values of 'CL' are .*<NA>"),
        (lambda: pkpd.members(CL=np.ma.array([1, 2], mask=[0, 1])), "with masked places"),
        (lambda: pkpd.members(CL=[1.0, np.ma.masked]), "with masked places"),
        (lambda: pkpd.grid(CL=[1, 10**400]), "'CL' are .*; expected numbers"),
        (lambda: pkpd.grid(CL=np.array([1 + 1j])), "'CL' are complex numbers"),
        (lambda: pkpd.grid(CL=[1, 1j]), "'CL' are complex numbers"),
        (lambda: pkpd.grid(CL=np.array(["2020-01-01"], "datetime64[D]")), "'CL' are dates or durations"),
        (lambda: pkpd.grid(CL=["1 L/day"]), "'CL' are .*; expected numbers"),
        (lambda: pkpd.grid(CL=pint.Quantity([1.0], "L/day")), "'CL' are .*, with a unit; expected plain numbers"),
        (lambda: pkpd.grid(CL=[pint.Quantity(1.0, "L/day")]), "'CL' are .*, with a unit; expected plain numbers"),
        (lambda: pkpd.members(CL=None), "'CL' are None"),
        (lambda: pkpd.members(CL=[None, 1]), "'CL' are .*None, 1.*; expected numbers"),
        (lambda: pkpd.members(CL=[]), "'CL' have shape"),
        (lambda: pkpd.members(CL=[[1], [1, 2]]), "'CL' are .*; expected numbers"),
        (lambda: pkpd.Ensemble(3), "sizes of an ensemble are 3"),  # type: ignore[arg-type]
        (lambda: pkpd.Ensemble({"member": -1}), "'member' has the length -1"),
        (lambda: pkpd.Ensemble({"member": 2}, {"a": 3}), "column 'a' of an ensemble is 3"),  # type: ignore[dict-item]
        (lambda: pkpd.Ensemble({"member": 2}, {"a": ("member", [1, 2])}), "column 'a' of an ensemble is"),  # type: ignore[dict-item]
        (lambda: pkpd.Ensemble({"member": 2}, [3]), "an ensemble got .3.; expected"),  # type: ignore[arg-type]
        (lambda: pkpd.members(a=[1, 2]).labelled(x=[[1], [1, 2]]), "'x' are .*; expected rows of one length"),
        (lambda: pkpd.members(a=[1, 2]).labelled(x=np.ma.array([1, 2], mask=[0, 1])), "'x' are .*, with masked places"),
    ],
)
def test_what_is_no_number_is_refused_by_name(make: Any, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        make()


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
