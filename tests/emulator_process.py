"""The emulators as a process of their own, for tests which speak to them over real TLS.

`running_emulators()` starts `python -m cosell.emulators --port 0`, waits for the line that tells its addresses, and
stops it by its own id. The emulators import nothing of the product and the product nothing of them; so do the tests.
"""

import json
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from cosell.settings import DELIMITER, PREFIX, Settings, load_settings

ROOT = Path(__file__).parent.parent
_STOP_SECONDS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Emulators:
    """Where the emulators are, and their controls, which need no token."""

    urls: Mapping[str, str]
    environment: Mapping[str, str]
    log: Path

    def settings(self, **changes: str) -> Settings:
        """Return settings that point at the emulators; `changes` name variables without `COSELL_`."""
        variables = {**self.environment, **{PREFIX + name: value for name, value in changes.items()}}
        values: dict[str, object] = {}
        for name, value in variables.items():
            *groups, last = name.removeprefix(PREFIX).lower().split(DELIMITER)
            target = values
            for group in groups:
                target = target.setdefault(group, {})  # type: ignore[assignment]
            target[last] = json.loads(value) if value.startswith("[") else value
        return load_settings(values)

    def control(self, method: str, path: str, json: object = None) -> object:
        """Use one of the controls under `/_emulator/`; return what it answers."""
        response = httpx.request(method, f"{self.urls['controls']}{path}", json=json, timeout=30, trust_env=False)
        assert response.is_success, f"{method} /_emulator/{path}: {response.status_code} {response.text}"
        return response.json() if response.content else None

    def crm_as(self, user: str) -> httpx.AsyncClient:
        """Return a plain client of the CRM's Web API which acts as a person, as a seller does in the CRM itself."""
        told = self.control("POST", "tokens", {"user": user})
        assert isinstance(told, dict)
        bearer = told.get("access_token") or told.get("token")
        assert bearer, f"no bearer among {sorted(told)}"
        return httpx.AsyncClient(
            base_url=self.urls["dataverse"],
            headers={"Authorization": f"Bearer {bearer}"},
            verify=ssl.create_default_context(cafile=self.environment["COSELL_CA_BUNDLE"]),
            trust_env=False,
        )

    def reset(self) -> None:
        """Forget all data, faults, requests and violations."""
        self.control("POST", "reset")
        self.control("DELETE", "faults")
        self.control("DELETE", "requests")

    def count_requests(self, service: str | None = None) -> int:
        """Return how many calls came since the requests were last forgotten, to one service or to the vendors' APIs."""
        told = self.control("GET", "requests")
        assert isinstance(told, dict)
        return int(told["by_service"].get(service, 0) if service else told["api_total"])

    def count_route(self, ending: str) -> int:
        """Return how many of these calls went to routes with this ending."""
        told = self.control("GET", "requests")
        assert isinstance(told, dict)
        return sum(count for route, count in told["counts"].items() if route.endswith(ending))

    def violations(self) -> list[dict[str, object]]:
        """Return the writes which the real services would have refused, or which break a rule."""
        told = self.control("GET", "violations")
        listed = told["violations"] if isinstance(told, dict) else told
        assert isinstance(listed, list)
        return listed


@contextmanager
def running_emulators(*arguments: str) -> Iterator[Emulators]:
    """Run the emulators while the context lasts; `arguments` as of `python -m cosell.emulators --help`."""
    with tempfile.TemporaryDirectory(prefix="cosell-test-emulators-") as directory:
        log = Path(directory) / "emulators.log"
        with log.open("wb") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "cosell.emulators", "--port", "0", *arguments],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        try:
            yield _wait_until_ready(process, log)
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()


def _wait_until_ready(process: subprocess.Popen[bytes], log: Path) -> Emulators:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, f"the emulators ended with {process.wait()}:\n{log.read_text()[-2000:]}"
    told = json.loads(line)
    return Emulators(urls=told["urls"], environment=told["environment"], log=log)
