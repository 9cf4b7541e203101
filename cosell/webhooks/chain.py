"""Decide whether a certificate is Microsoft's: readable, leading to a trusted root, valid now, in Microsoft's name.

Pure: certificates in, verdict out; `signers.py` fetches them. Revocation lists are not read: Microsoft rotates the
certificate by its address, and what was fetched is looked at again within hours.
"""

import base64
import binascii
import contextlib
import re
import ssl
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import certifi
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509 import verification
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from cosell.errors import ConfigurationError
from cosell.webhooks.refusal import Reason, Refused

ORGANIZATION = "Microsoft Corporation"
MOST_CERTIFICATES_IN_FILE = 5
LONGEST_CHAIN = 4
SMALLEST_KEY = 2048
_BLANK = re.compile(rb"\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What a signing certificate has to lead to, and known certificates which may lie between."""

    roots: tuple[x509.Certificate, ...]
    intermediates: tuple[x509.Certificate, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A key which is proven to be Microsoft's for as long as every certificate of its chain is valid."""

    key: RSAPublicKey
    valid_from: datetime
    valid_until: datetime

    def is_valid_at(self, moment: datetime) -> bool:
        """Tell whether the whole chain is valid at this moment."""
        return self.valid_from <= moment <= self.valid_until


def load_trust(path: Path | None) -> Trust:
    """Read the trusted roots from a PEM file, or take the system's and those which ship with Python's certifi.

    Certificates in the file which somebody else issued are taken as known intermediates, unless the file holds nothing
    else: then they are what is trusted.

    Raises:
        ConfigurationError: the file is not there or holds no certificate.
    """
    if path is None:
        return Trust(roots=tuple(_system_roots()))
    try:
        certificates = x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError):
        raise ConfigurationError(
            "COSELL_RECEIVER__TRUST_ROOTS names a file which cannot be read as PEM certificates; "
            "mend the path or leave the setting out to trust the system's roots."
        ) from None
    roots = tuple(certificate for certificate in certificates if certificate.issuer == certificate.subject)
    if not roots:
        return Trust(roots=tuple(certificates))
    return Trust(roots=roots, intermediates=tuple(item for item in certificates if item not in roots))


def parse_certificates(content: bytes) -> list[x509.Certificate]:
    """Read DER, PEM or bare base64; the first certificate is the signing one.

    Raises:
        Refused: it is none of these.
    """
    try:
        if b"-----BEGIN" in content:
            return x509.load_pem_x509_certificates(content)[:MOST_CERTIFICATES_IN_FILE]
        if not content.startswith(b"\x30"):
            content = base64.b64decode(_BLANK.sub(b"", content), validate=True)
        return [x509.load_der_x509_certificate(content)]
    except (ValueError, binascii.Error):
        raise Refused(Reason.CERTIFICATE_UNREADABLE) from None


def find_dangling(leaf: x509.Certificate, known: Sequence[x509.Certificate], trust: Trust) -> x509.Certificate | None:
    """Return the certificate whose issuer nobody knows yet; None when the chain reaches a root (or runs in circles)."""
    by_subject = {item.subject: item for item in (*trust.intermediates, *known)}
    roots = {item.subject for item in trust.roots}
    current = leaf
    for _ in range(LONGEST_CHAIN):
        if current.issuer in roots or current.issuer == current.subject:
            return None
        following = by_subject.get(current.issuer)
        if following is None:
            return current
        current = following
    return None


def find_issuer_urls(certificate: x509.Certificate) -> list[str]:
    """Return where a certificate says that its issuer's certificate can be had (Authority Information Access)."""
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return []
    return [
        item.access_location.value
        for item in access
        if item.access_method == AuthorityInformationAccessOID.CA_ISSUERS
        and isinstance(item.access_location, x509.UniformResourceIdentifier)
    ]


def prove_signer(
    leaf: x509.Certificate, known: Iterable[x509.Certificate], trust: Trust, *, moment: datetime
) -> Signer:
    """Return the key of a certificate that leads to a trusted root, is valid at `moment` and bears Microsoft's name.

    Raises:
        Refused: it does not.
    """
    if not leaf.not_valid_before_utc <= moment <= leaf.not_valid_after_utc:
        raise Refused(Reason.CERTIFICATE_NOT_VALID_NOW)
    verifier = (
        verification.PolicyBuilder()
        .store(verification.Store(list(trust.roots)))
        .time(moment)
        .max_chain_depth(LONGEST_CHAIN)
        .extension_policies(ca_policy=_authority_policy(), ee_policy=_signer_policy())
        .build_client_verifier()
    )
    try:
        chain = verifier.verify(leaf, [*trust.intermediates, *known]).chain
    except (verification.VerificationError, ValueError):
        raise Refused(Reason.CERTIFICATE_UNTRUSTED) from None
    key = leaf.public_key()
    # The verifier looks at the keys of authorities only; the one that signs has to be as strong.
    if not isinstance(key, RSAPublicKey) or key.key_size < SMALLEST_KEY:
        raise Refused(Reason.CERTIFICATE_UNTRUSTED)
    if ORGANIZATION not in _organizations(leaf.subject) | _organizations(leaf.issuer):
        raise Refused(Reason.CERTIFICATE_NOT_MICROSOFTS)
    return Signer(
        key=key,
        valid_from=max(item.not_valid_before_utc for item in chain),
        valid_until=min(item.not_valid_after_utc for item in chain),
    )


def _signer_policy() -> verification.ExtensionPolicy:
    """Ask of the signing certificate what signing needs; Microsoft documents neither its name nor its other uses."""
    return (
        verification.ExtensionPolicy.permit_all()
        .may_be_present(x509.BasicConstraints, verification.Criticality.AGNOSTIC, _must_not_be_authority)
        .may_be_present(x509.KeyUsage, verification.Criticality.AGNOSTIC, _must_sign)
    )


def _authority_policy() -> verification.ExtensionPolicy:
    return (
        verification.ExtensionPolicy.permit_all()
        .require_present(x509.BasicConstraints, verification.Criticality.AGNOSTIC, _must_be_authority)
        .may_be_present(x509.KeyUsage, verification.Criticality.AGNOSTIC, _must_certify)
    )


def _must_not_be_authority(
    _policy: verification.Policy, _certificate: x509.Certificate, value: x509.BasicConstraints | None
) -> None:
    if value is not None and value.ca:
        raise ValueError("an authority does not sign notifications")


def _must_sign(_policy: verification.Policy, _certificate: x509.Certificate, value: x509.KeyUsage | None) -> None:
    if value is not None and not value.digital_signature:
        raise ValueError("not made for signatures")


def _must_be_authority(
    _policy: verification.Policy, _certificate: x509.Certificate, value: x509.BasicConstraints
) -> None:
    if not value.ca:
        raise ValueError("not an authority")


def _must_certify(_policy: verification.Policy, _certificate: x509.Certificate, value: x509.KeyUsage | None) -> None:
    if value is not None and not value.key_cert_sign:
        raise ValueError("not made for certificates")


def _organizations(name: x509.Name) -> set[str]:
    return {str(item.value) for item in name.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)}


def _system_roots() -> list[x509.Certificate]:
    encoded = {ssl.PEM_cert_to_DER_cert(pem) for pem in _split_pem(Path(certifi.where()).read_text("ascii"))}
    encoded |= set(ssl.create_default_context().get_ca_certs(binary_form=True))
    roots = []
    with warnings.catch_warnings():
        # A few old roots bear a serial number of zero, which cryptography is going to refuse one day.
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        for item in encoded:
            with contextlib.suppress(ValueError):
                roots.append(x509.load_der_x509_certificate(item))
    return roots


def _split_pem(text: str) -> list[str]:
    return re.findall(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", text, re.DOTALL)
