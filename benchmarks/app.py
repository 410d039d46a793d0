"""The section ``app``: what `pkpd app` redraws in a headless Chromium while a slider moves."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.rounds import ROOT, say
from benchmarks.scale import Scale
from benchmarks.tables import Table

__all__ = ["app_table"]

MODELS = {"kosinsky_2018": "r", "durvalumab_radiotherapy_nsclc": "kg"}  # and the slider that moves
EVENTS = 120  # a second: more than a hand makes
MEMBERS = 1000
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--no-first-run")  # fmt: skip

# Moves a slider for some seconds, and counts the answers that were drawn.
_MOVE = """async ([name, seconds, rate]) => {
  const slider = document.querySelector(`[data-parameter="${name}"]`);
  const drawn = () => Number(document.body.dataset.updates);
  const before = drawn(), begun = performance.now();
  let events = 0;
  while (performance.now() < begun + 1000 * seconds) {
    slider.value = 300 + (events++ * 7) % 400;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    await new Promise((done) => setTimeout(done, 1000 / rate));
  }
  const took = (performance.now() - begun) / 1000;
  return [events / took, (drawn() - before) / took];
}"""


def app_table(scale: Scale) -> Table:
    """Redraws a second of courses and of a population, for a small model and the flagship."""
    title = "The app in the browser"
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return Table("app", title, [], ["playwright is not installed, so nothing was measured."])
    if chromium is None:
        return Table("app", title, [], ["chromium is not installed, so nothing was measured."])
    seconds = 10 if scale.everything else 3
    with _server() as address, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        rows = [row for model in MODELS for row in _rows(page, address, model, seconds)]
        browser.close()
    remarks = [
        f"A slider moves {EVENTS} times a second; redraws are answers drawn by the page, one request in flight and "
        "the newest value waiting. Two arms, 300 times, three outputs or two; headless Chromium draws in software on "
        f"the same cores. The population has {MEMBERS} members in each arm. The load is that of the machine before "
        "the row, this run included."
    ]
    return Table("app", title, rows, remarks)


@contextmanager
def _server() -> Iterator[str]:
    command = [sys.executable, "-m", "pkpd", "app", "--no-browser", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT) as server:
        assert server.stderr is not None
        found = re.search(r"http://\S+", server.stderr.readline())
        assert found is not None
        yield found[0]
        server.terminate()


def _rows(page: Any, address: str, model: str, seconds: float) -> Iterator[dict[str, Any]]:
    page.goto(address)
    page.wait_for_selector("body[data-updates]", timeout=60_000)
    page.click("#choose")
    page.click(f"#model-list button:has(b:text-is('{model}'))", timeout=60_000)
    page.wait_for_selector(f"#model-name:text-is('{model}')", timeout=60_000)
    page.wait_for_timeout(5000)  # machine code
    yield _row(page, model, "courses", seconds)
    page.click("#views [data-view=population]")
    page.get_by_label("Members").fill(str(MEMBERS))
    page.keyboard.press("Enter")
    page.wait_for_timeout(5000)
    yield _row(page, model, "population", seconds)


def _row(page: Any, model: str, view: str, seconds: float) -> dict[str, Any]:
    say(f"app: {view} of {model}")
    load = os.getloadavg()[0]
    events, redraws = page.evaluate(_MOVE, [MODELS[model], seconds, EVENTS])
    return {
        "model": model,
        "view": view,
        "events/s": round(events, 1),
        "redraws/s": round(redraws, 1),
        "ms a redraw": round(1000 / redraws) if redraws else None,
        "load": round(load, 1),
    }
