"""What Microsoft's connector has left on a stand, and runs of the adoption on it."""

from collections.abc import Mapping

from cosell.emulators.dataverse import connector_schema as theirs
from cosell.mapping.loader import load_mappings
from cosell.sync.adopt.run import AdoptionAsked, AdoptionReport, Doors, run_adoption
from cosell.sync.adopt.undo import Undone, undo
from cosell.sync.workspace import Workspace
from tests.sync.fate import Fate
from tests.sync.stand import Document, Stand

OUR_URL = "https://cosell.contoso-partner.example/webhooks/partner-center"
ROWS = "cosell_microsoftsolutions"


async def seed(stand: Stand, count: int = 25, *, seed: int = 3) -> dict[str, int]:
    """Let the connector have been at work; return how many deals came to which end."""
    told = await stand.control("POST", "seed", {"connector": count, "seed": seed})
    counts: dict[str, int] = {"in step": 0, "drifted": 0, **told["connector"]}
    return counts


async def adopt(
    stand: Stand, asked: AdoptionAsked | None = None, *, fate: Fate | None = None, takes_webhook: bool = False
) -> AdoptionReport:
    """Run the adoption in a process of its own."""
    async with stand.run(fate) as workspace:
        doors = Doors(
            store_variables=_store, read_mappings=load_mappings, take_webhook=_take_webhook if takes_webhook else None
        )
        return await run_adoption(workspace, asked or AdoptionAsked(), doors, run_id="a test")


TAKE_OVER = AdoptionAsked(take_over=True)


async def _store(values: Mapping[str, str]) -> None:
    STORED.clear()
    STORED.update(values)


STORED: dict[str, str] = {}
"""The variables which were set last."""


async def _take_webhook(workspace: Workspace) -> str | None:
    from tasks.registration import register_at

    return (await register_at(workspace, OUR_URL, may_overwrite=True)).replaced_url


async def go_back(stand: Stand) -> Undone:
    """Undo the adoption."""
    async with stand.run() as workspace:
        return await undo(workspace, our_url=OUR_URL)


async def left_rows(stand: Stand) -> list[Document]:
    """Return the opportunities which the connector has linked."""
    filter_ = f"{theirs.IDENTIFIER} ne null"
    found: list[Document] = (await stand.crm("GET", f"opportunities?$filter={filter_}&$orderby=createdon"))["value"]
    return found


def a_pair(report: AdoptionReport, *, status: str = "Active") -> tuple[str, str]:
    """Return opportunity and referral of a pair which is in step and open, and which the connector has shared."""
    for item in report.found.compared:
        referral = item.match.referral
        if referral.status == status and not item.has_drifted:
            return item.opportunity_id, item.referral_id
    raise AssertionError("the seed has no such pair")


async def registered_url(stand: Stand) -> str | None:
    """Return whom Partner Center calls."""
    async with stand.run() as workspace:
        present = await workspace.webhooks.find_registration()
    return present.webhook_url if present else None
