"""The Dataverse stand-in as a service: routes to mount, a reset, a seed, and the worker that delivers webhooks."""

import json
import logging
import time
import uuid
from collections.abc import Mapping, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cosell.emulators.connector_deals import ConnectorDeal
from cosell.emulators.dataverse import connector_schema, product_schema
from cosell.emulators.dataverse.access import Actor
from cosell.emulators.dataverse.connector import connector_requests, insert_connector_rows
from cosell.emulators.dataverse.dispatch import Dispatcher
from cosell.emulators.dataverse.environment import BUSINESS_UNIT_ID, ORGANIZATION_ID, Environment, Knobs
from cosell.emulators.dataverse.errors import DataverseError, not_a_member, not_authenticated
from cosell.emulators.dataverse.http import ERROR_TYPE, JSON_TYPE, Call, Preferences, Reply, parse_prefer, parse_query
from cosell.emulators.dataverse.install import (
    application_user,
    install_rows,
    system_actor,
    user_id_of,
)
from cosell.emulators.dataverse.limits import Limits
from cosell.emulators.dataverse.metadata import Schema
from cosell.emulators.dataverse.rows import Row, RowStore
from cosell.emulators.dataverse.schema_log import SchemaLog
from cosell.emulators.dataverse.seed import seed_rows
from cosell.emulators.dataverse.values import is_guid
from cosell.emulators.dataverse.webhooks import WebhookSender
from cosell.emulators.world import World

VERSIONS = ("v9.0", "v9.1", "v9.2")
LONGEST_URL = 32_768
METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE"]
logger = logging.getLogger("cosell.emulators")


class DataverseService:
    """One CRM environment behind its Web API; `limits` and `knobs` are for tests to turn."""

    organization_id = ORGANIZATION_ID

    def __init__(self, world: World, *, bare: bool) -> None:
        self._world = world
        self._bare = bare
        self._applications: set[str] = set()
        schema = Schema()
        self.log = SchemaLog(world.store, schema)
        self.log.reload()
        self.environment = Environment(world, schema, RowStore(world.store, schema))
        self.environment.log = self.log
        self.limits = Limits()
        self.webhooks = WebhookSender(self.environment)
        self.dispatcher = Dispatcher(self.environment)
        self.routes: list[BaseRoute] = [
            Route("/api/data/{version}/{path:path}", self._handle, methods=METHODS),
            Route("/api/data/{version}", self._handle, methods=METHODS),
        ]
        if self.environment.rows.is_empty():
            self.reset()

    @property
    def knobs(self) -> Knobs:
        """Return what a test may turn."""
        return self.environment.knobs

    def reset(self) -> None:
        """Begin anew: a fresh environment with the application users added so far, and the knobs turned back."""
        env = self.environment
        self.knobs.reset()
        with env.transaction():
            env.rows.clear()
            self.log.clear()
            install_rows(env, env.now())
            for client_id in self._applications:
                application_user(env, client_id)
            if not self._bare:
                self._install_product()
        env.outbox.clear()
        self.webhooks.clear()
        self.limits.reset()

    def seed(self, count: int, *, seed: int) -> None:
        """Add `count` opportunities with their accounts and contacts, the same for the same `seed`."""
        with self.environment.transaction():
            seed_rows(self.environment, count, seed=seed)

    def add_connector(self, deals: Sequence[ConnectorDeal], *, seed: int) -> None:
        """Add Microsoft's own connector, unless it is there, and rows as it has filled them."""
        env = self.environment
        with env.transaction():
            if connector_schema.CHILD not in env.schema.tables:
                for path, body in connector_requests():
                    self._post(path, body, solution=str(connector_schema.SOLUTION["uniquename"]))
            insert_connector_rows(env, deals, seed=seed)

    async def start(self) -> None:
        """Start delivering webhooks."""
        await self.webhooks.start()

    async def stop(self) -> None:
        """Stop delivering webhooks."""
        await self.webhooks.stop()

    def add_application_user(self, client_id: str) -> None:
        """Let an app registration in, as the admin centre's *New app user* does."""
        self._applications.add(client_id)
        if self._application(client_id) is None:
            application_user(self.environment, client_id)

    def user_exists(self, email: str) -> bool:
        """Tell whether somebody with this sign-in name is a user."""
        return self._person(email) is not None

    async def _handle(self, request: Request) -> Response:
        started = time.monotonic()
        request_id = str(uuid.uuid4())
        call: Call | None = None
        user_id = ""
        try:
            actor = self._actor(request)
            user_id = actor.user_id
            self.limits.enter(user_id, self._world.clock.now())
            try:
                call = self._call(request, actor, await request.body())
                reply = self.dispatcher.answer(call)
            finally:
                self.limits.leave(user_id, self._world.clock.now(), time.monotonic() - started)
        except DataverseError as error:
            reply = self.dispatcher.refuse(error, call)
        self.webhooks.wake()
        return self._response(reply, request_id, user_id)

    def _response(self, reply: Reply, request_id: str, user_id: str) -> Response:
        headers = {"OData-Version": "4.0", "x-ms-service-request-id": request_id, **reply.headers}
        headers["x-ms-dop-hint"] = str(self.knobs.parallelism_hint)
        headers |= self.limits.headers(user_id)
        content = reply.encoded()
        media_type: str | None = reply.media_type
        if reply.status >= 400:
            headers["REQ_ID"] = request_id
            media_type = ERROR_TYPE if media_type == JSON_TYPE else media_type
        if reply.body is None:
            media_type = None
        return Response(content, status_code=reply.status, headers=headers, media_type=media_type)

    def _call(self, request: Request, actor: Actor, body: bytes) -> Call:
        version = request.path_params["version"]
        if len(request.scope["query_string"]) + len(request.scope["path"]) > LONGEST_URL:
            raise DataverseError(status=414, code="0x0", message="The request URI is too long.")
        if version not in VERSIONS:
            raise DataverseError(
                status=404, code="0x8006088a", message=f"Resource not found for the segment '{version}'."
            )
        self.environment.host = origin_of(request).partition("://")[2]
        headers = {name.lower(): value for name, value in request.headers.items()}
        prefer = parse_prefer(",".join(request.headers.getlist("prefer")))
        return Call(
            method="GET" if request.method == "HEAD" else request.method,
            root=f"{origin_of(request)}/api/data/{version}/",
            path=request.path_params.get("path", ""),
            query=parse_query(request.scope["query_string"].decode("latin-1")),
            headers=headers,
            body=body,
            actor=actor,
            now=self._world.clock.now(),
            prefer=prefer,
        )

    def _actor(self, request: Request) -> Actor:
        origin = origin_of(request)
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        caller = (
            self._world.tokens.find(bearer.strip(), self._world.clock.now()) if scheme.lower() == "bearer" else None
        )
        if caller is None or not self._world.is_for(caller, origin):
            raise not_authenticated(
                f'Bearer authorization_uri="{origin}/common/oauth2/authorize", resource_id="{origin}/"'
            )
        user = self._person(caller.user) if caller.user else self._application(caller.client_id)
        if user is None:
            raise not_a_member()
        actor = self.environment.access.actor_of(user)
        return self._impersonated(actor, request.headers)

    def _impersonated(self, actor: Actor, headers: Mapping[str, str]) -> Actor:
        rows = self.environment.rows
        if headers.get("mscrmcallerid"):
            wanted = headers["mscrmcallerid"].strip().lower()
            user = rows.get("systemuser", wanted) if is_guid(wanted) else None
        elif headers.get("callerobjectid"):
            wanted = headers["callerobjectid"].strip().lower()
            found = (r for r in rows.scan("systemuser") if r.data.get("azureactivedirectoryobjectid") == wanted)
            user = next(found, None)
        else:
            return actor
        if user is None:
            message = f"SystemUser With Id = {wanted} Does Not Exist"
            raise DataverseError(status=404, code="0x80040217", message=message)
        return self.environment.access.impersonate(actor, user)

    def _person(self, email: str) -> Row | None:
        user = self.environment.rows.get("systemuser", user_id_of(email))
        if user is not None:
            return user
        rows = self.environment.rows
        found = rows.get_many("systemuser", rows.find_ids("systemuser", "internalemailaddress", email))
        return found[0] if found else None

    def _application(self, client_id: str) -> Row | None:
        rows = self.environment.rows
        found = rows.get_many("systemuser", rows.find_ids("systemuser", "applicationid", client_id.lower()))
        return found[0] if found else None

    def _install_product(self) -> None:
        self._post("publishers", product_schema.PUBLISHER)
        publisher = self._world.store.execute(
            "SELECT id FROM dv_index WHERE tbl = 'publisher' AND col = 'friendlyname' AND val = 'co-sell sync'"
        ).fetchone()["id"]
        self._post("solutions", {**product_schema.SOLUTION, "publisherid@odata.bind": f"/publishers({publisher})"})
        for table in product_schema.TABLES:
            self._post("EntityDefinitions", table)
        for owner, columns in {**product_schema.COLUMNS, **product_schema.TABLE_COLUMNS}.items():
            for column in columns:
                self._post(f"EntityDefinitions(LogicalName='{owner}')/Attributes", column)
        for relationship in product_schema.RELATIONSHIPS:
            self._post("RelationshipDefinitions", relationship)
        for owner, key in product_schema.KEYS.items():
            self._post(f"EntityDefinitions(LogicalName='{owner}')/Keys", key)

    def _post(self, path: str, body: Mapping[str, object], *, solution: str = "cosellsync") -> None:
        """Install something through the Web API's own front door, as an installer would."""
        headers = {} if path in {"publishers", "solutions"} else {"mscrm.solutionuniquename": solution}
        call = Call(
            method="POST",
            root="/",
            path=path,
            query={},
            headers=headers,
            body=json.dumps(body).encode(),
            actor=system_actor(),
            now=self._world.clock.now(),
            prefer=Preferences(),
        )
        self.dispatcher.answer(call)


def origin_of(request: Request) -> str:
    """Return scheme and host as the client sees them."""
    scheme = request.headers.get("x-forwarded-proto", request.url.scheme).split(",")[0].strip()
    host = request.headers.get("x-forwarded-host", request.headers.get("host", request.url.netloc))
    return f"{scheme}://{host.split(',')[0].strip()}"


def create_dataverse(world: World, *, bare: bool) -> DataverseService:
    """Build the stand-in on a world; without `bare` the co-sell columns and tables are there already."""
    return DataverseService(world, bare=bare)


__all__ = ["BUSINESS_UNIT_ID", "DataverseService", "create_dataverse"]
