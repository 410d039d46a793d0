"""Many searches at once: what they ask of a model is collected and answered as one ensemble."""

from __future__ import annotations

import contextvars
import dataclasses
import itertools
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

import numpy as np

from pkpd.arrays import Array
from pkpd.fitting.objective import Objective
from pkpd.fitting.predictor import Predictor
from pkpd.solvers.problem import Progress

__all__ = ["Answers", "Ask", "Outcomes", "together", "with_one_model"]

T = TypeVar("T")

Ask = Callable[[str, Array], tuple[Array, ...]]  # a kind of question and points, (points, coordinates)
Answers = Mapping[str, Callable[[Array], tuple[Array, ...]]]  # each array of an answer has the points first

AT_ONCE = 256  # threads; another begins when one ends
LAST_WORDS = 3  # questions that an interrupted task may still have answered


@dataclass(frozen=True)
class Outcomes(Generic[T]):
    """What tasks returned, in their order; None of those that an interruption ended with nothing."""

    values: tuple[T | None, ...]
    interrupted: bool


def with_one_model(
    objective: Objective,
    tasks: Sequence[Callable[[Objective], T]],
    *,
    progress: Progress | None = None,
) -> Outcomes[T]:
    """Carry out tasks on an objective at once, each as if it were alone, all integrations as one ensemble.

    A task may weigh the observations anew, or replace their values: what is shared is the model.

    Parameters
    ----------
    objective
        What each task gets, to search however it likes.
    tasks
        They are independent, and none sees another.
    progress
        Called with the number of tasks that are done and of all.
    """
    model = objective.predictor
    answers: Answers = {
        "values": lambda points: (model(points),), "slopes": model.linearized, "rough slopes": model.roughly,
    }  # fmt: skip

    def of_thread(task: Callable[[Objective], T]) -> Callable[[Ask], T]:
        return lambda ask: task(dataclasses.replace(objective, predictor=cast(Predictor, _Remote(model, ask))))

    return together([of_thread(task) for task in tasks], answers, progress=progress)


class _Remote:
    """Stands for a predictor in the thread of a task: it asks where the predictor would integrate."""

    def __init__(self, model: Predictor, ask: Ask) -> None:
        self.model = model
        self.ask = ask

    def __call__(self, points: Array) -> Array:
        return self.ask("values", points)[0]

    def linearized(self, points: Array) -> tuple[Array, ...]:
        return self.ask("slopes", points)

    def roughly(self, points: Array) -> tuple[Array, ...]:
        return self.ask("rough slopes", points)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what copying and pickling look for
            raise AttributeError(name)
        return getattr(self.model, name)


def together(
    tasks: Sequence[Callable[[Ask], T]],
    answers: Answers,
    *,
    at_once: int = AT_ONCE,
    progress: Progress | None = None,
) -> Outcomes[T]:
    """Carry out tasks that ask questions; those of one kind that wait are answered in one call.

    Each task has a thread, so that an unmodified minimizer can call back from the depth of its
    own loop.  One thread runs at a time, from one question to the next, and all questions are
    answered in the caller's thread: nothing races, and what a task does is independent of
    the others as far as an answer at a point is independent of the other points.

    Parameters
    ----------
    tasks
        Each is called with ``ask(kind, points)``, which returns the answer at its points.
    answers
        By kind of question a function of points, (points, ...).
    at_once
        How many threads there are at most.
    progress
        Called with the number of tasks that are done and of all.

    Returns
    -------
    Outcomes
        On Ctrl-C the tasks that wait see a KeyboardInterrupt from `ask`; what they then return,
        with a few questions more, is their outcome, and the tasks not yet begun have none.

    Raises
    ------
    Exception
        What a task raises, when all other threads have ended.  What an answer raises is seen by
        the tasks whose questions cause it.
    """
    with warnings.catch_warnings():  # minimizers that silence warnings end in another order than they began
        return _Table(tasks, answers, at_once, progress).served()


class _Table(Generic[T]):
    """The seats of all tasks, and who is served next."""

    def __init__(
        self,
        tasks: Sequence[Callable[[Ask], T]],
        answers: Answers,
        at_once: int,
        progress: Progress | None,
    ) -> None:
        self.seats = [_Seat(task) for task in tasks]
        self.answers = answers
        self.at_once = at_once
        self.progress = progress or (lambda done, total: None)

    def served(self) -> Outcomes[T]:
        try:
            self._serve()
            interrupted = False
        except KeyboardInterrupt:
            self._finish()
            interrupted = True
        finally:
            self._dismiss()
        return Outcomes(tuple(seat.outcome for seat in self.seats), interrupted)

    def _serve(self) -> None:
        later = iter(self.seats)
        while not all(seat.done for seat in self.seats):
            asking = self._asking()
            for seat, answer in zip(asking, self._answered(asking), strict=True):
                seat.resume(answer)
            for seat in itertools.islice(later, self.at_once - len(self._asking())):
                seat.resume(None)
            self.progress(sum(seat.done for seat in self.seats), len(self.seats))

    def _finish(self) -> None:
        """Interrupt the tasks, and let them ask a few times more: what their best point so far is worth."""
        for seat in self._asking():
            seat.resume(KeyboardInterrupt())
        for _ in range(LAST_WORDS):
            asking = self._asking()
            for seat, answer in zip(asking, self._answered(asking), strict=True):
                seat.resume(answer)

    def _asking(self) -> list[_Seat[T]]:
        return [seat for seat in self.seats if seat.asks]

    def _answered(self, seats: Sequence[_Seat[T]]) -> list[Any]:
        """For each seat the answer to its question, or the error that the question causes."""
        replies: dict[int, Any] = {}
        for kind in dict.fromkeys(seat.kind for seat in seats):
            same = [i for i, seat in enumerate(seats) if seat.kind == kind]
            replies |= dict(zip(same, self._of_kind(kind, [seats[i].points for i in same]), strict=True))
        return [replies[i] for i in range(len(seats))]

    def _of_kind(self, kind: str, questions: Sequence[Array]) -> list[Any]:
        ends = np.cumsum([len(points) for points in questions])[:-1]
        try:
            arrays = self.answers[kind](np.concatenate(questions))
        except Exception as error:
            if len(questions) == 1:
                return [error]
            return [reply for points in questions for reply in self._of_kind(kind, [points])]
        return list(zip(*(np.split(array, ends) for array in arrays), strict=True))

    def _dismiss(self) -> None:
        for seat in self.seats:
            seat.dismiss()


class _Seat(Generic[T]):
    """The thread of one task, which runs only between `resume` and its next question."""

    def __init__(self, task: Callable[[Ask], T]) -> None:
        self.task = task
        self.outcome: T | None = None
        self.error: BaseException | None = None
        self.done = False
        self.asks = False
        self.kind, self.points = "", np.empty((0, 0))
        self._thread: threading.Thread | None = None
        self._answer: Any = None
        self._go, self._stands = threading.Semaphore(0), threading.Semaphore(0)

    # ---- in the caller's thread

    def resume(self, answer: Any) -> None:
        """Hand over the answer, an exception to be raised there; wait for the next question or the end."""
        self._answer, self.asks = answer, False
        if self._thread is None:
            context = contextvars.copy_context()  # numpy's errstate among it
            self._thread = threading.Thread(target=context.run, args=(self._work,), daemon=True)
            self._thread.start()
        else:
            self._go.release()
        self._wait()
        if self.error is not None and not isinstance(self.error, KeyboardInterrupt):
            raise self.error

    def dismiss(self) -> None:
        """End the thread; a task that goes on asking is refused each time."""
        while self._thread is not None and not self.done:
            self._answer, self.asks = KeyboardInterrupt(), False
            self._go.release()
            self._stands.acquire()

    def _wait(self) -> None:
        try:
            self._stands.acquire()
        except KeyboardInterrupt:  # while the task computes: it is heard at the task's next question
            self._stands.acquire()
            raise

    # ---- in the thread of the task

    def ask(self, kind: str, points: Array) -> tuple[Array, ...]:
        self.kind, self.points, self.asks = kind, points, True
        self._stands.release()
        self._go.acquire()
        if isinstance(self._answer, BaseException):
            raise self._answer
        return cast("tuple[Array, ...]", self._answer)

    def _work(self) -> None:
        try:
            self.outcome = self.task(self.ask)
        except BaseException as error:  # for the caller to raise
            self.error = error
        self.done = True
        self._stands.release()
