"""The emulators' own certificates: a CA and a server certificate for TLS, and a chain which signs webhook callbacks.

Two roots on purpose: whoever trusts the TLS CA must not thereby accept callbacks. The signing chain is root,
intermediate, leaf, the latter two issued to O=Microsoft Corporation as Partner Center's are, with the intermediate's
address in the leaf (AIA). Keys and roots are kept in a folder, so that a restart is still trusted.
"""

import base64
import ipaddress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

INTERMEDIATE_NAME = "pcnotifications-issuer.emulated.cer"
_YEARS = timedelta(days=3650)


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey

    @property
    def pem(self) -> bytes:
        """The certificate in PEM form."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def der(self) -> bytes:
        """The certificate in DER form."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def key_pem(self) -> bytes:
        """The private key in PEM form, not encrypted."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pki:
    """All certificates of one set of emulators."""

    ca: Issued
    server: Issued
    signing_root: Issued
    intermediate: Issued
    leaf: Issued
    certificate_origin: str
    former_leaves: tuple[Issued, ...] = ()

    @property
    def certificate_url(self) -> str:
        """Where the leaf can be fetched: the `X-MS-Certificate-Url` of a callback."""
        return f"{self.certificate_origin}/cert/{_leaf_name(len(self.former_leaves))}"

    @property
    def served(self) -> dict[str, bytes]:
        """What GET /cert/{name} answers."""
        leaves = {_leaf_name(number): each.der for number, each in enumerate((*self.former_leaves, self.leaf))}
        return {**leaves, INTERMEDIATE_NAME: self.intermediate.der}

    def rotated(self) -> "Pki":
        """Return the same with a new leaf under a new address; the former ones can still be fetched."""
        leaf = _issue_leaf(self.intermediate, self.certificate_origin, key=None)
        return replace(self, leaf=leaf, former_leaves=(*self.former_leaves, self.leaf))

    def sign(self, body: bytes) -> str:
        """Return the signature of a callback's raw body: RSA PKCS#1 v1.5 over SHA-256, in base64."""
        return base64.b64encode(self.leaf.key.sign(body, padding.PKCS1v15(), hashes.SHA256())).decode()


def create_pki(*, certificate_origin: str, folder: Path | None = None, server_name: str = "localhost") -> Pki:
    """Make the certificates, or take up the roots and keys which `folder` still holds from the last start.

    The leaf is issued anew each time because it names the address of its issuer, and ports change; the server's because
    of `server_name`, one more name that it is to be reached by.
    """
    ca = _kept(folder, "ca") or _issue("Emulated TLS root", organization="cosell emulators", is_authority=True)
    old_server = _kept(folder, "server")
    server = _issue(
        server_name,
        organization="cosell emulators",
        issuer=ca,
        key=old_server.key if old_server else None,
        for_server=True,
    )
    root = _kept(folder, "signing-root") or _issue(
        "Emulated signing root", organization="cosell emulators", is_authority=True
    )
    intermediate = _kept(folder, "signing-intermediate") or _issue(
        "Emulated signing CA 01", organization="Microsoft Corporation", issuer=root, is_authority=True
    )
    old_leaf = _kept(folder, "signing-leaf")
    leaf = _issue_leaf(intermediate, certificate_origin, key=old_leaf.key if old_leaf else None)
    pki = Pki(
        ca=ca,
        server=server,
        signing_root=root,
        intermediate=intermediate,
        leaf=leaf,
        certificate_origin=certificate_origin,
    )
    if folder:
        _keep(folder, pki)
    return pki


def _issue_leaf(intermediate: Issued, origin: str, *, key: rsa.RSAPrivateKey | None) -> Issued:
    return _issue(
        "pcnotifications-dispatch.emulated",
        organization="Microsoft Corporation",
        issuer=intermediate,
        key=key,
        issuer_url=f"{origin}/cert/{INTERMEDIATE_NAME}",
    )


def _leaf_name(number: int) -> str:
    return f"pcnotifications-dispatch{f'-{number + 1}' if number else ''}.emulated.cer"


def _keep(folder: Path, pki: Pki) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    names = {
        "ca": pki.ca,
        "server": pki.server,
        "signing-root": pki.signing_root,
        "signing-intermediate": pki.intermediate,
        "signing-leaf": pki.leaf,
    }
    for name, issued in names.items():
        (folder / f"{name}.pem").write_bytes(issued.pem)
        key_file = folder / f"{name}.key"
        key_file.touch(mode=0o600)
        key_file.write_bytes(issued.key_pem)
    # The intermediate beside the root: a receiver may also fetch it by the leaf's AIA.
    (folder / "signing-roots.pem").write_bytes(pki.signing_root.pem + pki.intermediate.pem)


def _kept(folder: Path | None, name: str) -> Issued | None:
    if folder is None or not (folder / f"{name}.key").exists() or not (folder / f"{name}.pem").exists():
        return None
    certificate = x509.load_pem_x509_certificate((folder / f"{name}.pem").read_bytes())
    key = serialization.load_pem_private_key((folder / f"{name}.key").read_bytes(), None)
    if not isinstance(key, rsa.RSAPrivateKey) or certificate.not_valid_after_utc < datetime.now(UTC):
        return None
    return Issued(certificate=certificate, key=key)


def _issue(
    common_name: str,
    *,
    organization: str,
    issuer: Issued | None = None,
    key: rsa.RSAPrivateKey | None = None,
    is_authority: bool = False,
    for_server: bool = False,
    issuer_url: str | None = None,
) -> Issued:
    key = key or rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )
    now = datetime.now(UTC)
    signing_key = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=30))
        .not_valid_after(now + _YEARS)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(_key_usage(is_authority=is_authority), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key()), critical=False)
    )
    if for_server:
        builder = builder.add_extension(_server_names(common_name), critical=False).add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
    if issuer_url:
        where = x509.AccessDescription(
            AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier(issuer_url)
        )
        builder = builder.add_extension(x509.AuthorityInformationAccess([where]), critical=False)
    return Issued(certificate=builder.sign(signing_key, hashes.SHA256()), key=key)


def _key_usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=not is_authority,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )


def _server_names(name: str) -> x509.SubjectAlternativeName:
    addresses = {ipaddress.ip_address(text) for text in ("127.0.0.1", "::1")}
    names = {"localhost"}
    try:
        addresses.add(ipaddress.ip_address(name))
    except ValueError:
        names.add(name)
    told: list[x509.GeneralName] = [x509.DNSName(each) for each in sorted(names)]
    told += [x509.IPAddress(each) for each in sorted(addresses, key=str)]
    return x509.SubjectAlternativeName(told)
