"""Writes docs/performance.md from what was measured, so that no number on that page was typed."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

OURS = "cosell-sync"
PROGRAMS = {
    "receiver": "benchmarks.receiver",
    "latency": "benchmarks.latency",
    "from_crm": "benchmarks.from_crm",
    "bulk": "benchmarks.bulk",
    "rivals": "benchmarks.first_load",
}
"""What is measured, each by a program of its own."""
RIVALS_HEAD = (
    "By",
    "Calls to the CRM, a deal",
    "Reads of Partner Center, a deal",
    "Seconds",
    "Times ours",
    "Peak memory",
    "Run again: calls a deal",
    "Run again: seconds",
)
LOADS_HEAD = (
    "Referrals",
    "CRM requests, a referral",
    "Partner Center reads, a referral",
    "Planning",
    "Applying",
    "By the limits alone",
    "Times the limits",
    "Peak memory",
)
COMPARINGS_HEAD = ("Referrals", "Pairs", "Comparing", "Calls", "Peak memory", "Making them", "Peak memory of that")
Document = Mapping[str, Any]


def write_page(results: Document) -> str:
    """Return the page; what was not measured yet is left out, and named."""
    missing = [name for name in PROGRAMS if name not in results]
    lines = [
        "# Performance",
        "",
        "<!-- Written by `make bench` from benchmarks/results/latest.json; edits are lost. -->",
        "",
        "Measured with everything real but Microsoft, against the emulators, all on one machine. `make bench` measures",
        "it anew, `make bench ARGS='bulk receiver'` only these. Other work on the machine makes every figure worse:",
        "the load at the time stands beside each.",
        "",
        *_table(("Measured", "When", "Where"), _occasions(results)),
        "",
        *([f"Not measured yet: {', '.join(missing)}.", ""] if missing else []),
        "## What must be reached",
        "",
        *_table(("What", "Must reach", "Measured", "Limited by"), _goals(results)),
        "",
    ]
    if "rivals" in results and "bulk" in results:
        lines += ["## The same first load by other ways", "", *_rivals_text(results), ""]
        lines += [*_table(RIVALS_HEAD, _rivals(results)), ""]
    if "bulk" in results:
        lines += [
            "## Growth",
            "",
            "A first load with 50 ms latency and the limits enforced; *by the limits alone* is what the calls which",
            "were made would take if nothing but the limits took time.",
            "",
            *_table(LOADS_HEAD, _loads(results)),
            "",
            "Comparing everything, without latency; a first load at 50 requests a second made the pairs.",
            "",
            *_table(COMPARINGS_HEAD, _comparings(results)),
            "",
        ]
    return "\n".join(lines)


def _occasions(results: Document) -> list[tuple[str, str, str]]:
    measured = ((name, results[name]) for name in PROGRAMS if name in results)
    return [(name, f"{told['at'][:16].replace('T', ' ')} UTC", told["machine"]) for name, told in measured]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [
        f"| {' | '.join(head)} |",
        f"|{'---|' * len(head)}",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]


def _goals(results: Document) -> list[tuple[str, str, str, str]]:
    parts = {"latency": _of_latency, "from_crm": _of_saves, "receiver": _of_receiver, "bulk": _of_bulk}
    return [row for name, rows_of in parts.items() if name in results for row in rows_of(results[name])]


def _of_latency(latency: Document) -> list[tuple[str, str, str, str]]:
    burst = latency["burst"]
    return [
        (
            "a new referral to the CRM, webhook to row",
            "p95 under 5 s; under 1 s is the aim",
            _seconds(latency["new_referral_to_row"]),
            "processor time of flow, Prefect's API and ledger",
        ),
        (
            "a changed referral to the CRM, webhook to row",
            "the same",
            _seconds(latency["changed_referral_to_row"]),
            "the same",
        ),
        (
            f"{burst['referrals']} referrals announced within {burst['announced_within_s']} s",
            "a few runs",
            f"{burst['runs_of_flow_6']} runs, all written after {burst['all_rows_written_after_s']} s",
            "5 requests a second to Partner Center",
        ),
    ]


def _of_saves(saves: Document) -> list[tuple[str, str, str, str]]:
    twice = saves["two_saves_in_a_row"]
    return [
        (
            "a save in the CRM to Partner Center, polling every 30 s",
            "p95 under 40 s",
            _seconds(saves["saved_to_referral_by_polling"]),
            "the interval of the poll",
        ),
        (
            "the same with the CRM's wake-up",
            "p95 under 5 s",
            _seconds(saves["saved_to_referral_by_wake_up"]),
            "as for a referral, and the delta read",
        ),
        (
            "two saves of one record in a row",
            "no waiting, no duplicate",
            f"{_seconds(twice)}, {twice['referrals_of_the_deal']} referral",
            "as for one save",
        ),
    ]


def _of_receiver(receiver: Document) -> list[tuple[str, str, str, str]]:
    return [
        (
            "receiver under 200 signed calls a second",
            "p95 under 50 ms",
            f"p95 {receiver['p95_ms']} ms, {receiver['refused']} refused of {receiver['calls']}",
            "the commit of each hint",
        )
    ]


def _of_bulk(bulk: Document) -> list[tuple[str, str, str, str]]:
    load, compared = bulk["first_load"][-1], bulk["comparing"][-1]
    return [
        (
            "first load: CRM requests, Partner Center reads, a referral",
            "1.5 and 0.05",
            f"{load['dataverse_requests_per_referral']} and {load['partner_center_reads_per_referral']} "
            f"at {load['referrals']} referrals",
            "",
        ),
        (
            "first load: times what the limits alone allow",
            "1.5",
            f"{load['times_the_limits']} at {load['referrals']} referrals",
            "Partner Center: one write for each new pair",
        ),
        (
            f"comparing {compared['pairs']} pairs in step",
            "pages only, under 60 s for 10,000",
            f"{compared['seconds']} s, {sum(compared['calls'].values())} calls",
            "processor time of one process",
        ),
    ]


def _seconds(told: Document) -> str:
    return f"median {told['median_s']} s, p95 {told['p95_s']} s (n = {told['n']})"


def _rivals_text(results: Document) -> list[str]:
    count = results["bulk"]["first_load"][0]["referrals"]
    return [
        f"{count} referrals of which the open ones become opportunities with their accounts, 50 ms latency per call,",
        "the limits enforced. The others do less: no contacts, no solutions, no leads, no audit text, no conflicts, no",
        "recovery; what they do about one record is in `benchmarks/rivals/record.py`. *A Prefect flow run per record*",
        "is how the original works. Each runs in a process of its own, twice.",
    ]


def _rivals(results: Document) -> list[tuple[str, ...]]:
    own = results["bulk"]["first_load"][0]
    open_deals = next(iter(results["rivals"]["by"].values()))["first"]["deals"]
    calls = {name: own["plan"]["calls"][name] + own["apply"]["calls"][name] for name in own["plan"]["calls"]}
    seconds = own["plan"]["seconds"] + own["apply"]["seconds"]
    again = own["plan_again"]
    rows = [
        _rival(
            f"{OURS}, plan and apply",
            calls=calls,
            seconds=seconds,
            ours=seconds,
            peak=max(own["plan"]["peak_mb"], own["apply"]["peak_mb"]),
            again=again,
            deals=open_deals,
        )
    ]
    for name, told in results["rivals"]["by"].items():
        first = told["first"]
        rows.append(
            _rival(
                name,
                calls=first["calls"],
                seconds=first["seconds"],
                ours=seconds,
                peak=first["peak_mb"],
                again=told["again"],
                deals=open_deals,
            )
        )
    return rows


def _rival(
    name: str, *, calls: Document, seconds: float, ours: float, peak: int, again: Document, deals: int
) -> tuple[str, ...]:
    return (
        name,
        f"{calls['dataverse'] / deals:.2f}",
        f"{calls['partner_center_reads'] / deals:.2f}",
        f"{seconds:.0f}",
        f"{seconds / ours:.1f}",
        f"{peak} MB",
        f"{sum(again['calls'].values()) / deals:.2f}",
        f"{again['seconds']:.0f}",
    )


def _loads(results: Document) -> list[tuple[str, ...]]:
    return [
        (
            f"{load['referrals']:,}",
            f"{load['dataverse_requests_per_referral']}",
            f"{load['partner_center_reads_per_referral']}",
            f"{load['plan']['seconds']} s",
            f"{load['apply']['seconds']} s",
            f"{load['seconds_by_limits_alone']} s",
            f"{load['times_the_limits']}",
            f"{max(load['plan']['peak_mb'], load['apply']['peak_mb'])} MB",
        )
        for load in results["bulk"]["first_load"]
    ]


def _comparings(results: Document) -> list[tuple[str, ...]]:
    return [
        (
            f"{told['referrals']:,}",
            f"{told['pairs']:,}",
            f"{told['seconds']} s",
            f"{sum(told['calls'].values()):,}",
            f"{told['peak_mb']} MB",
            f"{told['making_them']['seconds']} s",
            f"{told['making_them']['peak_mb']} MB",
        )
        for told in results["bulk"]["comparing"]
    ]
