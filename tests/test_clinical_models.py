"""Growth laws and clinical tumor dynamics against closed forms and published numbers."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import relative_error, tolerance_error
from oracles import logistic, two_compartments
from scipy.integrate import quad, solve_ivp
from scipy.linalg import expm
from scipy.stats import norm

import pkpd
from pkpd import Model, compose, state

METHODS = ["scipy", "numpy"]
PRECISE = {"rtol": 1e-9, "atol": 1e-11, "on_failure": "raise"}
T = np.array([0.0, 1.0, 5.0, 12.0, 30.0])
WEEKS = np.array([0.0, 2.0, 8.0, 30.0, 104.0])


def run(name, times, regimen=None, method="numpy", **parameters):
    model = pkpd.load(name) if isinstance(name, str) else name
    return pkpd.simulate(model, regimen, times=times, parameters=parameters, method=method, **PRECISE)


# ---- growth laws, each against its closed form


def gompertz(t, T0, a, Tmax):
    return Tmax * (T0 / Tmax) ** np.exp(-a * t)


def von_bertalanffy(t, T0, a, b):
    return (a / b + (T0 ** (1 / 3) - a / b) * np.exp(-b * t / 3)) ** 3


def power_law(t, T0, kl, T1, p):
    return T1 * ((T0 / T1) ** (1 - p) + (1 - p) * kl * t / T1) ** (1 / (1 - p))


def mayneord(t, T0, kr):
    return 4 * np.pi / 3 * ((3 * T0 / (4 * np.pi)) ** (1 / 3) + kr * t) ** 3


LAWS = [
    ("exponential", {"kg": 0.15}, lambda t, T0, kg: T0 * np.exp(kg * t)),
    ("linear", {"kl": 30}, lambda t, T0, kl: T0 + kl * t),
    ("logistic", {"kg": 0.3, "Tmax": 900}, logistic),
    ("gompertz", {"a": 0.1, "Tmax": 1500}, gompertz),
    ("von_bertalanffy", {"a": 3.0, "b": 0.25}, von_bertalanffy),
    ("power_law", {"kl": 40, "T1": 150, "p": 0.6}, power_law),
    ("power_law", {"kl": 40, "T1": 150, "p": 1.2}, power_law),
    ("mayneord", {"kr": 0.15}, mayneord),
]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("law", "values", "closed_form"), LAWS, ids=[law for law, _, _ in LAWS])
def test_growth_law(law, values, closed_form, method):
    grown = run(f"growth_{law}", T[:-1], T0=20, method=method, **values)["T"].values
    assert relative_error(grown, closed_form(T[:-1], 20, **values)) < 1e-6


@pytest.mark.parametrize("method", METHODS)
def test_simeoni_growth_is_its_integral(method):
    kg, kl, psi = 0.2, 40.0, 8.0

    def rate(x):
        return kg * x / (1 + (kg * x / kl) ** psi) ** (1 / psi)

    sizes = np.array([20.0, 60.0, 150.0, 250.0, 400.0])
    times = [quad(lambda x: 1 / rate(x), 20, s, epsabs=1e-12, points=[200] if s > 200 else None)[0] for s in sizes]
    grown = run("growth_simeoni", times, T0=20, kg=kg, kl=kl, psi=psi, method=method)["T"].values
    assert relative_error(grown, sizes) < 1e-6


def test_simeoni_growth_is_exponential_then_linear():
    early = run("growth_simeoni", [5.0], T0=1, kg=0.2, kl=1000)["T"]
    assert float(early[0]) == pytest.approx(np.exp(1.0), rel=1e-6)
    late = run("growth_simeoni", [100.0, 110.0], T0=1000, kg=0.2, kl=10)["T"].values
    assert late[1] - late[0] == pytest.approx(100, rel=1e-6)


def test_growth_laws_are_limits_of_one_another():
    kl, T1 = 40.0, 150.0
    exponential = run("growth_exponential", T, T0=20, kg=kl / T1)["T"].values
    assert relative_error(run("growth_power_law", T, T0=20, kl=kl, T1=T1, p=1)["T"].values, exponential) < 1e-6
    linear = run("growth_linear", T, T0=20, kl=kl)["T"].values
    assert relative_error(run("growth_power_law", T, T0=20, kl=kl, T1=T1, p=0)["T"].values, linear) < 1e-6
    ball = run("growth_mayneord", T, T0=20, kr=0.3)["T"].values
    bertalanffy = run("growth_von_bertalanffy", T, T0=20, a=0.3 * (36 * np.pi) ** (1 / 3), b=0)["T"].values
    assert relative_error(bertalanffy, ball) < 1e-6
    assert relative_error(run("growth_logistic", T, T0=20, kg=0.1, Tmax=1e12)["T"].values, 20 * np.exp(0.1 * T)) < 1e-6


@pytest.mark.parametrize("law", ["logistic", "gompertz", "von_bertalanffy"])
def test_growth_stops(law):
    size = {"von_bertalanffy": (2.7 / 0.2) ** 3}.get(law, 2500)
    assert float(run(f"growth_{law}", [2000.0])["T"][0]) == pytest.approx(size, rel=1e-6)


@pytest.mark.parametrize("law", [*sorted({law for law, _, _ in LAWS} - {"linear"}), "simeoni"])
@pytest.mark.parametrize("method", METHODS)
def test_an_extinct_tumor_stays_extinct(law, method):
    part = pkpd.load(f"growth_{law}")
    (tumor,) = part.states
    kill = Model("kill", rates={}, routes={"kill": {tumor: tumor * (1 - pkpd.dose("1"))}})
    gone = pkpd.simulate(
        compose("killed", part, kill), pkpd.bolus(1, "kill", at=2), times=[1, 3, 30], method=method, on_failure="raise"
    )["T"].values
    assert gone[0] > 10
    assert gone[1:].tolist() == [0, 0]


@pytest.mark.parametrize("law", [law for law, _, _ in LAWS[:7]] + ["simeoni"])
def test_a_growth_law_is_irradiated(law):
    from pkpd.models.radiotherapy_lq import radiotherapy_lq

    part = pkpd.load(f"growth_{law}")
    (tumor,) = part.states
    whole = compose("irradiated", part, radiotherapy_lq(tumor))
    once = pkpd.fractions(2.0, n=1, start=3)
    before, after = (pkpd.simulate(whole, once, times=[3], at_dose=side)["T"] for side in ("before", "after"))
    assert float(after[0] / before[0]) == pytest.approx(np.exp(-0.146 * 2 - 0.0146 * 4), rel=1e-12)


# ---- regression and growth


@pytest.mark.parametrize("method", METHODS)
def test_stein_2011_and_its_variants(method):
    g, d, phi = 0.004, 0.03, 0.8
    t = np.array([0.0, 10, 60, 200, 400])
    rates = {"g": g, "d": d, "TS0": 50, "method": method}
    both = run("stein_2011", t, **rates)["TS"].values
    assert relative_error(both, 50 * (np.exp(-d * t) + np.exp(g * t) - 1)) < 1e-7
    split = run("stein_2011_gdphi", t, phi=phi, **rates)["TS"].values
    assert relative_error(split, 50 * (phi * np.exp(-d * t) + (1 - phi) * np.exp(g * t))) < 1e-7
    growth = run("stein_2011_gx", t, TS0=50, g=g, method=method)["TS"].values
    assert relative_error(growth, 50 * np.exp(g * t)) < 1e-7
    regression = run("stein_2011_dx", t, TS0=50, d=d, method=method)["TS"].values
    assert relative_error(regression, 50 * np.exp(-d * t)) < 1e-6


def test_stein_2011_is_smallest_at_the_time_to_growth():
    t = np.linspace(0, 300, 3001)
    found = run("stein_2011", t)
    assert t[int(found["TS"].values.argmin())] == pytest.approx(float(found["TTG"][0]), abs=0.1)
    growing = run("stein_2011", [0.0], g=0.05, d=0.01)
    assert float(growing["TTG"][0]) == 0


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("exposure", [0, 1.5, 4])
def test_claret_2009(method, exposure):
    found = run("claret_2009", WEEKS, exposure=exposure, method=method)["TS"].values
    exponent = 0.021 * WEEKS - 0.025 * exposure * (1 - np.exp(-0.053 * WEEKS)) / 0.053
    assert relative_error(found, 200 * np.exp(exponent)) < 1e-6


def test_claret_2009_takes_its_exposure_from_another_part():
    one = pkpd.param("one", 4, "1", "exposure", source="invented for this test")
    model = compose("given", pkpd.load("claret_2009"), Model("drug", rates={}, outputs={"exposure": one}, time="week"))
    assert "exposure" not in model.parameters.index
    assert relative_error(run(model, WEEKS)["TS"].values, run("claret_2009", WEEKS, exposure=4)["TS"].values) < 1e-9


@pytest.mark.parametrize("method", METHODS)
def test_wang_2009(method):
    found = run("wang_2009", WEEKS, SR=0.08, PR=0.7, TS0=60, ECOG=1, method=method)
    assert relative_error(found["TS"].values, 60 * np.exp(-0.08 * WEEKS) + 0.7 * WEEKS) < 1e-7
    PTR = 1 - np.exp(-0.64) - 0.7 * 8 / 60
    assert float(found["PTR"][0]) == pytest.approx(PTR, rel=1e-12)
    assert float(found["PTR"][0]) == pytest.approx(1 - float(found["TS"][2]) / 60, rel=1e-7)
    mu = 3.7 - 0.3 - 0.003 * (60 - 85) + 0.8 * PTR
    with np.errstate(divide="ignore"):
        expected = norm.sf((np.log(WEEKS) - mu) / 0.8)
    assert tolerance_error(found["S"].values, expected, rtol=1e-12, atol=1e-15) < 1
    assert found["S"].values[0] == 1


@pytest.mark.parametrize("method", METHODS)
def test_chatterjee_2017_reference_patient(method):
    t = np.array([0.0, 20, 100, 365, 800])
    for delay in (0, 35.5):
        found = run("chatterjee_2017", t, delay=delay, method=method)["TS"].values
        shrunk = 0.696 * np.exp(-6.09e-3 * np.maximum(0, t - delay))
        assert relative_error(found, 80.75 * (0.304 * np.exp(5.12e-4 * t) + shrunk)) < 1e-6


def test_chatterjee_2017_covariates():
    t = np.array([0.0, 100, 365])
    patient = {"TS0": 150, "AUC": 2000, "ipi": 1, "PDL1neg": 1, "BRAF": 1}
    found = run("chatterjee_2017", t, **patient)
    kg = 5.12e-4 * 1.702
    kd = 6.09e-3 * (1 - 0.614) * (150 / 80.75) ** -0.186 * (2000 / 7079) ** 0.1
    logit = np.log(0.696 / 0.304) - 0.00541 * (150 - 80.75) - 0.964
    f = 1 / (1 + np.exp(-logit))
    assert float(found["fi"][0]) == pytest.approx(f, rel=1e-12)
    assert relative_error(found["TS"].values, 150 * ((1 - f) * np.exp(kg * t) + f * np.exp(-kd * t))) < 1e-7
    naive = run("chatterjee_2017", [1e-3], AUC=2000, f=1 - 1e-9)["TS"].values
    assert naive[0] == pytest.approx(80.75 * np.exp(-6.09e-6 * (2000 / 7079) ** 0.131), rel=1e-8)


# ---- nivolumab, survival and dropout


def liu_simulation():
    from pkpd.models.liu_2017 import SIMULATION

    return pkpd.load("liu_2017").using(**SIMULATION)


@pytest.mark.parametrize("method", METHODS)
def test_liu_2017_without_drug(method):
    t = np.array([0.0, 10, 100, 365])
    found = run(liu_simulation(), t, ECOG=1, shaped=1.4, method=method)

    def size(s):
        return gompertz(s, 54.6, 0.005, 1000)

    H = [quad(lambda s: 1e-4 * np.exp(0.02 * size(s) + 1), 0, end, epsabs=1e-12)[0] for end in t]
    Hd = 0.001 * ((t + 1e-6) ** 1.4 - 1e-6**1.4)
    assert relative_error(found["TS"].values, size(t)) < 1e-6
    assert tolerance_error(found["S"].values, np.exp(-np.array(H)), rtol=1e-6, atol=1e-9) < 1
    assert relative_error(found["Sd"].values, np.exp(-Hd)) < 1e-7
    assert relative_error(found["CLt"].values, 0.06 * 1.5 * (1 + size(t)) ** 0.3) < 1e-6


def test_liu_2017_kill_at_a_constant_concentration():
    t = np.array([0.0, 50, 300])
    found = run(liu_simulation(), t, pkpd.bolus(200, "iv"), CL=0, Q=0, kg=0)["TS"].values
    effect = 0.02 * 40 / (20 + 40) * (1 - np.exp(-0.001 * t)) / 0.001
    assert relative_error(found, 54.6 * np.exp(-effect)) < 1e-6


def test_liu_2017_is_two_compartments_while_the_tumor_stays():
    t = np.array([0.01, 1, 10, 60])
    still = {"kg": 0, "Emax": 0, "TS0": 79}
    found = run(liu_simulation(), t, pkpd.infusion(240, "iv", duration=0.5 / 24), **still)["C"].values
    CL = 0.06 * 80**0.3
    assert relative_error(found, two_compartments(t, 240, 0.5 / 24, CL, 5.0, 0.5, 5.0)) < 1e-6


@pytest.mark.parametrize("method", METHODS)
def test_liu_2017_clearance_is_the_published_function_of_time_tumor_and_patient(method):
    t = np.array([0.0, 30, 66, 200])
    who = {"WT": 60, "GFR": 95, "ALB": 33, "ECOG": 1, "other": 1, "ADA_unknown": 1, "TS0": 80, "kg": 0, "Emax": 0}
    found = run("liu_2017", t, method=method, **who)["CLt"].values
    typical = 0.0095 * 24 * (60 / 80) ** 0.738 * (95 / 80) ** 0.189 * (33 / 40) ** -0.723
    patient = typical * np.exp(0.092 - 0.0411) * 1.04 * (80 / 60) ** 0.111
    falls = np.exp(-0.218 * t**7.82 / (66**7.82 + t**7.82))
    assert relative_error(found, patient * falls) < 1e-9
    assert falls[2] == pytest.approx(np.exp(-0.109))


def test_liu_2017_is_two_compartments_while_clearance_stays():
    t = np.array([0.01, 1, 10, 60])
    still = {"kg": 0, "Emax": 0, "TS0": 60, "Tmax": 0, "male": 1, "lung": 1}
    found = run("liu_2017", t, pkpd.infusion(240, "iv", duration=0.5 / 24), **still)["C"].values
    V1 = 3.87 * np.exp(0.11 - 0.123)
    assert relative_error(found, two_compartments(t, 240, 0.5 / 24, 0.228, V1, 0.7944, 3.01)) < 1e-6


def test_liu_2017_population_has_the_published_variances():
    from pkpd.models.liu_2017 import variability, variability_of_simulation

    model = pkpd.load("liu_2017")
    drawn = pkpd.population(model, 20_000, 4, variability=variability)
    published = {"CL": 0.096721, "V1": 0.099225, "V2": 0.185761, "Emax": 1.0, "EC50": 0.01, "kg": 0.1, "h": 0.1}
    for name, variance in published.items():
        assert np.var(np.log(drawn[name])) == pytest.approx(variance, rel=0.05), name
    assert np.var(drawn["Tmax"]) == pytest.approx(0.044521, rel=0.05)
    assert np.mean(drawn["Tmax"]) == pytest.approx(-0.218, abs=0.006)
    simulated = pkpd.population(liu_simulation(), 20_000, 4, variability=variability_of_simulation)
    assert np.var(np.log(simulated["CL"])) == pytest.approx(0.1, rel=0.05)
    assert np.median(simulated["CL"]) == pytest.approx(0.06, rel=0.02)


@pytest.mark.parametrize("model", [pkpd.load("liu_2017"), liu_simulation()], ids=["estimates", "simulation"])
def test_liu_2017_responders_clear_the_drug_more_slowly(model):
    q2w = pkpd.infusion(240, "iv", duration="0.5 h", every=14, n=13)
    weak, strong = (run(model, [0, 180.0], q2w, Emax=e) for e in (0.0, 0.1))
    assert float(strong["TS"][1]) < 54.6 < float(weak["TS"][1])
    assert float(strong["CLt"][1]) < float(strong["CLt"][0])
    assert float(strong["CLt"][1]) < float(weak["CLt"][1])
    if model.parameters["value"]["Tmax"] == 0:  # nothing but the tumor moves clearance
        assert float(strong["CLt"][0]) < float(weak["CLt"][1])
    assert float(strong["C"][1]) > float(weak["C"][1])
    assert float(strong["S"][1]) > float(weak["S"][1])


# ---- xenografts


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("C", [0.0, 0.1, 1.0])
def test_simeoni_2004_while_growth_is_exponential(method, C):
    l0, k1, k2 = 0.273, 0.968, 0.629
    t = T[:-1]
    found = run("simeoni_2004", t, C=C, w0=1e-3, method=method)["w"].values
    matrix = np.diag([l0 - k2 * C, -k1, -k1, -k1])
    matrix[[1, 2, 3], [0, 1, 2]] = [k2 * C, k1, k1]
    expected = [1e-3 * expm(matrix * s)[:, 0].sum() for s in t]
    assert relative_error(found, expected) < 1e-6


def test_simeoni_2004_threshold_parts_growth_from_eradication():
    threshold = 0.273 / 0.629
    below, above = (run("simeoni_2004", [0, 400.0], C=f * threshold)["w"].values for f in (0.9, 1.1))
    assert below[1] > below[0]
    assert above[1] < 1e-3 * above[0]


def test_simeoni_2004_grows_linearly_at_last_and_dies_late():
    late = run("simeoni_2004", [40.0, 50.0])["w"].values
    assert late[1] - late[0] == pytest.approx(8.14, rel=1e-6)
    struck = run("simeoni_2004", [0.0, 0.05, 0.5, 20], C=1e3)
    assert float(struck["x1"][1]) < 1e-6 * float(struck["w0"])
    assert float(struck["w"][2]) > 0.9 * float(struck["w0"])  # killed, and still there
    assert float(struck["w"][3]) < 1e-3


def test_simeoni_2004_joins_a_drug():
    model = compose("treated", pkpd.load("simeoni_2004"), pkpd.load("pk_1cmt"))
    treated = run(model, [0, 20.0], pkpd.bolus(10, "iv", at=5, every=2, n=5))["w"].values
    assert treated[1] < 0.5 * run("simeoni_2004", [20.0])["w"].values[0]


# ---- pembrolizumab ex vivo


@pytest.mark.parametrize("method", METHODS)
def test_elassaiss_schaap_2017(method):
    t = np.array([0.01, 1, 10, 60])
    once = pkpd.infusion(200, "iv", duration=0.5 / 24)
    found = run("elassaiss_schaap_2017", t, once, Vmax=0, method=method)
    C = two_compartments(t, 200, 0.5 / 24, 0.168, 2.88, 0.384, 2.85)
    assert relative_error(found["C"].values, C) < 1e-6
    assert relative_error(found["IL2"].values, 1 + 1.09 * (1 - 0.961 * C / (0.535 + C))) < 1e-6
    assert float(run("elassaiss_schaap_2017", [0.0])["IL2"][0]) == pytest.approx(2.09)


def test_elassaiss_schaap_2017_low_doses_are_cleared_fast():
    areas = []
    for amount in (0.1, 1000.0):
        C = pkpd.given("C", "mg/L", "concentration")
        AUC = state("AUC", "mg*day/L", "area")
        model = compose("exposure", pkpd.load("elassaiss_schaap_2017"), Model("area", rates={AUC: C}))
        areas.append(float(run(model, [600.0], pkpd.bolus(amount, "iv"))["AUC"][0]) / amount)
    # Far below Km, saturable elimination adds Vmax/Km to the clearance; far above, nothing.
    assert areas[0] == pytest.approx(1 / (0.168 + 0.114 / 0.0784), rel=0.25)
    assert areas[1] == pytest.approx(1 / 0.168, rel=0.05)


# ---- struemper_2025


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("arm", ["pembrolizumab", "chemotherapy", "pembrolizumab_chemotherapy", "feladilimab"])
def test_struemper_2025_size_and_survival(arm, method):
    kg, ks = {
        "pembrolizumab": (0.00651, 0.01700),
        "chemotherapy": (0.01822, 0.03566),
        "pembrolizumab_chemotherapy": (0.01153, 0.03499),
        "feladilimab": (0.01135, 3.396e-6),
    }[arm]
    model = pkpd.load("struemper_2025").using(kge=arm, kse=arm)
    found = run(model, WEEKS, method=method)
    assert relative_error(found["TS"].values, 86.07 * (np.exp(kg * WEEKS) + np.exp(-ks * WEEKS) - 1)) < 1e-6
    TTG = max(0, np.log(ks / kg) / (kg + ks))
    mu = 6.94 - 6.91 * kg / (kg + 0.109) - 0.00366 * (86.07 - 100) + 0.0124 * (TTG - 39.9)
    with np.errstate(divide="ignore"):
        S = norm.sf((np.log(7 * WEEKS) - mu) / np.exp(-0.331))
    assert tolerance_error(found["S"].values, S, rtol=1e-9, atol=1e-12) < 1
    assert float(found["mu"][0]) == pytest.approx(mu, rel=1e-9)


def test_struemper_2025_half_survive_the_median():
    mu = float(run("struemper_2025", [0.0])["mu"][0])
    assert float(run("struemper_2025", [np.exp(mu) / 7])["S"][0]) == pytest.approx(0.5, rel=1e-9)
    assert 0.2 < float(run("struemper_2025", [104.0])["S"][0]) < 0.7


def test_struemper_2025_covariates():
    patient = {"N": 5, "LDH": 450, "PDL1": 60, "ALB": 35, "TPRO": 75, "NLR": 6}
    found = run("struemper_2025", WEEKS, **patient)
    TSb, kg, ks = 86.07 * (1 + 2 * 0.288), 0.00651 * (450 / 225.5) ** 0.474, 0.017 * np.exp(0.00902 * 60)
    assert relative_error(found["TS"].values, TSb * (np.exp(kg * WEEKS) + np.exp(-ks * WEEKS) - 1)) < 1e-6
    mu = 6.94 - 6.91 * kg / (kg + 0.109) - 0.00366 * (TSb - 100) + 0.0124 * (np.log(ks / kg) / (kg + ks) - 39.9)
    mu += 0.0452 * (35 - 39.4) + 0.0194 * (75 - 71) - 0.0141 * (6 - 4.1)
    assert float(found["mu"][0]) == pytest.approx(mu, rel=1e-9)
    without = run("struemper_2025", WEEKS, PDL1=60, PD1=0)["TS"].values
    assert relative_error(without, run("struemper_2025", WEEKS)["TS"].values) < 1e-9


# ---- survival in general


@pytest.mark.parametrize("name", ["wang_2009", "struemper_2025", "liu_2017"])
def test_survival_begins_at_one_and_falls(name):
    S = run(name, np.linspace(0, 150, 16))["S"].values
    assert S[0] == 1
    assert (np.diff(S) < 0).all()
    assert S[-1] > 0


# ---- lindauer_2017

MG = 1 / 0.149  # nmol
Q3W = {"route": "iv", "every": 21, "n": 3}


def whole_system_of_lindauer(times, doses, every):
    """The published system with vessels and unbound endosomal antibody as states of their own."""
    p = pkpd.load("lindauer_2017").parameters["value"].to_dict()

    def rates(t, y):
        A1, A2, Avs, Aeu, Aeb, Ais, Pb, Pt, M, W = y
        Ves, Vis, Vvs, PLQ = p["f_es"] * W, p["f_is"] * W, 0.07 * W, p["plq"] * W
        L, CLup = p["f_L"] * PLQ, p["clup"] * Ves
        C1, Cvs, Ceu, Ceb, Cis = A1 / p["V1"], Avs / Vvs, Aeu / Ves, Aeb / Ves, Ais / Vis
        blood = p["kon"] * C1 * (p["PDb"] - Pb) - p["koff"] * Pb
        tumor = p["kon"] * Cis * (M - Pt) - p["koff"] * Pt
        FcRn = Ves * (p["kon_F"] * Ceu * (p["FcRn"] - Ceb) - p["koff_F"] * Ceb)
        out = p["Q"] * (C1 - A2 / p["V2"])
        loss = p["CL"] * C1 + p["Vmax"] * C1 / (p["Km"] + C1) + out + PLQ * (C1 - Cvs) + p["V1"] * blood
        vessels = PLQ * C1 - (PLQ - L) * Cvs - (1 - p["v_ref"]) * L * Cvs - CLup * Cvs + CLup * p["FR"] * Ceb
        tissue = (1 - p["v_ref"]) * L * Cvs - (1 - p["v_ref_is"]) * L * Cis - CLup * Cis
        tissue += CLup * (1 - p["FR"]) * Ceb - tumor
        M0 = p["T_multi"] * p["PDb"] * p["f_is"] * p["W0"]
        made = p["kdeg"] * M0 * (1 + p["Emax"] * (Pt / Vis) / (p["EC50"] + Pt / Vis))
        kill = p["SLtg"] * (100 * max(Pt, 0) / M) ** p["gamma"]
        return [
            -loss, out, vessels, CLup * (Cvs + Cis) - FcRn - p["kdeg_es"] * Aeu, FcRn - CLup * Ceb, tissue,
            blood - p["kdeg"] * Pb, tumor - p["kdeg"] * Pt, made - p["kdeg"] * M, p["L0"] * W - kill * W,
        ]  # fmt: skip

    y = np.zeros(10)
    y[8], y[9] = p["T_multi"] * p["PDb"] * p["f_is"] * p["W0"], p["W0"]
    found, now = [], 0.0
    for amount in doses:
        y[0] += amount
        inside = [t for t in times if now < t <= now + every]
        piece = solve_ivp(
            rates, (now, now + every), y, method="BDF", t_eval=[*inside, now + every], rtol=1e-7, atol=1e-12
        )
        found += list(piece.y.T[: len(inside)])
        y, now = piece.y[:, -1].copy(), now + every
    return np.array(found)


def test_lindauer_2017_is_its_whole_system():
    times = np.array([1.0, 7, 20, 30, 41, 62])
    whole = whole_system_of_lindauer(times, [140 * MG] * 3, 21)
    found = run("lindauer_2017", times, pkpd.bolus(140 * MG, **Q3W), method="scipy")
    for name, column in {"A1": 0, "A2": 1, "Aeb": 4, "Ais": 5, "Pb": 6, "Pt": 7, "M": 8, "W": 9}.items():
        assert relative_error(found[name].values, whole[:, column]) < 2e-3, name


def test_lindauer_2017_untreated():
    found = run("lindauer_2017", [0, 100.0])
    assert relative_error(found["W"].values, 0.0415 * np.exp([0, 0.36])) < 1e-6
    assert float(found["M"][1] / found["M"][0]) == pytest.approx(1, rel=1e-9)
    assert float(found["M"][0]) == pytest.approx(4.32 * 0.013151 * 0.55 * 0.0415, rel=1e-4)


def test_lindauer_2017_without_tumor_is_the_pembrolizumab_of_elassaiss_schaap():
    t = np.array([0.1, 3, 20, 60])
    same = {"CL": 0.167, "V1": 2.877, "Q": 0.384, "V2": 2.854, "Vmax": 0.114, "Km": 0.078}
    simple = run("elassaiss_schaap_2017", t, pkpd.bolus(140, "iv"), **same)["C"].values
    bare = run("lindauer_2017", t, pkpd.bolus(140 * MG, "iv"), method="scipy", W0=1e-6, PDb=1e-6)["C"].values
    assert relative_error(bare * 0.149, simple) < 1e-4


def test_lindauer_2017_saturates_and_shrinks_the_tumor():
    found = run("lindauer_2017", [20.9, 62.9], pkpd.bolus(140 * MG, **Q3W), method="scipy")
    assert (found["RO_blood"].values > 0.95).all()
    assert float(found["RO"][0]) > 0.95
    assert 0 < float(found["W"][1]) < 0.5 * 0.0415
    low = run("lindauer_2017", [62.9], pkpd.bolus(0.1 * MG, **Q3W), method="scipy")
    assert float(low["W"][0]) > 0.0415
