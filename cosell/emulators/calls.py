"""Which service a path belongs to, by which template it is counted, and the log behind `GET /_emulator/requests`."""

import re
from collections import Counter, deque
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any

PARTNER_CENTER, WEBHOOKS, DATAVERSE = "partner_center", "partner_center_webhooks", "dataverse"
ENTRA, CERTIFICATES, EMULATOR, UNKNOWN = "entra", "certificates", "emulator", "unknown"
APIS = (PARTNER_CENTER, WEBHOOKS, DATAVERSE)

_RECENT = 200
_GUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_KEY = re.compile(r"\((?:[^()']|'(?:[^']|'')*')+\)")
_ENTRA = re.compile(r"/[^/]+(/oauth2/.*|/(?:v2\.0/)?\.well-known/.*|/discovery/.*)")
_LAST = re.compile(r"(/engagements/referrals|/validationEvents)/[^/]+$")
_ACTED_ON = re.compile(r"(/microsoft/referrals)/[^/]+(/\w+)$")


@lru_cache(maxsize=4096)
def route_of(path: str) -> tuple[str, str]:
    """Return the service of a path and the path with its ids taken out."""
    for prefixes, service, template_of in _SERVICES:
        if path.startswith(prefixes):
            return service, template_of(path)
    if match := _ENTRA.fullmatch(path):
        return ENTRA, "/{tenant}" + match.group(1)
    return UNKNOWN, "(unknown)"


def _crm_template(path: str) -> str:
    return _GUID.sub("{id}", _KEY.sub(_without_key, path))


def _partner_template(path: str) -> str:
    return _LAST.sub(r"\1/{id}", path)


def _control_template(path: str) -> str:
    return _ACTED_ON.sub(r"\1/{id}\2", path)


def _certificate_template(_: str) -> str:
    return "/cert/{name}"


def _without_key(match: re.Match[str]) -> str:
    return "()" if match.group() == "()" else "({key})"


_SERVICES: tuple[tuple[tuple[str, ...], str, Callable[[str], str]], ...] = (
    (("/api/data",), DATAVERSE, _crm_template),
    (("/v1.0/",), PARTNER_CENTER, _partner_template),
    (("/webhooks/", "/v1/"), WEBHOOKS, _partner_template),
    (("/_emulator",), EMULATOR, _control_template),
    (("/cert/",), CERTIFICATES, _certificate_template),
    (("/devicelogin",), ENTRA, str),
)


class CallLog:
    """Counts calls since the last clearing, and keeps the newest few: no bodies, no headers, no queries."""

    def __init__(self) -> None:
        """Start empty."""
        self.crash_count = 0
        self._counts: Counter[tuple[str, str, str]] = Counter()
        self._failed: Counter[tuple[str, str, str]] = Counter()
        self._recent: deque[dict[str, Any]] = deque(maxlen=_RECENT)

    def clear(self) -> None:
        """Count from nought again."""
        self._counts.clear()
        self._failed.clear()
        self._recent.clear()

    def note(self, *, method: str, path: str, status: int | None, at: datetime) -> None:
        """Count one call; no status means that the connection was cut."""
        service, template = route_of(path)
        key = (service, method, template)
        self._counts[key] += 1
        if status is None or status >= 400:
            self._failed[key] += 1
        self._recent.append({"method": method, "path": path, "status": status, "at": at.isoformat()})

    def told(self, recent: int = 0) -> dict[str, Any]:
        """Describe the counts: in total, of the three APIs, by service and by route."""
        by_service: Counter[str] = Counter()
        for (service, _, _), count in self._counts.items():
            by_service[service] += count
        told: dict[str, Any] = {
            "total": sum(by_service.values()),
            "api_total": sum(by_service[service] for service in APIS),
            "by_service": dict(by_service),
            "routes": [
                {
                    "service": service,
                    "method": method,
                    "route": route,
                    "count": count,
                    "failed": self._failed[(service, method, route)],
                }
                for (service, method, route), count in sorted(self._counts.items())
            ],
            "counts": {f"{method} {route}": count for (_, method, route), count in sorted(self._counts.items())},
        }
        if recent:
            told["recent"] = list(self._recent)[-recent:]
        return told
