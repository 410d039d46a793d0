"""Models as text: the same model comes back, and nothing that a file says is run."""

from __future__ import annotations

import contextlib
import functools
import time
import tomllib

import pytest
import sympy
from helpers import run_here
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pkpd
from pkpd.errors import PkpdError
from pkpd.model_text.building import FUNCTIONS, expression
from pkpd.model_text.expressions import expression_text
from pkpd.model_text.reading import model_of
from pkpd.model_text.writing import model_text
from pkpd.toml_files import TomlFile

x, y = sympy.symbols("x y", real=True)
NAMES = {"x": x, "y": y}

TUMOR = """
[model]
name = "tumor"
description = "A tumor that an antibody slows."

[model.parameters]
kg = { value = 0.1, unit = "1/day", meaning = "growth rate" }
Tmax = { value = 1000, unit = "mm^3", meaning = "largest volume" }
CL = { value = 0.2, unit = "L/day", meaning = "clearance", bounds = [0, inf], iiv = 0.3 }
V = { value = 3, unit = "L", meaning = "volume", alternatives = { mouse = { value = 2, unit = "mL", source = "a" } } }
KD = { value = 1, unit = "mg/L", meaning = "concentration at half of the occupancy" }
Tmin = { value = 0.001, unit = "mm^3", meaning = "volume of a few cells" }

[model.states]
T = { unit = "mm^3", meaning = "tumor volume", start = 50, nonnegative = true }
A = { unit = "mg", meaning = "antibody" }

[model.quantities]
RO = "C/(KD + C)"    # before C: their order is free
C = "A/V"

[model.rates]
T = "kg*T*(1 - T/Tmax)*(1 - RO)"
A = "-CL*C"

[model.outputs]
C = "C"
occupied = { expression = "RO", meaning = "fraction of the target occupied" }

[model.routes]
iv = { dose = "mg", jumps = { A = "A + dose" } }

[[model.events]]
when = "T < Tmin"
then = { T = 0 }
"""


def read(tmp_path, text):
    path = tmp_path / "tumor.toml"
    path.write_text(text, encoding="utf-8")
    return pkpd.read_model(path)


def edited(tmp_path, old, new):
    assert old in TUMOR
    return read(tmp_path, TUMOR.replace(old, new))


def test_a_file_is_the_model_that_it_says(tmp_path):
    model = read(tmp_path, TUMOR)
    T, A, C = model["T"], model["A"], model["A"] / model["V"]
    growth = model["kg"] * T * (1 - T / model["Tmax"]) * (1 - C / (model["KD"] + C))
    assert model.rates[T] == growth
    assert model.rates[A] == -model["CL"] * C
    assert model["V"].declaration.alternatives[0][1] == pytest.approx(0.002)
    assert model.events[0].then[T] == 0
    after = pkpd.simulate(model, pkpd.bolus("10 mg", "iv"), times=[0, 5], parameters={"kg": 0})
    assert float(after["C"][-1]) == pytest.approx(10 / 3 * 2.718281828459045 ** (-0.2 / 3 * 5), rel=1e-6)


@pytest.mark.parametrize("name", ["pk_1cmt", "tumor_immune", "pk_1cmt_oral", "radiotherapy_lq", "kosinsky_2018"])
def test_a_model_comes_back(name, tmp_path):
    model = pkpd.load(name)
    again = pkpd.read_model(pkpd.write_model(model, tmp_path / "m.toml"))
    assert again == model
    assert again.description == model.description


@pytest.mark.slow
def test_every_model_of_the_library_comes_back():
    for name in pkpd.catalog().index:
        content = tomllib.loads(model_text(pkpd.load(name)))
        assert model_of(TomlFile(name, content, {}), ("model",)) == pkpd.load(name), name


def test_variants_come_back(tmp_path):
    model = pkpd.load("durvalumab_baverel_2018").in_time("h").using(CL=0.013)
    assert pkpd.read_model(pkpd.write_model(model, tmp_path / "m.toml")) == model


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1/2", sympy.Rational(1, 2)), ("0.5", sympy.Float(0.5)), ("-x^2", -(x**2)), ("2^-1", sympy.Rational(1, 2)),
        ("x/(6*(x + 1))", sympy.Mul(sympy.Rational(1, 6), x, sympy.Pow(x + 1, -1))),
        ("-(x + y)*x", -(x + y) * x), ("x/y/2", x / y / 2), ("x - -y", x + y), ("--x", x), ("2^3^2", 512),
        ("exp(-x)*log(y)", sympy.exp(-x) * sympy.log(y)), ("sqrt(x)", sympy.sqrt(x)), ("1e-3*x", 0.001 * x),
        ("piecewise(x, x > y, y)", sympy.Piecewise((x, x > y), (y, True))), ("log10(100)", 2), ("pi", sympy.pi),
        ("piecewise(1, x > 1 and not y < 2, 2, x == 0 or y >= 1, 3)", sympy.Piecewise(
            (1, (x > 1) & (y >= 2)), (2, sympy.Eq(x, 0) | (y >= 1)), (3, True))),
        ("max(x, y, 1)", sympy.Max(x, y, 1)), ("abs(x)", sympy.Abs(x)), ("x**0.5", x**0.5),
    ],
)  # fmt: skip
def test_expressions(text, value):
    assert sympy.simplify(expression(text, NAMES, "here") - value) == 0 or expression(text, NAMES, "here") == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x +", r"here: it ends at character 4, where a number, a name or '\(' was expected"),
        ("x y", "there is 'y' at character 3, where the end, or an operator"),
        ("(x", r"where '\)' was expected"),
        ("x.real", r"the character '\.' at 2 has no meaning"),
        ("__import__('os')", 'the character "\'" at 12'),
        ("eval(x)", "here has no function 'eval'"),
        ("z + x", "here has no symbol 'z'"),
        ("exp(x, y)", r"exp takes 1 argument\(s\), not 2"),
        ("x < y < 1", "'and' between two comparisons"),
        ("(x < y) + 1", "there is a condition where a number was expected"),
        ("piecewise(x, y)", "there is a number where a condition such as T > 1 was expected"),
        ("x/0", "a division by zero"),
        ("0^-1", "a division by zero"),
        ("9^9^9", "is beyond 100"),
        ("1e400", "is too large"),
        ("1" * 50, "too many digits"),
        ("(" * 100 + "x" + ")" * 100, "parentheses within one another"),
        ("x^" * 100 + "x", "powers within one another"),
        ("x+" * 9_999 + "x+" * 100, "characters|terms and factors"),
        ("", "it ends at character 1"),
    ],
)
def test_what_is_no_expression_is_told(text, message):
    begun = time.perf_counter()
    with pytest.raises(PkpdError, match=message):
        expression(text, NAMES, "here")
    assert time.perf_counter() - begun < 5


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("T = \"kg*T", "T = \"kg*Q", r"line \d+: \[model\.rates\] T has no symbol 'Q'"),
        ("A = \"-CL*C\"", "B = \"-CL*C\"", r"\[model\.rates\] B has no state 'B'"),
        ("value = 0.1,", "value = \"fast\",", r"line 7: \[model\.parameters\.kg\] value is 'fast'; expected a number"),
        ("value = 0.1,", "valu = 0.1,", r"has no key 'valu'\. Did you mean 'value'"),
        ("value = 0.1, ", "", r"line 7: \[model\.parameters\] kg lacks the key 'value'"),
        ("name = \"tumor\"", "", r"lacks the key 'name'"),
        ("[model.rates]", "[model.rate]", r"has no key 'rate'\. Did you mean 'rates'"),
        ("\"1/day\"", "\"1/dya\"", r"line 7: .*'1/dya' is not a unit"),
        ("RO = \"C/(KD + C)\"", "RO = \"C/(KD + RO)\"", "round in a circle: RO -> RO"),
        ("then = { T = 0 }", "then = { Z = 0 }", r"line 3\d: \[model\.events\.0\] Z|has no state 'Z'"),
        ("dose = \"mg\", ", "", r"\[model\.routes\] iv: a route has either 'input'"),
        ("A = \"-CL*C\"", "A = \"-CL*A\"", "d A/dt"),
        ("kg = {", "kg = [", "not TOML"),
        ("KD = {", "T = {", "'T' is declared already"),
    ],
)  # fmt: skip
def test_what_is_no_model_is_told_with_its_line(old, new, message, tmp_path):
    with pytest.raises(PkpdError, match=message):
        edited(tmp_path, old, new)


def test_a_function_of_your_own_has_no_text():
    mine = sympy.Function("mine")
    with pytest.raises(PkpdError, match="the function mine"):
        expression_text(mine(x))


def test_deep_brackets_are_refused(tmp_path):
    with pytest.raises(PkpdError, match="TOML|deep"):
        read(tmp_path, "model = " + "[" * 100_000)


FRAGMENTS = ["x", "y", "(", ")", "+", "-", "*", "/", "^", "**", "9", "1e9", ".5", ",", "exp", "piecewise", "and", "not",
             "<", "==", "__class__", "[", "'", "\\", "\x00", "log", "max", "lambda", ":", " ", "e", "π"]  # fmt: skip


@pytest.mark.slow
@settings(max_examples=1500, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=25).map("".join) | st.text(max_size=40))
def test_fuzzed_expressions_are_read_or_refused(text):
    try:
        value = expression(text, NAMES, "here")
    except PkpdError:
        return
    if isinstance(value, sympy.Expr) and not value.has(sympy.zoo, sympy.nan, sympy.oo, sympy.I):
        assert expression(expression_text(value), NAMES, "again") == value


LINES = TUMOR.splitlines()


@pytest.mark.slow
@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_fuzzed_files_are_read_or_refused(data, tmp_path_factory):
    lines = list(LINES)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(lines) - 1))
        what = data.draw(st.sampled_from(["drop", "twice", "cut", "insert", "swap"]))
        if what == "drop":
            lines[at] = ""
        elif what == "twice":
            lines.insert(at, lines[at])
        elif what == "cut":
            lines[at] = lines[at][: data.draw(st.integers(0, len(lines[at])))]
        elif what == "insert":
            place = data.draw(st.integers(0, len(lines[at])))
            lines[at] = (
                lines[at][:place] + data.draw(st.sampled_from([*FRAGMENTS, '"', "{", "=", "inf"])) + lines[at][place:]
            )
        else:
            other = data.draw(st.integers(0, len(lines) - 1))
            lines[at], lines[other] = lines[other], lines[at]
    with contextlib.suppress(PkpdError):
        read(tmp_path_factory.mktemp("fuzz"), "\n".join(lines))


def test_every_function_comes_back():
    for name, (function, least, _) in FUNCTIONS.items():
        value = function(*(x, y)[:least])
        assert expression(expression_text(value), NAMES, name) == value


# ---- on the command line


@pytest.fixture
def shell(capsys):
    """Run the command line here; returns (exit code, stdout, stderr)."""
    return functools.partial(run_here, capsys)


def test_a_file_stands_where_a_name_stands(shell, tmp_path):
    path = tmp_path / "pk.toml"
    path.write_text(shell("show", "pk_1cmt", "--toml")[1], encoding="utf-8")
    simulated = [shell("simulate", model, "--dose", "10 mg iv", "--times", "0,1") for model in (str(path), "pk_1cmt")]
    assert simulated[0] == simulated[1]
    assert shell("lint", str(path))[0] == 0
    assert "d central/dt" in shell("show", str(path))[1].replace("dcentral", "d central")


def test_a_program_is_run_only_if_asked(shell, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("import pkpd\nmodel = pkpd.load('pk_1cmt')\n", encoding="utf-8")
    code, _, told = shell("simulate", str(path), "--times", "0,1")
    assert code == 1
    assert "Add --run-code if you trust it" in told
    assert shell("simulate", str(path), "--run-code", "--times", "0,1")[0] == 0
    path.write_text("print('hello')\n", encoding="utf-8")
    assert "defines no 'model'" in shell("simulate", str(path), "--run-code")[2]
