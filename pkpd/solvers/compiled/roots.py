"""The first time within a step at which an event fires: no step passes it."""

from __future__ import annotations

from pkpd.solvers.compiled.excursions import search_step
from pkpd.solvers.compiled.frame import INFINITY, Frame
from pkpd.solvers.compiled.lanes import Variable
from pkpd.solvers.compiled.value import Value

__all__ = ["locate"]

ROOT_HALVINGS = 45  # an event is located to 2**-45 of its step


def locate(frame: Frame, accepted: Value) -> None:
    """End the step of each lane at the first event in it, which becomes due, or where an event is armed again.

    After it the row ``armed`` holds at the end of the step.
    """
    code = frame.code
    within = search_step(frame, accepted)
    for e in code.each(frame.kernel.searched):
        frame.rows("armed")[e] = code.select(accepted, frame.rows("ready")[e], frame.rows("armed")[e])
    with code.when(code.any(within)):
        fired = _shorten(frame, within)
        _make_due(frame, fired)
        frame.put_where(fired, "h", 0.0)
    for number in range(frame.kernel.searched):
        risen = accepted & (frame.rows("trigger")[number] > 0.0)
        frame.rows("armed")[number] = code.select(risen, 1.0, frame.rows("armed")[number])


def _make_due(frame: Frame, fired: Value) -> None:
    """Each armed event whose trigger is below zero is to fire, and fires once."""
    code, armed, trigger, pending = frame.code, *(frame.rows(name) for name in ("armed", "trigger", "pending"))
    for e in range(frame.kernel.searched):
        due = fired & (armed[e] > 0.0) & (trigger[e] < 0.0)
        pending[e] = code.select(due, 1.0, pending[e])
        armed[e] = code.select(due, 0.0, armed[e])


def _lowest(frame: Frame, triggers: str = "trigger") -> Value:
    """The lowest trigger of the armed events."""
    code, lowest = frame.code, frame.code.number(INFINITY)
    for e in range(frame.kernel.searched):
        value = code.select(frame.rows("armed")[e] > 0.0, frame.rows(triggers)[e], INFINITY)
        lowest = code.select(value < lowest, value, lowest)
    return lowest


def _shorten(frame: Frame, within: Value) -> Value:
    """Redo the step of the lanes in `within`, to the smallest size after which an event has fired.

    Returns the lanes in which one has; the step of the others ends at ``high``, where an
    event is armed again.  The size is found by the bracketing method of Oliveira and
    Takahashi, ACM Trans Math Softw 2021;47:5, which needs no more steps than bisection and
    mostly far fewer.
    """
    code = frame.code
    whole, t_whole = code.numbers(frame.get("h_try")), code.numbers(frame.get("t_new"))
    frame.put("v_low", _lowest(frame, "was"))

    def retry(size: Value) -> None:
        """Step by `size` in the lanes `within`, and evaluate the triggers there."""
        unchanged = ~within | size.equals(whole.get())
        frame.put("h_try", code.select(unchanged, whole.get(), size))
        frame.put("t_new", code.select(unchanged, t_whole.get(), frame.get("t") + size))
        frame.call_named("step")
        frame.triggers(frame.get("t_new"), "x", "trigger")

    retry(frame.get("high"))
    frame.put("v_high", _lowest(frame))
    fired = within & (frame.get("v_high") < 0.0)
    slack = code.numbers(whole.get() * 0.5)
    with code.forever() as search:
        low, high = frame.get("low"), frame.get("high")
        open_ = fired & (high - low > whole.get() * 2.0**-ROOT_HALVINGS)
        search.leave_when(~code.any(open_))
        middle = _next_size(frame, low, high, slack, whole.get())
        retry(code.select(open_, middle, high))
        _narrow(frame, open_, middle)
    retry(frame.get("high"))
    return fired


def _narrow(frame: Frame, open_: Value, middle: Value) -> None:
    """Keep the half of the bracket at whose end an event has fired."""
    value = _lowest(frame)
    past = value < 0.0
    frame.put_where(open_ & past, "high", middle)
    frame.put_where(open_ & past, "v_high", value)
    frame.put_where(open_ & ~past, "low", middle)
    frame.put_where(open_ & ~past, "v_low", value)


def _next_size(frame: Frame, low: Value, high: Value, slack: Variable, whole: Value) -> Value:
    """The size to try next, within `slack` of the middle; `slack` is halved."""
    code = frame.code
    v_low, v_high = frame.get("v_low"), frame.get("v_high")
    width, half = high - low, 0.5 * (low + high)
    chord = low + width * (v_low / (v_low - v_high))
    chord = code.select((chord >= low) & (chord <= high), chord, half)
    toward = code.select(half > chord, 1.0, -1.0)
    nudge = code.larger(0.2 * width * width / whole, whole * 2.0 ** -(ROOT_HALVINGS + 1))
    pushed = code.select(nudge <= code.absolute(half - chord), chord + toward * nudge, half)
    reach = code.larger(slack.get() - 0.5 * width, 0.0) + whole * 2.0 ** -(ROOT_HALVINGS + 1)
    slack.set(slack.get() * 0.5)
    return code.select(code.absolute(pushed - half) <= reach, pushed, half - toward * reach)
