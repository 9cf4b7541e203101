"""What people see in the Prefect UI after a run: a table of the records, with links to both systems, and its log."""

import hashlib
from collections.abc import Sequence

from prefect.artifacts import acreate_table_artifact
from prefect.logging import get_run_logger

from cosell.domain.flows import FlowName
from cosell.domain.tenants import tenant_artifact
from cosell.sync.deadlines import WORDS, read_deadlines
from cosell.sync.outcome import QUIET, Outcome, Result
from flows.problems import STANDING_IN_THE_WAY, group_by_cause, link_to_referral, link_to_row
from tasks.workspace import get_workspace

ROWS_AT_MOST = 200
DEADLINES = "deadlines"
ERRORS_BY_CAUSE = "errors-by-cause"


async def publish_outcomes(name: FlowName, outcomes: Sequence[Outcome]) -> None:
    """Publish what a run did to each record; nothing when it did nothing. Ids and field names only.

    When something stood in the way, a second table groups it by its cause and says what the way out is.
    """
    told = [outcome for outcome in outcomes if outcome.result not in QUIET]
    if not told:
        return
    _log(told)
    await acreate_table_artifact(
        table=[_row(outcome) for outcome in told[:ROWS_AT_MOST]],
        key=tenant_artifact(name.value, get_workspace().ledger.tenant),
        description=f"{len(told)} of {len(outcomes)} records" + _limit(told),
    )
    stopped = [item for item in told if item.result in STANDING_IN_THE_WAY and not item.only_waits]
    if stopped:
        rows = group_by_cause(stopped, get_workspace().link_template)
        await acreate_table_artifact(
            table=rows[:ROWS_AT_MOST],
            key=tenant_artifact(ERRORS_BY_CAUSE, get_workspace().ledger.tenant),
            description=f"Not brought in step: {len(stopped)} of {len(outcomes)} records, by cause" + _limit(rows),
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
            "opportunity": link_to_row("opportunity", link.opportunity_id),
            "referral": link_to_referral(link.referral_id, workspace.link_template),
            "when": f"{item.at:%Y-%m-%d %H:%M} UTC",
            "days left": str(item.days_left(now)),
        }
        for item, link in open_ones
    ]
    seen = hashlib.sha256(repr(table).encode()).hexdigest()
    if seen == (await workspace.ledger.meta.find(DEADLINES) or hashlib.sha256(b"[]").hexdigest()):
        return
    key = tenant_artifact(DEADLINES, workspace.ledger.tenant)
    await acreate_table_artifact(table=table, key=key, description=f"{len(table)} deadlines, the next one first")
    await workspace.ledger.meta.save(DEADLINES, seen)


def _limit(rows: Sequence[object]) -> str:
    return f"; the first {ROWS_AT_MOST} rows are shown" if len(rows) > ROWS_AT_MOST else ""


def _log(told: Sequence[Outcome]) -> None:
    """Write one line for each record: for the person on call, and for whoever searches the logs for an id."""
    log = get_run_logger()
    for outcome in told[:ROWS_AT_MOST]:
        ids = (("referral", outcome.referral_id), ("lead", outcome.lead_id), ("opportunity", outcome.opportunity_id))
        named = ", ".join(f"{noun} {record_id}" for noun, record_id in ids if record_id)
        sent = (("to Partner Center", outcome.to_partner_center), ("to the CRM", outcome.to_dataverse))
        parts = [outcome.result.value, *(f"{where}: {', '.join(fields)}" for where, fields in sent if fields)]
        line = f"{named}: {'; '.join([*parts, *([outcome.reason] if outcome.reason else [])])}"
        if outcome.result in (Result.REFUSED, Result.LATER) and not outcome.only_waits:
            log.warning("%s", line)
        else:
            log.info("%s", line)


def _row(outcome: Outcome) -> dict[str, str]:
    return {
        "result": outcome.result.value,
        "referral": link_to_referral(outcome.referral_id, get_workspace().link_template),
        "opportunity": link_to_row("opportunity", outcome.opportunity_id),
        "lead": link_to_row("lead", outcome.lead_id),
        "to Partner Center": ", ".join(outcome.to_partner_center),
        "to the CRM": ", ".join(outcome.to_dataverse),
        "why": outcome.reason,
    }
