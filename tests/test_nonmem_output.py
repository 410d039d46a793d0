"""Dosing histories against what NONMEM printed for them.

The first twenty were written by K. Baron to compare mrgsolve with NONMEM 7 (github.com/mrgsolve/nmtests, run 1001,
nmtest7.md and its table TAB): one compartment with first-order absorption, CL 1.1 L/h, V 20 L, ka 1.5 1/h; F, lag,
rate and duration of the central compartment are columns of the table.  NONMEM prints five digits.  `nmtest` of
nlmixr2data goes on from there (M. Fidler), up to 54 histories.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import pkpd

NMTEST = Path(__file__).parents[2] / "shared" / "data" / "nlmixr2data" / "nmtest.csv"
DIGITS = 5e-5  # relative: half a unit of the fifth digit, at most
TIMES = (4, 8, 13, 25, 29, 37, 43, 130)
LEFT_OUT = {"TIME": 0.0, "EVID": 1, "CMT": 1, "AMT": 100.0, "BIOAV": 1.0, "LAGT": 0.0, "DUR2": 2.0, "RAT2": 10.0}
IV = {"CMT": 2, "ADDL": 3, "II": 24}

HISTORIES = {
    "bolus with additional": (
        [{"ADDL": 3, "II": 24}],
        (4152.5, 3342.7, 2539.1, 5066.8, 4992.7, 3217.3, 2313.0, 290.10),
    ),
    "bolus, lag and F": (
        [{**IV, "LAGT": 12.13, "BIOAV": 2.23}],
        (0, 0, 10629, 5493.6, 4408.7, 13468, 9682.8, 1214.4),
    ),
    "infusion with additional": (
        [{**IV, "RATE": 10}],
        (1795.3, 3236.0, 3260.9, 2171.9, 3538.3, 4132.0, 2970.6, 372.58),
    ),
    "infusion to the depot": (
        [{"ADDL": 3, "II": 24, "RATE": 100 / 12}],
        (1265.4, 2511.0, 3531.9, 2055.5, 3094.2, 4492.5, 3276.0, 410.89),
    ),
    "infusion, lag": (
        [{**IV, "RATE": 10, "LAGT": 4.15}],
        (0, 1734.8, 3503.4, 2117.6, 2114.6, 4597.9, 3732.3, 468.11),
    ),
    "infusion, lag and F": (
        [{**IV, "RATE": 10, "LAGT": 3.25, "BIOAV": 0.412}],
        (367.37, 1780.5, 1352.4, 699.00, 1395.2, 1713.7, 1232.0, 154.52),
    ),
    "infusion, steady state, lag and F": (
        [{**IV, "RATE": 10, "LAGT": 3.16, "BIOAV": 0.412, "SS": 1}],
        (1215.2, 2417.5, 1836.3, 949.08, 1636.6, 1836.3, 1320.1, 154.55),
    ),
    "steady state of overlapping infusions, F": (
        [{"CMT": 2, "ADDL": 4, "II": 12, "RATE": 2, "BIOAV": 0.812, "SS": 1}],
        (6263.0, 6152.3, 6081.8, 6081.8, 6277.4, 6081.8, 6191.7, 344.68),
    ),
    "steady state of overlapping infusions": (
        [{"CMT": 2, "ADDL": 3, "II": 12, "RATE": 2, "SS": 1}],
        (7623.9, 7554.5, 7584.1, 7584.1, 7605.1, 7584.1, 7570.5, 313.24),
    ),
    "steady state of infusions over two intervals": (
        [{"CMT": 2, "ADDL": 12, "II": 6, "RATE": 8.3333, "SS": 1}],
        (15152, 15152, 15152, 15152, 15152, 15152, 15152, 1037.3),
    ),
    "steady state of infusions over an interval, F": (
        [{"CMT": 2, "ADDL": 8, "II": 10, "RATE": 4.12, "BIOAV": 0.412, "SS": 1}],
        (3745.5, 3745.5, 3745.5, 3745.5, 3745.5, 3745.5, 3745.5, 415.01),
    ),
    "steady state of infusions over an interval": (
        [{"CMT": 2, "ADDL": 8, "II": 10, "RATE": 10, "SS": 1}],
        (9090.9, 9090.9, 9090.9, 9090.9, 9090.9, 9090.9, 9090.9, 1007.3),
    ),
    "bolus, steady state, lag and F": (
        [{**IV, "LAGT": 4, "BIOAV": 0.412, "SS": 1}],
        (2810.9, 2255.8, 1713.4, 885.59, 2660.5, 1713.4, 1231.8, 144.21),
    ),
    "bolus, lag and F, on the hour": (
        [{**IV, "LAGT": 5, "BIOAV": 0.412}],
        (0, 1746.7, 1326.7, 685.71, 2610.3, 1681.1, 1208.6, 151.59),
    ),
    "bolus, then infusion": (
        [{"CMT": 2, "LAGT": 1}, {"TIME": 13, "AMT": 50, "II": 24, "ADDL": 2, "RATE": 24}],
        (4239.5, 3402.3, 2584.3, 2756.9, 2212.4, 1424.9, 2999.0, 86.893),
    ),
    "modeled duration, lag and F": (
        [{**IV, "RATE": -2, "DUR2": 9, "LAGT": 5, "BIOAV": 0.61}],
        (0, 937.22, 2193.3, 1313.7, 1054.3, 2872.3, 2315.4, 290.40),
    ),
    "modeled duration, steady state, F": (
        [{**IV, "RATE": -2, "DUR2": 9, "BIOAV": 0.61, "SS": 1}],
        (2371.3, 3119.8, 2634.3, 1691.3, 2574.1, 2634.3, 1893.9, 221.71),
    ),
    "reset and dose": (
        [
            {"ADDL": 2, "II": 12, "RATE": 50, "BIOAV": 0.61},
            {"TIME": 50, "EVID": 4, "AMT": 120, "ADDL": 3, "II": 12, "BIOAV": 0.5},
        ],
        (4321.2, 3533.3, 3865.0, 5252.2, 7416.4, 4788.2, 3442.3, 1064.5),
    ),
    "reset": (
        [
            {"ADDL": 3, "II": 12, "RATE": 50, "BIOAV": 0.61},
            {"TIME": 50, "EVID": 3, "AMT": 0, "CMT": 2},
            {"TIME": 54, "AMT": 120, "ADDL": 2, "II": 16},
        ],
        (4321.2, 3533.3, 3865.0, 5252.2, 7416.4, 5969.2, 7174.7, 878.84),
    ),
    "steady states 1 and 2": (
        [{"ADDL": 3, "II": 24, "SS": 1}, {"TIME": 12, "AMT": 50, "ADDL": 3, "II": 24, "SS": 2}],
        (5670.8, 4561.2, 6237.1, 7277.4, 6766.8, 6237.1, 4900.2, 573.67),
    ),
}

# What NONMEM prints on the record of a steady state itself.
AT_DOSES = {
    "infusion, steady state, lag and F": [1002.7],
    "bolus, steady state, lag and F": [935.66],
    "modeled duration, steady state, F": [1438.5],
    "steady states 1 and 2": [1891.9, 4606.4],
}


def one_compartment():
    """The model of the comparison, whose MODE says what RATE says too: -1 the rate is modeled, -2 the duration."""
    CL, V = pkpd.param("CL", 1.1, "L/h", "clearance"), pkpd.param("V", 20, "L", "volume")
    ka = pkpd.param("ka", 1.5, "1/h", "absorption")
    F, lag = pkpd.param("BIOAV", 1, "1", "bioavailability"), pkpd.param("LAGT", 0, "h", "lag")
    duration, rate = pkpd.param("DUR2", 2, "h", "duration"), pkpd.param("RAT2", 10, "mg/h", "rate")
    depot, central = pkpd.state("depot", "mg", "drug to absorb"), pkpd.state("central", "mg", "drug")
    return pkpd.Model(
        "one_compartment",
        time="h",
        rates={depot: -ka * depot, central: ka * depot - CL / V * central},
        outputs={"C": central / V},
        dosing={central: pkpd.Dosing(F=F, lag=lag, rate=rate, duration=duration)},
    )


def predicted(data):
    """Concentrations in ug/L at every record."""
    found = pkpd.predict(one_compartment(), data, outputs=["C"], on_failure="raise", rtol=1e-9)
    return found["C"].to_numpy() * 1000


@pytest.fixture(scope="module")
def concentrations():
    """All histories in one table, observations before the doses of their time."""
    frames = []
    for subject, (doses, _) in enumerate(HISTORIES.values(), start=1):
        rows = [{"TIME": t, "EVID": 0, "AMT": 0} for t in TIMES] + doses
        frame = pd.DataFrame([{**LEFT_OUT, "ID": subject, **row} for row in rows])
        frames.append(frame.sort_values("TIME", kind="stable"))
    data = pkpd.read_nonmem(pd.concat(frames), compartments={1: "depot", 2: "central"}, time="h")
    table = pd.DataFrame({"ID": data["ID"], "EVID": data["EVID"], "CP": predicted(data)})
    return {name: table[table.ID == i] for i, name in enumerate(HISTORIES, start=1)}


@pytest.mark.parametrize("name", HISTORIES)
def test_a_dosing_history_is_what_nonmem_makes_of_it(name, concentrations) -> None:
    found = concentrations[name]
    np.testing.assert_allclose(found.CP[found.EVID == 0], HISTORIES[name][1], rtol=DIGITS, atol=1e-6)
    if name in AT_DOSES:
        np.testing.assert_allclose(found.CP[found.EVID == 1], AT_DOSES[name], rtol=DIGITS)


def test_nmtest_of_nlmixr2data() -> None:
    if not NMTEST.exists():
        pytest.skip(f"{NMTEST} is not there")
    data = pkpd.read_nonmem(NMTEST, compartments={1: "depot", 2: "central"}, time="h")
    observed = data["EVID"] == 0
    printed, found = data["cp"], predicted(data)
    wrong = observed & (np.abs(found - printed) > DIGITS * np.abs(printed) + 1e-6)
    assert len(data.subjects) == 54
    assert not wrong.any(), f"histories {sorted(set(data['ID'][wrong]))} are not NONMEM's"
