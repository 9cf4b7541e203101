"""Read and check the proof that a notification is Microsoft's: three headers and a signature over the raw body.

Pure: nothing is fetched here. `signers.py` turns the certificate's address into a key, `chain.py` decides whether the
certificate may be trusted. Source of the rules: Microsoft, "Partner Center webhooks", section "How to authenticate the
callback". Microsoft's sample fetches whatever address the request names; here an address is compared, never explored.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from cosell.errors import ConfigurationError
from cosell.webhooks.refusal import Reason, Refused

# The documentation names rsa-sha256. SHA-1 appears in a comment of Microsoft's sample; it proves nothing any more.
ALGORITHMS: Mapping[str, hashes.HashAlgorithm] = {
    "rsa-sha256": hashes.SHA256(),
    "rsa-sha384": hashes.SHA384(),
    "rsa-sha512": hashes.SHA512(),
}
HTTPS_PORT = 443
LONGEST_URL = 500
LONGEST_SIGNATURE = 2048
_HOST = r"(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::(?P<port>[0-9]{1,5}))?"
_CERTIFICATE_URL = re.compile(rf"(?i:https)://{_HOST}(?P<path>/cert/[A-Za-z0-9._-]+\.cer)")
_ALLOWED_HOST = re.compile(_HOST)
# Microsoft publishes the certificates of its own authorities here; the address stands in certificates, as plain http.
_ISSUER_URL = re.compile(r"https?://www\.microsoft\.com/pkiops/certs/(?:[A-Za-z0-9._-]|%20)+\.(?:crt|cer)")
_WORD = re.compile(r"(?i:signature)[ \t]+(?P<value>\S+)")

Host = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What a notification brings along: the signature, how it was made, and where its certificate lies."""

    signature: bytes
    algorithm: str
    certificate_url: str


def parse_hosts(hosts: Iterable[str]) -> frozenset[Host]:
    """Read the allow-list of `host[:port]`.

    Raises:
        ConfigurationError: an entry is something else, such as an address with a scheme or a wildcard.
    """
    parsed = set()
    for entry in hosts:
        match = _ALLOWED_HOST.fullmatch(entry.strip())
        if match is None:
            raise ConfigurationError(
                "COSELL_RECEIVER__CERTIFICATE_HOSTS has an entry which is not host or host:port; "
                "write names only, without https:// and without path."
            )
        parsed.add((match["host"].lower(), int(match["port"] or HTTPS_PORT)))
    return frozenset(parsed)


def read_proof(headers: Iterable[tuple[str, str]], hosts: frozenset[Host]) -> Proof:
    """Take the proof from the headers; the certificate's address comes back checked and normalised.

    The signature stands in `Authorization`, or in `x-ms-signature` when the registration asked for that
    (`SignatureTokenToMsSignatureHeader`); there the word "Signature" may be missing.

    Raises:
        Refused: something is missing, unreadable or not allowed.
    """
    found = _collect(headers)
    signature = _find_signature(found)
    if signature is None:
        raise Refused(Reason.SIGNATURE_MISSING)
    url, algorithm = found.get("x-ms-certificate-url"), found.get("x-ms-signature-algorithm")
    if not url:
        raise Refused(Reason.CERTIFICATE_URL_MISSING)
    if not algorithm:
        raise Refused(Reason.ALGORITHM_MISSING)
    if algorithm.lower() not in ALGORITHMS:
        raise Refused(Reason.ALGORITHM_REFUSED)
    return Proof(
        signature=_decode(signature), algorithm=algorithm.lower(), certificate_url=check_certificate_url(url, hosts)
    )


def check_certificate_url(url: str, hosts: frozenset[Host]) -> str:
    """Return the address put together anew from its checked parts.

    One strict pattern instead of a URL parser: what parsers disagree about (user info, encodings, backslashes, other
    schemes, queries) does not match at all.
    """
    match = _CERTIFICATE_URL.fullmatch(url) if len(url) <= LONGEST_URL else None
    if match is None:
        raise Refused(Reason.CERTIFICATE_URL_REFUSED)
    host, port = match["host"].lower(), int(match["port"] or HTTPS_PORT)
    if (host, port) not in hosts:
        raise Refused(Reason.CERTIFICATE_URL_REFUSED)
    return f"https://{host}{'' if port == HTTPS_PORT else f':{port}'}{match['path']}"


def is_issuer_url_allowed(url: str, hosts: frozenset[Host]) -> bool:
    """Tell whether an issuer's certificate may be fetched from where a fetched certificate says."""
    if len(url) <= LONGEST_URL and _ISSUER_URL.fullmatch(url):
        return True
    try:
        check_certificate_url(url, hosts)
    except Refused:
        return False
    return True


def verify_signature(proof: Proof, body: bytes, key: RSAPublicKey) -> None:
    """Check the signature over the bytes as they came in, before anybody parses them.

    Raises:
        Refused: it is not the signature of this body by this key.
    """
    try:
        key.verify(proof.signature, body, padding.PKCS1v15(), ALGORITHMS[proof.algorithm])
    except InvalidSignature:
        raise Refused(Reason.SIGNATURE_WRONG) from None


def _collect(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    wanted = ("authorization", "x-ms-signature", "x-ms-certificate-url", "x-ms-signature-algorithm")
    found: dict[str, str] = {}
    for name, value in headers:
        key = name.lower()
        if key in wanted and key in found:
            raise Refused(Reason.HEADER_REPEATED)
        if key in wanted:
            found[key] = value.strip()
    return found


def _find_signature(found: Mapping[str, str]) -> str | None:
    with_word = _WORD.fullmatch(found.get("authorization", "")) or _WORD.fullmatch(found.get("x-ms-signature", ""))
    if with_word:
        return with_word["value"]
    return found.get("x-ms-signature") or None


def _decode(signature: str) -> bytes:
    if len(signature) > LONGEST_SIGNATURE:
        raise Refused(Reason.SIGNATURE_UNREADABLE)
    try:
        return base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        raise Refused(Reason.SIGNATURE_UNREADABLE) from None
