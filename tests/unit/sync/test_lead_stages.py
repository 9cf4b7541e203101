"""The status machine of leads as tables, written by hand: a row for each referral stage, a column for each lead stage.

`.` nothing · `>declined` the referral moves · `qualify` it becomes an opportunity · `follow` it has become one ·
`close` it is disqualified · `stays` refused: a closed referral stays closed · `differ` refused: closed differently ·
`ask` refused: qualified before the invitation was seen · `pc` refused: answered in Partner Center only · `info` for
information only · `?` refused: not understood.
"""

from dataclasses import replace

import pytest

from cosell.domain.stages import REFERRAL_STATUSES, LeadStage, OpportunityStage, ReferralStage
from cosell.sync.leads.stages import LeadDecision, LeadMove, LeadSeen, decide_lead
from cosell.sync.stages import StagePair

LEAD_STAGES = ("open", "qualified", "disqualified", "unknown")

FIRST_MEETING = """
    invited     .        ask     >declined  ?
    active      qualify  follow  >lost      ?
    won         qualify  follow  differ     ?
    lost        close    follow  .          ?
    declined    close    follow  .          ?
    expired     close    follow  .          ?
    error       close    follow  .          ?
    closed      ?        ?       ?          ?
    unknown     ?        ?       ?          ?
"""
WHILE_IT_WAITS = FIRST_MEETING.replace("ask   ", "follow")
AFTER_DECLINED = """
    invited     .        follow  >declined  ?
    active      qualify  follow  >lost      ?
    won         qualify  follow  differ     ?
    lost        close    follow  .          ?
    declined    stays    stays   .          ?
    expired     close    follow  .          ?
    error       close    follow  .          ?
    closed      ?        ?       ?          ?
    unknown     ?        ?       ?          ?
"""
FOR_INFORMATION = """
    invited     .        info    info       ?
    active      qualify  follow  info       ?
    won         qualify  follow  info       ?
    lost        close    info    info       ?
    declined    close    info    info       ?
    expired     info     info    info       ?
    error       close    info    info       ?
    closed      ?        ?       ?          ?
    unknown     ?        ?       ?          ?
"""
ANSWERED_ELSEWHERE = WHILE_IT_WAITS.replace(
    "invited     .        follow  >declined", "invited     .        pc      pc       "
)
WAITING = ("invited", "on_hold")
TABLES: dict[str, tuple[str, tuple[str, str] | None, LeadSeen]] = {
    story: (table, base, LeadSeen(referral=ReferralStage.UNKNOWN, lead=LeadStage.UNKNOWN, has_opportunity=True, **how))
    for story, table, base, how in (
        ("first meeting", FIRST_MEETING, None, {}),
        ("while it waits", WHILE_IT_WAITS, WAITING, {}),
        ("after declined", AFTER_DECLINED, ("declined", "lost"), {}),
        ("for information", FOR_INFORMATION, WAITING, {"is_for_information": True}),
        ("answered in Partner Center only", ANSWERED_ELSEWHERE, WAITING, {"may_answer": False}),
    )
}
REFUSALS = {
    "stays": "a closed referral stays closed",
    "differ": "closed differently on both sides",
    "ask": "qualified before the invitation was seen",
    "pc": "answered in Partner Center only",
    "?": "unknown stage",
}
MOVES = {LeadMove.QUALIFY: "qualify", LeadMove.FOLLOW: "follow", LeadMove.DISQUALIFY: "close"}


def base_of(words: tuple[str, str] | None) -> StagePair | None:
    if words is None:
        return None
    return StagePair(referral=ReferralStage(words[0]), opportunity=OpportunityStage(words[1]))


def cells() -> list[tuple[str, StagePair | None, LeadSeen, str]]:
    return [
        (story, base_of(base), replace(seen, referral=ReferralStage(words[0]), lead=LeadStage(lead)), expected)
        for story, (table, base, seen) in TABLES.items()
        for words in (line.split() for line in table.strip().splitlines())
        for lead, expected in zip(LEAD_STAGES, words[1:], strict=True)
    ]


def spell(decision: LeadDecision) -> str:
    if decision.refused:
        return next(sign for sign, rule in REFUSALS.items() if rule == decision.rule)
    if decision.move_referral_to:
        return f">{decision.move_referral_to}"
    if decision.move is not LeadMove.STAY:
        return MOVES[decision.move]
    return "info" if decision.rule == "for information only" else "."


@pytest.mark.parametrize(
    ("base", "now", "expected"),
    [cell[1:] for cell in cells()],
    ids=[f"{story}: {now.referral}, {now.lead}" for story, _, now, _ in cells()],
)
def test_each_cell_of_the_tables(base: StagePair | None, now: LeadSeen, expected: str) -> None:
    assert spell(decide_lead(now, base=base)) == expected


def test_the_tables_are_complete() -> None:
    assert {now.lead for _, _, now, _ in cells()} == set(LeadStage)
    assert len(cells()) == len(TABLES) * len(ReferralStage) * len(LeadStage)


def test_a_closed_referral_is_never_written_and_one_side_moves_at_most() -> None:
    for _, base, now, _ in cells():
        decision = decide_lead(now, base=base)
        assert not (now.referral.is_terminal and decision.move_referral_to)
        assert not (decision.move_referral_to and decision.move is not LeadMove.STAY)
        assert not (decision.refused and (decision.move_referral_to or decision.move is not LeadMove.STAY))


def test_a_referral_only_moves_to_what_may_be_written() -> None:
    moves = {(now.referral, decide_lead(now, base=base).move_referral_to) for _, base, now, _ in cells()}
    written = {(before, after) for before, after in moves if after is not None}
    assert written == {
        (ReferralStage.INVITED, ReferralStage.DECLINED),
        (ReferralStage.ACTIVE, ReferralStage.LOST),
    }
    assert {after for _, after in written} <= set(REFERRAL_STATUSES)


def test_what_was_qualified_without_an_opportunity_has_nothing_to_go_on_with() -> None:
    for _, base, now, expected in cells():
        decision = decide_lead(replace(now, has_opportunity=False), base=base)
        assert (decision.rule == "qualified without an opportunity") is (expected == "follow")
        assert bool(decision.refused) is (expected == "follow" or expected in REFUSALS)


def test_what_was_decided_needs_no_second_decision() -> None:
    after_of = {LeadMove.DISQUALIFY: LeadStage.DISQUALIFIED, LeadMove.QUALIFY: LeadStage.QUALIFIED}
    for _, base, now, _ in cells():
        first = decide_lead(now, base=base)
        if first.refused or first.move is LeadMove.FOLLOW:
            continue
        after = replace(now, referral=first.move_referral_to or now.referral, lead=after_of.get(first.move, now.lead))
        second = decide_lead(after, base=base)
        assert spell(second) in ({"follow"} if first.move is LeadMove.QUALIFY else {".", "info"})
