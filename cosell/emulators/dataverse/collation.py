"""How the CRM's database compares text: without regard to case or accents, with `%`, `_` and `[ ]` as wildcards.

That is the collation of an English environment (Latin1_General_CI_AI); every filter and alternate key obeys it.
"""

import re
import unicodedata
from functools import lru_cache


def fold(text: str) -> str:
    """Return the form in which two texts that the database holds for equal are equal."""
    if text.isascii():
        return text.lower().rstrip(" ")
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return plain.casefold().rstrip(" ")


def fold_value(value: object) -> object:
    """Fold texts, leave other values as they are."""
    return fold(value) if isinstance(value, str) else value


@lru_cache(maxsize=512)
def like(pattern: str) -> re.Pattern[str]:
    """Compile a LIKE pattern against folded text; an unclosed `[` matches nothing, as in SQL Server."""
    pattern = fold(pattern) if not pattern.endswith(" ") else fold(pattern + "x")[:-1]
    parts, at = [], 0
    while at < len(pattern):
        char = pattern[at]
        end = pattern.find("]", at + 1) if char == "[" else -1
        if char == "%":
            parts.append(".*")
        elif char == "_":
            parts.append(".")
        elif char == "[":
            parts.append(_character_class(pattern[at + 1 : end]) if end > 0 else "(?!)")
            at = end if end > 0 else len(pattern)
        else:
            parts.append(re.escape(char))
        at += 1
    return re.compile("".join(parts), re.DOTALL)


def _character_class(inside: str) -> str:
    negated = inside.startswith("^")
    body = inside[1:] if negated else inside
    escaped = re.sub(r"([\\\]\[^])", r"\\\1", body)
    if not body:
        return "(?!)"
    return f"[{'^' if negated else ''}{escaped}]"
