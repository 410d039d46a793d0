"""Hypothesis strategies for what a user may give."""

from __future__ import annotations

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
