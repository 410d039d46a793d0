"""Endpoints of a study: the numbers that the measures give, chunk by chunk, with units; refusals with their line."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import pkpd
from pkpd.errors import FailedMembersWarning, PkpdError
from pkpd.studies.running import run_study

pytest.importorskip("zarr", reason="an extra")

KEY = {"NE": 0, "CR": 1, "PR": 2, "SD": 3, "PD": 4}


def lesion() -> pkpd.Model:
    """A diameter of 40 mm that falls at ks and, from what resists, rises at kg: min and regrowth in closed form."""
    kg = pkpd.param("kg", 0.005, "1/day", "growth")
    ks = pkpd.param("ks", 0.02, "1/day", "shrinkage")
    h = pkpd.param("h", 2e-3, "1/day", "hazard of death")
    in_cm = pkpd.param("in_cm", 0.1, "cm/mm", "conversion")
    S = pkpd.state("S", "mm", "sensitive", start=30)
    R = pkpd.state("R", "mm", "resistant", start=10)
    outputs = {
        "L": pkpd.output(S + R, "diameter of the target lesion"),
        "cm": pkpd.output((S + R) * in_cm, "the same", "cm"),
    }
    return pkpd.time_to_event(pkpd.Model("lesion", {S: -ks * S, R: kg * R}, outputs=outputs), "death", h)


def size(t, ks, kg=0.005):
    return 30 * np.exp(-ks * t) + 10 * np.exp(kg * t)


KS = (0.0, 0.005, 0.02, 0.1)
U = (0.9, 0.2)
VISITS = np.arange(0, 365, 42.0)
ENDPOINTS = {
    "best": {"kind": "best_change", "of": "L"},
    "small": {"kind": "complete_response", "of": "L", "below": "1.5 cm", "after": 40.0},
    "response": {"kind": "best_response", "of": "L"},
    "responds": {"kind": "objective_response", "of": "L"},
    "begins": {"kind": "response_time", "of": "L"},
    "ttp": {"kind": "progression_time", "of": "L"},
    "pfs": {"kind": "pfs_time", "of": "L", "death": "death"},
    "pfs_seen": {"kind": "pfs_event", "of": "L", "death": "death"},
    "os": {"kind": "event_time", "of": "death"},
    "died": {"kind": "event_seen", "of": "death"},
}


def study(**changes):
    whole = pkpd.Study(lesion(), times=VISITS, axes={"ks": KS, "u_death": U}, endpoints=ENDPOINTS, chunk=3)
    return whole.but(**changes)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("endpoints") / "sweep"
    assert run_study(study(), folder).complete
    return pkpd.open_sweep(folder, unfolded=True)


def progression(sizes):
    """The first visit that is 20 % and 5 mm above the smallest before it, or None."""
    for i in range(1, len(sizes)):
        nadir = sizes[:i].min()
        if sizes[i] >= 1.2 * nadir and sizes[i] - nadir >= 5:
            return i
    return None


def test_the_numbers_are_those_of_the_closed_form(run):
    for k, ks in enumerate(KS):
        sizes = size(VISITS, ks)
        assert run["best"].values[k] == pytest.approx(100 * (sizes[1:].min() / 40 - 1), rel=1e-6)
        assert (run["small"].values[k] == float((sizes[1:] <= 15).any())).all()
        worse = progression(sizes)
        ttp = np.inf if worse is None else VISITS[worse]
        assert (run["ttp"].values[k] == ttp).all()
        for j, u in enumerate(U):
            death = -np.log(u) / 2e-3
            assert run["os"].values[k, j] == pytest.approx(min(death, VISITS[-1]), rel=1e-6)
            assert run["died"].values[k, j] == float(death <= VISITS[-1])
            ends = min(death, ttp)
            assert run["pfs_seen"].values[k, j] == float(ends <= VISITS[-1])
            assert run["pfs"].values[k, j] == pytest.approx(min(ends, VISITS[-1]), rel=1e-6)


def test_responses_are_those_of_recist(run):
    for k, ks in enumerate(KS):
        scans = pkpd.collect_scans(VISITS, size(VISITS, ks)[None, :, None], [[1]])
        assessed = pkpd.recist(scans)
        assert (run["response"].values[k] == assessed["best_response"].item()).all()
        assert (run["responds"].values[k] == (assessed["best_response"].item() in (1, 2))).all()
        began = assessed["response_day"].item()
        assert (run["begins"].values[k] == (np.inf if np.isnan(began) else began)).all()
    assert set(np.unique(run["response"].values)) == {KEY["PR"], KEY["SD"]}
    names = pkpd.response_names(run["response"])
    assert set(np.unique(names)) == {"PR", "SD"}


def test_each_says_its_unit_and_its_meaning(run):
    assert {name: run[name].attrs["units"] for name in ENDPOINTS} == {
        "best": "%", "small": "1", "response": "1", "responds": "1", "begins": "day", "ttp": "day", "pfs": "day",
        "pfs_seen": "1", "os": "day", "died": "1",
    }  # fmt: skip
    assert run["best"].attrs["long_name"] == "lowest change from baseline: diameter of the target lesion"
    assert "L" not in run
    assert "time" not in run.dims


def test_chunks_do_not_matter_nor_do_reductions_beside_them(tmp_path, run):
    run_study(study(chunk=8, reduce={"nadir": ("L", "min")}), tmp_path / "sweep")
    whole = pkpd.open_sweep(tmp_path / "sweep", unfolded=True)
    for name in ENDPOINTS:
        assert np.array_equal(whole[name], run[name]), name
    ks = np.array(KS)[:, None]
    dense = size(np.linspace(0, VISITS[-1], 100_001), ks).min(axis=1)
    assert whole["nadir"].values[:, 0] == pytest.approx(dense, rel=1e-6)
    assert whole["nadir"].attrs["units"] == "mm"


def test_another_unit_of_length_or_time_makes_no_difference(tmp_path, run):
    recist = {name: {**e, "of": "cm"} for name, e in ENDPOINTS.items() if name in ("response", "ttp", "begins")}
    hours = study(model=lesion().in_time("h"), times=VISITS * 24, axes={"ks": np.array(KS) / 24, "u_death": U})
    run_study(hours.but(endpoints=recist), tmp_path / "sweep")
    other = pkpd.open_sweep(tmp_path / "sweep", unfolded=True)
    assert np.array_equal(other["response"], run["response"])
    assert np.allclose(other["ttp"], 24 * run["ttp"].values)
    assert other["ttp"].attrs["units"] == "h"


def test_by_arm(tmp_path):
    one = study(regimen={"a": None, "b": None})
    run_study(one, tmp_path / "sweep")
    arms = pkpd.open_sweep(tmp_path / "sweep")
    assert arms["ttp"].dims == ("arm", "member")
    assert np.array_equal(arms["ttp"][0], arms["ttp"][1])
    assert pkpd.check_tolerance(one, members=4).worst < 1e-4


def test_members_that_fail_have_no_endpoint(tmp_path):
    X = pkpd.state("X", "mm", "size", start=10)
    grows = pkpd.param("a", 0.0, "1/day/mm", "explosive growth")
    model = pkpd.Model("explodes", {X: grows * X**2})
    endpoints = {"best": {"kind": "best_change", "of": "X"}, "response": {"kind": "best_response", "of": "X"}}
    one = pkpd.Study(model, times=VISITS, axes={"a": [0, 1]}, endpoints=endpoints)
    outcome = run_study(one, tmp_path / "sweep")
    assert outcome.failed == 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FailedMembersWarning)
        run = pkpd.open_sweep(tmp_path / "sweep").load()
    assert np.isnan(run["best"]).values.tolist() == np.isnan(run["response"]).values.tolist() == [False, True]


# ---- written and read


def test_a_study_with_endpoints_is_written_without_loss(tmp_path):
    one = study()
    again = pkpd.read_study(pkpd.write_study(one, tmp_path / "s.toml"))
    assert again.hash == one.hash
    assert again.endpoints == one.endpoints
    for name in ENDPOINTS:
        fewer = {k: e for k, e in ENDPOINTS.items() if k != name}
        assert one.but(endpoints=fewer).hash != one.hash
    other = {**ENDPOINTS, "response": {"kind": "best_response", "of": "L", "confirmation": 0.0}}
    assert one.but(endpoints=other).hash != one.hash


FILE = """
times = "0:364:42"

[endpoints]
best = { kind = "best_change", of = "T" }

[model]
name = "tumor"
parts = ["growth_logistic", "tumor_volume"]
"""


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("best_change", "best_chang", ": [endpoints] best has no kind 'best_chang'. Did you mean 'best_change'?"),
        ('kind = "best_change", ', "", ": [endpoints] best lacks the key 'kind'."),
        ('of = "T"', 'off = "T"', ": [endpoints.best] has no key 'off'. Did you mean 'of'?"),
        ('of = "T"', "of = 3", ": [endpoints.best] of is 3; expected text"),
        ('of = "T"', 'of = "Tm"', ": [endpoints] best: tumor has no state or output 'Tm'. Did you mean 'T'?"),
        ('best_change", of = "T"', 'best_response", of = "T"', " is read from diameters, and 'T' is in 'mm^3'"),
        ('best_change", of = "T"', 'event_time", of = "death"', ": tumor has no event 'death'"),
        ('of = "T"', 'of = "T", threshold = 3', ": [endpoints.best] has no key 'threshold'. It has baseline, kind"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line(tmp_path, old, new, told):
    path = tmp_path / "study.toml"
    path.write_text(FILE.replace(old, new), encoding="utf-8")
    with pytest.raises(PkpdError) as refusal:
        pkpd.read_study(path)
    assert told in str(refusal.value)
    assert str(refusal.value).startswith("study.toml, line 5: [endpoints")


def test_names_and_outputs_that_do_not_fit_are_refused():
    with pytest.raises(PkpdError, match="'L' has a name that is taken"):
        _ = study(endpoints={"L": ENDPOINTS["best"]}).courses
    with pytest.raises(PkpdError, match="either courses or numbers"):
        _ = study(outputs=("L",)).courses
    with pytest.raises(PkpdError, match=r"Study: \[endpoints\] best has no kind 'worst'"):
        study(endpoints={"best": {"kind": "worst", "of": "L"}})
