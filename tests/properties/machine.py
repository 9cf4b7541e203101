"""The steps which hypothesis chooses from; what each does is in `story`."""

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import httpx
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from starlette.applications import Starlette

from cosell.emulators.app import create_app
from cosell.emulators.options import Options
from cosell.emulators.world import World
from cosell.mapping.variables import Variables
from cosell.store import migrate
from tests.properties.people import FIELDS, Where
from tests.properties.story import Story
from tests.properties.town import Town
from tests.properties.trouble import Trouble, TroubledFate
from tests.sync.sold import SECOND, THIRD
from tests.sync.stand import MAPPINGS

Returned = TypeVar("Returned")
DEALS_AT_MOST = 3
MOMENTS = ("PATCH /v1.0/", "PATCH /api/", "POST /", "GET /v1.0/", "GET /api/", "ledger")


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Somebody types into one side of a deal."""

    deal: int
    where: Where
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fortune:
    """What befalls one run; most befalls few."""

    dies_at: int | None = None
    troubles: tuple[tuple[int, Trouble], ...] = ()
    meanwhile: tuple[str, Edit] | None = None
    """Before which call somebody edits."""


class Broken(AssertionError):
    """Promises were not kept; `faults` begin with their numbers."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


FLOWS = st.sampled_from([6, 8, 8, 9])
SIDES = st.sampled_from(list(Where))
EDITS = st.builds(
    Edit,
    deal=st.integers(0, DEALS_AT_MOST - 1),
    where=SIDES,
    names=st.lists(st.sampled_from(sorted(FIELDS)), min_size=1, max_size=3, unique=True).map(tuple),
)
TROUBLES = st.lists(st.tuples(st.integers(1, 14), st.sampled_from(list(Trouble))), max_size=2).map(tuple)
FORTUNES = st.builds(
    Fortune,
    dies_at=st.none() | st.integers(1, 30),
    troubles=st.just(()) | TROUBLES,
    meanwhile=st.none() | st.tuples(st.sampled_from(MOMENTS), EDITS),
)


def _variant() -> Any:  # noqa: ANN401
    """Return the mappings as an overlay would change them: other owners."""
    own = MAPPINGS.opportunity
    owners = {"notes": "partner_center", "name": "partner_center"}
    rows = [row.model_copy(update={"owner": type(row.owner)(owners.get(row.field, row.owner))}) for row in own.fields]
    return MAPPINGS.model_copy(update={"opportunity": own.model_copy(update={"fields": tuple(rows)})})


@cache
def services() -> Starlette:
    """Return the emulators of this process; each example begins on their first day."""
    return create_app(World(), options=Options())


@cache
def empty_ledger() -> Path:
    """Return a ledger in which nothing is."""
    path = Path(tempfile.mkdtemp(prefix="cosell-properties-")) / "empty.db"
    asyncio.run(migrate(f"sqlite:///{path}"))
    return path


class Machine(RuleBasedStateMachine):
    """Everything that may happen."""

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._directory = Path(tempfile.mkdtemp(prefix="cosell-example-"))
        self._http = httpx.AsyncClient(transport=httpx.ASGITransport(app=services()))
        self.story: Story

    def do(self, what: Coroutine[Any, Any, Returned]) -> Returned:
        """Let something happen to its end."""
        return self._runner.run(what)

    @initialize(invited=st.booleans())
    def begin(self, *, invited: bool) -> None:
        ledger = self._directory / "ledger.db"
        shutil.copy(empty_ledger(), ledger)
        town = Town(emulators=services().state.emulators, http=self._http, ledger_url=f"sqlite:///{ledger}")
        self.story = Story(town)
        self.do(self._first_day(invited=invited))

    async def _first_day(self, *, invited: bool) -> None:
        await self.story.town.control("POST", "reset")
        await self.story.town.sign_in()
        await (self.story.invite() if invited else self.story.write())

    def teardown(self) -> None:
        """Judge, and clean up whatever was found."""
        try:
            if hasattr(self, "story"):
                faults = self.do(self.story.end())
                if faults:
                    raise Broken(faults)
        finally:
            self.do(self._http.aclose())
            self._runner.close()
            shutil.rmtree(self._directory, ignore_errors=True)

    def _deal(self, number: int) -> Any:  # noqa: ANN401
        return self.story.deals[number % len(self.story.deals)]

    def _fate(self, fortune: Fortune) -> TroubledFate:
        fate = TroubledFate(dies_at=fortune.dies_at, troubles=dict(fortune.troubles))
        if fortune.meanwhile:
            call, edit = fortune.meanwhile
            fate.just_before(call, lambda: self._edit(edit))
        return fate

    async def _edit(self, edit: Edit) -> None:
        await self.story.edit(self._deal(edit.deal), edit.where, list(edit.names))

    # Steps

    @rule(invited=st.booleans())
    def another_deal(self, *, invited: bool) -> None:
        if len(self.story.deals) < DEALS_AT_MOST:
            self.do(self.story.invite() if invited else self.story.write())

    @rule(edit=EDITS)
    def somebody_edits(self, edit: Edit) -> None:
        self.do(self._edit(edit))

    @rule(first=EDITS, second=EDITS)
    def both_sides_edit(self, first: Edit, second: Edit) -> None:
        self.do(self._edit(first))
        self.do(self._edit(second))

    @rule(deal=st.integers(0, 2), where=SIDES, what=st.sampled_from(["accept", "accept", "win", "lose"]))
    def somebody_answers(self, deal: int, where: Where, what: str) -> None:
        self.do(self.story.answer(self._deal(deal), where, what))

    @rule(deal=st.integers(0, 2), where=SIDES, with_help=st.booleans())
    def somebody_opens_a_door(self, deal: int, where: Where, *, with_help: bool) -> None:
        self.do(self.story.open_door(self._deal(deal), where, with_help=with_help))

    @rule(deal=st.integers(0, 2), where=SIDES, what=st.sampled_from([SECOND, THIRD]), takes_away=st.booleans())
    def somebody_sells(self, deal: int, where: Where, what: str, *, takes_away: bool) -> None:
        self.do(self.story.sell(self._deal(deal), where, what, takes_away=takes_away))

    @rule(flow=FLOWS, fortune=FORTUNES)
    def a_flow_runs(self, flow: int, fortune: Fortune) -> None:
        self.do(self.story.run(flow, self._fate(fortune)))

    @rule(flows=st.tuples(FLOWS, FLOWS), fortunes=st.tuples(FORTUNES, FORTUNES), seed=st.integers(0, 99))
    def two_flows_run_at_once(self, flows: tuple[int, int], fortunes: tuple[Fortune, Fortune], seed: int) -> None:
        async def both() -> None:
            fates = [self._fate(fortune) for fortune in fortunes]
            for number, fate in enumerate(fates):
                fate.dawdle(seed + number)
            await asyncio.gather(*(self.story.run(flow, fate) for flow, fate in zip(flows, fates, strict=True)))

        self.do(both())

    @rule(fortune=FORTUNES)
    def reconcile_runs(self, fortune: Fortune) -> None:
        self.do(self.story.reconcile(self._fate(fortune)))

    @rule(deal=st.integers(0, 2), is_of_copy=st.booleans())
    def a_notification_arrives(self, deal: int, *, is_of_copy: bool) -> None:
        self.do(self.story.notify(self._deal(deal), is_of_copy=is_of_copy))

    @rule(seconds=st.sampled_from([5, 61, 130, 1800, 7200]))
    def time_passes(self, seconds: int) -> None:
        self.do(self.story.pass_time(seconds))

    @rule(seconds=st.sampled_from([-40, 0, 40]))
    def the_clock_of_the_machine_jumps(self, seconds: int) -> None:
        self.story.town.ahead_seconds = float(seconds)

    @rule()
    def delta_links_expire(self) -> None:
        crm = self.story.town.emulators.dataverse
        assert crm is not None
        crm.knobs.expire_changes_seconds = 1.0
        self.story.town.pass_time(2)
        self.do(self.story.run(8))
        self.do(self.story.run(9))
        crm.knobs.expire_changes_seconds = None

    @rule(bearer=st.sampled_from(["person", "application"]))
    def a_token_is_revoked(self, bearer: str) -> None:
        self.story.town.revoke(bearer)

    @rule(is_lost=st.booleans())
    def the_sign_in_ends_or_is_renewed(self, *, is_lost: bool) -> None:
        self.story.town.is_sign_in_lost = is_lost
        if is_lost:
            self.story.town.revoke("person")

    @rule(is_other=st.booleans(), marks=st.booleans())
    def the_mapping_changes(self, *, is_other: bool, marks: bool) -> None:
        self.story.town.mappings = _variant() if is_other else MAPPINGS
        self.story.town.variables = Variables(show_check_mark=marks)
