"""The calls by which an installer reads and changes a CRM: rows of the platform, and definitions of tables.

Definitions are read with `Consistency: Strong`, as Dataverse otherwise answers from a cache which lags behind. What is
made joins our solution, so that it can be exported and taken away as one.
"""

from collections.abc import Mapping, Sequence

from cosell.dataverse.odata import literal, options
from cosell.dataverse.reading import read_list, read_object
from cosell.dataverse.schema import Table, find_table
from cosell.http.links import query_string
from cosell.http.transport import ServiceClient

Body = Mapping[str, object]
Document = Mapping[str, object]
_STRONG = {"Consistency": "Strong"}


class Customizer:
    """Changes the schema of one CRM."""

    def __init__(self, service: ServiceClient, *, solution: str) -> None:
        """Send through `service`; what is made joins the solution with this unique name."""
        self.service = service
        self._joining = {"MSCRM.SolutionUniqueName": solution}
        self._tables: dict[str, Table | None] = {}

    async def get_table(self, name: str, *, is_fresh: bool = False) -> Table | None:
        """Return a table as it was when this run first looked, or as it is now; None when there is none."""
        if is_fresh or name not in self._tables:
            self._tables[name] = await find_table(self.service, name)
        return self._tables[name]

    async def read(self, path: str, select: Sequence[str] = ()) -> dict[str, object]:
        """Return what an address answers, fresh; of everything, or only these properties.

        Raises:
            RecordNotFound: there is nothing.
        """
        query = query_string({"$select": ",".join(select) or None})
        answer = await self.service.request("GET", path + query, headers=_STRONG, record=path)
        return read_object(answer, record=path)

    async def find_rows(
        self,
        set_: str,
        select: Sequence[str],
        where: Mapping[str, object],
        *,
        expand: Mapping[str, Sequence[str]] | None = None,
    ) -> list[Document]:
        """Return the rows whose columns are equal to these values; few are expected."""
        filter_ = " and ".join(f"{name} eq {_spell(name, value)}" for name, value in where.items()) or None
        path = set_ + options(select=select, filter_=filter_, expand=expand)
        answer = await self.service.request("GET", path, headers=_STRONG, record=set_)
        return read_list(read_object(answer, record=set_))

    async def add_row(self, set_: str, body: Body, *, is_component: bool = True) -> None:
        """Create a row of the platform's; a component joins the solution."""
        headers = self._joining if is_component else {}
        await self.service.request("POST", set_, json=body, headers=headers, record=set_, idempotent=False)

    async def change_row(self, set_: str, row_id: str, body: Body) -> None:
        """Change a row which is there."""
        path = f"{set_}({row_id})"
        await self.service.request("PATCH", path, json=body, headers={"If-Match": "*"}, record=path)

    async def remove_row(self, set_: str, row_id: str) -> None:
        """Delete a row."""
        path = f"{set_}({row_id})"
        await self.service.request("DELETE", path, record=path)

    async def define(self, path: str, body: Body) -> None:
        """Create a table, a column, a relationship or a key."""
        await self.service.request("POST", path, json=body, headers=self._joining, record=path, idempotent=False)

    async def redefine(self, path: str, body: Body) -> None:
        """Replace a definition by a whole other one, keeping the labels in other languages."""
        headers = {"MSCRM.MergeLabels": "true"}
        await self.service.request("PUT", path, json=body, headers=headers, record=path)

    async def call(self, action: str, body: Body) -> None:
        """Call an action which may be called twice without harm."""
        await self.service.request("POST", action, json=body, record=action.partition("/")[0], idempotent=True)


def table_path(name: str, below: str = "") -> str:
    """Return the address of a table's definition, or of what is below it."""
    return f"EntityDefinitions(LogicalName='{name}')" + (f"/{below}" if below else "")


def _spell(name: str, value: object) -> str:
    """Ids of lookups stand bare in a filter, other texts quoted."""
    return str(value) if name.startswith("_") else literal(value)
