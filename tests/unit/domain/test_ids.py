import pytest

from cosell.domain.ids import Side, parse_guid

GUID = "0a00bc00-0000-4000-8000-00000000000f"


@pytest.mark.parametrize("text", [GUID, GUID.upper(), f"{{{GUID}}}", f"  {GUID}\n"])
def test_guid_has_one_spelling(text: str) -> None:
    assert parse_guid(text) == GUID


@pytest.mark.parametrize("text", ["", "no", GUID[:-1], GUID + "0", GUID.replace("-", ""), GUID + ",x"])
def test_what_is_no_guid_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a GUID"):
        parse_guid(text)


def test_each_side_has_the_other_across() -> None:
    assert Side.PARTNER_CENTER.other is Side.DATAVERSE
    assert Side.DATAVERSE.other is Side.PARTNER_CENTER
