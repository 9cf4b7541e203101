"""The drift report: what a reconcile has found, counted, as text, files and drawing. Ids and field names only."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd

from cosell.reports.drawing import draw_stacks

FOLDER = "reports"
KEPT = 30
"""So many reports are kept; older ones are deleted."""
STEM = "drift-"


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftRow:
    """One field of one deal which is not the same on both sides, or the deal as a whole when `field` is empty.

    `healed` is what became of it in a word, `why` the reason where it was not healed.
    """

    kind: str
    cause: str
    field: str
    to: str
    referral_id: str
    opportunity_id: str
    lead_id: str
    since: str
    """When the record moved that was missed, in UTC; empty when nothing tells."""
    healed: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What was compared; the numbers above the rows."""

    at: datetime
    pairs: int
    compared: int
    in_step: int
    switched_off: int
    listed: int
    is_dry_run: bool
    asked: str = ""
    """What a person is asked before anything is written; empty when nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Where a report lies."""

    csv: Path
    workbook: Path
    drawing: Path | None


def describe(counted: Counted, rows: Sequence[DriftRow], files: Files | None) -> str:
    """Return the report as markdown; it holds its picture, as the Prefect UI shows no files of a worker."""
    what = "Nothing was written: a dry run." if counted.is_dry_run else counted.asked
    lines = [
        f"# Drift report of {counted.at:%Y-%m-%d %H:%M} UTC",
        *(["", f"> {what}"] if what else []),
        "",
        f"{counted.listed} referrals listed, {counted.compared} pairs compared, {counted.in_step} in step, "
        f"{counted.switched_off} switched off.",
    ]
    if not rows:
        return "\n".join([*lines, "", "Nothing differs."])
    frame = to_frame(rows)
    oldest = find_oldest(frame)
    lines += ["", f"Oldest difference: {oldest}." if oldest else "How old the differences are is not known."]
    lines += ["", "## By kind, and what became of it", "", _table(count_by(frame, "kind", "healed", per_deal=True))]
    fields = frame[frame["field"] != ""]
    if len(fields):
        lines += ["", "## By field and cause", "", _table(count_by(fields, "field", "cause"))]
    picture = b64encode(draw(frame).encode()).decode()
    lines += ["", f"![Differences by field and cause](data:image/svg+xml;base64,{picture})"]
    if files is not None:
        named = [files.csv, files.workbook, *([files.drawing] if files.drawing else [])]
        lines += ["", "All rows, on the machine of the worker: " + ", ".join(f"`{path}`" for path in named) + "."]
    return "\n".join(lines)


def write_files(home: Path, counted: Counted, rows: Sequence[DriftRow]) -> Files:
    """Write the report into the data directory, as CSV, as a workbook and as a drawing; older ones give way."""
    folder = home / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / f"{STEM}{counted.at:%Y%m%d-%H%M%S}"
    frame = to_frame(rows)
    files = Files(
        csv=stem.with_suffix(".csv"),
        workbook=stem.with_suffix(".xlsx"),
        drawing=stem.with_suffix(".svg") if len(frame) else None,
    )
    frame.to_csv(files.csv, index=False, encoding="utf-8-sig")
    with pd.ExcelWriter(files.workbook, engine="openpyxl") as workbook:
        frame.to_excel(workbook, sheet_name="differences", index=False)
        count_by(frame, "kind", "healed", per_deal=True).to_excel(workbook, sheet_name="by kind")
        count_by(frame[frame["field"] != ""], "field", "cause").to_excel(workbook, sheet_name="by field and cause")
    if files.drawing is not None:
        files.drawing.write_text(draw(frame), encoding="utf-8")
    _forget_older(folder)
    return files


def draw(frame: pd.DataFrame) -> str:
    """Draw how many differences each field has, by cause; where no field is named, each kind."""
    named = frame.assign(field=frame["field"].where(frame["field"] != "", "(" + frame["kind"] + ")"))
    counts = count_by(named, "field", "cause")
    bars = {
        str(field): {str(cause): int(number) for cause, number in row.items() if number}
        for field, row in counts.drop(columns="all").iterrows()
    }
    return draw_stacks(bars, title="Differences by field and cause")


def to_frame(rows: Sequence[DriftRow]) -> pd.DataFrame:
    """Return the rows as a table with all its columns, also when there are none."""
    return pd.DataFrame([asdict(row) for row in rows], columns=list(DriftRow.__dataclass_fields__))


def count_by(frame: pd.DataFrame, rows: str, columns: str, *, per_deal: bool = False) -> pd.DataFrame:
    """Count by two columns, the most frequent first; `per_deal` counts each deal once, however many fields differ."""
    if per_deal:
        frame = frame.drop_duplicates(["kind", "referral_id", "opportunity_id", "lead_id"])
    counts = pd.crosstab(frame[rows], frame[columns])
    counts["all"] = counts.sum(axis=1)
    return counts.sort_values("all", ascending=False, kind="stable")


def find_oldest(frame: pd.DataFrame) -> str:
    """Return since when the oldest difference is there, and which deal it is of; empty when no row knows."""
    known = frame[frame["since"] != ""]
    if not len(known):
        return ""
    first = known.sort_values("since", kind="stable").iloc[0]
    record = first["opportunity_id"] or first["referral_id"] or first["lead_id"]
    return f"{first['since']} UTC, {first['kind']}, {record}"


def _table(counts: pd.DataFrame) -> str:
    heads = [str(counts.index.name), *(str(column) for column in counts.columns)]
    rows = [[str(name), *(str(int(number)) for number in row)] for name, row in counts.iterrows()]
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _forget_older(folder: Path) -> None:
    stems = sorted({path.stem for path in folder.glob(f"{STEM}*") if path.is_file()}, reverse=True)
    for stem in stems[KEPT:]:
        for path in folder.glob(f"{stem}.*"):
            path.unlink(missing_ok=True)
