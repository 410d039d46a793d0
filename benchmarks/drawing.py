"""The figures: time against error, and scaling."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.cases import CASES
from benchmarks.tables import Table
from pkpd.figures.saving import save
from pkpd.figures.style import MARKERS, OKABE_ITO, STYLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_precision", "draw_scaling"]

Row = Mapping[str, Any]
Key = tuple[str, str]  # integrator and method


def draw_precision(table: Table, folder: Path) -> Path:
    """Work against precision, a panel for each case: lower left is better."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    cases = [name for name in CASES if any(row["case"] == name for row in table.rows)]
    looks = _looks(table.rows)
    with mpl.rc_context(STYLE):
        figure, axes = plt.subplots(1, len(cases), figsize=(2.6 * len(cases), 3.6), sharey=True, squeeze=False)
        for ax, name in zip(axes[0], cases, strict=True):
            rows = [row for row in table.rows if row["case"] == name]
            for key in _keys(rows):
                points = [r for r in rows if _key(r) == key and not r["failed"]]
                ax.plot([r["worst error"] for r in points], [r["us per member"] for r in points], **looks[key])
            ax.set(xscale="log", yscale="log", xlabel="error of the worst member", title=CASES[name].title)
            ax.grid(alpha=0.2, linewidth=0.4)
        axes[0, 0].set_ylabel("time per member (µs), one thread")
        _legend(figure, axes[0])
        return save(figure, folder / "precision.png", dpi=200)


def draw_scaling(members: Table, states: Table, folder: Path) -> Path:
    """Time per member against the number of members and of states."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    looks = _looks([*members.rows, *states.rows])
    with mpl.rc_context(STYLE):
        figure, axes = plt.subplots(1, 2, figsize=(5.6, 3.2), squeeze=False)
        for ax, rows, across in zip(axes[0], (members.rows, states.rows), ("members", "states"), strict=True):
            for key in _keys(rows):
                points = [r for r in rows if _key(r) == key]
                ax.plot([r[across] for r in points], [r["us per member"] for r in points], **looks[key])
            ax.set(xscale="log", yscale="log", xlabel=across, ylabel="time per member (µs), one thread")
            ax.grid(alpha=0.2, linewidth=0.4)
        _legend(figure, axes[0])
        return save(figure, folder / "scaling.png", dpi=200)


def _key(row: Row) -> Key:
    return row["integrator"], row["method"]


def _keys(rows: Iterable[Row]) -> list[Key]:
    return list(dict.fromkeys(_key(row) for row in rows))


def _looks(rows: Sequence[Row]) -> dict[Key, dict[str, Any]]:
    """Ours in full lines and colors, a marker each; the peers dashed, a color for each package."""
    keys = _keys(rows)
    packages = [p for p in dict.fromkeys(k[0] for k in keys) if p != "pkpd"]
    colors = {p: OKABE_ITO[1 + i % (len(OKABE_ITO) - 1)] for i, p in enumerate(packages)}
    looks = {}
    for package in ("pkpd", *packages):
        for i, key in enumerate(k for k in keys if k[0] == package):
            ours = package == "pkpd"
            looks[key] = {
                "label": " ".join(key), "marker": MARKERS[i % len(MARKERS)], "markersize": 3.5,
                "color": OKABE_ITO[0] if ours else colors[package],
                "linestyle": "-" if ours else "--", "linewidth": 1.6 if ours else 0.9, "zorder": 3 if ours else 2,
            }  # fmt: skip
    return looks


def _legend(figure: Any, axes: np.ndarray[Any, Any] | Sequence[Axes]) -> None:
    """One legend below all panels: each line once, in the order of first appearance."""
    found: dict[str, Any] = {}
    for ax in axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    figure.legend(found.values(), found.keys(), loc="outside lower center", ncols=4, handlelength=2.4)
