"""The page of the last run: what the machine that builds the site computes, beside what it should."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import xarray as xr

import pkpd
from pkpd.library.markdown import table
from pkpd.library.reproductions import Claim

TOLERANCES = (1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10)
# By model what is given, and until when.
COMPARED = {
    "pk_2cmt": (pkpd.bolus("100 mg", "iv", every=14, n=4), 56),
    "tmdd_full": (pkpd.bolus("100 nmol", "iv", every=14, n=4), 56),
    "kuznetsov_1994": (None, 100),
    "kosinsky_2018": (pkpd.fractions(2.0, n=5, start=7, every=1, duration=0.001), 60),
    "durvalumab_tumor_immune_rt": (pkpd.bolus("1500 mg", "iv", every=28, n=4) + pkpd.fractions(8, n=3, start=14), 112),
}
ORACLE = pkpd.Solver(method="scipy", rtol=1e-12)
NEAREST = 1e-5  # where numbers that agree more closely are drawn


def write_last_run(folder: Path, claims: Mapping[str, Sequence[Claim]]) -> None:
    """Write ``index.md`` and its figures; without `claims` the page says that nothing was computed."""
    folder.mkdir(parents=True, exist_ok=True)
    if not claims:
        text = "# The last run\n\nThis site was built without figures, and nothing was computed for this page.\n"
    else:
        text = (
            "\n\n".join(["# The last run", INTRODUCTION, *_forms(), *_oracle(folder), *_known(folder, claims)]) + "\n"
        )
    (folder / "index.md").write_text(text, encoding="utf-8")


INTRODUCTION = "All numbers and figures on this page were computed while this site was built; none is typed."


def _forms() -> Iterator[str]:
    """What `pkpd verify` prints, under a heading of its own."""
    yield "## Closed forms, by every integrator"
    yield str(pkpd.verify()).partition("\n")[2].strip()


# ---- against the oracle

ORACLE_TEXT = """\
Each model under a few doses or fractions, by `method="auto"`, against `scipy.integrate` at rtol 1e-12
(`method="scipy"`). The error is the largest of any output over its course, as a share of that output's largest value.
For a single member `auto` takes Tsit5 above an rtol of 3e-6 and DOP853 from there on, hence the fall between 1e-5 and
1e-6; stiff members go over to Rodas5P. Errors of about 1e-11 are those of the oracle as well."""


def _oracle(folder: Path) -> Iterator[str]:
    errors = {name: errors_of(name) for name in COMPARED}
    figure = folder / "oracle.png"
    _draw_oracle(errors, figure)
    yield "## Error reached beside the tolerance asked for"
    yield ORACLE_TEXT
    yield f"![Error by tolerance]({figure.name})"
    shown = [(name, *(f"{error:.1e}" for error in row)) for name, row in errors.items()]
    yield table(("model", *(f"rtol {rtol:.0e}" for rtol in TOLERANCES)), shown)


def errors_of(name: str) -> list[float]:
    """The largest error at each tolerance: over the outputs, or the states where there are none, relative to each."""
    model = pkpd.load(name)
    regimen, last = COMPARED[name]
    times = np.linspace(0, last, 50)
    exact = pkpd.simulate(model, regimen, times=times, solver=ORACLE)
    observed = list(model.outputs) or [state.name for state in model.states]
    runs = [pkpd.simulate(model, regimen, times=times, solver=pkpd.Solver(rtol=rtol)) for rtol in TOLERANCES]
    return [max(_apart(run[output], exact[output]) for output in observed) for run in runs]


def _apart(found: xr.DataArray, exact: xr.DataArray) -> float:
    return float(np.abs(found - exact).max() / np.abs(exact).max())


def _draw_oracle(errors: Mapping[str, Sequence[float]], path: Path) -> None:
    import matplotlib.pyplot as plt

    with pkpd.house_style():
        figure, ax = plt.subplots(figsize=(5, 3.4), layout="constrained")
        for (name, row), marker in zip(errors.items(), "os^Dv", strict=True):
            ax.loglog(TOLERANCES, row, marker=marker, markersize=4, label=name)
        ax.loglog(TOLERANCES, TOLERANCES, color="0.5", linestyle="--", linewidth=1, label="error = rtol")
        ax.set(xlabel="Tolerance asked for (rtol)", ylabel="Error reached")
        ax.legend(fontsize=7)
        pkpd.save(figure, path)


# ---- beside the literature


def _known(folder: Path, claims: Mapping[str, Sequence[Claim]]) -> Iterator[str]:
    every = [(name, claim) for name, of_model in claims.items() for claim in of_model]
    numbers = [claim for _, claim in every if not {type(claim.published), type(claim.found)} & {str}]
    held = sum(claim.holds for _, claim in every)
    figure = folder / "known.png"
    _draw_known(numbers, figure)
    yield "## Known results, computed again"
    yield (
        f"{len(every)} numbers and statements for {len(claims)} models and parts, from papers, public files and\n"
        f"closed forms: **{held} of {len(every)} agree** within what is allowed, which is the rounding in print\n"
        "or the reading of a figure."
    )
    yield f"![Known results, computed again]({figure.name})"
    yield table(
        ("model", "quantity", "known", "here", "allowed", "where", ""),
        [
            (f"`{name}`", c.what, _value(c.published), _value(c.found), _share(c), c.where, "yes" if c.holds else "NO")
            for name, c in every
        ],
    )


def _draw_known(claims: Sequence[Claim], path: Path) -> None:
    import matplotlib.pyplot as plt

    pairs = [(deviation(c), c.within) for c in claims if c.within > 0]
    found, allowed = np.array(pairs).T
    edge = np.array([NEAREST, 0.2])
    with pkpd.house_style():
        figure, ax = plt.subplots(figsize=(5, 3.4), layout="constrained")
        ax.loglog(edge, edge, color="0.5", linestyle="--", linewidth=1, label="as far as allowed")
        ax.loglog(
            np.maximum(allowed, NEAREST), np.maximum(found, NEAREST), "o", markersize=3, alpha=0.5, label="a number"
        )
        ax.set(xlabel="Relative difference allowed", ylabel="Relative difference found")
        ax.set_title(f"{len(pairs)} numbers; those nearer than {NEAREST:g} stand at the edge", fontsize=8)
        ax.legend(fontsize=7, loc="upper left")
        pkpd.save(figure, path)


def deviation(claim: Claim) -> float:
    """How far a number is from the published one, relative to it."""
    published, found = float(claim.published), float(claim.found)
    return abs(found - published) / abs(published) if published else float(found != 0)


def _share(claim: Claim) -> str:
    return "" if isinstance(claim.published, str) else f"{100 * claim.within:.3g} %"


def _value(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"
