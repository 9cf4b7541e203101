"""Everything of cosell-sync that works without Prefect: clients, ledger, mapping, engine, receiver and command line."""
