"""The one place where referrals are written: times, eTag and state dates are set, and everybody concerned is notified.

A partner's own writes are notified like anybody else's; that echo is the service's habit.
"""

from datetime import datetime

from cosell.emulators import identities
from cosell.emulators.partner_center.changing import Change, check_change
from cosell.emulators.partner_center.creating import check_new, new_document, owner_of
from cosell.emulators.partner_center.notifications import Notifications
from cosell.emulators.partner_center.referrals import Document, Referrals, new_etag, stamp
from cosell.emulators.partner_center.registering import with_server_members
from cosell.emulators.world import World

_MARKS = ("✔", "✖", "✓")
SERVICE = "partner_center"


class Writer:
    """Creates and changes referrals on behalf of callers, of Microsoft's sellers and of the passing time."""

    def __init__(self, world: World, referrals: Referrals, notifications: Notifications) -> None:
        """Work on what the service holds."""
        self._world = world
        self._referrals = referrals
        self._notifications = notifications

    def create(self, body: Document) -> Document:
        """Create the referral a caller posted; raise `PartnerApiError` when a rule is broken."""
        owner = owner_of(body)
        engagement = self._referrals.in_engagement(body["engagementId"]) if body.get("engagementId") else []
        check_new(body, owner=owner, engagement=engagement)
        document = new_document(body, owner=owner, now=self._world.clock.now())
        self._note_bad_habits(document)
        reference = document["externalReferenceId"]
        if reference and self._referrals.with_reference(reference, document["organizationId"]):
            self._world.violate(SERVICE, "secondReferral", document["id"], "another referral has this CRM id already")
        self.add(document)
        return document

    def change(self, before: Document, after: Document) -> Document:
        """Write what a caller wants a copy to be; raise `PartnerApiError` when a rule is broken."""
        now = self._world.clock.now()
        engagement = self._referrals.in_engagement(before["engagementId"])
        others = [copy for copy in engagement if copy["id"] != before["id"]]
        check_change(Change(before=before, after=after, others=others, now=now))
        if after["name"] != before["name"]:
            self._note_bad_habits(after)
        return self.update(before, with_server_members(before, after, now))

    def add(self, document: Document) -> None:
        """Store a new copy and notify."""
        self._referrals.save(document)
        self._notify(document, "created")

    def update(self, before: Document, after: Document) -> Document:
        """Store a changed copy with a new eTag and the dates its status brings, and notify."""
        now = self._world.clock.now()
        changed = {**after, "updatedDateTime": stamp(now), "eTag": new_etag(now), **_dates(before, after, now)}
        self._referrals.save(changed)
        self._notify(changed, "updated")
        return changed

    def _notify(self, document: Document, what: str) -> None:
        if document["organizationId"] == identities.ORGANIZATION_ID:
            self._notifications.emit(f"referral-{what}", document["id"])
            return
        named = document["id"]
        if self._notifications.behaviour.related_event_id == "own":
            own = [
                copy["id"]
                for copy in self._referrals.in_engagement(document["engagementId"])
                if copy["organizationId"] == identities.ORGANIZATION_ID
            ]
            named = own[0] if own else named
        self._notifications.emit(f"related-referral-{what}", named)

    def _note_bad_habits(self, document: Document) -> None:
        if document["name"].lstrip().startswith(_MARKS):
            self._world.violate(SERVICE, "markInName", document["id"], "a mark of the CRM travelled along in the name")


def _dates(before: Document, after: Document, now: datetime) -> Document:
    if after["status"] == before["status"]:
        return {}
    if after["status"] == "Active":
        return {"acceptedDateTime": stamp(now), "expirationDateTime": None}
    return {"closedDateTime": stamp(now)}
