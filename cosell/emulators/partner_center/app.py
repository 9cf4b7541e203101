"""Builds the stand-in of Partner Center out of its parts."""

from collections.abc import Awaitable, Callable

import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cosell.emulators.partner_center.access import Door, Roles
from cosell.emulators.partner_center.answers import throttled
from cosell.emulators.partner_center.behaviour import Behaviour
from cosell.emulators.partner_center.dispatching import Dispatcher
from cosell.emulators.partner_center.endpoints import ReferralEndpoints
from cosell.emulators.partner_center.limits import Gateway
from cosell.emulators.partner_center.listing import Listing
from cosell.emulators.partner_center.microsoft import Microsoft
from cosell.emulators.partner_center.notifications import Notifications, WebhookFaults
from cosell.emulators.partner_center.referrals import Referrals
from cosell.emulators.partner_center.webhook_api import WebhookEndpoints
from cosell.emulators.partner_center.writing import Writer
from cosell.emulators.pki import Pki
from cosell.emulators.world import World

_ALL = ["GET", "POST", "PUT", "PATCH", "DELETE"]


class PartnerCenterService:
    """The stand-in: `routes` to mount; `microsoft`, `dispatcher` and `behaviour` for the controls."""

    def __init__(
        self,
        world: World,
        *,
        roles: Roles,
        pki: Callable[[], Pki],
        faults: WebhookFaults | None,
        webhook_origin: str,
        callback_transport: httpx.AsyncBaseTransport | None,
    ) -> None:
        """Wire the parts together."""
        self.behaviour = Behaviour()
        self.referrals = Referrals(world.store)
        self.notifications = Notifications(world, self.behaviour, faults, origin=webhook_origin)
        self._writer = Writer(world, self.referrals, self.notifications)
        self.microsoft = Microsoft(world, self.behaviour, self.referrals, self._writer)
        self.dispatcher = Dispatcher(
            world, self.behaviour, pki=pki, transport=callback_transport, tick=self.microsoft.tick
        )
        self.notifications.on_owed = self.dispatcher.wake
        self._gateway = Gateway(world.clock, self.behaviour)
        door = Door(world, self.behaviour, roles)
        listing = Listing(world.store, self.behaviour)
        self._endpoints = ReferralEndpoints(world, door, self.referrals, self._writer, listing)
        self._webhooks = WebhookEndpoints(world, door, self.notifications)
        self.routes: list[BaseRoute] = [
            Route("/v1.0/engagements/referrals", self._collection, methods=_ALL),
            Route("/v1.0/engagements/referrals/{referral_id}", self._single, methods=_ALL),
            Route("/webhooks/v1/registration/events", self._webhooks.events, methods=_ALL),
            Route("/webhooks/v1/registration", self._webhooks.registration, methods=_ALL),
            Route("/webhooks/v1/registration/validationEvents", self._webhooks.validations, methods=_ALL),
            Route(
                "/webhooks/v1/registration/validationEvents/{correlation_id}",
                self._webhooks.validation,
                methods=_ALL,
            ),
        ]

    async def _collection(self, request: Request) -> Response:
        return await self._passed(request, self._endpoints.collection)

    async def _single(self, request: Request) -> Response:
        return await self._passed(request, self._endpoints.single)

    async def _passed(self, request: Request, endpoint: Callable[[Request], Awaitable[Response]]) -> Response:
        if seconds := self._gateway.seconds_to_wait():
            return throttled(seconds)
        self.microsoft.tick()
        return await endpoint(request)

    def reset(self) -> None:
        """Forget all referrals, the webhook registration, and turn every knob back."""
        self.referrals.reset()
        self.notifications.reset()
        self._webhooks.reset()
        self.behaviour.reset()
        self._gateway.reset()

    async def start(self) -> None:
        """Deliver notifications in the background."""
        await self.dispatcher.start()

    async def stop(self) -> None:
        """Stop delivering."""
        await self.dispatcher.stop()


def create_partner_center(
    world: World,
    *,
    roles: Roles,
    pki: Callable[[], Pki],
    faults: WebhookFaults | None = None,
    webhook_origin: str = "https://127.0.0.1",
    callback_transport: httpx.AsyncBaseTransport | None = None,
) -> PartnerCenterService:
    """Build the stand-in of Partner Center on a world."""
    return PartnerCenterService(
        world,
        roles=roles,
        pki=pki,
        faults=faults,
        webhook_origin=webhook_origin,
        callback_transport=callback_transport,
    )
