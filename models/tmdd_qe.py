"""Target-mediated drug disposition with binding at equilibrium.

    dcentral/dt    = -CL C - Q C + Q peripheral/V2 - kint V1 P,    Ctot = central/V1
    dperipheral/dt =         Q C - Q peripheral/V2
    dRtot/dt       = ksyn - kdeg Rtot - (kint - kdeg) P,    Rtot(0) = ksyn/kdeg
    P = Rtot C/(KD + C),    RO = P/Rtot
    C = (x + sqrt(x^2 + 4 KD Ctot))/2,    x = Ctot - Rtot - KD

`tmdd_qss` with KD = koff/kon of `tmdd_full` in the place of KSS.

Source: Mager DE, Krzyzanski W. Quasi-equilibrium pharmacokinetic model for drugs exhibiting
target-mediated drug disposition. Pharm Res 22:1589-1596 (2005).  All values are
illustrative, those of `tmdd_full`.

Valid where, besides, the complex dissociates much faster than it is internalized
(kint far below koff).
"""

from pkpd import param
from pkpd.models.tmdd_qss import INVENTED, POSITIVE, Rtot, central, peripheral, total_drug_model  # noqa: F401

KD = param("KD", 0.5, "nM", "affinity of drug and target", source=INVENTED, bounds=POSITIVE)

model = total_drug_model("tmdd_qe", KD, Rtot)
