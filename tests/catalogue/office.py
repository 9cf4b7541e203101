"""Somebody who imports files into a CRM, over a road that counts the calls and may be ill-treated."""

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cosell.dataverse import DataverseClient
from cosell.sync.catalogue.cells import Field
from cosell.sync.catalogue.importing import Asked, Report, import_catalogue
from tests.catalogue.books import CATALOGUE, Cells, write_book
from tests.crm.site import Site

COLUMNS = ("cosell_solutionidentifier", "cosell_name", "cosell_solutiontype", "cosell_publishername")
SET = "cosell_microsoftsolutiondetails"


@dataclass(kw_only=True)
class Office:
    """One CRM, one folder; each import is a client of its own."""

    site: Site
    folder: Path
    progress: list[tuple[int, int]] = field(default_factory=list)

    @property
    def result(self) -> Path:
        """Where results go."""
        return self.folder / "result.csv"

    def write(self, *rows: Cells) -> Path:
        """Write a workbook."""
        return write_book(self.folder / "details.xlsx", *rows)

    async def bring(
        self,
        path: Path,
        *,
        is_dry_run: bool = False,
        user: str | None = None,
        columns: Mapping[Field, str] | None = None,
        tell: Callable[[int, int], None] | None = None,
    ) -> Report:
        """Import a file; the calls on the road begin with none."""
        self.site.road.calls.clear()
        self.progress.clear()

        def note(done: int, total: int) -> None:
            self.progress.append((done, total))

        asked = Asked(file=path, result=self.result, is_dry_run=is_dry_run, columns=columns or {})
        async with self.site.customizer(user) as customizer:
            dataverse = DataverseClient(customizer.service)
            return await import_catalogue(dataverse, CATALOGUE, asked, sleep=self.site.time.sleep, tell=tell or note)

    async def put(self, *rows: tuple[str, ...]) -> None:
        """Let somebody enter rows of the catalogue by hand."""
        for row in rows:
            await self.site.post(SET, dict(zip(COLUMNS, row, strict=False)))

    async def catalogue(self) -> list[tuple[Any, ...]]:
        """Look at the catalogue in the CRM, in the order of the identifiers."""
        found = await self.site.get(f"{SET}?$select={','.join(COLUMNS)}&$orderby={COLUMNS[0]}")
        return [tuple(row[name] for name in COLUMNS) for row in found["value"]]

    def lines(self) -> list[list[str]]:
        """Read the result file, without its headings."""
        with self.result.open(encoding="utf-8-sig", newline="") as stream:
            return list(csv.reader(stream))[1:]
