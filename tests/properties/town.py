"""The stand of the properties: tokens are revoked, and the flows run in it without Prefect around them.

A round does what flows 6, 8 and 9 do in one run: list or poll, claim, handle each record, settle. As there, a record
which is refused becomes a dead letter, one which has to wait keeps its hint, and neither holds up its neighbours.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from cosell.domain.flows import FlowName
from cosell.domain.ids import OpportunityId
from cosell.emulators import identities
from cosell.errors import ConfigurationError, ConflictError, CosellError, RejectedError, RetryableError, SignInRequired
from cosell.http.tokens import TokenSource
from cosell.store import Door, Hint, HintKind
from cosell.sync.pair import sync_link
from cosell.sync.refusal import file_refusal
from cosell.sync.share import share_opportunity
from cosell.sync.solutions.polls import poll_solution_rows
from cosell.sync.watched import poll_deals
from cosell.sync.workspace import Workspace
from flows.rounds import KINDS
from tasks.inbox import claim_hints, give_back_claims, settle_hints
from tasks.opportunities import poll_leads
from tasks.referrals import find_moved_referrals
from tasks.workspace import _current
from tests.sync.doors import look_at_lead, look_at_referral
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

    async def flow_6(self, fate: Fate | None = None, *, looks_for_missed: bool = True) -> None:
        """Bring over what notifications announced, and what the listing finds."""
        await self._run(fate, lambda workspace: _partner_center_to_dynamics(workspace, looks_for_missed))

    async def flow_8(self, fate: Fate | None = None) -> None:
        """Send what moved in opportunities, leads and people."""
        await self._run(fate, _opportunities_to_partner_center)

    async def flow_9(self, fate: Fate | None = None) -> None:
        """Send what moved in the rows of solutions."""
        await self._run(fate, _solutions_to_partner_center)

    async def _run(self, fate: Fate | None, work: Callable[[Workspace], Awaitable[None]]) -> None:
        """Do a run's work; what ends a run early is noted down, as every such run is visible in Prefect."""
        try:
            async with self.run(fate) as workspace:
                token = _current.set(workspace)
                try:
                    await work(workspace)
                except SignInRequired:
                    await give_back_claims()
                    raise
                finally:
                    _current.reset(token)
        except (Killed, CosellError) as error:
            self.ended_by.append(type(error).__name__)


async def _partner_center_to_dynamics(workspace: Workspace, looks_for_missed: bool) -> None:  # noqa: FBT001
    moved = await find_moved_referrals.fn() if looks_for_missed else []
    await _handle_each(workspace, moved, look_at_referral, kind=HintKind.REFERRAL)
    kinds = KINDS[FlowName.PARTNER_CENTER_TO_DYNAMICS]
    await _work_through(workspace, kinds, look_at_referral, kind=HintKind.REFERRAL)


async def _opportunities_to_partner_center(workspace: Workspace) -> None:
    await poll_leads.fn()
    await poll_deals(workspace)
    await _work_through(workspace, [HintKind.OPPORTUNITY], _look_at_opportunity, kind=HintKind.OPPORTUNITY)
    await _work_through(workspace, [HintKind.LEAD], look_at_lead, kind=HintKind.LEAD)
    await _work_through(workspace, [HintKind.CONTACT], _look_with_people, kind=HintKind.OPPORTUNITY)


async def _solutions_to_partner_center(workspace: Workspace) -> None:
    await poll_solution_rows(workspace)
    await _work_through(workspace, [HintKind.SOLUTION], _look_with_solutions, kind=HintKind.SOLUTION)


async def _work_through(workspace: Workspace, kinds: Sequence[HintKind], handle: Handle, *, kind: HintKind) -> None:
    for number in range(1, CLAIMS_AT_MOST + 1):
        claimed = await claim_hints.fn(list(kinds), number)
        if not claimed:
            return
        later = await _handle_each(workspace, claimed, handle, kind=kind)
        await settle_hints.fn(list(kinds), later, number)


async def _handle_each(workspace: Workspace, ids: Sequence[str], handle: Handle, *, kind: HintKind) -> list[str]:
    """Return the ids of those which have to wait."""
    later = []
    for record_id in ids:
        try:
            try:
                await handle(workspace, record_id)
            except RejectedError as error:
                with suppress(RejectedError):
                    await file_refusal(workspace, kind, record_id, error, flow=FLOW)
        except ConfigurationError:
            raise
        except (RetryableError, ConflictError):
            later.append(record_id)
    return later


async def _look_at_opportunity(workspace: Workspace, opportunity_id: str) -> object:
    return await _look(workspace, opportunity_id)


async def _look_with_people(workspace: Workspace, opportunity_id: str) -> object:
    return await _look(workspace, opportunity_id, with_people=True)


async def _look_with_solutions(workspace: Workspace, opportunity_id: str) -> object:
    return await _look(workspace, opportunity_id, with_solutions=True)


async def _look(
    workspace: Workspace, record_id: str, *, with_people: bool = False, with_solutions: bool = False
) -> object:
    """Do what flow 7 does with one opportunity."""
    wanted = OpportunityId(record_id)
    links = await workspace.ledger.links.find_by_opportunity_ids([wanted])
    if wanted in links and links[wanted].referral_id:
        return await sync_link(workspace, links[wanted], with_people=with_people, with_solutions=with_solutions)
    return await share_opportunity(workspace, wanted)
