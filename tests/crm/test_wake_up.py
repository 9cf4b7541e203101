"""The wake-up: registered once, heard by our receiver, changed only where asked, and taken away without a trace."""

import httpx
import pytest

from cosell.dataverse.install import UNFINISHED, Outcome, Result, WakeUp
from cosell.dataverse.install.wake_up import refuse_unfit, wake_up_url
from cosell.errors import SettingsInvalid
from cosell.webhooks.dataverse import WakeUp as Heard
from cosell.webhooks.dataverse import check_secret, parse_context
from tests.crm.site import Site, schema

URL = "https://sync.example/webhooks/dataverse"
SECRET = """a"b<c>&'d e"""
WAKE_UP = WakeUp(url=URL, secret=SECRET)


def changed(outcomes: list[Outcome]) -> list[tuple[str, Result]]:
    return [(str(outcome.part), outcome.result) for outcome in outcomes if outcome.result is not Result.THERE]


async def hear(site: Site) -> list[Heard]:
    """Deliver what waits to our receiver's own reading of it; a secret which is not ours fails the test."""
    heard: list[Heard] = []

    def receive(request: httpx.Request) -> httpx.Response:
        assert str(request.url) == URL
        check_secret(SECRET, headers=request.headers.items(), parameters=request.url.params.items())
        heard.append(parse_context(request.content))
        return httpx.Response(202)

    site.crm.service.webhooks.transport = httpx.MockTransport(receive)
    await site.crm.service.webhooks.drain()
    return heard


async def test_what_moves_is_heard_by_the_receiver_with_its_secret(site: Site) -> None:
    site.crm.service.webhooks.clear()
    assert [outcome for outcome in await site.install(wake_up=WAKE_UP) if outcome.result in UNFINISHED] == []
    made = await site.post("opportunities", {"name": "Ovens"})
    address = made.headers["OData-EntityId"]
    created = await hear(site)

    await site.admin.patch(address, json={"estimatedvalue": 25000})
    moved = await hear(site)
    await site.admin.patch(address, json={"cosell_audit": "written by us", "stepname": "not mapped"})
    ours = await hear(site)

    assert [(call.entity, call.message) for call in created] == [("opportunity", "Create")]
    assert [(call.entity, call.message) for call in moved] == [("opportunity", "Update")]
    assert moved[0].record_id in address
    assert ours == []


async def test_second_run_writes_nothing_and_says_that_the_secret_cannot_be_compared(site: Site) -> None:
    await site.install(wake_up=WAKE_UP)

    done = await site.install(wake_up=WAKE_UP)

    assert site.road.writes == []
    assert any("COSELL_RECEIVER__DATAVERSE_SECRET" in outcome.told for outcome in done)


async def test_without_being_asked_the_wake_up_stays_as_it_is(site: Site) -> None:
    await site.install(wake_up=WAKE_UP)
    before = await site.portrait()

    await site.install()

    assert await site.portrait() == before


async def test_another_address_replaces_the_first(site: Site) -> None:
    await site.install(wake_up=WAKE_UP)

    moved = WakeUp(url="https://other.example/webhooks/dataverse", secret=SECRET)
    done = await site.install(wake_up=moved)

    assert changed(done) == [("wake-up Co-sell sync wake-up", Result.CHANGED)]
    endpoints = (await site.get("serviceendpoints?$select=url"))["value"]
    assert [row["url"] for row in endpoints] == [moved.url]


async def test_columns_which_are_mapped_now_are_listened_to(site: Site) -> None:
    await site.install(wake_up=WAKE_UP)
    row = (await site.get("sdkmessageprocessingsteps?$filter=name eq 'Co-sell sync: account Update'"))["value"][0]
    address = f"sdkmessageprocessingsteps({row['sdkmessageprocessingstepid']})"
    await site.admin.patch(address, json={"filteringattributes": "name"})

    done = await site.install(wake_up=WAKE_UP)

    assert changed(done) == [("wake-up account Update", Result.CHANGED)]
    listening = (await site.get(address))["filteringattributes"].split(",")
    assert listening == list(next(one.columns for one in schema().steps if one.table == "account"))


async def test_step_which_somebody_switched_off_is_named_and_stays_off(site: Site) -> None:
    await site.install(wake_up=WAKE_UP)
    row = (await site.get("sdkmessageprocessingsteps?$filter=name eq 'Co-sell sync: lead Create'"))["value"][0]
    address = f"sdkmessageprocessingsteps({row['sdkmessageprocessingstepid']})"
    (await site.admin.patch(address, json={"statecode": 1, "statuscode": 2})).raise_for_status()

    done = await site.install(wake_up=WAKE_UP)

    assert changed(done) == [("wake-up lead Create", Result.FOREIGN)]
    assert site.road.writes == []


async def test_taken_away_it_leaves_no_trace(site: Site) -> None:
    await site.install()
    before = await site.portrait()
    await site.install(wake_up=WAKE_UP)

    done = await site.install(wake_up=WakeUp())

    assert {result for _, result in changed(done)} == {Result.REMOVED}
    assert await site.portrait() == before
    again = await site.install(wake_up=WakeUp())
    assert (changed(again), site.road.writes) == ([], [])


async def test_secret_is_in_no_outcome(site: Site) -> None:
    done = await site.install(wake_up=WAKE_UP)

    assert [outcome for outcome in done if SECRET in f"{outcome.told}{outcome.todo}"] == []


@pytest.mark.parametrize(
    ("given", "whole"),
    [
        ("https://sync.contoso.com", "https://sync.contoso.com/webhooks/dataverse"),
        ("https://sync.contoso.com/", "https://sync.contoso.com/webhooks/dataverse"),
        ("https://sync.contoso.com:443/own/path", "https://sync.contoso.com:443/own/path"),
        ("http://127.0.0.1:8480", "http://127.0.0.1:8480/webhooks/dataverse"),
    ],
)
def test_address_of_the_receiver_gets_its_path(given: str, whole: str) -> None:
    assert wake_up_url(given) == whole


@pytest.mark.parametrize(
    "given",
    [
        "http://sync.contoso.com",
        "https://sync.contoso.com:8480",
        "sync.contoso.com",
        "https://x/?code=1",
        "ftp://x",
        "",
    ],
)
def test_address_which_dataverse_would_not_call_is_refused(given: str) -> None:
    with pytest.raises(SettingsInvalid, match="--wake-up"):
        wake_up_url(given)


@pytest.mark.parametrize("secret", ["", "geheim-é", "two\nlines", " spaces ", "x" * 300])
def test_secret_which_a_header_cannot_carry_is_refused_without_being_told(secret: str) -> None:
    with pytest.raises(SettingsInvalid, match="COSELL_RECEIVER__DATAVERSE_SECRET") as caught:
        refuse_unfit(secret)
    assert not secret.strip() or secret not in str(caught.value)


def test_secret_with_marks_of_xml_is_fine() -> None:
    refuse_unfit(SECRET)
