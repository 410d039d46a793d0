"""Closed forms that the models are tested against."""

from __future__ import annotations

import numpy as np
from scipy.special import lambertw


def two_compartments(t, dose, duration, CL, V1, Q, V2):
    """Central concentration after one infusion, linear elimination.

    Gibaldi M, Perrier D. Pharmacokinetics, 2nd ed., Dekker 1982, chapter 2.
    """
    k10, k12, k21 = CL / V1, Q / V1, Q / V2
    total = k10 + k12 + k21
    root = np.sqrt(total**2 - 4 * k10 * k21)
    fast, slow = (total + root) / 2, (total - root) / 2
    since_end = np.maximum(t - duration, 0.0)
    running = np.minimum(t, duration)
    rate = dose / duration / V1

    def phase(k, share):
        return rate * share / k * (1 - np.exp(-k * running)) * np.exp(-k * since_end)

    return phase(fast, (fast - k21) / (fast - slow)) + phase(slow, (k21 - slow) / (fast - slow))


def michaelis_menten(t, C0, Vmax, Km):
    """Concentration under saturable elimination alone; Vmax is a concentration a time.

    Schnell S, Mendoza C. J Theor Biol 187:207-212 (1997).
    """
    return Km * lambertw(C0 / Km * np.exp((C0 - Vmax * t) / Km)).real


def logistic(t, T0, kg, Tmax):
    """Verhulst's growth from T0 at time 0."""
    return Tmax / (1 + (Tmax / T0 - 1) * np.exp(-kg * t))


def lq_survival(dose, alpha, beta, duration=0.0, repair_time=1.0):
    """Linear-quadratic survival, with the Lea-Catcheside factor where a fraction lasts.

    Sachs RK, Hahnfeld P, Brenner DJ. Int J Radiat Biol 72:351-374 (1997).
    """
    x = duration / repair_time
    protraction = 2 * (x - 1 + np.exp(-x)) / x**2 if x > 0 else 1.0
    return np.exp(-alpha * dose - beta * protraction * dose**2)


def kuznetsov_steady_states(s, p, g, m, d, a, b, n):
    """The positive (E, T) at which effectors and tumor rest: E = a (1 - b T)/n, and a cubic in T.

    Kuznetsov VA et al. Bull Math Biol 56:295-321 (1994), section 3.
    """
    effectors = np.polynomial.Polynomial([a / n, -a * b / n])
    room = np.polynomial.Polynomial([g, 1.0])
    tumor = np.polynomial.Polynomial([0.0, 1.0])
    cubic = s * room + effectors * (p * tumor - m * tumor * room - d * room)
    roots = cubic.roots()
    T = np.sort(roots[np.isreal(roots)].real)
    T = T[(T > 0) & (effectors(T) > 0)]
    return list(zip(effectors(T), T, strict=True))


# ---- linear pharmacokinetics as sums of exponentials: what 1 mg gives, (share, rate constant) for each term


def one_compartment_terms(CL, V):
    """Concentration after 1 mg at once into the central compartment (Gibaldi & Perrier 1982, chapter 1)."""
    return [(1 / V, CL / V)]


def two_compartment_terms(CL, V1, Q, V2):
    """Concentration after 1 mg at once into the central compartment (Gibaldi & Perrier 1982, chapter 2)."""
    k10, k12, k21 = CL / V1, Q / V1, Q / V2
    total = k10 + k12 + k21
    root = np.sqrt(total**2 - 4 * k10 * k21)
    fast, slow = (total + root) / 2, (total - root) / 2
    return [((fast - k21) / (fast - slow) / V1, fast), ((k21 - slow) / (fast - slow) / V1, slow)]


def absorbed(terms, ka):
    """Concentration after 1 mg into a depot emptied at the rate constant ka, from the terms after 1 mg at once."""
    return [(ka * share / (ka - k), k) for share, k in terms] + [(-sum(ka * s / (ka - k) for s, k in terms), ka)]


def bolus_response(terms, t, amount):
    """`amount` at time 0."""
    since = np.maximum(t, 0.0)
    return np.where(t >= 0, sum(amount * share * np.exp(-k * since) for share, k in terms), 0.0)


def infusion_response(terms, t, rate, duration):
    """`rate` from time 0 for `duration`: the integral of the bolus response."""
    running, since_end = np.clip(t, 0.0, duration), np.maximum(t - duration, 0.0)
    return sum(rate * share / k * (1 - np.exp(-k * running)) * np.exp(-k * since_end) for share, k in terms)


def steady_bolus_response(terms, t, amount, interval):
    """`amount` every `interval` since ever, the last time at time 0: a geometric sum."""
    return sum(amount * share * np.exp(-k * t) / (1 - np.exp(-k * interval)) for share, k in terms)


def steady_infusion_response(terms, t, rate, duration, interval):
    """`rate` for `duration`, begun every `interval` since ever, the last time at time 0.

    The infusions that are over make a geometric sum; those that still run are added one by one.
    """
    total = np.zeros_like(t)
    for i, time in enumerate(t):
        number = 0
        while time + number * interval < duration:
            total[i] += infusion_response(terms, time + number * interval, rate, duration)
            number += 1
        over = time + number * interval - duration
        total[i] += sum(
            rate * share / k * (1 - np.exp(-k * duration)) * np.exp(-k * over) / (1 - np.exp(-k * interval))
            for share, k in terms
        )
    return total
