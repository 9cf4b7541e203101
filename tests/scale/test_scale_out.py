"""Beyond one machine: what compose.yaml describes, as processes; both workers work, and nothing is done twice."""

import base64
import os
import ssl
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any

import httpx
import pytest
from redis import Redis

from cosell.cli.demo.people import SELLER, People, Urls
from cosell.cli.processes import find_free_port
from cosell.domain.flows import ACTIVATION_ORDER, FlowName
from tests.emulator_process import ROOT, Emulators, running_emulators
from tests.flows.prefect_ui import PrefectUi, operating, wait_until
from tests.flows.world import ADMIN, bearer_of
from tests.scale.stand import Stand, running_stand

pytestmark = pytest.mark.timeout(900)
DEALS_EACH_WAY = 4
SCHEDULED = (
    FlowName.PARTNER_CENTER_TO_DYNAMICS,
    FlowName.OPPORTUNITIES_TO_PARTNER_CENTER,
    FlowName.SOLUTIONS_TO_PARTNER_CENTER,
)
RUNS_PER_WORKER = 2
"""So few that one worker alone cannot take all the runs which are started at once."""
TEMPLATE = ROOT / "deploy" / "kubernetes" / "base-job-template.json"
Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """The running product, the people around it, and its two Prefect servers."""

    emulators: Emulators
    stand: Stand
    people: People
    servers: list[PrefectUi]

    @property
    def ui(self) -> PrefectUi:
        """One of the servers: which one makes no difference."""
        return self.servers[0]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    port = find_free_port()
    with running_emulators() as emulators:
        env_file = {
            **emulators.environment,
            "COSELL_RECEIVER__PORT": str(port),
            "COSELL_RECEIVER__PUBLIC_URL": f"http://127.0.0.1:{port}",
        }
        variables = {
            "COSELL_SECRET_KEY": base64.urlsafe_b64encode(os.urandom(32)).decode(),
            "COSELL_RUNS_PER_WORKER": str(RUNS_PER_WORKER),
        }
        context = ssl.create_default_context(cafile=emulators.environment["COSELL_CA_BUNDLE"])
        with (
            running_stand(tmp_path_factory.mktemp("scale"), env_file, variables) as stand,
            httpx.Client(base_url=emulators.urls["https"], verify=context, timeout=30, trust_env=False) as client,
        ):
            urls = Urls(
                http=emulators.urls["http"],
                https=emulators.urls["https"],
                ca=emulators.environment["COSELL_CA_BUNDLE"],
            )
            people = People(
                urls=urls,
                client=client,
                crm_token=bearer_of(emulators, SELLER),
                portal_token=bearer_of(emulators, ADMIN),
            )
            servers = [
                PrefectUi(f"http://127.0.0.1:{item.ports['4200']}/api") for item in stand.replicas("prefect-api")
            ]
            yield Installation(emulators=emulators, stand=stand, people=people, servers=servers)
            for server in servers:
                server.close()


def test_all_services_run_and_their_health_checks_say_so(installation: Installation) -> None:
    running = Counter(item.service.name for item in installation.stand.running if item.process.poll() is None)
    assert running == {"prefect-api": 2, "prefect-services": 1, "worker": 2, "dispatcher": 1, "receiver": 1}
    checked = [item for item in installation.stand.running if item.health_check]
    assert len(checked) == 5
    for replica in checked:
        command = installation.stand.program(replica.health_check)
        done = subprocess.run(command, cwd=installation.stand.app, check=False)
        assert done.returncode == 0, replica.say("does not pass its health check")


def test_servers_speak_to_one_another_by_redis(installation: Installation) -> None:
    host, _, port = installation.stand.redis.partition(":")
    with Redis(host=host, port=int(port), decode_responses=True) as redis:
        groups = {group["name"] for group in redis.xinfo_groups("events")}
    with Redis(host=host, port=int(port), db=1, decode_responses=True) as redis:
        loops = redis.keys("prefect-server:*")
    assert {"event-persister", "reactive-triggers"} <= groups
    assert loops


def test_both_servers_tell_the_same_and_the_nine_flows_are_activated(installation: Installation) -> None:
    done = installation.stand.run("deploy", "cosell", "activate")

    assert done.returncode == 0, done.stdout + done.stderr
    for server in installation.servers:
        assert [flow for flow in ACTIVATION_ORDER if server.deployment(operating(flow))["paused"]] == []
    assert not list(installation.stand.directory.rglob("*.db")), "somebody works on a SQLite of its own"


def test_deals_go_each_way_over_both_workers_and_nothing_is_done_twice(installation: Installation) -> None:
    people, ui = installation.people, installation.ui
    for flow in SCHEDULED:
        # What is started below does the work; runs by the clock would only take the machine from it.
        ui.set_paused(operating(flow), is_paused=True)
    opportunity_ids = [
        people.create_opportunity(f"Ordering system {number}", value=48000 + number, closing_on=date(2031, 3, 31))
        for number in range(DEALS_EACH_WAY)
    ]
    installation.emulators.control("DELETE", "requests")
    for opportunity_id in opportunity_ids:
        people.crm("PATCH", f"opportunities({opportunity_id})", {"cosell_syncwithpartnercenter": True})
    referral_ids = [str(people.microsoft_invites(_deal(number))["id"]) for number in range(DEALS_EACH_WAY)]
    competing = [
        ui.start(operating(flow))
        for flow in (FlowName.PARTNER_CENTER_TO_DYNAMICS, FlowName.OPPORTUNITIES_TO_PARTNER_CENTER)
        for _ in range(RUNS_PER_WORKER)
    ]

    wait_until("all deals have arrived", lambda: _have_arrived(people, opportunity_ids, referral_ids))
    assert [run.message for run in map(ui.wait_for, competing) if run.state_type != "COMPLETED"] == []
    workers = wait_until("both workers have executed runs", lambda: _find_workers(ui))

    assert len(workers) == 2
    assert _referrals_by_reference(people, opportunity_ids) == dict.fromkeys(opportunity_ids, 1)
    for referral_id in referral_ids:
        assert len(_opportunities_of(people, referral_id)) == 1
    assert installation.emulators.count_route("POST /v1.0/engagements/referrals") == DEALS_EACH_WAY
    customers = people.crm("GET", "accounts?$select=name&$filter=startswith(name,'Bakery ')")["value"]
    assert Counter(row["name"] for row in customers) == {f"Bakery {number}": 1 for number in range(DEALS_EACH_WAY)}
    assert installation.emulators.violations() == []


def test_server_takes_the_template_of_the_kubernetes_pool_and_holds_deployments_to_it(
    installation: Installation,
) -> None:
    command = ["prefect", "work-pool", "create", "cosell-jobs", "--type", "kubernetes"]
    done = installation.stand.run("deploy", *command, "--base-job-template", str(TEMPLATE))
    assert done.returncode == 0, done.stdout + done.stderr

    ui = installation.ui
    present = ui.deployment(operating(FlowName.PARTNER_CENTER_TO_DYNAMICS))
    body = {"name": "elsewhere", "flow_id": present["flow_id"], "work_pool_name": "cosell-jobs"}
    good = {"image": "cosell-sync:9.9.9", "node_selector": {"pool": "batch"}, "memory_limit": "1Gi"}
    made = ui.ask("POST", "deployments/", {**body, "job_variables": good})
    assert made["job_variables"] == good
    refused = ui._http.post("deployments/", json={**body, "job_variables": {"memory_limit": 5}})
    assert refused.is_client_error, refused.text


def _deal(number: int) -> Document:
    return {"name": f"Robots {number}", "customerProfile": {"name": f"Bakery {number}"}}


def _have_arrived(people: People, opportunity_ids: list[str], referral_ids: list[str]) -> bool:
    rows = (people.crm("GET", f"opportunities({item})?$select=name,cosell_referralid") for item in opportunity_ids)
    is_shared = all(row["cosell_referralid"] and row["name"].startswith("✔") for row in rows)
    return is_shared and all(_opportunities_of(people, referral_id) for referral_id in referral_ids)


def _opportunities_of(people: People, referral_id: str) -> list[Document]:
    path = f"opportunities?$select=name&$filter=cosell_referralid eq '{referral_id}'"
    return list(people.crm("GET", path)["value"])


def _referrals_by_reference(people: People, opportunity_ids: list[str]) -> Counter[str]:
    page = people.portal("GET", "?$orderby=createdDateTime desc&$top=100")["value"]
    return Counter(item["externalReferenceId"] for item in page if item.get("externalReferenceId") in opportunity_ids)


def _find_workers(ui: PrefectUi) -> set[str] | None:
    """Return the workers which have executed runs, once there are two, as the services have stored their events."""
    wanted = {
        "event": {"name": ["prefect.worker.executed-flow-run"]},
        "occurred": {"since": "2020-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z"},
    }
    page = ui.ask("POST", "events/filter", {"filter": wanted, "limit": 50})
    found = {str(event["resource"]["prefect.resource.id"]) for event in islice(page["events"], 50)}
    return found if len(found) > 1 else None
