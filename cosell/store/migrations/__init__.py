"""The history of the ledger's tables, run by `cosell.store.migrate`."""
