"""Finds out which opportunity belongs to which referral, and what has lost or doubled its other half. Pure.

The referral id which the opportunity carries counts first, then the CRM id which the referral carries. Where two claim
the same other half, a stated rule says which one is kept; nothing is deleted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from cosell.dataverse import Row
from cosell.domain.ids import OpportunityId, ReferralId, parse_guid
from cosell.mapping.models import OpportunityColumns
from cosell.partner_center import Referral
from cosell.sync.references import read_reference

OPEN_STATE = 0


class By(StrEnum):
    """What links a pair."""

    REFERRAL_ID = "referral id"
    CRM_ID = "CRM id"


class Alone(StrEnum):
    """Why a record has no other half."""

    REFERRAL_GONE = "its referral is gone, or not visible to the user who signed in"
    NO_GUID = "its referral identifier is no id of Partner Center's"
    NEVER_SHARED = "it is switched on, but has never reached Partner Center"
    OPPORTUNITY_GONE = "it names an opportunity which is not in this CRM"
    TAKEN = "it names an opportunity which names another referral"
    NEVER_ARRIVED = "it has never come to the CRM"


RULES = {
    "named": "it is the one which its other half names",
    "open": "it is open, the others are closed",
    "oldest": "it was made first",
}
"""Why one of several is kept, in the order in which it is decided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A pair as the connector has left it."""

    referral: Referral
    row: Row
    by: By


@dataclass(frozen=True, slots=True, kw_only=True)
class Single:
    """A record without its other half; `referral_id` of an opportunity is the one which it names."""

    why: Alone
    opportunity_id: OpportunityId | None = None
    referral_id: ReferralId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate:
    """Several records which claim one other half: `kept` is linked by `rule`, `others` are left alone."""

    of: str
    kept: str
    others: tuple[str, ...]
    rule: str
    is_referrals: bool
    """Whether the several are referrals of one opportunity; else opportunities of one referral."""


@dataclass(slots=True)
class Pairing:
    """All of it."""

    matches: list[Match] = field(default_factory=list)
    singles: list[Single] = field(default_factory=list)
    duplicates: list[Duplicate] = field(default_factory=list)


def pair_up(
    rows: Mapping[OpportunityId, Row], referrals: Mapping[ReferralId, Referral], own: OpportunityColumns
) -> Pairing:
    """Pair opportunities with referrals; `own` are the connector's columns."""
    pairing = Pairing()
    claims: dict[ReferralId, list[Row]] = {}
    for row in rows.values():
        named = row.values.get(own.referral_id)
        if named:
            _claim(row, str(named), claims, referrals, pairing)
    taken: dict[OpportunityId, Referral] = {}
    for referral_id, claiming in claims.items():
        row = _keep_row(referrals[referral_id], claiming, own, pairing)
        pairing.matches.append(Match(referral=referrals[referral_id], row=row, by=By.REFERRAL_ID))
        taken[OpportunityId(row.id)] = referrals[referral_id]
    _pair_by_crm_id(rows, [item for item in referrals.values() if item.id not in claims], taken, own, pairing)
    doubled = {other for item in pairing.duplicates if not item.is_referrals for other in item.others}
    for row_id, row in rows.items():
        is_nameless = not row.values.get(own.referral_id) and row.values.get(own.sync_switch) is True
        if is_nameless and row_id not in taken and row_id not in doubled:
            pairing.singles.append(Single(why=Alone.NEVER_SHARED, opportunity_id=row_id))
    return pairing


def _claim(
    row: Row,
    named: str,
    claims: dict[ReferralId, list[Row]],
    referrals: Mapping[ReferralId, Referral],
    pairing: Pairing,
) -> None:
    row_id = OpportunityId(row.id)
    try:
        referral_id = ReferralId(parse_guid(named))
    except ValueError:
        pairing.singles.append(Single(why=Alone.NO_GUID, opportunity_id=row_id))
        return
    if referral_id in referrals:
        claims.setdefault(referral_id, []).append(row)
    else:
        pairing.singles.append(Single(why=Alone.REFERRAL_GONE, opportunity_id=row_id, referral_id=referral_id))


def _keep_row(referral: Referral, claiming: Sequence[Row], own: OpportunityColumns, pairing: Pairing) -> Row:
    if len(claiming) == 1:
        return claiming[0]
    reference = read_reference(referral)
    named = [row for row in claiming if row.id == reference]
    still_open = [row for row in claiming if row.values.get(own.state) == OPEN_STATE]
    if named:
        kept, rule = named[0], RULES["named"]
    elif len(still_open) == 1:
        kept, rule = still_open[0], RULES["open"]
    else:
        kept = min(still_open or claiming, key=lambda row: (str(row.values.get("createdon")), row.id))
        rule = RULES["oldest"]
    others = tuple(sorted(row.id for row in claiming if row.id != kept.id))
    pairing.duplicates.append(Duplicate(of=referral.id, kept=kept.id, others=others, rule=rule, is_referrals=False))
    return kept


def _pair_by_crm_id(
    rows: Mapping[OpportunityId, Row],
    others: Sequence[Referral],
    taken: dict[OpportunityId, Referral],
    own: OpportunityColumns,
    pairing: Pairing,
) -> None:
    """Pair the referrals which no opportunity names by the CRM id that they carry."""
    claims: dict[OpportunityId, list[Referral]] = {}
    for referral in others:
        reference = read_reference(referral)
        if reference is None or reference not in rows:
            why = Alone.OPPORTUNITY_GONE if referral.external_reference_id else Alone.NEVER_ARRIVED
            pairing.singles.append(Single(why=why, referral_id=referral.id))
        else:
            claims.setdefault(reference, []).append(referral)
    for row_id, claiming in claims.items():
        known = taken.get(row_id)
        if known is not None:
            ids = tuple(sorted(referral.id for referral in claiming))
            pairing.duplicates.append(
                Duplicate(of=row_id, kept=known.id, others=ids, rule=RULES["named"], is_referrals=True)
            )
        elif rows[row_id].values.get(own.referral_id):
            pairing.singles += [Single(why=Alone.TAKEN, referral_id=referral.id) for referral in claiming]
        else:
            kept = _keep_referral(row_id, claiming, pairing)
            pairing.matches.append(Match(referral=kept, row=rows[row_id], by=By.CRM_ID))
            taken[row_id] = kept


def _keep_referral(row_id: OpportunityId, claiming: Sequence[Referral], pairing: Pairing) -> Referral:
    if len(claiming) == 1:
        return claiming[0]
    still_open = [referral for referral in claiming if not referral.is_closed]
    rule = RULES["open"] if len(still_open) == 1 else RULES["oldest"]
    kept = min(still_open or claiming, key=lambda referral: (str(referral.created_date_time), referral.id))
    others = tuple(sorted(referral.id for referral in claiming if referral.id != kept.id))
    pairing.duplicates.append(Duplicate(of=row_id, kept=kept.id, others=others, rule=rule, is_referrals=True))
    return kept
