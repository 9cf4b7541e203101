"""Two links which know one side each, and turn out to be one pair: what a killed run leaves, and the next one meets.

A run notes down the referral, creates the opportunity and is killed before it notes that down, too. Then a poll of the
CRM finds the opportunity, and knows nothing of the referral yet.
"""

from dataclasses import replace

from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cosell.domain.link import Link, LinkState
from cosell.store.engine import Database
from cosell.store.tables import conflicts, journal, links


def find_halves(found: list[Link]) -> tuple[Link, Link] | None:
    """Return the half that stays and the half that joins it; None when these are no two halves of one pair."""
    if len(found) != 2 or any(link.state is not LinkState.CREATING or link.synced_at for link in found):
        return None
    stays = next((link for link in found if link.referral_id and not (link.opportunity_id or link.lead_id)), None)
    joins = next((link for link in found if link.opportunity_id and not link.referral_id), None)
    return (stays, joins) if stays and joins else None


async def join_halves(connection: AsyncConnection, database: Database, stays: Link, joins: Link) -> Link:
    """Make two halves one link, with what was written down about either, within a transaction of the caller's.

    The caller stores the link that is returned.
    """
    for table in (conflicts, journal):
        moved = update(table).where(database.mine(table), table.c.link_id == joins.link_id)
        await connection.execute(moved.values(link_id=stays.link_id))
    await connection.execute(delete(links).where(database.mine(links), links.c.link_id == joins.link_id))
    return replace(
        stays,
        opportunity_id=joins.opportunity_id,
        lead_id=joins.lead_id,
        opportunity_etag=joins.opportunity_etag,
        told=stays.told | joins.told,
    )
