"""Take in a request's body, but never more of it, nor for longer, than its door allows."""

import asyncio

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from cosell.webhooks.refusal import Reason, Refused

MOST_DROPPED = 16 * 1024 * 1024
DROP_SECONDS = 2.0
LONGEST_NUMBER = 18


class Body:
    """The body of one request, on its way in."""

    def __init__(self, request: Request) -> None:
        """Take nothing yet."""
        self._receive = request.receive
        self._announced = request.headers.get("content-length", "0")
        self._broke_off = False
        self.is_complete = False

    async def read(self, *, limit: int, seconds: float) -> bytes:
        """Return the raw bytes.

        Raises:
            Refused: it is larger than `limit` bytes or announced to be, takes longer than `seconds`, or breaks off.
        """
        if not self._announced.isdecimal():
            raise Refused(Reason.MALFORMED)
        if len(self._announced) > LONGEST_NUMBER or int(self._announced) > limit:
            raise Refused(Reason.TOO_LARGE)
        content = bytearray()
        try:
            async with asyncio.timeout(seconds):
                while not self.is_complete:
                    content += await self._take()
                    if len(content) > limit:
                        raise Refused(Reason.TOO_LARGE)
        except TimeoutError:
            raise Refused(Reason.TOO_SLOW) from None
        if self._broke_off:
            raise Refused(Reason.MALFORMED)
        return bytes(content)

    async def drop_rest(self) -> None:
        """Take some of what is still coming off the line: who is cut off while sending never reads the answer."""
        dropped = 0
        try:
            async with asyncio.timeout(DROP_SECONDS):
                while not self.is_complete and dropped <= MOST_DROPPED:
                    dropped += len(await self._take())
        except TimeoutError:
            return

    async def _take(self) -> bytes:
        message = await self._receive()
        self._broke_off = message["type"] == "http.disconnect"
        self.is_complete = self._broke_off or not message.get("more_body", False)
        return bytes(message.get("body", b""))


class EarlyAnswer(JSONResponse):
    """An answer given before the body has come in whole: sent at once, then the connection is closed gently."""

    def __init__(self, content: object, *, body: Body, status_code: int, headers: dict[str, str]) -> None:
        """Answer with `content` as JSON."""
        super().__init__(content, status_code=status_code, headers={**headers, "Connection": "close"})
        self._incoming = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send all of the answer, and only then end it."""
        del scope, receive
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        await self._incoming.drop_rest()
        await send({"type": "http.response.body", "body": b"", "more_body": False})
