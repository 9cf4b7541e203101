"""What Prefect keeps of an adoption: counts, ids and field names, and never a value of a deal."""

import dataclasses
import json

from cosell.sync.adopt.summary import summarize
from flows.adopt import conclude
from tests.adopt.left import TAKE_OVER, a_pair, adopt, seed
from tests.sync.stand import Stand


async def test_summary_of_an_adoption_holds_no_value_of_a_deal(stand: Stand) -> None:
    await seed(stand, 50)
    report = await adopt(stand)
    summary = summarize(report, now=stand.emulators.world.clock.now())
    kept = json.dumps(dataclasses.asdict(summary), default=str)

    for item in report.found.compared:
        referral = item.match.referral
        assert str(referral.name).strip() not in kept
        assert str(referral.customer_profile.name).strip() not in kept
        for difference in item.differences:
            assert not difference.was_synced or str(difference.dataverse) not in kept
    assert {row["what"] for row in summary.rows} == {"differs", "new with us", "alone", "twice"}
    assert conclude(summary).is_completed()


async def test_connector_which_still_writes_needs_attention(stand: Stand) -> None:
    await seed(stand)
    opportunity_id, _ = a_pair(await adopt(stand, TAKE_OVER))
    audit = "msft_microsoftpartnercenterreferralsyncaudit"
    await stand.seller_edits(opportunity_id, **{audit: "2026-11-26 09:05 - CRM to Partner Center sync success."})

    summary = summarize(await adopt(stand), now=stand.emulators.world.clock.now())

    assert summary.needs_attention
    assert opportunity_id in {row["opportunity"] for row in summary.rows if row["what"] == "still written"}
    assert conclude(summary).name == "NeedsAttention"
