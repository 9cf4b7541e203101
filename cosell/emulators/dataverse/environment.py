"""One emulated CRM environment: its schema, rows, users and knobs, handed to everything that serves a request."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import TYPE_CHECKING

from cosell.emulators.dataverse.access import Access, Actor
from cosell.emulators.dataverse.metadata import Schema, stable_id
from cosell.emulators.dataverse.relations import Relations
from cosell.emulators.dataverse.rows import Data, RowStore
from cosell.emulators.world import World

if TYPE_CHECKING:
    from cosell.emulators.dataverse.schema_log import SchemaLog

ORGANIZATION_ID = stable_id("organization")
BUSINESS_UNIT_ID = stable_id("businessunit")
BASE_CURRENCY_ID = stable_id("currency", "USD")
SERVICE = "dataverse"


@dataclass(slots=True, kw_only=True)
class Knobs:
    """What a test may turn; the defaults are what the real service does.

    `expire_changes_after` counts changes in the whole environment; `key_index_seconds` is how long a new alternate key
    stays Pending; `stale_metadata_seconds` is how old the schema may look without `Consistency: Strong`;
    `webhook_shuffle` delivers what waits in any order.
    """

    expire_changes_after: int | None = None
    expire_changes_seconds: float | None = None
    expired_status: int = 400
    key_index_seconds: float = 0.0
    stale_metadata_seconds: float = 0.0
    parallelism_hint: int = 52
    webhook_timeout_seconds: float = 60.0
    webhook_shuffle: bool = False

    def reset(self) -> None:
        """Turn every knob back."""
        for one in fields(self):
            setattr(self, one.name, one.default)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to a row, as webhooks tell it."""

    message: str
    table: str
    row_id: str
    changed: Data
    before: Data | None
    after: Data | None
    actor: Actor
    at: datetime
    tag: str | None


@dataclass(frozen=True, slots=True)
class StaleSchema:
    """The schema as it was before the last change, and when it changed."""

    schema: Schema
    changed_at: datetime


@dataclass(slots=True)
class Environment:
    """The parts of a CRM environment; `outbox` holds the events of committed writes until the webhooks take them."""

    world: World
    schema: Schema
    rows: RowStore
    relations: Relations = field(init=False)
    access: Access = field(init=False)
    knobs: Knobs = field(default_factory=Knobs)
    outbox: list[Event] = field(default_factory=list)
    uncommitted: list[Event] = field(default_factory=list)
    log: "SchemaLog" = field(init=False)
    stale: "StaleSchema | None" = None
    host: str = "localhost"
    _depth: int = 0

    def __post_init__(self) -> None:
        self.relations = Relations(self.schema, self.rows)
        self.access = Access(self.schema, self.rows)

    def now(self) -> datetime:
        """Return the environment's time."""
        return self.world.clock.now()

    def remember_schema(self) -> None:
        """Keep the schema as it is for readers who do not ask for strong consistency; call before a change."""
        if self.knobs.stale_metadata_seconds > 0:
            self.stale = StaleSchema(deepcopy(self.schema), self.now())

    def schema_seen(self, *, strong: bool) -> Schema:
        """Return the schema a reader sees."""
        if strong or self.stale is None:
            return self.schema
        age = (self.now() - self.stale.changed_at).total_seconds()
        return self.stale.schema if age < self.knobs.stale_metadata_seconds else self.schema

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Write all or nothing; what happened is told to the webhooks after the outermost commit."""
        mark, generation = len(self.uncommitted), self.schema.generation
        self._depth += 1
        try:
            with self.world.store.transaction():
                yield
        except BaseException:
            del self.uncommitted[mark:]
            if self.schema.generation != generation:
                self.log.reload()
            raise
        finally:
            self._depth -= 1
        if self._depth == 0:
            self.outbox.extend(self.uncommitted)
            self.uncommitted.clear()
