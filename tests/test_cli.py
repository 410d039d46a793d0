"""The command line: what it prints where, its exit codes, and one message for each mistake."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers import run_here

import pkpd
from pkpd.cli import parsing
from pkpd.errors import ParameterError, RegimenError, SimulationError
from pkpd.treatment.typed_doses import MOST_DOSES, parse_dose, parse_regimen
from pkpd.treatment.typed_times import parse_times


def command(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "pkpd", *arguments], capture_output=True, text=True, cwd=cwd)


# ---- what is typed


def test_doses_as_text() -> None:
    regimen = parse_dose("1500 mg iv over 1 h every 28 x 13")
    assert regimen == pkpd.infusion("1500 mg", "iv", "1 h", every=28, n=13)
    assert parse_dose("2 Gy radiation at 7,8.5 over 0.001") == pkpd.infusion("2 Gy", "radiation", "0.001", at=[7, 8.5])
    assert parse_dose("1.333 ip") == pkpd.bolus("1.333", "ip")
    assert parse_dose("10mg sc at 3") == pkpd.bolus("10 mg", "sc", at=3)
    assert parse_dose("5 mg iv over 2 every 7 x 2") == pkpd.infusion("5 mg", "iv", "2", every=7, n=2)


@pytest.mark.parametrize("text", ["", "mg iv", "1500", "1500 mg iv every 28", "1500 mg iv; rm", "5 mg iv at x"])
def test_what_is_no_dose(text: str) -> None:
    with pytest.raises(RegimenError, match="not understood; expected something like '1500 mg iv over 1 h"):
        parse_dose(text)


def test_clauses_stand_in_any_order_and_times_carry_units() -> None:
    typed = parse_dose("1500 mg iv every 4 weeks x 3 at 36 h over 1 h", "day")
    assert typed == pkpd.infusion("1500 mg", "iv", "1 h", at=1.5, every=28, n=3)
    assert parse_dose("5 mg iv at 0,8,16 h", "h") == pkpd.bolus("5 mg", "iv", at=[0, 8, 16])
    assert parse_dose("5 mg iv at 1 day,36 h", "h") == pkpd.bolus("5 mg", "iv", at=[24, 36])
    assert parse_dose("5 mg iv every 12 h x 2", "day") == pkpd.bolus("5 mg", "iv", every=0.5, n=2)
    assert parse_dose("1e3 cell/L til every 2x3") == pkpd.bolus("1000 cell/L", "til", every=2, n=3)
    with pytest.raises(SimulationError, match="is '8 h'; expected a number without a unit here"):
        parse_dose("5 mg iv at 8 h")
    with pytest.raises(pkpd.UnitError, match="'hours_' is not a unit"):
        parse_dose("5 mg iv at 8 hours_", "day")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("5 mg iv at 7,8 ovr 0.001", "'ovr' is none of at, over and every; did you mean 'over'?"),
        ("5 mg iv evry 7 x 3", "'evry' is none of at, over and every; did you mean 'every'?"),
        ("5 mg iv at 3 at 4", "'at' stands in it twice."),
        ("5 mg iv over", "nothing stands after 'over'."),
        ("5 mg iv every 7", "after 'every' stands '7', not INTERVAL x N."),
        ("5 mg iv at 7,,8", "'' is no time."),
        ("mg iv", "it begins with no amount."),
        ("1500", "it names no route."),
    ],
)
def test_a_dose_that_is_not_understood_is_explained(text: str, why: str) -> None:
    with pytest.raises(RegimenError) as refused:
        parse_dose(text, "day")
    assert str(refused.value).endswith(f": {why}")


def test_a_long_dose_costs_no_more_than_its_length() -> None:
    """A grammar with nested repetitions takes time exponential in the number of times."""
    began = time.perf_counter()
    numbers = ",".join(map(str, range(5000)))
    for wrong in (
        f"5 mg{'1' * 900} iv",
        f"5 mg iv at 3 h{'1' * 900}",
        f"2 Gy radiation at {numbers} ovr 0.001",
        f"{'1' * 100_000}x iv at",
        f"2 Gy {'a ' * 50_000}!",
    ):
        with pytest.raises(RegimenError, match="not understood") as refused:
            parse_dose(wrong, "day")
        assert len(str(refused.value)) < 400
    assert time.perf_counter() - began < 2


@pytest.mark.parametrize("count", [str(MOST_DOSES + 1), "1000000", "9" * 5000])
def test_a_regimen_that_is_typed_has_an_end(count: str) -> None:
    with pytest.raises(RegimenError, match=f"doses; expected at most {MOST_DOSES:,} on the command line"):
        parse_dose(f"5 mg iv every 7 x {count}")
    with pytest.raises(RegimenError, match="asks for 12,000 doses"):
        parse_regimen(["5 mg iv every 7 x 6000"] * 2)


def test_times_and_axes_as_text() -> None:
    np.testing.assert_allclose(parse_times("0:1:0.1", "--times"), np.linspace(0, 1, 11))
    np.testing.assert_allclose(parse_times("0,3,9", "--times"), [0, 3, 9])
    np.testing.assert_allclose(parse_times("0,8 h,1 week", "--times", "day"), [0, 1 / 3, 7])
    np.testing.assert_allclose(parse_times("0:1:8 h", "--times", "day"), [0, 1 / 3, 2 / 3, 1])
    ensemble = parsing.parse_axes(["a=1:100:3:log", "b=1,2"])
    np.testing.assert_allclose(ensemble.columns["a"][1], [1, 10, 100])
    assert ensemble.dims == ("a", "b")


@pytest.mark.parametrize("text", ["0:5", "5:0:1", "0:1:0", "a", "0:1e9:1e-9", "0:1:2:3", "", "8 h", "0:inf:1"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(SimulationError, match="--times is '"):
        parse_times(text, "--times")


@pytest.mark.parametrize("text", ["a", "a=", "a=1:2", "a=0:1:3:log", "a=1:2:3:lin", "a=1:2:0", "a=x"])
def test_what_is_no_axis(text: str) -> None:
    with pytest.raises(ParameterError):
        parsing.parse_axes([text])


# ---- commands


def test_help_shows_the_syntax_of_doses_and_the_version() -> None:
    syntax = "AMOUNT [UNIT] ROUTE [at T,T,...] [over DURATION] [every INTERVAL x N]"
    assert syntax in command("--help").stdout
    words = " ".join(command("simulate", "--help").stdout.replace("│", " ").split())
    assert syntax in words
    assert command("--version").stdout.split(",")[0] == f"pkpd {pkpd.__version__}\n".strip()


def test_a_time_with_a_unit_is_that_of_the_model(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    typed = run_here(capsys, "simulate", "pk_1cmt", "--dose", "10 mg iv every 12 h x 2", "--times", "0:1:6 h")
    plain = run_here(capsys, "simulate", "pk_1cmt", "--dose", "10 mg iv every 0.5 x 2", "--times", "0:1:0.25")
    assert typed == plain
    assert typed[0] == 0
    result, figure = str(tmp_path / "sweep.nc"), str(tmp_path / "sweep.svg")
    sweep = ["sweep", "pk_1cmt", "--grid", "CL=0.1,0.2", "--dose", "10 mg iv", "--times", "0:1:6 h", "--out", result]
    assert run_here(capsys, *sweep)[0] == 0
    plot = ["plot", result, "--output", "C", "--kind", "response", "--x", "CL", "--at", "12 h", "--out", figure]
    assert run_here(capsys, *plot)[0] == 0


def test_what_no_memory_can_hold_is_one_message(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_large(*arguments: object, **options: object) -> None:
        raise MemoryError

    monkeypatch.setattr(pkpd, "simulate", too_large)
    code, out, err = run_here(capsys, "simulate", "pk_1cmt")
    assert (code, out) == (1, "")
    assert (
        err == "error: there is not enough memory for this. Ask for less with --times, --outputs, --grid or --sample.\n"
    )


def test_the_module_and_the_script_are_the_same() -> None:
    done = command("catalog", "--csv")
    assert done.returncode == 0
    assert done.stderr == ""
    assert "kosinsky_2018" in set(pd.read_csv(io.StringIO(done.stdout))["name"])


def test_show_prints_equations_parameters_and_sources(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run_here(capsys, "show", "kuznetsov_1994")
    assert (code, err) == (0, "")
    assert "dT/dt = " in out
    assert "BIOMD0000000762" in out
    assert "cell/day" in out


def test_simulate_writes_csv_to_stdout_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run_here(
        capsys,
        "simulate",
        "durvalumab_baverel_2018",
        "--dose",
        "1500 mg iv over 1 h every 28 x 13",
        "--times",
        "0,28,364",
    )
    assert (code, err) == (0, "")
    table = pd.read_csv(io.StringIO(out))
    np.testing.assert_allclose(table["C"], [0, 70.44, 125.9], rtol=1e-3)


def test_sweep_then_plot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = str(tmp_path / "sweep.nc")
    code, out, err = run_here(
        capsys, "sweep", "kosinsky_2018", "--grid", "S_L=2:20:4:log", "--grid", "K_D=10,30",
        "--dose", "2 Gy radiation at 7,8,9,10,11 over 0.001", "--dose", "1.333 nmol ip at 7,9,11",
        "--times", "0:30:2", "--outputs", "V", "--out", result,
    )  # fmt: skip
    assert code == 0
    assert out == ""
    assert "wrote" in err
    assert dict(pkpd.read_result(result)["V"].sizes) == {"S_L": 4, "K_D": 2, "time": 16}
    for kind, more in {"heat": ["--x", "S_L", "--y", "K_D"]}.items():
        figure = tmp_path / f"{kind}.png"
        code, out, err = run_here(capsys, "plot", result, "--output", "V", "--kind", kind, *more, "--out", str(figure))
        assert code == 0, err
        assert figure.stat().st_size > 5000


def test_a_sample_is_swept_and_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = str(tmp_path / "sample.nc")
    arguments = ["sweep", "kosinsky_2018", "--sample", "20", "--seed", "3", "--times", "0:30:2", "--outputs", "V"]
    code, _, err = run_here(capsys, *arguments, "--out", result)
    assert code == 0, err
    for kind in ("time", "spaghetti", "waterfall"):
        figure = tmp_path / f"{kind}.svg"
        code, _, err = run_here(capsys, "plot", result, "--output", "V", "--kind", kind, "--out", str(figure))
        assert code == 0, err
        assert figure.stat().st_size > 5000


def test_fit_reports_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "growth.csv"
    times = np.arange(8, 20, 2.0)
    rows = [f"control,{t},V,{100 * np.exp(0.3 * (t - 8))},{5}" for t in times]
    data.write_text("# simulated\narm,time,output,value,sd\n" + "\n".join(rows) + "\n")
    code, out, err = run_here(
        capsys, "fit", "radiotherapy_lq", "--data", str(data), "--free", "kg=0.01:1", "--free", "T0=0.1:100:log",
        "--set", "Tmax=1e9", "--out", str(tmp_path / "fit"),
    )  # fmt: skip
    assert code == 0, err
    assert "kg" in out
    estimates = pd.read_csv(tmp_path / "fit" / "estimates.csv", index_col=0)
    assert float(estimates.loc["kg", "estimate"]) == pytest.approx(0.3, rel=1e-4)
    assert {p.name for p in (tmp_path / "fit").iterdir()} == {"report.txt", "estimates.csv", "residuals.csv", "fit.png"}


def test_an_arm_may_have_a_number_sign(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Lines that begin with # are comments; a # within a name is not."""
    data = tmp_path / "arms.csv"
    rows = [f"mouse #3,{t},C,{10 * np.exp(-t / 3)},1" for t in (1, 2, 4)]
    data.write_text("# simulated\narm,time,output,value,sd\n" + "\n".join(rows) + "\n")
    dose = ["--dose", "mouse #3: 30 mg iv"]
    code, out, err = run_here(capsys, "fit", "pk_1cmt", "--data", str(data), "--free", "CL", *dose)
    assert code == 0, err
    assert "mouse #3" in out


def test_numbers_without_a_course_are_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = pkpd.load("pk_1cmt")
    run = pkpd.simulate(
        model, pkpd.bolus(1, "iv"), times=[0, 1, 2], parameters=pkpd.grid(CL=[0.1, 0.2]), reduce={"top": ("C", "max")}
    )
    pkpd.write_result(run, tmp_path / "run.nc")
    figure = tmp_path / "top.svg"
    command = ["plot", str(tmp_path / "run.nc"), "--output", "top", "--kind", "response", "--x", "CL"]
    code, _, err = run_here(capsys, *command, "--out", str(figure))
    assert code == 0, err
    assert figure.stat().st_size > 5000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "kosinsky"], "no model 'kosinsky'. Did you mean 'kosinsky_2018'"),
        (["simulate", "kosinsky_2018", "--set", "SL=3"], "no parameter 'SL'. Did you mean 'S_L'"),
        (["simulate", "kosinsky_2018", "--set", "S_L=nan"], "expected a number"),
        (["simulate", "kosinsky_2018", "--dose", "2 Gy radiation at 7"], "give each dose a duration"),
        (["simulate", "kosinsky_2018", "--dose", "2 mg radiation over 1"], "cannot be converted to Gy"),
        (["simulate", "kosinsky_2018", "--dose", "2 nmol iv"], "no route 'iv'"),
        (["simulate", "kosinsky_2018", "--dose", "2 nmol ip at -3"], "at time -3"),
        (["simulate", "kosinsky_2018", "--outputs", "v"], "Did you mean 'V'"),
        (["simulate", "kosinsky_2018", "--out", "/nonexistent/run.csv"], "there is no folder '/nonexistent'"),
        (["simulate", "kosinsky_2018", "--out", "run.xlsx"], "ends in .nc or .csv"),
        (["simulate", "kosinsky_2018", "--method", "cvode"], "no method 'cvode'"),
        (["sweep", "kosinsky_2018"], "nothing to sweep"),
        (["sweep", "kuznetsov_1994", "--sample", "5"], "declares no variability"),
        (["simulate", "kosinsky_2018", "--times", "0:1e12:1e-3"], "which is 1e+15 times; expected at most 10,000,000"),
        (["simulate", "kosinsky_2018", "--times", "0,3 mg"], "a time of --times is 3 mg, which cannot be converted"),
        (["sweep", "kosinsky_2018", "--sample", "1000000000000"], "1,000,000,000,000 members x 53 times x 13 outputs"),
        (
            ["sweep", "kosinsky_2018", *(f"--grid={p}=1:2:10000000" for p in ("S_L", "K_D"))],
            "Ask for less with --times",
        ),
        (["plot", "missing.nc", "--output", "V"], "there is no file 'missing.nc'"),
        (["fit", "kosinsky_2018", "--data", "missing.csv", "--free", "S_L"], "there is no file 'missing.csv'"),
    ],
)
def test_a_mistake_gives_one_message(
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run_here(capsys, *arguments)
    assert code == 1
    assert out == ""
    assert err.startswith("error: ")
    assert message in err
    assert len(err.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_missing_column_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "wrong.csv"
    data.write_text("arm,time,output,volume,sd\ncontrol,1,V,3,1\n")
    code, _, err = run_here(capsys, "fit", "radiotherapy_lq", "--data", str(data), "--free", "kg")
    assert code == 1
    assert "'value'" in err
    assert "wrong.csv" in err


def test_no_traceback_from_the_script() -> None:
    done = command("simulate", "kosinsky_2018", "--set", "S_L=much")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    wrong_usage = command("simulate")
    assert wrong_usage.returncode == 2


def test_failed_members_have_an_exit_code(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, _, err = run_here(
        capsys,
        "sweep",
        "kuznetsov_1994",
        "--grid",
        "b=1e300,2e-9",
        "--times",
        "0,100",
        "--out",
        str(tmp_path / "r.nc"),
    )
    assert code == 3
    assert "1 of 2 members failed" in err


def test_a_closed_pipe_is_no_error() -> None:
    script = f"{sys.executable} -m pkpd simulate kuznetsov_1994 --times 0:5000:0.05 | head -1"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    assert done.stdout.startswith("time,")
    assert "Traceback" not in done.stderr
    assert "error" not in done.stderr


def test_an_interrupt_is_reported(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pkpd, "simulate", interrupted)
    code, _, err = run_here(capsys, "simulate", "pk_1cmt")
    assert (code, err) == (130, "interrupted; no partial files were written\n")


def test_a_file_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise OSError(28, "No space left on device", "another")

    run = pkpd.simulate(pkpd.load("pk_1cmt"), times=[0.0])
    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    with pytest.raises(pkpd.DataError, match=r"cannot write '.*run\.csv': No space left on device\.$"):
        pkpd.write_result(run, tmp_path / "run.csv")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("module", "arguments", "message"),
    [
        ("phenomena", ["--draws", "0"], "--draws is 0; expected 1 or more"),
        ("phenomena", ["fates", "--out", __file__], f"error: {__file__}: File exists"),
        ("durvalumab_population", [], "the following arguments are required: DIR"),
        ("durvalumab_population", [__file__, "9"], f"error: {__file__}: File exists"),
    ],
)
def test_the_examples_end_with_one_message(module: str, arguments: list[str], message: str) -> None:
    command = [sys.executable, "-m", f"pkpd.fits.{module}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode in (1, 2)
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("parse", "message"),
    [
        (lambda: parse_times("nan:1:1", "--times"), "--times is 'nan:1:1'; a step of 1 does not lead"),
        (lambda: parsing.parse_axes(["CL=1:inf:3"]), "'1:inf:3'; expected finite ends, and 1 to 10 million points"),
        (lambda: parsing.parse_axes(["CL=1:2:999999999"]), "expected finite ends, and 1 to 10 million points"),
        (lambda: parsing.parse_axes(["CL=nan,2"]), "the axis 'CL' of a grid holds nan"),
    ],
)
def test_numbers_without_end(parse: Any, message: str) -> None:
    with pytest.raises(pkpd.PkpdError, match=message):
        parse()


def test_a_value_is_given_once(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run_here(capsys, "simulate", "pk_1cmt", "--set", "CL=1", "--set", "CL=2")
    assert (code, err) == (1, "error: --set gives 'CL' twice.\n")
    data = str(Path(pkpd.__file__).parent.parent / "fits" / "data" / "mc38_radiation.csv")
    code, _, err = run_here(capsys, "fit", "radiotherapy_lq", "--data", data, "--free", "kg", "--free", "kg=0.1:1")
    assert (code, err) == (1, "error: --free gives 'kg' twice.\n")
