"""Takes a column out of the emulated CRM for a while, as an administrator might, and puts it back."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from tests.emulator_process import Emulators

COLUMNS = "/api/data/v9.2/EntityDefinitions(LogicalName='opportunity')/Attributes"


@contextmanager
def missing_column(emulators: Emulators, name: str) -> Iterator[None]:
    """Delete a text column of the opportunity, and make it anew afterwards."""
    context = ssl.create_default_context(cafile=emulators.environment["COSELL_CA_BUNDLE"])
    with httpx.Client(base_url=emulators.urls["https"], verify=context, timeout=30, trust_env=False) as http:
        http.headers["Authorization"] = f"Bearer {_bearer(http, emulators)}"
        http.delete(f"{COLUMNS}(LogicalName='{name}')").raise_for_status()
        try:
            yield
        finally:
            http.post(COLUMNS, json=_text_column(name)).raise_for_status()


def _bearer(http: httpx.Client, emulators: Emulators) -> str:
    """The product's own application is an administrator of the emulated CRM."""
    settings = emulators.environment
    form = {
        "grant_type": "client_credentials",
        "client_id": settings["COSELL_DATAVERSE__CLIENT_ID"],
        "client_secret": settings["COSELL_DATAVERSE__CLIENT_SECRET"],
        "scope": f"{settings['COSELL_DATAVERSE__URL']}/.default",
    }
    answer = http.post(f"/{settings['COSELL_DATAVERSE__TENANT_ID']}/oauth2/v2.0/token", data=form)
    return str(answer.raise_for_status().json()["access_token"])


def _text_column(name: str) -> dict[str, object]:
    return {
        "@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata",
        "AttributeType": "String",
        "AttributeTypeName": {"Value": "StringType"},
        "SchemaName": name,
        "MaxLength": 100,
        "FormatName": {"Value": "Text"},
        "RequiredLevel": {"Value": "None"},
        "DisplayName": {
            "@odata.type": "Microsoft.Dynamics.CRM.Label",
            "LocalizedLabels": [
                {"@odata.type": "Microsoft.Dynamics.CRM.LocalizedLabel", "Label": name, "LanguageCode": 1033}
            ],
        },
    }
