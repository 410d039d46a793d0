"""One compartment with absorption through a chain of transit compartments.

    ddepot/dt      = -ktr depot
    dtransit1/dt   =  ktr (depot - transit1)
    dtransit2/dt   =  ktr (transit1 - transit2)
    dtransit3/dt   =  ktr (transit2 - transit3)
    dabsorption/dt =  ktr transit3 - ka absorption
    dcentral/dt    =  ka absorption - CL C,    C = central/V
    ktr = (n + 1)/MTT

`transit(n)` is the same with n transit compartments; `model` has three.  The chain is
written out, where the paper has its closed form for one dose (a gamma function of real n),
so that any doses add.  F, tlag, R and D say how `depot` takes a dose: F of it arrives, tlag
later; R is the rate of a record with RATE -1, D the duration of one with RATE -2.

Source: Savic RM, Jonker DM, Kerbusch T, Karlsson MO. Implementation of a transit
compartment model for describing drug absorption in pharmacokinetic studies. J Pharmacokinet
Pharmacodyn 34:711-726 (2007).  All values are illustrative.

MTT is the mean time from a dose to the absorption compartment.
"""

import itertools

from pkpd import Dosing, Model, dose, output, param, state
from pkpd.errors import ModelError
from pkpd.models.pk_1cmt_oral import CL, INVENTED, POSITIVE, C, D, F, R, V, central, ka, tlag  # noqa: F401

MTT = param("MTT", 2, "day", "mean transit time", source=INVENTED, bounds=POSITIVE)

depot = state("depot", "mg", "drug that has been given")
absorption = state("absorption", "mg", "drug at the site of absorption")


def transit(n: int) -> Model:
    """The model with `n` transit compartments between depot and absorption compartment.

    Raises
    ------
    ModelError
        If `n` is not a whole number from 0 to 50.
    """
    if not isinstance(n, int) or not 0 <= n <= 50:
        raise ModelError(f"transit() takes a number of compartments from 0 to 50, not {n!r}.")
    ktr = (n + 1) / MTT
    chain = [depot, *(state(f"transit{i}", "mg", f"drug in transit compartment {i}") for i in range(1, n + 1))]
    rates = {depot: -ktr * depot}
    rates |= {after: ktr * (before - after) for before, after in itertools.pairwise(chain)}
    rates |= {absorption: ktr * chain[-1] - ka * absorption, central: ka * absorption - CL * C}
    return Model(
        "pk_1cmt_transit",
        rates=rates,
        outputs={"C": output(C, "drug in plasma")},
        routes={"oral": {depot: depot + dose("mg")}},
        dosing={depot: Dosing(F=F, lag=tlag, rate=R, duration=D)},
    )


model = transit(3)
