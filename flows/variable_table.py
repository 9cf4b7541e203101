"""The variables as people see them in the Prefect UI: what each says now, and where that stands."""

import hashlib

from prefect.artifacts import acreate_table_artifact

from cosell.domain.tenants import tenant_artifact
from cosell.sync.workspace import Workspace

VARIABLES = "variables"
SHOWN = "variables-shown"
"""Key in the ledger under which stands what the table showed last."""


async def publish_variables(workspace: Workspace) -> None:
    """Publish what the variables say, unless the table shows it already."""
    if workspace.sheet is None:
        return
    table = [
        {"variable": row.variable.name, "value": row.value, "default": row.variable.default, "origin": row.where}
        for row in workspace.sheet.rows
    ]
    fingerprint = hashlib.sha256(repr(table).encode()).hexdigest()[:16]
    if fingerprint == await workspace.ledger.meta.find(SHOWN):
        return
    key = tenant_artifact(VARIABLES, workspace.ledger.tenant)
    await acreate_table_artifact(table=table, key=key, description="What the variables say, and where that stands")
    await workspace.ledger.meta.save(SHOWN, fingerprint)
