import pytest

from cosell.mapping.loader import load_mappings
from cosell.sync.team import (
    MEMBERS_AT_MOST,
    User,
    is_anybody_incomplete,
    merge_team,
    pick_members,
    read_emails,
    spell_team,
)

MAPPING = load_mappings().contact
NEVER = None


def member(name: str) -> dict[str, str | None]:
    return {"first_name": name.capitalize(), "last_name": "Example", "email": f"{name}@partner.example"}


def wanted(theirs: str, ours: str, base: str | None) -> str:
    def emails(names: str) -> frozenset[str]:
        return frozenset(f"{name}@partner.example" for name in names)

    merged = merge_team(
        theirs=emails(theirs), members=[member(name) for name in ours], base=NEVER if base is None else emails(base)
    )
    assert merged.agreed == emails(ours)
    return "".join(sorted(email[0] for email in merged.wanted))


@pytest.mark.parametrize(
    ("theirs", "ours", "base", "expected"),
    [
        pytest.param("a", "a", "a", "a", id="in step"),
        pytest.param("x", "ab", None, "abx", id="first meeting: both"),
        pytest.param("", "a", None, "a", id="first meeting: nobody there"),
        pytest.param("ax", "ab", "a", "abx", id="came in the CRM"),
        pytest.param("abx", "a", "ab", "ax", id="left in the CRM"),
        pytest.param("a", "b", "a", "b", id="another owner"),
        pytest.param("ax", "a", "a", "ax", id="came in Partner Center"),
        pytest.param("x", "a", "a", "x", id="left in Partner Center"),
        pytest.param("b", "b", "a", "b", id="came on both sides"),
        pytest.param("a", "", "a", "a", id="one stays at least"),
        pytest.param("ax", "", "a", "x", id="left, and others are there"),
    ],
)
def test_merge(theirs: str, ours: str, base: str | None, expected: str) -> None:
    assert wanted(theirs, ours, base) == expected
    assert wanted(expected, ours, ours) == expected, "the second look wants nothing more"


def test_full_team_takes_who_fits_and_the_others_when_there_is_room() -> None:
    theirs = frozenset(f"{number}@partner.example" for number in range(MEMBERS_AT_MOST - 1))
    merged = merge_team(theirs=theirs, members=[member("a"), member("b")], base=NEVER)
    assert len(merged.wanted) == MEMBERS_AT_MOST
    assert (merged.left_out, merged.agreed) == (1, frozenset({"a@partner.example"}))

    later = merge_team(theirs=frozenset({"a@partner.example"}), members=[member("a"), member("b")], base=merged.agreed)
    assert "b@partner.example" in later.wanted


def test_members_are_told_by_their_address_in_any_case() -> None:
    document = {"team": [{"email": " A@Partner.Example ", "title": "kept"}, {"email": None, "lastName": "Anonymous"}]}
    assert read_emails(document) == {"a@partner.example"}
    assert merge_team(theirs=read_emails(document), members=[member("a")], base=NEVER).wanted == read_emails(document)

    spelled = spell_team(document, frozenset({"a@partner.example", "b@partner.example"}), [member("b")], MAPPING)
    assert spelled[:2] == document["team"], "who stays, stays as they came"
    assert isinstance(spelled[2], dict)
    assert (spelled[2]["firstName"], spelled[2]["email"]) == ("B", "b@partner.example")


def test_only_people_with_name_and_address_are_members() -> None:
    nameless, application = User(party={**member("n"), "last_name": None}), User(party=member("app"), is_person=False)
    users = [User(party=member("a")), nameless, application, User(party={**member("a"), "email": "A@PARTNER.example"})]
    assert [party["first_name"] for party in pick_members(users)] == ["A"]
    assert is_anybody_incomplete(users)
    assert not is_anybody_incomplete([application, User(party=member("a"))])
