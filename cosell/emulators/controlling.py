"""What a control is: a row of a table, with a handler that returns what is answered as JSON."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from starlette.requests import Request

from cosell.emulators.assembly import Emulators
from cosell.emulators.json_bodies import parse_json

Json: TypeAlias = Any


class ControlError(Exception):
    """A control was used wrongly; the text says how it is used."""

    def __init__(self, text: str, *, status: int = 400) -> None:
        """Note what will be answered."""
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One method and path below /_emulator/, what it does in a line, and what does it."""

    method: str
    path: str
    does: str
    handler: Callable[[Emulators, Request], Awaitable[Json]]


async def body_of(request: Request) -> Json:
    """Return the JSON body, an empty object when there is none."""
    raw = await request.body()
    if not raw.strip():
        return {}
    try:
        return parse_json(raw)
    except ValueError:
        raise ControlError("the body is not JSON") from None


async def object_of(request: Request) -> dict[str, Json]:
    """Return the JSON body, which has to be an object."""
    body = await body_of(request)
    if not isinstance(body, dict):
        raise ControlError("the body has to be an object")
    return body


def number_in(body: dict[str, Json], name: str, default: int = 0) -> int:
    """Return a whole number, zero or more, out of a body."""
    value = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ControlError(f"{name} is a whole number, zero or more")
    return value


def text_in(body: dict[str, Json], name: str, default: str | None = None) -> str:
    """Return a text out of a body; ControlError when it is missing and there is no default."""
    value = body.get(name, default)
    if not isinstance(value, str) or not value:
        raise ControlError(f"{name} is missing, or not a text")
    return value
