"""What a design can inform, as text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from pkpd.fitting.collinearity import NEAR, Confounded
from pkpd.fitting.text_tables import number, table

if TYPE_CHECKING:
    from pkpd.fitting.identifiability import Identifiability

__all__ = ["exact_ones", "in_words", "report"]

WIDTH = 100
POOR = 50.0  # percent: the relative standard error above which a parameter is called poorly informed
LARGEST_EXPONENT = 4
PLACES = 4  # where a symbol stands
SHOWN = 8  # combinations that are listed


def report(result: Identifiability) -> str:
    """The text of `Identifiability.report`."""
    parts = (_head, _verdict, _without, _combinations, _estimable, _expected)
    blocks = [part(result) for part in parts]
    return "\n\n".join(block for block in blocks if block)


def _head(result: Identifiability) -> str:
    design = result.design
    data = design.data
    arms = f"{len(data.arms)} arm{'s' * (len(data.arms) > 1)}"
    lines = [
        f"{design.model.name}: what {data.name} can inform",
        f"  {len(data)} observations of {', '.join(data.outputs)} in {arms}, {len(result.coordinates)} free parameters",
    ]
    lines += [f"  error of {name}: {kind}" for name, kind in design.chosen.items()] if design.sized else []
    lines += [f"  {line}" for line in _sides(result)]
    return "\n".join(lines)


def _sides(result: Identifiability) -> Iterator[str]:
    times = dict.fromkeys(f"{time:g}" for time in result.design.times_after_doses().tolist())
    if times:
        noun = "the samples" if len(times) > 1 else "the sample"
        yield f"taken after a dose of the same time: {noun} at {_listed([*times])}"


def _verdict(result: Identifiability) -> str:
    if result.identifiable:
        largest = result.collinearity["index"].max() if len(result.coordinates) > 1 else 1.0
        state = (
            "can be told apart" if largest <= NEAR else "can be told apart in principle, not all of them in practice"
        )
        if len(result.coordinates) == 1:
            return f"The design informs {result.coordinates[0].label}."
        return _filled(f"All {len(result.coordinates)} parameters {state} (largest collinearity index {largest:.3g}).")
    return _filled(
        f"Of {len(result.coordinates)} parameters the design informs {result.rank} "
        f"combination{'s' * (result.rank != 1)}."
    )


def _without(result: Identifiability) -> str:
    by_places: dict[tuple[str, ...], list[str]] = {}
    for label, places in result.unreachable.items():
        by_places.setdefault(tuple(places), []).append(label)
    observed = _listed(result.design.data.outputs)
    depend = "does not depend" if len(result.design.data.outputs) == 1 else "do not depend"
    lines = [
        f"{_listed(labels)} {'reaches' if len(labels) == 1 else 'reach'} no observed output: "
        f"{'it stands' if len(labels) == 1 else 'they stand'} only in {_listed(_shortened(places))}, on which "
        f"{observed} {depend} under these doses."
        for places, labels in by_places.items()
    ]
    lines += [f"{label} changes no observation at these times, doses and values." for label in result.without_effect]
    return "\n".join(map(_filled, lines))


def _shortened(places: Sequence[str]) -> list[str]:
    return [*places[:PLACES], *([f"{len(places) - PLACES} more places"] if len(places) > PLACES else [])]


def _estimable(result: Identifiability) -> str:
    """Which parameters to estimate where not all can be."""
    labels = result.estimable
    if len(labels) == len(result.coordinates) or not labels:
        return ""
    others = [c.label for c in result.coordinates if c.label not in labels]
    return _filled(
        f"While {_listed(others)} {'is' if len(others) == 1 else 'are'} held, {_listed(labels)} can be estimated."
    )


def _combinations(result: Identifiability) -> str:
    lines = [
        in_words(result, combination, everywhere)
        for combination, everywhere in zip(result.confounded, result.everywhere, strict=True)
    ]
    more = [f"And {len(lines) - SHOWN} more such sets; see `confounded`."] if len(lines) > SHOWN else []
    return "\n".join(map(_filled, lines[:SHOWN] + more))


def exact_ones(result: Identifiability) -> str:
    """The sentences on what cannot be told apart at all, or has no effect."""
    sets = [in_words(result, c, e) for c, e in zip(result.confounded, result.everywhere, strict=True) if c.exact]
    return " ".join([*_without(result).split(), *sets])


def in_words(result: Identifiability, combination: Confounded, everywhere: bool) -> str:
    """A sentence on parameters that make up for one another."""
    labels = [result.coordinates[i].label for i in combination.which]
    change = _changes(labels, combination.direction)
    if not combination.exact:
        moved = np.linalg.norm(result.sensitivities[:, combination.which] @ combination.direction) / 10
        effect = (
            f"moves the observations by {moved:.2g} standard deviations in all"
            if result.design.sized
            else ("hardly moves any observation")
        )
        return (
            f"{_listed(labels)} are hard to tell apart (collinearity index {combination.index:.3g}): "
            f"{_changes(labels, combination.direction, 10)} {effect}."
        )
    where = "" if everywhere else " near these values"
    monomials = _monomials(result, combination) if everywhere else ""
    only = f" enter only as {monomials}" if monomials else f" cannot be told apart{where}"
    return f"{_listed(labels)}{only}: {change} changes no observation."


def _changes(labels: Sequence[str], direction: Sequence[float] | np.ndarray, percent: float = 1) -> str:
    parts = [
        f"{'raising' if step > 0 else 'lowering'} {label} by {abs(step) * percent:.3g} %"
        for label, step in zip(labels, direction, strict=True)
    ]
    return _listed(parts)


def _monomials(result: Identifiability, combination: Confounded) -> str:
    """The products of powers that stay the same, such as ``CL/F and V/F``; empty where they are not simple."""
    steps = [_simple(step) for step in combination.direction]
    positive = all(result.coordinates[i].natural(result.x[i]) > 0 for i in combination.which)
    if not positive or any(step is None or step == 0 for step in steps):
        return ""
    labels = [result.coordinates[i].label for i in combination.which]
    last = next((i for i in reversed(range(len(steps))) if abs(steps[i] or 0) == 1), len(steps) - 1)
    products = [
        _product(labels[i], labels[last], Fraction(steps[i] or 0) / Fraction(steps[last] or 1))
        for i in range(len(steps))
        if i != last
    ]
    return _listed(products)


def _simple(step: float) -> Fraction | None:
    """The ratio of small whole numbers that a step is, if it is one."""
    ratio = Fraction(float(step)).limit_denominator(LARGEST_EXPONENT)
    return ratio if abs(float(ratio) - step) < 1e-4 and abs(ratio.numerator) <= LARGEST_EXPONENT else None


def _product(label: str, other: str, ratio: Fraction) -> str:
    """What stays the same where `label` changes `ratio` times as much as `other` does."""
    own, its = _power(label, ratio.denominator), _power(other, abs(ratio.numerator))
    return f"{own}/{its}" if ratio > 0 else f"{own}*{its}"


def _power(label: str, exponent: int) -> str:
    return label if exponent == 1 else f"{label}^{exponent}"


def _expected(result: Identifiability) -> str:
    if not result.design.sized:
        return _filled(
            "No standard errors are expected: nothing says how large the errors of the observations are. Give error= "
            "an error model."
        )
    rows = [["parameter", "value", "expected SE", "RSE %", "unit", ""]]
    for label, row in result.expected.to_dict(orient="index").items():
        relative = row["rse_percent"]
        remark = "not informed" if not np.isfinite(row["se"]) else "poorly informed" * (relative > POOR)
        rows.append([str(label), number(row["value"]), number(row["se"]), number(relative, 3), row["unit"], remark])
    return table(rows)


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _filled(text: str) -> str:
    return textwrap.fill(text, WIDTH)
