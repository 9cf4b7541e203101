from cosell.domain.flows import ACTIVATION_ORDER, FlowName


def test_nine_flows_are_activated_in_the_order_of_the_connector() -> None:
    assert [flow.value for flow in ACTIVATION_ORDER] == [
        "register-webhook",
        "create-cosell-referral",
        "customize-dynamics-details",
        "partner-center-to-dynamics-helper",
        "microsoft-referrals-to-dynamics",
        "partner-center-to-dynamics",
        "dynamics-to-partner-center",
        "opportunities-to-partner-center",
        "solutions-to-partner-center",
    ]
    assert [flow.number for flow in ACTIVATION_ORDER] == list(range(1, 10))


def test_first_flow_needs_none_and_nothing_depends_on_the_last() -> None:
    assert FlowName.REGISTER_WEBHOOK.predecessors == ()
    assert FlowName.SOLUTIONS_TO_PARTNER_CENTER.dependants == ()


def test_every_other_flow_comes_before_or_after() -> None:
    for flow in FlowName:
        assert (*flow.predecessors, flow, *flow.dependants) == ACTIVATION_ORDER
