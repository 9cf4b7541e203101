"""What has to be true before a flow may be active: real checks, one for each flow, each telling what it proved."""

from collections.abc import Awaitable, Callable, Iterable

from cosell.dataverse.fit import Fault
from cosell.domain.flows import FlowName
from cosell.errors import NotActivated, SchemaMissing
from cosell.store import Ledger
from cosell.sync.fit import (
    find_key,
    find_lookup_misfits,
    find_misfits,
    find_status_misfits,
    find_targets,
    mapped_columns,
)
from cosell.sync.workspace import Workspace
from tasks.policy import step
from tasks.registration import prove_delivery, register
from tasks.workspace import get_workspace


async def find_missing(ledger: Ledger, flows: Iterable[FlowName]) -> list[FlowName]:
    """Return those of the flows which are not active, in order."""
    active = await ledger.activations.find_all()
    return [flow for flow in flows if flow not in active]


def refuse(flow: FlowName, missing: list[FlowName]) -> str:
    """Return the sentence which refuses a flow whose predecessors are not active."""
    names = ", ".join(f"{item.number} {item}" for item in missing)
    return f"{flow} needs these to be active first, in this order: {names}. `cosell activate` activates all of them."


@step(name="check-activation", run_name="check {flow}", tags={"activation"})
async def check_activation(flow: FlowName) -> str:
    """Check that the predecessors of a flow are active and that the flow itself can work; return what was proved.

    Raises:
        NotActivated: a predecessor is not active, or the check did not pass.
        ConfigurationError: something has to be mended first.
    """
    workspace = get_workspace()
    missing = await find_missing(workspace.ledger, flow.predecessors)
    if missing:
        raise NotActivated(refuse(flow, missing))
    return await CHECKS[flow](workspace)


@step(name="record-activation", run_name="record {flow}", tags={"activation"})
async def record_activation(flow: FlowName, detail: str) -> None:
    """Note in the ledger that a flow is active, with what its check proved."""
    await get_workspace().ledger.activations.activate(flow, detail)


async def check_webhook(workspace: Workspace) -> str:
    """Prove that Partner Center's notifications reach us: register, then have a validation event delivered."""
    await register(workspace, may_overwrite=False)
    return await prove_delivery(workspace)


async def check_partner_center(workspace: Workspace) -> str:
    """Prove that the signed-in person may list referrals."""
    async for page in workspace.partner_center.iter_referrals(order_by="createdDateTime desc", top=1):
        return f"Partner Center lists referrals to us ({len(page)} seen)."
    return "Partner Center lists referrals to us; there are none yet."


async def check_columns(workspace: Workspace) -> str:
    """Prove that every mapped column is in the CRM and can hold its field, and every status reason which is named.

    A label which the CRM's choice lacks is no reason to stop: its value is parked, `cosell crm check` names it.
    """
    problems: list[str] = []
    mapped = mapped_columns(workspace.whole_mappings)
    if workspace.mappings.lead.table not in deal_tables(workspace):
        del mapped[workspace.mappings.lead.table]
    tables = await workspace.dataverse.find_tables(list(mapped))
    for name, columns in mapped.items():
        table = tables[name]
        misfits = find_misfits(name, table, columns)
        problems += [str(misfit) for misfit in misfits if misfit.fault is not Fault.NO_OPTION]
        if table is not None and name == workspace.opportunity.table:
            problems += [str(misfit) for misfit in find_status_misfits(table, workspace.mappings.statuses.opportunity)]
    targets = await workspace.dataverse.find_tables(find_targets(workspace.whole_mappings, tables))
    problems += [str(misfit) for misfit in find_lookup_misfits(workspace.whole_mappings, tables, targets)]
    if problems:
        raise SchemaMissing(
            f"The CRM does not fit the mapping: {'; '.join(problems)}. "
            "`cosell crm install` makes our own columns; for others name yours in a mapping file."
        )
    return "Every mapped column is in the CRM and has a fitting type."


async def check_referral_key(workspace: Workspace) -> str:
    """Prove that the referral id is an alternate key of opportunities and leads which is ready for use."""
    mappings = workspace.mappings
    keys = {mapping.table: mapping.columns.referral_id for mapping in (mappings.opportunity, mappings.lead)}
    tables = deal_tables(workspace)
    for name in tables:
        key = find_key(await workspace.dataverse.get_table(name), keys[name])
        if key is None or not key.is_active:
            raise SchemaMissing(
                f"Column {name}.{keys[name]} has to be an alternate key with an active index, so that one referral "
                f"never becomes two of them. {f'Its index is {key.index_status}.' if key else 'It is none.'}"
            )
    return f"The referral id is an alternate key with an active index: {', '.join(tables)}."


def deal_tables(workspace: Workspace) -> tuple[str, ...]:
    """Return the tables in which referrals arrive: where the setting lets no leads arrive, theirs is not needed."""
    mappings = workspace.mappings
    if workspace.variables.cosell_opportunities_only:
        return (mappings.opportunity.table,)
    return (mappings.opportunity.table, mappings.lead.table)


async def check_inbox(workspace: Workspace) -> str:
    """Prove that the inbox can be read and written."""
    await workspace.ledger.meta.check_writable()
    return f"The inbox works; {await workspace.ledger.inbox.count_waiting()} hints wait."


async def check_change_tracking(workspace: Workspace, table_name: str) -> str:
    """Prove that the CRM tells what moved in a table."""
    table = await workspace.dataverse.get_table(table_name)
    if not table.is_change_tracked:
        raise SchemaMissing(
            f"Change tracking is off for table {table_name}. Switch it on in Power Apps: Tables, {table_name}, "
            "Properties, Advanced options, Track changes."
        )
    return f"Change tracking is on for {table_name}."


async def check_deals_are_tracked(workspace: Workspace) -> str:
    """Prove that the CRM tells what moved in opportunities and leads."""
    return " ".join([await check_change_tracking(workspace, table) for table in deal_tables(workspace)])


async def check_nothing(_workspace: Workspace) -> str:
    """Rest on the predecessors: this flow needs nothing of its own."""
    return "Needs nothing beyond its predecessors."


CHECKS: dict[FlowName, Callable[[Workspace], Awaitable[str]]] = {
    FlowName.REGISTER_WEBHOOK: check_webhook,
    FlowName.CREATE_COSELL_REFERRAL: check_partner_center,
    FlowName.CUSTOMIZE_DYNAMICS_DETAILS: check_columns,
    FlowName.PARTNER_CENTER_TO_DYNAMICS_HELPER: check_referral_key,
    FlowName.MICROSOFT_REFERRALS_TO_DYNAMICS: check_nothing,
    FlowName.PARTNER_CENTER_TO_DYNAMICS: check_inbox,
    FlowName.DYNAMICS_TO_PARTNER_CENTER: check_nothing,
    FlowName.OPPORTUNITIES_TO_PARTNER_CENTER: check_deals_are_tracked,
    FlowName.SOLUTIONS_TO_PARTNER_CENTER: lambda workspace: check_change_tracking(
        workspace, workspace.mappings.solutions.table
    ),
}
