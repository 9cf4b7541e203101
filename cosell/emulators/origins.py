"""Under which address a request came in: what links in answers start with, and which audience a token must have."""

from starlette.requests import HTTPConnection
from starlette.types import Scope

_DEFAULT_PORTS = {"http": "80", "https": "443"}


def normal_origin(url: str) -> str:
    """Return scheme, host and (unless the default) port of an address, lower case, without a slash at the end."""
    scheme, _, rest = url.strip().lower().partition("://")
    authority = rest.partition("/")[0].rpartition("@")[2]
    host, colon, port = authority.rpartition(":")
    if colon and port == _DEFAULT_PORTS.get(scheme):
        authority = host
    return f"{scheme}://{authority}"


def origin_of_scope(scope: Scope) -> str:
    """Return the origin a request was sent to, as a proxy in front of us tells it, else as Host does."""
    forwarded_scheme = forwarded_host = host = ""
    for name, value in scope["headers"]:
        if name == b"host":
            host = value.decode("latin-1")
        elif name == b"x-forwarded-proto":
            forwarded_scheme = value.decode("latin-1").split(",")[0].strip()
        elif name == b"x-forwarded-host":
            forwarded_host = value.decode("latin-1").split(",")[0].strip()
    return normal_origin(f"{forwarded_scheme or scope.get('scheme', 'http')}://{forwarded_host or host}")


def origin_of(request: HTTPConnection) -> str:
    """Return the origin of a request (see `origin_of_scope`)."""
    return origin_of_scope(request.scope)
