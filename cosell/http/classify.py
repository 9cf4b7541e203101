"""An answer that is not a success becomes one of our errors. Pure: the same answer, the same error.

The service's own message is never passed on, for it may quote a customer's data: the sentences are ours, beside them
stand the service's code, the record's id, at most the name of a field, and the request id for the service's support.
"""

import re
from collections.abc import Iterator
from datetime import datetime

from cosell import errors
from cosell.errors import CosellError, Origin, RetryableError
from cosell.http.answer import Answer
from cosell.http.error_codes import KNOWN_CODES, KnownCode
from cosell.http.retry import find_retry_after
from cosell.http.service import Service, SignIn

_CODE = re.compile(r"[A-Za-z0-9_.\-]{1,64}")
_FIELD = re.compile(r"[A-Za-z0-9_./\-]{1,120}")
_NAMED_FIELD = re.compile(r"'([A-Za-z0-9_]{1,100})' attribute|property '([A-Za-z0-9_.]{1,100})' does not exist")
_NO_CODE = ("", "0x0")

_BY_STATUS: dict[int, KnownCode] = {
    400: KnownCode(errors.RequestRejected, "{service} did not accept what was sent"),
    404: KnownCode(errors.RecordNotFound, "{service} has no such record, or does not let us see it"),
    410: KnownCode(errors.RecordNotFound, "{service} no longer has this record"),
    409: KnownCode(errors.StaleEtag, "the record in {service} moved since it was read; it has to be read again"),
    412: KnownCode(errors.StaleEtag, "the record in {service} moved since it was read; it has to be read again"),
    423: KnownCode(errors.StaleEtag, "the record in {service} is locked; it has to be read again"),
    429: KnownCode(errors.Throttled, "{service} asks us to slow down"),
    509: KnownCode(errors.Throttled, "{service} asks us to slow down"),
}
_REDIRECTED = "{service} sent us to another address; check {setting}"
_NOT_AVAILABLE = "{service} cannot answer now; it will be tried again"


def classify_answer(answer: Answer, *, service: Service, record: str, now: datetime) -> CosellError:
    """Return the error that an unsuccessful answer stands for; `record` names what was asked for, by id."""
    body = answer.find_object()
    codes = [code for code in iter_codes(body) if _CODE.fullmatch(code)]
    known = next((code for code in reversed(codes) if code.lower() in KNOWN_CODES), None)
    origin = Origin(
        service=service.name,
        record=record,
        field=_find_field(body),
        code=known or (codes[0] if codes else str(answer.status)),
        request_id=answer.request_id,
    )
    retry_after = find_retry_after(answer, now=now)
    if _wants_new_consent(answer, codes):
        return errors.SignInRequired(
            f"{service.name} asks for a new sign-in of the Referrals admin: run `cosell connect partner-center`",
            origin=origin,
        )
    if known is None and answer.status in (401, 403):
        return _refused(answer.status, service=service, origin=origin)
    if 400 <= answer.status < 500 and "full sync" in _find_message(body).lower():
        rule = KNOWN_CODES["0x80044352"]
    elif known is not None:
        rule = KNOWN_CODES.get(f"{answer.status} {known.lower()}") or KNOWN_CODES[known.lower()]
    else:
        rule = _by_status(answer.status)
    return _build(rule, service=service, origin=origin, retry_after=retry_after)


def iter_codes(body: object) -> Iterator[str]:
    """Yield the service's codes from the outermost to the innermost, in the spelling of the service."""
    while isinstance(body, dict):
        members = {str(name).lower(): member for name, member in body.items()}
        for name in ("code", "error"):
            member = members.get(name)
            if isinstance(member, str | int) and str(member) not in _NO_CODE:
                yield str(member)
        error = members.get("error")
        body = error if isinstance(error, dict) else members.get("innererror")


def _by_status(status: int) -> KnownCode:
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if 300 <= status < 400:
        return KnownCode(errors.RequestRejected, _REDIRECTED)
    if status >= 500 and status not in (501, 505, 510):
        return KnownCode(errors.ServiceUnavailable, _NOT_AVAILABLE)
    return _BY_STATUS[400]


def _build(rule: KnownCode, *, service: Service, origin: Origin, retry_after: float | None) -> CosellError:
    sentence = rule.sentence.format(service=service.name, setting=service.url_setting)
    message = sentence[0].upper() + sentence[1:]
    if issubclass(rule.error, RetryableError):
        return rule.error(message, origin=origin, retry_after=retry_after)
    return rule.error(message, origin=origin)


def _refused(status: int, *, service: Service, origin: Origin) -> CosellError:
    if status == 403:
        role = (
            "the Referrals admin role of the person who signed in"
            if service.sign_in is SignIn.PERSON
            else "the security role of the application user"
        )
        return errors.AccessDenied(f"{service.name} does not allow this; look at {role}", origin=origin)
    if service.sign_in is SignIn.PERSON:
        return errors.SignInRequired(
            f"{service.name} does not accept the sign-in, even with a new token: run `cosell connect partner-center`",
            origin=origin,
        )
    return errors.CredentialsRejected(
        f"{service.name} does not accept the token, even a new one; look at {service.settings_prefix}CLIENT_ID and "
        f"{service.url_setting}, and whether the application user exists there",
        origin=origin,
    )


def _wants_new_consent(answer: Answer, codes: list[str]) -> bool:
    challenge = answer.headers.get("www-authenticate", "")
    return answer.status in (401, 403) and (
        "insufficient_claims" in challenge or "insufficient_claims" in (code.lower() for code in codes)
    )


def _find_message(body: dict[str, object] | None) -> str:
    error = (body or {}).get("error")
    message = error.get("message") if isinstance(error, dict) else None
    return message if isinstance(message, str) else ""


def _find_field(body: dict[str, object] | None) -> str:
    """Return the field which the service complains about: its name only, for that is ours and no customer's."""
    named = _NAMED_FIELD.search(_find_message(body))
    if named:
        return named.group(1) or named.group(2)
    error = (body or {}).get("error")
    target = error.get("target") if isinstance(error, dict) else None
    return target if isinstance(target, str) and target != "referral" and _FIELD.fullmatch(target) else ""
