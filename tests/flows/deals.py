"""What sellers do in the emulated CRM, and what they and their colleagues read on both sides."""

from datetime import date
from typing import Any

from cosell.cli.demo.people import People
from tests.flows.world import World

Document = dict[str, Any]
PAGE = 100
COLUMNS = "name,cosell_referralid,cosell_referrallink,cosell_audit"


def shared_opportunity(world: World, name: str) -> str:
    """Write an opportunity which has all that Partner Center asks for, and share it; return its id."""
    opportunity_id = world.people.create_opportunity(name, value=48000, closing_on=date(2031, 3, 31))
    world.people.crm("PATCH", f"opportunities({opportunity_id})", {"cosell_syncwithpartnercenter": True})
    return opportunity_id


def read_opportunity(world: World, opportunity_id: str) -> Document:
    """Return an opportunity as its form shows it."""
    return world.people.crm("GET", f"opportunities({opportunity_id})?$select={COLUMNS}")


def referrals_of(world: World, opportunity_id: str) -> list[Document]:
    """Return all referrals which name an opportunity."""
    page = world.people.portal("GET", "?$orderby=createdDateTime desc&$top=100")
    return [item for item in page["value"] if item.get("externalReferenceId") == opportunity_id]


def list_referrals(people: People) -> list[Document]:
    """Return all referrals of ours, from the oldest on."""
    found: list[Document] = []
    while True:
        page = people.portal("GET", f"?$orderby=createdDateTime asc&$top={PAGE}&$skip={len(found)}")["value"]
        found += page
        if len(page) < PAGE:
            return found


def find_shared(world: World, opportunity_id: str) -> Document | None:
    """Return an opportunity once it is in step."""
    row = read_opportunity(world, opportunity_id)
    return row if row["cosell_referralid"] and row["name"].startswith("✔") else None
