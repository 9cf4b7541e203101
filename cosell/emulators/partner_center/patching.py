"""JSON Patch as the referrals API takes it: `add` and `replace` only, camelCase pointers, `-` to append to a list."""

import json
from typing import Any

from cosell.emulators.partner_center.answers import PartnerApiError, invalid
from cosell.emulators.partner_center.referrals import Document
from cosell.emulators.partner_center.shape import REFERRAL, CannotBindError, Json, bound


def patched(document: Document, operations: Json) -> Document:
    """Return the document as it is after all operations; raise `PartnerApiError` for what the service refuses."""
    if not isinstance(operations, list) or not operations:
        raise invalid("malformedPatch", "The body must be a JSON Patch array with at least one operation.")
    after: Document = json.loads(json.dumps(document))
    for operation in operations:
        _apply(after, operation)
    return after


def _apply(document: Document, operation: Json) -> None:
    if not isinstance(operation, dict) or not isinstance(operation.get("path"), str) or "value" not in operation:
        raise invalid("malformedPatch", "An operation needs 'op', 'path' and 'value'.")
    kind, path = operation.get("op"), operation["path"]
    if not isinstance(kind, str) or kind not in {"add", "replace"}:
        raise invalid("unsupportedOperation", f"The operation '{kind}' is not supported, only add and replace.")
    if not path.startswith("/"):
        raise _no_such_path(path)
    *way, last = (part.replace("~1", "/").replace("~0", "~") for part in path[1:].split("/"))
    holder: Json = document
    shape: Json = REFERRAL
    for part in way:
        holder, shape = _step(holder, shape, part, path)
    _put(holder, shape, last, operation)


def _step(holder: Json, shape: Json, part: str, path: str) -> tuple[Any, Any]:
    if isinstance(shape, dict) and part in shape:
        inner = shape[part]
        if holder.get(part) is None:
            holder[part] = [] if isinstance(inner, list) else {}
        return holder[part], inner
    if isinstance(shape, list) and part.isdecimal() and int(part) < len(holder):
        return holder[int(part)], shape[0]
    raise _no_such_path(path)


def _put(holder: Json, shape: Json, last: str, operation: dict[str, Any]) -> None:
    path = operation["path"]
    if isinstance(shape, dict) and last in shape:
        holder[last] = _bound(operation["value"], shape[last], path)
    elif isinstance(shape, list) and last == "-" and operation["op"] == "add":
        holder.append(_item(operation["value"], shape[0], path))
    elif isinstance(shape, list) and last.isdecimal() and int(last) < len(holder):
        value = _item(operation["value"], shape[0], path)
        if operation["op"] == "add":
            holder.insert(int(last), value)
        else:
            holder[int(last)] = value
    else:
        raise _no_such_path(path)


def _item(value: Json, shape: Json, path: str) -> Json:
    """Bind what is to stand in a list, where null is nothing."""
    if value is None:
        raise invalid("invalidValue", f"The value of '{path}' could not be read.", target=path)
    return _bound(value, shape, path)


def _bound(value: Json, shape: Json, path: str) -> Json:
    try:
        return bound(value, shape, path)
    except CannotBindError as error:
        raise invalid("invalidValue", str(error), target=error.path) from None


def _no_such_path(path: str) -> PartnerApiError:
    return invalid("invalidPath", f"The target location specified by path '{path}' was not found.", target=path)
