"""What sellers do with the rows of Microsoft solutions, and what both sides say of them."""

from dataclasses import dataclass

from cosell.sync.outcome import Outcome
from tests.sync.doors import look_at_opportunity
from tests.sync.fate import Fate
from tests.sync.pairs import PairInStep
from tests.sync.stand import Document, Stand

LIST = "/details/requirements/solutions"
FIRST, SECOND, THIRD = "SOL-15974-MQF", "SOL-20001-ABC", "SOL-20002-DEF"
ROWS = "cosell_microsoftsolutions"
DETAILS = "cosell_microsoftsolutiondetails"


@dataclass(frozen=True, slots=True)
class Shelf:
    """The solutions of one pair."""

    pair: PairInStep

    @property
    def stand(self) -> Stand:
        """The services around the pair."""
        return self.pair.stand

    async def add_row(self, identifier: str | None, **columns: object) -> str:
        """Let the seller put a solution on the opportunity; it comes into the catalogue first when it is not there."""
        row = {
            "cosell_name": f"Row of {identifier}",
            "cosell_OpportunityId@odata.bind": f"/opportunities({self.pair.opportunity_id})",
            **columns,
        }
        if identifier is not None:
            row["cosell_SolutionDetailId@odata.bind"] = f"/{DETAILS}({await self.detail(identifier)})"
        return str((await self.stand.crm("POST", ROWS, row))["cosell_microsoftsolutionid"])

    async def detail(self, identifier: str) -> str:
        """Return the catalogue's row of a solution."""
        details = (await self.stand.crm("GET", DETAILS))["value"]
        known = [row for row in details if row["cosell_solutionidentifier"] == identifier]
        body = {
            "cosell_name": f"Name of {identifier}",
            "cosell_solutionidentifier": identifier,
            "cosell_solutiontype": "3P",
            "cosell_publishername": "Contoso",
        }
        row = known[0] if known else await self.stand.crm("POST", DETAILS, body)
        return str(row["cosell_microsoftsolutiondetailid"])

    async def rows(self) -> list[Document]:
        """Return the opportunity's rows with their details, in the order in which they were made."""
        path = f"{ROWS}?$expand=cosell_SolutionDetailId&$orderby=createdon"
        found: list[Document] = (await self.stand.crm("GET", path))["value"]
        return [row for row in found if row["_cosell_opportunityid_value"] == self.pair.opportunity_id]

    async def row(self, identifier: str) -> Document:
        """Return the one row of a solution."""
        (row,) = [row for row in await self.rows() if _identifier(row) == identifier]
        return row

    async def edit_row(self, identifier: str, **columns: object) -> None:
        """Change the row of a solution."""
        row_id = (await self.row(identifier))["cosell_microsoftsolutionid"]
        await self.stand.crm("PATCH", f"{ROWS}({row_id})", columns)

    async def remove_row(self, identifier: str) -> str:
        """Take a solution off the opportunity; return the id its row had."""
        row_id = str((await self.row(identifier))["cosell_microsoftsolutionid"])
        await self.stand.crm("DELETE", f"{ROWS}({row_id})")
        return row_id

    async def in_crm(self) -> dict[str | None, tuple[object, object]]:
        """Return quantity and price of the solutions of the opportunity."""
        return {_identifier(row): (row["cosell_quantity"], row["cosell_price"]) for row in await self.rows()}

    async def members(self) -> list[Document]:
        """Return the referral's list."""
        found: list[Document] = (await self.pair.referral())["details"]["requirements"]["solutions"]
        return found

    async def in_portal(self) -> dict[str, tuple[object, object]]:
        """Return quantity and price of the solutions of the referral."""
        return {member["id"]: (member.get("quantity"), member.get("price")) for member in await self.members()}

    async def put_members(self, *members: Document) -> None:
        """Let the colleague write the referral's list."""
        await self.pair.colleague_edits(LIST, list(members))

    async def look(self, fate: Fate | None = None) -> Outcome:
        """Look at the pair because its rows moved."""
        async with self.stand.run(fate) as workspace:
            return await look_at_opportunity(workspace, self.pair.opportunity_id, with_solutions=True)


def member(identifier: str, **more: object) -> Document:
    """Return a member of a referral's list."""
    return {"id": identifier, "name": f"Name of {identifier}", "type": "Name", "solutionType": "3P", **more}


def _identifier(row: Document) -> str | None:
    return (row["cosell_SolutionDetailId"] or {}).get("cosell_solutionidentifier")
