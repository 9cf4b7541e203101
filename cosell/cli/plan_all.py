"""`cosell plan --all`: what bringing everything in step would do, by comparing all pairs; nothing is written."""

import asyncio
from collections import Counter

from cosell.cli.opening import open_command_workspace
from cosell.cli.showing import add_cells, new_progress, new_table, print_json, terminal
from cosell.settings import Settings, load_settings
from cosell.sync.planner import label
from cosell.sync.reconcile.alarms import Limits
from cosell.sync.reconcile.asking import Question, ask_first
from cosell.sync.reconcile.finding import Finding
from cosell.sync.reconcile.scan import Scan, scan_all

SHOWN_AT_MOST = 50


def plan_all(*, as_json: bool) -> None:
    """Compare everything and tell what differs; what would be asked first is told, too."""
    scan, question = asyncio.run(_scan(load_settings(), is_quiet=as_json))
    if as_json:
        print_json(_describe(scan, question))
    else:
        _show(scan, question)


async def _scan(settings: Settings, *, is_quiet: bool) -> tuple[Scan, Question]:
    limits = Limits(percent=settings.reconcile.percent, always=settings.reconcile.always)
    async with open_command_workspace(settings) as workspace:
        with new_progress(is_quiet=is_quiet) as progress:
            bar = progress.add_task("Comparing", total=None)
            scan = await scan_all(
                workspace, tell=lambda done, total: progress.update(bar, completed=done, total=total or None)
            )
        return scan, await ask_first(workspace, scan, limits=limits, confirmed=(), is_dry_run=True)


def _show(scan: Scan, question: Question) -> None:
    out, tally = terminal(), scan.tally
    out.print(f"{tally.compared} pairs compared, {tally.in_step} in step; {tally.listed} referrals listed.")
    if not scan.findings:
        out.print("✔ Nothing to do.")
        return
    table = new_table(f"Not in step ({len(scan.findings)})", "record", "what", "fields", "why", "would be healed")
    for finding in scan.findings[:SHOWN_AT_MOST]:
        fields = ", ".join(label(name) for name in finding.fields)
        add_cells(table, (_name(finding), finding.kind, fields, finding.cause, "yes" if finding.is_healable else "no"))
    out.print(table, soft_wrap=False)
    if len(scan.findings) > SHOWN_AT_MOST:
        kinds = Counter(finding.kind for finding in scan.findings).most_common()
        counted = ", ".join(f"{count} {kind}" for kind, count in kinds)
        out.print(f"{len(scan.findings) - SHOWN_AT_MOST} more are not shown. In all: {counted}.")
    if question.text:
        out.print(f"✖ It would stop and ask first: {question.text}.", style="red")
    out.print(
        "`cosell plan --opportunity ID` or `--referral ID` shows one with its values, `cosell sync --all` does it."
    )


def _name(finding: Finding) -> str:
    ids = (
        ("opportunity", finding.opportunity_id),
        ("lead", finding.lead_id),
        ("referral", finding.referral_id),
        ("link", finding.link_id),
    )
    return next(f"{noun} {record_id}" for noun, record_id in ids if record_id)


def _describe(scan: Scan, question: Question) -> dict[str, object]:
    return {
        "compared": scan.tally.compared,
        "in_step": scan.tally.in_step,
        "listed": scan.tally.listed,
        "asked_first": question.text,
        "findings": [
            {
                "kind": finding.kind.value,
                "cause": finding.cause.value,
                "referral_id": finding.referral_id,
                "opportunity_id": finding.opportunity_id,
                "lead_id": finding.lead_id,
                "fields": list(finding.fields),
                "is_healable": finding.is_healable,
            }
            for finding in scan.findings
        ],
    }
