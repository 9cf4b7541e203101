"""Reads what moved in the CRM's tables since last time and stores a hint for each record somebody should look at.

Hints and the new delta link are stored together or not at all. A lost delta link (too old, or the table's columns
changed) costs one full read, which finds by the ids also what was deleted meanwhile. What is gone is never taken for
gone in masses: then a person is asked first.
"""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from cosell.dataverse import Row
from cosell.domain.ids import OpportunityId
from cosell.domain.link import LinkState
from cosell.errors import DeltaExpired
from cosell.store import Door, Hint, HintKind
from cosell.sync.gone import check_gone
from cosell.sync.workspace import Workspace

FindHints = Callable[[Sequence[Row]], Awaitable[list[Hint]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A table whose changes are read, and which records to look at when rows of it moved.

    What is deleted shows in the rows that referred to it, but for the table of the opportunities.
    """

    set: str
    select: tuple[str, ...]
    find_hints: FindHints
    has_links: bool = False
    """Whether it is the table of the opportunities, whose ids the ledger knows."""


@dataclass(slots=True)
class _Changes:
    """What one reading of a table has found; `seen` is None unless it read everything."""

    hints: list[Hint] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    seen: set[str] | None = None
    delta_link: str = ""


async def poll_table(workspace: Workspace, watched: Watched, *, confirmed_gone: int = 0) -> int:
    """Read what moved in a table since the last poll and store hints; return how many are new.

    Args:
        workspace: where to work.
        watched: the table.
        confirmed_gone: how many linked records a person knows to be gone, when that many would make us ask.

    Raises:
        UnsafePlan: so many linked records are gone at once that a person has to say whether that is meant; nothing was
            stored, so that the next poll finds the same again.
    """
    select_hash = hashlib.sha256(",".join(watched.select).encode()).hexdigest()[:16]
    known = await workspace.ledger.marks.find_delta_link(watched.set)
    link = known.link if known and known.select_hash == select_hash else None
    try:
        changes = await _read_changes(workspace, watched, link=link)
    except DeltaExpired:
        changes = await _read_changes(workspace, watched, link=None)
    if watched.has_links:
        changes.hints += await _find_gone(workspace, changes, confirmed_gone=confirmed_gone)
    added = await workspace.ledger.record_poll(
        watched.set, delta_link=changes.delta_link, select_hash=select_hash, hints=changes.hints
    )
    return added.accepted


async def _read_changes(workspace: Workspace, watched: Watched, *, link: str | None) -> _Changes:
    changes = _Changes(seen=set() if link is None else None)
    async for page in workspace.dataverse.delta(watched.set, select=watched.select, link=link):
        changes.hints += await watched.find_hints(page.rows)
        changes.deleted += page.deleted_ids
        if changes.seen is not None:
            changes.seen.update(row.id for row in page.rows)
        changes.delta_link = page.delta_link or changes.delta_link
    return changes


async def _find_gone(workspace: Workspace, changes: _Changes, *, confirmed_gone: int) -> list[Hint]:
    """Return hints for linked opportunities which are gone: told deleted, or not in a full read.

    Raises:
        UnsafePlan: they are suspiciously many.
    """
    links = workspace.ledger.links
    if changes.seen is None:
        deleted = await links.find_by_opportunity_ids([OpportunityId(row_id) for row_id in changes.deleted])
        missing = [row_id for row_id, link in deleted.items() if link.state is not LinkState.BROKEN]
        linked_count = sum((await links.count_by_state()).values()) if missing else 0
    else:
        linked = [link.opportunity_id async for link in links.iter_all() if link.state is not LinkState.BROKEN]
        known = [row_id for row_id in linked if row_id is not None]
        missing = [row_id for row_id in known if row_id not in changes.seen]
        linked_count = len(known)
    await check_gone(
        workspace,
        missing,
        linked_count=linked_count,
        is_side_empty=changes.seen is not None and not changes.seen,
        confirmed=confirmed_gone,
    )
    return [Hint(door=Door.DATAVERSE, kind=HintKind.OPPORTUNITY, record_id=row_id) for row_id in missing]
