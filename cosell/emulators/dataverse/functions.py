"""The platform's functions and metadata actions that clients of a sales CRM call."""

import re
from collections.abc import Callable, Mapping

from cosell.emulators.dataverse.definition_bodies import label_text
from cosell.emulators.dataverse.definition_writes import DefinitionWriter
from cosell.emulators.dataverse.environment import ORGANIZATION_ID, Environment
from cosell.emulators.dataverse.errors import bad_url, business, invalid_argument, not_found
from cosell.emulators.dataverse.filter_parser import tokenize
from cosell.emulators.dataverse.http import Call, Reply, read_json, split_outside
from cosell.emulators.dataverse.metadata import OptionSet
from cosell.emulators.dataverse.paths import Segment
from cosell.emulators.dataverse.privileges import Privileges
from cosell.emulators.dataverse.schema_log import SchemaLog

QUOTED = re.compile(r"""['"]([^'"]*)['"]""")
LANGUAGE = 1033
VERSION = "9.2.26114.00135"


class Functions:
    """Answer the functions of one request."""

    def __init__(self, env: Environment, call: Call) -> None:
        self._env = env
        self._call = call

    def by_name(self) -> dict[str, Callable[[Mapping[str, str]], dict[str, object]]]:
        """Return the functions that stand alone, by name."""
        return {
            "RetrieveTotalRecordCount": self._total_record_count,
            "RetrieveEnvironmentVariableValue": self._environment_variable,
            "RetrieveVersion": lambda _: {"Version": VERSION},
            "RetrieveCurrentOrganization": self._organization,
            "RetrieveAvailableLanguages": lambda _: {"LocaleIds": [LANGUAGE]},
            "RetrieveInstalledLanguagePacks": lambda _: {"RetrieveInstalledLanguagePacks": [LANGUAGE]},
            "RetrieveProvisionedLanguages": lambda _: {"RetrieveProvisionedLanguages": [LANGUAGE]},
            "RetrieveTimestamp": lambda _: {"Timestamp": str(self._env.rows.version)},
        }

    def run(self, segment: Segment) -> Reply | None:
        """Return a function's answer, or None when the name is none of a function's."""
        if segment.name == "RetrieveRolePrivilegesRole":
            role_id = self._arguments(segment.inside or "").get("RoleId", "")
            return Privileges(self._env, self._call).of_role(role_id)
        function = self.by_name().get(segment.name)
        if function is None:
            return None
        context = f"{self._call.root}$metadata#Microsoft.Dynamics.CRM.{segment.name}Response"
        return Reply(200, {"@odata.context": context} | function(self._arguments(segment.inside or "")))

    def _arguments(self, inside: str) -> dict[str, str]:
        found = {}
        for part in split_outside(inside, ","):
            name, equals, value = part.partition("=")
            if not equals:
                continue
            value = value.strip()
            if value.startswith("@"):
                value = self._call.query.get(value, "")
            found[name.strip()] = value
        return found

    def _total_record_count(self, arguments: Mapping[str, str]) -> dict[str, object]:
        names = QUOTED.findall(arguments.get("EntityNames", ""))
        if not names:
            raise bad_url("The parameter EntityNames is missing.")
        for name in names:
            if name not in self._env.schema.tables:
                raise business("0x80041102", f"The entity with a name = '{name}' was not found in the MetadataCache.")
        counts = [self._env.rows.count(name) for name in names]
        collection = {"Count": len(names), "IsReadOnly": False, "Keys": names, "Values": counts}
        return {"EntityRecordCountCollection": collection}

    def _environment_variable(self, arguments: Mapping[str, str]) -> dict[str, object]:
        tokens = tokenize(arguments.get("DefinitionSchemaName", ""))
        name = tokens[0].text.strip("'")
        found = self._env.rows.find_ids("environmentvariabledefinition", "schemaname", name)
        if not found:
            raise not_found("environmentvariabledefinition", name)
        definition = self._env.rows.get("environmentvariabledefinition", found[0])
        values = self._env.rows.find_ids("environmentvariablevalue", "environmentvariabledefinitionid", found[0])
        rows = self._env.rows.get_many("environmentvariablevalue", values)
        current = rows[0].data.get("value") if rows else None
        default = definition.data.get("defaultvalue") if definition else None
        return {"Value": current if current is not None else default}

    def _organization(self, _: Mapping[str, str]) -> dict[str, object]:
        organization = self._env.rows.get("organization", ORGANIZATION_ID)
        name = organization.data.get("name") if organization else ""
        detail = {"OrganizationId": ORGANIZATION_ID, "FriendlyName": name, "UniqueName": name, "State": "Enabled"}
        return {"Detail": detail | {"OrganizationVersion": VERSION, "UrlName": name}}


class MetadataActions:
    """Carry out the metadata actions of one request."""

    def __init__(self, env: Environment, call: Call, log: SchemaLog) -> None:
        self._env = env
        self._call = call
        self._log = log

    def by_name(self) -> dict[str, Callable[[], Reply]]:
        """Return the actions, by name."""
        return {
            "InsertOptionValue": self._insert_option,
            "InsertStatusValue": self._insert_option,
            "UpdateOptionValue": self._update_option,
            "DeleteOptionValue": self._delete_option,
            "OrderOption": self._order_options,
            "ReactivateEntityKey": lambda: self._writer().reactivate_key(self._body()),
            "CreateEntities": lambda: self._writer().create_tables(self._body()),
            "CreateCustomerRelationships": self._customer_relationships,
            "PublishAllXml": lambda: Reply(204),
            "PublishXml": lambda: Reply(204),
        }

    def _writer(self) -> DefinitionWriter:
        self._env.access.require_customizing(self._call.actor, "prvWriteEntity")
        return DefinitionWriter(self._env, self._call, self._log)

    def _body(self) -> dict[str, object]:
        return read_json(self._call, "EntityDefinitions")

    def _target(self, body: Mapping[str, object]) -> tuple[OptionSet, dict[str, object]]:
        self._env.access.require_customizing(self._call.actor, "prvWriteOptionSet")
        name = body.get("OptionSetName")
        if isinstance(name, str):
            if name not in self._env.schema.option_sets:
                raise business("0x80044346", f"An optionset with the name {name} does not exist.", status=404)
            return self._env.schema.option_sets[name], {"name": name}
        table = self._env.schema.tables.get(str(body.get("EntityLogicalName") or ""))
        column = table.columns.get(str(body.get("AttributeLogicalName") or "")) if table else None
        if table is None or column is None or column.options is None:
            raise invalid_argument("OptionSetName, or EntityLogicalName and AttributeLogicalName, must name a choice.")
        return column.options, {"table": table.logical, "column": column.logical}

    def _set(self, where: dict[str, object], options: list[dict[str, object]]) -> None:
        self._env.remember_schema()
        self._log.change("set_options", {**where, "options": options, "version": self._env.rows.next_version()})

    def _insert_option(self) -> Reply:
        body = self._body()
        option_set, where = self._target(body)
        value = body.get("Value")
        if not isinstance(value, int):
            value = max((option.value for option in option_set.options), default=99_999_999) + 1
        if option_set.find(value):
            raise business("0x80048403", f"An option with the value {value} already exists in {option_set.name}.")
        state = body.get("StateCode")
        self._set(where, [*_told(option_set), {"value": value, "label": label_text(body.get("Label")), "state": state}])
        response = f"{self._call.root}$metadata#Microsoft.Dynamics.CRM.InsertOptionValueResponse"
        return Reply(200, {"@odata.context": response, "NewOptionValue": value})

    def _update_option(self) -> Reply:
        body = self._body()
        option_set, where = self._target(body)
        self._known(option_set, body)
        text = label_text(body.get("Label"))
        told = [one | {"label": text} if one["value"] == body.get("Value") else one for one in _told(option_set)]
        self._set(where, told)
        return Reply(204)

    def _delete_option(self) -> Reply:
        body = self._body()
        option_set, where = self._target(body)
        self._known(option_set, body)
        self._set(where, [one for one in _told(option_set) if one["value"] != body.get("Value")])
        return Reply(204)

    def _order_options(self) -> Reply:
        body = self._body()
        option_set, where = self._target(body)
        values = body.get("Values")
        if not isinstance(values, list) or {one["value"] for one in _told(option_set)} != set(values):
            raise invalid_argument("'Values' must hold every value of the choice once.")
        self._set(where, sorted(_told(option_set), key=lambda one: values.index(one["value"])))
        return Reply(204)

    def _known(self, option_set: OptionSet, body: Mapping[str, object]) -> None:
        if option_set.find(body.get("Value")) is None:
            raise business("0x80048403", f"The option {body.get('Value')} does not exist in {option_set.name}.")

    def _customer_relationships(self) -> Reply:
        """Create one lookup which leads to accounts and contacts alike."""
        body = self._body()
        lookup, relationships = body.get("Lookup"), body.get("OneToManyRelationships")
        if not isinstance(lookup, dict) or not isinstance(relationships, list):
            raise invalid_argument("'Lookup' and 'OneToManyRelationships' are required.")
        writer = self._writer()
        kind = {"@odata.type": "Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata"}
        for one in relationships:
            writer.create_relationship({**kind, **one, "Lookup": lookup}, polymorphic=True)
        made = [r for r in self._env.schema.relationships if r.column == str(lookup.get("SchemaName")).lower()]
        column = self._env.schema.tables[made[-1].referencing].columns[made[-1].column]
        context = f"{self._call.root}$metadata#Microsoft.Dynamics.CRM.CreateCustomerRelationshipsResponse"
        ids = [r.metadata_id for r in made]
        return Reply(200, {"@odata.context": context, "RelationshipIds": ids, "AttributeId": column.metadata_id})


def _told(option_set: OptionSet) -> list[dict[str, object]]:
    return [{"value": one.value, "label": one.label, "state": one.state} for one in option_set.options]
