"""The closed value lists, and what may change when (Microsoft: "Referral resources", bulk upload guide)."""

STATUS_MOVES = {
    "New": frozenset({"New", "Active", "Closed"}),
    "Active": frozenset({"Active", "Closed"}),
    "Closed": frozenset({"Closed"}),
}
SUBSTATUS_IN = {
    "New": frozenset({"Pending", "Received"}),
    "Active": frozenset({"Accepted"}),
    "Closed": frozenset({"Won", "Lost", "Declined", "Expired"}),
}
ALL_SUBSTATUS = frozenset().union(*SUBSTATUS_IN.values(), {"None", "Error"})
QUALIFICATIONS = frozenset({"None", "Direct", "MarketingQualified", "SalesQualified"})
TYPES = frozenset({"Independent", "Shared"})
DIRECTIONS = frozenset({"Incoming", "Outgoing"})
TARGET_TYPES = frozenset({"None", "BusinessProfileLocation", "SolutionProfile"})
SOLUTION_TYPES = frozenset({"None", "Category", "Name"})
PROFILE_TYPES = frozenset({"Duns", "External"})
CUSTOMER_SIZES = frozenset(
    {
        "",
        "1to50employees",
        "51to500employees",
        "Morethan500employees",
        "1to9employees",
        "10to50employees",
        "51to250employees",
        "251to1000employees",
        "1001to5000employees",
        "5001to10000employees",
        "10001to20000employees",
        "Morethan20000employees",
    }
)
SALES_STAGES = frozenset({"", "10", "20", "40", "60", "80", "100", "Qualify", "Develop", "Propose", "Close"})
HELP_CODES = frozenset(
    {
        "WorkloadSpecificValueProposition",
        "CustomerTechnicalArchitecture",
        "ProofOfConceptOrDemo",
        "QuotesOrLicensing",
        "PostSalesCustomerSuccess",
        "GeneralOrOther",
        "Unknown",
    }
)
MARKETPLACE_INTENT = "CustomerMarketplaceIntent"
MARKETPLACE_INTENTS = frozenset({"Yes", "No", "HaveNotDecided"})

# What the partner may change on its own copy after creation; all the rest is frozen or the service's own.
WRITABLE = (
    "name",
    "externalReferenceId",
    "status",
    "substatus",
    "statusReason",
    "campaignId",
    "salesStage",
    "favorite",
    "lastModifiedVia",
    "lastRunId",
    "details/notes",
    "details/dealValue",
    "details/currency",
    "details/closingDateTime",
    "details/customerRequestedContact",
    "details/customerAction",
    "details/requirements",
    "team",
)
VISIBILITY = "consent/consentToShareReferralWithMicrosoftSellers"
CUSTOMER_CONTACTS = "customerProfile/team"
REGISTRATIONS = "registrations"

MOST_SOLUTIONS = 50
MOST_MEMBERS = 50
ANSWER_DAYS = 14

REGISTRATION_TERMS = frozenset({"Perpetual", "Finite"})
REGISTRATION_DEPLOYMENTS = frozenset({"Customer", "Partner"})
REGISTRATION_PRICING = frozenset({"PayAsYouGo", "Other"})
REGISTRATION_LEAST_VALUE = 25_000
REGISTRATION_HOURS_OPEN = 72
REGISTRATION_DAYS_AFTER_SIGNING = 60
REGISTRATION_WRITABLE = frozenset(
    {
        "contract/startDateTime",
        "contract/endDateTime",
        "contract/signDateTime",
        "contract/term",
        "contract/value",
        "solutionDetails/0/value",
        "solutionDetails/0/currency",
        "solutionDetails/0/isDeployedOnAzure",
        "solutionDetails/0/primaryDeploymentOn",
        "solutionDetails/0/pricingModel",
        "solutionDetails/0/marketplaceTransactionDetails/isMarketplaceTransacted",
        "solutionDetails/0/marketplaceTransactionDetails/marketplaceTransactionDateTime",
    }
)
