"""What people see in the Prefect UI after a run: a table of the records, with links to both systems."""

import hashlib
from collections.abc import Sequence

from prefect.artifacts import acreate_table_artifact

from cosell.domain.flows import FlowName
from cosell.settings import load_settings
from cosell.sync.deadlines import WORDS, read_deadlines
from cosell.sync.outcome import QUIET, Outcome
from tasks.workspace import get_workspace

ROWS_AT_MOST = 200
DEADLINES = "deadlines"


async def publish_outcomes(name: FlowName, outcomes: Sequence[Outcome]) -> None:
    """Publish what a run did to each record; nothing when it did nothing. Ids and field names only."""
    told = [outcome for outcome in outcomes if outcome.result not in QUIET]
    if told:
        await acreate_table_artifact(
            table=[_row(outcome) for outcome in told[:ROWS_AT_MOST]],
            key=name.value,
            description=f"{len(told)} of {len(outcomes)} records"
            + (f"; the first {ROWS_AT_MOST} are shown" if len(told) > ROWS_AT_MOST else ""),
        )


async def publish_deadlines() -> None:
    """Publish which answers are waited for, and which deals must not be won yet, when that is not what it was."""
    workspace = get_workspace()
    now = workspace.clock()
    links = await workspace.ledger.links.find_reminded(limit=ROWS_AT_MOST)
    open_ones = sorted(
        ((item, link) for link in links for item in read_deadlines(link.base) if item.at > now),
        key=lambda pair: (pair[0].at, pair[1].link_id),
    )
    table = [
        {
            "what": WORDS[item.kind],
            "opportunity": _row_of_crm("opportunity", link.opportunity_id),
            "referral": _referral(link.referral_id),
            "when": f"{item.at:%Y-%m-%d %H:%M} UTC",
            "days left": str(item.days_left(now)),
        }
        for item, link in open_ones
    ]
    seen = hashlib.sha256(repr(table).encode()).hexdigest()
    if seen == (await workspace.ledger.meta.find(DEADLINES) or hashlib.sha256(b"[]").hexdigest()):
        return
    await acreate_table_artifact(table=table, key=DEADLINES, description=f"{len(table)} deadlines, the next one first")
    await workspace.ledger.meta.save(DEADLINES, seen)


def _row(outcome: Outcome) -> dict[str, str]:
    return {
        "result": outcome.result.value,
        "referral": _referral(outcome.referral_id),
        "opportunity": _row_of_crm("opportunity", outcome.opportunity_id),
        "lead": _row_of_crm("lead", outcome.lead_id),
        "to Partner Center": ", ".join(outcome.to_partner_center),
        "to the CRM": ", ".join(outcome.to_dataverse),
        "why": outcome.reason,
    }


def _referral(referral_id: str | None) -> str:
    if referral_id is None:
        return ""
    address = get_workspace().link_template.format(id=referral_id)
    return f"[{referral_id}]({address})"


def _row_of_crm(table: str, row_id: str | None) -> str:
    if row_id is None:
        return ""
    crm = str(load_settings().dataverse.url).rstrip("/")
    address = f"{crm}/main.aspx?etn={table}&pagetype=entityrecord&id={row_id}"
    return f"[{row_id}]({address})"
