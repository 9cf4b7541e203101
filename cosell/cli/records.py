"""Which record a person means: ids on the command line, whole ones of the services and beginnings of the ledger's."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

import typer

from cosell.domain.ids import OpportunityId, ReferralId, parse_guid
from cosell.errors import Origin, RecordNotFound, RequestRejected

SHORT = 8
"""Characters of a ledger's id which tables show; as many as are unique may be typed."""


def parse_id(text: str) -> str:
    """Return an id as both services spell it; anything else is wrong usage."""
    try:
        return parse_guid(text)
    except ValueError:
        raise typer.BadParameter("ids look like 11111111-2222-4333-8444-555555555555") from None


ReferralOption = Annotated[
    str | None, typer.Option("--referral", parser=parse_id, metavar="ID", help="A referral, by its id.")
]
OpportunityOption = Annotated[
    str | None, typer.Option("--opportunity", parser=parse_id, metavar="ID", help="An opportunity, by its id.")
]
RecordArgument = Annotated[
    str, typer.Argument(parser=parse_id, metavar="ID", help="A referral, an opportunity or a lead.")
]
AllOption = Annotated[bool, typer.Option("--all", help="All records.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The one record a command is about: a referral or an opportunity."""

    referral_id: ReferralId | None = None
    opportunity_id: OpportunityId | None = None

    @classmethod
    def of(cls, *, referral: str | None, opportunity: str | None) -> "Asked":
        """Return the record which was named; naming none or both is wrong usage."""
        if (referral is None) == (opportunity is None):
            raise typer.BadParameter("name one record, with --referral or with --opportunity")
        return cls(
            referral_id=ReferralId(referral) if referral else None,
            opportunity_id=OpportunityId(opportunity) if opportunity else None,
        )


def find_asked(*, referral: str | None, opportunity: str | None, everything: bool) -> Asked | None:
    """Return the record which was named, None for all of them; naming nothing or two things is wrong usage."""
    if [referral is not None, opportunity is not None, everything].count(True) != 1:
        raise typer.BadParameter("name one record, with --referral or with --opportunity, or --all")
    return None if everything else Asked.of(referral=referral, opportunity=opportunity)


def find_whole_id(beginning: str, known: Iterable[str], *, what: str) -> str:
    """Return the one id which begins like this.

    Raises:
        RecordNotFound: none does.
        RequestRejected: several do.
    """
    found = [item for item in known if item.startswith(beginning.strip().lower())]
    if not found:
        raise RecordNotFound(f"There is no such {what}, or it is not open any more.", origin=Origin(record=beginning))
    if len(found) > 1:
        raise RequestRejected(
            f"{len(found)} of them begin like this; type more of the id.", origin=Origin(record=beginning)
        )
    return found[0]
