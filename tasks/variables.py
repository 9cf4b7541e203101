"""The partner's switches as Prefect variables: edited in the Prefect UI, obeyed by the next run."""

from prefect.variables import Variable

from cosell.mapping.variables import KNOWN, Variables, read_known


async def read_variables() -> Variables:
    """Return the effective values; a variable that is missing has its default.

    Raises:
        ConfigurationError: values which are not allowed.
    """
    return read_known({known.name: await Variable.aget(known.name, default=known.default) for known in KNOWN})


async def create_missing_variables() -> None:
    """Put the variables into the Prefect UI with their defaults; those which are there are left alone."""
    for known in KNOWN:
        if await Variable.aget(known.name) is None:
            await Variable.aset(known.name, known.default, tags=["cosell"])
