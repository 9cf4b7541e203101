"""Links in answers are followed only to where we were asked to go, for our token travels with them. Pure."""

from collections.abc import Iterable, Mapping
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

from cosell.errors import Origin, RequestRejected

_SAFE_IN_QUERY = "$(),'=/@:*"


def query_string(parameters: Mapping[str, str | None]) -> str:
    """Return `?a=b&c=d`, or nothing; a space is `%20`, never `+`, and None is left out."""
    pairs = [f"{name}={quote(value, safe=_SAFE_IN_QUERY)}" for name, value in parameters.items() if value is not None]
    return "?" + "&".join(pairs) if pairs else ""


def allowed_link(link: str, *, request_url: str, base_url: str, hosts: Iterable[str] = ()) -> str:
    """Return the link as a whole address which may be followed with our token.

    It is resolved against `request_url`; its host must be that of `base_url` or one of `hosts`; the scheme and the port
    are always those of `base_url`, so a link with `http://` never takes a token out of TLS.

    Raises:
        RequestRejected: the link leads to another host.
    """
    base = urlsplit(base_url)
    target = urlsplit(urljoin(request_url, link))
    known = {(base.hostname or "").lower(), *(host.lower() for host in hosts)}
    ports = {None, base.port, 80 if target.scheme == "http" else 443}
    if (target.hostname or "").lower() not in known or _port(target.netloc) not in ports or "@" in target.netloc:
        raise RequestRejected(
            "A link in an answer leads to another host; it was not followed.",
            origin=Origin(field="@odata.nextLink"),
        )
    host = f"[{target.hostname}]" if ":" in (target.hostname or "") else target.hostname
    netloc = f"{host}:{base.port}" if base.port else str(host)
    return urlunsplit((base.scheme, netloc, target.path, target.query, ""))


def _port(netloc: str) -> int | None:
    try:
        return urlsplit(f"//{netloc}").port
    except ValueError:
        return -1
