"""The clocks of a deal: which run, what is told of them and when the next word is due."""

from datetime import UTC, datetime, timedelta

import pytest

from cosell.domain.stages import ReferralStage
from cosell.sync.deadlines import (
    Deadline,
    DeadlineKind,
    find_deadlines,
    find_early_win,
    find_next_reminder,
    iter_notes,
    read_deadlines,
    still_running,
    write_deadlines,
)

CREATED = datetime(2027, 3, 1, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)
BY = CREATED + 14 * DAY
RUNS: dict[ReferralStage, set[str]] = {
    ReferralStage.INVITED: {"answer", "microsoft", "won"},
    ReferralStage.ACTIVE: {"microsoft", "won"},
}


def clocks(stage: ReferralStage, *, now: datetime = CREATED, is_cosell: bool = True) -> tuple[Deadline, ...]:
    return find_deadlines(stage, now=now, created_at=CREATED, expires_at=None, is_cosell=is_cosell, microsoft_by=BY)


def keys(kind: DeadlineKind, *, left: timedelta, stage: ReferralStage = ReferralStage.INVITED) -> list[str]:
    item = Deadline(kind=kind, at=BY)
    return [note.key for note in iter_notes([item], stage=stage, now=BY - left, event="event:", may_answer=True)]


@pytest.mark.parametrize("stage", ReferralStage)
def test_each_stage_has_its_clocks(stage: ReferralStage) -> None:
    assert {item.kind.value for item in clocks(stage)} == RUNS.get(stage, set())
    assert {item.kind.value for item in still_running(clocks(ReferralStage.INVITED), stage)} == RUNS.get(stage, set())


def test_invitation_expires_when_partner_center_says_so_and_else_after_14_days() -> None:
    assert clocks(ReferralStage.INVITED)[0].at == BY
    said = find_deadlines(
        ReferralStage.INVITED, now=CREATED, created_at=CREATED, expires_at=CREATED + DAY, is_cosell=False
    )
    assert said == (Deadline(kind=DeadlineKind.ANSWER, at=CREATED + DAY),)
    assert find_deadlines(ReferralStage.INVITED, now=CREATED, created_at=None, expires_at=None, is_cosell=True) == (), (
        "without a date there is nothing to count from"
    )


def test_private_deal_may_be_won_at_once_and_a_cosell_deal_after_72_hours() -> None:
    kinds = [item.kind for item in clocks(ReferralStage.ACTIVE, is_cosell=False)]
    assert DeadlineKind.WON not in kinds
    (won,) = [item for item in clocks(ReferralStage.ACTIVE) if item.kind is DeadlineKind.WON]
    assert won.at == CREATED + timedelta(hours=72)
    later = clocks(ReferralStage.ACTIVE, now=CREATED + timedelta(hours=72))
    assert DeadlineKind.WON not in [item.kind for item in later]


@pytest.mark.parametrize(
    ("left", "answer", "microsoft"),
    [
        (14 * DAY, "first", None),
        (7 * DAY + timedelta(seconds=1), "first", None),
        (7 * DAY, "7", "7"),
        (4 * DAY, "7", "7"),
        (3 * DAY, "3", "3"),
        (DAY, "1", "1"),
        (timedelta(seconds=1), "1", "1"),
        (timedelta(0), "0", "0"),
        (-DAY, "0", "0"),
    ],
)
def test_steps_have_keys_of_their_own(left: timedelta, answer: str, microsoft: str | None) -> None:
    assert keys(DeadlineKind.ANSWER, left=left) == [f"deadline:answer:{answer}"]
    assert keys(DeadlineKind.MICROSOFT, left=left) == ([f"deadline:microsoft:{microsoft}"] if microsoft else [])


def test_sentences_say_until_when_and_where() -> None:
    item = Deadline(kind=DeadlineKind.ANSWER, at=BY)
    (here,) = iter_notes([item], stage=ReferralStage.INVITED, now=CREATED, event="event:", may_answer=True)
    (there,) = iter_notes([item], stage=ReferralStage.INVITED, now=BY - DAY, event="event:", may_answer=False)
    assert here.text == "Answer this invitation by 2027-03-15 09:30 UTC (14 days left), or it expires."
    assert there.text == (
        "Answer this invitation in Partner Center by 2027-03-15 09:30 UTC (1 day left), or it expires."
    )
    assert [note for note in (here, there) if note.is_problem] == []


def test_when_a_deal_may_be_won_is_said_once_it_is_accepted() -> None:
    assert keys(DeadlineKind.WON, left=DAY, stage=ReferralStage.INVITED) == []
    assert keys(DeadlineKind.WON, left=DAY, stage=ReferralStage.ACTIVE) == ["event:won_from"]


def test_win_is_early_while_the_72_hours_run() -> None:
    running, over = clocks(ReferralStage.ACTIVE), clocks(ReferralStage.ACTIVE, now=CREATED + 4 * DAY)
    assert find_early_win(running, moves_to=ReferralStage.WON, event="event:") is not None
    assert find_early_win(running, moves_to=ReferralStage.LOST, event="event:") is None
    assert find_early_win(running, moves_to=None, event="event:") is None
    assert find_early_win(over, moves_to=ReferralStage.WON, event="event:") is None


def test_reminders_come_in_turn_and_end() -> None:
    item = Deadline(kind=DeadlineKind.ANSWER, at=BY)
    now, left = CREATED, []
    while (at := find_next_reminder([item], now=now)) is not None:
        left.append((BY - at) // DAY)
        now = at
    assert left == [7, 3, 1, 0]
    assert find_next_reminder([Deadline(kind=DeadlineKind.WON, at=BY)], now=CREATED) == BY
    assert find_next_reminder([], now=CREATED) is None


def test_base_keeps_the_clocks() -> None:
    running = clocks(ReferralStage.INVITED)
    assert set(read_deadlines(write_deadlines(running))) == set(running)
    assert read_deadlines({"$answer_by": None, "name": "Ordering system"}) == ()
