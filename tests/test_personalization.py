"""Patients' parameters from early observations: conjugate closed forms, what scans are worth, what is refused."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import pkpd
from pkpd.fits import personalized_radiation as example

OMEGA, SD = 0.4, 0.25


def decaying() -> pkpd.Model:
    """A concentration that only its start decides: ln of it is ln(C0) - k t, with a normal prior of ln(C0)."""
    C0, k = pkpd.param("C0", 10, "mg/L", "start"), pkpd.param("k", 0.1, "1/day", "loss")
    A = pkpd.state("A", "mg/L", "drug", start=C0)
    return pkpd.Model("decaying", {A: -k * A}, outputs={"C": pkpd.output(A, "concentration")})


STATEMENT = pkpd.mixed_effects(
    decaying(), {"C0": pkpd.lognormal(10, omega=OMEGA)}, error={"C": pkpd.lognormal_error(SD).fixed()}
)
READ = {"a": [(1.0, 12.0), (3.0, 9.0)], "b": [(2.0, 5.0)], "c": [(1.0, 9.0), (2.0, 8.5), (4.0, 7.0)]}


def observed() -> pkpd.Records:
    rows = [
        {"ID": who, "TIME": t, "DV": c, "AMT": 0, "EVID": kind}  # a subject begins with the first record: at time 0
        for who, seen in READ.items()
        for t, c, kind in [(0.0, 0.0, 2), *((t, c, 0) for t, c in seen)]
    ]
    return pkpd.read_nonmem(pd.DataFrame(rows))


def conjugate() -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of each posterior: precisions add."""
    means, variances = [], []
    for seen in READ.values():
        precision = 1 / OMEGA**2 + len(seen) / SD**2
        means.append(sum(np.log(c) + 0.1 * t - np.log(10) for t, c in seen) / SD**2 / precision)
        variances.append(1 / precision)
    return np.array(means), np.array(variances)


def test_a_linear_patient_has_the_conjugate_posterior() -> None:
    posterior = pkpd.personalize(STATEMENT, observed())
    mean, variance = conjugate()
    table = posterior.dataset
    assert table["patient"].values.tolist() == ["a", "b", "c"]
    np.testing.assert_allclose(table["eta[C0]"], mean, atol=1e-5)
    np.testing.assert_allclose(table["eta_sd[C0]"], np.sqrt(variance), rtol=1e-5)
    np.testing.assert_allclose(table["variance_left[C0]"], variance / OMEGA**2, rtol=1e-5)
    np.testing.assert_allclose(posterior.most_probable["C0"], 10 * np.exp(mean), rtol=1e-5)
    assert bool(table["converged"].all())


@pytest.mark.parametrize("method", ["importance", "laplace"])
def test_draws_have_the_moments_of_the_posterior(method: str) -> None:
    posterior = pkpd.personalize(STATEMENT, observed())
    draws = posterior.draws(2000, seed=1, method=method)  # type: ignore[arg-type]
    assert draws.dims == ("patient", "draw")
    logs = np.log(draws["C0"].reshape(3, -1) / 10)
    mean, variance = conjugate()
    np.testing.assert_allclose(logs.mean(1), mean, atol=4 * np.sqrt(variance.max() / 2000))
    np.testing.assert_allclose(logs.var(1), variance, rtol=0.15)
    assert (draws.labels["effective_draws"][1] >= 1000).all()


def test_the_importance_sample_is_right_where_the_normal_approximation_is_not() -> None:
    """One observation far out on a saturating curve: the posterior is skewed; quadrature is the oracle."""
    E0, x = pkpd.param("Emax", 10, "mg/L", "largest"), pkpd.param("x", 1, "1", "position")
    A = pkpd.state("A", "mg/L", "still", start=E0)
    model = pkpd.Model("saturating", {A: 0 * A / pkpd.param("tau", 1, "day", "none")},
                       outputs={"C": pkpd.output(A * x / (1 + x), "effect")})  # fmt: skip
    people = pkpd.mixed_effects(model, {"x": pkpd.lognormal(1, omega=1.0)}, error={"C": pkpd.additive_error(1).fixed()})
    records = pkpd.read_nonmem(pd.DataFrame({"ID": [1], "TIME": [1.0], "DV": [9.5], "AMT": [0], "EVID": [0]}))
    posterior = pkpd.personalize(people, records)
    eta = np.linspace(-8, 8, 20001)
    density = np.exp(-0.5 * eta**2 - 0.5 * (9.5 - 10 / (1 + np.exp(-eta))) ** 2)
    exact = (eta * density).sum() / density.sum()
    sampled = np.log(posterior.draws(4000, seed=2)["x"]).mean()
    laplace = float(posterior.dataset["eta[x]"][0])
    assert sampled == pytest.approx(exact, abs=0.05)
    assert abs(laplace - exact) > 0.06


def test_a_fit_serves_as_the_population() -> None:
    rng = np.random.default_rng(3)
    rows = [
        {"ID": i, "TIME": t, "DV": c0 * np.exp(-0.1 * t + SD * rng.standard_normal()), "AMT": 0, "EVID": 2 * (t == 0)}
        for i, c0 in enumerate(20 * np.exp(OMEGA * rng.standard_normal(40)), 1)
        for t in (0.0, 1.0, 2.0, 4.0)
    ]
    fitted = pkpd.fit(STATEMENT, pkpd.read_nonmem(pd.DataFrame(rows)), covariance=None)
    estimates = fitted.estimates["estimate"]
    omega, median = estimates["omega[C0]"], estimates["C0"]
    precision = 1 / omega**2 + 2 / SD**2
    eta = sum(np.log(c) + 0.1 * t - np.log(median) for t, c in READ["a"]) / SD**2 / precision
    posterior = pkpd.personalize(fitted, observed())
    assert median == pytest.approx(20, rel=0.2)
    assert float(posterior.dataset["C0"][0]) == pytest.approx(median * np.exp(eta), rel=1e-4)


# ---- records of scans


def test_scans_become_records_until_the_day_of_the_decision() -> None:
    day = xr.DataArray([[0.0, 28.0, 90.0], [0.0, np.nan, 56.0]], dims=("patient", "visit"), coords={"patient": [7, 9]})
    size = xr.DataArray([[40.0, 38.0, 10.0], [30.0, 31.0, np.nan]], dims=("patient", "visit"))
    plans = {7: pkpd.bolus("1.5 g", "iv", every="4 weeks", n=4), 9: None}
    records = pkpd.scan_records(example.model, plans, day, size, until=56)
    seen, given = records["EVID"] == 0, records["EVID"] == 1
    assert records["ID"][seen].tolist() == [7, 7, 9]
    assert records["DV"][seen].tolist() == [40.0, 38.0, 30.0]
    assert records["TIME"][given].tolist() == [0.0, 28.0, 56.0]
    assert records["AMT"][given].tolist() == [1500.0] * 3
    before = records["EVID"][records["TIME"] == 28.0].tolist()
    assert before == [0, 1]  # a scan on the day of a dose is before it


def test_a_patient_without_a_scan_on_day_0_begins_there_all_the_same() -> None:
    """A run of records begins with the first of them: growth before the first scan must count."""
    day = xr.DataArray([[30.0]], dims=("patient", "visit"))
    records = pkpd.scan_records(example.model, None, day, day)
    predicted = pkpd.predict(example.model, records)["diameter"].to_numpy()[records["EVID"] == 0]
    run = pkpd.simulate(example.model, None, times=[0, 30], outputs=["diameter"])["diameter"]
    assert predicted[0] == pytest.approx(float(run[1]), rel=1e-5)
    assert float(run[1]) > float(run[0]) + 2


def test_a_baseline_before_day_0_is_not_left_out_unsaid() -> None:
    day = xr.DataArray([[-7.0, 30.0]], dims=("patient", "visit"), coords={"patient": ["A"]})
    with pytest.raises(pkpd.DataError, match="patient A has a size on day -7, before the first day of the model"):
        pkpd.scan_records(example.model, None, day, day + 40)
    records = pkpd.scan_records(example.model, None, day.clip(min=0), day + 40)
    assert records["DV"][records["EVID"] == 0].tolist() == [33.0, 70.0]


def test_records_of_scans_predict_what_the_run_of_the_regimen_does() -> None:
    """The same doses as a table: the sizes that a run gives are those that the records predict."""
    truth = example.by_patient(example.patients(3, seed=5))
    day, size = example.scans(truth, 0.0, seed=1)
    for i in range(3):
        own = {name: float(truth[name][i]) for name in ("kg", "kkill", "alpha")}
        one = pkpd.scan_records(example.model, example.LEAD_IN, day.isel(patient=[i]), size.isel(patient=[i]))
        predicted = pkpd.predict(example.model, one, parameters=own)["diameter"].to_numpy()
        np.testing.assert_allclose(predicted[one["EVID"] == 0], size.isel(patient=i), rtol=1e-5)


@pytest.mark.parametrize(
    ("regimen", "error", "match"),
    [
        (pkpd.bolus(pkpd.param("D", 1, "mg", "dose"), "iv"), pkpd.RegimenError, "what was given is a number"),
        (pkpd.bolus(1, "iv", every=7, ss=True), pkpd.RegimenError, "steady state"),
        (pkpd.bolus(1, "oral"), pkpd.UnknownNameError, "no route 'oral'"),
        ({3: None}, pkpd.UnknownNameError, "no patient '0'"),
        ({0: 5}, pkpd.RegimenError, "patient 0 is 5"),
    ],
)
def test_treatments_that_cannot_be_records_are_refused(regimen: object, error: type[Exception], match: str) -> None:
    one = xr.DataArray([[0.0]], dims=("patient", "visit"), coords={"patient": [0]})
    with pytest.raises(error, match=match):
        pkpd.scan_records(example.model, regimen, one, one + 30)  # type: ignore[arg-type]


def test_patients_that_cannot_be_updated_are_refused() -> None:
    one = xr.DataArray([[0.0]], dims=("patient", "visit"))
    with pytest.raises(pkpd.DataError, match="patient 0 has no size"):
        pkpd.scan_records(example.model, None, one, one * np.nan)
    with pytest.raises(pkpd.DataError, match="expected patient and visit"):
        pkpd.scan_records(example.model, None, one.isel(visit=0), one)
    with pytest.raises(pkpd.FitError, match="expected mixed_effects"):
        pkpd.personalize(decaying(), observed())  # type: ignore[arg-type]
    posterior = pkpd.personalize(STATEMENT, observed())
    with pytest.raises(pkpd.FitError, match="n is 0"):
        posterior.draws(0, seed=1)
    with pytest.raises(pkpd.FitError, match="method is 'exact'"):
        posterior.draws(5, seed=1, method="exact")  # type: ignore[arg-type]
    changing = pkpd.mixed_effects(
        decaying(), {"C0": pkpd.lognormal(10, omega=OMEGA)}, error={"C": pkpd.lognormal_error(SD)},
        occasions={"C0": pkpd.lognormal(omega=0.1)},
    )  # fmt: skip
    with pytest.raises(pkpd.FitError, match="C0 changes from occasion to occasion"):
        pkpd.personalize(changing, observed())


# ---- what a recommendation is worth


def troughs(people: pkpd.Ensemble, each: tuple[str, ...]) -> pkpd.ResponseSurface:
    amount = pkpd.param("amount", 100, "mg", "dose")
    return pkpd.optimize_regimen(
        pkpd.load("pk_1cmt"), pkpd.bolus(amount, "iv"), {"amount": np.arange(10.0, 201, 5)}, times=[0, 7],
        reduce={"trough": ("C", "last")}, minimize=lambda run: abs(run["trough"] - 10), parameters=people, each=each,
    )  # fmt: skip


def test_gains_by_hand_and_a_dose_for_the_right_patient() -> None:
    patients = pkpd.Ensemble({"patient": 4}, {"CL": (("patient",), [0.05, 0.1, 0.2, 0.4])},
                             {"patient": (("patient",), np.array(list("abcd")))})  # fmt: skip
    truth = troughs(patients, ("patient",))
    V = pkpd.load("pk_1cmt")["V"].value
    own = truth.optimum
    best = [
        min(np.arange(10.0, 201, 5), key=lambda a, c=c: abs(a / V * np.exp(-7 * c / V) - 10)) for c in patients["CL"]
    ]
    assert own["amount"].values.tolist() == best
    table = pkpd.compare_recommendations(truth, own, {"amount": 40.0})
    miss = [abs(40 / V * np.exp(-7 * c / V) - 10) - abs(a / V * np.exp(-7 * c / V) - 10)
            for a, c in zip(best, patients["CL"], strict=True)]  # fmt: skip
    np.testing.assert_allclose(table["gain"], miss, atol=1e-6)
    assert float(table["mean_gain"]) == pytest.approx(np.mean(miss), abs=1e-6)
    half = 3.182446 * np.std(miss, ddof=1) / 2  # Student's t, 3 degrees of freedom
    assert float(table["upper"] - table["mean_gain"]) == pytest.approx(half, rel=1e-5)
    turned = own.isel(patient=[3, 2, 1, 0])  # labels go with the patients: nothing changes
    assert float(pkpd.compare_recommendations(truth, turned, {"amount": 40.0})["mean_gain"]) == table["mean_gain"]
    wrong = turned.assign_coords(patient=own["patient"])
    assert float(pkpd.compare_recommendations(truth, wrong, {"amount": 40.0})["mean_gain"]) < table["mean_gain"]
    with pytest.raises(pkpd.DataError, match="has no decision 'amount'"):
        pkpd.compare_recommendations(truth, own, {"dosage": 40.0})
    with pytest.raises(pkpd.DataError, match="each='patient'"):
        pkpd.compare_recommendations(troughs(patients, ()), own, own)


@pytest.fixture(scope="module")
def informed() -> dict[str, object]:
    return example.worth(60, draws=12)


def test_early_scans_beat_one_regimen_for_all_on_new_patients(informed: dict[str, object]) -> None:
    gain: xr.Dataset = informed["gain"]  # type: ignore[assignment]
    assert float(gain["lower"]) > 0.5
    assert float(gain["mean_gain"]) > 0.7 * float(gain["possible_gain"])
    left = informed["posterior"].dataset  # type: ignore[attr-defined]
    assert float(left["variance_left[kkill]"].median()) < 0.3
    np.testing.assert_allclose(left["variance_left[alpha]"], 1, atol=1e-6)  # nobody has been irradiated


def test_the_most_probable_parameters_do_as_well() -> None:
    assert float(example.worth(60)["gain"]["lower"]) > 0.5


@pytest.mark.slow
@pytest.mark.parametrize("unlike", [{"kg": 1.5}, {"kcl": 1 / 3}, {"diameter0": 1.3}])
def test_early_scans_gain_with_patients_unlike_the_population(unlike: dict[str, float]) -> None:
    """Growth is faster than known, killed cells stay longer than is taken for certain, tumors begin larger."""
    known = example.by_patient(example.patients(2, seed=2))
    truth = example.by_patient(example.patients(2, seed=2), **unlike)
    ((name, factor),) = unlike.items()
    typical = example.model.parameters.loc[name, "value"]
    before = known[name] if name in known.columns else np.full(2, float(typical))
    np.testing.assert_allclose(truth[name], factor * before)
    gain = example.worth(60, **unlike)["gain"]
    assert float(gain["lower"]) > 0.3
    assert float(gain["mean_gain"]) > 0.7 * float(gain["possible_gain"])


def test_scans_without_information_or_of_another_patient_gain_nothing(informed: dict[str, object]) -> None:
    blind = example.worth(60, sd=1000.0)
    assert float(blind["gain"]["lower"]) <= 0
    assert float(blind["gain"]["mean_gain"]) < 0.1 * float(blind["gain"]["possible_gain"])
    assert len(np.unique(blind["recommended"]["d"])) == 1  # the same for all: no scan tells them apart
    np.testing.assert_allclose(blind["posterior"].dataset["variance_left[kkill]"], 1, atol=0.01)
    swapped = [float(example.of_another(informed, seed)["mean_gain"]) for seed in range(10)]
    assert np.mean(swapped) < 0


# ---- figures


def test_figures_show_the_surface_and_its_optimum(informed: dict[str, object], tmp_path: Path) -> None:
    surface = example.one_for_all()
    axes = pkpd.response_surface(surface, "gap", "d")
    stars = [line for line in axes.lines if line.get_marker() == "*"]
    assert stars[0].get_xydata().tolist() == [[surface.optimum["gap"].item(), surface.optimum["d"].item()]]
    infeasible = int((~surface.dataset["feasible"]).sum())
    assert infeasible > 0
    assert len(axes.patches) == infeasible
    pkpd.save(axes, tmp_path / "surface.png")
    again = surface.resampled(20, seed=1)
    curve = pkpd.decision_curve(surface, "d", resampled=again)
    line = curve.lines[0].get_ydata()
    np.testing.assert_array_equal(line, surface.dataset["objective"].sel(gap=surface.optimum["gap"].item()))
    dots = pkpd.recommended_regimens(informed["recommended"]["d"], informed["truth"].optimum["d"])  # type: ignore
    bars = pkpd.recommendation_gains({"scans": informed["gain"]})
    assert len(dots.collections) == 1
    assert [t.get_text() for t in bars.get_yticklabels()] == ["scans"]
    plt.close("all")
    with pytest.raises(pkpd.DataError, match="with one optimum"):
        pkpd.response_surface(surface.of_each("member"), "gap", "d")
    with pytest.raises(pkpd.UnknownNameError, match="no decision 'dose'"):
        pkpd.decision_curve(surface, "dose")
    with pytest.raises(pkpd.DataError, match="name two decisions"):
        pkpd.response_surface(surface, "d", "d")


def test_at_one_biological_dose_the_risk_of_few_large_fractions_is_higher() -> None:
    """The lung's alpha/beta is below the tumor's: the constraint cuts off large fractions, not many small ones."""
    surface = example.equal_bed_surface(example.patients(20, seed=1))
    for n in example.NUMBERS:
        assert float(pkpd.bed(example.equal_bed(n), n, alpha_beta=10)) == pytest.approx(example.BED)
    values = surface.dataset["constraint_value"].squeeze("constraint").sel(gap=28.0)
    assert (np.diff(values) < 0).all()
    feasible = surface.dataset["feasible"].sel(gap=28.0)
    assert not bool(feasible.sel(n=1))
    assert bool(feasible.sel(n=30))
