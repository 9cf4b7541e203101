"""Another process at the same ledger, for tests of what only happens between processes.

Run as `python -m tests.unit.store.rival URL TENANT ACTION`: it says it is ready, waits for a line, acts, and answers
with one line of JSON.
"""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from uuid import uuid4

from cosell.domain.clock import utc_clock
from cosell.domain.ids import OpportunityId, ReferralId, TenantName
from cosell.domain.link import LinkState
from cosell.http.budget import Booking, Limit
from cosell.http.pace import Pace
from cosell.http.turns import Turns
from cosell.store import Cipher, Door, Hint, HintKind, JournalEntry, Ledger, migrate, open_ledger
from tests.unit.store.conftest import KEY, MovingClock

KINDS = (HintKind.REFERRAL,)
RECORDS = 40
ROUNDS = 30
SENT, PER_INTERVAL, SECONDS, LATE = 12, 3, 0.3, 0.1
"""What `send_all` sends, the limit which it shares, and how late a request may start on a busy machine."""


class Rival:
    """The other process, seen from the test."""

    def __init__(self, url: str, tenant: str, action: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.unit.store.rival", url, tenant, action],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def wait_until_ready(self) -> None:
        assert self._read() == "ready"

    def go(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def answer(self) -> list[str]:
        answer: list[str] = json.loads(self._read())
        return answer

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def wait(self) -> int:
        return self._process.wait()

    def end(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@contextmanager
def rivals(url: str, tenant: str, action: str, *, number: int = 1) -> Iterator[list[Rival]]:
    """Start processes, let them all go at once, and end them afterwards."""
    started = [Rival(url, tenant, action) for _ in range(number)]
    try:
        for rival in started:
            rival.wait_until_ready()
        for rival in started:
            rival.go()
        yield started
    finally:
        for rival in started:
            rival.end()


def hint(record_id: str) -> Hint:
    return Hint(door=Door.SCHEDULE, kind=HintKind.REFERRAL, record_id=record_id)


async def claim_all(ledger: Ledger) -> list[str]:
    """Claim one entry after the other until there is none."""
    holder, mine = uuid4().hex, []
    while entries := await ledger.inbox.claim(KINDS, limit=1, holder=holder, seconds=60):
        mine += [entry.record_id for entry in entries]
    return mine


async def lease_all(ledger: Ledger) -> list[str]:
    """Take every key there is, in an order of our own."""
    keys = [f"key-{number}" for number in range(RECORDS)]
    random.shuffle(keys)
    holder, mine = uuid4().hex, set()
    for start in range(0, RECORDS, 4):
        mine |= await ledger.leases.acquire(keys[start : start + 4], holder=holder, seconds=60)
    return sorted(mine)


async def begin_all(ledger: Ledger) -> list[str]:
    """Begin a link for each referral."""
    return [(await ledger.links.begin(referral_id=ReferralId(f"r{number}"))).link_id for number in range(RECORDS)]


async def add_all(ledger: Ledger) -> list[str]:
    """Add each hint alone, in an order of our own; return those that were new."""
    ids = [f"r{number}" for number in range(RECORDS)]
    random.shuffle(ids)
    return [record_id for record_id in ids if (await ledger.inbox.add([hint(record_id)])).accepted]


async def work(ledger: Ledger) -> list[str]:
    """Live the life of a worker for a while; return the records that were found in somebody else's hand."""
    holder = uuid4().hex
    taken_twice: list[str] = []
    for _ in range(ROUNDS):
        ids = [f"r{number}" for number in random.sample(range(RECORDS), 8)]
        await ledger.inbox.add([hint(record_id) for record_id in ids])
        entries = await ledger.inbox.claim(KINDS, limit=6, holder=holder, seconds=60)
        keys = [entry.record_id for entry in entries]
        got = await ledger.leases.acquire(keys, holder=holder, seconds=60)
        taken_twice += sorted(set(keys) - got)
        await ledger.leases.release(keys, holder=holder)
        await ledger.inbox.settle(entries[::2])
        await ledger.inbox.release(entries[1::2], delay_seconds=0)
    return taken_twice


async def claim_and_hang(ledger: Ledger) -> list[str]:
    """Claim, say so, and never settle."""
    entries = await ledger.inbox.claim(KINDS, limit=100, holder="hangs", seconds=60)
    await ledger.leases.acquire(["key-0"], holder="hangs", seconds=60)
    print(json.dumps([entry.record_id for entry in entries]), flush=True)  # noqa: T201  the answer
    sys.stdin.readline()
    return []


async def send_all(ledger: Ledger) -> list[str]:
    """Send requests as fast as the shared limit lets us; return when each started."""
    limit = Limit(account=f"shared:{ledger._database.tenant}", lanes=PER_INTERVAL, interval_seconds=SECONDS + LATE)
    turns = Turns(Booking(budget=ledger.budgets), limit, clock=utc_clock, sleep=asyncio.sleep)
    ledger._database._clock = utc_clock  # here time has to pass
    pace = Pace(max_in_flight=4, clock=utc_clock, sleep=asyncio.sleep, turns=turns)

    async def send() -> str:
        async with pace.slot(max_wait_seconds=30):
            return f"{utc_clock().timestamp():.6f}"

    return list(await asyncio.gather(*(send() for _ in range(SENT))))


async def die_in_record_sync(ledger: Ledger) -> list[str]:
    """Die in the middle of recording: the journal is written last, and writing it kills us."""

    class Deadly(list[JournalEntry]):
        def __iter__(self) -> Iterator[JournalEntry]:
            os.kill(os.getpid(), signal.SIGKILL)
            return super().__iter__()

    link = await ledger.links.begin(referral_id=ReferralId("r1"))
    agreed = replace(link, state=LinkState.LINKED, opportunity_id=OpportunityId("o1"), base={"name": "Agreed"})
    await ledger.record_sync(agreed, journal=Deadly([JournalEntry(link_id=link.link_id, rule="r")]))
    return ["survived"]


ACTIONS: dict[str, Callable[[Ledger], Awaitable[list[str]]]] = {
    action.__name__: action
    for action in (claim_all, lease_all, begin_all, add_all, work, claim_and_hang, send_all, die_in_record_sync)
}


async def _act(url: str, tenant: str, action: str) -> list[str]:
    if action == "migrate":
        _wait_for_go()
        await migrate(url)
        return []
    async with open_ledger(url, tenant=TenantName(tenant), clock=MovingClock(), cipher=Cipher(KEY)) as ledger:
        _wait_for_go()
        return await ACTIONS[action](ledger)


def _wait_for_go() -> None:
    print("ready", flush=True)  # noqa: T201  the test waits for it
    sys.stdin.readline()


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_act(*sys.argv[1:]))), flush=True)  # noqa: T201  the answer
