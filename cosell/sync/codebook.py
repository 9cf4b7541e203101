"""What the CRM's ids and numbers stand for, read from its metadata once a day and kept in the ledger for all runs.

The poll hands out numbers without labels, and a call per record to learn them would be one too many.
"""

import json
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import ClassVar

from cosell.dataverse import DataverseClient
from cosell.domain.clock import Clock
from cosell.domain.stages import StatusReason
from cosell.errors import SchemaMissing
from cosell.mapping.codes import CURRENCY_SET, ChoiceCodes, Codes, Currencies, LookupBook
from cosell.mapping.models import Choices, CurrencyKind, FieldRow, Kind
from cosell.store import Ledger

CURRENCY_TYPES = {
    "LookupType": CurrencyKind.LOOKUP,
    "StringType": CurrencyKind.TEXT,
    "PicklistType": CurrencyKind.CHOICE,
}
"""Which type of column holds a currency how (Microsoft: Column definitions)."""
KEPT = timedelta(days=1)
COLUMNS_KEPT = timedelta(minutes=10)
"""How long a deleted column may stop everything, until its field alone is left out."""
ACCESS_TEAM = 1
USERS_KEPT = timedelta(hours=1)
KEPT_AT_LEAST = timedelta(minutes=5)
"""A number that nobody knows makes us look again, but not more often than this."""


class Codebook:
    """Reads and keeps what the CRM's numbers mean; one for a run."""

    def __init__(self, *, dataverse: DataverseClient, ledger: Ledger, clock: Clock) -> None:
        """Read through `dataverse`, keep in `ledger`."""
        self._dataverse, self._ledger, self._clock = dataverse, ledger, clock
        self._pages: dict[str, Mapping[str, object]] = {}

    async def get_codes(
        self,
        table: str,
        rows: tuple[FieldRow, ...],
        choices: Choices,
        *,
        numbers: Mapping[str, object] | None = None,
        currency: str = "",
    ) -> Codes:
        """Return what the currencies and the mapped choices of a table mean.

        A number among `numbers` (by column) which is not known is asked for once more: somebody may have just added it.
        `currency` is the column of the currency, which may be a choice, too.
        """
        options = await self._get_options(table)
        chosen = [row for row in rows if row.kind is Kind.CHOICE]
        if any(_is_unknown((numbers or {}).get(row.dataverse), options.get(row.dataverse)) for row in chosen):
            options = await self._get_options(table, kept=KEPT_AT_LEAST)
        return Codes(
            currencies=await self.get_currencies(),
            choices={
                row.dataverse: ChoiceCodes(table=choices[row.choices], options=options[row.dataverse])
                for row in chosen
                if row.choices and row.dataverse in options
            },
            currency_options=options.get(currency, {}),
        )

    async def read_choices_again(self, table: str) -> None:
        """Ask the CRM for the choices of a table, however fresh those are which the ledger keeps."""
        name = f"choices of {table}"
        await self._keep(name, await self._read(name))

    async def find_missing_columns(self, table: str, wanted: Collection[str]) -> frozenset[str]:
        """Return which of these columns a table lacks.

        One which was deleted, or made after somebody missed it, is found out after some minutes; a name that nobody
        has asked for before, like that of a column just made for a setting, is looked up at once.
        """
        name = f"columns of {table}"
        page = await self._page(name, kept=COLUMNS_KEPT)
        if not page.keys() >= set(wanted):
            page = {**dict.fromkeys(wanted, False), **await self._read(name)}
            await self._keep(name, page)
        return frozenset(column for column in wanted if not page[column])

    async def get_currencies(self) -> Currencies:
        """Return the CRM's currencies."""
        return Currencies({row_id: str(code) for row_id, code in (await self._page("currencies")).items()})

    async def find_lookup(self, table: str, column: str, key: str, *, is_fresh: bool = False) -> LookupBook | None:
        """Return to which rows a lookup of a table leads, each with what its column `key` says.

        None when it leads nowhere, or to several tables. `is_fresh` when a row is missed: somebody may have just added
        it.
        """
        name = f"lookup {column} by {key} of {table}"
        page = await self._page(name, kept=KEPT_AT_LEAST if is_fresh else KEPT)
        texts = page.get("texts")
        if not isinstance(texts, Mapping):
            return None
        return LookupBook(
            navigation=str(page["navigation"]),
            set=str(page["set"]),
            texts={str(row_id): str(text) for row_id, text in texts.items()},
        )

    async def _read_lookup(self, table: str, column: str, key: str) -> dict[str, object]:
        found = (await self._dataverse.find_tables([table]))[table]
        lookups = found.find_lookups(column) if found else ()
        target = (await self._dataverse.find_tables([lookups[0].target]))[lookups[0].target] if lookups else None
        if len(lookups) != 1 or target is None or key not in target.columns:
            return {"texts": None}
        texts: dict[str, str] = {}
        select = (target.id_column, key)
        async for page in self._dataverse.query(
            target.set_name, select=select, order_by="createdon asc", page_size=5000
        ):
            texts |= {row.id: str(row.values[key]) for row in page if row.values.get(key)}
        return {"navigation": lookups[0].navigation, "set": target.set_name, "texts": texts}

    async def get_options(self, table: str) -> Mapping[str, Mapping[str, int]]:
        """Return the labels and numbers of all choices of a table, by column."""
        return await self._get_options(table)

    async def get_users(self) -> dict[str, str]:
        """Return the ids of the people who can own records, by e-mail address in small letters."""
        return {str(email): str(row_id) for email, row_id in (await self._page("users", kept=USERS_KEPT)).items()}

    async def get_teams(self) -> dict[str, str]:
        """Return the ids of the teams which can own records, by name in small letters."""
        return {str(name): str(row_id) for name, row_id in (await self._page("teams", kept=USERS_KEPT)).items()}

    async def get_currency_kind(self, table: str, column: str) -> CurrencyKind:
        """Return how a column holds the currency.

        Raises:
            SchemaMissing: there is no such column, or it is of a type which cannot hold one.
        """
        page = f"currency column {column} of {table}"
        kind = (await self._page(page)).get("kind")
        if kind not in CURRENCY_TYPES:
            kind = (await self._page(page, kept=KEPT_AT_LEAST)).get("kind")  # Somebody may have just mended it.
        if kind not in CURRENCY_TYPES:
            raise SchemaMissing(
                f"Column {table}.{column}, which is to hold the currency of the deal value, "
                + (f"is {kind}; wanted is a lookup, text or a choice." if kind else "is missing in the CRM.")
            )
        return CURRENCY_TYPES[str(kind)]

    async def get_status_reasons(self, table: str, *, is_fresh: bool = False) -> tuple[StatusReason, ...]:
        """Return the status reasons of a table, the partner's own included; `is_fresh` when one is not known."""
        page = await self._page(f"status reasons of {table}", kept=KEPT_AT_LEAST if is_fresh else KEPT)
        return tuple(
            StatusReason(value=int(value), state=_read_number(item["state"]), label=str(item["label"]))
            for value, item in page.items()
            if isinstance(item, dict)
        )

    async def _get_options(self, table: str, *, kept: timedelta = KEPT) -> dict[str, dict[str, int]]:
        page = await self._page(f"choices of {table}", kept=kept)
        return {column: dict(options) for column, options in page.items() if isinstance(options, dict)}

    async def _page(self, name: str, *, kept: timedelta = KEPT) -> Mapping[str, object]:
        """Return a page as this run has read it, as the ledger keeps it, or as the CRM says now."""
        if name not in self._pages or kept is not KEPT:
            stored = json.loads(await self._ledger.meta.find(name) or "{}")
            now = self._clock()
            if stored and now - datetime.fromisoformat(stored["read_at"]) < kept:
                self._pages[name] = stored["codes"]
            else:
                await self._keep(name, await self._read(name))
        return self._pages[name]

    async def _keep(self, name: str, codes: Mapping[str, object]) -> None:
        self._pages[name] = codes
        await self._ledger.meta.save(name, json.dumps({"read_at": self._clock().isoformat(), "codes": codes}))

    async def _read(self, name: str) -> dict[str, object]:
        what, _, table = name.partition(" of ")
        match what:
            case "columns":
                return dict.fromkeys(await self._dataverse.get_column_names(table), True)
            case what if what.startswith("lookup "):
                _, lookup, _, key = what.split(" ")
                return await self._read_lookup(table, lookup, key)
            case "choices":
                return dict(await self._dataverse.get_choices(table))
            case "status reasons":
                reasons = await self._dataverse.get_status_reasons(table)
                return {str(reason.value): {"state": reason.state, "label": reason.label} for reason in reasons}
            case what if what.startswith("currency column "):
                column = (await self._dataverse.get_table(table)).columns.get(what.rpartition(" ")[2])
                return {"kind": column.kind} if column else {"kind": ""}
            case _:
                return await self._READERS[what](self)

    async def _read_currencies(self) -> dict[str, object]:
        codes: dict[str, object] = {}
        async for page in self._dataverse.query(CURRENCY_SET, select=("isocurrencycode",)):
            codes.update({row.id: str(row.values["isocurrencycode"]) for row in page})
        return codes

    async def _read_users(self) -> dict[str, object]:
        """Read who is a person and not disabled (Microsoft: User (SystemUser) table)."""
        users: dict[str, object] = {}
        columns = ("internalemailaddress", "isdisabled", "applicationid")
        async for page in self._dataverse.query("systemusers", select=columns, page_size=5000):
            for row in page:
                email = str(row.values.get("internalemailaddress") or "").strip().casefold()
                if email and not row.values.get("isdisabled") and not row.values.get("applicationid"):
                    users.setdefault(email, row.id)
        return users

    async def _read_teams(self) -> dict[str, object]:
        """Read the teams which can own: all but access teams (Microsoft: Team table, teamtype)."""
        teams: dict[str, object] = {}
        async for page in self._dataverse.query("teams", select=("name", "teamtype"), page_size=5000):
            for row in page:
                if row.values.get("teamtype") != ACCESS_TEAM:
                    teams.setdefault(str(row.values.get("name") or "").strip().casefold(), row.id)
        return teams

    _READERS: ClassVar = {"currencies": _read_currencies, "users": _read_users, "teams": _read_teams}


def _is_unknown(number: object, options: Mapping[str, int] | None) -> bool:
    return number is not None and options is not None and number not in options.values()


def _read_number(value: object) -> int:
    return value if isinstance(value, int) else int(str(value))
