"""What an administrator of the CRM does to the table of opportunities or accounts: columns come and go."""

from cosell.dataverse.install.bodies import Bodies
from cosell.dataverse.wanted import ColumnKind, WantedColumn, WantedLookup, WantedTable
from tests.sync.stand import CRM, Document, Stand

TEXT = {"AttributeType": "String", "AttributeTypeName": {"Value": "StringType"}, "FormatName": {"Value": "Text"}}
MONEY = {"AttributeType": "Money", "AttributeTypeName": {"Value": "MoneyType"}, "PrecisionSource": 2}
BODIES = Bodies(language=1033, option_prefix=10000)
APPLICATION = {"Authorization": "Bearer application"}


async def add_text_column(stand: Stand, table: str, name: str, *, length: int = 100) -> None:
    """Add a column of text."""
    await _add(stand, table, name, {**TEXT, "MaxLength": length}, kind="String")


async def add_money_column(stand: Stand, table: str, name: str) -> None:
    """Add a column of money."""
    await _add(stand, table, name, MONEY, kind="Money")


async def add_columns(stand: Stand, table: str, *columns: WantedColumn) -> None:
    """Add columns of any kind."""
    async with stand.run():  # which makes the application known
        for column in columns:
            answer = await stand.http.post(_columns(table), json=BODIES.column(column), headers=APPLICATION)
            assert answer.is_success, answer.text


async def add_lookup(stand: Stand, table: str, name: str, target: str, column: str) -> None:
    """Add a table with a column of text besides its name, and a lookup which leads to it."""
    made = WantedTable(
        schema_name=target,
        label=target,
        plural=f"{target} rows",
        description=target,
        name_column=WantedColumn(
            schema_name="new_Name", label="Name", kind=ColumnKind.TEXT, description="Name", length=100
        ),
    )
    lookup = WantedLookup(
        schema_name=name,
        label=name,
        description=name,
        table=table,
        target=target.lower(),
        relationship=f"{name}_{table}",
        on_delete="RemoveLink",
    )
    async with stand.run():
        for path, body in (
            ("EntityDefinitions", BODIES.table(made)),
            ("RelationshipDefinitions", BODIES.lookup(lookup)),
        ):
            answer = await stand.http.post(f"{CRM}/{path}", json=body, headers=APPLICATION)
            assert answer.is_success, answer.text
    await add_text_column(stand, target.lower(), column)


async def know_columns(stand: Stand) -> None:
    """Have a run look up which columns the CRM has: every ten minutes one does, whatever it is there for."""
    async with stand.run():
        pass


async def delete_column(stand: Stand, table: str, name: str) -> None:
    """Take a column away, with all that stands in it."""
    async with stand.run():  # which makes the application known
        answer = await stand.http.delete(f"{_columns(table)}(LogicalName='{name}')", headers=APPLICATION)
    assert answer.is_success, answer.text


async def _add(stand: Stand, table: str, name: str, what: Document, *, kind: str) -> None:
    text = {"@odata.type": "Microsoft.Dynamics.CRM.LocalizedLabel", "Label": name, "LanguageCode": 1033}
    body = {
        "@odata.type": f"Microsoft.Dynamics.CRM.{kind}AttributeMetadata",
        "SchemaName": name,
        "RequiredLevel": {"Value": "None"},
        "DisplayName": {"@odata.type": "Microsoft.Dynamics.CRM.Label", "LocalizedLabels": [text]},
        **what,
    }
    async with stand.run():
        answer = await stand.http.post(_columns(table), json=body, headers=APPLICATION)
    assert answer.is_success, answer.text


def _columns(table: str) -> str:
    return f"{CRM}/EntityDefinitions(LogicalName='{table}')/Attributes"
