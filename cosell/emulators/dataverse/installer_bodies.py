"""Metadata bodies as an installer posts them: columns, tables, lookups and keys, spelled once for all who install."""

Json = dict[str, object]
TYPE = "Microsoft.Dynamics.CRM."


def label(words: str) -> Json:
    """Spell a label."""
    localized = {"@odata.type": f"{TYPE}LocalizedLabel", "Label": words, "LanguageCode": 1033}
    return {"@odata.type": f"{TYPE}Label", "LocalizedLabels": [localized]}


def column(kind: str, name: str, words: str, extra: Json) -> Json:
    """Spell a column of any kind."""
    head: Json = {"@odata.type": f"{TYPE}{kind}AttributeMetadata", "SchemaName": name, "DisplayName": label(words)}
    return head | {"RequiredLevel": {"Value": "None"}} | extra


def text(name: str, words: str, length: int, format_name: str = "Text") -> Json:
    """Spell a column of text."""
    return column("String", name, words, {"MaxLength": length, "FormatName": {"Value": format_name}})


def memo(name: str, words: str, length: int) -> Json:
    """Spell a column of long text."""
    return column("Memo", name, words, {"MaxLength": length, "Format": "TextArea"})


def yes_no(name: str, words: str, *, yes: str = "Yes", no: str = "No") -> Json:
    """Spell a column of yes and no, which begins with no."""
    options = {"TrueOption": {"Value": 1, "Label": label(yes)}, "FalseOption": {"Value": 0, "Label": label(no)}}
    return column("Boolean", name, words, {"DefaultValue": False, "OptionSet": options})


def choice(name: str, words: str, labels: tuple[str, ...], *, first: int) -> Json:
    """Spell a choice whose options count up from `first`."""
    options = [{"Value": first + at, "Label": label(option)} for at, option in enumerate(labels)]
    body = {"IsGlobal": False, "OptionSetType": "Picklist", "Options": options}
    return column("Picklist", name, words, {"OptionSet": body})


def table(name: str, words: str, plural: str, *, primary: Json | None = None) -> Json:
    """Spell a table which users own, with its name column."""
    named = primary or text(f"{name.partition('_')[0]}_Name", "Name", 200)
    return {
        "@odata.type": f"{TYPE}EntityMetadata",
        "SchemaName": name,
        "DisplayName": label(words),
        "DisplayCollectionName": label(plural),
        "OwnershipType": "UserOwned",
        "IsActivity": False,
        "HasActivities": False,
        "HasNotes": False,
        "ChangeTrackingEnabled": True,
        "Attributes": [named | {"IsPrimaryName": True}],
    }


def lookup(child: str, name: str, words: str, target: str, schema_name: str, on_delete: str) -> Json:
    """Spell a lookup of `child` to `target`, with the relationship which makes it."""
    return {
        "@odata.type": f"{TYPE}OneToManyRelationshipMetadata",
        "SchemaName": schema_name,
        "ReferencedEntity": target,
        "ReferencedAttribute": f"{target}id",
        "ReferencingEntity": child,
        "CascadeConfiguration": {"Delete": on_delete},
        "Lookup": column("Lookup", name, words, {}),
    }


def key(name: str, words: str, column_name: str) -> Json:
    """Spell an alternate key over one column."""
    return {"SchemaName": name, "DisplayName": label(words), "KeyAttributes": [column_name]}
