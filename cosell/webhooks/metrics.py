"""What the receiver counts, in Prometheus' words; a registry of its own for each app, nothing global."""

from contextlib import AbstractContextManager
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from cosell.store import Added, Door
from cosell.webhooks.refusal import Reason

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_ANSWER_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """Counters and gauges of one receiver. Labels hold words of ours only, never anything a sender wrote."""

    def __init__(self) -> None:
        """Start at zero."""
        self._registry = CollectorRegistry()
        self._answers = Counter(
            "cosell_receiver_answers", "Answered calls by door and status", ["door", "status"], registry=self._registry
        )
        self._refused = Counter(
            "cosell_receiver_refused", "Refused calls by door and reason", ["door", "reason"], registry=self._registry
        )
        self._notifications = Counter(
            "cosell_receiver_notifications", "Proven calls by door and kind", ["door", "kind"], registry=self._registry
        )
        self._hints = Counter(
            "cosell_receiver_hints", "Stored hints: new, or waiting already", ["outcome"], registry=self._registry
        )
        self._seconds = Histogram(
            "cosell_receiver_answer_seconds",
            "Time to an answer",
            ["door"],
            buckets=_ANSWER_BUCKETS,
            registry=self._registry,
        )
        self._fetches = Counter(
            "cosell_receiver_certificate_fetches", "Outgoing requests for certificates", registry=self._registry
        )
        self._test_seen_at = Gauge(
            "cosell_receiver_test_created_timestamp_seconds",
            "When the last test-created notification came in; 0 for never",
            registry=self._registry,
        )
        self._waiting = Gauge(
            "cosell_receiver_inbox_waiting", "Inbox entries waiting; NaN when not readable", registry=self._registry
        )

    def time_answer(self, door: Door) -> AbstractContextManager[object]:
        """Measure how long the answer takes that is made within."""
        return self._seconds.labels(door=door.value).time()

    def count_answer(self, door: Door, *, status: int) -> None:
        """Count one answered call."""
        self._answers.labels(door=door.value, status=str(status)).inc()

    def count_refusal(self, door: Door, reason: Reason) -> None:
        """Count one refused call."""
        self._refused.labels(door=door.value, reason=reason.value).inc()

    def count_notification(self, door: Door, kind: str) -> None:
        """Count one proven call; `kind` is an event's or a table's name that we know, or a word for the rest."""
        self._notifications.labels(door=door.value, kind=kind).inc()

    def count_hints(self, added: Added) -> None:
        """Count what became of hints."""
        self._hints.labels(outcome="accepted").inc(added.accepted)
        self._hints.labels(outcome="duplicate").inc(added.duplicate)

    def note_test_seen(self, moment: datetime) -> None:
        """Remember when the last validation event came."""
        self._test_seen_at.set(moment.timestamp())

    def count_fetch(self) -> None:
        """Count one outgoing request for a certificate."""
        self._fetches.inc()

    def render(self, *, waiting: int | None) -> bytes:
        """Return the page which Prometheus reads."""
        self._waiting.set(float("nan") if waiting is None else waiting)
        return generate_latest(self._registry)
