"""`cosell dead-letters`: what was given up on, and what a person does about it."""

import getpass

from cosell.errors import RecordNotFound
from cosell.store import DeadLetter, DeadLetterState, FiledDeadLetter, HintKind, Ledger
from tests.cli.desk import Desk

RECORDS = tuple(f"{number}1111111-2222-4333-8444-555555555555" for number in range(3))


def _file(desk: Desk) -> dict[str, str]:
    """File three letters, two of the same cause; return their ids by record."""

    async def file(ledger: Ledger) -> dict[str, str]:
        filed = {}
        for record_id, cause in zip(RECORDS, ("AccessDenied", "NotReady", "NotReady"), strict=True):
            letter = DeadLetter(
                kind=HintKind.OPPORTUNITY, record_id=record_id, flow="any", cause=cause, message=f"Look: {cause}."
            )
            filed[record_id] = (await ledger.dead_letters.add(letter)).dead_letter_id
        return filed

    return desk.ledger(file)


def _get(desk: Desk, dead_letter_id: str) -> FiledDeadLetter:
    async def get(ledger: Ledger) -> FiledDeadLetter:
        return await ledger.dead_letters.get(dead_letter_id)

    return desk.ledger(get)


def _count_waiting(desk: Desk) -> int:
    async def count(ledger: Ledger) -> int:
        return await ledger.inbox.count_waiting()

    return desk.ledger(count)


def test_list_is_grouped_by_cause_the_most_frequent_first(desk: Desk) -> None:
    _file(desk)
    shown = desk.read("dead-letters")
    assert shown.index("NotReady (2)") < shown.index("AccessDenied (1)")
    assert "Look: AccessDenied." in shown
    assert shown.count("Way out: ") == 2
    assert max(len(line) for line in shown.splitlines() if line[:1] in "┏┃┡│└") <= 100
    listed = desk.read_json("dead-letters")["dead_letters"]
    assert [item["cause"] for item in listed] == ["NotReady", "NotReady", "AccessDenied"]
    assert {item["record_id"] for item in listed} == set(RECORDS)


def test_no_dead_letters_are_told_as_such(desk: Desk) -> None:
    assert desk.read("dead-letters") == "✔ There are no dead letters.\n"


def test_retry_puts_named_records_back_into_the_inbox(desk: Desk) -> None:
    filed = _file(desk)
    wanted = filed[RECORDS[0]]
    assert "Back in the inbox: 1" in desk.read("dead-letters", "retry", wanted[:12])
    assert _get(desk, wanted).state is DeadLetterState.RETRIED
    assert _count_waiting(desk) == 1
    assert len(desk.read_json("dead-letters")["dead_letters"]) == 2


def test_retry_of_all_takes_all(desk: Desk) -> None:
    _file(desk)
    assert "Back in the inbox: 3" in desk.read("dead-letters", "retry", "--all")
    assert _count_waiting(desk) == 3
    assert desk.read_json("dead-letters") == {"dead_letters": []}


def test_causes_are_counted_and_retried_together(desk: Desk) -> None:
    _file(desk)
    causes = desk.read_json("dead-letters", "--by-cause")["causes"]
    assert [(row["cause"], row["open"], row["by_hand_only"]) for row in causes] == [
        ("NotReady", 2, 0),
        ("AccessDenied", 1, 0),
    ]
    assert all(row["next_try_at"] for row in causes)
    assert "AccessDenied" in desk.read("dead-letters", "--by-cause")
    assert "Back in the inbox: 2" in desk.read("dead-letters", "retry", "--cause", "NotReady")
    assert _count_waiting(desk) == 2
    assert desk.type("dead-letters", "retry", "--cause", "NotReady").exit_code == 2, "there is none left"


def test_retry_of_nothing_in_particular_is_wrong_usage(desk: Desk) -> None:
    filed = _file(desk)
    assert desk.type("dead-letters", "retry").exit_code == 2
    assert desk.type("dead-letters", "retry", "--all", filed[RECORDS[0]]).exit_code == 2
    assert _count_waiting(desk) == 0


def test_dismiss_closes_letters_in_the_name_of_the_person(desk: Desk) -> None:
    filed = _file(desk)
    wanted = [filed[record_id] for record_id in RECORDS[:2]]
    assert desk.read("dead-letters", "dismiss", *wanted) == "✔ Dismissed: 2.\n"
    for dead_letter_id in wanted:
        letter = _get(desk, dead_letter_id)
        assert (letter.state, letter.settled_by) == (DeadLetterState.DISMISSED, getpass.getuser())
    assert _count_waiting(desk) == 0


def test_one_wrong_id_stops_all(desk: Desk) -> None:
    filed = _file(desk)
    for command in ("retry", "dismiss"):
        result = desk.type("dead-letters", command, filed[RECORDS[0]], "zzzz")
        assert (result.exit_code, type(result.exception)) == (1, RecordNotFound)
    assert len(desk.read_json("dead-letters")["dead_letters"]) == 3


def test_record_which_was_refused_passes_after_it_was_mended(desk: Desk) -> None:
    desk.activate()
    opportunity_id = desk.write_opportunity(description="")
    desk.type("sync", "--opportunity", opportunity_id)
    (letter,) = desk.read_json("dead-letters")["dead_letters"]
    assert (letter["record_id"], letter["count"]) == (opportunity_id, 1)
    desk.type("sync", "--opportunity", opportunity_id)
    assert desk.read_json("dead-letters")["dead_letters"][0]["count"] == 2
    desk.seller_edits(opportunity_id, description="All branches order by telephone.")
    desk.read("sync", "--opportunity", opportunity_id)
    assert desk.read_json("dead-letters") == {"dead_letters": []}
