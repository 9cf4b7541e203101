"""Take in a request's body, but never more of it, nor for longer, than its door allows."""

import asyncio

from starlette.requests import ClientDisconnect, Request

from cosell.webhooks.refusal import Reason, Refused

# So much of a body that is too large is still taken off the line and dropped, so that the sender gets to read the
# answer; whoever announces more is answered at once.
MOST_DROPPED = 1024 * 1024
LONGEST_NUMBER = 18


async def read_body(request: Request, *, limit: int, seconds: float) -> bytes:
    """Return the raw body.

    Raises:
        Refused: it is larger than `limit` bytes, takes longer than `seconds`, or breaks off.
    """
    announced = request.headers.get("content-length", "0")
    if not announced.isdecimal():
        raise Refused(Reason.MALFORMED)
    if len(announced) > LONGEST_NUMBER or int(announced) > limit + MOST_DROPPED:
        raise Refused(Reason.TOO_LARGE)
    try:
        async with asyncio.timeout(seconds):
            return await _read_up_to(request, limit)
    except TimeoutError:
        raise Refused(Reason.TOO_SLOW) from None
    except ClientDisconnect:
        raise Refused(Reason.MALFORMED) from None


async def _read_up_to(request: Request, limit: int) -> bytes:
    content = bytearray()
    dropped = 0
    async for part in request.stream():
        if len(content) + len(part) <= limit and not dropped:
            content += part
            continue
        dropped += len(part)
        if dropped > MOST_DROPPED:
            break
    if dropped:
        raise Refused(Reason.TOO_LARGE)
    return bytes(content)
