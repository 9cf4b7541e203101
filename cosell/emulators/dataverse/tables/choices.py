"""Lists of options which several sales tables share."""

YES_NO_ALLOW = ("Allow", "Do Not Allow")

INDUSTRIES = dict(
    enumerate(
        (
            "Accounting", "Agriculture and Non-petrol Natural Resource Extraction",
            "Broadcasting Printing and Publishing", "Brokers", "Building Supply Retail", "Business Services",
            "Consulting", "Consumer Services", "Design, Direction and Creative Management",
            "Distributors, Dispatchers and Processors", "Doctor's Offices and Clinics", "Durable Manufacturing",
            "Eating and Drinking Places", "Entertainment Retail", "Equipment Rental and Leasing", "Financial",
            "Food and Tobacco Processing", "Inbound Capital Intensive Processing", "Inbound Repair and Services",
            "Insurance", "Legal Services", "Non-Durable Merchandise Retail", "Outbound Consumer Service",
            "Petrochemical Extraction and Distribution", "Service Retail", "SIG Affiliations", "Social Services",
            "Special Outbound Trade Contractors", "Specialty Realty", "Transportation",
            "Utility Creation and Distribution", "Vehicle Retail", "Wholesale",
        ),
        start=1,
    )
)  # fmt: skip

LEAD_SOURCES = dict(
    enumerate(
        (
            "Advertisement", "Employee Referral", "External Referral", "Partner", "Public Relations", "Seminar",
            "Trade Show", "Web", "Word of Mouth", "Other",
        ),
        start=1,
    )
)  # fmt: skip

BUDGET = {0: "No Committed Budget", 1: "May Buy", 2: "Can Buy", 3: "Will Buy"}
NEED = {0: "Must have", 1: "Should have", 2: "Good to have", 3: "No need"}
PURCHASE_TIMEFRAME = {0: "Immediate", 1: "This Quarter", 2: "Next Quarter", 3: "This Year", 4: "Unknown"}
PURCHASE_PROCESS = {0: "Individual", 1: "Committee", 2: "Unknown"}
INITIAL_COMMUNICATION = {0: "Contacted", 1: "Not Contacted"}
SALES_STAGE = {0: "Qualify", 1: "Develop", 2: "Propose", 3: "Close"}
DEFAULT_VALUE = {1: "Default Value"}
