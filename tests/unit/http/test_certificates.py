"""A certificate in a file: PFX or PEM, with a password or without, and what is wrong is told by its setting."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from cosell.errors import SettingsInvalid
from cosell.http.certificates import CertificateFile, ClientCertificate
from tests.unit.http.keys import NOW, Pair, elliptic_key_pem, make_pair

PASSWORD = "made-up-password"


@pytest.fixture(scope="module")
def pair() -> Pair:
    return make_pair(expires_at=NOW)


@pytest.fixture(scope="module")
def other() -> Pair:
    return make_pair()


def load(path: Path, content: bytes, password: str = "") -> ClientCertificate:
    path.write_bytes(content)
    secret = SecretStr(password) if password else None
    return CertificateFile(path=path, password=secret, settings_prefix="COSELL_DATAVERSE__").load()


def refusal(path: Path, content: bytes, password: str = "") -> str:
    with pytest.raises(SettingsInvalid) as error:
        load(path, content, password)
    assert PASSWORD not in str(error.value)
    assert "PRIVATE KEY-----" not in str(error.value)
    assert error.value.__cause__ is None
    return str(error.value)


def test_every_form_gives_the_same_key_and_certificate(pair: Pair, tmp_path: Path) -> None:
    forms = [
        load(tmp_path / "a.pfx", pair.pfx()),
        load(tmp_path / "b.pfx", pair.pfx(PASSWORD), PASSWORD),
        load(tmp_path / "c.pem", pair.certificate_pem + pair.key_pem()),
        load(tmp_path / "d.pem", pair.key_pem() + pair.certificate_pem),
        load(tmp_path / "e.pem", pair.certificate_pem + pair.key_pem(PASSWORD), PASSWORD),
        load(tmp_path / "f.pem", pair.key_pem() + pair.certificate_pem, PASSWORD),
    ]

    assert {form.expires_at for form in forms} == {NOW}
    assert {(form.private_key, form.certificate) for form in forms} == {
        (pair.key_pem().decode(), pair.certificate_pem.decode())
    }
    assert "PRIVATE KEY" not in repr(forms[0])


def test_certificate_of_the_key_is_found_in_a_chain(pair: Pair, other: Pair, tmp_path: Path) -> None:
    chain = other.certificate_pem + pair.certificate_pem + pair.key_pem()
    assert load(tmp_path / "chain.pem", chain).certificate == pair.certificate_pem.decode()


def test_missing_or_wrong_password_is_told_by_its_setting(pair: Pair, tmp_path: Path) -> None:
    for content in (pair.pfx(PASSWORD), pair.certificate_pem + pair.key_pem(PASSWORD)):
        path = tmp_path / "locked"
        assert refusal(path, content).startswith("COSELL_DATAVERSE__CERTIFICATE_PASSWORD is missing")
        assert refusal(path, content, "another").startswith("COSELL_DATAVERSE__CERTIFICATE_PASSWORD is wrong")


def test_what_is_no_certificate_is_told_with_its_path(pair: Pair, other: Pair, tmp_path: Path) -> None:
    path = tmp_path / "file"
    told = {
        "neither a PFX nor a PEM": b"scribble",
        "no RSA private key": pair.certificate_pem,
        "no certificate of its private key": pair.key_pem(),
        "certificate of its private key": other.certificate_pem + pair.key_pem(),
        "no RSA private key:": pair.certificate_pem + elliptic_key_pem(),
        "certificate is damaged": b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" + pair.key_pem(),
        "private key is damaged": pair.certificate_pem
        + b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
    }
    for words, content in told.items():
        text = refusal(path, content)
        assert text.startswith(f"COSELL_DATAVERSE__CERTIFICATE names {path}, ")
        assert words in text


def test_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(
        SettingsInvalid, match=r"COSELL_X__CERTIFICATE names .*nothing.pfx, which cannot be read: no such"
    ):
        CertificateFile(path=tmp_path / "nothing.pfx", password=None, settings_prefix="COSELL_X__").load()
