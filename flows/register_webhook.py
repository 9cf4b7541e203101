"""Flow 1: Partner Center's notifications come to us, and are proved to arrive."""

from typing import Any

from prefect import flow
from prefect.artifacts import acreate_table_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed

from cosell.domain.flows import FlowName
from flows.operating import ends_plainly
from tasks.registration import register_url, send_validation_event
from tasks.sign_in import check_credentials, clear_lost_sign_in
from tasks.workspace import entered_workspace

ENDS_SOON = "CredentialEndsSoon"
"""Completed, but a secret, a certificate or the sign-in ends within two weeks; the state's text says which."""


@flow(
    name=FlowName.REGISTER_WEBHOOK.value, flow_run_name="register our URL (overwrite: {overwrite})", persist_result=True
)
@ends_plainly
async def register_webhook(overwrite: bool = False) -> State[Any]:  # noqa: FBT001, FBT002  a box in the run form
    """Register our URL for Partner Center's notifications and have the validation event delivered.

    The first in the order of activation, so that no other has to be active before. Only one URL can be registered:
    somebody else's is replaced when `overwrite` says so, and is named. Events which others registered are kept.
    Runs daily as a check, and then also tells which credentials end within two weeks.

    Args:
        overwrite: replace the URL of another system when one is registered.
    """
    async with entered_workspace():
        # First, so that it is told even when the rest cannot be done for want of one of them.
        credentials = await check_credentials()
        report = await register_url(overwrite)
        delivery = await send_validation_event()
        await clear_lost_sign_in()
        await acreate_table_artifact(
            key="webhook-registration",
            table=[
                {"what": "registered URL", "is": report.url},
                {"what": "events", "is": ", ".join(report.events)},
                {"what": "replaced URL", "is": report.replaced_url or "none"},
                {"what": "delivery", "is": delivery},
                *({"what": row["what"], "is": row["is"]} for row in credentials),
            ],
            description="Where Partner Center sends its notifications, and how long our credentials last",
        )
    told = f"{'Registered' if report.was_changed else 'Was registered already'}. {delivery}"
    return conclude(told, [row["warning"] for row in credentials if row["warning"]])


def conclude(told: str, warnings: list[str]) -> State[Any]:
    """Return Completed, under a name of its own when a credential ends soon."""
    return Completed(name=ENDS_SOON if warnings else "Completed", message=" ".join([told, *warnings]))
