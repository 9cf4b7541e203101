"""Canaries in every field: after successes, refusals, conflicts, crashes and a reconcile, none is where it must not be.

Logs at their loudest, error texts, dead letters and everything else that an operator reads hold ids and field names
only. The ledger may hold what a deal says, in three columns; of people it holds nothing at all.
"""

import logging
import sqlite3
from pathlib import Path

import pytest

from cosell.mapping.variables import Variables
from tests.properties.story import Story
from tests.properties.town import Town
from tests.properties.trouble import Trouble, TroubledFate
from tests.reconcile.rounds import reconcile
from tests.sync.conftest import *  # noqa: F403  the services and an empty ledger
from tests.sync.conftest import Stands
from tests.sync.leads import LEAD
from tests.sync.stand import PROOF_OF_CONCEPT, Document

PEOPLE = {
    "firstName": "Quillonia",
    "lastName": "Vexforth",
    "email": "quillonia.vexforth@brackenmoor.example",
    "phoneNumber": "+44 20 7946 0733",
    "title": "Wardenship of Looms",
}
DEALS = (
    "Moonlit weaving",
    "Whispered notes",
    "Brackenmoor Looms",
    "Thistledown Lane",
    "ZZ9 7QX",
    "7391357249",
    "Elsewhereland",
)
MAY_HOLD_DEALS = {("cosell_conflicts", "snapshots"), ("cosell_journal", "snapshots"), ("cosell_links", "base")}
"""Columns in which the ledger keeps what both sides agreed on, and what lost."""
TELLTALE: Document = {"error": {"code": "invalid", "message": " ".join([*PEOPLE.values(), *DEALS])}}
CUSTOMER: Document = {
    "name": "Brackenmoor Looms",
    "address": {
        "addressLine1": "Thistledown Lane 4",
        "city": "Elsewhereland",
        "postalCode": "ZZ9 7QX",
        "country": "GB",
    },
    "team": [PEOPLE],
}
DETAILS: Document = {"notes": "Whispered notes", "dealValue": 7391357249, "currency": "GBP"}


@pytest.fixture
async def town(stands: Stands) -> Town:
    plain = await stands.begin()
    town = Town(emulators=plain.emulators, http=plain.http, ledger_url=plain.ledger_url)
    town.variables = Variables(marketplace_leads=True)
    await town.sign_in()
    return town


async def live_through_everything(town: Town) -> None:
    """Let deals succeed, be refused, quarrel and be interrupted, on both sides, as deals and as leads."""
    story = Story(town)
    first = await story.write()
    row = await town.opportunity(str(first.opportunity_id))
    await town.crm("PATCH", f"contacts({row['_parentcontactid_value']})", _contact())
    await town.crm("PATCH", f"accounts({row['_parentaccountid_value']})", _account())
    words = {"name": "Moonlit weaving", "description": "Whispered notes", "cosell_help": PROOF_OF_CONCEPT}
    await town.seller_edits(str(first.opportunity_id), **words, estimatedvalue=7391357249)
    invited = {"name": "Moonlit weaving again", "customerProfile": CUSTOMER, "details": DETAILS}
    await town.microsoft_invites(**invited)
    await town.microsoft_invites(**{**LEAD, **invited})
    for number, trouble in enumerate(Trouble, start=3):
        await _round(town, TroubledFate(troubles={number: trouble}))
    await story.look_around()
    assert first.referral_id is not None
    # A quarrel, a refusal of each service which repeats what it was sent, an unknown country, and deaths on the way.
    await town.colleague_edits(first.referral_id, {"/details/notes": "Whispered notes of a colleague"})
    await town.seller_edits(str(first.opportunity_id), description="Whispered notes of a seller")
    for path in ("/api/data/", "/v1.0/"):
        rule = {"method": "PATCH", "path": path, "action": {"status": 400, "body": TELLTALE}}
        await town.control("PUT", "faults", [rule])
        await _round_of_product_only(town)
        await town.control("DELETE", "faults")
        await town.seller_edits(str(first.opportunity_id), description=f"Whispered notes after {path}")
    second = await story.write()
    row = await town.opportunity(str(second.opportunity_id))
    await town.crm("PATCH", f"accounts({row['_parentaccountid_value']})", {"address1_country": "Elsewhereland"})
    await town.crm("PATCH", f"contacts({row['_parentcontactid_value']})", _contact() | {"emailaddress1": "Vexforth"})
    for dies_at in (5, 9, 14, 20):
        await _round(town, TroubledFate(dies_at=dies_at))
    town.is_sign_in_lost = True
    town.revoke("person")
    await _round(town, None)
    town.is_sign_in_lost = False
    await _round(town, None)
    found = await reconcile(town)
    told = [outcome.reason for outcome in found.outcomes] + [str(finding) for finding in found.findings]
    assert _canaries_in(" ".join(told)) == []


async def _round(town: Town, fate: TroubledFate | None) -> None:
    for number in (6, 8, 9):
        await town.flow(number, fate)
        await town.control("POST", "clock", {"advance_seconds": 200})


async def _round_of_product_only(town: Town) -> None:
    for number in (6, 8, 9):
        await town.flow(number)


def _contact() -> Document:
    return {
        "firstname": PEOPLE["firstName"],
        "lastname": PEOPLE["lastName"],
        "emailaddress1": PEOPLE["email"],
        "telephone1": PEOPLE["phoneNumber"],
        "jobtitle": PEOPLE["title"],
    }


def _account() -> Document:
    return {
        "name": "Brackenmoor Looms",
        "address1_line1": "Thistledown Lane 4",
        "address1_postalcode": "ZZ9 7QX",
    }


def _canaries_in(text: str) -> list[str]:
    return [canary for canary in (*PEOPLE.values(), *DEALS, "Bearer ") if canary in text]


async def test_no_canary_is_in_logs_errors_or_lists_and_none_of_people_in_the_ledger(
    town: Town, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    for noisy in ("aiosqlite", "sqlalchemy"):  # at DEBUG they print what is bound, which nobody switches on in earnest
        logging.getLogger(noisy).setLevel(logging.INFO)

    await live_through_everything(town)

    assert len(caplog.text) > 1000, "there is nothing to look at"
    assert _canaries_in(caplog.text) == []
    printed = capfd.readouterr()
    assert _canaries_in(printed.out + printed.err) == []
    found = _search_ledger(Path(town.ledger_url.removeprefix("sqlite:///")))
    assert {place for place, canary in found if canary in PEOPLE.values()} == set()
    assert {place for place, _ in found} <= MAY_HOLD_DEALS
    assert {place for place, _ in found} >= MAY_HOLD_DEALS, "the ledger was not searched"


def _search_ledger(path: Path) -> list[tuple[tuple[str, str], str]]:
    """Return in which column of which table which canary stands."""
    found = []
    with sqlite3.connect(path) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        assert "cosell_dead_letters" in tables
        assert connection.execute("SELECT count(*) FROM cosell_dead_letters").fetchone()[0] > 0
        for table in tables:
            cursor = connection.execute(f"SELECT * FROM {table}")  # noqa: S608  names of our own tables
            names = [column[0] for column in cursor.description]
            for row in cursor.fetchall():
                for name, value in zip(names, row, strict=True):
                    found += [((table, name), canary) for canary in _canaries_in(_plain(value))]
    connection.close()
    return found


def _plain(value: object) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text.encode().decode("unicode_escape") if "\\u" in text else text
