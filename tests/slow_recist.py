"""RECIST 1.1 and iRECIST for one patient, in plain Python: what the fast arrays are compared with.

Written from Eisenhauer 2009 and Seymour 2017 visit by visit and lesion by lesion, with lists and
branches, and with nothing of the package in it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class Lesion:
    """What a scan shows of a lesion: `size` in mm, None where it could not be evaluated."""

    size: float | None
    role: str
    node: bool = False
    organ: int | None = None
    unequivocal: bool = False

    @property
    def present(self) -> bool:
        return self.size is not None and (self.size >= 10 if self.node else self.size > 0)

    @property
    def gone(self) -> bool:
        return self.size is not None and not self.present


@dataclass
class Visit:
    day: float
    lesions: list[Lesion] = field(default_factory=list)

    def of(self, role: str) -> list[Lesion]:
        return [lesion for lesion in self.lesions if lesion.role == role]


def patients(scans: Any) -> list[list[Visit | None]]:
    """The visits of each patient of a Dataset of scans; None where no scan was made."""
    roles = ["none", "target", "non-target", "new"]
    arrays = {str(name): scans[name].to_numpy().tolist() for name in scans.data_vars}
    everyone = []
    for i, days in enumerate(arrays["day"]):
        visits: list[Visit | None] = []
        for v, day in enumerate(days):
            lesions = []
            for k, role in enumerate(arrays["role"][i]):
                size = arrays["diameter"][i][v][k]
                seen = 5.0 if arrays["too_small"][i][v][k] else None if math.isnan(size) else size
                organ = arrays["organ"][i][k] if "organ" in arrays else None
                worse = arrays["unequivocal"][i][v][k]
                lesions.append(Lesion(seen, roles[role], arrays["node"][i][k], organ, worse))
            visits.append(None if math.isnan(day) else Visit(day, lesions))
        everyone.append(visits)
    return everyone


# ---- RECIST 1.1


def total(lesions: list[Lesion]) -> float | None:
    """The sum of diameters; None if one cannot be evaluated."""
    sizes = [lesion.size for lesion in lesions]
    return None if None in sizes else float(sum(s for s in sizes if s is not None))


def partial(lesions: list[Lesion]) -> float:
    return float(sum(lesion.size for lesion in lesions if lesion.size is not None))


def grown(now: float, before: float) -> bool:
    return now >= 1.2 * before - 1e-7 and now - before >= 5 - 1e-7


def target_response(visit: Visit, baseline: float | None, nadir: float | None) -> str:
    targets = visit.of("target")
    if not targets:
        return "none"
    if baseline is None or nadir is None:
        return "NE"
    if all(lesion.gone for lesion in targets):
        return "CR"
    if grown(partial(targets), nadir):
        return "PD"
    now = total(targets)
    if now is None:
        return "NE"
    return "PR" if now <= 0.7 * baseline + 1e-7 else "SD"


def non_target_response(visit: Visit) -> str:
    others = visit.of("non-target")
    if not others:
        return "none"
    if any(lesion.unequivocal for lesion in others):
        return "PD"
    if all(lesion.gone for lesion in others):
        return "CR"
    if any(lesion.size is None for lesion in others):
        return "NE"
    return "non-CR/non-PD"


def without_progression(target: str, non_target: str) -> str:
    """Tables 1 and 2 of Eisenhauer 2009, the rows without progression."""
    if target == "none" and non_target == "none":
        return "NED"
    if target == "none":
        return non_target
    if target == "CR":
        return "CR" if non_target in ("CR", "none") else "PR"
    return target


@dataclass
class TimePoint:
    target: str
    non_target: str
    overall: str


def time_points(visits: list[Visit | None]) -> list[TimePoint]:
    """The responses at each visit; ``not_assessed`` at the baseline and where there was no scan."""
    first = visits[0]
    baseline = total(first.of("target")) if first else None
    nadir, complete = baseline, False
    points = [TimePoint("none", "none", "not_assessed")]
    for visit in visits[1:]:
        if visit is None:
            points.append(TimePoint("none", "none", "not_assessed"))
            continue
        target, other = target_response(visit, baseline, nadir), non_target_response(visit)
        overall = without_progression(target, other)
        if target == "PD" or other == "PD" or any(lesion.present for lesion in visit.of("new")):
            overall = "PD"
        if first is None:
            overall = "NE"
        elif complete and any(lesion.present for lesion in visit.of("target") + visit.of("non-target")):
            overall = "PD"
        complete = complete or overall == "CR"
        now = total(visit.of("target"))
        if now is not None and (nadir is None or now < nadir):
            nadir = now
        points.append(TimePoint(target, other, overall))
    return points


def best_response(
    overall: list[str], days: list[float | None], until: int, other: float | None, confirm: float, stable: float
) -> tuple[str, float | None]:
    """Table 3: the best response up to the visit `until`, and the first day of its CR or PR."""
    usable = [
        v
        for v in range(1, until + 1)
        if overall[v] != "not_assessed" and (other is None or days[v] <= other)  # type: ignore[operator]
    ]

    def confirmed(v: int, names: tuple[str, ...]) -> bool:
        if overall[v] not in names or v not in usable:
            return False
        if confirm == 0:
            return True
        for w in range(v + 1, len(overall)):
            if w in usable and overall[w] in names and days[w] - days[v] >= confirm:  # type: ignore[operator]
                between = [u for u in range(v + 1, w) if not (u in usable and overall[u] in names)]
                if len(between) <= 1:
                    return True
        return False

    first = next((v for v in usable if confirmed(v, ("CR", "PR"))), None)
    start = None if first is None else days[first]
    if any(confirmed(v, ("CR",)) for v in usable):
        return "CR", start
    if first is not None:
        return "PR", start
    late = [overall[v] for v in usable if days[v] >= stable]  # type: ignore[operator]
    if any(name in ("CR", "PR", "SD") for name in late):
        return "SD", None
    for name in ("non-CR/non-PD", "NED"):
        if name in late:
            return name, None
    for name in ("iCPD", "PD"):
        if name in [overall[v] for v in usable]:
            return name, None
    return "NE", None


def progression_free(
    evaluable: list[bool],
    days: list[float | None],
    due: list[float],
    progression: int | None,
    death: float | None,
    other: float | None,
    missed: int | None,
) -> tuple[float, bool, str]:
    """Table A of the FDA's guidance: day, whether an event, and why."""
    if not evaluable[0]:
        return 0.0, False, "no_baseline"
    progressed = None if progression is None else days[progression]
    event = min((d for d in (progressed, death) if d is not None), default=None)

    def censored(visits: list[int], reason: str) -> tuple[float, bool, str]:
        if not visits or visits[-1] == 0:
            return 0.0, False, "no_assessment"
        return max(float(days[visits[-1]]), 0.0), False, reason  # type: ignore[arg-type]

    seen = [v for v, ok in enumerate(evaluable) if ok]
    before = [v for v in seen if event is None or days[v] < event]  # type: ignore[operator]
    if other is not None and (event is None or other < event):
        return censored([v for v in before if days[v] <= other], "new_therapy")  # type: ignore[operator]
    if event is None:
        return censored(before, "last_assessment")
    last = before[-1] if before else -1
    gaps = [v for v in range(last + 1, len(days)) if (due[v] if days[v] is None else days[v]) < event]  # type: ignore[operator]
    if missed is not None and len(gaps) >= missed:
        return censored(before, "missed_visits")
    return max(float(event), 0.0), True, "progression" if event == progressed else "death"


# ---- iRECIST


@dataclass
class Waiting:
    """An iUPD that waits for its confirmation."""

    first: float
    last: float
    kinds: set[str]
    low: dict[str, float | None]
    target: str
    count: int
    new_sum: float | None


RANK = {"CR": 1, "PR": 2, "SD": 3, "PD": 4}


def new_targets(visits: list[Visit | None]) -> list[bool]:
    """For each lesion whether it is a new target: measurable when it is first seen, five at most, two of an organ."""
    some = next(v for v in visits if v is not None)
    appeared = []
    for k, lesion in enumerate(some.lesions):
        if lesion.role != "new":
            continue
        for number, visit in enumerate(visits):
            if visit is not None and visit.lesions[k].present:
                appeared.append((number, -float(visit.lesions[k].size or 0), k))
                break
    chosen: list[int] = []
    for _, size, k in sorted(appeared):
        lesion = some.lesions[k]
        same = [c for c in chosen if lesion.organ is not None and some.lesions[c].organ == lesion.organ]
        if -size >= (15 if lesion.node else 10) and len(chosen) < 5 and len(same) < 2:
            chosen.append(k)
    return [k in chosen for k in range(len(some.lesions))]


def immune_responses(visits: list[Visit | None], least: float, most: float, visible: float) -> list[str]:
    """The iRECIST response at each visit, with RECIST's names for iCR, iPR, iSD and iUPD."""
    points = time_points(visits)
    is_target = new_targets(visits) if any(v is not None for v in visits) else []
    ever: set[int] = set()
    waiting: Waiting | None = None
    complete = confirmed = False
    low_new = math.inf
    responses = ["not_assessed"]
    for number, visit in enumerate(visits[1:], start=1):
        if visit is None:
            responses.append("not_assessed")
            continue
        # what there is
        new = [k for k, lesion in enumerate(visit.lesions) if lesion.role == "new"]
        first_seen = [k for k in new if visit.lesions[k].present and k not in ever]
        ever |= set(first_seen)
        known = [k for k in new if k in ever]
        count = len([k for k in known if visit.lesions[k].present or visit.lesions[k].size is None])
        measured = [visit.lesions[k] for k in known if is_target[k]]
        rest = [visit.lesions[k] for k in known if not is_target[k]]
        kinds_of = {"target": visit.of("target"), "other": visit.of("non-target"), "new": measured, "rest": rest}
        sums = {name: total(lesions) for name, lesions in kinds_of.items()}
        parts = {name: partial(lesions) for name, lesions in kinds_of.items()}
        if visits[0] is None:
            responses.append("NE")
            continue
        # which criteria of progression are met
        kinds: set[str] = set()
        if points[number].target == "PD" or (complete and any(x.present for x in visit.of("target"))):
            kinds.add("target")
        if points[number].non_target == "PD" or (complete and any(x.present for x in visit.of("non-target"))):
            kinds.add("other")
        if first_seen or grown(parts["new"], low_new) or any(x.unequivocal for x in rest_of(visit, is_target)):
            kinds.add("new")
        if first_seen:
            low_new = math.inf if sums["new"] is None else sums["new"]
        elif sums["new"] is not None:
            low_new = min(low_new, sums["new"])
        # what the visit would be without
        stable = "non-CR/non-PD" if points[number].non_target == "PD" else points[number].non_target
        ordinary = without_progression(points[number].target, stable)
        if ordinary == "CR" and count:
            ordinary = "PR" if visit.of("target") else "non-CR/non-PD"
        # an iUPD that waits
        code = ""
        if waiting is not None:
            added = bool(first_seen) or count > waiting.count
            grew = {name: parts[name] - low for name, low in waiting.low.items() if low is not None}
            further = added or bool(kinds - waiting.kinds)
            further |= "target" in waiting.kinds & kinds and grew.get("target", 0) >= 5 - 1e-7
            further |= "other" in waiting.kinds and grew.get("other", 0) > visible + 1e-9
            further |= "new" in waiting.kinds and (
                grew.get("new", 0) >= 5 - 1e-7 or grew.get("rest", 0) > visible + 1e-9
            )
            in_time = visit.day - waiting.last <= most
            if in_time and visit.day - waiting.first >= least and further:
                code = "iCPD"
            if added:
                kinds.add("new")
            better = points[number].target in RANK and (RANK[points[number].target] < RANK.get(waiting.target, 0))
            all_new = None if sums["new"] is None or sums["rest"] is None else sums["new"] + sums["rest"]
            smaller = waiting.new_sum is not None and all_new is not None and waiting.new_sum - all_new >= 5 - 1e-7
            holds = "new" in waiting.kinds and not (count < waiting.count or smaller or better)
            if holds and (ordinary != "NE" or any(visit.lesions[k].present for k in new)):
                kinds.add("new")
            if not in_time and not code and kinds:
                waiting = None
        if confirmed:
            responses.append("iCPD")
            continue
        if code == "iCPD":
            confirmed, waiting = True, None
        elif kinds:
            code = "PD"
            if waiting is None:
                both = None if sums["new"] is None or sums["rest"] is None else sums["new"] + sums["rest"]
                waiting = Waiting(visit.day, visit.day, kinds, dict(sums), points[number].target, count, both)
            else:
                waiting.last = visit.day
                for name, now in sums.items():
                    old = waiting.low[name]
                    if now is not None and (old is None or now < old):
                        waiting.low[name] = now
        else:
            code = ordinary
            if ordinary != "NE":
                waiting = None
        complete = complete or code == "CR"
        responses.append(code)
    return responses


def rest_of(visit: Visit, is_target: list[bool]) -> list[Lesion]:
    """The new lesions that are not targets."""
    return [x for k, x in enumerate(visit.lesions) if x.role == "new" and not is_target[k]]


def immune_progression(responses: list[str], usable: list[int]) -> int | None:
    """The first iUPD that no iSD, iPR or iCR followed, up to the iCPD."""
    start: int | None = None
    for v in usable:
        if responses[v] in ("PD", "iCPD"):
            start = v if start is None else start
        elif responses[v] != "NE":
            start = None
    return start


def optional(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
