"""Parts of pharmacokinetics and response against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import closed, relative_error, tolerance_error
from oracles import michaelis_menten, two_compartments
from scipy.integrate import quad, solve_ivp
from scipy.stats import gamma

import pkpd
from pkpd import Model, compose, state

METHODS = ["scipy", "numpy"]
T = np.array([0.01, 0.05, 0.1, 0.3, 0.7, 1.5, 3.0])
PRECISE = {"rtol": 1e-9, "atol": 1e-11}

# A small molecule, in days: fast enough that a wrong phase shows within T.
VALUES = {"CL": 60, "V": 30, "V1": 30, "Q": 40, "V2": 50, "Q2": 40, "Q3": 10, "V3": 100, "ka": 30, "Vmax": 200, "Km": 2}


def part(name):
    model = pkpd.load(name)
    return model.using(**{k: v for k, v in VALUES.items() if k in model.parameters.index})


def concentration(model, regimen, times, **parameters):
    method = parameters.pop("method", "numpy")
    name = parameters.pop("name", "C")
    run = pkpd.simulate(
        model, regimen, times=times, parameters=parameters, method=method, on_failure="raise", **PRECISE
    )
    return run[name].values


# ---- closed forms: a sum of exponentials for each disposition (Gibaldi and Perrier 1982)


def exponents(k10, exchanges):
    """The rates of the phases, and what share of a unit bolus each has in the central compartment.

    `exchanges` has (k12, k21) for each peripheral compartment.  The transfer function is
    prod(s + k21) over the characteristic polynomial, so that shares are its residues.
    """
    out = np.polynomial.Polynomial([1.0])
    whole = np.polynomial.Polynomial([k10 + sum(k for k, _ in exchanges), 1.0])
    for _, back in exchanges:
        out = out * np.polynomial.Polynomial([back, 1.0])
    denominator = whole * out
    for i, (there, back) in enumerate(exchanges):
        others = [np.polynomial.Polynomial([b, 1.0]) for j, (_, b) in enumerate(exchanges) if j != i]
        product = np.prod(others) if others else np.polynomial.Polynomial([1.0])
        denominator = denominator - there * back * product
    roots = denominator.roots().real
    return -roots, np.array([out(r) / denominator.deriv()(r) for r in roots])


def after_bolus(t, phases):
    rates, shares = phases
    t = np.asarray(t, float)[..., None]
    return np.where(t >= 0, shares * np.exp(-rates * np.maximum(t, 0)), 0).sum(-1)


def after_infusion(t, phases, duration):
    rates, shares = phases
    t = np.asarray(t, float)[..., None]
    running, since = np.clip(t, 0, duration), np.maximum(t - duration, 0)
    return (shares / rates / duration * (1 - np.exp(-rates * running)) * np.exp(-rates * since)).sum(-1)


def after_oral(t, phases, ka):
    rates, shares = phases
    t = np.asarray(t, float)[..., None]
    grown = ka / (ka - rates) * (np.exp(-rates * np.maximum(t, 0)) - np.exp(-ka * np.maximum(t, 0)))
    return (shares * grown).sum(-1)


PHASES = {
    "pk_1cmt": (exponents(60 / 30, []), 30),
    "pk_2cmt": (exponents(60 / 30, [(40 / 30, 40 / 50)]), 30),
    "pk_3cmt": (exponents(60 / 30, [(40 / 30, 40 / 50), (10 / 30, 10 / 100)]), 30),
}


def test_the_closed_form_is_that_of_the_textbook():
    phases, V1 = PHASES["pk_2cmt"]
    textbook = two_compartments(T, 100, 0.2, CL=60, V1=30, Q=40, V2=50)
    assert relative_error(100 / V1 * after_infusion(T, phases, 0.2), textbook) < 1e-12


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", PHASES)
def test_bolus_and_infusion(name, method):
    phases, V = PHASES[name]
    model = part(name)
    bolus = concentration(model, pkpd.bolus(100, "iv"), T, method=method)
    assert relative_error(bolus, 100 / V * after_bolus(T, phases)) < 1e-6
    infusion = concentration(model, pkpd.infusion(100, "iv", duration=0.2), T, method=method)
    assert relative_error(infusion, 100 / V * after_infusion(T, phases, 0.2)) < 1e-6


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", PHASES)
@pytest.mark.parametrize("ka", [30.0, 0.4], ids=["absorption is faster", "flip-flop"])
def test_oral(name, ka, method):
    phases, V = PHASES[name]
    model = part(f"{name}_oral")
    found = concentration(model, pkpd.bolus(100, "oral"), T, ka=ka, method=method)
    assert relative_error(found, 100 / V * after_oral(T, phases, ka)) < 1e-6
    at_once = concentration(model, pkpd.bolus(100, "iv"), T, F=0.5, tlag=0.2, method=method)
    assert relative_error(at_once, 100 / V * after_bolus(T, phases)) < 1e-6


def test_flip_flop_exchanges_the_two_rate_constants():
    oral = part("pk_1cmt_oral")
    one = concentration(oral, pkpd.bolus(100, "oral"), T, ka=5, CL=60, V=30)
    other = concentration(oral, pkpd.bolus(100, "oral"), T, ka=2, CL=60, V=12)
    assert relative_error(one, other) < 1e-6


@pytest.mark.parametrize("name", ["pk_1cmt", "pk_2cmt", "pk_3cmt", "pk_1cmt_oral", "pk_2cmt_oral", "pk_3cmt_oral"])
def test_bioavailability_and_lag(name):
    phases, V = PHASES[name.removesuffix("_oral")]
    route = "oral" if name.endswith("oral") else "iv"
    found = concentration(part(name), pkpd.bolus(100, route), T, F=0.6, tlag=0.2)
    expected = after_oral(T - 0.2, phases, 30) if route == "oral" else after_bolus(T - 0.2, phases)
    assert tolerance_error(found, 60 / V * expected, rtol=1e-6, atol=1e-10) < 1


@pytest.mark.parametrize("name", ["pk_1cmt", "pk_2cmt", "pk_3cmt", "pk_1cmt_oral", "pk_2cmt_oral", "pk_3cmt_oral"])
def test_superposition(name):
    phases, V = PHASES[name.removesuffix("_oral")]
    oral = name.endswith("oral")
    doses = pkpd.bolus(100, "oral" if oral else "iv", every=0.45, n=5)
    found = concentration(part(name), doses, T)
    since = T - 0.45 * np.arange(5)[:, None]
    each = after_oral(since, phases, 30) if oral else after_bolus(since, phases)
    assert relative_error(found, 100 / V * each.sum(0)) < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("name", PHASES)
def test_steady_state_after_many_doses(name):
    (rates, shares), V = PHASES[name]
    tau, n = 1.0, 400
    t = n * tau - np.array([1.0, 0.6, 0.2])
    found = concentration(part(name), pkpd.bolus(100, "iv", every=tau, n=n), t[:-1] + 1e-6)
    since = (t[:-1] + 1e-6) % tau
    resting = 100 / V * (shares * np.exp(-rates * since[:, None]) / (1 - np.exp(-rates * tau))).sum(-1)
    assert relative_error(found, resting) < 1e-5


@pytest.mark.parametrize("name", PHASES)
def test_an_infusion_without_end_comes_to_rate_over_clearance(name):
    found = concentration(part(name), pkpd.infusion(3e5, "iv", duration=1000), [500.0])
    assert relative_error(found, 300 / 60) < 1e-6


@pytest.mark.parametrize("name", ["pk_1cmt", "pk_2cmt", "pk_3cmt", "pk_1cmt_oral", "pk_1cmt_zero_order"])
def test_a_dose_lasts_as_long_as_the_model_says(name):
    phases, V = PHASES[name.removesuffix("_oral").replace("_zero_order", "")]
    model = part(name)
    route = "iv" if "iv" in model.routes else "oral"
    lasting = pkpd.infusion(100, route, duration=model["D"])
    found = concentration(model, lasting, T, D=0.25)
    assert relative_error(found, 100 / V * after_infusion(T, phases, 0.25)) < 1e-6


def test_zero_order_absorption_has_bioavailability_lag_and_needs_a_duration():
    model = part("pk_1cmt_zero_order")
    phases, V = PHASES["pk_1cmt"]
    found = concentration(model, pkpd.infusion(100, "oral", duration=model["D"]), T, D=0.25, F=0.5, tlag=0.2)
    assert tolerance_error(found, 50 / V * after_infusion(T - 0.2, phases, 0.25), rtol=1e-6, atol=1e-10) < 1
    with pytest.raises(pkpd.RegimenError, match="give each dose a duration"):
        concentration(model, pkpd.bolus(100, "oral"), T)


@pytest.mark.parametrize("n", [0, 1, 3, 6])
def test_transit_chain_is_the_gamma_input_of_savic(n):
    from pkpd.models.pk_1cmt_transit import transit

    MTT, ka, k, V = 0.4, 3.0, 2.0, 30.0
    found = concentration(transit(n), pkpd.bolus(100, "oral"), T, MTT=MTT, ka=ka, CL=60, V=30)
    arrival = gamma(n + 1, scale=MTT / (n + 1))

    def response(t):  # a unit bolus into the absorption compartment
        return ka / (ka - k) * (np.exp(-k * t) - np.exp(-ka * t))

    expected = [100 / V * quad(lambda s, t=t: arrival.pdf(s) * response(t - s), 0, t, epsabs=1e-13)[0] for t in T]
    assert tolerance_error(found, expected, rtol=1e-6, atol=1e-9) < 1


@pytest.mark.parametrize("n", [-1, 51, 2.5, "3"])
def test_transit_takes_a_small_whole_number(n):
    from pkpd.models.pk_1cmt_transit import transit

    with pytest.raises(pkpd.ModelError, match="from 0 to 50"):
        transit(n)


# ---- saturable elimination


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("name", "alone"), [("pk_1cmt_mm", {}), ("pk_2cmt_mm", {"Q": 0})])
def test_michaelis_menten_alone(name, alone, method):
    found = concentration(part(name), pkpd.bolus(600, "iv"), T, CL=0, **alone, method=method)
    assert relative_error(found, michaelis_menten(T, 600 / 30, 200 / 30, 2)) < 1e-6


@pytest.mark.parametrize("name", ["pk_1cmt", "pk_2cmt"])
def test_saturable_elimination_is_linear_far_below_Km(name):
    phases = exponents((60 + 200 / 2) / 30, [(40 / 30, 40 / 50)] if name == "pk_2cmt" else [])
    found = concentration(part(f"{name}_mm"), pkpd.bolus(1e-4, "iv"), T)
    assert tolerance_error(found, 1e-4 / 30 * after_bolus(T, phases), rtol=1e-4, atol=1e-10) < 1


def test_parallel_elimination_at_steady_state():
    rate = 100.0
    found = concentration(part("pk_1cmt_mm"), pkpd.infusion(100 * rate, "iv", duration=100), [99.0])
    C = found[0]
    assert 60 * C + 200 * C / (2 + C) == pytest.approx(rate, rel=1e-6)


# ---- effect compartment and indirect responses


def test_effect_compartment_after_a_bolus():
    model = compose("linked", part("pk_1cmt"), pkpd.load("effect_cmt"))
    found = concentration(model, pkpd.bolus(100, "iv"), T, name="Ce", ke0=0.7)
    expected = 100 / 30 * 0.7 / (0.7 - 2) * (np.exp(-2 * T) - np.exp(-0.7 * T))
    assert relative_error(found, expected) < 1e-6


def test_effect_compartment_comes_to_the_concentration():
    model = closed(pkpd.load("effect_cmt"))
    assert concentration(model, None, [40.0], name="Ce") == pytest.approx([1.0], rel=1e-8)


RESPONSES = {1: (0.45, 1), 2: (1, 0.45), 3: (2.5, 1), 4: (1, 2.5)}


def response(number):
    return pkpd.load(f"indirect_response_{number}")


@pytest.mark.parametrize("number", RESPONSES)
def test_indirect_response_rests_at_production_over_loss(number):
    run = concentration(response(number), None, [0, 10, 100], name="Resp", kin=3, kout=0.2)
    assert run == pytest.approx([15, 15, 15], rel=1e-8)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("number", RESPONSES)
def test_indirect_response_to_a_constant_concentration(number, method):
    # At C = 3, half-constant 1 and Imax 0.55/0.75 or Smax 2, production or loss changes by the factor.
    production, loss = RESPONSES[number]
    largest = {"Imax": 0.55 / 0.75} if number < 3 else {"Smax": 2}
    found = concentration(response(number), None, T, name="Resp", kin=3, kout=0.2, C=3, **largest, method=method)
    rest, k = 15 * production / loss, 0.2 * loss
    assert relative_error(found, rest + (15 - rest) * np.exp(-k * T)) < 1e-6


@pytest.mark.parametrize(("number", "limit"), [(1, 20 * 0.1), (2, 20 / 0.1), (3, 20 * 3), (4, 20 / 3)])
def test_indirect_response_to_the_largest_effect(number, limit):
    found = concentration(response(number), None, [500.0], name="Resp", C=1e9)
    assert found == pytest.approx([limit], rel=1e-6)


@pytest.mark.parametrize("number", RESPONSES)
def test_indirect_response_follows_a_drug_and_returns(number):
    model = compose("driven", part("pk_1cmt"), response(number))
    found = concentration(model, pkpd.bolus(1000, "iv"), [0, 1, 60.0], name="Resp")
    assert (found[1] > 20 * 1.05) == (number in (2, 3))
    assert (found[1] < 20 * 0.95) == (number in (1, 4))
    assert found[2] == pytest.approx(20, rel=1e-5)


# ---- target-mediated disposition

DAYS = np.array([2.0, 5.0, 10.0, 20.0, 30.0])
FAST = {"kon": 2e4, "koff": 1e4}  # KD = 0.5 nM, KSS = 0.500025 nM


def disposed(name, amount=300.0, times=DAYS, variable="C", method="scipy", **parameters):
    return concentration(pkpd.load(name), pkpd.bolus(amount, "iv"), times, name=variable, method=method, **parameters)


@pytest.mark.parametrize("variable", ["C", "Ctot", "RO"])
def test_full_tmdd_comes_to_quasi_steady_state_and_equilibrium_as_binding_gets_fast(variable):
    full = disposed("tmdd_full", variable=variable, **FAST)
    qss = disposed("tmdd_qss", variable=variable, KSS=1.00005 * 0.5)
    qe = disposed("tmdd_qe", variable=variable, KD=0.5)
    assert relative_error(full, qss) < 2e-4
    assert relative_error(full, qe) < 4e-4


def test_quasi_steady_state_holds_where_equilibrium_does_not():
    slow = {"kon": 1000, "koff": 500, "kint": 500, "ksyn": 0.5, "kdeg": 0.2, "amount": 30}
    shared = {k: slow[k] for k in ("kint", "ksyn", "kdeg", "amount")}
    full = disposed("tmdd_full", **slow)
    assert relative_error(disposed("tmdd_qss", KSS=1.0, **shared), full) < 1e-3
    assert relative_error(disposed("tmdd_qe", KD=0.5, **shared), full) > 0.3


@pytest.mark.parametrize("variable", ["C", "RO"])
def test_wagner_is_quasi_steady_state_where_internalization_is_degradation(variable):
    wagner = disposed("tmdd_wagner", variable=variable, kint=0.2)
    assert relative_error(disposed("tmdd_qss", variable=variable, kint=0.2), wagner) < 1e-6
    assert relative_error(disposed("tmdd_qss", kint=5.0), disposed("tmdd_wagner", kint=5.0)) > 0.01


def test_wagner_in_free_drug():
    CL, V1, kint, R0, KSS = 0.25, 3.0, 0.5, 2.0, 0.55
    start = disposed("tmdd_wagner", times=[0.0], Q=0, method="numpy")
    assert start[0] == 0  # before the dose
    total = 300 / V1
    x = total - R0 - KSS
    C0 = (x + np.sqrt(x**2 + 4 * KSS * total)) / 2

    def rate(t, C):
        return -(CL / V1 * C + kint * R0 * C / (KSS + C)) / (1 + R0 * KSS / (KSS + C) ** 2)

    free = solve_ivp(rate, (0, 30), [C0], t_eval=DAYS, rtol=1e-11, atol=1e-13, method="DOP853").y[0]
    assert relative_error(disposed("tmdd_wagner", Q=0), free) < 1e-6


def test_wagner_comes_to_michaelis_menten_as_target_gets_scarce():
    scarce = {"R0": 1e-4, "kint": 1e4}
    mm = pkpd.load("pk_2cmt_mm")
    # The same numbers, in mg for nmol.
    same = {"CL": 0.25, "V1": 3, "Q": 0.4, "V2": 2.5, "Vmax": 1e4 * 1e-4 * 3, "Km": 0.55}
    limit = concentration(mm, pkpd.bolus(300, "iv"), DAYS, **same)
    assert relative_error(disposed("tmdd_wagner", **scarce), limit) < 1e-3
    assert relative_error(disposed("tmdd_wagner", R0=10, kint=0.1), limit) > 0.01


@pytest.mark.parametrize("name", ["tmdd_full", "tmdd_qss", "tmdd_qe", "tmdd_wagner"])
def test_tmdd_is_linear_when_drug_saturates_its_target(name):
    phases = exponents(0.25 / 3, [(0.4 / 3, 0.4 / 2.5)])
    found = disposed(name, amount=1e7)
    assert relative_error(found, 1e7 / 3 * after_bolus(DAYS, phases)) < 1e-4
    assert disposed(name, amount=1e7, variable="RO") == pytest.approx(np.ones(5), rel=1e-4)


@pytest.mark.parametrize("name", ["tmdd_full", "tmdd_qss", "tmdd_qe"])
def test_target_rests_without_drug_and_turns_over_at_the_rate_of_the_complex_when_saturated(name):
    target = "Rtot" if name != "tmdd_full" else "P"
    still = pkpd.simulate(pkpd.load(name), times=[0, 50])
    assert float(still["Rec" if name == "tmdd_full" else "Rtot"][-1]) == pytest.approx(2.0, rel=1e-9)
    assert (still["C"] == 0).all()
    assert (still["RO"] == 0).all()
    saturated = disposed(name, amount=1e7, times=[15.0], variable=target)
    assert saturated == pytest.approx([0.4 / 0.5 + (2 - 0.8) * np.exp(-0.5 * 15)], rel=1e-4)


@pytest.mark.parametrize("total", [1e-9, 1e-3, 1.0, 2.5, 3.0, 1e3, 1e9])
def test_free_drug_solves_the_law_of_mass_action_without_loss_of_digits(total):
    import sympy

    from pkpd.models.tmdd_qss import free_drug

    a, b, c = sympy.symbols("a b c", real=True)
    code = sympy.lambdify([a, b, c], free_drug(a, b, c), "numpy")
    with np.errstate(all="ignore"):
        C = float(code(np.array(total), np.array(2.0), np.array(0.5)))
    assert C + 2.0 * C / (0.5 + C) == pytest.approx(total, rel=1e-14, abs=0)


# ---- durvalumab_zhao_2026


@pytest.mark.parametrize("method", METHODS)
def test_zhao_2026_peaks_troughs_and_clearance(method):
    q4w = pkpd.infusion(1500, "iv", duration="1 h", every=28, n=14)
    times = [1 / 24, 28, 336 + 1 / 24, 364, 365]
    run = pkpd.simulate(pkpd.load("durvalumab_zhao_2026"), q4w, times=times, method=method)
    assert relative_error(run["C"].values[:4], [436.8, 64.9, 586.8, 151.0]) < 1e-3
    assert float(run["CLt"][-1]) == pytest.approx(0.198, rel=3e-3)


def test_zhao_2026_covariates_and_a_patient_without_change_in_time():
    patient = {"ALB": 33, "CRCL": 110, "WT": 55, "female": 1, "ECOG": 1, "chemo": 1, "Tmax": 0}
    CL = 0.285 * (33 / 39) ** -0.526 * (110 / 85.66) ** 0.112 * (55 / 69.4) ** 0.378
    CL *= (1 - 0.166) * (1 - 0.0604) * (1 - 0.0701)
    V1 = 3.42 * (55 / 69.4) ** 0.503 * (1 - 0.144)
    t = np.array([0.02, 0.5, 3, 14, 60])
    found = concentration(pkpd.load("durvalumab_zhao_2026"), pkpd.infusion(1500, "iv", duration="1 h"), t, **patient)
    assert relative_error(found, two_compartments(t, 1500, 1 / 24, CL, V1, 0.381, 2.30)) < 1e-6
    tremelimumab = pkpd.simulate(pkpd.load("durvalumab_zhao_2026"), times=[0], parameters={"treme": 1})
    assert float(tremelimumab["CLt"][0]) == pytest.approx(0.285 * (1 - 0.0578), rel=1e-12)


def test_zhao_2026_clearance_falls_by_a_third():
    CLt = pkpd.simulate(pkpd.load("durvalumab_zhao_2026"), times=[0, 48, 1e6])["CLt"].values
    assert relative_error(CLt, 0.285 * np.exp([0, -0.206, -0.412])) < 1e-4


# ---- every part has what a table of doses asks for


@pytest.mark.parametrize(
    ("name", "compartment"),
    [(f"pk_{n}cmt", "central") for n in (1, 2, 3)]
    + [(f"pk_{n}cmt_oral", "depot") for n in (1, 2, 3)]
    + [("pk_1cmt_zero_order", "central"), ("pk_1cmt_transit", "depot")]
    + [("pk_1cmt_mm", "central"), ("pk_2cmt_mm", "central")],
)
def test_a_part_says_how_its_compartment_takes_a_dose(name, compartment):
    model = part(name)
    ((where, dosing),) = model.dosing.items()
    assert where.name == compartment
    names = {k: e.name for k, e in dosing.attributes.items()}
    assert names == {"F": "F", "lag": "tlag", "rate": "R", "duration": "D"}
    assert {"F", "tlag", "R", "D", "CL"} <= set(model.parameters.index)
    assert model.units["C"] == "mg/L"


def test_a_part_joins_a_tumor_and_drives_it():
    X = state("X", "1", "response", start=1)
    C = pkpd.given("C", "mg/L", "drug")
    kill = pkpd.param("kill", 0.1, "L/mg/day", "kill", source="illustrative")
    model = compose("treated", part("pk_2cmt"), Model("killed", rates={X: -kill * C * X}))
    found = concentration(model, pkpd.bolus(100, "iv"), [200.0], name="X")
    assert found == pytest.approx([np.exp(-0.1 * 100 / 60)], rel=1e-6)  # AUC = dose/CL
