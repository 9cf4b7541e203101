import pytest

from cosell.mapping.loader import load_mappings
from cosell.mapping.parties import (
    Party,
    full_name,
    is_same_party,
    normalise,
    read_first_contact,
    read_party_columns,
    read_party_document,
    to_party_columns,
    to_party_document,
)
from cosell.mapping.variables import Variables

MAPPINGS = Variables().fill_in(load_mappings())
CUSTOMER: Party = {
    "name": "Wingtip Toys",
    "line1": "5 Harbour Lane",
    "line2": None,
    "city": "Kiel",
    "state": None,
    "postal_code": "24103",
    "country": "DE",
}


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Wingtip Toys", "WINGTIP  toys "),
        ("Café Zürich", "cafe zurich"),
        ("Straße", "STRASSE"),
        ("Holm &amp; Söhne", "Holm & Sohne"),
        ("\uff21\uff22\uff23 Ltd", "abc ltd"),
        ("İzmir", "izmir"),
        (None, "  "),
    ],
)
def test_names_which_people_call_the_same_are_the_same(left: str | None, right: str) -> None:
    assert normalise(left) == normalise(right)


@pytest.mark.parametrize(("left", "right"), [("Wingtip", "Wingtip Toys"), ("A-B", "A B"), ("24103", "24105")])
def test_names_which_differ_in_more_than_spelling_differ(left: str, right: str) -> None:
    assert normalise(left) != normalise(right)


def test_party_is_the_same_when_all_criteria_agree() -> None:
    same = {"name": "WINGTIP TOYS", "postal_code": " 24103", "city": "Elsewhere"}
    assert is_same_party(CUSTOMER, same, fields=("name", "postal_code"))
    assert not is_same_party(CUSTOMER, {**same, "postal_code": "24105"}, fields=("name", "postal_code"))
    assert not is_same_party(CUSTOMER, {"name": "Wingtip Toys"}, fields=("name", "postal_code"))


def test_empty_criteria_agree_with_each_other() -> None:
    assert is_same_party({"name": "Wingtip"}, {"name": "wingtip", "postal_code": ""}, fields=("name", "postal_code"))


def test_parties_of_which_nothing_is_known_are_not_the_same() -> None:
    assert not is_same_party({}, {}, fields=("name", "postal_code"))
    assert not is_same_party({"email": ""}, {"email": None}, fields=("email",))
    assert not is_same_party(CUSTOMER, CUSTOMER, fields=())


def test_customer_goes_into_the_crm_and_comes_back() -> None:
    columns = to_party_columns(CUSTOMER, MAPPINGS.account)
    assert columns == {
        "name": "Wingtip Toys",
        "address1_line1": "5 Harbour Lane",
        "address1_city": "Kiel",
        "address1_postalcode": "24103",
        "address1_country": "DE",
    }, "what is empty is left out"
    assert read_party_columns(columns, MAPPINGS.account) == CUSTOMER


def test_customer_goes_into_a_referral_and_comes_back() -> None:
    document = to_party_document(CUSTOMER, MAPPINGS.account)
    assert set(document) == {"customerProfile"}
    assert read_party_document(document, MAPPINGS.account) == CUSTOMER


def test_customer_text_which_is_too_long_is_cut() -> None:
    assert to_party_columns({"postal_code": "9" * 30}, MAPPINGS.account) == {"address1_postalcode": "9" * 19 + "…"}


def test_first_contact_is_the_first_who_can_be_named() -> None:
    document = {
        "customerProfile": {
            "team": ["nonsense", {"firstName": "Only"}, {"lastName": " Holm ", "email": "ines@wingtip.example"}]
        }
    }
    assert read_first_contact(document, MAPPINGS.contact) == {
        "first_name": None,
        "last_name": "Holm",
        "email": "ines@wingtip.example",
        "phone": None,
        "title": None,
    }


@pytest.mark.parametrize(
    "document", [{}, {"customerProfile": None}, {"customerProfile": {"team": None}}, {"customerProfile": {"team": []}}]
)
def test_referral_may_name_nobody(document: dict[str, object]) -> None:
    assert read_first_contact(document, MAPPINGS.contact) is None


def test_full_name_has_one_space_and_no_gap() -> None:
    assert full_name({"first_name": "Ines", "last_name": "Holm"}) == "Ines Holm"
    assert full_name({"last_name": "Holm"}) == "Holm"
    assert full_name({}) == ""
