"""What the browser may say, field by field; anything else is refused."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from pkpd.errors import DataError

__all__ = [
    "LARGEST_MESSAGE", "Arm", "Axis", "DoseRow", "Export", "Message", "Population", "Request", "Response", "Scene",
    "read_message",
]  # fmt: skip

LARGEST_MESSAGE = 2_000_000  # bytes: a large model as text has some 60,000
MOST_CELLS = 10_000  # of a response surface
MOST_NUMBERS = 50_000_000  # of a population in memory, 400 MB

Name = Annotated[str, Field(min_length=1, max_length=80)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Text = Annotated[str, Field(max_length=LARGEST_MESSAGE)]


class Message(BaseModel):
    """A part of a message: its fields are those declared, and their values are not converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class DoseRow(Message):
    """Doses of one amount, in the unit of their route; times are in the model's unit.

    Attributes
    ----------
    every, n
        Interval and number.
    weekdays
        Of radiation: five fractions a week, from a Monday on; `every` is then not used.
    """

    route: Name
    amount: Finite
    start: Annotated[float, Field(ge=0)] = 0.0
    every: Annotated[float, Field(gt=0)] = 1.0
    n: Annotated[int, Field(ge=1, le=1000)] = 1
    duration: Annotated[float, Field(gt=0)] | None = None
    weekdays: bool = False


class Arm(Message):
    """Doses, and the parameters that differ from the model's defaults."""

    name: Name
    doses: Annotated[tuple[DoseRow, ...], Field(max_length=40)] = ()
    parameters: Annotated[dict[Name, Finite], Field(max_length=500)] = {}


class Scene(Message):
    """What is looked at: arms of one model, some of its states and outputs, from time 0 to `end`."""

    model: Name
    arms: Annotated[tuple[Arm, ...], Field(min_length=1, max_length=12)]
    outputs: Annotated[tuple[Name, ...], Field(min_length=1, max_length=12)]
    end: Annotated[float, Field(gt=0)]
    points: Annotated[int, Field(ge=2, le=5000)] = 300

    @property
    def arm_names(self) -> list[str]:
        return [arm.name for arm in self.arms]


class Population(Message):
    """A virtual population.

    Attributes
    ----------
    spread
        By parameter the coefficient of variation of its log-normal distribution, as a fraction; beside what
        the model declares, and in its place.
    change
        The output whose best change from time 0 is shown as a waterfall.
    """

    members: Annotated[int, Field(ge=2, le=20_000)] = 200
    seed: Annotated[int, Field(ge=0, le=2**31)] = 1
    spread: Annotated[dict[Name, Annotated[float, Field(ge=0, le=5)]], Field(max_length=100)] = {}
    change: Name


class Axis(Message):
    """Values of a parameter at even distances, on a log scale where asked."""

    parameter: Name
    first: Finite
    last: Finite
    count: Annotated[int, Field(ge=2, le=200)] = 25
    log: bool = False


class Response(Message):
    """A number of each course, over one axis or two."""

    axes: Annotated[tuple[Axis, ...], Field(min_length=1, max_length=2)]
    output: Name
    kind: Literal["min", "max", "last", "auc"] = "last"


class Start(Message):
    """What the page begins with."""

    kind: Literal["start"]


class Catalog(Message):
    """The models of the library that run alone."""

    kind: Literal["catalog"]


class Describe(Message):
    kind: Literal["describe"]
    model: Name


class Open(Message):
    """A model as text, as `pkpd.write_model` writes it."""

    kind: Literal["open"]
    text: Text


class Courses(Message):
    kind: Literal["courses"]
    scene: Scene


class Members(Message):
    kind: Literal["population"]
    scene: Scene
    population: Population


class Surface(Message):
    kind: Literal["response"]
    scene: Scene
    response: Response


class Data(Message):
    """Observations as a tidy table: arm, time, output, value."""

    kind: Literal["data"]
    scene: Scene
    text: Text


class Export(Message):
    """A file of what is seen.

    Attributes
    ----------
    population, response
        Where a population or a response is seen; courses otherwise.
    arm
        Of a study, whose arms share their parameters: the one to write where they do not.
    """

    kind: Literal["export"]
    what: Literal["table", "study", "script", "png", "svg", "pdf"]
    scene: Scene
    population: Population | None = None
    response: Response | None = None
    arm: Name | None = None
    log: bool = False
    data: Text | None = None


Said = Annotated[
    Start | Catalog | Describe | Open | Courses | Members | Surface | Data | Export,
    Field(discriminator="kind"),
]


class Request(Message):
    """What is asked, and the number by which it is answered."""

    id: Annotated[int, Field(ge=0)]
    ask: Said


_KINDS = ("start", "catalog", "describe", "open", "courses", "population", "response", "data", "export")
_REQUEST: TypeAdapter[Request] = TypeAdapter(Request)


def read_message(text: str) -> Request:
    """A message from the browser.

    Raises
    ------
    DataError
        If it is too long, no JSON, or not one of those declared here; the message names the field.

    Examples
    --------
    >>> read_message('{"id": 1, "ask": {"kind": "catalog"}}').ask.kind
    'catalog'
    """
    if len(text) > LARGEST_MESSAGE:
        raise DataError(f"a message has {len(text):,} letters; at most {LARGEST_MESSAGE:,} are read.")
    try:
        return _REQUEST.validate_json(text)
    except ValidationError as error:
        raise DataError(_sentence(error.errors(include_url=False)[0])) from None


_COUNTED = {"arms": "arm", "doses": "row of doses", "axes": "axis"}


def _place(steps: Sequence[str | int]) -> str:
    """Where a field stands, in words: ``arm 2, row of doses 1, amount``."""
    words = [str(step) for step in steps if step not in ("ask", "scene", *_KINDS)]
    named = [f"{_COUNTED[a]} {int(b) + 1}" if a in _COUNTED and b.isdigit() else b
             for a, b in itertools.pairwise(["", *words])]  # fmt: skip
    return ", ".join(word for word in named if word not in _COUNTED)


def _sentence(error: Any) -> str:
    place = _place(error["loc"]) or "the message"
    value = repr(error.get("input"))
    shown = value if len(value) <= 60 else value[:57] + "..."
    return f"{place} is {shown}: {error['msg'][0].lower()}{error['msg'][1:]}."
