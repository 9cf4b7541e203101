"""Shows an adoption at a terminal, and describes it for scripts."""

from datetime import datetime

from cosell.cli.showing import SIDES, add_cells, new_table, terminal, to_json, to_value
from cosell.domain.ids import Side
from cosell.sync.adopt.compare import Difference
from cosell.sync.adopt.report import Done, Found, is_lost
from cosell.sync.adopt.run import AdoptionReport
from cosell.sync.adopt.summary import count, describe
from cosell.sync.planner import label

SHOWN_AT_MOST = 30
FLOWS_OFF = (
    "Whether the connector's flows are switched off cannot be seen from here: switch them off in Power Automate before "
    "`cosell activate`. A later `cosell adopt` tells when the connector has written after the take-over."
)


def show_report(report: AdoptionReport, *, now: datetime) -> None:
    """Print what was found and done."""
    out, found, done = terminal(), report.found, report.done
    out.print(describe(report, now=now), style="bold")
    _show_differences(report, now=now)
    _show_strays(found)
    _show_variables(found)
    if found.webhook_problem:
        out.print(f"! The webhook registration could not be read: {found.webhook_problem}", style="yellow")
    elif found.webhook_url and not (done and done.replaced_url):
        out.print(f"Partner Center sends its notifications to {found.webhook_url}.")
    if found.still_writing:
        told = f"✖ The connector still writes: {len(found.still_writing)} opportunities have new audit lines of it."
        out.print(f"{told} Switch its flows off in Power Automate.", style="red")
    if done is not None:
        _show_done(done, found)
    elif found.is_doubtful:
        told = f"! {len(found.drifted)} of {len(found.compared)} pairs differ: --take-over would stop and ask."
        out.print(told, style="yellow")


def _show_done(done: Done, found: Found) -> None:
    out = terminal()
    for row_id, why in list(done.refused.items())[:SHOWN_AT_MOST]:
        out.print(f"✖ opportunity {row_id}: {why}", style="red")
    out.print(f"✔ {done.solution_rows} rows of solutions and {done.catalogue_rows} of the catalogue copied.")
    if done.variables:
        out.print(f"✔ Variables set: {', '.join(done.variables)}.")
    if done.replaced_url:
        out.print(f"✔ Partner Center calls us now, in place of {done.replaced_url}.")
    elif found.webhook_url:
        out.print("The webhook was left alone: --overwrite-webhook puts ours there, `cosell activate --overwrite` too.")
    if done.conflicts:
        out.print(
            f"{done.conflicts} fields differ and nobody knows which side moved: `cosell conflicts` has both values. "
            "Make them agree in either system before `cosell activate`, or the owner of each field wins then; `cosell "
            "conflicts choose` takes the other value later."
        )
    out.print(FLOWS_OFF)


def _show_differences(report: AdoptionReport, *, now: datetime) -> None:
    since = {(item.difference.referral_id, item.difference.field): item for item in report.history.standing}
    rows = [
        (item.opportunity_id, difference, since.get((item.referral_id, difference.field)))
        for item in report.found.compared
        for difference in item.differences
        if difference.was_synced
    ]
    if rows:
        table = new_table("What differs", "opportunity", "field", "Partner Center", "CRM", "ours would leave", "since")
        for row_id, difference, kept in rows[:SHOWN_AT_MOST]:
            seen = f"{kept.first_seen_at:%Y-%m-%d %H:%M}" if kept else ""
            lost = " (lost)" if kept and is_lost(kept, now) else ""
            values = (
                to_value(difference.field, difference.partner_center),
                to_value(difference.field, difference.dataverse),
            )
            add_cells(table, (row_id, label(difference.field), *values, _left(difference), f"{seen}{lost}"))
        terminal().print(table, soft_wrap=False)
        _tell_of_more(len(rows))
    fields: dict[str, int] = {}
    for item in report.found.compared:
        for difference in item.differences:
            if not difference.was_synced:
                fields[difference.field] = fields.get(difference.field, 0) + 1
    if fields:
        listed = ", ".join(f"{label(name)} in {number}" for name, number in sorted(fields.items()))
        terminal().print(f"New with us, for the connector does not carry it: {listed} pairs.")
    ended = report.history.ended
    if ended:
        words = ", ".join(f"{number} {way}" for way, number in ended.items())
        terminal().print(f"Differences of earlier looks which have ended: {words}.")


def _left(difference: Difference) -> str:
    return f"{SIDES[difference.winner]}'s ({difference.rule})" if difference.winner else difference.rule


def _show_strays(found: Found) -> None:
    if found.singles:
        table = new_table("Without their other half", "opportunity", "referral", "why")
        for single in found.singles[:SHOWN_AT_MOST]:
            add_cells(table, (single.opportunity_id or "", single.referral_id or "", single.why.value))
        terminal().print(table, soft_wrap=False)
        _tell_of_more(len(found.singles))
    if found.duplicates:
        table = new_table("There several times; nothing is deleted", "of", "kept", "left alone", "because")
        for item in found.duplicates[:SHOWN_AT_MOST]:
            noun = "opportunity" if item.is_referrals else "referral"
            add_cells(table, (f"{noun} {item.of}", item.kept, ", ".join(item.others), item.rule))
        terminal().print(table, soft_wrap=False)
        _tell_of_more(len(found.duplicates))
    for referral_id, row_id in found.linked_otherwise[:SHOWN_AT_MOST]:
        terminal().print(
            f"! referral {referral_id} and opportunity {row_id}: the ledger links one of them with something else.",
            style="yellow",
        )


def _show_variables(found: Found) -> None:
    if not found.variables:
        return
    table = new_table("Environment variables", "the connector's", "it says", "ours", "ours says")
    for item in found.variables:
        own = f"{item.own} (differs)" if item.differs else item.own
        add_cells(table, (item.schema_name, item.value, item.name, f"{own} ({item.problem})" if item.problem else own))
    terminal().print(table, soft_wrap=False)
    if any(item.differs for item in found.variables):
        terminal().print("--with-variables looks, and takes over, with the connector's values.")


def _tell_of_more(number: int) -> None:
    if number > SHOWN_AT_MOST:
        terminal().print(f"… and {number - SHOWN_AT_MOST} more; --json has all of them.")


def describe_report(report: AdoptionReport, *, now: datetime) -> dict[str, object]:
    """Return a report as a script reads it."""
    found, done = report.found, report.done
    since = {(item.difference.referral_id, item.difference.field): item for item in report.history.standing}
    differences = []
    for item in found.compared:
        for difference in item.differences:
            kept = since.get((item.referral_id, difference.field))
            differences.append(
                {
                    "referral_id": item.referral_id,
                    "opportunity_id": item.opportunity_id,
                    "field": difference.field,
                    Side.PARTNER_CENTER.value: to_json(difference.partner_center),
                    Side.DATAVERSE.value: to_json(difference.dataverse),
                    "winner": difference.winner.value if difference.winner else None,
                    "rule": difference.rule,
                    "was_synced": difference.was_synced,
                    "first_seen_at": kept.first_seen_at.isoformat() if kept else None,
                    "is_lost": bool(kept and is_lost(kept, now)),
                }
            )
    return {
        "summary": describe(report, now=now),
        "counts": count(report, now=now),
        "is_taken_over": done is not None,
        "pairs": [
            {"referral_id": item.referral_id, "opportunity_id": item.opportunity_id, "by": item.match.by.value}
            for item in found.compared
        ],
        "differences": differences,
        "alone": [
            {"referral_id": single.referral_id, "opportunity_id": single.opportunity_id, "why": single.why.value}
            for single in found.singles
        ],
        "duplicates": [
            {
                "of": item.of,
                "kept": item.kept,
                "others": list(item.others),
                "rule": item.rule,
                "are": "referrals" if item.is_referrals else "opportunities",
            }
            for item in found.duplicates
        ],
        "variables": [
            {"schema_name": item.schema_name, "name": item.name, "value": item.value, "own": item.own}
            for item in found.variables
        ],
        "webhook_url": found.webhook_url,
        "replaced_url": done.replaced_url if done else None,
        "still_writing": list(found.still_writing),
        "ended": {way.value: number for way, number in report.history.ended.items()},
        "refused": dict(done.refused) if done else {},
    }
