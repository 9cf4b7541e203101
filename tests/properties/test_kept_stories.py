"""Stories which broke a promise once, or which are near to it: each as the machine told it, step by step.

Paste what `make soak` prints, give it a name, and leave it here.
"""

from collections.abc import Iterator

import pytest

from tests.properties.machine import Edit, Machine
from tests.properties.people import Where
from tests.properties.trouble import TroubledFate
from tests.sync.fate import Killed

NOTES = ("notes",)


@pytest.fixture
def state() -> Iterator[Machine]:
    """Return a machine on the first day; in the end it is judged."""
    machine = Machine()
    machine.begin(invited=False)
    yield machine
    machine.teardown()


def dead_after_the_referral_was_written() -> TroubledFate:
    """Return the fate of a run which dies between its write to Partner Center and the record of it."""
    fate = TroubledFate()

    async def die() -> None:
        fate.is_dead = True
        raise Killed("after the referral was written")

    fate.just_after("PATCH /v1.0/", die)
    return fate


@pytest.mark.parametrize("where", list(Where))
def test_edit_after_a_kill_between_the_write_and_its_record_leaves_a_trace_of_every_value(
    state: Machine, where: Where
) -> None:
    """The ledger cannot know that its own value was taken: the next edit of that field is listed as a conflict."""
    state.do(state.story.run(8))
    state.somebody_edits(edit=Edit(deal=0, where=Where.CRM, names=NOTES))
    state.do(state.story.run(8, dead_after_the_referral_was_written()))
    assert state.story.town.ended_by == ["Killed"]
    state.somebody_edits(edit=Edit(deal=0, where=where, names=NOTES))


def test_sign_in_which_ends_in_the_middle_and_a_token_which_is_revoked_lose_nothing(state: Machine) -> None:
    state.another_deal(invited=True)
    state.do(state.story.run(6))
    state.both_sides_edit(
        first=Edit(deal=0, where=Where.CRM, names=NOTES), second=Edit(deal=1, where=Where.PORTAL, names=NOTES)
    )
    state.the_sign_in_ends_or_is_renewed(is_lost=True)
    state.a_token_is_revoked(bearer="application")
    state.do(state.story.run(8))
    state.do(state.story.run(6))
    assert state.story.town.ended_by == ["SignInRequired", "SignInRequired"]
