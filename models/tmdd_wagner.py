"""Target-mediated drug disposition with a constant amount of target.

    dcentral/dt    = -CL C - Q C + Q peripheral/V2 - kint V1 P,    Ctot = central/V1
    dperipheral/dt =         Q C - Q peripheral/V2
    P = R0 C/(KSS + C),    RO = P/R0
    C = (x + sqrt(x^2 + 4 KSS Ctot))/2,    x = Ctot - R0 - KSS

In free drug, with Q = 0, this is Wagner's equation
dC/dt (1 + R0 KSS/(KSS + C)^2) = -CL C/V1 - kint R0 C/(KSS + C);
written in total drug, doses add.

Source: Wagner JG. A new generalized nonlinear pharmacokinetic model and its implications.
In: Biopharmaceutics and relevant pharmacokinetics, Drug Intelligence Publications (1971); as an
approximation of target-mediated disposition Gibiansky L, Gibiansky E, Kakkar T, Ma P. J
Pharmacokinet Pharmacodyn 35:573-591 (2008).  All values are illustrative, those of
`tmdd_full`.

Valid where the whole target stays near its baseline, as with kint near kdeg.  Where R0 is
small beside KSS + C it becomes `pk_2cmt_mm` with Vmax = kint R0 V1 and Km = KSS.
"""

from pkpd import param
from pkpd.models.tmdd_qss import INVENTED, KSS, POSITIVE, central, peripheral, total_drug_model  # noqa: F401

R0 = param("R0", 2, "nM", "free and bound target, constant", source=INVENTED, bounds=POSITIVE)

model = total_drug_model("tmdd_wagner", KSS, R0)
