"""Outgoing webhooks: what a registered step is interested in is posted to its endpoint, after the write, out of order.

One more try on 502, 503 and 504, none otherwise; a call that failed leaves a failed system job. `drain` does all that
waits, so that a test need not wait for the background task.
"""

import asyncio
import html
import logging
import random
import re
import uuid
from dataclasses import dataclass

import httpx

from cosell.emulators.dataverse.environment import Environment, Event
from cosell.emulators.dataverse.install import SYSTEM_USER_ID
from cosell.emulators.dataverse.rows import Data, Row
from cosell.emulators.dataverse.times import stamp
from cosell.emulators.dataverse.webhook_body import Image, Message, build_message

ASYNCHRONOUS, WEBHOOK_CONTRACT, ENABLED = 1, 8, 0
KEY_AUTH, HEADER_AUTH, QUERY_AUTH = 4, 5, 6
TRY_AGAIN = frozenset({502, 503, 504})
SUCCEEDED, FAILED = 30, 31
SETTING = re.compile(r'<setting\s+name="([^"]*)"\s+value="([^"]*)"\s*/>')
NOT_A_SUCCESS = (
    -2147155455,
    "The webhook call failed because the http request received non-success httpStatus code. Please check your webhook "
    "request handler.",
)
TIMED_OUT = (
    -2147155454,
    "The webhook call failed because the Http request timed out at client side. Please check your webhook request "
    "handler.",
)
BAD_HEADERS = (
    -2147155453,
    "The webhook call failed because of invalid http headers in authValue. Check if the authValue format, header names "
    "and values are valid for your Service Endpoint entity.",
)
BAD_QUERY = (
    -2147155452,
    "The webhook call failed because of invalid http query params in authValue. Check if the authValue format, query "
    "parameter names and values are valid for your Service Endpoint entity.",
)
POST_FAILED = (-2147155451, "The webhook call failed during http post. Please check the exception for more details.")
logger = logging.getLogger("cosell.emulators")


class DeliveryFailedError(Exception):
    """A call that got no success; code and text go into the system job."""

    def __init__(self, reason: tuple[int, str]) -> None:
        super().__init__(reason[1])
        self.code, self.text = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where and with which secret an endpoint is called."""

    url: str
    headers: dict[str, str]
    query: dict[str, str]


class WebhookSender:
    """Deliver events; `transport` replaces the network in tests."""

    def __init__(self, env: Environment) -> None:
        self._env = env
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._calls: set[asyncio.Task[None]] = set()
        self._random = random.Random(1)
        self.transport: httpx.AsyncBaseTransport | None = None

    def clear(self) -> None:
        """Drop what waits."""
        self._env.outbox.clear()

    def wake(self) -> None:
        """Look at the outbox; without a single step nothing is kept."""
        if self._env.outbox:
            if next(self._env.rows.scan("sdkmessageprocessingstep"), None) is None:
                self._env.outbox.clear()
            else:
                self._wake.set()

    async def start(self) -> None:
        """Deliver in the background from now on."""
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End the background delivery, calls under way included."""
        tasks = [*self._calls, *([self._task] if self._task else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._task = None

    async def drain(self) -> int:
        """Deliver all that waits; return how many calls were due."""
        due = 0
        while self._env.outbox:
            calls = self._take()
            due += len(calls)
            await asyncio.gather(*(self._deliver(event, step) for event, step in calls))
        return due

    def _take(self) -> list[tuple[Event, Row]]:
        """Empty the outbox and return the calls that its events are worth."""
        events, self._env.outbox[:] = list(self._env.outbox), []
        calls = [(event, step) for event in events for step in self._steps_for(event)]
        if self._env.knobs.webhook_shuffle:
            self._random.shuffle(calls)
        return calls

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            # Each call is a task of its own: a receiver that hangs holds up nobody else.
            for event, step in self._take():
                task = asyncio.create_task(self._deliver(event, step))
                self._calls.add(task)
                task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._calls.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("dataverse: delivering a webhook crashed", exc_info=task.exception())

    def _steps_for(self, event: Event) -> list[Row]:
        return [step for step in self._env.rows.scan("sdkmessageprocessingstep") if self._wants(step, event)]

    def _wants(self, step: Row, event: Event) -> bool:
        message = self._env.rows.get("sdkmessage", str(step.data.get("sdkmessageid")))
        message_filter = self._env.rows.get("sdkmessagefilter", str(step.data.get("sdkmessagefilterid")))
        if step.data.get("statecode") != ENABLED or message is None or message.data.get("name") != event.message:
            return False
        if message_filter is not None and message_filter.data.get("primaryobjecttypecode") != event.table:
            return False
        names = str(step.data.get("filteringattributes") or "")
        columns = {name.strip() for name in names.split(",") if name.strip()}
        return event.message != "Update" or not columns or bool(columns & set(event.changed))

    def _images_of(self, step: Row) -> tuple[Image, ...]:
        ids = self._env.rows.find_ids("sdkmessageprocessingstepimage", "sdkmessageprocessingstepid", step.id)
        found = []
        for row in self._env.rows.get_many("sdkmessageprocessingstepimage", ids):
            columns = tuple(name.strip() for name in str(row.data.get("attributes") or "").split(",") if name.strip())
            alias = str(row.data.get("entityalias") or row.data.get("name"))
            found.append(Image(alias=alias, kind=int(str(row.data.get("imagetype", 0))), columns=columns))
        return tuple(found)

    async def _deliver(self, event: Event, step: Row) -> None:
        endpoint = self._env.rows.get("serviceendpoint", str(step.data.get("eventhandler")))
        if endpoint is None or endpoint.data.get("contract") != WEBHOOK_CONTRACT:
            logger.warning("dataverse: step %s has no webhook endpoint; only webhooks are emulated", step.id)
            return
        message = build_message(self._env, event, step, self._images_of(step))
        try:
            await self._post_twice(address_of(endpoint), event, message)
        except DeliveryFailedError as error:
            self._note_job(event, step, message, status=FAILED, reason=(error.code, error.text))
            return
        if not step.data.get("asyncautodelete"):
            self._note_job(event, step, message, status=SUCCEEDED, reason=None)

    async def _post_twice(self, address: Address, event: Event, message: Message) -> None:
        status = await self._post(address, event, message)
        if status in TRY_AGAIN:
            status = await self._post(address, event, message)
        if not 200 <= status < 300:
            raise DeliveryFailedError(NOT_A_SUCCESS)

    async def _post(self, address: Address, event: Event, message: Message) -> int:
        headers = {
            "content-type": "application/json",
            "x-ms-dynamics-organization": self._env.host,
            "x-ms-dynamics-entity-name": event.table,
            "x-ms-dynamics-request-name": event.message,
            "x-ms-correlation-request-id": message.correlation_id,
            **address.headers,
        }
        if message.is_stripped:
            headers["x-ms-dynamics-msg-size-exceeded"] = "true"
        try:
            # A customer's receiver on this machine has no certificate the system trusts, hence no verification.
            async with httpx.AsyncClient(
                transport=self.transport,
                timeout=self._env.knobs.webhook_timeout_seconds,
                verify=False,  # noqa: S501
                trust_env=False,
            ) as client:
                reply = await client.post(address.url, params=address.query, content=message.body, headers=headers)
        except httpx.TimeoutException as error:
            raise DeliveryFailedError(TIMED_OUT) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise DeliveryFailedError(POST_FAILED) from error
        return reply.status_code

    def _note_job(
        self, event: Event, step: Row, message: Message, *, status: int, reason: tuple[int, str] | None
    ) -> None:
        now = stamp(self._env.now())
        job: Data = {
            "name": step.data.get("name"),
            "operationtype": 1,
            "messagename": event.message,
            "primaryentitytype": event.table,
            "owningextensionid": step.id,
            "correlationid": message.correlation_id,
            "statecode": 3,
            "statuscode": status,
            "startedon": now,
            "completedon": now,
            "createdon": now,
            "modifiedon": now,
            "createdby": SYSTEM_USER_ID,
            "modifiedby": SYSTEM_USER_ID,
            "ownerid": SYSTEM_USER_ID,
            "ownerid@": "systemuser",
        }
        if event.table in self._env.schema.tables["asyncoperation"].columns["regardingobjectid"].targets:
            job |= {"regardingobjectid": event.row_id, "regardingobjectid@": event.table}
        if reason is not None:
            job |= {"errorcode": reason[0], "message": reason[1], "friendlymessage": reason[1][:250]}
        self._env.rows.insert("asyncoperation", str(uuid.uuid4()), {k: v for k, v in job.items() if v is not None})


def address_of(endpoint: Row) -> Address:
    """Return where an endpoint is called; a malformed secret shows only now, as in the real service."""
    kind, value = endpoint.data.get("authtype"), str(endpoint.data.get("authvalue") or "")
    url = str(endpoint.data.get("url") or "")
    if kind == KEY_AUTH:
        return Address(url=url, headers={}, query={"code": value})
    if kind not in {HEADER_AUTH, QUERY_AUTH}:
        return Address(url=url, headers={}, query={})
    settings = {html.unescape(name): html.unescape(text) for name, text in SETTING.findall(value)}
    if not settings or not value.strip().startswith("<settings>"):
        raise DeliveryFailedError(BAD_HEADERS if kind == HEADER_AUTH else BAD_QUERY)
    if kind == HEADER_AUTH:
        return Address(url=url, headers=settings, query={})
    return Address(url=url, headers={}, query=settings)
