"""Looks at what Microsoft's connector has left behind, and writes nothing to either service.

It may be run as often and as long as one likes. The ledger keeps what both sides were last seen to agree on, so that
of a difference which comes up later one knows which side has moved; and each difference with its history.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from cosell.dataverse import Row
from cosell.domain.ids import OpportunityId, ReferralId
from cosell.domain.snapshot import Value
from cosell.errors import AccessDenied, SignInRequired
from cosell.mapping.connector import OfferedVariable, offer_variables
from cosell.store import Ended, KeptDifference, SeenDifference, SeenPair
from cosell.sync.adopt.compare import Compared, Difference, compare, settled, value_now
from cosell.sync.adopt.pairing import Match, pair_up
from cosell.sync.adopt.reading import Left, read_left
from cosell.sync.adopt.report import Found, History
from cosell.sync.adopt.tables import BY_LABEL, NamedTables
from cosell.sync.registration import without_query
from cosell.sync.workspace import Workspace

VARIABLES_SET, VALUES_SET = "environmentvariabledefinitions", "environmentvariablevalues"
OUR_LINE = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d UTC - ")
RECORDED_AT_ONCE = 200


async def look(workspace: Workspace, named: NamedTables = BY_LABEL) -> Found:
    """Read both services in pages, pair up, compare, and keep the history; neither service is written.

    Args:
        workspace: where to work.
        named: the connector's solutions tables, where they are not found by themselves.

    Raises:
        SchemaMissing: the connector is not installed in this CRM.
    """
    offered = await read_variables(workspace)
    # Somebody may have just installed the connector, or our own columns.
    await workspace.codebook.read_choices_again(workspace.opportunity.table)
    left = await read_left(workspace, named)
    pairing = pair_up(left.rows, left.referrals, left.workspace.opportunity.columns)
    known = await workspace.ledger.adoptions.find_pairs()
    fresh, adopted, otherwise = await _sort_out(workspace, pairing.matches)
    compared = [await compare(left, match, _base_of(known, match)) for match in fresh]
    await record(workspace, compared, known)
    url, problem = await _read_webhook(workspace)
    return Found(
        compared=compared,
        adopted_count=len(adopted),
        linked_otherwise=otherwise,
        singles=pairing.singles,
        duplicates=pairing.duplicates,
        row_count=len(left.rows),
        referral_count=len(left.referrals),
        variables=offered,
        webhook_url=url,
        webhook_problem=problem,
        tables=left.tables,
        still_writing=_find_still_writing(left, known, adopted),
    )


async def read_variables(workspace: Workspace) -> tuple[OfferedVariable, ...]:
    """Return the connector's environment variables with what ours say: the current value, else the default."""
    values: dict[str, str] = {}
    ids: dict[str, str] = {}
    try:
        async for page in workspace.dataverse.query(
            VARIABLES_SET,
            select=("schemaname", "defaultvalue"),
            filter_="startswith(schemaname,'msft_')",
        ):
            for row in page:
                name = str(row.get("schemaname")).lower()
                ids[row.id] = name
                values |= {name: str(row.get("defaultvalue"))} if row.get("defaultvalue") else {}
        lookup = "_environmentvariabledefinitionid_value"
        async for page in workspace.dataverse.query(VALUES_SET, select=("value", lookup)):
            for row in page:
                owner = ids.get(str(row.get(lookup)).lower())
                values |= {owner: str(row.get("value"))} if owner and row.get("value") else {}
    except AccessDenied:
        return ()
    return offer_variables(values, workspace.variables)


async def _read_webhook(workspace: Workspace) -> tuple[str | None, str]:
    try:
        registration = await workspace.webhooks.find_registration()
    except (AccessDenied, SignInRequired) as error:
        return None, str(error)
    url = registration.webhook_url if registration else None
    return (without_query(url) if url else None), ""


async def _sort_out(
    workspace: Workspace, matches: Sequence[Match]
) -> tuple[list[Match], list[Match], list[tuple[ReferralId, OpportunityId]]]:
    """Return the pairs which are new, those which the ledger links already, and those it links with something else."""
    links = workspace.ledger.links
    by_referral = await links.find_by_referral_ids([match.referral.id for match in matches])
    by_row = await links.find_by_opportunity_ids([OpportunityId(match.row.id) for match in matches])
    fresh: list[Match] = []
    adopted: list[Match] = []
    otherwise: list[tuple[ReferralId, OpportunityId]] = []
    for match in matches:
        row_id = OpportunityId(match.row.id)
        one, other = by_referral.get(match.referral.id), by_row.get(row_id)
        if one is None and other is None:
            fresh.append(match)
        elif one is not None and other is not None and one.link_id == other.link_id:
            adopted.append(match)
        else:
            otherwise.append((match.referral.id, row_id))
    return fresh, adopted, otherwise


def _base_of(known: Mapping[ReferralId, SeenPair], match: Match) -> Mapping[str, Value]:
    pair = known.get(match.referral.id)
    return pair.base if pair and pair.opportunity_id == match.row.id else {}


def mark_audit(row: Row, column: str) -> str | None:
    """Return a mark of the newest audit line which is not ours, None when there is none."""
    lines = str(row.values.get(column) or "").splitlines()
    theirs = [line.strip() for line in lines if line.strip() and not OUR_LINE.match(line.strip())]
    return hashlib.sha256("\n".join(theirs).encode()).hexdigest()[:16] if theirs else None


def _find_still_writing(
    left: Left, known: Mapping[ReferralId, SeenPair], adopted: Sequence[Match]
) -> list[OpportunityId]:
    """Return opportunities in which the connector's audit text has moved since they were taken over."""
    column = left.workspace.opportunity.columns.audit
    return [
        OpportunityId(match.row.id)
        for match in adopted
        if (pair := known.get(match.referral.id)) is not None
        and pair.adopted_at is not None
        and mark_audit(match.row, column) != pair.audit_mark
    ]


async def record(workspace: Workspace, compared: Sequence[Compared], known: Mapping[ReferralId, SeenPair]) -> None:
    """Keep what a look has found, some hundreds of pairs at a time."""
    adoptions = workspace.ledger.adoptions
    standing: dict[ReferralId, dict[str, KeptDifference]] = {}
    for kept in await adoptions.list_standing():
        standing.setdefault(kept.difference.referral_id, {})[kept.difference.field] = kept
    now = workspace.clock()
    present = {item.referral_id for item in compared}
    gone = {
        kept.difference_id: Ended.GONE
        if known_id not in known or known[known_id].adopted_at is None
        else Ended.TAKEN_OVER
        for known_id, fields in standing.items()
        if known_id not in present
        for kept in fields.values()
    }
    if gone:
        await adoptions.record_look([], seen_again=[], new=[], ended=gone)
    for start in range(0, len(compared), RECORDED_AT_ONCE):
        again: list[tuple[int, SeenDifference]] = []
        new: list[SeenDifference] = []
        ended: dict[int, Ended] = {}
        chunk = compared[start : start + RECORDED_AT_ONCE]
        for item in chunk:
            _compare_with_history(item, standing.get(item.referral_id, {}), again, new, ended)
        pairs = [pair_of(item, now=now) for item in chunk]
        await adoptions.record_look(pairs, seen_again=again, new=new, ended=ended)


def pair_of(item: Compared, *, now: datetime | None) -> SeenPair:
    """Return what is remembered of a pair that was compared."""
    return SeenPair(
        referral_id=item.referral_id,
        opportunity_id=item.opportunity_id,
        base=item.base,
        seen_at=now,
    )


def _compare_with_history(
    item: Compared,
    before: Mapping[str, KeptDifference],
    again: list[tuple[int, SeenDifference]],
    new: list[SeenDifference],
    ended: dict[int, Ended],
) -> None:
    now = {difference.field: _seen(item, difference) for difference in item.differences}
    for name, difference in now.items():
        if name in before:
            again.append((before[name].difference_id, difference))
        else:
            new.append(difference)
    for name, kept in before.items():
        if name not in now:
            # Both sides agree by now: on what ours would have left, or on something else.
            agreed = value_now(item, name)
            ended[kept.difference_id] = Ended.AS_PLANNED if kept.difference.settled in agreed else Ended.OTHERWISE


def _seen(item: Compared, difference: Difference) -> SeenDifference:
    return SeenDifference(
        referral_id=item.referral_id,
        opportunity_id=item.opportunity_id,
        field=difference.field,
        partner_center=difference.partner_center,
        dataverse=difference.dataverse,
        settled=settled(difference),
        was_synced=difference.was_synced,
    )


async def read_history(workspace: Workspace) -> History:
    """Return what the ledger knows of differences."""
    adoptions = workspace.ledger.adoptions
    return History(standing=await adoptions.list_standing(), ended=await adoptions.count_ended())
