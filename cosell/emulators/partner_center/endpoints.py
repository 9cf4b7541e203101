"""The referrals API over HTTP: list, get, create, patch, and the obsolete put."""

import json
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from cosell.emulators import identities
from cosell.emulators.json_bodies import parse_json
from cosell.emulators.origins import origin_of
from cosell.emulators.partner_center.access import Access, Door
from cosell.emulators.partner_center.answers import PartnerApiError, answer, invalid, not_found
from cosell.emulators.partner_center.listing import Listing
from cosell.emulators.partner_center.patching import patched
from cosell.emulators.partner_center.referrals import Document, Referrals, rendered, stored_text
from cosell.emulators.partner_center.shape import CannotBindError, Json, bound, completed, merged
from cosell.emulators.partner_center.writing import SERVICE, Writer
from cosell.emulators.world import World

MOST_BYTES = 1_000_000
_WRITES = frozenset({"POST", "PATCH", "PUT", "DELETE"})
Handler = Callable[[Request, Access], Awaitable[Response]]


class ReferralEndpoints:
    """Handles the two paths of the API."""

    def __init__(self, world: World, door: Door, referrals: Referrals, writer: Writer, listing: Listing) -> None:
        """Work on what the service holds."""
        self._world = world
        self._door = door
        self._referrals = referrals
        self._writer = writer
        self._listing = listing

    async def collection(self, request: Request) -> Response:
        """Answer /engagements/referrals."""
        return await self._guarded(request, {"GET": self._list, "POST": self._create})

    async def single(self, request: Request) -> Response:
        """Answer /engagements/referrals/{id}."""
        return await self._guarded(request, {"GET": self._get, "PATCH": self._patch, "PUT": self._put})

    async def _guarded(self, request: Request, handlers: dict[str, Handler]) -> Response:
        try:
            access = self._door.admit_to_referrals(request)
            handler = handlers.get(request.method)
            if handler is None:
                allow = {"Allow": ", ".join(handlers)}
                text = f"{request.method} is not allowed here."
                raise PartnerApiError(405, "invalidRequest", text, rule="methodNotAllowed", headers=allow)
            response = await handler(request, access)
        except PartnerApiError as error:
            if error.rule and request.method in _WRITES:
                record = request.path_params.get("referral_id", "(new)")
                self._world.violate(SERVICE, error.rule, record, error.message)
            response = answer(request, error.body(), status=error.status, headers=error.headers)
        response.headers.update(self._door.mfa_told(request))
        return response

    async def _list(self, request: Request, access: Access) -> Response:
        query = dict(request.query_params)
        text = self._listing.text(query, origin=origin_of(request), team_email=access.team_email)
        return answer(request, text=text)

    async def _get(self, request: Request, access: Access) -> Response:
        document = self._visible(request, access)
        return self._told(request, document)

    async def _create(self, request: Request, access: Access) -> Response:
        body = _bound(await _json_body(request))
        if access.team_email and not _holds(body, access.team_email):
            raise PartnerApiError(
                403, "accessDenied", "A Referrals user has to be in the team of the deal.", rule="notInTeam"
            )
        document = self._writer.create(body)
        return self._told(request, document, status=201)

    async def _patch(self, request: Request, access: Access) -> Response:
        operations = await _json_body(request)
        before = self._changeable(request, access)
        _check_if_match(request, before, is_required=False)
        after = self._writer.change(before, patched(before, operations))
        preferences = {each.strip().lower() for each in request.headers.get("prefer", "").split(",")}
        if "return=representation" in preferences:
            return self._told(request, after, headers={"Preference-Applied": "return=representation"})
        return answer(request, status=204, etag=after["eTag"])

    async def _put(self, request: Request, access: Access) -> Response:
        body = await _json_body(request)
        before = self._changeable(request, access)
        _check_if_match(request, before, is_required=True)
        if isinstance(body, dict) and "links" in {name.lower() for name in body}:
            raise invalid("linksInBody", "Remove 'links' before you send the referral.", target="links")
        wanted = _bound(body)
        wanted.pop("eTag", None)
        return self._told(request, self._writer.change(before, completed(merged(before, wanted))))

    def _visible(self, request: Request, access: Access) -> Document:
        document = self._referrals.find(request.path_params["referral_id"])
        if document is None:
            raise not_found()
        if access.team_email:
            engagement = self._referrals.in_engagement(document["engagementId"])
            own = [copy for copy in engagement if copy["organizationId"] == identities.ORGANIZATION_ID]
            if not any(_holds(copy, access.team_email) for copy in own):
                raise not_found()
        return document

    def _changeable(self, request: Request, access: Access) -> Document:
        document = self._visible(request, access)
        if document["organizationId"] != identities.ORGANIZATION_ID:
            raise PartnerApiError(403, "accessDenied", "The copy belongs to another organization.", rule="foreignCopy")
        return document

    def _told(
        self, request: Request, document: Document, *, status: int = 200, headers: dict[str, str] | None = None
    ) -> Response:
        origin = origin_of(request)
        context = json.dumps(f"{origin}/v1.0/engagements/referrals/$metadata#Referrals/$entity")
        text = rendered(stored_text(document), origin)
        whole = f'{{"@odata.context":{context},{text[1:]}'
        return answer(request, text=whole, status=status, headers=headers, etag=document["eTag"])


async def _json_body(request: Request) -> Json:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise PartnerApiError(415, "invalidRequest", f"The content type '{kind}' is not supported.", rule="mediaType")
    raw = await request.body()
    if len(raw) > MOST_BYTES:
        raise PartnerApiError(413, "invalidRequest", "The request is too large.", rule="tooLarge")
    try:
        return parse_json(raw)
    except ValueError:
        raise invalid("malformedBody", "The body is not JSON.") from None


def _bound(body: Json) -> Document:
    if not isinstance(body, dict):
        raise invalid("malformedBody", "The body must be a referral.")
    try:
        document: Document = bound(body)
    except CannotBindError as error:
        raise invalid("invalidValue", str(error), target=error.path) from None
    return document


def _check_if_match(request: Request, document: Document, *, is_required: bool) -> None:
    sent = request.headers.get("if-match")
    if sent is None:
        if is_required:
            raise PartnerApiError(412, "preconditionFailed", "If-Match is required.", rule="ifMatchMissing")
        return
    if sent.strip() not in {"*", document["eTag"]}:
        # Losing a race is no broken rule, so nothing is noted.
        raise PartnerApiError(412, "resourceModified", "The resource has changed since it was read.")


def _holds(document: Document, email: str) -> bool:
    members = document.get("team") or ()
    return any((member.get("email") or "").lower() == email.lower() for member in members)
