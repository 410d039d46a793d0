"""Install the peers of the dependency group `bench`, one at a time: ``python -m benchmarks.install``.

One that does not install (numbalsoda is built from source and wants a Fortran compiler
and cmake) is named, and the others are installed all the same.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib

from benchmarks.rounds import ROOT, say

__all__ = ["main"]


def main() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for peer in project["dependency-groups"]["bench"]:
        done = subprocess.run([*pip, peer], capture_output=True, text=True)
        if done.returncode:
            say(f"{peer} does not install: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}")


if __name__ == "__main__":
    main()
