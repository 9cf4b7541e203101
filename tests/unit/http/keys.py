"""Makes certificates for tests, as an administrator would with openssl: invented names, small keys, any lifetime."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

NOW = datetime(2031, 3, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A key and its certificate."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate

    @property
    def certificate_pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def key_pem(self, password: str = "") -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, _encryption(password)
        )

    def pfx(self, password: str = "") -> bytes:
        return pkcs12.serialize_key_and_certificates(b"cosell", self.key, self.certificate, None, _encryption(password))


def make_pair(*, expires_at: datetime | None = None) -> Pair:
    """Return a key and a certificate of it which ends then; by default in a year from today."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    ends = expires_at or datetime.now(UTC) + timedelta(days=365)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "cosell-sync")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(ends - timedelta(days=366))
    return Pair(key=key, certificate=builder.not_valid_after(ends).sign(key, hashes.SHA256()))


def elliptic_key_pem() -> bytes:
    """Return a key of a kind which Entra does not take."""
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _encryption(password: str) -> serialization.KeySerializationEncryption:
    return serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
