"""An adoption in words and rows: ids and field names only, for Prefect keeps them in clear. Pure."""

from dataclasses import dataclass
from datetime import datetime

from cosell.sync.adopt.report import Done, Found, is_lost
from cosell.sync.adopt.run import AdoptionReport
from cosell.sync.planner import label

ROWS_AT_MOST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptionSummary:
    """A report as Prefect may keep it: counts, ids and field names."""

    message: str
    counts: dict[str, int]
    rows: tuple[dict[str, str], ...]
    needs_attention: bool


def summarize(report: AdoptionReport, *, now: datetime) -> AdoptionSummary:
    """Return what may be stored and shown of a report."""
    found, done = report.found, report.done
    counts = count(report, now=now)
    rows = [*_iter_differences(report, now=now), *_iter_strays(found), *_iter_refused(done)]
    return AdoptionSummary(
        message=describe(report, now=now),
        counts=counts,
        rows=tuple(rows[:ROWS_AT_MOST]),
        needs_attention=bool(done and (done.refused or done.moved)) or bool(found.still_writing),
    )


def count(report: AdoptionReport, *, now: datetime) -> dict[str, int]:
    """Return the figures of a report, by what they count."""
    found, done = report.found, report.done
    counts = {
        "pairs": len(found.compared) + found.adopted_count,
        "taken over before": found.adopted_count,
        "in which something differs that the connector keeps in step": len(found.drifted),
        "edits which it has lost": len(report.history.lost(now)),
        "without their other half": len(found.singles),
        "there several times": len(found.duplicates),
        "linked otherwise in the ledger": len(found.linked_otherwise),
        "written by the connector since they were taken over": len(found.still_writing),
    }
    if done:
        counts |= {
            "taken over now": done.adopted,
            "looked at next, as they differ": done.to_look_at,
            "conflicts kept": done.conflicts,
            "edited meanwhile, left to the next run": done.moved,
            "refused by the CRM": len(done.refused),
            "rows of solutions copied": done.solution_rows,
            "rows of the catalogue copied": done.catalogue_rows,
        }
    return counts


def describe(report: AdoptionReport, *, now: datetime) -> str:
    """Return a report in a sentence or two."""
    found, done = report.found, report.done
    pairs = len(found.compared) + found.adopted_count
    lost = len(report.history.lost(now))
    told = f"{pairs} pairs, {len(found.drifted)} of them differ, {lost} edits lost by the connector"
    strays = f"{len(found.singles)} records without their other half, {len(found.duplicates)} there several times"
    if done is None:
        return f"Nothing was written. {told}; {strays}."
    left = f" {done.moved + len(done.refused)} are left: run it again." if done.moved or done.refused else ""
    webhook = f" The webhook was taken from {done.replaced_url}." if done.replaced_url else ""
    return (
        f"{done.adopted} pairs taken over, {done.to_look_at} of them to be looked at.{left}{webhook} {told}; {strays}."
    )


def _iter_differences(report: AdoptionReport, *, now: datetime) -> "list[dict[str, str]]":
    since = {(kept.difference.referral_id, kept.difference.field): kept for kept in report.history.standing}
    rows: list[dict[str, str]] = []
    for item in report.found.compared:
        for difference in item.differences:
            kept = since.get((item.referral_id, difference.field))
            state = "new with us" if not difference.was_synced else "lost" if kept and is_lost(kept, now) else "differs"
            rows.append(
                {
                    "what": state,
                    "referral": item.referral_id,
                    "opportunity": item.opportunity_id,
                    "field": label(difference.field),
                    "ours would": difference.rule,
                    "since": f"{kept.first_seen_at:%Y-%m-%d %H:%M} UTC" if kept else "",
                }
            )
    return sorted(rows, key=lambda row: ["lost", "differs", "new with us"].index(row["what"]))


def _iter_strays(found: Found) -> "list[dict[str, str]]":
    rows = [
        _row("alone", referral=single.referral_id, opportunity=single.opportunity_id, why=single.why.value)
        for single in found.singles
    ]
    for item in found.duplicates:
        for other in item.others:
            why = f"{item.kept} is kept: {item.rule}"
            names = (
                {"referral": other, "opportunity": item.of}
                if item.is_referrals
                else {"opportunity": other, "referral": item.of}
            )
            rows.append(_row("twice", **names, why=why))
    rows += [
        _row(
            "linked otherwise",
            referral=referral_id,
            opportunity=row_id,
            why="the ledger links one of them with another",
        )
        for referral_id, row_id in found.linked_otherwise
    ]
    rows += [
        _row("still written", opportunity=row_id, why="the connector has written its audit text since")
        for row_id in found.still_writing
    ]
    return rows


def _iter_refused(done: Done | None) -> "list[dict[str, str]]":
    refused = done.refused if done else {}
    return [_row("refused", opportunity=row_id, why=why) for row_id, why in refused.items()]


def _row(what: str, *, referral: str | None = None, opportunity: str | None = None, why: str) -> dict[str, str]:
    return {
        "what": what,
        "referral": referral or "",
        "opportunity": opportunity or "",
        "field": "",
        "ours would": why,
        "since": "",
    }
