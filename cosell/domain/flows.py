"""The nine flows and the order in which they are activated (Microsoft: Co-sell connector, activation order)."""

from enum import StrEnum


class FlowName(StrEnum):
    """Flow names as the Prefect UI shows them, in activation order."""

    REGISTER_WEBHOOK = "register-webhook"
    CREATE_COSELL_REFERRAL = "create-cosell-referral"
    CUSTOMIZE_DYNAMICS_DETAILS = "customize-dynamics-details"
    PARTNER_CENTER_TO_DYNAMICS_HELPER = "partner-center-to-dynamics-helper"
    MICROSOFT_REFERRALS_TO_DYNAMICS = "microsoft-referrals-to-dynamics"
    PARTNER_CENTER_TO_DYNAMICS = "partner-center-to-dynamics"
    DYNAMICS_TO_PARTNER_CENTER = "dynamics-to-partner-center"
    OPPORTUNITIES_TO_PARTNER_CENTER = "opportunities-to-partner-center"
    SOLUTIONS_TO_PARTNER_CENTER = "solutions-to-partner-center"

    @property
    def number(self) -> int:
        """Its place in the activation order, from 1."""
        return ACTIVATION_ORDER.index(self) + 1

    @property
    def predecessors(self) -> tuple["FlowName", ...]:
        """The flows which must be active before this one."""
        return ACTIVATION_ORDER[: self.number - 1]

    @property
    def dependants(self) -> tuple["FlowName", ...]:
        """The flows which cannot be active without this one."""
        return ACTIVATION_ORDER[self.number :]


ACTIVATION_ORDER: tuple[FlowName, ...] = tuple(FlowName)
