import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from cosell.errors import ConfigurationError
from cosell.webhooks.fetching import CertificateUnavailable, HttpsFetcher


def write_server_certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "loopback")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "server.pem", folder / "server.key"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate_file, key_file


@asynccontextmanager
async def tls_server(certificate_file: Path, key_file: Path, content: bytes) -> AsyncIterator[str]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + content)
        await writer.drain()
        writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_file, key_file)
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/cert/a.cer"


async def test_certificate_is_fetched_over_tls_that_the_bundle_vouches_for(tmp_path: Path) -> None:
    certificate_file, key_file = write_server_certificate(tmp_path)
    async with tls_server(certificate_file, key_file, b"bytes") as url:
        assert await HttpsFetcher(ca_bundle=certificate_file)(url) == b"bytes"


async def test_server_that_nobody_vouches_for_is_not_asked(tmp_path: Path) -> None:
    async with tls_server(*write_server_certificate(tmp_path), b"bytes") as url:
        with pytest.raises(CertificateUnavailable):
            await HttpsFetcher()(url)


@pytest.mark.parametrize("status", [204, 302, 404, 500])
async def test_anything_but_a_plain_answer_is_no_certificate(status: int) -> None:
    fetch = HttpsFetcher(transport=lambda: httpx.MockTransport(lambda _: httpx.Response(status)))
    with pytest.raises(CertificateUnavailable, match=str(status)):
        await fetch("https://certificates.example/cert/a.cer")


async def test_broken_connection_is_no_certificate() -> None:
    def break_off(_: httpx.Request) -> httpx.Response:
        raise httpx.RemoteProtocolError("gone")

    with pytest.raises(CertificateUnavailable):
        await HttpsFetcher(transport=lambda: httpx.MockTransport(break_off))("https://certificates.example/cert/a.cer")


def test_unusable_bundle_is_named_by_its_setting(tmp_path: Path) -> None:
    wrong = tmp_path / "bundle.pem"
    wrong.write_text("no certificate")
    for path in (wrong, tmp_path / "missing.pem"):
        with pytest.raises(ConfigurationError, match="COSELL_CA_BUNDLE"):
            HttpsFetcher(ca_bundle=path)
