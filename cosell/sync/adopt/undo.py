"""Goes back on a take-over, as far as it is ours to undo: links are forgotten which no sync has touched since.

Columns and rows which were filled stay in the CRM; they are in nobody's way. What the sync has done since stays done.
"""

from dataclasses import dataclass

from cosell.domain.flows import FlowName
from cosell.errors import NotActivated
from cosell.sync.registration import REPLACED_WEBHOOK, ReplacedWebhook, without_query
from cosell.sync.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """What came of it. `kept` links have been synced since they were taken over, and stay."""

    forgotten: int
    kept: int
    restored_url: str | None = None
    webhook_note: str = ""


async def undo(workspace: Workspace, *, our_url: str | None) -> Undone:
    """Forget what was taken over and is as it was then; put the webhook back which ours has replaced.

    Args:
        workspace: where to work.
        our_url: where our own receiver is reached; without it the webhook is left alone.

    Raises:
        NotActivated: flows of ours are active, and would link the same pairs again.
    """
    active = await workspace.ledger.activations.find_all()
    if active:
        raise NotActivated(
            f"{len(active)} of our flows are active and would link the same pairs again. Deactivate them first: "
            f"`cosell deactivate {FlowName.REGISTER_WEBHOOK}` stops all nine."
        )
    pairs = await workspace.ledger.adoptions.find_pairs()
    adopted = [pair for pair in pairs.values() if pair.link_id]
    forgotten = await workspace.ledger.adoptions.forget_links(adopted)
    restored, note = await _restore_webhook(workspace, our_url)
    return Undone(forgotten=forgotten, kept=len(adopted) - forgotten, restored_url=restored, webhook_note=note)


async def _restore_webhook(workspace: Workspace, our_url: str | None) -> tuple[str | None, str]:
    replaced = ReplacedWebhook.read(await workspace.ledger.vault.load(REPLACED_WEBHOOK))
    if replaced is None:
        return None, "No webhook of another system was replaced by ours."
    present = await workspace.webhooks.find_registration()
    url = present.webhook_url if present else None
    if our_url is None or url != our_url:
        return None, f"The webhook was left alone: {without_query(url or 'none')} is registered, and that is not ours."
    await workspace.webhooks.update_registration(url=replaced.url, events=replaced.events)
    await workspace.ledger.vault.save(REPLACED_WEBHOOK, b"")
    return without_query(replaced.url), ""
