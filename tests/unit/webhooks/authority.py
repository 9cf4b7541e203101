"""A small certificate world for the receiver's tests: authorities, signing certificates, signed notifications."""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MICROSOFT = "Microsoft Corporation"
HOST = "certificates.example"
CERTIFICATE_URL = f"https://{HOST}/cert/notifications.cer"
ISSUER_URL = f"https://{HOST}/cert/issuer.cer"
REFERRAL_ID = "6f1d2c3b-0000-4000-8000-00000000a001"

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    certificate: x509.Certificate
    key: PrivateKey

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def sign(self, body: bytes, algorithm: hashes.HashAlgorithm | None = None) -> str:
        assert isinstance(self.key, rsa.RSAPrivateKey)
        return base64.b64encode(self.key.sign(body, padding.PKCS1v15(), algorithm or hashes.SHA256())).decode()

    def headers(self, body: bytes, url: str = CERTIFICATE_URL) -> dict[str, str]:
        return {
            "Authorization": f"Signature {self.sign(body)}",
            "X-MS-Certificate-Url": url,
            "X-MS-Signature-Algorithm": "rsa-sha256",
            "Content-Type": "application/json",
        }


def issue(
    name: str,
    *,
    issuer: Issued | None = None,
    organization: str = MICROSOFT,
    is_authority: bool = False,
    key: PrivateKey | None = None,
    valid_from: datetime = NOW - timedelta(days=30),
    valid_until: datetime = NOW + timedelta(days=365),
    issuer_url: str | None = None,
    may_sign: bool = True,
    path_length: int | None = None,
) -> Issued:
    key = key or rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization), x509.NameAttribute(NameOID.COMMON_NAME, name)]
    )
    signing_key = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(valid_from)
        .not_valid_after(valid_until)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=path_length), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=may_sign,
                content_commitment=False,
                key_encipherment=not is_authority,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=is_authority,
                crl_sign=is_authority,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
    )
    if issuer_url:
        access = x509.AccessDescription(
            AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier(issuer_url)
        )
        builder = builder.add_extension(x509.AuthorityInformationAccess([access]), critical=False)
    return Issued(certificate=builder.sign(signing_key, hashes.SHA256()), key=key)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A trusted root, an intermediate and the certificate which signs; and somebody else's root."""

    root: Issued
    intermediate: Issued
    signer: Issued
    foreign_root: Issued


def build_world() -> World:
    root = issue("Trusted root", organization="Example Trust", is_authority=True)
    intermediate = issue("Issuing CA", issuer=root, is_authority=True)
    return World(
        root=root,
        intermediate=intermediate,
        signer=issue("notifications", issuer=intermediate, issuer_url=ISSUER_URL),
        foreign_root=issue("Foreign root", organization="Somebody Else", is_authority=True),
    )


def notification(event: str = "referral-updated", referral_id: str = REFERRAL_ID, **changes: object) -> bytes:
    content: dict[str, object] = {
        "EventName": event,
        "ResourceUri": f"https://api.partnercenter.microsoft.com/engagements/v1/referrals/{referral_id}",
        "ResourceName": "referral",
        "AuditUri": None,
        "ResourceChangeUtcDate": "2026-11-22T11:59:58.5485487+00:00",
        **changes,
    }
    return json.dumps(content, separators=(",", ":")).encode()
