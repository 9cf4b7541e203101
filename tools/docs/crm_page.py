"""docs/crm.md: what has to be in the CRM, from cosell/mapping/crm.py, and how it gets there."""

from collections.abc import Iterator

from cosell.dataverse.install.variables import spell_value
from cosell.dataverse.install.wake_up import ENDPOINT
from cosell.dataverse.wanted import WantedColumn, WantedSchema
from cosell.mapping.by_hand import by_hand
from cosell.mapping.crm import wanted_schema
from cosell.mapping.loader import load_mappings
from cosell.mapping.variables import Variables
from tools.docs.markdown import NOTICE, to_code, to_table

_INTRODUCTION = """\
# The CRM

`cosell crm install` makes in Dynamics 365 Sales what the sync needs, through the Dataverse Web API. `cosell crm check`
tells whether all of it is there and fits the mapping in use; it never writes.

- It acts as the application user of `COSELL_DATAVERSE__…`. Installing needs the role *System Administrator*, or *System
  Customizer* for all but the security role and the wake-up. Day by day the role below is enough, so install with
  another application user (set `COSELL_DATAVERSE__CLIENT_ID` and its secret for that one command) or take the larger
  role away afterwards.
- Run it as often as you like: what is there is left alone, and a second run writes nothing and says so. Broken off
  anywhere, the next run goes on from there; the solution gets its version last of all. `--dry-run` only tells.
- Nothing is ever deleted. A column which is there but is of another type, too short or lacks an option is named and
  left as it is.
- Everything joins the unmanaged solution `{solution}`. Where it came as a managed solution, nothing is added to it.
- Labels are English, in the base language of the CRM. Translate them in Power Apps; the labels of choices have to stay
  as they are, or be named in a `choices.yaml` of your own.
- If your mapping names other columns, those of another connector for instance, nothing has to be installed:
  `cosell crm check` looks at what the mapping names.
"""
_WAKE_UP = """\
`cosell crm install --wake-up URL` lets Dataverse call the receiver (`POST /webhooks/dataverse`) when a row moves, so
that nobody waits for the next poll; `--no-wake-up` takes it away. Without either, it stays as it is. A path is added
when the address has none; Dataverse calls https on port 443 only. The calls carry `COSELL_RECEIVER__DATAVERSE_SECRET`
in the header `x-cosell-key`. It cannot be read back, so after changing it: `--no-wake-up`, then `--wake-up` again. A
call is a hint, its content is never used, and what is missed is found by the next poll. Calls are asynchronous: they
hold up nobody's saving.
"""
_VARIABLES = """\
They are definitions with our defaults. With `COSELL_VARIABLES_FROM=dataverse` their values are the ones in use; else
the [Prefect variables](variables.md) are, and `cosell crm check` warns of a value in the CRM which says something else.
"""


def render_page() -> str:
    """Return docs/crm.md."""
    schema = wanted_schema(Variables().fill_in(load_mappings()))
    return "".join(_iter_parts(schema))


def _iter_parts(schema: WantedSchema) -> Iterator[str]:
    yield NOTICE.format(source="cosell/mapping/crm.py and tools/docs/crm_page.py")
    yield _INTRODUCTION.format(solution=schema.solution)
    yield "\n## What is left to an administrator\n\n"
    yield "".join(f"{number}. {sentence}\n" for number, sentence in enumerate(by_hand(schema), start=1))
    for table, columns in schema.columns.items():
        yield f"\n## {_title(schema, table)}\n\n" + _render_columns(schema, table, columns)
    yield "\n## Alternate keys\n\nWaited for until they are active; one whose index failed is tried again.\n\n"
    yield to_table(("Key", "Table", "Column"), [(item.schema_name, item.table, item.column) for item in schema.keys])
    yield "\n## Change tracking\n\nSwitched on, where it is off and the environment allows it, for "
    yield ", ".join(to_code(table) for table in schema.tracked) + ". It cannot be switched off again.\n"
    yield f"\n## Environment variables\n\n{_VARIABLES}\n"
    rows = [(to_code(item.schema_name), item.label, to_code(spell_value(item.default))) for item in schema.variables]
    yield to_table(("Variable", "Label", "Default"), rows)
    yield f"\n## The security role {schema.role.name}\n\nAll rights reach the whole organization.\n\n"
    yield to_table(
        ("Table", "Rights"), [(to_code(name), ", ".join(rights)) for name, rights in schema.role.tables.items()]
    )
    yield f"\nBesides: {', '.join(to_code(name) for name in schema.role.others)}.\n"
    yield f"\n## The wake-up ({ENDPOINT})\n\n{_WAKE_UP}\n"
    listened = [
        (to_code(item.table), item.message, ", ".join(to_code(name) for name in item.columns)) for item in schema.steps
    ]
    yield to_table(("Table", "Message", "Columns"), listened)


def _title(schema: WantedSchema, table: str) -> str:
    plurals = {item.name: item.plural for item in schema.tables}
    return f"{plurals[table]} (`{table}`)" if table in plurals else f"Columns of `{table}`"


def _render_columns(schema: WantedSchema, table: str, columns: tuple[WantedColumn, ...]) -> str:
    own = [item.name_column for item in schema.tables if item.name == table]
    rows = [_describe(column) for column in (*own, *columns)]
    rows += [
        (to_code(item.schema_name), item.label, f"lookup to {to_code(item.target)}", item.description)
        for item in schema.lookups
        if item.table == table
    ]
    return to_table(("Column", "Label", "Kind", "What it is"), rows)


def _describe(column: WantedColumn) -> tuple[str, str, str, str]:
    kind = column.kind.value + (f", {column.length}" if column.length else "")
    options = f": {', '.join(column.options)}" if column.options else ""
    return to_code(column.name), column.label, kind + options, column.description
