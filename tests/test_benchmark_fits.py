"""The benchmark of fits: everyone solves the same problem."""

from __future__ import annotations

import numpy as np
import pytest

import pkpd
from benchmarks import fits
from benchmarks.peers import lmfit_peer
from benchmarks.scale import QUICK


@pytest.fixture(scope="module")
def data() -> pkpd.Dataset:
    return fits.simulated()


def test_ten_parameters_on_four_arms_recover_the_truth(data: pkpd.Dataset) -> None:
    fit = pkpd.fit(fits.xenografts_model(), data, fits.FREE, parameters=fits.HELD)
    assert (fit.n_free, len(data.arms)) == (10, 4)
    assert fit.chi_square == pytest.approx(39.632525, abs=1e-5)
    for name, truth in fits.TRUTH.items():
        row = fit.estimates.loc[name]
        assert abs(np.log(row["estimate"] / truth)) < 3.5 * row["se"] / row["estimate"], name


def test_the_peer_predicts_the_same(data: pkpd.Dataset) -> None:
    """With its right-hand side as Python, whether numba is installed or not."""
    values = {**fits.TRUTH, **fits.HELD, "w0": 0.2}
    p = np.array([fits.HELD["ka"], *(fits.TRUTH[name] for name in fits.STARTS)])
    predicted = np.full(len(data), np.nan)
    for arm in ("control", "high"):
        lmfit_peer._fill(predicted, data, arm, fits.DOSES[arm], lmfit_peer.rates, p, 0.2)
        rows = data.rows(arm)
        times = np.unique(data.time[rows])
        run = pkpd.simulate(fits.xenografts_model(), data.regimens[arm], times=times, parameters=values, rtol=1e-10)
        expected = [float(run[data.output[row]].sel(time=data.time[row])) for row in rows]
        np.testing.assert_allclose(predicted[rows], expected, rtol=1e-6)


def test_what_is_absent_is_said(data: pkpd.Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(fits.DATA, raising=False)
    monkeypatch.setattr(fits, "find_spec", lambda name: None)
    ours, peer, mice = fits.fits_table(QUICK).rows
    assert ours["chi-square"] == "39.632525"
    assert ours["CPU s"] > 0
    assert peer["remark"] == "numba is not installed"
    assert mice["remark"] == "PKPD_FITS_DATA names no folder with the table"


def test_a_checkout_that_cannot_fit_says_why(tmp_path) -> None:
    row = fits._measured("28 parameters, 24 arms", "pkpd before", fits.ROOT, tmp_path / "absent.csv")
    assert "No such file" in row["remark"]
