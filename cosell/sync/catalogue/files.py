"""Opens a file that somebody hands us: what it really is, and whether it is safe to read, before it is parsed."""

import io
import zipfile
from pathlib import Path

from cosell.errors import FileInvalid
from cosell.sync.catalogue.cells import Grid
from cosell.sync.catalogue.delimited import read_delimited
from cosell.sync.catalogue.workbook import read_workbook

MAX_BYTES = 20 * 1024 * 1024
MAX_UNPACKED_BYTES = 200 * 1024 * 1024
MAX_MEMBERS = 2000
"""What a file may be at most; ten thousand solutions take less than one megabyte."""
_ZIP = b"PK\x03\x04"
_OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
"""The stream which holds the real workbook when it has a password (Microsoft: Office Document Cryptography)."""
_SAVE_AS = "open it in Excel and save it as an Excel Workbook (.xlsx)"


def read_grids(path: Path, *, sheet: str | None = None) -> list[Grid]:
    """Return the sheets of a workbook, or what a CSV file holds; with `sheet` only this one.

    Raises:
        FileInvalid: it cannot be read, or is nothing that should be; the text says what to do.
    """
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise FileInvalid(f"{path.name} is not a file.")
        if size > MAX_BYTES:
            raise FileInvalid(f"{path.name} is larger than {MAX_BYTES // 1024**2} MB; it was not read. {_SPLIT}")
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise FileInvalid(f"{path.name} cannot be read: {(error.strerror or 'unknown reason').lower()}.") from None
    if raw.startswith(_OLD_OFFICE):
        raise FileInvalid(_refuse_old(path.name, raw))
    if raw.startswith(_ZIP):
        refuse_unsafe_workbook(raw, name=path.name)
        return read_workbook(raw, name=path.name, sheet=sheet)
    if path.suffix.lower() in {".xlsx", ".xlsm", ".xltx", ".xltm", ".xls", ".xlsb", ".ods", ".zip"}:
        raise FileInvalid(f"{path.name} is called {path.suffix} but is no workbook; {_SAVE_AS}.")
    if sheet is not None:
        raise FileInvalid(f"{path.name} is a CSV file, which has no sheets; leave the name of the sheet out.")
    return [read_delimited(raw, name=path.name)]


_SPLIT = "Remove the sheets and columns which are not needed, or split it."


def refuse_unsafe_workbook(raw: bytes, *, name: str) -> None:
    """Look at the directory of a workbook only: Python unpacks no more of a member than it declares there.

    Raises:
        FileInvalid: it is no plain workbook, or would grow too large.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as packed:
            members = packed.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise FileInvalid(f"{name} is damaged: {_SAVE_AS} once more.") from None
    if len(members) > MAX_MEMBERS or sum(member.file_size for member in members) > MAX_UNPACKED_BYTES:
        raise FileInvalid(f"{name} is far larger than it looks; it was not unpacked. {_SPLIT}")
    if any(member.flag_bits & 1 for member in members):
        raise FileInvalid(f"{name} has a password; save it without one.")
    names = {member.filename.lower().lstrip("/") for member in members}
    if Path(name).suffix.lower() in {".xlsm", ".xltm"} or any(member.endswith("vbaproject.bin") for member in names):
        raise FileInvalid(f"{name} is a workbook with macros; {_SAVE_AS}, which holds none.")
    if "xl/workbook.bin" in names:
        raise FileInvalid(f"{name} is a binary workbook; {_SAVE_AS}.")
    if "content.xml" in names and "[content_types].xml" not in names:
        raise FileInvalid(f"{name} is an OpenDocument file; save it as .xlsx or as CSV.")
    if "[content_types].xml" not in names or not any(member.startswith("xl/") for member in names):
        raise FileInvalid(f"{name} is no workbook; {_SAVE_AS}, or as CSV.")


def _refuse_old(name: str, raw: bytes) -> str:
    if _ENCRYPTED in raw:
        return f"{name} has a password; save it without one (File, Info, Protect Workbook), for it cannot be read so."
    return f"{name} is of the old format .xls; {_SAVE_AS}."
