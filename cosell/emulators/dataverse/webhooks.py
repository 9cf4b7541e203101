"""Outgoing webhooks, as registered by service endpoints and processing steps."""

from cosell.emulators.dataverse.environment import Environment


class WebhookSender:
    """Deliver events."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def clear(self) -> None:
        """Drop what waits."""
        self._env.outbox.clear()

    def wake(self) -> None:
        """Look at the outbox."""
        self._env.outbox.clear()

    async def start(self) -> None:
        """Start."""

    async def stop(self) -> None:
        """Stop."""
