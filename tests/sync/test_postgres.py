"""The same engine on a ledger in PostgreSQL: one deal from each side, an edit, a crash, a quarrel."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest

from cosell.store import migrate
from cosell.sync.hold import LEASE_SECONDS
from tests.postgres import running_postgres
from tests.sync.doors import assert_silence, look_at_opportunity
from tests.sync.fate import Fate, Killed
from tests.sync.pairs import NOTES, invited_pair, shared_pair
from tests.sync.stand import PROOF_OF_CONCEPT, Stand


@pytest.fixture(scope="module")
def postgres_url() -> Iterator[str]:
    with running_postgres() as url:
        asyncio.run(migrate(url))
        yield url


async def test_ledger_in_postgresql_serves_as_well(stand: Stand, postgres_url: str) -> None:
    on_postgres = replace(stand, ledger_url=postgres_url)
    pair = await shared_pair(on_postgres)
    invited = await invited_pair(on_postgres)

    await pair.seller_edits(description="Written in the CRM.")
    await pair.colleague_edits(NOTES, "Written in Partner Center.")
    await pair.look()
    await invited.seller_edits(statuscode=1)
    await invited.look()

    assert (await pair.referral())["details"]["notes"] == "Written in the CRM."
    assert (await invited.referral())["status"] == "Active"
    async with on_postgres.ledger() as ledger:
        (filed,) = await ledger.conflicts.list_open()
    assert filed.conflict.partner_center == "Written in Partner Center."
    await assert_silence(on_postgres)

    fate = Fate()
    fate.dies_just_before("POST /v1.0/engagements/referrals")
    opportunity_id = await stand.write_opportunity(cosell_help=PROOF_OF_CONCEPT)
    with pytest.raises(Killed):
        async with on_postgres.run(fate) as workspace:
            await look_at_opportunity(workspace, opportunity_id)
    stand.pass_time(LEASE_SECONDS + 1)
    async with on_postgres.run() as workspace:
        await look_at_opportunity(workspace, opportunity_id)
    assert len(await stand.referrals()) == 3
    await assert_silence(on_postgres)
