"""What the sync needs in the CRM: the one place where our columns, tables, keys and rights are listed.

`cosell crm install` makes it, `cosell crm check` and docs/crm.md read it. The labels of choices are those of
choices.yaml, the environment variables those of `Variables`, and what wakes us up follows from the mapped columns.
"""

from dataclasses import fields

from cosell.dataverse.wanted import (
    ColumnKind,
    WantedColumn,
    WantedKey,
    WantedLookup,
    WantedRole,
    WantedSchema,
    WantedStep,
    WantedTable,
    WantedVariable,
)
from cosell.domain.ids import Side
from cosell.mapping.models import Choices, DealMapping, Mappings
from cosell.mapping.variables import Variables

PREFIX = "cosell"
SOLUTION = "cosellsync"
VERSION = "1.0.0.0"
"""Of the solution in the CRM. It is raised whenever something is added below."""
DETAILS, SOLUTIONS = "cosell_microsoftsolutiondetail", "cosell_microsoftsolution"

VARIABLES: dict[str, tuple[str, str]] = {
    "show_check_mark": ("cosell_ShowCheckMark", "Show check mark in opportunity name"),
    "on_hold_answers": ("cosell_OnHoldAnswers", "On-hold handling answers invitations"),
    "cosell_opportunities_only": ("cosell_OpportunitiesOnly", "Sync co-sell opportunities only"),
    "marketplace_leads": ("cosell_MarketplaceLeads", "Sync leads of the marketplace"),
    "deal_value_field": ("cosell_DealValueField", "Deal value field name"),
    "country_code_field": ("cosell_CountryCodeField", "Customer account country code field name"),
}
"""Schema name and label of a variable; one that is not listed here is named after its field."""
OF_VARIABLES = (
    "Obeyed where the setting COSELL_VARIABLES_FROM of cosell-sync says dataverse. Elsewhere the variable in Prefect "
    "counts, and cosell crm check tells when the two differ."
)

KEEP = ("Create", "Read", "Write", "Append", "AppendTo")
ROLE = WantedRole(
    name="Co-sell Sync Runtime",
    tables={
        # What arrives is given to somebody of the team.
        "opportunity": (*KEEP, "Assign"),
        "lead": (*KEEP, "Assign"),
        "account": KEEP,
        "contact": KEEP,
        DETAILS: KEEP,
        SOLUTIONS: (*KEEP, "Delete"),
        # Winning and losing writes an activity.
        "opportunityclose": ("Create", "Read", "Write", "Append"),
        "transactioncurrency": ("Read", "AppendTo"),
        "systemuser": ("Read", "AppendTo"),
        # The sales team of an opportunity is a team of its own.
        "team": ("Read",),
        "organization": ("Read",),
        "solution": ("Read",),
        "environmentvariabledefinition": ("Read",),
        "environmentvariablevalue": ("Read",),
    },
    others=("prvReadEntity", "prvReadAttribute", "prvReadRelationship", "prvReadOptionSet"),
)
"""What the application user needs day by day. Change tracking wants reading over the whole organization (Microsoft: Use
change tracking to synchronize data with external systems)."""


def wanted_schema(mappings: Mappings) -> WantedSchema:
    """Return what the CRM has to hold; the mappings are those in use, with the variables filled in."""
    deal = _deal_columns(mappings.choices)
    return WantedSchema(
        publisher=PREFIX,
        prefix=PREFIX,
        option_prefix=27310,
        solution=SOLUTION,
        label="Co-sell sync",
        version=VERSION,
        tables=_tables(),
        columns={
            "opportunity": (*deal, _text("CampaignId", "Campaign id", 100, "Partner Center's campaign of the deal.")),
            "lead": deal,
            DETAILS: (
                _text("SolutionIdentifier", "Solution Identifier", 100, "Partner Center's id of the solution."),
                _text("SolutionType", "Solution Type", 100, "Partner Center's word for the kind of solution."),
                _text("PublisherName", "Publisher Name", 200, "Who publishes the solution."),
            ),
            SOLUTIONS: (
                _column("Quantity", "Quantity", ColumnKind.WHOLE, "How many are to be sold."),
                _column("Price", "Price", ColumnKind.MONEY, "What they are sold for."),
            ),
        },
        lookups=_lookups(),
        keys=(
            _referral_key("cosell_ReferralKey", mappings.opportunity),
            _referral_key("cosell_LeadReferralKey", mappings.lead),
            WantedKey(
                schema_name="cosell_SolutionKey",
                label="Solution key",
                table=DETAILS,
                column="cosell_solutionidentifier",
            ),
        ),
        tracked=("opportunity", "lead", "account", "contact", DETAILS, SOLUTIONS),
        variables=tuple(_variable(field.name, field.default) for field in fields(Variables)),
        role=ROLE,
        steps=_steps(mappings),
    )


def _deal_columns(choices: Choices) -> tuple[WantedColumn, ...]:
    """Return the columns which opportunity and lead have in common."""
    return (
        _column(
            "SyncWithPartnerCenter",
            "Sync with Partner Center",
            ColumnKind.YES_NO,
            "Yes shares this record with Microsoft. It is No until a seller sets it.",
        ),
        _text("ReferralId", "Referral Identifier", 100, "Partner Center's id of the referral. Filled by the sync."),
        _column(
            "ReferralLink",
            "Referral Link",
            ColumnKind.URL,
            "The referral in Partner Center. Filled by the sync.",
            length=500,
        ),
        _column(
            "Help",
            "How can Microsoft help?",
            ColumnKind.CHOICE,
            "What Microsoft is asked for; without a choice it is no co-sell deal. Once sent, it is fixed.",
            options=tuple(choices["help"]),
        ),
        _column(
            "VisibleToMicrosoft",
            "Microsoft Partner Center Referral Visibility",
            ColumnKind.YES_NO,
            "Whether Microsoft's sellers see the deal. Once Yes, it cannot be taken back.",
        ),
        _text("MicrosoftCrmId", "Microsoft CRM Identifier", 100, "Microsoft's own id of the deal. Filled by the sync."),
        _column(
            "PurchaseIntent",
            "Marketplace purchase intent",
            ColumnKind.CHOICE,
            "Whether the customer means to buy in Microsoft's marketplace.",
            options=tuple(choices["purchase_intent"]),
        ),
        _text("ReferralProgram", "Referral Program", 200, "Partner Center's program of the deal."),
        _column(
            "Audit",
            "Audit",
            ColumnKind.MEMO,
            "What the sync did and what has to be mended, newest first. Filled by the sync.",
            length=10_000,
        ),
    )


def _tables() -> tuple[WantedTable, ...]:
    name = _text("Name", "Name", 200, "The name of the solution.")
    return (
        WantedTable(
            schema_name="cosell_MicrosoftSolutionDetail",
            label="Microsoft Solution Detail",
            plural="Microsoft Solution Details",
            description="The catalogue of solutions which an opportunity can name.",
            name_column=name,
        ),
        WantedTable(
            schema_name="cosell_MicrosoftSolution",
            label="Microsoft Partner Center Solution",
            plural="Microsoft Partner Center Solutions",
            description="A solution that is sold with an opportunity.",
            name_column=name,
        ),
    )


def _lookups() -> tuple[WantedLookup, ...]:
    return (
        WantedLookup(
            schema_name="cosell_OpportunityId",
            label="Opportunity",
            description="The opportunity with which the solution is sold.",
            table=SOLUTIONS,
            target="opportunity",
            relationship="cosell_opportunity_microsoftsolution",
            on_delete="Cascade",
        ),
        WantedLookup(
            schema_name="cosell_SolutionDetailId",
            label="Solution Detail",
            description="The solution's row in the catalogue.",
            table=SOLUTIONS,
            target=DETAILS,
            relationship="cosell_solutiondetail_microsoftsolution",
            on_delete="RemoveLink",
        ),
    )


def _referral_key(name: str, mapping: DealMapping) -> WantedKey:
    """Return the key over the column which keeps the referral id; over somebody else's it has a name of its own."""
    column = mapping.columns.referral_id
    is_ours = column.startswith(f"{PREFIX}_")
    return WantedKey(
        schema_name=name if is_ours else f"{name}Over_{column}",
        label="Referral key",
        table=mapping.table,
        column=column,
    )


def _steps(mappings: Mappings) -> tuple[WantedStep, ...]:
    """Return what wakes us up: new and deleted deals and solutions, and updates of what is mapped."""
    solutions = mappings.solutions
    sold = (solutions.opportunity, solutions.detail, solutions.name, solutions.quantity, solutions.price)
    lively = {mapping.table: _moving_columns(mapping) for mapping in (mappings.opportunity, mappings.lead)}
    lively[solutions.table] = tuple(sorted(name.lower() for name in sold))
    parties = {party.table: [row.dataverse for row in party.fields] for party in (mappings.account, mappings.contact)}
    return (
        *(
            WantedStep(table=table, message=message, columns=columns if message == "Update" else ())
            for table, columns in lively.items()
            for message in ("Create", "Update", "Delete")
        ),
        *(WantedStep(table=table, message="Update", columns=tuple(sorted(names))) for table, names in parties.items()),
    )


def _moving_columns(mapping: DealMapping) -> tuple[str, ...]:
    """Return the columns which people change: not those which only we fill."""
    moving = {row.dataverse for row in mapping.fields if row.direction.allows(Side.PARTNER_CENTER)}
    kept = {str(name) for name in mapping.columns.model_dump().values()}
    return tuple(sorted((moving | kept) - {mapping.id, mapping.columns.audit, mapping.columns.referral_id, "ownerid"}))


def _variable(name: str, default: object) -> WantedVariable:
    spelled = "".join(part.capitalize() for part in name.split("_"))
    schema_name, label = VARIABLES.get(name, (f"{PREFIX}_{spelled}", name.replace("_", " ").capitalize()))
    return WantedVariable(
        field=name,
        schema_name=schema_name,
        label=label,
        description=OF_VARIABLES,
        default=default if isinstance(default, bool) else str(default),
    )


def _column(
    name: str,
    label: str,
    kind: ColumnKind,
    description: str,
    *,
    length: int | None = None,
    options: tuple[str, ...] = (),
) -> WantedColumn:
    return WantedColumn(
        schema_name=f"{PREFIX}_{name}", label=label, kind=kind, description=description, length=length, options=options
    )


def _text(name: str, label: str, length: int, description: str) -> WantedColumn:
    return _column(name, label, ColumnKind.TEXT, description, length=length)
