"""Signature of inhibited production: a nadir that comes later with the dose, and its area.

Properties of indirect response models from abstracts: the time of the largest response and its area
are nearly proportional to log dose, and a dose and an IC50 multiplied by the same factor give the
same response (Sharma and Jusko, J Pharmacokinet Biopharm 24:611-635, 1996); after a bolus into one
compartment the area between baseline and response is explicit for models I and III
(Krzyzanski and Jusko, J Pharm Sci 87:67-72, 1998): here R0 Imax/k ln(1 + C0/IC50).  The others
are closed forms: the first slope, the bound at a saturating concentration, and the
time of the extreme for small doses, ln(kout/k)/(kout - k).  A: responses, and
their bound (dashed).  B: area and time of the extreme against the dose.
"""

import numpy as np

import pkpd
from pkpd.figures.style import BLUE, GRAY, RED, ordered_colors

CL, V, K, KOUT, R0 = 5.0, 10.0, 0.5, 2.0, 20.0
LARGEST, EC50 = {1: 0.9, 2: 0.6, 3: 2.0, 4: 2.0}, 1.0
DOSES = 10.0 ** np.arange(-2, 6)  # C0 from 0.001 to 1e4 times the EC50
SHOWN = range(2, 8)
DAYS = np.concatenate([np.linspace(0, 1, 1001)[:-1], np.linspace(1, 100, 19801)])
amount = pkpd.param("amount", 10, "mg", "dose", source="swept here")
SHARMA, KRZYZANSKI = "Sharma and Jusko 1996, abstract", "Krzyzanski and Jusko 1998: closed form"


def reproduction():
    """Claims and figure of model I."""
    return signature(1)


def signature(number):
    """What the four models have in common, for one of them."""
    R = responses(number)
    claims = (*bounds(number, R), *shifts(number, R), area_claim(number, R))
    return pkpd.Reproduction(claims, (lambda ax: draw_responses(ax, number, R), lambda ax: draw_areas(ax, number, R)))


def driven(number):
    """The response model behind a compartment."""
    return pkpd.compose("driven", pkpd.load("pk_1cmt"), pkpd.load(f"indirect_response_{number}"))


def responses(number, doses=DOSES, potency=EC50):
    """Responses to each dose; in rows."""
    letter = "I" if number < 3 else "S"
    effect = {f"{letter}max": LARGEST[number], f"{letter}C50": potency}
    parameters = {"CL": CL, "V": V, "kout": KOUT, "kin": R0 * KOUT, "amount": doses, **effect}
    bolus = pkpd.bolus(amount, "iv")
    return pkpd.simulate(driven(number), bolus, times=DAYS, parameters=parameters, rtol=1e-9)["Resp"].to_numpy()


def factor(number, effect):
    """Where the response rests if production or loss is changed by a constant `effect`, over the baseline."""
    return {1: 1 - effect, 2: 1 / (1 - effect), 3: 1 + effect, 4: 1 / (1 + effect)}[number]


def bounds(number, R):
    """The first slope, and the bound."""
    E, sign = LARGEST[number], -1 if number in (1, 4) else 1
    slope = (R[5, 1] - R[5, 0]) / DAYS[1]
    extreme = R[-1].min() if sign < 0 else R[-1].max()
    C0 = DOSES[5] / V
    first = sign * R0 * KOUT * E * C0 / (EC50 + C0)
    return (
        pkpd.Claim(
            "first slope after 1000 mg (1/day)", first, slope, "closed form: kin or kout R0 times effect", 0.005
        ),
        pkpd.Claim("extreme after 1e5 mg over baseline", factor(number, E), extreme / R0, "closed form: bound", 0.02),
    )


def shifts(number, R):
    """When the extreme comes: for small doses, and as the dose rises."""
    times = extremes(R)
    same = np.abs(responses(number, DOSES[4:5] * 7, potency=7.0)[0] / R[4] - 1).max()
    later = "later" if (np.diff(times[4:]) > 0).all() else "not always later"
    return (
        pkpd.Claim(
            "time of the extreme, small dose (day)", np.log(KOUT / K) / (KOUT - K), times[0], "closed form", 0.01
        ),
        pkpd.Claim("extreme as the dose rises from 100 to 1e5 mg", "later", later, SHARMA),
        pkpd.Claim("dose and EC50 times 7: response", "identical", "identical" if same < 1e-6 else "differs", SHARMA),
    )


def extremes(R):
    return DAYS[np.abs(R - R0).argmax(axis=1)]


def area(R):
    """Between baseline and response."""
    return np.abs(np.trapezoid(R - R0, DAYS, axis=1))


def area_claim(number, R):
    """Models I and III: the area of a dose; II and IV: its rise with ln dose, for large ones."""
    E, areas = LARGEST[number], area(R)
    if number in (1, 3):
        explicit = R0 * E / K * np.log(1 + DOSES[4] / V / EC50)
        return pkpd.Claim("area between baseline and response, 100 mg (day)", explicit, areas[4], KRZYZANSKI, 1e-3)
    rise = (areas[7] - areas[6]) / np.log(10)
    plateau = R0 * abs(factor(number, E) - 1) / K
    return pkpd.Claim("rise of the area with ln dose, large doses (day)", plateau, rise, "closed form: plateau/k", 0.01)


def draw_responses(ax, number, R):
    for i, color in zip(SHOWN, ordered_colors(np.linspace(0, 1, len(SHOWN))), strict=True):
        ax.plot(DAYS, R[i], color=color, linewidth=1, label=f"{DOSES[i]:g} mg")
    ax.axhline(R0 * factor(number, LARGEST[number]), color=RED, linestyle="--", linewidth=0.8)
    span = R0 * abs(factor(number, LARGEST[number]) - 1)
    low, high = (R0 - span, R0) if number in (1, 4) else (R0, R0 + span)
    ax.set(xlabel="time (day)", ylabel="response", xlim=(0, 40), ylim=(low - 0.08 * span, high + 0.08 * span))
    ax.legend(loc="center right", fontsize=6)


def draw_areas(ax, number, R):
    ax.semilogx(DOSES, area(R), "o", color=BLUE, markersize=3, label="area, here (day)")
    if number in (1, 3):
        explicit = R0 * LARGEST[number] / K * np.log(1 + DOSES / V / EC50)
        ax.semilogx(DOSES, explicit, color=RED, linestyle="--", linewidth=0.8, label="area, closed form")
    ax.set(xlabel="dose (mg)", ylabel="area of the response (day)")
    other = ax.twinx()
    other.semilogx(DOSES, extremes(R), "s-", color=GRAY, markersize=3, linewidth=0.8, label="time of the extreme")
    other.set(ylabel="time of the extreme (day)", ylim=(0, None))
    other.spines["right"].set_visible(True)
    handles = [*ax.get_legend_handles_labels()[0], *other.get_legend_handles_labels()[0]]
    ax.legend(handles, [h.get_label() for h in handles], loc="upper left")
