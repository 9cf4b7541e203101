"""FetchXML, the CRM's own query language: placeholder until the reader below is filled."""

from cosell.emulators.dataverse.environment import Environment
from cosell.emulators.dataverse.errors import not_supported
from cosell.emulators.dataverse.http import Call
from cosell.emulators.dataverse.metadata import Table


class FetchXml:
    """Run FetchXML queries."""

    def __init__(self, env: Environment, call: Call) -> None:
        self._env = env
        self._call = call

    def run(self, table: Table) -> dict[str, object]:
        """Refuse."""
        raise not_supported(f"FetchXML on {table.logical} is not emulated.")
