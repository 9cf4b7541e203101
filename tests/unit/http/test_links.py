"""Our token goes where it was meant to go, whatever a link says."""

import pytest

from cosell.errors import RequestRejected
from cosell.http.links import allowed_link, query_string

BASE = "https://api.partner.microsoft.com/v1.0"


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("https://api.partner.microsoft.com/v1.0/x?a=1", "https://api.partner.microsoft.com/v1.0/x?a=1"),
        ("http://api.partner.microsoft.com/v1.0/x", "https://api.partner.microsoft.com/v1.0/x"),
        ("http://api.partner.microsoft.com:80/v1.0/x", "https://api.partner.microsoft.com/v1.0/x"),
        ("https://API.partner.microsoft.com:443/v1.0/x", "https://api.partner.microsoft.com/v1.0/x"),
        ("/v1.0/x?$skiptoken=a%20b", "https://api.partner.microsoft.com/v1.0/x?$skiptoken=a%20b"),
        ("?$skip=100", "https://api.partner.microsoft.com/v1.0/now?$skip=100"),
    ],
)
def test_link_to_the_same_host_is_made_whole(link: str, expected: str) -> None:
    assert allowed_link(link, request_url=f"{BASE}/now", base_url=BASE) == expected


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/v1.0/x",
        "//evil.example/v1.0/x",
        "https://api.partner.microsoft.com.evil.example/x",
        "https://api.partner.microsoft.com@evil.example/x",
        "https://evil.example@api.partner.microsoft.com/x",
        "https://api.partner.microsoft.com:8443/x",
        "https://api.partner.microsoft.com:port/x",
        "file:///etc/passwd",
    ],
)
def test_link_to_elsewhere_is_refused(link: str) -> None:
    with pytest.raises(RequestRejected, match="another host"):
        allowed_link(link, request_url=f"{BASE}/now", base_url=BASE)


def test_plain_http_stays_when_that_is_where_we_are() -> None:
    base = "http://127.0.0.1:8400/v1.0"
    assert allowed_link("/v1.0/x", request_url=base, base_url=base) == "http://127.0.0.1:8400/v1.0/x"


def test_space_is_never_a_plus() -> None:
    query = query_string({"$filter": "name eq 'A+B & Söhne'", "$top": None})
    assert query == "?$filter=name%20eq%20'A%2BB%20%26%20S%C3%B6hne'"
