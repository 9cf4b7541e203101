"""`$batch`: many requests in one multipart body, change sets all or nothing (Microsoft: Execute batch operations)."""

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from urllib.parse import unquote

from cosell.emulators.dataverse.environment import Environment
from cosell.emulators.dataverse.errors import DataverseError, bad_url
from cosell.emulators.dataverse.http import ERROR_TYPE, Call, Reply, parse_prefer, parse_query

MOST_OPERATIONS = 1000
BOUNDARY = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)
CONTENT_ID_PATH = re.compile(r"^\$(\w+)(/.*)?$")
Answer = Callable[[Call], Reply]
Refusal = Callable[[DataverseError, Call | None], Reply]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a multipart body: its MIME headers and what follows them."""

    headers: dict[str, str]
    content: bytes


class Batch:
    """Run the batch of one request."""

    def __init__(self, env: Environment, call: Call, answer: Answer, refuse: Refusal) -> None:
        self._env = env
        self._call = call
        self._answer = answer
        self._refuse = refuse

    def run(self) -> Reply:
        """Return the multipart answer; without continue-on-error it ends with the first failure."""
        parts = split_multipart(self._call.body, self._call.header("content-type"))
        self._check_size(parts)
        boundary = f"batchresponse_{uuid.uuid4()}"
        written: list[bytes] = []
        status = 200
        for part in parts:
            one, content = self._part(part)
            written.append(f"--{boundary}\r\n".encode() + content)
            if one >= 400 and not self._call.prefer.continue_on_error:
                status = one
                break
        body = b"".join(written) + f"--{boundary}--\r\n".encode()
        headers = {"Preference-Applied": "odata.continue-on-error"} if self._call.prefer.continue_on_error else {}
        return Reply(status, body, headers, media_type=f"multipart/mixed; boundary={boundary}")

    def _check_size(self, parts: list[Part]) -> None:
        count = 0
        for part in parts:
            nested = _is_change_set(part)
            count += len(split_multipart(part.content, part.headers["content-type"])) if nested else 1
        if count > MOST_OPERATIONS:
            raise bad_url(f"The number of requests in the batch exceeds the limit of {MOST_OPERATIONS}.")

    def _part(self, part: Part) -> tuple[int, bytes]:
        if _is_change_set(part):
            return self._change_set(part)
        call: Call | None = None
        try:
            call = self._inner_call(part, {}, in_change_set=False)
            reply = self._answer(call)
        except DataverseError as error:
            reply = self._refuse(error, call)
        return reply.status, _application_http(reply, None)

    def _change_set(self, part: Part) -> tuple[int, bytes]:
        """Run a change set; one failure undoes it whole and is its only answer."""
        boundary = f"changesetresponse_{uuid.uuid4()}"
        content_ids: dict[str, str] = {}
        written: list[bytes] = []
        call: Call | None = None
        try:
            with self._env.transaction():
                for inner in split_multipart(part.content, part.headers["content-type"]):
                    content_id = inner.headers.get("content-id")
                    call = self._inner_call(inner, content_ids, in_change_set=True)
                    if content_id is None:
                        raise bad_url("Content-ID is missing: every request of a change set needs one.")
                    reply = self._answer(call)
                    url = reply.headers.get("OData-EntityId") or _id_of(reply, call)
                    content_ids[content_id] = url
                    if reply.status == 204 and "Location" not in reply.headers:
                        reply.headers["Location"] = url
                    written.append(f"--{boundary}\r\n".encode() + _application_http(reply, content_id))
        except DataverseError as error:
            reply = self._refuse(error, call)
            return reply.status, _application_http(reply, None)
        head = f"Content-Type: multipart/mixed; boundary={boundary}\r\n\r\n".encode()
        return 200, head + b"".join(written) + f"--{boundary}--\r\n".encode()

    def _inner_call(self, part: Part, content_ids: dict[str, str], *, in_change_set: bool) -> Call:
        head, _, body = _split_head(part.content)
        lines = head.decode("utf-8", "replace").split("\r\n")
        # Blanks inside the URL are not encoded by every client, and the service reads them all the same.
        method, _, rest = lines[0].partition(" ")
        url, _, protocol = rest.rpartition(" ")
        if (
            not protocol.startswith("HTTP/")
            or not url
            or part.headers.get("content-type", "").split(";")[0].strip() != "application/http"
        ):
            raise bad_url("A part of the batch is not a well-formed HTTP request.")
        headers = {**_inherited(self._call), **_headers(lines[1:])}
        if method == "GET" and in_change_set:
            raise bad_url("A GET request cannot be part of a change set.")
        path, query = self._address(url, content_ids)
        if path.startswith("$batch"):
            raise bad_url("A batch cannot hold another batch.")
        kind = headers.get("content-type", "")
        headers["content-type"] = kind.split(";")[0]
        return replace(
            self._call,
            method=method.upper(),
            path=path,
            query=query,
            headers=headers,
            body=body.strip() if method != "GET" else b"",
            prefer=parse_prefer(headers.get("prefer", "")),
            content_ids=content_ids,
            in_change_set=in_change_set,
        )

    def _address(self, url: str, content_ids: dict[str, str]) -> tuple[str, dict[str, str]]:
        """Return path and query of a part's URL, absolute, rooted, relative, or begun by `$1`."""
        match = CONTENT_ID_PATH.match(url.lstrip("/").partition("?")[0])
        if match and match.group(1) not in {"metadata", "batch"}:
            found = content_ids.get(match.group(1))
            if found is None:
                raise bad_url(f"Content-ID Reference: '${match.group(1)}' does not exist in the batch context.")
            url = found + (match.group(2) or "")
        address, _, query = url.partition("?")
        if "/api/data/" in address:
            address = address.split("/api/data/", 1)[1].partition("/")[2]
        return unquote(address.lstrip("/")), parse_query(query)


def split_multipart(body: bytes, content_type: str) -> list[Part]:
    """Cut a multipart body at its boundary; line ends must be CRLF, as MIME and the service demand."""
    match = BOUNDARY.search(content_type)
    if match is None or not content_type.lower().startswith("multipart/mixed"):
        raise bad_url("The content type of a batch must be multipart/mixed with a boundary.")
    mark = b"--" + match.group(1).encode()
    if b"\r\n" not in body:
        raise bad_url("The message header of a batch part is invalid: lines must end with CRLF.")
    pieces = (b"\r\n" + body).split(b"\r\n" + mark)
    if not pieces[-1].startswith(b"--"):
        raise bad_url("The batch request body is not terminated by its boundary.")
    parts = []
    for piece in pieces[1:-1]:
        head, _, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        parts.append(Part(_headers(head.decode("utf-8", "replace").split("\r\n")), content))
    return parts


def _is_change_set(part: Part) -> bool:
    return part.headers.get("content-type", "").lower().startswith("multipart/mixed")


def _headers(lines: list[str]) -> dict[str, str]:
    pairs = (line.partition(":") for line in lines if ":" in line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _split_head(content: bytes) -> tuple[bytes, bytes, bytes]:
    return content.lstrip(b"\r\n").partition(b"\r\n\r\n")


def _inherited(call: Call) -> dict[str, str]:
    """Return the headers of the batch which count for its parts too."""
    names = ("mscrm.solutionuniquename", "consistency", "mscrm.suppressduplicatedetection")
    return {name: call.headers[name] for name in names if name in call.headers}


def _id_of(reply: Reply, call: Call) -> str:
    """Return the address of the row a part wrote, when its answer has no address of its own."""
    if isinstance(reply.body, dict):
        set_name = call.path.partition("(")[0]
        ids = [str(value) for name, value in reply.body.items() if name.endswith("id") and "@" not in name]
        return f"{call.root}{set_name}({ids[-1]})" if ids else call.root + call.path
    return call.root + call.path


def _application_http(reply: Reply, content_id: str | None) -> bytes:
    lines = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    if content_id is not None:
        lines.append(f"Content-ID: {content_id}")
    phrase = HTTPStatus(reply.status).phrase
    lines += ["", f"HTTP/1.1 {reply.status} {phrase}"]
    body = reply.encoded()
    if reply.status >= 400:
        lines += [f"REQ_ID: {uuid.uuid4()}", f"Content-Type: {ERROR_TYPE}"]
    elif body:
        lines.append(f"Content-Type: {reply.media_type}")
    lines.append("OData-Version: 4.0")
    lines += [f"{name}: {value}" for name, value in reply.headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body + b"\r\n"
