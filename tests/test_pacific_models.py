"""The parts of the PACIFIC model against closed forms, and each mechanism removed."""

import numpy as np
import pytest

import pkpd
from pkpd.models import chemoradiation_nsclc, lymphocyte_pools, released_effectors

CRT = chemoradiation_nsclc.model
WHOLE = pkpd.load("durvalumab_chemoradiation_nsclc")
LN_MAX = np.log(np.pi / 6 * 300.0**3 / 2.527e-6)


def ln_cells(diameter):
    return np.log(np.pi / 6 * diameter**3 / 2.527e-6)


def run(model, regimen, times, parameters, *outputs):
    return pkpd.simulate(
        model, regimen, times=times, parameters=parameters, outputs=outputs, on_failure="raise", rtol=1e-9
    )


def test_growth_is_gompertz():
    times = np.array([0.0, 100.0, 1000.0, 5000.0])
    seen = run(CRT, None, times, {"rho": 2e-3, "diameter_gross": 20, "diameter_occult": 1}, "ln_gross", "ln_occult")
    for name, diameter in (("ln_gross", 20), ("ln_occult", 1)):
        expected = LN_MAX + (ln_cells(diameter) - LN_MAX) * np.exp(-2e-3 * times)  # (V0/Vmax)^exp(-rho t)
        np.testing.assert_allclose(seen[name], expected, rtol=1e-8)


def test_diameters_are_those_at_the_first_fraction():
    seen = run(CRT, None, [0, 40], {"start": 40, "rho": 2e-3, "diameter_gross": 35, "diameter_occult": 3}, "diameter",
               "diameter_metastasis")  # fmt: skip
    assert float(seen["diameter"][-1]) == pytest.approx(35, rel=1e-7)
    assert float(seen["diameter_metastasis"][-1]) == pytest.approx(3, rel=1e-7)
    assert float(seen["diameter"][0]) < 35


def test_radiation_kill_is_linear_quadratic_and_spares_occult_disease():
    still = {"rho": 1e-12, "alpha": 0.3, "ab": 8, "kcl": 0}
    seen = run(CRT, pkpd.fractions(2, 30, per_week=5), [0, 60], still, "ln_gross", "ln_occult", "V_gross", "D", "F")
    survival = 30 * (0.3 * 2 + 0.3 / 8 * 2**2)
    assert float(seen["ln_gross"][0] - seen["ln_gross"][1]) == pytest.approx(survival, rel=1e-6)
    assert float(seen["ln_occult"][0] - seen["ln_occult"][1]) == pytest.approx(0, abs=1e-6)
    total = seen["V_gross"] + seen["D"] + seen["F"]
    assert float(total[1]) == pytest.approx(float(total[0]), rel=1e-6)  # nothing is cleared here, nothing lost
    assert float(seen["F"][1] / seen["D"][1]) == pytest.approx(0.3 / 0.7, rel=1e-6)


def test_chemotherapy_kills_in_proportion_to_its_area():
    still = {"rho": 1e-12, "kchemo": 0.1, "kel_chemo": 0.5}
    seen = run(CRT, pkpd.bolus(5, "chemo", at=[0, 21]), [0, 100], still, "ln_gross", "ln_occult")
    for name in ("ln_gross", "ln_occult"):
        assert float(seen[name][0] - seen[name][1]) == pytest.approx(2 * 0.1 * 5 / 0.5, rel=1e-6)


def test_less_than_one_cell_is_extinct_for_good():
    seen = run(
        CRT, pkpd.fractions(2, 30, per_week=5), [0, 60, 2000], {"alpha": 1, "rho": 2e-3}, "alive_gross", "V_gross"
    )
    assert seen["alive_gross"].values.tolist() == [1, 0, 0]
    assert float(seen["V_gross"][-1]) == 0
    again = run(CRT, pkpd.fractions(2, 30, per_week=5), [0, 60, 2000], {"alpha": 0.2, "rho": 2e-3}, "alive_gross")
    assert again["alive_gross"].values.tolist() == [1, 1, 1]


def test_death_comes_when_the_cumulative_hazard_is_reached():
    hazard = {"h0": 1e-3, "h1": 0, "H_death": np.array([0.1, 0.5, 10.0])}
    values = pkpd.prepare(CRT, None, times=[0.0, 1000.0], outputs=["dead", "H"])(hazard)
    np.testing.assert_allclose(values.event_times[-1], [100, 500, np.inf])
    assert values["dead"][:, -1].tolist() == [1, 1, 0]


def test_hazard_saturates_with_the_living_burden():
    tumor = {"rho": 1e-12, "metastatic": 0, "h0": 0, "h1": 2e-3, "B50": np.pi / 6 * 40.0**3}
    seen = run(CRT, None, [0, 100], tumor, "H")
    assert float(seen["H"][-1]) == pytest.approx(2e-3 / 2 * 100, rel=1e-6)


def test_lymphocytes_fall_to_the_published_nadir_and_recover_over_months():
    times = np.arange(0, 721.0)
    level = run(lymphocyte_pools.model, pkpd.fractions(2, 30, per_week=5), times, {}, "L")["L"]
    assert float(level.min()) == pytest.approx(0.29, abs=0.002)
    assert 30 <= float(level.idxmin()) <= 45
    half = times[(times > 45) & (level.values > (1 + 0.29) / 2)][0]
    assert 60 < half - 40 < 180
    assert float(level[-1]) > 0.95
    blood = run(lymphocyte_pools.model, pkpd.fractions(2, 30, per_week=5), times, {"f_Lo": 0.0}, "L")["L"]
    assert float(blood.sel(time=90)) > 0.8 > 0.6 > float(level.sel(time=90))  # one pool alone recovers in weeks


def test_effectors_rise_to_what_the_antibody_releases():
    part, times = released_effectors.model, np.array([0.0, 5.0, 100.0])
    patient = {"RO": 1.0, "kact": 0.2, "kloss": 0, "PDL1_tumor": 0.5, "PDL1_immune": 0.1}
    seen = run(part, None, times, patient, "A", "kill_gross", "kill_occult")
    restrained = 0.6 / 1.6
    np.testing.assert_allclose(seen["A"], restrained * (1 - np.exp(-0.2 * times)), rtol=1e-7)
    smaller = np.exp(0.186 / 3 * (23.1 - 15))
    assert float(seen["kill_occult"][-1]) == pytest.approx(0.02 * smaller * float(seen["A"][-1]))


def test_escape_and_lymphopenia_lower_the_effect():
    part, patient = released_effectors.model, {"RO": 1.0, "kloss": 0}
    full = float(run(part, None, [0, 300], patient, "A")["A"][-1])
    few = float(run(part, None, [0, 300], patient | {"lymphocytes": 0.3}, "A")["A"][-1])
    assert few == pytest.approx(0.3 * full)
    faded = float(run(part, None, [0, 300], patient | {"kloss": 0.005}, "A")["A"][-1])
    assert 0.2 * full < faded < 0.25 * full  # exp(-0.005 x 300) = 0.223, a few days late


@pytest.mark.parametrize("removed", [{"KD": 1e12}, {"e": 0.0}, {"PDL1_immune": 0.0, "PDL1_tumor": 0.0}])
def test_no_effect_of_the_antibody_without_occupancy_effectors_or_pdl1(removed):
    times, q2w = [0, 90, 365], pkpd.bolus(698, "iv", every=14, n=26)
    patient = {"PDL1_tumor": 0.5, "e": 0.05, **removed}
    outputs = ("ln_gross", "ln_occult", "H")
    without, treated = (run(WHOLE, regimen, times, patient, *outputs) for regimen in (None, q2w))
    for name in outputs:
        np.testing.assert_allclose(treated[name], without[name], rtol=1e-7)
    effective = run(WHOLE, q2w, times, {"PDL1_tumor": 0.5, "e": 0.05}, *outputs)
    assert float(effective["ln_occult"][-1]) < float(without["ln_occult"][-1]) - 1


def test_radiation_kills_effectors_in_its_field_alone():
    patient, fractions = {"RO": 1.0, "kloss": 0, "kact": 0.2}, pkpd.fractions(2, 3, start=50)
    seen = run(released_effectors.model, fractions, [50, 53, 200], patient, "R", "A")
    left = 1.0
    for _ in range(3):
        left = 1 - (1 - left * np.exp(-0.1 * 2)) * np.exp(-0.2)  # a fraction, and a day of recovery
    np.testing.assert_allclose(seen["R"], [1, left, 1], rtol=1e-7)
    np.testing.assert_allclose(seen["A"], seen["A"][2], rtol=1e-4)


def test_response_is_stronger_with_more_pdl1():
    q2w = pkpd.bolus(698, "iv", every=14, n=26)
    seen = run(WHOLE, q2w, [0, 180], {"PDL1_tumor": np.array([0.0, 0.1, 0.5, 1.0])}, "ln_gross")["ln_gross"]
    assert np.all(np.diff(seen.isel(time=-1)) < 0)
