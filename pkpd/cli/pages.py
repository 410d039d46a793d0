"""`pkpd show` and `pkpd page`: the page of a model, on the terminal and in files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pkpd.library.pages import Page
    from pkpd.library.reproductions import Claim, Reproduction
    from pkpd.symbolic.model import Model

__all__ = ["print_page", "write_pages"]

KNOWN = "A known result, computed again"


def print_page(model: Model | str) -> None:
    """Print the page of a model, or of the one of this name in the library, without the LaTeX of its equations."""
    from pkpd.cli.terminal import print_markdown
    from pkpd.library.pages import RUNNING, page

    described = page(model)
    published = _published(model) if isinstance(model, str) else ""
    if published:
        hint = f"`pkpd page {model}` computes it and draws the figure."
        described = described.joined(KNOWN, f"{published}\n\n{hint}", before=RUNNING)
    print_markdown(described.markdown())


def write_pages(
    names: Iterable[str], folder: Path, *, index: bool, reproduce: Callable[[str], Reproduction] | None = None
) -> Iterator[Path]:
    """Write ``NAME.md`` and its figure ``NAME.png`` for each model, and an `index`, ``index.md``.

    `reproduce` computes known results again in the place of `pkpd.reproduce`.
    """
    from pkpd.figures.saving import save
    from pkpd.library import reproductions
    from pkpd.library.pages import index_of
    from pkpd.storage import write_atomically

    folder.mkdir(parents=True, exist_ok=True)

    def write(name: str, text: str) -> Path:
        return write_atomically(folder / f"{name}.md", lambda path: path.write_text(text, encoding="utf-8"))

    pages = []
    for name in names:
        illustrated, figure = _illustrated(name, reproduce or reproductions.reproduce)
        if figure is not None:
            yield save(figure, folder / f"{name}.png")
        pages.append(illustrated)
        yield write(name, illustrated.markdown())
    if index:
        yield write("index", index_of(pages))


def _illustrated(name: str, reproduce: Callable[[str], Reproduction]) -> tuple[Page, Any]:
    """The page of a model and its figure: of a published result where there is one, otherwise of how it runs."""
    from pkpd.figures.examples import example
    from pkpd.figures.reproductions import reproduction_figure
    from pkpd.library.markdown import picture
    from pkpd.library.pages import RUNNING, page

    plain, drawing = page(name), picture(f"{name}.png", name)
    published = _published(name)
    if published:
        again = reproduce(name)
        parts = [published, drawing, _claims(again.claims)]
        return plain.joined(KNOWN, "\n\n".join(parts), before=RUNNING), reproduction_figure(again)
    figure = example(name)
    return (plain if figure is None else plain.extended(RUNNING, drawing)), figure


def _published(name: str) -> str:
    """The published result of a model that is computed again, in words; empty where there is none."""
    from pkpd.library.markdown import prose
    from pkpd.library.reproductions import described, reproduced

    if name not in reproduced():
        return ""
    return "\n\n".join(map(prose, re.split(r"\n\s*\n", described(name))))


def _claims(claims: Iterable[Claim]) -> str:
    from pkpd.library.markdown import table

    rows = [(claim.what, _value(claim.published), _value(claim.found), claim.where) for claim in claims]
    return table(("quantity", "known", "here", "where"), rows)


def _value(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"
