"""`cosell doctor`: one line for each thing that has to be right, and what to do."""

import asyncio
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from cosell.cli.checks.finding import Said, Verdict, run_check
from cosell.cli.checks.here import SignInSeen, check_receiver, check_sign_in_age, is_loopback
from cosell.cli.checks.services import check_clock
from cosell.domain.flows import ACTIVATION_ORDER
from cosell.store import DeadLetter, HintKind, Ledger
from cosell.store.meta import WEBHOOK_TROUBLE
from tests.cli.desk import Desk, Document
from tests.cli.prefect_stub import NOBODY, prefect_at, running_stub
from tests.emulator_process import running_emulators
from tests.unit.http.fakes import made_up_settings

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@contextmanager
def _listening(status: int) -> Iterator[str]:
    """Answer every GET with this status."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _examine(desk: Desk) -> tuple[int, dict[str, Document]]:
    result = desk.type("doctor", "--json")
    checks = json.loads(result.output)["checks"]
    return result.exit_code, {check["check"]: check for check in checks}


def _verdicts(checks: dict[str, Document]) -> dict[str, str]:
    return {name: check["verdict"] for name, check in checks.items()}


def test_everything_in_order_is_all_ticks_and_exit_code_0(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_stub(statuses=("OFFLINE", "ONLINE")) as prefect, _listening(200) as receiver:
        monkeypatch.setenv("COSELL_RECEIVER__PUBLIC_URL", receiver)
        _register(desk, f"{receiver}/webhooks/partner-center")
        with prefect_at(prefect, monkeypatch):
            exit_code, checks = _examine(desk)
            shown = desk.read("doctor")
    assert checks.pop("notification")["verdict"] == "skipped", "nobody is to be told, by the settings"
    assert set(_verdicts(checks).values()) == {"fine"}, checks
    assert exit_code == 0
    assert set(checks) == {
        "settings",
        "ledger",
        "mapping files",
        "Dataverse",
        "Partner Center",
        "webhook",
        "CRM columns",
        "change tracking",
        "alternate key",
        "sign-in",
        "dead letters",
        "CRM credential",
        "Partner Center credential",
        "clock",
        "receiver",
        "variables",
        "Prefect server",
        "worker",
    }
    assert checks["worker"]["told"] == "1 online for the work pool cosell."
    assert shown.count("✔") == len(checks)


def test_dead_letters_are_reminded_of_by_cause(desk: Desk) -> None:
    async def file(ledger: Ledger) -> None:
        for number, cause in enumerate(("NotReady", "AccessDenied", "NotReady")):
            record_id = f"{number}1111111-2222-4333-8444-555555555555"
            await ledger.dead_letters.add(
                DeadLetter(kind=HintKind.OPPORTUNITY, record_id=record_id, flow="any", cause=cause, message="No.")
            )

    desk.ledger(file)
    _, checks = _examine(desk)

    assert checks["dead letters"]["verdict"] == "warning"
    assert "2 NotReady, 1 AccessDenied; all are tried again by themselves." in checks["dead letters"]["told"]


def test_secrets_are_never_shown(desk: Desk) -> None:
    said = desk.type("doctor").output + desk.type("doctor", "--json").output
    secrets = [value for name, value in os.environ.items() if name.startswith("COSELL_") and "SECRET" in name]
    secrets += [os.environ["COSELL_PARTNER_CENTER__REFRESH_TOKEN"]]
    assert [secret for secret in secrets if secret in said] == []


def test_nothing_is_written_on_either_side(desk: Desk) -> None:
    desk.forget_calls()
    desk.type("doctor")
    assert desk.count_writes() == 0


def test_missing_settings_are_all_named_and_the_rest_is_not_tried(monkeypatch: pytest.MonkeyPatch, desk: Desk) -> None:
    monkeypatch.delenv("COSELL_DATAVERSE__URL")
    monkeypatch.delenv("COSELL_PARTNER_CENTER__CLIENT_ID")
    exit_code, checks = _examine(desk)
    assert exit_code == 1
    for name in ("COSELL_DATAVERSE__URL", "COSELL_PARTNER_CENTER__CLIENT_ID"):
        assert name in checks["settings"]["told"]
    assert {verdict for name, verdict in _verdicts(checks).items() if name != "settings"} == {"skipped"}


def test_one_broken_service_stops_no_other_check(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSELL_DATAVERSE__CLIENT_SECRET", "wrong")
    exit_code, checks = _examine(desk)
    verdicts = _verdicts(checks)
    assert exit_code == 1
    assert (verdicts["Dataverse"], verdicts["CRM columns"]) == ("failed", "failed")
    assert "COSELL_DATAVERSE__CLIENT_SECRET" in checks["Dataverse"]["told"]
    assert (verdicts["Partner Center"], verdicts["clock"], verdicts["ledger"]) == ("fine", "fine", "fine")


def test_crm_without_our_columns_names_what_is_missing(monkeypatch: pytest.MonkeyPatch, desk: Desk) -> None:
    with running_emulators("--bare") as bare:
        for name, value in bare.environment.items():
            monkeypatch.setenv(name, value)
        _, checks = _examine(desk)
    verdicts = _verdicts(checks)
    assert {verdicts[name] for name in ("CRM columns", "alternate key", "change tracking")} == {"failed"}
    assert "cosell_referralid is missing" in checks["CRM columns"]["told"]
    assert verdicts["Dataverse"] == "fine"


def test_mapping_file_that_cannot_be_used_leaves_the_services_to_be_checked(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "opportunity.yaml").write_text("tabel: opportunity", "utf-8")
    monkeypatch.setenv("COSELL_MAPPINGS_DIR", str(tmp_path))
    _, checks = _examine(desk)
    verdicts = _verdicts(checks)
    assert "tabel" in checks["mapping files"]["told"]
    assert (verdicts["mapping files"], verdicts["CRM columns"]) == ("failed", "skipped")
    assert (verdicts["Dataverse"], verdicts["Partner Center"]) == ("fine", "fine")


def test_ledger_that_cannot_be_opened_is_told_and_the_clock_is_checked_all_the_same(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "a-file"
    file.touch()
    for name, value in (("COSELL_DATABASE_URL", f"sqlite:///{file}/ledger.db"), ("COSELL_HOME", str(file))):
        monkeypatch.setenv(name, value)
        exit_code, checks = _examine(desk)
        verdicts = _verdicts(checks)
        assert exit_code == 1
        assert (verdicts["ledger"], verdicts["Dataverse"], verdicts["clock"]) == ("failed", "skipped", "fine")
    assert str(file) in checks["ledger"]["told"]


def test_services_that_are_down_are_told_one_by_one(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSELL_AUTHORITY", "https://127.0.0.1:9")
    exit_code, checks = _examine(desk)
    assert exit_code == 1
    assert {checks[name]["verdict"] for name in ("Dataverse", "Partner Center", "clock")} == {"failed"}
    assert "COSELL_AUTHORITY" in checks["clock"]["told"]


def _register(desk: Desk, url: str, *, without: str = "") -> None:
    events = [
        "referral-created",
        "referral-updated",
        "related-referral-created",
        "related-referral-updated",
        "test-created",
    ]
    wanted = [event for event in events if event != without]
    answer = desk.http.post(
        desk.emulators.urls["partner_center_webhooks"],
        json={"WebhookUrl": url, "WebhookEvents": wanted},
        headers={"Authorization": f"Bearer {desk.colleague}"},
    )
    assert answer.is_success, answer.text


def test_webhook_that_somebody_else_took_over_is_named(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSELL_RECEIVER__PUBLIC_URL", "http://127.0.0.1:9")
    _register(desk, "https://other.example/hook")
    _, checks = _examine(desk)
    assert checks["webhook"]["verdict"] == "failed"
    assert "https://other.example/hook" in checks["webhook"]["told"]


def test_webhook_without_one_of_the_events_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSELL_RECEIVER__PUBLIC_URL", "http://127.0.0.1:9")
    _register(desk, "http://127.0.0.1:9/webhooks/partner-center", without="related-referral-updated")
    _, checks = _examine(desk)
    assert checks["webhook"]["told"] == "Ours, but without related-referral-updated."


def test_registration_that_is_not_there_yet_is_a_warning_and_one_that_is_gone_a_failure(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COSELL_RECEIVER__PUBLIC_URL", "http://127.0.0.1:9")
    assert _examine(desk)[1]["webhook"]["verdict"] == "warning"
    desk.activate()
    assert _examine(desk)[1]["webhook"]["verdict"] == "failed"


def test_prefect_server_that_nobody_started_or_that_is_down(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = _examine(desk)[1]
    assert (unknown["Prefect server"]["verdict"], unknown["worker"]["verdict"]) == ("failed", "skipped")
    assert "cosell up" in unknown["Prefect server"]["told"]
    with prefect_at(NOBODY, monkeypatch):
        down = _examine(desk)[1]
    assert NOBODY in down["Prefect server"]["told"]
    assert down["CRM columns"]["verdict"] == "fine"


def test_worker_that_is_offline_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_stub(statuses=("OFFLINE",)) as prefect, prefect_at(prefect, monkeypatch):
        _, checks = _examine(desk)
    assert (checks["Prefect server"]["verdict"], checks["worker"]["verdict"]) == ("fine", "failed")


@pytest.mark.parametrize(
    ("days", "verdict"),
    [(0, Verdict.FINE), (75, Verdict.FINE), (76, Verdict.WARNING), (89, Verdict.WARNING), (90, Verdict.FAILED)],
)
async def test_sign_in_grows_old(days: int, verdict: Verdict) -> None:
    said = await check_sign_in_age(
        made_up_settings(), SignInSeen(used_at=NOW - timedelta(days=days)), clock=lambda: NOW
    )
    assert said.verdict is verdict
    assert f"{days} days ago" in said.told


async def test_sign_in_that_was_never_used_begins_with_the_setting_if_there_is_one() -> None:
    settings = made_up_settings()
    assert (await check_sign_in_age(settings, SignInSeen(), clock=lambda: NOW)).verdict is Verdict.FINE
    own = settings.partner_center.model_copy(update={"refresh_token": None})
    nobody = settings.model_copy(update={"partner_center": own})
    said = await check_sign_in_age(nobody, SignInSeen(), clock=lambda: NOW)
    assert (said.verdict, "cosell connect partner-center" in said.todo) == (Verdict.FAILED, True)


def test_age_is_taken_before_the_check_itself_renews_the_sign_in(desk: Desk) -> None:
    assert "Not used yet" in _examine(desk)[1]["sign-in"]["told"]

    async def find(ledger: Ledger) -> datetime | None:
        return await ledger.vault.find_saved_at("partner-center")

    assert desk.ledger(find) is not None
    assert "0 days ago" in _examine(desk)[1]["sign-in"]["told"]


@pytest.mark.parametrize(
    ("minutes", "verdict"), [(0, Verdict.FINE), (4, Verdict.FINE), (6, Verdict.WARNING), (-6, Verdict.WARNING)]
)
async def test_clock_that_differs_is_told(minutes: int, verdict: Verdict) -> None:
    answer = httpx.MockTransport(lambda _: httpx.Response(200, headers={"Date": "Mon, 02 Mar 2026 09:00:00 GMT"}))
    said = await check_clock(made_up_settings(), clock=lambda: NOW + timedelta(minutes=minutes), transport=answer)
    assert said.verdict is verdict


async def test_answer_without_a_date_proves_nothing() -> None:
    answer = httpx.MockTransport(lambda _: httpx.Response(200))
    said = await check_clock(made_up_settings(), clock=lambda: NOW, transport=answer)
    assert said.verdict is Verdict.SKIPPED


def _received_at(url: str | None) -> Said:
    settings = made_up_settings()
    own = type(settings.receiver).model_validate({"public_url": url})
    return asyncio.run(check_receiver(settings.model_copy(update={"receiver": own})))


def test_receiver_next_door_is_asked_and_no_other_address_ever_is() -> None:
    """The guard of the tests fails any that reaches beyond this machine."""
    with _listening(200) as url:
        assert _received_at(url).verdict is Verdict.FINE
    with _listening(500) as url:
        assert _received_at(url).verdict is Verdict.FAILED
    assert _received_at("http://127.0.0.1:9").verdict is Verdict.FAILED
    assert _received_at("https://sync.contoso.example").verdict is Verdict.SKIPPED
    assert _received_at(None).verdict is Verdict.WARNING


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "::1"])
def test_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "192.0.2.1", "localhost.example.com", "127.0.0.1.example.com", "2130706433"])
def test_not_this_machine(host: str) -> None:
    assert not is_loopback(host)


async def test_check_that_breaks_is_a_finding_like_any_other() -> None:
    async def breaks() -> str:
        raise ZeroDivisionError("with a secret in it")

    found = await run_check("broken", breaks())
    assert (found.verdict, "secret" in found.told) == (Verdict.FAILED, False)
    assert "ZeroDivisionError" in found.told


def test_webhook_whose_last_check_failed_is_told_by_doctor_and_by_status(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def note(ledger: Ledger) -> None:
        await ledger.meta.save(WEBHOOK_TROUBLE, "Nobody answered there.")

    ours = "http://127.0.0.1:9"
    monkeypatch.setenv("COSELL_RECEIVER__PUBLIC_URL", ours)
    _register(desk, f"{ours}/webhooks/partner-center")
    desk.ledger(note)
    found = _examine(desk)[1]["webhook"]

    assert (found["verdict"], found["told"]) == ("failed", "Ours, but the last check failed. Nobody answered there.")
    assert "✖ webhook: Nobody answered there." in desk.read("status")
    assert desk.read_json("status")["webhook_trouble"] == "Nobody answered there."


def test_status_says_of_each_flow_since_when_it_is_active_or_what_it_waits_for(desk: Desk) -> None:
    desk.activate(ACTIVATION_ORDER[:2])
    lines = desk.read("status").splitlines()

    assert next(line for line in lines if line.startswith("✔ 2 create-cosell-referral")).endswith(" UTC")
    assert next(line for line in lines if line.startswith("· 3 ")).endswith("not active")
    assert next(line for line in lines if line.startswith("· 9 ")).endswith("waits for 3 customize-dynamics-details")
    assert max(map(len, lines)) <= 100
