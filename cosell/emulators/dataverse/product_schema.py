"""The co-sell columns and tables, as metadata bodies: what the product's installer posts to an environment.

They are plain data sent through the same code as any installer's requests; nothing else here knows these names.
"""

from cosell.emulators.dataverse.installer_bodies import Json, choice, column, key, lookup, table, text, yes_no

HELP = (
    "Workload specific value proposition",
    "Customer technical architecture",
    "Proof of concept or demo",
    "Quotes or licensing",
    "Post sales customer success",
    "General or other",
)
INTENT = ("Yes", "No", "Have not decided")
FIRST_OPTION = 273_100_000
CHILD = "cosell_microsoftsolution"

PUBLISHER: Json = {
    "uniquename": "cosell",
    "friendlyname": "Co-sell sync",
    "customizationprefix": "cosell",
    "customizationoptionvalueprefix": 27310,
}
SOLUTION: Json = {"uniquename": "cosellsync", "friendlyname": "Co-sell sync", "version": "1.0.0.0"}


DEAL_COLUMNS: tuple[Json, ...] = (
    yes_no("cosell_SyncWithPartnerCenter", "Sync with Partner Center"),
    text("cosell_ReferralId", "Referral Identifier", 100),
    text("cosell_ReferralLink", "Referral Link", 500, "Url"),
    choice("cosell_Help", "How can Microsoft help?", HELP, first=FIRST_OPTION),
    yes_no("cosell_VisibleToMicrosoft", "Microsoft Partner Center Referral Visibility"),
    text("cosell_MicrosoftCrmId", "Microsoft CRM Identifier", 100),
    choice("cosell_PurchaseIntent", "Marketplace purchase intent", INTENT, first=FIRST_OPTION),
    text("cosell_ReferralProgram", "Referral Program", 200),
    column("Memo", "cosell_Audit", "Audit", {"MaxLength": 10_000, "Format": "TextArea"}),
)
COLUMNS: dict[str, tuple[Json, ...]] = {
    "opportunity": (*DEAL_COLUMNS, text("cosell_CampaignId", "Campaign id", 100)),
    "lead": DEAL_COLUMNS,
}


TABLES: tuple[Json, ...] = (
    table("cosell_MicrosoftSolutionDetail", "Microsoft Solution Detail", "Microsoft Solution Details"),
    table(
        "cosell_MicrosoftSolution",
        "Microsoft Partner Center Solution",
        "Microsoft Partner Center Solutions",
    ),
)
TABLE_COLUMNS: dict[str, tuple[Json, ...]] = {
    "cosell_microsoftsolutiondetail": (
        text("cosell_SolutionIdentifier", "Solution Identifier", 100),
        text("cosell_SolutionType", "Solution Type", 100),
        text("cosell_PublisherName", "Publisher Name", 200),
    ),
    "cosell_microsoftsolution": (
        column("Integer", "cosell_Quantity", "Quantity", {"MinValue": 0, "MaxValue": 1_000_000}),
        column("Money", "cosell_Price", "Price", {"PrecisionSource": 2, "Precision": 2}),
    ),
}


RELATIONSHIPS: tuple[Json, ...] = (
    lookup(
        CHILD, "cosell_OpportunityId", "Opportunity", "opportunity", "cosell_opportunity_microsoftsolution", "Cascade"
    ),
    lookup(
        CHILD,
        "cosell_SolutionDetailId",
        "Solution Detail",
        "cosell_microsoftsolutiondetail",
        "cosell_solutiondetail_microsoftsolution",
        "RemoveLink",
    ),
)


KEYS: dict[str, Json] = {
    "opportunity": key("cosell_ReferralKey", "Referral key", "cosell_referralid"),
    "lead": key("cosell_LeadReferralKey", "Referral key", "cosell_referralid"),
    "cosell_microsoftsolutiondetail": key("cosell_SolutionKey", "Solution key", "cosell_solutionidentifier"),
}
