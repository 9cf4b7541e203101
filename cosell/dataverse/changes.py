"""What moved in a table since last time (Microsoft: Use change tracking to synchronize data with external systems)."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from cosell.dataverse.odata import options, prefer
from cosell.dataverse.reading import SERVICE_NAME, read_link, read_list, read_object, twin_hosts
from cosell.dataverse.rows import DeltaPage, Row
from cosell.errors import Origin, RequestRejected, ServiceUnavailable
from cosell.http.links import allowed_link
from cosell.http.transport import ServiceClient

ReadRow = Callable[[str, Mapping[str, object]], Row]
MAX_PAGES = 10_000


async def iter_delta(
    service: ServiceClient, set_: str, read_row: ReadRow, *, select: Sequence[str], link: str | None, page_size: int
) -> AsyncIterator[DeltaPage]:
    """Yield the pages since `link`, or of everything; the delta link may come on any page, the last one counts.

    Rows whose id is not known to the caller may be among the deleted ones: created and deleted in between.
    """
    base_url = service.base_url
    if link is None:
        url = set_ + options(select=select)
    else:
        url = allowed_link(link, request_url=base_url, base_url=base_url, hosts=twin_hosts(base_url))
    headers = prefer("odata.track-changes", f"odata.maxpagesize={page_size}")
    record, delta_link = f"changes of {set_}", None
    for _ in range(MAX_PAGES):
        answer = await service.request("GET", url, headers=headers, record=record)
        document = read_object(answer, record=record)
        items = read_list(document)
        delta_link = read_link(document, "@odata.deltaLink", answer=answer, base_url=base_url) or delta_link
        next_link = read_link(document, "@odata.nextLink", answer=answer, base_url=base_url)
        origin = Origin(service=SERVICE_NAME, record=record, request_id=answer.request_id)
        if next_link is None and delta_link is None:
            raise ServiceUnavailable("Dataverse did not hand out a delta link", origin=origin)
        yield DeltaPage(
            rows=tuple(read_row(set_, item) for item in items if _find_deleted_id(item) is None),
            deleted_ids=tuple(deleted for item in items if (deleted := _find_deleted_id(item)) is not None),
            delta_link=delta_link if next_link is None else None,
        )
        if next_link is None:
            return
        url = next_link
    raise RequestRejected(
        "Dataverse's listing of changes has no end", origin=Origin(service=SERVICE_NAME, record=record)
    )


def _find_deleted_id(item: Mapping[str, object]) -> str | None:
    is_deleted = item.get("reason") == "deleted" or str(item.get("@odata.context", "")).endswith("/$deletedEntity")
    deleted = item.get("id")
    return deleted.lower() if is_deleted and isinstance(deleted, str) else None
