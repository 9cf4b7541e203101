"""Trouble on the way to the services: a run of which some calls fail, and which may end at any step.

It is made between client and service, so that it befalls the product alone and not the people who edit meanwhile.
"""

import random
from dataclasses import dataclass, field
from enum import StrEnum

import httpx

from tests.sync.fate import Fate

OURS = ("/api/", "/v1.0/")


class Trouble(StrEnum):
    """What becomes of one call."""

    UNREACHABLE = "nothing was sent"
    CUT_OFF = "the connection broke before the effect"
    REPLY_LOST = "the effect is there, the answer is not"
    TRUNCATED = "the effect is there, half an answer came"
    THROTTLED = "429, seconds"
    THROTTLED_LONG = "429, minutes"
    DOWN = "503"
    GATEWAY = "502, as a gateway says it"
    STALE = "412, whatever the etag"
    SIGNED_OUT = "401, once"


ANSWERS: dict[Trouble, tuple[int, dict[str, str], str]] = {
    Trouble.THROTTLED: (429, {"Retry-After": "7"}, '{"error":{"code":"0x80072322","message":"Slower."}}'),
    Trouble.THROTTLED_LONG: (429, {"Retry-After": "170"}, '{"error":{"code":"0x80072322","message":"Slower."}}'),
    Trouble.DOWN: (503, {}, ""),
    Trouble.GATEWAY: (502, {"Content-Type": "text/html"}, "<html>Bad gateway</html>"),
    Trouble.STALE: (412, {}, '{"error":{"code":"0x80060882","message":"The version does not match."}}'),
    Trouble.SIGNED_OUT: (401, {}, ""),
}


@dataclass(slots=True)
class TroubledFate(Fate):
    """A fate with trouble at some calls."""

    troubles: dict[int, Trouble] = field(default_factory=dict)
    """By the number of the call, from 1."""
    call_count: int = 0

    def dawdle(self, seed: int) -> None:
        """Let other runs go first now and then."""
        self.dawdles = random.Random(seed)  # noqa: S311  the same dice for everybody

    def way_to(self, services: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        """Return the way on which the calls of this run go, with trouble on it."""
        return TroubledTransport(services, self)

    def next_trouble(self, path: str) -> Trouble | None:
        """Count a call and return what becomes of it."""
        if not path.startswith(OURS):
            return None
        self.call_count += 1
        return self.troubles.get(self.call_count)


class TroubledTransport(httpx.AsyncBaseTransport):
    """The way to the services with trouble on it."""

    def __init__(self, inner: httpx.AsyncBaseTransport, fate: TroubledFate) -> None:
        self._inner = inner
        self._fate = fate

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        trouble = self._fate.next_trouble(request.url.path)
        match trouble:
            case None:
                return await self._inner.handle_async_request(request)
            case Trouble.UNREACHABLE:
                raise httpx.ConnectError(trouble.value, request=request)
            case Trouble.CUT_OFF:
                raise httpx.ReadError(trouble.value, request=request)
            case Trouble.REPLY_LOST:
                await self._done(request)
                raise httpx.ReadTimeout(trouble.value, request=request)
            case Trouble.TRUNCATED:
                return _halved(request, await self._done(request))
            case _:
                status, headers, text = ANSWERS[trouble]
                return httpx.Response(status, headers=headers, text=text, request=request)

    async def _done(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        await response.aread()
        return response


def _halved(request: httpx.Request, whole: httpx.Response) -> httpx.Response:
    if not whole.content:
        raise httpx.ReadError(Trouble.TRUNCATED.value, request=request)
    kept = {name: value for name, value in whole.headers.items() if name not in {"content-length", "content-encoding"}}
    return httpx.Response(
        whole.status_code, headers=kept, content=whole.content[: len(whole.content) // 2], request=request
    )
