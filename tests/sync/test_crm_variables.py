"""Variables which administrators edit in the CRM: current before default, ours before Microsoft's, asked for at most
once a minute."""

import pytest

from cosell.errors import ConfigurationError, RetryableError
from cosell.mapping.effective import EffectiveVariable, SetIn
from cosell.mapping.variables import Variables
from cosell.sync.crm_variables import read_crm_variables
from cosell.sync.workspace import Workspace
from tests.sync.stand import CRM, Document, Stand

STRING, YES_NO = 100_000_000, 100_000_002
VALUE, MARK = "cosell_deal_value_field_name", "cosell_show_check_mark_in_opportunity_name"


async def define(stand: Stand, name: str, *, default: str | None, current: str | None = None) -> str:
    """Make an environment variable as a solution does, and give it a current value as an administrator does."""
    kind = YES_NO if default in {"yes", "no"} else STRING
    made = await write(
        stand, "environmentvariabledefinitions", {"schemaname": name, "type": kind, "defaultvalue": default}
    )
    variable_id = str(made["environmentvariabledefinitionid"])
    if current is not None:
        await give(stand, variable_id, current)
    return variable_id


async def give(stand: Stand, variable_id: str, current: str) -> None:
    body = {
        "value": current,
        "EnvironmentVariableDefinitionId@odata.bind": f"/environmentvariabledefinitions({variable_id})",
    }
    await write(stand, "environmentvariablevalues", body)


async def write(stand: Stand, set_: str, body: Document) -> Document:
    """Write a row as an administrator."""
    token = (await stand.control("POST", "tokens", {"user": "admin@contoso-partner.example"}))["access_token"]
    headers = {"Authorization": f"Bearer {token}", "Prefer": "return=representation"}
    answer = await stand.http.post(f"{CRM}/{set_}", json=body, headers=headers)
    assert answer.is_success, answer.text
    made: Document = answer.json()
    return made


async def read(workspace: Workspace) -> dict[str, EffectiveVariable]:
    sheet = await read_crm_variables(workspace.dataverse, workspace.ledger, clock=workspace.clock)
    return {row.variable.name: row for row in sheet.rows}


async def count_calls(stand: Stand) -> int:
    told = await stand.control("GET", "requests")
    return sum(count for route, count in told["counts"].items() if "environmentvariable" in route)


async def test_crm_without_any_has_the_defaults(stand: Stand) -> None:
    async with stand.run() as workspace:
        rows = await read(workspace)

    assert {row.set_in for row in rows.values()} == {SetIn.DEFAULT}
    assert rows[VALUE].value == "estimatedvalue"


async def test_current_value_goes_before_the_default_and_each_says_where_it_stands(stand: Stand) -> None:
    await define(stand, "cosell_DealValueField", default="estimatedvalue", current="acme_value")
    await define(stand, "cosell_ShowCheckMark", default="no")
    async with stand.run() as workspace:
        rows = await read(workspace)
        sheet = await read_crm_variables(workspace.dataverse, workspace.ledger, clock=workspace.clock)

    assert (rows[VALUE].value, rows[VALUE].set_in) == ("acme_value", SetIn.CRM_CURRENT)
    assert rows[VALUE].where == "CRM current value of cosell_DealValueField"
    assert (rows[MARK].value, rows[MARK].set_in) == ("No", SetIn.CRM_DEFAULT)
    assert sheet.read() == Variables(deal_value_field="acme_value", show_check_mark=False)


async def test_what_microsofts_connector_was_told_counts_until_ours_is_told_something(stand: Stand) -> None:
    await define(stand, "msft_dealvaluefield", default="estimatedvalue", current="acme_value")
    ours = await define(stand, "cosell_DealValueField", default="estimatedvalue")
    async with stand.run() as workspace:
        theirs = (await read(workspace))[VALUE]
    await give(stand, ours, "other_value")
    stand.pass_time(61)
    async with stand.run() as workspace:
        own = (await read(workspace))[VALUE]

    assert (theirs.value, theirs.place) == ("acme_value", "msft_dealvaluefield")
    assert (own.value, own.place) == ("other_value", "cosell_DealValueField")


async def test_burst_of_runs_asks_once_and_a_change_is_obeyed_a_minute_later(stand: Stand) -> None:
    variable_id = await define(stand, "cosell_DealValueField", default="estimatedvalue")
    await stand.control("DELETE", "requests")
    for _ in range(5):
        async with stand.run() as workspace:
            await read(workspace)
    asked = await count_calls(stand)
    await give(stand, variable_id, "acme_value")
    async with stand.run() as workspace:
        at_once = (await read(workspace))[VALUE].value
        stand.pass_time(61)
        later = (await read(workspace))[VALUE].value

    assert (asked, at_once, later) == (1, "estimatedvalue", "acme_value")


async def test_value_which_is_not_allowed_is_named_with_its_place_and_what_is(stand: Stand) -> None:
    await define(stand, "cosell_DealValueField", default="estimatedvalue", current="Estimated Revenue")
    async with stand.run() as workspace:
        sheet = await read_crm_variables(workspace.dataverse, workspace.ledger, clock=workspace.clock)
    with pytest.raises(ConfigurationError) as caught:
        sheet.read()

    assert f"{VALUE} (CRM current value of cosell_DealValueField) has to be the logical name" in str(caught.value)
    assert "Estimated Revenue" not in str(caught.value)


async def test_while_the_crm_is_away_what_it_said_last_counts_and_nothing_is_guessed(stand: Stand) -> None:
    await define(stand, "cosell_DealValueField", default="acme_value")
    away = [{"path": ".*environmentvariable.*", "action": {"status": 503}, "times": 1000}]
    await stand.control("PUT", "faults", away)
    async with stand.run() as workspace:
        with pytest.raises(RetryableError):
            await read(workspace)
    await stand.control("DELETE", "faults")
    async with stand.run() as workspace:
        await read(workspace)
    await stand.control("PUT", "faults", away)
    stand.pass_time(3600)
    async with stand.run() as workspace:
        rows = await read(workspace)
    await stand.control("DELETE", "faults")

    assert rows[VALUE].value == "acme_value"
