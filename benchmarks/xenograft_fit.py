"""The fit of erlotinib's 24 mice by itself, for any version of pkpd: ``python xenograft_fit.py TABLE``.

Volumes alone, with errors of 20 %; w0 of each mouse, lambda0, lambda1, k1 and k2.  Prints the CPU
seconds of the least of a few fits after a first one as JSON.
"""

from __future__ import annotations

import functools
import json
import sys
import time

import pandas as pd

import pkpd

FREE = {
    "w0": pkpd.free(0.11, log=True, per_arm=True),
    "lambda0": pkpd.free(0.1, log=True),
    "lambda1": pkpd.free(0.1, log=True),
    "k1": pkpd.free(0.5, (0.02, 50), log=True),
    "k2": pkpd.free(0.1, log=True),
}
FITS = 4
HELD = {"ka": 55, "V": 0.127, "CL": 0.96}


def data(path: str) -> pkpd.Dataset:
    """The mass of each tumor (g) and the doses (mg)."""
    cells = pd.read_csv(path, sep=";", na_values=".").rename(columns={"#ID": "arm", "TIME": "time"})
    mice = cells[cells["DRUG"] == 1].astype({"arm": str})
    regimens = {str(arm): regimen(rows) for arm, rows in mice.groupby("arm")}
    volumes = mice[mice["YTYPE"] == 2].assign(output="w", value=lambda rows: rows["Y"] / 1000)
    tidy = volumes.assign(sd=0.2 * volumes["value"])[["arm", "time", "output", "value", "sd"]]
    return pkpd.read_observations(tidy, regimens, at_dose="before")


def regimen(rows: pd.DataFrame) -> pkpd.Regimen:
    """The doses of one mouse."""
    doses = rows[rows["DOSE"] > 0].fillna({"ADDL": 0, "II": 1})
    each = [
        pkpd.bolus(dose.DOSE / 1000, "oral", every=dose.II, n=int(dose.ADDL) + 1).shift(dose.time)
        for dose in doses.itertuples()
    ]
    return functools.reduce(lambda earlier, later: earlier + later, each)


def main(path: str) -> None:
    observed = data(path)
    model = pkpd.compose("xenograft", pkpd.load("pk_1cmt_oral"), pkpd.load("simeoni_2004"))
    pkpd.fit(model, observed, FREE, parameters=HELD)
    seconds = []
    for _ in range(FITS):
        begun = time.process_time()
        fit = pkpd.fit(model, observed, FREE, parameters=HELD)
        seconds.append(time.process_time() - begun)
    print(json.dumps({"seconds": min(seconds), "chi_square": fit.chi_square, "evaluations": fit.evaluations}))


if __name__ == "__main__":
    main(sys.argv[1])
