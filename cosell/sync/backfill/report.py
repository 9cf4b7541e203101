"""What a plan says, for people: each case with its number and a few ids, and a file with a line for every record."""

import csv
from dataclasses import dataclass, field
from pathlib import Path

from cosell.store import BackfillItem, Ledger

SAMPLES = 3
FOLDER = "backfill"
"""Below the data directory."""
HEADINGS = ("record", "id", "plan", "state", "why")


@dataclass(slots=True, kw_only=True)
class Case:
    """Records of a plan of which the same is said."""

    kind: str
    verdict: str
    state: str
    reason: str
    count: int = 0
    samples: list[str] = field(default_factory=list)
    """The ids of a few of them."""


def plan_file(home: Path, plan_id: str) -> Path:
    """Return where the lines of a plan are written."""
    return home / FOLDER / f"plan-{plan_id}.csv"


async def write_cases(ledger: Ledger, plan_id: str, path: Path) -> list[Case]:
    """Write a line for each record of a plan; return the cases, the most frequent first."""
    cases: dict[tuple[str, ...], Case] = {}
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(HEADINGS)
        async for page in ledger.backfills.iter_items(plan_id):
            for item in page:
                lines.writerow(_cells(item))
                _count(cases, item)
    return sorted(cases.values(), key=lambda case: (-case.count, case.kind, case.verdict, case.reason))


def _cells(item: BackfillItem) -> tuple[str, ...]:
    return (item.kind.value, item.record_id, item.verdict, item.state.value, item.reason)


def _count(cases: dict[tuple[str, ...], Case], item: BackfillItem) -> None:
    kind, record_id, *said = _cells(item)
    verdict, state, reason = said
    case = cases.setdefault(
        (kind, verdict, state, reason), Case(kind=kind, verdict=verdict, state=state, reason=reason)
    )
    case.count += 1
    if len(case.samples) < SAMPLES:
        case.samples.append(record_id)
