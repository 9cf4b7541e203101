"""Settings: read from `COSELL_…` environment variables and a `.env` file, checked all at once, each problem named.

The text of every field below is what `cosell doctor`, the error texts and `.env.example` say about it.
"""

import json
import re
from collections.abc import Mapping
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AnyHttpUrl,
    BaseModel,
    BeforeValidator,
    Field,
    SecretStr,
    UrlConstraints,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from cosell import tenants
from cosell.domain.ids import DEFAULT_TENANT, TenantName
from cosell.domain.tenants import PATTERN
from cosell.errors import SettingsInvalid
from cosell.tenants import DIRECTORY, Place, find_served, lay_over, read_own

PREFIX, DELIMITER = tenants.PREFIX, tenants.DELIMITER
MICROSOFT_CERTIFICATE_HOST = "3psostorageacct.blob.core.windows.net"

HttpUrl = Annotated[AnyHttpUrl, UrlConstraints(max_length=2000)]


def _parse_list(value: object) -> object:
    """Read a list from JSON here, so that a broken one is told together with all other problems."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        raise ValueError('not a JSON list, like ["one", "two"]') from None


JsonList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_parse_list)]


def _not_both(secret: SecretStr | None, info: ValidationInfo, *, group: str) -> SecretStr | None:
    if secret is not None and info.data.get("certificate") is not None:
        raise ValueError(f"{PREFIX}{group}{DELIMITER}CERTIFICATE is set, too; exactly one of the two is wanted")
    return secret


class DataverseSettings(BaseModel):
    """How to reach the CRM, with an application user of its own."""

    url: HttpUrl = Field(description="address of the CRM, like https://contoso.crm.dynamics.com")
    tenant_id: str = Field(min_length=1, description="Entra tenant of the CRM")
    client_id: str = Field(min_length=1, description="application (client) id of the CRM's application user")
    certificate: Path | None = Field(
        default=None,
        description="PFX or PEM file with that application's certificate and private key; goes in place of the secret",
    )
    certificate_password: SecretStr | None = Field(default=None, description="password of the certificate's file")
    client_secret: SecretStr | None = Field(
        default=None,
        min_length=1,
        validate_default=True,
        description="client secret of that application; leave out when COSELL_DATAVERSE__CERTIFICATE is set",
    )
    client_secret_expires_on: date | None = Field(
        default=None,
        description="day on which that secret ends, like 2027-03-31: nobody but Entra knows, so say it to be warned",
    )

    share_of_limit: float = Field(
        default=0.7,
        gt=0.0,
        le=1.0,
        description="share of what Dataverse lets this application user ask (6,000 requests in five minutes) which all "
        "processes together may use; leave some to others who use the same user",
    )

    @field_validator("client_secret")
    @classmethod
    def _exactly_one(cls, secret: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if secret is None and info.data.get("certificate") is None:
            raise PydanticCustomError("missing", "is missing")
        return _not_both(secret, info, group="DATAVERSE")


class PartnerCenterSettings(BaseModel):
    """How to reach Partner Center, on behalf of a Referrals admin who signed in."""

    api_url: HttpUrl = Field(
        default=AnyHttpUrl("https://api.partner.microsoft.com/v1.0"), description="Partner API, where referrals live"
    )
    webhook_api_url: HttpUrl = Field(
        default=AnyHttpUrl("https://api.partnercenter.microsoft.com"),
        description="Partner Center API, where webhooks are registered",
    )
    tenant_id: str = Field(min_length=1, description="Entra tenant of the partner account")
    client_id: str = Field(min_length=1, description="application (client) id registered for Partner Center")
    certificate: Path | None = Field(
        default=None,
        description="PFX or PEM file with that application's certificate and private key; goes in place of the secret",
    )
    certificate_password: SecretStr | None = Field(default=None, description="password of the certificate's file")
    client_secret: SecretStr | None = Field(
        default=None, description="client secret of that application; leave out for a public client"
    )
    client_secret_expires_on: date | None = Field(
        default=None,
        description="day on which that secret ends, like 2027-03-31: nobody but Entra knows, so say it to be warned",
    )
    refresh_token: SecretStr | None = Field(
        default=None,
        description="first refresh token, when there is no sign-in by `cosell connect partner-center`; "
        "later ones are kept encrypted in the ledger",
    )

    requests_per_second: int = Field(
        default=5,
        ge=1,
        le=50,
        description="requests to Partner Center within any second, of all processes together; Microsoft names no "
        "number and asks for restraint",
    )

    @field_validator("client_secret")
    @classmethod
    def _at_most_one(cls, secret: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        return _not_both(secret, info, group="PARTNER_CENTER")


class ReceiverSettings(BaseModel):
    """Where Partner Center's notifications arrive, and what proves that they are Microsoft's."""

    public_url: HttpUrl | None = Field(
        default=None,
        description="address under which Microsoft reaches the receiver, without path, like https://sync.contoso.com",
    )
    host: str = Field(default="127.0.0.1", description="address the receiver listens on")
    port: int = Field(default=8480, ge=0, le=65535, description="port the receiver listens on; 0 picks a free one")
    certificate_hosts: JsonList = Field(
        default=(MICROSOFT_CERTIFICATE_HOST,),
        description="JSON list of host[:port] from which signing certificates may be fetched",
    )
    trust_roots: Path | None = Field(
        default=None, description="PEM file of the roots which signing certificates must lead to; default the system's"
    )
    dataverse_secret: SecretStr | None = Field(
        default=None, description="secret which the CRM's wake-up calls carry; without it they are refused"
    )


class NotifySettings(BaseModel):
    """Who is told when a flow fails: an address, or a block that was made in the Prefect UI."""

    url: SecretStr | None = Field(
        default=None,
        min_length=1,
        description="address to which a JSON message is posted when a flow fails; what Slack and Teams call an "
        "incoming webhook will do",
    )
    block: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9-]+/[a-z0-9-]+$",
        description="block of the Prefect server through which it is told instead, as type/name, like "
        "slack-webhook/operations; any type that notifies will do, e-mail too",
    )

    @field_validator("block")
    @classmethod
    def _at_most_one(cls, block: str | None, info: ValidationInfo) -> str | None:
        if block is not None and info.data.get("url") is not None:
            raise ValueError(f"{PREFIX}NOTIFY{DELIMITER}URL is set, too; one of the two is wanted")
        return block


class ReconcileSettings(BaseModel):
    """How much `reconcile` may change by itself before it asks a person."""

    percent: int = Field(
        default=30, ge=1, le=100, description="share of the known pairs which one reconcile changes without asking"
    )
    always: int = Field(default=20, ge=0, description="number of deals which it may change however few pairs there are")


class Settings(BaseSettings):
    """All that is set from outside. Build it with `load_settings`, which names every problem at once."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter=DELIMITER,
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    home: Path = Field(default=Path(".cosell"), description="data directory: ledger, key, logs")
    database_url: SecretStr | None = Field(
        default=None,
        description="ledger, like postgresql://user:password@host/name; default SQLite in the data directory",
    )
    authority: HttpUrl = Field(
        default=AnyHttpUrl("https://login.microsoftonline.com"), description="where tokens are asked for"
    )
    ca_bundle: Path | None = Field(default=None, description="PEM file of certificate authorities to trust for HTTPS")
    secret_key: SecretStr | None = Field(
        default=None,
        description="key which encrypts stored tokens (Fernet, 32 bytes in url-safe base64); default a file in the "
        "data directory, made at first use; set it when several machines share one ledger",
    )
    mappings_dir: Path | None = Field(
        default=None, description="directory with your own mapping files, laid over the ones that ship"
    )
    variables_from: Literal["prefect", "dataverse"] = Field(
        default="prefect",
        description="where people edit the variables: prefect, or dataverse for the CRM's own environment variables",
    )
    tenant: str = Field(
        default=DEFAULT_TENANT, pattern=PATTERN, description="the tenant whose turn it is, like `cosell --tenant NAME`"
    )
    test_mode: bool = Field(
        default=False,
        description="mark what is created by [TEST] before its name, and show no deal to Microsoft; docs/promotion.md",
    )
    tenants_dir: Path = Field(
        default=DIRECTORY, description="directory with a file NAME.env for each further tenant; see docs/tenants.md"
    )
    work_pool: str = Field(
        default="cosell", pattern=r"^[A-Za-z0-9._-]{1,60}$", description="Prefect work pool whose workers run the flows"
    )
    referral_link_template: str = Field(
        default="https://partner.microsoft.com/referrals/v2/inbox?id={id}",
        pattern=r"\{id\}",
        description="web address of a referral, with {id} in place of its id",
    )
    dataverse: DataverseSettings
    partner_center: PartnerCenterSettings
    receiver: ReceiverSettings = Field(default_factory=ReceiverSettings)
    notify: NotifySettings = Field(default_factory=NotifySettings)
    reconcile: ReconcileSettings = Field(default_factory=ReconcileSettings)

    @cached_property
    def ledger_url(self) -> str:
        """SQLAlchemy address of the ledger, with the asynchronous driver filled in."""
        if self.database_url is None:
            return f"sqlite+aiosqlite:///{(self.home / 'ledger.db').absolute()}"
        url = self.database_url.get_secret_value()
        for scheme, driver in (
            ("postgresql://", "postgresql+asyncpg://"),
            ("postgres://", "postgresql+asyncpg://"),
            ("sqlite://", "sqlite+aiosqlite://"),
        ):
            if url.startswith(scheme):
                return driver + url.removeprefix(scheme)
        return url


def load_settings(values: Mapping[str, object] | None = None, *, tenant: TenantName | None = None) -> Settings:
    """Read and check all settings of one tenant; `values` go before its file, and that before the environment.

    Raises:
        SettingsInvalid: at least one is missing or wrong; the text has a line for each, named by its variable.
    """
    given, place = dict(values or {}), Place()
    chosen = TenantName(str(tenant or given.get("tenant") or place.tenant or DEFAULT_TENANT))
    try:
        own = read_own(place, chosen, Settings)
        return Settings(**lay_over(own, {**given, "tenant": chosen}))  # type: ignore[arg-type]
    except ValidationError as error:
        lines = [
            _problem(tuple(str(part) for part in item["loc"]), item["type"], item["msg"]) for item in error.errors()
        ]
        whose = "" if chosen == DEFAULT_TENANT else f" of the tenant {chosen}"
        raise SettingsInvalid(f"These settings{whose} have to be mended:\n" + "\n".join(_unfold(lines))) from None
    except SettingsError as error:
        group = re.search(r'field "(\w+)"', str(error))
        name = PREFIX + (group[1].upper() if group else "…")
        raise SettingsInvalid(f"{name} is wrong: not JSON. Leave it out and set {name}{DELIMITER}… instead.") from None


def load_all_settings() -> list[Settings]:
    """Read and check the settings of all tenants which are served, the default one first.

    Raises:
        SettingsInvalid: those of one of them cannot be used.
    """
    return [load_settings(tenant=name) for name in find_served()]


def notify_of(settings: Settings) -> NotifySettings:
    """Return who is to be told of a tenant's failures; nobody, where the default tenant's automation tells them."""
    if settings.tenant == DEFAULT_TENANT or not Place().has_default:
        return settings.notify
    return NotifySettings() if settings.notify == load_settings(tenant=DEFAULT_TENANT).notify else settings.notify


def _problem(path: tuple[str, ...], kind: str, message: str) -> str:
    variable = PREFIX + DELIMITER.join(part.upper() for part in path)
    purpose = describe_setting(path)
    message = message.removeprefix("Value error, ")
    message = message if message.startswith(PREFIX) else f"{message[:1].lower()}{message[1:]}"
    reason = "is missing" if kind == "missing" else f"is wrong: {message}"
    return f"  {variable} {reason}" + (f" — {purpose}" if purpose else "")


def _unfold(lines: list[str]) -> list[str]:
    """Replace 'the whole group is missing' by a line for each required setting of that group."""
    unfolded: list[str] = []
    for line in lines:
        group = line.split()[0].removeprefix(PREFIX).lower()
        field = Settings.model_fields.get(group)
        model = field.annotation if field else None
        if isinstance(model, type) and issubclass(model, BaseModel) and " is missing" in line:
            unfolded += [
                _problem((group, name), "missing", "") for name, inner in model.model_fields.items() if is_needed(inner)
            ]
        else:
            unfolded.append(line)
    return unfolded


def is_needed(field: FieldInfo) -> bool:
    """Tell whether a setting has to be set as long as nothing stands in for it, like a certificate for a secret."""
    return field.is_required() or bool(field.validate_default)


def describe_setting(path: tuple[str, ...]) -> str:
    """Return what a setting is for; empty when there is no such setting."""
    fields = Settings.model_fields
    for position, part in enumerate(path):
        field = fields.get(part)
        if field is None:
            return ""
        model = field.annotation
        if isinstance(model, type) and issubclass(model, BaseModel) and position + 1 < len(path):
            fields = model.model_fields
        else:
            return field.description or ""
    return ""
