"""The suite of wire facts can fail, stands on nothing of the product's, and tells no secrets when it runs live."""

import ast
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx
import pytest

from tests.contract.wire import test_dataverse_reading as reading
from tests.contract.wire import test_dataverse_rows as rows
from tests.contract.wire import test_partner_center_reading as referrals
from tests.contract.wire.crm import Crm
from tests.contract.wire.services import TEST_NAME, Services
from tests.emulator_process import ROOT, Emulators

WIRE = ROOT / "tests" / "contract" / "wire"
CUSTOMER = "Northwind Bakeries of Leeds"
WRITING = ("POST", "PATCH", "PUT", "DELETE")


def answer_wrongly(request: httpx.Request) -> httpx.Response:
    """Do what stand-ins often get wrong: any bearer, any option, 201 for every POST, strong etags, no error codes."""
    if request.url.path.endswith("dead"):
        return httpx.Response(404, json={"message": "not found"})
    row = {
        "@odata.etag": '"1"',
        "accountid": "x",
        "transactioncurrencyid": "x",
        "isocurrencycode": "EUR",
        "symbol": "E",
    }
    told = row if request.method == "POST" else {"@odata.context": "#x", "value": [row]}
    return httpx.Response(201 if request.method == "POST" else 200, json=told)


class WrongServices(Services):
    """Services whose CRM is one that answers wrongly."""

    def dataverse(self, *, may_write: bool = False) -> httpx.Client:
        """Return a client of it; whether it may write makes no difference."""
        del may_write
        return wrong_client()


def wrong_client() -> httpx.Client:
    return httpx.Client(transport=httpx.MockTransport(answer_wrongly), base_url="https://wrong.example/api/data/v9.2/")


@pytest.mark.parametrize(
    "fact",
    [
        lambda client, _: reading.test_it_refuses(client, "accounts?$skip=1", 400, "0x80060888"),
        lambda client, _: reading.test_without_a_token_the_challenge_names_the_authority(client),
        lambda client, _: reading.test_key_and_etag_come_unasked_and_nothing_else(client),
        lambda client, _: referrals.test_an_error_is_a_code_a_message_and_a_target(client),
        lambda _, crm: rows.test_a_create_answers_204_and_where_the_row_is(crm),
        lambda _, crm: rows.test_if_none_match_star_never_updates(crm),
    ],
    ids=["$skip", "challenge", "members of a row", "error", "create", "condition"],
)
def test_a_wrong_service_is_found_out(fact: Callable[[httpx.Client, Crm], None]) -> None:
    with wrong_client() as client, pytest.raises((AssertionError, KeyError)):
        fact(client, Crm(WrongServices({})))


def test_the_suite_uses_nothing_of_the_product() -> None:
    used = set()
    for path in WIRE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                used |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                used.add((node.module or "").partition(".")[0])
    assert used & {"cosell", "flows", "tasks", "mappings", "msal"} == set()


def test_a_reading_client_writes_nothing(emulators: Emulators) -> None:
    services = Services(emulators.environment, control=emulators.control)
    emulators.control("DELETE", "requests")
    with pytest.raises(AssertionError, match="reads only"):
        services.dataverse().post("accounts", json={"name": "x"})
    with pytest.raises(AssertionError, match="another host"):
        services.dataverse().get("https://elsewhere.example/api/data/v9.2/accounts")
    services.close()
    assert written(emulators) == []


def test_a_live_run_reads_only_and_tells_what_was_refuted_but_no_value(emulators: Emulators) -> None:
    emulators.control("POST", "seed", {"referrals": 3, "opportunities": 3})
    spoilt = {"path": "/WhoAmI$", "action": {"status": 200, "body": {"UserId": CUSTOMER}}}
    emulators.control("PUT", "faults", [spoilt])
    emulators.control("DELETE", "requests")
    run = live(emulators, "test_dataverse_reading.py", "test_dataverse_rows.py", "--showlocals", "-rA")
    assert run.returncode == 1, run.stdout
    assert "refuted: whoami tells three ids and the user exists (WhoAmI function)" in run.stdout
    assert "  confirmed: an expired delta token is 400" in run.stdout
    assert "creates rows in the CRM: needs --live-writes" in run.stdout
    assert written(emulators) == []
    secrets = [value for name, value in emulators.environment.items() if "SECRET" in name or "TOKEN" in name]
    assert [each for each in (CUSTOMER, "eyJ", *secrets) if each in run.stdout + run.stderr] == []


def test_a_live_run_that_may_write_leaves_nothing_behind(emulators: Emulators) -> None:
    # The deal sells a solution which the partner's other deals name.
    emulators.control("POST", "seed", {"referrals": 20})
    options = ("--live-writes", "--live-partner-center-writes")
    chosen = "answers_201 or takes_its_deals or created_along or patch_answers_nothing"
    run = live(emulators, "test_dataverse_rows.py", "test_partner_center_deals.py", *options, "-k", chosen)
    assert run.returncode == 0, run.stdout
    assert " skipped" not in run.stdout
    services = Services(emulators.environment, control=emulators.control)
    newest = services.partner_center().get("referrals", params={"$orderby": "createdDateTime desc"}).json()["value"]
    assert [each["substatus"] for each in newest if each["name"].startswith(TEST_NAME)] == ["Lost"]
    for set_name, column in (("accounts", "name"), ("contacts", "lastname"), ("opportunities", "name")):
        mine = {"$select": column, "$filter": f"startswith({column},'{TEST_NAME}')"}
        assert services.dataverse().get(set_name, params=mine).json()["value"] == []
    services.close()


def live(emulators: Emulators, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run facts live against the emulators, which play the tenant."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    paths = [str(Path("tests/contract/wire") / name) if name.endswith(".py") else name for name in arguments]
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", "--live", *paths],
        cwd=ROOT,
        env=environment | dict(emulators.environment),
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def written(emulators: Emulators) -> list[str]:
    """Return the routes of the vendors' APIs which somebody wrote to."""
    told = emulators.control("GET", "requests")
    assert isinstance(told, Mapping)
    return [
        route
        for route in told["counts"]
        if route.startswith(WRITING) and not any(each in route for each in ("oauth2", "_emulator"))
    ]
