"""Puts dead letters which are due back into the inbox: a hint each, so that their own flow tries them under its leases.

A service which is away, or does not let us in, is asked first: its outage must not use up the tries of every record.
"""

from dataclasses import dataclass

from cosell.errors import CosellError
from cosell.store import FiledDeadLetter
from cosell.sync.workspace import Workspace

PER_CAUSE = 25
"""Letters of one cause which one round puts back: when they are refused again, the others have lost no try."""
AT_MOST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one round came to: the letters which were put back, and why none was when a service is away."""

    retried: tuple[FiledDeadLetter, ...] = ()
    settled: int = 0
    """Letters whose record was looked at since they were put back, without being refused again."""
    waits: str = ""


async def retry_due(workspace: Workspace) -> Round:
    """Put the letters which are due back into the inbox, and close those which have passed without a word."""
    letters = workspace.ledger.dead_letters
    settled = await letters.resolve_passed()
    if not await letters.count_due():
        return Round(settled=settled)
    trouble = await _find_trouble(workspace)
    if trouble:
        return Round(settled=settled, waits=trouble)
    retried = await letters.retry_due(per_cause=PER_CAUSE, at_most=AT_MOST)
    return Round(retried=tuple(retried), settled=settled)


async def _find_trouble(workspace: Workspace) -> str:
    """Ask both services for next to nothing; say what stands in the way."""
    try:
        await workspace.dataverse.whoami()
        await workspace.partner_center.try_access()
    except CosellError as error:
        return str(error)
    return ""
