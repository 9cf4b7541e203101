"""A pair in step, from which the stories of its edits begin."""

from dataclasses import dataclass

from cosell.sync.outcome import Outcome
from tests.sync.doors import look_at_opportunity, look_at_referral
from tests.sync.fate import Fate
from tests.sync.stand import Document, Stand

DEAL_VALUE = "/details/dealValue"
CLOSING = "/details/closingDateTime"
NOTES = "/details/notes"


@dataclass(frozen=True, slots=True)
class PairInStep:
    """An opportunity and its referral, with a stand between them."""

    stand: Stand
    opportunity_id: str
    referral_id: str

    async def opportunity(self) -> Document:
        """Look at the CRM's side."""
        return await self.stand.opportunity(self.opportunity_id)

    async def referral(self) -> Document:
        """Look at Partner Center's side."""
        return await self.stand.referral(self.referral_id)

    async def seller_edits(self, **columns: object) -> Document:
        """Change the CRM's side."""
        return await self.stand.seller_edits(self.opportunity_id, **columns)

    async def colleague_edits(self, path: str, value: object) -> Document:
        """Change Partner Center's side."""
        return await self.stand.colleague_edits(self.referral_id, {path: value})

    async def look(self, fate: Fate | None = None) -> Outcome:
        """Look at it in a run of its own, coming from the CRM."""
        async with self.stand.run(fate) as workspace:
            return await look_at_opportunity(workspace, self.opportunity_id)

    async def look_from_partner_center(self, fate: Fate | None = None) -> Outcome:
        """Look at it in a run of its own, coming from Partner Center."""
        async with self.stand.run(fate) as workspace:
            return await look_at_referral(workspace, self.referral_id)


async def shared_pair(stand: Stand) -> PairInStep:
    """Return a pair which began in the CRM."""
    opportunity_id = await stand.write_opportunity()
    async with stand.run() as workspace:
        await look_at_opportunity(workspace, opportunity_id)
    (referral,) = [item for item in await stand.referrals() if item["externalReferenceId"] == opportunity_id]
    return PairInStep(stand, opportunity_id, referral["id"])


async def invited_pair(stand: Stand, **deal: object) -> PairInStep:
    """Return a pair which began with an invitation of Microsoft's, not answered yet."""
    referral_id = await stand.microsoft_invites(**deal)
    async with stand.run() as workspace:
        outcome = await look_at_referral(workspace, referral_id)
    return PairInStep(stand, str(outcome.opportunity_id), referral_id)
