"""Several tenants in one installation: whose settings, what their things are called, and one who never hears of it."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from cosell.dispatch.description import describe_for
from cosell.domain.ids import DEFAULT_TENANT, TenantName
from cosell.domain.tenants import (
    belongs_to,
    parse_tenant,
    tenant_artifact,
    tenant_deployment,
    tenant_path,
    tenant_tags,
    tenant_variable,
)
from cosell.errors import SettingsInvalid
from cosell.settings import NotifySettings, load_all_settings, load_settings, notify_of
from cosell.tenants import find_served
from tests.house.project import PROJECT

NORTH, SOUTH = TenantName("north"), TenantName("south")
COMMON = {
    "COSELL_DATAVERSE__TENANT_ID": "entra",
    "COSELL_DATAVERSE__CLIENT_ID": "crm-app",
    "COSELL_DATAVERSE__CLIENT_SECRET": "crm-secret",
    "COSELL_PARTNER_CENTER__TENANT_ID": "entra",
    "COSELL_PARTNER_CENTER__CLIENT_ID": "partner-app",
}
URL = "COSELL_DATAVERSE__URL"
Write = Callable[..., None]


@pytest.fixture
def write(monkeypatch: pytest.MonkeyPatch) -> Write:
    """Set what all tenants have in common; write the file of one tenant."""
    for name, value in COMMON.items():
        monkeypatch.setenv(name, value)

    def write_file(tenant: str, **settings: str) -> None:
        Path("tenants").mkdir(exist_ok=True)
        lines = [f"COSELL_{name}={value}" for name, value in settings.items()]
        Path(f"tenants/{tenant}.env").write_text("\n".join(lines), "utf-8")

    return write_file


@pytest.mark.usefixtures("write")
def test_one_tenant_needs_no_ceremony(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(URL, "https://contoso.crm.example")
    assert find_served() == [DEFAULT_TENANT]
    assert load_settings().tenant == DEFAULT_TENANT
    names = (
        tenant_deployment("1-register-webhook", DEFAULT_TENANT),
        tenant_artifact("activation", DEFAULT_TENANT),
        tenant_variable("cosell_on_hold_handling", DEFAULT_TENANT),
        tenant_path("/webhooks/dataverse", DEFAULT_TENANT),
        tenant_tags(DEFAULT_TENANT),
    )
    assert names == ("1-register-webhook", "activation", "cosell_on_hold_handling", "/webhooks/dataverse", ())


def test_tenants_file_goes_before_what_all_have_in_common(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(URL, "https://contoso.crm.example")
    write("north", DATAVERSE__URL="https://north.crm.example", DATAVERSE__CLIENT_SECRET="own-secret")
    settings = load_settings(tenant=NORTH)
    secret = settings.dataverse.client_secret

    assert str(settings.dataverse.url) == "https://north.crm.example/"
    assert (settings.tenant, settings.dataverse.client_id) == (NORTH, "crm-app")
    assert secret is not None
    assert secret.get_secret_value() == "own-secret"
    assert str(load_settings().dataverse.url) == "https://contoso.crm.example/"


def test_all_are_served_the_default_one_first_and_only_where_its_crm_is_known(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("south", "north"):
        write(name, DATAVERSE__URL=f"https://{name}.crm.example")
    assert [settings.tenant for settings in load_all_settings()] == [NORTH, SOUTH]
    monkeypatch.setenv(URL, "https://contoso.crm.example")
    assert [settings.tenant for settings in load_all_settings()] == [DEFAULT_TENANT, NORTH, SOUTH]
    monkeypatch.setenv("COSELL_TENANT", "south")
    assert [settings.tenant for settings in load_all_settings()] == [SOUTH]
    assert str(load_settings().dataverse.url) == "https://south.crm.example/"


def test_whoever_has_chosen_nobody_or_a_stranger_is_told_who_there_is(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("north", DATAVERSE__URL="https://north.crm.example")
    with pytest.raises(SettingsInvalid, match=r"There are north, and .* `cosell --tenant NAME"):
        load_settings()
    monkeypatch.setenv("COSELL_TENANT", "west")
    with pytest.raises(SettingsInvalid, match="There is no tenant west: tenants has north"):
        load_settings()


def test_settings_which_are_missing_name_the_tenant(write: Write) -> None:
    write("north", MAPPINGS_DIR="elsewhere")
    with pytest.raises(SettingsInvalid, match=f"of the tenant north have to be mended:\n  {URL} is missing"):
        load_settings(tenant=NORTH)


@pytest.mark.parametrize("name", ["HOME", "TENANT", "RECEIVER__PORT"])
def test_what_belongs_to_the_installation_is_refused_in_a_tenants_file(write: Write, name: str) -> None:
    write("north", DATAVERSE__URL="https://north.crm.example", **{name: "1"})
    with pytest.raises(SettingsInvalid, match=f"north.env sets COSELL_{name}, which all tenants have in common"):
        load_settings(tenant=NORTH)


@pytest.mark.usefixtures("write")
def test_tenant_may_live_in_the_environment_alone_as_in_a_container(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(URL, "https://north.crm.example")
    monkeypatch.setenv("COSELL_TENANT", "north")
    assert (find_served(), load_settings().tenant) == ([NORTH], NORTH)


@pytest.mark.parametrize("name", ["North", "no_rth", "no.rth", "", "n" * 41, "no/rth"])
def test_name_which_no_address_could_carry_is_no_tenants(name: str) -> None:
    with pytest.raises(ValueError, match="small letters"):
        parse_tenant(name)


def test_file_with_such_a_name_is_refused(write: Write) -> None:
    write("North")
    with pytest.raises(SettingsInvalid, match=r"North\.env is no file of a tenant"):
        find_served()


def test_one_automation_tells_of_all_tenants_unless_one_has_an_address_of_its_own(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(URL, "https://contoso.crm.example")
    monkeypatch.setenv("COSELL_NOTIFY__URL", "https://hooks.example/all")
    write("north")
    write("south", NOTIFY__URL="https://hooks.example/south")

    assert notify_of(load_settings(tenant=NORTH)) == NotifySettings()
    assert notify_of(load_settings(tenant=SOUTH)).url is not None
    assert notify_of(load_settings()).url is not None


def test_what_is_deployed_for_a_tenant_starts_and_names_nothing_of_another() -> None:
    text = (PROJECT / "prefect.yaml").read_text("utf-8")
    shipped, own = yaml.safe_load(text)["deployments"], yaml.safe_load(describe_for(NORTH, text))["deployments"]

    assert [item["name"] for item in own] == [f"{item['name']}-north" for item in shipped]
    assert all(belongs_to(item["tags"], NORTH) and "cosell" in item["tags"] for item in own)
    assert all(belongs_to(item["tags"], DEFAULT_TENANT) for item in shipped)
    triggers = [trigger["match_related"] for item in own for trigger in item.get("triggers", ())]
    waited_for = [related["prefect.resource.name"] for related in triggers]
    assert len(waited_for) == 8
    assert [name for name in waited_for if name not in {item["name"] for item in own}] == []
    links = [item["description"] for item in own if "/artifacts/key/" in item["description"]]
    assert [text for text in links if "/artifacts/key/north-" not in text] == []
    same = ("entrypoint", "schedules", "parameters", "work_pool")
    assert [[item.get(key) for key in same] for item in own] == [[item.get(key) for key in same] for item in shipped]


def test_every_deployment_says_for_which_tenant_it_runs() -> None:
    shipped = yaml.safe_load((PROJECT / "prefect.yaml").read_text("utf-8"))["deployments"]
    environments = [item["work_pool"]["job_variables"]["env"] for item in shipped]
    assert environments == [{"COSELL_TENANT": "{{ $COSELL_TENANT }}"}] * len(shipped)
