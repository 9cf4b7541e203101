"""Why the receiver says no: every reason once, with the status and the sentence which the sender gets.

All that is "not proven to be Microsoft" gets one and the same sentence, so that a forger learns nothing from it; the
log and the metrics know the reason.
"""

from enum import StrEnum

NOT_PROVEN = "The sender is not proven to be Microsoft."


class Reason(StrEnum):
    """What was wrong, as the log and the metrics say it."""

    SIGNATURE_MISSING = "signature_missing"
    SIGNATURE_UNREADABLE = "signature_unreadable"
    SIGNATURE_WRONG = "signature_wrong"
    ALGORITHM_MISSING = "algorithm_missing"
    ALGORITHM_REFUSED = "algorithm_refused"
    HEADER_REPEATED = "header_repeated"
    CERTIFICATE_URL_MISSING = "certificate_url_missing"
    CERTIFICATE_URL_REFUSED = "certificate_url_refused"
    CERTIFICATE_UNAVAILABLE = "certificate_unavailable"
    CERTIFICATE_UNREADABLE = "certificate_unreadable"
    CERTIFICATE_UNTRUSTED = "certificate_untrusted"
    CERTIFICATE_NOT_VALID_NOW = "certificate_not_valid_now"
    CERTIFICATE_NOT_MICROSOFTS = "certificate_not_microsofts"
    TOO_MANY_CERTIFICATES = "too_many_certificates"
    SECRET_NOT_CONFIGURED = "secret_not_configured"  # noqa: S105 - a reason, not a secret
    SECRET_WRONG = "secret_wrong"  # noqa: S105 - a reason, not a secret
    MALFORMED = "malformed"
    TOO_LARGE = "too_large"
    TOO_SLOW = "too_slow"
    NOT_STORED = "not_stored"


ANSWERS: dict[Reason, tuple[int, str]] = {
    Reason.SIGNATURE_MISSING: (401, NOT_PROVEN),
    Reason.SIGNATURE_UNREADABLE: (401, NOT_PROVEN),
    Reason.SIGNATURE_WRONG: (401, NOT_PROVEN),
    Reason.ALGORITHM_MISSING: (400, "The header X-MS-Signature-Algorithm is missing."),
    Reason.ALGORITHM_REFUSED: (401, NOT_PROVEN),
    Reason.HEADER_REPEATED: (400, "A signature header is there more than once."),
    Reason.CERTIFICATE_URL_MISSING: (400, "The header X-MS-Certificate-Url is missing."),
    Reason.CERTIFICATE_URL_REFUSED: (401, NOT_PROVEN),
    Reason.CERTIFICATE_UNAVAILABLE: (401, NOT_PROVEN),
    Reason.CERTIFICATE_UNREADABLE: (401, NOT_PROVEN),
    Reason.CERTIFICATE_UNTRUSTED: (401, NOT_PROVEN),
    Reason.CERTIFICATE_NOT_VALID_NOW: (401, NOT_PROVEN),
    Reason.CERTIFICATE_NOT_MICROSOFTS: (401, NOT_PROVEN),
    Reason.TOO_MANY_CERTIFICATES: (401, NOT_PROVEN),
    Reason.SECRET_NOT_CONFIGURED: (401, NOT_PROVEN),
    Reason.SECRET_WRONG: (401, NOT_PROVEN),
    Reason.MALFORMED: (400, "The body is not what this address expects."),
    Reason.TOO_LARGE: (413, "The body is too large."),
    Reason.TOO_SLOW: (408, "The body took too long to arrive."),
    Reason.NOT_STORED: (503, "The hint cannot be stored now; send it again later."),
}


class Refused(Exception):
    """A request which is not taken; it never leaves the receiver but as an answer."""

    def __init__(self, reason: Reason) -> None:
        """Look up what to answer."""
        self.reason = reason
        self.status, self.message = ANSWERS[reason]
        super().__init__(reason.value)
