"""Checks of the services: who we are there, what they hold ready for us, and whether their clock is ours."""

from datetime import timedelta
from email.utils import parsedate_to_datetime

import httpx

from cosell.cli.checks.finding import Said, Verdict
from cosell.domain.clock import Clock
from cosell.domain.flows import FlowName
from cosell.errors import Origin, ServiceUnreachable
from cosell.http.connections import open_connections
from cosell.settings import Settings
from cosell.store.meta import WEBHOOK_TROUBLE
from cosell.sync.workspace import Workspace

SKEW_AT_MOST = timedelta(minutes=5)
"""Tokens and signatures are refused when clocks differ by more (Microsoft: Entra ID, clock skew)."""


async def check_dataverse(workspace: Workspace) -> str:
    """Get a token and ask Dataverse for whom it takes us."""
    me = await workspace.dataverse.whoami()
    return f"Signed in as user {me.user_id} of organization {me.organization_id}."


async def check_tracking(workspace: Workspace) -> str:
    """Make sure that the CRM tells what moved in the tables which are polled."""
    # Prefect reads its settings when it is first imported.
    from tasks.activation import check_change_tracking, deal_tables

    tables = (*deal_tables(workspace), workspace.mappings.solutions.table)
    return " ".join([await check_change_tracking(workspace, table) for table in tables])


async def check_webhook(workspace: Workspace) -> Said:
    """Look whether Partner Center still sends its notifications to us."""
    from tasks.registration import EVENTS, receiver_url  # as above

    ours = receiver_url()
    present = await workspace.webhooks.find_registration()
    if present is None:
        is_active = FlowName.REGISTER_WEBHOOK in await workspace.ledger.activations.find_all()
        return Said(
            told="No URL is registered." if not is_active else "Our registration is gone.",
            verdict=Verdict.FAILED if is_active else Verdict.WARNING,
            todo="`cosell activate` registers ours.",
        )
    if present.webhook_url != ours:
        return Said(
            told=f"Notifications go to {present.webhook_url}, not to {ours}.",
            verdict=Verdict.FAILED,
            todo="If they are to come here: `cosell activate --overwrite`, or run register-webhook with 'overwrite'.",
        )
    missing = [event for event in EVENTS if event not in present.webhook_events]
    if missing:
        told = f"Ours, but without {', '.join(missing)}."
        return Said(told=told, verdict=Verdict.FAILED, todo="`cosell activate` registers them.")
    trouble = await workspace.ledger.meta.find(WEBHOOK_TROUBLE)
    if trouble:
        todo = "Once that is mended, run register-webhook in the Prefect UI, or `cosell activate`: both try it again."
        return Said(told=f"Ours, but the last check failed. {trouble}", verdict=Verdict.FAILED, todo=todo)
    return Said(told=f"Ours: {ours}")


async def check_clock(settings: Settings, *, clock: Clock, transport: httpx.AsyncBaseTransport | None = None) -> Said:
    """Compare our clock with the date of an answer of Entra's, which is asked for no secret."""
    base = f"{str(settings.authority).rstrip('/')}/{settings.partner_center.tenant_id}"
    try:
        async with open_connections(ca_bundle=settings.ca_bundle, max_connections=1, transport=transport) as http:
            answer = await http.get(f"{base}/v2.0/.well-known/openid-configuration")
    except httpx.HTTPError:
        message = "Entra cannot be reached; look at COSELL_AUTHORITY and COSELL_CA_BUNDLE"
        raise ServiceUnreachable(message, origin=Origin(service="Entra")) from None
    try:
        skew = clock() - parsedate_to_datetime(answer.headers.get("date", ""))
    except (TypeError, ValueError):
        return Said(told="Entra's answer has no date to compare with.", verdict=Verdict.SKIPPED)
    seconds = round(abs(skew.total_seconds()))
    if abs(skew) > SKEW_AT_MOST:
        ahead = "ahead of" if skew > timedelta() else "behind"
        return Said(
            told=f"This machine is {seconds} seconds {ahead} Entra.",
            verdict=Verdict.WARNING,
            todo="Let the machine keep its time by NTP; tokens and signatures depend on it.",
        )
    return Said(told=f"Within {seconds + 1} seconds of Entra's.")
