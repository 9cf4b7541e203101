"""Which row of the CRM belongs to which referral: by the referral's id in the row, or by the CRM id in the referral."""

from collections.abc import Sequence

from cosell.dataverse import Row
from cosell.domain.ids import OpportunityId, ReferralId, parse_guid
from cosell.partner_center import Referral
from cosell.sync.workspace import Workspace


def read_reference(referral: Referral) -> OpportunityId | None:
    """Return the CRM id which a referral carries, None when it is none; a lead's names a row of that table."""
    try:
        return OpportunityId(parse_guid(referral.external_reference_id or ""))
    except ValueError:
        return None


async def find_rows_of(
    workspace: Workspace, referrals: Sequence[Referral], set_: str, column: str, *, select: Sequence[str]
) -> list[tuple[Referral, Row]]:
    """Find rows of a table by referral id, which stands in `column`, then by the CRM id that the referral carries.

    Two pages at most, never a call per record. A row which already belongs to another referral is not taken away from
    it.
    """
    if not referrals:
        return []
    keyed = await workspace.dataverse.query_one_of(set_, column, [item.id for item in referrals], select=select)
    rows = {ReferralId(str(row.values[column]).lower()): row for row in keyed}
    by_reference: dict[str, ReferralId] = {
        reference: item.id for item in referrals if item.id not in rows and (reference := read_reference(item))
    }
    named = await workspace.dataverse.get_many(set_, list(by_reference), select=select)
    for row in named.values():
        if not row.values.get(column):
            rows.setdefault(by_reference[row.id], row)
    return [(referral, rows[referral.id]) for referral in referrals if referral.id in rows]
