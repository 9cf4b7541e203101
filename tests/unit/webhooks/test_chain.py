import base64
from pathlib import Path

import pytest

from cosell.errors import ConfigurationError
from cosell.webhooks.chain import Trust, find_issuer_urls, load_trust, parse_certificates, prove_signer
from cosell.webhooks.refusal import Refused
from tests.unit.webhooks.authority import ISSUER_URL, NOW, World, issue


@pytest.mark.parametrize("form", ["der", "pem", "base64", "wrapped base64"])
def test_certificate_is_read_in_each_form(world: World, form: str) -> None:
    encoded = base64.b64encode(world.signer.der)
    content = {
        "der": world.signer.der,
        "pem": world.signer.pem,
        "base64": encoded,
        "wrapped base64": b"\r\n".join(encoded[at : at + 64] for at in range(0, len(encoded), 64)) + b"\r\n",
    }[form]
    assert parse_certificates(content) == [world.signer.certificate]


def test_signer_is_valid_only_while_its_whole_chain_is(world: World) -> None:
    trust = Trust(roots=(world.root.certificate,), intermediates=(world.intermediate.certificate,))
    signer = prove_signer(world.signer.certificate, [], trust, moment=NOW)
    assert signer.is_valid_at(NOW)
    assert signer.valid_until == min(
        item.certificate.not_valid_after_utc for item in (world.root, world.intermediate, world.signer)
    )


def test_microsofts_name_in_the_issuer_is_enough(world: World) -> None:
    leaf = issue("notifications", issuer=world.intermediate, organization="Example Hosting").certificate
    trust = Trust(roots=(world.root.certificate,), intermediates=(world.intermediate.certificate,))
    assert prove_signer(leaf, [], trust, moment=NOW).key == leaf.public_key()


def test_microsofts_name_in_the_subject_is_enough_below_a_trusted_authority(world: World) -> None:
    authority = issue("Honest CA", issuer=world.root, organization="Example Trust", is_authority=True).certificate
    key_holder = issue("Honest CA", issuer=world.root, organization="Example Trust", is_authority=True)
    leaf = issue("notifications", issuer=key_holder).certificate
    trust = Trust(roots=(world.root.certificate,))
    assert prove_signer(leaf, [authority, key_holder.certificate], trust, moment=NOW).key == leaf.public_key()


def test_address_of_the_issuer_is_found(world: World) -> None:
    assert find_issuer_urls(world.signer.certificate) == [ISSUER_URL]
    assert find_issuer_urls(world.root.certificate) == []


def test_trust_file_may_hold_the_intermediate_beside_the_root(world: World, tmp_path: Path) -> None:
    path = tmp_path / "roots.pem"
    path.write_bytes(world.root.pem + world.intermediate.pem)
    trust = load_trust(path)
    assert trust.roots == (world.root.certificate,)
    assert trust.intermediates == (world.intermediate.certificate,)


def test_trust_file_with_nothing_but_an_intermediate_trusts_that(world: World, tmp_path: Path) -> None:
    path = tmp_path / "roots.pem"
    path.write_bytes(world.intermediate.pem)
    assert prove_signer(world.signer.certificate, [], load_trust(path), moment=NOW).is_valid_at(NOW)


def test_without_a_trust_file_the_systems_roots_are_trusted(world: World) -> None:
    trust = load_trust(None)
    names = {root.subject.rfc4514_string() for root in trust.roots}
    assert any("DigiCert Global Root G2" in name for name in names)
    with pytest.raises(Refused):
        prove_signer(world.signer.certificate, [world.intermediate.certificate], trust, moment=NOW)


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_unusable_trust_file_is_named_by_its_setting(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "roots.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="COSELL_RECEIVER__TRUST_ROOTS"):
        load_trust(path)
