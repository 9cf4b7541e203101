"""What an installation leaves to an administrator, in sentences: forms, people's roles, managed environments."""

from cosell.dataverse.wanted import WantedSchema

FILLED_BY_US = (
    "cosell_referralid",
    "cosell_referrallink",
    "cosell_microsoftcrmid",
    "cosell_referralprogram",
    "cosell_audit",
)


def by_hand(schema: WantedSchema) -> tuple[str, ...]:
    """Return what is left to do, in order."""
    columns = schema.columns["opportunity"]
    listed = ", ".join(column.label for column in columns)
    kept = ", ".join(column.label for column in columns if column.name in FILLED_BY_US)
    solutions = next(table.plural for table in schema.tables if table.name in {item.table for item in schema.lookups})
    details = next(table.plural for table in schema.tables if table.plural != solutions)
    return (
        "The form of the opportunity: in Power Apps open Tables, Opportunity, Forms, the main form which your sellers "
        f"use. Add a section with these columns: {listed}. Tick *Read-only* for {kept}.",
        f"The solutions of an opportunity: on the same form add a sub-grid for the table {solutions}, showing only "
        "related records (by the lookup Opportunity). Save and publish the form.",
        "If leads are to arrive, too: the same section, without Campaign id, on the form of the lead.",
        f"Sellers: give their roles Create, Read, Write, Delete, Append and Append To on {solutions}, and Read and "
        f"Append To on {details}. No role of theirs has rights on new tables by itself.",
        f"The application user which runs the sync: give it the role {schema.role.name}, in the Power Platform admin "
        "center. It needs no other one; the one which installed may be another application user.",
        "A production environment which takes managed solutions only, or blocks unmanaged customizations: install into "
        f"a development environment, export the solution {schema.solution} there as managed, and import it. Then run "
        "`cosell crm check` against production, and `cosell crm install --wake-up URL` with its own address.",
        "After an installation everything is read once again: the CRM forgets where a poll stood when a table changes.",
    )
