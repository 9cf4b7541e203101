"""Measure how soon what happens in Partner Center stands in the CRM, with everything real but Microsoft.

`cosell up` with its Prefect server, worker, dispatcher and receiver, and the emulators without added latency, all on
this machine. Timed is from the call which changes a referral (the emulator then notifies the receiver, signed) until
the row is seen in the CRM. Then a burst: how many runs, and how long until all of it is done.
Run: `python -m benchmarks.latency`.
"""

import argparse
import asyncio
import json
import ssl
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any

import httpx

from cosell.domain.flows import FlowName
from tests.flows.prefect_ui import ENDED, operating
from tests.flows.world import World, running_world

LOOK_SECONDS = 0.02
PATIENCE_SECONDS = 120.0
BURST_SECONDS = 900.0
SIXTH = operating(FlowName.PARTNER_CENTER_TO_DYNAMICS)
NAME = "Benchmark"


class Client:
    """What the benchmark does and sees on both sides."""

    def __init__(self, world: World, http: httpx.AsyncClient) -> None:
        """Act through `http`, which knows the emulators."""
        self._world = world
        self._http = http
        self._controls = world.emulators.urls["controls"]

    async def invite(self, name: str) -> str:
        """Let Microsoft invite us; return the id of the referral."""
        answer = await self._http.post(f"{self._controls}microsoft/referrals", json={"name": name})
        return str(answer.raise_for_status().json()["id"])

    async def move_closing_date(self, referral_id: str, day: date) -> None:
        """Change a referral in Partner Center, as a colleague does in the portal."""
        patch = [{"op": "replace", "path": "/details/closingDateTime", "value": f"{day.isoformat()}T00:00:00Z"}]
        headers = {"Authorization": f"Bearer {self._world.people.portal_token}"}
        answer = await self._http.patch(f"/v1.0/engagements/referrals/{referral_id}", json=patch, headers=headers)
        answer.raise_for_status()

    async def find_row(self, referral_id: str) -> dict[str, Any] | None:
        """Return the opportunity of a referral."""
        query = f"$filter=cosell_referralid eq '{referral_id}'&$select=estimatedclosedate"
        found = (await self._crm(f"opportunities?{query}"))["value"]
        return dict(found[0]) if found else None

    async def count_rows(self, name: str) -> int:
        """Count the opportunities whose names contain a word."""
        query = f"$filter=contains(name,'{name}')&$select=name&$count=true&$top=1"
        return int((await self._crm(f"opportunities?{query}"))["@odata.count"])

    async def _crm(self, path: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._world.people.crm_token}"}
        answer = await self._http.get(f"/api/data/v9.2/{path}", headers=headers)
        return dict(answer.raise_for_status().json())


async def measure(world: World, *, count: int, burst: int) -> dict[str, Any]:
    """Return seconds and counts."""
    world.sign_people_in()
    context = ssl.create_default_context(cafile=world.emulators.environment["COSELL_CA_BUNDLE"])
    async with httpx.AsyncClient(
        base_url=world.emulators.urls["https"], verify=context, timeout=60, trust_env=False
    ) as http:
        client = Client(world, http)
        await _time_invitation(client, "warming up")
        invited = [await _time_invitation(client, f"{NAME} {number}") for number in range(count)]
        changed = [await _time_change(client, referral_id) for referral_id, _ in invited]
        return {
            "new_referral_to_row": describe([seconds for _, seconds in invited]),
            "changed_referral_to_row": describe(changed),
            "burst": await _time_burst(world, client, burst),
        }


async def _time_invitation(client: Client, name: str) -> tuple[str, float]:
    began = time.perf_counter()
    referral_id = await client.invite(name)
    await until(lambda: client.find_row(referral_id))
    return referral_id, time.perf_counter() - began


async def _time_change(client: Client, referral_id: str) -> float:
    await _quiet()
    row = await client.find_row(referral_id)
    day = date.fromisoformat(str((row or {})["estimatedclosedate"])) + timedelta(days=7)

    async def has_moved() -> bool:
        return ((await client.find_row(referral_id)) or {}).get("estimatedclosedate") == day.isoformat()

    began = time.perf_counter()
    await client.move_closing_date(referral_id, day)
    await until(has_moved)
    return time.perf_counter() - began


async def _time_burst(world: World, client: Client, size: int) -> dict[str, Any]:
    before = _count_runs(world)
    limit = asyncio.Semaphore(32)

    async def invite(number: int) -> None:
        async with limit:
            await client.invite(f"Burst {number}")

    began = time.perf_counter()
    await asyncio.gather(*(invite(number) for number in range(size)))
    announced = time.perf_counter() - began

    async def is_done() -> bool:
        return await client.count_rows("Burst") >= size

    await until(is_done, every=1.0, patience=BURST_SECONDS)
    done = time.perf_counter() - began
    await _quiet(5.0)
    return {
        "referrals": size,
        "announced_within_s": round(announced, 1),
        "all_rows_written_after_s": round(done, 1),
        "runs_of_flow_6": _count_runs(world) - before,
    }


def _count_runs(world: World) -> int:
    return len(world.ui.runs_of(SIXTH, states=(*ENDED, "RUNNING", "PENDING")))


async def until(
    find: Callable[[], Awaitable[object]], *, every: float = LOOK_SECONDS, patience: float = PATIENCE_SECONDS
) -> None:
    """Ask again and again until something is found.

    Raises:
        TimeoutError: patience is over.
    """
    async with asyncio.timeout(patience):
        while not await find():  # noqa: ASYNC110  it happens in other processes
            await asyncio.sleep(every)


async def _quiet(seconds: float = 0.3) -> None:
    """Let the echo of the last change come and go."""
    await asyncio.sleep(seconds)


def describe(took: list[float]) -> dict[str, float]:
    """Return count, median, 95th percentile and maximum of seconds."""
    points = statistics.quantiles(took, n=100, method="inclusive")
    return {
        "n": len(took),
        "median_s": round(statistics.median(took), 2),
        "p95_s": round(points[94], 2),
        "max_s": round(max(took), 2),
    }


def main() -> None:
    """Read the command line and print the result as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=40, help="how many single changes of each kind")
    parser.add_argument("--burst", type=int, default=1000, help="how many referrals at once")
    arguments = parser.parse_args()
    with running_world() as world:
        world.ensure_active()
        print("The product is up; measuring.", file=sys.stderr, flush=True)
        print(json.dumps(asyncio.run(measure(world, count=arguments.count, burst=arguments.burst))))


if __name__ == "__main__":
    main()
