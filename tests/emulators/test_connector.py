"""Microsoft's own connector on the emulated CRM: its columns, its pairs, and what it leaves undone."""

from typing import Any

from cosell.emulators.connector_deals import WEBHOOK
from cosell.emulators.dataverse import connector_schema as schema
from tests.emulators.stand import API, REGISTRATION, WEBHOOK_API, Stand

CRM = f"{API}/api/data/v9.2"


async def rows(stand: Stand, path: str) -> list[dict[str, Any]]:
    headers = await stand.sign_in(user="seller@contoso-partner.example")
    answer = await stand.http.get(f"{CRM}/{path}", headers=headers)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["value"]
    return found


async def test_seeded_connector_has_linked_pairs_and_left_some_undone(stand: Stand) -> None:
    told = (await stand.control("POST", "seed", {"connector": 50, "seed": 1}))["connector"]

    linked = {row[schema.IDENTIFIER]: row for row in await rows(stand, "opportunities") if row[schema.IDENTIFIER]}
    referrals = (await stand.http.get(f"{API}/v1.0/engagements/referrals")).json()["value"]
    named = {item["externalReferenceId"]: item for item in referrals}
    assert sum(told.values()) == 50
    assert {row["name"][0] for row in linked.values()} >= {"✔", "✖"}
    assert len(set(linked) - {item["id"] for item in referrals}) == told["without referral"]
    in_crm = {row["opportunityid"] for row in await rows(stand, "opportunities")}
    assert len(set(named) - in_crm) == told["without opportunity"]
    assert len(referrals) - len(named) == told["two referrals"]
    assert await stand.violated() == []


async def test_seeded_connector_brings_its_schema_once_and_rows_as_often_as_asked(stand: Stand) -> None:
    await stand.control("POST", "seed", {"connector": 10, "seed": 1})
    await stand.control("POST", "seed", {"connector": 10, "seed": 2})

    definitions = await rows(stand, "environmentvariabledefinitions?$filter=startswith(schemaname,'msft_')")
    assert len(definitions) == len(schema.VARIABLES)
    details = await rows(stand, f"{schema.DETAIL}es")
    assert len(details) == len({row[schema.DETAIL_IDENTIFIER] for row in details})


async def test_seeded_connector_is_whom_partner_center_calls(stand: Stand) -> None:
    await stand.control("POST", "seed", {"connector": 1})

    headers = await stand.sign_in(audience=WEBHOOK_API)
    assert (await stand.http.get(REGISTRATION, headers=headers)).json()["WebhookUrl"] == WEBHOOK


async def test_crm_without_a_seeded_connector_shows_no_trace_of_it(stand: Stand) -> None:
    await stand.control("POST", "seed", {"referrals": 3, "opportunities": 3})

    assert all(schema.IDENTIFIER not in row for row in await rows(stand, "opportunities"))
