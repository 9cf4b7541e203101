"""Answer a query over a table: filter, order, page, expand, count."""

from collections.abc import Callable, Iterable, Iterator
from functools import cmp_to_key
from heapq import nsmallest
from itertools import islice
from urllib.parse import quote

from cosell.emulators.dataverse.collation import fold_value
from cosell.emulators.dataverse.environment import Environment
from cosell.emulators.dataverse.errors import bad_url
from cosell.emulators.dataverse.filter_compile import FilterCompiler, RowTest
from cosell.emulators.dataverse.filter_parser import Node, Path, parse_filter
from cosell.emulators.dataverse.filter_plan import Planner
from cosell.emulators.dataverse.http import LARGEST_PAGE, Call
from cosell.emulators.dataverse.metadata import Column, Table
from cosell.emulators.dataverse.paging import Cookie, read_cookie, write_cookie
from cosell.emulators.dataverse.query_options import (
    Expansion,
    Order,
    parse_expand,
    parse_order,
    parse_select,
    parse_top,
    with_companions,
)
from cosell.emulators.dataverse.rows import Row
from cosell.emulators.dataverse.shaping import Shaper
from cosell.emulators.dataverse.sql_query import parse_select_statement

COUNT_CAP = 5000
NEVER_NULL = frozenset({"createdon", "modifiedon"})
Getter = Callable[[Row], object]
Sortable = tuple[tuple[object, ...], str, Row | None]


class Listing:
    """Answer queries of one request."""

    def __init__(self, env: Environment, call: Call) -> None:
        self._env = env
        self._call = call
        self._shaper = Shaper(env.schema, env.rows, env.relations, call)
        self._compiler = FilterCompiler(
            env.schema,
            env.relations,
            now=call.now,
            user_id=call.actor.user_id,
            business_unit_id=call.actor.business_unit_id,
        )

    def page(self, table: Table, source: list[Row] | None = None) -> dict[str, object]:
        """Return one page of a table, or of the rows given as `source`."""
        call = self._call
        select, names = parse_select(self._env.schema, table, call.option("$select"))
        expand = parse_expand(self._env.schema, table, call.option("$expand"))
        orders = parse_order(call.option("$orderby"))
        top = parse_top(call.option("$top"))
        getters = [self._compiler.resolve(Path(order.path), table)[1] for order in orders]
        token = call.option("$skiptoken")
        cookie = read_cookie(token) if token else None
        size = call.prefer.page_size or min(LARGEST_PAGE, top if top is not None else LARGEST_PAGE)
        chosen = self._page_rows(table, source, orders, getters, cookie, size + 1) if size else []
        body: dict[str, object] = {"@odata.context": self.context(table, names, expand)}
        self._add_count(body, table, source)
        rows, more = chosen[:size], len(chosen) > size
        body["value"] = [self.shape(row, with_companions(table, select), expand) for row in rows]
        exhausted = top is not None and call.prefer.page_size is None and size == top
        if more and not exhausted:
            last = rows[-1]
            following = Cookie(
                page=(cookie.page if cookie else 1) + 1,
                last_id=last.id,
                keys=tuple(fold_value(get(last)) for get in getters),
            )
            names_of_keys = ["/".join(order.path) for order in orders]
            body["@odata.nextLink"] = self.link(
                skiptoken=write_cookie(following, primary_id=table.primary_id, names=names_of_keys)
            )
        return body

    def _page_rows(
        self,
        table: Table,
        source: list[Row] | None,
        orders: list[Order],
        getters: list[Getter],
        cookie: Cookie | None,
        size: int,
    ) -> list[Row]:
        """Return the next rows: walked in order where an index holds the order, sorted otherwise."""
        if orders and source is None and self._is_indexed_order(table, orders):
            after = (cookie.keys[0], cookie.last_id) if cookie else None
            ordered = self._env.rows.scan_by(table.logical, orders[0].path[0], after, descending=orders[0].descending)
            return list(islice(self._passing(table, ordered, self._filter_node()), size))
        matches = self._matches(table, source, cookie if not orders else None)
        return self._choose(matches, orders, getters, cookie, size)

    def _is_indexed_order(self, table: Table, orders: list[Order]) -> bool:
        """Tell whether rows can be walked in this order, which the key as last word does not change."""
        rest = [order for order in orders[1:] if order.path != (table.primary_id,) or order.descending]
        if rest or orders[0].path[0] not in NEVER_NULL or len(orders[0].path) > 1:
            return False
        node = self._filter_node()
        return Planner(self._env.schema, self._env.rows, table).candidates(node) is None

    def count(self, table: Table, source: list[Row] | None = None) -> int:
        """Return the number of matching rows, up to the service's cap."""
        return sum(1 for _ in islice(self._matches(table, source, None), COUNT_CAP))

    def shape(self, row: Row, columns: list[Column], expand: list[Expansion]) -> dict[str, object]:
        """Return a row as JSON with its expansions."""
        out = self._shaper.shape(row, columns)
        for expansion in expand:
            self._expand(out, row, expansion)
        return out

    def sql(self, table: Table, text: str) -> dict[str, object]:
        """Return what a SELECT over a table finds."""
        named, select = parse_select_statement(text, self._env.schema.tables)
        if named.logical != table.logical:
            raise bad_url(f"The SQL statement does not read from '{table.logical}'.")
        getters = [self._compiler.resolve(Path(order.path), table)[1] for order in select.orders]
        rows = list(self._passing(table, self._rows(table, None, select.where, ""), select.where))
        chosen = self._choose(rows, select.orders, getters, None, len(rows))
        shaped = [self.shape(row, select.columns, []) for row in chosen]
        if select.is_distinct:
            bare = [{name: value for name, value in one.items() if name != "@odata.etag"} for one in shaped]
            shaped = [one for at, one in enumerate(bare) if one not in bare[:at]]
        names = [column.property_name for column in select.columns]
        return {"@odata.context": self.context(table, names, []), "value": shaped[: select.top or LARGEST_PAGE]}

    def single(self, row: Row, *, expanding: bool = True) -> dict[str, object]:
        """Return one row as the body of a reply."""
        table = self._env.schema.tables[row.table]
        select, names = parse_select(self._env.schema, table, self._call.option("$select"))
        expand = parse_expand(self._env.schema, table, self._call.option("$expand")) if expanding else []
        body: dict[str, object] = {"@odata.context": f"{self.context(table, names, expand)}/$entity"}
        return body | self.shape(row, with_companions(table, select), expand)

    def context(self, table: Table, names: list[str], expand: list[Expansion]) -> str:
        """Return the context URL of a set with its selection."""
        inner = [*names, *(expansion.context for expansion in expand)]
        shown = f"({','.join(inner)})" if inner else ""
        return f"{self._call.root}$metadata#{table.set_name}{shown}"

    def link(self, *, skiptoken: str | None = None, deltatoken: str | None = None) -> str:
        """Return a link to more of the same query."""
        options = {k: v for k, v in self._call.query.items() if k not in {"$skiptoken", "$deltatoken"}}
        if skiptoken is not None:
            options["$skiptoken"] = skiptoken
        if deltatoken is not None:
            options["$deltatoken"] = deltatoken
        text = "&".join(f"{quote(k, safe='$@')}={quote(v, safe='(),')}" for k, v in options.items())
        return f"{self._call.root}{quote(self._call.path, safe='()/,=$')}?{text}"

    def _add_count(self, body: dict[str, object], table: Table, source: list[Row] | None) -> None:
        total = self.count(table, source) if self._call.option("$count") == "true" else None
        wants = self._call.prefer.wants
        if wants("Microsoft.Dynamics.CRM.totalrecordcount"):
            body["@Microsoft.Dynamics.CRM.totalrecordcount"] = -1 if total is None else total
        if wants("Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"):
            body["@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"] = total == COUNT_CAP
        if wants("Microsoft.Dynamics.CRM.globalmetadataversion"):
            body["@Microsoft.Dynamics.CRM.globalmetadataversion"] = str(self._env.schema.generation)
        if total is not None:
            body["@odata.count"] = total

    def _matches(self, table: Table, source: list[Row] | None, cookie: Cookie | None) -> Iterator[Row]:
        """Yield the rows that pass the filter, in the order of their ids, from behind the cookie on."""
        node = self._filter_node()
        return self._passing(table, self._rows(table, source, node, cookie.last_id if cookie else ""), node)

    def _passing(self, table: Table, rows: Iterable[Row], node: Node | None) -> Iterator[Row]:
        """Yield the rows that pass a filter and that the caller may see."""
        test = self._compiler.compile(node, table) if node else None
        if not self._env.access.sees_all(self._call.actor, table):
            rows = (row for row in rows if row.data.get("ownerid") == self._call.actor.user_id)
        return filter(test, rows) if test else iter(rows)

    def _filter_node(self) -> Node | None:
        text = self._call.option("$filter")
        aliases = {name: value for name, value in self._call.query.items() if name.startswith("@")}
        return parse_filter(text, aliases) if text is not None else None

    def _rows(self, table: Table, source: list[Row] | None, node: Node | None, after: str) -> Iterable[Row]:
        if source is not None:
            return (row for row in sorted(source, key=lambda row: row.id) if row.id > after)
        candidates = Planner(self._env.schema, self._env.rows, table).candidates(node)
        if candidates is None:
            return self._env.rows.scan(table.logical, after)
        found = (self._env.rows.get(table.logical, row_id) for row_id in candidates if row_id > after)
        return (row for row in found if row)

    def _choose(
        self, rows: Iterable[Row], orders: list[Order], getters: list[Getter], cookie: Cookie | None, size: int
    ) -> list[Row]:
        if not orders:
            return list(islice(rows, size))
        descending = [order.descending for order in orders]
        keyed: list[Sortable] = [(tuple(fold_value(get(row)) for get in getters), row.id, row) for row in rows]
        compare = _comparison(descending)
        if cookie is not None:
            anchor: Sortable = (cookie.keys, cookie.last_id, None)
            keyed = [one for one in keyed if compare(one, anchor) > 0]
        key = cmp_to_key(compare)
        best = nsmallest(size, keyed, key=key) if size < len(keyed) // 4 else sorted(keyed, key=key)[:size]
        return [row for _, _, row in best if row]

    def _expand(self, out: dict[str, object], row: Row, expansion: Expansion) -> None:
        navigation = expansion.navigation
        if not navigation.is_collection:
            related = self._env.relations.one(row, navigation)
            shown = None
            if related is not None:
                table = self._env.schema.tables[related.table]
                columns = (
                    expansion.select if related.table == expansion.table.logical else [table.columns[table.primary_id]]
                )
                shown = self.shape(related, columns, expansion.expand)
            out[navigation.name] = shown
            return
        rows = self._expanded_rows(self._env.relations.many(row, navigation), expansion)
        if "$count" in expansion.options:
            out[f"{navigation.name}@odata.count"] = len(rows)
        size = self._call.prefer.page_size or LARGEST_PAGE
        out[navigation.name] = [self.shape(one, expansion.select, expansion.expand) for one in rows[:size]]
        if len(rows) > size:
            address = f"{self._env.schema.tables[row.table].set_name}({row.id})/{navigation.name}"
            options = "&".join(f"{name}={quote(value)}" for name, value in expansion.options.items())
            cookie = Cookie(page=2, last_id=rows[size - 1].id)
            token = quote(write_cookie(cookie, primary_id=expansion.table.primary_id, names=[]), safe="")
            out[f"{navigation.name}@odata.nextLink"] = f"{self._call.root}{address}?{options}&$skiptoken={token}"

    def _expanded_rows(self, rows: list[Row], expansion: Expansion) -> list[Row]:
        text = expansion.options.get("$filter")
        test: RowTest = self._compiler.compile(parse_filter(text), expansion.table) if text else lambda _: True
        kept = [row for row in rows if test(row)]
        orders = parse_order(expansion.options.get("$orderby"))
        getters = [self._compiler.resolve(Path(order.path), expansion.table)[1] for order in orders]
        top = parse_top(expansion.options.get("$top"))
        return self._choose(kept, orders, getters, None, len(kept) if top is None else top)


def _comparison(descending: list[bool]) -> Callable[[Sortable, Sortable], int]:
    """Return a comparison of (sort values, id, …): nulls first, the id as the last word."""

    def compare(one: Sortable, other: Sortable) -> int:
        for left, right, falls in zip(one[0], other[0], descending, strict=True):
            sign = _sign(left, right)
            if sign:
                return -sign if falls else sign
        return (one[1] > other[1]) - (one[1] < other[1])

    return compare


def _sign(left: object, right: object) -> int:
    if left == right:
        return 0
    if left is None or right is None:
        return -1 if left is None else 1
    return -1 if left < right else 1  # type: ignore[operator]
