"""Every refusal the Web API can answer with: status, code and text as the real service words them, in one place.

Codes and texts are those of Microsoft's error-code list for Dataverse; a business error without an HTTP status of its
own is a 400.
"""

from collections.abc import Mapping

HELP_LINK = "https://go.microsoft.com/fwlink/?linkid=2195293"


class DataverseError(Exception):
    """A refusal, ready to be answered."""

    def __init__(self, *, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


def bad_url(message: str) -> DataverseError:
    """Refuse a query string or a key that OData cannot read or that names something unknown."""
    return DataverseError(status=400, code="0x80060888", message=message)


def unknown_property(name: str, type_name: str) -> DataverseError:
    """Refuse a column or navigation property which the table lacks, in a query."""
    return bad_url(f"Could not find a property named '{name}' on type 'Microsoft.Dynamics.CRM.{type_name}'.")


def query_syntax() -> DataverseError:
    """Refuse a key that is neither a GUID nor `name=value`."""
    return bad_url("Bad Request - Error in query syntax.")


def unknown_segment(name: str) -> DataverseError:
    """Refuse a path that names no set, function or action."""
    return DataverseError(status=404, code="0x8006088a", message=f"Resource not found for the segment '{name}'.")


def metadata_function(name: str) -> DataverseError:
    """Refuse a filter function on the metadata sets, which know comparisons only."""
    return DataverseError(status=501, code="0x8006088a", message=f"The query function {name} is not supported.")


def wrong_method(method: str) -> DataverseError:
    """Refuse a method the resource has no answer for."""
    return DataverseError(
        status=405,
        code="0x80060888",
        message=f"The requested resource does not support http method '{method}'.",
    )


def bad_payload(set_name: str, inner: str) -> DataverseError:
    """Refuse a request body, naming the OData reader's complaint."""
    message = (
        f"Error identified in Payload provided by the user for Entity :'{set_name}', For more information on this "
        f"error please follow this help link {HELP_LINK}  ---->  InnerException : "
        f"Microsoft.OData.ODataException: {inner}"
    )
    return DataverseError(status=400, code="0x80048d19", message=message)


def undeclared(set_name: str, name: str, type_name: str) -> DataverseError:
    """Refuse a property the table does not declare."""
    inner = (
        f"The property '{name}' does not exist on type 'Microsoft.Dynamics.CRM.{type_name}'. Make sure to only use "
        "property names that are defined by the type."
    )
    return bad_payload(set_name, inner)


def undeclared_bind(set_name: str, name: str) -> DataverseError:
    """Refuse `name@odata.bind` when no navigation property has exactly that name."""
    inner = (
        f"An undeclared property '{name}' which only has property annotations in the payload but no property value "
        "was found in the payload. In OData, only declared navigation properties and declared named streams can be "
        "represented as properties without values."
    )
    return bad_payload(set_name, inner)


def lookup_value_written(set_name: str) -> DataverseError:
    """Refuse a write to `_x_value`."""
    return bad_payload(
        set_name,
        "CRM do not support direct update of Entity Reference properties, Use Navigation properties instead.",
    )


def not_found(table: str, row_id: str) -> DataverseError:
    """Say that no row has this id."""
    message = f"Entity '{table}' With Id = {row_id} Does Not Exist"
    return DataverseError(status=404, code="0x80040217", message=message)


def key_not_found(table: str) -> DataverseError:
    """Say that no row has these key values."""
    message = f"A record with the specified key values does not exist in {table} entity"
    return DataverseError(status=404, code="0x80060891", message=message)


def key_not_defined(table: str) -> DataverseError:
    """Refuse columns that are no active key of the table."""
    message = f"The specified key attributes are not a defined key for the {table} entity"
    return DataverseError(status=400, code="0x80060890", message=message)


def key_violated(key_label: str, columns: str) -> DataverseError:
    """Refuse a second row with the same alternate key."""
    message = (
        f"Entity Key {key_label} violated. A record with the same value for {columns} already exists. A duplicate "
        "record cannot be created. Select one or more unique values and try again."
    )
    return DataverseError(status=412, code="0x80060892", message=message)


def already_exists() -> DataverseError:
    """Refuse a create under `If-None-Match: *`, or with an id that is taken."""
    return DataverseError(status=412, code="0x80040237", message="A record with matching key values already exists.")


def stale_version() -> DataverseError:
    """Refuse a write whose `If-Match` is not the row's present etag."""
    return DataverseError(
        status=412,
        code="0x80060882",
        message="The version of the existing record doesn't match the RowVersion property provided.",
    )


def concurrency_off(table: str) -> DataverseError:
    """Refuse `If-Match` with an etag on a table without optimistic concurrency."""
    message = (
        f"Optimistic concurrency isn't enabled for entity type {table}. The IfVersionMatches value of "
        "ConcurrencyBehavior can only be used if optimistic concurrency is enabled."
    )
    return DataverseError(status=400, code="0x8006088d", message=message)


def too_long(table: str, column: str, limit: int) -> DataverseError:
    """Refuse a text beyond its column's length."""
    message = (
        f"A validation error occurred.  The length of the '{column}' attribute of the '{table}' entity exceeded the "
        f"maximum allowed length of '{limit}'."
    )
    return DataverseError(status=400, code="0x80044331", message=message)


def out_of_range(table: str, column: str, *, code: str) -> DataverseError:
    """Refuse a number beyond its column's bounds."""
    message = (
        f"A validation error occurred.  The value of '{column}' on record of type '{table}' is outside the valid range."
    )
    return DataverseError(status=400, code=code, message=message)


def option_out_of_range(table: str, column: str, value: object) -> DataverseError:
    """Refuse a choice value that is none of the options."""
    message = (
        f"A validation error occurred. The value {value} of '{column}' on record of type '{table}' is outside the "
        "valid range."
    )
    return DataverseError(status=400, code="0x8004431A", message=message)


def invalid_status(*, table: str, schema: str, state: str, status: object, row_id: str) -> DataverseError:
    """Refuse a status reason which does not belong to the state."""
    message = f"{status} is not a valid status code for state code {schema}State.{state} on {table} with Id {row_id}."
    return DataverseError(status=400, code="0x80048408", message=message)


def closing_by_update(state: str) -> DataverseError:
    """Refuse to win or lose an opportunity by an update."""
    message = (
        f"This message can not be used to set the state of opportunity to {state}. In order to set state of "
        f"opportunity to {state}, use the {state} message instead."
    )
    return DataverseError(status=400, code="0x80100005", message=message)


def business(code: str, message: str, *, status: int = 400) -> DataverseError:
    """Refuse with a code of the platform's own."""
    return DataverseError(status=status, code=code, message=message)


def invalid_argument(message: str) -> DataverseError:
    """Refuse an argument of an action or function."""
    return DataverseError(status=400, code="0x80040203", message=message)


def associated() -> DataverseError:
    """Refuse a delete while other rows need this one."""
    return DataverseError(
        status=405,
        code="0x80040227",
        message="The object you tried to delete is associated with another object and cannot be deleted.",
    )


def not_supported(message: str) -> DataverseError:
    """Refuse what the table does not support."""
    return DataverseError(status=400, code="0x80040800", message=message)


def not_authenticated(challenge: str) -> DataverseError:
    """Refuse a missing, unknown, expired or misdirected bearer."""
    return DataverseError(
        status=401,
        code="0x80044302",
        message="Request is not authenticated.",
        headers={"WWW-Authenticate": challenge},
    )


def not_a_member() -> DataverseError:
    """Refuse a valid token whose bearer is no user of the organisation."""
    return DataverseError(status=403, code="0x80072560", message="The user is not a member of the organization.")


def no_roles(user_id: str) -> DataverseError:
    """Refuse a user without any security role."""
    return DataverseError(
        status=403,
        code="0x80042F09",
        message=f"The user with id {user_id} has not been assigned any roles.",
    )


def missing_privilege(*, user_id: str, privilege: str, table: str, role_count: int) -> DataverseError:
    """Refuse a user whose roles lack a privilege."""
    message = (
        f"Principal user (Id={user_id}, type=8, roleCount={role_count}, accessMode=0), is missing {privilege} "
        f"privilege on entity '{table}'. context.Caller={user_id}"
    )
    return DataverseError(status=403, code="0x80040220", message=message)


def throttled(*, code: str, message: str, retry_after: int) -> DataverseError:
    """Refuse for service protection."""
    return DataverseError(status=429, code=code, message=message, headers={"Retry-After": str(retry_after)})
