"""The `cosell` command as the shell sees it: exit code, what it prints, and what it says went wrong."""

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

from cosell.cli import main


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def has_traceback(self) -> bool:
        """Whether a person was shown our insides."""
        return "Traceback" in self.out + self.err


def cosell(*words: str) -> Said:
    """Type `cosell` and these words; whatever is not told in a plain sentence goes up to the caller."""
    out, err, before = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["cosell", *words]
    code: object = 0
    try:
        with redirect_stdout(out), redirect_stderr(err):
            main()
    except SystemExit as end:
        code = end.code
    finally:
        sys.argv = before
    return Said(code=code if isinstance(code, int) else 0, out=out.getvalue(), err=err.getvalue())
