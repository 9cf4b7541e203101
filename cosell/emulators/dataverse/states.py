"""State and status reason: which pairs belong together, and which moves an update may make."""

from cosell.emulators.dataverse.errors import business, closing_by_update, invalid_status
from cosell.emulators.dataverse.metadata import Table
from cosell.emulators.dataverse.rows import Data

OPEN = 0
ALREADY_OPEN = {
    "opportunity": ("0x8004051A", "The opportunity is already in the open state."),
    "lead": ("0x80040518", "The lead is already in the open state."),
}
CLOSED_BY_ACTION = {"opportunity": {1: "won", 2: "lost"}}


def state_on_create(table: Table, values: Data, row_id: str) -> Data:
    """Return state and status of a new row: the default state, and a status reason that belongs to it."""
    if "statecode" not in table.columns:
        return {}
    state = _default_state(table)
    status = values.get("statuscode")
    if status is None:
        return {"statecode": state, "statuscode": default_status(table, state)}
    _check_pair(table, state, status, row_id)
    return {"statecode": state, "statuscode": status}


def state_on_update(table: Table, before: Data, values: Data, row_id: str) -> Data:
    """Return the state and status an update leads to; refuse pairs and moves which the service refuses."""
    if "statecode" not in values and "statuscode" not in values:
        return {}
    old_state, old_status = before.get("statecode"), before.get("statuscode")
    state = values.get("statecode", old_state)
    if state is None:
        state = old_state
    status = values.get("statuscode")
    if status is None:
        status = old_status if state == old_state else default_status(table, state)
    closing = CLOSED_BY_ACTION.get(table.logical, {})
    if state != old_state and state in closing:
        raise closing_by_update(closing[state])
    _check_pair(table, state, status, row_id)
    if values.get("statecode") == OPEN == old_state and status == old_status and table.logical in ALREADY_OPEN:
        code, message = ALREADY_OPEN[table.logical]
        raise business(code, message)
    return {"statecode": state, "statuscode": status}


def default_status(table: Table, state: object) -> object:
    """Return the status reason a state begins with."""
    options = table.columns["statecode"].options
    option = options.find(state) if options else None
    return option.default_status if option else None


def _default_state(table: Table) -> object:
    options = table.columns["statecode"].options
    return options.options[0].value if options else OPEN


def _check_pair(table: Table, state: object, status: object, row_id: str) -> None:
    reasons = table.columns["statuscode"].options
    found = reasons.find(status) if reasons else None
    if found is None or found.state != state:
        states = table.columns["statecode"].options
        named = states.find(state) if states else None
        raise invalid_status(
            table=table.logical,
            schema=table.schema,
            state=named.label if named else str(state),
            status=status,
            row_id=row_id,
        )
