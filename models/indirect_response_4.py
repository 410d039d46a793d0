"""Indirect response IV: the drug stimulates the loss of the response.

    dResp/dt = kin - kout (1 + Smax C/(SC50 + C)) Resp
    Resp(0) = kin/kout

A part: it takes C (mg/L) from a pharmacokinetic part, and runs at baseline without one.  At
the largest effect the response tends to kin/(kout (1 + Smax)).  The response is in units of
its own; rescale kin for others.

Source: Dayneka NL, Garg V, Jusko WJ. Comparison of four basic models of indirect
pharmacodynamic responses. J Pharmacokinet Biopharm 21:457-478 (1993).  All values are
illustrative.
"""

from pkpd import Model
from pkpd.models.indirect_response_3 import Resp, S, kin, kout

model = Model("indirect_response_4", rates={Resp: kin - kout * (1 + S) * Resp})
