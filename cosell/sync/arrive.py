"""Creates the opportunity of a referral which arrived, with its customer and solutions: one opportunity.

The referral id is an alternate key of the opportunity, so that a second attempt finds what the first one made.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence

from cosell.dataverse import Row, UpsertMode
from cosell.domain.ids import OpportunityId, ReferralId, Side
from cosell.domain.link import Link
from cosell.domain.snapshot import is_empty
from cosell.domain.stages import ReferralStage
from cosell.errors import AlreadyExists, Origin, RecordNotFound, RejectedError, RequestRejected
from cosell.mapping.fields import read_referral, to_columns
from cosell.mapping.values import add_test_mark
from cosell.partner_center import Referral
from cosell.store import JournalEntry
from cosell.sync.apply import find_status
from cosell.sync.audit import mark_name, write_audit
from cosell.sync.customer import Customer, ensure_customer
from cosell.sync.deadlines import iter_notes
from cosell.sync.filling import fill_in_arrival, fill_new
from cosell.sync.hold import LEASE_SECONDS
from cosell.sync.look import deadlines_of, document_of, stage_of_referral
from cosell.sync.owner import bind_owner
from cosell.sync.planner import EVENT
from cosell.sync.references import find_rows_of, read_reference
from cosell.sync.solutions.write import create_with_solutions
from cosell.sync.stages import EXPECTED
from cosell.sync.workspace import Workspace

logger = logging.getLogger(__name__)

CREATED_IN = frozenset({ReferralStage.INVITED, ReferralStage.ACTIVE})
"""Stages of a referral of which an opportunity is made."""


async def find_links(workspace: Workspace, referrals: Sequence[Referral]) -> dict[ReferralId, Link]:
    """Return the link of each referral that has an opportunity: known to the ledger, or found in the CRM.

    An opportunity is found by its referral id, or by the CRM id which the referral carries. Two pages at most, never a
    call per record.
    """
    links = await workspace.ledger.links.find_by_referral_ids([referral.id for referral in referrals])
    links = {referral_id: link for referral_id, link in links.items() if link.opportunity_id is not None}
    missing = [referral for referral in referrals if referral.id not in links]
    for referral, row in await find_rows(workspace, missing):
        try:
            links[referral.id] = await _link(workspace, referral, row)
        except AlreadyExists as error:
            # It is raised again for this referral alone; its neighbours go on.
            logger.warning("left out: %s", error)
    return links


async def _link(workspace: Workspace, referral: Referral, row: Row) -> Link:
    return await workspace.ledger.links.begin(
        referral_id=referral.id, opportunity_id=OpportunityId(row.id), engagement_id=referral.engagement_id
    )


async def find_rows(workspace: Workspace, referrals: Sequence[Referral]) -> list[tuple[Referral, Row]]:
    """Find opportunities by referral id, then by the CRM id that the referral carries."""
    own = workspace.opportunity
    found = await find_rows_of(workspace, referrals, own.set, own.columns.referral_id, select=workspace.select)
    workspace.reads.opportunities |= {OpportunityId(row.id): row for _, row in found}
    return found


async def create_opportunity(workspace: Workspace, referral_id: ReferralId) -> Link:
    """Create the opportunity of a referral, with its account and contact when the CRM has none that match.

    Raises:
        LeaseHeld: another run has it in hand, or makes an account of the same customer.
        RecordNotFound: the referral is gone.
        RequestRejected: the deal is closed; no opportunity is made of it.
        AlreadyExists: the opportunity which the referral names belongs to another one.
    """
    async with workspace.ledger.leases.hold(
        [f"referral:{referral_id}"], holder=workspace.holder, seconds=LEASE_SECONDS
    ):
        referral = await workspace.get_referral(referral_id)
        if referral is None:
            raise RecordNotFound(
                "The referral is not in Partner Center, or this user may not see it.",
                origin=Origin(service="Partner Center", record=f"referral {referral_id}"),
            )
        link = await workspace.ledger.links.begin(referral_id=referral_id)
        if link.opportunity_id is not None or link.is_lead:
            return link
        found = await _find_row(workspace, referral)
        row = found or await _create_row(workspace, referral)
        workspace.reads.opportunities[OpportunityId(row.id)] = row
        link = await _link(workspace, referral, row)
        if found is None:
            entry = JournalEntry(link_id=link.link_id, side=Side.DATAVERSE, rule="created from the referral")
            await workspace.ledger.journal.append([entry])
        return link


async def _find_row(workspace: Workspace, referral: Referral) -> Row | None:
    """Look once more, under the lease, for the opportunity of a referral which names one."""
    if read_reference(referral) is None:
        return None
    return next((row for _, row in await find_rows(workspace, [referral])), None)


async def _create_row(workspace: Workspace, referral: Referral) -> Row:
    own = workspace.opportunity
    if stage_of_referral(referral) not in CREATED_IN:
        raise RequestRejected(
            "The deal is closed in Partner Center; no opportunity is made of it.",
            origin=Origin(record=f"referral {referral.id}"),
        )
    body = await spell_opportunity(workspace, referral)
    body |= bind_customer(workspace, await ensure_customer(workspace, document_of(referral)))
    key = {own.columns.referral_id: referral.id}
    try:
        return await _write_new(workspace, referral, key, body)
    except AlreadyExists:
        return await workspace.dataverse.get(own.set, key, select=workspace.select)


def bind_customer(workspace: Workspace, customer: Customer) -> dict[str, object]:
    """Spell account and contact as columns of their opportunity."""
    own, body = workspace.opportunity.columns, {}
    if customer.account_id:
        account = f"/{workspace.mappings.account.set}({customer.account_id})"
        body = {f"{own.account}@odata.bind": account, f"{own.customer}_account@odata.bind": account}
    if customer.contact_id:
        body[f"{own.contact}@odata.bind"] = f"/{workspace.mappings.contact.set}({customer.contact_id})"
    return dict(body)


async def _write_new(
    workspace: Workspace, referral: Referral, key: Mapping[str, object], body: Mapping[str, object]
) -> Row:
    """Create the opportunity, in the same call with its solutions; their refusal is left to the first look."""
    own = workspace.opportunity
    try:
        row = await create_with_solutions(workspace, referral, key, body)
    except RejectedError as error:
        logger.warning("the solutions of referral %s were refused: %s", referral.id, error)
        row = None
    if row is not None:
        workspace.reads.made.add(OpportunityId(row.id))
        return row
    made = await workspace.dataverse.upsert(own.set, key, body, select=workspace.select, mode=UpsertMode.CREATE_ONLY)
    workspace.reads.made.add(OpportunityId(made.row.id))
    return made.row


async def spell_opportunity(workspace: Workspace, referral: Referral) -> dict[str, object]:
    """Spell the opportunity which is made of a referral, but for its customer and its key."""
    own, codes = workspace.opportunity, await workspace.get_codes()
    reading = read_referral(document_of(referral), own, codes=codes, link_template=workspace.link_template)
    fields = await fill_in_arrival(workspace, own, reading.snapshot, document_of(referral))
    body = to_columns({name: value for name, value in fields.items() if not is_empty(value)}, own, codes=codes)
    body |= await fill_new(workspace, own, document_of(referral), referral=reading.snapshot)
    stage = EXPECTED[stage_of_referral(referral)]
    body[own.columns.status_reason] = (await find_status(workspace, stage)).status_reason
    body[own.columns.sync_switch] = True
    name = str(fields.get("name") or "Referral without a name")
    name = str(add_test_mark(name)) if workspace.is_test else name
    body[own.columns.name] = mark_name(
        name, has_problem=bool(reading.parked), show_check_mark=workspace.variables.show_check_mark
    )
    body[own.columns.audit] = write_audit(
        None, ["Received from Partner Center.", *iter_clocks(workspace, referral)], now=workspace.clock()
    )
    return {**await bind_owner(workspace, own.assign, document_of(referral)), **body}


def iter_clocks(workspace: Workspace, referral: Referral) -> Iterator[str]:
    """Yield what the first look would say about deadlines, so that it need not write for that alone."""
    now = workspace.clock()
    for note in iter_notes(
        deadlines_of(referral, now=now),
        stage=stage_of_referral(referral),
        now=now,
        event=EVENT,
        may_answer=workspace.variables.on_hold_answers,
    ):
        yield note.text
