"""docs/errors.md, from the error tree of cosell/errors.py; what to do about each error is said here."""

from collections.abc import Iterator, Mapping
from inspect import getdoc

from cosell.errors import CosellError
from tools.docs.markdown import NOTICE, to_code, to_table

_SOURCE = "cosell/errors.py and tools/docs/errors_page.py"

WAYS_OUT: Mapping[str, str] = {
    "CosellError": "See its group below.",
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

_INTRODUCTION = """\
# Errors

Errors are grouped by what is done about them: *configuration* waits for a person, *retryable* is tried again later,
*conflict* is planned anew at once, *rejected* becomes a dead letter. Every text says which record, which field and the
service's request id where there is one, and never a value of a customer.

```text
"""


def iter_errors(root: type[CosellError] = CosellError, depth: int = 0) -> Iterator[tuple[int, type[CosellError]]]:
    """Yield the error tree from its root, each class with its depth, in the order of the source."""
    yield depth, root
    for child in root.__subclasses__():
        if child.__module__ == CosellError.__module__:
            yield from iter_errors(child, depth + 1)


def render_page() -> str:
    """Return docs/errors.md."""
    parts = [NOTICE.format(source=_SOURCE), _INTRODUCTION]
    parts += [f"{'  ' * depth}{error.__name__}\n" for depth, error in iter_errors()]
    parts.append("```\n")
    for group in CosellError.__subclasses__():
        parts.append(f"\n## {group.__name__}\n\n{_explain(group)}\n\nWay out: {WAYS_OUT[group.__name__]}\n")
        leaves = [error for _, error in iter_errors(group) if error is not group]
        rows = [(to_code(leaf.__name__), _explain(leaf), WAYS_OUT[leaf.__name__]) for leaf in leaves]
        if rows:
            parts.append("\n" + to_table(("Error", "Cause", "Way out"), rows))
    return "".join(parts)


def _explain(error: type[CosellError]) -> str:
    return (getdoc(error) or "").replace("\n", " ")
