"""Which tenants this installation serves: the default one, and one for each file `tenants/NAME.env`.

The default tenant is the one whose CRM stands in the common settings. A tenant's file has settings of the same names;
what is not in it comes from the common ones. Whoever has no such directory has one tenant and nothing to think about.
"""

from collections.abc import Mapping
from pathlib import Path

from pydantic_settings import BaseSettings, DotEnvSettingsSource, SettingsConfigDict

from cosell.domain.ids import DEFAULT_TENANT, TenantName
from cosell.domain.tenants import parse_tenant
from cosell.errors import SettingsInvalid

PREFIX = "COSELL_"
DELIMITER = "__"
DIRECTORY = Path("tenants")
OF_THE_INSTALLATION = (
    *("home", "tenant", "tenants_dir"),
    *("receiver__host", "receiver__port", "receiver__certificate_hosts", "receiver__trust_roots"),
)
"""What all tenants have in common: one machine, one receiver."""


class Place(BaseSettings):
    """What has to be known before a tenant's settings can be read."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore")

    tenant: str | None = None
    tenants_dir: Path = DIRECTORY
    dataverse__url: str | None = None

    @property
    def names(self) -> list[TenantName]:
        """The tenants with a file of their own.

        Raises:
            SettingsInvalid: a file has a name which no tenant may have.
        """
        return [_parse_name(path) for path in sorted(self.tenants_dir.glob("[!.]*.env"))]

    @property
    def has_default(self) -> bool:
        """Whether there is a default tenant: its CRM stands in the common settings, or there is no other tenant."""
        return self.dataverse__url is not None or DEFAULT_TENANT in self.names or not self.names

    @property
    def served(self) -> list[TenantName]:
        """The tenants which are served: the one that was chosen, else all, the default one first.

        Raises:
            SettingsInvalid: a file has a name which no tenant may have.
        """
        if self.tenant:
            return [TenantName(self.tenant)]
        named = [name for name in self.names if name != DEFAULT_TENANT]
        return [*([DEFAULT_TENANT] if self.has_default else []), *named]


def find_served() -> list[TenantName]:
    """Return the tenants which this installation serves, the default one first.

    Raises:
        SettingsInvalid: a file has a name which no tenant may have.
    """
    return Place().served


def read_own(place: Place, tenant: TenantName, settings: type[BaseSettings]) -> dict[str, object]:
    """Return what stands in the file of a tenant, nested as `settings` is; nothing when it has none.

    Raises:
        SettingsInvalid: others have files, it has none, and is not the one of the common settings; or its file says
            what only the installation may say.
    """
    path = place.tenants_dir / f"{tenant}.env"
    if not path.is_file():
        if tenant != DEFAULT_TENANT and place.names:
            raise SettingsInvalid(f"There is no tenant {tenant}: {place.tenants_dir} has {', '.join(place.names)}.")
        if not place.has_default:
            raise SettingsInvalid(
                f"Which tenant is meant? There are {', '.join(place.names)}, and no CRM stands in the common settings: "
                "`cosell --tenant NAME …` or COSELL_TENANT chooses one."
            )
        return {}
    source = DotEnvSettingsSource(
        settings, env_file=path, env_prefix=PREFIX, env_nested_delimiter=DELIMITER, env_ignore_empty=True
    )
    own: dict[str, object] = source()
    for name in OF_THE_INSTALLATION:
        if _has(own, name.split(DELIMITER)):
            raise SettingsInvalid(
                f"{path} sets {PREFIX}{name.upper()}, which all tenants have in common: set it in the environment or "
                "in .env."
            )
    return own


def lay_over(below: Mapping[str, object], above: Mapping[str, object]) -> dict[str, object]:
    """Return both in one; where both say something, `above` does."""
    merged = dict(below)
    for name, value in above.items():
        present = merged.get(name)
        is_group = isinstance(present, Mapping) and isinstance(value, Mapping)
        merged[name] = lay_over(present, value) if is_group else value  # type: ignore[arg-type]  # both are groups then
    return merged


def _has(own: Mapping[str, object], path: list[str]) -> bool:
    inner: object = own
    for part in path:
        if not isinstance(inner, Mapping) or part not in inner:
            return False
        inner = inner[part]
    return True


def _parse_name(path: Path) -> TenantName:
    try:
        return parse_tenant(path.stem)
    except ValueError as error:
        raise SettingsInvalid(f"{path} is no file of a tenant: its name has to be {error}.") from None
