"""One example: people, services and processes at their worst, and what is found in the end.

In the end both services are in good health and nobody edits; the flows run as often as it takes until nothing is
written. Then every promise is held against what is there.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import select

from cosell.domain.link import LinkState
from cosell.domain.money import Money
from cosell.domain.snapshot import snapshot_from_json
from cosell.errors import CosellError
from cosell.store import HintKind
from cosell.store.tables import conflicts, leases
from cosell.sync.hold import LEASE_SECONDS
from tests.properties.memory import Deal, find_faults
from tests.properties.people import FIELDS, VISIBILITY_POINTER, Where, read_side
from tests.properties.town import Town
from tests.reconcile.rounds import reconcile
from tests.sync.fate import WRITES, Fate, Killed
from tests.sync.sold import DETAILS, LIST, ROWS, member
from tests.sync.stand import ON_HOLD, OPEN, PROOF_OF_CONCEPT, Document

ROUNDS_AT_MOST = 6
CLOSED = "Closed"
CUSTOMER = "Bakery of the story"
STATES = {0: "open", 1: "won", 2: "lost"}
EXPECTED: dict[str, set[str]] = {
    "New/Pending": {"open"},
    "Active/Accepted": {"open"},
    "Closed/Won": {"won"},
    "Closed/Lost": {"lost"},
    "Closed/Declined": {"lost"},
    "Closed/Expired": {"lost"},
}
"""In which state an opportunity belongs to each status of its referral."""


@dataclass(slots=True)
class Story:
    """A town, its deals, and everybody's memory of them."""

    town: Town
    deals: list[Deal] = field(default_factory=list)
    moment: int = 0
    refused: list[str] = field(default_factory=list)
    """What a service did not let a person do."""

    # People

    async def write(self) -> Deal:
        """Let a seller write an opportunity which is to be shared."""
        written = await self.town.write_opportunity()
        deal = Deal(opportunity_id=written, added=set(await self._rows_of(written)))
        self.deals.append(deal)
        return deal

    async def invite(self) -> Deal:
        """Let Microsoft's seller invite us."""
        number = len(self.deals)
        made = await self.town.microsoft_invites(name=f"Invited {number}", customerProfile={"name": CUSTOMER})
        deal = Deal(referral_id=made)
        self.deals.append(deal)
        return deal

    async def edit(self, deal: Deal, where: Where, names: list[str]) -> None:
        """Let somebody type new values into fields of one side."""
        record_id = deal.find_id(where)
        if record_id is None:
            return
        await self.look_around()
        self.moment += 1
        spelled: dict[str, object] = {}
        for name in names:
            item, number = FIELDS[name], self.moment
            spelled |= (
                {item.column: item.in_crm(number)} if where is Where.CRM else {item.pointer: item.in_portal(number)}
            )
        before = await self._read(where, record_id)
        if not await self._do(where, record_id, spelled):
            return
        after = await self._read(where, record_id)
        for name in names:
            if read_side(name, where, after) != read_side(name, where, before):
                deal.note(name, where, read_side(name, where, after), self.moment)

    async def answer(self, deal: Deal, where: Where, what: str) -> None:
        """Let somebody accept, win or lose a deal; a deal that is not accepted is declined by losing it."""
        record_id = deal.find_id(where)
        if record_id is None:
            return
        await self.look_around()
        if where is Where.CRM:
            await self._answer_in_crm(record_id, what)
            return
        status = (await self.town.referral(record_id))["status"]
        lost = "Declined" if status == "New" else "Lost"
        substatus = {"accept": "Accepted", "win": "Won", "lose": lost}[what]
        stage = {"/status": "Active" if what == "accept" else CLOSED, "/substatus": substatus}
        await self._do(where, record_id, stage)

    async def _answer_in_crm(self, record_id: str, what: str) -> None:
        row = await self.town.opportunity(record_id)
        if row["statecode"] != 0:
            return
        if what == "accept":
            if row["statuscode"] == ON_HOLD:
                await self._do(Where.CRM, record_id, {"statuscode": OPEN})
            return
        action, status = ("WinOpportunity", 3) if what == "win" else ("LoseOpportunity", 4)
        closing = {"subject": "Done", "opportunityid@odata.bind": f"/opportunities({record_id})"}
        await self.town.crm("POST", action, {"Status": status, "OpportunityClose": closing})

    async def open_door(self, deal: Deal, where: Where, *, with_help: bool) -> None:
        """Let somebody show the deal to Microsoft's sellers, or the seller ask for their help."""
        record_id = deal.find_id(where)
        if record_id is None:
            return
        if where is Where.PORTAL:
            await self._do(where, record_id, {VISIBILITY_POINTER: True})
        else:
            column = {"cosell_help": PROOF_OF_CONCEPT} if with_help else {"cosell_visibletomicrosoft": True}
            await self._do(where, record_id, column)

    async def sell(self, deal: Deal, where: Where, identifier: str, *, takes_away: bool) -> None:
        """Let somebody put a solution on the deal, or take it away."""
        record_id = deal.find_id(where)
        if record_id is None:
            return
        if where is Where.PORTAL:
            present = (await self.town.referral(record_id))["details"]["requirements"]["solutions"]
            others = [item for item in present if item["id"] != identifier]
            wanted = others if takes_away else [*others, member(identifier)]
            if not wanted or not await self._do(where, record_id, {LIST: wanted}):
                return
        elif takes_away:
            for row_id in (await self._rows_of(record_id)).get(identifier, []):
                await self.town.crm("DELETE", f"{ROWS}({row_id})")
        elif identifier not in await self._rows_of(record_id):
            await self.town.crm("POST", ROWS, await self._spell_row(record_id, identifier))
        (deal.removed if takes_away else deal.added).add(identifier)

    async def _spell_row(self, opportunity_id: str, identifier: str) -> Document:
        details = (await self.town.crm("GET", DETAILS))["value"]
        known = [row for row in details if row["cosell_solutionidentifier"] == identifier]
        body = {"cosell_name": identifier, "cosell_solutionidentifier": identifier, "cosell_solutiontype": "3P"}
        detail = known[0] if known else await self.town.crm("POST", DETAILS, body)
        return {
            "cosell_name": identifier,
            "cosell_OpportunityId@odata.bind": f"/opportunities({opportunity_id})",
            "cosell_SolutionDetailId@odata.bind": f"/{DETAILS}({detail['cosell_microsoftsolutiondetailid']})",
        }

    async def _rows_of(self, opportunity_id: str) -> dict[str, list[str]]:
        path = f"{ROWS}?$expand=cosell_SolutionDetailId($select=cosell_solutionidentifier)"
        found: dict[str, list[str]] = {}
        for row in (await self.town.crm("GET", path))["value"]:
            if row["_cosell_opportunityid_value"] == opportunity_id:
                identifier = row["cosell_SolutionDetailId"]["cosell_solutionidentifier"]
                found.setdefault(identifier, []).append(row["cosell_microsoftsolutionid"])
        return found

    async def _do(self, where: Where, record_id: str, changes: Mapping[str, object]) -> bool:
        """Edit a record; a service may say no, as it does to anybody."""
        known = len(self.town.emulators.world.violations)
        try:
            if where is Where.CRM:
                await self.town.seller_edits(record_id, **changes)
            else:
                await self.town.colleague_edits(record_id, changes)
        except AssertionError as refusal:
            self.refused.append(str(refusal))
            broken = self.town.emulators.world.violations
            if len(broken) > known:
                broken.pop()  # a person's, and of no interest here
            return False
        return True

    async def _read(self, where: Where, record_id: str) -> Document:
        return await (self.town.opportunity(record_id) if where is Where.CRM else self.town.referral(record_id))

    # What everybody sees

    async def look_around(self) -> dict[str, dict[Where, Document]]:
        """Read both services as anybody may, find the halves of each deal, and notice what has come across."""
        rows, referrals = await self.town.opportunities(), await self.town.referrals()
        seen: dict[str, dict[Where, Document]] = {}
        for number, deal in enumerate(self.deals):
            sides: dict[Where, Document] = {}
            for row in rows:
                if deal.opportunity_id == row["opportunityid"] or (
                    deal.opportunity_id is None and row["cosell_referralid"] == deal.referral_id
                ):
                    sides[Where.CRM] = row
                    deal.opportunity_id = row["opportunityid"]
            for referral in referrals:
                if deal.referral_id == referral["id"] or (
                    deal.referral_id is None and referral["externalReferenceId"] == deal.opportunity_id
                ):
                    sides[Where.PORTAL] = referral
                    deal.referral_id = referral["id"]
            deal.see(sides)
            seen[str(number)] = sides
        return seen

    async def notify(self, deal: Deal, *, is_of_copy: bool = False) -> None:
        """Let a notification arrive: late, again, or of something that has not happened."""
        if deal.referral_id is None:
            return
        wanted = deal.referral_id
        if is_of_copy:
            engagement = (await self.town.referral(wanted))["engagementId"]
            copies = [copy["id"] for copy in await self.town.copies(engagement) if copy["id"] != wanted]
            wanted = next(iter(copies), wanted)
        await self.town.notify(HintKind.RELATED_REFERRAL if is_of_copy else HintKind.REFERRAL, wanted)

    async def run(self, number: int, fate: Fate | None = None) -> None:
        """Let one of the three flows run."""
        await self.town.flow(number, fate)
        await self.look_around()

    async def reconcile(self, fate: Fate | None = None) -> list[str]:
        """Compare everything and heal it, if nothing looks like a fault; return what was found."""
        try:
            found = await reconcile(self.town, fate)
        except (Killed, CosellError) as error:
            self.town.ended_by.append(type(error).__name__)
            return []
        finally:
            await self.look_around()
        return [f"{item.kind}: {item.cause}" for item in found.findings]

    async def pass_time(self, seconds: float) -> None:
        """Let time pass for everybody."""
        await self.town.control("POST", "clock", {"advance_seconds": seconds})

    # The end

    async def end(self) -> list[str]:
        """Let everything come to rest and return which promises were not kept, each with its number."""
        self.town.is_sign_in_lost = False
        self.town.ahead_seconds = 0.0
        await self._settle()
        for sides in (await self.look_around()).values():
            referral = sides.get(Where.PORTAL)
            if referral is not None and referral["status"] == "New":
                # What a seller edits waits for the answer: give it, so that it travels.
                await self.town.colleague_edits(referral["id"], {"/status": "Active", "/substatus": "Accepted"})
        faults = [] if await self._settle() else ["3: writes never ended"]
        faults += await self._judge_reconcile()
        faults += await self._judge_deals()
        return faults + await self._judge_town() + await self._judge_ledger()

    async def _settle(self) -> bool:
        """Run until a round writes nothing; return whether one did."""
        for _ in range(ROUNDS_AT_MOST):
            await self.pass_time(LEASE_SECONDS + 61)
            fates = {number: Fate() for number in (6, 8, 9)}
            ended = len(self.town.ended_by)
            for number, fate in fates.items():
                await self.run(number, fate)
            assert self.town.ended_by[ended:] == [], "a run ended early although nothing was wrong"
            if not any(fate.calls(*WRITES) for fate in fates.values()):
                return True
        return False

    async def _judge_reconcile(self) -> list[str]:
        """Ask reconcile, which reads everything anew: in the end it finds nothing that it would have to write."""
        fate = Fate()
        found = await self.reconcile(fate)
        return [f"1: reconcile still finds {found}"] if fate.calls(*WRITES) else []

    async def _judge_deals(self) -> list[str]:
        seen = await self.look_around()
        lost = await self._lost_values()
        faults = []
        for number, deal in enumerate(self.deals):
            sides = seen[str(number)]
            missing = [where.value for where in Where if where not in sides]
            if missing:
                if not self._may_stay_alone(sides):
                    faults.append(f"1: deal {number} has nothing in {', '.join(missing)}")
                continue
            referral = sides[Where.PORTAL]
            told = lost.get(str(deal.opportunity_id), set())
            found = find_faults(deal, sides, lost=told, is_closed=referral["status"] == CLOSED)
            found += _judge_stage(sides)
            found += await self._judge_solutions(deal, sides)
            found += await self._judge_doors(sides)
            faults += [f"{fault} (deal {number})" for fault in found]
        return faults

    @staticmethod
    def _may_stay_alone(sides: Mapping[Where, Document]) -> bool:
        """Tell whether a deal was over before the other side could hear of it."""
        if Where.CRM in sides:
            return bool(sides[Where.CRM]["statecode"] != 0 and str(sides[Where.CRM]["name"]).startswith("✖"))
        return Where.PORTAL in sides and sides[Where.PORTAL]["status"] == CLOSED

    async def _judge_solutions(self, deal: Deal, sides: Mapping[Where, Document]) -> list[str]:
        here = await self._rows_of(sides[Where.CRM]["opportunityid"])
        there = [item["id"] for item in sides[Where.PORTAL]["details"]["requirements"]["solutions"]]
        faults = []
        excused = str(sides[Where.CRM]["name"]).startswith("✖")
        if Counter(there) != Counter(list(here)) and not excused:
            faults.append(f"1: solutions: the CRM has {sorted(here)}, Partner Center {sorted(there)}")
        if any(len(rows) > 1 for rows in here.values()):
            faults.append(f"2: a solution is there twice: {here}")
        gone = {item for item in deal.added - deal.removed if item not in here and item not in there}
        if gone:
            faults.append(f"1: solutions which nobody took away are gone: {sorted(gone)}")
        return faults

    async def _judge_doors(self, sides: Mapping[Where, Document]) -> list[str]:
        row, referral = sides[Where.CRM], sides[Where.PORTAL]
        copies = await self.town.copies(referral["engagementId"])
        ours = [copy for copy in copies if copy["organizationId"] == referral["organizationId"]]
        microsofts = [copy for copy in copies if copy["organizationId"] == "msft"]
        faults = [] if len(ours) == 1 else [f"2: {len(ours)} referrals of ours in one engagement"]
        if len(microsofts) > 1:
            faults.append(f"2: {len(microsofts)} copies of Microsoft's in one engagement")
        is_excused = str(row["name"]).startswith("✖")
        if row["cosell_help"] is not None and not microsofts and not is_excused:
            faults.append("1: help was asked, and Microsoft not invited")
        is_visible = referral["consent"]["consentToShareReferralWithMicrosoftSellers"]
        if bool(row["cosell_visibletomicrosoft"]) != is_visible and not is_excused:
            faults.append(f"1: visibility: Partner Center says {is_visible}")
        return faults

    async def _judge_town(self) -> list[str]:
        faults = []
        referrals, rows = await self.town.referrals(), await self.town.opportunities()
        of_reference = Counter(item["externalReferenceId"] for item in referrals if item["externalReferenceId"])
        of_referral = Counter(row["cosell_referralid"] for row in rows if row["cosell_referralid"])
        faults += [f"2: {count} referrals of {key}" for key, count in of_reference.items() if count > 1]
        faults += [f"2: {count} opportunities of {key}" for key, count in of_referral.items() if count > 1]
        if max(len(referrals), len(rows)) > len(self.deals):
            faults.append(f"2: {len(self.deals)} deals, {len(referrals)} referrals, {len(rows)} opportunities")
        found = await self.town.crm("GET", f"accounts?$filter=name eq '{CUSTOMER}'")
        if len(found["value"]) > 1:
            faults.append(f"2: {len(found['value'])} accounts of one customer")
        told = await self.town.control("GET", "violations")
        faults += [f"7: {item}" for item in told["violations"]]
        health = await self.town.control("GET", "health")
        return faults + ([] if health["status"] == "healthy" else [f"7: the emulators: {health}"])

    async def _judge_ledger(self) -> list[str]:
        async with self.town.ledger() as ledger:
            waiting = await ledger.inbox.count_waiting()
            async with ledger._database.read() as connection:
                held = (
                    (await connection.execute(select(leases.c.key).where(leases.c.expires_at > self.town.now())))
                    .scalars()
                    .all()
                )
            states = await ledger.links.count_by_state()
        faults = [f"9: {waiting} hints wait for nobody"] if waiting else []
        faults += [f"9: leases were never given back: {held}"] if held else []
        return faults + [f"9: {state}: {count}" for state, count in states.items() if state is LinkState.BROKEN]

    async def _lost_values(self) -> dict[str, set[tuple[str, str]]]:
        """Return which values stand in the list of conflicts, open or not, by opportunity."""
        async with self.town.ledger() as ledger:
            links = {link.link_id: str(link.opportunity_id) async for link in ledger.links.iter_all()}
            async with ledger._database.read() as connection:
                filed = (await connection.execute(select(conflicts))).mappings().all()
        lost: dict[str, set[tuple[str, str]]] = {}
        for row in filed:
            values = snapshot_from_json(row["snapshots"])
            for side in ("partner_center", "dataverse"):
                value = values[side]
                text = f"{value.amount:.2f}" if isinstance(value, Money) else "" if value is None else str(value)
                lost.setdefault(links[row["link_id"]], set()).add((row["field"], text))
        return lost


def _judge_stage(sides: Mapping[Where, Document]) -> list[str]:
    row, referral = sides[Where.CRM], sides[Where.PORTAL]
    status, state = f"{referral['status']}/{referral['substatus']}", STATES[row["statecode"]]
    if state in EXPECTED.get(status, {state}) or str(row["name"]).startswith("✖"):
        return []
    return [f"1: stage: {state} in the CRM, {status} in Partner Center"]
