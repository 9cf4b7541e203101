"""What people see in the Prefect UI after a run: a table of the records, with links to both systems."""

from collections.abc import Sequence

from prefect.artifacts import acreate_table_artifact

from cosell.domain.flows import FlowName
from cosell.settings import load_settings
from cosell.sync.outcome import QUIET, Outcome
from tasks.workspace import get_workspace

ROWS_AT_MOST = 200


async def publish_outcomes(name: FlowName, outcomes: Sequence[Outcome]) -> None:
    """Publish what a run did to each record; nothing when it did nothing. Ids and field names only."""
    told = [outcome for outcome in outcomes if outcome.result not in QUIET]
    if told:
        await acreate_table_artifact(
            table=[_row(outcome) for outcome in told[:ROWS_AT_MOST]],
            key=name.value,
            description=f"{len(told)} of {len(outcomes)} records"
            + (f"; the first {ROWS_AT_MOST} are shown" if len(told) > ROWS_AT_MOST else ""),
        )


def _row(outcome: Outcome) -> dict[str, str]:
    return {
        "result": outcome.result.value,
        "referral": _referral(outcome),
        "opportunity": _row_of_crm("opportunity", outcome.opportunity_id),
        "lead": _row_of_crm("lead", outcome.lead_id),
        "to Partner Center": ", ".join(outcome.to_partner_center),
        "to the CRM": ", ".join(outcome.to_dataverse),
        "why": outcome.reason,
    }


def _referral(outcome: Outcome) -> str:
    if outcome.referral_id is None:
        return ""
    address = get_workspace().link_template.format(id=outcome.referral_id)
    return f"[{outcome.referral_id}]({address})"


def _row_of_crm(table: str, row_id: str | None) -> str:
    if row_id is None:
        return ""
    crm = str(load_settings().dataverse.url).rstrip("/")
    address = f"{crm}/main.aspx?etn={table}&pagetype=entityrecord&id={row_id}"
    return f"[{row_id}]({address})"
