"""What a plan promises for every base and every edit on both sides."""

from collections.abc import Mapping

from hypothesis import example, given, settings
from hypothesis import strategies as st

from cosell.domain.ids import Side
from cosell.domain.snapshot import Value, is_empty
from cosell.domain.stages import OpportunityStage, ReferralStage
from cosell.mapping.models import Direction, FieldRow, Frozen, Kind
from cosell.sync.plan import Plan
from cosell.sync.planner import Seen, plan_sync
from cosell.sync.stages import StagePair
from tests.properties.strategies import TEXTS

FIELDS = ("one", "two", "three")
ROWS = st.tuples(
    *(
        st.builds(
            FieldRow,
            field=st.just(name),
            kind=st.just(Kind.TEXT),
            partner_center=st.just(f"/{name}"),
            dataverse=st.just(name),
            direction=st.sampled_from(Direction),
            owner=st.sampled_from(Side),
            frozen=st.sampled_from(Frozen),
            required=st.booleans(),
        )
        for name in FIELDS
    )
)
SIDES = st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, TEXTS))
STAGES = st.builds(StagePair, referral=st.sampled_from(ReferralStage), opportunity=st.sampled_from(OpportunityStage))
BASES = st.builds(
    lambda fields, stages: {
        **fields,
        **(
            {"$referral_stage": stages.referral.value, "$opportunity_stage": stages.opportunity.value} if stages else {}
        ),
    },
    SIDES,
    st.one_of(st.none(), STAGES),
)
SEEN = st.builds(Seen, referral=SIDES, opportunity=SIDES, stages=STAGES, is_shared=st.booleans())

EMPTY = FieldRow(
    field="one",
    kind=Kind.TEXT,
    partner_center="/one",
    dataverse="one",
    direction=Direction.BOTH,
    owner=Side.DATAVERSE,
    frozen=Frozen.NEVER,
)
CLOSED_TWICE = Seen(
    referral={}, opportunity={}, stages=StagePair(referral=ReferralStage.WON, opportunity=OpportunityStage.LOST)
)
TWO_EMPTIES = Seen(
    referral={"one": ""},
    opportunity={"one": None},
    stages=StagePair(referral=ReferralStage.ACTIVE, opportunity=OpportunityStage.OPEN),
)


def after(seen: Seen, plan: Plan) -> Seen:
    """Return what both sides say when the plan has been applied."""
    return Seen(
        referral={**seen.referral, **plan.changes_on(Side.PARTNER_CENTER)},
        opportunity={**seen.opportunity, **plan.changes_on(Side.DATAVERSE)},
        stages=plan.stages,
        is_shared=seen.is_shared,
    )


def same(left: Value, right: Value) -> bool:
    return left == right or (is_empty(left) and is_empty(right))


@given(seen=SEEN, base=BASES, rows=ROWS)
@example(seen=TWO_EMPTIES, base={"one": "a"}, rows=(EMPTY,))
def test_both_sides_agree_afterwards_in_every_field_that_can_travel(
    seen: Seen, base: Mapping[str, Value], rows: tuple[FieldRow, ...]
) -> None:
    plan = plan_sync(seen, base=base, told=frozenset(), rows=rows)
    then = after(seen, plan)
    held = {note.key.split(":")[1] for note in plan.notes if note.key.startswith("held:")}
    # What a seller writes on hold waits until the invitation is answered.
    is_answered = seen.stages.referral is not ReferralStage.INVITED or plan.moves_referral_to is not None
    for row in rows:
        read = row.field in seen.referral and row.field in seen.opportunity
        if not is_answered and read:
            assert same(then.referral[row.field], seen.referral[row.field]) or row.direction is not Direction.BOTH
        elif row.direction is Direction.BOTH and read and row.field not in held:
            assert same(then.referral[row.field], then.opportunity[row.field])


@given(seen=SEEN, base=BASES, rows=ROWS)
@example(seen=CLOSED_TWICE, base={"$referral_stage": "active", "$opportunity_stage": "open"}, rows=())
@example(seen=TWO_EMPTIES, base={}, rows=(EMPTY,))
def test_second_look_asks_for_nothing(seen: Seen, base: Mapping[str, Value], rows: tuple[FieldRow, ...]) -> None:
    first = plan_sync(seen, base=base, told=frozenset(), rows=rows)
    second = plan_sync(after(seen, first), base=first.base, told=first.told, rows=rows)
    assert second.is_empty
    assert second.base == first.base
    assert all(conflict.winner is None for conflict in second.conflicts), "only what nobody may write stays open"


@given(seen=SEEN, base=BASES, rows=ROWS)
def test_no_value_is_lost_without_a_trace(seen: Seen, base: Mapping[str, Value], rows: tuple[FieldRow, ...]) -> None:
    plan = plan_sync(seen, base=base, told=frozenset(), rows=rows)
    traced = {(item.field, side): getattr(item, side) for item in plan.conflicts for side in Side}
    for change in plan.changes:
        said = (seen.referral if change.side is Side.PARTNER_CENTER else seen.opportunity)[change.field]
        assert change.old == said
        agreed = change.field in base and base[change.field] == said
        if not agreed and not is_empty(said):
            assert traced[change.field, change.side] == said


@given(seen=SEEN, base=BASES, rows=ROWS)
def test_every_conflict_is_told(seen: Seen, base: Mapping[str, Value], rows: tuple[FieldRow, ...]) -> None:
    plan = plan_sync(seen, base=base, told=frozenset(), rows=rows)
    told = [note.key.split(":")[1] for note in plan.news if note.key.startswith("conflict:")]
    assert told == [conflict.field for conflict in plan.conflicts if conflict.winner]
    held = {note.key.split(":")[1] for note in plan.news if note.key.startswith("held:")}
    assert {conflict.field for conflict in plan.conflicts if conflict.winner is None} <= held


@given(seen=SEEN, base=BASES, rows=ROWS)
def test_base_is_what_both_sides_say_afterwards_or_what_they_agreed_on_before(
    seen: Seen, base: Mapping[str, Value], rows: tuple[FieldRow, ...]
) -> None:
    plan = plan_sync(seen, base=base, told=frozenset(), rows=rows)
    then = after(seen, plan)
    for row in rows:
        if row.field in plan.base:
            agreed = plan.base[row.field]
            ours, theirs = then.opportunity.get(row.field), then.referral.get(row.field)
            assert (same(agreed, ours) and same(agreed, theirs)) or agreed == base[row.field]


@given(seen=SEEN, base=BASES, rows=ROWS)
def test_nothing_is_written_that_a_rule_forbids(
    seen: Seen, base: Mapping[str, Value], rows: tuple[FieldRow, ...]
) -> None:
    plan = plan_sync(seen, base=base, told=frozenset(), rows=rows)
    by_name = {row.field: row for row in rows}
    for change in plan.changes:
        row = by_name[change.field]
        assert row.direction.allows(change.side)
        assert change.field in base or not is_empty(change.new), "the first meeting empties nothing"
        if change.side is Side.PARTNER_CENTER:
            assert not seen.stages.referral.is_terminal
            assert row.frozen is not Frozen.CREATED
            assert not (row.frozen is Frozen.SHARED and seen.is_shared)
            assert not (row.required and is_empty(change.new))
    assert not (seen.stages.referral.is_terminal and plan.moves_referral_to)


@given(seen=SEEN, base=BASES, rows=ROWS)
@settings(max_examples=30)
def test_same_in_same_out(seen: Seen, base: Mapping[str, Value], rows: tuple[FieldRow, ...]) -> None:
    def shuffled(side: Mapping[str, Value]) -> dict[str, Value]:
        return dict(reversed(list(side.items())))

    again = Seen(
        referral=shuffled(seen.referral),
        opportunity=shuffled(seen.opportunity),
        stages=seen.stages,
        is_shared=seen.is_shared,
    )
    told = frozenset({"stage:unknown stage"})
    assert plan_sync(seen, base=base, told=told, rows=rows) == plan_sync(
        again, base=shuffled(base), told=told, rows=rows
    )


@given(seen=SEEN, base=BASES, rows=ROWS)
def test_swapping_the_owner_swaps_the_winner_and_nothing_else(
    seen: Seen, base: Mapping[str, Value], rows: tuple[FieldRow, ...]
) -> None:
    others = tuple(row.model_copy(update={"owner": row.owner.other}) for row in rows)
    plan = plan_sync(seen, base=base, told=frozenset(), rows=rows)
    swapped = plan_sync(seen, base=base, told=frozenset(), rows=others)
    undisputed = {row.field for row in rows} - {item.field for item in (*plan.conflicts, *swapped.conflicts)}
    held = {note.key.split(":")[1] for note in (*plan.notes, *swapped.notes) if note.key.startswith("held:")}
    assert [item for item in plan.changes if item.field in undisputed - held] == [
        item for item in swapped.changes if item.field in undisputed - held
    ]
