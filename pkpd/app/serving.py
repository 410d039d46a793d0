"""The server: its pages, its WebSocket, and the port it listens to on this machine alone."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
import warnings
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pkpd.errors import MissingExtraError, SimulationError

if TYPE_CHECKING:
    from pkpd.symbolic.model import Model

__all__ = ["PORT", "application", "explore"]

PORT = 8765
HOST = "127.0.0.1"
STATIC = Path(__file__).with_name("static")


def require_packages() -> None:
    """Say what to install where the packages of the app are not there.

    Raises
    ------
    MissingExtraError
    """
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
        import websockets  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(f'the app needs {error.name}; install it with: pip install "pkpd[app]"') from None


def application(own: Model | None = None) -> Any:
    """The app as an ASGI application; `own` is the model that pages begin with.

    Raises
    ------
    MissingExtraError
        If its packages are not installed.
    """
    require_packages()
    import anyio
    from starlette.applications import Starlette
    from starlette.routing import Mount, WebSocketRoute
    from starlette.staticfiles import StaticFiles

    from pkpd.app.answering import Desk
    from pkpd.app.guarding import Guarded
    from pkpd.app.sessions import Session

    desk = Desk(own)
    limiter = anyio.CapacityLimiter(max(2, os.cpu_count() or 1))

    async def listen(websocket: Any) -> None:
        await Session(desk, websocket, limiter).run()

    pages = Mount("/", StaticFiles(directory=STATIC, html=True))
    return Guarded(Starlette(routes=[WebSocketRoute("/socket", listen), pages]))


def explore(model: Model | None = None, *, port: int = PORT, browser: bool = True) -> None:
    """Open the explorer in the browser, and serve it until it is interrupted; ``pkpd app`` does the same.

    Parameters
    ----------
    model
        The model that the page begins with; one of the library can be chosen there.
    port
        The port of 127.0.0.1 to listen to; 0 for one that is free.
    browser
        Whether to open the page; its address is printed to stderr.

    Raises
    ------
    MissingExtraError
        If the extra ``app`` is not installed.
    ModelError
        If the model does not run alone.
    SimulationError
        If the port is taken.

    Examples
    --------
    >>> import pkpd
    >>> pkpd.explore(pkpd.load("kosinsky_2018"))  # doctest: +SKIP
    pkpd app: http://127.0.0.1:8765/ (end with Ctrl+C)
    """
    require_packages()
    import uvicorn

    from pkpd.app.messages import LARGEST_MESSAGE
    from pkpd.errors import FailedMembersWarning

    served = application(model)
    listening = _listening(port)
    url = f"http://{HOST}:{listening.getsockname()[1]}/"
    config = uvicorn.Config(
        served, log_level="warning", ws="websockets-sansio", ws_max_size=LARGEST_MESSAGE, access_log=False,
        lifespan="off", server_header=False, timeout_graceful_shutdown=1,
    )  # fmt: skip
    print(f"pkpd app: {url} (end with Ctrl+C)", file=sys.stderr, flush=True)
    if browser:
        threading.Timer(0.5, webbrowser.open, [url]).start()
    with contextlib.suppress(KeyboardInterrupt), warnings.catch_warnings():
        warnings.simplefilter("ignore", FailedMembersWarning)  # the page counts them
        uvicorn.Server(config).run(sockets=[listening])


def _listening(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
    except OSError as error:
        listening.close()
        raise SimulationError(
            f"port {port} cannot be listened to ({error.strerror}); choose another with --port, or --port 0 for one "
            "that is free."
        ) from None
    return listening
