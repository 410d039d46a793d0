"""Tasks in threads whose questions are answered together: as if each were alone."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import scipy.optimize

from pkpd.fitting.together import together


class Rosenbrock:
    """A function of points that notes how many it was asked for at once."""

    def __init__(self, interrupt_at: int = 10**9) -> None:
        self.asked: list[int] = []
        self.interrupt_at = interrupt_at

    def __call__(self, points):
        self.asked.append(len(points))
        if len(self.asked) == self.interrupt_at:
            raise KeyboardInterrupt
        return (np.array([scipy.optimize.rosen(x) for x in points]),)


def search(start):
    def task(ask):
        return scipy.optimize.minimize(lambda x: ask("f", x[None])[0][0], start, method="Nelder-Mead").x

    return task


STARTS = np.random.default_rng(0).normal(size=(12, 2))


@pytest.mark.parametrize("at_once", [1, 5, 100])
def test_each_search_ends_where_it_does_alone_bit_for_bit(at_once: int) -> None:
    alone = [scipy.optimize.minimize(scipy.optimize.rosen, x, method="Nelder-Mead").x for x in STARTS]
    f = Rosenbrock()
    outcomes = together([search(x) for x in STARTS], {"f": f}, at_once=at_once)
    assert not outcomes.interrupted
    assert np.array_equal(outcomes.values, alone)
    assert max(f.asked) == min(at_once, len(STARTS))


def test_calls_are_as_many_as_the_longest_search_asks() -> None:
    counts = []
    for x in STARTS:
        f = Rosenbrock()
        together([search(x)], {"f": f})
        counts.append(len(f.asked))
    f = Rosenbrock()
    together([search(x) for x in STARTS], {"f": f})
    assert (len(f.asked), sum(f.asked)) == (max(counts), sum(counts))


def test_questions_of_different_kinds_are_answered_apart() -> None:
    def task(i: int):
        return lambda ask: float(ask("double" if i % 2 else "square", np.array([[float(i)]]))[0][0])

    answers = {"double": lambda p: (2 * p[:, 0],), "square": lambda p: (p[:, 0] ** 2,)}
    assert together([task(i) for i in range(5)], answers).values == (0.0, 2.0, 4.0, 6.0, 16.0)


def test_an_answer_may_have_several_arrays_and_a_question_several_points() -> None:
    def task(n: int):
        return lambda ask: [a.shape for a in ask("f", np.zeros((n, 2)))]

    answers = {"f": lambda p: (p[:, 0], np.zeros((len(p), 4, 3)))}
    assert together([task(1), task(3)], answers).values == ([(1,), (1, 4, 3)], [(3,), (3, 4, 3)])


def test_what_a_task_raises_ends_all_threads() -> None:
    before = threading.active_count()

    def broken(ask):
        ask("f", np.ones((1, 2)))
        raise ZeroDivisionError("a fault of the task")

    with pytest.raises(ZeroDivisionError, match="a fault of the task"):
        together([search(STARTS[0]), broken, search(STARTS[1])], {"f": Rosenbrock()})
    assert threading.active_count() == before


def test_what_an_answer_raises_is_seen_only_by_the_task_that_asked() -> None:
    def answer(points):
        if (points < 0).any():
            raise ValueError("no root of a negative number")
        return (np.sqrt(points[:, 0]),)

    def task(x: float):
        def careful(ask):
            try:
                return float(ask("root", np.array([[x]]))[0][0])
            except ValueError as error:
                return str(error)

        return careful

    assert together([task(4.0), task(-1.0), task(9.0)], {"root": answer}).values == (
        2.0, "no root of a negative number", 3.0,
    )  # fmt: skip


def test_an_interruption_returns_what_tasks_have_and_ends_all_threads() -> None:
    before = threading.active_count()

    def careful(start):
        best = {"x": np.array(start), "f": np.inf}

        def f(ask, x):
            value = ask("f", x[None])[0][0]
            if value < best["f"]:
                best.update(x=x.copy(), f=value)
            return value

        def task(ask):
            try:
                scipy.optimize.minimize(lambda x: f(ask, x), start, method="Nelder-Mead")
            except KeyboardInterrupt:
                return float(ask("f", best["x"][None])[0][0])  # a last question is answered
            return -1.0

        return task

    outcomes = together([careful(x) for x in STARTS], {"f": Rosenbrock(interrupt_at=10)}, at_once=4)
    assert outcomes.interrupted
    assert all(0 <= value < scipy.optimize.rosen(x) for value, x in zip(outcomes.values[:4], STARTS, strict=False))
    assert outcomes.values[4:] == (None,) * 8
    assert threading.active_count() == before


def test_a_task_that_goes_on_asking_after_an_interruption_is_ended() -> None:
    before = threading.active_count()

    def stubborn(ask):
        for _ in range(1000):
            try:
                ask("f", np.ones((1, 2)))
            except KeyboardInterrupt:
                continue
        return "at last"

    outcomes = together([stubborn], {"f": Rosenbrock(interrupt_at=3)})
    assert (outcomes.interrupted, outcomes.values) == (True, ("at last",))
    assert threading.active_count() == before


def test_progress_counts_the_tasks_that_are_done() -> None:
    seen = []
    together([search(x) for x in STARTS], {"f": Rosenbrock()}, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (12, 12)
    assert seen == sorted(seen)


def test_numpy_settings_of_the_caller_hold_in_the_threads() -> None:
    def task(ask):
        return np.geterr()["divide"]

    with np.errstate(divide="raise"):
        assert together([task], {}).values == ("raise",)
