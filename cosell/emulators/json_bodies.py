"""Reads JSON that was sent, as strictly as the services: what no UTF-8 text can hold is not JSON to them."""

import json
from collections.abc import Callable
from typing import Any, TypeAlias

Json: TypeAlias = Any


def parse_json(raw: bytes, *, parse_float: Callable[[str], Any] = float) -> Json:
    """Return the value of a JSON text; raise `ValueError` for anything else, half characters and deep nesting too."""
    try:
        value = json.loads(raw, parse_float=parse_float)
        if b"\\u" in raw or b"\xed" in raw:
            # Half of a surrogate pair passes Python's reader, but could be neither kept nor answered.
            json.dumps(value, ensure_ascii=False, default=str).encode()
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value
