"""exp, log, power and tanh on lanes, as polynomials without branches or calls.

All they ask of the whole numbers in a vector is to add, to shift with zeros coming in, and the
logic of bits: AVX2 can neither keep the sign in a shift of 64 bits nor turn such whole numbers into
real ones or back.  The bits of the results are the same in every shape and on every processor
that multiplies and adds with one rounding.

Errors measured over the range of double precision: exp below 1.05 and log below 1 ulp, tanh below
2 ulp, and a power below 2 ulp while ``|y ln x| < 100`` and ``|y| < 50`` (see tests/test_compiled.py).

Sources: coefficients of log as in Sun's fdlibm (``e_log.c``, 1993); of tanh as in
Moshier's Cephes (``tanh.c``, 1984); the exact products and sums of Dekker, Numer Math
1971;18:224, with a fused multiply-add.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import cast

from pkpd.solvers.compiled.value import Value

__all__ = ["ELEMENTARY", "exp", "log", "power", "rough_power", "tanh"]

# ln 2 in two parts; a product of the first with a whole number below 2**11 is exact.
LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
# Adding this number rounds to a whole number, found in the lowest bits of the sum: shifted by 52 places it is that of
# an exponent.
ROUNDER = 6755399441055744.0
EXP_ABOVE, EXP_BELOW = 709.782712893, -708.3964185  # beyond them a result is infinite, or zero as it were subnormal
# The bits of 2**52, whose lowest hold a whole number when they are read as a number above 2**52.
WHOLE_BITS, WHOLE = 0x4330000000000000, 2.0**52
SMALLEST_NORMAL = 2.2250738585072014e-308
FRACTION_BITS = 0xFFFFFFFFFFFFF
SQRT_HALF_BITS = 0x3FE6A09E667F3BCD
SMALL_POWER = 8.0  # the exponent of a power that is mostly not larger
BIAS = 1024  # of an exponent that is to stay above zero

# A polynomial next to (exp(r) - 1 - r)/r**2 where |r| < 0.375, the maximum of the error least: exp is off by less than
# 1e-17, as by a Taylor polynomial with two terms more.
EXP = (
    2.4993912184524523e-08, 2.764266095699279e-07, 2.755767470648682e-06, 2.4801458328903993e-05,
    1.9841269319129454e-04, 1.3888888976567476e-03, 8.333333333627319e-03, 4.1666666666410855e-02,
    1.6666666666666125e-01, 5.000000000000023e-01,
)  # fmt: skip
LOG = (
    1.479819860511658591e-01, 1.531383769920937332e-01, 1.818357216161805012e-01, 2.222219843214978396e-01,
    2.857142874366239149e-01, 3.999999999940941908e-01, 6.666666666666735130e-01,
)  # fmt: skip
TANH_ABOVE = (-9.64399179425052238628e-1, -9.92877231001918586564e1, -1.61468768441708447952e3)
TANH_BELOW = (1.0, 1.12811678491632931402e2, 2.23548839060100448583e3, 4.84406305325125486048e3)


def _polynomial(coefficients: Sequence[float], x: Value) -> Value:
    """By Estrin's scheme, the highest coefficient first: neighbors in pairs, which need not wait for one another."""
    terms: list[Value | float] = [*reversed(coefficients)]
    while len(terms) > 1:
        pairs = [x * high + low for low, high in zip(terms[::2], terms[1::2], strict=False)]
        terms, x = [*pairs, *terms[2 * len(pairs) :]], x * x
    return cast("Value", terms[0])


def exp(x: Value) -> Value:
    """The exponential; zero below 2.2e-308."""
    return _exp_at_edges(x, _usual_exp(x))


def _exp_at_edges(x: Value, value: Value) -> Value:
    code = x.code
    value = code.select(x <= EXP_ABOVE, value, x * math.inf)  # NaN stays NaN
    return code.select(x < EXP_BELOW, 0.0, value)


def _usual_exp(x: Value, tail: Value | None = None, near: Value | None = None) -> Value:
    """`exp` of ``x + tail`` where the result is a normal number; `near`, or else `x`, is at most 0.028 from it."""
    code = x.code
    rounded = (x if near is None else near) * (1 / math.log(2)) + ROUNDER
    whole = rounded - ROUNDER
    r = code.fma(whole, code.number(-LN2_HIGH), x)
    r = code.fma(whole, code.number(-LN2_LOW), r)
    if tail is not None:
        r = r + tail
    value = 1.0 + code.fma(r * r, _polynomial(EXP, r), r)
    return (value.bits() + rounded.bits().shift_left(52)).as_number()


def _between(x: Value, low: float, high: float) -> Value:
    return (x > low) & (x < high)


def _split(x: Value, *, usual: bool) -> tuple[Value, Value]:
    """``(k, f)`` with ``x = 2**k (1 + f)`` and ``1 + f`` between the roots of 1/2 and 2; `x` may be known as normal."""
    code = x.code
    tiny = None if usual else x < SMALLEST_NORMAL
    scaled = x if tiny is None else code.select(tiny, x * 2.0**54, x)
    bits = scaled.bits() + ((BIAS << 52) - SQRT_HALF_BITS)
    f = ((bits & FRACTION_BITS) + SQRT_HALF_BITS).as_number() - 1.0
    k = _exponent(bits) - (WHOLE + BIAS)
    return k if tiny is None else code.select(tiny, k - 54.0, k), f


def _exponent(bits: Value) -> Value:
    """The exponent in these bits, as a number above `WHOLE`."""
    return (bits.shift_right(52) | WHOLE_BITS).as_number()


def _at_edges(x: Value, value: Value) -> Value:
    """The logarithm at zero, at infinity, and of what has none."""
    code, infinity = x.code, math.inf
    value = code.select(x < infinity, value, x)
    return code.select(x > 0.0, value, code.select(x.equals(0.0), -infinity, math.nan))


def log(x: Value) -> Value:
    """The natural logarithm."""
    usual = _between(x, 2.0**-1000, 2.0**1000)
    return x.code.mostly(usual, partial(_log, x, usual=True), "log_anywhere", _log_anywhere, x)


def _log_anywhere(x: Value) -> Value:
    return _at_edges(x, _log(x, usual=False))


def _log(x: Value, *, usual: bool) -> Value:
    k, f = _split(x, usual=usual)
    s = f / (2.0 + f)
    z = s * s
    half = 0.5 * f * f
    return k * LN2_HIGH - ((half - (s * (half + z * _polynomial(LOG, z)) + k * LN2_LOW)) - f)


def _long_log(x: Value, *, usual: bool) -> tuple[Value, Value]:
    """The logarithm of a positive number as a sum of two, good to some 64 bits."""
    code = x.code
    k, f = _split(x, usual=usual)
    below = 2.0 + f
    inverse = 1.0 / below
    s = f * inverse
    rest = code.fma(-s, below, f) - s * (f - (below - 2.0))
    z = s * s
    small = 2.0 * (rest * inverse) + s * z * _polynomial(LOG, z)
    a, b = k * LN2_HIGH, 2.0 * s
    high = code.fma(k, code.number(LN2_HIGH), b)
    return high, (a - high) + b + (small + k * LN2_LOW)


def power(x: Value, y: Value) -> Value:
    """`x` to the power `y`; a negative `x` needs a whole `y`."""
    usual = _between(x, 2.0**-120, 2.0**120) & (x.code.absolute(y) < SMALL_POWER)
    return x.code.mostly(usual, partial(_usual_power, x, y), "power_anywhere", _power_anywhere, x, y)


def _usual_power(x: Value, y: Value) -> Value:
    return _usual_exp(*_exponent_of_power(x, y, usual=True))


def _exponent_of_power(size: Value, y: Value, *, usual: bool) -> tuple[Value, Value]:
    """``y ln(size)`` as a sum of two, the second of which is below 0.0035 y."""
    high, low = _long_log(size, usual=usual)
    product = y * high
    return product, size.code.fma(y, high, -product) + y * low


def _power_anywhere(x: Value, y: Value) -> Value:
    code = x.code
    size = code.absolute(x)
    product, tail = _exponent_of_power(size, y, usual=False)
    # Where the power is small its exponent need not wait for the second part.
    near = code.select(code.absolute(y) < SMALL_POWER, product, product + tail)
    whole = code.select(code.absolute(product) < 1000.0, product + tail, product)
    value = _exp_at_edges(whole, _usual_exp(product, tail, near))
    at_zero, at_infinity = size.equals(0.0), size.equals(math.inf)
    edge = code.select(at_zero ^ (y > 0.0), math.inf, 0.0)
    value = code.select(at_zero | at_infinity, edge, value)
    integer = code.floor(y).equals(y)
    odd = code.floor(0.5 * y).differs(0.5 * y)
    below_zero = code.select(integer, code.select(odd, -value, value), math.nan)
    value = code.select(x < 0.0, below_zero, value)
    value = code.select(x.is_nan() | y.is_nan(), x + y, value)
    return code.select(y.equals(0.0), 1.0, value)


def tanh(x: Value) -> Value:
    """The hyperbolic tangent."""
    code = x.code
    size = code.absolute(x)
    z = x * x
    near = x + x * z * (_polynomial(TANH_ABOVE, z) / _polynomial(TANH_BELOW, z))
    far = 1.0 - 2.0 / (exp(2.0 * size) + 1.0)
    return code.select(size < 0.625, near, code.select(x < 0.0, -far, far))


ELEMENTARY: dict[str, Callable[..., Value]] = {"exp": exp, "log": log, "tanh": tanh}


def rough_power(x: Value, y: float) -> Value:
    """`x` to the power `y` within some percent; for step sizes.  Zero counts as the smallest number."""
    code = x.code
    bits = x.bits()
    exponent = _exponent(bits) - (WHOLE + 1023)
    part = ((bits & FRACTION_BITS) | 0x3FF0000000000000).as_number()
    log2 = exponent + (2.0 - part * (1 / 3)) * part - 5 / 3
    power_of_two = log2 * y
    power_of_two = code.select(power_of_two > 300.0, 300.0, code.select(power_of_two < -300.0, -300.0, power_of_two))
    whole = code.floor(power_of_two)
    f = power_of_two - whole
    return (1.0 + f * (0.6565 + 0.3435 * f)) * (whole + (ROUNDER + 1023)).bits().shift_left(52).as_number()
