"""A store that cannot be written: a clear error, and a store that goes on to the same bits once it can be.

The disk that is full is a tmpfs of its own, which only root may mount, in a mount namespace that ends with the
test; where that is not allowed, a limit on the size of files stands in for it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

pytest.importorskip("zarr", reason="an extra")
pytest.importorskip("fcntl", reason="a POSIX system")
pytestmark = pytest.mark.slow

NOBODY = 65534

PRELUDE = """
import os, resource, subprocess, sys, warnings
from pathlib import Path
import numpy as np
import pkpd
from pkpd.errors import DataError, FailedMembersWarning
from pkpd.studies.running import run_study
from pkpd.studies.store import Store

warnings.simplefilter("ignore", FailedMembersWarning)
here, NOBODY = Path(sys.argv[1]), 65534
study = pkpd.Study(
    pkpd.load("pk_1cmt"), pkpd.bolus("100 mg", "iv", every=7, n=3), times=np.arange(0, 29, 7),
    sample=pkpd.Sample(20_000, 3, variability={"V": pkpd.lognormal(cv=0.3), "CL": pkpd.lognormal(cv=0.3)}), chunk=1000,
)

def numbers(folder):
    run = pkpd.open_sweep(folder).load()
    return {name: np.asarray(run[name]) for name in (*run.data_vars, "CL", "V")}

def refused(folder, one=study):
    try:
        run_study(one, folder)
    except DataError as error:
        return str(error)
    raise SystemExit(f"{folder} was written")

def same(folder, other):
    a, b = numbers(folder), numbers(other)
    assert a.keys() == b.keys()
    for name in a:
        assert np.array_equal(a[name], b[name], equal_nan=True), name

def stopped_after(chunks):
    '''A store of which so many chunks are finished.'''
    import signal
    def tell(outcome):
        if outcome.finished == chunks:
            os.kill(os.getpid(), signal.SIGTERM)
    return run_study(study, here / "store", progress=tell)
"""


@pytest.fixture
def open_folder():
    """A folder that another user may enter; that of `tmp_path` is closed."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def script(folder: Path, text: str, *before: str) -> subprocess.CompletedProcess[str]:
    command = [*before, sys.executable, "-c", PRELUDE + text, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def succeeded(ended: subprocess.CompletedProcess[str]) -> None:
    assert ended.returncode == 0, ended.stdout + ended.stderr


READ_ONLY = """
run_study(study, here / "whole")
same(here / "whole", here / "whole")  # whatever is imported and compiled is so before the user changes
assert not stopped_after(7).complete
finished = Store(here / "store").finished()
(here / "store" / "lock").chmod(0o666)  # the lock alone may be written, so that the numbers are what is refused
locked = here / "locked"
subprocess.run(["cp", "-r", here / "store", locked], check=True)
(locked / "lock").chmod(0o444)
root = os.getuid() == 0
if root:
    os.setgroups([])
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
else:
    for path in here.rglob("*"):
        path.chmod(path.stat().st_mode & ~0o222 | 0o222 * (path == here / "store" / "lock"))
told = refused(here / "store")
assert "cannot write" in told and "store" in told and "Permission denied" in told, told
assert "run it again" in told, told
told = refused(locked)
assert told.startswith(f"cannot write {str(locked)!r}: Permission denied"), told
told = refused(here / "whole" / "new")
assert "cannot write" in told and "Permission denied" in told, told
same(here / "whole", here / "whole")  # to read is allowed
if root:
    os.seteuid(0)
    os.setegid(0)
for path in here.rglob("*"):
    path.chmod(path.stat().st_mode | 0o200)
assert Store(here / "store").finished() == finished
outcome = run_study(study, here / "store")
assert outcome.complete and outcome.earlier == len(finished)
same(here / "store", here / "whole")
"""


def test_a_store_that_may_only_be_read(open_folder):
    if os.getuid() == NOBODY:
        pytest.skip("the user is nobody already, who owns what he writes")
    succeeded(script(open_folder, READ_ONLY))


FULL = """
def room(size):
    subprocess.run(["mount", "-o", f"remount,size={size}", here / "disk"], check=True)

disk = here / "disk"
run_study(study, here / "whole")
told = refused(disk / "sweep")
assert "cannot write" in told and "No space left on device" in told, told
finished = Store(disk / "sweep").finished()
assert 0 < len(finished) < study.chunks, finished
told = refused(disk / "sweep")  # as full as before
assert "No space left on device" in told, told
assert finished <= Store(disk / "sweep").finished()
told = refused(disk / "other")  # no room even for the start of a store
assert "cannot write" in told and "No space left on device" in told, told
room("64m")
outcome = run_study(study, disk / "sweep")
assert outcome.complete and outcome.earlier >= len(finished), outcome
same(disk / "sweep", here / "whole")
assert run_study(study, disk / "other").complete
same(disk / "other", here / "whole")
"""


def test_a_disk_that_is_full(tmp_path):
    (tmp_path / "disk").mkdir()
    mount = f"mount -t tmpfs -o size=400k tmpfs '{tmp_path}/disk'"
    namespace = ["unshare", "--mount"] if os.getuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    try:
        allowed = subprocess.run([*namespace, "sh", "-c", mount], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        allowed = False
    if not allowed:
        pytest.skip("no file system may be mounted here")
    succeeded(script(tmp_path, FULL, *namespace, "sh", "-c", f'{mount} && exec "$@"', "sh"))


LIMITED = """
import signal
run_study(study, here / "whole")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
small, large = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, large))  # a chunk of C has 40 kB
told = refused(here / "store")
assert "cannot write" in told and "File too large" in told and "run it again" in told, told
assert not Store(here / "store").finished()
resource.setrlimit(resource.RLIMIT_FSIZE, (small, large))
assert run_study(study, here / "store").complete
same(here / "store", here / "whole")
"""


def test_files_that_may_not_grow(tmp_path):
    succeeded(script(tmp_path, LIMITED))


def test_a_start_that_was_stopped_is_made_again_and_other_files_are_not_touched(tmp_path):
    begun = """
    begun = here / "begun"
    for name in ("finished", "failed", "data.zarr"):
        (begun / name).mkdir(parents=True)
    assert run_study(study, begun).complete
    (here / "notes").mkdir()
    (here / "notes" / "thesis.txt").write_text("years of work")
    assert "is not empty and holds no sweep" in refused(here / "notes")
    (begun / "study.json").unlink()
    assert "is not empty and holds no sweep" in refused(begun)  # finished chunks of a study that nobody knows
    """
    succeeded(script(tmp_path, "\n".join(line[4:] for line in begun.splitlines())))
