"""What the service checks when a referral changes: the status machine, what is frozen from when, the one-way doors."""

from dataclasses import dataclass
from datetime import datetime

from cosell.emulators.partner_center import facts
from cosell.emulators.partner_center.answers import invalid
from cosell.emulators.partner_center.referrals import Document
from cosell.emulators.partner_center.registering import check_registrations
from cosell.emulators.partner_center.shape import changed_paths
from cosell.emulators.partner_center.values import at, check_values


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One wanted change: the copy before and after, and the other copies of its engagement."""

    before: Document
    after: Document
    others: list[Document]
    now: datetime

    @property
    def is_shared(self) -> bool:
        """Whether anybody else has seen the deal already."""
        return bool(self.others) or at(self.before, facts.VISIBILITY) is True


def check_change(change: Change) -> None:
    """Raise `PartnerApiError` unless the service would take this change."""
    changed = set(changed_paths(change.before, change.after))
    elsewhere = {path for path in changed if path != facts.REGISTRATIONS}
    if change.before["status"] == "Closed":
        is_registering = bool(changed) and not elsewhere
        if not (is_registering and change.before["substatus"] == "Won"):
            text = f"The referral is closed as {change.before['substatus']}; no update is permitted."
            raise invalid("closedReferral", text)
    for path in sorted(elsewhere):
        _check_path(change, path)
    _check_status(change.before, change.after)
    check_values(change.after, elsewhere)
    if facts.REGISTRATIONS in changed:
        check_registrations(change.before, change.after, others=change.others, now=change.now)


def _check_path(change: Change, path: str) -> None:
    if any(path == each or path.startswith(f"{each}/") for each in facts.WRITABLE):
        return
    if path == facts.VISIBILITY:
        if at(change.before, path) is True:
            raise invalid("visibilityIsFinal", "A deal visible to Microsoft's sellers stays visible.", target=path)
        return
    if path == facts.CUSTOMER_CONTACTS or path.startswith(f"{facts.CUSTOMER_CONTACTS}/"):
        if change.is_shared:
            raise invalid("frozenOnceShared", "Customer contacts are read-only once the deal is shared.", target=path)
        return
    raise invalid("frozenField", f"'{path}' is read-only.", target=path)


def _check_status(before: Document, after: Document) -> None:
    old, new = (before["status"], before["substatus"]), (after["status"], after["substatus"])
    if old == new:
        return
    status, substatus = new
    if status not in facts.STATUS_MOVES or substatus not in facts.ALL_SUBSTATUS:
        raise invalid("invalidValue", f"There is no status {status}/{substatus}.", target="status")
    if status not in facts.STATUS_MOVES[before["status"]]:
        raise invalid("invalidTransition", f"A referral cannot go from {old[0]} to {status}.", target="status")
    if substatus not in facts.SUBSTATUS_IN[status]:
        raise invalid("invalidTransition", f"{substatus} is not a substatus of {status}.", target="substatus")
