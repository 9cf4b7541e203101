"""Run the receiver on a port until it is told to stop, then finish what has been begun.

Plain HTTP on purpose: the address that Microsoft calls is HTTPS, ended by a reverse proxy or tunnel in front.
"""

import asyncio
import contextlib
import errno
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from cosell.errors import ConfigurationError

access_logger = logging.getLogger("cosell.webhooks.access")

BACKLOG = 512
MOST_CONNECTIONS = 500
GRACE_SECONDS = 10
FIRST_REQUEST_SECONDS = 10.0
_DOORS = ("/webhooks/partner-center", "/webhooks/dataverse")
_LOGGED_PATHS = frozenset({*_DOORS, "/healthz", "/readyz", "/metrics"})


async def serve(
    app: ASGIApp,
    *,
    host: str,
    port: int,
    stop: asyncio.Event | None = None,
    on_ready: Callable[[int], None] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, or until `stop` is set when one is given; open requests are answered first.

    `on_ready` is told the port once it is served; port 0 picks a free one. Signals are left alone when `stop` is given.

    Raises:
        ConfigurationError: the address cannot be listened on.
    """
    listener = _listen(host, port)
    config = uvicorn.Config(
        AccessLog(app),
        http=_Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        # uvicorn's own access log shows query strings, and the CRM's secret may stand in one.
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = _Server(config, on_started=lambda: on_ready(listener.getsockname()[1]) if on_ready else None)
    with contextlib.closing(listener), _stopping(server, stop):
        try:
            await server.serve(sockets=[listener])
        except asyncio.CancelledError:
            await server.shutdown(sockets=[listener])
            raise


class AccessLog:
    """One line for each answered call: method, path, status. No query, no address, no path that we do not know."""

    def __init__(self, app: ASGIApp) -> None:
        """Log what `app` answers."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the call on and note its status."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = _name_path(scope["path"])

        async def note(message: Message) -> None:
            if message["type"] == "http.response.start":
                access_logger.info("%s %s %s", scope["method"], path, message["status"])
            await send(message)

        await self._app(scope, receive, note)


def _name_path(path: str) -> str:
    if path in _LOGGED_PATHS:
        return path
    return next((f"{door}/(tenant)" for door in _DOORS if path.startswith(f"{door}/")), "(another path)")


class _Connection(H11Protocol):
    """A connection which has to ask something soon: silent ones would use up the number of connections."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.loop.call_later(FIRST_REQUEST_SECONDS, self._hang_up_if_silent)

    def _hang_up_if_silent(self) -> None:
        # uvicorn declares the request in hand as always there; before the first one it is None.
        if getattr(self, "cycle", None) is None:
            self.transport.close()


class _Server(uvicorn.Server):
    """uvicorn, without its signal handling: it would raise the signal anew before its caller can close anything."""

    def __init__(self, config: uvicorn.Config, *, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to `serve`."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and tell."""
        await super().startup(sockets=sockets)
        self._on_started()


@contextlib.contextmanager
def _stopping(server: _Server, stop: asyncio.Event | None) -> Iterator[None]:
    def ask_to_stop() -> None:
        # The second time somebody is in a hurry.
        server.force_exit = server.should_exit
        server.should_exit = True

    loop = asyncio.get_running_loop()
    if stop is not None:
        watcher = loop.create_task(stop.wait())
        watcher.add_done_callback(lambda _: ask_to_stop())
        try:
            yield
        finally:
            watcher.cancel()
        return
    signals = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
    for number in signals:
        loop.add_signal_handler(number, ask_to_stop)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


def _listen(host: str, port: int) -> socket.socket:
    listener: socket.socket | None = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        if listener is not None:
            listener.close()
        raise ConfigurationError(explain(error, host=host, port=port)) from None
    return listener


def explain(error: OSError, *, host: str, port: int) -> str:
    """Return the sentence for why an address cannot be listened on, with the setting to change."""
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} is in use by another program; stop that one, "
            "or set COSELL_RECEIVER__PORT to another port (0 picks a free one)."
        )
    if error.errno == errno.EACCES:
        return f"This user may not listen on port {port}; set COSELL_RECEIVER__PORT to 1024 or more."
    return f"{host} is not an address of this machine; set COSELL_RECEIVER__HOST to one, like 127.0.0.1 or 0.0.0.0."
