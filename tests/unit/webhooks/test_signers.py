import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from cosell.webhooks.chain import load_trust
from cosell.webhooks.refusal import Reason, Refused
from cosell.webhooks.signature import parse_hosts
from cosell.webhooks.signers import FetchBudget, Signers
from tests.unit.webhooks.authority import CERTIFICATE_URL, HOST, ISSUER_URL, NOW, World, issue
from tests.unit.webhooks.conftest import Shelf, StandingClock


@pytest.fixture
def signers(shelf: Shelf, trust_roots: Path, clock: StandingClock) -> Signers:
    return Signers(
        fetch=shelf,
        hosts=parse_hosts([HOST]),
        trust=load_trust(trust_roots),
        clock=clock,
        fetch_seconds=5.0,
        count_fetch=lambda: None,
    )


async def refusal(signers: Signers, url: str = CERTIFICATE_URL) -> Reason:
    with pytest.raises(Refused) as refused:
        await signers.get(url)
    return refused.value.reason


async def test_missing_intermediate_is_fetched_from_where_the_certificate_says(signers: Signers, shelf: Shelf) -> None:
    await signers.get(CERTIFICATE_URL)
    assert shelf.asked == [CERTIFICATE_URL, ISSUER_URL]


async def test_known_certificate_is_not_fetched_again_for_hours(
    signers: Signers, shelf: Shelf, clock: StandingClock
) -> None:
    await signers.get(CERTIFICATE_URL)
    clock.advance(timedelta(hours=11))
    await signers.get(CERTIFICATE_URL)
    assert len(shelf.asked) == 2
    clock.advance(timedelta(hours=2))
    await signers.get(CERTIFICATE_URL)
    assert len(shelf.asked) == 4


async def test_many_callers_at_once_cost_one_fetch(signers: Signers, shelf: Shelf) -> None:
    shelf.gate = asyncio.Event()
    callers = [asyncio.create_task(signers.get(CERTIFICATE_URL)) for _ in range(50)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert shelf.asked == [CERTIFICATE_URL]
    shelf.gate.set()
    await asyncio.gather(*callers)
    assert shelf.asked == [CERTIFICATE_URL, ISSUER_URL]


async def test_caller_that_goes_away_does_not_take_the_certificate_along(signers: Signers, shelf: Shelf) -> None:
    shelf.gate = asyncio.Event()
    first = asyncio.create_task(signers.get(CERTIFICATE_URL))
    second = asyncio.create_task(signers.get(CERTIFICATE_URL))
    await asyncio.sleep(0)
    first.cancel()
    shelf.gate.set()
    assert (await second).is_valid_at(NOW)
    assert first.cancelled()


async def test_bad_certificate_is_not_asked_for_again_within_a_minute(
    signers: Signers, shelf: Shelf, world: World, clock: StandingClock
) -> None:
    shelf.content[CERTIFICATE_URL] = b"rubbish"
    assert await refusal(signers) is Reason.CERTIFICATE_UNREADABLE
    assert await refusal(signers) is Reason.CERTIFICATE_UNREADABLE
    assert len(shelf.asked) == 1
    shelf.content[CERTIFICATE_URL] = world.signer.der
    clock.advance(timedelta(seconds=61))
    assert (await signers.get(CERTIFICATE_URL)).is_valid_at(NOW)


async def test_proven_key_stays_good_while_its_address_cannot_be_reached(
    signers: Signers, shelf: Shelf, clock: StandingClock
) -> None:
    known = await signers.get(CERTIFICATE_URL)
    del shelf.content[CERTIFICATE_URL]
    clock.advance(timedelta(hours=13))
    assert await signers.get(CERTIFICATE_URL) is known
    assert await signers.get(CERTIFICATE_URL) is known
    assert len(shelf.asked) == 3


async def test_replaced_certificate_is_found_though_not_at_every_forgery(
    signers: Signers, shelf: Shelf, world: World, clock: StandingClock
) -> None:
    known = await signers.get(CERTIFICATE_URL)
    replaced = issue("notifications", issuer=world.intermediate, issuer_url=ISSUER_URL)
    shelf.content[CERTIFICATE_URL] = replaced.der
    assert await signers.find_newer(CERTIFICATE_URL, known) is None
    clock.advance(timedelta(minutes=11))
    newer = await signers.find_newer(CERTIFICATE_URL, known)
    assert newer is not None
    assert newer.key == replaced.certificate.public_key()
    assert await signers.find_newer(CERTIFICATE_URL, newer) is None


async def test_looking_again_in_vain_is_not_repeated_at_once(
    signers: Signers, shelf: Shelf, clock: StandingClock
) -> None:
    known = await signers.get(CERTIFICATE_URL)
    del shelf.content[CERTIFICATE_URL]
    clock.advance(timedelta(minutes=11))
    assert [await signers.find_newer(CERTIFICATE_URL, known) for _ in range(5)] == [None] * 5
    assert len(shelf.asked) == 3


def test_budget_refills_slowly(clock: StandingClock) -> None:
    budget = FetchBudget(clock, burst=2, refill_seconds=10.0)
    assert [budget.take() for _ in range(3)] == [True, True, False]
    clock.advance(timedelta(seconds=10))
    assert [budget.take() for _ in range(2)] == [True, False]
    clock.advance(timedelta(hours=-1))
    assert not budget.take()
