"""What every operating flow has in common: the gate before it, the workspace around it, the verdict after it."""

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, ParamSpec, cast
from uuid import UUID

from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.flows import Flow
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed

from cosell.domain.flows import FlowName
from cosell.domain.ids import LeadId, OpportunityId, ReferralId
from cosell.domain.tenants import tenant_tags
from cosell.errors import (
    ConfigurationError,
    ConflictError,
    CosellError,
    NotActivated,
    NotReady,
    RejectedError,
    RetryableError,
    SignInRequired,
)
from cosell.store import HintKind
from cosell.sync.outcome import QUIET, Outcome, Result
from flows.problems import publish_open_problems, strip_origin
from flows.variable_table import publish_variables
from tasks.activation import find_missing, refuse
from tasks.inbox import give_back_claims
from tasks.sign_in import describe_lost_sign_in, find_lost_sign_in, waits_for_sign_in
from tasks.workspace import entered_workspace, get_workspace, has_workspace

Parameters = ParamSpec("Parameters")
Operation = Callable[Parameters, Coroutine[Any, Any, State[Any]]]

LOG = logging.getLogger(__name__)
NEEDS_ATTENTION = "NeedsAttention"
NOT_ACTIVATED = "NotActivated"
RECONNECT = "Reconnect"
"""A person has to sign in: Failed for the run which met it, Cancelled for those which then do not even begin."""
STOPPING = frozenset({Result.REFUSED, Result.LATER})
"""Results which a person should look at."""
REASONS_AT_MOST = 3
"""How many reasons stand in the state of a run; its table has all of them."""
AT_ONCE = 16
"""Records of one run in hand at the same time; the clients keep to the services' limits by themselves."""


def operating_flow(
    name: FlowName,
) -> Callable[[Operation[Parameters]], Flow[Parameters, Coroutine[Any, Any, State[Any]]]]:
    """Make a function one of the nine flows: refused while it is not active, run in a workspace of its own."""

    def decorate(operation: Operation[Parameters]) -> Flow[Parameters, Coroutine[Any, Any, State[Any]]]:
        @ends_plainly
        @functools.wraps(operation)
        async def gated(*args: Parameters.args, **kwargs: Parameters.kwargs) -> State[Any]:
            is_outermost = not has_workspace()
            async with entered_workspace() as workspace:
                missing = await find_missing(workspace.ledger, (*name.predecessors, name))
                if missing:
                    return Cancelled(name=NOT_ACTIVATED, message=f"Not run. {refuse(name, missing)}")
                lost = await find_lost_sign_in(workspace)
                if lost:
                    return Cancelled(name=RECONNECT, message=waits_for_sign_in(lost))
                before = len(workspace.outcomes)
                try:
                    state = await operation(*args, **kwargs)
                except SignInRequired:
                    await give_back_claims()
                    raise
                await _tell_in_list(name, state, workspace.outcomes[before:])
                if is_outermost:
                    await publish_open_problems(workspace)
                    await publish_variables(workspace)
                return state

        return flow(name=name.value, flow_run_name=describe_run, persist_result=True)(gated)

    return decorate


def ends_plainly(operation: Operation[Parameters]) -> Operation[Parameters]:
    """Let a flow which one of our errors ends say so in its state, in a sentence and without a traceback."""

    @functools.wraps(operation)
    async def ended(*args: Parameters.args, **kwargs: Parameters.kwargs) -> State[Any]:
        try:
            return await operation(*args, **kwargs)
        except SignInRequired as error:
            return Failed(name=RECONNECT, message=f"{error}. Until then the flows do nothing, and nothing is lost.")
        except CosellError as error:
            return Failed(message=str(error))

    return ended


def describe_run() -> str:
    """Name a run after what it was asked for."""
    return describe_parameters(dict(flow_run.parameters))


def describe_parameters(parameters: Mapping[str, object]) -> str:
    """Return what a run was asked for: how many records of which kind, or what has moved."""
    given = [(key, value) for key, value in parameters.items() if isinstance(value, list) and value]
    what = (f"{len(value)} {plural(key.removesuffix('_ids'), len(value))}" for key, value in given)
    return ", ".join(what) or "what has moved"


def plural(noun: str, count: int) -> str:
    """Return the noun as it stands after a count."""
    if count == 1:
        return noun
    return f"{noun.removesuffix('y')}ies" if noun.endswith("y") else f"{noun}s"


async def _tell_in_list(name: FlowName, state: State[Any], outcomes: Sequence[Outcome]) -> None:
    """Put what a run came to into its name and its tags, so that the list of runs tells the story."""
    if not flow_run.id:
        return
    verdict = (state.message or "").split(". ")[0].removesuffix(".")
    kept = {
        tag for tag in flow_run.tags or () if tag not in set(Result)
    }  # a run which is run again comes to other ends
    told = {outcome.result.value for outcome in outcomes if outcome.result not in QUIET}
    async with get_client() as client:
        await client.update_flow_run(
            UUID(str(flow_run.id)),
            name=f"{describe_run()}: {verdict[:80].lower()}",
            tags=sorted({*kept, *told, "cosell", f"flow {name.number}", *tenant_tags(get_workspace().ledger.tenant)}),
        )


async def run_subflow(subflow: Flow[..., Any], parameters: Mapping[str, object]) -> list[Outcome]:
    """Run another flow as part of this one and return what it came to; its refusals are no reason to stop.

    Raises:
        NotActivated: it is not active.
        SignInRequired: it came to the end of the sign-in.
    """
    outcomes = get_workspace().outcomes
    before = len(outcomes)
    state = await cast(Awaitable[State[Any]], subflow(**parameters, return_state=True))
    if state.name == RECONNECT:
        raise await describe_lost_sign_in()
    if state.is_cancelled():
        raise NotActivated(state.message or "A flow which this one calls is not active.")
    if not state.is_completed() and state.name != NEEDS_ATTENTION:
        raise CosellError(f"{subflow.name} did not come to an end: {state.message}")
    return outcomes[before:]


async def handle_each(
    ids: Sequence[str], handle: Callable[[str], Awaitable[Outcome]], *, kind: HintKind
) -> list[Outcome]:
    """Handle records side by side and return what each came to: a broken one never holds up its neighbours.

    Raises:
        ConfigurationError: what went wrong is no record's fault; the records which had not begun were not tried.
    """
    slots = asyncio.Semaphore(AT_ONCE)
    stopped: list[ConfigurationError] = []

    async def handle_one(record_id: str) -> Outcome:
        async with slots:
            if stopped:
                return _outcome_of(stopped[0], record_id, kind)
            try:
                return await handle(record_id)
            except ConfigurationError as error:
                stopped.append(error)
                return _outcome_of(error, record_id, kind)
            except (RejectedError, RetryableError, ConflictError) as error:
                return _outcome_of(error, record_id, kind)
            except Exception:
                # A fault of our own: the task shows it, its neighbours go on, and the hint comes again.
                LOG.exception("%s %s could not be handled.", kind, record_id)
                return _outcome_of(CosellError("an error of cosell-sync itself; its task says which"), record_id, kind)

    outcomes = list(await asyncio.gather(*(handle_one(record_id) for record_id in ids)))
    get_workspace().outcomes += outcomes
    if stopped:
        raise stopped[0]
    return outcomes


def _outcome_of(error: CosellError, record_id: str, kind: HintKind) -> Outcome:
    match error:
        case NotReady():
            result = Result.NOT_READY
        case RejectedError():
            result = Result.REFUSED
        case _:
            result = Result.LATER
    return Outcome(
        result=result,
        referral_id=ReferralId(record_id) if kind is HintKind.REFERRAL else None,
        lead_id=LeadId(record_id) if kind is HintKind.LEAD else None,
        opportunity_id=OpportunityId(record_id) if kind is HintKind.OPPORTUNITY else None,
        reason=str(error),
        cause=type(error).__name__,
    )


def conclude(outcomes: Sequence[Outcome]) -> State[Any]:
    """Return the state in which a flow ends: Completed, or NeedsAttention when a record was refused or has to wait.

    One that only waits, for another run or another record, wants no attention.
    """
    counts = {result: sum(outcome.result is result for outcome in outcomes) for result in Result}
    message = ", ".join(f"{count} {result}" for result, count in counts.items() if count) or "Nothing to do"
    stopping = [outcome for outcome in outcomes if outcome.result in STOPPING and not outcome.only_waits]
    reasons = _count_reasons([outcome.reason for outcome in stopping])
    if not reasons:
        return Completed(message=f"{message}.")
    more = [f"There are {len(reasons) - REASONS_AT_MOST} more reasons."] if len(reasons) > REASONS_AT_MOST else []
    way_out = "What was refused is a dead letter until its record changes; what has to wait is tried again by itself."
    return Failed(name=NEEDS_ATTENTION, message=" ".join([f"{message}.", *reasons[:REASONS_AT_MOST], *more, way_out]))


def _count_reasons(reasons: Sequence[str]) -> list[str]:
    """Return each reason once: with its record when it is one record's, else with the number of records."""
    alike: dict[str, list[str]] = {}
    for reason in dict.fromkeys(reasons):
        alike.setdefault(strip_origin(reason), []).append(reason)
    told = (same[0] if len(same) == 1 else f"{text} ({len(same)} records)" for text, same in alike.items())
    return [text if text.endswith(".") else f"{text}." for text in told]


def record_ids(outcomes: Sequence[Outcome], *, result: Result) -> list[str]:
    """Return the ids of all records of the outcomes with this result."""
    of_result = [outcome for outcome in outcomes if outcome.result is result]
    ids = [(outcome.referral_id, outcome.lead_id, outcome.opportunity_id) for outcome in of_result]
    return [record_id for known in ids for record_id in known if record_id]
