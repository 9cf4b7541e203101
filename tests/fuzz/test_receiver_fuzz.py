"""The receiver takes whatever anybody sends: it answers with one of its statuses, fetches nothing, and stores nothing.

Schemathesis is no fit here: it makes bodies from an OpenAPI description, while these doors take raw bytes which count
only with a signature over them, so that nearly all it could send would be refused before it is read.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from cosell.settings import ReceiverSettings
from cosell.webhooks.app import Limits, create_receiver
from cosell.webhooks.events import LARGEST_NOTIFICATION
from tests.fuzz.mutations import ANY_JSON, broken, spelled, wrong
from tests.unit.webhooks.authority import CERTIFICATE_URL, HOST, ISSUER_URL, World, build_world, notification
from tests.unit.webhooks.conftest import SECRET, ListedInbox, Shelf, StandingClock

GOOD = notification()
ANSWERS = {202, 400, 401, 404, 405, 411, 413, 503}
PATHS = st.sampled_from(["/webhooks/partner-center", "/webhooks/dataverse"])
HEADER = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60)
NAMES = ["Authorization", "X-MS-Certificate-Url", "X-MS-Signature-Algorithm", "Content-Type", "Content-Length-Hint"]
CONTEXT = {
    "MessageName": "Update",
    "PrimaryEntityName": "opportunity",
    "PrimaryEntityId": "8d5fb1c2-0000-4000-8000-000000000001",
    "InputParameters": [{"key": "Target", "value": {"Id": "8d5fb1c2-0000-4000-8000-000000000001"}}],
}


class Doors:
    """One receiver for all examples, and what came of each."""

    def __init__(self, world: World, trust_roots: Path) -> None:
        self.world = world
        self.shelf = Shelf({CERTIFICATE_URL: world.signer.der, ISSUER_URL: world.intermediate.der})
        self.inbox = ListedInbox()
        own = ReceiverSettings(certificate_hosts=(HOST,), trust_roots=trust_roots, dataverse_secret=SecretStr(SECRET))
        app = create_receiver(
            own, self.inbox, wake=lambda: None, clock=StandingClock(), fetch=self.shelf, limits=Limits()
        )
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://receiver.test")

    async def send(self, path: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
        """Send something, and look that the answer is one of ours."""
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        answer = await self.client.post(path, content=body, headers=raw)
        assert answer.status_code in ANSWERS, answer.text
        assert "Traceback" not in answer.text
        return answer


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as running:
        yield running


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory, runner: asyncio.Runner) -> Iterator[Doors]:
    world = build_world()
    roots = tmp_path_factory.mktemp("roots") / "roots.pem"
    roots.write_bytes(world.root.pem)
    made = Doors(world, roots)
    yield made
    runner.run(made.client.aclose())


@settings(max_examples=50)
@given(path=PATHS, body=broken(GOOD), headers=st.dictionaries(st.sampled_from(NAMES), HEADER, max_size=5))
def test_whatever_a_stranger_sends_changes_nothing_and_makes_us_fetch_nothing(
    doors: Doors, runner: asyncio.Runner, path: str, body: bytes, headers: dict[str, str]
) -> None:
    before = list(doors.shelf.asked)

    answer = runner.run(doors.send(path, body, headers))

    assert answer.status_code != 202
    assert doors.inbox.waiting == {}
    assert doors.shelf.asked == before


@settings(max_examples=50)
@given(
    url=st.one_of(
        HEADER,
        st.sampled_from(["http", "https", "file", "ftp"]).flatmap(
            lambda scheme: HEADER.map(lambda rest: f"{scheme}://{rest}")
        ),
    )
)
@example(url=f"https://{HOST}@evil.example/x.cer")
@example(url=f"https://evil.example\\@{HOST}/x.cer")
@example(url=f"https://[{HOST}]/x.cer")
def test_no_address_which_a_request_names_is_fetched_unless_it_is_allowed(
    doors: Doors, runner: asyncio.Runner, url: str
) -> None:
    before = list(doors.shelf.asked)

    answer = runner.run(doors.send("/webhooks/partner-center", GOOD, doors.world.signer.headers(GOOD, url)))

    assert answer.status_code in {400, 401}
    fetched = doors.shelf.asked[len(before) :]
    assert [asked for asked in fetched if httpx.URL(asked).host != HOST] == []


@settings(max_examples=50)
@given(
    body=st.one_of(broken(GOOD), ANY_JSON.map(spelled), wrong(httpx.Response(200, content=GOOD).json()).map(spelled))
)
def test_whatever_is_signed_is_stored_as_an_id_or_refused(doors: Doors, runner: asyncio.Runner, body: bytes) -> None:
    answer = runner.run(doors.send("/webhooks/partner-center", body, doors.world.signer.headers(body)))

    assert answer.status_code in {202, 400}
    for _, record_id in doors.inbox.waiting:
        assert len(record_id) == 36
    doors.inbox.waiting.clear()


@settings(max_examples=50)
@given(body=st.one_of(broken(spelled(CONTEXT)), ANY_JSON.map(spelled), wrong(CONTEXT).map(spelled)))
def test_whatever_the_crm_sends_only_wakes_us_or_is_refused(doors: Doors, runner: asyncio.Runner, body: bytes) -> None:
    answer = runner.run(doors.send("/webhooks/dataverse", body, {"x-cosell-key": SECRET}))

    assert answer.status_code in {202, 400, 401}
    doors.inbox.waiting.clear()


@settings(max_examples=20)
@given(more=st.integers(1, 3_000_000))
def test_body_over_the_limit_is_413_whatever_it_says(doors: Doors, runner: asyncio.Runner, more: int) -> None:
    body = b" " * (LARGEST_NOTIFICATION + more)

    answer = runner.run(doors.send("/webhooks/partner-center", body, doors.world.signer.headers(GOOD)))

    assert answer.status_code == 413
