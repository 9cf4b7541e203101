"""Dates and times as Dataverse writes them, and the spans that its date functions speak of."""

import re
from datetime import UTC, date, datetime, timedelta

DATE_TIME = re.compile(r"(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2})(?::(\d{2})(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?$", re.IGNORECASE)
DAY = re.compile(r"\d{4}-\d{2}-\d{2}$")


def stamp(at: datetime) -> str:
    """Return a moment in UTC with whole seconds, as replies spell it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_stamp(text: str) -> datetime:
    """Return the moment of a stored or sent text; a day alone is its midnight in UTC. Raise `ValueError` if none."""
    if DAY.match(text):
        return datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
    match = DATE_TIME.match(text)
    if match is None:
        raise ValueError(text)
    day, minute, second, fraction, zone = match.groups()
    micro = (fraction or ".0")[1:7].ljust(6, "0")
    zone = "+00:00" if zone in {None, "Z", "z"} else zone
    try:
        return datetime.fromisoformat(f"{day}T{minute}:{second or '00'}.{micro}{zone}").astimezone(UTC)
    except OverflowError:
        raise ValueError(text) from None


def start_of_day(at: datetime) -> datetime:
    """Return the day's midnight."""
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def start_of_week(at: datetime) -> datetime:
    """Return the midnight that begins the week, on Sunday as in an English environment."""
    return start_of_day(at) - timedelta(days=(at.weekday() + 1) % 7)


def start_of_month(at: datetime) -> datetime:
    """Return the midnight that begins the month."""
    return start_of_day(at).replace(day=1)


def add_months(at: datetime, count: int) -> datetime:
    """Move by months, staying within the month's last day."""
    index = at.year * 12 + at.month - 1 + count
    year, month = divmod(index, 12)
    following = datetime(year + (month == 11), (month + 1) % 12 + 1, 1, tzinfo=at.tzinfo)
    last = (following - timedelta(days=1)).day
    return at.replace(year=year, month=month + 1, day=min(at.day, last))
