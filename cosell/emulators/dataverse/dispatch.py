"""Send a request to the module that answers it, by what its path begins with."""

import logging

from cosell.emulators.dataverse.actions import Actions
from cosell.emulators.dataverse.batch import Batch
from cosell.emulators.dataverse.bulk import Bulk
from cosell.emulators.dataverse.csdl import describe
from cosell.emulators.dataverse.definition_writes import DefinitionWriter
from cosell.emulators.dataverse.definitions import DEFINITION_SETS, DefinitionReader
from cosell.emulators.dataverse.environment import SERVICE, Environment
from cosell.emulators.dataverse.errors import DataverseError, unknown_segment, wrong_method
from cosell.emulators.dataverse.functions import Functions, MetadataActions
from cosell.emulators.dataverse.http import Call, Reply
from cosell.emulators.dataverse.metadata import Table
from cosell.emulators.dataverse.paths import Segment, parse_key, refuse_dangerous, split_path
from cosell.emulators.dataverse.privileges import Privileges
from cosell.emulators.dataverse.reading import Reader
from cosell.emulators.dataverse.rows import Row
from cosell.emulators.dataverse.writing import RowWrites

NAMESPACE = "Microsoft.Dynamics.CRM."
logger = logging.getLogger("cosell.emulators")


class Dispatcher:
    """Answer calls; a refusal leaves as an exception."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def answer(self, call: Call) -> Reply:
        """Answer one call; a write happens whole or not at all."""
        if call.path.strip("/") == "$batch":
            return self._batch(call)
        refuse_dangerous(call.path)
        segments = split_path(call.path)
        if call.method == "GET":
            return self._get(call, segments)
        with self._env.transaction():
            return self._write(call, segments)

    def refuse(self, error: DataverseError, call: Call | None) -> Reply:
        """Return a refusal as a reply, and note a write which a good connector would not have tried."""
        if call is not None and error.status == 400 and call.method != "GET" and error.code.lower() not in RACES:
            self._env.world.violate(SERVICE, error.code, call.path, f"{call.method}: {error.message}")
        return error_reply(error, call)

    def _get(self, call: Call, segments: list[Segment]) -> Reply:
        if not segments:
            return self._service_document(call)
        head = segments[0]
        if head.name == "WhoAmI":
            return Actions(self._env, call).who_am_i()
        if head.name == "$metadata":
            return Reply(200, describe(self._env.schema), media_type="application/xml")
        found = self._function(call, segments)
        if found is not None:
            return found
        if head.name in DEFINITION_SETS:
            strong = call.header("consistency").lower() == "strong"
            return DefinitionReader(self._env, call, self._env.schema_seen(strong=strong)).read(segments)
        return Reader(self._env, call).read(self._table(head), segments)

    def _function(self, call: Call, segments: list[Segment]) -> Reply | None:
        """Return a function's answer, or None when none is called."""
        if segments[-1].name == f"{NAMESPACE}RetrieveUserPrivileges" and segments[0].name == "systemusers":
            return Privileges(self._env, call).of_user(self._row(call, segments[0]))
        return Functions(self._env, call).run(segments[0])

    def _write(self, call: Call, segments: list[Segment]) -> Reply:
        if not segments:
            raise wrong_method(call.method)
        head = segments[0]
        if head.name in DEFINITION_SETS:
            return DefinitionWriter(self._env, call, self._env.log).write(segments)
        actions = Actions(self._env, call).unbound() | MetadataActions(self._env, call, self._env.log).by_name()
        actions["BulkDelete"] = Bulk(self._env, call).delete_by_query
        action = actions.get(head.name)
        if action is not None and len(segments) == 1:
            if call.method != "POST":
                raise wrong_method(call.method)
            return action()
        table = self._table(head)
        if segments[-1].name.startswith(NAMESPACE):
            return self._bound(call, table, segments)
        return RowWrites(self._env, call).write(table, segments)

    def _batch(self, call: Call) -> Reply:
        if call.method != "POST":
            raise wrong_method(call.method)
        return Batch(self._env, call, self.answer, self.refuse).run()

    def _bound(self, call: Call, table: Table, segments: list[Segment]) -> Reply:
        name = segments[-1].name.removeprefix(NAMESPACE)
        if call.method != "POST":
            raise wrong_method(call.method)
        if name == "QualifyLead" and table.logical == "lead" and segments[0].inside is not None:
            return Actions(self._env, call).qualify_lead(self._row(call, segments[0]))
        if name == "AddPrivilegesRole" and table.logical == "role":
            return Privileges(self._env, call).add(self._row(call, segments[0]))
        bulk = Bulk(self._env, call).messages().get(name)
        if bulk is not None and segments[0].inside is None:
            return bulk(table)
        logger.warning("dataverse: the bound message %s on %s is not emulated", name, table.logical)
        raise unknown_segment(segments[-1].name)

    def _row(self, call: Call, segment: Segment) -> Row:
        return Reader(self._env, call).existing(self._table(segment), parse_key(segment.inside or ""))

    def _table(self, segment: Segment) -> Table:
        table = self._env.schema.find_set(segment.name)
        if table is None:
            logger.warning("dataverse: no set, function or action named %s is emulated", segment.name)
            raise unknown_segment(segment.name)
        return table

    def _service_document(self, call: Call) -> Reply:
        sets = [
            {"name": table.set_name, "kind": "EntitySet", "url": table.set_name}
            for table in sorted(self._env.schema.tables.values(), key=lambda table: table.set_name)
        ]
        return Reply(200, {"@odata.context": f"{call.root}$metadata", "value": sets})


# What a refusal says when two writers met, not that one of them broke a rule.
RACES = frozenset({"0x80040515", "0x80040516", "0x80040518", "0x80040519", "0x8004051a", "0x80044352"})


def error_reply(error: DataverseError, call: Call | None) -> Reply:
    """Return a refusal as a reply, with the details that `include-annotations` asks for."""
    body: dict[str, object] = {"code": error.code, "message": error.message}
    if call is not None and call.prefer.wants("Microsoft.PowerApps.CDS.InnerError.Message"):
        code = error.code.removeprefix("0x")
        body |= {
            "@Microsoft.PowerApps.CDS.ErrorDetails.ApiExceptionSourceKey": "Plugin/Microsoft.Crm.Common.ObjectModel",
            "@Microsoft.PowerApps.CDS.HelpLink": (
                "http://go.microsoft.com/fwlink/?LinkID=398563&error=Microsoft.Crm.CrmException%3a"
                f"{code}&client=platform"
            ),
            "@Microsoft.PowerApps.CDS.TraceText": "",
            "@Microsoft.PowerApps.CDS.InnerError.Message": error.message,
        }
    return Reply(error.status, {"error": body}, dict(error.headers))
