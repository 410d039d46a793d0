"""Pages of models: every model has one, it says everything, and what it tells to run runs."""

from __future__ import annotations

import itertools
import re
import shlex
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import sympy
from examples import growth
from helpers import mostly_slow, run_here
from markdown_it import MarkdownIt

import pkpd
from pkpd.library import examples
from pkpd.library.markdown import escaped, prose
from pkpd.library.pages import page
from pkpd.library.probing import evaluate, points
from pkpd.symbolic import writing
from pkpd.symbolic.symbols import Parameter
from pkpd.treatment.typed_doses import parse_regimen
from pkpd.treatment.typed_times import parse_times

NAMES = list(pkpd.catalog().index)
REPRESENTATIVE = [
    "kosinsky_2018",  # a rate route, a jump route, an event
    "pk_2cmt_oral",  # two routes
    "de_pillis_2009",  # doses of cells and units of activity
    "struemper_2025",  # weeks, no route
    "greene_2019",  # no unit of time
    "galante_2012",  # hours
    "pdl1_occupancy",  # no state, and a given that nothing supplies
]


Row = tuple[str, ...]


def plain(text: str) -> str:
    """Markdown without its escapes."""
    return re.sub(r"\\([\\*<>$|#\[\]_])", r"\1", text)


def rows_of(text: str) -> list[Row]:
    """The cells of a table, the names of its columns first."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[plain(cell.strip()) for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return [tuple(row) for row in (cells[0], *cells[2:])]


def columns(name: str, title: str) -> Row:
    return rows_of(page(name).sections[title])[0]


def rows(name: str, title: str) -> list[Row]:
    return rows_of(page(name).sections[title])[1:] if title in page(name).sections else []


def executed(name: str) -> dict[str, object]:
    namespace: dict[str, object] = {}
    exec(examples.snippet(pkpd.load(name)), namespace)  # our own text, from our own library
    return namespace


# ---- what a page says


@pytest.mark.parametrize("name", mostly_slow(NAMES))
def test_every_model_has_a_page(name: str) -> None:
    model, found = pkpd.load(name), page(name)
    text = found.markdown()
    for title in ("Source", "Equations", "How to run it", "Lint", "Identity"):
        assert f"\n\n## {title}\n\n{found.sections[title]}\n" in text
    assert text.startswith("# ")
    assert model.hash in text
    assert "\\begin{aligned}" in text
    assert [row[0] for row in rows(name, "States")] == [s.name for s in model.states]
    assert [row[0] for row in rows(name, "Parameters")] == [s.name for s in model.settable]
    assert [row[0] for row in rows(name, "Outputs")] == list(model.outputs)
    assert [row[0] for row in rows(name, "Routes")] == list(model.routes)


@pytest.mark.parametrize("name", mostly_slow(NAMES))
def test_no_word_of_the_description_is_lost(name: str) -> None:
    model, sections = pkpd.load(name), page(name).sections
    texts = [sections.get(title, "") for title in ("Description", "Source", "Changes, defects and validity")]
    pieces = re.split(r"^```(?:text)?\n?", "\n\n".join(texts), flags=re.M)
    words = "".join(piece if i % 2 else plain(piece) for i, piece in enumerate(pieces)).split()
    assert words == model.description.strip().partition("\n")[2].replace("Source:", "", 1).split()


@pytest.mark.parametrize("name", mostly_slow(NAMES))
def test_tables_keep_their_columns(name: str) -> None:
    lines = page(name).markdown().splitlines()
    blocks = [list(b) for is_table, b in itertools.groupby(lines, lambda line: line.startswith("|")) if is_table]
    assert blocks
    for head, rule, *rows in blocks:
        assert set(rule) <= set("| -")
        assert {len(re.findall(r"(?<!\\)\|", line)) for line in (head, rule, *rows)} == {rule.count("|")}


def test_what_a_page_says_of_a_parameter_and_a_route() -> None:
    names = columns("rauf_2025", "Parameters")
    parameters = {row[0]: dict(zip(names, row, strict=True)) for row in rows("rauf_2025", "Parameters")}
    assert parameters["A"]["value"] == "6.12"
    assert parameters["A"]["alternatives"] == "fig4a: 15.3 (Rauf 2025, fig4a.m)"
    assert parameters["A"]["bounds"] == "from 0"
    assert "omega" not in names
    assert "omega" in columns("kosinsky_2018", "Parameters")
    routes = {row[0]: row[1:] for row in rows("kosinsky_2018", "Routes")}
    assert routes["radiation"] == ("Gy", "at a constant rate: every dose has a duration", "TV, TVd, U")
    assert routes["ip"] == ("nmol", "added: at once, or as an infusion", "Aip")
    assert rows("rauf_2025", "Routes")[0][2] == "a jump: at once"
    assert rows("kosinsky_2018", "Events") == [("TV + TVd < V_min", "TV = 0")]
    starts = {row[0]: row[3:] for row in rows("tmdd_full", "States")}
    assert starts["Rec"][0] == "ksyn/kdeg"
    full = pkpd.load("tmdd_full")
    values = {s.name: s.value for s in full.settable if isinstance(s, Parameter)}
    assert float(starts["Rec"][1]) == pytest.approx(values["ksyn"] / values["kdeg"], rel=1e-3)


def test_findings_are_on_the_page() -> None:
    model = pkpd.load("saad_2017").using(E0=0)
    assert "stuck-at-zero" in page(model).sections["Lint"]
    assert page("saad_2017").sections["Lint"] == "No findings."


def test_a_model_outside_the_library_has_a_page_without_a_way_to_load_it() -> None:
    found = page(growth)
    assert "How to run it" not in found.sections
    assert "dT/dt = kg*V" in found.markdown() or "dT/dt = kg*T" in found.markdown()


def test_markup_in_words_is_escaped_and_code_is_not() -> None:
    import dataclasses

    model = dataclasses.replace(growth, description="T*\n\nSo a*b and _c_ in <d> but k_RT, `x*y`.\n\n    a*b = 3\n")
    text = page(model).markdown()
    assert "# T\\*" in text
    assert "So a\\*b and \\_c\\_ in \\<d\\> but k_RT, `x*y`." in text
    assert "\na*b = 3\n" in text


@pytest.mark.parametrize("text", ["- 3 is less", "+ or so", "1. the first", "12) and more", "a_b*c_ [x](y) | <z>"])
def test_a_paragraph_stays_a_paragraph(text: str) -> None:
    (opened, inline, closed) = MarkdownIt().parse(prose(text))
    assert (opened.type, closed.type) == ("paragraph_open", "paragraph_close")
    assert inline.children is not None
    assert "".join(child.content for child in inline.children) == text
    assert escaped("`a*b`") == "`a*b`"


# ---- equations by the names of outputs


def test_an_output_stands_by_its_name() -> None:
    lines = writing.equation_lines(pkpd.load("kosinsky_2018"), folded=True)
    assert "ddT/dt = -k_apo*dT + k_dif*nT*IAR" in lines
    assert "ISC = Ag/(S_R + Ag)" in lines
    assert "V = TV + TVd" in lines
    assert "dcentral/dt = -CL*C" in writing.equation_lines(pkpd.load("pk_1cmt"), folded=True)
    assert pkpd.load("pk_1cmt").equations().startswith("dcentral/dt = -CL*C\n")
    assert pkpd.load("pk_1cmt").equations(folded=False).startswith("dcentral/dt = -CL*central/V\n")


@pytest.mark.parametrize("name", [n for n in NAMES if pkpd.load(n).outputs])
def test_folded_equations_mean_the_same(name: str) -> None:
    model = pkpd.load(name)
    at = points(model, 50)
    outputs = {sympy.Symbol(k, real=True): out.expression for k, out in model.outputs.items()}
    for s, rate in (*model.rates.items(), *model.terms.items()):
        unfolded = writing._folded(model, rate, "")
        while unfolded.free_symbols & outputs.keys():
            unfolded = unfolded.xreplace(outputs)
        expected = evaluate(rate, at)
        sound = np.isfinite(expected)
        np.testing.assert_allclose(evaluate(unfolded, at)[sound], expected[sound], rtol=1e-6, err_msg=s.name)


# ---- how to run it


@pytest.mark.parametrize("name", [n if n in REPRESENTATIVE else pytest.param(n, marks=pytest.mark.slow) for n in NAMES])
def test_the_snippet_runs_and_its_doses_do_something(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    done = executed(name)
    run, model = done["run"], done["model"]
    assert (run["status"] == 0).all()
    assert "time" in capsys.readouterr().out
    if model.routes:
        untreated = pkpd.simulate(model, times=run["time"].values)
        changed = {s.name for s in model.states if not np.allclose(run[s.name], untreated[s.name], rtol=1e-3, atol=0)}
        reached = {s.name for route in model.routes.values() for s in route.jumps}
        assert reached <= changed
        assert changed


@pytest.mark.parametrize("name", NAMES)
def test_the_command_says_the_same_as_the_snippet(name: str) -> None:
    model = pkpd.load(name)
    line = examples.command(model)
    if line is None:
        assert "compose" in examples.snippet(model)
        return
    words = shlex.split(line.replace("\\\n", " "))
    assert words[:3] == ["pkpd", "simulate", name]
    typed = parse_regimen([after for word, after in itertools.pairwise(words) if word == "--dose"])
    shown = sum((eval(c.python(), {"pkpd": pkpd}) for c in examples.courses(model)), pkpd.Regimen())
    times = parse_times(words[words.index("--times") + 1], "--times")
    assert np.array_equal(times, range(examples.horizon(model) + 1))
    assert doses_of(typed) == doses_of(shown)


def doses_of(regimen: pkpd.Regimen) -> list[tuple[object, ...]]:
    table = regimen.table().fillna(0).astype({"time": float, "duration": float})
    return sorted(table.itertuples(index=False, name=None), key=str)


def test_amounts_are_of_the_size_of_what_they_reach() -> None:
    amounts = {c.route: (c.amount, c.unit) for c in examples.courses(pkpd.load("de_pillis_2009"))}
    assert amounts["til"] == (5e5, "cell/L")  # L0 is 526800
    assert amounts["il2"] == (1000, "IU/L")  # I0 is 1073
    assert examples.courses(pkpd.load("durvalumab_baverel_2018"))[0].amount == pytest.approx(200)  # 50 mg/L in 3.5 L
    assert examples.courses(pkpd.load("kosinsky_2018"))[1].amount == pytest.approx(0.9)  # 300 nM in 3 mL
    assert all(0 < c.amount < 1e9 for name in NAMES for c in examples.courses(pkpd.load(name)))


# ---- the commands


def test_show_prints_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run_here(capsys, "show", "kosinsky_2018")
    assert (code, err) == (0, "")
    for title in page("kosinsky_2018").sections:
        assert f"\n{title}" in out
    assert "k_dif*nT*IAR" in out
    assert 'pkpd.bolus("0.9 nmol", "ip"' in out
    assert "\\frac" not in out
    assert "\\_" not in out
    for cell in (cell for row in rows("kosinsky_2018", "Parameters") for cell in row[:4]):
        assert cell in out


def test_what_the_terminal_shows_can_be_copied_and_run(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run_here(capsys, "show", "pk_2cmt_oral")
    line = examples.command(pkpd.load("pk_2cmt_oral"))
    assert line is not None
    assert textwrap.indent(line, "    ") + "\n" in out  # nothing stands after the backslash of a line
    assert textwrap.indent(examples.snippet(pkpd.load("pk_2cmt_oral")), "    ") + "\n" in out


def test_pages_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run_here(capsys, "page", "pk_1cmt", "growth_linear", "--out", str(tmp_path / "new"))
    assert (code, out) == (0, "")
    assert err.count("wrote") == 4
    assert {p.name for p in (tmp_path / "new").iterdir()} == {
        f"{n}.{k}" for n in ("pk_1cmt", "growth_linear") for k in ("md", "png")
    }
    for name in ("pk_1cmt", "growth_linear"):
        written = (tmp_path / "new" / f"{name}.md").read_text(encoding="utf-8")
        assert written.count(f"![{name}]({name}.png)") == 1
        added = rf"## A known result.*?(?=## How to run it)|!\[{name}\]\({name}\.png\)\n\n"
        assert re.sub(added, "", written, flags=re.S) == page(name).markdown()


def test_a_page_shows_the_published_result_beside_ours(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_here(capsys, "page", "kirschner_panetta_1998", "--out", str(tmp_path))[0] == 0
    text = (tmp_path / "kirschner_panetta_1998.md").read_text(encoding="utf-8")
    assert "| effectors that clear a small tumor (cell/day) | 540 | 540 |" in text
    assert (tmp_path / "kirschner_panetta_1998.png").stat().st_size > 10_000
    code, out, _ = run_here(capsys, "show", "kirschner_panetta_1998")
    assert code == 0
    assert "A known result, computed again" in out


@pytest.mark.slow
def test_the_whole_library_has_an_index(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, _ = run_here(capsys, "page", "--out", str(tmp_path))
    assert code == 0
    assert {p.stem for p in tmp_path.iterdir() if p.suffix == ".md"} == {*NAMES, "index"}
    index = (tmp_path / "index.md").read_text(encoding="utf-8")
    assert [line[3:].partition("]")[0] for line in index.splitlines() if line.startswith("- [")] == NAMES


def test_lint_says_what_it_looked_at(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_here(capsys, "lint", "pk_1cmt", "kosinsky_2018") == (0, "", "2 models: 0 errors, 0 warnings\n")


def test_lint_exits_with_1_where_there_are_errors(capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    pkpd.load("pk_1cmt")
    monkeypatch.setattr(sys.modules["pkpd.models.pk_1cmt"], "spare", growth.symbols["kg"], raising=False)
    code, out, err = run_here(capsys, "lint", "pk_1cmt", "growth_linear")
    assert code == 1
    assert out.startswith("pk_1cmt: parameter 'kg': error [unused] ")
    assert len(out.splitlines()) == 1
    assert err == "2 models: 1 error, 0 warnings\n"


@pytest.mark.parametrize("command", ["show", "page", "lint"])
def test_an_unknown_model_is_one_line(
    command: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run_here(capsys, command, "kosinsky")
    assert (code, out) == (1, "")
    assert "Did you mean 'kosinsky_2018'" in err
    assert len(err.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())
