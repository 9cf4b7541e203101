"""A row as Dataverse sent it, with its etag; names of columns are logical names, lookups are `_…_value`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from cosell.errors import Origin, SchemaMissing

FORMATTED = "@OData.Community.Display.V1.FormattedValue"
LOOKUP_TABLE = "@Microsoft.Dynamics.CRM.lookuplogicalname"
_ACTIVITY_SETS = frozenset({"opportunitycloses", "tasks", "activitypointers", "appointments", "phonecalls", "emails"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row; `values` holds what was selected, expanded rows as mappings."""

    id: str
    etag: str
    values: Mapping[str, object] = field(repr=False)
    annotations: Mapping[str, object] = field(default_factory=dict, repr=False)

    def get(self, column: str) -> object:
        """Return the value of a column; None when it is empty or was not selected."""
        return self.values.get(column)

    def find_label(self, column: str) -> str | None:
        """Return the value as a person sees it in the CRM: a choice's label, a lookup's name."""
        label = self.annotations.get(column + FORMATTED)
        return label if isinstance(label, str) else None

    def find_lookup_table(self, column: str) -> str | None:
        """Return the logical name of the table to which a lookup (`_…_value`) leads, like `account` or `contact`."""
        table = self.annotations.get(column + LOOKUP_TABLE)
        return table if isinstance(table, str) else None

    def find_expanded(self, navigation: str) -> Mapping[str, object] | None:
        """Return the row to which a lookup leads, when it was expanded and there is one."""
        expanded = self.values.get(navigation)
        return expanded if isinstance(expanded, Mapping) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeltaPage:
    """A page of what moved; `delta_link` is only set on the last page, and says where to go on next time."""

    rows: tuple[Row, ...]
    deleted_ids: tuple[str, ...]
    delta_link: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Upserted:
    """The row after an upsert, and whether it is new."""

    row: Row
    is_new: bool


def row_from(document: Mapping[str, object], *, set_: str, id_column: str | None) -> Row:
    """Return a row of `set_` from its JSON; without `id_column`, its id is found by the naming rules of Dataverse.

    Raises:
        SchemaMissing: none of the columns can be the id.
    """
    candidates = [id_column] if id_column else id_column_candidates(set_)
    row_id = next((document[name] for name in candidates if isinstance(document.get(name), str)), None)
    if row_id is None:
        raise SchemaMissing(
            "Which column is the id of this table cannot be told from its name",
            origin=Origin(service="Dataverse", record=set_, field=candidates[0]),
        )
    return Row(
        id=str(row_id).lower(),
        etag=str(document.get("@odata.etag", "")),
        values=MappingProxyType({name: value for name, value in document.items() if "@" not in name}),
        annotations=MappingProxyType({name: value for name, value in document.items() if "@" in name[1:]}),
    )


def id_column_candidates(set_: str) -> list[str]:
    """Return which columns may be the id of a table, likeliest first: the singular of its set, and `id`."""
    if set_ in _ACTIVITY_SETS:
        return ["activityid"]
    singulars = [set_.removesuffix("s")]
    if set_.endswith("ies"):
        singulars.insert(0, set_.removesuffix("ies") + "y")
    elif set_.endswith(("ses", "xes", "zes", "ches", "shes")):
        singulars.insert(0, set_.removesuffix("es"))
    return [f"{singular}id" for singular in singulars]
