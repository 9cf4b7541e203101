"""Measure how soon what a seller saves in the CRM stands in Partner Center, with everything real but Microsoft.

First by polling alone, each save at another moment between two polls, then with the CRM's own wake-up; and what two
saves right after one another come to. Run: `python -m benchmarks.from_crm`.
"""

import argparse
import asyncio
import json
import random
import ssl
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from benchmarks.latency import describe, until
from tests.flows.deals import find_shared, referrals_of, shared_opportunity
from tests.flows.prefect_ui import wait_until
from tests.flows.world import World, running_world

POLL_SECONDS = 30.0
"""How often flow 8 runs (prefect.yaml)."""
PATIENCE_SECONDS = 300.0
QUIET_SECONDS = 1.0


class Seller:
    """Saves an opportunity, and looks at its referral as a colleague does."""

    def __init__(self, world: World, http: httpx.AsyncClient, *, opportunity_id: str, referral_id: str) -> None:
        """Act through `http`, which knows the emulators."""
        self._http = http
        self._row = f"/api/data/v9.2/opportunities({opportunity_id})"
        self._referral = f"/v1.0/engagements/referrals/{referral_id}"
        self._crm = {"Authorization": f"Bearer {world.people.crm_token}", "If-Match": "*"}
        self._portal = {"Authorization": f"Bearer {world.people.portal_token}"}

    async def save(self, **columns: object) -> None:
        """Save some columns."""
        (await self._http.patch(self._row, json=columns, headers=self._crm)).raise_for_status()

    async def read_details(self) -> dict[str, Any]:
        """Read the details of the referral."""
        answer = await self._http.get(self._referral, headers=self._portal)
        return dict(answer.raise_for_status().json()["details"])


async def measure(world: World, *, polled: int, woken: int, wake: Callable[[], None]) -> dict[str, Any]:
    """Return seconds and counts; `wake` has the CRM wake us up from then on."""
    world.sign_people_in()
    opportunity_id = shared_opportunity(world, "Benchmark")
    row = wait_until("the deal is in step", lambda: find_shared(world, opportunity_id))
    context = ssl.create_default_context(cafile=world.emulators.environment["COSELL_CA_BUNDLE"])
    async with httpx.AsyncClient(
        base_url=world.emulators.urls["https"], verify=context, timeout=60, trust_env=False
    ) as http:
        seller = Seller(world, http, opportunity_id=opportunity_id, referral_id=row["cosell_referralid"])
        dice = random.Random(1)  # noqa: S311  moments between two polls
        by_polling = [await _time_save(seller, number, pause=dice.uniform(0, POLL_SECONDS)) for number in range(polled)]
        await asyncio.to_thread(wake)
        await _time_save(seller, polled, pause=QUIET_SECONDS)
        by_waking = [await _time_save(seller, polled + number + 1, pause=QUIET_SECONDS) for number in range(woken)]
        twice = [await _time_two_saves(seller, number) for number in range(10)]
    world.sign_people_in()
    referrals = await asyncio.to_thread(referrals_of, world, opportunity_id)
    return {
        "saved_to_referral_by_polling": describe(by_polling),
        "saved_to_referral_by_wake_up": describe(by_waking),
        "two_saves_in_a_row": {**describe(twice), "referrals_of_the_deal": len(referrals)},
    }


async def _time_save(seller: Seller, number: int, *, pause: float) -> float:
    await asyncio.sleep(pause)
    text = f"Saved for the {number}. time"
    return await _time(
        lambda: seller.save(description=text), lambda details: details["notes"] == text, seller.read_details
    )


async def _time_two_saves(seller: Seller, number: int) -> float:
    await asyncio.sleep(QUIET_SECONDS)
    value = 50_000 + number

    async def save_twice() -> None:
        await seller.save(estimatedvalue=value - 25_000)
        await seller.save(estimatedvalue=value)

    return await _time(save_twice, lambda details: details["dealValue"] == value, seller.read_details)


async def _time(
    act: Callable[[], Awaitable[None]],
    is_there: Callable[[dict[str, Any]], bool],
    read: Callable[[], Awaitable[dict[str, Any]]],
) -> float:
    async def has_come() -> bool:
        return is_there(await read())

    began = time.perf_counter()
    await act()
    await until(has_come, patience=PATIENCE_SECONDS)
    return time.perf_counter() - began


def main() -> None:
    """Read the command line and print the result as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--polled", type=int, default=12, help="how many saves which wait for a poll")
    parser.add_argument("--woken", type=int, default=40, help="how many saves with the CRM's wake-up")
    arguments = parser.parse_args()
    with running_world() as world:
        world.ensure_active()
        print("The product is up; measuring.", file=sys.stderr, flush=True)

        def wake() -> None:
            done = world.cosell("crm", "install", "--wake-up", world.environment["COSELL_RECEIVER__PUBLIC_URL"])
            if done.returncode:
                raise RuntimeError(done.stdout + done.stderr)

        print(json.dumps(asyncio.run(measure(world, polled=arguments.polled, woken=arguments.woken, wake=wake))))


if __name__ == "__main__":
    main()
