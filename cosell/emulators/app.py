"""Puts the stand-ins behind one ASGI application: the vendors' paths and, under /_emulator/, the controls."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from cosell.emulators.assembly import Emulators
from cosell.emulators.calls import route_of
from cosell.emulators.controls import control_routes
from cosell.emulators.options import Options
from cosell.emulators.refusals import refusal
from cosell.emulators.traffic import Traffic
from cosell.emulators.world import World

_logger = logging.getLogger("cosell.emulators")


def create_app(world: World, *, options: Options) -> Starlette:
    """Build the application. Its lifespan starts and stops `app.state.emulators`, which a test may do by hand too."""
    emulators = Emulators(world, options)
    _alias_plain_port(world, options)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await emulators.start()
        yield
        await emulators.stop()

    async def certificate(request: Request) -> Response:
        der = emulators.pki().served.get(request.path_params["name"])
        if der is None:
            return refusal("certificates", status=404, text="The specified blob does not exist.")
        return Response(der, media_type="application/pkix-cert")

    routes: list[BaseRoute] = [
        *control_routes(emulators),
        Route("/cert/{name}", certificate),
        *emulators.partner_center.routes,
        *(emulators.dataverse.routes if emulators.dataverse else ()),
        *emulators.entra.routes,
    ]

    def traffic(app: ASGIApp) -> Traffic:
        latency = options.latency_ms / 1000
        return Traffic(app, world=world, faults=emulators.faults, log=emulators.log, latency_seconds=latency)

    app = Starlette(routes=routes, lifespan=lifespan, middleware=[Middleware(traffic)])
    app.router.redirect_slashes = False
    app.router.default = _nowhere
    app.state.emulators = emulators
    return app


async def _nowhere(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a path which nothing is modelled for as its service would, and say so in the log."""
    if scope["type"] != "http":
        return
    service, _ = route_of(scope["path"])
    _logger.warning("nothing is emulated at %s %s (%s)", scope["method"], scope["path"], service)
    text = f"Resource not found for the segment '{scope['path'].rpartition('/')[2]}'."
    await refusal(service, status=404, text=text)(scope, receive, send)


def _alias_plain_port(world: World, options: Options) -> None:
    """Let a token for the TLS port be good at the plain port of the same host."""
    plain = options.plain_origin.partition("://")[2].partition(":")
    port = f":{plain[2]}" if plain[2] else ""
    for origin in (options.partner_origin, options.webhook_origin):
        host = origin.partition("://")[2].partition(":")[0]
        world.aliases[f"http://{host}{port}"] = origin
