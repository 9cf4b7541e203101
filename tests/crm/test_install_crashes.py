"""Whatever breaks an installation, wherever: the next run goes on, and it ends as if nothing had been."""

import asyncio
import re

import httpx
import pytest

from cosell.dataverse.install import UNFINISHED, Outcome, Result, WakeUp
from tests.crm.site import WRITES, Road, Site
from tests.emulators.dataverse.conftest import Crm

PUBLISHING = "POST PublishXml"
WAKE_UP = WakeUp(url="https://sync.example/webhooks/dataverse", secret="made-up")


class Killed(Exception):
    """The process ended here."""


def unfinished(outcomes: list[Outcome]) -> list[str]:
    return [f"{outcome.part}: {outcome.told}" for outcome in outcomes if outcome.result in UNFINISHED]


def is_write(call: str) -> bool:
    return call.split()[0] in WRITES


Undisturbed = tuple[object, list[str]]


@pytest.fixture(scope="module")
def undisturbed() -> Undisturbed:
    """What an installation comes to, and what it writes."""
    return asyncio.run(_install_undisturbed())


async def _install_undisturbed() -> Undisturbed:
    crm = Crm(bare=True)
    site = Site(crm)
    assert unfinished(await site.install(wake_up=WAKE_UP)) == []
    portrait, writes = await site.portrait(), site.road.writes
    await crm.close()
    return portrait, writes


def steady(writes: list[str]) -> list[str]:
    """Return the writes without the ids of the day, and without publishing, which may be done any number of times."""
    return [re.sub(r"\([0-9a-f-]{36}\)", "()", call) for call in writes if call != PUBLISHING]


def dies_before_second_write(road: Road) -> None:
    """Kill each run once it has written one thing: the CRM is left after one more write each time."""
    left = 1

    async def before(call: str) -> None:
        nonlocal left
        if is_write(call) and call != PUBLISHING:
            left -= 1
            if left < 0:
                raise Killed(call)

    road.before = before


async def test_killed_after_each_single_write_it_ends_as_if_nothing_had_been(
    site: Site, undisturbed: Undisturbed
) -> None:
    wanted, writes = undisturbed
    done: list[str] = []

    for _ in steady(writes):
        dies_before_second_write(site.road)
        try:
            outcomes = await site.install(wake_up=WAKE_UP)
        except Killed:
            done += site.road.writes
        else:
            done += site.road.writes
            assert unfinished(outcomes) == []

    assert steady(done) == steady(writes), "each run made just the next thing, and nothing twice"
    assert await site.portrait() == wanted
    assert site.violations() == []
    await site.install(wake_up=WAKE_UP)
    assert site.road.writes == []


async def test_answer_of_every_write_is_lost_and_one_run_is_enough(site: Site, undisturbed: Undisturbed) -> None:
    wanted, _ = undisturbed
    lost: set[int] = set()

    async def lose(call: str) -> None:
        number = len(site.road.writes)
        if is_write(call) and number not in lost and number - 1 not in lost:
            lost.add(number)
            raise httpx.ReadError("the connection broke off after the write")

    site.road.after = lose

    outcomes = await site.install(wake_up=WAKE_UP)

    assert unfinished(outcomes) == []
    assert len(lost) > 25
    assert await site.portrait() == wanted
    assert site.violations() == []


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(503),
        httpx.Response(400, json={"error": {"code": "0x80071151", "message": "another EntityCustomization runs"}}),
        httpx.Response(500, json={"error": {"code": "0x80040216", "message": "An unexpected error occurred."}}),
        httpx.Response(429, headers={"Retry-After": "7"}, json={"error": {"code": "0x80072322", "message": "x"}}),
    ],
    ids=["unavailable", "customization under way", "unexpected", "throttled"],
)
async def test_every_write_is_turned_away_once_and_one_run_is_enough(
    site: Site, undisturbed: Undisturbed, answer: httpx.Response
) -> None:
    wanted, _ = undisturbed
    turned_away: set[str] = set()

    async def turn_away(call: str) -> httpx.Response | None:
        if is_write(call) and call not in turned_away:
            turned_away.add(call)
            return answer
        return None

    site.road.before = turn_away

    assert unfinished(await site.install(wake_up=WAKE_UP)) == []
    assert await site.portrait() == wanted
    assert site.time.slept


async def test_service_which_goes_away_stops_the_run_and_the_next_goes_on(site: Site, undisturbed: Undisturbed) -> None:
    wanted, writes = undisturbed

    async def vanish(_call: str) -> None:
        if len(site.road.writes) >= 20:
            raise httpx.ConnectError("nobody there")

    site.road.before = vanish
    outcomes = await site.install(wake_up=WAKE_UP)

    failed = [outcome for outcome in outcomes if outcome.result is Result.FAILED]
    assert len(failed) == 1
    assert "run the same command again" in failed[0].todo
    skipped = [outcome for outcome in outcomes if outcome.result is Result.SKIPPED]
    assert outcomes[outcomes.index(failed[0]) + 1 :] == skipped
    site.road.before = None
    assert unfinished(await site.install(wake_up=WAKE_UP)) == []
    assert len(site.road.writes) == len(writes) - 20
    assert await site.portrait() == wanted


async def test_two_installers_at_once_make_everything_once(site: Site, undisturbed: Undisturbed) -> None:
    wanted, _ = undisturbed
    other = Site(site.crm)

    both = await asyncio.gather(site.install(), other.install())

    assert [unfinished(outcomes) for outcomes in both] == [[], []]
    third = Site(site.crm)
    assert unfinished(await third.install(wake_up=WAKE_UP)) == []
    assert await site.portrait() == wanted
    columns = [call for call in third.road.writes if "Attributes" in call]
    assert columns == []
