"""What a tenant's things are called: the one place which turns the name of a tenant into names of everything else.

A tenant is one CRM environment with its partner account. The default tenant's things have the plain names, so that
whoever has only one never meets the word; those of any other carry its name.
"""

import re
from collections.abc import Iterable

from cosell.domain.ids import DEFAULT_TENANT, TenantName

PATTERN = r"^[a-z0-9-]{1,40}$"
"""What a tenant may be called: it becomes part of addresses and of names in Prefect."""
TAG_PREFIX = "tenant "


def parse_tenant(text: str) -> TenantName:
    """Return the name of a tenant.

    Raises:
        ValueError: it has other characters than small letters, digits and dashes, or is too long.
    """
    if not re.fullmatch(PATTERN, text):
        raise ValueError("small letters, digits and dashes, 40 at most")
    return TenantName(text)


def tenant_deployment(name: str, tenant: TenantName) -> str:
    """Return what a deployment is called: `1-register-webhook`, or `1-register-webhook-north`."""
    return name if tenant == DEFAULT_TENANT else f"{name}-{tenant}"


def tenant_artifact(key: str, tenant: TenantName) -> str:
    """Return the key of an artifact: `activation`, or `north-activation`."""
    return key if tenant == DEFAULT_TENANT else f"{tenant}-{key}"


def tenant_variable(name: str, tenant: TenantName) -> str:
    """Return what a Prefect variable is called: `cosell_on_hold_handling`, or `cosell_on_hold_handling__north`."""
    return name if tenant == DEFAULT_TENANT else f"{name}__{tenant}"


def tenant_tags(tenant: TenantName) -> tuple[str, ...]:
    """Return the tags by which runs and deployments of a tenant are found; none for the default tenant."""
    return () if tenant == DEFAULT_TENANT else (f"{TAG_PREFIX}{tenant}",)


def belongs_to(tags: Iterable[str], tenant: TenantName) -> bool:
    """Tell by its tags whether something is a tenant's."""
    return tuple(tag for tag in tags if tag.startswith(TAG_PREFIX)) == tenant_tags(tenant)


def tenant_path(path: str, tenant: TenantName) -> str:
    """Return the path of a door of the receiver: `/webhooks/partner-center`, or `/webhooks/partner-center/north`."""
    return path if tenant == DEFAULT_TENANT else f"{path}/{tenant}"
