"""What a run tells about the facts: which held; of a failure the line and the answers' codes, never a value."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

CERTAINTIES = {
    "documented": "documented(page): the vendor's documentation says so",
    "seen": "seen(where): somebody's code, payload or screenshot shows it",
    "inferred": "inferred(why): our decision where nothing is said",
}
_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One fact: what it says, how sure it was and why, and what became of it."""

    certainty: str
    source: str
    text: str
    outcome: str = "not tried"


def fact_of(item: pytest.Item) -> Fact:
    """Read a fact off its test; raise `pytest.UsageError` when the test does not say how sure it is."""
    marks = [mark for mark in item.iter_markers() if mark.name in CERTAINTIES]
    if len(marks) != 1 or len(marks[0].args) != 1:
        raise pytest.UsageError(f"{item.nodeid} needs exactly one of {', '.join(CERTAINTIES)}, with its source")
    name, _, row = item.name.partition("[")
    text = name.removeprefix("test_").replace("_", " ") + (f": {row.rstrip(']')}" if row else "")
    return Fact(certainty=marks[0].name, source=marks[0].args[0], text=text)


def told_of(error: pytest.ExceptionInfo[BaseException], answers: Iterable[str]) -> str:
    """Describe a failure without a value: what kind, the line of the fact, what the service answered last."""
    own = [entry for entry in error.traceback if _HERE in Path(entry.path).parents]
    place = f"{Path(own[-1].path).name}:{own[-1].lineno + 1}: {str(own[-1].statement).strip()}" if own else "elsewhere"
    lines = [f"{error.typename} at {place}", *(f"  answered: {answer}" for answer in answers)]
    return "\n".join(lines)


def iter_summary(facts: Iterable[Fact], leftovers: Iterable[str]) -> Iterable[str]:
    """Yield the lines which end a live run."""
    told = list(facts)
    for certainty in CERTAINTIES:
        mine = [fact for fact in told if fact.certainty == certainty]
        counts = ", ".join(
            f"{sum(fact.outcome == outcome for fact in mine)} {outcome}"
            for outcome in ("confirmed", "refuted", "not tried")
        )
        yield f"{certainty}: {counts}"
        for fact in sorted(mine, key=lambda each: (each.outcome, each.text)):
            if fact.outcome == "refuted" or (certainty == "inferred" and fact.outcome == "confirmed"):
                yield f"  {fact.outcome}: {fact.text} ({fact.source})"
    for leftover in leftovers:
        yield f"could not be removed, please do: {leftover}"
