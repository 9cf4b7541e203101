"""The services' error codes that mean something to us, each with the error it becomes and a sentence of our own.

Sources: Microsoft, Partner Center REST error codes; Microsoft, Dataverse Web service error codes and Service protection
API limits. Codes are compared in lower case, for the services do not agree with themselves on it. Where a code means
something else with one HTTP status, that status stands before it.
"""

from typing import NamedTuple

from cosell import errors
from cosell.errors import CosellError


class KnownCode(NamedTuple):
    """What a code becomes; `sentence` may name {service} and {setting} (the setting with the service's address)."""

    error: type[CosellError]
    sentence: str


_MOVED = KnownCode(errors.StaleEtag, "the record in {service} moved since it was read; it has to be read again")
_GONE = KnownCode(errors.RecordNotFound, "{service} has no such record, or does not let us see it")
_EXISTS = KnownCode(errors.AlreadyExists, "{service} has a record with this key already")
_LATER = KnownCode(errors.ServiceUnavailable, "{service} cannot answer now; it will be tried again")
_SLOWER = KnownCode(errors.Throttled, "{service} asks us to slow down")
_ROLE = KnownCode(errors.AccessDenied, "{service} does not allow this; look at the roles of the user we act as")
_COLUMN = KnownCode(
    errors.RequestRejected, "{service} does not know a column or relation that was named; run `cosell doctor`"
)
_TABLE = KnownCode(errors.SchemaMissing, "{service} has no such table or action; run `cosell doctor`")

KNOWN_CODES: dict[str, KnownCode] = {
    # Partner API and Partner Center API
    "resourcemodified": _MOVED,
    "preconditionfailed": _MOVED,
    "2055": _MOVED,
    "itemnotfound": _GONE,
    "1000": _GONE,
    "accessdenied": KnownCode(
        errors.AccessDenied, "{service} does not allow this; the person who signed in has to be a Referrals admin"
    ),
    "servicenotavailable": _LATER,
    "900420": KnownCode(
        errors.CredentialsRejected, "{service} got a token that is meant for another service; check {setting}"
    ),
    # Dataverse: the row
    "0x80060882": _MOVED,
    "0x80040515": KnownCode(errors.StaleEtag, "the opportunity was closed in the meantime; it has to be read again"),
    "0x8004051a": KnownCode(errors.StaleEtag, "the opportunity was reopened in the meantime; it has to be read again"),
    "0x80040519": KnownCode(errors.StaleEtag, "the lead was qualified in the meantime; it has to be read again"),
    "0x80040217": _GONE,
    "0x80060891": _GONE,
    "0x80040237": _EXISTS,
    "0x80060892": _EXISTS,
    "0x80040333": KnownCode(errors.AlreadyExists, "{service} has a rule that takes this for a duplicate"),
    # Dataverse: what was sent
    "0x80048d19": _COLUMN,
    "0x80060888": _COLUMN,
    "0x80044331": KnownCode(errors.RequestRejected, "a text is longer than its column in {service} allows"),
    "0x8004431a": KnownCode(errors.RequestRejected, "a choice column in {service} does not have the option sent"),
    "0x80044330": KnownCode(errors.RequestRejected, "a number is out of the range of its column in {service}"),
    "0x80048408": KnownCode(errors.RequestRejected, "this status reason does not belong to this state in {service}"),
    "0x80040516": KnownCode(errors.RequestRejected, "the opportunity cannot be closed as it is in {service}"),
    "0x80100005": KnownCode(errors.RequestRejected, "{service} closes opportunities by its own actions only"),
    "0x80040265": KnownCode(errors.RequestRejected, "a plug-in of the customer in {service} stopped the write"),
    "0x80048479": KnownCode(
        errors.RequestRejected, "{service} keeps the currency, because products or quotes hang on this opportunity"
    ),
    # Dataverse: who sent it
    "0x80040220": _ROLE,
    "0x80042f09": _ROLE,
    "0x80048306": _ROLE,
    # Dataverse: how it is set up
    "0x8006088a": _TABLE,
    "404 0x80060888": _TABLE,
    "0x80060890": KnownCode(
        errors.SchemaMissing, "an alternate key in {service} is missing or not active yet; run `cosell doctor`"
    ),
    "0x80072491": KnownCode(
        errors.SchemaMissing, "change tracking is switched off for this table in {service}; run `cosell doctor`"
    ),
    "0x80044352": KnownCode(
        errors.DeltaExpired, "{service} no longer knows our delta link; everything has to be read once"
    ),
    # Dataverse: how it is doing
    "0x80071151": KnownCode(
        errors.ServiceUnavailable, "{service} is busy with another customization; it will be tried again"
    ),
    "0x80072321": _SLOWER,
    "0x80072322": _SLOWER,
    "0x80072326": _SLOWER,
    "0x80044150": _LATER,
    "0x80044151": _LATER,
    "0x80040216": _LATER,
}
