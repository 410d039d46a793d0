"""Tables as people and programs write them: dates, clock times, decimals, comments, names, identifiers, occasions."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pkpd
from pkpd.records.columns import numbers

PK, VALUES = pkpd.load("pk_1cmt"), {"CL": 1.0, "V": 10.0}
CENTRAL = {1: "central"}


def read(text, tmp_path, name="records.csv", **options):
    (tmp_path / name).write_text(text, encoding="utf-8")
    return pkpd.read_nonmem(tmp_path / name, **options)


def frame(**columns):
    return pd.DataFrame({"ID": 1, **columns})


# ---- occasions


def test_sort_keeps_occasions_between_resets_apart() -> None:
    rows = frame(TIME=[10, 0, 0, 10], AMT=[0, 100, 50, 0], EVID=[0, 1, 4, 0])
    data = pkpd.read_nonmem(rows, compartments=CENTRAL, sort=True)
    assert list(data["TIME"]) == [0, 10, 0, 10]
    assert list(data["EVID"]) == [1, 0, 4, 0]
    found = pkpd.predict(PK, data, parameters=VALUES)["C"]
    np.testing.assert_allclose(found, [10, 10 * np.exp(-1), 5, 5 * np.exp(-1)], rtol=1e-7)


def test_sort_counts_the_resets_of_a_subject_whose_records_lie_apart() -> None:
    rows = pd.DataFrame(
        {"ID": [1, 2, 1, 1, 2], "TIME": [0, 0, 0, 3, 3], "AMT": [1, 2, 3, 0, 0], "EVID": [1, 1, 4, 0, 0]}
    )
    data = pkpd.read_nonmem(rows, sort=True)
    assert list(data["ID"]) == [1, 1, 1, 2, 2]
    assert list(data["AMT"]) == [1, 3, 0, 2, 0]


def test_sort_keeps_occasions_apart_that_OCC_numbers_and_whose_time_begins_again() -> None:
    rows = frame(TIME=[0, 1, 2, 0, 1, 2], AMT=[25, 0, 0, 50, 0, 0], EVID=[1, 0, 0, 1, 0, 0], OCC=[1, 1, 1, 2, 2, 2])
    data = pkpd.read_nonmem(rows.iloc[[0, 2, 1, 3, 5, 4]], compartments=CENTRAL, sort=True)
    assert list(data["EVID"]) == [1, 0, 0, 4, 0, 0]
    found = pkpd.predict(PK, data, parameters=VALUES)["C"]
    decay = np.exp(-0.1 * np.arange(3))
    np.testing.assert_allclose(found, [*(2.5 * decay), *(5 * decay)], rtol=1e-7)


def test_sort_goes_by_time_where_it_runs_on_over_occasions() -> None:
    rows = frame(TIME=[0, 24, 1, 25], AMT=[25, 50, 0, 0], EVID=[1, 1, 0, 0], OCC=[1, 2, 1, 2])
    data = pkpd.read_nonmem(rows, sort=True)
    assert list(data["TIME"]) == [0, 1, 24, 25]
    assert list(data["EVID"]) == [1, 0, 1, 0]


def test_sort_never_gives_the_doses_of_two_occasions_at_once() -> None:
    rows = frame(TIME=[0, 1, 2, 0, 1, 2], AMT=[25, 0, 0, 50, 0, 0], EVID=[1, 0, 0, 1, 0, 0])
    with pytest.raises(
        pkpd.DataError, match=r"row 4 .* sort=True would give its dose and that of row 1 at one time, 0"
    ):
        pkpd.read_nonmem(rows, sort=True)
    with pytest.raises(pkpd.DataError, match=r"row 4 .* goes back from 2 to 0 .* would give two of its doses at once"):
        pkpd.read_nonmem(rows)
    replicates = pd.concat([rows[:3], rows[:3].assign(ID=2), rows[:3]])
    with pytest.raises(pkpd.DataError, match=r"row 7 .* the ID comes again .* two of its doses at once.*another ID"):
        pkpd.read_nonmem(replicates)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"TIME": [0, 24, 3], "AMT": [5, 5, 0], "EVID": [1, 4, 0]},
            r"row 3 .* TIME is 3, before the reset of row 2 at 24, under which it stands",
        ),
        (
            {"TIME": [0, 5, 0, 5], "AMT": [5, 0, 0, 0], "EVID": [1, 0, 0, 0], "OCC": [1, 1, 2, 2]},
            r"row 3 \(ID 1\), column OCC: .* whose first record is an observation; put a reset \(EVID 3\) at time 0",
        ),
    ],
)
def test_what_cannot_be_sorted_is_refused_by_row(columns, message) -> None:
    with pytest.raises(pkpd.DataError, match=message):
        pkpd.read_nonmem(frame(**columns), sort=True)


# ---- identifiers


@pytest.mark.parametrize(
    ("one", "other"),
    [("90071992547409920", "90071992547409921"), ("100000000000000000000", "100000000000000000001"), ("1e20", "2e20")],
)
def test_long_identifiers_stay_apart_and_come_back(one, other, tmp_path) -> None:
    data = read(f"ID,TIME,AMT,DV\n{one},0,100,.\n{one},10,0,3\n{other},10,200,.\n", tmp_path)
    assert [str(s) for s in data.subjects] == [one, other]
    pkpd.write_nonmem(data, tmp_path / "again.csv")
    assert pkpd.read_nonmem(tmp_path / "again.csv") == data


@pytest.mark.parametrize("big", [2**53 + 1, 2**70])
def test_long_identifiers_in_a_data_frame(big) -> None:
    rows = pd.DataFrame({"ID": [big - 1, big], "TIME": 0})
    assert [str(s) for s in pkpd.read_nonmem(rows).subjects] == [str(big - 1), str(big)]
    with pytest.raises(pkpd.DataError, match=r"row 1, column ID: .* too long for double precision, which would merge"):
        pkpd.read_nonmem(rows.astype({"ID": float}))


def test_identifiers_in_NONMEMs_own_notation_are_whole_numbers(tmp_path) -> None:
    data = read("ID,TIME\n1.0000E+00,0\n 2.0000E+00,0\n", tmp_path)
    assert data.subjects.dtype.kind == "i"
    assert list(data.subjects) == [1, 2]


# ---- comments, and identifiers that begin with #


def test_identifiers_that_begin_with_a_hash_come_back(tmp_path) -> None:
    rows = pd.DataFrame(
        {"ID": ["#101", "#101", "102"], "TIME": [0, 1, 0], "AMT": [100, 0, 100], "SEX": ["m", None, "f"]}
    )
    data = pkpd.read_nonmem(rows)
    pkpd.write_nonmem(data, tmp_path / "again.csv")
    assert pkpd.read_nonmem(tmp_path / "again.csv") == data


def test_a_line_that_may_be_a_comment_or_a_record_is_refused_until_it_is_said(tmp_path) -> None:
    text = "# study 7\nID,TIME,DV\n# second visit\n1,0,5\n#2,0,6\n"
    with pytest.raises(pkpd.DataError, match=r"line 5 begins with '#' and has the fields of a record: say comment='#'"):
        read(text, tmp_path)
    assert list(read(text, tmp_path, comment="#").subjects) == [1]
    assert list(read(text.replace("# second visit\n", ""), tmp_path, comment="").subjects) == ["1", "#2"]
    assert list(read(text.replace("#2", "C2").replace("# s", "C s"), tmp_path, comment="C").subjects) == [1]
    with pytest.raises(pkpd.DataError, match=r"comment is '//'; expected one character"):
        read(text, tmp_path, comment="//")


# ---- separators, quotation marks, decimals


@pytest.mark.parametrize("mark", [",", ";", "\t", " "])
def test_a_separator_within_quotation_marks_is_part_of_the_text(mark, tmp_path) -> None:
    head = ["ID", "TIME", "DV", f'"RACE{mark} self{mark}reported{mark} or{mark} not"', "SITE", "WT"]
    row = ["1", "0", "5", "2", f'"Basel{mark} CH"', "70"]
    data = read("\n".join(mark.join(line) for line in (head, row)), tmp_path)
    assert list(data.covariates) == [head[3].strip('"').replace("\t", " " if mark == " " else "\t"), "SITE", "WT"]
    assert (data["SITE"][0], data["WT"][0]) == (f"Basel{mark} CH", 70)


def test_decimal_commas(tmp_path) -> None:
    text = "ID;TIME;AMT;DV;WT;SITE\n1;0;100;.;70,5;a,b\n1;10,5;0;3,6e-1;70,5;a,b\n"
    data = read(text, tmp_path)
    assert [*data["TIME"], data["DV"][1], data["WT"][0]] == [0, 10.5, 0.36, 70.5]
    assert data["SITE"][0] == "a,b"
    with pytest.raises(pkpd.DataError, match=r"row 2, column TIME: '10,5' has a decimal comma, and '3.6e-1' of"):
        read(text.replace("3,6e-1", "3.6e-1"), tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('ID,TIME,DV\n1,0,"5\n2,0,6\n', r"line 2 cannot be split into fields: unexpected end of data"),
        ("ID,TIME,DV\n1,0,5,6\n", r"row 1 \(line 2\) has 4 fields, more fields than the 3 names"),
        ("# nothing else\n", r"has no line of names"),
        (
            "ID,TIME,DV\n1,0," + "9" * 200_000 + "\n",
            r"line 2 cannot be split into fields: field larger than",
        ),
        ("TABLE NO. 1\nID TIME\n1 0\nTABLE NO. 2\nID TIME\n1 0\n", r"holds several tables \(TABLE NO. 1, 2\)"),
    ],
)
def test_files_that_cannot_be_read_are_refused_by_line(text, message, tmp_path) -> None:
    with pytest.raises(pkpd.DataError, match=message):
        read(text, tmp_path)


def test_a_table_that_NONMEM_wrote(tmp_path) -> None:
    page = "TABLE NO.  1\n ID          TIME        AMT         DV          EVID\n"
    first = "  1.0000E+00  0.0000E+00  1.0000E+02  0.0000E+00  1.0000E+00\n"
    second = "  1.0000E+00  1.0000E+01  0.0000E+00  3.6000E+00  0.0000E+00\n"
    data = read(page + first + page + second, tmp_path, "sdtab1")
    assert (list(data["TIME"]), list(data["AMT"]), list(data["EVID"])) == ([0, 10], [100, 0], [1, 0])


def test_texts_that_look_like_missing_numbers_come_back(tmp_path) -> None:
    data = pkpd.read_nonmem(frame(TIME=[0, 1, 2, 3, 4], GENE=["NaN", "null", "x", None, "N/A"]))
    assert list(data["GENE"]) == ["NaN", "null", "x", None, "N/A"]
    pkpd.write_nonmem(data, tmp_path / "again.csv")
    assert pkpd.read_nonmem(tmp_path / "again.csv") == data


# ---- dates and clock times


@pytest.mark.parametrize("text", ["8:00,18:30", "8,18.5", "08:00:00,18:30:00", "07:45,18:15"])
def test_clock_times_are_hours_since_the_first_record(text, tmp_path) -> None:
    first, second = text.split(",")
    data = read(f"ID,TIME,AMT,DV\n1,{first},100,.\n1,{second},0,3.5\n2,9:00,1,.\n", tmp_path)
    assert list(data["TIME"]) == [0, 10.5, 0]
    assert data.time == "h"


@pytest.mark.parametrize(
    ("column", "dates"),
    [
        ("DATE", ["12/31/2023", "1/1/2024", "03-01-24"]),
        ("DAT1", ["31/12/2023", "1/1/2024", "01-03-24"]),
        ("DAT2", ["2023/12/31", "2024/1/1", "24-03-01"]),
        ("DAT3", ["2023/31/12", "2024/1/1", "24-01-03"]),
        ("date", ["12/31/1999", "1/1/2000", "03/01/00"]),
        ("DATE", [10, 11, 71]),
        ("DATE", [datetime.date(2023, 12, 31), datetime.date(2024, 1, 1), datetime.date(2024, 3, 1)]),
        ("DATE", pd.to_datetime(["2023-12-31", "2024-01-01", "2024-03-01"])),
    ],
)
def test_dates_by_the_name_of_their_column(column, dates) -> None:
    rows = frame(**{column: dates}, TIME=["8:00", "10:00", "9:30"], AMT=[100, 0, 0])
    data = pkpd.read_nonmem(rows)
    assert list(data["TIME"]) == [0, 26, 24 * 61 + 1.5]
    assert not data.covariates


def test_moments_and_lengths_of_time_in_a_data_frame() -> None:
    moments = pd.to_datetime(["2024-01-01 08:00", "2024-01-02 10:00"])
    for time in (moments, moments - moments[0]):
        assert list(pkpd.read_nonmem(frame(TIME=time, AMT=[1, 0]))["TIME"]) == [0, 26]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            {"DATE": ["31/12/2023"] * 2, "TIME": "8:00"},
            r"row 1, column DATE: '31/12/2023' is no month/day/year.*DAT1",
        ),
        ({"DATE": ["12/31"] * 2, "TIME": 8}, r"row 1, column DATE: '12/31' is not a date; expected month/day/year"),
        ({"DATE": 1, "DAT2": 1, "TIME": [8]}, r"has the columns DATE and DAT2; leave one of them"),
        ({"DAT1": [1, None], "TIME": 8}, r"row 2, column DAT1: 'nan' is not a date"),
        ({"TIME": ["8:00", "25h"]}, r"row 2, column TIME: '25h' is not a clock time"),
        ({"TIME": ["18:30", "8:00"]}, r"row 2 \(ID 1\), column TIME: TIME goes back from 0 to -10.5 .* sort=True"),
        ({"DATE": 1, "TIME": pd.to_datetime(["2024-01-01"] * 2)}, r"TIME has dates of its own"),
    ],
)
def test_dates_and_times_that_are_none(columns, message) -> None:
    with pytest.raises(pkpd.DataError, match=message):
        pkpd.read_nonmem(frame(**columns))


def test_clock_times_are_not_given_to_a_model_in_days_before_their_unit_is_said() -> None:
    rows = frame(TIME=["8:00", "18:30"], AMT=[100, 0])
    with pytest.raises(pkpd.DataError, match=r"clock times, so it is in hours, and the model's time is in day"):
        pkpd.predict(PK, pkpd.read_nonmem(rows, compartments=CENTRAL))
    for unit in ("h", "day", "min"):
        found = pkpd.predict(PK, pkpd.read_nonmem(rows, compartments=CENTRAL, time=unit), parameters=VALUES)["C"]
        np.testing.assert_allclose(found, [10, 10 * np.exp(-10.5 / 240)], rtol=1e-7)


# ---- the unit of time


@pytest.mark.parametrize(("unit", "size"), [("h", 24.0), ("week", 1 / 7), ("day", 1.0)])
def test_a_table_in_another_unit_of_time_gives_what_the_same_in_the_models_does(unit, size) -> None:
    days = frame(
        TIME=[0, 3, 4, 5, 9], EVID=[1, 1, 1, 1, 0], AMT=[100, 20, 30, 40, 0], RATE=[50, 0, 0, -2, 0],
        DUR=[0, 0, 2, 0, 0], ADDL=[0, 2, 0, 0, 0], II=[0, 1.5, 0, 0, 0],
    )  # fmt: skip
    scaled = days.assign(TIME=days.TIME * size, DUR=days.DUR * size, II=days.II * size)
    scaled["RATE"] = np.where(days.RATE > 0, days.RATE / size, days.RATE)
    one = pkpd.read_nonmem(days, compartments=CENTRAL)
    other = pkpd.read_nonmem(scaled, compartments=CENTRAL, time=unit)
    values = {**VALUES, "D": 0.5}
    found = pkpd.predict(PK, other, parameters=values)
    np.testing.assert_allclose(found["C"], pkpd.predict(PK, one, parameters=values)["C"], rtol=1e-7)
    np.testing.assert_array_equal(found["TIME"], other["TIME"])
    assert other.time == unit
    assert other != one


@pytest.mark.parametrize("unit", ["mg", 3, "hr ago"])
def test_a_unit_of_time_is_one(unit) -> None:
    with pytest.raises(pkpd.UnitError):
        pkpd.read_nonmem(frame(TIME=[0]), time=unit)


# ---- Monolix's names, and what only looks like them


def test_an_infusion_time_and_an_administration_of_monolix(tmp_path) -> None:
    data = read("ID,TIME,AMT,TINF,ADM,Y\n1,0,100,2,2,.\n1,1,.,.,.,4.8\n", tmp_path)
    assert (list(data["DUR"]), list(data["CMT"]), data["DV"][1]) == ([2, 0], [2, 0], 4.8)
    assert not data.covariates
    found = pkpd.predict(PK, pkpd.read_nonmem(data.table, compartments={2: "central"}), parameters=VALUES)["C"]
    np.testing.assert_allclose(found, [0, 50 * (1 - np.exp(-0.1))], rtol=1e-7)


def test_a_dose_that_is_a_covariate_is_not_given() -> None:
    """Constant infusions at steady state, and the dose level of the group on every record."""
    rows = frame(TIME=[0, 1], EVID=[1, 0], RATE=[5, 0], SS=[1, 0], DOSE=30)
    with pytest.raises(pkpd.DataError, match=r"has the column DOSE and no AMT: say columns={'DOSE': 'AMT'} if"):
        pkpd.read_nonmem(rows)
    data = pkpd.read_nonmem(rows, columns={"DOSE": None})
    assert list(data.covariates) == ["DOSE"]
    assert list(data["AMT"]) == [0, 0]
    given = pkpd.read_nonmem(frame(TIME=[0, 1], DOSE=[30, 0], II=[2, 0], ADDL=[1, 0]), columns={"DOSE": "AMT"})
    assert list(given["AMT"]) == [30, 0]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"TINF": 1, "DUR": 1}, r"has both TINF \(Monolix\) and DUR; say which one is meant, .*{'TINF': None}"),
        ({"ADM": 1, "CMT": 1}, r"has both ADM \(Monolix\) and CMT"),
    ],
)
def test_names_of_two_programs_for_one_thing_are_refused(columns, message) -> None:
    with pytest.raises(pkpd.DataError, match=message):
        pkpd.read_nonmem(frame(TIME=[0], **columns))
    covariate, columns = next(iter(columns)), columns | {"AMT": [1]}
    assert list(pkpd.read_nonmem(frame(TIME=[0], **columns), columns={covariate: None}).covariates) == [covariate]


# ---- doses of nothing


def test_a_placebo_gets_nothing() -> None:
    rows = pd.DataFrame(
        {
            "ID": [1, 1, 2, 2, 3, 3],
            "TIME": [0, 10] * 3,
            "AMT": [0, 0, 100, 0, 0, 0],
            "EVID": [1, 0] * 3,
            "SS": [0, 0, 0, 0, 1, 0],
            "II": [0, 0, 0, 0, 24, 0],
        }
    )
    found = pkpd.predict(PK, pkpd.read_nonmem(rows, compartments=CENTRAL), parameters=VALUES, on_failure="raise")["C"]
    np.testing.assert_allclose(found, [0, 0, 10, 10 * np.exp(-1), 0, 0], atol=1e-9)


def test_an_interval_of_an_observation_is_refused_by_its_own_name() -> None:
    rows = frame(TIME=[0, 10], AMT=[100, 0], EVID=[1, 0], SS=[1, 0], II=[24, 24])
    with pytest.raises(pkpd.DataError, match=r"row 2 \(ID 1\), column II: II is 24; an observation has no interval"):
        pkpd.read_nonmem(rows)


def test_a_record_that_stands_for_too_many_doses_is_refused() -> None:
    rows = frame(TIME=[0, 10], EVID=[1, 0], AMT=[1, 0], DUR=[5, 0], SS=[1, 0], II=[1e-7, 0])
    with pytest.raises(pkpd.RegimenError, match=r"row 1 \(ID 1\), column II: II is 1e-07, so that .* 50000001 doses"):
        pkpd.predict(PK, pkpd.read_nonmem(rows, compartments=CENTRAL))
    rows = frame(TIME=[0, 10], EVID=[1, 0], AMT=[1, 0], ADDL=[2e9, 0], II=[1e-7, 0])
    with pytest.raises(pkpd.RegimenError, match=r"stands for 100000001 doses"):
        pkpd.predict(PK, pkpd.read_nonmem(rows, compartments=CENTRAL))


def test_a_steady_state_of_doses_too_close_to_be_told_apart_is_refused() -> None:
    """Just above the bound it is that of a constant infusion, of 1 mg/day at CL 1."""
    for interval in (1e-3, 1.1e-7):
        rows = frame(TIME=[0, 1], EVID=[1, 0], AMT=[interval, 0], SS=[1, 0], II=[interval, 0])
        found = pkpd.predict(PK, pkpd.read_nonmem(rows, compartments=CENTRAL), parameters=VALUES)["C"]
        np.testing.assert_allclose(found[0], interval / 10 / -np.expm1(-interval / 10), rtol=1e-7)
    rows = frame(TIME=[0, 1], EVID=[1, 0], AMT=[1e-9, 0], SS=[1, 0], II=[1e-9, 0])
    with pytest.raises(
        pkpd.RegimenError, match=r"row 1 \(ID 1\), column II: II is 1e-09, less than 1e-08 of the slowest"
    ):
        pkpd.predict(PK, pkpd.read_nonmem(rows, compartments=CENTRAL), parameters=VALUES)


# ---- arguments and values of a wrong kind


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        (None, {}, r"read_nonmem\(\) got None; expected the path of a file or a DataFrame"),
        (3, {}, r"read_nonmem\(\) got 3"),
        ("a\0b", {}, "there is no file|cannot be read"),
        ("x" * 5000, {}, "cannot be read"),
        (frame(TIME=[1 + 2j]), {}, r"row 1, column TIME: \(1\+2j\) is neither a number nor a text"),
        (frame(TIME=[0], X=[[1, 2]]), {}, r"row 1, column X: \[1, 2\] is neither a number nor a text"),
        (frame(TIME=[0], AMT=[10**400]), {}, r"row 1 \(ID 1\), column AMT: AMT is inf; expected a finite number"),
        (frame(TIME=[0], AMT=[10**5000]), {}, r"row 1, column AMT: the value is a whole number too long to be read"),
        (frame(TIME=[10**400]), {}, r"column TIME: TIME is inf"),
        (
            frame(TIME=[0], AMT=[1], II=[1], ADDL=[1e300]),
            {},
            r"column ADDL: ADDL is 1e\+300; expected at most",
        ),
        (frame(TIME=[0]), {"columns": {"TIME": pd.NA}}, r"columns has 'TIME': <NA>; expected"),
        (frame(TIME=[0]), {"columns": {pd.NA: "DV"}}, r"columns has <NA>: 'DV'; expected"),
        (frame(TIME=[0]), {"compartments": {10**30: "central"}}, r"a number above 2147483647"),
        (frame(TIME=[0]), {"compartments": {pd.NA: "central"}}, r"the number <NA>; expected whole numbers"),
        (frame(TIME=[pd.NA]), {}, r"column TIME: TIME is missing"),
        (pd.DataFrame({"ID": [pd.NA], "TIME": [0]}), {}, r"column ID: ID is missing"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else value[:20],
)
def test_each_wrong_argument_is_one_clear_error(source, options, message) -> None:
    with pytest.raises(pkpd.DataError, match=message):
        pkpd.read_nonmem(source, **options)


def test_missing_values_of_pandas_are_missing() -> None:
    rows = frame(TIME=[0, 1], DV=pd.array([pd.NA, 3], dtype="Int64"), AMT=pd.array([5, pd.NA], dtype="object"))
    data = pkpd.read_nonmem(rows.assign(EVID=[1, 0]))
    np.testing.assert_array_equal(data["DV"], [np.nan, 3])
    assert list(data["AMT"]) == [5, 0]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.ma.masked_array([1.0, 2.0], mask=[False, True]), "is a masked array"),
        (np.array([1 + 1j, 2]), "has complex numbers"),
        ([1, 10**400], "expected numbers, one for each subject"),
        ([1, "a"], "expected numbers, one for each subject"),
        ([1, np.nan], "is nan for ID 2"),
        ([1, 2, 3], "has the shape"),
        (10**400, "too large for a number"),
        (1 + 2j, r"CL' is \(1\+2j\); expected a number"),
        (pd.NA, "CL' is <NA>; expected a number"),
        ([[1, 2], [3]], "expected numbers, one for each subject"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_nothing_of_a_parameter_is_dropped_in_silence(value, message) -> None:
    data = pkpd.read_nonmem(pd.DataFrame({"ID": [1, 2], "TIME": 0, "AMT": 5}), compartments=CENTRAL)
    with pytest.raises(pkpd.ParameterError, match=message):
        pkpd.predict(PK, data, parameters={"CL": value})


def test_predictions_have_names_of_their_own() -> None:
    rows = frame(TIME=[0], AMT=[5], C=[1], C_predicted=[2], status=["x"], status_predicted=["y"])
    found = pkpd.predict(PK, pkpd.read_nonmem(rows, compartments=CENTRAL), outputs=["C", "central"])
    assert found.columns.is_unique
    assert list(found.columns)[-3:] == ["C_predicted_predicted", "central", "status_predicted_predicted"]
    assert found.attrs["units"] == {"C_predicted_predicted": "mg/L", "central": "mg"}


# ---- anything at all

CELLS = st.sampled_from(
    ["", ".", "0", "1", "2", "4", "-1", "-2", "1e400", "nan", "inf", "10:30", "1,5", "1.5", "#1", '"', '"a"b', "NA",
     "1_0", "TABLE NO. 1", "\u00b5", "\x00", "1e-320", "99999999999999999999", "0x1F", "1d2", "TIME", " ", "1/2/2024",
     "12:60"]
)  # fmt: skip
NAMES = st.sampled_from(
    ["ID", "TIME", "EVID", "AMT", "RATE", "DUR", "CMT", "ADDL", "II", "SS", "DV", "MDV", "OCC", "DATE", "DAT1", "TINF",
     "ADM", "DOSE", "Y", "WT", "", "id", "#ID", "CENS"]
)  # fmt: skip


def test_exponents_of_double_precision_stand_beside_any_other_number() -> None:
    found = numbers(np.array(["nan", "1d2", None, "inf", "3"], dtype=object))
    assert np.array_equal(found, [np.nan, 100.0, np.nan, np.inf, 3.0], equal_nan=True)
    assert numbers(np.array(["1d2", "1_0"], dtype=object)) is None
    assert numbers(np.array(["1d2", "x"], dtype=object)) is None


@given(data=st.data())
def test_any_file_is_read_or_refused_with_one_clear_error(data, tmp_path_factory) -> None:
    names = ["ID", "TIME", *data.draw(st.lists(NAMES, max_size=5))]
    mark = data.draw(st.sampled_from([",", ";", "\t", " "]))
    width = st.integers(max(len(names) - 1, 1), len(names) + 1)
    rows = [[data.draw(CELLS) for _ in range(data.draw(width))] for _ in range(data.draw(st.integers(0, 4)))]
    path = tmp_path_factory.mktemp("any") / "any.csv"
    path.write_text("\n".join(mark.join(line) for line in [names, *rows]), encoding="utf-8")
    try:
        records = pkpd.read_nonmem(path, sort=data.draw(st.booleans()))
    except pkpd.PkpdError:
        return
    pkpd.write_nonmem(records, path)
    assert pkpd.read_nonmem(path, time=records.time, columns=dict.fromkeys(records.covariates)) == records
