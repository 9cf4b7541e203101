"""Who is on the other end of the wire: its name for a person, its address, its habits with headers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class SignIn(StrEnum):
    """On whose behalf a service is called."""

    APPLICATION = "application"
    PERSON = "person"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One API with its own address and audience.

    `correlation_headers` all carry one new GUID per operation. `idempotency_header` carries a GUID which stays the same
    when a request is repeated because no answer came. `settings_prefix` begins the settings to look at when it fails.
    """

    name: str
    base_url: str
    settings_prefix: str
    url_setting: str
    sign_in: SignIn
    headers: Mapping[str, str] = field(default_factory=dict)
    correlation_headers: tuple[str, ...] = ()
    idempotency_header: str | None = None

    def url(self, path: str) -> str:
        """Return the address of `path`; a whole address is returned as it is."""
        if path.startswith(("https://", "http://")):
            return path
        return f"{self.base_url.rstrip('/')}/{path.lstrip('/')}"


def scope_of(url: str) -> str:
    """Return the scope that gives a token for the API at `url`: its origin and `/.default`."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.split('/', 1)[0]}/.default"
