"""`pkpd app` in a real browser: a slider moved, two pages at once, a malformed file, a closed tab."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pkpd

pytest.importorskip("uvicorn", reason="the app needs uvicorn")
playwright = pytest.importorskip("playwright.sync_api", reason="the browser is driven by playwright")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed (apt-get install chromium)"),
]

# Without these Chromium speaks to hosts of its own.
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
LONG = 60_000  # ms: a machine under load turns equations into machine code


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where `pkpd app` listens, started as a user does."""
    command = [sys.executable, "-m", "pkpd", "app", "--no-browser", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        line = server.stderr.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+/", line)
        assert found, line
        yield found[0]
        server.terminate()
        assert server.stderr.read() == ""  # no request failed inside


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium: Any, address: str) -> Iterator[Any]:
    """Opens pages, each in a browser profile of its own, and holds them to no error and no foreign request."""
    contexts, wrong = [], []

    def open_page(width: int = 1280, height: int = 800) -> Any:
        context = chromium.new_context(viewport={"width": width, "height": height}, accept_downloads=True)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(LONG)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.on("request", lambda r: None if r.url.startswith((address, "blob:")) else wrong.append(r.url))
        page.goto(address)
        page.wait_for_selector("body[data-updates]")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


def scene(page: Any) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate("structuredClone(explorer.scene)")
    return found


def shown(page: Any, arm: int, output: int) -> np.ndarray:
    """The course that the page shows, as uPlot has it."""
    values = page.evaluate(
        "([arm, output]) => { const {outputs, points} = explorer.asked.scene;"
        " const from = (arm * outputs.length + output) * points;"
        " return Array.from(explorer.shown.arrays.y.subarray(from, from + points)); }",
        [arm, output],
    )
    return np.array(values)


def settled(page: Any) -> None:
    """Wait until what is shown is what is asked for."""
    page.wait_for_timeout(50)
    for _ in range(600):
        if page.evaluate("explorer.asked && JSON.stringify(explorer.asked.scene) === JSON.stringify(explorer.scene)"):
            return
        page.wait_for_timeout(50)
    raise AssertionError(page.inner_text("#message"))


def shows(page: Any, view: str) -> None:
    """Wait until a view has its numbers."""
    for _ in range(600):
        if page.evaluate("explorer.asked.kind") == view:
            return
        page.wait_for_timeout(50)
    raise AssertionError(page.inner_text("#message"))


def simulated(asked: dict[str, Any], arm: int, output: str) -> np.ndarray:
    """The same course by `simulate`, of the treated arm of `kosinsky_2018` as the page begins with it."""
    model = pkpd.load("kosinsky_2018")
    drug, radiation = asked["arms"][arm]["doses"]
    regimen = pkpd.bolus(drug["amount"], "ip", at=drug["start"], every=drug["every"], n=drug["n"]) + pkpd.fractions(
        radiation["amount"], radiation["n"], start=radiation["start"], per_week=5, duration=radiation["duration"]
    )
    times = np.linspace(0, asked["end"], asked["points"])
    run = pkpd.simulate(model, regimen, times=times, parameters=asked["arms"][arm]["parameters"])
    return np.asarray(run[output])


def test_a_slider_moves_the_curve_to_the_values_of_simulate(opened: Any) -> None:
    page = opened()
    before = page.locator("figure.panel canvas").first.screenshot()
    slider = page.locator("[data-parameter=r]")
    slider.focus()
    for _ in range(40):
        page.keyboard.press("ArrowRight")
    settled(page)
    asked = scene(page)
    moved = asked["arms"][1]["parameters"]["r"]
    assert moved > 0.4
    np.testing.assert_allclose(shown(page, 1, 0), simulated(asked, 1, "V"), rtol=1e-12)
    assert page.locator("figure.panel canvas").first.screenshot() != before
    assert page.locator("#changed-count").inner_text() == "1 changed"
    page.get_by_label("Reset r", exact=True).click()
    settled(page)
    assert scene(page)["arms"][1]["parameters"] == {}


def test_a_slider_of_one_arm_leaves_the_others(opened: Any) -> None:
    page = opened()
    untreated = shown(page, 0, 0)
    page.get_by_role("button", name="Copy").click()
    page.get_by_text("only treated copy").click()
    page.get_by_label("Value of alpha", exact=True).fill("0.5")
    page.keyboard.press("Enter")
    settled(page)
    asked = scene(page)
    assert [arm["parameters"] for arm in asked["arms"]] == [{}, {}, {"alpha": 0.5}]
    np.testing.assert_array_equal(shown(page, 0, 0), untreated)
    np.testing.assert_allclose(shown(page, 2, 0), simulated(asked, 2, "V"), rtol=1e-12)


def test_doses_move_by_keys_and_by_dragging(opened: Any) -> None:
    page = opened()
    radiation = page.locator("[data-series='1.1']")
    radiation.focus()
    page.keyboard.press("ArrowRight")
    settled(page)
    assert scene(page)["arms"][1]["doses"][1]["start"] == 8
    box = page.locator("[data-series='1.1'] .grip").bounding_box()
    page.mouse.move(box["x"] + 8, box["y"] + 8)
    page.mouse.down()
    page.mouse.move(box["x"] + 120, box["y"] + 8, steps=5)
    page.mouse.up()
    settled(page)
    asked = scene(page)
    assert asked["arms"][1]["doses"][1]["start"] > 15
    np.testing.assert_allclose(shown(page, 1, 0), simulated(asked, 1, "V"), rtol=1e-12)


def test_two_browsers_at_once_each_see_their_own(opened: Any) -> None:
    pages = [opened(), opened(1920, 1080)]
    for share in range(10):
        for page, name in zip(pages, ("r", "alpha"), strict=True):
            page.locator(f"[data-parameter={name}]").fill(str(500 + 20 * share))
    for page in pages:
        settled(page)
        asked = scene(page)
        np.testing.assert_allclose(shown(page, 1, 0), simulated(asked, 1, "V"), rtol=1e-12)
    assert [list(scene(page)["arms"][1]["parameters"]) for page in pages] == [["r"], ["alpha"]]


def test_a_malformed_model_file_is_told_and_a_good_one_opens(opened: Any, tmp_path: Path) -> None:
    page = opened()
    wrong, right = tmp_path / "wrong.toml", tmp_path / "right.toml"
    pkpd.write_model(pkpd.load("growth_gompertz"), right)
    wrong.write_text(right.read_text().replace("[model.rates]", "[model.rats]"))
    page.locator("#choose").click()
    page.get_by_text("Open a model file").click()
    page.locator("#model-file").set_input_files(wrong)
    page.locator("#open-model").click()
    page.wait_for_selector("#model-error:not(:empty)")
    assert "Did you mean 'rates'?" in page.inner_text("#model-error")
    page.locator("#model-file").set_input_files(right)
    page.locator("#open-model").click()
    page.wait_for_selector("#models:not([open])", state="attached")
    assert page.inner_text("#model-name") == "growth_gompertz"
    settled(page)
    assert np.isfinite(shown(page, 0, 0)).all()


def test_a_value_outside_its_bounds_is_told_in_place(opened: Any) -> None:
    page = opened()
    page.get_by_label("Value of r", exact=True).fill("-1")
    page.keyboard.press("Enter")
    page.wait_for_selector("#message:not([hidden])")
    assert "'r'" in page.inner_text("#message")
    page.get_by_label("Reset r", exact=True).click()
    page.wait_for_selector("#message[hidden]", state="attached")


def test_a_tab_closed_in_the_middle_does_no_harm(opened: Any) -> None:
    page = opened()
    page.locator("#views [data-view=population]").click()
    page.get_by_label("Members").fill("5000")
    page.keyboard.press("Enter")
    page.close()
    other = opened()
    settled(other)
    np.testing.assert_allclose(shown(other, 1, 0), simulated(scene(other), 1, "V"), rtol=1e-12)


def test_views_data_and_files(opened: Any) -> None:
    page = opened()
    page.locator("#open-data").click()
    page.locator("#data-text").fill("arm,time,output,value\ntreated,7,PDL1,0.5\nnobody,7,PDL1,0.4\n")
    page.locator("#lay-over").click()
    page.wait_for_selector("#notes:has-text('nobody')")
    assert scene(page)["outputs"][-1] == "PDL1"
    files = (("courses", "png", b"\x89PNG"), ("population", "script", b"# What"), ("response", "table", b"arm,"))
    for view, file, begins in files:
        page.locator(f"#views [data-view={view}]").click()
        shows(page, view)
        page.locator("#export summary").click()
        with page.expect_download() as download:
            page.locator(f"#export [data-what={file}]").first.click()
        assert Path(download.value.path()).read_bytes().startswith(begins)
        assert download.value.suggested_filename.startswith(f"kosinsky_2018_{view}.")
    page.get_by_role("button", name="+ second axis").click()
    page.wait_for_selector("#more canvas")
    assert page.locator("#more canvas").count() == 2
