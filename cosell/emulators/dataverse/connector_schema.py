"""What Microsoft's own connector brings into a CRM, as metadata bodies: its columns, tables and environment variables.

Names of columns and variables are those seen in a real organization and in Microsoft's pictures. Those of the two
solutions tables are published nowhere: the ones here are made up, so that nobody comes to rely on them.
"""

from cosell.emulators.dataverse.installer_bodies import Json, choice, lookup, memo, table, text, yes_no

PUBLISHER: Json = {
    "uniquename": "microsoftpartnercenter",
    "friendlyname": "Microsoft Partner Center",
    "customizationprefix": "msft",
    "customizationoptionvalueprefix": 29960,
}
SOLUTION: Json = {
    "uniquename": "PartnerCenterReferralsSynchronization",
    "friendlyname": "Partner Center Referrals Synchronization for Dynamics 365",
    "version": "1.0.2102.1",
}
FIRST_OPTION = 299_600_000
HELP: dict[str, str] = {
    "WorkloadSpecificValueProposition": "Workload specific value proposition",
    "CustomerTechnicalArchitecture": "Customer technical architecture",
    "ProofOfConceptOrDemo": "Proof of concept or demo",
    "QuotesOrLicensing": "Quotes or licensing",
    "PostSalesCustomerSuccess": "Post sales customer success",
    "GeneralOrOther": "General or other",
}
INTENT: dict[str, str] = {"Yes": "Yes", "No": "No", "HaveNotDecided": "Have not decided"}

SYNC = "msft_microsoftpartnercenterreferralsync"
IDENTIFIER = "msft_microsoftpartnercenterreferralidentifier"
LINK = "msft_microsoftpartnercenterreferrallink"
HELP_COLUMN = "msft_microsoftpartnercenterhelp"
VISIBLE = "msft_microsoftpartnercenterreferralvisible"
CRM_ID = "msft_microsoftcrmidentifier"
AUDIT = "msft_microsoftpartnercenterreferralsyncaudit"
INTENT_COLUMN = "msft_customerpurchaseintent"
CHILD, DETAIL = "msft_microsoftsolutions", "msft_microsoftsolutiondetails"
CHILD_NAME, DETAIL_NAME = "msft_solutionnumber", "msft_solutionname"
DETAIL_IDENTIFIER, DETAIL_TYPE, DETAIL_PUBLISHER = "msft_solutionidentifier", "msft_type", "msft_publishername"
CHILD_OPPORTUNITY, CHILD_DETAIL = "msft_opportunity", "msft_solutiondetail"

COLUMNS: tuple[Json, ...] = (
    yes_no("msft_MicrosoftPartnerCenterReferralSync", "Sync with Partner Center"),
    text("msft_MicrosoftPartnerCenterReferralIdentifier", "Referral identifier", 100),
    text("msft_MicrosoftPartnerCenterReferralLink", "Referral link", 500, "Url"),
    choice("msft_MicrosoftPartnerCenterHelp", "How can Microsoft help?", tuple(HELP.values()), first=FIRST_OPTION),
    yes_no(
        "msft_MicrosoftPartnerCenterReferralVisible",
        "Visibility of the referral",
        yes="Visible to Microsoft sellers",
        no="Not visible to Microsoft sellers",
    ),
    text("msft_MicrosoftCrmIdentifier", "Microsoft CRM Identifier", 100),
    text("msft_MicrosoftPartnerCenterReferralProgram", "Referral program", 100),
    text("msft_MicrosoftPartnerCenterSolutions", "Products [Obsolete]", 4000),
    memo("msft_MicrosoftPartnerCenterReferralSyncAudit", "Audit", 100_000),
    choice("msft_CosellType", "Co-sell type", ("Microsoft invited", "Partner led", "Private"), first=FIRST_OPTION),
    choice("msft_CustomerPurchaseIntent", "Marketplace intent", tuple(INTENT.values()), first=FIRST_OPTION),
)

TABLES: tuple[Json, ...] = (
    table(
        "msft_MicrosoftSolutionDetails",
        "Microsoft Solution Details",
        "Microsoft Solution Details",
        primary=text("msft_SolutionName", "Solution Name", 200),
    ),
    table(
        "msft_MicrosoftSolutions",
        "Microsoft Solutions",
        "Microsoft Solutions",
        primary=text("msft_SolutionNumber", "Name", 100),
    ),
)
DETAIL_COLUMNS: tuple[Json, ...] = (
    text("msft_SolutionIdentifier", "Solution Identifier", 100),
    text("msft_Type", "Type", 100),
    text("msft_PublisherName", "Publisher Name", 200),
)
RELATIONSHIPS: tuple[Json, ...] = (
    lookup(CHILD, "msft_Opportunity", "Opportunity", "opportunity", "msft_opportunity_microsoftsolutions", "Cascade"),
    lookup(
        CHILD, "msft_SolutionDetail", "Solution Detail", DETAIL, "msft_solutiondetail_microsoftsolutions", "RemoveLink"
    ),
)

STRING = 100_000_000
VARIABLES: tuple[tuple[str, str, str | None], ...] = (
    ("msft_displaycheckmarkinname", "Display check mark in opportunity name", "Yes"),
    ("msft_dealvaluefield", "Deal value field name", "estimatedvalue"),
    ("msft_customeraccountcountrycode", "Customer account country code field name", "address1_country"),
    ("msft_dealcurrencycodefield", "Deal value currency code field", None),
    ("msft_synccosellopportunitiesonly", "Sync co-sell opportunities only", "No"),
)
"""Schema name, what people read, and the default, None where it is not known."""
