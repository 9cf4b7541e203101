"""Made-to-order trouble: rules which spoil chosen calls and notifications, set by `PUT /_emulator/faults`.

A rule matches by method and path; `nth` spoils only the nth match (counted from 1), `times` the first few,
`probability` some, and none of the three all of them. The action is one of: an answer instead of the service's, a
delay, a connection cut before or after the effect, half a body, and for notifications drop, duplicate, delay, reorder.
"""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Json: TypeAlias = Any

_RULE_MEMBERS = frozenset({"method", "path", "nth", "times", "probability", "action", "event"})
_ACTION_MEMBERS = frozenset({"status", "headers", "body", "delay_ms", "reset", "truncate", "webhook"})
_WEBHOOK_ACTIONS = ("drop", "duplicate", "delay", "reorder")


class FaultyRuleError(Exception):
    """A rule cannot be understood; the text says what it may hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What happens to a matched call or notification."""

    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: Json = None
    delay_seconds: float | None = None
    reset: str | None = None
    is_truncated: bool = False
    webhook: str | None = None


@dataclass(slots=True, kw_only=True)
class Rule:
    """One rule, and how often it matched and acted."""

    action: Action
    told: dict[str, Any]
    method: str | None = None
    path: re.Pattern[str] | None = None
    event: re.Pattern[str] | None = None
    nth: int | None = None
    times: int | None = None
    probability: float | None = None
    matched_count: int = 0
    acted_count: int = 0


class Faults:
    """The rules in force; the first one which acts on a call decides."""

    def __init__(self, seed: int = 1) -> None:
        """Start without rules; `seed` makes probabilities repeatable."""
        self._seed = seed
        self._random = random.Random(seed)
        self._rules: list[Rule] = []

    def replace(self, wanted: Json) -> None:
        """Put rules in place of all there were; FaultyRuleError says what is wrong with one, and nothing changes."""
        if isinstance(wanted, Mapping):
            wanted = [wanted]
        if not isinstance(wanted, Sequence) or isinstance(wanted, str):
            raise FaultyRuleError("a list of rules is expected")
        self._rules = [_rule(each) for each in wanted]

    def clear(self) -> None:
        """Drop all rules, and start the dice anew."""
        self._rules = []
        self._random = random.Random(self._seed)

    def told(self) -> list[dict[str, Any]]:
        """Describe the rules and how often each matched and acted."""
        return [{**rule.told, "matched": rule.matched_count, "acted": rule.acted_count} for rule in self._rules]

    def for_call(self, method: str, path: str) -> Action | None:
        """Return what is to happen to a call, and count it."""
        for rule in self._rules:
            if rule.action.webhook or (rule.method and rule.method != method):
                continue
            if rule.path and not rule.path.search(path):
                continue
            if self._acts(rule):
                return rule.action
        return None

    def webhook_fault(self, event: str) -> tuple[str, float | None] | None:
        """Return what is to happen to a notification, with the seconds of a delay."""
        for rule in self._rules:
            if not rule.action.webhook or (rule.event and not rule.event.search(event)):
                continue
            if self._acts(rule):
                return rule.action.webhook, rule.action.delay_seconds
        return None

    def _acts(self, rule: Rule) -> bool:
        rule.matched_count += 1
        if rule.nth is not None and rule.matched_count != rule.nth:
            return False
        if rule.times is not None and rule.acted_count >= rule.times:
            return False
        if rule.probability is not None and self._random.random() >= rule.probability:
            return False
        rule.acted_count += 1
        return True


def _rule(given: Json) -> Rule:
    if not isinstance(given, dict):
        raise FaultyRuleError("a rule is an object")
    # The members of an action may stand in the rule itself, which reads better in short rules.
    told = {name: value for name, value in given.items() if name not in _ACTION_MEMBERS}
    if inline := {name: value for name, value in given.items() if name in _ACTION_MEMBERS}:
        told["action"] = {**(told.get("action") or {}), **inline}
    if unknown := set(told) - _RULE_MEMBERS:
        raise FaultyRuleError(f"a rule has no {', '.join(sorted(unknown))}; it has {', '.join(sorted(_RULE_MEMBERS))}")
    for name, lowest in (("nth", 1), ("times", 0)):
        value = told.get(name)
        if value is not None and (not isinstance(value, int) or value < lowest):
            raise FaultyRuleError(f"{name} is a number, {lowest} or more")
    probability = told.get("probability")
    if probability is not None and not (isinstance(probability, int | float) and 0 <= probability <= 1):
        raise FaultyRuleError("probability is a number between 0 and 1")
    method = told.get("method")
    return Rule(
        action=_action(told.get("action")),
        told=told,
        method=str(method).upper() if method and method != "*" else None,
        path=_pattern(told, "path"),
        event=_pattern(told, "event"),
        nth=told.get("nth"),
        times=told.get("times"),
        probability=probability,
    )


def _action(told: Json) -> Action:
    if not isinstance(told, dict) or not told:
        raise FaultyRuleError(f"a rule needs an action: an object with some of {', '.join(sorted(_ACTION_MEMBERS))}")
    if unknown := set(told) - _ACTION_MEMBERS:
        raise FaultyRuleError(
            f"an action has no {', '.join(sorted(unknown))}; it has {', '.join(sorted(_ACTION_MEMBERS))}"
        )
    status, delay = told.get("status"), told.get("delay_ms")
    if status is not None and not (isinstance(status, int) and 200 <= status <= 599):
        raise FaultyRuleError("status is an HTTP status")
    if delay is not None and not (isinstance(delay, int | float) and delay >= 0):
        raise FaultyRuleError("delay_ms is a number of milliseconds")
    if told.get("reset") not in {None, "before", "after"}:
        raise FaultyRuleError("reset is before or after")
    if told.get("webhook") not in {None, *_WEBHOOK_ACTIONS}:
        raise FaultyRuleError(f"webhook is one of {', '.join(_WEBHOOK_ACTIONS)}")
    headers = told.get("headers") or {}
    if not isinstance(headers, dict):
        raise FaultyRuleError("headers is an object")
    return Action(
        status=status,
        headers=tuple((str(name), str(value)) for name, value in headers.items()),
        body=told.get("body"),
        delay_seconds=None if delay is None else delay / 1000,
        reset=told.get("reset"),
        is_truncated=bool(told.get("truncate")),
        webhook=told.get("webhook"),
    )


def _pattern(told: Mapping[str, Any], name: str) -> re.Pattern[str] | None:
    text = told.get(name)
    if text is None:
        return None
    try:
        return re.compile(str(text))
    except re.error as error:
        raise FaultyRuleError(f"{name} is not a regular expression: {error}") from None
