"""The webhook registration: whose URL stands there, putting ours there, and proof that notifications arrive."""

import asyncio
from dataclasses import dataclass

from cosell.domain.flows import FlowName
from cosell.domain.ids import TenantName
from cosell.domain.tenants import tenant_path
from cosell.errors import ConfigurationError, NotActivated
from cosell.settings import load_settings
from cosell.store.meta import WEBHOOK_TROUBLE
from cosell.sync.registration import REPLACED_WEBHOOK, ReplacedWebhook, without_query
from cosell.sync.workspace import Workspace
from tasks.policy import step
from tasks.workspace import get_workspace

EVENTS = (
    "referral-created",
    "referral-updated",
    "related-referral-created",
    "related-referral-updated",
    "test-created",
)
"""What we want to hear of; `test-created` is the validation event (Microsoft: Partner Center webhooks)."""
PATH = "/webhooks/partner-center"
DELIVERY_POLLS = 40
DELIVERY_POLL_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationReport:
    """What stands registered after a run. The URLs are our own and the one that was replaced."""

    url: str
    events: tuple[str, ...]
    replaced_url: str | None
    was_changed: bool
    mended: str = ""
    """What was found missing of a registration that had been ours."""


@step(name="view-registration", run_name="view the registration", tags={"partner-center"})
async def view_registration() -> dict[str, str]:
    """Return what stands registered before anything is changed: whose URL, for which events."""
    present = await get_workspace().webhooks.find_registration()
    if present is None:
        return {"url": "none", "events": "none"}
    return {"url": without_query(str(present.webhook_url)), "events": ", ".join(present.webhook_events)}


@step(name="register-url", run_name="register our URL", tags={"partner-center"})
async def register_url(may_overwrite: bool) -> RegistrationReport:  # noqa: FBT001  a parameter of the run form
    """Register the receiver's URL for the events we need, unless it stands there already."""
    return await register(get_workspace(), may_overwrite=may_overwrite)


@step(name="send-validation-event", run_name="send the validation event", tags={"partner-center"})
async def send_validation_event() -> str:
    """Have Partner Center send its validation event and return how the delivery went."""
    return await prove_delivery(get_workspace())


async def note_trouble(told: str) -> None:
    """Keep what is wrong with the registration where `cosell status` and `cosell doctor` find it; "" for nothing."""
    await get_workspace().ledger.meta.save(WEBHOOK_TROUBLE, told)


async def register(workspace: Workspace, *, may_overwrite: bool) -> RegistrationReport:
    """Look first, then register: somebody else's URL is only replaced when that was said, foreign events are kept.

    Raises:
        NotActivated: another URL is registered and it was not said to overwrite it.
    """
    return await register_at(workspace, receiver_url(), may_overwrite=may_overwrite)


async def register_at(workspace: Workspace, url: str, *, may_overwrite: bool) -> RegistrationReport:
    """Register this URL, as `register` does with ours.

    Raises:
        NotActivated: another URL is registered and it was not said to overwrite it.
    """
    present = await workspace.webhooks.find_registration()
    events = tuple(present.webhook_events) if present else ()
    theirs = present.webhook_url if present else None
    if theirs == url and set(EVENTS) <= set(events):
        return RegistrationReport(url=url, events=events, replaced_url=None, was_changed=False)
    if theirs and theirs != url and not may_overwrite:
        raise NotActivated(
            f"Partner Center sends its notifications to {without_query(theirs)}, not to {url}. Only one URL can "
            "be registered: run register-webhook with 'overwrite' to put ours there, or `cosell activate --overwrite`."
        )
    wanted = tuple(dict.fromkeys([*events, *EVENTS]))
    if theirs and theirs != url:
        # Before it is gone: nobody else remembers it.
        await workspace.ledger.vault.save(REPLACED_WEBHOOK, ReplacedWebhook(url=theirs, events=events).write())
    write = workspace.webhooks.update_registration if theirs else workspace.webhooks.create_registration
    await write(url=url, events=wanted)
    was_ours = FlowName.REGISTER_WEBHOOK in await workspace.ledger.activations.find_all()
    return RegistrationReport(
        url=url,
        events=wanted,
        replaced_url=without_query(theirs) if theirs and theirs != url else None,
        was_changed=True,
        mended=_describe_loss(theirs, events) if was_ours and theirs in (None, url) else "",
    )


def _describe_loss(url: str | None, events: tuple[str, ...]) -> str:
    """Say what a registration had lost that was ours before."""
    missing = ", ".join(event for event in EVENTS if event not in events)
    lost = "Our registration was gone" if url is None else f"Our registration had lost {missing}"
    return f"{lost}; it was put back. What was not announced meanwhile is found by the schedule of flow 6."


async def prove_delivery(workspace: Workspace) -> str:
    """Have the validation event sent and wait until Partner Center says how its delivery went.

    Raises:
        NotActivated: it did not arrive, or not in time.
    """
    correlation_id = await workspace.webhooks.send_validation_event()
    for _ in range(DELIVERY_POLLS):
        result = await workspace.webhooks.get_validation_result(correlation_id)
        if result.is_delivered:
            await workspace.ledger.meta.save(WEBHOOK_TROUBLE, "")
            tries = f" at try {len(result.results)}" if len(result.results) > 1 else ""
            return f"Partner Center's validation event was delivered to {receiver_url()}{tries}."
        if result.is_completed:
            codes = ", ".join(str(attempt.response_code) for attempt in result.results) or "no answer"
            raise NotActivated(
                f"Partner Center could not deliver its validation event to {receiver_url()} ({codes}). "
                "Is the receiver running and reachable from the internet under that address?"
            )
        await asyncio.sleep(DELIVERY_POLL_SECONDS)
    raise NotActivated(
        f"Partner Center has not delivered its validation event to {receiver_url()} yet. Try again in a minute."
    )


def receiver_url() -> str:
    """Return the address which Partner Center is to call.

    Raises:
        ConfigurationError: nobody said under which address the receiver is reached.
    """
    settings = load_settings()
    public_url = settings.receiver.public_url
    if public_url is None:
        raise ConfigurationError(
            "COSELL_RECEIVER__PUBLIC_URL is missing: the address under which Microsoft reaches the receiver."
        )
    return f"{str(public_url).rstrip('/')}{tenant_path(PATH, TenantName(settings.tenant))}"
