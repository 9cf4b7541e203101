"""The variables as administrators edit them in the CRM: Dataverse's own environment variables, ours or Microsoft's.

One request reads all; what it said is kept in the ledger for a minute, so that a burst of runs does not ask again.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from cosell.dataverse import DataverseClient
from cosell.dataverse.odata import one_of
from cosell.domain.clock import Clock
from cosell.errors import RetryableError
from cosell.mapping.effective import Given, SetIn, VariableSheet, fill_sheet
from cosell.mapping.variables import KNOWN, KnownVariable
from cosell.store import Ledger

DEFINITIONS = "environmentvariabledefinitions"
VALUES = "environmentvariabledefinition_environmentvariablevalue"
"""From a definition to its current value, of which there is one at most (Microsoft: EnvironmentVariableValue table)."""
KEPT = timedelta(minutes=1)
KEY = "crm-variables"
Found = dict[str, Given]


async def read_crm_variables(
    dataverse: DataverseClient, ledger: Ledger, *, clock: Clock, is_fresh: bool = False
) -> VariableSheet:
    """Return the variables as the CRM has them, at most a minute old; while the CRM is away, as it had them last.

    Raises:
        RetryableError: the CRM does not answer, and never did before.
        ConfigurationError: it does not let us in.
    """
    kept = _load(await ledger.meta.find(KEY))
    if kept and not is_fresh and timedelta() <= clock() - kept[0] < KEPT:
        return fill_sheet(kept[1])
    try:
        given = await _ask(dataverse)
    except RetryableError:
        if kept is None or is_fresh:
            raise
        return fill_sheet(kept[1])
    await ledger.meta.save(KEY, _dump(clock(), given))
    return fill_sheet(given)


async def _ask(dataverse: DataverseClient) -> Found:
    names = [name for known in KNOWN for name in (known.crm, known.microsoft) if name]
    current: dict[str, object] = {}
    default: dict[str, object] = {}
    async for page in dataverse.query(
        DEFINITIONS,
        select=("schemaname", "defaultvalue"),
        filter_=one_of("schemaname", names),
        expand={VALUES: ("value",)},
    ):
        for row in page:
            name = str(row.get("schemaname")).casefold()
            default[name] = row.get("defaultvalue")
            current[name] = next(iter(_values_of(row.get(VALUES))), None)
    found = {known.name: _choose(known, current, default) for known in KNOWN}
    return {name: given for name, given in found.items() if given is not None}


def _values_of(expanded: object) -> Iterator[object]:
    for item in expanded if isinstance(expanded, list) else []:
        if isinstance(item, Mapping):
            yield item.get("value")


def _choose(known: KnownVariable, current: Mapping[str, object], default: Mapping[str, object]) -> Given | None:
    """Take what somebody wrote before what came with a solution, and ours before Microsoft's."""
    for set_in, values in ((SetIn.CRM_CURRENT, current), (SetIn.CRM_DEFAULT, default)):
        for name in filter(None, (known.crm, known.microsoft)):
            value = values.get(name.casefold())
            if value is not None and str(value).strip():
                return Given(value=value, set_in=set_in, place=name)
    return None


def _dump(at: datetime, given: Mapping[str, Given]) -> str:
    kept = {name: [item.value, item.set_in.value, item.place] for name, item in given.items()}
    return json.dumps({"at": at.isoformat(), "given": kept})


def _load(text: str | None) -> tuple[datetime, Found] | None:
    if text is None:
        return None
    kept = json.loads(text)
    rows: Iterable[tuple[str, list[str]]] = kept["given"].items()
    given = {name: Given(value=value, set_in=SetIn(set_in), place=place) for name, (value, set_in, place) in rows}
    return datetime.fromisoformat(kept["at"]), given
