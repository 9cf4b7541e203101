"""How long a run keeps a record in its hand, and how it makes sure that it still does."""

from cosell.errors import LeaseHeld, Origin
from cosell.store import Lease
from cosell.sync.workspace import Workspace

LEASE_SECONDS = 120


async def keep_lease(workspace: Workspace, lease: Lease) -> None:
    """Hold a lease for its whole time again: just before what cannot be taken back.

    Raises:
        LeaseHeld: it ran out, and another run may have the record in hand by now.
    """
    kept = await workspace.ledger.leases.renew(lease.keys, holder=lease.holder, seconds=LEASE_SECONDS)
    if kept != lease.keys:
        raise LeaseHeld(
            "This took too long, and another run may have the record in hand by now; it is looked at again.",
            origin=Origin(service="ledger", record=", ".join(sorted(lease.keys))),
        )
