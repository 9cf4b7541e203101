"""The engine's stand, with comparing and healing on top."""

from tests.sync.conftest import empty_ledger, services, stand, stands

__all__ = ["empty_ledger", "services", "stand", "stands"]
