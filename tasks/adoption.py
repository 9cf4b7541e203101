"""Adoption as one step: done again it only does what is left, so that it may be retried whole."""

from cosell.mapping.loader import load_mappings
from cosell.settings import load_settings
from cosell.sync.adopt.run import AdoptionAsked, Doors, run_adoption
from cosell.sync.adopt.summary import AdoptionSummary, summarize
from cosell.sync.workspace import Workspace
from tasks.policy import step
from tasks.registration import receiver_url, register
from tasks.variables import store_variables
from tasks.workspace import get_workspace

FLOW = "adopt"
"""Stands for the run in the journal."""


@step(name="adopt-pairs", run_name="adopt pairs (take over: {is_taking_over})", tags={"partner-center", "dataverse"})
async def adopt_pairs(
    is_taking_over: bool,  # noqa: FBT001  parameters of the run form
    overwrite_webhook: bool,  # noqa: FBT001
    with_variables: bool,  # noqa: FBT001
    confirmed_differing: int,
) -> AdoptionSummary:
    """Look at the connector's pairs, and take them over when that is said; return ids and field names only."""
    asked = AdoptionAsked(
        take_over=is_taking_over, with_variables=with_variables, confirmed_differing=confirmed_differing
    )
    workspace = get_workspace()
    report = await run_adoption(workspace, asked, open_doors(overwrite_webhook=overwrite_webhook), run_id=FLOW)
    return summarize(report, now=workspace.clock())


def open_doors(*, overwrite_webhook: bool) -> Doors:
    """Return how variables are stored, and how our URL takes the place of another one when that is said.

    Raises:
        ConfigurationError: nobody said under which address our receiver is reached.
    """
    if overwrite_webhook:
        receiver_url()  # Before anything is written: without an address of ours there is nothing to register.
    return Doors(
        store_variables=store_variables,
        read_mappings=lambda: load_mappings(load_settings().mappings_dir),
        take_webhook=take_webhook if overwrite_webhook else None,
    )


async def take_webhook(workspace: Workspace) -> str | None:
    """Register our URL, whoever's stands there; return that one."""
    return (await register(workspace, may_overwrite=True)).replaced_url
