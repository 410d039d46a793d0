"""Tables of records: what is read, what is refused and where, and that nothing is lost on the way back."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pkpd
from tests.helpers import relative_error
from tests.oracles import absorbed, bolus_response, one_compartment_terms
from tests.strategies import tables_of_records

DATA = Path(__file__).parents[2] / "shared" / "data"


def read(text, tmp_path, **options):
    path = tmp_path / "records.csv"
    path.write_text(text, encoding="utf-8")
    return pkpd.read_nonmem(path, **options)


# ---- what is read


@pytest.mark.parametrize(
    "separator", [",", ";", "\t", " ", ", "], ids=["comma", "semicolon", "tab", "blank", "comma and blank"]
)
def test_columns_in_any_case_and_with_any_separator(separator, tmp_path) -> None:
    rows = [
        ["#Id", "time", "Amt", "dv", "WT", "sex"],
        ["1", "0", "100", ".", "70.5", "male"],
        ["1", "2", ".", "3.25", ".", "male"],
    ]
    data = read("\n".join(separator.join(row) for row in rows) + "\n", tmp_path)
    assert list(data["EVID"]) == [1, 0]
    assert list(data["MDV"]) == [1, 0]
    assert list(data["AMT"]) == [100, 0]
    np.testing.assert_array_equal(data["DV"], [np.nan, 3.25])
    np.testing.assert_array_equal(data["WT"], [70.5, np.nan])
    assert list(data["sex"]) == ["male", "male"]
    assert repr(data) == "<Records records.csv: 2 rows, 1 subjects>"


def test_a_data_frame_is_read_as_a_file_is(tmp_path) -> None:
    text = "ID,TIME,AMT,DV,SEX,WT\n1,0,100,.,m,70\n1,1,.,5,m,70\n2,0,.,1e-3,.,.\n"
    from_file = read(text, tmp_path)
    frame = pd.read_csv(tmp_path / "records.csv", dtype=str)
    assert pkpd.read_nonmem(frame) == from_file
    assert pkpd.read_nonmem(from_file.table) == from_file
    assert pickle.loads(pickle.dumps(from_file)) == from_file


def test_comments_and_empty_lines_are_skipped(tmp_path) -> None:
    data = read("ID,TIME,DV\n# from the second visit\n1,0,5\n\n1,1,6\n# end\n", tmp_path)
    assert list(data["DV"]) == [5, 6]
    assert data["ID"].dtype.kind == "i"


@pytest.mark.parametrize(
    ("row", "evid"),
    [
        ({"AMT": 5}, 1),
        ({"DV": 5}, 0),
        ({"MDV": 1}, 2),
        ({"RATE": 5, "SS": 1}, 1),
        ({"AMT": 0, "ADDL": 3, "II": 1}, 2),
    ],
)
def test_evid_follows_from_the_other_items(row, evid) -> None:
    frame = pd.DataFrame(
        [{"ID": 1, "TIME": 0, "DV": np.nan, "AMT": 0, "ADDL": 0, "II": 0, "SS": 0, "RATE": 0, "MDV": 0} | row]
    )
    assert list(pkpd.read_nonmem(frame)["EVID"]) == [evid]


def test_rxode_and_monolix_names() -> None:
    classic = pd.DataFrame({"ID": 1, "TIME": [0, 1, 2], "AMT": [5, 6, 0], "EVID": [101, 201, 0]})
    data = pkpd.read_nonmem(classic, compartments={1: "depot", 2: "central"})
    assert list(data["EVID"]) == [1, 1, 0]
    assert list(data["CMT"]) == [1, 2, 0]
    monolix = pd.DataFrame(
        {
            "ID": 1,
            "TIME": [0, 1],
            "DOSE": [5, np.nan],
            "ADDL": [1, np.nan],
            "II": [1, np.nan],
            "Y": [np.nan, 3],
            "YTYPE": [np.nan, 2],
        }
    )
    data = pkpd.read_nonmem(monolix)
    assert list(data["AMT"]) == [5, 0]
    assert list(data["DVID"][1:]) == [2]
    groups = pkpd.read_nonmem(pd.DataFrame({"ID": 1, "TIME": [0, 1], "DV": 1, "DOSE": 5}))
    assert list(groups.covariates) == ["DOSE"], "a DOSE without columns of dosing is a covariate"


def test_columns_under_other_names() -> None:
    frame = pd.DataFrame({"ANIMAL": ["a", "b"], "DAY": [0, 0], "CONC": [1, 2]})
    names = {"ANIMAL": "ID", "DAY": "TIME", "CONC": "DV"}
    data = pkpd.read_nonmem(frame, columns=names)
    assert list(data.subjects) == ["a", "b"]
    assert list(data["DV"]) == [1, 2]
    with pytest.raises(pkpd.UnknownNameError, match="no column 'CONCS'. Did you mean 'CONC'"):
        pkpd.read_nonmem(frame, columns={"CONCS": "DV"})
    with pytest.raises(pkpd.UnknownNameError, match="no data item 'DVI'. Did you mean 'DV"):
        pkpd.read_nonmem(frame, columns={"CONC": "DVI"})


def test_sort_brings_a_subject_together_and_keeps_the_order_at_one_time() -> None:
    frame = pd.DataFrame({"ID": [2, 1, 2, 2, 1], "TIME": [5, 1, 0, 5, 0], "DV": [1, 2, 3, 4, 5]})
    data = pkpd.read_nonmem(frame, sort=True)
    assert list(data["DV"]) == [3, 1, 4, 5, 2]


def test_records_are_frozen() -> None:
    data = pkpd.read_nonmem(pd.DataFrame({"ID": 1, "TIME": [0, 1], "DV": 1, "WT": 70}))
    with pytest.raises(ValueError, match="read-only"):
        data["WT"][0] = 0
    with pytest.raises(TypeError):
        data.covariates["WT"] = None
    with pytest.raises(pkpd.UnknownNameError, match="no column 'wt'. Did you mean 'WT'"):
        data["wt"]


# ---- what is refused, with row and column

HEAD = "ID,TIME,AMT,RATE,DUR,EVID,CMT,ADDL,II,SS,DV,MDV,CENS"
GOOD = "1,0,100,0,0,1,1,0,0,0,.,1,0"
REFUSED = {
    "text in AMT": ("1,1,lots,0,0,1,1,0,0,0,.,1,0", r"row 2, column AMT: 'lots' is not a number"),
    "a clock time": ("1,10:75,0,0,0,0,0,0,0,0,5,0,0", r"row 2, column TIME: '10:75' is not a clock time"),
    "no ID": (".,1,0,0,0,0,0,0,0,0,5,0,0", r"row 2 .*column ID: ID is missing"),
    "no TIME": ("1,.,0,0,0,0,0,0,0,0,5,0,0", r"row 2 \(ID 1\), column TIME: TIME is missing"),
    "time goes back": (
        "1,-2,0,0,0,0,0,0,0,0,5,0,0",
        r"row 2 \(ID 1\), column TIME: TIME goes back from 0 to -2 .*sort=True",
    ),
    "EVID 5": ("1,1,0,0,0,5,0,0,0,0,5,0,0", r"row 2 \(ID 1\), column EVID: EVID is 5; expected 0"),
    "EVID 1.5": ("1,1,0,0,0,1.5,0,0,0,0,5,0,0", r"row 2 \(ID 1\), column EVID: EVID is 1.5; expected a whole number"),
    "EVID 1 without a dose": ("1,1,.,0,0,1,1,0,0,0,.,1,0", r"row 2 \(ID 1\), column AMT: AMT is 0; a dose"),
    "EVID 1 with a rate alone": ("1,1,0,7,0,1,1,0,0,0,.,1,0", r"row 2 \(ID 1\), column AMT: AMT is 0; .* at a RATE"),
    "EVID 4 without a dose": ("1,1,.,0,0,4,1,0,0,0,.,1,0", r"row 2 \(ID 1\), column AMT: AMT is 0; a dose"),
    "a dose at EVID 0": ("1,1,7,0,0,0,1,0,0,0,5,0,0", r"row 2 \(ID 1\), column AMT: AMT is 7; .* gives no dose"),
    "a rate at EVID 2": ("1,1,0,7,0,2,1,0,0,0,.,1,0", r"row 2 \(ID 1\), column RATE: RATE is 7; .* gives no dose"),
    "a duration at EVID 3": ("1,1,0,0,7,3,1,0,0,0,.,1,0", r"row 2 \(ID 1\), column DUR: DUR is 7; .* gives no dose"),
    "negative AMT": ("1,1,-7,0,0,1,1,0,0,0,.,1,0", r"row 2 \(ID 1\), column AMT: AMT is -7; expected"),
    "infinite AMT": ("1,1,inf,0,0,1,1,0,0,0,.,1,0", r"row 2 \(ID 1\), column AMT: AMT is inf; expected a finite"),
    "RATE -3": ("1,1,7,-3,0,1,1,0,0,0,.,1,0", r"row 2 \(ID 1\), column RATE: RATE is -3; expected"),
    "RATE and DUR": (
        "1,1,7,3,2,1,1,0,0,0,.,1,0",
        r"row 2 \(ID 1\), column DUR: DUR is 2; give an infusion a RATE or a DUR",
    ),
    "negative ADDL": ("1,1,7,0,0,1,1,-3,4,0,.,1,0", r"row 2 \(ID 1\), column ADDL: ADDL is -3; expected"),
    "half an ADDL": ("1,1,7,0,0,1,1,0.5,4,0,.,1,0", r"row 2 \(ID 1\), column ADDL: ADDL is 0.5; expected a whole"),
    "ADDL without II": ("1,1,7,0,0,1,1,3,0,0,.,1,0", r"row 2 \(ID 1\), column ADDL: ADDL is 3; .* need an interval"),
    "II without ADDL or SS": ("1,1,7,0,0,1,1,0,4,0,.,1,0", r"row 2 \(ID 1\), column II: II is 4; .* needs ADDL or SS"),
    "negative II": ("1,1,7,0,0,1,1,3,-4,0,.,1,0", r"row 2 \(ID 1\), column II: II is -4; expected"),
    "ADDL of an observation": ("1,1,0,0,0,0,1,3,4,0,5,0,0", r"row 2 \(ID 1\), column ADDL: ADDL is 3; an observation"),
    "SS 4": ("1,1,7,0,0,1,1,0,4,4,.,1,0", r"row 2 \(ID 1\), column SS: SS is 4; expected"),
    "SS without II": ("1,1,7,0,0,1,1,0,0,1,.,1,0", r"row 2 \(ID 1\), column II: II is 0; a steady state"),
    "SS of an observation": ("1,1,0,0,0,0,1,0,0,1,5,0,0", r"row 2 \(ID 1\), column SS: SS is 1; only a dose"),
    "a constant infusion with II": ("1,1,0,7,0,1,1,0,4,1,.,1,0", r"row 2 \(ID 1\), column II: II is 4; .* constant"),
    "a constant infusion with RATE -2": (
        "1,1,0,-2,0,1,1,0,0,1,.,1,0",
        r"row 2 \(ID 1\), column RATE: RATE is -2; a const",
    ),
    "an unknown CMT": (
        "1,1,7,0,0,1,3,0,0,0,.,1,0",
        r"row 2 \(ID 1\), column CMT: CMT is 3; compartments has 1 \(depot\), 2",
    ),
    "an unknown CMT turned off": (
        "1,1,0,0,0,2,-3,0,0,0,.,1,0",
        r"row 2 \(ID 1\), column CMT: CMT is -3; compartments has",
    ),
    "a dose into a negative CMT": ("1,1,7,0,0,1,-1,0,0,0,.,1,0", r"row 2 \(ID 1\), column CMT: CMT is -1; a negative"),
    "CENS 2": ("1,1,0,0,0,0,1,0,0,0,5,0,2", r"row 2 \(ID 1\), column CENS: CENS is 2; expected -1, 0 or 1"),
    "MDV 7": ("1,1,0,0,0,0,1,0,0,0,5,7,0", r"row 2 \(ID 1\), column MDV: MDV is 7; expected 0 or 1"),
    "too many fields": ("1,1,0,0,0,0,1,0,0,0,5,0,0,9", r"fields"),
}


@pytest.mark.parametrize(("row", "message"), REFUSED.values(), ids=REFUSED)
def test_refused_with_row_and_column(row, message, tmp_path) -> None:
    with pytest.raises(pkpd.DataError, match=message):
        read(f"{HEAD}\n{GOOD}\n{row}\n", tmp_path, compartments={1: "depot", 2: "central"})


def test_the_good_row_beside_the_refused_ones_is_good(tmp_path) -> None:
    assert len(read(f"{HEAD}\n{GOOD}\n{GOOD}\n", tmp_path, compartments={1: "depot", 2: "central"})) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ID,TIME,DV,dv\n1,0,1,2\n", r"column 'DV' is there twice: 'DV' \(column 3\) and 'dv' \(column 4\)"),
        ("ID,TIME,WT,WT\n1,0,1,2\n", r"column 'WT' is there twice"),
        ("ID,DV\n1,0\n", r"has no column 'TIME'. It has ID, DV"),
        ("TIME,DV\n1,0\n", r"has no column 'ID'"),
        ("ID,,TIME\n1,0,0\n", r"column 2 has no name"),
        ("ID,TIME,DV\n", r"has no records"),
        ("ID,TIME\n1,0,5\n1,1,5\n", r"more fields than the 2 names"),
        ("ID,TIME,DV\n1,0,5\n2,0,5\n1,1,5\n", r"row 3 \(ID 1\), column ID: the ID comes again .*sort=True"),
    ],
)
def test_refused_tables(text, message, tmp_path) -> None:
    with pytest.raises(pkpd.DataError, match=message):
        read(text, tmp_path)


def test_a_table_is_written_whole_or_not_at_all(tmp_path, monkeypatch) -> None:
    data, path = pkpd.read_nonmem(pd.DataFrame({"ID": 1, "TIME": [0]})), tmp_path / "data.csv"
    pkpd.write_nonmem(data, path)
    before = path.read_text()

    def interrupted(table, target, **options):
        target.write_text("ID,TI")
        raise KeyboardInterrupt

    monkeypatch.setattr(pd.DataFrame, "to_csv", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pkpd.write_nonmem(data, path)
    assert path.read_text() == before
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(pkpd.DataError, match="there is no folder"):
        pkpd.write_nonmem(data, tmp_path / "none" / "data.csv")


def test_refused_files_and_compartments(tmp_path) -> None:
    with pytest.raises(pkpd.DataError, match="there is no file"):
        pkpd.read_nonmem(tmp_path / "none.csv")
    (tmp_path / "latin.csv").write_bytes("ID,TIME,SITE\n1,0,Z\xfcrich\n".encode("latin-1"))
    with pytest.raises(pkpd.DataError, match="not a text in UTF-8"):
        pkpd.read_nonmem(tmp_path / "latin.csv")
    frame = pd.DataFrame({"ID": 1, "TIME": [0]})
    with pytest.raises(pkpd.DataError, match="whole numbers of 1 or more"):
        pkpd.read_nonmem(frame, compartments={0: "depot"})
    with pytest.raises(pkpd.DataError, match=r"compartments\[1\] is 7"):
        pkpd.read_nonmem(frame, compartments={1: 7})


# ---- what predict refuses

MODEL = pkpd.load("pk_1cmt_oral")


def dosed(**columns):
    frame = pd.DataFrame({"ID": [4, 4], "TIME": [0, 5], "AMT": [0, 9]}).assign(**columns)
    return pkpd.read_nonmem(frame, compartments=columns.pop("compartments", None))


@pytest.mark.parametrize(
    ("columns", "parameters", "error", "message"),
    [
        (
            {"CMT": 7},
            {},
            pkpd.DataError,
            r"row 2 \(ID 4\), column CMT: pk_1cmt_oral has no compartment 7; it has 1 \(depot\), 2",
        ),
        (
            {"CMT": 2, "RATE": [0, -1]},
            {},
            pkpd.RegimenError,
            r"row 2 \(ID 4\): there is no rate for RATE -1 of 'central'",
        ),
        (
            {"RATE": [0, -2]},
            {"D": 0},
            pkpd.RegimenError,
            r"row 2 \(ID 4\): the duration for RATE -2 of 'depot' .* is 0; expected",
        ),
        (
            {"RATE": [0, -1]},
            {"R": -1},
            pkpd.RegimenError,
            r"row 2 \(ID 4\): the rate for RATE -1 of 'depot' .* is -1; expected",
        ),
        ({}, {"F": -0.5}, pkpd.RegimenError, r"row 2 \(ID 4\): the bioavailability of 'depot' .* is -0.5; expected"),
        ({}, {"tlag": -1}, pkpd.RegimenError, r"row 2 \(ID 4\): the lag of 'depot' .* is -1; expected"),
        ({}, {"CLL": 1}, pkpd.UnknownNameError, r"no parameter 'CLL'. Did you mean 'CL'"),
        ({"CL": ["low", "high"]}, {}, pkpd.DataError, r"row 1 \(ID 4\), column CL: 'low' is not a number"),
        ({"CL": np.nan}, {}, pkpd.DataError, r"row 1 \(ID 4\), column CL: the subject has no value of CL at all"),
    ],
)
def test_what_a_model_cannot_take_is_refused_by_row(columns, parameters, error, message) -> None:
    with pytest.raises(error, match=message):
        pkpd.predict(MODEL, dosed(**columns), parameters=parameters, bounds="ignore")


def test_an_unknown_state_behind_a_compartment() -> None:
    data = pkpd.read_nonmem(pd.DataFrame({"ID": 1, "TIME": [0], "AMT": 5}), compartments={1: "dept"})
    with pytest.raises(pkpd.UnknownNameError, match="no state or route 'dept'. Did you mean 'depot'"):
        pkpd.predict(MODEL, data)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"carry": "back"}, "carry is 'back'"),
        ({"on_failure": "stop"}, "on_failure is 'stop'"),
        ({"rtol": 2}, "rtol is 2"),
        ({"atol": 0}, "atol is 0"),
    ],
)
def test_options_are_checked(options, message) -> None:
    with pytest.raises(pkpd.SimulationError, match=message):
        pkpd.predict(MODEL, dosed(), **options)
    with pytest.raises(pkpd.SimulationError, match="got a DataFrame as the data; read it with"):
        pkpd.predict(MODEL, pd.DataFrame())


# ---- the table of predictions


def test_states_and_outputs_stand_beside_the_records() -> None:
    data = dosed(C=[1, 2], WT=70, DV=[np.nan, 3])
    found = pkpd.predict(MODEL, data, outputs=["C", "central"])
    assert list(found.columns) == [
        "ID",
        "TIME",
        "EVID",
        "MDV",
        "AMT",
        "DV",
        "C",
        "WT",
        "C_predicted",
        "central",
        "status",
    ]
    pd.testing.assert_frame_equal(found[data.table.columns], data.table)
    assert found.attrs["units"] == {"C_predicted": "mg/L", "central": "mg"}
    assert list(pkpd.predict(MODEL, data, outputs="depot").columns)[-2:] == ["depot", "status"]
    with pytest.raises(pkpd.UnknownNameError, match="no state or output 'Cp'"):
        pkpd.predict(MODEL, data, outputs=["Cp"])


def test_progress_reaches_the_end() -> None:
    seen: list[tuple[int, int]] = []
    pkpd.predict(MODEL, dosed(), progress=lambda done, of: seen.append((done, of)))
    assert seen[-1] == (1, 1)


# ---- there and back


@given(frame=tables_of_records())
def test_a_table_written_and_read_again_is_the_same(frame, tmp_path_factory) -> None:
    data = pkpd.read_nonmem(frame)
    path = tmp_path_factory.mktemp("records") / "records.csv"
    pkpd.write_nonmem(data, path)
    again = pkpd.read_nonmem(path)
    assert again == data
    pd.testing.assert_frame_equal(again.table, data.table)


@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_come_back_to_the_last_digit(value, tmp_path_factory) -> None:
    data = pkpd.read_nonmem(pd.DataFrame({"ID": 1, "TIME": [0.0], "DV": [value], "X": [value]}))
    path = tmp_path_factory.mktemp("records") / "records.csv"
    pkpd.write_nonmem(data, path)
    assert pkpd.read_nonmem(path)["X"][0] == value


def test_records_that_differ_are_not_equal() -> None:
    frame = pd.DataFrame({"ID": 1, "TIME": [0, 1], "DV": [1, 2], "WT": 70})
    data = pkpd.read_nonmem(frame)
    others = [frame.assign(DV=[1, 3]), frame.assign(WT=71), frame.drop(columns="WT"), frame.assign(WT="a")]
    assert all(pkpd.read_nonmem(other) != data for other in others)
    assert pkpd.read_nonmem(frame, compartments={1: "central"}) != data
    assert data != frame.to_numpy().tolist()


# ---- tables as they are published


def published(name, **options):
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{path} is not there")
    return pkpd.read_nonmem(path, **options)


ORAL = {1: "depot", 2: "central"}
PUBLISHED = {
    "nlmixr2data/theo_sd.csv": ("pk_1cmt_oral", ORAL, {}, 144, 12),
    "nlmixr2data/theo_md.csv": ("pk_1cmt_oral", ORAL, {}, 348, 12),
    "nlmixr2data/warfarin.csv": ("pk_1cmt_oral", {1: "depot"}, {}, 515, 32),
    "nlmixr2data/nimoData.csv": ("pk_2cmt", {1: "central"}, {}, 441, 12),
    "nlmixr2data/Infusion_2CPTMM.csv": ("pk_2cmt_mm", {1: "central"}, {}, 7920, 120),
    "erlotinib_gefitinib_lxf_xenograft/PK_LXF_erlo.csv": ("pk_1cmt_oral", {1: "depot"}, {}, 472, 22),
    "erlotinib_gefitinib_lxf_xenograft/PK_LXF_gefi.csv": ("pk_1cmt_oral", {1: "depot"}, {}, 216, 24),
    "erlotinib_gefitinib_lxf_xenograft/PKPD_ErloAndGefi_LXF.csv": (
        "pk_1cmt_oral",
        {1: "depot"},
        {"sort": True},
        1106,
        56,
    ),
}


@pytest.mark.parametrize(("name", "case"), PUBLISHED.items(), ids=[Path(n).stem for n in PUBLISHED])
def test_published_tables_run_as_they_are(name, case, tmp_path) -> None:
    model, compartments, options, rows, subjects = case
    data = published(name, compartments=compartments, **options)
    assert (len(data), len(data.subjects)) == (rows, subjects)
    found = pkpd.predict(pkpd.load(model), data, on_failure="raise")
    assert len(found) == rows
    assert np.isfinite(found["central"]).all()
    assert found["central"].max() > 0
    pkpd.write_nonmem(data, tmp_path / "again.csv")
    assert pkpd.read_nonmem(tmp_path / "again.csv", compartments=compartments) == data


def test_an_unsorted_published_table_is_refused_unless_sorted() -> None:
    with pytest.raises(pkpd.DataError, match=r"row 10 \(ID 4\), column TIME: TIME goes back from 30 to 28 .*sort=True"):
        published("erlotinib_gefitinib_lxf_xenograft/PKPD_ErloAndGefi_LXF.csv")


@pytest.mark.parametrize("name", ["theo_sd", "theo_md"])
def test_theophylline_against_superposition(name) -> None:
    data = published(f"nlmixr2data/{name}.csv", compartments=ORAL)
    values = {"CL": 2.8, "V": 32.0, "ka": 1.5}
    found = pkpd.predict(MODEL, data, parameters=values)
    terms = absorbed(one_compartment_terms(2.8, 32.0), 1.5)
    for subject in data.subjects:
        own = found[found.ID == subject]
        doses = own[own.EVID == 1]
        wanted = sum(
            bolus_response(terms, own.TIME.to_numpy() - t, a) for t, a in zip(doses.TIME, doses.AMT, strict=True)
        )
        late = own.TIME.to_numpy() > doses.TIME.min()
        assert relative_error(own.C.to_numpy()[late], wanted[late]) < 1e-6


def test_the_simulated_infusions_come_back_from_their_own_parameters() -> None:
    """The set was simulated with Michaelis-Menten elimination alone and a proportional error; without it, 0 bias."""
    data = published("nlmixr2data/Infusion_2CPTMM.csv", compartments={1: "central"})
    by_subject = {name: data[name][data.first_rows] for name in ("V", "VM", "KM", "Q", "V2")}
    parameters = {"V1": by_subject["V"], "Vmax": by_subject["VM"], "Km": by_subject["KM"], "CL": 0.0}
    found = pkpd.predict(pkpd.load("pk_2cmt_mm"), data, parameters=parameters)
    observed = found[(found.EVID == 0) & (found.DV > 0) & (found.C > 10)]
    assert abs(np.median(observed.DV / observed.C) - 1) < 0.02


def test_arguments_of_a_wrong_kind(tmp_path) -> None:
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(pkpd.DataError, match=r"empty\.csv is empty; expected the names of the data items"):
        pkpd.read_nonmem(tmp_path / "empty.csv")
    table = pd.DataFrame({"ID": 1, "TIME": [0]})
    with pytest.raises(pkpd.DataError, match=r"compartments is \['depot'\]; expected the states by number"):
        pkpd.read_nonmem(table, compartments=["depot"])
    with pytest.raises(pkpd.DataError, match=r"columns is \['DV'\]; expected {name in the table: data item}"):
        pkpd.read_nonmem(table, columns=["DV"])
    with pytest.raises(pkpd.DataError, match=r"write_nonmem\(\) got 3; expected records"):
        pkpd.write_nonmem(3, tmp_path / "a.csv")
    with pytest.raises(pkpd.SimulationError, match="threads is 0"):
        pkpd.predict(pkpd.load("pk_1cmt"), pkpd.read_nonmem(table), threads=0)
