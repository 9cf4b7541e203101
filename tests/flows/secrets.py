"""What must not be found in anything that Prefect keeps or our programs print: the invented people, and the secrets."""

from typing import Any

CONTACT = {
    "firstName": "Ottoline",
    "lastName": "Quillfeather",
    "phoneNumber": "+44 20 7946 0991",
    "email": "ottoline.quillfeather@zephyrine-looms.example",
}
DEAL: dict[str, Any] = {
    "name": "Weaving robots for Zephyrine",
    "customerProfile": {"name": "Zephyrine Looms", "team": [CONTACT]},
    "details": {"notes": "The weavers want a moonlit pilot.", "dealValue": 7391357249, "currency": "GBP"},
}
PERSONAL = (
    *CONTACT.values(),
    DEAL["name"],
    "Zephyrine Looms",
    "moonlit pilot",
    "7391357249",
    "Northwind Bakeries",
    "Hafenstra",
    "Replace the ordering system",
    "seller@contoso-partner.example",
    "referrals.admin@contoso-partner.example",
)
SECRET_SETTINGS = (
    "COSELL_DATAVERSE__CLIENT_SECRET",
    "COSELL_PARTNER_CENTER__CLIENT_SECRET",
    "COSELL_PARTNER_CENTER__REFRESH_TOKEN",
)
TOKEN_BEGINS = ("Bearer eyJ", '"access_token"', '"refresh_token"')
