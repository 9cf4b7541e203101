"""Change tracking: delta links that tell what changed in a table (Microsoft: Use change tracking).

A token is `version!moment`. Deltas count by versions; the moment only decides when the token is too old.
"""

from datetime import UTC, datetime, timedelta
from itertools import islice

from cosell.emulators.dataverse.environment import Environment
from cosell.emulators.dataverse.errors import bad_url, business
from cosell.emulators.dataverse.http import LARGEST_PAGE, Call
from cosell.emulators.dataverse.listing import Listing
from cosell.emulators.dataverse.metadata import Table
from cosell.emulators.dataverse.paging import Cookie, read_cookie, write_cookie
from cosell.emulators.dataverse.query_options import parse_select, with_companions
from cosell.emulators.dataverse.rows import Row

NOT_WITH_TRACKING = ("$filter", "$orderby", "$expand", "$top")
MOMENT = "%m/%d/%Y %H:%M:%S"
DEFAULT_DAYS = 7


class ChangeTracking:
    """Answer tracked reads of one request."""

    def __init__(self, env: Environment, call: Call) -> None:
        self._env = env
        self._call = call
        self._listing = Listing(env, call)

    def page(self, table: Table) -> dict[str, object]:
        """Return the first read, or what changed since the delta token."""
        self._check(table)
        token = self._call.option("$deltatoken")
        if token is None:
            return self._first_read(table)
        return self._delta(table, self._since(table, token))

    def count(self, table: Table) -> int:
        """Return the number of changes since the delta token."""
        self._check(table)
        since = self._since(table, str(self._call.option("$deltatoken")))
        until = self._env.rows.version
        changed = sum(1 for _ in self._env.rows.changed(table.logical, since, until))
        return changed + len(self._env.rows.deleted(table.logical, since, until))

    def _check(self, table: Table) -> None:
        for name in NOT_WITH_TRACKING:
            if self._call.option(name) is not None:
                raise bad_url(f'The "{name}" query parameter isn\'t supported when Change Tracking is enabled.')
        if not table.change_tracking:
            raise business("0x80072491", f"Entity {table.logical} isn't enabled for change tracking.")
        self._env.access.require_organization_read(self._call.actor, table)

    def _first_read(self, table: Table) -> dict[str, object]:
        token = self._call.option("$skiptoken")
        cookie = read_cookie(token) if token else None
        # The token is that of the moment the first page was read: what moves while paging shows in the next delta.
        version = int(cookie.keys[0]) if cookie else self._env.rows.version  # type: ignore[call-overload]
        size = self._call.prefer.page_size or LARGEST_PAGE
        found = list(islice(self._env.rows.scan(table.logical, cookie.last_id if cookie else ""), size + 1))
        body = self._head(table, suffix="")
        rows = found[:size]
        if len(found) > size:
            following = Cookie(
                page=(cookie.page if cookie else 1) + 1, last_id=rows[-1].id, keys=(version,), tracking=True
            )
            body["@odata.nextLink"] = self._next(table, following)
        else:
            body["@odata.deltaLink"] = self._listing.link(deltatoken=self._token(version))
        return body | {"value": self._shaped(table, rows)}

    def _delta(self, table: Table, since: int) -> dict[str, object]:
        token = self._call.option("$skiptoken")
        cookie = read_cookie(token) if token else None
        until, after, deleting = self._place(cookie, since)
        size = self._call.prefer.page_size or LARGEST_PAGE
        rows = [] if deleting else list(islice(self._env.rows.changed(table.logical, after, until), size + 1))
        gone = self._env.rows.deleted(table.logical, after if deleting else since, until)[: size + 1 - len(rows)]
        page = (cookie.page if cookie else 1) + 1
        body = self._head(table, suffix="/$delta")
        following = None
        if len(rows) > size:
            rows, gone = rows[:size], []
            following = Cookie(page=page, last_id=rows[-1].id, keys=(until, rows[-1].version, 0), tracking=True)
        elif len(rows) + len(gone) > size:
            gone = gone[: size - len(rows)]
            last = gone[-1][0] if gone else since
            following = Cookie(page=page, last_id="", keys=(until, last, 1), tracking=True)
        if following:
            body["@odata.nextLink"] = self._next(table, following)
        else:
            body["@odata.deltaLink"] = self._listing.link(deltatoken=self._token(until))
        context = f"{self._call.root}$metadata#{table.set_name}/$deletedEntity"
        entries = [{"@odata.context": context, "id": row_id, "reason": "deleted"} for _, row_id in gone]
        return body | {"value": [*self._shaped(table, rows), *entries]}

    def _place(self, cookie: Cookie | None, since: int) -> tuple[int, int, bool]:
        """Return until which version, from behind which one, and whether only deletions are left."""
        if cookie is None:
            return self._env.rows.version, since, False
        until, after, deleting = (int(key) for key in cookie.keys)  # type: ignore[call-overload]
        return until, after, bool(deleting)

    def _head(self, table: Table, *, suffix: str) -> dict[str, object]:
        _, names = parse_select(self._env.schema, table, self._call.option("$select"))
        return {"@odata.context": self._listing.context(table, names, []) + suffix}

    def _next(self, table: Table, cookie: Cookie) -> str:
        names = [f"version{at}" for at in range(len(cookie.keys))]
        text = write_cookie(cookie, primary_id=table.primary_id, names=names)
        return self._listing.link(skiptoken=text, deltatoken=self._call.option("$deltatoken"))

    def _shaped(self, table: Table, rows: list[Row]) -> list[dict[str, object]]:
        select, _ = parse_select(self._env.schema, table, self._call.option("$select"))
        columns = with_companions(table, select)
        return [self._listing.shape(row, columns, []) for row in rows]

    def _token(self, version: int) -> str:
        return f"{version}!{self._call.now.strftime(MOMENT)}"

    def _since(self, table: Table, token: str) -> int:
        version_text, _, moment_text = token.partition("!")
        try:
            version = int(version_text)
            moment = datetime.strptime(moment_text, MOMENT).replace(tzinfo=UTC)
        except ValueError as error:
            raise bad_url("The delta token is not valid.") from error
        if self._is_expired(table, version, moment):
            raise business(
                "0x80044352",
                "Version stamp associated with the client has expired. Please perform a full sync.",
                status=self._env.knobs.expired_status,
            )
        return version

    def _is_expired(self, table: Table, version: int, moment: datetime) -> bool:
        knobs = self._env.knobs
        if version > self._env.rows.version or version < table.schema_version:
            return True
        if knobs.expire_changes_after is not None and self._env.rows.version - version > knobs.expire_changes_after:
            return True
        if knobs.expire_changes_seconds is not None:
            age = timedelta(seconds=knobs.expire_changes_seconds)
        else:
            age = timedelta(days=self._retention_days())
        return self._call.now - moment > age

    def _retention_days(self) -> int:
        organization = next(self._env.rows.scan("organization"), None)
        days = organization.data.get("expirechangetrackingindays") if organization else None
        return DEFAULT_DAYS if days is None else int(days)  # type: ignore[call-overload]
