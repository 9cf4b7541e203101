from typing import Any

import httpx
import pytest

from tests.emulators.dataverse.conftest import error_of, make


@pytest.fixture
async def deals(api: httpx.AsyncClient) -> None:
    account = await make(api, "accounts", {"name": "Coho", "address1_country": "DE"})
    bind = {"parentaccountid@odata.bind": f"/accounts({account['accountid']})"}
    for name, value, link in (("a", 10, bind), ("b", 20, {}), ("c", None, bind)):
        await make(api, "opportunities", {"name": name, "estimatedvalue": value, **link})


async def fetch(api: httpx.AsyncClient, text: str) -> dict[str, Any]:
    reply = await api.get("opportunities", params={"fetchXml": text})
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()
    return found


@pytest.mark.usefixtures("deals")
async def test_conditions_order_and_links(api: httpx.AsyncClient) -> None:
    found = await fetch(
        api,
        """<fetch><entity name="opportunity"><attribute name="name"/><order attribute="name" descending="true"/>
        <filter type="or"><condition attribute="estimatedvalue" operator="ge" value="10"/>
        <condition attribute="name" operator="like" value="C%"/></filter>
        <link-entity name="account" from="accountid" to="parentaccountid" alias="acc" link-type="inner">
        <attribute name="address1_country"/><filter><condition attribute="name" operator="eq" value="coho"/></filter>
        </link-entity></entity></fetch>""",
    )
    assert [(row["name"], row["acc.address1_country"]) for row in found["value"]] == [("c", "DE"), ("a", "DE")]
    assert "opportunityid" in found["value"][0]


@pytest.mark.usefixtures("deals")
async def test_outer_links_and_pages(api: httpx.AsyncClient) -> None:
    text = """<fetch count="2" page="{page}" returntotalrecordcount="true"><entity name="opportunity">
        <attribute name="name"/><order attribute="estimatedvalue"/>
        <link-entity name="account" from="accountid" to="parentaccountid" alias="acc" link-type="outer">
        <attribute name="name"/></link-entity></entity></fetch>"""
    first = await fetch(api, text.format(page=1))
    assert [(row["name"], row.get("acc.name")) for row in first["value"]] == [("c", "Coho"), ("a", "Coho")]
    assert first["@Microsoft.Dynamics.CRM.morerecords"] is True
    assert first["@Microsoft.Dynamics.CRM.totalrecordcount"] == 3
    second = await fetch(api, text.format(page=2))
    assert [(row["name"], row.get("acc.name")) for row in second["value"]] == [("b", None)]


@pytest.mark.usefixtures("deals")
async def test_aggregates(api: httpx.AsyncClient) -> None:
    found = await fetch(
        api,
        """<fetch aggregate="true"><entity name="opportunity">
        <attribute name="parentaccountid" groupby="true" alias="account"/>
        <attribute name="opportunityid" aggregate="count" alias="deals"/>
        <attribute name="estimatedvalue" aggregate="sum" alias="total"/></entity></fetch>""",
    )
    told = sorted((row["deals"], row["total"], row["account"] is None) for row in found["value"])
    assert told == [(1, 20.0, True), (2, 10.0, False)]


@pytest.mark.parametrize(
    "text",
    [
        "<fetch>",
        "<fetch><entity name='account'/></fetch>",
        "<fetch><entity name='opportunity'><attribute name='bogus'/></entity></fetch>",
        "<fetch><entity name='opportunity'><filter><condition attribute='name' operator='bogus'/></filter></entity>"
        "</fetch>",
    ],
)
async def test_nonsense_is_refused(api: httpx.AsyncClient, text: str) -> None:
    assert error_of(await api.get("opportunities", params={"fetchXml": text}))[0] == 400


@pytest.mark.usefixtures("deals")
@pytest.mark.parametrize(
    ("statement", "names"),
    [
        ("SELECT name FROM opportunity WHERE estimatedvalue >= 10 ORDER BY name DESC", ["b", "a"]),
        ("SELECT TOP 1 o.name FROM opportunity AS o ORDER BY o.name", ["a"]),
        ("select name from opportunity where name like 'A%' or estimatedvalue is null", ["a", "c"]),
        ("SELECT name FROM opportunity WHERE name IN ('a', 'x') AND NOT statecode = 1", ["a"]),
        ("SELECT name FROM opportunity WHERE createdon > '2020-01-01' AND decisionmaker = 0 AND name <> 'a'",
         ["b", "c"]),
    ],
)  # fmt: skip
async def test_a_select_reads_one_table(api: httpx.AsyncClient, statement: str, names: list[str]) -> None:
    reply = await api.get("opportunities", params={"sql": statement})
    assert reply.status_code == 200, reply.text
    found = [row["name"] for row in reply.json()["value"]]
    assert (found if "ORDER" in statement else sorted(found)) == names


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM opportunity",
        "SELECT * FROM opportunity",
        "SELECT name FROM account",
        "SELECT bogus FROM opportunity",
        "SELECT name FROM opportunity JOIN account",
        "SELECT COUNT(name) FROM opportunity",
    ],
)
async def test_other_statements_are_refused(api: httpx.AsyncClient, statement: str) -> None:
    assert error_of(await api.get("opportunities", params={"sql": statement})) == (400, "0x80060888")
