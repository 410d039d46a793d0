"""Initial value problems with published end points, and problems made for the block integrator.

Source: Mazzia F, Magherini C. Test Set for Initial Value Problem Solvers, release 2.4,
University of Bari 2008 (HIRES, Robertson, Oregonator, van der Pol, Pleiades).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import sympy

from pkpd.solvers.equations.system import AMOUNT, TIME, System
from pkpd.solvers.problem import Problem
from pkpd.solvers.schedule import Schedule


def symbols(letter, count):
    return tuple(sympy.Symbol(f"{letter}_{i}", real=True) for i in range(count))


def system(rates, *, p=0, u=0, jumps=(), events=(), name="case"):
    """A canonical model from a function ``rates(t, y, p, u)``; `jumps` and `events` likewise from ``(y, p)``."""
    y_count = rates.size
    y, p_, u_ = symbols("y", y_count), symbols("p", p), symbols("u", u)
    row = lambda e: tuple(sympy.sympify(x) for x in e)  # noqa: E731
    jump_rows = tuple(row(j(y, p_, AMOUNT)) for j in jumps)
    return System(
        name=name, states=tuple(f"s{i}" for i in range(y_count)), parameters=tuple(f"q{i}" for i in range(p)),
        inputs=tuple(f"in{i}" for i in range(u)), jump_routes=tuple(f"route{i}" for i in range(len(jumps))),
        output_names=(), y=y, p=p_, u=u_, rates=row(rates(TIME, y, p_, u_)), starts=row([0] * y_count), outputs=(),
        jumps=jump_rows, events=tuple((sympy.sympify(w(y, p_)), row(then(y, p_))) for w, then in events),
    )  # fmt: skip


def sized(count):
    """Tell `system` the number of states of a function of rates."""

    def mark(function):
        function.size = count
        return function

    return mark


def problem(model, starts, times, *, parameters=None, schedule=None, rtol=1e-6, atol=1e-9, before=True, **more):
    """An ensemble of as many members as `starts`, (states, members), has columns."""
    starts = np.array(starts, dtype=float).reshape(len(model.states), -1)
    members = starts.shape[1]
    parameters = np.empty((0, members)) if parameters is None else np.array(parameters, dtype=float)
    if schedule is None:
        none = np.empty((1, 0))
        schedule = Schedule(none, none.astype(np.int64), none, np.zeros((1, 1, len(model.inputs))))
    return Problem(
        model, parameters, starts, schedule, np.array(times, dtype=float), rtol,
        np.broadcast_to(np.asarray(atol, dtype=float), len(model.states)).copy(), before, **more,
    )  # fmt: skip


@dataclass(frozen=True)
class Published:
    rates: object
    start: tuple[float, ...]
    end: float
    value: tuple[float, ...]
    atol: float


@sized(8)
def hires(t, y, p, u):
    a, b, c, d, e, f, g, h = y
    flux = 280 * f * h
    return [
        -1.71 * a + 0.43 * b + 8.32 * c + 0.0007, 1.71 * a - 8.75 * b, -10.03 * c + 0.43 * d + 0.035 * e,
        8.32 * b + 1.71 * c - 1.12 * d, -1.745 * e + 0.43 * f + 0.43 * g,
        -flux + 0.69 * d + 1.71 * e - 0.43 * f + 0.69 * g, flux - 1.81 * g, -flux + 1.81 * g,
    ]  # fmt: skip


@sized(3)
def robertson(t, y, p, u):
    a, b, c = y
    return [-0.04 * a + 1e4 * b * c, 0.04 * a - 1e4 * b * c - 3e7 * b**2, 3e7 * b**2]


@sized(3)
def oregonator(t, y, p, u):
    a, b, c = y
    return [77.27 * (b + a * (1 - 8.375e-6 * a - b)), (c - (1 + a) * b) / 77.27, 0.161 * (a - c)]


@sized(2)
def van_der_pol(t, y, p, u):
    return [y[1], 1000 * (1 - y[0] ** 2) * y[1] - y[0]]


@sized(28)
def pleiades(t, y, p, u):
    xs, ys, velocities = y[:7], y[7:14], list(y[14:])
    pull = []
    for position in (xs, ys):
        for i in range(7):
            pull.append(
                sum(
                    (j + 1) * (position[j] - position[i])
                    / ((xs[i] - xs[j]) ** 2 + (ys[i] - ys[j]) ** 2) ** sympy.Rational(3, 2)
                    for j in range(7) if j != i
                )
            )  # fmt: skip
    return velocities + pull


PUBLISHED = {
    "HIRES": Published(
        hires, (1, 0, 0, 0, 0, 0, 0, 0.0057), 321.8122,
        (0.7371312573325668e-3, 0.1442485726316185e-3, 0.5888729740967575e-4, 0.1175651343283149e-2,
         0.2386356198831331e-2, 0.6238968252742796e-2, 0.2849998395185769e-2, 0.2850001604814231e-2), 1e-10,
    ),
    "Robertson": Published(
        robertson, (1, 0, 0), 1e11, (0.2083340149701255e-07, 0.8333360770334713e-13, 0.9999999791665050), 1e-20,
    ),
    "Oregonator": Published(
        oregonator, (1, 2, 3), 360.0, (0.1000814870318523e1, 0.1228178521549917e4, 0.1320554942846706e3), 1e-8,
    ),
    "van der Pol": Published(
        van_der_pol, (2, 0), 2000.0, (0.1706167732170483e1, -0.8928097010247975e-3), 1e-10,
    ),
    "Pleiades": Published(
        pleiades,
        (3, 3, -1, -3, 2, -2, 2, 3, -3, 2, 0, 0, -4, 4, 0, 0, 0, 0, 0, 1.75, -1.5, 0, 0, 0, -1.25, 1, 0, 0), 3.0,
        (0.3706139143970502, 0.3237284092057233e1, -0.3222559032418324e1, 0.6597091455775310, 0.3425581707156584,
         0.1562172101400631e1, -0.7003092922212495, -0.3943437585517392e1, -0.3271380973972550e1,
         0.5225081843456543e1, -0.2590612434977470e1, 0.1198213693392275e1, -0.2429682344935824,
         0.1091449240428980e1, 0.3417003806314313e1, 0.1354584501625501e1, -0.2590065597810775e1,
         0.2025053734714242e1, -0.1155815100160448e1, -0.8072988170223021, 0.5952396354208710,
         -0.3741244961234010e1, 0.3773459685750630, 0.9386858869551073, 0.3667922227200571, -0.3474046353808490,
         0.2344915448180937e1, -0.1947020434263292e1), 1e-6,
    ),
}  # fmt: skip
