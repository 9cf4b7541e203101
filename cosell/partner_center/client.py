"""Referrals in Partner Center: read, listed, created, changed (Microsoft: Partner Center referrals API)."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from types import TracebackType
from typing import Self

from cosell.domain.ids import EngagementId, ReferralId
from cosell.errors import Origin, RecordNotFound, RequestRejected, StaleEtag
from cosell.http.links import query_string
from cosell.http.transport import ServiceClient
from cosell.partner_center.links import REFERRALS, next_page_url
from cosell.partner_center.models import Referral
from cosell.partner_center.reading import SERVICE_NAME, read_answer, read_page

Operation = Mapping[str, object]
"""One step of a JSON Patch: `op` (`replace` or `add`), `path`, `value`."""

MAX_PAGES = 5_000
_DEAL_VALUE = "/details/dealValue"


class PartnerCenterClient:
    """The referrals which the signed-in person may see. An async context manager."""

    def __init__(self, service: ServiceClient, *, link_hosts: tuple[str, ...] = (), max_pages: int = MAX_PAGES) -> None:
        """Send through `service`; `link_hosts` are hosts besides its own that next links may name."""
        self._service = service
        self._link_hosts = link_hosts
        self._max_pages = max_pages
        self._quotes_engagement_ids = True
        self._sends_deal_value_as_text = False

    async def __aenter__(self) -> Self:
        """Open the connections."""
        await self._service.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self._service.__aexit__(kind, error, traceback)

    @property
    def clock_skew(self) -> timedelta | None:
        """By how much our clock is ahead of the service's; None while nothing was asked."""
        return self._service.clock_skew

    async def try_access(self) -> bool | None:
        """List one referral, as a test; return whether the token shows a second factor, None when nothing is said.

        Microsoft: Partner Center, mandate multifactor authentication, `ValidateMfa`.
        """
        path = REFERRALS + query_string({"$orderby": "createdDateTime desc", "$top": "1"})
        answer = await self._service.request("GET", path, record="list of referrals", headers={"ValidateMfa": "true"})
        told = answer.headers.get("ismfacompliant", "").lower()
        return told == "true" if told else None

    async def get_referral(self, referral_id: ReferralId) -> Referral:
        """Return a referral, fresh, with its etag.

        Raises:
            RecordNotFound: gone, or not visible to the person who signed in.
        """
        record = f"referral {referral_id}"
        answer = await self._service.request("GET", f"{REFERRALS}/{referral_id}", record=record)
        return read_answer(Referral, answer, record=record)

    async def find_referral(self, referral_id: ReferralId) -> Referral | None:
        """Return a referral, or None when it is gone or not visible."""
        try:
            return await self.get_referral(referral_id)
        except RecordNotFound:
            return None

    async def iter_referrals(
        self, *, filter_: str | None = None, order_by: str | None = None, top: int | None = None
    ) -> AsyncIterator[list[Referral]]:
        """Yield the pages of a listing, to its very end; `order_by` knows `createdDateTime` and `updatedDateTime`.

        Raises:
            RequestRejected: a next link leads elsewhere, comes twice, or there is no end to them.
        """
        parameters = {"$filter": filter_, "$orderby": order_by, "$top": str(top) if top else None}
        url = self._service.url(REFERRALS + query_string(parameters))
        seen: set[str] = set()
        while True:
            seen.add(url)
            answer = await self._service.request("GET", url, record="list of referrals")
            referrals, link = read_page(answer)
            yield referrals
            if link is None:
                return
            url = next_page_url(link, request_url=url, base_url=self._service.base_url, hosts=self._link_hosts)
            if url in seen or len(seen) >= self._max_pages:
                origin = Origin(service=SERVICE_NAME, request_id=answer.request_id, field="@odata.nextLink")
                raise RequestRejected("Partner Center's listing has no end: a next link came twice", origin=origin)

    async def get_engagement(self, engagement_id: EngagementId) -> list[Referral]:
        """Return all copies of a deal that we may see: ours, Microsoft's, other partners'.

        Microsoft's pages quote the id, its live links do not; what the service accepts is remembered.
        """
        quotes = self._quotes_engagement_ids
        try:
            return await self._list_engagement(engagement_id, quote="'" if quotes else "")
        except RequestRejected:
            referrals = await self._list_engagement(engagement_id, quote="" if quotes else "'")
        self._quotes_engagement_ids = not quotes
        return referrals

    async def _list_engagement(self, engagement_id: EngagementId, *, quote: str) -> list[Referral]:
        pages = self.iter_referrals(filter_=f"engagementId eq {quote}{engagement_id}{quote}")
        return [referral async for page in pages for referral in page]

    async def find_referral_by_external_reference(
        self, external_reference_id: str, *, created_after: datetime
    ) -> Referral | None:
        """Return our referral that carries this CRM id, or None when none was created since `created_after`.

        The newest are listed first and compared here, for the service has no filter on the CRM id. Several: the oldest.
        When a page fails this raises: "not found" is only ever said after looking.
        """
        found: Referral | None = None
        async for page in self.iter_referrals(order_by="createdDateTime desc"):
            for referral in page:
                if _carries(referral, external_reference_id):
                    found = referral
            oldest = page[-1].created_date_time if page else None
            if oldest is not None and oldest < created_after:
                break
        return found

    async def create_referral(self, body: Mapping[str, object]) -> Referral:
        """Create a referral and return it as Partner Center made it: accepted, with its ids and etag.

        There is no idempotency key, so this is never repeated by itself.

        Raises:
            ServiceUnreachable: whether it was created is not known; look by the CRM id before creating again.
        """
        record = f"opportunity {body.get('externalReferenceId', '')}".strip()
        answer = await self._service.request("POST", REFERRALS, json=body, record=record, idempotent=False)
        return read_answer(Referral, answer, record=record)

    async def update_referral(self, referral_id: ReferralId, operations: Sequence[Operation], *, etag: str) -> Referral:
        """Apply a JSON Patch to the referral as it was read with `etag`; return it as it is now, with its new etag.

        Raises:
            StaleEtag: it moved since, or was read without an etag; read again and plan anew.
        """
        if not etag:
            raise StaleEtag(
                "It was read without an etag; read it again", origin=Origin(record=f"referral {referral_id}")
            )
        if not operations:
            raise ValueError("an update without operations")
        steps = [self._step(operation) for operation in operations]
        try:
            return await self._patch(referral_id, steps, etag=etag)
        except RequestRejected:
            as_text = [_with_text(step) for step in steps]
            if as_text == steps:
                raise
        referral = await self._patch(referral_id, as_text, etag=etag)
        self._sends_deal_value_as_text = True
        return referral

    def _step(self, operation: Operation) -> Operation:
        return _with_text(operation) if self._sends_deal_value_as_text else operation

    async def _patch(self, referral_id: ReferralId, steps: Sequence[Operation], *, etag: str) -> Referral:
        record = f"referral {referral_id}"
        headers = {"If-Match": etag, "Prefer": "return=representation"}
        answer = await self._service.request(
            "PATCH", f"{REFERRALS}/{referral_id}", json=list(steps), headers=headers, record=record
        )
        if answer.status == 204 or answer.find_object() is None:
            return await self.get_referral(referral_id)
        return read_answer(Referral, answer, record=record)


def _carries(referral: Referral, external_reference_id: str) -> bool:
    carried = (referral.external_reference_id or "").strip().lower()
    return carried == external_reference_id.lower() and not referral.is_microsofts_copy


def _with_text(operation: Operation) -> Operation:
    """Return the step with a deal value in the spelling of Microsoft's samples: a text."""
    value = operation.get("value")
    if operation.get("path") == _DEAL_VALUE and isinstance(value, Decimal | int):
        return {**operation, "value": format(value, "f") if isinstance(value, Decimal) else str(value)}
    return operation
