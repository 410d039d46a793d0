"""What the user's machine computes, beside what is known in closed form: a report of an installation's fitness.

Installation qualification is what is installed and on what; operational qualification that each
integrator reaches its tolerance where the answer is known, and that bits do not depend on company, threads
or chunks.  After ICH M15 (general principles for model-informed drug development, draft of 2024) and
ASME V&V 40 (2018), which ask for evidence that software solves its equations; they prescribe no test.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from pkpd.arrays import Array
from pkpd.ensembles.ensembles import members
from pkpd.errors import PkpdError
from pkpd.library.catalog import load
from pkpd.results import versions
from pkpd.simulation import simulate
from pkpd.symbolic.model import Model
from pkpd.symbolic.symbols import param, state
from pkpd.treatment.regimens import bolus, infusion

__all__ = ["Check", "Verification", "verify"]

RTOL = 1e-8
MULTIPLES = 1000.0  # of the tolerance that a global error may be, as the sum of the errors of steps
METHODS = ("auto", "tsit5", "dop853", "rodas5p", "numpy", "scipy")


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes
    ----------
    what, method
        In words, and by which integrator.
    error, allowed
        The largest relative error, and up to which it passes; 0 where bits are compared.
    seconds
        It took.
    trouble
        What went wrong, where it could not be computed.
    """

    what: str
    method: str
    error: float
    allowed: float
    seconds: float
    trouble: str = ""

    @property
    def passed(self) -> bool:
        """Whether the error is as small as promised."""
        return not self.trouble and self.error <= self.allowed

    def row(self) -> str:
        """The check as a row of a Markdown table."""
        error, verdict = self.trouble or f"{self.error:.1e}", "pass" if self.passed else "FAIL"
        return f"| {self.what} | {self.method} | {error} | {self.allowed:.0e} | {verdict} |"


@dataclass(frozen=True)
class Verification:
    """All checks on a machine.

    Attributes
    ----------
    installation
        What is installed and on what.
    checks
        Each with its error.
    """

    installation: str
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)

    def __str__(self) -> str:
        rows = [check.row() for check in self.checks]
        failed = sum(not c.passed for c in self.checks)
        verdict = f"{failed} of {len(rows)} checks failed" if failed else f"all {len(rows)} checks passed"
        head = ["# Verification of pkpd", "", self.installation, "", f"**{verdict}.**", ""]
        return "\n".join([*head, "| what | method | error | allowed | |", "|---|---|---|---|---|", *rows])


def verify() -> Verification:
    """Compare what this machine computes with closed forms, by every integrator; takes seconds.

    Returns
    -------
    Verification
        Printed, a report in Markdown.

    Examples
    --------
    >>> import pkpd
    >>> pkpd.verify().passed
    True
    """
    machine, now = f"{platform.platform()}, {platform.machine()}", time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    installed = f"{versions()}; {machine}; {now}"
    return Verification(installed, (*_accuracy(), *_bits()))


def _accuracy() -> Iterator[Check]:
    for what, case in _CASES.items():
        for method in METHODS:
            yield _checked(what, method, partial(case, method), MULTIPLES * RTOL)


def _checked(what: str, method: str, error: Callable[[], float], allowed: float) -> Check:
    begun = time.perf_counter()
    try:
        size, trouble = error(), ""
    except PkpdError as problem:
        size, trouble = float("nan"), str(problem)
    return Check(what, method, size, allowed, time.perf_counter() - begun, trouble)


def _worst(computed: Any, exact: Array) -> float:
    computed = np.asarray(computed)
    return float(np.max(np.abs(computed - exact) / (np.abs(exact) + 1e-3 * np.max(np.abs(exact)))))


def _bolus(method: str) -> float:
    t, CL, V = np.linspace(0, 10, 21), 1.3, 7.0
    run = simulate(
        load("pk_1cmt"), bolus(100, "iv"), times=t, parameters={"CL": CL, "V": V}, outputs=["C"], method=method,
        rtol=RTOL, at_dose="after",
    )  # fmt: skip
    return _worst(run["C"], 100 / V * np.exp(-CL / V * t))


def _infusions(method: str) -> float:
    t, CL, V = np.linspace(0, 20, 41), 1.3, 7.0
    k, doses = CL / V, [(0.0, 2.0, 50.0), (6.0, 1.0, 30.0)]
    regimen = sum((infusion(amount, "iv", last, at=at) for at, last, amount in doses[1:]), infusion(50.0, "iv", 2.0))
    run = simulate(
        load("pk_1cmt"), regimen, times=t, parameters={"CL": CL, "V": V}, outputs=["C"], method=method, rtol=RTOL
    )
    exact = np.zeros_like(t)
    for at, last, amount in doses:
        since = np.maximum(t - at, 0)
        exact += amount / last / CL * (np.exp(-k * np.maximum(since - last, 0)) - np.exp(-k * since))
    return _worst(run["C"], exact)


def _logistic(method: str) -> float:
    t, T0, kg, Tmax = np.linspace(0, 50, 26), 10.0, 0.2, 1000.0
    r, K, start = param("r", kg, "1/day", "rate"), param("K", Tmax, "1", "capacity"), param("start", T0, "1", "start")
    T = state("T", "1", "size", start=start)
    run = simulate(Model("logistic", {T: r * T * (1 - T / K)}), times=t, method=method, rtol=RTOL)
    return _worst(run["T"], Tmax / (1 + (Tmax / T0 - 1) * np.exp(-kg * t)))


def _two_speeds(method: str) -> float:
    """Two linear states of which one is a thousand times faster."""
    t, fast, slow = np.linspace(0, 5, 11), 1e3, 1.0
    a, b = param("a", fast, "1/day", "fast"), param("b", slow, "1/day", "slow")
    x, y = state("x", "1", "fast", start=1), state("y", "1", "slow", start=1)
    run = simulate(Model("two_speeds", {x: -a * (x - y), y: -b * y}), times=t, method=method, rtol=RTOL)
    share = fast / (fast - slow)
    exact = share * np.exp(-slow * t) + (1 - share) * np.exp(-fast * t)
    return max(_worst(run["x"], exact), _worst(run["y"], np.exp(-slow * t)))


_CASES: dict[str, Callable[[str], float]] = {
    "bolus, one compartment": _bolus,
    "two infusions, one compartment": _infusions,
    "logistic growth": _logistic,
    "two speeds, a thousandfold": _two_speeds,
}


def _largest(difference: Callable[[], Array]) -> float:
    return float(np.max(np.abs(difference())))


def _bits() -> Iterator[Check]:
    """Members alone, in company, in another order, and on one thread or several."""
    model, clearances = load("pk_2cmt"), np.geomspace(0.05, 2, 600)
    regimen, times = bolus("100 mg", "iv", every=7, n=4), np.arange(0, 28.5, 3.5)

    def run(values: Array, **options: Any) -> Array:
        solved = simulate(model, regimen, times=times, parameters=members(CL=values), outputs=["C"], **options)
        return np.asarray(solved["C"])

    together = run(clearances)
    comparisons: dict[str, Callable[[], Array]] = {
        "alone and in company": lambda: (
            np.concatenate([run(clearances[[i]]) for i in (0, 299, 599)]) - together[[0, 299, 599]]
        ),
        "any order": lambda: run(clearances[::-1])[::-1] - together,
        "one thread and two": lambda: run(clearances, threads=1) - run(clearances, threads=2),
    }
    for what, difference in comparisons.items():
        yield _checked(f"same bits: {what}", "auto", partial(_largest, difference), 0.0)
