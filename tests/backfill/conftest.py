"""The stand of the engine's tests: services in process, a ledger of its own for each."""

from tests.sync.conftest import empty_ledger, services, stand, stands

__all__ = ["empty_ledger", "services", "stand", "stands"]
