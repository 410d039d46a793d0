"""Parts of tumor, immune system and radiation, each against its closed form or the balance it must keep."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import closed, relative_error
from scipy.integrate import dblquad

import pkpd
from pkpd.errors import ParameterError
from pkpd.models import (
    checkpoint,
    clones,
    effector_exhaustion,
    lesions,
    pdl1_shedding,
    pdl1_soluble,
    suppressors,
    tumor_volume,
)
from pkpd.models.radiotherapy_protracted import mu_rep


def ran(model, regimen=None, *, times, **parameters):
    model = closed(pkpd.load(model)) if isinstance(model, str) else model
    return pkpd.simulate(model, regimen, times=times, parameters=parameters, rtol=1e-10, on_failure="raise")


def at_end(run, name):
    return float(run[name][..., -1])


STATIC = {"kg": 0, "alpha": 0.06, "beta": 0.006}


def survival(model, regimen, times, **parameters):
    run = ran(model, regimen, times=times, **STATIC, **parameters)
    return at_end(run, "T") / float(run["T"][0])


# ---- BED, EQD2, protraction


@pytest.mark.parametrize(("d", "n", "ratio", "effective", "in_2_gray"), [(2, 30, 10, 72, 60), (18, 3, 10, 151.2, 126)])
def test_bed_and_eqd2_of_usual_schedules(d, n, ratio, effective, in_2_gray):
    assert pkpd.bed(d, n, alpha_beta=ratio) == pytest.approx(effective)
    assert pkpd.eqd2(d, n, alpha_beta=ratio) == pytest.approx(in_2_gray)


def test_bed_refuses_what_is_no_dose():
    with pytest.raises(ParameterError, match="alpha_beta is 0"):
        pkpd.bed(2, 30, alpha_beta=0)
    with pytest.raises(ParameterError, match="dose is -1"):
        pkpd.eqd2(-1, 30, alpha_beta=10)


def test_protraction_joins_its_series_and_vanishes_with_duration():
    x = np.array([0, 1e-4, 0.00999999, 0.01000001, 1, 50])
    exact = [1, 1 - 1e-4 / 3, 1 - 0.01 / 3 + 1e-4 / 12, 1 - 0.01 / 3 + 1e-4 / 12, 2 / np.e, 2 * 49 / 2500]
    assert relative_error(pkpd.protraction(1, x), exact) < 3e-8


@pytest.mark.parametrize(("duration", "repair", "message"), [(-1, -2, "duration is -1"), (1, -2, "repair is -2")])
def test_protraction_refuses_each_negative_number(duration, repair, message):
    with pytest.raises(pkpd.ParameterError, match=message):
        pkpd.protraction(duration, repair)


# ---- radiation


def test_lql_is_lq_below_its_transition_and_log_linear_above():
    def effect(d):
        return -np.log(survival("radiotherapy_lql", pkpd.fractions(d, 1, start=1), [0, 2], dT=6))

    assert effect(4) == pytest.approx(0.06 * 4 + 0.006 * 16, rel=1e-8)
    assert effect(16) - effect(10) == pytest.approx(effect(10) - effect(8) + effect(10) - effect(6), rel=1e-6)
    assert (effect(10) - effect(6)) / 4 == pytest.approx(0.06 + 2 * 0.006 * 6, rel=1e-8)


@pytest.mark.parametrize("duration", [0.001, 0.05, 0.5])
def test_protracted_kill_has_the_lea_catcheside_factor(duration):
    found = survival("radiotherapy_protracted", pkpd.fractions(8, 1, start=0.1, duration=duration), [0, 2])
    G = float(pkpd.protraction(duration, mu_rep.value))
    assert -np.log(found) == pytest.approx(0.06 * 8 + 0.006 * G * 64, rel=1e-6)


def test_incomplete_repair_between_fractions_is_the_double_integral():
    """Two fractions of 0.03 day, 0.06 day apart: the generalized factor is taken from its definition."""
    regimen = pkpd.fractions(4, 2, start=0.1, every=0.06, duration=0.03)
    spans = [(0.1, 0.13), (0.16, 0.19)]
    rate, mu = 4 / 0.03, mu_rep.value

    def both(later, earlier):
        low, high = spans[earlier]
        return dblquad(
            lambda s, t: rate * rate * np.exp(-mu * (t - s)),
            *spans[later], low, lambda t: min(t, high), epsabs=1e-10,
        )[0]  # fmt: skip

    G = 2 / 64 * (both(0, 0) + both(1, 1) + both(1, 0))
    found = survival("radiotherapy_protracted", regimen, [0, 2])
    assert -np.log(found) == pytest.approx(0.06 * 8 + 0.006 * G * 64, rel=1e-6)


@pytest.mark.parametrize("source", ["I125", "Pd103"])
def test_permanent_implant_has_the_bed_of_dale(source):
    lam = {"I125": np.log(2) / 59.4, "Pd103": np.log(2) / 17.0}[source]
    expected = 30 * (1 + 30 * lam / ((mu_rep.value + lam) * 10))
    found = survival("brachytherapy", pkpd.bolus(30, "implant"), [0, 2000], lam=source)
    assert -np.log(found) / 0.06 == pytest.approx(expected, rel=1e-5)


def test_killed_tumor_becomes_dead_cells_and_is_cleared():
    run = ran("radiotherapy_lql", pkpd.fractions(8, 1, start=1), times=[0, 1, 1.0001, 11], kg=0, killed=0)
    before, after, later = (run.isel(time=i) for i in (1, 2, 3))
    assert float(after["D"]) == pytest.approx(float(before["T"] - after["T"]) * np.exp(-1e-5), rel=1e-6)
    assert float(later["D"] / after["D"]) == pytest.approx(np.exp(-0.1 * 9.9999), rel=1e-6)


@pytest.mark.parametrize(("dose", "field"), [(2, 300), (8, 300), (2, 1500)])
def test_lymphocytes_die_by_dose_and_field_and_recover(dose, field):
    run = ran("radiation_lymphocytes", pkpd.fractions(dose, 1, start=1), times=[0, 1, 1.0001, 101], field=field)
    hit = 1 - np.exp(-field / 2000)
    left = 1 - hit * (1 - 0.5 ** (dose / 1.5))
    assert float(run["L"][2]) == pytest.approx(left, rel=1e-5)
    assert float(run["L"][3]) == pytest.approx(1 - (1 - left) * np.exp(-0.63), rel=1e-5)


def test_radiation_kills_treg_and_draws_mdsc():
    regimen = pkpd.fractions(8, 1, start=1)
    treated, untreated = (ran("radiation_suppressors", r, times=[0, 1, 1.001, 15]) for r in (regimen, None))
    ratio = treated["Treg"] / untreated["Treg"]
    assert float(ratio[2]) == pytest.approx(1 - 0.1 * (1 - np.exp(-1.2)), rel=1e-3)
    assert at_end(treated, "MDSC") - at_end(untreated, "MDSC") == pytest.approx(
        0.005 * 8 * (np.exp(-0.015 * 14) - np.exp(-0.1 * 14)) / (0.1 - 0.015), rel=1e-5
    )


# ---- tumor


def test_chemotherapy_moves_tumor_to_the_dead_and_kills_lymphocytes():
    run = ran("chemotherapy", pkpd.bolus(1, "chemo", at=1), times=[0, 1, 60], kg=0, killed=0, kcl=0)
    assert at_end(run, "T") == pytest.approx(50 * np.exp(-0.14 / 0.693), rel=1e-7)
    assert at_end(run, "T") + at_end(run, "D") == pytest.approx(50, rel=1e-9)
    assert float(ran("chemotherapy", pkpd.bolus(1, "chemo", at=1), times=[0, 3])["L"][-1]) < 0.9


def test_clones_mutate_under_treatment_alone():
    """Without growth R(t) = mut1 S0 (1 - exp(-(1 + mut1) kill t))/(1 + mut1) where R is not killed."""
    still = {"kg": 0, "d0": 0, "resistant0": 0, "mut0": 0, "mut1": 1e-3, "resist": 1, "Tmin": 0}
    run = ran("clones", times=[0, 30], kill=0.05, **still)
    S0 = float(run["S"][0])
    assert S0 == pytest.approx(np.pi / 6 * 37**3)
    assert at_end(run, "R") == pytest.approx(1e-3 * S0 * -np.expm1(-1.001 * 0.05 * 30) / 1.001, rel=1e-7)
    assert at_end(ran("clones", times=[0, 30], kill=0, **still), "R") == 0


def test_clones_lose_what_they_say_is_killed():
    times = np.linspace(0, 10, 401)
    run = ran("clones", times=times, kill=0.05, kg=0, resistant0=0.3)
    replaced = 0.003 * run["T"].values  # cells that die without treatment have been replaced
    change = at_end(run, "T") - float(run["T"][0])
    assert -change == pytest.approx(np.trapezoid(run["killed"].values - replaced, times), rel=1e-5)


def test_resistant_clone_takes_over_and_an_extinct_tumor_stays_so():
    escaped = ran("clones", times=[0, 400], kill=0.05, resistant0=0.01)
    assert at_end(escaped, "R") > 0.99 * at_end(escaped, "T") > 100
    cured = ran("clones", times=[0, 400, 4000], kill=0.05, resistant0=0, mut0=0, mut1=0)
    assert cured["T"].values[1:].tolist() == [0, 0]


def test_scan_shows_dead_cells_and_infiltrate():
    run = ran("tumor_volume", times=[0, 500], T=1000, killed=30, E=2e8, X=1e8)
    assert at_end(run, "V") == pytest.approx(1000 + 30 / 0.1 + 300, rel=1e-6)
    assert at_end(run, "diameter") ** 3 * np.pi / 6 == pytest.approx(at_end(run, "V"))
    assert at_end(run, "release") == pytest.approx(30)


# ---- immune system


def test_killing_saturates_with_the_tumor():
    def killed(T):
        run = ran("effector_exhaustion", times=[0, 400], T=T, kexp=0, kexh=0, brake=0)
        assert at_end(run, "E") == pytest.approx(1e6 / 0.019, rel=1e-3)
        return at_end(run, "kill") * T

    assert killed(1e6) == pytest.approx(2.27e-6 * 1e6 / 0.019, rel=2e-3)
    assert killed(200) == pytest.approx(2.27e-6 * 1e6 / 0.019 / 2, rel=1e-3)


def test_brake_exhausts_effectors_and_its_release_brings_them_back():
    bounded = {"T": 1e4, "kexp": 0}
    held, free = (ran("effector_exhaustion", times=[0, 2000], brake=b, **bounded) for b in (0.9, 0.0))
    assert at_end(held, "X") > 0.8 * at_end(held, "E")
    assert at_end(free, "X") == 0
    E, X = at_end(held, "E"), at_end(held, "X")
    assert 1e6 == pytest.approx(0.019 * E + 0.1 * X, rel=1e-6)  # all that enter leave by dying


def test_activity_is_what_brake_and_suppressors_leave():
    run = ran("effector_exhaustion", times=[0, 1], brake=0.75, permitted=0.4)
    assert at_end(run, "activity") == pytest.approx(0.1)


def test_memory_outlasts_the_response_and_answers_antigen():
    formed = ran("effector_memory", times=[0, 4000], priming=1e6, A=0)
    assert at_end(formed, "P") == pytest.approx(1e6 / 0.13, rel=1e-6)
    assert at_end(formed, "M") == pytest.approx(0.02 / 0.002 * 1e6 / 0.13, rel=1e-3)
    assert at_end(formed, "leaving") == pytest.approx(0.1 * 1e6 / 0.13, rel=1e-6)
    recalled = ran("effector_memory", times=[0, 4000], priming=1e6, A=6)
    assert at_end(recalled, "P") == pytest.approx(at_end(formed, "P"), rel=1e-6)  # what is recalled forms no memory
    gain = at_end(recalled, "leaving") - at_end(formed, "leaving")
    assert gain == pytest.approx(0.03 * 6 / (2 + 6) * at_end(recalled, "M"), rel=1e-6)
    closed = ran("effector_memory", times=[0, 4000], priming=1e6, A=6, infiltration=0)
    assert at_end(closed, "leaving") == 0


def test_priming_needs_antigen_lymphocytes_and_permission():
    run = ran("antigen_priming", times=[0, 400], release=400, kpri=1e7)
    assert at_end(run, "DC") == pytest.approx(0.5, rel=1e-6)  # A = 400/0.2 = A50
    assert at_end(run, "priming") == pytest.approx(1e7 / 2, rel=1e-6)
    for part in ("L", "primable"):
        assert at_end(ran("antigen_priming", times=[0, 400], release=400, **{part: 0}), "priming") == 0


def test_pdl1_is_induced_sixfold_occupied_and_lost():
    induced = ran("pdl1_turnover", times=[0, 100], E=3e11, RO=0)
    assert at_end(induced, "PDL1") == pytest.approx(6, rel=2e-3)
    assert at_end(induced, "pd1_brake") == pytest.approx(16 / 17, rel=1e-3)
    assert at_end(ran("pdl1_turnover", times=[0, 100], E=3e11, RO=0.99), "pd1_brake") < 2e-3
    assert at_end(ran("pdl1_turnover", times=[0, 100], E=3e11, PDL1_0=0), "pd1_brake") == 0


def test_soluble_pdl1_rises_in_all_and_falls_in_the_free():
    run = ran("pdl1_soluble", times=[0, 400], RO=0.9)
    assert at_end(run, "sL") == pytest.approx(124.8 / (0.1 + 0.09), rel=1e-6)
    assert at_end(run, "sL_free") < 124.8
    assert at_end(ran("pdl1_soluble", times=[0, 400], RO=0), "sL") == pytest.approx(124.8)


def test_two_further_checkpoints_by_renaming():
    both = pkpd.compose("two", checkpoint.model.renamed("tigit_"), checkpoint.model.renamed("lag3_"))
    run = ran(both, pkpd.bolus(500, "tigit_checkpoint_iv"), times=[0, 1], tigit_ligand_max=0.8, lag3_ligand_max=0.5)
    assert at_end(run, "lag3_checkpoint_brake") == 0.5
    free = 1 / (1 + 500 / 7.03 / 0.0975 * np.exp(-0.0372))
    assert at_end(run, "tigit_checkpoint_brake") == pytest.approx(0.8 * free, rel=1e-6)


def test_suppressors_come_with_effectors_and_burden_and_a_drug_depletes_them():
    rest = ran("suppressors", times=[0, 3000], burden=1e5, effectors=5e8)
    assert at_end(rest, "Treg") == pytest.approx(2, rel=1e-6)
    assert at_end(rest, "MDSC") == pytest.approx(3, rel=1e-6)
    assert at_end(rest, "permitted") == pytest.approx(1 / (1 + 0.2 * 2 + 0.2 * 3), rel=1e-6)
    still = {"kTreg": 0, "kMDSC": 0}
    depleted = ran("suppressor_depletion", pkpd.bolus(1, "depletion"), times=[0, 200], **still)
    assert at_end(depleted, "Treg") == pytest.approx(np.exp(-0.3 / 0.1), rel=1e-6)
    assert {s.name for s in suppressors.treg.states} == {"Treg"}


def test_infiltration_drug_multiplies_the_entry_and_wears_off():
    run = ran("infiltration_drug", pkpd.bolus(1, "infiltration_drug"), times=[0, 1e-9, 400])
    assert float(run["infiltration"][1]) == pytest.approx(1 + 10 / 2)
    assert at_end(run, "infiltration") == pytest.approx(1, abs=1e-6)


# ---- lesions


def three_lesions():
    names = ("lung", "liver", "bone")
    local = (clones.model, effector_exhaustion.model, tumor_volume.model)
    own = [lesions.placed(part, i) for i in names for part in local]
    supply = pkpd.Model("supply", rates={pkpd.state("leaving", "cell/day", "effectors that leave", start=1e6): 0})
    parts = (lesions.trafficking(names), lesions.totals(names), *(lesions.irradiated(i) for i in names))
    return pkpd.compose("three", supply, *own, *parts)


def test_effectors_go_to_lesions_by_weight_and_size():
    run = ran(three_lesions(), times=[0, 1], diameter0_bone=20, w_liver=3)
    lung, liver, bone = (float(run[f"influx_{i}"][0]) for i in ("lung", "liver", "bone"))
    assert liver / lung == pytest.approx(3)
    assert bone / lung == pytest.approx((20 / 37) ** 3)
    pull = float(run["T_lung"][0] + 3 * run["T_liver"][0] + run["T_bone"][0])
    assert lung + liver + bone == pytest.approx(1e6 * pull / (500 + pull))


def test_only_the_lesion_that_is_chosen_is_irradiated():
    model = three_lesions()
    treated, untreated = (ran(model, r, times=[0, 2], kkill=0) for r in (pkpd.fractions(8, 1, "radiation_liver"), None))
    assert at_end(treated, "T_liver") < 0.5 * at_end(untreated, "T_liver")
    for other in ("lung", "bone"):
        assert at_end(treated, f"T_{other}") == pytest.approx(at_end(untreated, f"T_{other}"), rel=1e-9)
    total = sum(at_end(treated, f"T_{i}") for i in ("lung", "liver", "bone"))
    assert at_end(treated, "burden") == pytest.approx(total)


def test_a_lesion_is_seeded_with_sensitive_cells():
    part = pkpd.compose("seeded", lesions.placed(clones.inherited, "liver"), lesions.seeded("liver"))
    regimen = pkpd.bolus(65, "seeding_liver", at=1)
    run = ran(part, regimen, times=[0, 1, 1 + 1e-9], kill_liver=0, diameter0_liver=10)
    change = run.isel(time=2) - run.isel(time=1)
    assert (float(change["S_liver"]), float(change["R_liver"])) == (pytest.approx(65), pytest.approx(0, abs=1e-6))


def test_resistant_cells_are_so_many_for_each_sensitive_one():
    run = ran("clones", times=[0, 1], resistant0=0.25)
    assert float(run["R"][0] / run["S"][0]) == pytest.approx(0.25)
    assert float(run["T"][0]) == pytest.approx(np.pi / 6 * 37**3)
    f = 0.696  # the share that pembrolizumab reaches in melanoma (Chatterjee 2017)
    assert clones.resistant0.value == pytest.approx((1 - f) / f, rel=1e-3)


def test_clones_that_are_inherited_do_not_mutate():
    run = ran(clones.inherited, times=[0, 100], kill=0.05, resistant0=0)
    assert at_end(run, "R") == 0
    assert set(clones.model.symbols) - set(clones.inherited.symbols) == {"mut0", "mut1", "cost"}


def test_effectors_in_contact_do_not_expand():
    held = {"T": 1e4, "brake": 0, "influx": 0}
    contact, expanding = (
        ran(m, times=[0, 10], E=1e6, **held) for m in (effector_exhaustion.contact, effector_exhaustion.model)
    )
    assert at_end(contact, "E") == pytest.approx(1e6 * np.exp(-0.19), rel=1e-6)
    assert at_end(expanding, "E") > at_end(contact, "E")


def test_tumors_shed_by_their_load_and_its_pdl1():
    load = {"PDL1_lung": (2, "1"), "T_lung": (1e5, "mm^3"), "PDL1_liver": (0, "1"), "T_liver": (1e5, "mm^3")}
    still = {pkpd.state(name, unit, name, start=value): 0 for name, (value, unit) in load.items()}
    part = pkpd.compose(
        "shed", pdl1_shedding.pdl1_shedding(["lung", "liver"]), pdl1_soluble.model, pkpd.Model("still", rates=still)
    )
    run = ran(part, times=[0, 400], RO=0)
    assert at_end(run, "shed") == pytest.approx(1 - 0.15 + 0.15 * 2e5 / 1.5e5)
    assert at_end(run, "sL") == pytest.approx(124.8 * at_end(run, "shed"), rel=1e-6)


def test_an_antibody_to_the_receptor_leaves_soluble_pdl1_its_clearance():
    run = ran("pdl1_soluble", times=[0, 400], RO=0.9, onL=0)
    assert at_end(run, "sL") == pytest.approx(124.8, rel=1e-6)
    assert at_end(run, "sL_free") == pytest.approx(124.8, rel=1e-6)


# ---- adverse events


@pytest.mark.parametrize(("RO", "stopped"), [(0, 0.098), (1, 0.154)])
def test_pacifics_patients_stop_as_published(RO, stopped):
    """60 Gy at once, and a year: what was published of 30 fractions and the year after them."""
    run = ran("radiation_adverse_events", pkpd.bolus(60, "radiation"), times=[0, 365], RO=RO)
    assert at_end(run, "P_stop") == pytest.approx(stopped, rel=1e-5)


def test_a_wider_field_stops_more():
    narrow, wide = (
        ran("radiation_adverse_events", pkpd.bolus(60, "radiation"), times=[0, 365], field=f) for f in (150, 600)
    )
    assert at_end(wide, "J") == pytest.approx(4 * at_end(narrow, "J"), rel=1e-6)


def test_risk_of_adverse_events_is_early():
    run = ran("irae_hazard", times=[0, 100, 365, 1e4], C=1e9)
    risk = -np.log(1 - run["P_irae"].values)
    assert risk[1] / risk[3] == pytest.approx(1 - np.exp(-1), rel=1e-6)
    steady = ran("irae_hazard", times=[0, 365, 730], C=1e9, tau=1e9, hmax=4.94e-4)
    assert np.allclose(-np.log(1 - steady["P_irae"].values), 4.94e-4 * np.array([0, 365, 730]), rtol=1e-5)


def test_a_year_of_saturating_exposure_has_the_probability_of_the_meta_analysis():
    assert at_end(ran("irae_hazard", times=[0, 365], C=1e9), "P_irae") == pytest.approx(0.165, rel=1e-6)
    assert at_end(ran("irae_hazard", times=[0, 365], C=0), "P_irae") == 0


def logits(name, Cav, **parameters):
    cohort = pkpd.Model("cohort", rates={pkpd.state("Cav", "nM", "average concentration", start=Cav): 0})
    model = pkpd.compose("cohort_of", pkpd.load(name), cohort)
    (output,) = model.outputs
    return at_end(ran(model, times=[0, 1], **parameters), output)


def test_meta_analyses_of_adverse_events():
    assert logits("zhang_2022", 0) == pytest.approx(0.165, abs=5e-4)
    assert logits("zhang_2022", 0, with_chemo=1) == pytest.approx(1 / (1 + np.exp(1.2696 + 0.3484 - 0.9093)))
    assert logits("shulgin_2020", 0) == pytest.approx(1 / (1 + np.exp(1.44)))
    both = logits("shulgin_2020", 133, PD1_drug=1)
    assert both == pytest.approx(1 / (1 + np.exp(1.44 - 0.15 - 1.1)))
    assert logits("shulgin_2020", 133, PD1_drug=1, IC50="tremelimumab") > both


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dose": "two"}, "dose is 'two'; expected a number, or an array"),
        ({"dose": 2, "n": -30}, "n is -30; expected 0 fractions or more"),
        ({"dose": 2, "protraction": "slow"}, "protraction is 'slow'; expected a number"),
    ],
)
def test_arguments_of_a_wrong_kind(arguments, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        pkpd.eqd2(**arguments, alpha_beta=10)
