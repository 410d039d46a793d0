"""The first simulation of a model in this process: ``python -m benchmarks.first_run CASE METHOD WARM``.

With WARM another model is simulated before, so that what every model needs is loaded.
Prints the seconds of each stage as JSON.
"""

from __future__ import annotations

import json
import sys
import time

FEW = 8  # members


def main(name: str, method: str, warm: bool) -> dict[str, float]:
    begun = time.perf_counter()
    import pkpd

    seconds = {"import": time.perf_counter() - begun}
    from benchmarks.cases import find

    def simulated(name: str) -> float:
        case = find(name)
        ensemble = case.ensemble(FEW)
        begun = time.perf_counter()
        pkpd.simulate(case.model, case.regimen, times=case.times, parameters=ensemble, method=method)
        return time.perf_counter() - begun

    if warm:
        simulated("lesions_3")
    seconds["first"] = simulated(name)
    seconds["second"] = simulated(name)
    return seconds


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], sys.argv[3] == "warm")))
