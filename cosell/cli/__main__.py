"""`python -m cosell.cli`: the same as the `cosell` command."""

from cosell.cli import main

main()
