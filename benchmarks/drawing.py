"""The figures: time against error, and scaling."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.cases import CASES
from benchmarks.peers import OURS, PEERS
from benchmarks.tables import Table
from pkpd.figures.saving import save
from pkpd.figures.style import BLACK, BLUE, GRAY, MARKERS, OKABE_ITO, STYLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_precision", "draw_scaling"]

Row = Mapping[str, Any]
Key = tuple[str, str]  # integrator and method

SKY = "#56B4E9"
PEER_COLORS = [color for color in OKABE_ITO if color not in (BLUE, SKY, BLACK)] + [GRAY]
KNOWN: list[Key] = [(peer.label, peer.method) for peer in (*OURS, *PEERS)]


def draw_precision(table: Table, folder: Path) -> Path:
    """Work against precision, a panel for each case: lower left is better."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    cases = [name for name in CASES if any(row["case"] == name for row in table.rows)]
    looks = _looks(table.rows)
    with mpl.rc_context(STYLE):
        figure, axes = plt.subplots(
            1, len(cases), figsize=(2.6 * len(cases), 3.6), sharex=True, sharey=True, squeeze=False
        )
        for ax, name in zip(axes[0], cases, strict=True):
            rows = [row for row in table.rows if row["case"] == name]
            for key in _keys(rows):
                points = [r for r in rows if _key(r) == key and not r["failed"]]
                ax.plot([r["worst error"] for r in points], [r["us per member"] for r in points], **looks[key])
            ax.set(xscale="log", yscale="log", xlabel="relative error of the worst member")
            ax.set_title(CASES[name].title.replace(", ", "\n", 1))
            ax.grid(alpha=0.2, linewidth=0.4)
        axes[0, 0].set_ylabel("time per member (µs), one thread")
        _legend(figure, axes[0], looks)
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
        axes[0, 0].set_title("TIPD")
        axes[0, 1].set_title("Lesions")
        axes[0, 1].set_xticks(sorted({row["states"] for row in states.rows}))
        axes[0, 1].xaxis.set_major_formatter("{x:.0f}")
        axes[0, 1].xaxis.set_minor_locator(mpl.ticker.NullLocator())
        axes[0, 1].set_ylabel("")
        _legend(figure, axes[0], looks)
        return save(figure, folder / "scaling.png", dpi=200)


def _key(row: Row) -> Key:
    return row["integrator"], row["method"]


def _keys(rows: Iterable[Row]) -> list[Key]:
    return list(dict.fromkeys(_key(row) for row in rows))


def _looks(rows: Iterable[Row]) -> dict[Key, dict[str, Any]]:
    """Ours in full blue lines, what `simulate` uses the darkest; the peers dashed, a color for each package.

    In the order of the legend; a line looks the same in every figure.
    """
    there = set(_keys(rows))
    keys = [*KNOWN, *sorted(there - set(KNOWN))]
    colors = dict(zip(dict.fromkeys(peer.label for peer in PEERS), PEER_COLORS, strict=True))
    looks: dict[Key, dict[str, Any]] = {}
    for key in keys:
        ours, auto = key[0] == "pkpd", key == ("pkpd", "auto")
        number = sum(k[0] == key[0] for k in looks)
        looks[key] = {
            "label": " ".join(key), "marker": MARKERS[number % len(MARKERS)], "markersize": 3.5,
            "color": BLUE if auto else SKY if ours else colors.get(key[0], BLACK),
            "linestyle": "-" if ours else "--", "linewidth": 1.8 if auto else 1.0,
            "zorder": 4 if auto else 3 if ours else 2,
        }  # fmt: skip
    return {key: look for key, look in looks.items() if key in there}


def _legend(figure: Any, axes: np.ndarray[Any, Any] | Sequence[Axes], looks: Mapping[Key, Mapping[str, Any]]) -> None:
    """One legend below all panels: each line once."""
    handles: dict[str, Any] = {}
    for ax in axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    labels = [look["label"] for look in looks.values() if look["label"] in handles]
    columns = max(1, int(figure.get_figwidth() // 1.8))
    figure.legend(
        [handles[label] for label in labels], labels, loc="outside lower center", ncols=columns, handlelength=3
    )
