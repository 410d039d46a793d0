"""Adverse events: their rates and onset as published, pneumonitis by lung dose, benefit and risk on one run."""

from __future__ import annotations

import doctest
import importlib

import matplotlib as mpl
import numpy as np
import pytest
import scipy.stats

import pkpd

mpl.use("Agg")

import matplotlib.pyplot as plt

pytestmark = pytest.mark.usefixtures("cache")

YEAR, QUARTER = 365.25, 365.25 / 4
CRT = pkpd.fractions(2, 30, "radiation", every=1)


def chances(name, event, times, regimen=None, **parameters):
    """The chance of the event by each time."""
    run = pkpd.simulate(pkpd.load(name), regimen, times=times, parameters=parameters, rtol=1e-8)
    return 1 - run[f"S_{event}"].to_numpy()


# ---- immune-mediated events and stops


def test_a_year_of_durvalumab_has_the_events_of_pacific_and_their_onset() -> None:
    quarter, year = chances("adverse_events", "imae", [0, QUARTER, YEAR], C=1e9)[1:]
    assert year == pytest.approx(0.107, rel=1e-5)
    assert quarter / year == pytest.approx(0.563, rel=1e-5)
    quarter, year = chances(
        "adverse_events", "imae", [0, QUARTER, YEAR], C=1e9, Aimae="pneumonitis", ksus="pneumonitis"
    )[1:]
    assert year == pytest.approx(0.094, rel=1e-5)
    assert quarter / year == pytest.approx(0.784, rel=1e-5)


def test_stops_are_those_of_the_two_arms() -> None:
    assert chances("adverse_events", "stop", [0, YEAR], C=1e9)[1] == pytest.approx(0.154, rel=1e-4)
    assert chances("adverse_events", "stop", [0, YEAR], C=0)[1] == pytest.approx(0.098, rel=1e-6)
    assert chances("adverse_events", "imae", [0, YEAR], C=0)[1] == 0


def test_the_onset_is_early_because_susceptibles_are_used_up() -> None:
    """A second year adds little of what the first had; were they not used up (ksus small), it would be as bad."""
    first, second = np.diff(chances("adverse_events", "imae", [0, YEAR, 2 * YEAR], C=1e9))
    assert second < 0.1 * first
    slow = {"ksus": 1e-5, "Aimae": 0.1195 / (1e-5 * YEAR)}
    first, second = np.diff(chances("adverse_events", "imae", [0, YEAR, 2 * YEAR], C=1e9, **slow))
    assert second > 0.85 * first


def test_grades_have_their_shares_and_are_of_a_patient() -> None:
    shares = {"1-2": 6.7 / 9.4, "3-4": 1.9 / 9.4, "5": 0.8 / 9.4}
    grades = pkpd.draw_grades(shares, 20_000, seed=3, name="pneumonitis")
    counts = [int((grades == grade).sum()) for grade in shares]
    assert scipy.stats.chisquare(counts, 20_000 * np.array(list(shares.values()))).pvalue > 0.01
    np.testing.assert_array_equal(pkpd.draw_grades(shares, 100, seed=3, name="pneumonitis", first=50), grades[50:150])
    with pytest.raises(pkpd.ParameterError, match="adding up to 1"):
        pkpd.draw_grades({"1": 0.5, "2": 0.4}, 10, seed=1)


# ---- pneumonitis


def test_lymans_curve_is_quantecs_table() -> None:
    """5, 10, 20, 30 and 40 % at mean lung doses of 7, 13, 20, 24 and 27 Gy (Marks 2010, IJROBP 76:S10, Table 1)."""
    doses, printed = [7, 13, 20, 24, 27], [0.05, 0.10, 0.20, 0.30, 0.40]
    np.testing.assert_allclose(pkpd.lyman_ntcp(doses), printed, atol=0.03)
    np.testing.assert_allclose(pkpd.lyman_ntcp(doses, TD50=30.8, m=0.37), printed, atol=0.05)
    assert float(pkpd.lyman_ntcp(31.4)) == 0.5
    with pytest.raises(pkpd.ParameterError, match="expected 0 Gy or more"):
        pkpd.lyman_ntcp(-1)


def test_palmas_odds_multiply() -> None:
    assert float(pkpd.pneumonitis_odds(30)) == 1
    both = pkpd.pneumonitis_odds(31, carboplatin_paclitaxel=True, age=75)
    assert float(both) == pytest.approx(1.03 * 3.33 * 1.24)
    with pytest.raises(pkpd.ParameterError, match="expected a percentage"):
        pkpd.pneumonitis_odds(120)


def test_pneumonitis_of_radiation_alone_is_lymans_in_the_end() -> None:
    late = chances("pneumonitis", "pneumonitis_g2", [0, 600], CRT, lung=0.3)[1]
    none = pkpd.lyman_ntcp(0)
    assert late == pytest.approx(float((pkpd.lyman_ntcp(18) - none) / (1 - none)), rel=1e-4)
    assert chances("pneumonitis", "pneumonitis_g2", [0, 600])[1] == 0, "no radiation, no pneumonitis"
    by_fraction = chances("pneumonitis", "pneumonitis_g2", [0, 600], pkpd.fractions(4, 15, "radiation", every=1))[1]
    assert by_fraction > chances("pneumonitis", "pneumonitis_g2", [0, 600], CRT)[1], "larger fractions do more"


def test_durvalumab_adds_what_it_added_in_pacific() -> None:
    """One factor on the hazard: placebo's 14.1 % becomes 19.8 %."""
    exposed = chances("pneumonitis", "pneumonitis_g2", [0, 900], CRT, C=1e9)[1]
    alone = chances("pneumonitis", "pneumonitis_g2", [0, 900], CRT)[1]
    ratio = np.log1p(-exposed) / np.log1p(-alone)
    assert 1 - (1 - 33 / 234) ** ratio == pytest.approx(94 / 475, rel=1e-4)


def with_durvalumab() -> pkpd.Model:
    return pkpd.compose("lung", pkpd.load("durvalumab_baverel_2018"), pkpd.load("pneumonitis"))


def risk_after(weeks: float, **parameters: float) -> float:
    """Of half a year of durvalumab, then so many weeks without, then radiation."""
    stop = 182.0
    given = pkpd.infusion(750, "iv", duration="1 h", every=14, n=13)
    again = pkpd.fractions(2, 20, "radiation", start=stop + 7 * weeks, every=1)
    run = pkpd.simulate(with_durvalumab(), given + again, times=[0, stop + 7 * weeks + 600], parameters=parameters)
    return float(1 - run["S_pneumonitis_g2"][-1])


def test_to_wait_before_radiation_spares_pneumonitis_because_the_antibody_goes() -> None:
    now, later, long = (risk_after(weeks) for weeks in (0, 12, 40))
    assert now > 1.2 * long
    assert now > later > long
    without = [risk_after(weeks, syn=0) for weeks in (0, 40)]
    assert without[0] == pytest.approx(without[1], rel=1e-4), "without the antibody's effect waiting does nothing"
    assert long == pytest.approx(without[1], rel=0.02)


# ---- benefit and risk


def trial() -> pkpd.Model:
    """A drug that halves the hazard of progression and has the adverse events of a PD-L1 antibody."""
    model = pkpd.load("adverse_events")
    base = pkpd.param("base", 0.004, "1/day", "hazard of progression without drug")
    model = pkpd.time_to_event(model, "progression", base / (1 + model.outputs["RO_irae"].expression))
    return pkpd.time_to_event(model, "death", base / 4)


@pytest.fixture(scope="module")
def table(cache):
    A = pkpd.state("C", "mg/L", "antibody")
    drug = pkpd.Model("drug", {A: 0}, routes={"iv": {A: A + pkpd.dose("mg/L")}})
    model = pkpd.compose("trial", drug, trial())
    people = pkpd.population(model, 3000, seed=5, variability={"Aimae": None}, covariates=pkpd.event_chances(model))
    arms = {"drug": pkpd.bolus(1e6, "iv"), "placebo": None}
    run = pkpd.simulate(model, arms, times=[0, YEAR], parameters=people)
    return pkpd.benefit_and_risk(
        run, at=YEAR, benefit=["progression", "death"], risks=["imae", "stop"], excluded_by=["death"]
    )


def test_benefit_and_risk_are_those_of_the_hazards(table) -> None:
    assert table["outcome"].values.tolist() == ["no progression or death", "imae", "stop"]
    assert table["kind"].values.tolist() == ["benefit", "risk", "risk"]
    for arm, hazard in (("drug", 0.002 + 0.001), ("placebo", 0.004 + 0.001)):
        of = table.sel(outcome="no progression or death", arm=arm)
        assert abs(float(of["rate"]) - np.exp(-hazard * YEAR)) < 4 * float(of["std_error"])
    imae = table.sel(outcome="imae")
    assert float(imae["rate"].sel(arm="placebo")) == 0
    exact = scipy.stats.binomtest(0, 3000).proportion_ci(0.95, method="exact")
    assert float(imae["upper"].sel(arm="placebo")) == pytest.approx(exact.high, rel=1e-9)
    t = np.linspace(0, YEAR, 20_001)
    model = pkpd.load("adverse_events")
    A, k = model["Aimae"].value, model["ksus"].value
    H = A * -np.expm1(-k * t)
    before_death = float(np.trapezoid(A * k * np.exp(-k * t) * np.exp(-H - 0.001 * t), t))
    of = imae.sel(arm="drug")
    assert abs(float(of["rate"]) - before_death) < 4 * float(of["std_error"])
    gain = table.sel(outcome="no progression or death", arm="drug")
    assert float(gain["difference"]) == pytest.approx(
        float(gain["rate"] - table["rate"].sel(outcome="no progression or death", arm="placebo"))
    )
    assert bool((table["difference"].sel(arm="placebo") == 0).all())


def test_a_risk_that_nobody_had_is_not_known_to_be_none() -> None:
    A = pkpd.state("C", "mg/L", "antibody")
    model = pkpd.compose("trial", pkpd.Model("drug", {A: 0}), trial())
    people = pkpd.population(model, 50, seed=5, variability={"Aimae": None}, covariates=pkpd.event_chances(model))
    run = pkpd.simulate(model, {"a": None, "b": None}, times=[0, YEAR], parameters=people)
    rows = pkpd.benefit_and_risk(run, at=100, benefit=["imae"], risks=["imae"], control="a")
    np.testing.assert_allclose(rows["upper"].sel(outcome="imae"), 1 - 0.025 ** (1 / 50))
    np.testing.assert_allclose(rows["lower"].sel(outcome="no imae"), 0.025 ** (1 / 50))
    with pytest.raises(pkpd.DataError, match="at is 400"):
        pkpd.benefit_and_risk(run, at=400, benefit=["death"], risks=[])
    with pytest.raises(pkpd.UnknownNameError, match="no arm 'c'"):
        pkpd.benefit_and_risk(run, at=100, benefit=["death"], risks=[], control="c")


def test_the_chart_has_a_dot_for_each_arm_and_outcome(table) -> None:
    ax = pkpd.benefit_risk_chart(table)
    for arm, drawn in zip(("drug", "placebo"), ax.containers, strict=True):
        assert drawn.get_label() == arm
        np.testing.assert_allclose(drawn[0].get_xdata(), table["rate"].sel(arm=arm))
    assert [text.get_text() for text in ax.get_yticklabels()] == [
        "no progression or death", "an immune-mediated event", "stopping for an adverse event",
    ]  # fmt: skip
    assert ax.get_xlabel() == "Fraction of patients by day 365.25"
    plt.close("all")
    with pytest.raises(pkpd.DataError, match="what benefit_and_risk"):
        pkpd.benefit_risk_chart(table["rate"])


MODULES = ["treatment.complications", "ensembles.chances", "measures.benefit_risk"]


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_run(module) -> None:
    done = doctest.testmod(importlib.import_module(f"pkpd.{module}"))
    assert done.attempted
    assert not done.failed
