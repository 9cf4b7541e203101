"""What the seller reads in the CRM: the mark before the name and the audit text. Pure."""

from collections.abc import Iterable
from datetime import datetime
from itertools import takewhile

from cosell.domain.ids import Side
from cosell.domain.solution import find_identifier
from cosell.mapping.values import CHECK_MARK, CROSS_MARK, ELLIPSIS, cut, text_length
from cosell.sync.plan import Change, Plan
from cosell.sync.planner import label
from cosell.sync.solutions.rules import describe_solutions

SEPARATOR = " - "
AUDIT_LENGTH = 10_000
"""Characters the audit column holds; the oldest lines give way."""
NAME_LENGTH = 300
"""Characters the opportunity's name holds (Microsoft: Opportunity table, Name)."""


def mark_name(name: str, *, has_problem: bool, show_check_mark: bool, length: int = NAME_LENGTH) -> str:
    """Return the opportunity's name as the CRM shows it: ✔ in step, ✖ not.

    It is bare when the setting says so, and when there is no room: a mark is not worth a piece of the name.
    """
    marked = f"{CROSS_MARK if has_problem else CHECK_MARK} {name}"
    return marked if show_check_mark and text_length(marked) <= length else name


def describe_plan(plan: Plan, *, audit: str | None = None) -> list[str]:
    """Return the sentences which tell what a plan did: one for each direction, then each note that is news.

    A note which stands in the latest entry of the audit text was told by a run which died before it could record that.
    """
    sentences = []
    told = [change for change in plan.changes if change.is_told]
    to_partner_center = _describe_fields([change for change in told if change.side is Side.PARTNER_CENTER])
    to_dataverse = _describe_fields([change for change in told if change.side is Side.DATAVERSE])
    if plan.moves_referral_to:
        why = f", “{plan.reason}”" if plan.reason else ""
        to_partner_center.append(f"Status ({plan.moves_referral_to}, {plan.stage.rule}{why})")
    if plan.moves_opportunity_to:
        to_dataverse.append(f"Status ({plan.moves_opportunity_to}, {plan.stage.rule})")
    if to_partner_center:
        sentences.append(f"Sent to Partner Center: {_list(to_partner_center)}.")
    if to_dataverse:
        sentences.append(f"Received from Partner Center: {_list(to_dataverse)}.")
    latest = _latest_entry(audit)
    return sentences + [note.text for note in plan.news if note.text not in latest]


def _describe_fields(changes: list[Change]) -> list[str]:
    """Return the names of changed fields; of solutions, what became of them."""
    solutions = [change for change in changes if find_identifier(change.field)]
    return [*(label(change.field) for change in changes if change not in solutions), *describe_solutions(solutions)]


def _latest_entry(audit: str | None) -> list[str]:
    """Return the sentences which were written last, at one time."""
    lines = [line.partition(SEPARATOR) for line in (audit or "").strip().splitlines()]
    return [sentence for stamp, _, sentence in takewhile(lambda line: line[0] == lines[0][0], lines) if stamp]


def write_audit(audit: str | None, sentences: Iterable[str], *, now: datetime, length: int = AUDIT_LENGTH) -> str:
    """Return the audit text with one dated line for each sentence put before it, newest first, within `length`."""
    stamp = f"{now:%Y-%m-%d %H:%M} UTC"
    lines = [f"{stamp}{SEPARATOR}{sentence}" for sentence in sentences]
    text = "\n".join([*lines, audit.strip()] if audit and audit.strip() else lines)
    if text_length(text) <= length:
        return text
    kept = cut(text, length - 2)
    return f"{kept.rsplit(chr(10), 1)[0] if chr(10) in kept else kept}\n{ELLIPSIS}"


def _list(names: list[str]) -> str:
    return ", ".join([names[0], *(_inside(name) for name in names[1:])])


def _inside(name: str) -> str:
    """Return a label as it is spelled inside a sentence; what begins with capitals keeps them."""
    return name if name[:2].isupper() or name.startswith("Microsoft") else name[0].lower() + name[1:]
