"""The server of `pkpd app`: what it answers, what it refuses, and that its exports compute what was seen."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import pkpd

pytest.importorskip("starlette", reason="the app needs starlette")
pytest.importorskip("httpx2", reason="the test client of starlette needs httpx")

from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from pkpd.app.answering import Desk
from pkpd.app.describing import listed, slider_range
from pkpd.app.exploring import Explorer
from pkpd.app.frames import decoded
from pkpd.app.messages import LARGEST_MESSAGE, Scene
from pkpd.app.serving import application
from pkpd.app.shelf import Recent, Shelf
from pkpd.model_text.writing import model_text

PAGE = {"host": "localhost:8765", "origin": "http://localhost:8765"}
PK = {
    "model": "pk_2cmt",
    "arms": [
        {"name": "low", "doses": [{"route": "iv", "amount": 100.1, "start": 0.0, "every": 7.0, "n": 3}]},
        {
            "name": 'high, slow "quoted"',
            "doses": [{"route": "iv", "amount": 300.0, "start": 1.0, "n": 1, "duration": 0.5}],
            "parameters": {"CL": 0.31},
        },
    ],
    "outputs": ["C", "central"],
    "end": 28.0,
    "points": 57,
}


class Page:
    """A page in the tests: asks by number, and reads the answer of that number."""

    def __init__(self, socket: Any) -> None:
        self.socket, self.number = socket, 0

    def ask(self, kind: str, **fields: Any) -> tuple[dict[str, Any], dict[str, Any], bytes]:
        self.number += 1
        self.socket.send_text(json.dumps({"id": self.number, "ask": {"kind": kind, **fields}}))
        head, arrays, body = decoded(self.socket.receive_bytes())
        assert head["id"] == self.number
        return head, arrays, body

    def error(self, kind: str, **fields: Any) -> str:
        return str(self.ask(kind, **fields)[0]["error"])


@pytest.fixture(scope="module")
def client() -> Any:
    with TestClient(application(), base_url="http://localhost:8765") as client:
        yield client


@pytest.fixture
def page(client: TestClient) -> Any:
    with client.websocket_connect("/socket", headers=PAGE) as socket:
        yield Page(socket)


def reference(scene: dict[str, Any] = PK) -> dict[str, Any]:
    """The courses of `PK` by `pkpd.simulate`, written by hand."""
    model = pkpd.load("pk_2cmt")
    regimens = {
        "low": pkpd.bolus("100.1 mg", "iv", every=7, n=3),
        scene["arms"][1]["name"]: pkpd.infusion("300 mg", "iv", 0.5, at=1),
    }
    parameters: dict[str, Any] = {"low": {}, scene["arms"][1]["name"]: {"CL": 0.31}}
    times = np.linspace(0, 28, 57)
    return {k: pkpd.simulate(model, r, times=times, parameters=parameters[k]) for k, r in regimens.items()}


# ---- what is answered


def test_courses_are_those_of_simulate_to_the_bit(page: Page) -> None:
    _, arrays, _ = page.ask("courses", scene=PK)
    for i, run in enumerate(reference().values()):
        for k, output in enumerate(PK["outputs"]):
            np.testing.assert_array_equal(arrays["y"][i, k], run[output].to_numpy())


def test_a_description_has_values_sources_bounds_and_a_scene_that_runs(page: Page) -> None:
    head, _, _ = page.ask("describe", model="durvalumab_tumor_immune_rt")
    KD = next(p for p in head["parameters"] if p["name"] == "KD")
    declared = pkpd.load("durvalumab_tumor_immune_rt")["KD"].declaration
    assert (KD["value"], KD["unit"], KD["source"]) == (declared.value, declared.unit, declared.source)
    assert [a["name"] for a in KD["alternatives"]] == [name for name, *_ in declared.alternatives]
    assert KD["low"] <= KD["value"] <= KD["high"]
    first, arrays, _ = page.ask("courses", scene=head["scene"])
    assert first["notes"] == []
    assert np.isfinite(arrays["y"]).all()


def test_weekdays_leave_out_the_weekend() -> None:
    scene = Scene.model_validate_json(
        json.dumps({"model": "kosinsky_2018", "arms": [{"name": "a", "doses": [
            {"route": "radiation", "amount": 2, "start": 7, "n": 6, "duration": 0.001, "weekdays": True}]}],
            "outputs": ["V"], "end": 30})
    )  # fmt: skip
    from pkpd.app.dosing import regimen_of

    model = pkpd.load("kosinsky_2018")
    regimen = regimen_of(model, scene.arms[0].doses)
    assert regimen is not None
    assert regimen.in_time("day").table()["time"].tolist() == [7, 8, 9, 10, 11, 14]


def test_a_population_has_the_percentiles_and_changes_of_its_members(page: Page) -> None:
    scene = {"model": "growth_logistic", "arms": [{"name": "a", "parameters": {"kg": 0.15}}], "outputs": [], "end": 30,
             "points": 31}  # fmt: skip
    model = pkpd.load("growth_logistic")
    output = next(iter(model.outputs), model.states[0].name)
    scene["outputs"] = [output]
    people = {"members": 50, "seed": 3, "spread": {"kg": 0.4}, "change": output}
    head, arrays, _ = page.ask("population", scene=scene, population=people)
    own = model.using(kg=0.15)
    drawn = pkpd.population(own, 50, 3, variability={"kg": pkpd.lognormal(cv=0.4)})
    run = pkpd.simulate(own, times=np.linspace(0, 30, 31), parameters=drawn)
    np.testing.assert_allclose(arrays["bands"][0, 0], np.percentile(run[output], [5, 50, 95], axis=0), rtol=1e-12)
    best = pkpd.best_change(run, output)
    np.testing.assert_allclose(arrays["change"][0], np.sort(best)[::-1], rtol=1e-12)
    assert head["notes"] == []


def test_a_population_beyond_memory_is_refused(page: Page) -> None:
    people = {"members": 20_000, "spread": {"CL": 0.2}, "change": "C"}
    assert "at most 50,000,000" in page.error("population", scene={**PK, "points": 5000}, population=people)


def test_a_waterfall_without_a_baseline_is_told(page: Page) -> None:
    people = {"members": 5, "spread": {"CL": 0.2}, "change": "C"}
    head, arrays, _ = page.ask("population", scene=PK, population=people)
    assert "needs a baseline of more than 0" in head["no_change"]
    assert "bands" in arrays


def test_a_response_is_that_of_reduce(page: Page) -> None:
    axes = [{"parameter": "V1", "first": 1.0, "last": 9.0, "count": 3}]
    head, arrays, _ = page.ask("response", scene=PK, response={"axes": axes, "output": "C", "kind": "auc"})
    model = pkpd.load("pk_2cmt").using(CL=0.31)
    run = pkpd.simulate(
        model, pkpd.infusion("300 mg", "iv", 0.5, at=1), times=np.linspace(0, 28, 57),
        parameters=pkpd.grid(V1=[1.0, 5.0, 9.0]), reduce={"auc": ("C", "auc")},
    )  # fmt: skip
    np.testing.assert_allclose(arrays["z"][1], run["auc"], rtol=1e-12)
    assert head["units"] == run["auc"].attrs["units"]


def test_data_in_another_unit_are_converted_or_refused(page: Page) -> None:
    text = "arm,time,output,value,unit\nlow,1,C,20000,ug/L\nlow,2,C,15,mg/L\n"
    head, _, _ = page.ask("data", scene=PK, text=text)
    assert [one["value"] for one in head["series"]] == [[pytest.approx(20), 15]]
    assert "cannot be converted to mg/L" in page.error("data", scene=PK, text=text.replace("ug/L", "nmol"))
    _, body = export(page, "script", data=text)
    assert "20000" not in body.decode()
    assert "low,1.0,C,20.0" in body.decode()


def test_data_are_matched_with_arms_by_name(page: Page) -> None:
    head, _, _ = page.ask("data", scene=PK, text="arm,time,output,value\nlow,1,C,20\nlow,2,C,15\nother,1,C,9\n")
    assert head["unmatched"] == ["other"]
    assert head["series"][0]["value"] == [20, 15]
    assert page.error("data", scene=PK, text="arm,time,output,value\nlow,1,C,x\n").startswith("data.csv, line 2")
    assert "has no state or output 'CC'" in page.error("data", scene=PK, text="arm,time,output,value\nlow,1,CC,2\n")


def test_a_model_as_text_is_opened_and_found_again(page: Page, client: TestClient) -> None:
    text = model_text(pkpd.load("pk_1cmt")).replace('name = "pk_1cmt"', 'name = "mine"')
    head, _, _ = page.ask("open", text=text)
    assert head["name"] == "mine"
    with client.websocket_connect("/socket", headers=PAGE) as other:
        _, arrays, _ = Page(other).ask("courses", scene=head["scene"])
    assert np.isfinite(arrays["y"]).all()


# ---- what is refused


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model = 1", "model"),
        ("[model", "is not TOML"),
        ('[model]\nname = "m"\ntime = "day"\n[model.rates]\nT = "__import__(\'os\')"\n', "line"),
        ("", "lacks the table [model]"),
    ],
)
def test_a_malformed_model_is_told_with_its_place(page: Page, text: str, words: str) -> None:
    assert words in page.error("open", text=text)
    assert "notes" in page.ask("courses", scene=PK)[0]


def changed(**fields: Any) -> dict[str, Any]:
    """`PK` with one arm, and other fields of the scene or of the arm."""
    arm = {"name": "a", "doses": [], "parameters": {}}
    arm |= {k: fields.pop(k) for k in ("doses", "parameters") if k in fields}
    return {**PK, "arms": [arm], **fields}


@pytest.mark.parametrize(
    ("scene", "words"),
    [
        (changed(parameters={"cl": 0.2}), "Did you mean 'CL'?"),
        (changed(parameters={"CL": -1.0}), "'CL'"),
        (changed(doses=[{"route": "ivv", "amount": 1.0}]), "Did you mean 'iv'?"),
        (changed(doses=[{"route": "iv", "amount": 1.0, "weekdays": True}]), "expected that of radiation"),
        (changed(outputs=["CC"]), "CC"),
        (changed(model="pk_3"), "Did you mean"),
        (changed(model="../../etc/passwd"), "has no model"),
        (changed(model="text-000000000000"), "open its file again"),
        (changed(model="effect_cmt"), "is a part that needs C from others"),
        (changed(end=-1.0), "end is -1.0"),
        (changed(points=10**9), "points is 1000000000"),
        (changed(doses=[{"route": "iv", "amount": "1; import os"}]), "row of doses 1, amount is"),
        (changed(outputs=["C"], spare=1), "extra inputs"),
        (changed(doses=[{"route": "iv", "amount": 1.0, "n": 10**6}]), "less than or equal to 1000"),
    ],
)
def test_a_scene_that_is_not_possible_is_told_in_place(page: Page, scene: dict[str, Any], words: str) -> None:
    assert words in page.error("courses", scene=scene)
    assert "error" not in page.ask("courses", scene=PK)[0]


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"id": 7}', '{"id": "x", "ask": {}}', "\u0000", "[" * 50_000])
def test_what_is_no_message_is_answered_by_a_sentence(page: Page, text: str) -> None:
    page.socket.send_text(text)
    head, _, _ = decoded(page.socket.receive_bytes())
    assert head["error"]
    assert "error" not in page.ask("courses", scene=PK)[0]


def test_bytes_and_a_number_that_is_not_finite_are_refused(page: Page) -> None:
    page.socket.send_bytes(b"\x00\x01")
    assert "expected text" in decoded(page.socket.receive_bytes())[0]["error"]
    page.socket.send_text(json.dumps({"id": 1, "ask": {"kind": "courses", "scene": {**PK, "end": float("nan")}}}))
    assert "end" in decoded(page.socket.receive_bytes())[0]["error"]


def test_an_oversize_message_closes_its_socket_alone(client: TestClient, page: Page) -> None:
    with client.websocket_connect("/socket", headers=PAGE) as other:
        other.send_text("x" * (LARGEST_MESSAGE + 1))
        with pytest.raises(WebSocketDisconnect) as closed:
            other.receive_bytes()
        assert closed.value.code == 1009
    assert "error" not in page.ask("courses", scene=PK)[0]


def test_a_socket_that_is_closed_before_its_answer_does_no_harm(client: TestClient, page: Page) -> None:
    ask = {"kind": "population", "scene": PK, "population": {"members": 2000, "spread": {"CL": 0.3}, "change": "C"}}
    with client.websocket_connect("/socket", headers=PAGE) as other:
        other.send_text(json.dumps({"id": 1, "ask": ask}))
    assert "error" not in page.ask("courses", scene=PK)[0]


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "localhost:8765", "origin": "http://evil.example"},
        {"host": "localhost:8765", "origin": "http://localhost:9999"},
        {"host": "localhost:8765", "origin": "null"},
        {"host": "evil.example:8765", "origin": "http://evil.example:8765"},
        {"host": "localhost.evil.example", "origin": "http://localhost.evil.example"},
        {"host": "[", "origin": "http://["},
        {"host": "localhost:8765"},
    ],
)
def test_a_socket_of_another_page_is_refused(client: TestClient, headers: dict[str, str]) -> None:
    with pytest.raises(WebSocketDisconnect) as refused, client.websocket_connect("/socket", headers=headers):
        pass
    assert refused.value.code == 1008


def test_pages_are_served_to_this_machine_alone(client: TestClient) -> None:
    served = client.get("/")
    assert served.status_code == 200
    assert "default-src 'self'" in served.headers["content-security-policy"]
    assert client.get("/", headers={"host": "evil.example"}).status_code == 403
    assert client.get("/", headers={"origin": "http://evil.example"}).status_code == 403
    for path in ("/../pyproject.toml", "/%2e%2e/serving.py", "/..%2fserving.py", "/nothing.js"):
        assert client.get(path).status_code == 404


def test_no_asset_comes_from_elsewhere() -> None:
    static = Path(pkpd.__file__).parent / "app" / "static"
    for path in static.iterdir():
        if path.suffix in (".html", ".css", ".js", ".svg") and not path.name.startswith("uPlot"):
            text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
            assert "http://" not in text, path
            assert "https://" not in text, path
            assert "eval(" not in text, path
    assert (static / "uPlot.LICENSE").exists()


# ---- what is taken away


def export(page: Page, what: str, **fields: Any) -> tuple[str, bytes]:
    head, _, body = page.ask("export", what=what, scene=fields.pop("scene", PK), **fields)
    assert "error" not in head, head
    return head["name"], body


def shared() -> dict[str, Any]:
    """`PK` with parameters that its arms share."""
    return {**PK, "arms": [{**arm, "parameters": {"CL": 0.31}} for arm in PK["arms"]]}  # type: ignore[union-attr]


def run_script(body: bytes, folder: Path) -> None:
    (folder / "seen.py").write_bytes(body)
    done = subprocess.run([sys.executable, "seen.py"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_table_of_courses_holds_what_was_seen(page: Page) -> None:
    name, body = export(page, "table")
    table = pd.read_csv(io.BytesIO(body))
    assert name == "pk_2cmt_courses.csv"
    assert list(table) == ["arm", "time", "output", "value"]
    for arm, run in reference().items():
        own = table[(table["arm"] == arm) & (table["output"] == "C")]
        np.testing.assert_allclose(own["value"], run["C"], rtol=1e-15)


@pytest.mark.slow
def test_the_script_of_courses_gives_the_same_numbers(page: Page, tmp_path: Path) -> None:
    data = 'arm,time,output,value\nlow,1,C,20.5\n"high, slow ""quoted""",2,C,15\n'
    _, body = export(page, "script", data=data)
    run_script(body, tmp_path)
    _, table = export(page, "table")
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "courses.csv"), pd.read_csv(io.BytesIO(table)))
    assert (tmp_path / "C.png").stat().st_size > 5_000


@pytest.mark.slow
def test_the_script_of_a_population_gives_the_same_numbers(page: Page, tmp_path: Path) -> None:
    head, _, _ = page.ask("open", text=model_text(pkpd.load("durvalumab_baverel_2018")))
    scene = {**head["scene"], "points": 20, "outputs": ["C"]}
    scene["arms"] = [{**arm, "parameters": {"WT": 61.5}} for arm in scene["arms"]]
    people = {"members": 40, "seed": 5, "spread": {"Q": 0.25, "CL": 0.5}, "change": "C"}
    _, body = export(page, "script", scene=scene, population=people)
    run_script(body, tmp_path)
    _, arrays, _ = page.ask("population", scene=scene, population=people)
    table = pd.read_csv(tmp_path / "population.csv")
    own = table[(table["arm"] == "treated") & (table["quantile"] == 0.95)]
    np.testing.assert_allclose(own["value"], arrays["bands"][1, 0, 2], rtol=1e-12)


@pytest.mark.slow
def test_the_script_of_a_response_gives_the_same_numbers(page: Page, tmp_path: Path) -> None:
    axes = [
        {"parameter": "V1", "first": 1.0, "last": 9.0, "count": 4, "log": True},
        {"parameter": "CL", "first": 0.1, "last": 0.7, "count": 3},
    ]
    asked = {"axes": axes, "output": "C", "kind": "max"}
    _, body = export(page, "script", response=asked)
    run_script(body, tmp_path)
    _, table = export(page, "table", response=asked)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "response.csv"), pd.read_csv(io.BytesIO(table)))


@pytest.mark.slow
@pytest.mark.parametrize("view", ["courses", "population", "response"])
def test_pkpd_sweep_takes_the_study(page: Page, tmp_path: Path, view: str) -> None:
    pytest.importorskip("zarr", reason="a sweep is stored by zarr")
    people = {"members": 7, "spread": {"CL": 0.3}, "change": "C"}
    asked = {"axes": [{"parameter": "V1", "first": 1.0, "last": 9.0, "count": 3}], "output": "C", "kind": "auc"}
    fields = {"courses": {}, "population": {"population": people}, "response": {"response": asked}}[view]
    scene = shared()
    _, body = export(page, "study", scene=scene, **fields)
    (tmp_path / "seen.toml").write_bytes(body)
    if view == "population":
        command = [sys.executable, "-m", "pkpd", "sweep", "seen.toml", "--out", "out"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    else:  # what that command calls
        pkpd.run_study(pkpd.read_study(tmp_path / "seen.toml"), tmp_path / "out")
    swept = pkpd.open_sweep(tmp_path / "out").load()
    if view == "response":
        _, arrays, _ = page.ask("response", scene=scene, response=asked)
        np.testing.assert_allclose(swept["response"].transpose("arm", "member"), arrays["z"], rtol=1e-12)
    elif view == "population":
        _, arrays, _ = page.ask("population", scene=scene, population=people)
        median = swept["C"].transpose("arm", "time", "member").median("member")
        np.testing.assert_allclose(median, arrays["bands"][:, 0, 1], rtol=1e-12)
    else:
        _, arrays, _ = page.ask("courses", scene=scene)
        np.testing.assert_array_equal(swept["C"].transpose("arm", "member", "time")[:, 0], arrays["y"][:, 0])


def test_a_study_of_arms_that_differ_names_what_differs(page: Page) -> None:
    assert "differ in 'CL'" in page.error("export", what="study", scene=PK)
    _, body = export(page, "study", arm="low")
    assert b"[regimens]" in body
    assert "has no arm 'lo'" in page.error("export", what="study", scene=PK, arm="lo")


@pytest.mark.parametrize(("what", "begins"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_figures_are_drawn_off_screen(page: Page, what: str, begins: bytes) -> None:
    name, body = export(page, what)
    assert name == f"pk_2cmt_courses.{what}"
    assert body.startswith(begins)


@pytest.mark.slow
@pytest.mark.parametrize("axes", [1, 2])
def test_figures_of_populations_and_responses(page: Page, axes: int) -> None:
    people = {"members": 30, "spread": {"CL": 0.3}, "change": "central"}
    rows = [{"parameter": p, "first": 0.1, "last": 0.9, "count": 5} for p in ("CL", "V1")][:axes]
    seen = {"population": people} if axes == 1 else {}
    for fields in (seen, {"response": {"axes": rows, "output": "C"}}):
        assert export(page, "png", **fields)[1].startswith(b"\x89PNG")


# ---- parts


def test_recent_things_are_kept_and_the_oldest_goes() -> None:
    kept: Recent[int] = Recent(2)
    for key in "ab":
        kept.keep(key, ord(key))
    assert kept.made("a", lambda: 0) == ord("a")
    kept.keep("c", 3)
    assert (len(kept), kept.find("b"), kept.find("a")) == (2, None, ord("a"))


def test_a_settled_problem_serves_every_value_of_a_slider() -> None:
    explorer = Explorer(Shelf())
    scene = Scene.model_validate_json(json.dumps(PK))
    explorer.courses(scene)
    settled = dict(explorer._prepared._things)
    moved = [arm.model_copy(update={"parameters": {"CL": 0.5}}) for arm in scene.arms]
    explorer.courses(scene.model_copy(update={"arms": tuple(moved)}))
    assert explorer._prepared._things == settled


@pytest.mark.parametrize(
    ("value", "bounds", "expected"),
    [
        (0.5, (0.0, 1.0), (0.0, 1.0, False)),
        (3.0, (0.0, np.inf), (0.3, 30.0, True)),
        (3.0, (1.0, np.inf), (1.0, 30.0, False)),
        (0.0, (-np.inf, np.inf), (-1.0, 1.0, False)),
        (-4.0, (-np.inf, 0.0), (-8.0, 0.0, False)),
    ],
)
def test_a_slider_goes_where_it_makes_sense(value: float, bounds: Any, expected: tuple[float, float, bool]) -> None:
    assert slider_range(value, bounds) == pytest.approx(expected)


@pytest.mark.parametrize("name", ["kosinsky_2018", "de_pillis_2009", "claret_2009", "pk_1cmt_oral"])
def test_a_model_begins_with_a_scene_that_it_can_run(name: str) -> None:
    desk = Desk()
    scene = Scene.model_validate_json(json.dumps(desk._described(name).head["scene"]))
    frame = desk.explorer.courses(scene)
    assert np.isfinite(frame.arrays["y"]).all()
    assert frame.head["notes"] == []


@pytest.mark.slow
def test_the_list_holds_every_model_that_runs_alone() -> None:
    names = {row["name"] for row in listed()}
    assert {"kosinsky_2018", "durvalumab_radiotherapy_nsclc"} <= names < set(pkpd.catalog().index)
    assert "effect_cmt" not in names


def test_the_command_names_the_extra_where_it_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(pkpd.MissingExtraError, match=r'pip install "pkpd\[app\]"'):
        application()


def test_the_command_takes_models_of_the_library_and_text_and_runs_no_python(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text("raise SystemExit('ran')")
    for word, message in (("pk_2cm", "Did you mean 'pk_2cmt'?"), ("model.py", "is a program"), ("no.toml", "no file")):
        done = subprocess.run(
            [sys.executable, "-m", "pkpd", "app", word, "--no-browser", "--port", "0"],
            cwd=tmp_path, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert (done.returncode, message in done.stderr) == (1, True), done.stderr


def test_a_part_is_refused_before_anything_is_served() -> None:
    with pytest.raises(pkpd.ModelError, match="is a part that needs C from others"):
        pkpd.explore(pkpd.load("effect_cmt"), port=0, browser=False)


def test_a_port_that_is_taken_is_named() -> None:
    import socket

    from pkpd.app.serving import explore

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(pkpd.SimulationError, match=f"port {port} .* --port 0"):
            explore(port=port, browser=False)
