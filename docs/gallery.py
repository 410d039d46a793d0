"""The gallery: examples of `pkpd.fits` and the phenomena, run while the site is built, with figure, code and time."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import io
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pkpd
from pkpd.fits.phenomena.catalog import PHENOMENA
from pkpd.fits.third_party import VARIABLE, MissingTable
from pkpd.library.markdown import prose

ROOT = Path(pkpd.__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared" / "data"

# By module the arguments of its command, with OUT for the folder that it writes to.
EXAMPLES: dict[str, tuple[str, ...]] = {
    "mc38_radiation": ("--out", "OUT"),
    "mc38_abscopal": ("--out", "OUT"),
    "durvalumab_population": ("OUT",),
    "theophylline": ("--out", "OUT"),
    "theophylline_population": ("--out", "OUT"),
    "warfarin": ("--out", "OUT"),
    "warfarin_population": ("--out", "OUT"),
    "nimotuzumab": ("--out", "OUT"),
    "nimotuzumab_population": ("--out", "OUT"),
    "egfr_xenografts": ("--out", "OUT"),
    "egfr_xenografts_population": ("--out", "OUT"),
    "ct26_mice": ("--out", "OUT"),
    "tumor_classes": ("--out", "OUT"),
    "tumor_classes_population": ("--out", "OUT"),
    "tumgr_rates": ("--out", "OUT"),
    "nsclc_lesions": ("--out", "OUT"),
    "nsclc_lesions_population": ("--out", "OUT"),
    "spdl1_nivolumab": ("--out", "OUT"),
    "pacific_survival": ("--out", "OUT"),
    "personalized_radiation": ("OUT",),
    "figure_gallery": ("--out", "OUT"),
}
# Pages that do the same kind of analysis with simulated data, for readers without the table of others.
ELSEWHERE = {
    **dict.fromkeys(
        (
            "theophylline_population",
            "warfarin_population",
            "nimotuzumab_population",
            "tumor_classes_population",
            "egfr_xenografts_population",
            "nsclc_lesions_population",
        ),
        "[Mixed effects](../howto/mixed_effects.md)",
    ),
    **dict.fromkeys(("theophylline", "warfarin", "nimotuzumab"), "[PK/PD from a NONMEM table](../howto/nonmem.md)"),
    **dict.fromkeys(
        ("ct26_mice", "egfr_xenografts", "tumor_classes", "tumgr_rates", "nsclc_lesions"),
        "[Tumor growth](../howto/tumor_growth.md)",
    ),
    "spdl1_nivolumab": "[A fit and its uncertainty](../howto/fit.md)",
    "pacific_survival": "[A trial with RECIST and survival](../howto/trial.md)",
}


@dataclass(frozen=True)
class Outcome:
    """What an example printed and drew, or why it was not run."""

    printed: str = ""
    figures: Sequence[str] = ()
    seconds: float | None = None
    not_run: str = ""


def write_gallery(folder: Path, *, run: bool) -> None:
    """Write a page for each example and each phenomenon, and their index; with `run` each is executed."""
    folder.mkdir(parents=True, exist_ok=True)
    if VARIABLE not in os.environ and SHARED.is_dir():
        os.environ[VARIABLE] = str(SHARED)
    plain = Outcome(not_run="the site was built without figures.")
    outcomes: dict[str, Outcome] = {}
    for name, arguments in EXAMPLES.items():
        outcome = _example(name, arguments, folder) if run else plain
        _write(folder / f"{name}.md", _example_page(name, outcome))
        outcomes[name] = outcome
    for name, phenomenon in PHENOMENA.items():
        outcome = _phenomenon(name, phenomenon, folder) if run else plain
        _write(folder / f"phenomenon_{name}.md", _phenomenon_page(name, phenomenon, outcome))
        outcomes[f"phenomenon_{name}"] = outcome
    pictures = {page: outcome.figures[0] for page, outcome in outcomes.items() if outcome.figures}
    _write(folder / "index.md", "\n".join(_index(pictures)))


def _example(name: str, arguments: tuple[str, ...], folder: Path) -> Outcome:
    """Run the command of an example in this process; one whose table is not here says so."""
    out = folder / "files" / name
    main = importlib.import_module(f"pkpd.fits.{name}").main
    try:
        printed, seconds = _timed(lambda: main([str(out) if a == "OUT" else a for a in arguments]))
    except MissingTable as error:
        stand_in = (
            f" {ELSEWHERE[name]} does the same kind of analysis with simulated data." if name in ELSEWHERE else ""
        )
        return Outcome(not_run=prose(str(error)) + stand_in)
    print(f"  {name}: {seconds:.1f} s", flush=True)
    printed = "\n".join(line for line in printed.splitlines() if not line.startswith("wrote "))
    figures = [f"files/{name}/{path.name}" for path in sorted(out.glob("*.png"))]
    return Outcome(printed, figures, seconds)


def _phenomenon(name: str, phenomenon: Callable[[], object], folder: Path) -> Outcome:
    figure = folder / "files" / f"phenomenon_{name}.png"
    figure.parent.mkdir(parents=True, exist_ok=True)

    def shown() -> None:
        finding = phenomenon()
        print(finding.claim)  # type: ignore[attr-defined]
        print(*(f"    {key}: {value:.3g}" for key, value in finding.numbers.items()), sep="\n")  # type: ignore[attr-defined]
        pkpd.save(finding.draw(), figure)  # type: ignore[attr-defined]

    printed, seconds = _timed(shown)
    print(f"  {name}: {seconds:.1f} s", flush=True)
    return Outcome(printed, [f"files/{figure.name}"], seconds)


def _timed(action: Callable[[], object]) -> tuple[str, float]:
    """What an action prints, and the processor time that it takes."""
    began = time.process_time()
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        action()
    return printed.getvalue(), time.process_time() - began


# ---- pages


def _example_page(name: str, outcome: Outcome) -> str:
    doc = importlib.import_module(f"pkpd.fits.{name}").__doc__ or ""
    title, _, rest = doc.partition("\n")
    code = _fenced((ROOT / "fits" / f"{name}.py").read_text(encoding="utf-8").split('"""', 2)[2].strip(), "python")
    parts = [
        f"# {prose(title.rstrip('.'))}",
        _shown(outcome),
        as_markdown(rest),
        "## Code",
        f"`fits/{name}.py`, without its head:",
    ]
    return "\n\n".join([*parts, code]) + "\n"


def _phenomenon_page(name: str, phenomenon: Callable[[], object], outcome: Outcome) -> str:
    show: Any = getattr(phenomenon, "show", phenomenon)
    needs = ", ".join(getattr(phenomenon, "needs", ()))
    parts = [f"# {_titled(name)}", _shown(outcome), as_markdown(inspect.getdoc(show) or "")]
    if needs:
        parts.append(f"The claim fails without any one of these mechanisms: {prose(needs)}.")
    command = _fenced(f"python -m pkpd.fits.phenomena {name} --out figures", "sh")
    return "\n\n".join([*parts, "## Code", command, _fenced(inspect.getsource(show).strip(), "python")]) + "\n"


def _titled(name: str) -> str:
    return name.replace("_", " ").capitalize().replace("pdl1", "PD-L1")


def _shown(outcome: Outcome) -> str:
    """Time, figures, and what was printed."""
    if outcome.seconds is None:
        return f"Not run for this page: {outcome.not_run}"
    figures = [f"![{_titled(Path(path).stem)}]({path})" for path in outcome.figures]
    time_taken = f"Run while this page was made, in {outcome.seconds:.1f} s of processor time."
    return "\n\n".join([time_taken, *figures, _fenced(outcome.printed.rstrip(), "text")])


def as_markdown(doc: str) -> str:
    """A docstring in numpy style as Markdown: headings, lists, and indented lines as they are."""
    return "\n\n".join(_block(block) for block in re.split(r"\n\s*\n", doc) if block.strip())


def _block(block: str) -> str:
    lines = block.strip("\n").splitlines()
    if all(line.startswith("    ") for line in lines):
        return _fenced("\n".join(line[4:] for line in lines), "text")
    if len(lines) > 1 and re.fullmatch(r"-{3,}", lines[1].strip()):
        heading = f"## {lines[0].strip()}"
        return "\n\n".join([heading, _block("\n".join(lines[2:]))]) if lines[2:] else heading
    if lines[0].startswith("- "):
        items = re.split(r"(?m)^- ", "\n".join(lines))[1:]
        return "\n".join(f"- {prose(_plain(item))}" for item in items)
    return prose(_plain(block))


def _plain(text: str) -> str:
    return text.replace("``", "`")


def _fenced(text: str, language: str) -> str:
    return f"````{language}\n{text}\n````"


def _index(pictures: Mapping[str, str]) -> Iterator[str]:
    """The page of the gallery; `pictures` has the first figure of each page that has one."""
    titles = {name: _first_line(importlib.import_module(f"pkpd.fits.{name}").__doc__) for name in EXAMPLES}
    claims = {f"phenomenon_{name}": _titled(name) for name in PHENOMENA}
    yield "# Gallery\n"
    yield "Each example is a module of `pkpd.fits` that the tests run; so is each phenomenon. Figures,"
    yield "numbers and times on these pages are from the build of this site.\n"
    yield "## Examples: data, fit, figure\n"
    yield from _cards(titles, pictures)
    yield "\n## Phenomena: what the flagship can show, by regimen and patients alone\n"
    yield from _cards(claims, pictures)
    yield from ("", "```{toctree}", ":hidden:", "", *titles, *claims, "```", "")


def _cards(titles: Mapping[str, str], pictures: Mapping[str, str]) -> Iterator[str]:
    yield "{.gallery}"
    for page, title in titles.items():
        picture = f"![{prose(title)}]({pictures[page]}) " if page in pictures else ""
        yield f"- [{picture}{prose(title)}]({page}.md)"


def _first_line(doc: str | None) -> str:
    return (doc or "").partition("\n")[0].rstrip(".")


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
