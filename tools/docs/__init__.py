"""Writes the pages of docs/ which follow from the code, so that they cannot fall behind it.

`python -m tools.docs` writes them, `python -m tools.docs --check` tells which are stale.
"""
