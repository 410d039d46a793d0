"""Install the peers of the dependency group `bench`, one at a time: ``python -m benchmarks.install``.

One that does not install is named, and the others are installed all the same.  Most come
as wheels; numbalsoda and AMICI are built from source, which takes minutes and wants the
compilers that `COMPILERS` names.  CMake and SWIG they bring themselves.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

from benchmarks.rounds import ROOT, say

__all__ = ["main"]

COMPILERS = {"amici": ("g++",), "numbalsoda": ("g++", "gfortran")}  # any that CMake finds; these are Debian's names


def main(project: Path = ROOT / "pyproject.toml") -> list[str]:
    """Install what the project's group names, and return what did not install."""
    group = tomllib.loads(project.read_text(encoding="utf-8"))["dependency-groups"]["bench"]
    return [requirement for requirement in group if not _installed(requirement)]


def _installed(requirement: str) -> bool:
    name = re.split(r"[^\w-]", requirement, maxsplit=1)[0]
    if name in COMPILERS and find_spec(name) is None:
        say(f"building {name} (minutes)")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", requirement],
        capture_output=True, text=True, env={"AMICI_PARALLEL_COMPILE": str(os.cpu_count()), **os.environ},
    )  # fmt: skip
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["no reason given"])[-1].removeprefix("ERROR: ")
        say(f"{name} does not install and will be absent ({why}; pip install {name} says more).{_hint(name)}")
    return not done.returncode


def _hint(name: str) -> str:
    lacking = [program for program in COMPILERS.get(name, ()) if shutil.which(program) is None]
    return f" It is built from source; on Debian: apt install {' '.join(lacking)}." if lacking else ""


if __name__ == "__main__":
    main()
