"""One request, from asking for a token to an answer or one of our errors: everything a client need not think about."""

import logging
import ssl
import uuid
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Self

import httpx

from cosell.domain.clock import Clock
from cosell.errors import (
    CosellError,
    Origin,
    RequestRejected,
    RetryableError,
    ServiceUnreachable,
    SettingsInvalid,
    SignInRequired,
    Throttled,
)
from cosell.http.answer import Answer
from cosell.http.classify import classify_answer
from cosell.http.pace import Pace, Sleep
from cosell.http.plain_json import parse_json, to_json
from cosell.http.retry import RetryBudget
from cosell.http.service import Service
from cosell.http.tokens import TokenSource

logger = logging.getLogger(__name__)

MAX_ANSWER_BYTES = 64 * 1024 * 1024
THROTTLING = frozenset({429, 509})
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_REPEATABLE_METHODS = frozenset({"GET", "HEAD", "PUT", "DELETE"})


class ServiceClient:
    """Sends requests to one service, with its tokens, at its pace.

    Repeats by itself, within `budget`: what was throttled, what failed for the moment, and what got no answer, unless
    repeating could do the same thing twice. One refused token is replaced by a new one.
    """

    def __init__(
        self,
        service: Service,
        *,
        tokens: TokenSource,
        http: httpx.AsyncClient,
        pace: Pace,
        clock: Clock,
        sleep: Sleep,
        budget: RetryBudget | None = None,
        on_sign_in_lost: Callable[[SignInRequired], Awaitable[None]] | None = None,
    ) -> None:
        """Take over `http`, which is closed with this client; `on_sign_in_lost` is told when a new one is wanted."""
        self.service = service
        self._tokens = tokens
        self._http = http
        self._pace = pace
        self._clock = clock
        self._sleep = sleep
        self._budget = budget or RetryBudget()
        self._on_sign_in_lost = on_sign_in_lost
        self._heard_at: tuple[datetime, str] | None = None

    async def __aenter__(self) -> Self:
        """Open the connections."""
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self._http.__aexit__(kind, error, traceback)

    def url(self, path: str) -> str:
        """Return the whole address of a path."""
        return self.service.url(path)

    @property
    def base_url(self) -> str:
        """The address of the API."""
        return self.service.base_url

    @property
    def clock_skew(self) -> timedelta | None:
        """By how much our clock was ahead of the service's at its last answer; None when no answer had a date."""
        if self._heard_at is None:
            return None
        ours, theirs = self._heard_at
        try:
            return ours - parsedate_to_datetime(theirs)
        except (TypeError, ValueError):
            return None

    async def request(
        self,
        method: str,
        path: str,
        *,
        record: str = "",
        headers: Mapping[str, str] | None = None,
        json: object = None,
        content: bytes | None = None,
        idempotent: bool | None = None,
    ) -> Answer:
        """Return a successful answer.

        Args:
            method: the HTTP method.
            path: below the service's address, with its query; or a whole address, from `allowed_link`.
            record: what this is about, by id, for error texts.
            headers: besides those the service always gets.
            json: the body; or `content`, the body as it is, with its own Content-Type.
            content: see there.
            idempotent: whether sending it twice does no harm; by default told by the method and an If-Match.

        Raises:
            CosellError: as `cosell.http.classify` says; ServiceUnreachable when there was no whole answer.
        """
        request = _Request(self.service, method=method, path=path, headers=headers or {}, json=json, content=content)
        may_repeat = request.is_repeatable if idempotent is None else idempotent
        token = await self._tokens.token()
        attempt, waited, renewed = 0, 0.0, False
        while True:
            attempt += 1
            error: CosellError
            try:
                answer = await self._send(request, token)
            except (httpx.TransportError, httpx.DecodingError) as failure:
                error = self._unreachable(failure, record=record, may_repeat=may_repeat)
                again = may_repeat or isinstance(failure, _NEVER_SENT)
            else:
                if answer.is_success:
                    return answer
                if answer.status == 401 and not renewed:
                    renewed, attempt = True, attempt - 1
                    token = await self._renew(token)
                    continue
                request.note_answer()
                error = self.classify(answer, record=record)
                again = may_repeat or isinstance(error, Throttled)
            if isinstance(error, SignInRequired) and self._on_sign_in_lost:
                await self._on_sign_in_lost(error)
            if not isinstance(error, RetryableError):
                raise error
            if isinstance(error, Throttled) and error.retry_after:
                self._pace.keep_silent(error.retry_after)
                await self._pace.tell_others(error.retry_after)
            wait = self._budget.find_wait(attempt=attempt, waited=waited, retry_after=error.retry_after)
            if wait is None or not again:
                raise error
            logger.info("waiting %.1f seconds, then asking again: %s", wait, error)
            waited += wait
            await self._sleep(wait)

    def classify(self, answer: Answer, *, record: str) -> CosellError:
        """Return the error that an unsuccessful answer stands for."""
        return classify_answer(answer, service=self.service, record=record, now=self._clock())

    async def _renew(self, refused: str) -> str:
        """Return another token than the refused one; a neighbour may have got it already."""
        held = await self._tokens.token()
        return held if held != refused else await self._tokens.token(force=True)

    async def _send(self, request: "_Request", token: str) -> Answer:
        async with self._pace.slot(max_wait_seconds=self._budget.max_wait_seconds):
            wire = self._http.build_request(
                request.method, request.url, headers=request.headers(token), content=request.content
            )
            started_at = self._clock()
            response = await self._http.send(wire, stream=True)
            try:
                answer = await _read(response)
            finally:
                await response.aclose()
            seconds = (self._clock() - started_at).total_seconds()
            self._pace.note_answer(seconds=seconds, is_throttled=answer.status in THROTTLING)
        if date := answer.headers.get("date"):
            self._heard_at = (self._clock(), date)
        hint = answer.headers.get("x-ms-dop-hint", "")
        if hint.isdigit():
            self._pace.follow_hint(int(hint))
        return answer

    def _unreachable(self, failure: httpx.RequestError, *, record: str, may_repeat: bool) -> CosellError:
        name, origin = self.service.name, Origin(service=self.service.name, record=record, code=type(failure).__name__)
        if _is_certificate_problem(failure):
            return SettingsInvalid(
                f"{name} shows a certificate we do not trust; look at COSELL_CA_BUNDLE and {self.service.url_setting}",
                origin=origin,
            )
        if isinstance(failure, _NEVER_SENT):
            return ServiceUnreachable(f"{name} cannot be reached; look at {self.service.url_setting}", origin=origin)
        if may_repeat:
            return ServiceUnreachable(f"The connection to {name} broke off before the answer", origin=origin)
        return ServiceUnreachable(
            f"The connection to {name} broke off before the answer: whether it was done is not known, look first",
            origin=origin,
        )


class _Request:
    """What stays the same when a request is sent again."""

    def __init__(
        self,
        service: Service,
        *,
        method: str,
        path: str,
        headers: Mapping[str, str],
        json: object,
        content: bytes | None,
    ) -> None:
        self.method = method
        self.url = service.url(path)
        self.content = to_json(json).encode() if json is not None else content
        operation_id = str(uuid.uuid4())
        self._service = service
        self._headers = {
            "Accept": "application/json",
            **({"Content-Type": "application/json; charset=utf-8"} if json is not None else {}),
            **service.headers,
            **dict.fromkeys(service.correlation_headers, operation_id),
            **headers,
        }
        self._idempotency_key = str(uuid.uuid4())

    @property
    def is_repeatable(self) -> bool:
        """Whether a second sending has no second effect."""
        return self.method in _REPEATABLE_METHODS or "If-Match" in self._headers

    def note_answer(self) -> None:
        """Use a new idempotency key from here on (Microsoft: Partner Center REST headers, MS-RequestId)."""
        self._idempotency_key = str(uuid.uuid4())

    def headers(self, token: str) -> dict[str, str]:
        headers = {**self._headers, "Authorization": f"Bearer {token}"}
        if self._service.idempotency_header:
            headers[self._service.idempotency_header] = self._idempotency_key
        return headers


async def _read(response: httpx.Response) -> Answer:
    chunks, size = [], 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > MAX_ANSWER_BYTES:
            raise RequestRejected("An answer is larger than anything that was asked for; it was not read to its end.")
        chunks.append(chunk)
    body = b"".join(chunks)
    return Answer(
        status=response.status_code,
        headers={name.lower(): value for name, value in response.headers.items()},
        body=body,
        document=_parse(response, body),
        url=str(response.request.url),
    )


def _parse(response: httpx.Response, body: bytes) -> object:
    """Return the JSON body; one that was promised and is not whole counts as a connection that broke off."""
    if not body or "multipart" in response.headers.get("content-type", ""):
        return None
    try:
        return parse_json(body)
    except ValueError:
        if response.is_success and "json" in response.headers.get("content-type", ""):
            raise httpx.RemoteProtocolError("the JSON of an answer is not whole") from None
        return None


def _is_certificate_problem(failure: BaseException | None) -> bool:
    while failure is not None:
        if isinstance(failure, ssl.SSLCertVerificationError):
            return True
        failure = failure.__cause__ or failure.__context__
    return False
