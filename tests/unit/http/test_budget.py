"""How an account is booked: never beyond its limit, people before the background, nothing during a pause."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from cosell.http.budget import QUIET_SECONDS, Booked, Limit, Urgency, book, pause

FIVE_A_SECOND = Limit(account="partner-center:t", lanes=5, interval_seconds=1.0)
EVEN = Limit(account="dataverse:h:c", interval_seconds=0.1, burst_seconds=3.0, block=10)
NOW = 1_000_000.0


def most_within(starts: Sequence[float], seconds: float) -> int:
    ordered = sorted(starts)
    return max(sum(first <= other < first + seconds - 1e-6 for other in ordered) for first in ordered)


def book_all(limit: Limit, asked: Sequence[tuple[float, Urgency, int]]) -> list[float]:
    starts: list[float] = []
    booked, now = Booked(), NOW
    for later, urgency, count in asked:
        now += later
        booked, grant = book(booked, limit, urgency=urgency, count=count, now=now)
        assert all(start >= now for start in grant.starts)
        starts += grant.starts
    return starts


ASKED = st.lists(
    st.tuples(
        st.floats(min_value=0, max_value=3), st.sampled_from(list(Urgency)), st.integers(min_value=1, max_value=10)
    ),
    min_size=1,
    max_size=60,
)


@given(asked=ASKED)
def test_no_more_than_the_limit_starts_within_any_second_whoever_asks(
    asked: list[tuple[float, Urgency, int]],
) -> None:
    starts = book_all(FIVE_A_SECOND, asked)

    assert not starts or most_within(starts, 1.0) <= 5


@given(asked=ASKED)
def test_burst_is_taken_off_what_any_longer_time_may_have(asked: list[tuple[float, Urgency, int]]) -> None:
    starts = book_all(EVEN, asked)

    within, slack = 10.0, EVEN.block  # a block of the background starts at once
    assert not starts or most_within(starts, within) <= (within + EVEN.burst_seconds) / EVEN.interval_seconds + slack


def test_after_a_quiet_time_a_handful_does_not_wait() -> None:
    _, grant = book(Booked(), EVEN, urgency=Urgency.FOREGROUND, count=10, now=NOW)

    assert grant.starts == (NOW,) * 10


def test_people_book_ahead_and_the_background_is_told_to_come_back() -> None:
    booked, first = book(Booked(), FIVE_A_SECOND, urgency=Urgency.FOREGROUND, count=7, now=NOW)
    after, grant = book(booked, FIVE_A_SECOND, urgency=Urgency.BACKGROUND, count=1, now=NOW)

    assert first.starts == (NOW,) * 5 + (NOW + 1,) * 2
    assert (grant.starts, grant.again_at) == ((), NOW + 1)
    assert after == booked


def test_background_alone_has_all_of_it_and_half_beside_people() -> None:
    def rate(*, beside_people: bool) -> int:
        booked, now, sent = Booked(foreground_at=NOW - 2 * QUIET_SECONDS), NOW, 0
        while now < NOW + 20:
            if beside_people:
                booked, _ = book(booked, FIVE_A_SECOND, urgency=Urgency.FOREGROUND, count=1, now=now)
            booked, grant = book(booked, FIVE_A_SECOND, urgency=Urgency.BACKGROUND, count=1, now=now)
            sent += len(grant.starts)
            now += 0.5 if beside_people else 0.05
        return sent

    assert 95 <= rate(beside_people=False) <= 101
    assert rate(beside_people=True) <= 51


def test_whoever_comes_while_the_background_is_at_work_waits_for_one_turn_at_most() -> None:
    booked, now = Booked(), NOW
    while now < NOW + 10:
        booked, _ = book(booked, FIVE_A_SECOND, urgency=Urgency.BACKGROUND, count=1, now=now)
        now += 0.01
    _, grant = book(booked, FIVE_A_SECOND, urgency=Urgency.FOREGROUND, count=1, now=now)

    assert grant.starts[0] - now <= FIVE_A_SECOND.spacing_seconds + 0.02


def test_background_leaves_half_of_the_burst_to_people() -> None:
    booked, now = Booked(), NOW
    while now < NOW + 30:
        booked, _ = book(booked, EVEN, urgency=Urgency.BACKGROUND, count=10, now=now)
        now += 0.1
    _, grant = book(booked, EVEN, urgency=Urgency.FOREGROUND, count=10, now=now)

    assert grant.starts == (now,) * 10


def test_nothing_starts_before_a_pause_is_over_and_a_shorter_one_does_not_end_it() -> None:
    booked = pause(pause(Booked(), until=NOW + 60), until=NOW + 5)

    _, people = book(booked, EVEN, urgency=Urgency.FOREGROUND, count=3, now=NOW)
    _, background = book(booked, EVEN, urgency=Urgency.BACKGROUND, count=3, now=NOW)

    assert people.starts[0] == NOW + 60
    assert people.paused_until == NOW + 60
    assert background.starts == ()
    assert background.again_at > NOW + 60


def test_limit_which_was_changed_goes_on_from_what_is_booked() -> None:
    booked, _ = book(Booked(), FIVE_A_SECOND, urgency=Urgency.FOREGROUND, count=5, now=NOW)
    two = Limit(account=FIVE_A_SECOND.account, lanes=2, interval_seconds=1.0)

    _, grant = book(booked, two, urgency=Urgency.FOREGROUND, count=3, now=NOW)

    assert grant.starts == (NOW + 1, NOW + 1, NOW + 2)


def test_what_was_booked_is_read_as_it_was_written() -> None:
    booked = Booked(lanes=(1.5, 2.0), paused_until=3.25, foreground_at=4.0, background_from=5.5)

    assert Booked.from_json(booked.to_json()) == booked
    assert Booked.from_json({"lanes": "x", "paused_until": None}) == Booked()
