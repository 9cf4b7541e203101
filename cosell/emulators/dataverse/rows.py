"""Where the rows live: one SQLite table for all CRM tables, an index of the values people look rows up by, tombstones.

A row's version comes from one counter for the whole environment, as Dataverse's rowversion does: it is the row's etag,
and what change tracking counts by.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cosell.emulators.dataverse.collation import fold_value
from cosell.emulators.dataverse.metadata import Schema
from cosell.emulators.world import Store

Data = dict[str, object]
FIRST_VERSION = 1_000_000
TABLES = (
    """CREATE TABLE IF NOT EXISTS dv_rows (
        tbl TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, data TEXT NOT NULL, PRIMARY KEY (tbl, id)
    ) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS dv_rows_by_version ON dv_rows (tbl, version)",
    """CREATE TABLE IF NOT EXISTS dv_index (
        tbl TEXT NOT NULL, col TEXT NOT NULL, val NOT NULL, id TEXT NOT NULL, PRIMARY KEY (tbl, col, val, id)
    ) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS dv_tombstones (
        tbl TEXT NOT NULL, version INTEGER NOT NULL, id TEXT NOT NULL, PRIMARY KEY (tbl, version)
    ) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS dv_links (
        rel TEXT NOT NULL, first TEXT NOT NULL, second TEXT NOT NULL, PRIMARY KEY (rel, first, second)
    ) WITHOUT ROWID""",
)
CHUNK = 500


@dataclass(slots=True)
class Row:
    """One row; absent columns are null. `lookup@` beside a lookup holds its target table where there are several."""

    table: str
    id: str
    version: int
    data: Data

    @property
    def etag(self) -> str:
        """Return the weak etag, as Dataverse writes it."""
        return f'W/"{self.version}"'


class RowStore:
    """Read and write rows; every write draws the next version."""

    def __init__(self, store: Store, schema: Schema) -> None:
        self._store = store
        self._schema = schema
        for statement in TABLES:
            store.execute(statement)
        self.version = self._last_version()

    def clear(self) -> None:
        """Empty everything; versions go on counting so that no old etag or delta token becomes true again."""
        for name in ("dv_rows", "dv_index", "dv_tombstones", "dv_links"):
            self._store.execute(f"DELETE FROM {name}")

    def is_empty(self) -> bool:
        """Tell whether there is no row at all."""
        return self._store.execute("SELECT 1 FROM dv_rows LIMIT 1").fetchone() is None

    def next_version(self) -> int:
        """Draw a version."""
        self.version += 1
        return self.version

    def get(self, table: str, row_id: str) -> Row | None:
        """Return a row by its id."""
        found = self._store.execute(
            "SELECT id, version, data FROM dv_rows WHERE tbl = ? AND id = ?", (table, row_id)
        ).fetchone()
        return _row(table, found) if found else None

    def get_many(self, table: str, ids: Iterable[str]) -> list[Row]:
        """Return the rows with these ids that exist, in the order of the ids."""
        return [row for row in (self.get(table, row_id) for row_id in ids) if row]

    def exists(self, table: str, row_id: str) -> bool:
        """Tell whether a row exists, without reading it."""
        return (
            self._store.execute("SELECT 1 FROM dv_rows WHERE tbl = ? AND id = ?", (table, row_id)).fetchone()
            is not None
        )

    def insert(self, table: str, row_id: str, data: Data) -> Row:
        """Add a row."""
        row = Row(table, row_id, self.next_version(), data)
        self._store.execute(
            "INSERT INTO dv_rows (tbl, id, version, data) VALUES (?, ?, ?, ?)",
            (table, row_id, row.version, json.dumps(data)),
        )
        self._store.executemany(
            "INSERT OR IGNORE INTO dv_index VALUES (?, ?, ?, ?)", self._entries(table, row_id, data)
        )
        return row

    def insert_many(self, table: str, rows: Iterable[tuple[str, Data]]) -> None:
        """Add many rows fast."""
        batch = list(rows)
        self._store.executemany(
            "INSERT INTO dv_rows (tbl, id, version, data) VALUES (?, ?, ?, ?)",
            [(table, row_id, self.next_version(), json.dumps(data)) for row_id, data in batch],
        )
        entries = [entry for row_id, data in batch for entry in self._entries(table, row_id, data)]
        self._store.executemany("INSERT OR IGNORE INTO dv_index VALUES (?, ?, ?, ?)", entries)

    def replace(self, row: Row, data: Data) -> Row:
        """Write a row anew."""
        fresh = Row(row.table, row.id, self.next_version(), data)
        self._store.execute(
            "UPDATE dv_rows SET version = ?, data = ? WHERE tbl = ? AND id = ?",
            (fresh.version, json.dumps(data), row.table, row.id),
        )
        old, new = set(self._entries(row.table, row.id, row.data)), set(self._entries(row.table, row.id, data))
        self._drop_entries(old - new)
        self._store.executemany("INSERT OR IGNORE INTO dv_index VALUES (?, ?, ?, ?)", list(new - old))
        return fresh

    def remove(self, row: Row) -> None:
        """Delete a row and leave a tombstone for change tracking."""
        self._store.execute("DELETE FROM dv_rows WHERE tbl = ? AND id = ?", (row.table, row.id))
        self._drop_entries(set(self._entries(row.table, row.id, row.data)))
        self._store.execute("INSERT INTO dv_tombstones VALUES (?, ?, ?)", (row.table, self.next_version(), row.id))

    def remove_table(self, table: str) -> None:
        """Forget all rows of a table that is dropped."""
        for name in ("dv_rows", "dv_index", "dv_tombstones"):
            self._store.execute(f"DELETE FROM {name} WHERE tbl = ?", (table,))

    def count(self, table: str) -> int:
        """Return the number of rows."""
        return int(self._store.execute("SELECT COUNT(*) FROM dv_rows WHERE tbl = ?", (table,)).fetchone()[0])

    def scan(self, table: str, after: str = "") -> Iterator[Row]:
        """Yield the rows in the order of their ids, from behind `after` on."""
        while True:
            found = self._store.execute(
                "SELECT id, version, data FROM dv_rows WHERE tbl = ? AND id > ? ORDER BY id LIMIT ?",
                (table, after, CHUNK),
            ).fetchall()
            yield from (_row(table, one) for one in found)
            if len(found) < CHUNK:
                return
            after = found[-1]["id"]

    def changed(self, table: str, since: int, until: int) -> Iterator[Row]:
        """Yield the rows written after version `since`, up to `until`, oldest change first."""
        while True:
            found = self._store.execute(
                "SELECT id, version, data FROM dv_rows WHERE tbl = ? AND version > ? AND version <= ? "
                "ORDER BY version LIMIT ?",
                (table, since, until, CHUNK),
            ).fetchall()
            yield from (_row(table, one) for one in found)
            if len(found) < CHUNK:
                return
            since = found[-1]["version"]

    def deleted(self, table: str, since: int, until: int) -> list[tuple[int, str]]:
        """Return versions and ids of the rows deleted after `since`, up to `until`."""
        found = self._store.execute(
            "SELECT version, id FROM dv_tombstones WHERE tbl = ? AND version > ? AND version <= ? ORDER BY version",
            (table, since, until),
        )
        return [(one["version"], one["id"]) for one in found]

    def find_ids(self, table: str, column: str, value: object) -> list[str]:
        """Return the ids of the rows which hold this value in an indexed column, in order."""
        found = self._store.execute(
            "SELECT id FROM dv_index WHERE tbl = ? AND col = ? AND val = ? ORDER BY id",
            (table, column, fold_value(value)),
        )
        return [one["id"] for one in found]

    def find_ids_between(self, table: str, column: str, low: object, high: object) -> list[str]:
        """Return the ids of the rows whose indexed value lies between, both ends included; None leaves an end open."""
        sql, values = "SELECT id FROM dv_index WHERE tbl = ? AND col = ?", [table, column]
        for operator, bound in ((">=", low), ("<=", high)):
            if bound is not None:
                sql += f" AND val {operator} ?"
                values.append(fold_value(bound))  # type: ignore[arg-type]
        return sorted(one["id"] for one in self._store.execute(sql, tuple(values)))

    def scan_by(self, table: str, column: str, after: tuple[object, str] | None, *, descending: bool) -> Iterator[Row]:
        """Yield the rows in the order of an indexed column that is never null, then of their ids."""
        beyond, order = ("<", "DESC") if descending else (">", "ASC")
        while True:
            sql, values = "i.tbl = ? AND i.col = ?", [table, column]
            if after is not None:
                sql += f" AND (i.val {beyond} ? OR (i.val = ? AND i.id > ?))"
                values += [after[0], after[0], after[1]]  # type: ignore[list-item]
            found = self._store.execute(
                "SELECT i.val AS val, r.id AS id, r.version AS version, r.data AS data FROM dv_index i "
                f"JOIN dv_rows r ON r.tbl = i.tbl AND r.id = i.id WHERE {sql} "
                f"ORDER BY i.val {order}, i.id LIMIT {CHUNK}",
                tuple(values),
            ).fetchall()
            yield from (_row(table, one) for one in found)
            if len(found) < CHUNK:
                return
            after = (found[-1]["val"], found[-1]["id"])

    def reindex(self, table: str) -> None:
        """Build a table's index anew, after its indexed columns changed."""
        self._store.execute("DELETE FROM dv_index WHERE tbl = ?", (table,))
        for row in self.scan(table):
            self._store.executemany(
                "INSERT OR IGNORE INTO dv_index VALUES (?, ?, ?, ?)", self._entries(table, row.id, row.data)
            )

    def link(self, relationship: str, first: str, second: str) -> None:
        """Associate two rows in a many-to-many relationship."""
        self._store.execute("INSERT OR IGNORE INTO dv_links VALUES (?, ?, ?)", (relationship, first, second))

    def unlink(self, relationship: str, first: str, second: str) -> None:
        """Take an association away."""
        self._store.execute(
            "DELETE FROM dv_links WHERE rel = ? AND first = ? AND second = ?", (relationship, first, second)
        )

    def linked(self, relationship: str, *, first: str = "", second: str = "") -> list[str]:
        """Return the ids on the other side of a many-to-many relationship."""
        given, wanted, value = ("first", "second", first) if first else ("second", "first", second)
        found = self._store.execute(
            f"SELECT {wanted} AS other FROM dv_links WHERE rel = ? AND {given} = ? ORDER BY 1", (relationship, value)
        )
        return [one["other"] for one in found]

    def _entries(self, table: str, row_id: str, data: Data) -> list[tuple[object, ...]]:
        return [
            (table, name, fold_value(data[name]), row_id)
            for name in self._schema.indexed(table)
            if data.get(name) is not None
        ]

    def _drop_entries(self, entries: set[tuple[object, ...]]) -> None:
        self._store.executemany("DELETE FROM dv_index WHERE tbl = ? AND col = ? AND val = ? AND id = ?", list(entries))

    def _last_version(self) -> int:
        found = self._store.execute(
            "SELECT MAX(v) AS v FROM "
            "(SELECT MAX(version) AS v FROM dv_rows UNION SELECT MAX(version) FROM dv_tombstones)"
        ).fetchone()
        return int(found["v"] or FIRST_VERSION)


def _row(table: str, found: object) -> Row:
    return Row(table, found["id"], found["version"], json.loads(found["data"]))  # type: ignore[index]
