"""The sales tables around an opportunity which a sync only points at."""

from cosell.emulators.dataverse.tables.columns import Draft, choice, day, lookup, memo, money, text, to, yes_no

PRICE_LEVEL = Draft(
    schema="PriceLevel",
    set_name="pricelevels",
    code=1022,
    primary_name="name",
    ownership="OrganizationOwned",
    states={0: ("Active", 100001, {100001: "Active"}), 1: ("Inactive", 100002, {100002: "Inactive"})},
    label="Price List",
    collection_label="Price Lists",
    fields=(
        text("Name", 100, required="SystemRequired"),
        memo("Description"),
        day("BeginDate"),
        day("EndDate"),
        lookup("TransactionCurrencyId", to("transactioncurrency", "transactioncurrency_pricelevel")),
    ),
)

CAMPAIGN = Draft(
    schema="Campaign",
    set_name="campaigns",
    code=4400,
    primary_name="name",
    states={
        0: ("Active", 0, {0: "Proposed", 1: "Ready To Launch", 2: "Launched", 3: "Completed", 4: "Canceled"}),
        1: ("Inactive", 6, {6: "Inactive"}),
    },
    fields=(
        text("Name", 128, required="SystemRequired"),
        text("CodeName", 32),
        memo("Description"),
        choice("TypeCode", {1: "Advertisement", 2: "Direct Marketing", 3: "Event", 4: "Co-branding", 5: "Other"}),
        money("BudgetedCost", minimum=0),
        yes_no("IsTemplate"),
    ),
)

COMPETITOR = Draft(
    schema="Competitor",
    set_name="competitors",
    code=123,
    primary_name="name",
    ownership="OrganizationOwned",
    states=None,
    fields=(
        text("Name", 100, required="SystemRequired"),
        text("WebSiteUrl", 200, format_name="Url"),
        memo("Strengths"),
        memo("Weaknesses"),
    ),
)

CONNECTION = Draft(
    schema="Connection",
    set_name="connections",
    code=3234,
    primary_name="name",
    fields=(
        text("Name", 500),
        memo("Description"),
        lookup(
            "Record1Id",
            to("account", "account_connections1", nav_single="record1id_account", on_delete="Cascade"),
            to("contact", "contact_connections1", nav_single="record1id_contact", on_delete="Cascade"),
            to("opportunity", "opportunity_connections1", nav_single="record1id_opportunity", on_delete="Cascade"),
            to("systemuser", "systemuser_connections1", nav_single="record1id_systemuser"),
        ),
        lookup(
            "Record2Id",
            to("account", "account_connections2", nav_single="record2id_account", on_delete="Cascade"),
            to("contact", "contact_connections2", nav_single="record2id_contact", on_delete="Cascade"),
            to("opportunity", "opportunity_connections2", nav_single="record2id_opportunity", on_delete="Cascade"),
            to("systemuser", "systemuser_connections2", nav_single="record2id_systemuser"),
        ),
    ),
)

DRAFTS = (PRICE_LEVEL, CAMPAIGN, COMPETITOR, CONNECTION)
