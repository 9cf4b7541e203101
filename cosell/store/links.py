"""Links in the ledger: which referral and which opportunity or lead belong together, and what both agreed on last."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import uuid4

from sqlalchemy import Column, RowMapping, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cosell.domain.ids import EngagementId, LeadId, OpportunityId, ReferralId
from cosell.domain.link import Link, LinkState
from cosell.domain.snapshot import snapshot_from_json, snapshot_to_json
from cosell.errors import AlreadyExists, Origin, RecordNotFound
from cosell.store.engine import Database, in_chunks
from cosell.store.halves import find_halves, join_halves
from cosell.store.tables import links

_IDS = ("referral_id", "opportunity_id", "lead_id")
"""What a link may be found by, each at most once in a tenant."""


class Links:
    """The links of one tenant."""

    def __init__(self, database: Database) -> None:
        """Work on this database."""
        self._database = database

    async def find_by_referral_ids(self, ids: Iterable[ReferralId]) -> dict[ReferralId, Link]:
        """Find the links of these referrals; referrals without one are missing from the answer."""
        found = await self._find(links.c.referral_id, ids)
        return {link.referral_id: link for link in found if link.referral_id is not None}

    async def find_by_opportunity_ids(self, ids: Iterable[OpportunityId]) -> dict[OpportunityId, Link]:
        """Find the links of these opportunities; opportunities without one are missing from the answer."""
        found = await self._find(links.c.opportunity_id, ids)
        return {link.opportunity_id: link for link in found if link.opportunity_id is not None}

    async def find_by_lead_ids(self, ids: Iterable[LeadId]) -> dict[LeadId, Link]:
        """Find the links of these leads, those that became opportunities included; others are missing."""
        found = await self._find(links.c.lead_id, ids)
        return {link.lead_id: link for link in found if link.lead_id is not None}

    async def find_by_engagement_ids(self, ids: Iterable[EngagementId]) -> dict[EngagementId, list[Link]]:
        """Find the links of these engagements; engagements without one are missing from the answer."""
        grouped: dict[EngagementId, list[Link]] = defaultdict(list)
        for link in await self._find(links.c.engagement_id, ids):
            if link.engagement_id is not None:
                grouped[link.engagement_id].append(link)
        return dict(grouped)

    async def get(self, link_id: str) -> Link:
        """Return a link.

        Raises:
            RecordNotFound: there is none with this id.
        """
        found = await self._find(links.c.link_id, [link_id])
        if not found:
            raise RecordNotFound("The ledger has no such link.", origin=Origin(service="ledger", record=link_id))
        return found[0]

    async def iter_pages(self, *, page_size: int = 500) -> AsyncIterator[list[Link]]:
        """Read all links a page at a time, in the order of their ids; no transaction stays open between pages."""
        after = ""
        while True:
            page = (
                select(links)
                .where(self._database.mine(links), links.c.link_id > after)
                .order_by(links.c.link_id)
                .limit(page_size)
            )
            async with self._database.read() as connection:
                found = [_link(row) for row in (await connection.execute(page)).mappings()]
            if found:
                yield found
            if len(found) < page_size:
                return
            after = found[-1].link_id

    async def iter_all(self, page_size: int = 500) -> AsyncIterator[Link]:
        """Read all links one by one, lazily over pages."""
        async for page in self.iter_pages(page_size=page_size):
            for link in page:
                yield link

    async def find_reminded(self, *, until: datetime | None = None, limit: int = 500) -> list[Link]:
        """Find the linked opportunities of which something has to be told when time passes, the next one first.

        With `until`, only those which have to be told by then.
        """
        wanted = (
            self._database.mine(links),
            links.c.state == LinkState.LINKED.value,
            links.c.opportunity_id.is_not(None),
            links.c.remind_at.is_not(None) if until is None else links.c.remind_at <= until,
        )
        query = select(links).where(*wanted).order_by(links.c.remind_at, links.c.link_id).limit(limit)
        async with self._database.read() as connection:
            return [_link(row) for row in (await connection.execute(query)).mappings()]

    async def count_reminded(self) -> int:
        """Count the links of which something has to be told when time passes."""
        query = select(func.count()).where(self._database.mine(links), links.c.remind_at.is_not(None))
        async with self._database.read() as connection:
            return int((await connection.execute(query)).scalar_one())

    async def save_all(self, changed: Sequence[Link]) -> None:
        """Write many links as they are, all of them or none."""
        async with self._database.write() as connection:
            await store_links(connection, self._database, changed)

    async def count_by_state(self) -> dict[LinkState, int]:
        """Count the links in each state; states without links are missing from the answer."""
        query = select(links.c.state, func.count()).where(self._database.mine(links)).group_by(links.c.state)
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        return {LinkState(state): count for state, count in rows}

    async def begin(
        self,
        *,
        referral_id: ReferralId | None = None,
        opportunity_id: OpportunityId | None = None,
        lead_id: LeadId | None = None,
        engagement_id: EngagementId | None = None,
    ) -> Link:
        """Note down that the other side is about to be created, or return the link which is there already.

        What the link that is there does not know yet, and is said here, is filled in; two links which know one side
        each are made one.

        Raises:
            AlreadyExists: referral and opportunity or lead are linked already, but not with each other.
        """
        if referral_id is None and opportunity_id is None and lead_id is None:
            raise ValueError("a link begins with a referral, an opportunity or a lead")
        link = Link(
            link_id=uuid4().hex,
            state=LinkState.CREATING,
            referral_id=referral_id,
            lead_id=lead_id,
            opportunity_id=opportunity_id,
            engagement_id=engagement_id,
        )
        named = ((links.c[name], wanted) for name in _IDS if (wanted := getattr(link, name)) is not None)
        same = or_(*(column == wanted for column, wanted in named))
        async with self._database.write() as connection:
            await connection.execute(
                self._database.insert(links).on_conflict_do_nothing(), [_row(self._database, link)]
            )
            query = select(links).where(self._database.mine(links), same).with_for_update()
            found = [_link(row) for row in (await connection.execute(query)).mappings()]
            halves = find_halves(found)
            if halves:
                found = [await join_halves(connection, self._database, *halves)]
                await store_links(connection, self._database, found)
            if len(found) != 1 or not _agrees(found[0], link):
                raise AlreadyExists(
                    f"The referral and the {'lead' if lead_id else 'opportunity'} are linked already, but not with "
                    "each other.",
                    origin=Origin(service="ledger", record=referral_id or opportunity_id or lead_id or ""),
                )
            known = _fill_in(found[0], link)
            if known != found[0]:
                await store_links(connection, self._database, [known])
        return known

    async def begin_all(self, wanted: Sequence[Link]) -> list[Link]:
        """Note down many pairs of which both sides are there, in one transaction; return the links as they are now.

        A link that is there already is filled in. A pair which quarrels with another one is missing from the answer.
        """
        if not wanted:
            return []
        begun: list[Link] = []
        async with self._database.write() as connection:
            rows = [_row(self._database, link) for link in sorted(wanted, key=lambda link: link.link_id)]
            await connection.execute(self._database.insert(links).on_conflict_do_nothing(), rows)
            known: dict[str, Link] = {}
            for name in _IDS:
                ids = sorted({value for link in wanted if (value := getattr(link, name)) is not None})
                for chunk in in_chunks(ids):
                    query = select(links).where(self._database.mine(links), links.c[name].in_(chunk)).with_for_update()
                    found = (_link(row) for row in (await connection.execute(query)).mappings())
                    known |= {link.link_id: link for link in found}
            for link in wanted:
                same = [item for item in known.values() if _names_the_same(item, link)]
                if len(same) == 1 and _agrees(same[0], link):
                    begun.append(_fill_in(same[0], link))
            await store_links(connection, self._database, [link for link in begun if known[link.link_id] != link])
        return begun

    async def save(self, link: Link) -> None:
        """Write a link as it is, new or known.

        Raises:
            AlreadyExists: its referral or its opportunity belongs to another link.
        """
        async with self._database.write() as connection:
            await store_links(connection, self._database, [link])

    async def _find(self, column: Column[str], ids: Iterable[str]) -> list[Link]:
        found: list[Link] = []
        wanted = sorted(set(ids))
        if not wanted:
            return found
        async with self._database.read() as connection:
            for chunk in in_chunks(wanted):
                query = select(links).where(self._database.mine(links), column.in_(chunk)).order_by(links.c.link_id)
                found += [_link(row) for row in (await connection.execute(query)).mappings()]
        return found


async def store_links(connection: AsyncConnection, database: Database, changed: Sequence[Link]) -> None:
    """Write links within a transaction of the caller's."""
    if not changed:
        return
    insert = database.insert(links)
    kept = {"tenant", "link_id", "created_at"}
    upsert = insert.on_conflict_do_update(
        index_elements=["tenant", "link_id"],
        set_={column.name: insert.excluded[column.name] for column in links.c if column.name not in kept},
    )
    # In one order everywhere: two processes which write the same links must not wait for one another.
    await connection.execute(upsert, [_row(database, link) for link in sorted(changed, key=lambda link: link.link_id)])


def _agrees(known: Link, wanted: Link) -> bool:
    """Tell whether a link may stand for the wanted one: nothing that both name differs."""
    pairs = ((getattr(known, name), getattr(wanted, name)) for name in _IDS)
    return all(one is None or other is None or one == other for one, other in pairs)


def _names_the_same(known: Link, wanted: Link) -> bool:
    """Tell whether two links have a record in common."""
    return any(getattr(known, name) == value for name in _IDS if (value := getattr(wanted, name)) is not None)


def _fill_in(known: Link, wanted: Link) -> Link:
    """Return the known link, with the ids which only the wanted one has."""
    return replace(
        known,
        referral_id=known.referral_id or wanted.referral_id,
        lead_id=known.lead_id or wanted.lead_id,
        opportunity_id=known.opportunity_id or wanted.opportunity_id,
        engagement_id=known.engagement_id or wanted.engagement_id,
    )


def _row(database: Database, link: Link) -> dict[str, object]:
    return {
        "tenant": database.tenant,
        "link_id": link.link_id,
        "state": link.state.value,
        "referral_id": link.referral_id,
        "engagement_id": link.engagement_id,
        "lead_id": link.lead_id,
        "opportunity_id": link.opportunity_id,
        "referral_etag": link.referral_etag,
        "opportunity_etag": link.opportunity_etag,
        "lead_etag": link.lead_etag,
        "base": snapshot_to_json(link.base),
        "told": sorted(link.told),
        "synced_at": link.synced_at,
        "remind_at": link.remind_at,
        "created_at": database.now(),
    }


def _link(row: RowMapping) -> Link:
    return Link(
        link_id=row["link_id"],
        state=LinkState(row["state"]),
        referral_id=row["referral_id"],
        engagement_id=row["engagement_id"],
        lead_id=row["lead_id"],
        opportunity_id=row["opportunity_id"],
        referral_etag=row["referral_etag"],
        opportunity_etag=row["opportunity_etag"],
        lead_etag=row["lead_etag"],
        base=snapshot_from_json(row["base"]),
        told=frozenset(row["told"]),
        synced_at=row["synced_at"],
        remind_at=row["remind_at"],
    )
