"""Flow 1: Partner Center's notifications come to us, and are proved to arrive."""

from collections.abc import Mapping, Sequence
from typing import Any

from prefect import flow
from prefect.artifacts import acreate_table_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from cosell.domain.flows import FlowName
from cosell.domain.tenants import tenant_artifact
from cosell.errors import NotActivated
from flows.operating import NEEDS_ATTENTION, ends_plainly
from tasks.registration import note_trouble, register_url, send_validation_event, view_registration
from tasks.sign_in import check_credentials, clear_lost_sign_in
from tasks.workspace import entered_workspace, get_workspace

ENDS_SOON = "CredentialEndsSoon"
"""Completed, but a secret, a certificate or the sign-in ends within two weeks; the state's text says which."""
MENDED = "Mended"
"""Completed, but the registration had been lost and was put back; the state's text says what of it."""


@flow(
    name=FlowName.REGISTER_WEBHOOK.value, flow_run_name="register our URL (overwrite: {overwrite})", persist_result=True
)
@ends_plainly
async def register_webhook(overwrite: bool = False) -> State[Any]:  # noqa: FBT001, FBT002  a box in the run form
    """Register our URL for Partner Center's notifications and have the validation event delivered.

    The first in the order of activation, so that no other has to be active before. Only one URL can be registered:
    somebody else's is replaced when `overwrite` says so, and is named. Events which others registered are kept.
    Runs daily as a check: another system's URL, or an event that does not arrive, ends in *NeedsAttention*; what was
    lost of our own registration is put back. It also tells which credentials end within two weeks.

    Args:
        overwrite: replace the URL of another system when one is registered.
    """
    async with entered_workspace():
        # First, so that it is told even when the rest cannot be done for want of one of them.
        credentials = await check_credentials()
        before = await view_registration()
        try:
            report = await register_url(overwrite)
            delivery = await send_validation_event()
        except NotActivated as trouble:
            # Somebody has put another URL there, or ours does not answer: nothing arrives until a person sees to it.
            await note_trouble(str(trouble))
            await _publish(before, [("PROBLEM", str(trouble))], credentials)
            return Failed(name=NEEDS_ATTENTION, message=str(trouble))
        await clear_lost_sign_in()
        found = [
            ("registered URL", report.url),
            ("events", ", ".join(report.events)),
            ("replaced URL", report.replaced_url or "none"),
            *([("mended", report.mended)] if report.mended else []),
            ("delivery", delivery),
        ]
        await _publish(before, found, credentials)
    what = f"Registered in place of {report.replaced_url}" if report.replaced_url else "Registered"
    told = f"{report.mended or (what if report.was_changed else 'Was registered already') + '.'} {delivery}"
    warnings = [row["warning"] for row in credentials if row["warning"]]
    return conclude(told, warnings, name=MENDED if report.mended else "Completed")


async def _publish(
    before: Mapping[str, str], found: Sequence[tuple[str, str]], credentials: Sequence[Mapping[str, str]]
) -> None:
    rows = [
        ("before: URL", before["url"]),
        ("before: events", before["events"]),
        *found,
        *((row["what"], row["is"]) for row in credentials),
    ]
    await acreate_table_artifact(
        key=tenant_artifact("webhook-registration", get_workspace().ledger.tenant),
        table=[{"what": what, "is": text} for what, text in rows],
        description="Where Partner Center sends its notifications, and how long our credentials last",
    )


def conclude(told: str, warnings: list[str], *, name: str = "Completed") -> State[Any]:
    """Return Completed, under a name of its own when a credential ends soon."""
    return Completed(name=ENDS_SOON if warnings else name, message=" ".join([told, *warnings]))
