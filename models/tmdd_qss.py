"""Target-mediated drug disposition with binding at quasi-steady state.

    dcentral/dt    = -CL C - Q C + Q peripheral/V2 - kint V1 P,    Ctot = central/V1
    dperipheral/dt =         Q C - Q peripheral/V2
    dRtot/dt       = ksyn - kdeg Rtot - (kint - kdeg) P,    Rtot(0) = ksyn/kdeg
    P = Rtot C/(KSS + C),    RO = P/Rtot
    C = (x + sqrt(x^2 + 4 KSS Ctot))/2,    x = Ctot - Rtot - KSS

`central` is the whole drug in the central compartment, free and bound, to which doses add;
C is free.  KSS is (koff + kint)/kon of `tmdd_full`.

Source: Gibiansky L, Gibiansky E, Kakkar T, Ma P. Approximations of the target-mediated drug
disposition model and identifiability of model parameters. J Pharmacokinet Pharmacodyn
35:573-591 (2008).  All values are illustrative, those of `tmdd_full`.

Valid where complex forms and dissociates faster than drug and target change: not within the
first moments after a dose.  For x < 0 the root is written as 2 KSS Ctot/(sqrt(...) - x),
which does not lose its digits.
"""

import sympy
from sympy import Piecewise, sqrt

from pkpd import Model, dose, output, param, state
from pkpd.models.tmdd_full import CL, INVENTED, POSITIVE, V1, V2, Q, kdeg, kint, ksyn, peripheral
from pkpd.symbolic.symbols import Parameter

KSS = param("KSS", 0.55, "nM", "steady-state constant of binding", source=INVENTED, bounds=POSITIVE)

central = state("central", "nmol", "free and bound drug in the central compartment")
Rtot = state("Rtot", "nM", "free and bound target", start=ksyn / kdeg)
Ctot = central / V1


def free_drug(total: sympy.Expr, target: sympy.Expr, K: sympy.Expr) -> sympy.Expr:
    """The free concentration that leaves `total` drug and `target` in balance with the constant `K`."""
    x = total - target - K
    root = sqrt(x**2 + 4 * K * total)
    return Piecewise(((x + root) / 2, x > 0), (2 * K * total / (root - x), True))


def total_drug_model(name: str, K: Parameter, target: sympy.Expr) -> Model:
    """The model in total drug: binding with the constant `K` to `target`, a state or a constant."""
    C = free_drug(Ctot, target, K)
    P = target * C / (K + C)
    exchange = Q * C - Q * peripheral / V2
    rates = {central: -CL * C - exchange - kint * V1 * P, peripheral: exchange}
    if target == Rtot:
        rates[Rtot] = ksyn - kdeg * Rtot - (kint - kdeg) * P
    return Model(
        name,
        rates=rates,
        outputs={
            "C": output(C, "free drug in plasma", "nM"),
            "Ctot": output(Ctot, "free and bound drug in plasma", "nM"),
            "RO": output(C / (K + C), "fraction of target occupied"),
        },
        routes={"iv": {central: central + dose("nmol")}},
    )


model = total_drug_model("tmdd_qss", KSS, Rtot)
