"""Settings as a person meets them: set by variables, every problem at once, no secret in any text."""

from pathlib import Path

import pytest
from pydantic import BaseModel

from cosell.errors import SettingsInvalid
from cosell.settings import MICROSOFT_CERTIFICATE_HOST, Settings, describe_setting, load_settings

SECRETS = {
    "COSELL_DATAVERSE__CLIENT_SECRET": "crm-secret-value",
    "COSELL_PARTNER_CENTER__CLIENT_SECRET": "partner-secret-value",
    "COSELL_PARTNER_CENTER__REFRESH_TOKEN": "refresh-token-value",
    "COSELL_DATABASE_URL": "postgresql://sync:database-password@db.example/ledger",
    "COSELL_SECRET_KEY": "encryption-key-value",
    "COSELL_RECEIVER__DATAVERSE_SECRET": "wake-up-secret-value",
}
HIDDEN = [
    "crm-secret-value",
    "partner-secret-value",
    "refresh-token-value",
    "database-password",
    "encryption-key-value",
    "wake-up-secret-value",
]
NEEDED = {
    "COSELL_DATAVERSE__URL": "https://wingtip.crm.example",
    "COSELL_DATAVERSE__TENANT_ID": "crm-tenant",
    "COSELL_DATAVERSE__CLIENT_ID": "crm-client",
    "COSELL_DATAVERSE__CLIENT_SECRET": "crm-secret-value",
    "COSELL_PARTNER_CENTER__TENANT_ID": "partner-tenant",
    "COSELL_PARTNER_CENTER__CLIENT_ID": "partner-client",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Return the environment with all that is needed and nothing more."""
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def refusal() -> str:
    with pytest.raises(SettingsInvalid) as error:
        load_settings()
    return str(error.value)


def test_what_is_needed_is_enough(environment: pytest.MonkeyPatch) -> None:
    del environment
    settings = load_settings()
    assert str(settings.partner_center.api_url) == "https://api.partner.microsoft.com/v1.0"
    assert str(settings.partner_center.webhook_api_url) == "https://api.partnercenter.microsoft.com/"
    assert str(settings.authority) == "https://login.microsoftonline.com/"
    assert settings.receiver.certificate_hosts == (MICROSOFT_CERTIFICATE_HOST,)
    assert settings.tenant == "default"


def test_all_that_is_missing_is_named_at_once_with_what_it_is_for() -> None:
    lines = refusal().splitlines()
    assert {line.split()[0] for line in lines[1:]} == set(NEEDED)
    assert all(" is missing — " in line for line in lines[1:])


@pytest.mark.parametrize("name", sorted(NEEDED))
def test_single_one_missing_is_named(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.delenv(name)
    assert [line.split()[0] for line in refusal().splitlines()[1:]] == [name]


@pytest.mark.parametrize("name", sorted(NEEDED))
def test_variable_without_a_value_is_a_missing_one(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.setenv(name, "")
    assert f"{name} is missing" in refusal()


def test_all_that_is_wrong_is_named_at_once_together_with_what_is_missing(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("COSELL_DATAVERSE__TENANT_ID")
    wrong = {
        "COSELL_DATAVERSE__URL": "not a url",
        "COSELL_RECEIVER__PORT": "99999",
        "COSELL_RECEIVER__CERTIFICATE_HOSTS": "host.example",
        "COSELL_TENANT": "Not A Tenant",
        "COSELL_REFERRAL_LINK_TEMPLATE": "https://p.example/without-id",
    }
    for name, value in wrong.items():
        environment.setenv(name, value)
    text = refusal()
    assert "COSELL_DATAVERSE__TENANT_ID is missing" in text
    assert all(f"{name} is wrong: " in text for name in wrong)
    assert len(text.splitlines()) == 1 + 1 + len(wrong)


def test_lists_are_json(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("COSELL_RECEIVER__CERTIFICATE_HOSTS", '["one.example", "localhost:8443"]')
    assert load_settings().receiver.certificate_hosts == ("one.example", "localhost:8443")


@pytest.mark.parametrize("value", ["one.example", '"one.example"', "[1, 2]", "[", "{}"])
def test_broken_list_is_named_and_says_how_it_should_look(environment: pytest.MonkeyPatch, value: str) -> None:
    environment.setenv("COSELL_RECEIVER__CERTIFICATE_HOSTS", value)
    text = refusal()
    assert "COSELL_RECEIVER__CERTIFICATE_HOSTS" in text
    assert "is wrong: " in text


def test_group_in_one_variable_which_is_not_json_is_named_without_its_value(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("COSELL_DATAVERSE", "crm-secret-value")
    text = refusal()
    assert "COSELL_DATAVERSE is wrong" in text
    assert "crm-secret-value" not in text


def test_values_that_are_passed_go_before_the_environment(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("COSELL_TENANT", "north")
    assert load_settings().tenant == "north"
    assert load_settings({"tenant": "south"}).tenant == "south"


def test_settings_are_read_from_a_file(tmp_path: Path) -> None:
    lines = [f"{name}={value}" for name, value in NEEDED.items()]
    (tmp_path / ".env").write_text("\n".join([*lines, "COSELL_MAPPINGS_DIR=", "COSELL_TENANT=north"]), "utf-8")
    settings = load_settings()
    assert settings.tenant == "north"
    assert settings.mappings_dir is None, "a name without a value is not set"


def test_no_secret_is_in_any_text(environment: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        environment.setenv(name, value)
    settings = load_settings()
    assert "database-password" in settings.ledger_url, "it is there for whoever needs it"
    texts = [str(settings), repr(settings), str(settings.model_dump()), settings.model_dump_json()]
    assert not [(hidden, text) for hidden in HIDDEN for text in texts if hidden in text]


def test_no_secret_is_in_the_text_of_a_problem(environment: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        environment.setenv(name, value)
    environment.setenv("COSELL_RECEIVER__PORT", "not a port")
    environment.delenv("COSELL_PARTNER_CENTER__TENANT_ID")
    with pytest.raises(SettingsInvalid) as error:
        load_settings()
    texts = [str(error.value), repr(error.value), repr(error.value.__cause__)]
    assert not [hidden for hidden in HIDDEN for text in texts if hidden in text]
    assert error.value.__suppress_context__


@pytest.mark.parametrize(
    ("url", "ledger_url"),
    [
        ("postgresql://u:p@h/db", "postgresql+asyncpg://u:p@h/db"),
        ("postgres://u:p@h/db", "postgresql+asyncpg://u:p@h/db"),
        ("sqlite:////data/ledger.db", "sqlite+aiosqlite:////data/ledger.db"),
        ("postgresql+asyncpg://u:p@h/db", "postgresql+asyncpg://u:p@h/db"),
    ],
)
def test_ledger_has_the_asynchronous_driver(environment: pytest.MonkeyPatch, url: str, ledger_url: str) -> None:
    environment.setenv("COSELL_DATABASE_URL", url)
    assert load_settings().ledger_url == ledger_url


def test_ledger_is_in_the_data_directory_by_default(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment.setenv("COSELL_HOME", str(tmp_path / "data"))
    assert load_settings().ledger_url == f"sqlite+aiosqlite:///{tmp_path}/data/ledger.db"


def test_settings_cannot_be_changed_after_loading(environment: pytest.MonkeyPatch) -> None:
    del environment
    with pytest.raises(ValueError, match="frozen"):
        load_settings().tenant = "other"  # type: ignore[misc]


def test_every_setting_says_what_it_is_for() -> None:
    for name, field in Settings.model_fields.items():
        model = field.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            assert all(describe_setting((name, inner)) for inner in model.model_fields), name
        else:
            assert describe_setting((name,)), name


def test_what_is_no_setting_has_no_description() -> None:
    assert describe_setting(("colour",)) == ""
    assert describe_setting(("dataverse", "colour")) == ""


def test_certificate_stands_in_for_the_secret_of_the_crm(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("COSELL_DATAVERSE__CLIENT_SECRET")
    environment.setenv("COSELL_DATAVERSE__CERTIFICATE", "/etc/cosell/crm.pfx")
    environment.setenv("COSELL_DATAVERSE__CERTIFICATE_PASSWORD", "certificate-password-value")
    settings = load_settings()
    assert (settings.dataverse.certificate, settings.dataverse.client_secret) == (Path("/etc/cosell/crm.pfx"), None)
    assert "certificate-password-value" not in repr(settings)


def test_neither_secret_nor_certificate_names_both(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("COSELL_DATAVERSE__CLIENT_SECRET")
    line = refusal().splitlines()[1]
    assert "COSELL_DATAVERSE__CLIENT_SECRET is missing — " in line
    assert "COSELL_DATAVERSE__CERTIFICATE" in line


@pytest.mark.parametrize("group", ["DATAVERSE", "PARTNER_CENTER"])
def test_secret_and_certificate_together_are_told_and_shown_to_nobody(
    environment: pytest.MonkeyPatch, group: str
) -> None:
    environment.setenv(f"COSELL_{group}__CLIENT_SECRET", "crm-secret-value")
    environment.setenv(f"COSELL_{group}__CERTIFICATE", "/etc/cosell/some.pfx")
    text = refusal()
    assert f"COSELL_{group}__CLIENT_SECRET is wrong: COSELL_{group}__CERTIFICATE is set, too" in text
    assert "crm-secret-value" not in text


def test_missing_secret_is_named_even_where_something_else_is_wrong(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("COSELL_DATAVERSE__CLIENT_SECRET")
    environment.setenv("COSELL_DATAVERSE__URL", "not a url")
    environment.setenv("COSELL_DATAVERSE__CLIENT_SECRET_EXPIRES_ON", "next summer")
    assert {line.split()[0] for line in refusal().splitlines()[1:]} == {
        "COSELL_DATAVERSE__CLIENT_SECRET",
        "COSELL_DATAVERSE__URL",
        "COSELL_DATAVERSE__CLIENT_SECRET_EXPIRES_ON",
    }


def test_public_client_of_partner_center_needs_neither(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("COSELL_PARTNER_CENTER__CERTIFICATE", "/etc/cosell/partner.pem")
    assert load_settings().partner_center.client_secret is None
    environment.delenv("COSELL_PARTNER_CENTER__CERTIFICATE")
    assert load_settings().partner_center.certificate is None
