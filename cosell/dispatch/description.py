"""What is deployed for a tenant: the deployments of `prefect.yaml` under names of its own, told whose they are. Pure.

Names, tags, the chain of activations and the links to artifacts carry the tenant's name, so that one server and one
worker serve many tenants, and nothing of one starts anything of another.
"""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from cosell.domain.ids import TenantName
from cosell.domain.tenants import tenant_artifact, tenant_deployment, tenant_tags

DEPLOYMENT = "prefect.resource.name"
_LINK = re.compile(r"(?<=/artifacts/key/)[a-z0-9-]+")


def describe_for(tenant: TenantName, text: str) -> str:
    """Return the content of `prefect.yaml` for a tenant."""
    content = yaml.safe_load(text)
    described = [_describe(deployment, tenant) for deployment in content["deployments"]]
    return yaml.safe_dump({**content, "deployments": described}, sort_keys=False, allow_unicode=True, width=1000)


def _describe(deployment: Mapping[str, Any], tenant: TenantName) -> dict[str, Any]:
    description = _LINK.sub(lambda found: tenant_artifact(found[0], tenant), deployment["description"])
    described = {
        **deployment,
        "name": tenant_deployment(deployment["name"], tenant),
        "description": description,
        "tags": [*deployment["tags"], *tenant_tags(tenant)],
    }
    if "triggers" in deployment:
        described["triggers"] = [_retarget(trigger, tenant) for trigger in deployment["triggers"]]
    return described


def _retarget(trigger: Mapping[str, Any], tenant: TenantName) -> dict[str, Any]:
    """Let a trigger wait for the tenant's own deployment."""
    related = dict(trigger["match_related"])
    related[DEPLOYMENT] = tenant_deployment(related[DEPLOYMENT], tenant)
    return {**trigger, "match_related": related}
