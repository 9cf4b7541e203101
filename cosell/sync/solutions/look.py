"""Looks at the solutions of a pair: what the referral names, and the CRM's rows when they have to be read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from cosell.domain.ids import OpportunityId
from cosell.domain.link import Link, LinkState
from cosell.domain.snapshot import Value
from cosell.domain.solution import SolutionTerms, find_identifier
from cosell.mapping.solutions import Solution, find_member_id, read_member
from cosell.partner_center import Referral
from cosell.sync.plan import Note
from cosell.sync.planner import WAITS, Seen, fingerprint, label
from cosell.sync.solutions.read import take_solution_rows
from cosell.sync.solutions.row import SolutionRow, Spelling
from cosell.sync.solutions.rules import SOLUTIONS, pick_solutions
from cosell.sync.workspace import Workspace

LATER = f"{SOLUTIONS}later"
"""Told of a link whose rows moved while it was switched off: they are read once it is switched on again."""
HELD = "held:solution:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """The solutions which a referral names, by field; those that are not understood, with the reason.

    `count` counts all members of its list, those of other kinds included.
    """

    solutions: Mapping[str, Solution]
    parked: Mapping[str, str]
    count: int

    @property
    def terms(self) -> dict[str, SolutionTerms]:
        """Quantity and price of each."""
        return {field: solution.terms for field, solution in self.solutions.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a look found: the referral's members, and the CRM's rows, None when they were not read."""

    members: Members
    rows: tuple[SolutionRow, ...] | None
    spelling: Spelling


def members_of(referral: Referral) -> list[dict[str, object]]:
    """Return the list of a referral as it came, members that we do not know included."""
    given = referral.details.requirements.solutions
    return [member.model_dump(by_alias=True, exclude_unset=True) for member in given]


def read_members(referral: Referral, spelling: Spelling) -> Members:
    """Return the solutions of a referral; of several members with one identifier the first counts."""
    found: dict[str, Solution] = {}
    parked: dict[str, str] = {}
    given = members_of(referral)
    for member in given:
        identifier = find_member_id(member)
        field = spelling.field(identifier) if identifier else None
        if field is None or field in found or field in parked:
            continue
        try:
            found[field] = read_member(member, currency=referral.details.currency)
        except ValueError as error:
            parked[field] = str(error)
    return Members(solutions=found, parked=parked, count=len(given))


def must_read_rows(link: Link, members: Members) -> bool:
    """Tell whether the CRM's rows have to be read, which costs a call.

    That is when the pair meets first, when the referral's solutions are not those which both agreed on, and when edits
    of rows wait since an earlier look.
    """
    if link.state is LinkState.CREATING or link.told & {LATER, WAITS.key}:
        return True
    agreed = {field: value for field, value in pick_solutions(link.base).items() if value is not None}
    understood = {field: value for field, value in agreed.items() if field not in members.parked}
    # A referral has one at least; a list without any is one that was not told.
    return bool(members.count) and understood != members.terms


async def look_at_solutions(
    workspace: Workspace, link: Link, referral: Referral, *, is_asked: bool, is_fresh: bool = False
) -> Look:
    """Read what both sides say of solutions; the CRM's rows only when that is asked, or must be."""
    spelling = Spelling(link.base)
    members = read_members(referral, spelling)
    rows = None
    if link.opportunity_id and (is_asked or must_read_rows(link, members)):
        rows = await take_solution_rows(workspace, OpportunityId(link.opportunity_id), is_fresh=is_fresh)
    return Look(members=members, rows=rows, spelling=spelling)


def add_solutions(seen: Seen, look: Look, link: Link) -> Seen:
    """Return what was seen with the solutions of both sides, each a field of its own."""
    members, agreed = look.members, pick_solutions(link.base)
    if not members.count and any(value is not None for value in agreed.values()):
        return replace(seen, notes=[*seen.notes, *_carried_notes(link)])
    theirs: dict[str, Value] = dict(members.terms)
    rows, parked_rows = _by_field(look.rows or (), look.spelling)
    fields = {*agreed, *theirs, *rows} - members.parked.keys()
    ours = {field: rows.get(field) for field in fields - parked_rows} if look.rows is not None else {}
    notes = [_parked_note(field, reason) for field, reason in members.parked.items()]
    notes += _row_notes(look.rows) if look.rows is not None else _carried_notes(link)
    return replace(
        seen,
        referral={**seen.referral, **{field: theirs.get(field) for field in fields}},
        opportunity={**seen.opportunity, **ours},
        solution_count=members.count,
        notes=[*seen.notes, *notes],
    )


def _by_field(rows: Sequence[SolutionRow], spelling: Spelling) -> tuple[dict[str, Value], set[str]]:
    """Return the terms of each solution, and the fields of rows that are not understood."""
    found: dict[str, Value] = {}
    parked: set[str] = set()
    for row in rows:
        if row.identifier is None:
            continue
        field = spelling.field(row.identifier)
        if field in found or field in parked:
            continue
        if row.solution is None:
            parked.add(field)
        else:
            found[field] = row.solution.terms
    return found, parked


def _parked_note(field: str, reason: str) -> Note:
    return Note(
        key=f"parked:{field}:{fingerprint(reason)}", text=f"{label(field)} was left alone: {reason}.", is_problem=True
    )


def _row_notes(rows: Sequence[SolutionRow]) -> list[Note]:
    return [
        Note(
            key=f"{SOLUTIONS}row:{row.id}:{fingerprint(row.problem)}",
            text=f"The Microsoft solution “{row.name[:80]}” was left alone: {row.problem}.",
            is_problem=True,
        )
        for row in rows
        if row.problem
    ]


def _carried_notes(link: Link) -> list[Note]:
    """Return what was told of the CRM's rows, which are not read this time: it still holds, and is no news."""
    return [
        Note(key=key, text="", is_problem=True)
        for key in sorted(link.told)
        if key.startswith((HELD, SOLUTIONS)) and key != LATER
    ]


def find_solution(look: Look, field: str) -> Solution | None:
    """Return what the CRM's rows or the referral say of a solution: its name, its kind, its publisher."""
    for row in look.rows or ():
        if row.solution is not None and look.spelling.field(row.solution.identifier) == field:
            return row.solution
    return look.members.solutions.get(field) or None


def identifier_of(field: str) -> str:
    """Return the identifier of the solution whose field this is."""
    return find_identifier(field) or field
