"""A deal which is ready to be shared; each test takes something away."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

from cosell.domain.ids import OpportunityId
from cosell.domain.money import Money
from cosell.domain.snapshot import Value
from cosell.mapping.solutions import Solution
from cosell.sync.deal import Deal

READY = Deal(
    opportunity_id=OpportunityId("0a000000-0000-4000-8000-000000000001"),
    fields={
        "name": "Wingtip @ Suite",
        "deal_value": Money(amount=Decimal(50000), currency="EUR"),
        "closing_date": date(2027, 3, 31),
        "notes": "They want it before spring.",
        "crm_id": "0a000000-0000-4000-8000-000000000001",
        "referral_id": None,
        "microsoft_crm_id": None,
    },
    customer={
        "name": "Wingtip Toys",
        "line1": "5 Harbour Lane",
        "city": "Kiel",
        "postal_code": "24103",
        "country": "DE",
    },
    contact={"first_name": "Ines", "last_name": "Holm", "email": "ines@wingtip.example", "phone": "+49 431 5550100"},
    team=(
        {"first_name": "Oda", "last_name": "Berg", "email": "oda@partner.example", "phone": None, "title": "Seller"},
    ),
    solutions=(Solution(identifier="SOL-10001-ABC", name="Suite", type="3P", publisher="Partner"),),
    help=None,
    is_visible=False,
)
ASKS_FOR_HELP = replace(READY, help="ProofOfConceptOrDemo", is_visible=True)


def without(**changed: Value) -> Deal:
    """Return the ready deal with other field values."""
    return replace(READY, fields={**READY.fields, **changed})
