"""The command behind `make docs` and the freshness part of `make check`."""

import sys

from tools.docs.pages import PROJECT, find_stale_pages, render_pages


def main(arguments: list[str]) -> int:
    """Write the generated pages, or with `--check` name the stale ones; return the exit code."""
    if arguments == ["--check"]:
        stale = find_stale_pages()
        for path in stale:
            print(f"{path} is stale: run `make docs` and commit what it changes.", file=sys.stderr)
        return 1 if stale else 0
    if arguments:
        print("usage: python -m tools.docs [--check]", file=sys.stderr)
        return 2
    for path, text in render_pages().items():
        target = PROJECT / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")
    return 0


sys.exit(main(sys.argv[1:]))
