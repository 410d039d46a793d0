"""The documentation site: its blocks run and print what they show, its links resolve, and it builds offline."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest
from test_readme import execute

import pkpd

ROOT = Path(pkpd.__file__).parent.parent
DOCS = ROOT / "docs"
MADE = ("models/", "gallery/", "api/", "last_run/")  # folders whose pages are made from the package

pytestmark = pytest.mark.skipif(not DOCS.exists(), reason="the documentation is in the checkout only")

PAGES = sorted(DOCS.rglob("*.md"))


def name_of(page: Path) -> str:
    return str(page.relative_to(DOCS))


def blocks(page: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.S)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=name_of)
def test_the_blocks_of_a_page_run_in_order(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And print what the comment below each says."""
    if page.name == "sweep.md":
        pytest.importorskip("zarr")
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {}
    for block in blocks(page):
        execute(block, namespace)
    plt.close("all")


def test_every_page_of_tutorial_and_tasks_has_blocks() -> None:
    silent = [name_of(page) for page in PAGES if name_of(page).startswith(("tutorial", "howto/")) and not blocks(page)]
    assert silent == ["howto/index.md"]
    assert len(re.findall(r"^## \d+\. ", (DOCS / "tutorial.md").read_text(encoding="utf-8"), re.M)) == 10


def test_other_tools_end_with_the_concentration_of_the_closed_form() -> None:
    """One compartment, absorbed at ka = 0.5 /h and eliminated at 0.1 /h: Bateman's function, for three doses."""
    from math import exp

    amount, volume, ka, ke = 100.0, 10.0, 0.5, 0.1
    expected = sum(
        amount / volume * ka / (ka - ke) * (exp(-ke * (72 - at)) - exp(-ka * (72 - at))) for at in (0, 24, 48)
    )
    pages = [page for page in sorted((DOCS / "coming_from").glob("*.md")) if page.name != "index.md"]
    assert len(pages) == 5
    for page in pages:
        printed = re.findall(r"^print\(.*C.*\n# ([\d.]+)$", page.read_text(encoding="utf-8"), re.M)
        assert [float(number) for number in printed] == [pytest.approx(expected, abs=6e-6)], page.name


# ---- links


def links(page: Path) -> Iterator[str]:
    text = re.sub(r"```.*?```|`[^`]*`", "", page.read_text(encoding="utf-8"), flags=re.S)
    yield from re.findall(r"\]\(([^)\s]+)\)", text)


def made_pages() -> set[str]:
    """The pages that `docs/assemble.py` makes, by their names alone."""
    api_pages, gallery = imported("api_pages"), imported("gallery")
    made = {f"models/{name}.md" for name in [*pkpd.catalog().index, "index"]}
    made |= {f"api/{room}.rst" for room in [*api_pages.names_by_room(), "index"]}
    made |= {f"gallery/{name}.md" for name in [*gallery.EXAMPLES, "index"]}
    made.add("last_run/index.md")
    return made | {f"gallery/phenomenon_{name}.md" for name in gallery.PHENOMENA}


def imported(name: str) -> Any:
    specification = importlib.util.spec_from_file_location(f"docs_{name}", DOCS / f"{name}.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[f"docs_{name}"] = module  # dataclasses look their module up
    specification.loader.exec_module(module)
    return module


def test_links_between_pages_resolve() -> None:
    made, checked = made_pages(), 0
    for page in PAGES:
        for link in links(page):
            assert not link.startswith(("http:", "https:")), f"{name_of(page)} links to another host: {link}"
            target, _, anchor = link.partition("#")
            path = (page.parent / target).resolve() if target else page
            there = path.relative_to(DOCS).as_posix()
            assert path.is_file() or there in made, f"{name_of(page)} links to {link}, which is not there"
            if anchor:
                headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.M)
                slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
                assert anchor in slugs, f"{name_of(page)} links to {link}, and no heading is called so"
            checked += 1
    assert checked > 15


def test_every_page_is_in_a_tree() -> None:
    trees = {page: re.findall(r"```\{toctree\}\n(.*?)```", page.read_text(encoding="utf-8"), re.S) for page in PAGES}
    entries = {
        (page.parent / line.strip()).resolve().relative_to(DOCS).as_posix()
        for page, found in trees.items()
        for line in "\n".join(found).splitlines()
        if line.strip() and not line.startswith(":")
    }
    written = {page.relative_to(DOCS).with_suffix("").as_posix() for page in PAGES}
    assert written - {"index"} <= entries
    assert {entry for entry in entries if not entry.startswith(MADE)} <= written


def test_the_api_has_every_public_name_once() -> None:
    listed = [name for names in imported("api_pages").names_by_room().values() for name in names]
    assert sorted(listed) == sorted(pkpd.__all__)


def test_files_that_the_validation_names_are_there() -> None:
    named = set(re.findall(r"`(tests/\w+\.py)`", (DOCS / "validation.md").read_text(encoding="utf-8")))
    assert len(named) >= 10
    assert {name for name in named if not (ROOT / name).is_file()} == set()


def test_the_version_to_cite_is_this_one() -> None:
    for page in (DOCS / "citing.md", ROOT / "README.md"):
        cited = re.findall(r"version\s+= \{([\d.]+)\}", page.read_text(encoding="utf-8"))
        assert cited == [pkpd.__version__], page.name


# ---- what is made while the site is built


def test_a_figure_that_a_block_saves_stands_below_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page, target = Path("page.md"), Path("site") / "page.md"
    target.parent.mkdir()
    block = "```python\nfrom pathlib import Path\n\nPath('two_arms.png').write_bytes(b'png')\nprint('silent')\n```"
    page.write_text(f"# A page\n\n{block}\n\nText.\n\n```python\nPath('two_arms.png').stat()\n```\n", encoding="utf-8")
    imported("page_figures").illustrate(page, target)
    shown = f"# A page\n\n{block}\n\n![Two arms](page_two_arms.png)\n\nText."
    assert target.read_text(encoding="utf-8").startswith(shown)
    assert target.read_text(encoding="utf-8").count("![") == 1
    assert (target.parent / "page_two_arms.png").read_bytes() == b"png"
    assert Path.cwd() == tmp_path


def test_a_figure_is_shown_half_as_large_again_as_printed(tmp_path: Path) -> None:
    pytest.importorskip("docutils")
    figure, _ = plt.subplots(figsize=(3.4, 2.6))
    figure.savefig(tmp_path / "column.png", dpi=300)
    plt.close(figure)
    print_size = imported("print_size")
    assert print_size.shown_width(tmp_path / "column.png") == round(3.4 * 96 * 1.5)
    (tmp_path / "text.png").write_text("no picture", encoding="utf-8")
    with pytest.raises(ValueError, match=r"text.png is not a PNG"):
        print_size.shown_width(tmp_path / "text.png")


def test_a_known_result_that_does_not_come_out_is_told_on_the_page_of_the_last_run(tmp_path: Path) -> None:
    claims = {
        "pk_1cmt": (pkpd.Claim("half-life", 10, 10.04, "table 1", within=0.01),),
        "kuznetsov_1994": (
            pkpd.Claim("fate", "dormant", "escaped", "abstract"),
            pkpd.Claim("cells", 100, 104, "table 2", within=0.01),
        ),
    }
    text = "\n".join(imported("last_run")._known(tmp_path, claims))
    assert "3 numbers and statements for 2 models" in text
    assert "**1 of 3 agree**" in text
    assert re.findall(r"\| (yes|NO) \|$", text, re.M) == ["yes", "NO", "NO"]
    assert (tmp_path / "known.png").stat().st_size > 10_000


def test_errors_at_a_tolerance_are_of_its_size() -> None:
    last_run = imported("last_run")
    for rtol, error in zip(last_run.TOLERANCES, last_run.errors_of("kuznetsov_1994"), strict=True):
        assert 0 < error < 10 * rtol


def test_an_example_whose_table_is_not_here_says_where_its_kind_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PKPD_FITS_DATA", raising=False)
    gallery = imported("gallery")
    outcome = gallery._example("theophylline_population", ("--out", "OUT"), tmp_path)
    assert outcome.seconds is None
    page = gallery._example_page("theophylline_population", outcome)
    assert "Not run for this page: this example needs theo_sd.csv" in page
    assert "[Mixed effects](../howto/mixed_effects.md) does the same kind of analysis with simulated data." in page


def test_the_pages_that_stand_in_are_there() -> None:
    gallery = imported("gallery")
    assert set(gallery.ELSEWHERE) <= set(gallery.EXAMPLES)
    for link in gallery.ELSEWHERE.values():
        target = re.search(r"\]\(\.\./(.*)\)$", link)
        assert target is not None
        assert (DOCS / target[1]).is_file()


# ---- the gallery


def test_a_docstring_becomes_markdown() -> None:
    as_markdown = imported("gallery").as_markdown
    doc = "\nWords about `x`.\n\n    dx/dt = -k x\n\nChoices\n-------\n- One,\n  on two lines.\n- Two.\n"
    expected = "Words about `x`.\n\n````text\ndx/dt = -k x\n````\n\n## Choices\n\n- One, on two lines.\n- Two."
    assert as_markdown(doc) == expected


def test_the_gallery_has_every_example_of_the_package() -> None:
    """A module of `pkpd.fits` with a command of its own is on a page; the rest is what they share."""
    fits = {path.stem for path in (ROOT / "fits").glob("*.py") if "def main(" in path.read_text(encoding="utf-8")}
    assert fits == set(imported("gallery").EXAMPLES)


# ---- the site


class Loaded(HTMLParser):
    """What a page loads by itself: scripts, styles, images, frames and fonts; and the text of its styles."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.internal: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.anchors.add(values.get("id", ""))
        if tag in ("script", "img", "iframe", "source", "embed", "video", "audio"):
            self.addresses += [values[name] for name in ("src", "srcset") if name in values]
        if tag == "link" and values.get("rel") not in ("canonical", "next", "prev", "index", "search", "author"):
            self.addresses.append(values.get("href", ""))
        if tag == "a" and "href" in values:
            self.internal.append(values["href"])


ELSEWHERE = re.compile(r"^\s*(https?:)?//")


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("sphinx") is None, reason="needs the dependency group docs")
def test_the_site_builds_without_a_warning_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    for command in (
        [sys.executable, str(DOCS / "assemble.py"), str(tmp_path / "source"), "--plain"],
        [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-c", str(DOCS), str(tmp_path / "source"),
         str(tmp_path / "site")],
    ):  # fmt: skip
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-4000:]
    pages = sorted((tmp_path / "site").rglob("*.html"))
    assert len(pages) > len(PAGES) + len(pkpd.catalog())
    parsers = {page: Loaded() for page in pages}
    for page, parser in parsers.items():
        parser.feed(page.read_text(encoding="utf-8"))
    for page, parser in parsers.items():
        assert [address for address in parser.addresses if ELSEWHERE.match(address)] == [], page.name
        for link in parser.internal:
            if re.match(r"\w+:", link) or ELSEWHERE.match(link):
                continue
            address, _, anchor = link.partition("#")
            target = (page.parent / address.partition("?")[0]).resolve() if address else page
            assert target.exists(), f"{page.name} links to {link}"
            assert not anchor or target not in parsers or anchor in parsers[target].anchors, f"{page.name}: {link}"
    for style in (tmp_path / "site").rglob("*.css"):
        text = style.read_text(encoding="utf-8")
        assert not re.search(r"(url\(|@import)\s*['\"]?\s*(https?:)?//", text), style.name
