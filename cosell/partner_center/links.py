"""Partner Center's next links, which come with `http` and without `/engagements` (Microsoft: List referrals)."""

from urllib.parse import urlsplit, urlunsplit

from cosell.http.links import allowed_link

REFERRALS = "/engagements/referrals"


def next_page_url(link: str, *, request_url: str, base_url: str, hosts: tuple[str, ...] = ()) -> str:
    """Return the address of the next page: whole, on the host of `base_url`, below `/engagements`.

    Raises:
        RequestRejected: the link leads to another host.
    """
    url = urlsplit(allowed_link(link, request_url=request_url, base_url=base_url, hosts=hosts))
    prefix = urlsplit(base_url).path.rstrip("/")
    below = url.path.removeprefix(prefix)
    if not below.startswith("/engagements/"):
        url = url._replace(path=f"{prefix}/engagements/{below.lstrip('/')}")
    return urlunsplit(url)
