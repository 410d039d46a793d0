"""What is built from the checkout holds all that it needs: sdist -> wheel -> an installation elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import pkpd

ROOT = Path(pkpd.__file__).parent.parent

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (ROOT / "pyproject.toml").exists(), reason="needs the checkout"),
]


def run(*command: str, cwd: Path, **environment: str) -> str:
    done = subprocess.run(command, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the wheel, made from the sdist, was installed; its dependencies are this environment's."""
    place = tmp_path_factory.mktemp("packaging")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(place / "dist"), ".", cwd=ROOT)
    (wheel,) = (place / "dist").glob("*.whl")
    target = place / "site"
    run(sys.executable, "-m", "pip", "install", "--no-deps", "--target", str(target), str(wheel), cwd=place)
    return target


def test_the_wheel_runs_the_quickstart_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    where = run(sys.executable, "-c", "import pkpd; print(pkpd.__file__)", cwd=tmp_path, PYTHONPATH=str(installed))
    assert Path(where.strip()).is_relative_to(installed)
    out = run(sys.executable, "-m", "pkpd", "quickstart", "--out", "q", cwd=tmp_path, PYTHONPATH=str(installed))
    assert "Look first at" in out
    assert (tmp_path / "q" / "timing.png").exists()


def test_the_wheel_has_the_same_catalog(installed: Path, tmp_path: Path) -> None:
    out = run(sys.executable, "-m", "pkpd", "catalog", "--csv", cwd=tmp_path, PYTHONPATH=str(installed))
    assert {line.split(",")[0] for line in out.splitlines()[1:]} == set(pkpd.catalog().index)


def test_types_and_data_are_in_the_wheel(installed: Path) -> None:
    assert (installed / "pkpd" / "py.typed").exists()
    assert (installed / "pkpd" / "fits" / "data" / "mc38_radiation.csv").exists()
    assert not (installed / "models").exists()
    assert not (installed / "tests").exists()
