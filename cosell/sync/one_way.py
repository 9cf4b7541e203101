"""What cannot be taken back: the seller is told before it is sent, and told again when it is. Pure."""

from collections.abc import Iterable

from cosell.domain.ids import Side
from cosell.sync.plan import Change, Note

VISIBILITY_FIELD = "visibility"


MADE_VISIBLE, ASKED = "made visible to Microsoft's sellers", "sent with a call for help"


def stays_private(what: str) -> str:
    """Return what is said when test mode keeps a deal from Microsoft."""
    return f"Test mode: a test deal stays private, so it was not {what}. Share it from an installation without it."


def private_note(event: str) -> Note:
    """Return what is said when a deal is shared which Microsoft's sellers do not see."""
    return Note(
        key=f"{event}private",
        text="Microsoft's sellers do not see it. Making it visible to them and asking Microsoft for help are choices "
        "which cannot be taken back once they are sent.",
    )


def visible_note(event: str) -> Note:
    """Return what is said when a deal becomes visible."""
    return Note(key=f"{event}visible", text="Microsoft's sellers see this deal from now on; that cannot be taken back.")


def asked_note(event: str) -> Note:
    """Return what is said when Microsoft is asked for help."""
    return Note(
        key=f"{event}asked",
        text="How Microsoft can help was sent with the invitation; that cannot be changed any more.",
    )


def find_sent_note(changes: Iterable[Change], *, event: str) -> Note | None:
    """Return what is said about the changes which open a door to Partner Center for good; None when there is none."""
    opens = any(
        change.side is Side.PARTNER_CENTER and change.field == VISIBILITY_FIELD and change.new is True
        for change in changes
    )
    return visible_note(event) if opens else None
