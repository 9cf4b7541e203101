"""The webhook registration which ours has replaced, as the vault keeps it: so that it can be put back."""

import json
from dataclasses import dataclass, field
from typing import Self

REPLACED_WEBHOOK = "replaced-webhook"
"""Under this the vault keeps it; empty when there is none, or when it was put back."""


def without_query(url: str) -> str:
    """Return a URL as it may be shown: what follows the question mark is often a key (Power Automate's `sig`)."""
    address, mark, _ = url.partition("?")
    return f"{address}?…" if mark else address


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplacedWebhook:
    """Another system's URL, and the events it was registered for."""

    url: str = field(repr=False)
    events: tuple[str, ...]

    def write(self) -> bytes:
        """Return it as the vault keeps it."""
        return json.dumps({"url": self.url, "events": list(self.events)}).encode()

    @classmethod
    def read(cls, stored: bytes | None) -> Self | None:
        """Return what `write` was given, None when there is nothing."""
        if not stored:
            return None
        known = json.loads(stored)
        return cls(url=str(known["url"]), events=tuple(str(event) for event in known["events"]))
