"""Whether a column that is there can hold what it is meant for: the rule of the installer and of every check. Pure."""

from enum import StrEnum

from cosell.dataverse.schema import Column


class Fault(StrEnum):
    """What is wrong with a table or a column."""

    NO_TABLE = "table missing"
    NO_COLUMN = "column missing"
    TYPE = "another type"
    LENGTH = "too short"
    READ_ONLY = "cannot be written"
    NO_OPTION = "option missing"


def find_faults(
    column: Column, *, types: frozenset[str], length: int | None, is_written: bool, options: tuple[str, ...]
) -> list[tuple[Fault, str]]:
    """Return what is wrong with a column that is there, as ends of sentences; another type is judged no further.

    No `types` means any; `options` are the labels which a choice has to have.
    """
    if types and column.kind not in types:
        return [(Fault.TYPE, f"is {column.kind}, wanted {' or '.join(sorted(types))}")]
    faults: list[tuple[Fault, str]] = []
    if length and column.max_length is not None and column.max_length < length:
        faults.append((Fault.LENGTH, f"takes {column.max_length} characters, wanted {length}"))
    if is_written and not (column.is_for_create and column.is_for_update):
        faults.append((Fault.READ_ONLY, "cannot be written"))
    faults += [(Fault.NO_OPTION, f'has no option "{label}"') for label in options if column.find_option(label) is None]
    return faults
