"""The whole way, from what both services spell to what they spell afterwards, edit after edit."""

from typing import cast

from hypothesis import example, given, settings
from hypothesis import strategies as st

from cosell.domain.ids import Side
from tests.properties.strategies import (
    CURRENCY_CODES,
    RAW_AMOUNTS,
    RAW_DATES,
    RAW_LONG_NAMES,
    RAW_LONG_NOTES,
    RAW_NAMES,
    RAW_NOTES,
)
from tests.properties.wire import CURRENCY_IDS, MAPPING, World, put

Edit = tuple[str, str, object]

PARTNER_CENTER_EDITS = st.one_of(
    st.tuples(st.just("referral"), st.just("/name"), RAW_LONG_NAMES),
    st.tuples(st.just("referral"), st.just("/details/notes"), RAW_LONG_NOTES),
    st.tuples(st.just("referral"), st.just("/details/dealValue"), RAW_AMOUNTS),
    st.tuples(st.just("referral"), st.just("/details/currency"), CURRENCY_CODES),
    st.tuples(st.just("referral"), st.just("/details/closingDateTime"), RAW_DATES),
    st.tuples(st.just("referral"), st.just("/trackingInfo/microsoftMsxId"), st.sampled_from([None, "7-A", "7-B"])),
    st.tuples(st.just("referral"), st.just("/externalReferenceId"), st.sampled_from([None, "", "OTHER"])),
)
CRM_EDITS = st.one_of(
    st.tuples(st.just("opportunity"), st.just("/name"), RAW_NAMES),
    st.tuples(st.just("opportunity"), st.just("/description"), RAW_NOTES),
    st.tuples(st.just("opportunity"), st.just("/estimatedvalue"), RAW_AMOUNTS),
    st.tuples(
        st.just("opportunity"),
        st.just("/_transactioncurrencyid_value"),
        st.sampled_from([*CURRENCY_IDS.values(), None]),
    ),
    st.tuples(st.just("opportunity"), st.just("/estimatedclosedate"), RAW_DATES),
    st.tuples(st.just("opportunity"), st.just("/cosell_referralid"), st.sampled_from([None, "other"])),
)
CYCLES = st.lists(st.lists(st.one_of(PARTNER_CENTER_EDITS, CRM_EDITS), max_size=4), min_size=1, max_size=4)


def new_world() -> World:
    """Return a pair which has not met yet."""
    return World(
        referral={
            "id": "0b000000-0000-4000-8000-000000000001",
            "name": "Wingtip",
            "details": {"notes": "x", "dealValue": 50000, "currency": "EUR", "closingDateTime": "2027-03-31T00:00:00Z"},
        },
        opportunity={
            "opportunityid": "0a000000-0000-4000-8000-000000000001",
            "name": "Wingtip",
            "description": None,
            "estimatedvalue": None,
            "_transactioncurrencyid_value": CURRENCY_IDS["EUR"],
            "estimatedclosedate": None,
            "cosell_referralid": None,
            "cosell_referrallink": None,
            "cosell_microsoftcrmid": None,
        },
    )


def edit(world: World, edits: list[Edit]) -> None:
    """Let people edit."""
    for side, pointer, value in edits:
        put(cast("dict[str, object]", getattr(world, side)), pointer, value)


@given(cycles=CYCLES)
@settings(max_examples=150)
@example(cycles=[[("opportunity", "/name", "n" * 300)]])
@example(cycles=[[("referral", "/name", "✔ Wingtip")]])
@example(cycles=[[("referral", "/details/notes", "y " * 1500)], [("opportunity", "/description", "short")]])
@example(cycles=[[("referral", "/details/dealValue", "1e30")]])
def test_after_the_last_edit_the_second_cycle_writes_nothing(cycles: list[list[Edit]]) -> None:
    world = new_world()
    for edits in cycles:
        edit(world, edits)
        world.sync()
        opportunity, referral = dict(world.opportunity), repr(world.referral)
        echo = world.sync()
        assert echo.is_empty, "echo"
        assert (world.opportunity, repr(world.referral)) == (opportunity, referral)


@given(cycles=CYCLES)
@settings(max_examples=150)
def test_both_sides_agree_in_all_that_was_understood_and_could_travel(cycles: list[list[Edit]]) -> None:
    world = new_world()
    for edits in cycles:
        edit(world, edits)
        plan = world.sync()
        seen = world.look()
        held = {note.key.split(":")[1] for note in plan.notes if note.key.startswith("held:")}
        for row in MAPPING.fields:
            if row.field in seen.referral and row.field in seen.opportunity and row.field not in held:
                theirs, whole = seen.referral[row.field], seen.whole.get(row.field)
                if theirs is not None or row.direction.value == "both":
                    assert seen.opportunity[row.field] in (theirs, whole)


@given(cycles=CYCLES)
@settings(max_examples=60)
def test_our_marks_never_travel(cycles: list[list[Edit]]) -> None:
    world = new_world()
    for edits in cycles:
        edit(world, edits)
        for value in world.sync().changes_on(Side.PARTNER_CENTER).values():
            assert not str(value).startswith(("✔", "✖", "✓", "✗"))
