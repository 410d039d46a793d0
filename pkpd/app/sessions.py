"""One page and its WebSocket: requests are answered beside one another, in threads, in the order they are done."""

from __future__ import annotations

import logging
from typing import Any

import anyio
import anyio.to_thread
from pydantic_core import from_json

from pkpd.app.answering import Desk
from pkpd.app.frames import Frame, encoded
from pkpd.app.messages import LARGEST_MESSAGE, Request, read_message
from pkpd.errors import DataError, PkpdError

__all__ = ["Session"]

TOO_LARGE = 1009  # the code of a WebSocket that is closed for it
MOST_AT_ONCE = 6  # requests of one page: it sends one of a kind at a time

_log = logging.getLogger("pkpd.app")


class Session:
    """What the server does with the messages of one page, until it is closed.

    Parameters
    ----------
    desk
        Answers requests.
    socket
        A starlette ``WebSocket``.
    limiter
        How many requests of all pages are worked on at a time.
    """

    def __init__(self, desk: Desk, socket: Any, limiter: anyio.CapacityLimiter) -> None:
        self._desk, self._socket, self._limiter = desk, socket, limiter
        self._running = 0

    async def run(self) -> None:
        """Answer until the page is closed."""
        await self._socket.accept()
        async with anyio.create_task_group() as tasks:
            while (message := await self._socket.receive())["type"] != "websocket.disconnect":
                text = message.get("text")
                if text is not None and len(text) > LARGEST_MESSAGE:
                    await self._socket.close(TOO_LARGE, "the message is too large")
                    break
                await self._begin(tasks, text)
            tasks.cancel_scope.cancel()

    async def _begin(self, tasks: Any, text: str | None) -> None:
        try:
            if text is None:
                raise DataError("a message is of bytes; expected text.")
            request = read_message(text)
            if self._running >= MOST_AT_ONCE:
                raise DataError(f"{self._running} requests of this page are being answered; expected to wait for them.")
        except PkpdError as error:
            await self._send(_number(text), _refused(error))
            return
        self._running += 1
        tasks.start_soon(self._answer, request)

    async def _answer(self, request: Request) -> None:
        try:
            frame = await anyio.to_thread.run_sync(
                self._safely, request.ask, limiter=self._limiter, abandon_on_cancel=True
            )
            await self._send(request.id, frame)
        finally:
            self._running -= 1

    def _safely(self, ask: Any) -> Frame:
        """The answer, or in words why there is none; the page is told of no file or line of ours."""
        try:
            return self._desk.answer(ask)
        except PkpdError as error:
            return _refused(error)
        except MemoryError:
            return Frame({"error": "There is not enough memory for this; ask for fewer members or times."})
        except Exception:
            _log.exception("a request of kind %s failed", ask.kind)
            return Frame({"error": "This failed inside pkpd, which is a defect; the terminal shows where."})

    async def _send(self, number: int, frame: Frame) -> None:
        from starlette.websockets import WebSocketDisconnect

        try:
            await self._socket.send_bytes(encoded(frame, number))
        except (WebSocketDisconnect, RuntimeError):  # the page was closed meanwhile
            _log.debug("a page was closed before its answer")


def _refused(error: PkpdError) -> Frame:
    return Frame({"error": str(error), "kind": type(error).__name__})


def _number(text: str | None) -> int:
    """The number of a request that is refused, where it has one; -1 otherwise."""
    try:
        number = from_json(text or "")["id"]
    except (ValueError, TypeError, KeyError):
        return -1
    return number if type(number) is int else -1
