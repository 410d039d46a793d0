"""A page for each model of the library, as `pkpd page` writes it, and their index."""

from __future__ import annotations

from pathlib import Path

import pkpd
from pkpd.cli.pages import write_pages


def write_models(folder: Path, *, figures: bool) -> dict[str, tuple[pkpd.Claim, ...]]:
    """Write ``NAME.md`` for each model and ``index.md``; with `figures`, known results are computed again.

    Returns what was computed again, by model; nothing without `figures`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    table = pkpd.catalog()
    claims: dict[str, tuple[pkpd.Claim, ...]] = {}

    def reproduce(name: str) -> pkpd.Reproduction:
        again = pkpd.reproduce(name)
        claims[name] = again.claims
        return again

    if figures:
        for path in write_pages(table.index, folder, index=False, reproduce=reproduce):
            print(f"  {path.name}", flush=True)
    else:
        for name in table.index:
            (folder / f"{name}.md").write_text(pkpd.page(name).markdown(), encoding="utf-8")
    (folder / "index.md").write_text(_index(), encoding="utf-8")
    return claims


def _index() -> str:
    """The models by name with their titles, and the tree of the pages."""
    names = list(pkpd.catalog().index)
    lines = ["# Models", "", f"The library has {len(names)} models and parts. Each page gives description, source,"]
    lines += ["known defects, equations, parameters with their sources, and how to run the model.", ""]
    lines += [f"- [`{name}`]({name}.md): {_title(name)}" for name in names]
    return "\n".join([*lines, "", "```{toctree}", ":hidden:", "", *names, "```", ""])


def _title(name: str) -> str:
    return pkpd.page(name).markdown().splitlines()[0].removeprefix("# ")
