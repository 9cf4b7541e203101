"""When a person is asked before the first write: what a scan has found looks more like a fault than like work. Pure.

Each alarm says what to look at, and has a word by which a person says that it is meant.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta

from cosell.errors import UnsafePlan
from cosell.mapping.models import FieldRow
from cosell.sync.gone import is_doubtful
from cosell.sync.reconcile.finding import Cause, Finding, Kind
from cosell.sync.reconcile.scan import Scan

SKEW_AT_MOST = timedelta(minutes=5)
"""Tokens and signatures are refused when clocks differ by more (Microsoft: Entra ID, clock skew)."""
NEARLY_ALL = 80
"""Percent of all pairs in which one field differs before its row of the mapping is doubted."""
_GONE = {Kind.VANISHED_REFERRAL, Kind.VANISHED_OPPORTUNITY}
_NOT_COUNTED = {Cause.ON_ITS_WAY, Cause.REFUSED}
"""What another run has in hand, and what was refused before, is not what reconcile would change now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one run may change by itself: percent of the pairs, and a number of records that is always allowed."""

    percent: int = 30
    always: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What is known beyond the records: by how much our clock is ahead of each service, and whether it is another CRM.

    `organization` is the CRM's id, `known_organization` the one of the runs before; None is not known.
    """

    skews: Mapping[str, timedelta | None]
    organization: str | None = None
    known_organization: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """`word` confirms it: a name, and where records are counted their number, as many of which may be confirmed."""

    word: str
    text: str

    def is_confirmed(self, confirmed: Collection[str]) -> bool:
        """Tell whether a person has confirmed this, or more of it."""
        word = self.word.lower()
        name, _, count = word.partition(":")
        for given in confirmed:
            given_name, _, given_count = given.strip().lower().partition(":")
            if given.strip().lower() == word:
                return True
            if given_name == name and count.isdigit() and given_count.isdigit() and int(given_count) >= int(count):
                return True
        return False


def find_alarms(
    scan: Scan, *, limits: Limits, surroundings: Surroundings, rows: Collection[FieldRow] = ()
) -> list[Alarm]:
    """Return everything which a person has to confirm before reconcile writes."""
    return [
        *_judge_clocks(surroundings),
        *_judge_crm(scan, surroundings),
        *_judge_gone(scan),
        *_judge_mapping(scan, limits, rows),
        *_judge_changes(scan, limits),
    ]


def refuse(alarms: Collection[Alarm], *, confirmed: Collection[str]) -> UnsafePlan | None:
    """Return the error which stops a run and asks, None when everything is confirmed."""
    asked = [alarm for alarm in alarms if not alarm.is_confirmed(confirmed)]
    if not asked:
        return None
    words = [*confirmed, *(alarm.word for alarm in asked)]
    options = " ".join(f"--confirm {word}" for word in words)
    told = " ".join(alarm.text for alarm in asked)
    return UnsafePlan(
        f"Nothing was written. {told} If that is meant, run reconcile once with confirmed = {', '.join(words)} "
        f"(`cosell reconcile {options}`)"
    )


def _judge_clocks(surroundings: Surroundings) -> list[Alarm]:
    wrong = {name: skew for name, skew in surroundings.skews.items() if skew and abs(skew) > SKEW_AT_MOST}
    if not wrong:
        return []
    told = " and ".join(
        f"{round(abs(skew).total_seconds() / 60)} minutes {'ahead of' if skew > timedelta() else 'behind'} {name}"
        for name, skew in wrong.items()
    )
    text = f"The clock of this machine is {told}: leases and deadlines go by it. Let it keep its time by NTP."
    return [Alarm(word="clock", text=text)]


def _judge_crm(scan: Scan, surroundings: Surroundings) -> list[Alarm]:
    known, now = surroundings.known_organization, surroundings.organization
    alarms = []
    if known and now and known != now:
        text = "This is another organization of Dataverse than the one before; look at COSELL_DATAVERSE__URL."
        alarms.append(Alarm(word="another-crm", text=text))
    older = scan.tally.older
    if is_doubtful(older, linked_count=scan.tally.linked, is_side_empty=False):
        text = (
            f"{older} of {scan.tally.rows} opportunities have a lower version than the one we left: the CRM looks "
            "restored from a backup. Ask its administrator, and look at some deals with `cosell why`: what was edited "
            "since the backup would be taken back in Partner Center."
        )
        alarms.append(Alarm(word=f"restored:{older}", text=text))
    return alarms


def _judge_gone(scan: Scan) -> list[Alarm]:
    alarms = []
    referrals, opportunities = scan.of(Kind.VANISHED_REFERRAL), scan.of(Kind.VANISHED_OPPORTUNITY)
    linked = scan.tally.linked
    if is_doubtful(len(referrals), linked_count=linked, is_side_empty=not scan.tally.listed):
        text = (
            f"{len(referrals)} of {linked} linked referrals are not in Partner Center's listing"
            f"{', which is empty' if not scan.tally.listed else ''}. Look whether the account that is signed in is "
            "still a Referrals admin of all locations, and whether it is the right one (`cosell doctor`)."
        )
        alarms.append(Alarm(word=f"gone-referrals:{len(referrals)}", text=text))
    if is_doubtful(
        len(opportunities), linked_count=linked, is_side_empty=bool(scan.tally.listed and not scan.tally.rows)
    ):
        text = (
            f"{len(opportunities)} of {linked} linked opportunities are gone from the CRM. Look whether it was "
            "restored or emptied, and whether our application user may still read those of the whole organization."
        )
        alarms.append(Alarm(word=f"gone-opportunities:{len(opportunities)}", text=text))
    return alarms


def _judge_mapping(scan: Scan, limits: Limits, rows: Collection[FieldRow]) -> list[Alarm]:
    compared = scan.tally.compared - scan.tally.switched_off
    named = {row.field: row for row in rows}
    alarms = []
    for field, count in scan.tally.by_field.most_common():
        if count < limits.always or count * 100 < NEARLY_ALL * compared:
            continue
        row = named.get(field)
        place = (
            f"row {field} of mappings/opportunity.yaml ties {row.partner_center} to the column {row.dataverse}"
            if row
            else f"look at what the mapping says of {field}"
        )
        text = (
            f"{field} differs in {count} of {compared} pairs, which looks like a wrong mapping: {place}. "
            "`cosell plan` shows what would be written for one deal."
        )
        alarms.append(Alarm(word=f"mapping:{field}", text=text))
    return alarms


def _judge_changes(scan: Scan, limits: Limits) -> list[Alarm]:
    changed = [item for item in scan.findings if _is_change(item)]
    if len(changed) <= limits.always or len(changed) * 100 <= limits.percent * scan.tally.linked:
        return []
    newcomers = sum(item.kind in {Kind.UNLINKED, Kind.UNSHARED} for item in changed)
    text = (
        f"{len(changed)} deals would change, {newcomers} of them created; {scan.tally.linked} pairs are known. "
        f"More than {limits.percent} % is more than a person does between two runs. Look at some with `cosell plan`, "
        "and at the drift report."
    )
    return [Alarm(word=f"changes:{len(changed)}", text=text)]


def _is_change(finding: Finding) -> bool:
    return finding.changes_something and finding.kind not in _GONE and finding.cause not in _NOT_COUNTED
