"""Publishes the drift report of a reconcile: a summary and a table in the Prefect UI, files in the data directory."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from prefect.artifacts import acreate_markdown_artifact, acreate_table_artifact

from cosell.domain.ids import DEFAULT_TENANT
from cosell.domain.tenants import tenant_artifact
from cosell.settings import load_settings
from cosell.sync.outcome import QUIET, Outcome, Result
from cosell.sync.reconcile.finding import Cause, Difference, Finding
from cosell.sync.workspace import Workspace
from flows.problems import link_to_referral, link_to_row
from tasks.reconcile import InHand

if TYPE_CHECKING:
    from cosell.reports.drift import Counted, DriftRow

DRIFT_REPORT = "drift-report"
DRIFT_SUMMARY = "drift-summary"
ROWS_AT_MOST = 200
HEALED = frozenset({Result.CREATED, Result.WRITTEN, *QUIET})


async def publish_drift(workspace: Workspace, hand: InHand, *, asked: str, is_dry_run: bool) -> str:
    """Publish what was found and what became of it; return the path of the report."""
    from cosell.reports.drift import Counted, describe, write_files  # pandas takes seconds to load

    tally = hand.scan.tally
    counted = Counted(
        at=workspace.clock(),
        pairs=tally.linked,
        compared=tally.compared,
        in_step=tally.in_step,
        switched_off=tally.switched_off,
        listed=tally.listed,
        is_dry_run=is_dry_run,
        asked=asked,
    )
    rows = list(_iter_rows(hand, is_tried=not (asked or is_dry_run)))
    settings = load_settings()
    home = settings.home if settings.tenant == DEFAULT_TENANT else settings.home / settings.tenant
    files = await asyncio.to_thread(write_files, home, counted, rows)
    await acreate_markdown_artifact(
        key=tenant_artifact(DRIFT_SUMMARY, workspace.ledger.tenant), markdown=describe(counted, rows, files)
    )
    if rows:
        await _publish_table(workspace, rows, counted, path=str(files.csv))
    return str(files.csv)


async def _publish_table(workspace: Workspace, rows: "list[DriftRow]", counted: "Counted", *, path: str) -> None:
    more = f"; the first {ROWS_AT_MOST} are shown, all are in {path}" if len(rows) > ROWS_AT_MOST else f": {path}"
    await acreate_table_artifact(
        key=tenant_artifact(DRIFT_REPORT, workspace.ledger.tenant),
        table=[_cells(row, workspace.link_template) for row in rows[:ROWS_AT_MOST]],
        description=f"{len(rows)} differences in {counted.compared} pairs" + more,
    )


def _cells(row: "DriftRow", template: str) -> dict[str, str]:
    return {
        "kind": row.kind,
        "field": row.field,
        "cause": row.cause,
        "to": row.to,
        "healed": row.healed,
        "referral": link_to_referral(row.referral_id or None, template),
        "opportunity": link_to_row("opportunity", row.opportunity_id or None),
        "lead": link_to_row("lead", row.lead_id or None),
        "since": row.since,
        "why": row.why,
    }


def _iter_rows(hand: InHand, *, is_tried: bool) -> "Iterator[DriftRow]":
    from cosell.reports.drift import DriftRow

    for at, finding in enumerate(hand.scan.findings):
        healed, why = _verdict(finding, hand.outcomes, at, is_tried=is_tried)
        differences = finding.differences or (Difference(field="", cause=finding.cause),)
        for item in differences:
            stands = bool(item.field) and item.to is None and finding.is_healable and healed == "healed"
            yield DriftRow(
                kind=finding.kind.value,
                cause=item.cause.value,
                field=item.field,
                to=item.to.value if item.to else "",
                referral_id=str(finding.referral_id or ""),
                opportunity_id=str(finding.opportunity_id or ""),
                lead_id=str(finding.lead_id or ""),
                since=f"{finding.since:%Y-%m-%d %H:%M}" if finding.since else "",
                healed="stands" if stands and item.cause is not Cause.UNKNOWN else healed,
                why=why,
            )


def _verdict(finding: Finding, outcomes: Mapping[int, Outcome], at: int, *, is_tried: bool) -> tuple[str, str]:
    """Return what became of a finding in a word, and why it was not healed."""
    if not finding.is_healable:
        return "stands", finding.detail
    outcome = outcomes.get(at)
    if outcome is None:
        return ("not tried" if is_tried else "would be healed"), finding.detail
    if outcome.result in HEALED:
        return "healed", ""
    return outcome.result.value, outcome.reason
