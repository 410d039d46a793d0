"""Several lesions that share one immune system, and abscopal response.

    dS_i/dt, dR_i/dt    clones of lesion i          (see `clones`)
    dE_i/dt, dX_i/dt    its effectors               (see `effector_exhaustion`)
    dD_i/dt             its dead cells              (see `tumor_volume`)
    dA/dt, dDC/dt       antigen of all lesions      (see `antigen_priming`)
    dP/dt, dM/dt        circulating effectors       (see `effector_memory`)

    influx_i = leaving w_i T_i/(T_w + sum_j w_j T_j)

What one lesion's death primes reaches all lesions, by weights w_i (blood flow times homing) and
size: radiation to one (its route is `radiation_` and its name) lets another regress.
`placed(part, lesion)` is a part of one lesion under names of that lesion; `trafficking` and
`totals` tie n of them together.

Source: sites coupled by the trafficking of T cells primed at any of them, weighted by blood flow
and homing, as Poleszczuk J et al., Cancer Res 76:1009 (2016), and Walker R et al., Sci Rep
8:9474 (2018), describe in words; their equations could not be read, those here and all values
are illustrative, of a primary and one metastasis.
"""

from collections.abc import Iterable, Sequence

from pkpd import Model, compose, dose, given, output, param
from pkpd.models import antigen_priming, clones, effector_exhaustion, effector_memory, tumor_volume
from pkpd.models.radiotherapy_lql import radiotherapy_lql

ONE, EQUAL = "1 by definition: the others are relative to it", "illustrative: as the first lesion"
POSITIVE = (0, None)

LESIONS = ("primary", "metastasis")

# What each lesion has of its own; every other name is the patient's.
LOCAL = (
    "S", "R", "T", "D", "E", "X", "V", "PDL1", "freePDL1", "pd1_brake", "brake", "activity", "kill", "killed",
    "influx", "release", "diameter", "diameter0",
)  # fmt: skip

T_w = param(
    "T_w",
    500,
    "mm^3",
    "tumor that draws half of the effectors",
    bounds=POSITIVE,
    source="illustrative: a nodule of 10 mm, so that all but small tumors draw most",
)


def placed(part: Model, lesion: str) -> Model:
    """`part` under the names of one lesion: `T` becomes ``T_primary``; what the patient has one of stays."""
    own = {s.name for s in part.symbols.values()} | set(part.outputs) | set(part.routes)
    return part.renamed({name: f"{name}_{lesion}" for name in LOCAL if name in own})


def trafficking(lesions: Sequence[str]) -> Model:
    """The part that shares the effectors that leave the circulation among `lesions`."""
    leaving = given("leaving", "cell/day", "effectors that leave for the tumors")
    weights = [
        param(
            f"w_{i}", 1, "1", f"blood flow times homing of the lesion {i}", source=EQUAL if k else ONE, bounds=POSITIVE
        )
        for k, i in enumerate(lesions)
    ]
    pull = [w * given(f"T_{i}", "mm^3", "living tumor") for w, i in zip(weights, lesions, strict=True)]
    shares = [leaving * one / (T_w + sum(pull)) for one in pull]
    return Model(
        "trafficking",
        rates={},
        outputs={
            f"influx_{i}": output(share, f"effectors that enter the lesion {i}")
            for i, share in zip(lesions, shares, strict=True)
        },
    )


def totals(lesions: Iterable[str]) -> Model:
    """The part that sums over `lesions`: living tumor, effectors, released antigen, diameters, resistant tumor."""
    sums = {
        "burden": ("T", "mm^3", "living tumor, all lesions"),
        "resistant": ("R", "mm^3", "living resistant tumor, all lesions"),
        "effectors": ("E", "cell", "effectors in all tumors"),
        "release": ("release", "mm^3/day", "dead tumor whose antigen is released"),
        "SLD": ("diameter", "mm", "sum of lesion diameters"),
    }
    names = tuple(lesions)
    return Model(
        "totals",
        rates={},
        outputs={
            total: output(sum(given(f"{one}_{i}", unit, f"{meaning}: {i}") for i in names), meaning)
            for total, (one, unit, meaning) in sums.items()
        },
    )


def seeded(lesion: str) -> Model:
    """The part that lets sensitive cells settle in one lesion: mm^3 on the route ``seeding_`` and its name."""
    sensitive = placed(clones.model, lesion)[f"S_{lesion}"]
    return Model("seeding", rates={}, routes={f"seeding_{lesion}": {sensitive: sensitive + dose("mm^3")}})


def irradiated(lesion: str) -> Model:
    """The part that gives one lesion its route: radiation on ``radiation_`` and its name."""
    own, dead = placed(clones.model, lesion), placed(tumor_volume.model, lesion)
    return radiotherapy_lql(own.states, dead[f"D_{lesion}"], f"radiation_{lesion}")


model = compose(
    "lesions",
    antigen_priming.model,
    effector_memory.model,
    trafficking(LESIONS),
    totals(LESIONS),
    *(
        placed(part, lesion)
        for lesion in LESIONS
        for part in (clones.model, effector_exhaustion.model, tumor_volume.model)
    ),
    *(irradiated(lesion) for lesion in LESIONS),
)
