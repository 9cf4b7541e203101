"""A lead which Microsoft hands on, from which the stories of leads begin."""

from dataclasses import dataclass

from cosell.mapping.variables import Variables
from cosell.sync.outcome import Outcome
from tests.sync.doors import look_at_lead, look_at_referral
from tests.sync.fate import Fate
from tests.sync.stand import VARIABLES, Document, Stand

LEAD: Document = {"type": "Independent", "qualification": "MarketingQualified", "name": "Ovens for twelve branches"}
MARKETPLACE: Document = {**LEAD, "qualification": "Direct", "referralSource": "AppSource"}
ACCEPTED: Document = {"/status": "Active", "/substatus": "Accepted"}
DISQUALIFIED = 2


@dataclass(frozen=True, slots=True)
class LeadInStep:
    """A lead and its referral, with a stand between them."""

    stand: Stand
    lead_id: str
    referral_id: str

    async def lead(self) -> Document:
        """Look at the CRM's side."""
        return await self.stand.lead(self.lead_id)

    async def referral(self) -> Document:
        """Look at Partner Center's side."""
        return await self.stand.referral(self.referral_id)

    async def status(self) -> str:
        """Look how far Partner Center's side has come."""
        referral = await self.referral()
        return f"{referral['status']}/{referral['substatus']}"

    async def opportunity(self) -> Document:
        """Look at the only opportunity there is."""
        (row,) = await self.stand.opportunities()
        return row

    async def seller_edits(self, **columns: object) -> None:
        """Change the CRM's side."""
        await self.stand.crm("PATCH", f"leads({self.lead_id})", columns)

    async def seller_disqualifies(self) -> None:
        """Close the lead with the CRM's own button."""
        await self.seller_edits(statecode=DISQUALIFIED, statuscode=6)

    async def seller_qualifies(self, *, with_opportunity: bool = True) -> None:
        """Qualify the lead with the CRM's own button, which makes account and contact, too."""
        body = {"CreateAccount": True, "CreateContact": True, "CreateOpportunity": with_opportunity, "Status": 3}
        await self.stand.crm("POST", f"leads({self.lead_id})/Microsoft.Dynamics.CRM.QualifyLead", body)

    async def colleague_edits(self, **changes: object) -> None:
        """Change Partner Center's side, by names of `details`."""
        await self.stand.colleague_edits(
            self.referral_id, {f"/details/{name}": value for name, value in changes.items()}
        )

    async def colleague_accepts(self) -> None:
        """Accept it in Partner Center."""
        await self.stand.colleague_edits(self.referral_id, ACCEPTED)

    async def colleague_closes(self, substatus: str) -> None:
        """Close it in Partner Center."""
        await self.stand.colleague_edits(self.referral_id, {"/status": "Closed", "/substatus": substatus})

    async def look(self, fate: Fate | None = None, variables: Variables = VARIABLES) -> Outcome:
        """Look at it in a run of its own, coming from the CRM."""
        async with self.stand.run(fate, variables) as workspace:
            return await look_at_lead(workspace, self.lead_id)

    async def look_from_partner_center(self, fate: Fate | None = None) -> Outcome:
        """Look at it in a run of its own, coming from Partner Center."""
        async with self.stand.run(fate) as workspace:
            return await look_at_referral(workspace, self.referral_id)


async def arrived_lead(stand: Stand, **deal: object) -> LeadInStep:
    """Return a lead which has arrived and is not answered yet."""
    referral_id = await stand.microsoft_invites(**{**LEAD, **deal})
    async with stand.run(variables=Variables(marketplace_leads=True)) as workspace:
        outcome = await look_at_referral(workspace, referral_id)
    return LeadInStep(stand, str(outcome.lead_id), referral_id)
