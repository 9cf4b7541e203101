"""From an answer of Dataverse to rows, pages and links."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from cosell.errors import Origin, ServiceUnreachable
from cosell.http.answer import Answer
from cosell.http.links import allowed_link

SERVICE_NAME = "Dataverse"


def read_object(answer: Answer, *, record: str) -> dict[str, object]:
    """Return the body.

    Raises:
        ServiceUnreachable: there is none where one has to be.
    """
    document = answer.find_object()
    if document is None:
        raise ServiceUnreachable(
            "Dataverse answered without a body: whether it was done is not known, look first",
            origin=Origin(service=SERVICE_NAME, record=record, code=str(answer.status), request_id=answer.request_id),
        )
    return document


def read_list(document: Mapping[str, object]) -> list[Mapping[str, object]]:
    """Return the members of a collection."""
    members = document.get("value")
    return [member for member in members if isinstance(member, Mapping)] if isinstance(members, list) else []


def read_link(document: Mapping[str, object], name: str, *, answer: Answer, base_url: str) -> str | None:
    """Return a next or delta link as an address that may be followed, or None when the page has none.

    Raises:
        RequestRejected: it leads elsewhere.
    """
    link = document.get(name)
    if not isinstance(link, str) or not link:
        return None
    return allowed_link(link, request_url=answer.url, base_url=base_url, hosts=twin_hosts(base_url))


def twin_hosts(url: str) -> tuple[str, ...]:
    """Return both names of an organisation: `org.crm4.dynamics.com` is `org.api.crm4.dynamics.com` too."""
    host = (urlsplit(url).hostname or "").lower()
    name, _, domain = host.partition(".")
    if not domain.endswith("dynamics.com"):
        return (host,)
    domain = domain.removeprefix("api.")
    return (f"{name}.{domain}", f"{name}.api.{domain}")
