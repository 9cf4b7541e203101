"""The status machine as tables, written by hand: a row for each referral stage, a column for each opportunity stage.

`.` in step · `>won` the referral moves to won · `<open` the opportunity moves to open · `stays` refused: a closed
referral stays closed · `differ` refused: closed differently · `ask` refused: open before the invitation was seen ·
`?` refused: not understood · `portal` refused: the setting leaves the answer to Partner Center.
"""

import pytest

from cosell.domain.stages import (
    REFERRAL_STATUSES,
    OpportunityStage,
    ReferralStage,
    read_referral_stage,
)
from cosell.mapping.loader import load_mappings
from cosell.mapping.statuses import StatusBook
from cosell.sync.stages import EXPECTED, StageDecision, StagePair, decide_stage

OPPORTUNITY_STAGES = ("on_hold", "open", "won", "lost", "unknown")

FIRST_MEETING = """
    invited     .      ask      >won    >declined  ?
    active      .      .        >won    >lost      ?
    won         <won   <won     .       differ     ?
    lost        <lost  <lost    differ  .          ?
    declined    <lost  <lost    differ  .          ?
    expired     <lost  <lost    differ  .          ?
    error       <lost  <lost    differ  .          ?
    closed      ?      ?        ?       ?          ?
    unknown     ?      ?        ?       ?          ?
"""
AFTER_AN_INVITATION = """
    invited     .      >active  >won    >declined  ?
    active      <open  .        >won    >lost      ?
    won         <won   <won     .       differ     ?
    lost        <lost  <lost    differ  .          ?
    declined    <lost  <lost    differ  .          ?
    expired     <lost  <lost    differ  .          ?
    error       <lost  <lost    differ  .          ?
    closed      ?      ?        ?       ?          ?
    unknown     ?      ?        ?       ?          ?
"""
WHILE_ACTIVE = """
    invited     .      >active  >won    >declined  ?
    active      .      .        >won    >lost      ?
    won         <won   <won     .       differ     ?
    lost        <lost  <lost    differ  .          ?
    declined    <lost  <lost    differ  .          ?
    expired     <lost  <lost    differ  .          ?
    error       <lost  <lost    differ  .          ?
    closed      ?      ?        ?       ?          ?
    unknown     ?      ?        ?       ?          ?
"""
AFTER_WON = """
    invited     .      >active  >won    >declined  ?
    active      .      .        >won    >lost      ?
    won         stays  stays    .       stays      ?
    lost        <lost  <lost    differ  .          ?
    declined    <lost  <lost    differ  .          ?
    expired     <lost  <lost    differ  .          ?
    error       <lost  <lost    differ  .          ?
    closed      ?      ?        ?       ?          ?
    unknown     ?      ?        ?       ?          ?
"""
AFTER_LOST = """
    invited     .      >active  >won    >declined  ?
    active      .      .        >won    >lost      ?
    won         <won   <won     .       differ     ?
    lost        stays  stays    stays   .          ?
    declined    <lost  <lost    differ  .          ?
    expired     <lost  <lost    differ  .          ?
    error       <lost  <lost    differ  .          ?
    closed      ?      ?        ?       ?          ?
    unknown     ?      ?        ?       ?          ?
"""
AFTER_DECLINED = """
    invited     .      >active  >won    >declined  ?
    active      .      .        >won    >lost      ?
    won         <won   <won     .       differ     ?
    lost        <lost  <lost    differ  .          ?
    declined    stays  stays    stays   .          ?
    expired     <lost  <lost    differ  .          ?
    error       <lost  <lost    differ  .          ?
    closed      ?      ?        ?       ?          ?
    unknown     ?      ?        ?       ?          ?
"""
TABLES: dict[str, tuple[str, tuple[str, str] | None]] = {
    "first meeting": (FIRST_MEETING, None),
    "after an invitation": (AFTER_AN_INVITATION, ("invited", "on_hold")),
    "while active": (WHILE_ACTIVE, ("active", "open")),
    "while active and on hold": (WHILE_ACTIVE, ("active", "on_hold")),
    "after won": (AFTER_WON, ("won", "won")),
    "after lost": (AFTER_LOST, ("lost", "lost")),
    "after declined": (AFTER_DECLINED, ("declined", "lost")),
}
REFUSALS = {
    "stays": "a closed referral stays closed",
    "differ": "closed differently on both sides",
    "ask": "open before the invitation was seen",
    "?": "unknown stage",
    "portal": "answered in Partner Center only",
}
ANSWERED_IN_THE_PORTAL = "invited     .      portal  portal  portal     ?"
"""In place of the first row of each table, when the setting for on-hold handling says so."""
SUBSTATUSES = (None, "None", "Pending", "Received", "Accepted", "Won", "Lost", "Declined", "Expired", "Error", "Odd")
NOTHING = "unknown " * len(SUBSTATUSES)
STAGES_BY_STATUS: dict[str | None, str] = {
    None: NOTHING,
    "None": NOTHING,
    "New": "unknown unknown invited invited unknown unknown unknown unknown unknown unknown unknown",
    "Active": "unknown unknown unknown unknown active unknown unknown unknown unknown unknown unknown",
    "Closed": "closed closed closed closed closed won lost declined expired error closed",
    "Odd": NOTHING,
}
"""The stage of a referral for each status, in the order of SUBSTATUSES."""
STATUS_REASONS = {(0, 2): "on_hold", (0, 1): "open", (0, 99): "open", (1, 3): "won", (1, 99): "won"} | {
    (2, 4): "lost",
    (2, 5): "lost",
    (2, 99): "lost",
    (3, 6): "unknown",
    (None, None): "unknown",
}
"""The stage of an opportunity for each state and status reason; 99 is one of the partner's own."""


def pair(referral: str, opportunity: str) -> StagePair:
    return StagePair(referral=ReferralStage(referral), opportunity=OpportunityStage(opportunity))


def rows_of(table: str, invited: str = "") -> list[str]:
    first, *others = table.strip().splitlines()
    return [invited or first, *others]


def cells(invited: str = "") -> list[tuple[str, StagePair | None, StagePair, str]]:
    return [
        (story, pair(*base) if base else None, pair(words[0], opportunity), expected)
        for story, (table, base) in TABLES.items()
        for words in (line.split() for line in rows_of(table, invited))
        for opportunity, expected in zip(OPPORTUNITY_STAGES, words[1:], strict=True)
    ]


def spell(decision: StageDecision) -> str:
    if decision.refused:
        return next(sign for sign, rule in REFUSALS.items() if rule == decision.rule)
    if decision.move_referral_to:
        return f">{decision.move_referral_to}"
    return f"<{decision.move_opportunity_to}" if decision.move_opportunity_to else "."


@pytest.mark.parametrize(
    ("base", "now", "expected"),
    [cell[1:] for cell in cells()],
    ids=[f"{story}: {now.referral}, {now.opportunity}" for story, _, now, _ in cells()],
)
def test_each_cell_of_the_tables(base: StagePair | None, now: StagePair, expected: str) -> None:
    assert spell(decide_stage(now, base=base)) == expected


@pytest.mark.parametrize(
    ("base", "now", "expected"),
    [cell[1:] for cell in cells(invited=ANSWERED_IN_THE_PORTAL)],
    ids=[f"{story}: {now.referral}, {now.opportunity}" for story, _, now, _ in cells()],
)
def test_each_cell_when_invitations_are_answered_in_the_portal(
    base: StagePair | None, now: StagePair, expected: str
) -> None:
    decision = decide_stage(now, base=base, may_answer=False)
    assert spell(decision) == expected
    assert not (now.referral is ReferralStage.INVITED and decision.move_referral_to)


@pytest.mark.parametrize("status", STAGES_BY_STATUS, ids=str)
@pytest.mark.parametrize("story", TABLES)
def test_every_status_with_every_status_reason_comes_to_a_cell(status: str | None, story: str) -> None:
    book = StatusBook(rows=load_mappings().statuses.opportunity)
    base = TABLES[story][1]
    outcomes = {
        (now.referral.value, now.opportunity.value): expected for name, _, now, expected in cells() if name == story
    }
    for substatus, referral in zip(SUBSTATUSES, STAGES_BY_STATUS[status].split(), strict=True):
        for (state, reason), opportunity in STATUS_REASONS.items():
            now = StagePair(referral=read_referral_stage(status, substatus), opportunity=book.read_stage(state, reason))
            assert (now.referral, now.opportunity) == (referral, opportunity)
            decision = decide_stage(now, base=pair(*base) if base else None)
            assert spell(decision) == outcomes[referral, opportunity]


def test_the_tables_are_complete() -> None:
    assert {now.opportunity for _, _, now, _ in cells()} == set(OpportunityStage)
    assert len(cells()) == len(TABLES) * len(ReferralStage) * len(OpportunityStage)


def test_a_closed_referral_is_never_written() -> None:
    for _, base, now, _ in cells():
        decision = decide_stage(now, base=base)
        assert not (now.referral.is_terminal and decision.move_referral_to)
        assert not (decision.move_referral_to and decision.move_opportunity_to), "one side moves at most"
        assert not (decision.refused and (decision.move_referral_to or decision.move_opportunity_to))


def test_a_referral_only_moves_forward_and_only_to_what_may_be_written() -> None:
    forward = {
        ReferralStage.INVITED: {ReferralStage.ACTIVE, ReferralStage.WON, ReferralStage.DECLINED},
        ReferralStage.ACTIVE: {ReferralStage.WON, ReferralStage.LOST},
    }
    for _, base, now, _ in cells():
        target = decide_stage(now, base=base).move_referral_to
        assert target is None or (target in forward[now.referral] and target in REFERRAL_STATUSES)


def test_what_was_decided_needs_no_second_decision() -> None:
    for _, base, now, _ in cells():
        first = decide_stage(now, base=base)
        after = StagePair(
            referral=first.move_referral_to or now.referral, opportunity=first.move_opportunity_to or now.opportunity
        )
        second = decide_stage(after, base=base if first.refused else after)
        assert second == first if first.refused else spell(second) == "."


def test_an_opportunity_of_every_stage_can_be_created() -> None:
    assert set(EXPECTED) == set(ReferralStage)
    assert EXPECTED[ReferralStage.UNKNOWN] is OpportunityStage.ON_HOLD, "open would mean that a seller accepted"


@pytest.mark.parametrize(
    ("status", "substatus", "stage"),
    [
        ("New", "Pending", ReferralStage.INVITED),
        ("New", "Received", ReferralStage.INVITED),
        ("ACTIVE", "accepted", ReferralStage.ACTIVE),
        ("Closed", "Won", ReferralStage.WON),
        ("Closed", "Lost", ReferralStage.LOST),
        ("Closed", "Declined", ReferralStage.DECLINED),
        ("Closed", "Expired", ReferralStage.EXPIRED),
        ("Closed", "Error", ReferralStage.ERROR),
        ("Closed", "Archived", ReferralStage.CLOSED),
        ("Closed", None, ReferralStage.CLOSED),
        ("Active", "Paused", ReferralStage.UNKNOWN),
        ("None", "None", ReferralStage.UNKNOWN),
        (None, None, ReferralStage.UNKNOWN),
    ],
)
def test_status_and_substatus_make_a_stage(status: str | None, substatus: str | None, stage: ReferralStage) -> None:
    assert read_referral_stage(status, substatus) is stage


def test_what_is_written_is_read_back_as_the_same() -> None:
    assert {stage: read_referral_stage(*words) for stage, words in REFERRAL_STATUSES.items()} == {
        stage: stage for stage in REFERRAL_STATUSES
    }


def test_a_closed_referral_whose_outcome_is_not_known_is_closed_all_the_same() -> None:
    assert read_referral_stage("Closed", "Something New").is_terminal
