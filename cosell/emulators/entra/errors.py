"""The refusals of the token endpoint, worded and numbered as Entra words them (Microsoft: AADSTS error codes)."""

import uuid
from datetime import datetime

from starlette.responses import JSONResponse


class EntraError(Exception):
    """A refusal: OAuth's error name, Entra's number, the status and the sentence behind the number."""

    def __init__(self, error: str, *, number: int, text: str, status: int = 400, suberror: str | None = None) -> None:
        """Note what `answer` will say."""
        super().__init__(text)
        self.error = error
        self.number = number
        self.text = text
        self.status = status
        self.suberror = suberror

    def answer(self, now: datetime, *, correlation_id: str | None = None) -> JSONResponse:
        """Build the response: description with trace ids, and the same in members of their own."""
        trace_id, correlation_id = str(uuid.uuid4()), correlation_id or str(uuid.uuid4())
        timestamp = f"{now:%Y-%m-%d %H:%M:%SZ}"
        body: dict[str, object] = {
            "error": self.error,
            "error_description": (
                f"AADSTS{self.number}: {self.text} Trace ID: {trace_id} "
                f"Correlation ID: {correlation_id} Timestamp: {timestamp}"
            ),
            "error_codes": [self.number],
            "timestamp": timestamp,
            "trace_id": trace_id,
            "correlation_id": correlation_id,
            "error_uri": f"https://login.microsoftonline.com/error?code={self.number}",
        }
        if self.suberror:
            body["suberror"] = self.suberror
        return JSONResponse(body, status_code=self.status, headers={"Cache-Control": "no-store"})


def unknown_tenant(tenant: str) -> EntraError:
    """No such tenant."""
    text = f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID."
    return EntraError("invalid_request", number=90002, text=text)


def unknown_app(client_id: str, tenant: str) -> EntraError:
    """The app is not registered in the tenant."""
    text = f"Application with identifier '{client_id}' was not found in the directory '{tenant}'."
    return EntraError("unauthorized_client", number=700016, text=text)


def wrong_secret(client_id: str) -> EntraError:
    """The secret is not the app's."""
    text = (
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, "
        f"not the client secret ID, for a secret added to app '{client_id}'."
    )
    return EntraError("invalid_client", number=7000215, text=text, status=401)


def missing_secret() -> EntraError:
    """A confidential app did not prove itself."""
    text = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."
    return EntraError("invalid_client", number=7000218, text=text, status=401)


def wrong_assertion(reason: str) -> EntraError:
    """The client assertion does not hold."""
    text = f"Client assertion failed signature validation. [Reason - {reason}]"
    return EntraError("invalid_client", number=700027, text=text, status=401)


def missing_parameter(name: str) -> EntraError:
    """A form field is missing."""
    text = f"The request body must contain the following parameter: '{name}'."
    return EntraError("invalid_request", number=900144, text=text)


def wrong_scope(scope: str, *, for_app: bool) -> EntraError:
    """The scope names no resource, several, or lacks `/.default` in an app's own flow."""
    if for_app:
        text = (
            f"The provided value for scope {scope} is not valid. "
            "Client credential flows must have a scope value with /.default suffixed to the resource identifier."
        )
        return EntraError("invalid_scope", number=1002012, text=text)
    text = f"The provided value for the input parameter 'scope' is not valid. The scope '{scope}' is not valid."
    return EntraError("invalid_scope", number=70011, text=text)


def wrong_grant_type(grant_type: str) -> EntraError:
    """A grant which the app may not use; the password grant is gone for good."""
    text = f"The app requested an unsupported grant type '{grant_type}'."
    return EntraError("unsupported_grant_type", number=70003, text=text)


def broken_grant() -> EntraError:
    """The refresh token is not one of ours."""
    text = "The provided grant has expired due to it being revoked, a fresh auth token is needed."
    return EntraError("invalid_grant", number=9002313, text=f"Invalid request. Request is malformed or invalid. {text}")


def expired_grant() -> EntraError:
    """Nobody used the refresh token for 90 days."""
    text = "The provided authorization code or refresh token has expired due to inactivity. Send a new sign-in request."
    return EntraError("invalid_grant", number=70008, text=text)


def revoked_grant() -> EntraError:
    """The refresh token was revoked, as by a changed password."""
    text = (
        "The provided grant has expired due to it being revoked, a fresh auth token is needed. "
        "The user might have changed or reset their password."
    )
    return EntraError("invalid_grant", number=50173, text=text, suberror="bad_token")


def reused_grant() -> EntraError:
    """A refresh token which is good for one use came again; number and wording are our own decision."""
    text = "The refresh token has been redeemed already. All refresh tokens of this user have been revoked."
    return EntraError("invalid_grant", number=50173, text=text, suberror="bad_token")


def needs_mfa(audience: str) -> EntraError:
    """The user has to sign in again, with a second factor."""
    text = (
        "Due to a configuration change made by your administrator, or because you moved to a new location, "
        f"you must use multi-factor authentication to access '{audience}'."
    )
    return EntraError("invalid_grant", number=50076, text=text, suberror="basic_action")


def pending() -> EntraError:
    """Nobody has entered the device code yet."""
    text = "OAuth 2.0 device flow error. Authorization is pending. Continue polling."
    return EntraError("authorization_pending", number=70016, text=text)


def declined() -> EntraError:
    """Somebody said no to the device code."""
    return EntraError("authorization_declined", number=70017, text="The user has declined the request.")


def expired_code() -> EntraError:
    """The device code's quarter of an hour is over."""
    return EntraError("expired_token", number=70020, text="The provided value for the device code has expired.")


def wrong_code() -> EntraError:
    """The device code is unknown or was used."""
    return EntraError("bad_verification_code", number=70019, text="The verification code is not valid or was used.")
