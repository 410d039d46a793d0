"""Sensitivity analyses against closed forms."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

import pkpd
from pkpd.analysis.ranks import _partial

PI = np.pi


def ishigami(x1, x2, x3):
    return np.sin(x1) + 7 * np.sin(x2) ** 2 + 0.1 * x3**4 * np.sin(x1)


def ishigami_indices(a=7.0, b=0.1):
    """Ishigami T, Homma T. ISUMA '90, 398-403 (1990): first and total order, in closed form."""
    parts = np.array([0.5 * (1 + b * PI**4 / 5) ** 2, a**2 / 8, 0.0])
    together = b**2 * PI**8 * 8 / 225  # of x1 and x3
    variance = parts.sum() + together
    return parts / variance, (parts + together * np.array([1, 0, 1])) / variance


CUBE = dict.fromkeys(("x1", "x2", "x3"), (-PI, PI))


def linear(a, b, c):
    return 3 * a - 2 * b + c


def inside(table: xr.Dataset, name: str, exact) -> np.ndarray:
    return ((table[f"{name}_low"] <= exact) & (exact <= table[f"{name}_high"])).to_numpy()


@pytest.fixture(scope="module")
def washout() -> pkpd.Prepared:
    """C(10 days) after a bolus in one compartment, 100/V exp(-10 CL/V)."""
    return pkpd.prepare(pkpd.load("pk_1cmt"), pkpd.bolus("100 mg", "iv"), times=[10], outputs=["C"])


def fails_tenth(a, b):
    """A linear model of which every member with a > 0.9 fails: a tenth of them."""
    return np.where(a > 0.9, np.nan, 3 * a + b)


# ---- Sobol


def test_sobol_indices_of_ishigami_are_within_their_intervals_of_the_closed_form() -> None:
    first, total = ishigami_indices()
    table = pkpd.sobol_indices(ishigami, CUBE, n=2048, seed=3)
    assert inside(table, "first_order", first).all()
    assert inside(table, "total_order", total).all()
    np.testing.assert_allclose(table["first_order"], first, atol=0.02)
    np.testing.assert_allclose(table["total_order"], total, atol=0.02)
    assert float((table["total_order_high"] - table["total_order_low"]).max()) < 0.2, "the intervals say something"
    assert table.attrs["members"] == 2048 * 5


def test_second_order_indices_of_ishigami_are_within_their_intervals_of_the_closed_form() -> None:
    """Of x1 and x3 together, and of no other pair: what the total order of x3 has and its first order has not."""
    first, total = ishigami_indices()
    table = pkpd.sobol_indices(ishigami, CUBE, n=4096, seed=3, second_order=True)
    exact = np.zeros((3, 3))
    exact[0, 2] = exact[2, 0] = total[2] - first[2]
    pairs = ~np.eye(3, dtype=bool)
    assert inside(table, "second_order", exact)[pairs].all()
    np.testing.assert_allclose(table["second_order"].values[pairs], exact[pairs], atol=0.03)
    assert np.isnan(table["second_order"].values[~pairs]).all()
    assert float((table["second_order_high"] - table["second_order_low"]).max()) < 0.25, "the intervals say something"
    assert table["second_order"].sel(parameter="x1", other="x3") == table["second_order"].sel(
        parameter="x3", other="x1"
    )
    assert table.attrs["members"] == 4096 * 8
    fewer = pkpd.sobol_indices(ishigami, CUBE, n=4096, seed=3)
    for kind in ("first_order", "total_order"):
        assert inside(table, kind, {"first_order": first, "total_order": total}[kind]).all()
        np.testing.assert_allclose(table[kind], fewer[kind], atol=1e-12)


def test_second_order_indices_without_failed_rows_and_of_what_does_not_vary() -> None:
    def mostly(x1, x2, x3):
        return np.where(x1 > 3.1, np.nan, ishigami(x1, x2, x3))

    table = pkpd.sobol_indices(mostly, CUBE, n=2048, seed=3, failed="exclude", second_order=True)
    assert table.attrs["base_rows_excluded"] > 0
    assert table["second_order"].sel(parameter="x1", other="x3").item() == pytest.approx(0.24, abs=0.06)
    constant = pkpd.sobol_indices(lambda x1, x2: 0 * x1, {"x1": (0, 1), "x2": (0, 1)}, n=8, seed=1, second_order=True)
    assert np.isnan(constant["second_order"]).all()
    assert constant["second_order"].shape == (2, 2)
    with pytest.raises(pkpd.SimulationError, match="takes pairs of inputs, and there are 1"):
        pkpd.sobol_indices(lambda x1: x1, {"x1": (0, 1)}, n=8, seed=1, second_order=True)


def test_sobol_indices_of_a_linear_model_with_three_distributions() -> None:
    """Shares of the variance: 9 of a uniform on (0, 2) is 3, 4 of a normal with sd 1/2 is 1, a log-normal's own."""
    inputs = {"a": (0, 2), "b": pkpd.normal(1, sd=0.5), "c": pkpd.lognormal(1, omega=0.5)}
    variances = np.array([9 * 4 / 12, 4 * 0.25, (np.exp(0.25) - 1) * np.exp(0.25)])
    table = pkpd.sobol_indices(linear, inputs, n=2048, seed=1)
    for kind in ("first_order", "total_order"):
        assert inside(table, kind, variances / variances.sum()).all()
        np.testing.assert_allclose(table[kind], variances / variances.sum(), atol=0.02)


def test_sobol_indices_of_a_prepared_model_take_medians_and_omegas_of_the_model(washout) -> None:
    """By the closed form of the concentration, and over times each has its own indices."""
    model = pkpd.load("pk_1cmt")
    inputs = {"CL": pkpd.lognormal(omega=0.3), "V": pkpd.lognormal(omega=0.2)}
    CL, V = (model[name].value for name in ("CL", "V"))

    def closed(CL, V):
        return 100 / V * np.exp(-10 * CL / V)

    explicit = {"CL": pkpd.lognormal(CL, omega=0.3), "V": pkpd.lognormal(V, omega=0.2)}
    one = pkpd.sobol_indices(washout, inputs, n=256, seed=1)
    other = pkpd.sobol_indices(closed, explicit, n=256, seed=1)
    np.testing.assert_allclose(one["total_order"].isel(time=0), other["total_order"], rtol=1e-4)
    assert one["unit"].values.tolist() == [model.units["CL"], model.units["V"]]
    early = pkpd.prepare(model, pkpd.bolus("100 mg", "iv"), times=[1e-6, 10], outputs=["C"])
    over_time = pkpd.sobol_indices(early, inputs, n=256, seed=1)
    assert over_time["first_order"].dims == ("time", "parameter")
    assert float(over_time["total_order"].sel(parameter="CL").isel(time=0)) < 1e-6


def test_an_output_that_does_not_vary_has_no_indices(washout) -> None:
    still = pkpd.prepare(pkpd.load("pk_1cmt"), None, times=[1], outputs=["C"])
    assert pkpd.sobol_indices(still, {"CL": pkpd.lognormal(omega=0.3)}, n=4, seed=1)["first_order"].isnull().all()


def test_a_tenth_of_failed_members_demands_a_policy() -> None:
    inputs = {"a": (0, 1), "b": (0, 1)}
    for analysis in (pkpd.sobol_indices, pkpd.morris):
        with pytest.raises(pkpd.SimulationError, match=r"of \d+ members have no value .*failed='exclude'"):
            analysis(fails_tenth, inputs, n=512, seed=1)
    table = pkpd.sobol_indices(fails_tenth, inputs, n=512, seed=1, failed="exclude")
    lost = table.attrs["base_rows_excluded"] / 512
    assert lost == pytest.approx(1 - 0.9**2, abs=0.01), "a row is lost when its a of A or that of B is above 0.9"
    assert table.attrs["members_not_finite"] == pytest.approx(0.1 * 512 * 4, rel=0.02)
    share = 9 * 0.81 / (9 * 0.81 + 1)  # a is uniform on (0, 0.9) where the model has a value
    assert inside(table, "first_order", np.array([share, 1 - share])).all()
    np.testing.assert_allclose(table["first_order"], [share, 1 - share], atol=0.05)
    screened = pkpd.morris(fails_tenth, inputs, n=40, seed=1, failed="exclude")
    assert 0 < screened.attrs["trajectories_excluded"] < 40
    np.testing.assert_allclose(screened["mu_star"], [3, 1])


def test_members_that_the_solver_fails_are_counted_apart() -> None:
    model = pkpd.load("pk_1cmt")
    prepared = pkpd.prepare(
        model, pkpd.bolus("100 mg", "iv"), times=[10], outputs=["C"], solver=pkpd.Solver(max_steps=3, rtol=1e-10)
    )
    with pytest.raises(pkpd.SimulationError, match="16 failed, 0 not finite"):
        pkpd.sobol_indices(prepared, {"CL": (0.1, 2), "V": (1, 5)}, n=4, seed=1)


def test_nothing_is_estimated_from_no_rows() -> None:
    with pytest.raises(pkpd.SimulationError, match="with 0 left"):
        pkpd.sobol_indices(lambda a: np.full_like(a, np.nan), {"a": (0, 1)}, n=4, seed=1, failed="exclude")


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"n": 100}, pkpd.SimulationError, "power of two"),
        ({"seed": -1}, pkpd.ParameterError, "seed"),
        ({"confidence": 95}, pkpd.SimulationError, "confidence is 95"),
        ({"failed": "ignore"}, pkpd.SimulationError, "failed is 'ignore'"),
        ({"inputs": {"a": (1, 0), "b": (0, 1), "c": (0, 1)}}, pkpd.ParameterError, "range of 'a' is 1 to 0"),
        ({"inputs": {}}, pkpd.ParameterError, "got {} as inputs"),
        ({"inputs": {"a": 3}}, pkpd.ParameterError, "distribution of 'a' is 3"),
        ({"response": 3}, pkpd.SimulationError, "got 3"),
        ({"response": lambda a, b, c: a[:2]}, pkpd.DataError, r"shape \(2,\)"),
    ],
)
def test_bad_arguments_are_named(change, error, words) -> None:
    good = {"response": linear, "inputs": dict.fromkeys("abc", (0, 1)), "n": 8, "seed": 1, **change}
    with pytest.raises(error, match=words):
        pkpd.sobol_indices(good.pop("response"), good.pop("inputs"), **good)


def test_names_of_the_model_are_checked(washout) -> None:
    with pytest.raises(pkpd.UnknownNameError, match="Did you mean 'CL'"):
        pkpd.sobol_indices(washout, {"Cl": (0.1, 1)}, n=8, seed=1)
    with pytest.raises(pkpd.UnknownNameError, match="prepared output 'D'"):
        pkpd.sobol_indices(washout, {"CL": (0.1, 1)}, n=8, seed=1, output="D")


# ---- Morris


def test_elementary_effects_of_a_linear_model_are_its_slopes_times_the_ranges() -> None:
    table = pkpd.morris(linear, {"a": (0, 2), "b": (0, 5), "c": (-1, 1)}, n=6, seed=2)
    np.testing.assert_allclose(table["mu"], [6, -10, 2])
    np.testing.assert_allclose(table["mu_star"], [6, 10, 2])
    np.testing.assert_allclose(table["sigma"], 0, atol=1e-9)


def test_elementary_effects_of_a_product_against_its_moments() -> None:
    """f = ab: an effect of a is b at a level of {0, 1/3, 2/3, 1}: mean 1/2, variance 5/36; within the intervals."""
    table = pkpd.morris(lambda a, b: a * b, {"a": (0, 1), "b": (0, 1)}, n=400, seed=5)
    assert inside(table, "mu_star", 0.5).all()
    assert inside(table, "mu", 0.5).all()
    np.testing.assert_allclose(table["sigma"], np.sqrt(5 / 36), rtol=0.1)


# ---- partial rank correlation


def run_of(y, **columns) -> xr.Dataset:
    coords = {name: ("member", values) for name, values in columns.items()}
    status = np.zeros(len(y), dtype=np.int8)
    return xr.Dataset({"y": ("member", y), "status": ("member", status)}, coords)


def test_prcc_is_one_for_monotone_functions_and_sees_through_a_correlated_bystander() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random(300), rng.random(300)
    bystander = a + 0.1 * rng.random(300)
    table = pkpd.prcc(run_of(np.exp(5 * a), a=a, b=b), "y")
    assert float(table["prcc"].sel(parameter="a")) > 0.9999999
    seen = pkpd.prcc(run_of(a + 0.05 * rng.standard_normal(300), a=a, bystander=bystander), "y")
    plain = np.corrcoef(np.argsort(np.argsort(bystander)), np.argsort(np.argsort(a)))[0, 1]
    assert plain > 0.98
    assert float(seen["prcc_low"].sel(parameter="bystander")) < 0 < float(seen["prcc_high"].sel(parameter="bystander"))
    assert float(seen["p_value"].sel(parameter="a")) < 1e-15


def test_prcc_is_the_partial_correlation_of_the_inverse_correlation_matrix() -> None:
    """r = -P_ij / sqrt(P_ii P_jj), P the inverse of the correlation matrix of ranks."""
    from scipy.stats import rankdata

    rng = np.random.default_rng(1)
    a, b, c = rng.random((3, 60))
    y = a - 0.5 * b * c + 0.2 * rng.random(60)
    inverse = np.linalg.inv(np.corrcoef([rankdata(v) for v in (y, a, b, c)]))
    expected = -inverse[0, 1:] / np.sqrt(inverse[0, 0] * np.diag(inverse)[1:])
    np.testing.assert_allclose(pkpd.prcc(run_of(y, a=a, b=b, c=c), "y")["prcc"], expected, rtol=1e-10)


def test_intervals_of_prcc_hold_as_often_as_they_say() -> None:
    """Of normal columns the population's partial rank correlation is (6/pi) asin(rho/2) (Pearson 1907)."""
    rng, hits, rho = np.random.default_rng(7), 0, 0.6
    for _ in range(100):
        a, b, e = rng.standard_normal((3, 80))
        table = pkpd.prcc(run_of(rho * a + np.sqrt(1 - rho**2) * e, a=a, b=b), "y")
        hits += bool(inside(table.sel(parameter=["a"]), "prcc", 6 / PI * np.arcsin(rho / 2)).all())
    assert 89 <= hits <= 100


def test_prcc_wants_a_policy_and_counts_whom_it_left() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.random((2, 100))
    run = run_of(np.where(np.arange(100) < 10, np.nan, a), a=a, b=b)
    run["status"][:10] = 3
    with pytest.raises(pkpd.SimulationError, match="10 of 100 members failed"):
        pkpd.prcc(run, "y")
    table = pkpd.prcc(run, "y", failed="exclude")
    assert table["members"].values.tolist() == [90, 90]
    np.testing.assert_allclose(table["prcc"], pkpd.prcc(run.isel(member=slice(10, None)), "y")["prcc"])


def test_prcc_of_a_grid_with_arms_and_times() -> None:
    model = pkpd.load("pk_1cmt")
    grid = pkpd.grid(CL=np.linspace(0.1, 1, 6), V=np.linspace(3, 5, 5))
    arms = {"low": pkpd.bolus("10 mg", "iv"), "high": pkpd.bolus("100 mg", "iv")}
    table = pkpd.prcc(pkpd.simulate(model, arms, times=[0, 10], parameters=grid, outputs=["C"]), "C")
    assert table["prcc"].dims == ("arm", "time", "parameter")
    assert table["prcc"].isel(time=0).isnull().all(), "before the dose there is nothing to correlate"
    assert (table["prcc"].sel(time=10, parameter="CL") < -0.9).all()
    with pytest.raises(pkpd.UnknownNameError, match="parameter that varies 'Vd'"):
        pkpd.prcc(run_of(np.arange(9.0), V=np.arange(9.0)), "y", parameters=["Vd"])
    with pytest.raises(pkpd.SimulationError, match="4 members are too few for 1"):
        pkpd.prcc(run_of(np.arange(4.0), V=np.arange(4.0)), "y")


def test_a_column_that_the_others_determine_has_no_partial_correlation() -> None:
    x = np.arange(10.0)
    assert np.isnan(_partial(x, x**2, np.column_stack([x])))


# ---- local


def test_elasticities_of_an_exponential_washout() -> None:
    """C = D/V exp(-CL t/V): by CL it is -CL t/V, by V it is CL t/V - 1."""
    model = pkpd.load("pk_1cmt")
    run = pkpd.simulate(
        model, pkpd.bolus("100 mg", "iv"), times=[0, 5, 10], outputs=["C"], sensitivities=["CL", "V"],
        parameters={"CL": [0.2, 0.4]},
    )  # fmt: skip
    table = pkpd.elasticities(run, "C")
    k = np.array([0.2, 0.4]) / model["V"].value
    for time in (5, 10):
        np.testing.assert_allclose(table.sel(time=time, parameter="CL"), -k * time, rtol=1e-5)
        np.testing.assert_allclose(table.sel(time=time, parameter="V"), k * time - 1, rtol=1e-5)
    assert table.sel(time=0).isnull().all()
    run["status"][1] = 2
    with pytest.raises(pkpd.SimulationError, match="1 of 2 members failed"):
        pkpd.elasticities(run, "C")
    left = pkpd.elasticities(run, "C", failed="exclude")
    assert left.isel(member=1).isnull().all()
    assert left.attrs["members_excluded"] == 1
    with pytest.raises(pkpd.DataError, match="no derivatives of 'C'"):
        pkpd.elasticities(run.drop_vars("sensitivity_C"), "C", failed="exclude")


def test_one_at_a_time_against_the_closed_form(washout) -> None:
    model = pkpd.load("pk_1cmt")
    CL, V = model["CL"].value, model["V"].value
    table = pkpd.one_at_a_time(washout, {"V": (0.9 * V, 1.1 * V), "CL": (0.5 * CL, 2 * CL)})

    def closed(CL, V):
        return 100 / V * np.exp(-10 * CL / V)

    assert table["parameter"].values.tolist() == ["CL", "V"], "the widest swing first"
    np.testing.assert_allclose(table["output_base"], closed(CL, V), rtol=1e-6)
    np.testing.assert_allclose(table["output_low"], [closed(CL / 2, V), closed(CL, 0.9 * V)], rtol=1e-6)
    np.testing.assert_allclose(table["output_high"], [closed(2 * CL, V), closed(CL, 1.1 * V)], rtol=1e-6)
    np.testing.assert_allclose(table["base"], [CL, V])
    assert table["output_low"].attrs["units"] == model.units["C"]


def test_one_at_a_time_wants_a_policy() -> None:
    with pytest.raises(pkpd.SimulationError, match="1 of 5 members"):
        pkpd.one_at_a_time(fails_tenth, {"a": (0, 1), "b": (0, 1)})
    table = pkpd.one_at_a_time(fails_tenth, {"a": (0, 1), "b": (0, 1)}, failed="exclude")
    assert np.isnan(table["output_high"].sel(parameter="a"))
    assert table.attrs["members_not_finite"] == 1
    with pytest.raises(pkpd.SimulationError, match="base itself"):
        pkpd.one_at_a_time(fails_tenth, {"a": (0, 1), "b": (0, 1)}, base={"a": 1}, failed="exclude")


def test_salib_is_an_extra() -> None:
    code = (
        "import sys; sys.modules['SALib'] = None\n"
        "import pkpd\n"
        "try: pkpd.morris(lambda a: a, {'a': (0, 1)}, n=4, seed=1)\n"
        "except pkpd.MissingExtraError as error: print(error)"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "pkpd[sweep]" in printed


# ---- a study


@pytest.fixture(scope="module")
def blow_up() -> pkpd.Study:
    """x' = k x^2 from x0 is x0/(1 - x0 k t): of ten members one is infinite at 1, before the end."""
    x0 = pkpd.param("x0", 0.5, "1", "start", source="illustrative")
    k = pkpd.param("k", 1, "1/day", "rate", source="illustrative")
    x = pkpd.state("x", "1", "state", start=x0)
    model = pkpd.Model("blow_up", rates={x: k * x**2})
    return pkpd.Study(model, times=[1.05], axes={"x0": np.linspace(0.1, 1.0, 10)}, outputs=("x",))


def test_a_study_with_a_tenth_of_failing_members_demands_a_policy(blow_up, tmp_path) -> None:
    pytest.importorskip("zarr")
    pkpd.run_study(blow_up, tmp_path / "sweep")
    run = pkpd.open_sweep(tmp_path / "sweep")
    assert int((run["status"] != 0).sum()) == 1
    with pytest.raises(pkpd.SimulationError, match="1 of 10 members failed"):
        pkpd.prcc(run, "x")
    table = pkpd.prcc(run, "x", failed="exclude")
    assert table["members"].values.tolist() == [[9]]
    assert float(table["prcc"].sel(parameter="x0", time=1.05)) == pytest.approx(1)
    wide = pkpd.open_sweep(tmp_path / "sweep", unfolded=True).sel(time=1.05)
    with pytest.raises(pkpd.SimulationError, match="1 of 10 values"):
        pkpd.dose_response(wide, "x", dose="x0")
    assert int(pkpd.dose_response(wide, "x", dose="x0", failed="exclude")["excluded"]) == 1


def test_indices_of_a_study_are_those_of_its_model(blow_up) -> None:
    inputs = {"x0": (0.1, 0.8), "k": (0.5, 1)}
    table = pkpd.sobol_indices(blow_up, inputs, n=64, seed=1)
    other = pkpd.sobol_indices(lambda x0, k: x0 / (1 - 1.05 * x0 * k), inputs, n=64, seed=1)
    np.testing.assert_allclose(table["total_order"].isel(time=0), other["total_order"], rtol=1e-4)
    with pytest.raises(pkpd.SimulationError, match="failed, 0 not finite"):
        pkpd.sobol_indices(blow_up, {"x0": (0.1, 2.0), "k": (0.5, 1)}, n=64, seed=1)
