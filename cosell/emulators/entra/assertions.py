"""Client assertions: how an app proves itself by certificate instead of a secret (RFC 7523, with x5t or x5t#S256)."""

import base64
import json
from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from cosell.emulators.entra.errors import EntraError, wrong_assertion


def verify_assertion(
    assertion: str, *, certificates: Sequence[str], client_id: str, audiences: set[str], now: datetime
) -> None:
    """Raise `EntraError` unless the assertion is signed by one of the app's certificates and meant for us, now."""
    try:
        head_text, payload_text, signature_text = assertion.split(".")
        head, payload = _part(head_text), _part(payload_text)
        signature = _bytes(signature_text)
    except (ValueError, UnicodeDecodeError):
        raise wrong_assertion("The assertion is not a JSON web token.") from None
    certificate = _certificate_for(head, certificates)
    _check_signature(certificate, f"{head_text}.{payload_text}".encode(), signature, str(head.get("alg")))
    if client_id not in (payload.get("sub"), payload.get("iss")):
        raise wrong_assertion("The subject is not the client.")
    if payload.get("aud") not in audiences:
        raise EntraError(
            "invalid_client",
            number=700023,
            status=401,
            text="Client assertion audience claim does not match Realm issuer.",
        )
    expiry = payload.get("exp")
    if not isinstance(expiry, int | float) or expiry <= now.timestamp():
        text = "Client assertion is not within its valid time range."
        raise EntraError("invalid_client", number=700024, status=401, text=text)


def client_named_in(assertion: str) -> str:
    """Return the client id inside an unchecked assertion, or nothing."""
    try:
        return str(_part(assertion.split(".")[1]).get("sub", ""))
    except (ValueError, IndexError, UnicodeDecodeError):
        return ""


def _certificate_for(head: dict[str, object], certificates: Sequence[str]) -> x509.Certificate:
    for text in certificates:
        certificate = x509.load_pem_x509_certificate(text.encode())
        known = {
            "x5t": certificate.fingerprint(hashes.SHA1()),  # noqa: S303 - a name of the certificate, not a proof
            "x5t#S256": certificate.fingerprint(hashes.SHA256()),
        }
        for name, fingerprint in known.items():
            told = head.get(name)
            if isinstance(told, str) and _bytes(told) == fingerprint:
                return certificate
    raise wrong_assertion("The key was not found.")


def _check_signature(certificate: x509.Certificate, signed: bytes, signature: bytes, algorithm: str) -> None:
    key = certificate.public_key()
    schemes: dict[str, padding.AsymmetricPadding] = {
        "RS256": padding.PKCS1v15(),
        "PS256": padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=hashes.SHA256.digest_size),
    }
    if not isinstance(key, rsa.RSAPublicKey) or algorithm not in schemes:
        raise wrong_assertion(f"The algorithm {algorithm} is not supported.")
    try:
        key.verify(signature, signed, schemes[algorithm], hashes.SHA256())
    except InvalidSignature:
        raise wrong_assertion("The key was found, but use of the key to verify the signature failed.") from None


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _part(text: str) -> dict[str, object]:
    value = json.loads(_bytes(text))
    return value if isinstance(value, dict) else {}
