"""Worked cases of RECIST 1.1 and iRECIST: one patient each, the rule it shows, and where that is published.

A lesion is written as a row of sizes in mm, the baseline first: ``None`` is not evaluable, ``"small"`` too
small to measure, ``"17!"`` 17 mm and judged unequivocal progression.  Its kind is the first letters of
its name: ``T`` target, ``TN`` target node, ``O`` non-target, ``ON`` non-target node, ``X`` new, ``XN``
new node.  Scans are every 6 weeks unless `days` says otherwise; a day None is a missed visit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import xarray as xr

import pkpd

E = "Eisenhauer 2009"
S = "Seymour 2017"
FAQ = "EORTC questions"
CLARIFIED = "EORTC clarifications"
KINDS = {"TN": (1, True), "ON": (2, True), "XN": (3, True), "T": (1, False), "O": (2, False), "X": (3, False)}


@dataclass(frozen=True)
class Case:
    rule: str
    source: str
    expected: str
    lesions: dict[str, tuple[Any, ...]]
    days: tuple[float | None, ...] | None = None
    organs: dict[str, int] | None = None
    rules: pkpd.RecistRules | None = None

    def scans(self) -> xr.Dataset:
        rows = list(self.lesions.items())
        visits = len(rows[0][1]) if rows else len(self.days or ())
        days = [42.0 * v for v in range(visits)] if self.days is None else self.days
        kinds = [next(KINDS[k] for k in KINDS if name.startswith(k)) for name, _ in rows] or [(0, False)]
        cells = [sizes for _, sizes in rows] or [(0,) * visits]
        return pkpd.collect_scans(
            [[math.nan if day is None else day for day in days]],
            [[[size(row[v]) for row in cells] for v in range(visits)]],
            [[role for role, _ in kinds]],
            node=[[node for _, node in kinds]],
            too_small=[[[row[v] == "small" for row in cells] for v in range(visits)]],
            unequivocal=[[[str(row[v]).endswith("!") for row in cells] for v in range(visits)]],
            organ=None if self.organs is None else [[self.organs[name] for name, _ in rows]],
        )


def size(cell: Any) -> float:
    if cell is None:
        return math.nan
    return 5.0 if cell == "small" else float(str(cell).removesuffix("!"))


def case(rule: str, source: str, expected: str, days: Sequence[float | None] | None = None, **lesions: Any) -> Case:
    organs, rules = lesions.pop("organs", None), lesions.pop("rules", None)
    return Case(rule, source, expected, lesions, None if days is None else tuple(days), organs, rules)


TIME_POINTS = [
    # ---- target lesions, Eisenhauer 2009, section 4.3.1
    case("all target lesions gone: CR", f"{E} 4.3.1", "CR", T=(20, 0)),
    case("a node below 10 mm is normal: CR", f"{E} 4.3.1", "CR", TN=(18, 9)),
    case("a node of 10 mm is not: PR", f"{E} 4.3.1", "PR", TN=(20, 10)),
    case("node normal, other lesion there: no CR", f"{E} 4.3.1", "PR", TN=(18, 6), T=(30, 12)),
    case("30 % below the baseline, exactly: PR", f"{E} 4.3.1", "PR", T=(70, 49)),
    case("29 % below: SD", f"{E} 4.3.1", "SD", T=(100, 71)),
    case("the sum counts, not each lesion", f"{E} 4.3.1", "PR", T1=(60, 30), T2=(20, 24)),
    case("20 % and 5 mm above, exactly: PD", f"{E} 4.3.1", "PD", T=(25, 30)),
    case("20 % but not 5 mm: SD", f"{E} 4.3.1", "SD", T=(20, 24)),
    case("5 mm but not 20 %: SD", f"{E} 4.3.1", "SD", T=(50, 59)),
    case("progression is from the nadir, not the baseline", f"{E} 4.3.1", "PR PD", T=(100, 50, 60)),
    case("response is from the baseline, not the nadir", CLARIFIED, "PR PR", T=(100, 60, 69)),
    case("the baseline may be the nadir", f"{E} 4.3.1", "SD PD", T=(50, 55, 60)),
    case("the nadir is the smallest of all before", f"{E} 4.3.1", "PR PR PD", T=(100, 50, 56, 60)),
    case("no longer 30 % below, not progressed: SD at that visit", f"{E} 4.3.1", "PR SD", T=(100, 70, 80)),
    case("a missed visit has no response and no nadir", f"{E} 4.4.2", "not_assessed SD", days=(0, None, 84),
         T=(50, None, 55)),
    # ---- measuring
    case("too small to measure counts 5 mm", f"{E} 4.2", "SD", T1=(10, "small"), T2=(10, 10)),
    case("too small to measure is not gone", f"{E} 4.2", "PR", T=(20, "small")),
    case("a measurement below 5 mm is taken as it is", f"{E} 4.2", "PR", T1=(10, 2), T2=(10, 12)),
    case("a node too small to measure is below 10 mm: CR", f"{E} 4.2", "CR", TN=(16, "small")),
    case("one target not evaluable: NE", f"{E} 4.4.2", "NE", T1=(30, None), T2=(30, 25)),
    case("progression without the missing lesion: PD", f"{E} 4.4.2", "PD", T1=(20, None), T2=(15, 40), T3=(15, 40)),
    case("a sum that lacks a lesion is no nadir", f"{E} 4.4.2", "NE SD", T1=(30, None, 30), T2=(30, 10, 30)),
    case("without a baseline nothing is evaluable", f"{E} 4.1", "NE NE", days=(None, 42, 84), T=(None, 30, 40)),
    case("a baseline that lacks a target is no baseline", f"{E} 4.1", "NE", T1=(None, 20), T2=(30, 40)),
    # ---- lesions that come back
    case("a target that reappears while PR is added to the sum", f"{E} appendix II", "PR PR", T1=(30, 0, 4),
         T2=(30, 25, 25)),
    case("a target that reappears and takes the sum over 20 % and 5 mm", f"{E} appendix II", "PR PD", T1=(30, 0, 8),
         T2=(30, 25, 25)),
    case("after CR any target seen again is PD", f"{E} table 3, note", "CR PD", T=(20, 0, 3)),
    case("after CR a node of 10 mm again is PD", CLARIFIED, "CR PD", TN=(15, 8, 11)),
    case("in CR a node that grows below 10 mm stays CR", f"{E} 4.3.1", "CR CR", TN=(15, 3, 9)),
    case("after CR a non-target seen again is PD", f"{E} table 3, note", "CR PD", T=(20, 0, 0), O=(8, 0, 8)),
    # ---- with non-target lesions, table 1
    case("target CR, non-target CR: CR", f"{E} table 1", "CR", T=(20, 0), O=(8, 0)),
    case("target CR, non-target there: PR", f"{E} table 1", "PR", T=(20, 0), O=(8, 8)),
    case("target CR, non-target not evaluated: PR", f"{E} table 1", "PR", T=(20, 0), O=(8, None)),
    case("target PR, non-target not all evaluated: PR", f"{E} table 1", "PR", T=(20, 10), O=(8, None)),
    case("target SD, non-target not all evaluated: SD", f"{E} table 1", "SD", T=(20, 20), O=(8, None)),
    case("target not evaluated, non-target there: NE", f"{E} table 1", "NE", T=(20, None), O=(8, 8)),
    case("target PR, non-target unequivocal: PD", f"{E} table 1", "PD", T=(20, 10), O=(8, "20!")),
    case("target not evaluated, non-target unequivocal: PD", f"{E} table 1", "PD", T=(20, None), O=(8, "20!")),
    case("a non-target that grew, not unequivocally: no PD", f"{E} 4.3.3", "SD", T=(20, 20), O=(8, 11)),
    case("non-target nodes must be below 10 mm for CR", f"{E} 4.3.3", "PR", T=(20, 0), ON=(13, 10)),
    case("non-target node of 9 mm: CR", f"{E} 4.3.3", "CR", T=(20, 0), ON=(13, 9)),
    case("a new lesion is PD whatever the targets do", f"{E} table 1", "PD", T=(20, 8), X=(0, 6)),
    case("a new lesion is PD though targets are not evaluated", f"{E} table 1", "PD", T=(20, None), X=(0, 6)),
    case("a new lesion in CR is PD", f"{E} table 1", "CR PD", T=(20, 0, 0), X=(0, 0, 7)),
    case("a new lesion too small to measure is new", f"{E} 4.3.5", "PD", T=(20, 20), X=(0, "small")),
    case("a node below 10 mm is no new lesion", f"{E} 3.1", "SD", T=(20, 20), XN=(0, 8)),
    case("a node that becomes pathological is new", f"{E} 3.1", "SD PD", T=(20, 20, 20), XN=(0, 8, 12)),
    # ---- non-target lesions alone, table 2
    case("non-target alone gone: CR", f"{E} table 2", "CR", O=(8, 0)),
    case("non-target alone there: non-CR/non-PD", f"{E} table 2", "non-CR/non-PD", O=(8, 6)),
    case("non-target alone not evaluated: NE", f"{E} table 2", "NE", O1=(8, None), O2=(8, 0)),
    case("non-target alone unequivocal: PD", f"{E} table 2", "PD", O=(8, "16!")),
    case("non-target alone, new lesion: PD", f"{E} table 2", "PD", O=(8, 8), X=(0, 9)),
    case("nothing at baseline, nothing later", f"{E} 4.1", "NED NED", X=(0, 0, 0)),
    case("nothing at baseline, a new lesion: PD", f"{E} 4.1", "NED PD", X=(0, 0, 9)),
]  # fmt: skip

CONFIRMED, RANDOMIZED = pkpd.RecistRules(), pkpd.RecistRules(confirmation=0)
EARLY = (0, 21, 70)

BEST = [
    # ---- Eisenhauer 2009, table 3, with confirmation
    case("CR, CR: CR", f"{E} table 3", "CR", T=(20, 0, 0)),
    case("CR, PD: SD, as it lasted", f"{E} table 3", "SD", T=(20, 0, 9)),
    case("CR, PD: PD, as it did not last", f"{E} table 3", "PD", days=EARLY, T=(20, 0, 9)),
    case("CR, NE: SD, as it lasted", f"{E} table 3", "SD", T=(20, 0, None)),
    case("CR, NE: NE, as it did not last", f"{E} table 3", "NE", days=EARLY, T=(20, 0, None)),
    case("PR, CR: PR", f"{E} table 3", "PR", T=(20, 10, 0)),
    case("PR, PR: PR", f"{E} table 3", "PR", T=(20, 10, 10)),
    case("PR, SD: SD", f"{E} table 3", "SD", T=(100, 70, 80)),
    case("PR, PD: SD, as it lasted", f"{E} table 3", "SD", T=(100, 50, 60)),
    case("PR, PD: PD, as it did not last", f"{E} table 3", "PD", days=EARLY, T=(100, 50, 60)),
    case("PR, NE: SD, as it lasted", f"{E} table 3", "SD", T=(100, 50, None)),
    case("PR, NE: NE, as it did not last", f"{E} table 3", "NE", days=EARLY, T=(100, 50, None)),
    case("NE, NE: NE", f"{E} table 3", "NE", T=(100, None, None)),
    case("NE, CR: SD", f"{E} table 3", "SD", T=(100, None, 0)),
    case("NE, PR: SD", f"{E} table 3", "SD", T=(100, None, 50)),
    case("NE, SD: SD", f"{E} table 3", "SD", T=(100, None, 100)),
    case("NE, PD: PD", f"{E} table 3", "PD", T=(100, None, 130)),
    # ---- text and appendix
    case("PR, NE, PR: confirmed", f"{E} 4.6", "PR", T=(100, 60, None, 60)),
    case("32, 28, 33 % below: confirmed", f"{E} appendix II", "PR", T=(100, 68, 72, 67)),
    case("two visits in between are too many", f"{E} appendix II", "SD", T=(100, 68, 72, 72, 67)),
    case("confirmed after 3 weeks is not confirmed", f"{E} 4.6", "SD", days=(0, 42, 63), T=(100, 60, 60)),
    case("confirmed after 4 weeks is", f"{E} 4.6", "PR", days=(0, 42, 70), T=(100, 60, 60)),
    case("a randomized trial asks for no confirmation", f"{E} 4.6", "CR", T=(20, 0, 9), rules=RANDOMIZED),
    case("what comes after PD does not count", f"{E} 4.6", "PD", T=(50, 60, 20, 20)),
    case("SD that did not last and no more: NE", f"{E} 4.6", "NE", days=(0, 21), T=(50, 50)),
    case("SD from the protocol's least duration on", f"{E} 4.6", "SD", days=(0, 21), T=(50, 50),
         rules=pkpd.RecistRules(stable=21)),
    case("PD at the first visit: PD", f"{E} 4.6", "PD", T=(50, 60)),
    case("no scan after the baseline: NE", f"{E} 4.6", "NE", days=(0, None), T=(50, None)),
    case("non-target alone: non-CR/non-PD", f"{E} table 2", "non-CR/non-PD", O=(8, 8, "20!")),
]  # fmt: skip

IMMUNE = [
    # ---- target lesions, Seymour 2017, table 2
    case("progression is unconfirmed first", f"{S} table 2", "iUPD", T=(50, 60)),
    case("5 mm more confirm", f"{S} table 2", "iUPD iCPD", T=(50, 60, 65)),
    case("4 mm more do not", f"{S} table 2", "iUPD iUPD", T=(50, 60, 64)),
    case("4 and 2 mm add up", FAQ, "iUPD iUPD iCPD", T=(50, 60, 64, 66)),
    case("increases count from the smallest sum since", FAQ, "iUPD iUPD iCPD", T=(50, 64, 61, 66)),
    case("5 mm more in targets that progress no longer do not confirm", f"{S} table 2", "iUPD iUPD iUPD",
         T=(50, 60, 52, 57), O=(8, "16!", "16!", "16!")),
    case("iSD resets the bar", f"{S} table 2", "iUPD iSD iUPD iCPD", T=(50, 60, 52, 62, 67)),
    case("after a reset progression is from the nadir again", S, "iUPD iSD iSD", T=(50, 60, 45, 53)),
    case("iPR after iUPD: pseudoprogression", f"{S} table 2", "iUPD iPR", T=(50, 60, 30)),
    case("iCR after iUPD", f"{S} table 2", "iUPD iCR", T=(50, 60, 0)),
    case("iUPD may follow iPR", f"{S} table 2", "iPR iUPD iCPD", T=(100, 50, 60, 65)),
    case("after iCPD it stays iCPD", f"{S} table 3", "iUPD iCPD iCPD", T=(50, 60, 65, 20)),
    case("20 % without 5 mm is no iUPD", f"{S} table 2", "iSD iSD", T=(20, 23, 24)),
    # ---- non-target lesions
    case("non-target unequivocal: iUPD", f"{S} table 2", "iUPD", T=(50, 50), O=(8, "16!")),
    case("any further growth of non-target confirms", FAQ, "iUPD iCPD", T=(50, 50, 50), O=(8, "16!", 17)),
    case("unequivocal still, no change since: iUPD", FAQ, "iUPD iUPD", T=(50, 50, 50), O=(8, "16!", "16!")),
    case("no longer unequivocal: the bar is reset", f"{S} table 2", "iUPD iSD", T=(50, 50, 50), O=(8, "16!", 12)),
    case("target iUPD, then non-target: another kind confirms", FAQ, "iUPD iCPD", T=(50, 60, 60), O=(8, 8, "16!")),
    case("non-target iUPD, then target: another kind confirms", FAQ, "iUPD iCPD", T=(50, 50, 60), O=(8, "16!", "16!")),
    # ---- new lesions
    case("a new lesion: iUPD", f"{S} table 2", "iUPD", T=(50, 50), X=(0, 12)),
    case("new lesion, no change: stays iUPD", f"{S} table 2", "iUPD iUPD", T=(50, 50, 50), X=(0, 12, 12)),
    case("new target lesion, 5 mm more: iCPD", f"{S} table 2", "iUPD iCPD", T=(50, 50, 50), X=(0, 12, 17)),
    case("new target lesion, 4 mm more: iUPD", f"{S} table 2", "iUPD iUPD", T=(50, 50, 50), X=(0, 12, 16)),
    case("new target lesion, 4 and 2 mm add up", FAQ, "iUPD iUPD iCPD", T=(50,) * 4, X=(0, 12, 16, 18)),
    case("new lesion below 10 mm is non-target: any growth", f"{S} table 2", "iUPD iCPD", T=(50, 50, 50), X=(0, 7, 8)),
    case("new node below 15 mm is non-target: any growth", S, "iUPD iCPD", T=(50, 50, 50), XN=(0, 13, 14)),
    case("new node of 15 mm is a target: 5 mm", S, "iUPD iUPD", T=(50, 50, 50), XN=(0, 15, 19)),
    case("another new lesion: iCPD", f"{S} table 2", "iUPD iCPD", T=(50,) * 3, X1=(0, 12, 12), X2=(0, 0, 6)),
    case("target iUPD, then a new lesion: iCPD", FAQ, "iUPD iCPD", T=(50, 60, 60), X=(0, 0, 6)),
    case("new lesions add up to 5 mm", S, "iUPD iCPD", T=(50,) * 3, X1=(0, 12, 15), X2=(0, 12, 14)),
    case("five new targets at most: the sixth counts by any growth", S, "iUPD iCPD", T=(50,) * 3, X1=(0, 20, 20),
         X2=(0, 20, 20), X3=(0, 20, 20), X4=(0, 20, 20), X5=(0, 20, 20), X6=(0, 12, 13)),
    case("two new targets of an organ at most: the third by any growth", S, "iUPD iCPD", T=(50,) * 3, X1=(0, 20, 20),
         X2=(0, 20, 20), X3=(0, 12, 13), organs={"T": 0, "X1": 1, "X2": 1, "X3": 1}),
    case("of other organs three are targets", S, "iUPD iUPD", T=(50,) * 3, X1=(0, 20, 20), X2=(0, 20, 20),
         X3=(0, 12, 13), organs={"T": 0, "X1": 1, "X2": 1, "X3": 2}),
    case("new lesion stays, targets shrink on: iPR", f"{FAQ}, scenario B", "iUPD iPR", T=(100, 100, 60), X=(0, 12, 12)),
    case("iPR first, then new lesion, no change: iUPD", f"{FAQ}, scenario F", "iPR iUPD iUPD", T=(100, 70, 70, 70),
         X=(0, 0, 12, 12)),
    case("new lesion gone: the bar is reset", S, "iUPD iSD", T=(50, 50, 50), X=(0, 12, 0)),
    case("after a reset a further new lesion: iUPD", FAQ, "iUPD iPR iUPD", T=(100, 100, 60, 60), X1=(0, 12, 12, 12),
         X2=(0, 0, 0, 6)),
    case("after a reset new targets 20 % and 5 mm over their nadir: iUPD", FAQ, "iUPD iPR iUPD", T=(100, 100, 60, 60),
         X=(0, 12, 12, 17)),
    case("after a reset 4 mm more of a new target: iPR", FAQ, "iUPD iPR iPR", T=(100, 100, 60, 60), X=(0, 12, 12, 16)),
    case("after a reset an unequivocal new non-target: iUPD", FAQ, "iUPD iPR iUPD", T=(100, 100, 60, 60),
         X=(0, 6, 6, "9!")),
    case("one of two new lesions gone: the bar is reset", "our reading of a change", "iUPD iSD", T=(50,) * 3,
         X1=(0, 12, 12), X2=(0, 8, 0)),
    case("new lesions 5 mm smaller: the bar is reset", "our reading of a change", "iUPD iSD", T=(50,) * 3,
         X=(0, 20, 15)),
    case("new lesions 4 mm smaller: stays iUPD", "our reading of a change", "iUPD iUPD", T=(50,) * 3, X=(0, 20, 16)),
    case("a new lesion not evaluable is there still", S, "iUPD iUPD iUPD", T=(50,) * 4, X=(0, 12, None, 12)),
    case("targets not evaluable, new lesion still seen: iUPD", f"{S} table 2", "iUPD iUPD", T=(50, 50, None),
         X=(0, 12, 12)),
    case("growth of a sum that lacks a lesion counts if enough", f"{S} table 2", "iUPD iCPD", T1=(30, 44, 50),
         T2=(20, 20, None), T3=(5, 5, 25)),
    case("no iCR while a new lesion is there", S, "iUPD iPR", T=(20, 20, 0), X=(0, 12, 12)),
    case("iCR when the new lesion is gone too", S, "iUPD iCR", T=(20, 20, 0), X=(0, 12, 0)),
    # ---- when
    case("a scan 2 weeks later confirms nothing", FAQ, "iUPD iUPD", days=(0, 42, 56), T=(50, 60, 70)),
    case("what it saw is confirmed at 4 weeks", FAQ, "iUPD iUPD iCPD", days=(0, 42, 56, 70), T=(50, 60, 70, 70)),
    case("a new lesion seen at 2 weeks confirms at 4", FAQ, "iUPD iUPD iCPD", days=(0, 42, 56, 74), T=(50,) * 4,
         X1=(0, 12, 12, 12), X2=(0, 0, 8, 8)),
    case("2 days before 4 weeks are allowed", FAQ, "iUPD iCPD", days=(0, 42, 68), T=(50, 60, 65)),
    case("4 months later it is a new iUPD", f"{S} 4 to 8 weeks", "iUPD iUPD iCPD", days=(0, 42, 162, 204),
         T=(50, 60, 70, 75)),
    case("NE in between does not confirm or reset", f"{S} table 3", "iUPD NE iCPD", days=(0, 42, 70, 98),
         T=(50, 60, None, 65)),
    # ---- others
    case("non-target alone: non-iCR/non-iUPD", f"{S} table 3, note", "non-iCR/non-iUPD iUPD iCPD", O=(8, 8, "16!", 18)),
    case("nothing at baseline, then new lesions", S, "NED iUPD iCPD", X1=(0, 0, 12, 12), X2=(0, 0, 0, 8)),
    case("after iCR a lesion seen again: iUPD, then 5 mm more: iCPD", S, "iCR iUPD iCPD", T=(20, 0, 4, 9)),
    case("after iCR a non-target seen again: iUPD, then any growth: iCPD", S, "iCR iUPD iCPD", T=(20, 0, 0, 0),
         O=(8, 0, 8, 9)),
    case("without a baseline nothing is evaluable", S, "NE NE", days=(None, 42, 84), T=(None, 30, 40)),
]  # fmt: skip

# ---- Seymour 2017, table 3: visits that make these responses, and the best one; no confirmation asked
IMMUNE_BEST = [
    case("example 1", f"{S} table 3", "iCR", T=(20, 0, 6, 6, 12)),
    case("example 2", f"{S} table 3", "iCR", T=(50, 60, 50, 0, 0)),
    case("example 3", f"{S} table 3", "iPR", T=(50, 60, 30, 30, 40)),
    case("example 4", f"{S} table 3", "iPR", T=(50, 60, 50, 30, 30)),
    case("example 5", f"{S} table 3", "iSD", T=(50, 60, 50, 50, 62, 67)),
    case("example 6", f"{S} table 3", "iCPD", T=(50, 60, 65, 10, 10)),
    case("example 7", f"{S} table 3", "iCPD", T=(50, 60, 62, 67, 10)),
    case("example 8", f"{S} table 3", "iUPD", T=(50, 60, None, None, None)),
]
