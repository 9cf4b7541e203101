"""Every error which cosell-sync raises on purpose, grouped by what the caller does about it.

CosellError
├── ConfigurationError        somebody fixes something, then it is started again
│   ├── SettingsInvalid       one or more settings are missing or wrong
│   ├── MappingInvalid        a file in mappings/ cannot be used
│   ├── FileInvalid           a file that was handed over cannot be read
│   ├── SchemaMissing         the CRM lacks a table, a column or a key
│   ├── CredentialsRejected   the service does not accept our id or secret
│   ├── SignInRequired        a person has to sign in to Partner Center again
│   └── NotActivated          a flow that has to be active first is not
├── RetryableError            later; `retry_after` says when, if the service did
│   ├── ServiceUnreachable    no answer, or a broken one
│   ├── ServiceUnavailable    an answer which says: not now
│   ├── Throttled             an answer which says: too much
│   └── LeaseHeld             somebody else has this record in hand
├── ConflictError             read both sides again, plan anew
│   ├── StaleEtag             the record moved since it was read
│   └── AlreadyExists         a record with this key is there already
├── RejectedError             it will not pass as it is: dead letter, a person decides
│   ├── RequestRejected       the service refused what was sent
│   ├── AccessDenied          the service refused who sent it
│   ├── RecordNotFound        gone, or not visible to us
│   ├── NotReady              a deal that is not complete enough to be shared
│   └── UnsafePlan            the plan would change more than it should
└── DeltaExpired              the delta link is too old: read everything once
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where an error comes from, in words which may be shown and logged: never a value, never a person."""

    service: str = ""
    record: str = ""
    field: str = ""
    code: str = ""
    request_id: str = ""

    def __str__(self) -> str:
        """Render the parts that are known, as the tail of an error text."""
        parts = [
            f"{name} {value}"
            for name, value in (
                ("record", self.record),
                ("field", self.field),
                ("code", self.code),
                ("request id", self.request_id),
            )
            if value
        ]
        return f" ({', '.join(parts)})" if parts else ""


class CosellError(Exception):
    """Anything that cosell-sync says went wrong.

    `message` is one plain sentence for a person; `origin` tells which record, which field and the service's request id.
    """

    def __init__(self, message: str, *, origin: Origin | None = None) -> None:
        """Keep the sentence and where it comes from."""
        self.message = message
        self.origin = origin or Origin()
        super().__init__(f"{message}{self.origin}")


class ConfigurationError(CosellError):
    """Fix it, then start again."""


class SettingsInvalid(ConfigurationError):
    """One or more settings are missing or wrong; the text names every one of them."""


class MappingInvalid(ConfigurationError):
    """A file in `mappings/` or in the overlay cannot be used as it is."""


class FileInvalid(ConfigurationError):
    """A workbook or CSV file that was handed over cannot be read, or a result cannot be written."""


class SchemaMissing(ConfigurationError):
    """The CRM lacks a table, a column or a key which the mapping names."""


class CredentialsRejected(ConfigurationError):
    """The service does not accept our client id, secret or certificate."""


class SignInRequired(ConfigurationError):
    """The Partner Center sign-in has ended; a person has to run `cosell connect partner-center`."""


class NotActivated(ConfigurationError):
    """A flow that has to be active first is not."""


class RetryableError(CosellError):
    """Later. `retry_after` is in seconds, None when the service did not say."""

    def __init__(self, message: str, *, origin: Origin | None = None, retry_after: float | None = None) -> None:
        """Keep how long the service asked us to wait."""
        self.retry_after = retry_after
        super().__init__(message, origin=origin)


class ServiceUnreachable(RetryableError):
    """No answer, or one that broke off."""


class ServiceUnavailable(RetryableError):
    """The service answered that it cannot serve now."""


class Throttled(RetryableError):
    """The service answered that we ask too much."""


class LeaseHeld(RetryableError):
    """Somebody else has this record in hand."""


class ConflictError(CosellError):
    """Read both sides again and plan anew."""


class StaleEtag(ConflictError):
    """The record moved since it was read."""


class AlreadyExists(ConflictError):
    """A record with this key is there already."""


class RejectedError(CosellError):
    """It will not pass as it is; it becomes a dead letter until the record changes or a person decides."""


class RequestRejected(RejectedError):
    """The service refused what was sent."""


class AccessDenied(RejectedError):
    """The service refused who sent it."""


class RecordNotFound(RejectedError):
    """Gone, or not visible to us."""


class NotReady(RejectedError):
    """The deal is not complete enough to be shared; `problems` has a sentence for each thing to fix."""

    def __init__(self, problems: tuple[str, ...], *, origin: Origin | None = None) -> None:
        """Join the problems into one text."""
        self.problems = problems
        super().__init__(" ".join(problems), origin=origin)


class UnsafePlan(RejectedError):
    """The plan would change more than it should; nothing of it was written."""


class DeltaExpired(CosellError):
    """The service no longer knows our delta link (Dataverse code 0x80044352): read everything once."""
