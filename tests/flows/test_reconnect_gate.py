"""While the sign-in has ended no flow begins, hints stay, and now and then one run tries. No Prefect server needed."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
from prefect.client.schemas.objects import State, StateType
from prefect.flows import Flow
from prefect.states import Cancelled, Failed

from cosell.domain.clock import utc_clock
from cosell.domain.flows import ACTIVATION_ORDER, FlowName
from cosell.domain.ids import OpportunityId
from cosell.errors import CredentialsRejected, SignInRequired
from cosell.mapping.variables import Variables
from cosell.partner_center.opening import VAULT_NAME
from cosell.store import Door, Hint, HintKind
from cosell.sync.outcome import Outcome, Result
from cosell.sync.workspace import Workspace
from cosell.wiring import open_workspace
from flows.operating import RECONNECT, ends_plainly, handle_each, run_subflow
from flows.register_webhook import ENDS_SOON, conclude
from tasks.inbox import give_back_claims
from tasks.sign_in import TRIAL_EVERY, check_credentials, find_lost_sign_in
from tasks.workspace import _current
from tests.emulator_process import Emulators, running_emulators
from tests.flows.somewhere import settings_of_nowhere
from tests.flows.test_gate import GATED, _run

TOLD = "The sign-in to Partner Center has ended (code AADSTS50173)"


@pytest.fixture(scope="module")
def emulators() -> Iterator[Emulators]:
    with running_emulators() as running:
        yield running


@pytest.fixture
async def waiting() -> AsyncIterator[Workspace]:
    """Everything is active, but the sign-in has ended."""
    async with open_workspace(settings_of_nowhere(), variables=Variables()) as opened:
        for flow in ACTIVATION_ORDER:
            await opened.ledger.activations.activate(flow, "for a test")
        await opened.ledger.sign_ins.note_lost(VAULT_NAME, told=TOLD)
        token = _current.set(opened)
        yield opened
        _current.reset(token)


@asynccontextmanager
async def at_the_emulators(emulators: Emulators, home: Path, *, later: timedelta) -> AsyncIterator[Workspace]:
    """Open a workspace of a run that begins so much later."""

    def clock() -> datetime:
        return utc_clock() + later

    settings = emulators.settings(HOME=str(home))
    async with open_workspace(settings, variables=Variables(), clock=clock) as opened:
        yield opened


@pytest.mark.parametrize("name", GATED)
async def test_no_flow_begins_and_each_says_why_and_what_to_do(name: FlowName, waiting: Workspace) -> None:
    state = await _run(waiting, name)

    assert (state.type, state.name) == (StateType.CANCELLED, RECONNECT)
    assert TOLD in (state.message or "")


async def test_ended_sign_in_is_not_tried_by_every_run(waiting: Workspace) -> None:
    """A try would fail here after seconds, as nobody answers; the gate is one question to the ledger."""
    assert [await find_lost_sign_in(waiting) is not None for _ in range(3)] == [True] * 3


async def test_sign_in_that_works_again_is_found_out_by_one_run_in_a_while(
    emulators: Emulators, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with at_the_emulators(emulators, tmp_path, later=timedelta()) as now:
        await now.ledger.sign_ins.note_lost(VAULT_NAME, told=TOLD)
        assert await find_lost_sign_in(now) is not None
    async with at_the_emulators(emulators, tmp_path, later=TRIAL_EVERY) as later:
        assert await find_lost_sign_in(later) is None
        assert await later.ledger.sign_ins.find_lost(VAULT_NAME) is None
    assert "works again" in caplog.text


async def test_sign_in_that_is_still_refused_stays_ended_and_keeps_its_beginning(
    emulators: Emulators, tmp_path: Path
) -> None:
    emulators.control("POST", "revoke", {"kind": "refresh"})
    try:
        async with at_the_emulators(emulators, tmp_path, later=timedelta()) as now:
            with pytest.raises(SignInRequired):
                await now.partner_center.try_access()
            before = await find_lost_sign_in(now)
        async with at_the_emulators(emulators, tmp_path, later=TRIAL_EVERY) as later:
            after = await find_lost_sign_in(later)
        assert before is not None
        assert (after, "AADSTS50173" in before.told) == (before, True)
    finally:
        emulators.reset()


async def test_service_that_wants_a_new_sign_in_is_taken_at_its_word(emulators: Emulators, tmp_path: Path) -> None:
    """Conditional access: Entra still gives tokens, but Partner Center refuses them with insufficient_claims."""
    emulators.control("POST", "users", {"user": "referrals.admin@contoso-partner.example", "mfa": "missing"})
    try:
        async with at_the_emulators(emulators, tmp_path, later=timedelta()) as now:
            with pytest.raises(SignInRequired):
                await now.partner_center.try_access()
            lost = await find_lost_sign_in(now)
        assert lost is not None
        assert "Partner Center asks for a new sign-in" in lost.told
    finally:
        emulators.reset()


async def test_error_that_is_no_records_fault_stops_the_records_which_have_not_begun(waiting: Workspace) -> None:
    begun: list[str] = []

    async def handle(record_id: str) -> Outcome:
        begun.append(record_id)
        await asyncio.sleep(0)
        if record_id == "r0":
            raise CredentialsRejected("The client secret has expired")
        return Outcome(result=Result.WRITTEN, opportunity_id=OpportunityId(record_id))

    with pytest.raises(CredentialsRejected):
        await handle_each([f"r{number}" for number in range(200)], handle, kind=HintKind.OPPORTUNITY)

    assert len(begun) < 40
    assert {outcome.result for outcome in waiting.outcomes} == {Result.WRITTEN, Result.LATER}


async def test_claimed_hints_wait_again_at_once_when_a_run_stops(waiting: Workspace) -> None:
    await waiting.ledger.inbox.add([Hint(door=Door.DATAVERSE, kind=HintKind.OPPORTUNITY, record_id="r1")])
    waiting.claims += await waiting.ledger.inbox.claim([HintKind.OPPORTUNITY], limit=9, holder="run", seconds=300)
    assert await waiting.ledger.inbox.count_waiting() == 0

    await give_back_claims()

    again = await waiting.ledger.inbox.claim([HintKind.OPPORTUNITY], limit=9, holder="next", seconds=300)
    assert [entry.record_id for entry in again] == ["r1"]
    assert waiting.claims == []


async def test_run_which_meets_the_end_fails_in_the_named_state() -> None:
    @ends_plainly
    async def flow() -> State[None]:
        raise SignInRequired(TOLD)

    state = await flow()

    assert (state.type, state.name) == (StateType.FAILED, RECONNECT)
    assert "nothing is lost" in (state.message or "")


async def test_what_ends_soon_is_in_the_log_and_in_the_state_of_the_daily_check(
    waiting: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    del waiting
    soon = (datetime.now(UTC) + timedelta(days=9)).date()
    monkeypatch.setenv("COSELL_DATAVERSE__CLIENT_SECRET_EXPIRES_ON", soon.isoformat())
    for name in ("DATAVERSE__URL", "PARTNER_CENTER__API_URL"):
        monkeypatch.setenv(f"COSELL_{name}", "https://127.0.0.1:1")
    for group in ("DATAVERSE", "PARTNER_CENTER"):
        for name in ("TENANT_ID", "CLIENT_ID", "CLIENT_SECRET"):
            monkeypatch.setenv(f"COSELL_{group}__{name}", f"made-up-{name.lower()}")

    rows = await check_credentials.fn()
    state = conclude("Was registered already.", [row["warning"] for row in rows if row["warning"]])

    assert [row["what"] for row in rows] == ["CRM credential", "Partner Center credential", "sign-in"]
    assert (state.type, state.name) == (StateType.COMPLETED, ENDS_SOON)
    assert f"The client secret ends on {soon}, in 8 days." in (state.message or "")
    assert f"The client secret ends on {soon}" in caplog.text
    assert "made-up-client_secret" not in caplog.text + str(rows)
    assert (conclude("Fine.", []).name, conclude("Fine.", []).message) == ("Completed", "Fine.")


@pytest.mark.parametrize("kind", [Failed, Cancelled])
async def test_flow_whose_subflow_stops_for_want_of_a_sign_in_says_the_same(
    waiting: Workspace, kind: Callable[..., State[None]]
) -> None:
    del waiting

    async def subflow(*, return_state: bool) -> State[None]:
        assert return_state
        return kind(name=RECONNECT, message="Not run: everything waits. And more.")

    with pytest.raises(SignInRequired) as raised:
        await run_subflow(cast(Flow[..., object], subflow), {})

    assert str(raised.value) == TOLD
