"""Settings which lead nowhere, for tests of flows that speak to no service."""

from cosell.settings import Settings, load_settings

NOWHERE = "https://127.0.0.1:1"


def settings_of_nowhere() -> Settings:
    """Return settings which are complete; the ledger is made in the working directory, which is the test's own."""
    return load_settings(
        {
            "authority": NOWHERE,
            "dataverse": {"url": NOWHERE, "tenant_id": "t", "client_id": "c", "client_secret": "s"},
            "partner_center": {"api_url": NOWHERE, "webhook_api_url": NOWHERE, "tenant_id": "t", "client_id": "c"},
        }
    )
