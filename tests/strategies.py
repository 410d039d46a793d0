"""Hypothesis strategies for what a user may give."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import strategies as st

import pkpd

positive = st.floats(0.01, 100.0)
dose_times = st.lists(st.floats(0.0, 20.0), min_size=1, max_size=5)


@st.composite
def regimens(draw: st.DrawFn) -> pkpd.Regimen:
    """A few boluses and infusions on the route ``iv``, in any order, possibly at equal times."""
    regimen = pkpd.Regimen()
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.sampled_from([0.0, 1.0, 2.5, 7.0, 11.0]))
        amount = draw(st.floats(1.0, 500.0))
        if draw(st.booleans()):
            regimen += pkpd.bolus(amount, "iv", at=at)
        else:
            regimen += pkpd.infusion(amount, "iv", draw(st.sampled_from([0.25, 1.0, 6.0])), at=at)
    return regimen


@st.composite
def tables_of_records(draw: st.DrawFn) -> pd.DataFrame:
    """Records as NONMEM would take them: doses of every kind, observations and resets, with covariates."""
    rows = []
    for subject in range(draw(st.integers(1, 3))):
        times = sorted(draw(st.lists(st.floats(-100, 1000), min_size=1, max_size=6)))
        weight = draw(st.one_of(st.just(np.nan), st.floats(1e-3, 1e3)))
        site = draw(st.sampled_from(["Basel", "New York", 'a "quoted" name', "a, b", "#1"]))
        rows += [{"ID": subject, "TIME": t, "WT": weight, "SITE": site, **draw(_records)} for t in times]
    return pd.DataFrame(rows)


_amounts = st.floats(1e-6, 1e6)
_records = st.one_of(
    st.fixed_dictionaries({"DV": st.floats(-1e6, 1e6), "CENS": st.sampled_from([-1, 0, 1]), "DVID": st.integers(1, 3)}),
    st.fixed_dictionaries(
        {"EVID": st.just(1), "AMT": _amounts, "RATE": st.one_of(st.sampled_from([0, -1, -2]), _amounts)}
    ),
    st.fixed_dictionaries(
        {"EVID": st.just(1), "AMT": _amounts, "DUR": _amounts, "ADDL": st.integers(1, 9), "II": _amounts}
    ),
    st.fixed_dictionaries({"EVID": st.sampled_from([1, 4]), "AMT": _amounts, "SS": st.integers(1, 3), "II": _amounts}),
    st.fixed_dictionaries({"EVID": st.just(2), "CMT": st.integers(-3, 3)}),
    st.fixed_dictionaries({"EVID": st.just(3), "OCC": st.integers(1, 4)}),
)
