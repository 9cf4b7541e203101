"""Many operations in one request (Microsoft: Execute batch operations using the Web API). Text in, text out: pure.

The answer is multipart as well: one part for each operation, in order; a change set that failed is one single part.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP

from cosell.errors import CosellError
from cosell.http.answer import Answer
from cosell.http.plain_json import parse_json, to_json

MAX_OPERATIONS = 1000
_LINE = "\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOperation:
    """One request within a batch; `path` is below the API's address, or `$1` inside a change set."""

    method: str
    path: str
    body: Mapping[str, object] | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """Writes that happen all or not at all; the n-th may be named `$n` in those after it."""

    operations: tuple[BatchOperation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchResult:
    """What became of one operation; `error` is None when it was done."""

    answer: Answer
    error: CosellError | None


def batch_body(steps: Sequence[BatchOperation | ChangeSet], *, api_path: str) -> tuple[str, bytes]:
    """Return the content type and the body of a batch; `api_path` is like `/api/data/v9.2`."""
    if sum(len(step.operations) if isinstance(step, ChangeSet) else 1 for step in steps) > MAX_OPERATIONS:
        raise ValueError(f"a batch holds at most {MAX_OPERATIONS} operations")
    boundary = f"batch_{uuid.uuid4()}"
    parts = []
    for step in steps:
        if isinstance(step, ChangeSet):
            inner = f"changeset_{uuid.uuid4()}"
            changes = [
                _part(operation, api_path=api_path, content_id=number)
                for number, operation in enumerate(step.operations, start=1)
            ]
            parts.append(f'Content-Type: multipart/mixed; boundary="{inner}"{_LINE}{_LINE}' + _joined(inner, changes))
        else:
            parts.append(_part(step, api_path=api_path))
    return f'multipart/mixed; boundary="{boundary}"', _joined(boundary, parts).encode()


def read_batch(answer: Answer) -> list[Answer]:
    """Return the answers inside a batch answer, change sets unfolded."""
    head = f"Content-Type: {answer.headers.get('content-type', '')}{_LINE}{_LINE}".encode()
    return list(_unfold(BytesParser(policy=HTTP).parsebytes(head + answer.body)))


def spread(steps: Sequence[BatchOperation | ChangeSet], answers: Sequence[Answer]) -> list[Answer]:
    """Return one answer for each operation: a change set that failed answers once, for all of its operations."""
    left = list(answers)
    spread_out: list[Answer] = []
    for step in steps:
        count = len(step.operations) if isinstance(step, ChangeSet) else 1
        if left and not left[0].is_success:
            spread_out += [left.pop(0)] * count
        else:
            spread_out += left[:count]
            del left[:count]
    return spread_out


def _joined(boundary: str, parts: Sequence[str]) -> str:
    return "".join(f"--{boundary}{_LINE}{part}{_LINE}" for part in parts) + f"--{boundary}--{_LINE}"


def _part(operation: BatchOperation, *, api_path: str, content_id: int | None = None) -> str:
    path = operation.path if operation.path.startswith("$") else f"{api_path}/{operation.path}"
    headers = {"Accept": "application/json", **operation.headers}
    if operation.body is not None:
        headers["Content-Type"] = "application/json; type=entry"
    lines = [
        "Content-Type: application/http",
        "Content-Transfer-Encoding: binary",
        *([f"Content-ID: {content_id}"] if content_id is not None else []),
        "",
        f"{operation.method} {path} HTTP/1.1",
        *(f"{name}: {value}" for name, value in headers.items()),
        "",
        to_json(operation.body) if operation.body is not None else "",
    ]
    return _LINE.join(lines)


def _unfold(message: Message) -> list[Answer]:
    if message.is_multipart():
        return [answer for part in message.get_payload() if isinstance(part, Message) for answer in _unfold(part)]
    payload = message.get_payload(decode=True)
    return [_inner_answer(payload)] if isinstance(payload, bytes) else []


def _inner_answer(raw: bytes) -> Answer:
    status_line, _, rest = raw.lstrip().partition(b"\r\n")
    head, _, body = rest.partition(b"\r\n\r\n")
    headers = BytesParser(policy=HTTP).parsebytes(head + b"\r\n\r\n", headersonly=True)
    status = status_line.split(b" ")[1] if status_line.count(b" ") else b"0"
    body = body.strip()
    try:
        document = parse_json(body) if body else None
    except ValueError:
        document = None
    return Answer(
        status=int(status) if status.isdigit() else 0,
        headers={name.lower(): str(value) for name, value in headers.items()},
        body=body,
        document=document,
    )
