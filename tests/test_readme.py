"""The README is a promise: its examples run, and print what it says."""

from __future__ import annotations

import ast
import contextlib
import doctest
import io
import re
import shlex
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from helpers import run_here

import pkpd

ROOT = Path(pkpd.__file__).parent.parent
README = ROOT / "README.md"
THEOPHYLLINE = ROOT.parent / "shared" / "data" / "nlmixr2data" / "theo_sd.csv"
OF_THEOPHYLLINE = re.compile(r"theo_sd\.csv|\bpooled\b")  # examples with a table that is not part of the repository
SAME = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE

pytestmark = pytest.mark.skipif(not README.exists(), reason="the README is in the checkout only")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(encoding="utf-8"), re.S)


def statements(block: str) -> list[tuple[str, str]]:
    """Each statement of a block, and the comment on the lines right below it."""
    lines, pairs = block.splitlines(), []
    for node in ast.parse(block).body:
        assert node.end_lineno is not None
        below = []
        for line in lines[node.end_lineno :]:
            if not line.startswith("#"):
                break
            below.append(line.removeprefix("#").removeprefix(" "))
        pairs.append(("\n".join(lines[node.lineno - 1 : node.end_lineno]), "\n".join(below)))
    return pairs


def execute(block: str, namespace: dict[str, object]) -> None:
    """Run a block; what it prints stands in the comment below each statement that prints."""
    for source, comment in statements(block):
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(source, "README.md", "exec"), namespace)
        got = printed.getvalue()
        if got or source.startswith("print("):
            assert doctest.OutputChecker().check_output(comment + "\n", got, SAME), f"{source}\nprinted\n{got}"


def test_examples_run_and_print_what_they_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {}
    for block in blocks("python"):
        if not OF_THEOPHYLLINE.search(block):
            execute(block, namespace)
    plt.close("all")
    assert {path.name for path in tmp_path.iterdir()} == {"tumor.png", "run.csv"}
    assert namespace["estimated"].estimates.loc["CL", "estimate"] == pytest.approx(0.4, rel=0.1)  # type: ignore[attr-defined]


def test_a_daily_grid_reads_cmax_lower_by_what_it_says() -> None:
    model, q4w = pkpd.load("durvalumab_baverel_2018"), pkpd.infusion("1500 mg", "iv", "1 h", every="4 weeks", n=13)
    common = {"times": np.arange(0.0, 365.0), "parameters": pkpd.population(model, n=200, seed=1)}
    peak = pkpd.simulate(model, q4w, reduce={"Cmax": ("C", "max")}, **common)["Cmax"]
    stored = pkpd.simulate(model, q4w, outputs=["C"], **common)["C"].max("time")
    lower = re.search(r"reads a Cmax (\d+) % lower", prose())
    assert lower is not None
    assert 100 * float(1 - (stored / peak).median()) == pytest.approx(float(lower[1]), abs=1)


@pytest.mark.skipif(not THEOPHYLLINE.exists(), reason="the shared data are not here")
def test_the_example_of_theophylline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / THEOPHYLLINE.name).symlink_to(THEOPHYLLINE)
    namespace: dict[str, object] = {"pkpd": pkpd}
    of_theophylline = [block for block in blocks("python") if OF_THEOPHYLLINE.search(block)]
    assert len(of_theophylline) == 2
    for block in of_theophylline:
        execute(block, namespace)
    table = namespace["table"]
    late = table[(table["EVID"] == 0) & (table["TIME"] > 0)]  # type: ignore[index]
    assert ((late["DV"] - late["C"]) ** 2).mean() < 0.5 * late[
        "DV"
    ].var()  # the hours of the table are those of the model


def test_an_example_that_prints_something_else_fails() -> None:
    execute("print(1 + 1)\n# 2\n", {})
    with pytest.raises(AssertionError, match="printed"):
        execute("print(1 + 1)\n# 3\n", {})
    with pytest.raises(AssertionError, match="printed"):
        execute("print(1 + 1)\n", {})


def test_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fits").symlink_to(ROOT / "fits")
    (block,) = blocks("sh")
    commands = [shlex.split(line, comments=True) for line in block.replace("\\\n", " ").splitlines()]
    assert len(commands) >= 8
    for program, *arguments in commands:
        assert program == "pkpd"
        code, out, err = run_here(capsys, *arguments)
        assert code == 0, (arguments, err)
    plt.close("all")
    assert {"troughs", "pages", "run.csv", "sweep.nc", "sweep.png", "fit"} <= {path.name for path in tmp_path.iterdir()}
    assert claimed_of_the_fit(prose()) == claimed_of_the_fit_by(out)


def claimed_of_the_fit(text: str) -> list[float]:
    """The optima, alpha with its interval, the two standard deviations and the largest residual."""
    claim = re.search(
        r"(\w+) searches end in one optimum. alpha is ([\d.]+) /Gy, from ([\d.]+) to ([\d.]+) by profile likelihood.*?"
        r"by ([\d.]+) mm\^3 and ([\d.]+) %, no value by more than ([\d.]+) standard",
        text,
        re.S,
    )
    assert claim is not None
    return [{"eight": 8.0}[claim[1]], *(float(number) for number in claim.groups()[1:])]


def claimed_of_the_fit_by(report: str) -> list[float]:
    """The same numbers in the report of the command, rounded as the text has them."""

    def number(pattern: str) -> float:
        return float((re.search(pattern, report) or pytest.fail(report))[1])

    largest = max(abs(float(value)) for value in re.findall(r"Gy .* ([+-][\d.]+) +[\d.]+$", report, re.M))
    return [
        number(r"(\d+) starts ended in 1 optimum"),
        round(number(r"  alpha +([\d.]+)"), 2),
        round(number(r"alpha is between ([\d.]+)"), 2),
        round(number(r"alpha is between [\d.]+ 1/Gy and ([\d.]+)"), 2),
        round(number(r"sd_additive\[V\] +([\d.]+)")),
        round(100 * number(r"sd_proportional\[V\] +([\d.]+)")),
        round(largest, 1),
    ]


def test_the_study_that_it_prints_is_the_one_that_is_run() -> None:
    for block, name in zip(blocks("toml"), ("mc38_radiation", "durvalumab_troughs"), strict=True):
        assert block == (ROOT / "fits" / f"{name}.toml").read_text(encoding="utf-8")


def prose() -> str:
    return README.read_text(encoding="utf-8")


def test_it_names_every_model_and_no_other() -> None:
    library = prose().partition("## The library")[2].partition("\n## ")[0]
    named = set(re.findall(r"`([a-z0-9_]+)`", library.partition("|---|---|")[2]))
    assert named == set(pkpd.catalog().index)


def test_it_names_folders_that_are_there() -> None:
    """And every room of the package."""
    table = prose().partition("## What is here")[2].partition("\n## ")[0].partition("|---|---|")[2]
    first = [line.split("|")[1] for line in table.strip().splitlines()]
    named = {name for cell in first for name in re.findall(r"`([\w./]+)`", cell)}
    for name in named:
        assert (ROOT / name).exists() or (ROOT / "pkpd" / name).exists(), name
    rooms = {path.parent.name for path in (ROOT / "pkpd").glob("*/__init__.py")}
    assert rooms <= {name.removeprefix("pkpd/").rstrip("/") for name in named}
