"""What a person does about each error: shown in docs/errors.md, and beside the records in the Prefect UI."""

import re
from collections.abc import Mapping

WAYS_OUT: Mapping[str, str] = {
    "CosellError": "The failed task of the run tells what happened; report it. The record is tried again by itself.",
    "ConfigurationError": "A person mends what the text names, then starts it again.",
    "SettingsInvalid": "Set the variables which the text names ([settings](settings.md)), then `cosell doctor`.",
    "MappingInvalid": "Mend the place which the text names ([mappings](mappings.md)), then `cosell doctor`.",
    "FileInvalid": "Do with the file what the text says ([catalogue](solutions-catalogue.md)), then import it again.",
    "SchemaMissing": "`cosell crm check` names it; `cosell crm install` makes ours, or your mapping names another.",
    "CredentialsRejected": "Renew the secret or certificate of the application, then `cosell doctor`.",
    "SignInRequired": "A Referrals admin runs `cosell connect partner-center`; what waited goes on by itself.",
    "NotActivated": "`cosell activate`; `cosell status` shows where the chain stands.",
    "RetryableError": "Nothing: it is tried again by itself. If it lasts, `cosell doctor` tells which service is away.",
    "ServiceUnreachable": "If it lasts: network, proxy, `COSELL_CA_BUNDLE`, the service's status page.",
    "ServiceUnavailable": "If it lasts: the service's status page, with the request id of the text.",
    "Throttled": "The service's own waiting time is kept. If it happens often, something else uses up the same limits.",
    "LeaseHeld": "Whoever has the record finishes, or the lease runs out.",
    "ConflictError": "Nothing: both sides are read again and the plan is made anew.",
    "StaleEtag": "Somebody saved in between; the next look includes what they saved.",
    "AlreadyExists": "The record that is there is looked at instead of making a second one.",
    "RejectedError": "`cosell dead-letters` lists it: mend the record and try again, or dismiss it.",
    "RequestRejected": "Mend the field which the text names, in the system where it is edited.",
    "AccessDenied": "Give the account which the text names the missing role, then `cosell dead-letters retry`.",
    "RecordNotFound": "Deleted on purpose: dismiss the dead letter. Not deleted: give our account access to it.",
    "NotReady": "The seller fills in what the audit text lists; saving the opportunity tries again.",
    "UnsafePlan": "Look at it with `cosell plan`; when it is meant, do it with `cosell sync`.",
    "DeltaExpired": "Nothing: everything is read once, and a new delta link is kept.",
}


def find_way_out(cause: str) -> str:
    """Return what is done about errors of a class; empty when there is no such class. Links to pages are left out."""
    return re.sub(r"\s*\(\[[^]]*\]\([^)]*\)\)", "", WAYS_OUT.get(cause, ""))
