"""The hazard ratio of bevacizumab in E4599, from disease control at week 8.

The paper simulates the trial 1,000 times: estimates drawn with their standard errors, patients with
the observed rates of disease control (69.1 and 85.8 %) and of low albumin (29 %), studies that end
uniformly between 8 and 30 months.  Here 300 trials of the 320 and 309 evaluable patients; a hazard ratio is
Cox's.  For OS there is no term for the drug: all of its effect is by way of disease control, without
which there is none.

A: hazard ratios of the trials here, with those observed (points) and the published prediction with its 95 %
interval (bars).  B: survival of the arms; the trial's medians are those of all patients, here of those who
lived to a scan, and a month longer.
"""

import numpy as np

import pkpd
from pkpd.figures.style import BLACK, BLUE, GRAY, RED
from pkpd.models.claret_2014_dcr import uncertainty

MODEL = pkpd.load("claret_2014_dcr")
EVALUABLE = {
    "chemotherapy": (320, 221 / 320),
    "with bevacizumab": (309, 265 / 309),
}  # and their disease control, Table 1
LOW_ALBUMIN = 0.29
RATIOS = {  # predicted with its interval, observed
    "OS": (0.84, 0.71, 0.98, 0.77),
    "PFS": (0.59, 0.49, 0.72, 0.58),
}
MEDIANS = {"chemotherapy": 10.3, "with bevacizumab": 12.3}  # of OS in E4599 (month)
MONTHS = np.linspace(0, 36, 181)
TRIALS = 300


def reproduction():
    """Hazard ratios of simulated trials beside the paper's."""
    ratios = trials(TRIALS, 253)
    middle = {endpoint: np.median(values) for endpoint, values in ratios.items()}
    without = np.median(trials(50, 254, DCR=False)["OS"])
    claims = (
        *(
            pkpd.Claim(f"hazard ratio of {endpoint}", RATIOS[endpoint][0], middle[endpoint], "Results", 0.05)
            for endpoint in RATIOS
        ),
        *(
            pkpd.Claim(
                f"observed ratio of {endpoint}", "within the prediction", placed(ratios[endpoint], RATIOS[endpoint][3]),
                "Fig. 2" if endpoint == "OS" else "Results",
            )
            for endpoint in RATIOS
        ),
        pkpd.Claim("hazard ratio of OS at equal disease control", 1.0, without, "no term for the drug", 0.03),
    )  # fmt: skip
    return pkpd.Reproduction(claims, (lambda ax: draw_ratios(ax, ratios), draw_arms))


def placed(values, observed):
    low, high = np.quantile(values, [0.025, 0.975])
    return "within the prediction" if low < observed < high else f"outside {low:.2f} to {high:.2f}"


def trials(n, seed, DCR=True):
    """Hazard ratios by endpoint in `n` trials, each with estimates of its own."""
    rng = np.random.default_rng(seed)
    drawn = pkpd.population(MODEL, n, seed, variability=uncertainty)
    groups = drawn * pkpd.grid(DCR=[0, 1], low_ALB=[0, 1], BEV=[0, 1])
    mu = pkpd.simulate(MODEL, times=[0], parameters=groups, outputs=["mu_OS", "mu_PFS"]).isel(time=0)
    mu = mu.transpose("member", "DCR", "low_ALB", "BEV")
    ratios_of = {endpoint: [] for endpoint in RATIOS}
    for i in range(n):
        arm, controlled, low = patients(rng, DCR)
        end = rng.uniform(8, 30, len(arm))
        for endpoint, ratios in ratios_of.items():
            center = mu[f"mu_{endpoint}"].to_numpy()[i, controlled, low, arm]
            time = np.exp(center + drawn[f"sigma_{endpoint}"][i] * rng.standard_normal(len(arm)))
            ratio = pkpd.hazard_ratio(np.minimum(time, end), time <= end, arm)
            ratios.append(float(ratio["hazard_ratio"]))
    return {endpoint: np.array(ratios) for endpoint, ratios in ratios_of.items()}


def patients(rng, DCR):
    """Arm, disease control and low albumin of the patients of one trial."""
    (n0, p0), (n1, p1) = EVALUABLE.values()
    arm = np.repeat([0, 1], [n0, n1])
    controlled = rng.random(n0 + n1) < np.where(arm == 1, p1 if DCR else p0, p0)
    return arm, controlled.astype(int), (rng.random(n0 + n1) < LOW_ALBUMIN).astype(int)


def arm_survival(DCR, BEV):
    """S_OS of an arm: that of its patients on the average."""
    run = pkpd.simulate(MODEL, times=MONTHS, parameters=pkpd.grid(DCR=[0, 1], low_ALB=[0, 1]), outputs=["S_OS"])
    shares = np.outer([1 - DCR, DCR], [1 - LOW_ALBUMIN, LOW_ALBUMIN])
    return np.einsum("dat,da->t", run["S_OS"].transpose("DCR", "low_ALB", "time").to_numpy(), shares)


def draw_ratios(ax, ratios):
    for endpoint, color in zip(RATIOS, (BLUE, RED), strict=True):
        predicted, low, high, observed = RATIOS[endpoint]
        ax.hist(ratios[endpoint], bins=np.arange(0.4, 1.2, 0.025), color=color, alpha=0.45, label=f"{endpoint}, here")
        y = 62 if endpoint == "PFS" else 57
        ax.errorbar(predicted, y, xerr=[[predicted - low], [high - predicted]], fmt="|", color=color, capsize=2)
        ax.plot(observed, y, "o", color=color, markeredgecolor=BLACK)
    ax.plot([], [], "o", color=GRAY, markeredgecolor=BLACK, label="observed")
    ax.errorbar([], [], xerr=[], fmt="|", color=GRAY, capsize=2, label="published prediction")
    ax.set(xlabel="hazard ratio of bevacizumab", ylabel="trials", xlim=(0.4, 1.15), ylim=(0, 85))
    ax.legend(loc="upper center", ncols=2)


def draw_arms(ax):
    for ((arm, (_, DCR)), BEV), color in zip(zip(EVALUABLE.items(), (0, 1), strict=True), (BLACK, BLUE), strict=True):
        ax.plot(MONTHS, arm_survival(DCR, BEV), color=color, label=arm)
        ax.plot(MEDIANS[arm], 0.5, "o", color=color, markerfacecolor="white")
    ax.plot([], [], "o", color=GRAY, markerfacecolor="white", label="median of all in E4599")
    ax.axhline(0.5, color=GRAY, linestyle=":", linewidth=0.8)
    ax.set(xlabel="time (month)", ylabel="probability of survival", xlim=(0, 36), ylim=(0, 1.02))
    ax.legend(loc="upper right")
