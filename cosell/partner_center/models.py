"""A referral as Partner Center sends it, part by part (Microsoft: Referral resources)."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from cosell.domain.ids import EngagementId, ReferralId
from cosell.partner_center.wire import AsItCame, Moment, OrNothing, WireModel

MICROSOFT = "msft"


class Status(StrEnum):
    """Where a referral is; it only moves forward."""

    NEW = "New"
    ACTIVE = "Active"
    CLOSED = "Closed"


class Substatus(StrEnum):
    """How it is there."""

    PENDING = "Pending"
    RECEIVED = "Received"
    ACCEPTED = "Accepted"
    WON = "Won"
    LOST = "Lost"
    DECLINED = "Declined"
    EXPIRED = "Expired"
    ERROR = "Error"


class TargetType(StrEnum):
    """Whom a copy is addressed to."""

    BUSINESS_PROFILE_LOCATION = "BusinessProfileLocation"
    SOLUTION_PROFILE = "SolutionProfile"


class Target(WireModel):
    """To whom a copy is addressed; `id` is `msft` for Microsoft, else a solution or a partner's location."""

    type: str | None = None
    id: str | None = None


class Address(WireModel):
    """Where a customer is; `country` is ISO 3166 alpha-2, the state may arrive in `region`."""

    address_line1: str | None = None
    address_line2: str | None = None
    city: str | None = None
    state: str | None = None
    region: str | None = None
    postal_code: str | None = None
    country: str | None = None


class Member(WireModel):
    """A person of the customer's or of our team, as somebody typed it: spaces and telephone formats are free."""

    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone_number: str | None = None
    title: str | None = None


class ProfileId(WireModel):
    """A number under which others know the customer: `Duns` or `External` (Microsoft's account id)."""

    profile_type: str | None = None
    id: str | None = None


class CustomerProfile(WireModel):
    """The customer; read-only after creation."""

    name: str | None = None
    size: str | None = None
    is_matching_complete: bool | None = None
    address: Address = Field(default_factory=Address)
    team: list[Member] = Field(default_factory=list)
    ids: list[ProfileId] = Field(default_factory=list)


class Consent(WireModel):
    """What may be shared; the last one is a one-way door. The doubled "To" is Microsoft's."""

    consent_to_to_share_info_with_others: bool | None = None
    consent_to_contact: bool | None = None
    consent_to_share_referral_with_microsoft_sellers: bool | None = None


class Solution(WireModel):
    """A solution that is part of the deal."""

    id: str | None = None
    name: str | None = None
    type: str | None = None
    price: Annotated[Decimal | None, AsItCame()] = None
    quantity: Annotated[Decimal | None, AsItCame()] = None
    currency: str | None = None
    publisher_name: str | None = None
    solution_type: str | None = None


class Attribute(WireModel):
    """A typed tag, like `CustomerMarketplaceIntent` = `HaveNotDecided`."""

    type: str | None = None
    id: str | None = None


class AdditionalRequirements(WireModel):
    """What was added to the requirements over the years."""

    attributes: list[Attribute] = Field(default_factory=list)


class Requirements(WireModel):
    """What the customer needs."""

    solutions: list[Solution] = Field(default_factory=list)
    additional_requirements: AdditionalRequirements = Field(default_factory=AdditionalRequirements)


class Details(WireModel):
    """The deal itself; `deal_value` is in whole units of `currency`."""

    notes: str | None = None
    deal_value: Annotated[Decimal | None, AsItCame()] = None
    currency: str | None = None
    closing_date_time: Annotated[Moment | None, AsItCame()] = None
    requirements: Requirements = Field(default_factory=Requirements)


class InvitedBy(WireModel):
    """Which organisation began the deal."""

    organization_id: str | None = None
    organization_name: str | None = None


class InviteContext(WireModel):
    """What the invited party was told; `assistance_request_code` is the help wanted from Microsoft."""

    notes: str | None = None
    assistance_request_code: str | None = None
    invited_mpn_id: str | None = None
    invited_by: InvitedBy = Field(default_factory=InvitedBy)


class TrackingInfo(WireModel):
    """Numbers of other systems; `microsoft_msx_id` is Microsoft's CRM id."""

    microsoft_msx_id: str | None = None


class Referral(WireModel):
    """One organisation's copy of a deal; all copies of a deal share `engagement_id`."""

    id: ReferralId
    engagement_id: EngagementId | None = None
    name: str | None = None
    organization_id: str | None = None
    organization_name: str | None = None
    external_reference_id: str | None = None
    created_date_time: Annotated[Moment | None, OrNothing] = None
    updated_date_time: Annotated[Moment | None, OrNothing] = None
    expiration_date_time: Annotated[Moment | None, OrNothing] = None
    accepted_date_time: Annotated[Moment | None, OrNothing] = None
    closed_date_time: Annotated[Moment | None, OrNothing] = None
    status: str | None = None
    substatus: str | None = None
    status_reason: str | None = None
    qualification: str | None = None
    type: str | None = None
    direction: str | None = None
    etag: str | None = Field(default=None, alias="eTag")
    campaign_id: str | None = None
    sales_stage: str | None = None
    mpn_id: str | None = None
    referral_program: str | None = None
    referral_source: str | None = None
    call_to_action: str | None = None
    registration_status: str | None = None
    target: list[Target] = Field(default_factory=list)
    customer_profile: CustomerProfile = Field(default_factory=CustomerProfile)
    consent: Consent = Field(default_factory=Consent)
    details: Details = Field(default_factory=Details)
    team: list[Member] = Field(default_factory=list)
    invite_context: InviteContext = Field(default_factory=InviteContext)
    tracking_info: TrackingInfo = Field(default_factory=TrackingInfo)
    registrations: list[dict[str, object]] = Field(default_factory=list)

    @property
    def is_microsofts_copy(self) -> bool:
        """Whether this is Microsoft's copy of a deal: the one addressed to Microsoft, or owned by it."""
        return self.organization_id == MICROSOFT or any(
            target.type == TargetType.BUSINESS_PROFILE_LOCATION and target.id == MICROSOFT for target in self.target
        )

    @property
    def is_ours(self) -> bool:
        """Whether the organisation that holds this copy began the deal itself.

        `direction` does not tell: real deals that a partner created were `Incoming`. It is the last resort only.
        """
        if self.is_microsofts_copy:
            return False
        invited_by = self.invite_context.invited_by.organization_id
        if invited_by is not None and self.organization_id is not None:
            return invited_by == self.organization_id
        return self.direction == "Outgoing"

    @property
    def is_closed(self) -> bool:
        """Whether nothing may be written any more."""
        return self.status == Status.CLOSED

    @property
    def microsoft_crm_id(self) -> str | None:
        """The id of the deal in Microsoft's own CRM, once Microsoft has accepted."""
        return self.tracking_info.microsoft_msx_id


class Registration(WireModel):
    """Where Partner Center sends its notifications, and which."""

    webhook_url: str | None = None
    webhook_events: list[str] = Field(default_factory=list)
    subscriber_id: str | None = None


class DeliveryAttempt(WireModel):
    """One try to deliver the validation event."""

    response_code: str | None = None
    response_message: str | None = None
    system_error: bool | None = None
    date_time_utc: Moment | None = None


class ValidationResult(WireModel):
    """How the delivery of a validation event went; `status` is `completed` when it is over."""

    correlation_id: str | None = None
    status: str | None = None
    callback_url: str | None = None
    results: list[DeliveryAttempt] = Field(default_factory=list)

    @property
    def is_completed(self) -> bool:
        """Whether Partner Center is done trying."""
        return (self.status or "").lower() == "completed"

    @property
    def is_delivered(self) -> bool:
        """Whether one of the tries was answered with success."""
        return any((attempt.response_code or "").lower() in _ACCEPTED for attempt in self.results)


_ACCEPTED = frozenset({"ok", "200", "accepted", "202", "nocontent", "no content", "204", "created", "201"})
