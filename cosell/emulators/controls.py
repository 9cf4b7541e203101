"""The emulators' own controls under /_emulator/: no token, plain JSON, apart from everything the vendors define."""

import logging
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from cosell.emulators.assembly import Emulators
from cosell.emulators.controlling import Control, ControlError
from cosell.emulators.identity_controls import IDENTITY_CONTROLS
from cosell.emulators.world_controls import WORLD_CONTROLS

_logger = logging.getLogger("cosell.emulators")
CONTROLS = (*WORLD_CONTROLS, *IDENTITY_CONTROLS)


def control_routes(emulators: Emulators) -> list[BaseRoute]:
    """Return the routes of all controls, the index of them first."""

    async def index(_: Request) -> Response:
        told = [{"method": each.method, "path": f"/_emulator/{each.path}", "does": each.does} for each in CONTROLS]
        return JSONResponse({"controls": told})

    async def unknown(request: Request) -> Response:
        text = f"there is no control {request.method} {request.url.path}; GET /_emulator/ lists them"
        return JSONResponse({"error": text}, status_code=404)

    routes: list[BaseRoute] = [Route("/_emulator/", index), Route("/_emulator", index)]
    routes += [Route(f"/_emulator/{each.path}", _endpoint(emulators, each), methods=[each.method]) for each in CONTROLS]
    every = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    return [*routes, Route("/_emulator/{rest:path}", unknown, methods=every)]


def _endpoint(emulators: Emulators, control: Control) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            told = await control.handler(emulators, request)
        except ControlError as error:
            return JSONResponse({"error": str(error)}, status_code=error.status)
        except Exception as error:
            emulators.log.crash_count += 1
            _logger.exception("%s crashed", request.url.path)
            return JSONResponse({"error": f"the control crashed: {error!r}"}, status_code=500)
        status = 503 if isinstance(told, dict) and told.get("status") == "unhealthy" else 200
        return JSONResponse(told, status_code=status)

    return endpoint
