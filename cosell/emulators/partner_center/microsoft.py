"""What Microsoft's sellers do: invite us, answer our invitations, win and lose; by a control, a script or the clock."""

import random
from collections.abc import Mapping
from datetime import timedelta

from cosell.emulators import identities
from cosell.emulators.partner_center.behaviour import Behaviour
from cosell.emulators.partner_center.inviting import invitation
from cosell.emulators.partner_center.referrals import Document, Referrals, stamp
from cosell.emulators.partner_center.shape import CannotBindError, Json, bound, merged
from cosell.emulators.partner_center.writing import Writer
from cosell.emulators.world import World

_OUTCOMES = {
    "accept": ("Active", "Accepted"),
    "decline": ("Closed", "Declined"),
    "win": ("Closed", "Won"),
    "lose": ("Closed", "Lost"),
}
_POSSIBLE_IN = {"accept": "New", "decline": "New", "win": "Active", "lose": "Active"}


class CannotActError(Exception):
    """Microsoft's seller cannot do that; the text says why."""


class UnknownReferralError(CannotActError):
    """There is no such referral, or no copy of Microsoft's in its engagement."""


class ImpossibleActError(CannotActError):
    """The state of the copy does not allow it."""


class Microsoft:
    """Acts as Microsoft's sellers."""

    def __init__(self, world: World, behaviour: Behaviour, referrals: Referrals, writer: Writer) -> None:
        """Work on what the service holds."""
        self._world = world
        self._behaviour = behaviour
        self._referrals = referrals
        self._writer = writer
        self._random = random.Random(20)

    def invite(self, overrides: Mapping[str, Json]) -> Document:
        """Create our copy, New/Pending, and Microsoft's own in the same engagement unless it is a lead; return ours."""
        copies = invitation(_wanted(overrides), now=self._world.clock.now())
        for copy in copies:
            self._writer.add(copy)
        return copies[-1]

    def act(self, referral_id: str, action: str) -> Document:
        """Let the seller accept, decline, win or lose Microsoft's copy of the engagement; return that copy."""
        copy = self._copy_of(referral_id)
        if copy["status"] != _POSSIBLE_IN[action]:
            raise ImpossibleActError(f"Microsoft's copy is {copy['status']}/{copy['substatus']}; no way to {action} it")
        status, substatus = _OUTCOMES[action]
        after = {**copy, "status": status, "substatus": substatus}
        if action == "accept":
            msx_id = copy["trackingInfo"]["microsoftMsxId"] or f"7-{self._random.randrange(36**8):08X}"
            after = _tracked(after, msx_id)
        changed = self._writer.update(copy, after)
        if action == "accept":
            self._tell_own_copy(copy, changed["trackingInfo"]["microsoftMsxId"])
        return changed

    def edit(self, referral_id: str, overrides: Mapping[str, Json]) -> Document:
        """Let the seller change Microsoft's copy of the engagement; return it."""
        copy = self._copy_of(referral_id)
        return self._writer.update(copy, merged(copy, _wanted(overrides)))

    def review(self, referral_id: str, status: str) -> Document:
        """Let Microsoft go on with the newest deal registration of our copy, say to `Approved`; return our copy."""
        document = self._referrals.find(referral_id)
        if document is None:
            raise UnknownReferralError("there is no such referral")
        *earlier, newest = document["registrations"] or [None]
        if newest is None:
            raise ImpossibleActError("the deal has no registration")
        dates = {**newest["statusHistory"]}
        member = f"{status.removeprefix('Review')[:1].lower()}{status.removeprefix('Review')[1:]}DateTime"
        if member in dates:
            dates[member] = stamp(self._world.clock.now())
        reviewed = {**newest, "status": status, "statusHistory": dates}
        after = {**document, "registrations": [*earlier, reviewed], "registrationStatus": status}
        return self._writer.update(document, after)

    def tick(self) -> None:
        """Let time act: what was not answered in 14 days expires, and scripted answers are given."""
        now = self._world.clock.now()
        for referral_id in self._referrals.due_to_expire(now):
            document = self._referrals.find(referral_id)
            if document:
                self._writer.update(document, {**document, "status": "Closed", "substatus": "Expired"})
        if self._behaviour.microsoft_answer != "none":
            since = stamp(now - timedelta(seconds=self._behaviour.microsoft_answer_after_seconds))
            rows = self._world.store.execute(
                "SELECT id FROM pc_referrals WHERE organization_id = ? AND status = 'New' AND created_at <= ?",
                (identities.MICROSOFT_ID, since),
            ).fetchall()
            for row in rows:
                self.act(row["id"], self._behaviour.microsoft_answer)

    def _copy_of(self, referral_id: str) -> Document:
        document = self._referrals.find(referral_id)
        if document is None:
            raise UnknownReferralError("there is no such referral")
        for copy in self._referrals.in_engagement(document["engagementId"]):
            if copy["organizationId"] == identities.MICROSOFT_ID:
                return copy
        raise UnknownReferralError("Microsoft has no copy in the engagement of this referral")

    def _tell_own_copy(self, copy: Document, msx_id: str) -> None:
        """Write Microsoft's CRM id into our copy too: clients read it from either."""
        for own in self._referrals.in_engagement(copy["engagementId"]):
            if own["organizationId"] == identities.ORGANIZATION_ID and own["status"] != "Closed":
                self._writer.update(own, _tracked(own, msx_id))


def _tracked(document: Document, msx_id: str) -> Document:
    return {**document, "trackingInfo": {**document["trackingInfo"], "microsoftMsxId": msx_id}}


def _wanted(overrides: Mapping[str, Json]) -> Document:
    try:
        wanted: Document = bound(_flattened(overrides))
    except CannotBindError as error:
        raise CannotActError(str(error)) from None
    return wanted


def _flattened(overrides: Mapping[str, Json]) -> dict[str, Json]:
    """Take the members of `details` and the customer's name at the top as well, for short calls."""
    wanted = dict(overrides)
    details = dict(wanted.pop("details", None) or {})
    for name in ("notes", "dealValue", "currency", "closingDateTime"):
        if name in wanted:
            details[name] = wanted.pop(name)
    if "solutions" in wanted:
        details["requirements"] = {"solutions": wanted.pop("solutions")}
    customer = wanted.pop("customer", None)
    profile = dict(wanted.pop("customerProfile", None) or {})
    if isinstance(customer, str):
        profile["name"] = customer
    elif isinstance(customer, dict):
        profile |= customer
    return {**wanted, "details": details, "customerProfile": profile}
