"""What an operator does and sees in the Prefect UI, by the API that the UI itself calls."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from cosell.domain.flows import ACTIVATION_ORDER, FlowName

Document = dict[str, Any]
Found = TypeVar("Found")

PATIENCE_SECONDS = 180.0
"""How long anything may take; on an idle machine a run takes about five seconds."""
POLL_SECONDS = 0.3
PAGE = 200
ENDED = {"COMPLETED", "FAILED", "CANCELLED", "CRASHED"}


def wait_until(what: str, find: Callable[[], Found | None], *, seconds: float = PATIENCE_SECONDS) -> Found:
    """Ask again and again until something is found."""
    until = time.monotonic() + seconds
    never = threading.Event()
    while not (found := find()):
        assert time.monotonic() < until, f"this did not happen within {seconds:.0f} seconds: {what}"
        never.wait(POLL_SECONDS)
    return found


def operating(flow: FlowName) -> str:
    """Return the name of a flow's deployment."""
    return f"{flow}/{flow.number}-{flow}"


def activating(flow: FlowName) -> str:
    """Return the name of the deployment which activates a flow."""
    return f"activate/activate-{flow.number}-{flow}"


DEACTIVATING = "deactivate/deactivate"
IMPORTING = "import-solution-details/import-solution-details"
RECONCILING = "reconcile/reconcile"
RETRYING = "retry-dead-letters/retry-dead-letters"
DEPLOYMENTS = (
    *map(operating, ACTIVATION_ORDER),
    *map(activating, ACTIVATION_ORDER),
    DEACTIVATING,
    IMPORTING,
    RECONCILING,
    RETRYING,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A flow run as the list of runs shows it."""

    run_id: str
    name: str
    state: str
    state_type: str
    message: str
    tags: frozenset[str]
    created_by: str | None
    count: int
    process_id: int | None
    """The process in which a worker runs it."""

    @classmethod
    def of(cls, told: Document) -> "Run":
        """Read what the API tells."""
        state = told["state"] or {}
        return cls(
            run_id=told["id"],
            name=told["name"],
            state=state.get("name") or "",
            state_type=state.get("type") or "",
            message=state.get("message") or "",
            tags=frozenset(told["tags"]),
            created_by=(told.get("created_by") or {}).get("type"),
            count=told["run_count"],
            process_id=int(told["infrastructure_pid"]) if told["infrastructure_pid"] else None,
        )


class PrefectUi:
    """The UI of one Prefect server."""

    def __init__(self, url: str) -> None:
        """Look at the server whose API is at `url`."""
        self._http = httpx.Client(base_url=f"{url}/", timeout=30, trust_env=False)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def ask(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401  whatever the API tells
        """Call the API."""
        answer = wait_until("the server has time", lambda: self._ask_once(method, path, body))
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def _ask_once(self, method: str, path: str, body: object) -> httpx.Response | None:
        """Return None when the server says: not now, as it does while SQLite is busy (the UI asks again, too).

        A question which gets no answer at all is asked again; what would start a run twice is not.
        """
        try:
            answer = self._http.request(method, path, json=body)
        except httpx.TimeoutException:
            if method == "GET" or path.endswith("/filter"):
                return None
            raise
        return None if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE else answer

    def list_all(self, what: str, **filters: object) -> list[Document]:
        """Return all flow_runs, task_runs, artifacts or logs that pass the filters."""
        found: list[Document] = []
        while True:
            page = self.ask("POST", f"{what}/filter", {**filters, "offset": len(found), "limit": PAGE})
            found += page
            if len(page) < PAGE:
                return found

    def deployment(self, name: str) -> Document:
        """Return a deployment."""
        told: Document = self.ask("GET", f"deployments/name/{name}")
        return told

    def start(self, name: str, parameters: Mapping[str, object] | None = None) -> str:
        """Start a run by hand; return its id."""
        deployment = self.deployment(name)
        body = {"parameters": {**deployment["parameters"], **(parameters or {})}}
        return str(self.ask("POST", f"deployments/{deployment['id']}/create_flow_run", body)["id"])

    def refused_start(self, name: str, parameters: Mapping[str, object]) -> str:
        """Start a run which the run form does not let through; return what it says."""
        path = f"deployments/{self.deployment(name)['id']}/create_flow_run"
        answer = self._http.post(path, json={"parameters": dict(parameters)})
        assert answer.is_client_error
        return answer.text

    def get_run(self, run_id: str) -> Run:
        """Return a run."""
        return Run.of(self.ask("GET", f"flow_runs/{run_id}"))

    def wait_for(self, run_id: str, *, count: int = 1) -> Run:
        """Wait until a run has ended, for the `count`-th time."""

        def find() -> Run | None:
            run = self.get_run(run_id)
            return run if run.state_type in ENDED and (run.count >= count or run.state_type == "CANCELLED") else None

        return wait_until(f"run {run_id} ends", find)

    def run(self, name: str, parameters: Mapping[str, object] | None = None) -> Run:
        """Start a run by hand and wait for its end."""
        return self.wait_for(self.start(name, parameters))

    def retry(self, run_id: str) -> Run:
        """Press *Retry* on a run that has failed, and wait for its end."""
        before = self.get_run(run_id).count
        state = {"type": "SCHEDULED", "name": "AwaitingRetry", "message": "Retry from the UI"}
        told = self.ask("POST", f"flow_runs/{run_id}/set_state", {"state": state})
        assert told["status"] == "ACCEPT", str(told)
        return self.wait_for(run_id, count=before + 1)

    def change_state(self, run_id: str, state_type: str) -> None:
        """Press *Change state* on a run."""
        state = {"type": state_type, "message": "Changed in the UI"}
        told = self.ask("POST", f"flow_runs/{run_id}/set_state", {"state": state, "force": True})
        assert told["status"] == "ACCEPT", str(told)

    def runs_of(self, name: str, *, states: tuple[str, ...] = tuple(ENDED)) -> list[Run]:
        """Return the runs of a deployment in these states."""
        only = {
            "deployments": {"id": {"any_": [self.deployment(name)["id"]]}},
            "flow_runs": {"state": {"type": {"any_": list(states)}}},
        }
        return [Run.of(told) for told in self.list_all("flow_runs", **only)]

    def family(self, run_id: str) -> list[Document]:
        """Return a run with the runs of flows which it called, directly or not."""
        found: list[Document] = [self.ask("GET", f"flow_runs/{run_id}")]
        for told in found:
            found += self.list_all("flow_runs", flow_runs={"parent_flow_run_id": {"any_": [told["id"]]}})
        return found

    def tasks_of(self, run_id: str) -> list[Document]:
        """Return the task runs of a run and of those which it called."""
        ids = [told["id"] for told in self.family(run_id)]
        return self.list_all("task_runs", flow_runs={"id": {"any_": ids}})

    def tables_of(self, run_id: str) -> list[Document]:
        """Return the tables which a run itself has published."""
        return self.list_all("artifacts", artifacts={"flow_run_id": {"any_": [run_id]}, "type": {"any_": ["table"]}})

    def log_of(self, run_id: str) -> str:
        """Return the log of a run, once it is complete."""

        def find() -> str | None:
            lines = self.list_all("logs", logs={"flow_run_id": {"any_": [run_id]}}, sort="TIMESTAMP_ASC")
            text = "\n".join(str(line["message"]) for line in lines)
            return text if "Finished in state" in text else None

        return wait_until(f"the log of run {run_id} arrives", find)

    def set_paused(self, name: str, *, is_paused: bool) -> None:
        """Pause the schedules of a deployment, or let them run."""
        deployment_id = self.deployment(name)["id"]
        self.ask("POST", f"deployments/{deployment_id}/{'pause' if is_paused else 'resume'}_deployment")
