"""Asking Microsoft for help and showing it the deal: at any time, once, and never taken back."""

import pytest

from cosell.errors import CosellError, NotReady, RequestRejected
from cosell.sync.outcome import Result
from tests.sync.doors import assert_silence
from tests.sync.fate import WRITES, Fate
from tests.sync.pairs import PairInStep, shared_pair
from tests.sync.portrait import lines_of
from tests.sync.stand import PROOF_OF_CONCEPT, Document, Stand

VISIBILITY = "consentToShareReferralWithMicrosoftSellers"
QUOTES = PROOF_OF_CONCEPT + 1
INVITED = "Microsoft was invited; it has 14 days to answer."


async def copies_of_microsoft(pair: PairInStep) -> list[Document]:
    ours = await pair.referral()
    return [copy for copy in await pair.stand.copies(ours["engagementId"]) if copy["organizationId"] == "msft"]


async def test_private_deal_becomes_partner_led_and_then_cosell(stand: Stand) -> None:
    pair = await shared_pair(stand)
    assert (await pair.referral())["consent"][VISIBILITY] is False

    await pair.seller_edits(cosell_visibletomicrosoft=True)
    await pair.look()
    assert (await pair.referral())["consent"][VISIBILITY] is True
    assert await copies_of_microsoft(pair) == []

    await pair.seller_edits(cosell_help=PROOF_OF_CONCEPT)
    outcome = await pair.look()

    (copy,) = await copies_of_microsoft(pair)
    assert copy["inviteContext"]["assistanceRequestCode"] == "ProofOfConceptOrDemo"
    assert outcome.to_partner_center == ("help",)
    assert lines_of(await pair.opportunity()).count(INVITED) == 1
    await assert_silence(stand)


async def test_help_for_a_private_deal_makes_it_visible_first(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await pair.seller_edits(cosell_help=PROOF_OF_CONCEPT)

    await pair.look()

    assert (await pair.referral())["consent"][VISIBILITY] is True
    assert (await pair.opportunity())["cosell_visibletomicrosoft"] is True
    assert len(await copies_of_microsoft(pair)) == 1
    await assert_silence(stand)


async def test_help_that_was_sent_is_fixed_and_the_seller_is_told(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await pair.seller_edits(cosell_help=PROOF_OF_CONCEPT)
    await pair.look()

    await pair.seller_edits(cosell_help=QUOTES)
    await pair.look()

    row = await pair.opportunity()
    assert lines_of(row)[0] == "Help was not sent: what was sent once is fixed in Partner Center."
    assert row["name"].startswith("✖ ")
    assert len(await copies_of_microsoft(pair)) == 1
    await assert_silence(stand)

    await pair.seller_edits(cosell_help=PROOF_OF_CONCEPT)
    await pair.look()
    assert (await pair.opportunity())["name"].startswith("✔ ")


async def test_visibility_is_never_taken_back(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await pair.seller_edits(cosell_visibletomicrosoft=True)
    await pair.look()

    await pair.seller_edits(cosell_visibletomicrosoft=False)
    await pair.look()

    assert (await pair.referral())["consent"][VISIBILITY] is True
    assert lines_of(await pair.opportunity())[0] == "Visibility was not sent: Partner Center never takes it back."
    await assert_silence(stand)


async def test_deal_made_visible_in_partner_center_is_visible_in_the_crm(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await pair.colleague_edits(f"/consent/{VISIBILITY}", value=True)

    await pair.look_from_partner_center()

    assert (await pair.opportunity())["cosell_visibletomicrosoft"] is True
    await assert_silence(stand)


async def test_invitation_that_is_not_ready_holds_up_nothing_else(stand: Stand) -> None:
    pair = await shared_pair(stand)
    contact = (await pair.opportunity())["_parentcontactid_value"]
    await stand.crm("PATCH", f"contacts({contact})", {"telephone1": None})
    await pair.seller_edits(cosell_help=PROOF_OF_CONCEPT, description="Now with help.")

    with pytest.raises(NotReady, match="phone number"):
        await pair.look()

    assert (await pair.referral())["details"]["notes"] == "Now with help."
    assert await copies_of_microsoft(pair) == []

    await stand.crm("PATCH", f"contacts({contact})", {"telephone1": "+44 113 496 0142"})
    await pair.seller_edits(description="Now with help, and a number.")
    await pair.look()
    assert len(await copies_of_microsoft(pair)) == 1
    await assert_silence(stand)


async def test_refused_invitation_still_writes_id_and_link_back(stand: Stand) -> None:
    opportunity_id = await stand.write_opportunity(cosell_help=PROOF_OF_CONCEPT)
    refusal = {"status": 400, "body": {"error": {"code": "invalidRequest", "message": "No."}}}
    await stand.control("PUT", "faults", [{"method": "POST", "path": "/v1.0/", "nth": 2, "action": refusal}])
    pair = PairInStep(stand, opportunity_id, "")

    with pytest.raises(RequestRejected):
        await pair.look()

    (referral,) = await stand.referrals()
    row = await stand.opportunity(opportunity_id)
    assert (row["cosell_referralid"], referral["externalReferenceId"]) == (referral["id"], opportunity_id)
    assert (await pair.look()).result is Result.WRITTEN
    assert len([copy for copy in await stand.copies(referral["engagementId"]) if copy["organizationId"] == "msft"]) == 1
    await assert_silence(stand)


async def test_run_that_dies_while_it_asks_for_help_asks_once(stand: Stand) -> None:
    pair = await shared_pair(stand)
    await pair.seller_edits(cosell_help=PROOF_OF_CONCEPT)
    undisturbed = Fate()
    lost_answer = {"reset": "after"}
    await stand.control("PUT", "faults", [{"method": "POST", "path": "/v1.0/", "nth": 1, "action": lost_answer}])

    with pytest.raises(CosellError):
        await pair.look(undisturbed)
    await stand.control("DELETE", "faults")
    await pair.look()

    assert len(await copies_of_microsoft(pair)) == 1
    assert undisturbed.calls(*WRITES)
    await assert_silence(stand)
