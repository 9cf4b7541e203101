"""Test mode: what is created says so in its name, and no test deal is shown to Microsoft. Pure.

An installation which tries things out, on a staging CRM say, may speak to a real Partner Center. So everything it
creates carries a mark which is no part of the name, and what cannot be taken back is refused and told.
"""

from dataclasses import replace

from cosell.domain.snapshot import is_empty
from cosell.sync.one_way import ASKED, MADE_VISIBLE, VISIBILITY_FIELD, stays_private
from cosell.sync.plan import Note
from cosell.sync.planner import HELP_FIELD, Seen

WISHES = {VISIBILITY_FIELD: MADE_VISIBLE, HELP_FIELD: ASKED}


def keep_private(seen: Seen) -> Seen:
    """Return what was seen without what the seller newly asks of Microsoft; she is told that it was not sent."""
    refused = [
        field
        for field in (VISIBILITY_FIELD, HELP_FIELD)
        if not is_empty(seen.opportunity.get(field)) and _is_new(seen, field)
    ]
    notes = [Note(key=f"test-mode:{field}", text=stays_private(WISHES[field]), is_problem=True) for field in refused]
    ours = {**seen.opportunity, **{field: seen.referral.get(field) for field in refused}}
    return replace(seen, opportunity=ours, notes=[*seen.notes, *notes]) if refused else seen


def _is_new(seen: Seen, field: str) -> bool:
    wanted, sent = seen.opportunity.get(field), seen.referral.get(field)
    return wanted is not False and wanted != sent
