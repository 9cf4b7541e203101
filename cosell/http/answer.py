"""What a service answered, read once and whole, so that everything after the wire is plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field

_REQUEST_ID_HEADERS = ("request-id", "ms-requestid", "x-ms-service-request-id", "req_id", "x-ms-request-id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer: `headers` have lower-case names, `url` is the address that was asked.

    `document` is the JSON body; None when there is none, or when it is something else (a proxy's HTML page).
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    document: object = field(default=None, repr=False)
    url: str = field(default="", repr=False)

    @property
    def is_success(self) -> bool:
        """Whether the service did what it was asked."""
        return 200 <= self.status < 300

    @property
    def request_id(self) -> str:
        """The service's own id of this request, to be quoted to its support."""
        return next((self.headers[name] for name in _REQUEST_ID_HEADERS if self.headers.get(name)), "")

    def find_object(self) -> dict[str, object] | None:
        """Return the JSON body when it is an object, else None."""
        return self.document if isinstance(self.document, dict) else None
