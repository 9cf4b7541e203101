"""The client for Microsoft Partner Center: referrals, and the webhook that tells when one moves."""

from cosell.partner_center.client import Operation, PartnerCenterClient
from cosell.partner_center.models import Referral, Registration, Status, Substatus, ValidationResult
from cosell.partner_center.opening import open_partner_center, open_webhooks
from cosell.partner_center.webhooks import WebhookClient

__all__ = [
    "Operation",
    "PartnerCenterClient",
    "Referral",
    "Registration",
    "Status",
    "Substatus",
    "ValidationResult",
    "WebhookClient",
    "open_partner_center",
    "open_webhooks",
]
