"""The wake-up: a webhook by which the CRM tells us that a row moved, so that nobody waits for the next poll.

It is a hint and no more: the poll stays what counts. The secret goes with each call as a header, for there is no
signature, and cannot be read back. (Microsoft: Register a webhook; Use webhooks to create external handlers.)
"""

from collections.abc import Sequence
from urllib.parse import urlsplit
from xml.sax.saxutils import quoteattr

from cosell.dataverse.install.customizer import Customizer, Document
from cosell.dataverse.install.step import MISSING, THERE, Found, Part, Presence, Step
from cosell.dataverse.wanted import WantedStep
from cosell.domain.ids import DEFAULT_TENANT, TenantName
from cosell.domain.tenants import tenant_path
from cosell.errors import SettingsInvalid

ENDPOINT = "Co-sell sync wake-up"
HEADER = "x-cosell-key"
PATH = "/webhooks/dataverse"
LONGEST = 256
WEBHOOK, HTTP_HEADER, JSON, NORMAL = 8, 5, 2, 1
"""Contract, kind of authentication, format and connection mode of a service endpoint."""
ASYNCHRONOUS, POST_OPERATION, SERVER, ENABLED = 1, 40, 0, 0
STEPS, ENDPOINTS = "sdkmessageprocessingsteps", "serviceendpoints"
UNREADABLE = (
    "Its secret cannot be read back: after changing COSELL_RECEIVER__DATAVERSE_SECRET run this with --no-wake-up, then "
    "with --wake-up again."
)
SWITCHED_OFF = "Switch it on where it was switched off, or run this with --no-wake-up, then with --wake-up again."
ENDPOINT_PART = Part(kind="wake-up", name=ENDPOINT)


def wake_up_url(text: str, *, tenant: TenantName = DEFAULT_TENANT) -> str:
    """Return the whole address of the receiver for wake-ups; without a path it gets the tenant's.

    Raises:
        SettingsInvalid: Dataverse would not call it.
    """
    parts = urlsplit(text.strip())
    is_here = parts.hostname in {"localhost", "127.0.0.1", "::1"}
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise SettingsInvalid("--wake-up wants the address of the receiver, like https://sync.contoso.com.")
    if not is_here and (parts.scheme != "https" or parts.port not in {None, 443}):
        raise SettingsInvalid("--wake-up: Dataverse has to reach the receiver by https on port 443.")
    path = parts.path.rstrip("/") or tenant_path(PATH, tenant)
    return f"{parts.scheme}://{parts.netloc}{path}"


def refuse_unfit(secret: str) -> None:
    """Refuse a secret which a header cannot carry.

    Raises:
        SettingsInvalid: it is empty, too long, or has letters beyond ASCII or spaces at its ends.
    """
    if not secret.isascii() or not secret.isprintable() or secret != secret.strip() or not 0 < len(secret) <= LONGEST:
        raise SettingsInvalid(
            f"COSELL_RECEIVER__DATAVERSE_SECRET has to be 1 to {LONGEST} printable ASCII characters: it travels in a "
            "header."
        )


def wake_up_steps(
    customizer: Customizer, wanted: Sequence[WantedStep], *, url: str, secret: str, needs: Part
) -> tuple[Step, ...]:
    """Make the endpoint, then what calls it."""

    async def look() -> Found:
        found = await find_endpoint(customizer)
        if found is None:
            return MISSING
        if found.get("url") != url:
            return Found(presence=Presence.STALE, told=f"It led to {found.get('url')}, now to {url}.")
        return Found(presence=Presence.THERE, told=UNREADABLE)

    async def write(_: Found) -> None:
        found = await find_endpoint(customizer)
        body: dict[str, object] = {"url": url, "authtype": HTTP_HEADER, "authvalue": _header(secret)}
        if found is not None:
            await customizer.change_row(ENDPOINTS, str(found["serviceendpointid"]), body)
            return
        body |= {"name": ENDPOINT, "contract": WEBHOOK, "connectionmode": NORMAL, "messageformat": JSON}
        await customizer.add_row(ENDPOINTS, body)

    first = Step(part=ENDPOINT_PART, look=look, write=write, needs=(needs,))
    return (first, *(_message_step(customizer, item) for item in wanted))


def removal_steps(customizer: Customizer, wanted: Sequence[WantedStep]) -> tuple[Step, ...]:
    """Take away what calls the endpoint, then the endpoint."""
    return (*(_message_removal(customizer, item) for item in wanted), _endpoint_removal(customizer))


async def find_endpoint(customizer: Customizer) -> Document | None:
    """Return the row of our endpoint, None when there is none."""
    where = {"name": ENDPOINT, "contract": WEBHOOK}
    rows = await customizer.find_rows(ENDPOINTS, ("serviceendpointid", "url"), where)
    return rows[0] if rows else None


def _message_step(customizer: Customizer, wanted: WantedStep) -> Step:
    columns = ",".join(wanted.columns)

    async def look() -> Found:
        found = await _find_step(customizer, wanted)
        if found is None:
            return MISSING
        if found.get("statecode") != ENABLED:
            return Found(presence=Presence.FOREIGN, told="Somebody switched it off.", todo=SWITCHED_OFF)
        if wanted.columns and set(str(found.get("filteringattributes") or "").split(",")) != set(wanted.columns):
            return Found(presence=Presence.STALE, told="It listened to other columns.")
        return THERE

    async def write(_: Found) -> None:
        found = await _find_step(customizer, wanted)
        if found is not None:
            body = {"filteringattributes": columns}
            await customizer.change_row(STEPS, str(found["sdkmessageprocessingstepid"]), body)
            return
        endpoint = await find_endpoint(customizer)
        if endpoint is not None:
            await customizer.add_row(STEPS, await _step_body(customizer, wanted, endpoint))

    return Step(part=_part(wanted), look=look, write=write, needs=(ENDPOINT_PART,))


async def _step_body(customizer: Customizer, wanted: WantedStep, endpoint: Document) -> dict[str, object]:
    expand = {"sdkmessageid": ("name",)}
    where = {"primaryobjecttypecode": wanted.table, "sdkmessageid/name": wanted.message}
    filters = await customizer.find_rows("sdkmessagefilters", ("sdkmessagefilterid",), where, expand=expand)
    if not filters:
        raise SettingsInvalid(f"The CRM has no message {wanted.message} for the table {wanted.table}.")
    message = filters[0]["sdkmessageid"]
    message_id = message["sdkmessageid"] if isinstance(message, dict) else ""
    body: dict[str, object] = {
        "name": wanted.name,
        "mode": ASYNCHRONOUS,
        "stage": POST_OPERATION,
        "rank": 1,
        "supporteddeployment": SERVER,
        "asyncautodelete": True,
        "sdkmessageid@odata.bind": f"/sdkmessages({message_id})",
        "sdkmessagefilterid@odata.bind": f"/sdkmessagefilters({filters[0]['sdkmessagefilterid']})",
        "eventhandler_serviceendpoint@odata.bind": f"/serviceendpoints({endpoint['serviceendpointid']})",
    }
    return body | ({"filteringattributes": ",".join(wanted.columns)} if wanted.columns else {})


def _message_removal(customizer: Customizer, wanted: WantedStep) -> Step:
    async def look() -> Found:
        return MISSING if await _find_step(customizer, wanted) is None else THERE

    async def write(_: Found) -> None:
        found = await _find_step(customizer, wanted)
        if found is not None:
            await customizer.remove_row(STEPS, str(found["sdkmessageprocessingstepid"]))

    return Step(part=_part(wanted), look=look, write=write, is_removal=True)


def _endpoint_removal(customizer: Customizer) -> Step:
    async def look() -> Found:
        return MISSING if await find_endpoint(customizer) is None else THERE

    async def write(_: Found) -> None:
        found = await find_endpoint(customizer)
        if found is not None:
            await customizer.remove_row(ENDPOINTS, str(found["serviceendpointid"]))

    return Step(part=ENDPOINT_PART, look=look, write=write, is_removal=True)


async def _find_step(customizer: Customizer, wanted: WantedStep) -> Document | None:
    select = ("sdkmessageprocessingstepid", "filteringattributes", "statecode")
    rows = await customizer.find_rows(STEPS, select, {"name": wanted.name})
    return rows[0] if rows else None


def _part(wanted: WantedStep) -> Part:
    return Part(kind="wake-up", name=f"{wanted.table} {wanted.message}")


def _header(secret: str) -> str:
    return f'<settings><setting name="{HEADER}" value={quoteattr(secret)} /></settings>'
