"""`cosell doctor`: one line for each thing that has to be right, and what to do about those which are not."""

import asyncio
from contextlib import AsyncExitStack

from cosell.cli.checks.finding import Finding, Verdict, run_check, skip
from cosell.cli.checks.here import (
    check_applications,
    check_dead_letters,
    check_ledger,
    check_mappings,
    check_receiver,
    check_sign_in_age,
    check_test_mode,
    check_variables,
    look_at_sign_in,
)
from cosell.cli.checks.prefect_server import check_notification, check_server, check_worker
from cosell.cli.checks.services import check_clock, check_dataverse, check_tracking, check_webhook
from cosell.cli.checks.telling import tell_findings
from cosell.cli.opening import read_effective_variables
from cosell.cli.prefect_api import find_prefect
from cosell.cli.records import JsonOption
from cosell.domain.clock import utc_clock
from cosell.errors import CosellError, SettingsInvalid
from cosell.mapping.variables import Variables
from cosell.settings import Settings, load_settings
from cosell.wiring import open_settings_ledger, open_workspace

SETTINGS, LEDGER, MAPPINGS, VARIABLES = "settings", "ledger", "mapping files", "variables"
DEAD_LETTERS = "dead letters"
OF_SERVICES = ("Dataverse", "Partner Center", "webhook")
OF_MAPPINGS = ("CRM columns", "change tracking", "alternate key")
OF_PREFECT = ("worker", "notification")


def doctor(as_json: JsonOption = False) -> None:
    """Check everything that has to be right: settings, ledger, mapping, both services, webhook, Prefect, clock.

    One line each, and what to do. Nothing is changed in either service. Exit code 1 when something has to be mended.
    """
    tell_findings(asyncio.run(examine()), as_json=as_json)


async def examine() -> list[Finding]:
    """Make all checks, side by side, and return what they found, in the order in which one mends things."""
    try:
        settings = load_settings()
    except SettingsInvalid as error:
        todo = "Set them in the environment or in a .env file; .env.example lists all."
        return [
            Finding(check=SETTINGS, verdict=Verdict.FAILED, told=error.message, todo=todo),
            *(
                skip(name, SETTINGS)
                for name in (LEDGER, MAPPINGS, *OF_SERVICES, *OF_MAPPINGS, VARIABLES, "Prefect server")
            ),
        ]
    first = Finding(check=SETTINGS, verdict=Verdict.FINE, told="All there.")
    parts = await asyncio.gather(_examine_here(settings), _examine_prefect(settings))
    return [first, *(item for part in parts for item in part)]


async def _examine_here(settings: Settings) -> list[Finding]:
    """Check ledger and mapping first, for the services are reached with what those hold."""
    async with AsyncExitStack() as stack:
        try:
            ledger = await stack.enter_async_context(open_settings_ledger(settings))
            opened = await run_check(LEDGER, check_ledger(ledger))
            # Asked for before anybody uses the sign-in, which would renew it.
            seen = await look_at_sign_in(ledger)
            listed = await run_check(DEAD_LETTERS, check_dead_letters(ledger))
        except CosellError as error:
            opened = Finding(check=LEDGER, verdict=Verdict.FAILED, told=str(error))
    mapped = await run_check(MAPPINGS, check_mappings(settings))
    alone = [
        run_check(VARIABLES, check_variables(settings)),
        *([run_check("test mode", check_test_mode())] if settings.test_mode else []),
        *(run_check(name, asking) for name, asking in check_applications(settings, clock=utc_clock)),
        run_check("clock", check_clock(settings, clock=utc_clock)),
        run_check("receiver", check_receiver(settings)),
    ]
    if opened.verdict is Verdict.FAILED:
        skipped = [skip(name, LEDGER) for name in (*OF_SERVICES, "sign-in", DEAD_LETTERS, *OF_MAPPINGS)]
        return [opened, mapped, *skipped, *await asyncio.gather(*alone)]
    age = run_check("sign-in", check_sign_in_age(settings, seen, clock=utc_clock))
    services, others = await asyncio.gather(
        _examine_services(settings, has_mappings=mapped.verdict is Verdict.FINE), asyncio.gather(age, *alone)
    )
    return [opened, mapped, *services, *others, listed]


async def _examine_services(settings: Settings, *, has_mappings: bool) -> list[Finding]:
    """Ask both services, with the shipped mapping when the user's own cannot be used."""
    from tasks.activation import check_columns, check_partner_center, check_referral_key

    usable = settings if has_mappings else settings.model_copy(update={"mappings_dir": None})
    async with AsyncExitStack() as stack:
        try:
            opening = open_workspace(usable, variables=await _read_variables(settings))
            workspace = await stack.enter_async_context(opening)
        except CosellError as error:
            broken = Finding(check="connections", verdict=Verdict.FAILED, told=str(error))
            return [broken, *(skip(name, "connections") for name in (*OF_SERVICES, *OF_MAPPINGS))]
        asked = [
            run_check("Dataverse", check_dataverse(workspace)),
            run_check("Partner Center", check_partner_center(workspace)),
            run_check("webhook", check_webhook(workspace)),
        ]
        if has_mappings:
            asked += [
                run_check("CRM columns", check_columns(workspace)),
                run_check("change tracking", check_tracking(workspace)),
                run_check("alternate key", check_referral_key(workspace)),
            ]
        found = await asyncio.gather(*asked)
    return [*found, *(() if has_mappings else (skip(name, MAPPINGS) for name in OF_MAPPINGS))]


async def _read_variables(settings: Settings) -> Variables:
    """Return the variables; what is wrong with them, or with whoever keeps them, has a line of its own."""
    try:
        return await read_effective_variables(settings)
    except CosellError:
        return Variables()


async def _examine_prefect(settings: Settings) -> list[Finding]:
    try:
        url = find_prefect(settings)
    except CosellError as error:
        unknown = Finding(check="Prefect server", verdict=Verdict.FAILED, told=str(error))
        return [unknown, *(skip(name, "Prefect server") for name in OF_PREFECT)]
    server = await run_check("Prefect server", check_server(url))
    if server.verdict is Verdict.FAILED:
        return [server, *(skip(name, "Prefect server") for name in OF_PREFECT)]
    checks = (check_worker(settings.work_pool), check_notification(settings))
    found = await asyncio.gather(*(run_check(*named) for named in zip(OF_PREFECT, checks, strict=True)))
    return [server, *found]
