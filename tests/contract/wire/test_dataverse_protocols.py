"""What takes Dataverse more than one request: states, alternate keys, change tracking, batches, many at once."""

import json
import uuid
from typing import Any

import httpx
import pytest

from tests.contract.wire.crm import REPRESENTATION, Crm, address_of
from tests.contract.wire.services import Json, at_home, refusal

STATES = "Use Web API actions: WinOpportunity, LoseOpportunity"
KEYS = "Use Upsert to create or update a record"
TRACKING = "Use change tracking to synchronize data with external systems"
BATCH = "Execute batch operations using the Web API"
CATALOGUE = "cosell_microsoftsolutiondetails"
MOST_PAGES = 20


def closing(deal: dict[str, Any], status: int) -> dict[str, Json]:
    bind = {"opportunityid@odata.bind": f"/{address_of(deal, 'opportunities')}"}
    return {"Status": status, "OpportunityClose": {"subject": "Wire test", "actualrevenue": 9.5, **bind}}


@pytest.mark.parametrize("state", [1, 2], ids=["won", "lost"])
@pytest.mark.documented("Web service error codes: CannotUseOpportunitySetStateMessage")
def test_an_update_cannot_close_as(crm: Crm, state: int) -> None:
    where = address_of(crm.opportunity(), "opportunities")
    assert refusal(crm.http.patch(where, json={"statecode": state})) == (400, "0x80100005")


@pytest.mark.parametrize(
    ("action", "status", "state"), [("WinOpportunity", 3, 1), ("LoseOpportunity", 5, 2)], ids=["win", "lose"]
)
@pytest.mark.documented(STATES)
def test_a_message_closes_with_an_activity(crm: Crm, action: str, status: int, state: int) -> None:
    deal = crm.opportunity(estimatedvalue=10)
    answer = crm.http.post(action, json=closing(deal, status))
    assert (answer.status_code, answer.content) == (204, b"")
    where = address_of(deal, "opportunities")
    told = crm.http.get(f"{where}?$select=statecode,statuscode,actualvalue").json()
    assert (told["statecode"], told["statuscode"], told["actualvalue"]) == (state, status, 9.5)
    condition = f"_opportunityid_value eq {deal['opportunityid']}"
    activities = crm.http.get(f"opportunitycloses?$select=subject&$filter={condition}").json()["value"]
    assert [each["subject"] for each in activities] == ["Wire test"]


@pytest.mark.documented("Web service error codes: OpportunityAlreadyInClosedState")
def test_a_closed_deal_is_not_closed_again_but_reopened_by_an_update(crm: Crm) -> None:
    deal = crm.opportunity()
    assert crm.http.post("WinOpportunity", json=closing(deal, 3)).status_code == 204
    assert refusal(crm.http.post("LoseOpportunity", json=closing(deal, 4))) == (400, "0x80040515")
    where = address_of(deal, "opportunities")
    assert crm.http.patch(where, json={"statecode": 0, "statuscode": 1}).status_code == 204
    assert crm.http.get(f"{where}?$select=statecode").json()["statecode"] == 0


@pytest.mark.inferred("told by people; the documentation calls closed deals read-only in the app")
def test_a_closed_deal_still_takes_a_note(crm: Crm) -> None:
    deal = crm.opportunity()
    assert crm.http.post("WinOpportunity", json=closing(deal, 3)).status_code == 204
    assert crm.http.patch(address_of(deal, "opportunities"), json={"description": "late"}).status_code == 204


@pytest.mark.inferred("the members of the answer and their order are not documented")
def test_a_qualified_lead_answers_the_rows_it_became(crm: Crm) -> None:
    lead = crm.created("leads", {"subject": crm.named(), "lastname": crm.named(), "companyname": crm.named()})
    body = {"CreateAccount": True, "CreateContact": True, "CreateOpportunity": True, "Status": 3}
    answer = crm.http.post(f"{address_of(lead, 'leads')}/Microsoft.Dynamics.CRM.QualifyLead", json=body)
    assert answer.status_code == 200
    made = answer.json()["value"]
    kinds = [each["@odata.type"].rpartition(".")[2] for each in made]
    for kind, row in zip(kinds, made, strict=True):
        set_name = {"opportunity": "opportunities"}.get(kind, f"{kind}s")
        crm.owe(address_of(row, set_name))
    assert kinds == ["account", "contact", "opportunity"]


@pytest.mark.documented(KEYS)
def test_an_upsert_by_key_creates_once_and_echoes_the_key(crm: Crm) -> None:
    crm.need_key()
    where = f"opportunities(cosell_referralid='{uuid.uuid4()}')"
    first = crm.http.patch(where, json={"name": crm.named()})
    assert first.status_code == 204
    assert "cosell_referralid=" in first.headers["OData-EntityId"]
    again = crm.http.patch(where, json={"description": "x"}, headers=REPRESENTATION)
    assert again.status_code == 200
    other = f"opportunities(cosell_referralid='{uuid.uuid4()}')"
    assert crm.http.patch(other, json={"name": crm.named()}, headers=REPRESENTATION).status_code == 201


@pytest.mark.parametrize(
    ("condition", "status", "code"),
    [("If-Match", 404, "0x80060891"), ("If-None-Match", 412, "0x80040237")],
    ids=["update only", "create only"],
)
@pytest.mark.documented(KEYS)
def test_an_upsert_by_key_can_be_held_to_one_side(crm: Crm, condition: str, status: int, code: str) -> None:
    crm.need_key()
    key = str(uuid.uuid4())
    if condition == "If-None-Match":
        crm.opportunity(cosell_referralid=key)
    where = f"opportunities(cosell_referralid='{key}')"
    answer = crm.http.patch(where, json={"name": crm.named()}, headers={condition: "*"})
    assert refusal(answer) == (status, code)


@pytest.mark.documented("Web service error codes: DuplicateRecordEntityKey")
def test_a_second_row_with_the_key_is_refused(crm: Crm) -> None:
    crm.need_key()
    key = str(uuid.uuid4())
    crm.opportunity(cosell_referralid=key)
    answer = crm.http.post("opportunities", json={"name": crm.named(), "cosell_referralid": key})
    assert refusal(answer) == (412, "0x80060892")


class Tracked:
    """The catalogue of solutions, followed by delta links: a small table, so that a first read is short."""

    def __init__(self, crm: Crm) -> None:
        """Read it once; skip where it is not installed."""
        self._crm = crm
        first = crm.http.get(f"{CATALOGUE}?$select=cosell_name", headers={"Prefer": "odata.track-changes"})
        if first.status_code == 404:
            pytest.skip(f"{CATALOGUE} is not installed")
        *_, last = self._pages(first)
        self._link = last["@odata.deltaLink"]

    def entry(self, what: str) -> dict[str, Any]:
        """Create an entry of the catalogue."""
        return self._crm.created(CATALOGUE, {"cosell_name": self._crm.named(what)})

    def changes(self) -> list[dict[str, Any]]:
        """Return what changed since the last time, and move on."""
        pages = list(self._pages(self._crm.http.get(at_home(self._crm.http, self._link))))
        assert all("@odata.deltaLink" not in page for page in pages[:-1])
        assert all(page["@odata.context"].endswith("/$delta") for page in pages)
        self._link = pages[-1]["@odata.deltaLink"]
        return [row for page in pages for row in page["value"]]

    def count(self) -> int:
        """Return how many changes the link stands for."""
        url = at_home(self._crm.http, self._link.replace(f"{CATALOGUE}?", f"{CATALOGUE}/$count?"))
        return int(self._crm.http.get(url).text.lstrip("\ufeff"))

    def _pages(self, answer: httpx.Response) -> list[dict[str, Any]]:
        pages: list[dict[str, Any]] = []
        for _ in range(MOST_PAGES):
            assert answer.status_code == 200
            pages.append(answer.json())
            if not (link := pages[-1].get("@odata.nextLink")):
                return pages
            answer = self._crm.http.get(at_home(self._crm.http, link))
        pytest.skip(f"{CATALOGUE} is too long for a test")


def names_or_reasons(changes: list[dict[str, Any]]) -> list[str]:
    return [str(change.get("reason") or change["cosell_name"]) for change in changes]


@pytest.mark.documented(TRACKING)
def test_a_delta_tells_changes_first_and_deletions_last_and_then_nothing(crm: Crm) -> None:
    tracked = Tracked(crm)
    doomed, kept = tracked.entry("doomed"), tracked.entry("kept")
    assert len(tracked.changes()) == 2
    assert crm.http.delete(address_of(doomed, CATALOGUE)).status_code == 204
    moved = crm.http.patch(address_of(kept, CATALOGUE), json={"cosell_name": crm.named("moved")})
    assert moved.status_code == 204
    changes = tracked.changes()
    assert names_or_reasons(changes) == [crm.named("moved"), "deleted"]
    assert changes[1]["id"] == doomed["cosell_microsoftsolutiondetailid"]
    assert changes[1]["@odata.context"].endswith("/$deletedEntity")
    assert tracked.changes() == []


@pytest.mark.documented(TRACKING)
def test_created_and_deleted_between_shows_the_deletion_alone(crm: Crm) -> None:
    tracked = Tracked(crm)
    brief = tracked.entry("brief")
    assert crm.http.delete(address_of(brief, CATALOGUE)).status_code == 204
    assert names_or_reasons(tracked.changes()) == ["deleted"]


@pytest.mark.documented(TRACKING)
def test_a_delta_can_be_counted_beforehand(crm: Crm) -> None:
    tracked = Tracked(crm)
    tracked.entry("one")
    assert tracked.count() == 1


@pytest.mark.inferred("whether a change of another column shows is not documented")
def test_a_change_of_a_column_not_selected_shows_too(crm: Crm) -> None:
    tracked = Tracked(crm)
    entry = tracked.entry("entry")
    tracked.changes()
    changed = crm.http.patch(address_of(entry, CATALOGUE), json={"cosell_publishername": "x"})
    assert changed.status_code == 204
    assert names_or_reasons(tracked.changes()) == [crm.named("entry")]


def part(method: str, address: str, body: Json = None, *headers: str) -> str:
    lines = ["Content-Type: application/http", "Content-Transfer-Encoding: binary", *headers, ""]
    lines += [f"{method} {address} HTTP/1.1", "Content-Type: application/json", ""]
    return "\r\n".join([*lines, json.dumps(body) if body is not None else ""])


def multipart(boundary: str, *parts: str) -> str:
    return "".join(f"--{boundary}\r\n{each}\r\n" for each in parts) + f"--{boundary}--\r\n"


def change_set(*parts: str) -> str:
    return "Content-Type: multipart/mixed; boundary=changeset_w\r\n\r\n" + multipart("changeset_w", *parts)


def send(crm: Crm, *parts: str, **headers: str) -> httpx.Response:
    kind = {"Content-Type": "multipart/mixed; boundary=batch_w"}
    answer = crm.http.post("$batch", content=multipart("batch_w", *parts).encode(), headers=kind | headers)
    for line in answer.text.split("\r\n"):
        if line.startswith("OData-EntityId: "):
            crm.owe(line.partition("/v9.2/")[2])
    return answer


def statuses(answer: httpx.Response) -> list[int]:
    return [int(line.split(" ")[1]) for line in answer.text.split("\r\n") if line.startswith("HTTP/1.1 ")]


@pytest.mark.documented(BATCH)
def test_a_change_set_refers_to_what_it_made(crm: Crm) -> None:
    answer = send(
        crm,
        change_set(
            part("POST", "/api/data/v9.2/accounts", {"name": crm.named()}, "Content-ID: 1"),
            part("POST", "/api/data/v9.2/contacts", {"lastname": crm.named()}, "Content-ID: 2"),
            part("PATCH", "$1", {"primarycontactid@odata.bind": "$2"}, "Content-ID: 3"),
        ),
    )
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("multipart/mixed; boundary=batchresponse_")
    assert statuses(answer) == [204, 204, 204]
    assert "Content-ID: 1\r\n" in answer.text


@pytest.mark.documented(BATCH)
def test_a_change_set_is_all_or_nothing(crm: Crm) -> None:
    row = crm.account(telephone1="before")
    where = address_of(row, "accounts")
    answer = send(
        crm,
        change_set(
            part("PATCH", f"/api/data/v9.2/{where}", {"telephone1": "after"}, "Content-ID: 1"),
            part("POST", "/api/data/v9.2/accounts", {"no_such_column": 1}, "Content-ID: 2"),
        ),
    )
    assert (answer.status_code, statuses(answer)) == (400, [400])
    assert crm.http.get(f"{where}?$select=telephone1").json()["telephone1"] == "before"


@pytest.mark.parametrize(
    ("headers", "outer", "inner"),
    [({}, 404, [404]), ({"Prefer": "odata.continue-on-error"}, 200, [404, 200])],
    ids=["ends there", "goes on when told to"],
)
@pytest.mark.documented(BATCH)
def test_a_batch_with_a_failure(crm: Crm, headers: dict[str, str], outer: int, inner: list[int]) -> None:
    missing = part("GET", "/api/data/v9.2/accounts(00000000-0000-4000-8000-00000000dead)")
    answer = send(crm, missing, part("GET", "/api/data/v9.2/WhoAmI"), **headers)
    assert (answer.status_code, statuses(answer)) == (outer, inner)


@pytest.mark.documented("Use bulk operation messages")
def test_many_are_created_at_once_or_none(crm: Crm) -> None:
    kind = "Microsoft.Dynamics.CRM.account"
    message = "accounts/Microsoft.Dynamics.CRM.CreateMultiple"
    good = [{"@odata.type": kind, "name": crm.named(each)} for each in "ab"]
    told = crm.http.post(message, json={"Targets": good})
    assert told.status_code == 200
    for row_id in told.json()["Ids"]:
        crm.owe(f"accounts({row_id})")
    assert len(told.json()["Ids"]) == 2
    name = crm.named("never")
    bad = [{"@odata.type": kind, "name": name}, {"@odata.type": kind, "no_such_column": 1}]
    assert crm.http.post(message, json={"Targets": bad}).status_code == 400
    assert crm.http.get(f"accounts?$select=name&$filter=name eq '{name}'").json()["value"] == []
