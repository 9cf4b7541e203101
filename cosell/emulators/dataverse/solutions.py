"""Solutions and publishers: every custom name carries a publisher's prefix, every component joins a solution."""

import uuid

from cosell.emulators.dataverse.environment import Environment
from cosell.emulators.dataverse.errors import business
from cosell.emulators.dataverse.http import Call
from cosell.emulators.dataverse.rows import Row

HEADER = "mscrm.solutionuniquename"


def check_prefix(env: Environment, call: Call, name: str, kind: str) -> None:
    """Refuse a schema name without the prefix of a publisher, or with another one than its solution's."""
    prefix, underscore, rest = name.partition("_")
    solution = _solution(env, call)
    allowed = {str(row.data.get("customizationprefix", "")).lower() for row in env.rows.scan("publisher")}
    if solution is not None:
        publisher = env.rows.get("publisher", str(solution.data.get("publisherid")))
        allowed = {str(publisher.data.get("customizationprefix", "")).lower()} if publisher else set()
    allowed.discard("")
    # A relationship may carry the prefix inside: clients name it after the table it leads to.
    inside = kind == "EntityRelationship" and any(part in allowed for part in name.lower().split("_")[1:-1])
    if not underscore or not rest or not (prefix.lower() in allowed or inside):
        raise business(
            "0x80044366",
            f"The schema name {name} for type {kind} is invalid or missing.Custom attribute, entity, entitykey, option "
            "set and relationship names must start with a valid customization prefix.The prefix for a solution "
            "component should match the prefix that is specified for the publisher of the solution.",
        )


def add_component(env: Environment, call: Call, *, component_type: int, object_id: str) -> None:
    """Put a new component into the solution the request names."""
    solution = _solution(env, call)
    if solution is not None:
        data = {"solutionid": solution.id, "objectid": object_id, "componenttype": component_type}
        env.rows.insert("solutioncomponent", str(uuid.uuid4()), {**data, "rootcomponentbehavior": 0})


def _solution(env: Environment, call: Call) -> Row | None:
    name = call.header(HEADER) or call.query.get("SolutionUniqueName", "")
    if not name:
        return None
    for row in env.rows.scan("solution"):
        if str(row.data.get("uniquename", "")).lower() == name.lower():
            return row
    raise business("0x80048538", f"The solution with the unique name '{name}' does not exist.")
