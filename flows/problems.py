"""What stands in the way, as the Prefect UI shows it: by cause within a run, and all that is open in one table."""

import hashlib
import re
from collections.abc import Sequence

from prefect.artifacts import acreate_table_artifact

from cosell.domain.tenants import tenant_artifact
from cosell.domain.ways_out import find_way_out
from cosell.settings import load_settings
from cosell.store import FiledDeadLetter, HintKind
from cosell.sync.outcome import Outcome, Result
from cosell.sync.workspace import Workspace
from tasks.workspace import get_workspace, has_workspace

STANDING_IN_THE_WAY = frozenset({Result.NOT_READY, Result.REFUSED, Result.LATER})
OPEN_PROBLEMS = "open-problems"
SHOWN = "open-problems-shown"
"""Key in the ledger under which stands what the table showed last."""
NAMED_AT_MOST = 5
ROWS_AT_MOST = 200
_ORIGIN = re.compile(r" \((?:record|field|code|request id) [^()]*\)$")
"""What tells one record's error from another's, at the end of its text; the table names the records beside it."""


def group_by_cause(outcomes: Sequence[Outcome], link_template: str) -> list[dict[str, str]]:
    """Return a row for each thing that stood in the way, the most frequent first: which records, and the way out."""
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault((outcome.cause, strip_origin(outcome.reason)), []).append(outcome)
    return [
        {
            "records": str(len(same)),
            "cause": cause or "not said",
            "what it says": reason,
            "way out": find_way_out(cause),
            "which": _name_some([_link(outcome, link_template) for outcome in same]),
        }
        for (cause, reason), same in sorted(groups.items(), key=lambda item: -len(item[1]))
    ]


def strip_origin(reason: str) -> str:
    """Return what an error says without the record it is about."""
    return _ORIGIN.sub("", reason)


async def publish_open_problems(workspace: Workspace) -> None:
    """Publish all records that were given up on, unless the table shows them already."""
    filed = await workspace.ledger.dead_letters.list_open()
    fingerprint = _fingerprint(filed)
    if fingerprint == await workspace.ledger.meta.find(SHOWN):
        return
    rows = [_row(item, workspace.link_template) for item in filed[:ROWS_AT_MOST]]
    limit = f"; the latest {ROWS_AT_MOST} are shown" if len(filed) > ROWS_AT_MOST else ""
    await acreate_table_artifact(
        key=tenant_artifact(OPEN_PROBLEMS, workspace.ledger.tenant),
        table=rows or [{"record": "none", "why": "There are no dead letters."}],
        description=f"Records which were given up on, until they change or somebody decides: {len(filed)}{limit}. "
        "`cosell dead-letters` retries and dismisses them.",
    )
    await workspace.ledger.meta.save(SHOWN, fingerprint)


def link_to_referral(referral_id: str | None, template: str) -> str:
    """Return a link to a referral in Partner Center; empty without an id."""
    return f"[{referral_id}]({template.format(id=referral_id)})" if referral_id else ""


def link_to_row(table: str, row_id: str | None) -> str:
    """Return a link to a record of the CRM; empty without an id."""
    if row_id is None:
        return ""
    # A table has hundreds of links, and reading the settings takes its time.
    known = get_workspace().crm_url if has_workspace() else ""
    crm = known or str(load_settings().dataverse.url).rstrip("/")
    return f"[{row_id}]({crm}/main.aspx?etn={table}&pagetype=entityrecord&id={row_id})"


def _name_some(links: Sequence[str]) -> str:
    more = f" and {len(links) - NAMED_AT_MOST} more" if len(links) > NAMED_AT_MOST else ""
    return ", ".join(links[:NAMED_AT_MOST]) + more


def _link(outcome: Outcome, template: str) -> str:
    if outcome.opportunity_id:
        return f"opportunity {link_to_row('opportunity', outcome.opportunity_id)}"
    if outcome.lead_id:
        return f"lead {link_to_row('lead', outcome.lead_id)}"
    return f"referral {link_to_referral(outcome.referral_id, template)}"


def _row(filed: FiledDeadLetter, template: str) -> dict[str, str]:
    letter = filed.letter
    is_referral = letter.kind in (HintKind.REFERRAL, HintKind.RELATED_REFERRAL)
    table = "lead" if letter.kind is HintKind.LEAD else "opportunity"
    link = link_to_referral(letter.record_id, template) if is_referral else link_to_row(table, letter.record_id)
    return {
        "record": f"{'referral' if is_referral else table} {link}",
        "times": str(filed.count),
        "next try": f"{filed.due_at:%Y-%m-%d %H:%M} UTC" if filed.due_at else "by hand only",
        "last": f"{filed.last_at:%Y-%m-%d %H:%M} UTC",
        "cause": letter.cause,
        "why": letter.message,
        "way out": find_way_out(letter.cause),
        "since": f"{filed.first_at:%Y-%m-%d %H:%M} UTC",
        "flow": letter.flow,
    }


def _fingerprint(filed: Sequence[FiledDeadLetter]) -> str:
    seen = "".join(f"{item.dead_letter_id}:{item.count}:{item.due_at};" for item in filed)
    return hashlib.sha256(seen.encode()).hexdigest()[:16]
