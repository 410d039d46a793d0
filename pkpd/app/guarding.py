"""Who may speak to the server: a page that it has served itself, on this machine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

__all__ = ["HEADERS", "Guarded", "refusal"]

Asgi = Callable[[Any, Any, Any], Awaitable[None]]

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

# Nothing from elsewhere is loaded, and no other site may show the page in a frame.
HEADERS = {
    "content-security-policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}


class Guarded:
    """An application that answers requests of its own page alone, and adds `HEADERS`."""

    def __init__(self, app: Asgi) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        words = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in scope["headers"]}
        why = refusal(words, websocket=scope["type"] == "websocket")
        if not why:
            await self._app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": why[:120]})
        else:
            await send(
                {"type": "http.response.start", "status": 403, "headers": _pairs({"content-type": "text/plain"})}
            )
            await send({"type": "http.response.body", "body": f"{why}\n".encode()})


def refusal(headers: Mapping[str, str], *, websocket: bool) -> str:
    """Why a request is not answered, from its headers; empty where it is.

    A name that leads to this machine by a trick of DNS is no name of it in ``Host``; a page of another site
    says so in ``Origin``, which every browser sends with a WebSocket.

    Examples
    --------
    >>> refusal({"host": "localhost:8765", "origin": "http://localhost:8765"}, websocket=True)
    ''
    >>> refusal({"host": "evil.example:8765"}, websocket=False)
    "Host is 'evil.example:8765'; expected localhost."
    """
    host = headers.get("host", "")
    if _hostname(host) not in LOOPBACK:
        return f"Host is {host!r}; expected localhost."
    origin = headers.get("origin")
    if origin is None:
        return "a WebSocket has no Origin; expected that of the page." if websocket else ""
    return "" if origin == f"http://{host}" else f"Origin is {origin!r}; expected 'http://{host}'."


def _hostname(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _pairs(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(key.encode(), value.encode()) for key, value in headers.items()]


def _with_headers(send: Any) -> Any:
    async def sending(message: Any) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *_pairs(HEADERS)]}
        await send(message)

    return sending
