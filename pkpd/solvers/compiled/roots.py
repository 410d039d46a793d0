"""The first time within a step at which an event fires."""

from __future__ import annotations

from pkpd.solvers.compiled.frame import INFINITY, Frame
from pkpd.solvers.compiled.lanes import VECTOR, Value

__all__ = ["locate"]

ROOT_HALVINGS = 45  # an event is located to 2**-45 of its step
LOOKS = (0.75, 0.5, 0.25)  # parts of a step at which an event is looked for, the earliest last


def locate(frame: Frame, accepted: Value) -> None:
    """Shorten the step of each lane in which an armed event fires to the event, and mark it due."""
    code = frame.code
    frame.triggers(frame.get("t_new"), "x", "trigger")
    frame.put("high", frame.get("h_try"))
    frame.put("v_high", _lowest(frame))
    if frame.control.dense:
        _look_within(frame)
    fired = accepted & (frame.get("v_high") < 0.0)
    with code.when(code.any(fired)):
        _bracket(frame, fired)
        for e in range(frame.kernel.events):
            armed, trigger = frame.rows("armed")[e], frame.rows("trigger")[e]
            due = fired & (armed > 0.0) & (trigger < 0.0)
            frame.rows("pending")[e] = code.select(due, 1.0, frame.rows("pending")[e])
            frame.rows("armed")[e] = code.select(due, 0.0, armed)
        frame.put_where(fired, "h", 0.0)
    for e in range(frame.kernel.events):
        risen = accepted & (frame.rows("trigger")[e] > 0.0)
        frame.rows("armed")[e] = code.select(risen, 1.0, frame.rows("armed")[e])


def _look_within(frame: Frame) -> None:
    """Look for triggers that fall below zero within the step and may be back at its end."""
    frame.call_named("prepare_dense")
    for part in LOOKS:
        frame.put("theta", part)
        frame.call_named("dense")
        size = part * frame.get("h_try")
        frame.triggers(frame.get("t") + size, "d", "was")
        value = _lowest(frame, "was")
        frame.put_where(value < 0.0, "high", size)
        frame.put_where(value < 0.0, "v_high", value)


def _lowest(frame: Frame, triggers: str = "trigger") -> Value:
    """The lowest trigger of the armed events."""
    code, lowest = frame.code, frame.code.number(INFINITY)
    for e in range(frame.kernel.events):
        value = code.select(frame.rows("armed")[e] > 0.0, frame.rows(triggers)[e], INFINITY)
        lowest = code.select(value < lowest, value, lowest)
    return lowest


def _bracket(frame: Frame, fired: Value) -> None:
    """Redo the step with shorter sizes, down to the smallest after which an event has fired.

    The size is found by the bracketing method of Oliveira and Takahashi, ACM Trans
    Math Softw 2021;47:5, which needs no more steps than bisection and mostly far fewer.
    """
    code, t = frame.code, frame.get("t")
    whole, t_whole = code.variable(VECTOR, frame.get("h_try")), code.variable(VECTOR, frame.get("t_new"))
    frame.put("low", 0.0)
    frame.triggers(t, "y", "trigger")
    frame.put("v_low", _lowest(frame))
    slack = code.variable(VECTOR, whole.get() * 0.5)
    tolerance = whole.get() * 2.0**-ROOT_HALVINGS

    def retry(size: Value) -> None:
        """Step by `size` where `fired`, and evaluate the triggers there."""
        unchanged = ~fired | size.equals(whole.get())
        frame.put("h_try", code.select(unchanged, whole.get(), size))
        frame.put("t_new", code.select(unchanged, t_whole.get(), t + size))
        frame.call_named("step")
        frame.triggers(frame.get("t_new"), "x", "trigger")

    with code.forever() as search:
        low, high = frame.get("low"), frame.get("high")
        open_ = fired & (high - low > tolerance)
        search.leave_when(~code.any(open_))
        middle = _next_size(frame, low, high, slack.get(), whole.get())
        slack.set(slack.get() * 0.5)
        retry(code.select(open_, middle, high))
        value = _lowest(frame)
        past = value < 0.0
        frame.put_where(open_ & past, "high", middle)
        frame.put_where(open_ & past, "v_high", value)
        frame.put_where(open_ & ~past, "low", middle)
        frame.put_where(open_ & ~past, "v_low", value)
    retry(frame.get("high"))


def _next_size(frame: Frame, low: Value, high: Value, slack: Value, whole: Value) -> Value:
    code = frame.code
    v_low, v_high = frame.get("v_low"), frame.get("v_high")
    width, half = high - low, 0.5 * (low + high)
    chord = low + width * (v_low / (v_low - v_high))
    chord = code.select((chord >= low) & (chord <= high), chord, half)
    toward = code.select(half > chord, 1.0, -1.0)
    nudge = code.larger(0.2 * width * width / whole, whole * 2.0 ** -(ROOT_HALVINGS + 1))
    pushed = code.select(nudge <= code.absolute(half - chord), chord + toward * nudge, half)
    reach = code.larger(slack - 0.5 * width, 0.0) + whole * 2.0 ** -(ROOT_HALVINGS + 1)
    return code.select(code.absolute(pushed - half) <= reach, pushed, half - toward * reach)
