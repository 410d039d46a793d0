"""A sweep of which 10 % fail: counted in its summary, its exit code and each figure; a statistic asks for a policy."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import run_here

import pkpd
from pkpd.errors import FailedMembersWarning, SimulationError
from pkpd.studies.running import run_study

pytest.importorskip("zarr", reason="an extra")
pytestmark = pytest.mark.filterwarnings("ignore::pkpd.errors.FailedMembersWarning")

TIMES = np.linspace(0, 2, 9)
RATES = (*np.linspace(-0.4, 0.4, 9), 1.0)  # with the last the tumor is infinite at time 1


def explosive() -> pkpd.Model:
    """dV/dt = a V^2 / V0, infinite at 1/a; with an event whose hazard is constant."""
    a, V0 = pkpd.param("a", 0.1, "1/day", "growth"), pkpd.param("V0", 100, "mm^3", "size at the start")
    V = pkpd.state("V", "mm^3", "tumor volume", start=V0)
    model = pkpd.Model("explosive", {V: a * V**2 / V0}, routes={"iv": {V: V + pkpd.dose("mm^3")}})
    return pkpd.time_to_event(model, "death", pkpd.param("h", 0.5, "1/day", "hazard"))


@pytest.fixture(scope="module")
def study():
    u = np.linspace(0.05, 0.95, 10)
    return pkpd.Study(explosive(), {"a": None, "b": None}, TIMES, axes={"a": RATES, "u_death": u}, chunk=30)


@pytest.fixture(scope="module")
def outcome(study, tmp_path_factory):
    return run_study(study, tmp_path_factory.mktemp("failing") / "sweep")


@pytest.fixture(scope="module")
def arms(outcome):
    """All members along ``member``, by arm."""
    return pkpd.open_sweep(outcome.folder).load()


@pytest.fixture(scope="module")
def run(arms):
    """One arm."""
    return arms.isel(arm=0, drop=True)


@pytest.fixture(scope="module")
def grid(outcome):
    return pkpd.open_sweep(outcome.folder, unfolded=True).isel(arm=0, drop=True)


def told(ax):
    return ax.get_title(loc="left")


def test_the_summary_counts_them(outcome):
    assert (outcome.members, outcome.failed) == (100, 20)  # 10 of each arm
    assert "20 failed (20 " in str(outcome)


def test_the_exit_code_says_so(study, tmp_path, capsys):
    path = pkpd.write_study(study.but(regimen=None), tmp_path / "study.toml")
    code, _, err = run_here(capsys, "sweep", str(path))
    assert code == 3
    assert "100 of 100 members in 4 of 4 chunks; 10 failed (10 " in err
    code, _, err = run_here(capsys, "sweep", str(path))  # nothing is left to do, and they still failed
    assert code == 3
    assert "10 failed" in err


STATISTICS = {
    "best_change": lambda run, **how: pkpd.best_change(run, "V", **how),
    "percent_change": lambda run, **how: pkpd.percent_change(run, "V", **how),
    "complete_response": lambda run, **how: pkpd.complete_response(run, "V", below=90, after=0, **how),
    "first_event": lambda run, **how: pkpd.first_event(run, "death", **how),
}


@pytest.mark.parametrize("name", STATISTICS)
def test_a_statistic_asks_for_a_policy(name, run):
    with pytest.raises(SimulationError, match=r"10 of 100 members failed, so \w+\(\) has no value of"):
        STATISTICS[name](run)
    value = STATISTICS[name](run, failed="exclude")
    value = value["time"] if name == "first_event" else value
    lost = value.isnull().all("time") if "time" in value.dims else value.isnull()
    assert int(lost.sum()) == 10


def survival(run):
    first = pkpd.first_event(run, "death", failed="exclude")
    return pkpd.kaplan_meier(first["time"], first["event"], failed="exclude")


def incidence(run):
    first = pkpd.first_event(run, "death", failed="exclude")
    return pkpd.cumulative_incidence(first["time"], first["cause"], failed="exclude")


OF_MEMBERS = {
    "time_course": lambda run: pkpd.time_course(run, "V"),
    "spaghetti": lambda run: pkpd.spaghetti(run, "V"),
    "waterfall": lambda run: pkpd.waterfall(pkpd.best_change(run, "V", failed="exclude")),
    "survival_curves": lambda run: pkpd.survival_curves(survival(run)),
    "incidence_curves": lambda run: pkpd.incidence_curves(incidence(run)),
}
OF_GRIDS = {
    "heat_map": lambda grid: pkpd.heat_map(grid, "a", "u_death", output="V", at=2.0),
    "response_curve": lambda grid: pkpd.response_curve(grid, "V", x="a", by="u_death", at=2.0),
    "contours": lambda grid: pkpd.contours(grid, "a", "u_death", output="V", at=2.0).axes[0],
}


@pytest.mark.parametrize("name", OF_MEMBERS)
def test_a_figure_of_members_says_how_many_failed(name, run):
    assert "10 of 100 members failed, left out" in told(OF_MEMBERS[name](run))
    whole = run.isel(member=(run["status"] == 0).to_numpy())
    assert "failed" not in told(OF_MEMBERS[name](whole))


@pytest.mark.parametrize("name", OF_GRIDS)
def test_a_figure_of_a_grid_says_how_many_failed(name, grid):
    ax = OF_GRIDS[name](grid)
    assert "10 of 100" in told(ax) + ax.get_title()
    assert "failed" in told(ax) + ax.get_title()


def test_benefit_and_risk_say_so(arms):
    table = pkpd.benefit_and_risk(arms, at=1.5, benefit=["death"], risks=[], failed="exclude")
    assert table.attrs["excluded"] == 20
    assert "20 of 200 members failed, left out" in told(pkpd.benefit_risk_chart(table))


def test_a_trajectory_in_the_plane_ends_where_it_failed_and_is_counted():
    x, y = pkpd.state("x", "1", "one", start=0.5), pkpd.state("y", "1", "other", start=0.2)
    r = pkpd.param("r", 1, "1/day", "rate")
    k = pkpd.param("k", 1, "1/day", "loss")
    model = pkpd.Model("plane", {x: r * x**2 - k * x, y: -k * y})
    plane = pkpd.phase_plane(model, {"x": (0, 1.5), "y": (0, 1.5)}, points=12, starts=4)
    with pytest.warns(FailedMembersWarning):
        run = pkpd.simulate(model, times=TIMES, parameters={"r": [0.5, 1, 9]})
    assert "1 of 3 trajectories failed" in told(pkpd.phase_portrait(plane, run=run))
    assert "failed" not in told(pkpd.phase_portrait(plane, run=run.isel(member=[0, 1])))
