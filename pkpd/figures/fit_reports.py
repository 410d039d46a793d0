"""A fit as one page of HTML, with its figures and tables in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pkpd.errors import DataError
from pkpd.figures import html_pages as pages
from pkpd.figures.correlations import estimate_correlations
from pkpd.figures.fit_quality import goodness_of_fit
from pkpd.figures.fits import FEW, fit_overlay, require_fit
from pkpd.figures.html_pages import Markup
from pkpd.figures.individuals import individual_fits
from pkpd.figures.labels import plain_unit
from pkpd.figures.pairs import MOST, parameter_pairs
from pkpd.figures.profiles import likelihood_profiles
from pkpd.figures.start_waterfalls import start_waterfall
from pkpd.figures.traces import posterior_traces
from pkpd.fitting.diagnostics import counts_events
from pkpd.fitting.posterior import Posterior
from pkpd.storage import write_atomically
from pkpd.version import __version__

if TYPE_CHECKING:
    import pandas as pd

    from pkpd.fitting.bootstrap import Bootstrap
    from pkpd.fitting.profiles import Profiles
    from pkpd.fitting.results import Fit

__all__ = ["write_report"]


def write_report(
    fit: Fit,
    path: str | Path,
    *,
    title: str | None = None,
    profiles: Profiles | None = None,
    draws: pd.DataFrame | Posterior | Bootstrap | None = None,
    log: bool = False,
) -> Path:
    """Write a fit as one HTML file that needs no other: estimates, quality, figures, equations, the text of `report`.

    The pictures are in the file, no script is, and whatever a name or a comment of the data holds is
    shown as text.

    Parameters
    ----------
    fit
        The result of `pkpd.fit`.
    path
        Ends in ``.html``; its folder must exist.
    title
        Of the page; the model and the data by default.
    profiles
        From `pkpd.profile`, to be drawn too.
    draws
        From `pkpd.sample_posterior` or `pkpd.bootstrap`, whose pairs are drawn too.
    log
        Whether observed outputs are on logarithmic axes.

    Returns
    -------
    pathlib.Path
        The file written.

    Raises
    ------
    DataError
        If the name does not end in ``.html``, or the file cannot be written.

    Examples
    --------
    ``pkpd.write_report(fit, "fit.html", profiles=pkpd.profile(fit))``

    >>> import pkpd
    >>> from pkpd.fits import mc38_radiation
    >>> result = mc38_radiation.run()
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_report(result, f"{folder}/report.html").name
    'report.html'
    """
    require_fit(fit, "write_report")
    target = Path(path)
    if target.suffix.lower() not in (".html", ".htm"):
        raise DataError(f"a report is written as .html, not as {target.name!r}.")
    if not target.parent.is_dir():
        raise DataError(f"the folder {str(target.parent)!r} for the report {target.name!r} does not exist.")
    heading = f"{fit.model.name} fitted to {fit.data.name}" if title is None else str(title)
    body = [
        pages.paragraph(_summary(fit), kind="quiet"),
        *(pages.paragraph(notice, kind="notice") for notice in _notices(fit)),
        pages.section("Estimates", _estimates(fit), pages.paragraph(_held(fit), kind="quiet")),
        pages.section("Quality", _quality(fit)),
        pages.section("Observed and fitted", *_courses(fit, log)),
        pages.section("Goodness of fit", *_goodness(fit, log)),
        pages.section("How well the estimates are known", *_knowledge(fit, profiles, draws)),
        pages.section("Arms", _arms(fit)),
        pages.section("Model", *_model(fit)),
        pages.section("Text report", pages.unfolding("The report as text", pages.preformatted(fit.report()))),
        pages.paragraph(f"Written by pkpd {__version__}{_hash(fit)}.", kind="quiet"),
    ]
    text = pages.page(heading, body)
    return write_atomically(target, lambda temporary: temporary.write_text(text, encoding="utf-8"))


# ---- words and numbers


def _summary(fit: Fit) -> str:
    title = getattr(fit.model, "title", fit.model.meaning(fit.data.outputs[0]))  # a plain function has a docstring
    return (
        f"{title.rstrip('.')}. {fit.n_observations} observations of {', '.join(fit.data.outputs)} in "
        f"{len(fit.data.arms)} arm{'' if len(fit.data.arms) == 1 else 's'}; {fit.n_free} numbers estimated."
    )


def _hash(fit: Fit) -> str:
    return f"; model hash {fit.model.hash[:12]}" if hasattr(fit.model, "hash") else ""


def _notices(fit: Fit) -> Iterator[str]:
    """What a reader must know before the numbers."""
    if not fit.success:
        yield f"The minimizer did NOT converge: {fit.message}"
    if fit.covariance_missing:  # which names the estimates at a bound
        yield fit.covariance_missing
    if fit.solver_failures:
        yield f"{fit.solver_failures} of {fit.solves} trajectories failed during the search."
    if fit.sd_is == "known" and fit.reduced_chi_square > 2:
        yield (
            f"The reduced chi-square is {fit.reduced_chi_square:.3g}: the residuals are larger than the standard "
            "deviations of the data, so the model misfits or these are too small."
        )


def _estimates(fit: Fit) -> Markup:
    headers = ["Parameter", "Estimate", "SE", "RSE %", "95 % CI from", "to", "Unit", "Scale", ""]
    rows: list[list[object]] = []
    for label, row in fit.estimates.to_dict(orient="index").items():
        numbers = [float(row[name]) for name in ("estimate", "se", "rse_percent", "ci_low", "ci_high")]
        scale = "log" if row["log"] else "linear"
        rows.append([str(label), *numbers, plain_unit(str(row["unit"])), scale, "at bound" if row["at_bound"] else ""])
    return pages.table(headers, rows)


def _held(fit: Fit) -> str:
    if not fit.constants:
        return ""
    return "Held: " + ", ".join(f"{name} = {value}" for name, value in fit.constants.items()) + "."


def _quality(fit: Fit) -> Markup:
    squares: list[list[object]] = [
        ["Chi-square", pages.number(fit.chi_square, 6)],
        [f"Reduced chi-square ({fit.degrees_of_freedom} degrees of freedom)", pages.number(fit.reduced_chi_square, 6)],
    ]
    rows: list[list[object]] = [
        ["Observations", fit.n_observations],
        ["Parameters of the likelihood", fit.n_likelihood],
        ["Log-likelihood", pages.number(fit.log_likelihood, 7)],
        ["AIC", pages.number(fit.aic, 7)],
        ["BIC", pages.number(fit.bic, 7)],
        *(squares if fit.standard.any() else []),
        ["Errors", _errors(fit)],
        ["Search", f"{fit.evaluations} evaluations, {fit.jacobians} Jacobians: {fit.message}"],
    ]
    return pages.table(["", ""], rows)


def _errors(fit: Fit) -> str:
    if fit.sd_is == "modeled":
        return "; ".join(f"{group.output}: {group.likelihood}" for group in fit.objective.groups) + " (as given)"
    if fit.sd_is == "known":
        return "standard deviations of the data, taken as known"
    weights = "standard deviations of the data as relative weights" if fit.data.sd_given else "equal weights"
    return f"{weights}; their common factor is estimated"


def _arms(fit: Fit) -> Markup:
    residuals = fit.residuals
    rows: list[list[object]] = []
    for arm in fit.data.arms:
        own = residuals[residuals["arm"] == arm]
        measured = own[np.isfinite(own["residual"])]
        worst = measured["residual"].abs().max() if len(measured) else np.nan
        doses = fit.predictor.doses(arm)
        rows.append([arm, doses, len(own), float((measured["residual"] ** 2).sum()), float(worst)])
    return pages.table(["Arm", "Doses", "Observations", "Chi-square", "Largest |residual|"], rows)


def _model(fit: Fit) -> Iterator[Markup]:
    if hasattr(fit.model, "equations"):  # a plain function has none, and nothing is integrated
        yield pages.preformatted(fit.model.equations())
        yield pages.paragraph(f"Integrated by {fit.solver}.", kind="quiet")
    if fit.data.source:
        yield pages.paragraph("Source of the data:", kind="quiet")
        yield pages.preformatted(fit.data.source)


# ---- figures


def _courses(fit: Fit, log: bool) -> Iterator[Markup]:
    """All arms in one panel where they can be told apart, and each subject or arm in its own where there are more."""
    for output in fit.data.outputs:
        arms = {arm for arm, name in zip(fit.data.arm, fit.data.output, strict=True) if name == output}
        if len(arms) <= FEW or counts_events(fit, output):
            axes = fit_overlay(fit, output, log=log)
            yield pages.picture(_figure(axes[0]), f"{output}: observations and fitted curves; residuals below.")
        if (len(arms) > FEW or fit.data.subject) and not counts_events(fit, output):
            individuals = individual_fits(fit, output, log=log)
            for i, figure in enumerate(individuals):
                place = f", page {i + 1} of {len(individuals)}" if len(individuals) > 1 else ""
                yield pages.picture(figure, f"{output}: each {'subject' if fit.data.subject else 'arm'}{place}.")


def _goodness(fit: Fit, log: bool) -> Iterator[Markup]:
    table = fit.residuals
    for output in fit.data.outputs:
        measured = np.isfinite(table.loc[table["output"] == output, "residual"]).any()
        if measured and not counts_events(fit, output):
            yield pages.picture(
                goodness_of_fit(fit, output, log=log),
                f"{output}: A observed against predicted; B, C residuals against time and prediction; D their normal "
                "quantiles with a 95 % band; E their autocorrelation; F their size. Red marks are means with two "
                "standard errors.",
            )


def _knowledge(
    fit: Fit, profiles: Profiles | None, draws: pd.DataFrame | Posterior | Bootstrap | None
) -> Iterator[Markup]:
    if int(np.isfinite(np.diag(fit.covariance_x)).sum()) >= 2:
        yield pages.picture(
            _figure(estimate_correlations(fit)), "Correlations of the estimates; framed where 0.95 or more."
        )
    if fit.starts is not None and fit.starts.n_optima:
        yield pages.picture(_figure(start_waterfall(fit)), "Where the searches from several starts ended.")
        yield from _words(fit.starts)
    if profiles is not None:
        yield from _words(profiles)
        for figure in likelihood_profiles(profiles):
            yield pages.picture(figure, "Likelihood profiles; the dashed line is the threshold of the interval.")
    if draws is not None:
        yield from _words(draws)
        names = [c.label for c in fit.coordinates][:MOST]
        figure = parameter_pairs(draws, names, estimates=dict(fit.estimates["estimate"]))
        yield pages.picture(figure, "Draws of the parameters, two at a time; red marks are the estimates.")
        if isinstance(draws, Posterior):
            for figure in posterior_traces(draws):
                yield pages.picture(figure, "The chains of the posterior; the black line is their median.")


def _words(thing: Any) -> Iterator[Markup]:
    """What the starts, the profiles or the draws say of themselves."""
    if hasattr(thing, "report"):
        yield pages.preformatted(str(thing.report()))


def _figure(ax: Any) -> Any:
    return ax.figure
