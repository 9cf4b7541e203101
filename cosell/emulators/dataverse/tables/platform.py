"""The platform's own tables: publishers, solutions, environment variables, webhooks, system jobs."""

from cosell.emulators.dataverse.tables.columns import (
    Draft,
    choice,
    create_only,
    day,
    entity_name,
    guid,
    lookup,
    memo,
    moment,
    read_only,
    text,
    to,
    whole,
    write_only,
    yes_no,
)

PUBLISHER = Draft(
    schema="Publisher",
    set_name="publishers",
    code=7101,
    primary_name="friendlyname",
    ownership="OrganizationOwned",
    states=None,
    fields=(
        create_only(text("UniqueName", 256, required="SystemRequired")),
        text("FriendlyName", 256, required="SystemRequired"),
        memo("Description"),
        text("CustomizationPrefix", 8, required="SystemRequired"),
        whole("CustomizationOptionValuePrefix", 10000, 99999),
        yes_no("IsReadonly"),
    ),
)

SOLUTION = Draft(
    schema="Solution",
    set_name="solutions",
    code=7100,
    primary_name="friendlyname",
    ownership="OrganizationOwned",
    states=None,
    fields=(
        create_only(text("UniqueName", 65, required="SystemRequired")),
        text("FriendlyName", 256, required="SystemRequired"),
        memo("Description"),
        text("Version", 256, required="SystemRequired"),
        yes_no("IsManaged"),
        yes_no("IsVisible", default=True),
        moment("InstalledOn"),
        lookup("PublisherId", to("publisher", "publisher_solution", on_delete="Restrict")),
    ),
)

SOLUTION_COMPONENT = Draft(
    schema="SolutionComponent",
    set_name="solutioncomponents",
    code=7103,
    primary_name="componenttype",
    ownership="None",
    states=None,
    fields=(
        guid("ObjectId"),
        whole("ComponentType"),
        whole("RootComponentBehavior"),
        lookup("SolutionId", to("solution", "solution_solutioncomponent", on_delete="Cascade")),
    ),
)

VARIABLE_TYPES = {
    100000000: "String",
    100000001: "Number",
    100000002: "Boolean",
    100000003: "JSON",
    100000004: "Data source",
    100000005: "Secret",
}

VARIABLE_DEFINITION = Draft(
    schema="EnvironmentVariableDefinition",
    set_name="environmentvariabledefinitions",
    code=380,
    primary_name="schemaname",
    fields=(
        create_only(text("SchemaName", 100, required="ApplicationRequired")),
        text("DisplayName", 100),
        text("Description", 2000),
        memo("DefaultValue", 2000),
        choice("Type", VARIABLE_TYPES, default=100000000),
        yes_no("IsRequired"),
        text("Hint", 2000),
    ),
)

VARIABLE_VALUE = Draft(
    schema="EnvironmentVariableValue",
    set_name="environmentvariablevalues",
    code=381,
    primary_name="schemaname",
    fields=(
        text("SchemaName", 100),
        memo("Value", 2000),
        lookup(
            "EnvironmentVariableDefinitionId",
            # Solution-aware tables of this age keep the schema name's capitals in the navigation property.
            to(
                "environmentvariabledefinition",
                "environmentvariabledefinition_environmentvariablevalue",
                nav_single="EnvironmentVariableDefinitionId",
                on_delete="Cascade",
            ),
        ),
    ),
)

SERVICE_ENDPOINT = Draft(
    schema="ServiceEndpoint",
    set_name="serviceendpoints",
    code=4618,
    primary_name="name",
    ownership="OrganizationOwned",
    states=None,
    fields=(
        text("Name", 160, required="SystemRequired"),
        memo("Description"),
        choice("Contract", {
            1: "OneWay", 2: "Queue", 3: "Rest", 4: "TwoWay", 5: "Topic", 6: "Queue (Persistent)", 7: "Event Hub",
            8: "Webhook", 9: "Event Grid", 10: "Managed Data Lake",
        }),
        choice("ConnectionMode", {1: "Normal", 2: "Federated"}, default=1),
        choice("MessageFormat", {1: "Binary XML", 2: "Json", 3: "Text XML"}, default=1),
        choice("AuthType", {
            0: "Not Specified", 1: "ACS", 2: "SAS Key", 3: "SAS Token", 4: "Webhook Key", 5: "Http Header",
            6: "Http Query String",
        }),
        write_only(text("AuthValue", 2048)),
        text("Url", 2000),
        text("Path", 160),
        choice("UserClaim", {1: "None", 2: "UserId", 3: "UserInfo"}, default=1),
    ),
)  # fmt: skip

SDK_MESSAGE = Draft(
    schema="SdkMessage",
    set_name="sdkmessages",
    code=4606,
    primary_name="name",
    ownership="OrganizationOwned",
    states=None,
    fields=(text("Name", 256), text("CategoryName", 25), yes_no("IsActive", default=True)),
)

SDK_MESSAGE_FILTER = Draft(
    schema="SdkMessageFilter",
    set_name="sdkmessagefilters",
    code=4607,
    primary_name="name",
    ownership="OrganizationOwned",
    states=None,
    fields=(
        text("Name", 256),
        entity_name("PrimaryObjectTypeCode"),
        entity_name("SecondaryObjectTypeCode"),
        yes_no("IsCustomProcessingStepAllowed", default=True),
        lookup("SdkMessageId", to("sdkmessage", "sdkmessageid_sdkmessagefilter")),
    ),
)

STEP = Draft(
    schema="SdkMessageProcessingStep",
    set_name="sdkmessageprocessingsteps",
    code=4608,
    primary_name="name",
    ownership="OrganizationOwned",
    states={0: ("Enabled", 1, {1: "Enabled"}), 1: ("Disabled", 2, {2: "Disabled"})},
    fields=(
        text("Name", 256),
        memo("Description"),
        choice("Mode", {0: "Synchronous", 1: "Asynchronous"}, default=0),
        choice("Stage", {10: "Pre-validation", 20: "Pre-operation", 30: "Main Operation", 40: "Post-operation"}),
        whole("Rank"),
        choice("SupportedDeployment", {0: "Server Only", 1: "Outlook Client Only", 2: "Both"}, default=0),
        yes_no("AsyncAutoDelete"),
        memo("FilteringAttributes", 100_000),
        memo("Configuration", 1_073_741_823),
        lookup("SdkMessageId", to("sdkmessage", "sdkmessageid_sdkmessageprocessingstep")),
        lookup("SdkMessageFilterId", to("sdkmessagefilter", "sdkmessagefilterid_sdkmessageprocessingstep")),
        lookup(
            "EventHandler",
            to(
                "serviceendpoint",
                "serviceendpoint_sdkmessageprocessingstep",
                nav_single="eventhandler_serviceendpoint",
                on_delete="Cascade",
            ),
        ),
        lookup("ImpersonatingUserId", to("systemuser", "impersonatinguserid_sdkmessageprocessingstep")),
    ),
)

STEP_IMAGE = Draft(
    schema="SdkMessageProcessingStepImage",
    set_name="sdkmessageprocessingstepimages",
    code=4615,
    primary_name="name",
    ownership="OrganizationOwned",
    states=None,
    fields=(
        text("Name", 256),
        text("EntityAlias", 256),
        choice("ImageType", {0: "PreImage", 1: "PostImage", 2: "Both"}),
        text("MessagePropertyName", 256),
        memo("Attributes", 100_000),
        lookup(
            "SdkMessageProcessingStepId",
            to(
                "sdkmessageprocessingstep",
                "sdkmessageprocessingstepid_sdkmessageprocessingstepimage",
                on_delete="Cascade",
            ),
        ),
    ),
)

JOB_STATES = {
    0: ("Ready", 0, {0: "Waiting For Resources"}),
    1: ("Suspended", 10, {10: "Waiting"}),
    2: ("Locked", 20, {20: "In Progress", 21: "Pausing", 22: "Canceling"}),
    3: ("Completed", 30, {30: "Succeeded", 31: "Failed", 32: "Canceled"}),
}

ASYNC_OPERATION = Draft(
    schema="AsyncOperation",
    set_name="asyncoperations",
    code=4700,
    primary_name="name",
    states=JOB_STATES,
    label="System Job",
    collection_label="System Jobs",
    fields=(
        text("Name", 256),
        choice("OperationType", {1: "System Event", 10: "Workflow", 13: "Bulk Delete"}, default=1),
        text("MessageName", 160),
        memo("Message", 1_073_741_823),
        text("FriendlyMessage", 250),
        whole("ErrorCode"),
        whole("RetryCount", 0),
        guid("CorrelationId"),
        entity_name("PrimaryEntityType"),
        moment("StartedOn"),
        moment("CompletedOn"),
        lookup("OwningExtensionId", to("sdkmessageprocessingstep", "owningextension_asyncoperations")),
        lookup(
            "RegardingObjectId",
            to("account", "Account_AsyncOperations", nav_single="regardingobjectid_account"),
            to("contact", "Contact_AsyncOperations", nav_single="regardingobjectid_contact"),
            to("lead", "Lead_AsyncOperations", nav_single="regardingobjectid_lead"),
            to("opportunity", "Opportunity_AsyncOperations", nav_single="regardingobjectid_opportunity"),
        ),
    ),
)

AUDIT = Draft(
    schema="Audit",
    set_name="audits",
    code=4567,
    primary_name="action",
    ownership="None",
    states=None,
    fields=(
        read_only(whole("Action")),
        read_only(whole("Operation")),
        read_only(memo("AttributeMask", 10_000)),
        read_only(memo("ChangeData", 1_073_741_823)),
        read_only(entity_name("ObjectTypeCode")),
        read_only(day("RetentionDate")),
    ),
)

CALLBACK = Draft(
    schema="CallbackRegistration",
    set_name="callbackregistrations",
    code=301,
    primary_name="name",
    states=None,
    fields=(
        text("Name", 100),
        entity_name("EntityName"),
        choice("Message", {1: "Added", 2: "Deleted", 3: "Modified", 4: "Added or Modified"}),
        choice("Scope", {1: "User", 2: "BusinessUnit", 3: "Parent Child business unit", 4: "Organization"}),
        memo("FilteringAttributes", 2000),
        memo("FilterExpression", 2000),
        text("Url", 4000),
        whole("Version", 1, 4),
    ),
)

DRAFTS = (
    PUBLISHER, SOLUTION, SOLUTION_COMPONENT, VARIABLE_DEFINITION, VARIABLE_VALUE, SERVICE_ENDPOINT, SDK_MESSAGE,
    SDK_MESSAGE_FILTER, STEP, STEP_IMAGE, ASYNC_OPERATION, AUDIT, CALLBACK,
)  # fmt: skip
