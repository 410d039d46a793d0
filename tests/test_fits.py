"""The worked examples re-run and recover their recorded estimates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import pkpd
from pkpd.fits import mc38_radiation

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "mc38_sirpa_rt_mice" / "WTl100.txt"


@pytest.fixture(scope="module")
def mc38() -> pkpd.Fit:
    return mc38_radiation.run()


def test_mc38_recovers_its_recorded_estimates(mc38: pkpd.Fit) -> None:
    recorded = {"T0": 0.9133, "kg": 0.45326, "Tmax": 1988.6, "kcl": 0.03041, "alpha": 0.35759}
    errors = {"T0": 0.2449, "kg": 0.02150, "Tmax": 113.46, "kcl": 0.05356, "alpha": 0.02918}
    assert mc38.success
    assert mc38.solver_failures == 0
    for name, value in recorded.items():
        assert mc38.estimates.loc[name, "estimate"] == pytest.approx(value, rel=2e-4), name
        assert mc38.estimates.loc[name, "se"] == pytest.approx(errors[name], rel=1e-3), name
    assert mc38.chi_square == pytest.approx(66.3018, rel=1e-5)
    assert (mc38.n_observations, mc38.n_free) == (34, 6)


def test_mc38_says_what_it_cannot_tell(mc38: pkpd.Fit) -> None:
    """beta ends at 0, and the misfit is larger than the spread between animals."""
    assert mc38.estimates["at_bound"].to_dict() == {k: k == "beta" for k in mc38_radiation.FREE}
    assert mc38.covariance_missing.startswith("beta is at a bound")
    assert mc38.reduced_chi_square == pytest.approx(2.368, rel=1e-3)


def test_mc38_finds_the_same_optimum_from_other_starts(mc38: pkpd.Fit) -> None:
    for alpha, beta, kcl in ((0.05, 0.05, 0.5), (0.6, 0.001, 0.02)):
        free = mc38_radiation.FREE | {
            "alpha": pkpd.free(start=alpha), "beta": pkpd.free(start=beta), "kcl": pkpd.free(start=kcl),
        }  # fmt: skip
        again = pkpd.fit(mc38.model, mc38.data, free, sd_is="relative")
        assert again.chi_square == pytest.approx(mc38.chi_square, rel=1e-5)


def test_mc38_log_kill_is_proportional_to_dose(mc38: pkpd.Fit) -> None:
    """Without the bound beta is within two standard errors of 0, as the example says."""
    free = mc38_radiation.FREE | {"beta": pkpd.free(bounds=(None, None))}
    row = pkpd.fit(mc38.model, mc38.data, free, sd_is="relative").estimates.loc["beta"]
    assert row["estimate"] == pytest.approx(-0.0016, abs=1e-4)
    assert row["se"] == pytest.approx(0.0036, abs=1e-4)


def test_mc38_regrowth_is_delayed_in_proportion_to_dose() -> None:
    """Read off the table, without a model: why beta goes to 0."""
    data = mc38_radiation.observations()
    for volume, recorded in ((150, [0.74, 0.81, 0.70]), (250, [0.68, 0.79, 0.72])):
        days = {
            arm: float(np.interp(np.log(volume), np.log(data.value[data.rows(arm)]), data.time[data.rows(arm)]))
            for arm in data.arms
        }
        delays = [(days[f"{gray} Gy"] - days["0 Gy"]) / gray for gray in (4, 8, 15)]
        assert delays == pytest.approx(recorded, abs=0.005)


@pytest.mark.skipif(not SHARED.exists(), reason="the third-party table is not part of the repository")
def test_mc38_table_is_the_published_one() -> None:
    source = np.loadtxt(SHARED)
    data = mc38_radiation.observations()
    expected = [
        (arm, row[0], row[1 + i] / 1e6, row[5 + i] / 1e6)
        for i, arm in enumerate(mc38_radiation.REGIMENS)
        for row in source
        if row[1 + i] > 0
    ]
    assert list(data.arm) == [e[0] for e in expected]
    assert np.column_stack([data.time, data.value, data.sd]) == pytest.approx(np.array([e[1:] for e in expected]))


def test_mc38_writes_its_report_tables_and_figure(mc38: pkpd.Fit, tmp_path: Path) -> None:
    mc38_radiation.write(mc38, tmp_path / "new")
    assert (tmp_path / "new" / "report.txt").read_text() == mc38.report() + "\n"
    assert (tmp_path / "new" / "estimates.csv").read_text().startswith("parameter,estimate,se,")
    assert (tmp_path / "new" / "residuals.csv").read_text().count("\n") == 35
    assert (tmp_path / "new" / "mc38_radiation.png").stat().st_size > 10_000
