"""Takes over what Microsoft's connector has linked, or only looks at it, as often as one likes. None of the nine."""

from typing import Any

from prefect import flow
from prefect.artifacts import acreate_table_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from cosell.domain.tenants import tenant_artifact
from cosell.sync.adopt.summary import AdoptionSummary
from flows.operating import NEEDS_ATTENTION, ends_plainly
from flows.problems import link_to_referral, link_to_row
from tasks.adoption import adopt_pairs
from tasks.workspace import entered_workspace, get_workspace


@flow(name="adopt", flow_run_name="adopt (take over: {take_over})", persist_result=True)
@ends_plainly
async def adopt(
    take_over: bool = False,  # noqa: FBT001, FBT002  boxes in the run form
    overwrite_webhook: bool = False,  # noqa: FBT001, FBT002
    with_variables: bool = False,  # noqa: FBT001, FBT002
    confirmed_differing: int = 0,
) -> State[Any]:
    """Look at the pairs which Microsoft's connector has made, and take them over when that is said.

    Without *take over* neither service is written, and it may run by schedule: the ledger keeps since when a field
    differs and how that ended, which shows whether the connector loses edits. Needs no activation. May be run again at
    any time; what is taken over is not touched again.

    Args:
        take_over: fill our columns, copy solutions and link the pairs in the ledger.
        overwrite_webhook: put our URL where Partner Center calls another one now; `cosell adopt --undo` puts it back.
        with_variables: take over the values of the connector's environment variables, too.
        confirmed_differing: how many pairs a person knows to differ, when a run has stopped and asked.
    """
    async with entered_workspace():
        summary = await adopt_pairs(take_over, overwrite_webhook, with_variables, confirmed_differing)
        await _publish(summary)
    return conclude(summary)


def conclude(summary: AdoptionSummary) -> State[Any]:
    """Return the state in which the flow ends: NeedsAttention when something is left, or the connector still runs."""
    if summary.needs_attention:
        return Failed(name=NEEDS_ATTENTION, message=summary.message)
    return Completed(message=summary.message)


async def _publish(summary: AdoptionSummary) -> None:
    workspace = get_workspace()
    template = workspace.link_template
    counts = [{"what": what, "count": str(number)} for what, number in summary.counts.items()]
    await acreate_table_artifact(
        key=tenant_artifact("adopt", workspace.ledger.tenant), table=counts, description=summary.message
    )
    if summary.rows:
        rows = [
            {
                **row,
                "referral": link_to_referral(row["referral"] or None, template),
                "opportunity": link_to_row("opportunity", row["opportunity"] or None),
            }
            for row in summary.rows
        ]
        await acreate_table_artifact(
            key=tenant_artifact("adopt-records", workspace.ledger.tenant),
            table=rows,
            description="Pairs which differ, and records without their other half",
        )
