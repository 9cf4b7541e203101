"""Alternate keys: made, waited for until their index is built, and tried again when building it failed."""

from collections.abc import Mapping

from cosell.dataverse.install.bodies import Bodies
from cosell.dataverse.install.customizer import Customizer, table_path
from cosell.dataverse.install.definitions import column_part, table_part
from cosell.dataverse.install.step import MISSING, THERE, Found, Part, Presence, Step
from cosell.dataverse.reading import read_list
from cosell.dataverse.wanted import WantedKey
from cosell.errors import RecordNotFound
from cosell.http.pace import Sleep

WATCHED_SECONDS = 300.0
"""How long we watch an index being built; after that it goes on being built without us."""
LOOK_AGAIN_SECONDS = 5.0
FAILED = (
    "Rows of the table share a value, or something else keeps the index from being built: the system jobs of the CRM "
    "tell why. Mend it, then run this again."
)
GOES_ON = "A large table takes its time. `cosell crm check` tells when the key is active."


def key_step(customizer: Customizer, bodies: Bodies, wanted: WantedKey, *, sleep: Sleep, needs: Part) -> Step:
    """Make an alternate key and wait until it can be used."""
    work = _KeyWork(customizer, wanted, sleep)

    async def write(found: Found) -> None:
        if found.presence is Presence.MISSING:
            await customizer.define(table_path(wanted.table, "Keys"), bodies.key(wanted))
        else:
            await work.reactivate()

    return Step(
        part=Part(kind="key", name=f"{wanted.table}.{wanted.column}"),
        look=work.look,
        write=write,
        settle=work.settle,
        needs=(needs, table_part(wanted.table), column_part(wanted.table, wanted.column)),
    )


class _KeyWork:
    """What is done about one key, however it is called and whoever made it."""

    def __init__(self, customizer: Customizer, wanted: WantedKey, sleep: Sleep) -> None:
        self._customizer, self._wanted, self._sleep = customizer, wanted, sleep

    async def look(self) -> Found:
        try:
            key = await self._find()
        except RecordNotFound:
            return MISSING
        if key is None:
            return MISSING
        if key.get("EntityKeyIndexStatus") == "Failed":
            return Found(presence=Presence.STALE, told="Building its index had failed; it was tried again.")
        return THERE

    async def reactivate(self) -> None:
        """Have a failed index built again."""
        key = await self._find()
        if key is not None:
            body = {"EntityLogicalName": self._wanted.table, "EntityKeyLogicalName": key["LogicalName"]}
            await self._customizer.call("ReactivateEntityKey", body)

    async def settle(self) -> Found:
        """Watch the index being built."""
        waited = 0.0
        while True:
            key = await self._find()
            status = str(key.get("EntityKeyIndexStatus")) if key is not None else "missing"
            if status == "Active":
                return THERE
            if status == "Failed":
                return Found(presence=Presence.MISSING, told="Its index could not be built.", todo=FAILED)
            if waited >= WATCHED_SECONDS:
                return Found(presence=Presence.STALE, told=f"Its index is {status}.", todo=GOES_ON)
            await self._sleep(LOOK_AGAIN_SECONDS)
            waited += LOOK_AGAIN_SECONDS

    async def _find(self) -> Mapping[str, object] | None:
        path = table_path(self._wanted.table, "Keys")
        select = ("LogicalName", "KeyAttributes", "EntityKeyIndexStatus")
        found = read_list(await self._customizer.read(path, select))
        return next((key for key in found if key.get("KeyAttributes") == [self._wanted.column]), None)
