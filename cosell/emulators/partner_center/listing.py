"""Listings: the query options that are documented, pages with a continuation token, and the broken next link."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cosell.emulators import identities
from cosell.emulators.partner_center.answers import PartnerApiError
from cosell.emulators.partner_center.behaviour import Behaviour
from cosell.emulators.partner_center.filters import Filter, parsed_filter
from cosell.emulators.partner_center.referrals import rendered
from cosell.emulators.partner_center.shape import REFERRAL, Json
from cosell.emulators.world import Store

_OPTIONS = frozenset({"$select", "$filter", "$orderby", "$top", "$skip", "$count", "$expand", "$skiptoken"})
_LARGEST = 2**31 - 1
_ORDERS = {"createdDateTime": "created_at", "updatedDateTime": "updated_at"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What one page shows: the query, where the page before ended, and how many more `$top` allows."""

    filter_text: str = ""
    order: str = "createdDateTime"
    is_descending: bool = False
    select: tuple[str, ...] = ()
    is_counted: bool = False
    skip: int = 0
    left: int | None = None
    after: tuple[str, str] | None = None


class Listing:
    """Answers GET /engagements/referrals."""

    def __init__(self, store: Store, behaviour: Behaviour) -> None:
        """Read from the world's store."""
        self._store = store
        self._behaviour = behaviour

    def text(self, query: Mapping[str, str], *, origin: str, team_email: str | None) -> str:
        """Return the answer as JSON; raise `PartnerApiError` for a query the service does not take."""
        page = read_page(query)
        wanted = parsed_filter(page.filter_text) if page.filter_text else Filter()
        where, values = self._where(wanted, team_email)
        size = self._behaviour.page_size if page.left is None else min(page.left, self._behaviour.page_size)
        rows = self._rows(page, where, values, size + 1)
        shown, has_more = rows[:size], len(rows) > size
        left = None if page.left is None else page.left - len(shown)
        parts = [f'"@odata.context":{json.dumps(f"{origin}/v1.0/$metadata#Referrals")}']
        if page.is_counted:
            count = self._store.execute(f"SELECT count(*) FROM pc_referrals r WHERE {where}", values).fetchone()[0]
            parts.append(f'"@odata.count":{count}')
        texts = [rendered(row["document"], origin) for row in shown]
        if page.select:
            texts = [_selected(text, page.select) for text in texts]
        parts.append(f'"value":[{",".join(texts)}]')
        if has_more and left != 0:
            link = self._next_link(page, shown[-1], left, origin)
            parts.append(f'"@odata.nextLink":{json.dumps(link)}')
        return "{" + ",".join(parts) + "}"

    def _where(self, wanted: Filter, team_email: str | None) -> tuple[str, tuple[object, ...]]:
        sql, values = list(wanted.sql), list(wanted.values)
        if wanted.engagement_id is None and not self._behaviour.related_copies_in_lists:
            sql.insert(0, "r.organization_id = ?")
            values.insert(0, identities.ORGANIZATION_ID)
        if team_email:
            sql.append(
                "EXISTS (SELECT 1 FROM pc_referrals mine JOIN pc_team t ON t.referral_id = mine.id"
                " WHERE mine.engagement_id = r.engagement_id AND mine.organization_id = ? AND t.email = ?)"
            )
            values += [identities.ORGANIZATION_ID, team_email]
        return " AND ".join(sql) or "1", tuple(values)

    def _rows(self, page: Page, where: str, values: tuple[object, ...], limit: int) -> list[Any]:
        column, direction = _ORDERS[page.order], "DESC" if page.is_descending else "ASC"
        if page.after:
            where += f" AND (r.{column}, r.id) {'<' if page.is_descending else '>'} (?, ?)"
            values += page.after
        return self._store.execute(
            f"SELECT r.id, r.{column} AS moment, r.document FROM pc_referrals r WHERE {where}"
            f" ORDER BY r.{column} {direction}, r.id {direction} LIMIT ? OFFSET ?",
            (*values, limit, page.skip),
        ).fetchall()

    def _next_link(self, page: Page, last: Json, left: int | None, origin: str) -> str:
        state = [
            page.filter_text,
            page.order,
            page.is_descending,
            page.select,
            page.is_counted,
            left,
            [last["moment"], last["id"]],
        ]
        token = base64.urlsafe_b64encode(json.dumps(state).encode()).decode().rstrip("=")
        if self._behaviour.next_link == "correct":
            return f"{origin}/v1.0/engagements/referrals?$skiptoken={token}"
        # As documented: plain http, and `/engagements` missing from the path.
        return f"http://{origin.partition('://')[2]}/v1.0/referrals?$skiptoken={token}"


def read_page(query: Mapping[str, str]) -> Page:
    """Read the query options of a listing."""
    for name in query:
        if name.startswith("$") and name not in _OPTIONS:
            raise _wrong(name, "is not supported")
    if "$skiptoken" in query:
        return _continued(query)
    order, is_descending = _order(query.get("$orderby", ""))
    return Page(
        filter_text=query.get("$filter", "").strip(),
        order=order,
        is_descending=is_descending,
        select=_select(query.get("$select", "")),
        is_counted=_flag(query.get("$count", "false")),
        skip=_number(query, "$skip") or 0,
        left=_number(query, "$top"),
    )


def _continued(query: Mapping[str, str]) -> Page:
    if any(name in query for name in _OPTIONS - {"$skiptoken"}):
        raise _wrong("$skiptoken", "stands alone; the other options are inside it")
    token = query["$skiptoken"]
    try:
        state = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        text, order, is_descending, select, is_counted, left, after = state
        moment, last_id = after
        _ = _ORDERS[order]
        is_ours = all(isinstance(each, str) for each in (text, moment, last_id, *select))
        is_ours &= left is None or (isinstance(left, int) and 0 < left <= _LARGEST)
    except (ValueError, TypeError, KeyError, RecursionError, binascii.Error):
        is_ours = False
    if not is_ours:
        raise _wrong("$skiptoken", "is not one of ours")
    return Page(
        filter_text=text,
        order=order,
        is_descending=is_descending,
        select=tuple(select),
        is_counted=is_counted,
        left=left,
        after=(moment, last_id),
    )


def _order(text: str) -> tuple[str, bool]:
    parts = text.split()
    if not parts:
        return "createdDateTime", False
    name, direction = parts[0], parts[1] if len(parts) > 1 else "asc"
    if len(parts) > 2 or name not in _ORDERS or direction not in {"asc", "desc"}:
        raise _wrong("$orderby", "takes createdDateTime or updatedDateTime, asc or desc")
    return name, direction == "desc"


def _select(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        if name.partition("/")[0] not in REFERRAL and name != "links":
            raise _wrong("$select", f"knows no property '{name}'")
    return tuple(name.partition("/")[0] for name in names)


def _flag(text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise _wrong("$count", "takes true or false")
    return text.lower() == "true"


def _number(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(_LARGEST)) and int(text) <= _LARGEST):
        raise _wrong(name, "takes a number, zero or more")
    return int(text)


def _selected(text: str, names: tuple[str, ...]) -> str:
    document = json.loads(text)
    return json.dumps({name: document[name] for name in names if name in document}, ensure_ascii=False)


def _wrong(option: str, why: str) -> PartnerApiError:
    message = f"The query specified in the URI is not valid: {option} {why}."
    return PartnerApiError(400, "invalidRequest", message, target=option)
