"""Controls over the emulated world: health, reset, seeding, faults, clock, counts, violations, Microsoft's sellers."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from uuid import uuid4

from starlette.requests import Request

from cosell.emulators.assembly import Emulators
from cosell.emulators.connector_deals import EVENTS, WEBHOOK, connector_world
from cosell.emulators.controlling import Control, ControlError, Json, body_of, number_in, object_of, text_in
from cosell.emulators.entra.knobs import CHOICES as ENTRA_CHOICES
from cosell.emulators.faults import FaultyRuleError
from cosell.emulators.knobs import UnknownKnobError, told, turn
from cosell.emulators.options import environment_of, urls_of
from cosell.emulators.partner_center.behaviour import CHOICES
from cosell.emulators.partner_center.microsoft import CannotActError, ImpossibleActError, UnknownReferralError
from cosell.emulators.partner_center.notifications import Registration
from cosell.emulators.partner_center.seeding import seeded_referrals

_MOST_SEEDED = 200_000
_CONNECTOR_SEEDS = 1_000_003


async def _health(emulators: Emulators, _: Request) -> Json:
    crashes = emulators.log.crash_count
    services = {"entra": True, "partner_center": True, "dataverse": emulators.dataverse is not None}
    return {"status": "unhealthy" if crashes else "healthy", "crashes": crashes, "services": services}


async def _environment(emulators: Emulators, _: Request) -> Json:
    return {"urls": urls_of(emulators.options), "environment": environment_of(emulators.options)}


async def _reset(emulators: Emulators, _: Request) -> Json:
    emulators.reset()
    return {"status": "reset"}


async def _seed(emulators: Emulators, request: Request) -> Json:
    body = await object_of(request)
    referrals, opportunities = number_in(body, "referrals"), number_in(body, "opportunities")
    seed = number_in(body, "seed", emulators.options.seed)
    if max(referrals, opportunities) > _MOST_SEEDED:
        raise ControlError(f"more than {_MOST_SEEDED} at once is too much")
    connector = number_in(body, "connector")
    if connector > _MOST_SEEDED:
        raise ControlError(f"more than {_MOST_SEEDED} at once is too much")
    documents = seeded_referrals(referrals, seed=seed, now=emulators.world.clock.now())
    emulators.partner_center.referrals.save_all(documents)
    if opportunities:
        if emulators.dataverse is None:
            raise ControlError("the emulated Dataverse is not installed", status=501)
        emulators.dataverse.seed(opportunities, seed=seed)
    told = {"referrals": referrals, "copies": len(documents), "opportunities": opportunities, "seed": seed}
    return told | ({"connector": _seed_connector(emulators, connector, seed=seed)} if connector else {})


def _seed_connector(emulators: Emulators, count: int, *, seed: int) -> Json:
    """Let Microsoft's own connector have been at work: its schema, its pairs, and its URL registered."""
    if emulators.dataverse is None:
        raise ControlError("the emulated Dataverse is not installed", status=501)
    # Deals of their own, beside those which the same seed makes without a connector.
    documents = seeded_referrals(count, seed=seed + _CONNECTOR_SEEDS, now=emulators.world.clock.now())
    world = connector_world(documents, seed=seed)
    emulators.partner_center.referrals.save_all(world.documents)
    emulators.dataverse.add_connector(world.deals, seed=seed)
    notifications = emulators.partner_center.notifications
    if notifications.registration() is None:
        notifications.register(Registration(subscriber_id=str(uuid4()), url=WEBHOOK, events=EVENTS, is_ms_header=False))
    return world.counts


async def _faults(emulators: Emulators, _: Request) -> Json:
    return {"rules": emulators.faults.told()}


async def _put_faults(emulators: Emulators, request: Request) -> Json:
    try:
        emulators.faults.replace(await body_of(request))
    except FaultyRuleError as error:
        raise ControlError(str(error)) from None
    return {"rules": emulators.faults.told()}


async def _delete_faults(emulators: Emulators, _: Request) -> Json:
    emulators.faults.clear()
    return {"rules": []}


async def _clock(emulators: Emulators, _: Request) -> Json:
    return {"now": emulators.world.clock.now().isoformat()}


async def _advance_clock(emulators: Emulators, request: Request) -> Json:
    seconds = (await object_of(request)).get("advance_seconds")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise ControlError("advance_seconds is a number")
    emulators.world.clock.advance(seconds)
    emulators.partner_center.microsoft.tick()
    emulators.partner_center.dispatcher.wake()
    return {"now": emulators.world.clock.now().isoformat()}


async def _requests(emulators: Emulators, request: Request) -> Json:
    recent = request.query_params.get("recent", "0")
    return emulators.log.told(recent=int(recent) if recent.isdecimal() else 0)


async def _delete_requests(emulators: Emulators, _: Request) -> Json:
    emulators.log.clear()
    return {"status": "cleared"}


async def _violations(emulators: Emulators, _: Request) -> Json:
    listed = [{**asdict(violation), "at": violation.at.isoformat()} for violation in emulators.world.violations]
    return {"count": len(listed), "violations": listed}


async def _delete_violations(emulators: Emulators, _: Request) -> Json:
    emulators.world.violations.clear()
    return {"count": 0, "violations": []}


_CHOICES: dict[str, dict[str, tuple[str, ...]]] = {"partner_center": CHOICES, "entra": ENTRA_CHOICES}


async def _options(emulators: Emulators, _: Request) -> Json:
    options = {"partner_center": told(emulators.partner_center.behaviour), "entra": told(emulators.entra.knobs)}
    if emulators.dataverse:
        options["dataverse"] = told(emulators.dataverse.knobs)
        options["dataverse_limits"] = told(emulators.dataverse.limits)
    return options


async def _change_options(emulators: Emulators, request: Request) -> Json:
    body = await object_of(request)
    crm = emulators.dataverse
    known: dict[str, Json] = {"partner_center": emulators.partner_center.behaviour, "entra": emulators.entra.knobs}
    if crm:
        known |= {"dataverse": crm.knobs, "dataverse_limits": crm.limits}
    # Partner Center's knobs may stand at the top, for short calls.
    grouped = body if set(body) <= set(known) else {"partner_center": body}
    try:
        for group, wanted in grouped.items():
            turn(known[group], wanted, choices=_CHOICES.get(group))
    except UnknownKnobError as error:
        raise ControlError(str(error)) from None
    emulators.partner_center.dispatcher.wake()
    return await _options(emulators, request)


async def _deliveries(emulators: Emulators, request: Request) -> Json:
    recent = request.query_params.get("recent", "20")
    return emulators.partner_center.dispatcher.told(int(recent) if recent.isdecimal() else 20)


async def _rotate(emulators: Emulators, _: Request) -> Json:
    return {"certificate_url": emulators.rotate_certificate()}


async def _invite(emulators: Emulators, request: Request) -> Json:
    body = await object_of(request)
    return _acted(lambda: emulators.partner_center.microsoft.invite(body))


async def _edit(emulators: Emulators, request: Request) -> Json:
    body, referral_id = await object_of(request), request.path_params["referral_id"]
    return _acted(lambda: emulators.partner_center.microsoft.edit(referral_id, body))


async def _review(emulators: Emulators, request: Request) -> Json:
    status, referral_id = text_in(await object_of(request), "status"), request.path_params["referral_id"]
    return _acted(lambda: emulators.partner_center.microsoft.review(referral_id, status))


def _act(action: str) -> Callable[[Emulators, Request], Awaitable[Json]]:
    async def act(emulators: Emulators, request: Request) -> Json:
        referral_id = request.path_params["referral_id"]
        return _acted(lambda: emulators.partner_center.microsoft.act(referral_id, action))

    return act


def _acted(act: Callable[[], Json]) -> Json:
    try:
        return act()
    except UnknownReferralError as error:
        raise ControlError(str(error), status=404) from None
    except ImpossibleActError as error:
        raise ControlError(str(error), status=409) from None
    except CannotActError as error:
        raise ControlError(str(error)) from None


_ACTIONS = {"accept": "accepts", "decline": "declines", "win": "wins", "lose": "loses"}

WORLD_CONTROLS = (
    Control(method="GET", path="health", does="tells whether all is well", handler=_health),
    Control(
        method="GET", path="environment", does="tells the settings which point the product here", handler=_environment
    ),
    Control(method="POST", path="reset", does="goes back to the first day", handler=_reset),
    Control(
        method="POST", path="seed", does='fills in {"referrals", "opportunities", "connector", "seed"}', handler=_seed
    ),
    Control(method="GET", path="faults", does="lists the rules in force", handler=_faults),
    Control(
        method="PUT", path="faults", does="sets the rules which spoil calls and notifications", handler=_put_faults
    ),
    Control(method="DELETE", path="faults", does="drops all rules", handler=_delete_faults),
    Control(method="GET", path="clock", does="tells the emulated time", handler=_clock),
    Control(method="POST", path="clock", does='moves the clock by {"advance_seconds"}', handler=_advance_clock),
    Control(method="GET", path="requests", does="counts calls by route; ?recent=N adds the newest", handler=_requests),
    Control(method="DELETE", path="requests", does="counts from nought again", handler=_delete_requests),
    Control(method="GET", path="violations", does="lists the writes which broke a rule", handler=_violations),
    Control(method="DELETE", path="violations", does="forgets them", handler=_delete_violations),
    Control(method="GET", path="options", does="tells the knobs", handler=_options),
    Control(method="POST", path="options", does="turns knobs", handler=_change_options),
    Control(method="GET", path="deliveries", does="lists the newest callbacks and their results", handler=_deliveries),
    Control(method="POST", path="certificate/rotate", does="signs callbacks with a new certificate", handler=_rotate),
    Control(method="POST", path="microsoft/referrals", does="lets a Microsoft seller invite us", handler=_invite),
    Control(
        method="PATCH",
        path="microsoft/referrals/{referral_id}",
        does="lets Microsoft's seller edit Microsoft's copy",
        handler=_edit,
    ),
    Control(
        method="POST",
        path="microsoft/referrals/{referral_id}/registration",
        does='moves the newest deal registration to {"status"}',
        handler=_review,
    ),
    *(
        Control(
            method="POST",
            path=f"microsoft/referrals/{{referral_id}}/{action}",
            does=f"lets Microsoft's seller say that it {does} the deal",
            handler=_act(action),
        )
        for action, does in _ACTIONS.items()
    ),
)
