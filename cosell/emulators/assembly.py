"""The stand-ins as one set: built on one world, started, stopped and reset together."""

import logging
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Protocol

from starlette.routing import BaseRoute

from cosell.emulators import identities
from cosell.emulators.calls import CallLog
from cosell.emulators.connector_deals import ConnectorDeal
from cosell.emulators.entra.app import EntraService, create_entra
from cosell.emulators.faults import Faults
from cosell.emulators.knobs import Json
from cosell.emulators.options import Options
from cosell.emulators.partner_center.app import PartnerCenterService, create_partner_center
from cosell.emulators.pki import Pki, create_pki
from cosell.emulators.world import World

_logger = logging.getLogger("cosell.emulators")


class CrmService(Protocol):
    """What the shell needs of the stand-in of Dataverse."""

    routes: list[BaseRoute]
    organization_id: str
    limits: Json

    @property
    def knobs(self) -> Json:
        """What a test may turn."""

    def reset(self) -> None:
        """Go back to the first day."""

    def seed(self, count: int, *, seed: int) -> None:
        """Fill it with rows."""

    def add_connector(self, deals: Sequence[ConnectorDeal], *, seed: int) -> None:
        """Add Microsoft's own connector with rows of its."""

    def add_application_user(self, client_id: str) -> None:
        """Let an app in."""

    def user_exists(self, email: str) -> bool:
        """Tell whether somebody is a user."""

    async def start(self) -> None:
        """Begin what runs in the background."""

    async def stop(self) -> None:
        """End it."""


class Emulators:
    """Everything behind one application; the controls act on it. `start` and `stop` own what runs in the background."""

    def __init__(self, world: World, options: Options) -> None:
        """Build the services on a world."""
        self.world = world
        self.options = options
        self.faults = Faults(options.seed)
        self.log = CallLog()
        self._pki = options.pki
        self.entra: EntraService = create_entra(world)
        self.partner_center: PartnerCenterService = create_partner_center(
            world,
            roles=self,
            pki=self.pki,
            faults=self.faults,
            webhook_origin=options.webhook_origin,
            callback_transport=options.callback_transport,
        )
        self.dataverse = _dataverse(world, options)

    def pki(self) -> Pki:
        """Return the certificates, made on first use when none were given."""
        if self._pki is None:
            self._pki = create_pki(certificate_origin=self.options.partner_origin)
        return self._pki

    def rotate_certificate(self) -> str:
        """Sign callbacks with a new certificate from now on; return its address."""
        self._pki = self.pki().rotated()
        return self._pki.certificate_url

    def role_of(self, user: str) -> str:
        """Return somebody's role in Partner Center."""
        found = self.entra.directory.find_user(user)
        return found.role if found else "none"

    def reset(self) -> None:
        """Go back to the first day: identities, clock, faults, counts, violations, and every service.

        Access tokens stay good, so that whoever holds one can go on.
        """
        self.world.clock.reset()
        self.world.violations.clear()
        self.faults.clear()
        self.log.clear()
        self.entra.reset()
        self.partner_center.reset()
        if self.dataverse:
            self.dataverse.reset()
            self.dataverse.add_application_user(identities.CRM_CLIENT_ID)

    async def start(self) -> None:
        """Begin to deliver notifications."""
        await self.partner_center.start()
        if self.dataverse:
            await self.dataverse.start()

    async def stop(self) -> None:
        """End what runs in the background."""
        await self.partner_center.stop()
        if self.dataverse:
            await self.dataverse.stop()


def _dataverse(world: World, options: Options) -> CrmService | None:
    """Build the stand-in of Dataverse, imported late: Partner Center can be emulated without."""
    if find_spec("cosell.emulators.dataverse.app") is None:
        _logger.warning("the emulated Dataverse is not installed; /api/data answers 404")
        return None
    from cosell.emulators.dataverse.app import create_dataverse

    service: CrmService = create_dataverse(world, bare=options.bare)
    service.add_application_user(identities.CRM_CLIENT_ID)
    return service
