"""What befalls a run: it dies at any step one likes, or somebody else acts just before one of its calls.

A step is a call to one of the services or a writing transaction of the ledger. A run which died has no other step, not
even to give its leases back: what it left behind is what a killed process leaves behind. Dying after the effect of one
step is dying before the next one.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
from sqlalchemy.ext.asyncio import AsyncConnection

from cosell.store import Ledger

Act = Callable[[], Awaitable[object]]


class Killed(Exception):
    """The process ended here."""


@dataclass(slots=True)
class Fate:
    """Of one run."""

    dies_at: int | None = None
    """The number of the step, from 1, that does not happen any more."""
    dies_before: str | None = None
    dawdles: random.Random | None = None
    """Lets other runs go first now and then, always the same way for a seed."""
    steps: list[str] = field(default_factory=list)
    acts: list[tuple[str, Act]] = field(default_factory=list)
    afterwards: list[tuple[str, Act]] = field(default_factory=list)
    is_dead: bool = False

    def just_before(self, call: str, act: Act) -> None:
        """Have somebody act before the first call which begins like this: `PATCH /v1.0/`; several queue up."""
        self.acts.append((call, act))

    def just_after(self, call: str, act: Act) -> None:
        """Have somebody act when the first call which begins like this was answered, but not heard yet."""
        self.afterwards.append((call, act))

    def dies_just_before(self, call: str) -> None:
        """End it before the first call which begins like this."""
        self.dies_before = call

    async def step(self, what: str) -> None:
        """Take a step, unless it is over."""
        for _ in range(self.dawdles.randrange(4) if self.dawdles else 0):
            await asyncio.sleep(0)  # no time passes: the others' turn
        is_last = self.dies_before is not None and what.startswith(self.dies_before)
        if self.is_dead or is_last or len(self.steps) + 1 == self.dies_at:
            self.is_dead = True
            raise Killed(what)
        self.steps.append(what)
        await _act_when_due(self.acts, what)

    def way_to(self, services: httpx.AsyncBaseTransport) -> httpx.AsyncBaseTransport:
        """Return the way on which the calls of this run go."""
        return services

    async def answered(self, what: str) -> None:
        """Let somebody act after a call."""
        await _act_when_due(self.afterwards, what)

    def turning_points(self) -> list[int]:
        """Return the numbers of the steps before which a death leaves something else behind than one step earlier.

        Where the step before only read, there is no difference.
        """
        effects = [True, *(not what.startswith("GET ") for what in self.steps)]
        return [number for number, is_new in enumerate(effects[:-1], start=1) if is_new]

    def calls(self, *methods: str) -> list[str]:
        """Return the calls to the services so far, by these methods only when some are named."""
        return [what for what in self.steps if what != LEDGER and (not methods or what.split()[0] in methods)]


async def _act_when_due(acts: list[tuple[str, Act]], what: str) -> None:
    due = next((entry for entry in acts if what.startswith(entry[0])), None)
    if due is not None:
        acts.remove(due)
        await due[1]()


LEDGER = "ledger"
WRITES = ("POST", "PATCH", "PUT", "DELETE")


class FatefulTransport(httpx.AsyncBaseTransport):
    """The way to the services, each call a step."""

    def __init__(self, inner: httpx.AsyncBaseTransport, fate: Fate) -> None:
        self._inner = inner
        self._fate = fate

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        what = f"{request.method} {request.url.path}"
        await self._fate.step(what)
        response = await self._inner.handle_async_request(request)
        await self._fate.answered(what)
        return response


def watch_ledger(ledger: Ledger, fate: Fate) -> None:
    """Make each writing transaction of this ledger a step."""
    database = ledger._database
    write = database.write

    @asynccontextmanager
    async def watched() -> AsyncIterator[AsyncConnection]:
        await fate.step(LEDGER)
        async with write() as connection:
            yield connection

    database.write = watched  # type: ignore[method-assign]
