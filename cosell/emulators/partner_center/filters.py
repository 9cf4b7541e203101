"""The `$filter` of a listing, as far as it is documented: `eq` on seven members, `team/any(…)`, `and`, parentheses.

The engagement's GUID is taken quoted (as documented) and bare (as the service's own links have it).
"""

import re
from dataclasses import dataclass

from cosell.emulators.partner_center import facts
from cosell.emulators.partner_center.answers import PartnerApiError

_TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<mark>[(),:])|(?P<word>[^\s'(),:]+))")
# Beyond so many words and marks no filter is read, as OData services do; far more than the documented filters need.
_MOST_TOKENS = 400
_GUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_COLUMNS = {
    "engagementId": "engagement_id",
    "status": "status",
    "substatus": "substatus",
    "qualification": "qualification",
    "type": "type",
    "direction": "direction",
    "customerProfile/address/country": "country",
}
_ENUMS = {
    "status": frozenset(facts.STATUS_MOVES) | {"None"},
    "substatus": facts.ALL_SUBSTATUS,
    "qualification": facts.QUALIFICATIONS,
    "type": facts.TYPES,
    "direction": facts.DIRECTIONS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Conditions in SQL with the values to bind; `engagement_id` when one was asked for."""

    sql: tuple[str, ...] = ()
    values: tuple[object, ...] = ()
    engagement_id: str | None = None


def parsed_filter(text: str) -> Filter:
    """Return what a `$filter` asks for; raise a 400 for what the service does not know."""
    reader = _Reader(text)
    reader.conditions()
    if reader.peek() is not None:
        raise _cannot(f"unexpected '{reader.peek()}'")
    return Filter(sql=tuple(reader.sql), values=tuple(reader.values), engagement_id=reader.engagement_id)


class _Reader:
    """Reads a filter from left to right."""

    def __init__(self, text: str) -> None:
        self._tokens: list[str] = []
        position = 0
        text = text.strip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                raise _cannot("an apostrophe is not closed")
            self._tokens.append(match.group().strip())
            position = match.end()
        if len(self._tokens) > _MOST_TOKENS:
            raise _cannot("it is too long")
        self._at = 0
        self.sql: list[str] = []
        self.values: list[object] = []
        self.engagement_id: str | None = None

    def peek(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _next(self) -> str:
        token = self.peek()
        if token is None:
            raise _cannot("it ends too early")
        self._at += 1
        return token

    def _expect(self, *wanted: str) -> None:
        for each in wanted:
            if (token := self._next()) != each:
                raise _cannot(f"'{each}' expected instead of '{token}'")

    def conditions(self) -> None:
        self._condition()
        while self.peek() == "and":
            self._next()
            self._condition()

    def _condition(self) -> None:
        word = self._next()
        if word == "(":
            self.conditions()
            self._expect(")")
        elif word == "team/any":
            self._team()
        elif word in _COLUMNS:
            self._expect("eq")
            self._equals(word, self._next())
        else:
            raise _cannot(f"the property '{word}' cannot be filtered")

    def _team(self) -> None:
        self._expect("(")
        name = self._next()
        self._expect(":", f"{name}/email", "eq")
        email = _quoted(self._next())
        self._expect(")")
        self.sql.append("EXISTS (SELECT 1 FROM pc_team t WHERE t.referral_id = r.id AND t.email = ?)")
        self.values.append(email)

    def _equals(self, name: str, literal: str) -> None:
        if name == "engagementId":
            bare = _quoted(literal) if literal.startswith("'") else literal
            if not _GUID.fullmatch(bare):
                raise _cannot("engagementId is not a GUID")
            self.engagement_id = bare.lower()
            value = self.engagement_id
        else:
            value = _quoted(literal)
            if name in _ENUMS and value not in _ENUMS[name]:
                raise _cannot(f"'{name}' has no value '{value}'")
        self.sql.append(f"r.{_COLUMNS[name]} = ?")
        self.values.append(value)


def _quoted(literal: str) -> str:
    if not literal.startswith("'"):
        raise _cannot(f"'{literal}' must be quoted")
    return literal[1:-1].replace("''", "'")


def _cannot(why: str) -> PartnerApiError:
    return PartnerApiError(
        400, "invalidRequest", f"The query specified in the URI is not valid: {why}.", target="$filter"
    )
