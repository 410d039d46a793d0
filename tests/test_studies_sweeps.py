"""Sweeps that survive: files, stores, kills, refusals; the same bits however often they are stopped."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import random
import re
import signal
import subprocess
import sys
import time
import warnings
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from helpers import run_here
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pkpd
from pkpd.errors import DataError, FailedMembersWarning, PkpdError, SimulationError
from pkpd.studies.forecasts import forecast
from pkpd.studies.running import run_study
from pkpd.studies.store import NOT_COMPUTED, Store
from pkpd.studies.study import Sample, Study

pytest.importorskip("zarr", reason="an extra")

STUDY = """
title = "Clearance and volume"
model = "pk_1cmt"
regimen = "100 mg iv every 7 x 3"
times = "0:28:7"

[ensemble.axes]
CL = { first = 0.05, last = 1, count = 20, log = true }

[ensemble.sample]
members = 50
seed = 3
variability = { V = { kind = "lognormal", cv = 0.3 } }

[store]
chunk = 100
"""


def pk(**changes):
    study = Study(
        pkpd.load("pk_1cmt"),
        pkpd.bolus("100 mg", "iv", every=7, n=3),
        times=np.arange(0, 29, 7),
        axes={"CL": np.geomspace(0.05, 1, 20)},
        sample=Sample(50, 3, variability={"V": pkpd.lognormal(cv=0.3)}),
        chunk=100,
    )
    return study.but(**changes)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(STUDY, encoding="utf-8")
    return path


def numbers(folder):
    """Everything a store holds, in the raw."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FailedMembersWarning)
        run = pkpd.open_sweep(folder).load()
    return {name: np.asarray(run[name]) for name in (*run.data_vars, "CL", "V")}


def same(a, b):
    assert a.keys() == b.keys()
    for name, values in a.items():
        assert np.array_equal(values, b[name], equal_nan=True), name


# ---- what it computes, and what it is written as


def test_a_sweep_is_what_simulate_gives(tmp_path):
    study = pk()
    outcome = run_study(study, tmp_path / "sweep")
    assert outcome.complete
    assert str(outcome) == "1,000 of 1,000 members in 10 of 10 chunks"
    direct = pkpd.simulate(study.model, study.regimen, times=study.times, parameters=study.ensemble)
    run = pkpd.open_sweep(tmp_path / "sweep", unfolded=True)
    assert run["C"].dims == direct["C"].dims == ("CL", "member", "time")
    assert np.array_equal(run["C"], direct["C"])
    assert np.array_equal(run["CL"], direct["CL"])
    assert run["C"].attrs["units"] == "mg/L"


def test_arms_and_numbers(tmp_path):
    arms = {"control": None, "treated": pkpd.bolus("100 mg", "iv")}
    study = pk(regimen=arms, reduce={"peak": ("C", "max")}, chunk=300)
    run_study(study, tmp_path / "sweep")
    run = pkpd.open_sweep(tmp_path / "sweep", unfolded=True)
    direct = pkpd.simulate(
        study.model, arms, times=study.times, parameters=study.ensemble, reduce={"peak": ("C", "max")}
    )
    assert run["peak"].dims == direct["peak"].dims
    assert np.array_equal(run["peak"], direct["peak"])


def test_a_file_says_the_same_as_python(file):
    assert pkpd.read_study(file).hash == pk(title="Clearance and volume").hash


def test_a_study_is_written_without_loss(tmp_path):
    start = pkpd.param("start", 3, "day", "first dose")
    arms = {"control": None, "treated": pkpd.infusion("100 mg", "iv", "1 h", at=start, every=7, n=2)}
    study = pk(
        regimen=arms, parameters={"V": 4}, outputs=("C",), title="é",
        solver=pkpd.Solver(method="dop853", rtol=1e-6, atol={"central": 1e-9}), at_dose="after", chunk=None,
    )  # fmt: skip
    again = pkpd.read_study(pkpd.write_study(study, tmp_path / "s.toml"))
    assert again.hash == study.hash
    assert again.title == "é"
    assert pickle.loads(pickle.dumps(study)).hash == study.hash


def test_what_changes_the_numbers_changes_the_hash():
    study = pk()
    assert study.but(title="another").hash == study.hash
    assert study.but(solver=pkpd.Solver(threads=1)).hash == study.hash
    for change in (
        {"times": [0, 1]}, {"axes": {"CL": [1.0]}}, {"sample": None}, {"parameters": {"V": 9}}, {"at_dose": "after"},
        {"solver": pkpd.Solver(rtol=1e-6)}, {"model": pkpd.load("pk_1cmt").using(V=9)}, {"regimen": None},
    ):  # fmt: skip
        assert study.but(**change).hash != study.hash, change


def test_ten_billion_members_cost_nothing_until_they_are_asked_for():
    begun = time.perf_counter()
    study = pk(sample=Sample(500_000_000, 1, variability={"V": pkpd.lognormal(cv=0.3)}), chunk=None)
    assert study.members == 10_000_000_000
    last = study.ensemble.slice(study.members - 2, study.members)
    assert last["CL"].tolist() == pytest.approx([1.0, 1.0])
    assert time.perf_counter() - begun < 10


# ---- stopped and resumed

WORKER = """
import sys, pkpd
study = pkpd.read_study(sys.argv[1])
pkpd.run_study(study, sys.argv[2], progress=lambda outcome: print(outcome.finished, flush=True))
"""


def begun(file, folder):
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, str(file), str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def killed_at_random(file, folder, times, seed):
    chance = random.Random(seed)
    for _ in range(times):
        with begun(file, folder) as process:
            process.stdout.readline()  # one chunk at least
            time.sleep(chance.random() * 0.05)
            process.send_signal(signal.SIGKILL)


@pytest.mark.slow
def test_killed_twenty_times_it_is_the_same_to_the_bit(file, tmp_path):
    file.write_text(STUDY.replace("chunk = 100", "chunk = 4"), encoding="utf-8")
    killed_at_random(file, tmp_path / "killed", 20, seed=1)
    study = pkpd.read_study(file)
    before = Store(tmp_path / "killed").finished()
    assert len(before) < study.chunks
    outcome = run_study(study, tmp_path / "killed")
    assert outcome.complete
    assert outcome.earlier == len(before)
    run_study(study, tmp_path / "whole")
    same(numbers(tmp_path / "killed"), numbers(tmp_path / "whole"))


class Stopping:
    """Presses Ctrl-C after so many chunks."""

    def __init__(self, after):
        self.after = after

    def __call__(self, outcome):
        if outcome.finished == self.after:
            os.kill(os.getpid(), signal.SIGINT)


def test_stopped_and_resumed_it_is_the_same_to_the_bit(tmp_path):
    study = pk()
    first = run_study(study, tmp_path / "stopped", progress=Stopping(3))
    assert first.stopped
    assert 3 <= first.finished < study.chunks
    with pytest.warns(FailedMembersWarning, match=r"of 10 chunks are not computed; their status is -1"):
        part = pkpd.open_sweep(tmp_path / "stopped").load()
    assert set(np.unique(part["status"])) == {NOT_COMPUTED, 0}
    assert np.isnan(part["C"].values[part["status"].values == NOT_COMPUTED]).all()
    second = run_study(study, tmp_path / "stopped")
    assert second.complete
    assert second.earlier == first.finished
    run_study(study, tmp_path / "whole")
    same(numbers(tmp_path / "stopped"), numbers(tmp_path / "whole"))


def test_a_chunk_that_was_written_in_part_is_computed_again(tmp_path):
    study = pk()
    run_study(study, tmp_path / "a")
    store = Store(tmp_path / "a")
    group = pytest.importorskip("zarr").open_group(str(tmp_path / "a" / "data.zarr"), mode="r+")
    group["C"][200:250] = 7.0  # as if the power had failed half way
    store._finished_file(2).unlink()
    assert run_study(study, tmp_path / "a").earlier == 9
    run_study(study, tmp_path / "whole")
    same(numbers(tmp_path / "a"), numbers(tmp_path / "whole"))


def test_two_runs_exclude_each_other(tmp_path):
    study = pk()
    with (
        Store(tmp_path / "a").locked(),
        pytest.raises(SimulationError, match="another run writes to"),
    ):
        run_study(study, tmp_path / "a")
    assert run_study(study, tmp_path / "a").complete


def test_another_study_is_refused(tmp_path):
    run_study(pk(), tmp_path / "a")
    with pytest.raises(DataError, match=r"holds another study: times, solver differ\(s\)"):
        run_study(pk(times=[0, 1], solver=pkpd.Solver(rtol=1e-5)), tmp_path / "a")


@pytest.mark.parametrize("theirs", ["letter.txt", "study.toml", "data.zarr"])
def test_a_folder_with_a_file_of_somebody_else_is_refused_and_left_alone(tmp_path, theirs):
    (tmp_path / theirs).write_text("mine", encoding="utf-8")
    with pytest.raises(DataError, match="is not empty and holds no sweep"):
        run_study(pk(), tmp_path)
    with pytest.raises(DataError, match="holds no sweep"):
        pkpd.open_sweep(tmp_path)
    assert (tmp_path / theirs).read_text(encoding="utf-8") == "mine"


def test_a_store_that_cannot_be_written_says_so_and_resumes(tmp_path, monkeypatch):
    study = pk()
    run_study(study, tmp_path / "a", progress=Stopping(2))
    write, calls = Store.write, []

    def full(self, *arguments):
        calls.append(1)
        if len(calls) > 1:
            raise OSError(28, "No space left on device")
        return write(self, *arguments)

    monkeypatch.setattr(Store, "write", full)
    with pytest.raises(DataError, match="cannot write .*: No space left on device"):
        run_study(study, tmp_path / "a")
    monkeypatch.undo()
    assert run_study(study, tmp_path / "a").complete
    run_study(study, tmp_path / "whole")
    same(numbers(tmp_path / "a"), numbers(tmp_path / "whole"))


# ---- executors


def test_an_executor_gives_the_same_bits(tmp_path):
    with ThreadPoolExecutor(3) as executor:
        assert run_study(pk(), tmp_path / "a", executor=executor, workers=3).complete
    run_study(pk(), tmp_path / "whole")
    same(numbers(tmp_path / "a"), numbers(tmp_path / "whole"))


class Dying(ThreadPoolExecutor):
    """A worker dies at its first tries of chunk 1, and at each of chunk 2."""

    def __init__(self):
        super().__init__(1)
        self.tries: list[int] = []

    def submit(self, function, *arguments):
        self.tries.append(arguments[-1])
        if arguments[-1] == 2 or (arguments[-1] == 1 and self.tries.count(1) < 3):
            lost: Future = Future()
            lost.set_exception(ConnectionError("the worker died"))
            return lost
        return super().submit(function, *arguments)


def test_a_chunk_is_tried_again_and_a_poisoned_one_is_given_up(tmp_path):
    with Dying() as executor:
        outcome = run_study(pk(), tmp_path / "a", executor=executor)
    assert executor.tries.count(1) == executor.tries.count(2) == 3
    assert outcome.finished == 9
    assert outcome.given_up == {2: "ConnectionError: the worker died"}
    assert "1 chunks given up, the first, 2, because ConnectionError" in str(outcome)
    assert Store(tmp_path / "a").failed() == outcome.given_up
    assert run_study(pk(), tmp_path / "a").complete  # it is tried again by the next run
    assert not Store(tmp_path / "a").failed()


@pytest.mark.slow
def test_dask_workers_that_are_killed_are_survived(tmp_path):
    distributed = pytest.importorskip("distributed", reason="an extra")
    study = pk(chunk=20)
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50) as cluster,
        distributed.Client(cluster) as client,
    ):
        killed = []

        def kill(outcome):
            if outcome.finished == 5 and not killed:
                killed.append(next(iter(cluster.workers.values())).pid)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(killed[0], signal.SIGKILL)

        outcome = run_study(study, tmp_path / "a", executor=client.get_executor(pure=False), workers=2, progress=kill)
    assert outcome.complete
    run_study(study, tmp_path / "whole")
    same(numbers(tmp_path / "a"), numbers(tmp_path / "whole"))


# ---- failing members


def test_failed_members_are_counted(tmp_path):
    study = pk(
        axes={}, sample=Sample(100, 1, variability={"V": pkpd.lognormal(cv=0.3)}), solver=pkpd.Solver(max_steps=1)
    )
    outcome = run_study(study, tmp_path / "a")
    assert outcome.failed == 100
    assert outcome.statuses == {"max_steps": 100}
    assert "100 failed (100 max_steps)" in str(outcome)
    assert run_study(study, tmp_path / "a").failed == 100  # counted from the store


# ---- the command line


def test_on_the_command_line(file, capsys):
    code, told, _ = run_here(capsys, "sweep", str(file), "--dry-run")
    assert code == 0
    assert "members    1,000 in 10 chunks of 100" in told
    assert not (file.parent / "study").exists()
    code, _, told = run_here(capsys, "sweep", str(file))
    assert code == 0
    assert "1,000 of 1,000 members in 10 of 10 chunks" in told
    same(numbers(file.parent / "study"), numbers(file.parent / "study"))
    code, _, told = run_here(capsys, "sweep", str(file), "--chunk", "50")
    assert code == 1
    assert "holds another study: chunk differ(s)" in told
    code, _, told = run_here(capsys, "sweep", str(file), "--grid", "CL=1,2")
    assert code == 2


def test_failures_show_in_the_exit_code(file, capsys):
    file.write_text(STUDY + "\n[solver]\nmax_steps = 1\n", encoding="utf-8")
    code, _, told = run_here(capsys, "sweep", str(file))
    assert code == 3
    assert "failed" in told


def test_what_exceeds_the_machine_is_refused(file, capsys):
    file.write_text(STUDY.replace("members = 50", "members = 50000000000000"), encoding="utf-8")
    code, told, error = run_here(capsys, "sweep", str(file), "--dry-run")
    assert code == 1
    assert "of the disk are free" in error
    assert "members    1,000,000,000,000,000" in told


def test_a_forecast_of_failures():
    study = pk(solver=pkpd.Solver(max_steps=1))
    assert forecast(study).failing == 1.0
    assert "failing    100.0% of the members probed" in str(forecast(study))


def test_the_schema_names_every_key(capsys):
    code, told, _ = run_here(capsys, "schema")
    schema = json.loads(told)
    assert code == 0
    assert {"model", "times", "regimens", "ensemble", "reduce", "store"} <= schema["properties"].keys()
    assert {"$ref": "#/$defs/ModelTable"} in schema["properties"]["model"]["anyOf"]
    assert "rates" in schema["$defs"]["ModelTable"]["properties"]
    references = set(re.findall(r'"#/\$defs/(\w+)"', told))
    assert references <= schema["$defs"].keys()


# ---- files that are wrong


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('model = "pk_1cmt"', 'model = "pk_1cm"', "Did you mean 'pk_1cmt'"),
        ('model = "pk_1cmt"', 'model = "../secret.toml"', "lies outside the folder of the file"),
        ('model = "pk_1cmt"', 'model = "/etc/secret.toml"', "lies outside the folder of the file"),
        ("chunk = 100", 'chunk = 100\npath = "../elsewhere"', "lies outside the folder of the file"),
        ("chunk = 100", "chunk = 0", r"line 16: \[store\] chunk is 0; input should be greater than or equal to 1"),
        ("chunk = 100", "chunks = 100", r"has no key 'chunks'\. Did you mean 'chunk'"),
        ('times = "0:28:7"', 'times = "0:28"', r"line 5: times is '0:28'"),
        ('times = "0:28:7"', "", "lacks the key 'times'"),
        ("100 mg iv every", "100 mg iv ever", "not understood"),
        ("100 mg iv", "100 mg sc", "has no route 'sc'"),
        ("CL = {", "Cl = {", "Did you mean 'CL'"),
        ("first = 0.05", "first = 0", "an axis on a log scale has ends above 0"),
        ("cv = 0.3", "cov = 0.3", r"has no key 'cov'\. Did you mean"),
        ("cv = 0.3", "sd = 0.3", "a lognormal distribution has median, cv or omega"),
        ("seed = 3", 'seed = "three"', r"\[ensemble\.sample\] seed is 'three'; expected a whole number"),
        ("members = 50", "members = 5.5", "expected a whole number"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_file_is_told(file, old, new, message, tmp_path, capsys):
    assert old in STUDY
    file.write_text(STUDY.replace(old, new), encoding="utf-8")
    code, _, told = run_here(capsys, "sweep", str(file), "--dry-run")
    assert code == 1
    assert re.search(message, told), told


def test_a_link_out_of_the_folder_is_refused(file, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "model.toml"
    pkpd.write_model(pkpd.load("pk_1cmt"), elsewhere)
    (file.parent / "model.toml").symlink_to(elsewhere)
    file.write_text(STUDY.replace('"pk_1cmt"', '"model.toml"'), encoding="utf-8")
    with pytest.raises(DataError, match="lies outside the folder"):
        pkpd.read_study(file)
    (file.parent / "model.toml").unlink()
    pkpd.write_model(pkpd.load("pk_1cmt"), file.parent / "model.toml")
    assert pkpd.read_study(file).hash == pk().hash


FRAGMENTS = [
    "[",
    "]",
    "{",
    "}",
    "=",
    '"',
    "1",
    "1e999",
    "-1",
    "inf",
    "nan",
    ".",
    "../",
    "model",
    "every",
    "\\u0000",
    ",",
]


@pytest.mark.parametrize(
    ("axis", "told"),
    [
        ("{ first = 1, last = 1e999, count = 3 }", "[ensemble.axes.CL] last is inf; expected a finite number"),
        ("{ first = 1, last = 'a', count = 3 }", "[ensemble.axes.CL] last is 'a'; expected a finite number"),
        ("{ first = 1, last = 2 }", "CL lacks the key 'count'"),
        ("{ frist = 1, last = 2, count = 2 }", "[ensemble.axes.CL] has no key 'frist'. Did you mean 'first'?"),
        ("[1, 'b']", "[ensemble.axes.CL] 1 is 'b'; expected a number"),
        ("'b'", "[ensemble.axes] CL is 'b'; expected a list or a table with first, last, count"),
    ],
)
def test_of_two_forms_the_one_that_was_meant_is_explained(tmp_path, axis, told):
    file = tmp_path / "study.toml"
    file.write_text(f'model = "pk_1cmt"\ntimes = [0, 1]\n[ensemble.axes]\nCL = {axis}\n', encoding="utf-8")
    with pytest.raises(pkpd.PkpdError) as refusal:
        pkpd.read_study(file)
    assert str(refusal.value).startswith("study.toml, line 4: ")
    assert told in str(refusal.value)


@pytest.mark.slow
@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_fuzzed_files_are_read_or_refused(data, tmp_path_factory):
    lines = STUDY.splitlines()
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(lines) - 1))
        place = data.draw(st.integers(0, len(lines[at])))
        what = data.draw(st.sampled_from(["cut", "insert", "drop"]))
        new = {
            "cut": lines[at][:place],
            "insert": lines[at][:place] + data.draw(st.sampled_from(FRAGMENTS)) + lines[at][place:],
        }
        lines[at] = new.get(what, "")
    path = tmp_path_factory.mktemp("fuzz") / "s.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    with contextlib.suppress(PkpdError):
        study = pkpd.read_study(path)
        assert study.members >= 1
        assert study.chunks >= 1
    assert [p.name for p in Path(path.parent).iterdir()] == ["s.toml"]
