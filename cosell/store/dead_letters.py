"""Dead letters: records we gave up on, kept until they pass or a person dismisses them.

A letter is tried again by the clock (`retrying` says when), when its record changes, and when a person says so.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import uuid4

from sqlalchemy import ColumnElement, RowMapping, case, exists, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cosell.errors import Origin, RecordNotFound
from cosell.store.engine import Database, in_chunks
from cosell.store.hints import Door, Hint, HintKind
from cosell.store.inbox import store_hints
from cosell.store.retrying import Schedule, begin, go_on
from cosell.store.tables import dead_letters, inbox

PASSED_AFTER = timedelta(minutes=30)
"""So long after it was put back, a record which no hint waits for has passed, if nobody has refused it again."""


class DeadLetterState(StrEnum):
    """What has become of a dead letter."""

    OPEN = "open"
    RETRIED = "retried"
    """Back in the inbox; it opens again when it fails again."""
    RESOLVED = "resolved"
    DISMISSED = "dismissed"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """Why a record could not be handled.

    `cause` is the name by which letters are grouped (an error's class or rule), `message` the plain sentence for a
    person: ids and field names, never a value. `at` is when it happened, by default now.
    """

    kind: HintKind
    record_id: str
    flow: str
    cause: str
    message: str
    request_id: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FiledDeadLetter:
    """A dead letter as the ledger keeps it: the latest reason, and how often and since when it happened."""

    dead_letter_id: str
    letter: DeadLetter
    state: DeadLetterState
    count: int
    first_at: datetime
    last_at: datetime
    settled_at: datetime | None
    settled_by: str | None
    attempts: int
    """How often it was tried again by the clock."""
    due_at: datetime | None
    """When it is tried again by the clock; None while it is being tried, and when only a person may."""


class DeadLetters:
    """The dead letters of one tenant."""

    def __init__(self, database: Database) -> None:
        """Work on this database."""
        self._database = database

    async def add(self, letter: DeadLetter) -> FiledDeadLetter:
        """File a letter; one that is open for the same record already is counted up and takes the new reason.

        The same reason again goes on with its pauses; another one begins anew.
        """
        insert = self._database.insert(dead_letters)
        new, old = insert.excluded, dead_letters.c
        goes_on = old.state.in_([DeadLetterState.OPEN, DeadLetterState.RETRIED])
        upsert = insert.on_conflict_do_update(
            index_elements=["tenant", "kind", "record_id"],
            set_={
                "flow": new.flow,
                "cause": new.cause,
                "message": new.message,
                "request_id": new.request_id,
                "count": case((goes_on, old.count + 1), else_=1),
                "first_at": case((goes_on, old.first_at), else_=new.first_at),
                "last_at": new.last_at,
                "state": DeadLetterState.OPEN.value,
                "settled_at": None,
                "settled_by": None,
                "attempts": new.attempts,
                "due_at": new.due_at,
            },
        ).returning(dead_letters)
        same = (old.kind == letter.kind.value, old.record_id == letter.record_id)
        query = select(dead_letters).where(self._database.mine(dead_letters), *same).with_for_update()
        async with self._database.write() as connection:
            known = (await connection.execute(query)).mappings().one_or_none()
            row = self._row(letter, _schedule(known, letter, now=self._database.now()))
            filed = (await connection.execute(upsert, [row])).mappings().one()
        return _filed(filed)

    async def list_open(self) -> list[FiledDeadLetter]:
        """Return the open letters, the latest first."""
        query = (
            select(dead_letters)
            .where(self._database.mine(dead_letters), dead_letters.c.state == DeadLetterState.OPEN)
            .order_by(dead_letters.c.last_at.desc(), dead_letters.c.dead_letter_id)
        )
        async with self._database.read() as connection:
            return [_filed(row) for row in (await connection.execute(query)).mappings()]

    async def count_open_by_cause(self) -> dict[str, int]:
        """Count the open letters of each cause, the most frequent first."""
        number = func.count().label("number")
        query = (
            select(dead_letters.c.cause, number)
            .where(self._database.mine(dead_letters), dead_letters.c.state == DeadLetterState.OPEN)
            .group_by(dead_letters.c.cause)
            .order_by(number.desc(), dead_letters.c.cause)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        return {row.cause: row.number for row in rows}

    async def count_due(self) -> int:
        """Count the open letters whose time has come."""
        query = select(func.count()).select_from(dead_letters).where(*self._is_due())
        async with self._database.read() as connection:
            return int((await connection.execute(query)).scalar_one())

    async def retry_due(self, *, per_cause: int, at_most: int) -> list[FiledDeadLetter]:
        """Put the records of letters which are due back into the inbox, the longest due first; count the try."""
        due = select(dead_letters.c.dead_letter_id, dead_letters.c.cause).where(*self._is_due())
        chosen: list[str] = []
        counts: Counter[str] = Counter()
        async with self._database.write() as connection:
            for row in (await connection.execute(due.order_by(dead_letters.c.due_at))).all():
                if counts[row.cause] < per_cause and len(chosen) < at_most:
                    counts[row.cause] += 1
                    chosen.append(row.dead_letter_id)
            return await self._put_back(
                connection, chosen, door=Door.SCHEDULE, values={"attempts": dead_letters.c.attempts + 1}
            )

    async def resolve_passed(self) -> int:
        """Close the letters which were put back and whose record was looked at since, without a new refusal."""
        waits = exists().where(
            inbox.c.tenant == dead_letters.c.tenant,
            inbox.c.kind == dead_letters.c.kind,
            inbox.c.record_id == dead_letters.c.record_id,
        )
        now = self._database.now()
        query = (
            update(dead_letters)
            .where(
                self._database.mine(dead_letters),
                dead_letters.c.state == DeadLetterState.RETRIED,
                dead_letters.c.settled_at <= now - PASSED_AFTER,
                ~waits,
            )
            .values(state=DeadLetterState.RESOLVED.value, settled_at=now)
        )
        async with self._database.write() as connection:
            return (await connection.execute(query)).rowcount

    async def find_refused_at(self, kind: HintKind, record_ids: Iterable[str]) -> dict[str, datetime]:
        """Find when these records were refused last, for those which have a letter that is open or being tried."""
        found: dict[str, datetime] = {}
        async with self._database.read() as connection:
            for chunk in in_chunks(sorted(set(record_ids))):
                query = select(dead_letters.c.record_id, dead_letters.c.last_at).where(
                    self._database.mine(dead_letters),
                    dead_letters.c.kind == kind.value,
                    dead_letters.c.record_id.in_(chunk),
                    dead_letters.c.state.in_([DeadLetterState.OPEN, DeadLetterState.RETRIED]),
                )
                found |= {row.record_id: row.last_at for row in (await connection.execute(query)).all()}
        return found

    async def get(self, dead_letter_id: str) -> FiledDeadLetter:
        """Return a letter, whatever its state.

        Raises:
            RecordNotFound: there is none with this id.
        """
        query = select(dead_letters).where(
            self._database.mine(dead_letters), dead_letters.c.dead_letter_id == dead_letter_id
        )
        async with self._database.read() as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        if row is None:
            raise RecordNotFound(
                "The ledger has no such dead letter.", origin=Origin(service="ledger", record=dead_letter_id)
            )
        return _filed(row)

    async def retry(self, ids: Iterable[str]) -> list[FiledDeadLetter]:
        """Put the records of open letters back into the inbox; return the letters this was done for."""
        async with self._database.write() as connection:
            return await self._put_back(connection, ids, door=Door.HAND, values={"attempts": 0})

    async def dismiss(self, ids: Iterable[str], by: str) -> list[FiledDeadLetter]:
        """Close open letters because `by` says so; return those that were open."""
        async with self._database.write() as connection:
            return await self._settle_open(connection, ids, DeadLetterState.DISMISSED, by=by)

    async def resolve(self, kind: HintKind, record_id: str) -> None:
        """Close the letter of a record that has passed; nothing happens when there is none."""
        async with self._database.write() as connection:
            await resolve_letters(connection, self._database, [(kind, record_id)])

    def _is_due(self) -> tuple[ColumnElement[bool], ...]:
        return (
            self._database.mine(dead_letters),
            dead_letters.c.state == DeadLetterState.OPEN,
            dead_letters.c.due_at <= self._database.now(),
        )

    async def _put_back(
        self, connection: AsyncConnection, ids: Iterable[str], *, door: Door, values: Mapping[str, object]
    ) -> list[FiledDeadLetter]:
        retried = await self._settle_open(connection, ids, DeadLetterState.RETRIED, by=None, values=values)
        hints = [Hint(door=door, kind=filed.letter.kind, record_id=filed.letter.record_id) for filed in retried]
        await store_hints(connection, self._database, hints)
        return retried

    async def _settle_open(
        self,
        connection: AsyncConnection,
        ids: Iterable[str],
        state: DeadLetterState,
        *,
        by: str | None,
        values: Mapping[str, object] | None = None,
    ) -> list[FiledDeadLetter]:
        settled: list[FiledDeadLetter] = []
        for chunk in in_chunks(sorted(set(ids))):
            query = (
                update(dead_letters)
                .where(
                    self._database.mine(dead_letters),
                    dead_letters.c.dead_letter_id.in_(chunk),
                    dead_letters.c.state == DeadLetterState.OPEN,
                )
                .values(
                    {
                        "state": state.value,
                        "settled_at": self._database.now(),
                        "settled_by": by,
                        "due_at": None,
                        **(values or {}),
                    }
                )
                .returning(dead_letters)
            )
            settled += [_filed(row) for row in (await connection.execute(query)).mappings()]
        return settled

    def _row(self, letter: DeadLetter, schedule: Schedule) -> dict[str, object]:
        at = letter.at or self._database.now()
        return {
            "tenant": self._database.tenant,
            "dead_letter_id": uuid4().hex,
            "kind": letter.kind.value,
            "record_id": letter.record_id,
            "flow": letter.flow,
            "cause": letter.cause,
            "message": letter.message,
            "request_id": letter.request_id,
            "count": 1,
            "first_at": at,
            "last_at": at,
            "state": DeadLetterState.OPEN.value,
            "attempts": schedule.attempts,
            "due_at": schedule.due_at,
        }


def _schedule(known: RowMapping | None, letter: DeadLetter, *, now: datetime) -> Schedule:
    """Return when a letter is tried again, by what is known of an earlier refusal of the same record."""
    goes_on = known is not None and known["state"] in {DeadLetterState.OPEN, DeadLetterState.RETRIED}
    if known is None or not goes_on or (known["cause"], known["message"]) != (letter.cause, letter.message):
        return begin(now)
    schedule = Schedule(attempts=known["attempts"], due_at=known["due_at"])
    return go_on(schedule, was_tried=known["state"] == DeadLetterState.RETRIED, now=now)


async def resolve_letters(
    connection: AsyncConnection, database: Database, records: Iterable[tuple[HintKind, str]]
) -> None:
    """Close the letters of records that have passed, within a transaction of the caller's."""
    for chunk in in_chunks(sorted({(kind.value, record_id) for kind, record_id in records})):
        query = (
            update(dead_letters)
            .where(
                database.mine(dead_letters),
                tuple_(dead_letters.c.kind, dead_letters.c.record_id).in_(chunk),
                dead_letters.c.state.in_([DeadLetterState.OPEN, DeadLetterState.RETRIED]),
            )
            .values(state=DeadLetterState.RESOLVED.value, settled_at=database.now(), due_at=None)
        )
        await connection.execute(query)


def _filed(row: RowMapping) -> FiledDeadLetter:
    return FiledDeadLetter(
        dead_letter_id=row["dead_letter_id"],
        letter=DeadLetter(
            kind=HintKind(row["kind"]),
            record_id=row["record_id"],
            flow=row["flow"],
            cause=row["cause"],
            message=row["message"],
            request_id=row["request_id"],
            at=row["last_at"],
        ),
        state=DeadLetterState(row["state"]),
        count=row["count"],
        first_at=row["first_at"],
        last_at=row["last_at"],
        settled_at=row["settled_at"],
        settled_by=row["settled_by"],
        attempts=row["attempts"],
        due_at=row["due_at"],
    )
