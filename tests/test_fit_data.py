"""What data a fit takes: animals, limits, doses and samples at one time, baselines, and NONMEM's tables."""

from __future__ import annotations

import math
import pickle
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from examples import CL, V1, growth, kg, one_compartment
from helpers import relative_error

import pkpd
from pkpd.fitting.free_parameters import coordinates
from pkpd.fitting.objective import Objective
from pkpd.fitting.observation_models import likelihood_groups, likelihoods
from pkpd.fitting.predictor import Predictor
from pkpd.fitting.regimen_predictor import RegimenPredictor
from pkpd.fitting.search import minimize

DOSE = pkpd.bolus(100, "iv")
TIMES = np.array([1.0, 2, 5, 10])
FREE = {"CL": pkpd.free(0.5, log=True), "V1": pkpd.free(8.0, log=True)}


def samples(times=TIMES, dose: float = 100.0, **columns) -> pd.DataFrame:
    """Exact concentrations of one compartment at CL 1 L/day and V1 10 L."""
    values = dose / 10 * np.exp(-0.1 * np.asarray(times, float))
    return pd.DataFrame({"arm": "a", "time": times, "output": "C", "value": values, "sd": 0.1} | columns)


@pytest.fixture
def shared_data():
    """The path of a file of the shared data; skips where there is none."""

    def path(name: str) -> Path:
        file = Path(__file__).resolve().parents[2] / "shared" / "data" / name
        if not file.exists():
            pytest.skip(f"the shared data are not here: {file}")
        return file

    return path


def estimates(result: pkpd.Fit) -> list[float]:
    return result.estimates["estimate"].tolist()


# ---- animals


def test_equal_values_of_two_animals_are_two_observations() -> None:
    table = pd.DataFrame(
        {"arm": "control", "mouse": [1, 2, 1, 2], "time": [0, 0, 7, 7], "output": "V", "value": [60.0, 60, 130, 140]}
    )
    data = pkpd.read_observations(table, {"control": None})
    assert data.subject == ("1", "2", "1", "2")
    assert data.unused == ()
    result = pkpd.fit(growth, data, ["kg"])
    assert result.residuals["subject"].tolist() == ["1", "2", "1", "2"]
    # Least squares of 130 and 140 is their mean.
    assert result.estimates.loc["kg", "estimate"] == pytest.approx(math.log(135 / 60) / 7, rel=1e-6)
    other = pkpd.read_observations(table.rename(columns={"mouse": "cage"}), {"control": None})
    assert other.subject == ()
    assert other.unused == ("cage",)


def test_rows_of_a_table_put_together_are_told_apart() -> None:
    with pytest.raises(pkpd.DataError, match="row 4 repeats row 0"):
        pkpd.read_observations(pd.concat([samples(), samples()]), {"a": DOSE})


def test_an_animal_that_is_there_twice_is_refused() -> None:
    table = pd.DataFrame({"arm": "a", "id": [1.0, 1.0], "time": [0, 0], "output": "V", "value": [60, 60]})
    with pytest.raises(pkpd.DataError, match="row 1 repeats row 0: .* value 60. Remove one, or tell two animals"):
        pkpd.read_observations(table, {"a": None})
    with pytest.raises(pkpd.DataError, match="row 1 repeats row 0"):
        pkpd.read_observations(table.drop(columns="id"), {"a": None})


def test_a_subject_follows_its_rows() -> None:
    data = pkpd.read_observations(samples(animal=["x", "x", "y", "y"]), {"a": DOSE})
    late = data.take(data.time > 1)
    assert late.subject == ("x", "y", "y")
    assert late.table["subject"].tolist() == ["x", "y", "y"]
    with pytest.warns(DeprecationWarning, match="now take"):
        assert data.keep(data.time > 1).subject == late.subject
    with pytest.raises(pkpd.DataError, match="needs 4 truth values"):
        data.take(np.ma.array([True] * 4, mask=[True, False, False, False]))


# ---- limits


@pytest.mark.parametrize("column", ["blq", "BQL", "cens"])
def test_values_below_the_limit_are_dropped_with_a_word(column: str) -> None:
    times = np.array([0.5, 1, 2, 4, 8, 12, 24, 36, 48])
    run = pkpd.simulate(one_compartment, DOSE, times=times, parameters={"CL": 1.0, "V1": 10.0})
    seen = pkpd.observe(run, error=pkpd.proportional_error(0.0), seed=1, lloq=0.5)
    table = seen[["value", "blq"]].to_dataframe().reset_index().assign(arm="a", output="C")
    table = table.rename(columns={"blq": column}).astype({column: int} if column == "cens" else {})
    data = pkpd.read_observations(table, {"a": DOSE})
    assert data.censored.tolist() == [0] * 7 + [1] * 2
    with pytest.warns(
        UserWarning, match=r"fit: 2 of 9 observations of .* \(blq or cens: 2 in arm 'a'\) and were dropped"
    ):
        result = pkpd.fit(one_compartment, data, FREE)
    assert result.n_observations == 7
    assert estimates(result) == pytest.approx([1, 10], rel=1e-4)


def test_values_in_another_unit_are_converted_with_their_errors_and_limits() -> None:
    table = samples(lloq=0.5)
    mixed = table.assign(unit=["mg/L", "ug/mL", "ug/L", "ng/mL"])
    mixed.loc[2:, ["value", "sd", "lloq"]] *= 1000
    plain, told = (pkpd.fit(one_compartment, pkpd.read_observations(t, {"a": DOSE}), FREE) for t in (table, mixed))
    np.testing.assert_allclose(estimates(told), estimates(plain), rtol=1e-9)
    np.testing.assert_allclose(told.estimates["se"], plain.estimates["se"], rtol=1e-9)
    np.testing.assert_allclose(told.data.columns["lloq"], 0.5)
    again = pkpd.read_observations(pkpd.read_observations(mixed, {"a": DOSE}).table, {"a": DOSE})
    assert again.unit == ("mg/L", "ug/mL", "ug/L", "ng/mL")
    assert again.take(again.time > 2).in_units({"C": "mg/L"}).value[0] == pytest.approx(table["value"][2])


@pytest.mark.parametrize(
    ("unit", "message"), [("mg", r"'C' is 1 mg, which cannot be converted to mg/L"), ("furlong2", "furlong2")]
)
def test_values_in_a_unit_of_something_else_are_refused(unit: str, message: str) -> None:
    with pytest.raises(pkpd.UnitError, match=message):
        pkpd.fit(one_compartment, pkpd.read_observations(samples(unit=unit), {"a": DOSE}), FREE)


def test_a_limit_without_flags_flags_what_is_below_it() -> None:
    lloq = [0.5, "", 7.0, 7.0]
    data = pkpd.read_observations(samples(lloq=lloq), {"a": DOSE})
    assert data.censored.tolist() == [0, 0, 1, 1]
    assert data.unused == ()
    beyond = pkpd.read_observations(samples(cens=[0, -1, 1, None]), {"a": DOSE})
    assert beyond.censored.tolist() == [0, -1, 1, 0]
    with pytest.raises(pkpd.DataError, match="row 2: column 'blq' is 2; expected one of 1, true, yes, 0"):
        pkpd.read_observations(samples(blq=[0, 1, 2, 0]), {"a": DOSE})
    with pytest.raises(pkpd.FitError, match="all 4 observations of the DataFrame are beyond a limit"):
        pkpd.fit(one_compartment, pkpd.read_observations(samples(blq=True), {"a": DOSE}), FREE)


def test_an_arm_that_is_all_below_the_limit_is_no_arm_of_the_fit() -> None:
    table = pd.concat([samples(blq=0), samples(blq=1, arm="b")])
    data = pkpd.read_observations(table, {"a": DOSE, "b": DOSE})
    with pytest.warns(UserWarning, match="4 in arm 'b'"):
        result = pkpd.fit(one_compartment, data, {"CL": pkpd.free(1.1, per_arm=True)}, parameters={"V1": 10})
    assert result.estimates.index.tolist() == ["CL[a]"]


# ---- a sample at the time of a dose


WITH_C0 = np.array([0.0, 1, 2, 5, 10])


def test_a_sample_at_the_time_of_a_bolus_is_not_guessed_in_silence() -> None:
    data = pkpd.read_observations(samples(WITH_C0), {"a": DOSE})
    with pytest.warns(UserWarning, match="arm 'a', 'C' at time 0 as after the dose. Say which with at_dose="):
        result = pkpd.fit(one_compartment, data, FREE)
    assert result.chi_square < 1e-12
    assert estimates(result) == pytest.approx([1, 10], rel=1e-6)
    assert result.data.at_dose == ("after", *["before"] * 4)


def test_who_says_on_which_side_of_a_dose_a_sample_is_hears_no_warning() -> None:
    doses = {"a": DOSE}
    for result in (
        pkpd.fit(one_compartment, pkpd.read_observations(samples(WITH_C0), doses, at_dose="after"), FREE),
        pkpd.fit(one_compartment, pkpd.read_observations(samples(WITH_C0), doses), FREE, at_dose="after"),
        pkpd.fit(one_compartment, pkpd.read_observations(samples(WITH_C0, at_dose=["After", *[""] * 4]), doses), FREE),
    ):
        assert estimates(result) == pytest.approx([1, 10], rel=1e-6)
    before = pkpd.fit(one_compartment, pkpd.read_observations(samples(WITH_C0), doses), FREE, at_dose="before")
    assert before.residuals["predicted"][0] == 0


def test_trough_and_peak_at_one_time_are_told_apart_row_by_row() -> None:
    q = math.exp(-0.7)
    rows = [(0, 10.0, "after"), (3, 10 * math.exp(-0.3), ""), (7, 10 * q, "before"), (7, 10 + 10 * q, "after")]
    table = pd.DataFrame(rows, columns=["time", "value", "at_dose"]).assign(arm="a", output="C")
    data = pkpd.read_observations(table, {"a": pkpd.bolus(100, "iv", every=7, n=2)})
    result = pkpd.fit(one_compartment, data, FREE)
    assert estimates(result) == pytest.approx([1, 10], rel=1e-6)
    assert result.solves % 2 == 0
    with pytest.warns(UserWarning, match="'C' at time 0 as after the dose; arm 'a', 'C' at time 7 as before the dose"):
        pkpd.fit(
            one_compartment, pkpd.read_observations(table.drop(columns="at_dose"), {"a": data.regimens["a"]}), FREE
        )


def test_where_a_dose_moves_nothing_at_once_nobody_is_asked() -> None:
    infused = pkpd.infusion(100, "iv", 2.0)
    run = pkpd.simulate(one_compartment, infused, times=WITH_C0, parameters={"CL": 1.0, "V1": 10.0}, rtol=1e-9)
    table = samples(WITH_C0).assign(value=run["C"].to_numpy())
    result = pkpd.fit(one_compartment, pkpd.read_observations(table, {"a": infused}), FREE)
    assert estimates(result) == pytest.approx([1, 10], rel=1e-5)


# ---- before the start


def test_a_baseline_before_the_start_is_where_the_model_starts() -> None:
    times = np.array([-2.0, 0, 3, 7])
    table = pd.DataFrame({"arm": "a", "time": times, "output": "V", "value": 60 * np.exp(0.2 * (times + 2))})
    data = pkpd.read_observations(table, {"a": None})
    assert data.start == -2
    result = pkpd.fit(growth, data, ["kg"])
    assert estimates(result) == pytest.approx([0.2], rel=1e-7)
    curve = result.predict([-2.0, 0.0, 1.0])
    assert curve["time"].values.tolist() == [-2, 0, 1]
    assert relative_error(curve["V"].sel(arm="a"), 60 * np.exp(0.2 * np.array([0, 2, 3]))) < 1e-6


def test_doses_keep_their_times_when_the_model_starts_earlier() -> None:
    table = pd.concat([samples(), samples([-1.0]).assign(value=0.0)])
    result = pkpd.fit(one_compartment, pkpd.read_observations(table, {"a": DOSE}), FREE)
    assert estimates(result) == pytest.approx([1, 10], rel=1e-6)
    curve = result.predict([-1.0, 0.0, 1.0])["C"].values[0]
    assert curve.tolist() == pytest.approx([0, 0, 10 * math.exp(-0.1)], rel=1e-6)


def test_a_model_that_reads_the_clock_does_not_start_earlier() -> None:
    X, tau = pkpd.state("X", "1", "x", start=1), pkpd.param("tau", 1, "day", "scale", source="illustrative")
    seasonal = pkpd.Model("seasonal", rates={X: kg * pkpd.clock("day") / tau})
    table = pd.DataFrame({"arm": "a", "time": [-1.0, 1], "output": "X", "value": [1.0, 2]})
    with pytest.raises(pkpd.FitError, match="begins at time -1, and the rates of seasonal .* shift the times .* by 1"):
        pkpd.fit(seasonal, pkpd.read_observations(table, {"a": None}), ["kg"])


# ---- NONMEM's tables


def records(subjects=(100.0, 300.0), **columns) -> pkpd.Records:
    rows = []
    for i, dose in enumerate(subjects, start=1):
        rows += [(i, 0.0, dose, np.nan)] + [(i, t, 0.0, dose / 10 * math.exp(-0.1 * t)) for t in TIMES]
    table = pd.DataFrame(rows, columns=["ID", "TIME", "AMT", "DV"]).assign(**columns)
    return pkpd.read_nonmem(table, compartments={1: "A1"})


def test_a_table_of_records_is_fitted_as_the_same_data_by_regimen() -> None:
    result = pkpd.fit(one_compartment, records(), FREE)
    assert estimates(result) == pytest.approx([1, 10], rel=1e-7)
    assert result.data.arms == ("1", "2")
    noisy = records()
    values = noisy["DV"] * np.where(np.arange(len(noisy)) % 2, 1.1, 0.95)
    table = noisy.table.assign(DV=values)
    by_records = pkpd.fit(one_compartment, pkpd.read_nonmem(table, compartments={1: "A1"}), FREE)
    tidy = table[table["EVID"] == 0].rename(columns={"ID": "arm", "TIME": "time", "DV": "value"})
    data = pkpd.read_observations(
        tidy[["arm", "time", "value"]].assign(output="C"), {1: DOSE, 2: pkpd.bolus(300, "iv")}
    )
    by_regimens = pkpd.fit(one_compartment, data, FREE)
    assert estimates(by_records) == pytest.approx(estimates(by_regimens), rel=1e-6)
    assert by_records.estimates["se"].tolist() == pytest.approx(by_regimens.estimates["se"].tolist(), rel=1e-4)
    assert by_records.predict([0.0, 1.0])["C"].values == pytest.approx(by_regimens.predict([0.0, 1.0])["C"].values)


def test_the_report_counts_the_doses_of_each_arm() -> None:
    """An arm whose doses were forgotten is seen."""
    table = pd.concat([samples(), samples(arm="b"), samples(arm="c")])
    doses = {"a": pkpd.bolus(10, "iv", at=[0, 0.5]), "b": None, "c": pkpd.Regimen()}
    report = pkpd.fit(one_compartment, pkpd.read_observations(table, doses), ["CL"]).report()
    lines = [line.split()[:3] for line in report.split("largest residual")[1].splitlines()[1:4]]
    assert lines == [["a", "2", "4"], ["b", "none", "4"], ["c", "none", "4"]]
    subjects = records().table.assign(ADDL=[2, 0, 0, 0, 0] * 2, II=[24, 0, 0, 0, 0] * 2)
    report = pkpd.fit(one_compartment, pkpd.read_nonmem(subjects, compartments={1: "A1"}), FREE).report()
    assert report.split("largest residual")[1].splitlines()[1].split()[:3] == ["1", "3", "4"]


def test_a_fit_of_records_is_drawn() -> None:
    result = pkpd.fit(one_compartment, records(), FREE)
    upper, _ = pkpd.fit_overlay(result)
    curves = [line for line in upper.lines if len(line.get_xdata()) > 100]
    assert len(curves) == 2
    assert float(np.interp(1.5, *curves[1].get_data())) == pytest.approx(30 * math.exp(-0.15), rel=1e-3)


def test_a_subject_of_records_may_have_a_value_of_its_own() -> None:
    result = pkpd.fit(one_compartment, records(), {"V1": pkpd.free(8, per_arm=True), "CL": pkpd.free(0.5)})
    assert result.estimates["estimate"].to_dict() == pytest.approx({"V1[1]": 10, "V1[2]": 10, "CL": 1}, rel=1e-6)
    assert result.parameters("2")["V1"] == pytest.approx(10, rel=1e-6)


def test_which_output_dv_is() -> None:
    both = pd.concat(
        [records(DVID=[0, 1, 1, 1, 1] * 2).table, records(DVID=[0, 2, 2, 2, 2] * 2).table.query("EVID == 0")]
    )
    both.loc[both["DVID"] == 2, "DV"] *= 10  # the amount
    data = pkpd.read_nonmem(both.assign(SD=0.5), compartments={1: "A1"}, sort=True)
    result = pkpd.fit(one_compartment, data, FREE, outputs={1: "C", 2: "A1"})
    assert estimates(result) == pytest.approx([1, 10], rel=1e-6)
    assert result.data.sd_given
    assert set(result.residuals["sd"]) == {0.5}
    only = pkpd.fit(one_compartment, data, FREE, outputs={1: "C"})
    assert only.n_observations == 8
    with pytest.raises(
        pkpd.FitError, match=r"outputs is None; .* DVID are 1, 2, and one_compartment has the outputs C"
    ):
        pkpd.fit(one_compartment, data, FREE)
    with pytest.raises(pkpd.UnknownNameError, match="no state or output 'Cp'. Did you mean 'C'"):
        pkpd.fit(one_compartment, data, FREE, outputs={1: "Cp"})
    with pytest.raises(pkpd.FitError, match="no observation of .*; its DVID are 0, 1, 2"):
        pkpd.fit(one_compartment, data, FREE, outputs={3: "C"})


def test_records_below_the_limit_are_dropped_and_a_subject_without_observations_with_them() -> None:
    data = records((100.0, 300.0, 50.0), CENS=[0] * 9 + [1] + [0] + [1] * 4)
    with pytest.warns(UserWarning, match="5 of 12 observations .* 1 in arm '2', 4 in arm '3'"):
        result = pkpd.fit(one_compartment, data, FREE)
    assert result.data.arms == ("1", "2")
    assert estimates(result) == pytest.approx([1, 10], rel=1e-6)


def test_covariates_of_records_reach_the_model() -> None:
    A1, WT = one_compartment["A1"], pkpd.given("WT", "kg", "weight", default=70)
    W0 = pkpd.param("W0", 70, "kg", "reference weight", source="illustrative")
    concentration = pkpd.output(A1 / V1, "concentration", "mg/L")
    scaled = pkpd.Model("scaled", rates={A1: -CL * WT / W0 * A1 / V1}, outputs={"C": concentration})
    result = pkpd.fit(scaled, records(WT=[35.0] * 10), FREE)
    assert estimates(result) == pytest.approx([2, 10], rel=1e-6)
    with pytest.raises(pkpd.FitError, match="'WT' is set by the column 'WT' of records, record by record"):
        pkpd.fit(scaled, records(WT=[35.0] * 10), ["WT"])


def test_what_a_fit_of_records_refuses() -> None:
    data = records()
    for options, message in (
        ({"at_dose": "after"}, "at_dose is 'after', but the order of the records"),
        ({"sd_is": "known"}, "has no column 'sd'"),
        ({"at_dose": "later"}, "at_dose is 'later'; expected 'before' or 'after'"),
    ):
        with pytest.raises(pkpd.FitError, match=message):
            pkpd.fit(one_compartment, data, FREE, **options)
    with pytest.raises(pkpd.FitError, match="outputs is 'C', but the DataFrame says itself"):
        pkpd.fit(one_compartment, pkpd.read_observations(samples(), {"a": DOSE}), FREE, outputs="C")
    with pytest.raises(pkpd.DataError, match="column 'SD' is 0.0; a standard deviation is more than 0"):
        pkpd.fit(one_compartment, records(SD=0.0), FREE)
    twice = data.table.assign(ID=1)
    twice.loc[5, "EVID"] = 4
    result = pkpd.fit(one_compartment, pkpd.read_nonmem(twice, compartments={1: "A1"}), FREE)
    assert estimates(result) == pytest.approx([1, 10], rel=1e-6)
    with pytest.raises(pkpd.FitError, match="records of subject '1' go back in time"):
        result.predict([0.0, 1.0])


@pytest.mark.parametrize("steady", [False, True], ids=["doses", "steady state"])
def test_derivatives_of_a_fit_of_records_are_exact(steady: bool) -> None:
    """Also of a dose that comes later, of subjects with values of their own, and through steady states."""
    subjects = {"AMT": [100.0, 0, 0, 0, 0, 300, 0, 0, 0, 0], "SS": [1, 0, 0, 0, 0] * 2, "II": [8, 0, 0, 0, 0] * 2}
    data = records(**(subjects if steady else {}))
    oral = pkpd.load("pk_1cmt")
    chosen = {
        "CL": pkpd.free(1.3),
        "V": pkpd.free(8, log=True, per_arm=True),
        "tlag": pkpd.free(0.4, bounds=(0.1, 0.9)),
    }
    table = pkpd.read_nonmem(data.table, compartments={1: "central"})
    predictor = pkpd.fit(oral, table, chosen, outputs="C").predictor
    x = np.array([1.1, np.log(9.0), np.log(11.0), 0.5])
    exact = predictor.jacobian(x)
    np.testing.assert_allclose(exact, Predictor.jacobian(predictor, x), rtol=2e-5, atol=1e-5)
    assert (exact[:4, 2] == 0).all()
    assert (exact[4:, 1] == 0).all()


def test_a_fit_of_records_integrates_each_subject_once_a_step(shared_data) -> None:
    """Theophylline: the estimates of a pooled fit, in as many trajectories as residuals and derivatives take."""
    table = pkpd.read_nonmem(shared_data("nlmixr2data/theo_sd.csv"), compartments={1: "depot", 2: "central"})
    free = {"ka": pkpd.free(1.5), "CL": pkpd.free(2.8), "V": pkpd.free(32.0)}
    result = pkpd.fit(pkpd.load("pk_1cmt_oral").in_time("h"), table, free, outputs="C")
    assert result.estimates["estimate"].tolist() == pytest.approx([1.5532, 2.6156, 32.861], rel=1e-4)
    assert result.solves <= 12 * (result.evaluations + result.jacobians + 3)
    assert result.evaluations <= 8


# ---- the fit as a value, and what it asks of a model


@pytest.mark.parametrize("data", [records(), pkpd.read_observations(samples(), {"a": DOSE})], ids=["records", "arms"])
def test_a_fit_pickles(data) -> None:
    result = pkpd.fit(one_compartment, data, FREE)
    again = pickle.loads(pickle.dumps(result))
    assert again.report() == result.report()
    assert again.lmfit_result.params["p_0"].stderr == result.lmfit_result.params["p_0"].stderr
    np.testing.assert_array_equal(again.predict([1.0, 2.0])["C"], result.predict([1.0, 2.0])["C"])
    with pytest.raises(ValueError, match="read-only"):
        again.x[0] = 1


@dataclass(frozen=True, eq=False)
class ClosedForm(Predictor):
    """One compartment by its formula, with exact derivatives."""

    def predictions(self, parameters):
        clearance, volume = parameters["CL"][:, None], parameters["V1"][:, None]
        return 100 / volume * np.exp(-clearance / volume * self.data.time)

    def jacobian(self, x):
        clearance, volume = (c.natural(v) for c, v in zip(self.coordinates, x, strict=True))
        values = self(x[None])[0]
        by_clearance = -values * self.data.time / volume
        return np.stack([by_clearance * clearance, -values - by_clearance * clearance], axis=1)

    def curve(self, arm, x, times, outputs):
        raise NotImplementedError


def test_what_a_fit_asks_of_a_model_is_predictions_and_their_derivatives() -> None:
    table = samples().assign(value=[9.5, 7.9, 6.4, 3.5])
    data = pkpd.read_observations(table, {"a": DOSE})
    moved = coordinates(one_compartment, data, FREE)
    exact = ClosedForm(one_compartment, data, moved, {}, pkpd.Solver())
    differences = Predictor.jacobian(exact, np.array([c.start for c in moved]))
    np.testing.assert_allclose(differences, exact.jacobian(np.array([c.start for c in moved])), rtol=1e-5)
    groups = likelihood_groups(data, likelihoods(data, None, "M1"), {"C": np.empty((4, 0), dtype=int)}, 2)
    best = minimize(Objective(exact, data, groups, relative=True)).x
    assert pkpd.fit(one_compartment, data, FREE).x == pytest.approx(best, rel=1e-6)


def test_derivatives_are_exact_through_doses_logs_arms_and_sides() -> None:
    begin = pkpd.param("begin", 1.7, "day", "day of the first dose")
    doses = {"a": pkpd.bolus(100, "iv", at=begin) + pkpd.infusion(50, "iv", 2, at=6), "b": DOSE}
    table = pd.concat([samples(), samples([0.0, 3, 4]).assign(arm="b")])
    data = pkpd.read_observations(table, doses, at_dose="after")
    free = {"CL": pkpd.free(0.9, log=True), "V1": pkpd.free(11, per_arm=True), "begin": pkpd.free(1.7)}
    moved = coordinates(one_compartment, data, free)
    predictor = RegimenPredictor(one_compartment, data, moved, {}, pkpd.Solver(rtol=1e-10, atol=1e-13))
    x = np.array([c.start for c in moved])
    exact, differences = predictor.jacobian(x), Predictor.jacobian(predictor, x)
    np.testing.assert_allclose(exact, differences, rtol=1e-5, atol=1e-6)
    assert np.abs(exact).max(axis=0).min() > 0.1  # every parameter moves something
    assert exact[4, 0] == pytest.approx(0, abs=1e-12)  # at once after a bolus clearance has done nothing
    assert exact[4, 2] == pytest.approx(-100 / 11**2, rel=1e-9)


def test_arms_with_the_same_parameters_are_one_ensemble_and_as_if_alone() -> None:
    doses = {"a": DOSE, "b": pkpd.bolus(300, "iv", at=[0, 3]), "c": None}
    table = pd.concat([samples(), samples([0.0, 3, 4]).assign(arm="b"), samples([3.5]).assign(arm="c", value=0.0)])
    side = {"a": "before", "b": "after", "c": "before"}
    data = pkpd.read_observations(table.assign(at_dose=[side[arm] for arm in table["arm"]]), doses)
    moved = coordinates(one_compartment, data, FREE)
    x = np.array([c.start for c in moved])
    together = RegimenPredictor(one_compartment, data, moved, {}, pkpd.Solver(rtol=1e-9))
    predicted, slopes = together(x[None])[0], together.jacobian(x)
    assert together.solves == {"a": 2, "b": 2, "c": 2}
    for arm in data.arms:
        rows = data.rows(arm)
        alone = RegimenPredictor(one_compartment, data.take(np.array(data.arm) == arm), moved, {}, together.solver)
        np.testing.assert_allclose(alone(x[None])[0], predicted[rows], rtol=1e-8, atol=1e-9)
        np.testing.assert_allclose(alone.jacobian(x), slopes[rows], rtol=1e-6, atol=1e-7)


def test_of_several_arms_the_one_that_cannot_be_dosed_is_named() -> None:
    begin = pkpd.param("begin", 1.0, "day", "day of the first dose")
    doses = {"a": pkpd.bolus(100, "iv", at=begin), "b": pkpd.bolus(100, "iv", at=begin - 3)}
    data = pkpd.read_observations(pd.concat([samples(), samples(arm="b")]), doses)
    with pytest.raises(pkpd.FitError, match=r"fit: arm 'b': the time of dose 1 .* free parameters are CL, V1;"):
        pkpd.fit(one_compartment, data, FREE, at_dose="after")


def test_a_jacobian_that_cannot_be_integrated_is_by_differences() -> None:
    class Broken(RegimenPredictor):
        def _fill_slopes(self, batch, x, slopes):
            slopes[:] = np.nan

    data = pkpd.read_observations(samples(), {"a": DOSE})
    moved = coordinates(one_compartment, data, FREE)
    x = np.array([c.start for c in moved])
    broken = Broken(one_compartment, data, moved, {}, pkpd.Solver(rtol=1e-9))
    whole = RegimenPredictor(one_compartment, data, moved, {}, pkpd.Solver(rtol=1e-9))
    np.testing.assert_allclose(broken.jacobian(x), whole.jacobian(x), rtol=1e-5)


# ---- covariates


def test_the_table_has_the_covariates_and_reads_back() -> None:
    data = pkpd.read_observations(samples(WT=[60.0, 60, 70, 70], subject=["x", "x", "y", "y"]), {"a": DOSE})
    assert data.table["WT"].tolist() == [60, 60, 70, 70]
    again = pkpd.read_observations(data.table, {"a": DOSE})
    pd.testing.assert_frame_equal(again.table, data.table)


def test_a_covariate_that_is_missing_is_named_with_its_row() -> None:
    table = samples(V1=[10.0, 10, np.nan, 10])
    with pytest.raises(pkpd.FitError, match=r"covariate 'V1' is missing in the DataFrame: arm 'a', 'C' at time .*Fill"):
        pkpd.fit(one_compartment, pkpd.read_observations(table, {"a": DOSE}), {"CL": pkpd.free()})


# ---- cells that are no numbers


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (pd.NA, "column 'value' is NaN; leave out the row"),
        (np.ma.masked, "column 'value' is NaN; leave out the row"),
        (1 + 2j, r"column 'value' is \(1\+2j\); expected a real number"),
        (np.complex128(1), "column 'value' is .*; expected a real number"),
        (True, "column 'value' is True; expected a real number"),
        (10**400, r"column 'value' is 1000.*; expected a finite number"),
        ([1], r"column 'value' is \[1\]; expected a number"),
    ],
)
def test_a_cell_that_is_no_number_is_named(cell, message: str) -> None:
    table = samples().astype({"value": object})
    table.at[2, "value"] = cell
    with pytest.raises(pkpd.DataError, match=f"the DataFrame, row 2: {message}"):
        pkpd.read_observations(table, {"a": DOSE})


@pytest.mark.parametrize("bounds", [(0, 10**400), (0, 1j), (0, pd.NA), (float("nan"), 1), np.ma.masked_all(2)])
def test_bounds_that_are_no_numbers_are_named(bounds) -> None:
    with pytest.raises(pkpd.FitError, match="the bounds of 'CL' are"):
        pkpd.fit(one_compartment, pkpd.read_observations(samples(), {"a": DOSE}), {"CL": pkpd.free(bounds=bounds)})
