"""Each subject of a mixed-effects fit in a panel of its own: observed, population and individual course."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pkpd.figures import labels
from pkpd.figures.mixed_quality import observed_output
from pkpd.figures.panels import each_page, panel_title, sheet
from pkpd.figures.scales import plain_log
from pkpd.figures.style import BLACK, BLUE, GRAY
from pkpd.fitting.mixed.curves import individual_courses

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from pkpd.fitting.mixed.results import MixedFit

__all__ = ["mixed_individual_fits"]


def mixed_individual_fits(fit: MixedFit, output: str | None, *, log: bool, shared: bool) -> list[Figure]:
    """What `pkpd.individual_fits` draws of a mixed-effects fit: up to 24 subjects on a page."""
    output = observed_output(fit, output, "individual_fits")
    rows, courses = fit.residuals, individual_courses(fit, output)
    rows = rows[rows["output"] == output]
    observed = dict(tuple(rows.groupby("subject", sort=False)))
    curves = dict(tuple(courses.groupby("subject", sort=False)))
    unit, time = (labels.plain_unit(u) for u in (fit.statement.model.units[output], fit.statement.model.time))

    def page(subjects: Sequence[str]) -> Figure:
        with sheet(len(subjects), shared=shared) as drawn:
            for ax, subject in zip(drawn.axes, subjects, strict=True):
                curve, own = curves[subject], observed[subject]
                ax.plot(
                    curve["time"], curve["pred"], color=GRAY, linewidth=0.9, linestyle=(0, (4, 2)), label="population"
                )
                ax.plot(curve["time"], curve["ipred"], color=BLUE, linewidth=1.2, label="individual")
                measured = own[own["measured"]]
                ax.plot(measured["time"], measured["observed"], "o", color=BLACK, markersize=2.4, label="observed")
                limits = own[~own["measured"]]
                if len(limits):
                    ax.plot(
                        limits["time"], limits["observed"], "v", markerfacecolor="none", color=GRAY, markersize=3.2,
                        markeredgewidth=0.7, label="beyond a limit",
                    )  # fmt: skip
                panel_title(ax, subject)
                if log:
                    ax.set_yscale("log", nonpositive="mask")
                    plain_log(ax, "y")
            entries: dict[str, Any] = {}
            for ax in drawn.axes:
                entries |= {name: mark for mark, name in zip(*ax.get_legend_handles_labels(), strict=True)}
            drawn.figure.legend(
                list(entries.values()), list(entries), loc="outside upper right", ncols=len(entries), borderpad=0,
                handletextpad=0.5, columnspacing=1.2,
            )  # fmt: skip
            drawn.figure.supylabel(f"{output} ({unit})" if unit else output, fontsize=8)
            drawn.figure.supxlabel(f"Time ({time})", fontsize=8)
        return drawn.figure

    return each_page([str(subject) for subject in observed], page)
