"""Mapping: loads, checks and applies the tables in `mappings/`. Pure: no network, no ledger, no clock."""
