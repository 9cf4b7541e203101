"""Tells somebody when a flow fails: an automation of Prefect's, made once and left alone from then on.

It looks at runs of deployments only, so that a problem which goes up through the flows that called one another is one
message. A flow which polls fails again and again as long as its cause lasts; there is one message for each flow and
state in a while. What has failed meanwhile stands in the table *open-problems*.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol
from uuid import UUID

import httpx
from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import PrefectClient, get_client
from prefect.events.actions import CallWebhook, SendNotification
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.exceptions import ObjectNotFound
from prefect.types import SecretDict
from pydantic import SecretStr

from cosell.dispatch.deployments import TAG
from cosell.dispatch.runs import unreachable
from cosell.domain.ids import DEFAULT_TENANT, TenantName
from cosell.domain.tenants import tenant_artifact, tenant_tags
from cosell.settings import NotifySettings

AUTOMATION = "cosell-sync: tell somebody when a flow fails"
OUR_BLOCK = "cosell-notify"
MADE = "notify-automation"
"""Key in the ledger under which stands which automation was made; by its id, for people rename things."""
STATES = ("Failed", "Crashed", "TimedOut", "NeedsAttention", "Reconnect")
EVERY = timedelta(minutes=15)
_SUBJECT = "{{ flow.name }}: {{ flow_run.state.name }}"
_TOLD = "flow_run.state.message or 'The run says no more.'"
_BODY = f"{{{{ {_TOLD} }}}}"
_RUN = "{{ flow_run | ui_url }}"


class Notes(Protocol):
    """What is asked of the ledger: to remember."""

    async def find(self, key: str) -> str | None:
        """Find a value."""
        ...

    async def save(self, key: str, value: str) -> None:
        """Write a value."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """How it stands with telling somebody: in a sentence, and whether somebody will be told."""

    told: str
    is_on: bool


async def ensure_notification(
    notify: NotifySettings, notes: Notes, *, tenant: TenantName = DEFAULT_TENANT
) -> Notification:
    """Make the automation unless it is there; one that was edited, renamed or switched off stays as it is.

    Raises:
        ServiceUnreachable: the Prefect server does not answer.
    """
    if notify.url is None and notify.block is None:
        return _NOBODY
    try:
        async with get_client() as client:
            block_id = (
                await _save_own_block(notify.url, tenant) if notify.url else await _find_block(client, notify.block)
            )
            if block_id is None:
                return _without_block(notify)
            known = await _find_automation(client, notes)
            if known is None:
                made = await client.create_automation(_describe(block_id, tenant, is_webhook=_is_webhook(notify)))
                await notes.save(MADE, str(made))
                return Notification(told=f"The automation {AUTOMATION!r} was made.", is_on=True)
            return known
    except httpx.HTTPError:
        raise unreachable() from None


async def look_at_notification(notify: NotifySettings, notes: Notes) -> Notification:
    """Return how it stands, without changing anything.

    Raises:
        ServiceUnreachable: the Prefect server does not answer.
    """
    if notify.url is None and notify.block is None:
        return _NOBODY
    try:
        async with get_client() as client:
            if notify.block and await _find_block(client, notify.block) is None:
                return _without_block(notify)
            known = await _find_automation(client, notes)
    except httpx.HTTPError:
        raise unreachable() from None
    return known or Notification(told="There is no automation yet: `cosell deploy` makes it.", is_on=False)


_NOBODY = Notification(
    told="Nobody is told when a flow fails: COSELL_NOTIFY__URL or COSELL_NOTIFY__BLOCK says who is to be.", is_on=False
)


def _without_block(notify: NotifySettings) -> Notification:
    told = f"Prefect has no block {notify.block}: make it in the UI (Blocks), then run `cosell deploy`."
    return Notification(told=told, is_on=False)


async def _save_own_block(url: SecretStr, tenant: TenantName) -> UUID:
    """Keep the address where Prefect looks for it: encrypted, and always the one which is set now."""
    headers = SecretDict({"Content-Type": "application/json"})
    return await Webhook(url=url, headers=headers).asave(tenant_artifact(OUR_BLOCK, tenant), overwrite=True)


async def _find_block(client: PrefectClient, name: str | None) -> UUID | None:
    kind, _, own = (name or "").partition("/")
    try:
        found = await client.read_block_document_by_name(own, kind, include_secrets=False)
    except ObjectNotFound:
        return None
    return found.id


def _is_webhook(notify: NotifySettings) -> bool:
    return notify.block is None or notify.block.startswith("webhook/")


async def _find_automation(client: PrefectClient, notes: Notes) -> Notification | None:
    made = await notes.find(MADE)
    if made is None:
        return None
    try:
        found = await client.read_automation(made)
    except ObjectNotFound:
        return None
    except httpx.HTTPStatusError as error:
        if error.response.status_code != httpx.codes.NOT_FOUND:
            raise
        return None
    if found is None:
        return None
    if not found.enabled:
        return Notification(told=f"The automation {found.name!r} is switched off in the Prefect UI.", is_on=False)
    return Notification(told=f"The automation {found.name!r} tells somebody.", is_on=True)


def _describe(block_id: UUID, tenant: TenantName, *, is_webhook: bool) -> AutomationCore:
    whose = next(iter(tenant_tags(tenant)), TAG)
    action: CallWebhook | SendNotification = (
        CallWebhook(block_document_id=block_id, payload=_write_payload())
        if is_webhook
        else SendNotification(block_document_id=block_id, subject=f"cosell-sync, {_SUBJECT}", body=f"{_BODY}\n\n{_RUN}")
    )
    return AutomationCore(
        name=AUTOMATION if tenant == DEFAULT_TENANT else f"{AUTOMATION} ({tenant})",
        description=f"When a run ends in one of these states: {', '.join(STATES)}. At most one message in "
        f"{EVERY.seconds // 60} minutes for each flow and state. Edit it as you like: it is made once.",
        tags=[TAG, *tenant_tags(tenant)],
        trigger=EventTrigger(
            posture=Posture.Reactive,
            expect={f"prefect.flow-run.{state}" for state in STATES},
            # Runs which only step back while somebody has to sign in are Cancelled, under the same name.
            match={"prefect.resource.id": "prefect.flow-run.*", "prefect.state-type": ["FAILED", "CRASHED"]},
            match_related=[
                {"prefect.resource.role": "tag", "prefect.resource.id": f"prefect.tag.{whose}"},
                {"prefect.resource.role": "deployment", "prefect.resource.id": "prefect.deployment.*"},
            ],
            for_each={"prefect.state-name", "related:deployment:prefect.resource.id"},
            threshold=1,
            within=EVERY,
        ),
        actions=[action],
    )


def _write_payload() -> str:
    """Return the template of a JSON message: `text` is what Slack and Teams show, the rest is for programs."""
    members = {
        "text": f"'cosell-sync, ' ~ flow.name ~ ': ' ~ flow_run.state.name ~ '. ' "
        f"~ ({_TOLD}) ~ ' ' ~ (flow_run | ui_url)",
        "flow": "flow.name",
        "state": "flow_run.state.name",
        "message": _TOLD,
        "run": "flow_run.name",
        "url": "flow_run | ui_url",
    }
    # Quotes and line ends of a message must not break the JSON.
    lines = [f'  "{name}": {{{{ ({value}) | tojson }}}}' for name, value in members.items()]
    return "{\n" + ",\n".join(lines) + "\n}"
