"""The stand of the sync, for what Microsoft's connector has left behind on it."""

from tests.sync.conftest import empty_ledger, services, stand, stands

__all__ = ["empty_ledger", "services", "stand", "stands"]
