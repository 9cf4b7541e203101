"""Delivers what is owed: signed callbacks, several at a time, up to ten tries each, on the world's clock."""

import asyncio
import json
import logging
import ssl
from collections.abc import Callable
from http import HTTPStatus
from sqlite3 import Row

import httpx

from cosell.emulators.partner_center.behaviour import Behaviour
from cosell.emulators.pki import Pki
from cosell.emulators.world import World

_logger = logging.getLogger("cosell.emulators")
_AT_A_TIME = 8
_LONGEST_NAP_SECONDS = 0.5


class Dispatcher:
    """Sends deliveries which are due; `start` does so in the background, `drain` once and to the end, for tests."""

    def __init__(
        self,
        world: World,
        behaviour: Behaviour,
        *,
        pki: Callable[[], Pki],
        transport: httpx.AsyncBaseTransport | None,
        tick: Callable[[], None],
    ) -> None:
        """`tick` is called before each look, so that time passes for referrals too."""
        self._store = world.store
        self._clock = world.clock
        self._behaviour = behaviour
        self._pki = pki
        self._transport = transport
        self._tick = tick
        self._awake = asyncio.Event()
        self._sending: set[asyncio.Task[None]] = set()
        self._loop: asyncio.Task[None] | None = None
        self._client: httpx.AsyncClient | None = None

    def wake(self) -> None:
        """Say that something is owed, or that the clock moved."""
        self._awake.set()

    async def start(self) -> None:
        """Deliver in the background until `stop`."""
        self._loop = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop at once; what was under way is sent again after the next start."""
        tasks = [task for task in (self._loop, *self._sending) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._loop = None
        self._store.execute("UPDATE pc_deliveries SET state = 'waiting' WHERE state = 'sending'")
        if self._client:
            await self._client.aclose()
            self._client = None

    async def drain(self) -> None:
        """Send everything that is due by now, and return when it was tried."""
        self._tick()
        while True:
            self._send_due()
            if not self._sending:
                return
            await asyncio.wait(self._sending, return_when=asyncio.FIRST_COMPLETED)

    async def _run(self) -> None:
        while True:
            self._awake.clear()
            try:
                self._tick()
                self._send_due()
            except Exception:
                _logger.exception("the delivery of callbacks stumbled")
            nap = min(_LONGEST_NAP_SECONDS, max(0.0, self._seconds_to_next()))
            wakers = {asyncio.ensure_future(self._awake.wait()), *self._sending}
            await asyncio.wait(wakers, timeout=nap, return_when=asyncio.FIRST_COMPLETED)
            for waker in wakers - self._sending:
                waker.cancel()

    def _seconds_to_next(self) -> float:
        if len(self._sending) >= _AT_A_TIME:
            return _LONGEST_NAP_SECONDS
        due = self._store.execute(
            "SELECT min(due_at) FROM pc_deliveries WHERE state IN ('waiting', 'held')"
        ).fetchone()[0]
        return _LONGEST_NAP_SECONDS if due is None else due - self._clock.now().timestamp()

    def _send_due(self) -> None:
        room = _AT_A_TIME - len(self._sending)
        if room <= 0:
            return
        rows = self._store.execute(
            "SELECT * FROM pc_deliveries WHERE state IN ('waiting', 'held') AND due_at <= ?"
            " ORDER BY due_at, seq LIMIT ?",
            (self._clock.now().timestamp() + 0.002, room),
        ).fetchall()
        for row in rows:
            self._store.execute("UPDATE pc_deliveries SET state = 'sending' WHERE seq = ?", (row["seq"],))
            task = asyncio.create_task(self._send(row))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _send(self, row: Row) -> None:
        code, is_system_error = await self._post(row)
        results = json.loads(row["results"])
        results.append(
            {
                "responseCode": code,
                "responseMessage": "",
                "systemError": is_system_error,
                "dateTimeUtc": f"{self._clock.now():%Y-%m-%dT%H:%M:%S.%f}0",
            }
        )
        tries = row["try_count"] + 1
        behaviour = self._behaviour
        pause = min(behaviour.retry_most_seconds, behaviour.retry_first_seconds * 2 ** (tries - 1))
        if code.startswith("2"):
            results[-1]["responseCode"] = _dotnet_name(int(code))
            state = "delivered"
        else:
            results[-1]["responseCode"] = _dotnet_name(int(code)) if code.isdecimal() else code
            state = "waiting" if tries < behaviour.attempt_count else "abandoned"
        self._store.execute(
            "UPDATE pc_deliveries SET state = ?, try_count = ?, results = ?, due_at = ? WHERE seq = ?",
            (state, tries, json.dumps(results), self._clock.now().timestamp() + pause, row["seq"]),
        )
        self._awake.set()

    async def _post(self, row: Row) -> tuple[str, bool]:
        """Return the status, or the name of what kept us from getting one."""
        pki = self._pki()
        body = row["body"].encode()
        signature = pki.sign(body)
        headers = {
            "Content-Type": "application/json",
            "X-MS-Certificate-Url": pki.certificate_url,
            "X-MS-Signature-Algorithm": "rsa-sha256",
        }
        if row["is_ms_header"]:
            is_bare = self._behaviour.signature_form == "bare"
            headers["x-ms-signature"] = signature if is_bare else f"Signature {signature}"
        else:
            headers["Authorization"] = f"Signature {signature}"
        try:
            answer = await self._http(pki).post(
                row["url"], content=body, headers=headers, timeout=self._behaviour.callback_timeout_seconds
            )
        except httpx.TimeoutException:
            return "RequestTimeout", True
        except (httpx.HTTPError, httpx.InvalidURL):
            return "ConnectFailure", True
        return str(answer.status_code), False

    def _http(self, pki: Pki) -> httpx.AsyncClient:
        if self._client is None:
            trust = ssl.create_default_context()
            trust.load_verify_locations(cadata=pki.ca.pem.decode())
            self._client = httpx.AsyncClient(transport=self._transport, verify=trust, follow_redirects=False)
        return self._client

    def told(self, limit: int) -> dict[str, object]:
        """Describe the deliveries for the controls: how many in which state, and the newest."""
        states = self._store.execute("SELECT state, count(*) AS n FROM pc_deliveries GROUP BY state").fetchall()
        rows = self._store.execute("SELECT * FROM pc_deliveries ORDER BY seq DESC LIMIT ?", (limit,)).fetchall()
        return {
            "counts": {row["state"]: row["n"] for row in states},
            "newest": [
                {
                    "event": row["event"],
                    "url": row["url"],
                    "state": row["state"],
                    "try_count": row["try_count"],
                    "body": json.loads(row["body"]),
                    "results": json.loads(row["results"]),
                }
                for row in rows
            ],
        }


def _dotnet_name(status: int) -> str:
    """Spell a status as .NET does, `OK`, `InternalServerError`: so the validation results name it."""
    if status == 200:
        return "OK"
    try:
        return HTTPStatus(status).phrase.replace(" ", "").replace("-", "")
    except ValueError:
        return str(status)
