"""Requests and replies as the Web API sees them, apart from any web server, so that `$batch` can replay its parts."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from urllib.parse import unquote_plus

from cosell.emulators.dataverse.access import Actor
from cosell.emulators.dataverse.errors import DataverseError, bad_payload, bad_url
from cosell.emulators.json_bodies import parse_json

JSON_TYPE = "application/json; odata.metadata=minimal; odata.streaming=true; IEEE754Compatible=false"
ERROR_TYPE = "application/json; odata.metadata=minimal"
LARGEST_PAGE = 5000
_MOST_DIGITS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """What the `Prefer` header asks for."""

    representation: bool = False
    page_size: int | None = None
    annotations: tuple[str, ...] = ()
    track_changes: bool = False
    continue_on_error: bool = False

    def applied_to_reading(self) -> dict[str, str]:
        """Return the header that says which preferences shaped a read."""
        applied = ["odata.track-changes"] if self.track_changes else []
        if self.annotations:
            applied.append(f'odata.include-annotations="{",".join(self.annotations)}"')
        if self.page_size is not None:
            applied.append(f"odata.maxpagesize={self.page_size}")
        return {"Preference-Applied": ", ".join(applied)} if applied else {}

    def wants(self, annotation: str) -> bool:
        """Tell whether an annotation was asked for; `-name` excludes, `*` and `prefix.*` are wildcards."""
        wanted = False
        for pattern in self.annotations:
            name = pattern.removeprefix("-")
            if name in {"*", annotation} or (name.endswith(".*") and annotation.startswith(name[:-1])):
                wanted = not pattern.startswith("-")
        return wanted


@dataclass(slots=True, kw_only=True)
class Call:
    """One request: who asks what, and when.

    `root` ends with the version's slash; `path` is what follows it, percent-decoded. `content_ids` holds what the
    earlier parts of a change set created.
    """

    method: str
    root: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    actor: Actor
    now: datetime
    prefer: Preferences
    content_ids: dict[str, str] = field(default_factory=dict)
    in_change_set: bool = False

    def header(self, name: str) -> str:
        """Return a header's value, or nothing."""
        return self.headers.get(name, "")

    def option(self, name: str) -> str | None:
        """Return a system query option."""
        return self.query.get(name)


@dataclass(slots=True)
class Reply:
    """One answer; a dict body is written as JSON."""

    status: int
    body: object = None
    headers: dict[str, str] = field(default_factory=dict)
    media_type: str = JSON_TYPE

    def encoded(self) -> bytes:
        """Return the body's bytes."""
        if self.body is None:
            return b""
        if isinstance(self.body, bytes):
            return self.body
        return json.dumps(self.body, ensure_ascii=False, separators=(",", ":")).encode()


def parse_query(text: str) -> dict[str, str]:
    """Read a query string; `+` and `%20` are both a space. A name given twice is refused, as OData does."""
    found: dict[str, str] = {}
    for part in text.split("&"):
        if not part:
            continue
        name, _, value = part.partition("=")
        name = unquote_plus(name)
        if name in found and name.startswith("$"):
            raise bad_url(f"Query option '{name}' was specified more than once, but it must be specified at most once.")
        found[name] = unquote_plus(value)
    return found


def split_outside(text: str, separator: str) -> list[str]:
    """Split at a separator which stands outside quotes and brackets."""
    parts, depth, quote, start = [], 0, "", 0
    for at, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char in "([":
            depth += 1
        elif char in ")]":
            depth -= 1
        elif char == separator and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    parts.append(text[start:])
    return parts


def parse_prefer(header: str) -> Preferences:
    """Read a `Prefer` header; unknown preferences are ignored, as HTTP demands."""
    given: dict[str, str] = {}
    for part in split_outside(header, ","):
        name, _, value = part.strip().partition("=")
        given[name.strip().lower()] = value.strip().strip('"')
    annotations = given.get("odata.include-annotations", given.get("include-annotations", ""))
    return Preferences(
        representation=given.get("return") == "representation",
        page_size=_page_size(given.get("odata.maxpagesize", given.get("maxpagesize"))),
        annotations=tuple(name.strip() for name in annotations.split(",") if name.strip()),
        track_changes="odata.track-changes" in given or "track-changes" in given,
        continue_on_error="odata.continue-on-error" in given or "continue-on-error" in given,
    )


def _page_size(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS and int(text)):
        raise bad_url(f"The value '{text}' of the preference odata.maxpagesize is not valid.")
    return min(int(text), LARGEST_PAGE)


def read_json(call: Call, set_name: str) -> dict[str, object]:
    """Return the body as a JSON object, numbers with a point as Decimal."""
    kind = call.header("content-type").split(";")[0].strip().lower()
    if call.body and kind and kind != "application/json":
        message = (
            "A supported MIME type could not be found that matches the content type of the request. None of the "
            f"supported type(s) 'application/json' matches the content type '{kind}'."
        )
        raise DataverseError(status=415, code="0x80060888", message=message)
    if not call.body.strip():
        return {}
    try:
        body = parse_json(call.body, parse_float=Decimal)
    except ValueError as error:
        raise bad_payload(set_name, "Invalid JSON. The JSON text could not be read to its end.") from error
    if not isinstance(body, dict):
        raise bad_payload(set_name, "A node of type 'StartObject' was expected as the payload of the request.")
    return body
