"""Flow 1: Partner Center's notifications come to us, and are proved to arrive."""

from typing import Any

from prefect import flow
from prefect.artifacts import acreate_table_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed

from cosell.domain.flows import FlowName
from flows.operating import ends_plainly
from tasks.registration import register_url, send_validation_event
from tasks.workspace import entered_workspace


@flow(
    name=FlowName.REGISTER_WEBHOOK.value, flow_run_name="register our URL (overwrite: {overwrite})", persist_result=True
)
@ends_plainly
async def register_webhook(overwrite: bool = False) -> State[Any]:  # noqa: FBT001, FBT002  a box in the run form
    """Register our URL for Partner Center's notifications and have the validation event delivered.

    The first in the order of activation, so that no other has to be active before. Only one URL can be registered:
    somebody else's is replaced when `overwrite` says so, and is named. Events which others registered are kept.

    Args:
        overwrite: replace the URL of another system when one is registered.
    """
    async with entered_workspace():
        report = await register_url(overwrite)
        delivery = await send_validation_event()
        await acreate_table_artifact(
            key="webhook-registration",
            table=[
                {"what": "registered URL", "is": report.url},
                {"what": "events", "is": ", ".join(report.events)},
                {"what": "replaced URL", "is": report.replaced_url or "none"},
                {"what": "delivery", "is": delivery},
            ],
            description="Where Partner Center sends its notifications",
        )
    return Completed(message=f"{'Registered' if report.was_changed else 'Was registered already'}. {delivery}")
