"""The model of `mappings/solutions.yaml`: the rows of solutions, and the catalogue they point into."""

from typing import Annotated

from pydantic import Field

from cosell.mapping.rows import Column, Strict, TableMapping

Headings = Annotated[tuple[str, ...], Field(min_length=1)]


class CatalogueHeadings(Strict):
    """By which headings the columns of an uploaded file are known; case, blanks and asterisks make no difference."""

    identifier: Headings
    name: Headings
    type: Headings
    publisher: Headings


class Catalogue(TableMapping):
    """The catalogue of solutions; `headings` are those of files that are uploaded into it."""

    name: Column
    identifier: Column
    type: Column
    publisher: Column
    headings: CatalogueHeadings


class SolutionsMapping(TableMapping):
    """`mappings/solutions.yaml`; `opportunity` and `detail` are lookups, spelled as schema names (case matters).

    `currency` is the row's lookup of a currency, null where the price is a plain number.
    """

    opportunity: str
    detail: str
    name: Column
    quantity: Column
    price: Column
    currency: Column | None = None
    catalogue: Catalogue
