"""Carries out the steps of an installation, one after the other, in a way that may be broken off and repeated anywhere.

Nothing is kept between runs: each looks at the CRM itself. A write whose answer was lost is looked for before it is
repeated, for making a table or a column has no key which would make a second attempt harmless.
"""

from collections.abc import Callable, Sequence

from cosell.dataverse.install.step import (
    THERE,
    UNFINISHED,
    WRITTEN,
    Found,
    Outcome,
    Part,
    Presence,
    Result,
    Step,
)
from cosell.errors import (
    AccessDenied,
    AlreadyExists,
    ConfigurationError,
    CosellError,
    RecordNotFound,
    RetryableError,
    SchemaMissing,
)
from cosell.http.pace import Sleep

ATTEMPTS = 6
FIRST_WAIT_SECONDS = 3.0
"""Waits double; the service does one customization at a time, and new parts are known everywhere within half a minute
(Microsoft: Create and update table definitions using the Web API)."""
AGAIN = "Nothing is lost: run the same command again, it goes on from here."
ROLES = (
    "Give the application user a role which may do this: System Customizer for columns and tables, System "
    "Administrator for the role and the wake-up. Then run the same command again."
)
MANAGED = (
    "The solution came here as a managed one, so nothing is added to it. Install into the environment it comes from, "
    "export it there and import it here."
)


class Runner:
    """Runs steps and remembers what each came to; `tell` hears of each at once."""

    def __init__(self, *, sleep: Sleep, tell: Callable[[Outcome], None], is_dry: bool) -> None:
        """Wait with `sleep`; with `is_dry` only look."""
        self._sleep = sleep
        self._tell = tell
        self._is_dry = is_dry
        self._is_away = False
        self.is_managed = False
        self.outcomes: list[Outcome] = []

    @property
    def has_written(self) -> bool:
        """Whether this run has changed anything."""
        return any(outcome.result in WRITTEN for outcome in self.outcomes)

    @property
    def is_complete(self) -> bool:
        """Whether every part is as it has to be."""
        return not any(outcome.result in UNFINISHED for outcome in self.outcomes)

    async def run(self, steps: Sequence[Step]) -> None:
        """Take the steps; one that fails stops only those which need it, a service that is away stops all."""
        for step in steps:
            outcome = await self._take(step)
            self.outcomes.append(outcome)
            self._tell(outcome)

    async def _take(self, step: Step) -> Outcome:
        lacking = self._find_lacking(step)
        if lacking is not None:
            return Outcome(part=step.part, result=Result.SKIPPED, told=f"It needs the {lacking}.")
        if self._is_away:
            return Outcome(part=step.part, result=Result.SKIPPED, told="The service does not answer.", todo=AGAIN)
        try:
            return await self._look_and_write(step)
        except CosellError as error:
            if isinstance(error, ConfigurationError) and not isinstance(error, SchemaMissing):
                raise
            self._is_away = isinstance(error, RetryableError)
            todo = AGAIN if self._is_away else ROLES if isinstance(error, AccessDenied) else ""
            return Outcome(part=step.part, result=Result.FAILED, told=str(error), todo=todo)

    async def _look_and_write(self, step: Step) -> Outcome:
        found = await step.look()
        if found.presence is Presence.FOREIGN:
            return Outcome(part=step.part, result=Result.FOREIGN, told=found.told, todo=found.todo)
        if _is_done(step, found):
            return await self._settle(step, found, Result.THERE)
        if self._is_dry:
            return Outcome(part=step.part, result=_planned(step, found), told=found.told)
        if self.is_managed and not step.is_removal:
            return Outcome(part=step.part, result=Result.SKIPPED, told=found.told or "It is missing.", todo=MANAGED)
        await self._write(step, found)
        return await self._settle(step, found, Result.REMOVED if step.is_removal else _written(found))

    async def _settle(self, step: Step, found: Found, done: Result) -> Outcome:
        """Wait for what the service does in the background, unless this run only looks."""
        settled = THERE if step.settle is None or self._is_dry else await step.settle()
        if settled.presence is Presence.THERE:
            return Outcome(part=step.part, result=done, told=found.told)
        result = Result.WAITING if settled.presence is Presence.STALE else Result.FAILED
        return Outcome(part=step.part, result=result, told=settled.told, todo=settled.todo)

    async def _write(self, step: Step, found: Found) -> None:
        """Write, and when it is not known whether it was done, look before writing again."""
        wait = FIRST_WAIT_SECONDS
        for attempt in range(1, ATTEMPTS + 1):
            try:
                await step.write(found)
            except (RetryableError, RecordNotFound, AlreadyExists) as error:
                found = await step.look_afresh()
                if _is_done(step, found):
                    return
                if attempt == ATTEMPTS or found.presence is Presence.FOREIGN:
                    raise
                asked = error.retry_after if isinstance(error, RetryableError) else None
                await self._sleep(asked if asked is not None else wait)
                wait *= 2
            except CosellError:
                # Another installer may have been quicker; then there is nothing to complain about.
                if not _is_done(step, await step.look_afresh()):
                    raise
                return
            else:
                return

    def _find_lacking(self, step: Step) -> Part | None:
        lacking = {outcome.part for outcome in self.outcomes if outcome.result in UNFINISHED - {Result.WAITING}}
        return next((part for part in step.needs if part in lacking), None)


def _is_done(step: Step, found: Found) -> bool:
    wanted = Presence.MISSING if step.is_removal else Presence.THERE
    return found.presence is wanted


def _planned(step: Step, found: Found) -> Result:
    if step.is_removal:
        return Result.WOULD_REMOVE
    return Result.WOULD_MAKE if found.presence is Presence.MISSING else Result.WOULD_CHANGE


def _written(found: Found) -> Result:
    return Result.MADE if found.presence is Presence.MISSING else Result.CHANGED
