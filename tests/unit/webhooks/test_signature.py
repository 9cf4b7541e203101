from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosell.errors import ConfigurationError
from cosell.webhooks.refusal import Reason, Refused
from cosell.webhooks.signature import check_certificate_url, is_issuer_url_allowed, parse_hosts, read_proof

HOSTS = parse_hosts(["certificates.example", "localhost:8443"])
HEADERS = {
    "Authorization": "Signature QUJD",
    "X-MS-Certificate-Url": "https://certificates.example/cert/a.cer",
    "X-MS-Signature-Algorithm": "rsa-sha256",
}


def read(**changes: str | None) -> Reason | bytes:
    """Return the signature that is read from the headers, or why they are refused."""
    named = {name.replace("_", "-"): value for name, value in changes.items()}
    headers = {**{name.lower(): value for name, value in HEADERS.items()}, **named}
    try:
        return read_proof([(name, value) for name, value in headers.items() if value is not None], HOSTS).signature
    except Refused as refused:
        return refused.reason


def test_signature_is_read_from_the_authorization_header() -> None:
    assert read() == b"ABC"


@pytest.mark.parametrize("value", ["signature QUJD", "SIGNATURE  QUJD", " Signature QUJD "])
def test_the_word_signature_may_be_written_in_any_case(value: str) -> None:
    assert read(authorization=value) == b"ABC"


@pytest.mark.parametrize("value", ["QUJD", "Signature QUJD"])
def test_signature_is_read_from_microsofts_own_header_with_and_without_the_word(value: str) -> None:
    assert read(authorization=None, x_ms_signature=value) == b"ABC"


def test_credentials_of_a_proxy_do_not_hide_the_signature_in_microsofts_own_header() -> None:
    assert read(authorization="Basic dXNlcjpwYXNz", x_ms_signature="QUJD") == b"ABC"


def test_missing_signature_is_not_proven() -> None:
    assert read(authorization=None) is Reason.SIGNATURE_MISSING
    assert read(authorization="Bearer QUJD") is Reason.SIGNATURE_MISSING
    assert read(authorization="Signature") is Reason.SIGNATURE_MISSING
    assert read(authorization=None, x_ms_signature="") is Reason.SIGNATURE_MISSING


def test_missing_certificate_address_or_algorithm_is_malformed() -> None:
    assert read(x_ms_certificate_url=None) is Reason.CERTIFICATE_URL_MISSING
    assert read(x_ms_signature_algorithm=None) is Reason.ALGORITHM_MISSING


@pytest.mark.parametrize("value", ["Signature !!!", "Signature QUJ", "Signature " + "A" * 3000])
def test_signature_that_is_no_base64_or_far_too_long_is_refused(value: str) -> None:
    assert read(authorization=value) is Reason.SIGNATURE_UNREADABLE


def test_header_that_is_there_twice_is_refused() -> None:
    doubled = [*HEADERS.items(), ("x-ms-certificate-url", "https://certificates.example/cert/b.cer")]
    with pytest.raises(Refused) as refused:
        read_proof(doubled, HOSTS)
    assert refused.value.reason is Reason.HEADER_REPEATED


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("https://certificates.example/cert/a.cer", "https://certificates.example/cert/a.cer"),
        ("https://certificates.example:443/cert/a.cer", "https://certificates.example/cert/a.cer"),
        ("HTTPS://Certificates.EXAMPLE/cert/A_b-1.2.cer", "https://certificates.example/cert/A_b-1.2.cer"),
        ("https://localhost:8443/cert/a.cer", "https://localhost:8443/cert/a.cer"),
    ],
)
def test_allowed_certificate_address_comes_back_normalised(given: str, normal: str) -> None:
    assert check_certificate_url(given, HOSTS) == normal


@given(
    st.text(alphabet="htps:/@#?%\\\\.;[]&=0123456789 \t\u3002certificates.example-_cer", max_size=60),
    st.sampled_from(["", "https://", "https://certificates.example", "https://certificates.example/cert/"]),
    st.sampled_from(["", "/cert/a.cer", "@certificates.example/cert/a.cer", ".cer"]),
)
def test_whatever_is_accepted_means_the_allowed_host_to_every_parser(middle: str, start: str, end: str) -> None:
    try:
        url = check_certificate_url(start + middle + end, HOSTS)
    except Refused:
        return
    parts = urlsplit(url)
    assert (parts.scheme, parts.hostname, parts.username, parts.query, parts.fragment) == (
        "https",
        "certificates.example",
        None,
        "",
        "",
    )
    assert httpx.URL(url).host == "certificates.example"
    assert parts.path.count("/") == 2


def test_host_allowed_on_a_port_is_not_allowed_without_it() -> None:
    with pytest.raises(Refused):
        check_certificate_url("https://localhost/cert/a.cer", HOSTS)


@pytest.mark.parametrize("entry", ["https://certificates.example", "*.example", "a b", "", "host/path", "host:port"])
def test_wrong_entry_of_the_allow_list_is_named_by_its_setting(entry: str) -> None:
    with pytest.raises(ConfigurationError, match="COSELL_RECEIVER__CERTIFICATE_HOSTS"):
        parse_hosts([entry])


@pytest.mark.parametrize(
    "url",
    [
        "http://www.microsoft.com/pkiops/certs/Microsoft%20Azure%20RSA%20TLS%20Issuing%20CA%2007%20-%20xsign.crt",
        "https://www.microsoft.com/pkiops/certs/issuer.crt",
        "https://certificates.example/cert/issuer.cer",
    ],
)
def test_issuers_certificate_may_come_from_microsoft_or_an_allowed_host(url: str) -> None:
    assert is_issuer_url_allowed(url, HOSTS)


@pytest.mark.parametrize(
    "url",
    [
        "http://certificates.example/cert/issuer.cer",
        "http://www.microsoft.com/other/issuer.crt",
        "http://www.microsoft.com/pkiops/certs/../../x.crt",
        "http://www.microsoft.com/pkiops/certs/a%2f..%2fb.crt",
        "http://www.microsoft.com:8080/pkiops/certs/issuer.crt",
        "http://www.microsoft.com@evil.example/pkiops/certs/issuer.crt",
        "http://www.microsoft.com.evil.example/pkiops/certs/issuer.crt",
        "ldap://www.microsoft.com/pkiops/certs/issuer.crt",
    ],
)
def test_issuers_certificate_comes_from_nowhere_else(url: str) -> None:
    assert not is_issuer_url_allowed(url, HOSTS)
