"""What the seller has been told, in words: the ledger keeps only keys of it, the sentences stand in the CRM."""

from collections.abc import Callable

from cosell.domain.solution import SOLUTION
from cosell.domain.stages import ReferralStage
from cosell.sync.apply import HAS_PROBLEM
from cosell.sync.deadlines import KEY as DEADLINE
from cosell.sync.filling import KEY as FILL
from cosell.sync.invite import SAYS, TAKES_PART
from cosell.sync.one_way import asked_note, private_note, visible_note
from cosell.sync.pair import SHARED
from cosell.sync.plan import Note
from cosell.sync.planner import EVENT, WAITS, label
from cosell.sync.refusal import REFUSED
from cosell.sync.solutions.look import LATER
from cosell.sync.solutions.rules import SOLUTIONS

MICROSOFT = f"{EVENT}microsoft:"
DISQUALIFIED = f"{EVENT}disqualified:"
CHOSEN = f"{EVENT}chosen:"
"""Begins the key of a note about a value which a person chose; the field follows."""


def describe_told(key: str) -> str:
    """Return in words what a key stands for; one that is not known is returned as it is."""
    for beginning, describe in _READERS.items():
        if key.startswith(beginning):
            return describe(key.removeprefix(beginning)) or key
    return key


def _describe_microsoft(stage: str) -> str:
    return SAYS.get(ReferralStage(stage), "") if stage in set(ReferralStage) else ""


def _describe_deadline(rest: str) -> str:
    """Return in words how long there was left to answer, and whose answer it is."""
    whose, _, step = rest.partition(":")
    who = "Microsoft" if whose == "microsoft" else "the invitation"
    match step:
        case "0":
            return f"The time to answer is over ({who})."
        case "first":
            return "By when the invitation has to be answered."
    return f"An answer is due within {step} days ({who})."


def _name(rest: str) -> str:
    """Return the field which a key is about, as a person reads it."""
    field, _, more = rest.partition(":")
    return label(f"{SOLUTION}{more.partition(':')[0]}" if f"{field}:" == SOLUTION else field)


def _repeat(note: Note) -> Callable[[str], str]:
    return lambda _: note.text


_READERS: dict[str, Callable[[str], str]] = {
    SHARED.key: lambda _: SHARED.text,
    MICROSOFT: _describe_microsoft,
    DISQUALIFIED: lambda stage: f"The lead was disqualified: the referral is closed as {stage}.",
    CHOSEN: lambda rest: f"{_name(rest)}: a person chose the other value.",
    REFUSED: lambda rest: f"Not in step: {rest.partition(':')[0]}.",
    **{note.key: _repeat(note) for note in (private_note(EVENT), visible_note(EVENT), asked_note(EVENT))},
    f"{EVENT}won_from": lambda _: "From when on the deal may be won, if it is to be registered.",
    f"{EVENT}won_early": lambda _: "It was won within 72 hours after it began.",
    f"{EVENT}closed": lambda _: "Why Partner Center closed the deal.",
    HAS_PROBLEM: lambda _: f"The name carries {HAS_PROBLEM}.",
    DEADLINE: _describe_deadline,
    WAITS.key: lambda _: "What was changed before the invitation is answered waits for the answer.",
    TAKES_PART.key: lambda _: TAKES_PART.text,
    "held:": lambda rest: f"{_name(rest)} was not sent to Partner Center.",
    "parked:": lambda rest: f"{_name(rest)} was left alone, as its value is not understood.",
    "conflict:": lambda rest: f"{_name(rest)} was not the same on both sides.",
    f"{SOLUTIONS}row:": lambda _: "A row of Microsoft solutions was left alone.",
    f"{SOLUTIONS}last:": lambda names: f"Not removed in Partner Center, which wants at least one solution: {names}.",
    f"{SOLUTIONS}most:": lambda names: f"Not sent, Partner Center takes no more solutions: {names}.",
    LATER: lambda _: "Nothing yet: solutions moved while Sync with Partner Center was No.",
    FILL: lambda rest: f"{rest.partition(':')[0]} was not filled, as the mapping asks for.",
    "stage:": lambda rest: f"Status: {rest}.",
}
