"""The promises of docs/delivery.md under everything that may happen: hypothesis chooses the steps, each time the same.

One run of the machine serves all tests of this file; each of them asks for one promise. `make soak MINUTES=n` goes on
where this stops.
"""

import pytest
from hypothesis import Phase, settings
from hypothesis.errors import FlakyFailure
from hypothesis.stateful import run_state_machine_as_test

from tests.properties.machine import Broken, Machine

EXAMPLES = 20
STEPS = 12
pytestmark = pytest.mark.timeout(900)  # a busy machine takes its time


@pytest.fixture(scope="module")
def broken() -> Broken | None:
    """Return what was found, with the steps which led there."""
    # Without shrinking, which takes minutes here: `make soak SEED=n` does it for whoever looks into a failure.
    chosen = settings(max_examples=EXAMPLES, stateful_step_count=STEPS, phases=[Phase.generate])
    try:
        run_state_machine_as_test(Machine, settings=chosen)
    except Broken as found:
        return found
    except FlakyFailure as found:  # ids are new each time, and with them the order of what happens at once
        first = next((error for error in found.exceptions if isinstance(error, Broken)), None)
        if first is None:
            raise
        return first
    return None


def ask(broken: Broken | None, promise: int) -> None:
    """Fail when the promise was broken."""
    faults = [fault for fault in broken.faults if fault.startswith(f"{promise}:")] if broken else []
    if faults:
        pytest.fail("\n".join([*faults, *getattr(broken, "__notes__", [])]))


def test_nothing_is_lost_whatever_happens(broken: Broken | None) -> None:
    ask(broken, 1)


def test_one_deal_stays_one_referral_and_one_opportunity_whatever_happens(broken: Broken | None) -> None:
    ask(broken, 2)


def test_silence_follows_the_last_edit_whatever_happens(broken: Broken | None) -> None:
    ask(broken, 3)


def test_no_value_is_overwritten_in_silence_whatever_happens(broken: Broken | None) -> None:
    ask(broken, 4)


def test_no_rule_of_the_services_is_broken_whatever_happens(broken: Broken | None) -> None:
    ask(broken, 7)


def test_runs_which_died_leave_nothing_in_hand_whatever_happens(broken: Broken | None) -> None:
    ask(broken, 9)
