"""Whatever stands in a mapping file or in a catalogue, it is read or refused in one of our sentences, at any size."""

import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosell.errors import FileInvalid, MappingInvalid
from cosell.mapping.loader import FILES, load_mappings
from cosell.sync.catalogue.files import read_grids
from tests.catalogue.books import write_book
from tests.emulator_process import ROOT
from tests.fuzz.mutations import broken

SHIPPED = {name: (ROOT / "mappings" / f"{name}.yaml").read_bytes() for name in FILES}
YAML = st.text(st.sampled_from(list("abc_$/:-?{}[],&*!|>'\"%@`#~ \n\t0179.\x00é🥖")), max_size=120)
CELLS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)
HEADER = "Solution Identifier,Solution Name,Type,Publisher Name\n"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@pytest.fixture(scope="module")
def book(directory: Path) -> bytes:
    return write_book(directory / "good.xlsx", ("SOL-1", "Bakery Suite", "3P", "Kestrel Software")).read_bytes()


def load(directory: Path, name: str, content: bytes) -> None:
    """Read an overlay of one file; only our error may come of it."""
    path = directory / f"{name}.yaml"
    path.write_bytes(content)
    try:
        load_mappings(directory)
    except MappingInvalid:
        pass
    finally:
        path.unlink()


@settings(max_examples=40)
@given(name=st.sampled_from(FILES), text=YAML)
def test_whatever_an_overlay_says_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, name: str, text: str
) -> None:
    load(tmp_path_factory.mktemp("overlay"), name, text.encode())


@settings(max_examples=40)
@given(data=st.data(), name=st.sampled_from(FILES))
def test_shipped_file_with_something_wrong_in_it_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, name: str
) -> None:
    load(tmp_path_factory.mktemp("overlay"), name, data.draw(broken(SHIPPED[name])))


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [*a]",
        "a: &x {b: *x}",
        "- " * 1000,
        "[" * 1000,
        "{a: " * 1000,
        "\n".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" if n else "a0: &a0 [x, x]" for n in range(30)),
        "!!python/object/apply:os.system [id]",
        "a: 1\na: 2",
        "? [a]\n: b",
        "a: 2026-13-45",
        "x" * 2_000_000,
    ],
    ids=["cycle", "cycle-in-table", "lists", "brackets", "braces", "bomb", "code", "twice", "key", "date", "long"],
)
def test_yaml_which_means_harm_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "opportunity.yaml").write_text(text)
    with pytest.raises(MappingInvalid):
        load_mappings(tmp_path)


@settings(max_examples=40)
@given(
    raw=st.one_of(
        st.binary(max_size=400),
        st.lists(st.lists(CELLS, max_size=5), max_size=5).map(
            lambda rows: (HEADER + "\n".join(";".join(row) for row in rows)).encode()
        ),
    ),
    ending=st.sampled_from([".csv", ".xlsx", ".txt", ""]),
)
def test_whatever_a_catalogue_file_holds_is_read_or_refused(directory: Path, raw: bytes, ending: str) -> None:
    read(directory / f"any{ending}", raw)


@settings(max_examples=40)
@given(data=st.data())
def test_damaged_workbook_is_read_or_refused(directory: Path, book: bytes, data: st.DataObject) -> None:
    read(directory / "damaged.xlsx", data.draw(broken(book)))


@settings(max_examples=40)
@given(data=st.data())
def test_workbook_with_a_damaged_member_is_read_or_refused(directory: Path, book: bytes, data: st.DataObject) -> None:
    with zipfile.ZipFile(io.BytesIO(book)) as packed:
        members = {name: packed.read(name) for name in packed.namelist()}
    name = data.draw(st.sampled_from(sorted(members)))
    members[name] = data.draw(broken(members[name]))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for member, content in members.items():
            packed.writestr(member, content)
    read(directory / "member.xlsx", out.getvalue())


def read(path: Path, raw: bytes) -> None:
    """Read a file; only our error may come of it."""
    path.write_bytes(raw)
    try:
        read_grids(path)
    except FileInvalid:
        pass
    finally:
        path.unlink()
