"""From the tables of a file to a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sympy

from pkpd.errors import ModelError, PkpdError, unknown_name
from pkpd.model_text.building import expression
from pkpd.model_text.tables import DosingTable, EventTable, ModelTable, OutputTable, RouteTable
from pkpd.model_text.tokens import tokens
from pkpd.symbolic.elements import Dosing, Event, Output, Route
from pkpd.symbolic.model import Model
from pkpd.symbolic.symbols import check_name, clock, dose, given, input_rate, param, state
from pkpd.toml_files import TomlFile, checked, read_toml

__all__ = ["model_of", "read_model"]


def read_model(path: str | Path) -> Model:
    """Read a model from a text file; nothing in the file is run.

    Parameters
    ----------
    path
        A TOML file with a table ``[model]``; see `write_model` for one.

    Raises
    ------
    DataError
        If there is no such file, it is not TOML, or a key or value is not what is expected.
    ModelError, UnitError, ParameterError, UnknownNameError
        If what it says is no model; the message names the key and the line.

    Examples
    --------
    >>> import pkpd, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "pk.toml"
    >>> _ = pkpd.write_model(pkpd.load("pk_1cmt"), path)
    >>> pkpd.read_model(path) == pkpd.load("pk_1cmt")
    True
    """
    return model_of(read_toml(path), ("model",))


def model_of(file: TomlFile, keys: tuple[str, ...]) -> Model:
    """The model that the table at `keys` of a file describes; see `read_model` for what is raised."""
    return _Reader(file, keys, checked(ModelTable, file, keys)).model()


class _Reader:
    def __init__(self, file: TomlFile, keys: tuple[str, ...], table: ModelTable) -> None:
        self.file, self.keys, self.table = file, keys, table
        self.names: dict[str, Any] = {}
        self._resolving: list[str] = []

    def model(self) -> Model:
        self._declare()
        table = self.table
        parts: dict[str, Any] = {
            "rates": {self._state("rates", k): self._formula(e, "rates", k) for k, e in table.rates.items()},
            "terms": {self._state("terms", k): self._formula(e, "terms", k) for k, e in table.terms.items()},
            "outputs": {k: self._output(k, e) for k, e in table.outputs.items()},
            "routes": {k: self._route(k, route) for k, route in table.routes.items()},
            "events": [self._event(i, event) for i, event in enumerate(table.events)],
            "dosing": {self._state("dosing", k): self._dosing(k, d) for k, d in table.dosing.items()},
        }
        with self._at():
            return Model(table.name, time=table.time, description=table.description, **parts)

    # ---- declarations

    def _declare(self) -> None:
        table = self.table
        for name, p in table.parameters.items():
            alternatives = {k: (a.value, a.unit, a.source) for k, a in p.alternatives.items()}
            bounds = (None, None) if p.bounds is None else (p.bounds[0], p.bounds[1])
            with self._at("parameters", name):
                symbol = param(
                    name, p.value, p.unit, p.meaning,
                    source=p.source, bounds=bounds, iiv=p.iiv, alternatives=alternatives or None,
                )  # fmt: skip
                self._add(name, symbol)
        for name, g in table.given.items():
            with self._at("given", name):
                self._add(name, given(name, g.unit, g.meaning, default=g.default))
        for name, i in table.inputs.items():
            with self._at("inputs", name):
                self._add(name, input_rate(name, i.unit, i.meaning, molar_mass=i.molar_mass))
        for name, s in table.states.items():
            start = self._formula(s.start, "states", name, "start")
            with self._at("states", name):
                self._add(name, state(name, s.unit, s.meaning, start=start, nonnegative=s.nonnegative))
        with self._at("clock"):
            self.names["t"] = clock(table.clock or table.time)
        for name in table.quantities:
            with self._at("quantities", name):
                check_name(name, "quantity")
                self._taken(name)
        for name in table.quantities:
            self._quantity(name)

    def _add(self, name: str, symbol: Any) -> None:
        self._taken(name)
        self.names[name] = symbol

    def _taken(self, name: str) -> None:
        if name in self.names:
            raise ModelError(f"{name!r} is declared already.")

    def _quantity(self, name: str) -> None:
        """Put the expression of a quantity, those that it uses before it, among the names."""
        if name in self.names:
            return
        if name in self._resolving:
            circle = " -> ".join([*self._resolving, name])
            raise ModelError(f"{self._where('quantities', name)}: the quantities go round in a circle: {circle}.")
        self._resolving.append(name)
        formula = self.table.quantities[name]
        words = tokens(formula, self._where("quantities", name)) if isinstance(formula, str) else []
        for word in words:
            if word.text in self.table.quantities:
                self._quantity(word.text)
        self.names[name] = self._formula(formula, "quantities", name)
        self._resolving.pop()

    # ---- expressions

    def _formula(self, value: str | float, *keys: str, names: Mapping[str, Any] | None = None) -> Any:
        if not isinstance(value, str):
            return sympy.Integer(int(value)) if float(value).is_integer() else sympy.Float(value)
        return expression(value, {**self.names, **(names or {})}, self._where(*keys))

    def _state(self, section: str, name: str) -> Any:
        if name not in self.table.states:
            raise unknown_name(self._where(section, name), "state", name, self.table.states)
        return self.names[name]

    def _output(self, name: str, value: Any) -> Output:
        if isinstance(value, OutputTable):
            return Output(self._formula(value.expression, "outputs", name), value.meaning, value.unit)
        return Output(self._formula(value, "outputs", name))

    def _route(self, name: str, route: RouteTable) -> Route:
        where = self._where("routes", name)
        if (route.input is None) == (not route.jumps) or (route.jumps and route.dose is None):
            raise ModelError(
                f"{where}: a route has either 'input', the name of an input, or the unit 'dose' and 'jumps', such as "
                '{ dose = "mg", jumps = { A1 = "A1 + dose" } }.'
            )
        if route.input is not None:
            if route.input not in self.table.inputs:
                raise unknown_name(where, "input", route.input, self.table.inputs)
            return Route(name, rate=self.names[route.input])
        with self._at("routes", name):
            amount = dose(str(route.dose), molar_mass=route.molar_mass)
        jumps = {
            self._state("routes", k): self._formula(e, "routes", name, "jumps", k, names={"dose": amount})
            for k, e in route.jumps.items()
        }
        return Route(name, jumps, replaces=route.replaces)

    def _event(self, number: int, event: EventTable) -> Event:
        when = self._formula(event.when, "events", str(number), "when")
        then = {self._state("events", k): self._formula(e, "events", str(number), k) for k, e in event.then.items()}
        with self._at("events", str(number)):
            return Event(when, then)

    def _dosing(self, name: str, dosing: DosingTable) -> Dosing:
        values = {k: v for k, v in dosing if v is not None}
        with self._at("dosing", name):
            return Dosing(**{k: self._formula(v, "dosing", name, k) for k, v in values.items()})

    # ---- places

    def _where(self, *keys: str) -> str:
        return self.file.where([*self.keys, *keys])

    @contextmanager
    def _at(self, *keys: str) -> Iterator[None]:
        """What is refused here is told with its place."""
        try:
            yield
        except PkpdError as error:
            place = self._where(*keys)
            raise (error if str(error).startswith(place) else type(error)(f"{place}: {error}")) from None
