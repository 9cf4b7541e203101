"""What a run ends with: one verdict over all records, told in state, name and log; no server needed."""

import logging

import pytest
from prefect.client.schemas.objects import State, StateType
from prefect.states import Completed

from cosell.domain.ids import OpportunityId, ReferralId
from cosell.errors import (
    ConfigurationError,
    LeaseHeld,
    NotReady,
    Origin,
    RequestRejected,
    ServiceUnavailable,
    StaleEtag,
)
from cosell.mapping.variables import Variables
from cosell.store import HintKind
from cosell.sync.outcome import Outcome, Result
from cosell.wiring import open_workspace
from flows.operating import (
    NEEDS_ATTENTION,
    REASONS_AT_MOST,
    conclude,
    describe_parameters,
    ends_plainly,
    handle_each,
    record_ids,
)
from tasks.policy import SentenceOnly
from tasks.workspace import _current
from tests.flows.somewhere import settings_of_nowhere


def test_run_without_records_had_nothing_to_do() -> None:
    assert (conclude([]).type, conclude([]).message) == (StateType.COMPLETED, "Nothing to do.")


def test_run_counts_what_its_records_came_to() -> None:
    state = conclude([Outcome(result=it) for it in (Result.CREATED, Result.IN_STEP, Result.IN_STEP, Result.NOT_READY)])

    assert (state.type, state.message) == (StateType.COMPLETED, "1 created, 2 in step, 1 not ready.")


@pytest.mark.parametrize("result", [Result.REFUSED, Result.LATER])
def test_refused_or_waiting_record_wants_attention_and_the_state_says_why(result: Result) -> None:
    state = conclude([Outcome(result=Result.CREATED), Outcome(result=result, reason="The service said no (record 7)")])

    assert (state.type, state.name) == (StateType.FAILED, NEEDS_ATTENTION)
    assert (state.message or "").startswith(f"1 created, 1 {result}. The service said no (record 7)")


def test_record_in_the_hand_of_another_run_wants_no_attention() -> None:
    busy = Outcome(result=Result.LATER, reason="Somebody else has it.", cause=LeaseHeld.__name__)

    state = conclude([Outcome(result=Result.WRITTEN), busy])

    assert (state.type, state.message) == (StateType.COMPLETED, "1 written, 1 later.")


def test_reason_of_many_records_is_told_once_with_their_number() -> None:
    same = [Outcome(result=Result.REFUSED, reason=f"No (record opportunity {it}, code Bad)") for it in range(3)]
    state = conclude([*same, Outcome(result=Result.REFUSED, reason="Never (record referral r1)")])

    assert (state.message or "").startswith("4 refused. No (3 records). Never (record referral r1). What was refused")


def test_many_reasons_are_cut_short_and_counted() -> None:
    state = conclude([Outcome(result=Result.REFUSED, reason=f"Reason {number}.") for number in range(10)])

    message = state.message or ""
    assert [f"Reason {number}." in message for number in (0, REASONS_AT_MOST - 1, REASONS_AT_MOST)] == [
        True,
        True,
        False,
    ]
    assert f"There are {10 - REASONS_AT_MOST} more reasons." in message


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({}, "what has moved"),
        ({"referral_ids": None, "look_for_missed": True}, "what has moved"),
        ({"referral_ids": ["a"]}, "1 referral"),
        ({"opportunity_ids": ["a", "b"]}, "2 opportunities"),
        ({"referral_ids": ["a", "b"], "opportunity_ids": ["c"]}, "2 referrals, 1 opportunity"),
    ],
)
def test_run_is_named_after_what_it_was_asked_for(parameters: dict[str, object], words: str) -> None:
    assert describe_parameters(parameters) == words


def test_ids_of_both_records_are_gathered_by_result() -> None:
    both = Outcome(
        result=Result.LATER, referral_id=ReferralId("r"), opportunity_id=OpportunityId("o"), reason="somebody is at it"
    )

    assert record_ids([both, Outcome(result=Result.CREATED, referral_id=ReferralId("x"))], result=Result.LATER) == [
        "r",
        "o",
    ]


async def test_broken_record_never_holds_up_its_neighbours() -> None:
    errors = {
        "refused": RequestRejected("It was refused.", origin=Origin(record="refused", request_id="abc")),
        "incomplete": NotReady(("Fill in the topic.",)),
        "busy": LeaseHeld("Somebody else has it in hand."),
        "down": ServiceUnavailable("It cannot answer now."),
        "moving": StaleEtag("It moved."),
    }

    async def handle(record_id: str) -> Outcome:
        if record_id in errors:
            raise errors[record_id]
        return Outcome(result=Result.WRITTEN, opportunity_id=OpportunityId(record_id))

    async with open_workspace(settings_of_nowhere(), variables=Variables()) as workspace:
        token = _current.set(workspace)
        try:
            outcomes = await handle_each(["fine", *errors, "fine too"], handle, kind=HintKind.OPPORTUNITY)
        finally:
            _current.reset(token)
        assert workspace.outcomes == outcomes

    assert [(outcome.opportunity_id, outcome.result) for outcome in outcomes] == [
        ("fine", Result.WRITTEN),
        ("refused", Result.REFUSED),
        ("incomplete", Result.NOT_READY),
        ("busy", Result.LATER),
        ("down", Result.LATER),
        ("moving", Result.LATER),
        ("fine too", Result.WRITTEN),
    ]
    assert outcomes[1].reason == "It was refused. (record refused, request id abc)"


async def test_error_of_ours_ends_a_flow_with_its_sentence() -> None:
    @ends_plainly
    async def flow() -> State[None]:
        raise ConfigurationError("COSELL_HOME is wrong.")

    state = await flow()

    assert (state.type, state.message) == (StateType.FAILED, "COSELL_HOME is wrong.")


async def test_error_which_nobody_foresaw_goes_up_with_its_traceback() -> None:
    @ends_plainly
    async def flow(divisor: int) -> State[int]:
        return Completed(data=1 // divisor)

    with pytest.raises(ZeroDivisionError):
        await flow(0)


def test_log_line_about_an_error_of_ours_has_no_traceback() -> None:
    def line_about(error: Exception) -> logging.LogRecord:
        return logging.LogRecord("tasks", logging.ERROR, "", 1, "failed", None, (type(error), error, None))

    ours, other = line_about(ServiceUnavailable("It cannot answer now.")), line_about(ZeroDivisionError())

    assert [SentenceOnly().filter(record) for record in (ours, other)] == [True, True]
    assert (ours.exc_info, other.exc_info is None) == (None, False)
