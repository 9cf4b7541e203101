"""A certificate instead of a client secret: reads key and certificate from a PFX or PEM file, names what is wrong.

Entra gets an assertion signed with the key (Microsoft: application authentication certificate credentials); the file
never leaves this machine.
"""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import pkcs12
from pydantic import SecretStr

from cosell.errors import SettingsInvalid
from cosell.settings import DataverseSettings, PartnerCenterSettings

_PEM_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"
_PEM_MARK = b"-----BEGIN "


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCertificate:
    """Key and certificate, both as PEM text, and when the certificate ends."""

    private_key: str = field(repr=False)
    certificate: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFile:
    """Where the certificate of an application is; `settings_prefix` begins the settings it comes from."""

    path: Path
    password: SecretStr | None
    settings_prefix: str

    def load(self) -> ClientCertificate:
        """Read the file, as it is now: a new one in its place is used without a change of settings.

        Raises:
            SettingsInvalid: it cannot be used; the text names the setting and what is wrong with the file.
        """
        try:
            content = self.path.read_bytes()
        except OSError as error:
            raise self._wrong(f"which cannot be read: {(error.strerror or 'no file').lower()}") from None
        key, certificates = self._parse(content)
        if not isinstance(key, RSAPrivateKey):
            raise self._wrong("which holds no RSA private key: Entra wants the key beside the certificate")
        certificate = next((each for each in certificates if each.public_key() == key.public_key()), None)
        if certificate is None:
            raise self._wrong("which holds no certificate of its private key")
        return ClientCertificate(
            private_key=key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ).decode(),
            certificate=certificate.public_bytes(serialization.Encoding.PEM).decode(),
            expires_at=certificate.not_valid_after_utc,
        )

    def _parse(self, content: bytes) -> tuple[object, list[x509.Certificate]]:
        if _PEM_MARK in content:
            return self._parse_pem(content)
        password = self.password.get_secret_value().encode() if self.password else None
        try:
            key, certificate, others = pkcs12.load_key_and_certificates(content, password)
        except ValueError as error:
            # The library has one error for both, and one text for the wrong password (PKCS #12 proves it by a MAC).
            if "password" in str(error).lower():
                raise self._wrong_password() from None
            raise self._wrong("which is neither a PFX nor a PEM file") from None
        return key, [each for each in (certificate, *others) if each is not None]

    def _parse_pem(self, content: bytes) -> tuple[object, list[x509.Certificate]]:
        try:
            certificates = x509.load_pem_x509_certificates(content) if _PEM_CERTIFICATE in content else []
        except ValueError:
            raise self._wrong("whose certificate is damaged") from None
        begin = next((at for at in _find_all(content, _PEM_MARK) if b"PRIVATE KEY-----" in content[at : at + 40]), None)
        if begin is None:
            return None, certificates
        # A password given for a key which has none is no reason to fail.
        is_encrypted = b"ENCRYPTED" in content[begin : begin + 120]
        password = self.password.get_secret_value().encode() if self.password and is_encrypted else None
        try:
            return serialization.load_pem_private_key(content[begin:], password), certificates
        except TypeError:
            raise self._wrong_password() from None
        except ValueError:
            if is_encrypted:
                raise self._wrong_password() from None
            raise self._wrong("whose private key is damaged") from None

    def _wrong(self, what: str) -> SettingsInvalid:
        return SettingsInvalid(f"{self.settings_prefix}CERTIFICATE names {self.path}, {what}.")

    def _wrong_password(self) -> SettingsInvalid:
        name = f"{self.settings_prefix}CERTIFICATE_PASSWORD"
        state = "is wrong: it does not open" if self.password else "is missing: there is a password on"
        return SettingsInvalid(f"{name} {state} {self.path}.")


def certificate_of(own: DataverseSettings | PartnerCenterSettings, *, settings_prefix: str) -> CertificateFile | None:
    """Return where the certificate of a service's application is, None when it has a secret or nothing."""
    if own.certificate is None:
        return None
    return CertificateFile(path=own.certificate, password=own.certificate_password, settings_prefix=settings_prefix)


def _find_all(content: bytes, mark: bytes) -> list[int]:
    places, at = [], content.find(mark)
    while at >= 0:
        places.append(at)
        at = content.find(mark, at + 1)
    return places
