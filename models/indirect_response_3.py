"""Indirect response III: the drug stimulates the production of the response.

    dResp/dt = kin (1 + Smax C/(SC50 + C)) - kout Resp
    Resp(0) = kin/kout

A part: it takes C (mg/L) from a pharmacokinetic part, and runs at baseline without one.  At
the largest effect the response tends to kin (1 + Smax)/kout.  The response is in units of
its own; rescale kin for others.

Source: Dayneka NL, Garg V, Jusko WJ. Comparison of four basic models of indirect
pharmacodynamic responses. J Pharmacokinet Biopharm 21:457-478 (1993).  All values are
illustrative.
"""

from pkpd import Model, param
from pkpd.models.indirect_response_1 import INVENTED, POSITIVE, C, Resp, kin, kout

Smax = param("Smax", 2, "1", "largest stimulation", source=INVENTED, bounds=POSITIVE)
SC50 = param("SC50", 1, "mg/L", "concentration at half of the stimulation", source=INVENTED, bounds=POSITIVE)

S = Smax * C / (SC50 + C)

model = Model("indirect_response_3", rates={Resp: kin * (1 + S) - kout * Resp})
