"""Compares everything that both sides say, heals what was missed, and reports it. None of the nine."""

from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Cancelled, Completed, Failed
from pydantic import Field

from cosell.domain.flows import ACTIVATION_ORDER
from cosell.settings import load_settings
from cosell.sync.outcome import Outcome, Result
from cosell.sync.reconcile.alarms import Limits
from cosell.sync.reconcile.asking import ask_first
from cosell.sync.reconcile.finding import Kind
from cosell.sync.workspace import Workspace
from flows.drift_report import HEALED, publish_drift
from flows.operating import NEEDS_ATTENTION, NOT_ACTIVATED, RECONNECT, STOPPING, conclude, ends_plainly
from flows.problems import publish_open_problems
from flows.rounds import turn_of
from tasks.activation import find_missing
from tasks.reconcile import IN_HAND, NAME, InHand, compare_all_pairs, heal_chunk
from tasks.sign_in import find_lost_sign_in, waits_for_sign_in
from tasks.workspace import entered_workspace

ConfirmedWords = Annotated[
    list[Annotated[str, Field(pattern=r"^\s*[A-Za-z][A-Za-z0-9_:.-]*\s*$")]], Field(max_length=20)
]


@flow(name=NAME, flow_run_name="reconcile everything", persist_result=True)
@ends_plainly
async def reconcile(dry_run: bool = False, confirmed: ConfirmedWords | None = None) -> State[Any]:  # noqa: FBT001, FBT002  a box in the run form
    """Compare all pairs field by field, by pages, and heal what notifications and polls have missed.

    What looks more like a fault than like work stops it before anything is written: a side which looks empty, more
    changes than the settings allow, one field that differs nearly everywhere, a clock that is off, a CRM that was
    restored. Its text then says what to look at, and which words confirm that it is meant. Needs all nine flows to be
    active, but for a dry run. What was found is in the artifacts *drift-summary* and *drift-report* and, whole, in the
    folder `reports` of the data directory.

    Args:
        dry_run: only tell what would be healed.
        confirmed: words which confirm what an earlier run has asked, like changes:412; only for this run.
    """
    async with entered_workspace() as workspace:
        missing = [] if dry_run else await find_missing(workspace.ledger, ACTIVATION_ORDER)
        if missing:
            names = ", ".join(f"{item.number} {item}" for item in missing)
            told = f"Not run: it heals by the nine flows, of which these are not active: {names}. `cosell activate`."
            return Cancelled(name=NOT_ACTIVATED, message=told)
        lost = await find_lost_sign_in(workspace)
        if lost:
            return Cancelled(name=RECONNECT, message=waits_for_sign_in(lost))
        async with turn_of(NAME) as another_runs:
            if another_runs is not None:
                return another_runs
            return await _reconcile(workspace, is_dry_run=dry_run, confirmed=confirmed or [])


async def _reconcile(workspace: Workspace, *, is_dry_run: bool, confirmed: list[str]) -> State[Any]:
    hand = InHand()
    IN_HAND.set(hand)
    await compare_all_pairs()
    own = load_settings().reconcile
    limits = Limits(percent=own.percent, always=own.always)
    question = await ask_first(workspace, hand.scan, limits=limits, confirmed=confirmed, is_dry_run=is_dry_run)
    if not (is_dry_run or question.text):
        for number in range(1, hand.chunk_count + 1):
            await heal_chunk(number, hand.chunk_count)
    report = await publish_drift(workspace, hand, asked=question.text, is_dry_run=is_dry_run)
    await publish_open_problems(workspace)
    return _conclude(hand, asked=question.text, is_dry_run=is_dry_run, report=report)


def _conclude(hand: InHand, *, asked: str, is_dry_run: bool, report: str) -> State[Any]:
    """Return the state in which it ends: NeedsAttention when a person is asked, or has to decide something."""
    tally, findings, outcomes = hand.scan.tally, hand.scan.findings, list(hand.outcomes.values())
    told = f"{tally.compared} pairs compared, {tally.in_step} in step"
    if is_dry_run:
        healable = sum(item.is_healable for item in findings)
        would = f" For real it would stop and ask: {asked}" if asked else ""
        return Completed(message=f"{told}, {healable} would be healed, nothing was written.{would} {report}")
    if asked:
        return Failed(name=NEEDS_ATTENTION, message=f"{asked}. {told}; {report} has every difference.")
    healed = sum(item.result in HEALED for item in outcomes)
    message = f"{told}, {healed} healed, {len(findings) - healed} left; {report}"
    duplicates = len(hand.scan.of(Kind.DUPLICATE))
    if duplicates:
        message += f". {duplicates} duplicates wait for a person: the table drift-report names them"
    stopped = [item for item in outcomes if item.result in STOPPING and not _is_known(item)]
    if stopped:
        return Failed(name=NEEDS_ATTENTION, message=f"{message}. {conclude(stopped).message}")
    return Failed(name=NEEDS_ATTENTION, message=f"{message}.") if duplicates else Completed(message=f"{message}.")


def _is_known(outcome: Outcome) -> bool:
    """Tell whether this is for the seller alone: a deal which is not ready is no fault."""
    return outcome.result is Result.NOT_READY
