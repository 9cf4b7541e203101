"""Our team of a deal: the CRM's owner and sales team on one side, the referral's own members on the other. Pure.

The team goes one way, to Partner Center, but colleagues who were added there stay: only who came or left in the CRM
since both agreed last is added or taken out. Members are told apart by e-mail address, in any case.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cosell.domain.snapshot import Value
from cosell.mapping.models import PartyMapping
from cosell.mapping.parties import Party, to_party_document
from cosell.mapping.values import find_pointer

TEAM_FIELD = "team"
TEAM_POINTER = "/team"
BASE_OWNER = "$owner"
"""The member of a base which holds the id of the owner when the team was read."""
MEMBERS_AT_MOST = 50
"""Microsoft: Bulk operations on co-sell opportunities."""
NEEDS = ("first_name", "last_name", "email")


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user of the CRM; `is_person` is not so for an application, which is nobody's colleague."""

    party: Party
    is_person: bool = True

    @property
    def is_complete(self) -> bool:
        """Whether Partner Center would take the user as a member."""
        return all(self.party.get(name) for name in NEEDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedTeam:
    """`wanted` are the referral's members as they should be, `agreed` what the base is to remember of the CRM's."""

    wanted: frozenset[str]
    agreed: frozenset[str]
    left_out: int = 0
    """How many had no room."""


def pick_members(users: Iterable[User]) -> tuple[Party, ...]:
    """Return the users whom Partner Center takes, each once, in their order."""
    members: dict[str, Party] = {}
    for user in users:
        if user.is_person and user.is_complete:
            members.setdefault(email_of(user.party), user.party)
    return tuple(members.values())


def is_anybody_incomplete(users: Iterable[User]) -> bool:
    """Tell whether a person lacks a name or an e-mail address."""
    return any(user.is_person and not user.is_complete for user in users)


def email_of(party: Mapping[str, object]) -> str:
    """Return what a member is told by."""
    return str(party.get("email") or "").strip().casefold()


def read_emails(document: Mapping[str, object]) -> frozenset[str]:
    """Return the e-mail addresses of a referral's own members."""
    return frozenset(email for member in _members_of(document) if (email := email_of(member)))


def list_emails(document: Mapping[str, object]) -> list[str]:
    """Return the e-mail addresses of a referral's own members, each once, in their order."""
    return list(dict.fromkeys(email for member in _members_of(document) if (email := email_of(member))))


def merge_team(*, theirs: frozenset[str], members: Sequence[Party], base: Value | object) -> MergedTeam:
    """Decide who belongs to the team; `base` is what the CRM's was when both agreed last, no set when they never did.

    Partner Center wants one member at least, and has room for so many: who was there first stays.
    """
    ours = [email_of(member) for member in members]
    before = base if isinstance(base, frozenset) else frozenset()
    come = [email for email in ours if email not in before and email not in theirs]
    stay = theirs - (before - frozenset(ours))
    if not (stay or come):
        stay = theirs
    room = max(0, MEMBERS_AT_MOST - len(stay))
    return MergedTeam(
        wanted=stay | frozenset(come[:room]),
        agreed=frozenset(ours) - frozenset(come[room:]),
        left_out=len(come[room:]),
    )


def spell_team(
    document: Mapping[str, object], wanted: frozenset[str], members: Sequence[Party], mapping: PartyMapping
) -> list[object]:
    """Return the referral's members as wanted: those who stay as they came and in their order, then the new ones."""
    present = read_emails(document)
    kept = [member for member in _members_of(document) if not email_of(member) or email_of(member) in wanted]
    new = [member for member in members if email_of(member) in wanted - present]
    return [*kept, *(to_party_document(member, mapping) for member in new)]


def _members_of(document: Mapping[str, object]) -> list[Mapping[str, object]]:
    found = find_pointer(document, TEAM_POINTER)
    return [member for member in found if isinstance(member, Mapping)] if isinstance(found, list) else []
