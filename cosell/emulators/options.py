"""How a set of emulators was started: the addresses it is reached under and the switches of the command line."""

import json
from dataclasses import dataclass
from pathlib import Path

import httpx

from cosell.emulators import identities
from cosell.emulators.pki import Pki


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What `create_app` needs to know; the defaults suit a use in process, through httpx.ASGITransport.

    `partner_origin` and `webhook_origin` are the two audiences of Partner Center; Dataverse shares the first.
    `callback_transport` replaces the network under the webhook sender.
    """

    plain_origin: str = "http://localhost"
    partner_origin: str = "https://localhost"
    webhook_origin: str = "https://127.0.0.1"
    bare: bool = False
    latency_ms: float = 0
    seed: int = 1
    pki: Pki | None = None
    pki_folder: Path | None = None
    callback_transport: httpx.AsyncBaseTransport | None = None


def urls_of(options: Options) -> dict[str, str]:
    """Return where everything is, for a person and for a script."""
    secure = options.partner_origin
    return {
        "http": options.plain_origin,
        "https": secure,
        "controls": f"{options.plain_origin}/_emulator/",
        "dataverse": f"{secure}/api/data/v9.2/",
        "partner_center": f"{secure}/v1.0/engagements/referrals",
        "partner_center_webhooks": f"{options.webhook_origin}/webhooks/v1/registration",
        "authority": secure,
        "token": f"{secure}/{identities.TENANT_ID}/oauth2/v2.0/token",
    }


def environment_of(options: Options) -> dict[str, str]:
    """Return the product's settings which point it at these emulators."""
    secure = options.partner_origin
    folder = options.pki_folder or Path()
    return {
        "COSELL_DATAVERSE__URL": secure,
        "COSELL_DATAVERSE__TENANT_ID": identities.TENANT_ID,
        "COSELL_DATAVERSE__CLIENT_ID": identities.CRM_CLIENT_ID,
        "COSELL_DATAVERSE__CLIENT_SECRET": identities.CRM_CLIENT_SECRET,
        "COSELL_PARTNER_CENTER__API_URL": f"{secure}/v1.0",
        "COSELL_PARTNER_CENTER__WEBHOOK_API_URL": options.webhook_origin,
        "COSELL_PARTNER_CENTER__TENANT_ID": identities.TENANT_ID,
        "COSELL_PARTNER_CENTER__CLIENT_ID": identities.PARTNER_CLIENT_ID,
        "COSELL_PARTNER_CENTER__CLIENT_SECRET": identities.PARTNER_CLIENT_SECRET,
        "COSELL_PARTNER_CENTER__REFRESH_TOKEN": identities.REFRESH_TOKEN,
        "COSELL_AUTHORITY": secure,
        "COSELL_CA_BUNDLE": str(folder / "ca.pem"),
        "COSELL_RECEIVER__CERTIFICATE_HOSTS": json.dumps([secure.partition("://")[2]]),
        "COSELL_RECEIVER__TRUST_ROOTS": str(folder / "signing-roots.pem"),
    }
