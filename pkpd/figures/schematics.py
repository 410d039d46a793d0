"""A model as boxes and arrows, drawn from its equations."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.arrays import Array
from pkpd.errors import DataError
from pkpd.figures.layered_layout import layered
from pkpd.figures.style import BLACK, BLUE, GRAY, RED, canvas
from pkpd.symbolic.flow_graph import flow_graph

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patches import FancyBboxPatch

    from pkpd.symbolic.flow_graph import FlowGraph
    from pkpd.symbolic.model import Model

__all__ = ["schematic"]

_CELL = (1.45, 0.86)  # inches between the middles of boxes
_BOX = (0.86, 0.44)  # inches
_NEAR = 0.09  # inches between arrows that can be told apart
_LETTERS = 18  # of a line in a box
_GREEN = "#009E73"


def schematic(model: Model, *, ax: Axes | None = None) -> Axes:
    """Draw the states of a model, what flows between them, what acts on what, and where doses enter.

    Boxes are states; rounded gray ones are quantities that the equations name, and what the model is
    given.  Solid arrows are flows, also from and to the outside; dashed ones are actions on a rate: blue
    with a head raise it, red with a bar lower it, gray with a dot do either.  Green arrows are routes.

    Parameters
    ----------
    model
        Any model; what is drawn is read off its equations by `pkpd.symbolic.flow_graph.flow_graph`.
    ax
        Axes to draw on; those of a new figure by default, as large as the model needs.

    Raises
    ------
    DataError
        If it is no model.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> import pkpd
    >>> axes = schematic(pkpd.load("pk_2cmt"))
    >>> [text.get_text().split("\\n")[0] for text in axes.texts if text.get_gid() == "state"]
    ['central', 'peripheral']
    >>> plt.close(axes.figure)
    """
    if not hasattr(model, "rates") or not hasattr(model, "routes"):
        raise DataError(f"schematic() got {model!r}; expected a Model.")
    graph = flow_graph(model)
    nodes = (*graph.states, *graph.quantities, *graph.inputs)
    links = [(f.source, f.target) for f in graph.flows if f.source and f.target]
    places = layered(nodes, [*links, *((a.source, a.target) for a in graph.actions)], firm=links)
    columns, rows = (max(p[i] for p in places.values()) - min(p[i] for p in places.values()) + 1 for i in (0, 1))
    size = (max(3.4, _CELL[0] * columns + 0.3), max(1.4, _CELL[1] * rows + 0.5))
    with canvas(ax, size) as axes:
        _frame(axes, places)
        boxes = {name: _box(axes, model, graph, name, places[name]) for name in nodes}
        _draw_flows_and_actions(axes, graph, places, boxes)
        _draw_outside(axes, graph, places)
        _draw_routes(axes, graph, places)
        _explain(axes, graph)
    return axes


def _frame(ax: Axes, places: Mapping[str, tuple[float, float]]) -> None:
    across, down = (np.array([p[i] for p in places.values()]) for i in (0, 1))
    ax.set(
        xlim=(across.min() * _CELL[0] - 0.72, across.max() * _CELL[0] + 0.72),
        ylim=(down.max() * _CELL[1] + 0.55, down.min() * _CELL[1] - 0.62),
    )
    ax.set_aspect("equal")
    ax.set_axis_off()


def _middle(place: tuple[float, float]) -> tuple[float, float]:
    return place[0] * _CELL[0], place[1] * _CELL[1]


def _box(ax: Axes, model: Model, graph: FlowGraph, name: str, place: tuple[float, float]) -> FancyBboxPatch:
    from matplotlib.patches import FancyBboxPatch

    x, y = _middle(place)
    state = name in graph.states
    style = "square,pad=0" if state else "round,pad=0,rounding_size=0.18"
    box = FancyBboxPatch(
        (x - _BOX[0] / 2, y - _BOX[1] / 2), *_BOX, boxstyle=style, facecolor="white" if state else "#efefef",
        edgecolor=BLACK if state else GRAY, linewidth=0.9 if state else 0.6, zorder=3,
    )  # fmt: skip
    ax.add_patch(box)
    lines = textwrap.wrap(model.meaning(name), _LETTERS, max_lines=2, placeholder="…")
    ax.text(
        x, y - 0.11 if lines else y, name, ha="center", va="center", fontsize=7, fontweight="bold", zorder=4,
        gid="state" if state else "quantity",
    )  # fmt: skip
    ax.text(x, y + 0.075, "\n".join(lines), ha="center", va="center", fontsize=4.6, zorder=4, linespacing=1.0)
    return box


def _bends(pairs: Sequence[tuple[str, str]], places: Mapping[str, tuple[float, float]]) -> list[float]:
    """For each arrow how it is bent: around the boxes and the arrows before it, and no more than that needs."""
    middles = {name: np.array(_middle(place)) for name, place in places.items()}
    across = [m[0] for m in middles.values()]
    ends = (min(across) - 0.68, max(across) + 0.68)
    drawn: list[Array] = []
    chosen = []
    for source, target in pairs:
        here, there = middles[source], middles[target]
        others = np.array([m for name, m in middles.items() if name not in (source, target)]).reshape(-1, 2)
        rads = (0.0, 0.15, -0.15, 0.3, -0.3, 0.45, -0.45, 0.6, -0.6, 0.8, -0.8)
        costs = [_cost(_curve(here, there, rad), others, drawn, ends) + abs(rad) for rad in rads]
        best = rads[int(np.argmin(costs))]
        chosen.append(best)
        drawn.append(_curve(here, there, best))
    return chosen


def _curve(here: Array, there: Array, rad: float) -> Array:
    """(points, 2): what matplotlib's arc3 draws; its y points up, ours down."""
    along = there - here
    control = (here + there) / 2 + rad * np.array([-along[1], along[0]])
    t = np.linspace(0, 1, 41)[:, None]
    return np.asarray((1 - t) ** 2 * here + 2 * t * (1 - t) * control + t**2 * there)


def _outside(curve: Array, ends: tuple[float, float]) -> float:
    """How much of a curve leaves the figure at its sides."""
    return 0.4 * float(((curve[:, 0] < ends[0]) | (curve[:, 0] > ends[1])).sum())


def _cost(curve: Array, others: Array, drawn: Sequence[Array], ends: tuple[float, float]) -> float:
    """How much of a curve lies on boxes, and how much close beside other arrows."""
    apart = np.abs(curve[:, None, :] - others[None]) if len(others) else np.full((1, 1, 2), np.inf)
    on_boxes = (apart[..., 0] < _BOX[0] / 2 + 0.05) & (apart[..., 1] < _BOX[1] / 2 + 0.05)
    beside = sum(
        float((np.linalg.norm(curve[:, None] - other[None], axis=2).min(axis=1) < _NEAR).mean()) for other in drawn
    )
    return 0.4 * float(on_boxes.any(axis=1).sum()) + 1.2 * beside + _outside(curve, ends)


def _arrow(ax: Axes, here: Any, there: Any, **look: Any) -> None:
    from matplotlib.patches import FancyArrowPatch

    style = {"mutation_scale": 7, "shrinkA": 0, "shrinkB": 1, "linewidth": 1.0, "zorder": 2} | look
    ax.add_patch(FancyArrowPatch(here, there, **style))


def _draw_flows_and_actions(
    ax: Axes, graph: FlowGraph, places: Mapping[str, tuple[float, float]], boxes: Mapping[str, Any]
) -> None:
    flows = [(f.source, f.target) for f in graph.flows if f.source and f.target]
    heads: dict[int, tuple[str, str]] = {1: ("-|>", BLUE), -1: ("|-|,widthA=0,widthB=0.45", RED), 0: ("-", GRAY)}
    looks: list[dict[str, Any]] = [{"arrowstyle": "-|>", "color": BLACK, "gid": f"flow:{a}>{b}"} for a, b in flows]
    for action in graph.actions:
        head, color = heads[action.sign]
        looks.append({
            "arrowstyle": head, "color": color, "linestyle": (0, (3, 1.6)), "linewidth": 0.8, "shrinkB": 2,
            "gid": f"action:{action.source}>{action.target}", "zorder": 1.5,
        })  # fmt: skip
    pairs = [*flows, *((a.source, a.target) for a in graph.actions)]
    for (source, target), bend, look in zip(pairs, _bends(pairs, places), looks, strict=True):
        _arrow(
            ax, _middle(places[source]), _middle(places[target]), patchA=boxes[source], patchB=boxes[target],
            connectionstyle=f"arc3,rad={bend}", **look,
        )  # fmt: skip


def _draw_outside(ax: Axes, graph: FlowGraph, places: Mapping[str, tuple[float, float]]) -> None:
    """Flows from the outside and to it, at the sides of a box."""
    for flow in graph.flows:
        look = {"arrowstyle": "-|>", "color": BLACK, "gid": f"flow:{flow.source}>{flow.target}"}
        if flow.target and not flow.source:
            x, y = _middle(places[flow.target])
            _arrow(ax, (x - _BOX[0] / 2 - 0.2, y - 0.1), (x - _BOX[0] / 2, y - 0.1), **look)
        elif flow.source and not flow.target:
            x, y = _middle(places[flow.source])
            _arrow(ax, (x + _BOX[0] / 2, y + 0.1), (x + _BOX[0] / 2 + 0.2, y + 0.1), **look)


def _draw_routes(ax: Axes, graph: FlowGraph, places: Mapping[str, Any]) -> None:
    entering: dict[str, list[str]] = {}
    for route, states in graph.routes.items():
        for state in states:
            entering.setdefault(state, []).append(route)
    for state, routes in entering.items():
        x, y = _middle(places[state])
        top = y - _BOX[1] / 2
        _arrow(
            ax, (x - 0.22, top - 0.19), (x - 0.22, top), arrowstyle="-|>", color=_GREEN, linewidth=1.3,
            gid=f"route:{state}", zorder=3,
        )  # fmt: skip
        ax.text(x - 0.28, top - 0.13, ", ".join(routes), ha="right", va="center", fontsize=5.5, color=_GREEN, zorder=4)


def _explain(ax: Axes, graph: FlowGraph) -> None:
    from matplotlib.lines import Line2D

    signs = {a.sign for a in graph.actions}
    words = {1: ("raises", BLUE, "-"), -1: ("lowers", RED, "-"), 0: ("acts either way", GRAY, "-")}
    handles = [Line2D([], [], color=BLACK, linewidth=1.0, label="flow")]
    handles += [
        Line2D([], [], color=words[s][1], linewidth=0.8, linestyle=(0, (3, 1.6)), label=words[s][0])
        for s in (1, -1, 0)
        if s in signs
    ]
    if graph.routes:
        handles.append(Line2D([], [], color=_GREEN, linewidth=1.3, label="dose"))
    ax.legend(
        handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0.02), ncols=len(handles), fontsize=5.5,
        handlelength=1.8, columnspacing=1.0, borderpad=0,
    )  # fmt: skip
