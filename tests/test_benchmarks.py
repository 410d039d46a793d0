"""The benchmarks measure what they say: the same work for everyone, and a true error.  Speed is data, never a test."""

from __future__ import annotations

import csv
import platform
import re
import shutil
import sys
import tomllib
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import sympy
from fake_cuda import forget_cards

from benchmarks import callgrind, gpu, install, instructions, interruptions, shapes
from benchmarks.__main__ import main
from benchmarks.accuracy import Error, ensemble_error
from benchmarks.cases import CASES, find
from benchmarks.comparison import RTOL, Comparison, comparison_table
from benchmarks.drawing import draw_precision, draw_scaling
from benchmarks.equations import antimony_text, scalar_rates
from benchmarks.machine import circumstances
from benchmarks.peers import OURS, PEERS, Job, Peer, amici_peer, scipy_peer
from benchmarks.report import begun, with_recorded_cases
from benchmarks.rounds import ROOT, Failure, Measurement, Task, Worker, hired, measured
from benchmarks.scale import QUICK
from benchmarks.tables import Table, write_csv
from pkpd import simulate
from pkpd.solvers.compiled.target import this_target
from pkpd.solvers.equations.numpy_code import numpy_code
from pkpd.solvers.solve import solve

NUMPY = Peer("pkpd", "numpy", "ours")
on_linux = pytest.mark.skipif((sys.platform, platform.machine()) != ("linux", "x86_64"), reason="for Linux on x86")
every_case = pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))


@every_case
def test_the_first_members_are_the_same_in_any_ensemble(case):
    few, many = case.parameters(3), case.parameters(10_002)
    np.testing.assert_array_equal(few, many[:, :3])
    assert not (many[:, 10_000:] == many[:, :2]).all()
    varied = (many != many[:, :1]).any(axis=1)
    assert {name for name, v in zip(case.system.parameters, varied, strict=True) if v} == set(case.spread)


@every_case
def test_parameters_have_the_means_and_spreads_declared(case):
    varied = case.varied(10_000)
    for name, cv in case.spread.items():
        assert varied[name].mean() == pytest.approx(case.model[name].value, rel=0.05)
        assert varied[name].std() / varied[name].mean() == pytest.approx(cv, rel=0.08)


@every_case
def test_the_reference_starts_where_the_members_start(case):
    assert case.reference.shape == (100, len(case.times), len(case.system.states))
    np.testing.assert_allclose(case.reference[:, 0], case.starts(case.parameters(100)).T, rtol=1e-14)


@every_case
def test_the_oracle_meets_the_reference(case):
    found = solve(case.problem(2, 1e-9), "scipy")
    assert ensemble_error(found.states, case.reference).worst < 1e-6


@pytest.mark.parametrize("name", ["tipd", "hill"])
def test_simulate_and_the_solver_layer_do_the_same_work(name):
    case = CASES[name]
    result = simulate(
        case.model, case.regimen, times=case.times, parameters=case.ensemble(5), method="numpy", rtol=1e-6, atol=1e-8
    )
    layer = solve(case.problem(5, 1e-6), "numpy").states
    for i, state in enumerate(case.system.states):
        np.testing.assert_array_equal(result[state].to_numpy(), layer[:, :, i])
    assert ensemble_error(layer, case.reference).worst < 1e-4


@every_case
def test_a_peer_gets_the_same_equations(case):
    parameters = case.parameters(4)
    states = np.abs(case.reference[:4, 5].T) + 1e-3
    ours = numpy_code(case.system).rates(np.zeros(4), states, parameters, np.empty((0, 4)))
    theirs = np.transpose([scalar_rates(case.system)(0.0, states[:, i], parameters[:, i]) for i in range(4)])
    np.testing.assert_allclose(theirs, ours, rtol=1e-10, atol=1e-12 * np.abs(ours).max())


def test_the_scipy_peer_meets_the_reference():
    pytest.importorskip("numba", reason="a peer's package, of the dependency group bench")
    case = CASES["tipd"]
    found = scipy_peer.prepare(case, "DOP853", threads=1)(2, 1e-8)()
    assert ensemble_error(found, case.reference).worst < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: f"{peer.label} {peer.method}")
def test_a_peer_meets_the_reference(peer):
    if missing := peer.missing():
        pytest.skip(f"{missing}, of the dependency group bench, is not installed")
    case = next(case for case in CASES.values() if peer.suits(case))
    (worker,), refused = hired([Job(peer, case.name)], 120)
    try:
        assert refused == {}
        _, error = worker.run(Task(5, 1e-8))
        assert error.worst < 1e-4
    finally:
        worker.close()


def test_every_peer_is_in_the_dependency_group():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    group = {re.match(r"[\w-]+", line).group().removeprefix("lib") for line in project["dependency-groups"]["bench"]}
    assert {package for peer in PEERS for package in peer.packages} <= group


def test_a_peer_that_does_not_install_is_named_with_what_it_lacks(tmp_path, capsys, monkeypatch):
    project = tmp_path / "pyproject.toml"
    project.write_text('[dependency-groups]\nbench = ["numpy>=1", "numbalsoda>=999"]\n', encoding="utf-8")
    monkeypatch.setattr("shutil.which", lambda program: None if program == "gfortran" else f"/bin/{program}")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    assert install.main(project) == ["numbalsoda>=999"]
    said = capsys.readouterr().err
    assert "numbalsoda does not install and will be absent" in said
    assert said.rstrip().endswith("apt install gfortran.")
    assert "numpy" not in said


def test_amici_stores_just_before_a_dose_and_orders_by_name():
    times = amici_peer._before(np.array([0.0, 7.0, 14.0]))
    assert times[0] == 0
    assert (times[1:] < [7, 14]).all()
    np.testing.assert_allclose(times, [0, 7, 14], rtol=1e-15)
    assert amici_peer._order(("p_2", "p_0"), sympy.symbols("p_0 p_1 p_2")) == [2, 0]


@every_case
def test_antimony_has_every_rate_and_every_bolus(case):
    text = antimony_text(case)
    assert text.count("at (time >") == case.doses
    assert text.count("' = ") == len(case.system.states)
    assert "**" not in text


def test_lesions_have_the_states_asked_for():
    case = find("lesions_7")
    assert len(case.system.states) == 7
    assert ensemble_error(solve(case.problem(4, 1e-8), "numpy").states, case.reference).worst < 1e-6


def test_barrier_has_the_states_asked_for():
    case = find("barrier_10")
    assert len(case.system.states) == 10
    assert ensemble_error(solve(case.problem(4, 1e-8), "rodas5p").states, case.reference).worst < 1e-6


def test_the_error_is_relative_to_what_a_state_is_and_was():
    reference = np.array([[[1000.0], [1.0]], [[10.0], [10.0]]])
    value = reference + np.array([[[0.0], [0.02]], [[0.5], [0.0]]])
    error = ensemble_error(value, reference)
    assert error.worst == pytest.approx(0.5 / 10.01)
    assert error.median == pytest.approx((0.02 / 2 + 0.5 / 10.01) / 2)
    value[0, 1] = np.nan
    failed = ensemble_error(value, reference)
    assert failed.failed == 1
    assert failed.worst == np.inf


def test_every_ensemble_method_is_measured():
    assert {"auto", "numpy"} <= {p.method for p in OURS}
    assert "Radau" not in {p.method for p in OURS}


@pytest.mark.slow
def test_a_worker_measures_and_reports_a_failure():
    (worker,), refused = hired([Job(NUMPY, "tipd"), Job(Peer("none", "x", "ours", ("no_such_package",)), "tipd")], 60)
    assert list(refused.values()) == ["absent: no_such_package is not installed"]
    try:
        (m,), failed = measured([(worker, Task(10, 1e-6))], rounds=2)
        assert failed == {}
        assert len(m.seconds) == 2
        assert m.microseconds > 0
        assert m.error.members == 10
        assert 0 < m.error.worst < 1e-4
    finally:
        worker.close()
    with pytest.raises(Failure, match="no method 'wrong'"):
        Worker(Job(Peer("pkpd", "wrong", "ours"), "tipd"), 60)


def measurement(peer, rtol, seconds, worst, median, members=100):
    return Measurement(
        Job(peer, "tipd"), Task(members, rtol), (seconds,), Error(worst, median, 0, 100), setup=0.1, peak=100.0
    )


def test_a_ratio_is_taken_at_equal_or_smaller_error():
    rival = Peer("rival", "x", "scipy_peer")
    runs = [
        measurement(NUMPY, 1e-4, 0.001, 1e-3, 1e-6),  # faster, but its worst member is not as accurate,
        measurement(NUMPY, 1e-5, 0.001, 1e-5, 1e-4),  # or its median member is not
        measurement(NUMPY, RTOL, 0.002, 1e-5, 1e-6),
        measurement(NUMPY, 1e-7, 0.003, 1e-6, 1e-7),
        measurement(rival, RTOL, 0.02, 2e-5, 2e-6),
    ]
    table = comparison_table(Comparison(CASES["tipd"], runs, [], {Job(rival, "tipd"): "absent: x is not installed"}))
    row = next(r for r in table.rows if r["integrator"] == "rival")
    assert row["ratio"] == pytest.approx(10)
    assert row["ours"] == "numpy 1e-06, 1.0e-05"
    assert [r["integrator"] for r in table.rows] == ["pkpd", "rival"]
    assert "rival x: absent: x is not installed." in table.remarks


def test_tables_keep_every_column_and_digit(tmp_path):
    table = Table("numbers", "Numbers", [{"a": 1 / 3}, {"a": 1e-9, "b": None}], ["said so"])
    assert table.markdown() == "## Numbers\n\n| a | b |\n| --- | --- |\n| 0.333 |  |\n| 1.0e-09 |  |\n\n- said so\n"
    unlisted = Table("numbers", "Numbers", table.rows, ["said so"], listed=False)
    assert unlisted.markdown() == "## Numbers\n\n- The 2 rows are in numbers.csv.\n- said so\n"
    write_csv(table, tmp_path)
    with (tmp_path / "numbers.csv").open(encoding="utf-8") as file:
        assert float(next(csv.DictReader(file))["a"]) == 1 / 3


@pytest.mark.slow
def test_the_command_writes_what_it_measured_and_how(tmp_path):
    asked = ["--quick", "--only", "memory", "compile", "--out", str(tmp_path)]
    main(asked)
    text = (tmp_path / "results.md").read_text(encoding="utf-8")
    assert f"Made by `python -m benchmarks {' '.join(asked)}`" in text
    assert "## Memory of a large ensemble" in text
    assert {row["method"] for row in read_csv(tmp_path / "compile_times.csv")} >= {"auto", "tsit5"}
    states, *_ = read_csv(tmp_path / "memory.csv")
    assert float(states["worst error"]) < 1e-4
    assert float(states["peak MB"]) > float(states["output MB"])


def test_a_card_is_measured_beside_the_processor(cache, card, monkeypatch):
    monkeypatch.setattr(gpu, "METHODS", {"tipd": ("tsit5",)})
    table = gpu.gpu_table(replace(QUICK, gpu=40))
    (row,) = (row for row in table.rows if row["integrator"] == "pkpd")
    assert row["card"] == "Fake"
    assert row["bits"] is True
    assert row["worst error"] < 1e-4
    assert row["failed"] == row["other statuses"] == row["other steps"] == 0
    assert 0 < row["kernel s"] + row["in s"] + row["out s"] <= row["whole s"]
    assert row["reduced s"] > 0
    assert table.remarks[0].startswith("Fake, compute capability 9.0, 2 processors, CUDA 12.4")


def test_without_a_card_a_word_says_why_and_nothing_is_overwritten(tmp_path, monkeypatch, capsys):
    forget_cards(monkeypatch, "libcuda-that-is-not-there.so.1")
    (tmp_path / "results.md").write_text("measured elsewhere")
    main(["--only", "gpu", "--out", str(tmp_path)])
    told = capsys.readouterr()
    assert "device='gpu' needs an NVIDIA card" in told.out + told.err
    assert [p.name for p in tmp_path.iterdir()] == ["results.md"]
    assert (tmp_path / "results.md").read_text() == "measured elsewhere"


def read_csv(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_figures_are_written(tmp_path):
    row = {"case": "tipd", "integrator": "pkpd", "method": "numpy", "us per member": 10.0, "failed": 0}
    rows = [row | {"worst error": 1e-5}, row | {"worst error": 1e-7, "us per member": 20.0}]
    assert draw_precision(Table("precision", "", rows), tmp_path).stat().st_size > 5_000
    members = Table("members", "", [row | {"members": 100}, row | {"members": 1000}])
    states = Table("states", "", [row | {"states": 5}, row | {"states": 150, "integrator": "rival"}])
    assert draw_scaling(members, states, tmp_path).stat().st_size > 5_000


def test_a_part_of_a_run_keeps_the_tables_of_the_others(tmp_path):
    """`--only` measures some tables again; the rest of the report, and its head, stay as they are."""
    path, first, second = tmp_path / "results.md", Table("one", "One", [{"a": 1}]), Table("two", "Two", [{"b": 2}])
    begun(path, "python -m benchmarks", ["Date: then", "Machine: a"], whole=True).but(first).but(second).write()
    whole = path.read_text(encoding="utf-8")
    assert "This section alone" not in whole
    again = begun(path, "python -m benchmarks --only one", ["Date: now", "Machine: b"], whole=False)
    again.write()
    assert path.read_text(encoding="utf-8") == whole
    again.but(Table("one", "One", [{"a": 3}])).but(Table("three", "Three", [{"c": 4}])).write()
    text = path.read_text(encoding="utf-8")
    head, *sections = text.split("## ")
    assert head == whole.split("## ")[0]
    alone = "- This section alone: `python -m benchmarks --only one`. Date: now. Machine: b.\n"
    assert sections == [
        f"One\n\n| a |\n| --- |\n| 3 |\n\n{alone}\n",
        "Two\n\n| b |\n| --- |\n| 2 |\n\n",
        f"Three\n\n| c |\n| --- |\n| 4 |\n\n{alone}",
    ]
    begun(path, "python -m benchmarks", ["Date: later"], whole=True).but(first).write()
    assert "## Two" not in path.read_text(encoding="utf-8")


def test_one_case_keeps_the_points_of_the_others(tmp_path):
    rows = [{"case": "tipd", "rtol": 1e-6, "failed": 0}, {"case": "hill", "rtol": 1e-8, "failed": 2}]
    write_csv(Table("precision", "", rows), tmp_path)
    new = Table("precision", "", [{"case": "hill", "rtol": 1e-4, "failed": 1}])
    assert list(with_recorded_cases(new, tmp_path, ["hill"]).rows) == [rows[0], *new.rows]
    assert list(with_recorded_cases(new, tmp_path / "nowhere", ["hill"]).rows) == list(new.rows)


def test_the_recorded_report_is_read_and_written_as_it_is():
    path = ROOT / "benchmarks" / "results" / "results.md"
    text = path.read_text(encoding="utf-8")
    report = begun(path, "python -m benchmarks --only calls", [], whole=False)
    assert "\n".join([report.head, *report.sections.values()]) == text


@pytest.mark.slow
def test_shapes_differ_in_time_alone(monkeypatch):
    monkeypatch.setattr(shapes, "LANES", (4, 8))
    monkeypatch.setattr(shapes, "METHODS", {"tipd": ("tsit5",)})
    table = shapes.shapes_table(replace(QUICK, rounds=1))
    widest = table.rows[:2]
    assert [row["lanes"] for row in widest] == [4, 8]
    assert {row["vectors"] for row in widest} == {this_target().vectors}
    assert all(row["CPU us per member"] > 0 and row["worst error"] < 1e-5 for row in table.rows)
    assert all(row["same numbers"] == "yes" for row in table.rows if row["vectors"] != "sse2")


def test_the_circumstances_name_the_vectors():
    assert any(f"vectors {this_target().vectors}; ours: " in line for line in circumstances())


def test_interruptions_tell_what_doses_and_times_cost():
    table = interruptions.interruptions_table(replace(QUICK, rounds=1))
    steps = {(row["doses"], row["stored times"]): row["steps per member"] for row in table.rows}
    assert steps[52, 53] > steps[26, 53] > steps[13, 53]
    assert all(row["CPU us per member"] > 0 for row in table.rows)


CALLGRIND = """\
fn=(1) step
5 40
+4 42
cfn=(2) rates
calls=10 5
-4 700
fn=(2)
* 70
8 30
"""


def test_instructions_are_those_of_a_function_and_not_of_what_it_calls():
    assert callgrind.per_function(CALLGRIND.splitlines()) == {"step": 82, "rates": 100}


def test_instructions_of_a_member_a_step_and_a_turn():
    found = Counter(step=30_000, run=10_000, main=7)
    row = instructions.our_row("tipd", "avx2", found, steps=200)
    assert (row["instructions per member"], row["per step"], row["per turn of all lanes"]) == (400.0, 200.0, 800.0)
    parts = instructions.our_parts(found + Counter(rates=5_000), 200, 4)
    assert (parts["stages per turn"], parts["driver per turn"], parts["slopes per turn"]) == (600.0, 200.0, 100.0)
    assert parts["solve per turn"] == 0.0


@on_linux
def test_without_valgrind_a_request_to_it_does_nothing():
    callgrind.start()
    callgrind.stop()


@on_linux
@pytest.mark.slow
@pytest.mark.skipif(
    None in (shutil.which("valgrind"), shutil.which("gcc")), reason="valgrind and gcc are not installed"
)
def test_instructions_are_counted_twice_alike():
    first, *calls = instructions.instructions_table(QUICK).rows
    assert first == instructions.instructions_table(QUICK).rows[0]
    steps = solve(CASES["tipd"].problem(instructions.MEMBERS, 1e-4), "dop853").steps
    assert first["steps per member"] == pytest.approx(steps.mean(), rel=1e-3)  # an `fma` on this processor or none
    parts = [value for name, value in first.items() if name.endswith("per turn")]
    assert sum(parts) == pytest.approx(first["per turn of all lanes"], rel=0.1)
    assert [row["case"] for row in calls] == ["exp", "log", "power"]


def test_without_valgrind_no_instructions_are_counted(monkeypatch):
    monkeypatch.setattr(instructions.shutil, "which", lambda name: None)
    table = instructions.instructions_table(QUICK)
    assert not table.rows
    assert "valgrind is not installed" in table.remarks[-1]
