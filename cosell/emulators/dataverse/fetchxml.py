"""FetchXML, the CRM's own query language: joins, conditions, order, pages and aggregates of one request."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cmp_to_key
from xml.etree.ElementTree import Element, ParseError, fromstring

from cosell.emulators.dataverse.collation import fold_value
from cosell.emulators.dataverse.environment import Environment
from cosell.emulators.dataverse.errors import business
from cosell.emulators.dataverse.fetch_conditions import condition_test
from cosell.emulators.dataverse.http import LARGEST_PAGE, Call
from cosell.emulators.dataverse.metadata import Column, Table
from cosell.emulators.dataverse.query_options import with_companions
from cosell.emulators.dataverse.rows import Row
from cosell.emulators.dataverse.shaping import Shaper

MAIN = ""
Joined = dict[str, Row | None]
JoinedTest = Callable[[Joined], bool]


@dataclass(slots=True)
class Source:
    """The main entity or a linked one: its element, its table, its alias."""

    element: Element
    table: Table
    alias: str
    links: list["Source"] = field(default_factory=list)


class FetchXml:
    """Run the FetchXML query of one request."""

    def __init__(self, env: Environment, call: Call) -> None:
        self._env = env
        self._call = call
        self._shaper = Shaper(env.schema, env.rows, env.relations, call)
        self._sources: dict[str, Source] = {}

    def run(self, table: Table) -> dict[str, object]:
        """Return the page the query asks for."""
        fetch = self._parse()
        entity = fetch.find("entity")
        if entity is None or entity.get("name") != table.logical:
            raise business("0x80041129", f"The entity of the FetchXML is not '{table.logical}'.")
        main = self._source(entity, table, MAIN)
        joined = list(self._rows(main))
        body: dict[str, object] = {"@odata.context": f"{self._call.root}$metadata#{table.set_name}"}
        if fetch.get("aggregate") == "true":
            return body | {"value": Aggregation(self._sources).run(joined)}
        return body | self._page(fetch, main, self._ordered(joined))

    def _parse(self) -> Element:
        try:
            # A test's own query to its own stand-in: no foreign document is ever read here.
            fetch = fromstring(self._call.query.get("fetchXml", ""))  # noqa: S314
        except ParseError as error:
            raise business("0x80041131", f"Invalid XML in FetchXML: {error}.") from error
        if fetch.tag != "fetch":
            raise business("0x80041131", "Invalid XML in FetchXML: the root element must be fetch.")
        return fetch

    def _source(self, element: Element, table: Table, alias: str) -> Source:
        source = Source(element, table, alias)
        self._sources[alias] = source
        for attribute in [*element.findall("attribute"), *element.findall("order")]:
            find_attribute(table, attribute.get("name") or attribute.get("attribute") or "")
        for at, link in enumerate(element.findall("link-entity")):
            target = self._env.schema.tables.get(link.get("name", ""))
            if target is None:
                raise business("0x80041102", f"The entity with a name = '{link.get('name')}' was not found.")
            name = link.get("alias") or f"{target.logical}{at + 1}"
            source.links.append(self._source(link, target, name))
        return source

    def _rows(self, main: Source) -> Iterator[Joined]:
        tests = [test for source in self._sources.values() for test in self._tests(source)]
        access, actor = self._env.access, self._call.actor
        sees_all = access.sees_all(actor, main.table)
        for row in self._env.rows.scan(main.table.logical):
            if not sees_all and row.data.get("ownerid") != actor.user_id:
                continue
            for joined in self._join({MAIN: row}, main):
                if all(test(joined) for test in tests):
                    yield joined

    def _join(self, joined: Joined, source: Source) -> Iterator[Joined]:
        found = [joined]
        for link in source.links:
            found = [more for one in found for more in self._join_one(one, source, link)]
        yield from found

    def _join_one(self, joined: Joined, source: Source, link: Source) -> Iterator[Joined]:
        row = joined[source.alias]
        matches = list(self._linked(row, source, link)) if row else []
        if matches:
            for match in matches:
                yield from self._join({**joined, link.alias: match}, link)
        elif link.element.get("link-type") in {"outer", "matchfirstrowusingcrossapply"}:
            yield from self._join({**joined, link.alias: None}, link)

    def _linked(self, row: Row, source: Source, link: Source) -> Iterable[Row]:
        there = find_attribute(link.table, link.element.get("from", link.table.primary_id))
        here = find_attribute(source.table, link.element.get("to", source.table.primary_id))
        value = row.id if here.is_primary_id else row.data.get(here.logical)
        if value is None:
            return []
        if there.is_primary_id:
            found = self._env.rows.get(link.table.logical, str(value))
            return [found] if found else []
        if there.logical in self._env.schema.indexed(link.table.logical):
            ids = self._env.rows.find_ids(link.table.logical, there.logical, value)
            return self._env.rows.get_many(link.table.logical, ids)
        rows = self._env.rows.scan(link.table.logical)
        return [one for one in rows if fold_value(one.data.get(there.logical)) == fold_value(value)]

    def _tests(self, source: Source) -> list[JoinedTest]:
        tests = [self._filter(element, source) for element in source.element.findall("filter")]
        if source.element.get("link-type") != "outer":
            return tests
        # Conditions inside an outer join only choose what is joined; a row without a partner stays.
        return [_or_absent(test, source.alias) for test in tests]

    def _filter(self, element: Element, source: Source) -> JoinedTest:
        tests = [self._condition(one, source) for one in element.findall("condition")]
        tests += [self._filter(one, source) for one in element.findall("filter")]
        if element.get("type", "and") == "or":
            return lambda joined: any(test(joined) for test in tests) if tests else True
        return lambda joined: all(test(joined) for test in tests)

    def _condition(self, element: Element, source: Source) -> JoinedTest:
        named = self._sources.get(element.get("entityname", source.alias))
        if named is None:
            raise business("0x80041101", f"The alias '{element.get('entityname')}' is not defined in the FetchXML.")
        column = find_attribute(named.table, element.get("attribute", ""))
        test = condition_test(
            element,
            column,
            now=self._call.now,
            user_id=self._call.actor.user_id,
            business_unit_id=self._call.actor.business_unit_id,
        )
        alias = named.alias
        return lambda joined: test(value_of(joined.get(alias), column))

    def _ordered(self, joined: list[Joined]) -> list[Joined]:
        orders = [
            (source.alias, find_attribute(source.table, one.get("attribute", "")), one.get("descending") == "true")
            for source in self._sources.values()
            for one in source.element.findall("order")
        ]
        for alias, column, falls in reversed(orders):
            key = cmp_to_key(_nulls_first)
            joined.sort(
                key=lambda one, alias=alias, column=column: key(value_of(one.get(alias), column)),  # type: ignore[misc]
                reverse=falls,
            )
        return joined

    def _page(self, fetch: Element, main: Source, joined: list[Joined]) -> dict[str, object]:
        size = min(_number(fetch, "top") or _number(fetch, "count") or LARGEST_PAGE, LARGEST_PAGE)
        page = 1 if fetch.get("top") else _number(fetch, "page") or 1
        rows = joined[(page - 1) * size : page * size]
        body: dict[str, object] = {}
        if fetch.get("returntotalrecordcount") == "true":
            body["@Microsoft.Dynamics.CRM.totalrecordcount"] = min(len(joined), LARGEST_PAGE)
        if fetch.get("top") is None and len(joined) > page * size:
            body["@Microsoft.Dynamics.CRM.morerecords"] = True
            body["@Microsoft.Dynamics.CRM.fetchxmlpagingcookie"] = (
                f'<cookie pagenumber="{page + 1}" pagingcookie="" istracking="False" />'
            )
        return body | {"value": [self._shaped(one, main) for one in rows]}

    def _shaped(self, joined: Joined, main: Source) -> dict[str, object]:
        row = joined[MAIN]
        out: dict[str, object] = self._shaper.shape(row, self._columns(main)) if row else {}
        for source in self._sources.values():
            linked = joined.get(source.alias)
            if source.alias == MAIN or linked is None:
                continue
            for element in source.element.findall("attribute"):
                column = find_attribute(source.table, element.get("name", ""))
                name = element.get("alias") or f"{source.alias}.{column.logical}"
                value = value_of(linked, column)
                if value is not None:
                    out[name] = value
        return out

    def _columns(self, main: Source) -> list[Column]:
        named = [find_attribute(main.table, one.get("name", "")) for one in main.element.findall("attribute")]
        if not named:
            return [column for column in main.table.columns.values() if column.can_read]
        return with_companions(main.table, named)


class Aggregation:
    """Groups, counts, sums, averages, extremes."""

    def __init__(self, sources: dict[str, Source]) -> None:
        self._attributes = [(source, one) for source in sources.values() for one in source.element.findall("attribute")]

    def run(self, joined: list[Joined]) -> list[dict[str, object]]:
        """Return a row for each group, or one for all."""
        groups: dict[tuple[object, ...], list[Joined]] = {}
        grouping = [(source, one) for source, one in self._attributes if one.get("groupby") == "true"]
        for one in joined:
            groups.setdefault(tuple(self._value(one, *by) for by in grouping), []).append(one)
        if not grouping:
            groups.setdefault((), [])
        return [self._told(members, grouping, key) for key, members in groups.items()]

    def _told(
        self, members: list[Joined], grouping: list[tuple[Source, Element]], key: tuple[object, ...]
    ) -> dict[str, object]:
        out: dict[str, object] = {
            by[1].get("alias", by[1].get("name", "")): value for by, value in zip(grouping, key, strict=True)
        }
        for source, element in self._attributes:
            kind = element.get("aggregate")
            if kind is not None:
                values = [self._value(one, source, element) for one in members]
                out[element.get("alias", kind)] = _aggregate(
                    kind, values, is_distinct=element.get("distinct") == "true"
                )
        return out

    def _value(self, joined: Joined, source: Source, element: Element) -> object:
        return value_of(joined.get(source.alias), find_attribute(source.table, element.get("name", "")))


def _number(fetch: Element, name: str) -> int | None:
    text = fetch.get(name)
    if text is None:
        return None
    if not text.isdigit():
        raise business("0x80041131", f"Invalid XML in FetchXML: '{name}' must be a number.")
    return int(text)


def find_attribute(table: Table, name: str) -> Column:
    """Return the column FetchXML names by its logical name."""
    column = table.columns.get(name)
    if column is None or not column.can_read:
        raise business("0x80041103", f"'{table.logical}' entity doesn't contain attribute with Name = '{name}'.")
    return column


def value_of(row: Row | None, column: Column) -> object:
    """Return a row's value, its id for the primary key; None without a row."""
    if row is None:
        return None
    return row.id if column.is_primary_id else row.data.get(column.logical)


def _or_absent(test: JoinedTest, alias: str) -> JoinedTest:
    return lambda joined: joined.get(alias) is None or test(joined)


def _nulls_first(left: object, right: object) -> int:
    one, other = fold_value(left), fold_value(right)
    if one == other:
        return 0
    if one is None or other is None:
        return -1 if one is None else 1
    return -1 if one < other else 1  # type: ignore[operator]


def _aggregate(kind: str, values: list[object], *, is_distinct: bool) -> object:
    present = [value for value in values if value is not None]
    if kind == "count":
        return len(values)
    if kind == "countcolumn":
        return len({fold_value(value) for value in present}) if is_distinct else len(present)
    numbers = [value for value in present if isinstance(value, int | float)]
    if kind == "sum":
        return round(sum(numbers), 4) if numbers else None
    if kind == "avg":
        return round(sum(numbers) / len(numbers), 4) if numbers else None
    if kind in {"min", "max"}:
        return (min if kind == "min" else max)(numbers, default=None)
    raise business("0x80041132", f"The aggregate '{kind}' is not supported.")
