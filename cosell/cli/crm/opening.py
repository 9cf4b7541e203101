"""What both commands need: the mapping in use, with the variables as Prefect has them now."""

from cosell.cli.opening import read_effective_variables
from cosell.errors import CosellError
from cosell.mapping.loader import load_mappings
from cosell.mapping.models import Mappings
from cosell.mapping.variables import Variables
from cosell.settings import Settings


async def read_mappings(settings: Settings) -> tuple[Mappings, Variables]:
    """Return mappings and variables; without Prefect the variables have their defaults.

    Raises:
        MappingInvalid: a mapping file cannot be used.
    """
    mappings = load_mappings(settings.mappings_dir)
    try:
        variables = await read_effective_variables(settings)
    except CosellError:
        variables = Variables()
    return variables.fill_in(mappings), variables
