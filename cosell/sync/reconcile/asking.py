"""Looks around before anything is written, and asks a person where that is due: the first half of a reconcile."""

from collections.abc import Collection
from dataclasses import dataclass

from cosell.sync.gone import CONFIRMED, RECONCILE_ALARM
from cosell.sync.reconcile.alarms import Alarm, Limits, Surroundings, find_alarms, refuse
from cosell.sync.reconcile.scan import Scan
from cosell.sync.workspace import Workspace

ORGANIZATION = "crm-organization"
"""Under this the ledger keeps the id of the CRM's organization: another one is another CRM, or a copy of ours."""
GONE_REFERRALS = "gone-referrals"
GONE_WORDS = (GONE_REFERRALS, "gone-opportunities", "restored", "another-crm")
"""Alarms while which no link is broken, by whatever flow: a record which is not seen may well be there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What was found out before writing: all alarms, and the text which asks; empty when nothing has to be asked."""

    alarms: tuple[Alarm, ...]
    text: str


async def look_around(workspace: Workspace) -> Surroundings:
    """Return what is known beyond the records; ask it after the scan, when both services have answered."""
    me = await workspace.dataverse.whoami()
    return Surroundings(
        skews={
            "Partner Center": workspace.partner_center.clock_skew,
            "Dataverse": workspace.dataverse.clock_skew,
        },
        organization=me.organization_id,
        known_organization=await workspace.ledger.meta.find(ORGANIZATION),
    )


async def ask_first(
    workspace: Workspace, scan: Scan, *, limits: Limits, confirmed: Collection[str], is_dry_run: bool = False
) -> Question:
    """Judge a scan; what has to be asked is noted in the ledger, so that nobody breaks links meanwhile.

    A dry run notes nothing.
    """
    surroundings = await look_around(workspace)
    alarms = find_alarms(scan, limits=limits, surroundings=surroundings, rows=workspace.opportunity.fields)
    doubt = refuse(alarms, confirmed=confirmed)
    if is_dry_run:
        return Question(alarms=tuple(alarms), text=doubt.message if doubt else "")
    open_words = [alarm.word for alarm in alarms if not alarm.is_confirmed(confirmed)]
    doubts = [word for word in open_words if word.startswith(GONE_WORDS)]
    is_meant = not doubts and any(alarm.word.startswith(GONE_REFERRALS) for alarm in alarms)
    await _note_doubt(workspace, [CONFIRMED] if is_meant else doubts)
    if doubt is None and surroundings.organization != surroundings.known_organization:
        await workspace.ledger.meta.save(ORGANIZATION, surroundings.organization or "")
    return Question(alarms=tuple(alarms), text=doubt.message if doubt else "")


async def _note_doubt(workspace: Workspace, words: Collection[str]) -> None:
    meta, told = workspace.ledger.meta, " ".join(words)
    if (await meta.find(RECONCILE_ALARM) or "") != told:
        await meta.save(RECONCILE_ALARM, told)
