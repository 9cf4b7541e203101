"""Organisation, business units, users, teams, roles and currencies."""

from cosell.emulators.dataverse.tables.columns import (
    Draft,
    choice,
    decimal,
    guid,
    lookup,
    memo,
    read_only,
    text,
    to,
    whole,
    yes_no,
)

ORGANIZATION = Draft(
    schema="Organization",
    set_name="organizations",
    code=1019,
    primary_name="name",
    ownership="None",
    states=None,
    fields=(
        text("Name", 160),
        whole("ExpireChangeTrackingInDays", 0, 365),
        whole("LanguageCode", 0),
        whole("MaxUploadFileSize", 0),
        whole("CurrencyDecimalPrecision", 0, 10),
        text("SchemaNamePrefix", 8),
        text("NumberFormat", 2),
        yes_no("IsAuditEnabled"),
        lookup("BaseCurrencyId", to("transactioncurrency", "basecurrency_organization", on_delete="Restrict")),
    ),
)

BUSINESS_UNIT = Draft(
    schema="BusinessUnit",
    set_name="businessunits",
    code=10,
    primary_name="name",
    ownership="OrganizationOwned",
    states=None,
    fields=(
        text("Name", 160, required="SystemRequired"),
        text("DivisionName", 100),
        text("EMailAddress", 100, format_name="Email"),
        yes_no("IsDisabled"),
        lookup("ParentBusinessUnitId", to("businessunit", "business_unit_parent_business_unit")),
    ),
)

SYSTEM_USER = Draft(
    schema="SystemUser",
    set_name="systemusers",
    code=8,
    primary_name="fullname",
    ownership="OrganizationOwned",
    states=None,
    label="User",
    collection_label="Users",
    fields=(
        read_only(text("FullName", 200)),
        text("FirstName", 256),
        text("LastName", 256),
        text("DomainName", 1024),
        text("InternalEMailAddress", 100, format_name="Email"),
        text("Title", 128),
        text("MobilePhone", 64),
        guid("AzureActiveDirectoryObjectId"),
        guid("ApplicationId"),
        text("ApplicationIdUri", 1024),
        yes_no("IsDisabled"),
        yes_no("IsIntegrationUser"),
        choice(
            "AccessMode",
            {0: "Read-Write", 1: "Administrative", 2: "Read", 3: "Support User", 4: "Non-interactive"},
            default=0,
        ),
        lookup("BusinessUnitId", to("businessunit", "business_unit_system_users", on_delete="Restrict")),
        lookup("TransactionCurrencyId", to("transactioncurrency", "transactioncurrency_systemuser")),
        lookup("ParentSystemUserId", to("systemuser", "user_parent_user")),
    ),
)

TEAM = Draft(
    schema="Team",
    set_name="teams",
    code=9,
    primary_name="name",
    ownership="OrganizationOwned",
    states=None,
    fields=(
        text("Name", 160, required="SystemRequired"),
        memo("Description"),
        choice("TeamType", {0: "Owner", 1: "Access", 2: "Security Group", 3: "Office Group"}, default=0),
        yes_no("IsDefault"),
        lookup("BusinessUnitId", to("businessunit", "business_unit_teams")),
        lookup("AdministratorId", to("systemuser", "lk_teambase_administratorid")),
        # What an access team is about; the real column may name a knowledge article as well.
        lookup("RegardingObjectId", to("opportunity", "opportunity_Teams", nav_single="regardingobjectid_opportunity")),
    ),
)

ROLE = Draft(
    schema="Role",
    set_name="roles",
    code=1036,
    primary_name="name",
    ownership="OrganizationOwned",
    states=None,
    label="Security Role",
    collection_label="Security Roles",
    fields=(text("Name", 100), lookup("BusinessUnitId", to("businessunit", "business_unit_roles"))),
)

PRIVILEGE = Draft(
    schema="Privilege",
    set_name="privileges",
    code=1023,
    primary_name="name",
    ownership="None",
    states=None,
    fields=(text("Name", 100), whole("AccessRight"), yes_no("CanBeGlobal")),
)

CURRENCY = Draft(
    schema="TransactionCurrency",
    set_name="transactioncurrencies",
    code=9105,
    primary_name="currencyname",
    ownership="OrganizationOwned",
    label="Currency",
    collection_label="Currencies",
    fields=(
        text("CurrencyName", 100, required="SystemRequired"),
        text("ISOCurrencyCode", 5, required="SystemRequired"),
        text("CurrencySymbol", 13, required="SystemRequired"),
        whole("CurrencyPrecision", 0, 10),
        decimal("ExchangeRate", 12, 1e-12, 1e11),
    ),
)

DRAFTS = (ORGANIZATION, BUSINESS_UNIT, SYSTEM_USER, TEAM, ROLE, PRIVILEGE, CURRENCY)
