"""The whole installation, in the order in which one thing needs the other."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cosell.dataverse.install.bodies import Bodies
from cosell.dataverse.install.customizer import Customizer
from cosell.dataverse.install.definitions import (
    column_step,
    lookup_step,
    standard_table_step,
    table_step,
    tracking_step,
)
from cosell.dataverse.install.foundation import (
    find_solution,
    publish_step,
    publisher_step,
    solution_part,
    solution_step,
    version_step,
)
from cosell.dataverse.install.keys import key_step
from cosell.dataverse.install.role import role_steps
from cosell.dataverse.install.runner import Runner
from cosell.dataverse.install.step import Outcome, Step
from cosell.dataverse.install.variables import variable_step
from cosell.dataverse.install.wake_up import removal_steps, wake_up_steps
from cosell.dataverse.wanted import WantedSchema
from cosell.http.pace import Sleep

ENGLISH = 1033


@dataclass(frozen=True, slots=True, kw_only=True)
class WakeUp:
    """Where the CRM shall call, and the secret which it sends along; without a URL the wake-up is taken away."""

    url: str | None = None
    secret: str = ""


async def install(
    customizer: Customizer,
    schema: WantedSchema,
    *,
    sleep: Sleep,
    tell: Callable[[Outcome], None],
    wake_up: WakeUp | None = None,
    is_dry: bool = False,
) -> list[Outcome]:
    """Make what is missing and return what became of each part; `tell` hears of each at once.

    Args:
        customizer: the CRM.
        schema: what has to be there.
        sleep: waits, for what the service does in the background.
        tell: is called with each outcome.
        wake_up: None leaves the wake-up as it is.
        is_dry: only look.

    Raises:
        ConfigurationError: the settings or credentials do not lead to the CRM.
    """
    runner = Runner(sleep=sleep, tell=tell, is_dry=is_dry)
    found = await find_solution(customizer, schema)
    runner.is_managed = found is not None and found.get("ismanaged") is True
    bodies = Bodies(language=await _read_language(customizer), option_prefix=schema.option_prefix)
    await runner.run(list(_steps(customizer, schema, bodies, sleep)))
    await _publish(runner, customizer, schema)
    if wake_up is not None:
        await runner.run(_wake_up(customizer, schema, wake_up))
    return runner.outcomes


def _steps(customizer: Customizer, schema: WantedSchema, bodies: Bodies, sleep: Sleep) -> Iterator[Step]:
    solution = solution_part(schema)
    yield publisher_step(customizer, schema)
    yield solution_step(customizer, schema)
    for name in dict.fromkeys((*schema.columns, *schema.tracked)):
        if name not in schema.own_tables:
            yield standard_table_step(customizer, name)
    for table in schema.tables:
        yield table_step(customizer, bodies, table, needs=solution)
    for name, columns in schema.columns.items():
        for column in columns:
            yield column_step(customizer, bodies, name, column, needs=solution)
    for lookup in schema.lookups:
        yield lookup_step(customizer, bodies, lookup, needs=solution)
    for key in schema.keys:
        yield key_step(customizer, bodies, key, sleep=sleep, needs=solution)
    for name in schema.tracked:
        yield tracking_step(customizer, name, needs=solution)
    for variable in schema.variables:
        yield variable_step(customizer, variable, needs=solution)
    yield from role_steps(customizer, schema.role, needs=solution)


async def _publish(runner: Runner, customizer: Customizer, schema: WantedSchema) -> None:
    """Publish what was made; only a whole installation gets its version, so that the next run knows."""
    if runner.is_managed:
        return
    if runner.is_complete:
        await runner.run([version_step(customizer, schema, is_unpublished=runner.has_written)])
    elif runner.has_written:
        await runner.run([publish_step(customizer, schema)])


def _wake_up(customizer: Customizer, schema: WantedSchema, wake_up: WakeUp) -> tuple[Step, ...]:
    if wake_up.url is None:
        return removal_steps(customizer, schema.steps)
    return wake_up_steps(customizer, schema.steps, url=wake_up.url, secret=wake_up.secret, needs=solution_part(schema))


async def _read_language(customizer: Customizer) -> int:
    """Return the base language of the CRM, in which every label has to be there."""
    rows = await customizer.find_rows("organizations", ("languagecode",), {})
    code = rows[0].get("languagecode") if rows else None
    return code if isinstance(code, int) else ENGLISH
