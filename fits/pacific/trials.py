"""The trials, simulated: regimens, visits, and what RECIST and survival make of each patient's course.

Days count from the first day of the model; a trial is randomized on one day of it, the same for all, and
patients differ in the day on which their chemoradiation began.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import sympy

import pkpd
from pkpd.arrays import Array, Mask
from pkpd.fits.pacific.patients import SCAN_SD, VISIBLE, Draws, stage_three_patients
from pkpd.models.chemoradiation_nsclc import start

__all__ = ["MONTH", "PACIFIC", "PACIFIC_2", "PACIFIC_5", "Course", "Trial", "simulated"]

MONTH = 365.25 / 12
CRT_DAYS = 40.0  # 30 weekdays and their weekends, from the first fraction to a day after the last
CHEMORADIATION = pkpd.fractions(2, 30, "radiation", start=start, per_week=5) + pkpd.bolus(
    1, "chemo", at=[start, start + 21]
)
RECIST = pkpd.RecistRules(missed=None, confirmation=0)
TARGET, NEW = 1, 3  # roles of lesions
last_dose = pkpd.param("last_dose", 1e6, "day", "no antibody after this day", source="a patient's own")
VISITS = np.r_[np.arange(56, 337, 56), np.arange(420, 1900, 84)]  # every 8 weeks for a year, then every 12


@dataclass(frozen=True)
class Trial:
    """When patients are randomized, what the treated arm is given and when all are scanned.

    Attributes
    ----------
    randomized
        The day of randomization, from which time counts.
    dose, every, doses
        Of the antibody (mg), from that day on.
    after
        Whether chemoradiation has ended by then, so that only those without progression take part;
        otherwise it begins then.
    """

    name: str
    dose: float
    every: float
    doses: int
    after: bool = True
    randomized: float = 84.0

    def antibody(self) -> pkpd.Regimen:
        """The doses until a patient's own last day; later ones are of 0 mg."""
        days = [self.randomized + self.every * i for i in range(self.doses)]
        given = {day: self.dose * sympy.Heaviside(last_dose - day, 1) for day in days}
        return sum((pkpd.bolus(amount, "iv", at=day) for day, amount in given.items()), pkpd.Regimen())

    @property
    def scans(self) -> Array:
        """Days: before chemoradiation, at randomization, and at visits."""
        return np.r_[0.0, self.randomized, self.randomized + VISITS] if self.after else np.r_[0.0, VISITS]


PACIFIC = Trial("PACIFIC", dose=10 * 69.8, every=14, doses=26)
PACIFIC_5 = Trial("PACIFIC-5", dose=1500, every=28, doses=65)
PACIFIC_2 = Trial("PACIFIC-2", dose=1500, every=28, doses=65, after=False, randomized=0.0)


@dataclass(frozen=True, eq=False)
class Course:
    """What became of the patients who take part, in days from randomization.

    `day` and `event` are those of progression-free survival, `death` is infinite for survivors, `local` and
    `distant` are the first visits with progression of gross disease and with a new lesion (infinite if never).
    """

    day: Array
    event: Mask
    death: Array
    response: Mask
    local: Array
    distant: Array
    PDL1: Array
    patients: Mask  # of all who were drawn, those who take part

    def overall(self, until: float = 60 * MONTH) -> tuple[Array, Mask]:
        """Times and events of overall survival, censored at `until`."""
        return np.minimum(self.death, until), self.death <= until


@cache
def prepared(trial: Trial, antibody: bool) -> pkpd.Prepared:
    regimen = CHEMORADIATION + (trial.antibody() if antibody else pkpd.Regimen())
    model = pkpd.load("durvalumab_chemoradiation_nsclc")
    return pkpd.prepare(model, regimen, times=trial.scans, outputs=["diameter", "diameter_metastasis"])


def simulated(
    trial: Trial, draws: Draws, estimates: Mapping[str, float], *, antibody: bool, **changed: float | Array
) -> Course:
    """One arm of a trial; `changed` sets parameters of the model for all, such as ``e=0.0``.

    The antibody is given until progression: a first pass without that rule says when it is, and until
    then it is the same as the second.
    """
    people = {**stage_three_patients(draws, estimates, trial.randomized, CRT_DAYS), **changed}
    if not trial.after:
        people["start"] = 0.0
    course = _assessed(trial, draws, people, antibody)
    if not antibody:
        return course
    stop = np.full(len(draws), -1.0)
    stop[course.patients] = trial.randomized + np.where(course.event, course.day, 1e6) - 1
    return _assessed(trial, draws, {**people, "last_dose": stop}, antibody)


def _assessed(trial: Trial, draws: Draws, people: Mapping[str, float | Array], antibody: bool) -> Course:
    values = prepared(trial, antibody)(people)
    assert values.event_times is not None
    gross = np.maximum(values["diameter"] + SCAN_SD * draws.scans[:, : len(trial.scans)], 0)
    metastasis = values["diameter_metastasis"]
    # To a minute or so: arms that do not differ must not differ by rounding either, where ties count.
    death = np.round(values.event_times[-1] - trial.randomized, 3)
    first = int(trial.after)  # the scan at randomization
    patients = (death > 0) & (metastasis[:, first] < VISIBLE)
    if trial.after:
        patients &= (gross[:, 1] < 1.2 * gross[:, 0]) | (gross[:, 1] < gross[:, 0] + 5)
    diameters = np.stack([gross, np.where(metastasis < VISIBLE, 0, metastasis)], axis=2)[patients, first:]
    days = trial.scans[first:] - trial.randomized
    read = _read(days, diameters, death[patients])
    expression = np.broadcast_to(people["PDL1_tumor"], len(draws))[patients]
    return Course(**read, death=death[patients], PDL1=expression, patients=patients)


def _read(days: Array, diameters: Array, death: Array) -> dict[str, Array]:
    """RECIST 1.1 of one target lesion and what may become a new lesion; no scan after death."""
    made = np.where(days < death[:, None], days, np.nan)
    scans = pkpd.collect_scans(made, diameters, [TARGET, NEW])
    died = np.where(np.isfinite(death) & (death <= days[-1]), death, np.nan)
    seen = pkpd.recist(scans, rules=RECIST, death=died)
    progressed = pkpd.response_names(seen["target_response"]).to_numpy() == "PD"
    names = pkpd.response_names(seen["best_response"]).to_numpy()
    return {
        "day": seen["pfs_day"].to_numpy(),
        "event": seen["pfs_event"].to_numpy(),
        "response": np.isin(names, ["CR", "PR"]),
        "local": _first(progressed, days),
        "distant": _first(seen["new_lesion"].to_numpy().astype(bool), days),
    }


def _first(seen: Mask, days: Array) -> Array:
    """The day of the first visit at which something is seen; infinite where never."""
    return np.asarray(np.where(seen.any(1), days[seen.argmax(1)], np.inf))
