"""The currency of a deal in a column of the partner's own: text or choice which holds the three letters."""

from collections.abc import Mapping

import pytest

from cosell.errors import SchemaMissing
from cosell.mapping.loader import load_mappings
from cosell.mapping.variables import Variables
from tests.sync.doors import assert_silence
from tests.sync.pairs import PairInStep, invited_pair, shared_pair
from tests.sync.portrait import lines_of
from tests.sync.stand import CRM, Document, Stand

COLUMN = "new_dealcurrency"
DOLLAR, EURO = 100_000_000, 100_000_001
KINDS: Mapping[str, str] = {"text": "String", "choice": "Picklist"}


def _label(text: str) -> Document:
    one = {"@odata.type": "Microsoft.Dynamics.CRM.LocalizedLabel", "Label": text, "LanguageCode": 1033}
    return {"@odata.type": "Microsoft.Dynamics.CRM.Label", "LocalizedLabels": [one]}


async def add_column(stand: Stand, kind: str) -> None:
    """Let an administrator add a column for the currency."""
    body: Document = {
        "@odata.type": f"Microsoft.Dynamics.CRM.{KINDS[kind]}AttributeMetadata",
        "AttributeType": KINDS[kind],
        "AttributeTypeName": {"Value": f"{KINDS[kind]}Type"},
        "SchemaName": "new_DealCurrency",
        "RequiredLevel": {"Value": "None"},
        "DisplayName": _label("Deal currency"),
    }
    if kind == "text":
        body |= {"MaxLength": 10, "FormatName": {"Value": "Text"}}
    else:
        options = [{"Value": DOLLAR, "Label": _label("USD")}, {"Value": EURO, "Label": _label("EUR")}]
        body["OptionSet"] = {
            "@odata.type": "Microsoft.Dynamics.CRM.OptionSetMetadata",
            "IsGlobal": False,
            "OptionSetType": "Picklist",
            "Options": options,
        }
    async with stand.run():  # which makes the application known
        path = f"{CRM}/EntityDefinitions(LogicalName='opportunity')/Attributes"
        answer = await stand.http.post(path, json=body, headers={"Authorization": "Bearer application"})
    assert answer.is_success, answer.text


def name_column(stand: Stand, name: str = COLUMN) -> None:
    """Let the partner name the column in the variable."""
    stand.variables = Variables(deal_currency_field=name)
    stand.mappings = stand.variables.fill_in(load_mappings())


@pytest.mark.parametrize(("kind", "euro", "dollar"), [("text", "EUR", "USD"), ("choice", EURO, DOLLAR)])
async def test_currency_of_a_shared_deal_is_read_and_written_there(
    stand: Stand, kind: str, euro: object, dollar: object
) -> None:
    await add_column(stand, kind)
    name_column(stand)
    opportunity_id = await stand.write_opportunity(**{COLUMN: dollar})
    pair = await _share(stand, opportunity_id)
    assert (await pair.referral())["details"]["currency"] == "USD"
    await assert_silence(stand)

    await pair.colleague_edits("/details/currency", "EUR")
    await pair.look_from_partner_center()

    assert (await pair.opportunity())[COLUMN] == euro
    await assert_silence(stand)


@pytest.mark.parametrize(("kind", "dollar"), [("text", "USD"), ("choice", DOLLAR)])
async def test_invitation_arrives_with_its_currency(stand: Stand, kind: str, dollar: object) -> None:
    await add_column(stand, kind)
    name_column(stand)

    pair = await invited_pair(stand, currency="USD")

    assert (await pair.opportunity())[COLUMN] == dollar
    await assert_silence(stand)


async def test_currency_which_the_choice_lacks_is_parked(stand: Stand) -> None:
    await add_column(stand, "choice")
    name_column(stand)

    pair = await invited_pair(stand, currency="CHF")

    row = await pair.opportunity()
    assert (row[COLUMN], row["estimatedvalue"]) == (None, None)
    assert "the CRM has no currency CHF" in "\n".join(lines_of(row))


@pytest.mark.parametrize(("name", "problem"), [("new_missing", "is missing"), ("estimatedclosedate", "DateTimeType")])
async def test_column_which_cannot_hold_a_currency_is_named(stand: Stand, name: str, problem: str) -> None:
    name_column(stand, name)
    with pytest.raises(SchemaMissing, match=rf"opportunity\.{name}.*{problem}"):
        async with stand.run():
            raise AssertionError("it opened all the same")


async def test_default_asks_the_crm_for_nothing(stand: Stand) -> None:
    pair = await shared_pair(stand)
    async with stand.ledger() as ledger:
        assert await ledger.meta.find("currency column transactioncurrencyid of opportunity") is None
    assert (await pair.referral())["details"]["currency"] == "EUR"


async def _share(stand: Stand, opportunity_id: str) -> PairInStep:
    pair = PairInStep(stand, opportunity_id, "")
    await pair.look()
    (referral,) = await stand.referrals()
    return PairInStep(stand, opportunity_id, referral["id"])
