"""Serves the emulators: plain http and TLS on one event loop, ready line, quick and clean end."""

import asyncio
import contextlib
import json
import logging
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from cosell.emulators.app import create_app
from cosell.emulators.assembly import Emulators
from cosell.emulators.options import Options, environment_of, urls_of
from cosell.emulators.pki import create_pki
from cosell.emulators.traffic import ABORT
from cosell.emulators.world import Store, World

_GRACE_SECONDS = 0.5
_WILDCARDS = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - recognised, not bound


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """The command line. Port 0 takes a free one; `tls_port` None is the one after `port`.

    `public_host` is the name under which others reach us, for containers; else it follows from `host`.
    """

    host: str = "127.0.0.1"
    port: int = 8765
    tls_port: int | None = None
    bare: bool = False
    data: Path | None = None
    latency_ms: float = 0
    seed: int = 1
    public_host: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """Emulators which answer on their ports."""

    urls: dict[str, str]
    environment: dict[str, str]
    emulators: Emulators


class _Protocol(H11Protocol):
    """Lets a fault cut the connection under a request."""

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - asyncio's
        super().connection_made(transport)
        self.app_state = {**self.app_state, ABORT: transport.abort}


class _Server(uvicorn.Server):
    """A uvicorn server which leaves the signals to us, for there are two of them, and tells when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def running(options: ServerOptions) -> AsyncIterator[Running]:
    """Serve until the block ends."""
    with contextlib.ExitStack() as stack:
        folder = options.data
        if folder is None:
            name = stack.enter_context(tempfile.TemporaryDirectory(prefix="cosell-emulators-"))
            folder = Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        tls_port = options.tls_port if options.tls_port is not None else (options.port + 1 if options.port else 0)
        plain = stack.enter_context(_listen(options.host, options.port))
        secure = stack.enter_context(_listen(options.host, tls_port))
        app_options = _app_options(options, folder, plain.getsockname()[1], secure.getsockname()[1])
        store = Store(folder / "emulators.sqlite")
        stack.callback(store.close)
        app = create_app(World(store=store), options=app_options)
        emulators: Emulators = app.state.emulators
        pki = folder / "pki"
        servers = [
            _Server(_config(app)),
            _Server(_config(app, certificate=pki / "server.pem", key=pki / "server.key")),
        ]
        await emulators.start()
        tasks = [
            asyncio.create_task(server.serve(sockets=[listener]))
            for server, listener in zip(servers, (plain, secure), strict=True)
        ]
        try:
            await asyncio.gather(*(server.is_up.wait() for server in servers))
            yield Running(urls=urls_of(app_options), environment=environment_of(app_options), emulators=emulators)
        finally:
            await _end(servers, tasks)
            await emulators.stop()


async def serve(options: ServerOptions, *, ready: Callable[[Running], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; print one line of JSON when ready, or call `ready` instead."""
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, over.set)
    async with running(options) as state:
        (ready or _print_ready)(state)
        await over.wait()


def _print_ready(state: Running) -> None:
    sys.stdout.write(json.dumps({"urls": state.urls, "environment": state.environment}) + "\n")
    sys.stdout.flush()


def _app_options(options: ServerOptions, folder: Path, port: int, tls_port: int) -> Options:
    is_here = options.host in _WILDCARDS | {"127.0.0.1", "localhost", "::1"}
    host = options.public_host or ("localhost" if is_here else options.host)
    secure = f"https://{host}:{tls_port}"
    # Two names of one machine stand for the two hosts of Partner Center: their tokens differ.
    other = "127.0.0.1" if host == "localhost" else host
    pki = create_pki(certificate_origin=secure, folder=folder / "pki", server_name=host)
    return Options(
        plain_origin=f"http://{host}:{port}",
        partner_origin=secure,
        webhook_origin=f"https://{other}:{tls_port}",
        bare=options.bare,
        latency_ms=options.latency_ms,
        seed=options.seed,
        pki=pki,
        pki_folder=(folder / "pki").absolute(),
    )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol has to be named: only then does asyncio switch Nagle's algorithm off, which costs 40 ms per answer.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    listener.listen(1024)
    listener.setblocking(False)  # noqa: FBT003 - no keyword there
    return listener


def _config(app: Any, *, certificate: Path | None = None, key: Path | None = None) -> uvicorn.Config:  # noqa: ANN401
    return uvicorn.Config(
        app,
        http=_Protocol,
        ws="none",
        lifespan="off",
        proxy_headers=False,
        log_config=None,
        log_level=logging.WARNING,
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )


async def _end(servers: list[_Server], tasks: list[asyncio.Task[None]]) -> None:
    for server in servers:
        server.should_exit = True
    _, late = await asyncio.wait(tasks, timeout=_GRACE_SECONDS)
    if late:
        for server in servers:
            server.force_exit = True
        _, late = await asyncio.wait(late, timeout=_GRACE_SECONDS / 2)
    for task in late:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
