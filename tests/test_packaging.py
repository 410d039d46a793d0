"""What is built from the checkout holds all that it needs: sdist -> wheel -> an installation elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import pkpd

ROOT = Path(pkpd.__file__).parent.parent

pytestmark = pytest.mark.skipif(not (ROOT / "pyproject.toml").exists(), reason="needs the checkout")


def run(*command: str, cwd: Path, **environment: str) -> str:
    done = subprocess.run(command, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_package_of_the_checkout_is_in_the_wheel() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    folders = [path.parent for top in ("pkpd", "models", "fits") for path in (ROOT / top).rglob("__init__.py")]
    names = {".".join(("pkpd", *folder.relative_to(ROOT).parts)).replace("pkpd.pkpd", "pkpd") for folder in folders}
    assert names | {"pkpd.app.static", "pkpd.fits.data"} == set(listed["packages"])
    for name, folder in listed["package-dir"].items():
        assert (ROOT / folder).is_dir(), f"{name} lies in {folder}, which is not there"
    elsewhere = {name for name in listed["packages"] if name.startswith(("pkpd.models", "pkpd.fits"))}
    assert elsewhere <= set(listed["package-dir"])


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the wheel, made from the sdist, was installed; its dependencies are this environment's."""
    place = tmp_path_factory.mktemp("packaging")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(place / "dist"), ".", cwd=ROOT)
    (wheel,) = (place / "dist").glob("*.whl")
    target = place / "site"
    run(sys.executable, "-m", "pip", "install", "--no-deps", "--target", str(target), str(wheel), cwd=place)
    return target


@pytest.mark.slow
def test_the_wheel_runs_the_quickstart_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    where = run(sys.executable, "-c", "import pkpd; print(pkpd.__file__)", cwd=tmp_path, PYTHONPATH=str(installed))
    assert Path(where.strip()).is_relative_to(installed)
    out = run(sys.executable, "-m", "pkpd", "quickstart", "--out", "q", cwd=tmp_path, PYTHONPATH=str(installed))
    assert "Look first at" in out
    assert (tmp_path / "q" / "timing.png").exists()


@pytest.mark.slow
def test_the_wheel_has_the_same_catalog(installed: Path, tmp_path: Path) -> None:
    out = run(sys.executable, "-m", "pkpd", "catalog", "--csv", cwd=tmp_path, PYTHONPATH=str(installed))
    assert {line.split(",")[0] for line in out.splitlines()[1:]} == set(pkpd.catalog().index)


@pytest.mark.slow
def test_types_and_data_are_in_the_wheel(installed: Path) -> None:
    assert (installed / "pkpd" / "py.typed").exists()
    assert (installed / "pkpd" / "fits" / "data" / "mc38_radiation.csv").exists()
    assert (installed / "pkpd" / "fits" / "mc38_radiation.toml").exists()
    assert not (installed / "models").exists()
    assert not (installed / "tests").exists()
