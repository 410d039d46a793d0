"""What varies in a sample of a study file: distributions, blocks of correlated parameters, covariates."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from pkpd.ensembles.box_cox import BoxCox
from pkpd.ensembles.correlated import Block, block
from pkpd.ensembles.distributions import boxcox, categorical, logitnormal, lognormal, normal, probitnormal, truncated
from pkpd.ensembles.marginals import Discrete, TransformedNormal, Truncated
from pkpd.ensembles.variability import Variability
from pkpd.errors import DataError, ParameterError, PkpdError
from pkpd.toml_files import Expected, Table, TomlFile

__all__ = [
    "BlockTable",
    "DistributionTable",
    "SampleTable",
    "plain_variability",
    "variability_of",
    "variability_tables",
]

Limits = Annotated[list[float], Field(min_length=2, max_length=2), Expected("two numbers, the lower one first")]
ABOUT = {
    "lognormal": "median, cv or omega", "normal": "mean, sd", "logitnormal": "median, omega, lower, upper",
    "probitnormal": "median, omega, lower, upper",
    "boxcox": "median, omega, shape", "categorical": "values, probabilities", "none": "no numbers",
}  # fmt: skip


class DistributionTable(Table):
    """How a parameter varies, about its value in the model unless said otherwise; ``none`` does not vary.

    Attributes
    ----------
    within
        The limits between which it is truncated.
    """

    kind: Literal["lognormal", "normal", "logitnormal", "probitnormal", "boxcox", "categorical", "none"]
    median: float | None = None
    mean: float | None = None
    cv: float | None = None
    omega: float | None = None
    sd: float | None = None
    shape: float | None = None
    lower: float | None = None
    upper: float | None = None
    values: list[float] | None = None
    probabilities: list[float] | None = None
    cumulative: list[float] | None = None
    within: Limits | None = None


class BlockTable(Table):
    """Parameters that vary together; see `pkpd.block`.

    Attributes
    ----------
    parameters
        Names, which are log-normal, or distributions by name.
    correlations
        Of pairs, ``[["CL", "V1", 0.28]]``, or a matrix.
    covariance
        Of the etas: the lower triangle, row by row.
    """

    parameters: Annotated[
        list[str] | dict[str, DistributionTable], Expected("a list of names, or a table of distributions by name")
    ]
    correlations: list[list[str | float]] | None = None
    covariance: list[float] | None = None


class SampleTable(Table):
    """Members drawn at random, by their number.

    Attributes
    ----------
    published
        Whether the variability that the library holds beside the model is drawn.
    """

    members: Annotated[int, Field(ge=1)]
    seed: Annotated[int, Field(ge=0)] = 1
    points: Literal["random", "sobol", "latin"] = "random"
    published: bool = False
    variability: dict[str, DistributionTable] = Field(default_factory=dict)
    blocks: list[BlockTable] = Field(default_factory=list)
    covariates: dict[str, DistributionTable] = Field(default_factory=dict)
    covariate_blocks: list[BlockTable] = Field(default_factory=list)


# ---- read

KEYS = ("ensemble", "sample")


def variability_of(file: TomlFile, table: SampleTable, model: Any) -> tuple[Any, Any]:
    """What varies, and the covariates, as `pkpd.population` takes them; `model` is what the file has of this name.

    Raises
    ------
    DataError, ParameterError, UnknownNameError
        If a distribution or a block is none, or nothing is published with the model.
    """
    drawn: list[Any] = [_published(file, model)] if table.published else []
    drawn += [_block(file, "blocks", i, entry) for i, entry in enumerate(table.blocks)]
    alone = {name: _distribution(file, ("variability", name), d) for name, d in table.variability.items()}
    others: list[Any] = [_block(file, "covariate_blocks", i, entry) for i, entry in enumerate(table.covariate_blocks)]
    covariates = {name: _distribution(file, ("covariates", name), d) for name, d in table.covariates.items()}
    return _stated(drawn, alone), _stated(others, covariates)


def _stated(joint: list[Any], alone: dict[str, Any]) -> Any:
    return [*joint, *([alone] if alone else [])] if joint else alone


def _published(file: TomlFile, model: Any) -> Any:
    where = file.where([*KEYS, "published"])
    if not isinstance(model, str) or model.endswith(".toml"):
        raise DataError(f"{where} is true, and the model is not one of the library by name, which alone has it.")
    content = importlib.import_module(f"pkpd.models.{model}")
    if not hasattr(content, "variability"):
        raise DataError(f"{where} is true, and {model} holds no variability beside its iiv; leave the key out.")
    return content.variability


def _distribution(file: TomlFile, keys: tuple[str, ...], table: DistributionTable) -> Any:
    stated = {k: v for k, v in table if k not in ("kind", "within") and v is not None}
    where = file.where([*KEYS, *keys])
    makers: dict[str, Any] = {
        "lognormal": lognormal, "normal": normal, "logitnormal": logitnormal, "boxcox": boxcox,
        "probitnormal": probitnormal,
        "categorical": _categorical, "none": lambda: None,
    }  # fmt: skip
    try:
        made = makers[table.kind](**stated)
        return made if table.within is None else truncated(made, *table.within)
    except TypeError:
        given = f"was given {', '.join(stated)}" if stated else "was given nothing"
        raise DataError(f"{where}: a {table.kind} distribution has {ABOUT[table.kind]}; it {given}.") from None
    except PkpdError as error:
        raise type(error)(f"{where}: {error}") from None


def _categorical(
    values: list[float], probabilities: list[float] | None = None, cumulative: list[float] | None = None
) -> Any:
    if (probabilities is None) == (cumulative is None):
        raise ParameterError("a categorical distribution has either probabilities or cumulative ones.")
    if probabilities is None:
        rising = [0.0, *(cumulative or []), 1.0]
        if len(values) != len(rising) - 2 or rising[-2] != 1 or sorted(rising) != rising or sorted(values) != values:
            raise ParameterError(f"cumulative is {cumulative}; expected one rising to 1 for each of the rising values.")
        return Discrete(tuple(values), tuple(rising[1:-1]))
    if len(values) != len(probabilities):
        raise ParameterError(
            f"there are {len(values)} values and {len(probabilities)} probabilities; expected as many."
        )
    return categorical(dict(zip(values, probabilities, strict=True)))


def _block(file: TomlFile, key: str, number: int, table: BlockTable) -> Block:
    parameters: Any = table.parameters
    if isinstance(parameters, dict):
        place = (key, str(number), "parameters")
        parameters = {name: _distribution(file, (*place, name), d) for name, d in parameters.items()}
    correlations: Any = table.correlations
    pairs = correlations and any(isinstance(cell, str) for row in correlations for cell in row)
    where = file.where([*KEYS, key, str(number)])
    if pairs:
        if any([type(cell) for cell in row] != [str, str, float] for row in correlations):
            raise DataError(f'{where}: a correlation is written ["CL", "V1", 0.28].')
        correlations = {(a, b): r for a, b, r in correlations}
    try:
        return block(parameters, correlations=correlations, covariance=table.covariance)
    except PkpdError as error:
        raise type(error)(f"{where}: {error}") from None


# ---- written


def variability_tables(variability: Any, covariates: Any) -> dict[str, Any]:
    """The tables of what varies.

    Raises
    ------
    ParameterError
        If something has no text, such as the rows of a table.
    """
    tables: dict[str, Any] = {}
    for statement, alone, joint in (
        (variability, "variability", "blocks"), (covariates, "covariates", "covariate_blocks")
    ):  # fmt: skip
        parts = list(_parts(statement))
        tables[alone] = {k: _distribution_table(k, d) for p in parts if not isinstance(p, Block) for k, d in p.items()}
        tables[joint] = [_block_table(p) for p in parts if isinstance(p, Block)]
    return {key: table for key, table in tables.items() if table}


def plain_variability(variability: Any, covariates: Any) -> dict[str, Any]:
    """What varies as plain values that tell one statement from another."""
    alone = {k: repr(d) for p in _parts(variability) if not isinstance(p, Block) for k, d in p.items()}
    joint = [repr(p) for p in _parts(variability) if isinstance(p, Block)]
    others = [repr(p) for p in _parts(covariates)]
    return {"variability": alone, **({"blocks": joint} if joint else {}), **({"covariates": others} if others else {})}


def _parts(statement: Any) -> Iterator[Any]:
    """Blocks, and distributions by name, in the order in which they are stated."""
    if isinstance(statement, Variability):
        yield from (*statement.parameters, *statement.covariates, dict.fromkeys(sorted(statement.fixed)))
    elif isinstance(statement, Mapping):
        yield from [dict(statement)] if statement else []
    elif isinstance(statement, Block):
        yield statement
    elif isinstance(statement, list | tuple):
        for part in statement:
            yield from _parts(part)
    elif statement is not None:
        raise ParameterError(
            f"a study's sample got {statement!r:.80}; expected distributions by name, a block(), or a list of these."
        )


def _shares(distribution: Discrete) -> dict[str, list[float]]:
    """Probabilities, where they say the same to the bit; else their sums."""
    shares = np.diff(distribution.cumulative, prepend=0.0).tolist()
    values = list(distribution.values)
    same = len(set(values)) == len(values) and Discrete.of("", values, shares) == distribution
    return {"probabilities": shares} if same else {"cumulative": list(distribution.cumulative)}


def _block_table(joint: Block) -> dict[str, Any]:
    tables = {name: _distribution_table(name, d) for name, d in joint.marginals.items()}
    return {"parameters": tables, "correlations": [[float(r) for r in row] for row in joint.correlation]}


_WRITTEN = {
    "log": ("lognormal", "median", "omega"),
    "linear": ("normal", "mean", "sd"),
    "logit": ("logitnormal", "median", "omega"),
    "probit": ("probitnormal", "median", "omega"),
}


def _distribution_table(name: str, distribution: Any) -> dict[str, Any]:
    if distribution is None:
        return {"kind": "none"}
    if isinstance(distribution, Truncated):
        return {**_distribution_table(name, distribution.base), "within": [distribution.lower, distribution.upper]}
    if isinstance(distribution, BoxCox):
        return {"kind": "boxcox", "median": distribution.center, "omega": distribution.sd, "shape": distribution.shape}
    if isinstance(distribution, Discrete):
        return {"kind": "categorical", "values": list(distribution.values), **_shares(distribution)}
    if not isinstance(distribution, TransformedNormal) or distribution.scale not in _WRITTEN:
        raise ParameterError(
            f"the distribution of {name!r} is {distribution!r}; a file holds lognormal, normal, logitnormal, "
            "probitnormal, boxcox and categorical ones."
        )
    kind, center, spread = _WRITTEN[distribution.scale]
    limits = (
        {"lower": distribution.lower, "upper": distribution.upper} if kind in ("logitnormal", "probitnormal") else {}
    )
    return {"kind": kind, center: distribution.center, spread: distribution.sd, **limits}
