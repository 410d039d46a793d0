"""`pkpd fit`: from a table of observations to a report on disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pkpd.errors import ParameterError, RegimenError

if TYPE_CHECKING:
    from pkpd.fitting.results import Fit
    from pkpd.symbolic.model import Model
    from pkpd.treatment.regimens import Regimen

__all__ = ["fit_files", "run_fit"]


def run_fit(model: Model, data: Path, free: list[str], doses: list[str], constants: Mapping[str, str]) -> Fit:
    """Fit a model to a CSV file, with free parameters and doses as typed."""
    import pkpd
    from pkpd.cli.parsing import distinct
    from pkpd.records.observations import arm_names

    adjusted = model.using(**constants)
    regimens: dict[str, Regimen | None] = dict.fromkeys(arm_names(data))
    for text in doses:
        arm, dose = _arm_and_dose(text, list(regimens), adjusted.time)
        regimens[arm] = (regimens[arm] or pkpd.Regimen()) + dose
    observed = pkpd.read_observations(data, regimens)
    estimated: Fit = pkpd.fit(adjusted, observed, free=distinct(map(_free, free), "--free"))
    return estimated


def fit_files(estimated: Fit, folder: Path, figure: str = "fit.png", *, text: str | None = None) -> Iterator[Path]:
    """Write the report (or a longer `text`), the tables and the figure of a fit, each whole or not at all."""
    import pkpd
    from pkpd.storage import write_atomically

    folder.mkdir(parents=True, exist_ok=True)
    yield write_atomically(
        folder / "report.txt", lambda path: path.write_text((text or estimated.report()) + "\n", encoding="utf-8")
    )
    yield write_atomically(folder / "estimates.csv", lambda path: estimated.estimates.to_csv(path))
    yield write_atomically(folder / "residuals.csv", lambda path: estimated.residuals.to_csv(path, index=False))
    outputs, place = estimated.data.outputs, folder / figure
    for output in outputs:  # with several each has a figure, named for it
        named = place if len(outputs) == 1 else place.with_stem(f"{place.stem}_{output}")
        yield pkpd.save(pkpd.fit_overlay(estimated, output=output), named)


def _arm_and_dose(text: str, arms: list[str], unit: str) -> tuple[str, Regimen]:
    from pkpd.treatment.typed_doses import parse_dose

    for arm in sorted(arms, key=len, reverse=True):
        if text.startswith(f"{arm}:"):
            return arm, parse_dose(text[len(arm) + 1 :], unit)
    raise RegimenError(
        f"the dose {text!r} names no arm of the data; expected 'ARM: AMOUNT UNIT ROUTE ...' "
        f"with ARM one of {', '.join(arms)}."
    )


def _free(text: str) -> tuple[str, Any]:
    """Read ``NAME``, ``NAME=LOW:HIGH`` or ``NAME=LOW:HIGH:log``, with ``@arm`` at the end for one per arm."""
    import pkpd

    body, per_arm = (text.removesuffix("@arm"), True) if text.endswith("@arm") else (text, False)
    name, _, limits = body.partition("=")
    if not limits:
        return name.strip(), pkpd.free(per_arm=per_arm)
    parts = limits.split(":")
    try:
        low, high = float(parts[0]), float(parts[1])
        if len(parts) > 3 or (len(parts) == 3 and parts[2] != "log"):
            raise ValueError(limits)
    except (ValueError, IndexError):
        raise ParameterError(
            f"the free parameter {text!r} is not understood; expected NAME, NAME=LOW:HIGH or NAME=LOW:HIGH:log."
        ) from None
    return name.strip(), pkpd.free(bounds=(low, high), log=len(parts) == 3, per_arm=per_arm)
