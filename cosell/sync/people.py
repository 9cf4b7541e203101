"""The people of a pair: what the CRM says of our team and of the customer's contact, and what follows for a plan. Pure.

Both stand in rows of their own, so most looks do not read them: what was not read is left alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from cosell.domain.ids import Side
from cosell.domain.snapshot import Value
from cosell.domain.stages import ReferralStage
from cosell.mapping.models import PartyMapping
from cosell.mapping.parties import CUSTOMER_TEAM_POINTER
from cosell.sync.contact import BASE_CONTACT, CONTACT_FIELD, Contact, find_contact_of, put_first
from cosell.sync.plan import Change, Note, Plan
from cosell.sync.planner import EVENT, Seen, fingerprint
from cosell.sync.team import (
    BASE_OWNER,
    TEAM_FIELD,
    TEAM_POINTER,
    User,
    is_anybody_incomplete,
    merge_team,
    pick_members,
    read_emails,
    spell_team,
)

PEOPLE = (TEAM_FIELD, CONTACT_FIELD, BASE_OWNER, BASE_CONTACT)
"""The members of a base which are about people."""
RULE = "follows the CRM"
NAMELESS = Note(
    key=f"{EVENT}team:nameless",
    text="The owner, or a member of the sales team, was not sent to Partner Center: the user has no first name, no "
    "last name or no e-mail address.",
)
NO_ROOM = Note(
    key=f"{EVENT}team:no room", text="Partner Center's team is full, so not all of the sales team were sent."
)
NAMELESS_CONTACT = Note(
    key=f"{EVENT}contact:nameless",
    text="The customer contact was not sent: it needs a first name, a last name and an e-mail address.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """What one look knows of the CRM's people; None was not read."""

    owner_id: str
    contact_id: str
    users: tuple[User, ...] | None = None
    contact: Contact | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the people of a plan stand: the referral as it was read, and how its members are spelled."""

    document: Mapping[str, object]
    mapping: PartyMapping


@dataclass(slots=True)
class _Part:
    """What is to be added to a plan."""

    base: dict[str, Value]
    changes: list[Change] = field(default_factory=list)
    lists: dict[str, object] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)

    def send(self, name: str, pointer: str, members: list[object], *, old: Value, new: Value) -> None:
        """Have a list of members written whole."""
        change = Change(side=Side.PARTNER_CENTER, field=name, old=old, new=new, rule=RULE, is_personal=True)
        self.changes.append(change)
        self.lists[pointer] = members


def is_left_alone(seen: Seen, plan: Plan | None = None) -> bool:
    """Tell whether Partner Center's people may not be written: closed, or not answered and not to be answered now."""
    stage = seen.stages.referral
    answers = plan is not None and plan.moves_referral_to is not None
    return stage.is_terminal or (stage is ReferralStage.INVITED and not answers)


def plan_people(plan: Plan, people: People | None, place: Place, *, seen: Seen, base: Mapping[str, Value]) -> Plan:
    """Return the plan with what is to be sent of the people; None for people leaves them as they are.

    Args:
        plan: what the fields ask for.
        people: what the CRM says.
        place: where they are written.
        seen: what the look found.
        base: what both sides agreed on last.
    """
    part = _Part(base={name: base[name] for name in PEOPLE if name in base})
    if people is not None and not is_left_alone(seen, plan):
        if people.users is not None:
            _add_team(part, people.users, place)
            part.base[BASE_OWNER] = people.owner_id
        if people.contact_id:
            _add_contact(part, people, place, is_shared=seen.is_shared)
    plan = replace(
        plan,
        changes=(*plan.changes, *part.changes),
        lists={**plan.lists, **part.lists},
        base={**part.base, **plan.base},
    )
    return plan.with_notes(part.notes)


def _add_team(part: _Part, users: tuple[User, ...], place: Place) -> None:
    theirs, members = read_emails(place.document), pick_members(users)
    merged = merge_team(theirs=theirs, members=members, base=part.base.get(TEAM_FIELD))
    if merged.wanted != theirs:
        spelled = spell_team(place.document, merged.wanted, members, place.mapping)
        part.send(TEAM_FIELD, TEAM_POINTER, spelled, old=theirs, new=merged.wanted)
    part.base[TEAM_FIELD] = merged.agreed
    part.notes += [NAMELESS] if is_anybody_incomplete(users) else []
    part.notes += [NO_ROOM] if merged.left_out else []


def _add_contact(part: _Part, people: People, place: Place, *, is_shared: bool) -> None:
    ours, before = people.contact, part.base.get(CONTACT_FIELD)
    is_first = BASE_CONTACT not in part.base
    is_another = part.base.get(BASE_CONTACT) not in (None, people.contact_id)
    if is_shared:
        has_moved = ours is not None and before not in (None, ours.fingerprint)
        part.base[BASE_CONTACT] = people.contact_id
        part.notes += [_fixed(people.contact_id)] if is_another or has_moved else []
        return
    if ours is None:
        return  # It could not be read; the next look tries again.
    part.base[BASE_CONTACT] = people.contact_id
    theirs = find_contact_of(place.document, place.mapping)
    if theirs is not None and (is_first or theirs.fingerprint == ours.fingerprint):
        # At the first meeting nobody has changed anything yet, so neither is written over.
        part.base[CONTACT_FIELD] = ours.fingerprint
    elif before == ours.fingerprint:
        return  # Only Partner Center's has moved, and it goes one way.
    elif not ours.is_complete:
        part.notes.append(NAMELESS_CONTACT)
    else:
        spelled = put_first(place.document, ours, place.mapping)
        old = theirs.description if theirs else None
        part.send(CONTACT_FIELD, CUSTOMER_TEAM_POINTER, spelled, old=old, new=ours.description)
        part.base[CONTACT_FIELD] = ours.fingerprint
        if theirs is not None and theirs.fingerprint != before:
            part.notes.append(_overwritten(ours, theirs))


def _fixed(what: str) -> Note:
    text = "The customer contact was not sent: Partner Center does not let it change once the deal is visible."
    return Note(key=f"{EVENT}contact:fixed:{fingerprint(what)}", text=text)


def _overwritten(ours: Contact, theirs: Contact) -> Note:
    """Tell the seller the value which is nowhere else from now on."""
    return Note(
        key=f"{EVENT}contact:{ours.fingerprint}:{theirs.fingerprint}",
        text=f"Customer contact was not the same on both sides: kept “{ours.description}”, not “{theirs.description}” "
        "from Partner Center.",
    )
