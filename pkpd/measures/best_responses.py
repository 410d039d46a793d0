"""Best overall response, and when a response began.

Source: Eisenhauer et al., Eur J Cancer 45:228-247 (2009), section 4.6 and table 3.
"""

from __future__ import annotations

import numpy as np

from pkpd.arrays import Array, Codes, Index, Mask
from pkpd.measures.recist_rules import RecistRules
from pkpd.measures.response_codes import CR, ICPD, NE, NED, NON, NOT_ASSESSED, PD, PR, SD

__all__ = ["best_response", "counted", "first_true"]


def counted(overall: Codes, day: Array, new_therapy: Array, ends: Mask) -> Mask:
    """The visits that count for the best response: up to the first at which it `ends`, and before other therapy."""
    before = np.concatenate([np.zeros_like(ends[:1]), np.logical_or.accumulate(ends, axis=0)[:-1]])
    with np.errstate(invalid="ignore"):
        other = day > new_therapy
    visits: Mask = (overall != NOT_ASSESSED) & ~before & ~other
    return visits


def best_response(overall: Codes, day: Array, visits: Mask, rules: RecistRules) -> tuple[Codes, Array]:
    """The best response of each patient by table 3, and the first day of its CR or PR (NaN without one).

    CR goes over PR over SD over PD over NE; a CR or PR that is not confirmed is SD, and SD (or
    non-CR/non-PD) that did not last is PD where that follows, else NE.
    """
    with np.errstate(invalid="ignore"):
        late = visits & (day >= rules.stable)
    complete = _confirmed(overall, day, visits, (CR,), rules)
    response = _confirmed(overall, day, visits, (CR, PR), rules)
    best = np.full(overall.shape[1], NE, dtype=np.int8)
    best[(visits & (overall == PD)).any(axis=0)] = PD
    best[(visits & (overall == ICPD)).any(axis=0)] = ICPD
    best[(late & (overall == NED)).any(axis=0)] = NED
    best[(late & (overall == NON)).any(axis=0)] = NON
    best[(late & ((overall == SD) | (overall == PR) | (overall == CR))).any(axis=0)] = SD
    best[response.any(axis=0)] = PR
    best[complete.any(axis=0)] = CR
    first = first_true(response)
    days = np.take_along_axis(day, np.maximum(first, 0)[None], axis=0)[0]
    return best, np.where(first >= 0, days, np.nan)


def first_true(flags: Mask) -> Index:
    """For each patient the first visit at which a flag is set, -1 where none is."""
    return np.where(flags.any(axis=0), flags.argmax(axis=0), -1)


def _confirmed(overall: Codes, day: Array, visits: Mask, codes: tuple[int, ...], rules: RecistRules) -> Mask:
    """The visits with one of the responses that a later scan confirms.

    At most one visit in between may show another response or none (Eisenhauer 2009, appendix
    III: 32, 28 and 33 % shrinkage are a confirmed PR; two or three such visits are not).
    """
    responds = visits & np.isin(overall, codes)
    if rules.confirmation == 0:
        return responds
    confirmed = np.zeros_like(responds)
    for first in range(1, len(responds) - 1):
        waiting, others = responds[first].copy(), np.zeros(responds.shape[1], dtype=np.int8)
        for later in range(first + 1, len(responds)):
            if not waiting.any():
                break
            with np.errstate(invalid="ignore"):
                confirms = waiting & responds[later] & (day[later] - day[first] >= rules.confirmation)
            confirmed[first] |= confirms
            others += ~responds[later]
            waiting &= ~confirms & (others <= 1)
    return confirmed
