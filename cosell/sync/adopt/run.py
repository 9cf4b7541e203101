"""One adoption from beginning to end: a look, and the take-over when that is said. Safe to run again at any time."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from cosell.mapping.effective import read_known
from cosell.mapping.models import Mappings
from cosell.mapping.variables import KNOWN
from cosell.sync.adopt.report import Done, Found, History
from cosell.sync.adopt.shadow import look, read_history, read_variables
from cosell.sync.adopt.tables import BY_LABEL, NamedTables
from cosell.sync.adopt.take_over import Tell, check_safe, take_over
from cosell.sync.workspace import Workspace

StoreVariables = Callable[[Mapping[str, str]], Awaitable[None]]
TakeWebhook = Callable[[Workspace], Awaitable[str | None]]
"""Puts our URL in place of another one; returns that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptionAsked:
    """What somebody wants; without `take_over` it is only looked at."""

    take_over: bool = False
    with_variables: bool = False
    confirmed_differing: int = 0
    tables: NamedTables = BY_LABEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """What is done outside of both services and the ledger, by those who may: variables and our own address."""

    store_variables: StoreVariables
    read_mappings: Callable[[], Mappings]
    """Reads the mapping files, variables not filled in."""
    take_webhook: TakeWebhook | None = None
    """None leaves the webhook alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptionReport:
    """What was found, what was done (None when it was only looked at), and the history of differences."""

    found: Found
    done: Done | None
    history: History


async def run_adoption(
    workspace: Workspace,
    asked: AdoptionAsked,
    doors: Doors,
    *,
    run_id: str = "",
    tell: Tell = lambda _done, _total: None,
) -> AdoptionReport:
    """Look, and take over when that is said: variables first, then pairs, the webhook last.

    Raises:
        SchemaMissing: the connector, or a column of ours, is not in this CRM.
        UnsafePlan: it does not look right; nothing was written.
        NotActivated: the webhook could not be registered.
    """
    changed: dict[str, str] = {}
    if asked.with_variables:
        changed = {item.name: item.value for item in await read_variables(workspace) if item.differs}
        workspace = await _with_variables(workspace, changed, doors.read_mappings())
    found = await look(workspace, asked.tables)
    done: Done | None = None
    if asked.take_over:
        check_safe(found, confirmed_differing=asked.confirmed_differing)
        if changed:
            await doors.store_variables(changed)
        done = await take_over(
            workspace, found, confirmed_differing=asked.confirmed_differing, run_id=run_id, tell=tell
        )
        replaced = await doors.take_webhook(workspace) if doors.take_webhook else None
        done = replace(done, variables=tuple(sorted(changed)), replaced_url=replaced)
    return AdoptionReport(found=found, done=done, history=await read_history(workspace))


async def _with_variables(workspace: Workspace, changed: Mapping[str, str], written: Mappings) -> Workspace:
    """Return a workspace which works as if our variables had these values.

    Raises:
        SchemaMissing: one names a column for the currency which the CRM does not have.
    """
    spelled = {known.name: known.spell(getattr(workspace.variables, known.field)) for known in KNOWN}
    variables = read_known({**spelled, **changed})
    mappings = variables.fill_in(written)
    as_theirs = replace(workspace, variables=variables, mappings=mappings, wanted=None, missing={})
    await as_theirs.find_out_currency_kind()
    await as_theirs.leave_out_missing_columns()
    return as_theirs
