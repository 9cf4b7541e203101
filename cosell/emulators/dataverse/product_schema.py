"""The co-sell columns and tables, as metadata bodies: what the product's installer posts to an environment.

They are plain data sent through the same code as any installer's requests; nothing else here knows these names.
"""

Json = dict[str, object]
TYPE = "Microsoft.Dynamics.CRM."
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

PUBLISHER: Json = {
    "uniquename": "cosell",
    "friendlyname": "Co-sell sync",
    "customizationprefix": "cosell",
    "customizationoptionvalueprefix": 27310,
}
SOLUTION: Json = {"uniquename": "cosellsync", "friendlyname": "Co-sell sync", "version": "1.0.0.0"}


def _label(text: str) -> Json:
    localized = {"@odata.type": f"{TYPE}LocalizedLabel", "Label": text, "LanguageCode": 1033}
    return {"@odata.type": f"{TYPE}Label", "LocalizedLabels": [localized]}


def _column(kind: str, name: str, label: str, extra: Json) -> Json:
    head: Json = {"@odata.type": f"{TYPE}{kind}AttributeMetadata", "SchemaName": name, "DisplayName": _label(label)}
    return head | {"RequiredLevel": {"Value": "None"}} | extra


def _text(name: str, label: str, length: int, format_name: str = "Text") -> Json:
    return _column("String", name, label, {"MaxLength": length, "FormatName": {"Value": format_name}})


def _yes_no(name: str, label: str) -> Json:
    options = {"TrueOption": {"Value": 1, "Label": _label("Yes")}, "FalseOption": {"Value": 0, "Label": _label("No")}}
    return _column("Boolean", name, label, {"DefaultValue": False, "OptionSet": options})


def _choice(name: str, label: str, labels: tuple[str, ...]) -> Json:
    options = [{"Value": FIRST_OPTION + at, "Label": _label(text)} for at, text in enumerate(labels)]
    body = {"IsGlobal": False, "OptionSetType": "Picklist", "Options": options}
    return _column("Picklist", name, label, {"OptionSet": body})


DEAL_COLUMNS: tuple[Json, ...] = (
    _yes_no("cosell_SyncWithPartnerCenter", "Sync with Partner Center"),
    _text("cosell_ReferralId", "Referral Identifier", 100),
    _text("cosell_ReferralLink", "Referral Link", 500, "Url"),
    _choice("cosell_Help", "How can Microsoft help?", HELP),
    _yes_no("cosell_VisibleToMicrosoft", "Microsoft Partner Center Referral Visibility"),
    _text("cosell_MicrosoftCrmId", "Microsoft CRM Identifier", 100),
    _choice("cosell_PurchaseIntent", "Marketplace purchase intent", INTENT),
    _text("cosell_ReferralProgram", "Referral Program", 200),
    _column("Memo", "cosell_Audit", "Audit", {"MaxLength": 10_000, "Format": "TextArea"}),
)
COLUMNS: dict[str, tuple[Json, ...]] = {
    "opportunity": (*DEAL_COLUMNS, _text("cosell_CampaignId", "Campaign id", 100)),
    "lead": DEAL_COLUMNS,
}


def _table(name: str, label: str, plural_label: str, ownership: str) -> Json:
    primary = _text("cosell_Name", "Name", 200) | {"IsPrimaryName": True}
    return {
        "@odata.type": f"{TYPE}EntityMetadata",
        "SchemaName": name,
        "DisplayName": _label(label),
        "DisplayCollectionName": _label(plural_label),
        "OwnershipType": ownership,
        "IsActivity": False,
        "HasActivities": False,
        "HasNotes": False,
        "ChangeTrackingEnabled": True,
        "Attributes": [primary],
    }


TABLES: tuple[Json, ...] = (
    _table("cosell_MicrosoftSolutionDetail", "Microsoft Solution Detail", "Microsoft Solution Details", "UserOwned"),
    _table(
        "cosell_MicrosoftSolution",
        "Microsoft Partner Center Solution",
        "Microsoft Partner Center Solutions",
        "UserOwned",
    ),
)
TABLE_COLUMNS: dict[str, tuple[Json, ...]] = {
    "cosell_microsoftsolutiondetail": (
        _text("cosell_SolutionIdentifier", "Solution Identifier", 100),
        _text("cosell_SolutionType", "Solution Type", 100),
        _text("cosell_PublisherName", "Publisher Name", 200),
    ),
    "cosell_microsoftsolution": (
        _column("Integer", "cosell_Quantity", "Quantity", {"MinValue": 0, "MaxValue": 1_000_000}),
        _column("Money", "cosell_Price", "Price", {"PrecisionSource": 2, "Precision": 2}),
    ),
}


def _lookup(name: str, label: str, target: str, schema_name: str, on_delete: str) -> Json:
    return {
        "@odata.type": f"{TYPE}OneToManyRelationshipMetadata",
        "SchemaName": schema_name,
        "ReferencedEntity": target,
        "ReferencedAttribute": f"{target}id",
        "ReferencingEntity": "cosell_microsoftsolution",
        "CascadeConfiguration": {"Delete": on_delete},
        "Lookup": _column("Lookup", name, label, {}),
    }


RELATIONSHIPS: tuple[Json, ...] = (
    _lookup("cosell_OpportunityId", "Opportunity", "opportunity", "cosell_opportunity_microsoftsolution", "Cascade"),
    _lookup(
        "cosell_SolutionDetailId",
        "Solution Detail",
        "cosell_microsoftsolutiondetail",
        "cosell_solutiondetail_microsoftsolution",
        "RemoveLink",
    ),
)


def _key(name: str, label: str, column: str) -> Json:
    return {"SchemaName": name, "DisplayName": _label(label), "KeyAttributes": [column]}


KEYS: dict[str, Json] = {
    "opportunity": _key("cosell_ReferralKey", "Referral key", "cosell_referralid"),
    "lead": _key("cosell_LeadReferralKey", "Referral key", "cosell_referralid"),
    "cosell_microsoftsolutiondetail": _key("cosell_SolutionKey", "Solution key", "cosell_solutionidentifier"),
}
