"""Activities and notes: tasks, the record of how an opportunity was closed, annotations."""

from cosell.emulators.dataverse.tables.columns import (
    Draft,
    choice,
    lookup,
    memo,
    moment,
    money,
    text,
    to,
    whole,
    yes_no,
)

REGARDING = lookup(
    "RegardingObjectId",
    to("account", "Account_Tasks", nav_single="regardingobjectid_account_task", on_delete="Cascade"),
    to("contact", "Contact_Tasks", nav_single="regardingobjectid_contact_task", on_delete="Cascade"),
    to("lead", "Lead_Tasks", nav_single="regardingobjectid_lead_task", on_delete="Cascade"),
    to("opportunity", "Opportunity_Tasks", nav_single="regardingobjectid_opportunity_task", on_delete="Cascade"),
)

TASK = Draft(
    schema="Task",
    set_name="tasks",
    code=4212,
    primary_name="subject",
    primary_id="activityid",
    is_activity=True,
    states={
        0: ("Open", 2, {2: "Not Started", 3: "In Progress", 4: "Waiting on someone else", 7: "Deferred"}),
        1: ("Completed", 5, {5: "Completed"}),
        2: ("Canceled", 6, {6: "Canceled"}),
    },
    fields=(
        text("Subject", 200, required="ApplicationRequired"),
        memo("Description"),
        text("Category", 250),
        moment("ScheduledStart"),
        moment("ScheduledEnd"),
        moment("ActualStart"),
        moment("ActualEnd"),
        whole("PercentComplete", 0, 100),
        choice("PriorityCode", {0: "Low", 1: "Normal", 2: "High"}, default=1),
        yes_no("IsBilled"),
        REGARDING,
    ),
)

OPPORTUNITY_CLOSE = Draft(
    schema="OpportunityClose",
    set_name="opportunitycloses",
    code=4208,
    primary_name="subject",
    primary_id="activityid",
    is_activity=True,
    states={
        0: ("Open", 1, {1: "Open"}),
        1: ("Completed", 2, {2: "Completed"}),
        2: ("Canceled", 3, {3: "Canceled"}),
    },
    fields=(
        text("Subject", 200),
        memo("Description"),
        money("ActualRevenue"),
        moment("ActualStart"),
        moment("ActualEnd"),
        choice("OpportunityStateCode", {0: "Open", 1: "Won", 2: "Lost"}),
        lookup("OpportunityId", to("opportunity", "Opportunity_OpportunityClose", on_delete="Cascade")),
        lookup("CompetitorId", to("competitor", "competitor_opportunity_activities")),
    ),
)

ANNOTATION = Draft(
    schema="Annotation",
    set_name="annotations",
    code=5,
    primary_name="subject",
    states=None,
    label="Note",
    collection_label="Notes",
    fields=(
        text("Subject", 500),
        memo("NoteText", 100_000),
        text("FileName", 255),
        text("MimeType", 256),
        memo("DocumentBody", 1_073_741_823),
        yes_no("IsDocument"),
        lookup(
            "ObjectId",
            to("account", "Account_Annotation", nav_single="objectid_account", on_delete="Cascade"),
            to("contact", "Contact_Annotation", nav_single="objectid_contact", on_delete="Cascade"),
            to("lead", "Lead_Annotation", nav_single="objectid_lead", on_delete="Cascade"),
            to("opportunity", "Opportunity_Annotation", nav_single="objectid_opportunity", on_delete="Cascade"),
        ),
    ),
)

DRAFTS = (TASK, OPPORTUNITY_CLOSE, ANNOTATION)
