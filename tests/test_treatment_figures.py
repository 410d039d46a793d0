"""The figure of the treatment that was given, by the artists it makes."""

from __future__ import annotations

import numpy as np
import pytest
import sympy
from matplotlib.collections import LineCollection

import pkpd


def treated(patients: int = 6) -> pkpd.Treated:
    """Tumors that grow by 25 % in 8 weeks in every other patient; an event on day 100 in patient 1."""
    g = pkpd.param("g", 0.0, "1/day", "growth", bounds=(None, None))
    D = pkpd.state("D", "mm", "diameter", start=50)
    H, gone = pkpd.state("H", "day", "time so far"), pkpd.state("gone", "1", "whether the patient has left")
    due = pkpd.param("due", 1e9, "day", "when the patient leaves")
    X = pkpd.state("X", "mg", "drug given")
    model = pkpd.Model(
        "growing",
        rates={D: g * D, H: sympy.Integer(1), gone: sympy.Integer(0), X: sympy.Integer(0)},
        outputs={"diameter": D},
        routes={"iv": {X: X + pkpd.dose("mg")}},
        events=[pkpd.Event(when=H > due, then={gone: 1})],
    )
    drug, more = pkpd.therapy(pkpd.bolus(100, "iv"), every=14), pkpd.therapy(pkpd.bolus(10, "iv"), start=None)
    rules = [pkpd.stop_at(pkpd.seen("PD"), "drug"), pkpd.start_at(pkpd.seen("PD"), "more", wait=7)]
    protocol = pkpd.Protocol({"drug": drug, "more": more}, rules)
    columns = {"g": np.arange(patients) % 2 * np.log(1.25) / 56, "due": np.where(np.arange(patients) == 1, 100.0, 1e9)}
    imaging = pkpd.Imaging({"one": "diameter"}, np.arange(0, 200, 56.0), pkpd.Reader(error=0))
    return pkpd.treat(model, protocol, columns, until=150, imaging=imaging, leaving=["gone"])


def test_every_dose_scan_and_decision_is_drawn() -> None:
    given = treated()
    ax = pkpd.treatment_timeline(given)
    assert ax.get_legend() is not None
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["drug", "more", "scan", "stopped", "begun by a rule", "gone"]
    lines = [c for c in ax.collections if isinstance(c, LineCollection)]
    ticks = {str(c.get_label()): len(c.get_segments()) for c in lines if str(c.get_label()) in ("drug", "more")}
    assert ticks == given.doses.groupby("therapy").size().to_dict() == {"drug": 3 * 11 + 3 * 4, "more": 3}
    points = {str(c.get_label()): c for c in ax.collections}
    assert len(points["scan"].get_offsets()) == int(given.scans.day.notnull().sum())
    np.testing.assert_allclose(points["gone"].get_offsets(), [[100 / 7, 1]], rtol=1e-6)
    assert ax.get_title(loc="left") == "6 of 6 patients"


def test_chosen_patients_stand_in_the_order_asked_for() -> None:
    ax = pkpd.treatment_timeline(treated(), [5, 0])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["5", "0"]
    assert ax.get_title(loc="left") == "2 of 6 patients"


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(pkpd.DataError, match="there is no patient 9; they have the numbers 0 to 5"):
        pkpd.treatment_timeline(treated(), [0, 9])
    with pytest.raises(pkpd.DataError, match="got 0 patients"):
        pkpd.treatment_timeline(treated(), [])
    with pytest.raises(pkpd.DataError, match="got a int"):
        pkpd.treatment_timeline(3)  # type: ignore[arg-type]
