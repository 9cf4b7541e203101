"""Errors which no service itself answers (no such path, an error of ours) in the format of the service concerned."""

import json
import uuid

from starlette.responses import Response

from cosell.emulators import calls


def refusal(service: str, *, status: int, text: str) -> Response:
    """Build an error as the service would word it."""
    if service == calls.PARTNER_CENTER:
        code = "itemNotFound" if status == 404 else "generalException"
        body: object = {"error": {"code": code, "message": text, "target": "referral"}}
    elif service == calls.WEBHOOKS:
        body = {"code": "1000" if status == 404 else "500", "description": text, "data": [], "source": "PartnerCenter"}
    elif service == calls.DATAVERSE:
        body = {"error": {"code": "0x80060888" if status == 404 else "0x80040216", "message": text}}
    elif service == calls.ENTRA:
        body = {"error": "server_error", "error_description": f"AADSTS90033: {text} Trace ID: {uuid.uuid4()}"}
    else:
        body = {"error": text}
    return Response(json.dumps(body), status_code=status, media_type="application/json")
