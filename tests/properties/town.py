"""The stand of the properties: tokens are revoked, runs end early, and the flows run without Prefect around them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from cosell.emulators import identities
from cosell.errors import CosellError, SignInRequired
from cosell.http.tokens import TokenSource
from cosell.store import Door, Hint, HintKind
from cosell.sync.workspace import Workspace
from tests.sync.alone import run_flow
from tests.sync.fate import Fate, Killed
from tests.sync.stand import Stand

Handle = Callable[[Workspace, str], Awaitable[object]]
CLAIMS_AT_MOST = 4
FLOW = "a property"


@dataclass(slots=True)
class Revocable:
    """A token which the services may refuse; then another one is asked for, and is given while the sign-in is good."""

    town: "Town"
    bearer: str
    user: str | None

    async def token(self, *, force: bool = False) -> str:
        if force:
            if self.user and self.town.is_sign_in_lost:
                raise SignInRequired("Sign in again")
            self.town.let_in(self.bearer, user=self.user)
        return self.bearer


@dataclass(slots=True)
class Town(Stand):
    """A stand in which everything goes wrong that can."""

    is_sign_in_lost: bool = False
    ended_by: list[str] = field(default_factory=list)
    """Why runs ended early, by the name of the error."""

    def _token(self, bearer: str, *, user: str | None) -> TokenSource:
        if not (user and self.is_sign_in_lost):
            self.let_in(bearer, user=user)
        return Revocable(self, bearer, user)

    async def sign_in(self) -> None:
        """Give seller and colleague tokens which outlast every story."""
        self.let_in("seller", user=identities.SELLER.user)
        self.let_in("colleague", user=identities.ADMIN.user)
        self.crm_headers = {"Authorization": "Bearer seller"}
        self.portal_headers = {"Authorization": "Bearer colleague"}

    def revoke(self, bearer: str) -> None:
        """Make a token of the product's bad from now on."""
        self.emulators.world.tokens._callers.pop(bearer, None)

    async def notify(self, kind: HintKind, record_id: str) -> None:
        """Do what the receiver does with a notification."""
        async with self.ledger() as ledger:
            await ledger.inbox.add([Hint(door=Door.PARTNER_CENTER, kind=kind, record_id=record_id)])

    async def flow(self, number: int, fate: Fate | None = None) -> None:
        """Let flow 6, 8 or 9 run; what ends it early is noted down, as every such run is visible in Prefect."""
        try:
            async with self.run(fate) as workspace:
                await run_flow(number, workspace)
        except (Killed, CosellError) as error:
            self.ended_by.append(type(error).__name__)
