"""The paging cookie: where a page ended, told so that rows added or removed meanwhile shift nothing."""

import json
import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from cosell.emulators.dataverse.errors import bad_url

COOKIE = re.compile(r'^<cookie pagenumber="(\d+)" pagingcookie="([^"]*)" istracking="(True|False)" />$')
ELEMENT = re.compile(r'<([\w./]+) last="([^"]*)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Cookie:
    """The place behind which the next page starts: the last row's sort values and its id."""

    page: int
    last_id: str
    keys: tuple[object, ...] = ()
    tracking: bool = False


def write_cookie(cookie: Cookie, *, primary_id: str, names: list[str]) -> str:
    """Return a `$skiptoken` in the service's form, the inner cookie percent-encoded twice."""
    parts = [
        f'<{name} last="{quote(json.dumps(value), safe="")}" />' for name, value in zip(names, cookie.keys, strict=True)
    ]
    parts.append(f'<{primary_id} last="{quote("{" + cookie.last_id + "}", safe="")}" />')
    inner = f'<cookie page="{cookie.page - 1}">{"".join(parts)}</cookie>'
    encoded = quote(quote(inner, safe=""), safe="")
    return f'<cookie pagenumber="{cookie.page}" pagingcookie="{encoded}" istracking="{cookie.tracking}" />'


def read_cookie(text: str) -> Cookie:
    """Read a `$skiptoken`; anything that we did not write is refused."""
    match = COOKIE.match(text)
    if match is None:
        raise bad_url("Malformed XML in the Paging Cookie")
    found = ELEMENT.findall(unquote(unquote(match.group(2))))
    if not found:
        raise bad_url("Malformed XML in the Paging Cookie")
    try:
        page = int(match.group(1))
        keys = tuple(json.loads(unquote(value)) for _, value in found[:-1])
    except ValueError as error:
        raise bad_url("Malformed XML in the Paging Cookie") from error
    return Cookie(
        page=page,
        last_id=unquote(found[-1][1]).strip("{}"),
        keys=keys,
        tracking=match.group(3) == "True",
    )
