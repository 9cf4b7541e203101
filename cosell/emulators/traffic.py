"""Stands before all services: counts every call, adds the latency, carries out the faults, and never lets one crash.

Under a real server the connection can be cut (`server.py` puts the means into the scope); in process, where there is
no connection, a cut is raised as the error that httpx would raise.
"""

import asyncio
import json
import logging
from collections.abc import Callable

import httpx
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cosell.emulators import calls
from cosell.emulators.calls import CallLog, route_of
from cosell.emulators.faults import Action, Faults
from cosell.emulators.refusals import refusal
from cosell.emulators.world import World

ABORT = "cosell.emulators.abort"
_CALM = frozenset({calls.EMULATOR, calls.CERTIFICATES})
_logger = logging.getLogger("cosell.emulators")


class Traffic:
    """The outermost ASGI layer; a crash of our own is counted in the log, and the health check shows it."""

    def __init__(self, app: ASGIApp, *, world: World, faults: Faults, log: CallLog, latency_seconds: float) -> None:
        """Wrap the router."""
        self._app = app
        self._world = world
        self._faults = faults
        self._log = log
        self._latency_seconds = latency_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection event of the server."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        service, _ = route_of(scope["path"])
        call = _Call(scope, receive, send)
        try:
            if service in _CALM:
                await self._serve(call, service)
            else:
                await self._spoil(call, service)
        finally:
            self._log.note(method=scope["method"], path=scope["path"], status=call.status, at=self._world.clock.now())

    async def _spoil(self, call: "_Call", service: str) -> None:
        if self._latency_seconds:
            await asyncio.sleep(self._latency_seconds)
        action = self._faults.for_call(call.scope["method"], call.scope["path"])
        if action is None:
            await self._serve(call, service)
            return
        if action.delay_seconds:
            await asyncio.sleep(action.delay_seconds)
        if action.reset == "before":
            await call.cut("Server disconnected without sending a response.")
        elif action.reset == "after":
            call.holds_back = True
            await self._serve(call, service)
            await call.cut("Server disconnected without sending a response.")
        elif action.is_truncated:
            call.holds_back = True
            await self._serve(call, service)
            await call.send_half()
        elif action.status is not None:
            await _made_up(action)(call.scope, call.receive, call.send)
        else:
            await self._serve(call, service)

    async def _serve(self, call: "_Call", service: str) -> None:
        try:
            await self._app(call.scope, call.receive, call.send)
        except Exception:
            self._log.crash_count += 1
            _logger.exception("%s %s crashed", call.scope["method"], call.scope["path"])
            if call.status is None:
                response = refusal(service, status=500, text="An unexpected error occurred.")
                await response(call.scope, call.receive, call.send)


class _Call:
    """One request: notes the status, and can hold the answer back."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.receive = receive
        self._send = send
        self.status: int | None = None
        self.holds_back = False
        self._held: list[Message] = []

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        if self.holds_back:
            self._held.append(message)
        else:
            await self._send(message)

    async def cut(self, text: str) -> None:
        """Drop the connection; nothing (more) is sent."""
        self.status = None
        abort: Callable[[], None] | None = self.scope.get("state", {}).get(ABORT)
        if abort is None:
            raise httpx.RemoteProtocolError(text)
        abort()
        while (await self.receive())["type"] != "http.disconnect":
            pass

    async def send_half(self) -> None:
        """Send the whole head, half of the body, and drop the connection."""
        body = b"".join(message.get("body", b"") for message in self._held[1:])
        if self._held:
            await self._send(self._held[0])
        await self._send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        await asyncio.sleep(0)
        await self.cut("peer closed connection without sending complete message body")


def _made_up(action: Action) -> Response:
    body = action.body
    headers = dict(action.headers)
    if isinstance(body, str):
        content, kind = body, "text/plain"
    else:
        content, kind = ("" if body is None else json.dumps(body)), "application/json"
    named = {name.lower() for name in headers}
    response = Response(content, status_code=action.status or 500, headers=headers)
    if content and "content-type" not in named:
        response.headers["content-type"] = kind
    return response
