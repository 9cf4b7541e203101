"""A CRM in process, and installers who come to it: each run is a client of its own, and may die or be ill-treated."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

from cosell.dataverse.install import Customizer, Outcome, WakeUp, install
from cosell.dataverse.opening import open_dataverse_service
from cosell.dataverse.wanted import WantedSchema
from cosell.mapping.crm import wanted_schema
from cosell.mapping.loader import load_mappings
from cosell.mapping.variables import Variables
from cosell.settings import load_settings
from tests.emulators.dataverse.conftest import ORIGIN, Crm
from tests.unit.http.fakes import ENVIRONMENT, FakeTime, FakeVault

Document = dict[str, Any]
NOBODY = "no-role@contoso-partner.example"
"""Somebody without any role, until one is given."""
WRITES = ("POST", "PUT", "PATCH", "DELETE")
OF_THE_DAY = {"MetadataId", "ObjectTypeCode", "ColumnNumber", "Description", "HasChanged", "Privileges"}
"""What two environments with the same schema need not have in common: ids, numbers, texts for people."""
CHOICES = "Attributes/Microsoft.Dynamics.CRM.PicklistAttributeMetadata?$select=LogicalName&$expand=OptionSet"
COLLECTIONS = {"Keys": "LogicalName", "ManyToOneRelationships": "SchemaName", "Attributes": "LogicalName"}


def schema() -> WantedSchema:
    """Return what the product wants, with the mapping that ships."""
    return wanted_schema(Variables().fill_in(load_mappings()))


class Holder:
    """Has the same token for ever."""

    def __init__(self, bearer: str) -> None:
        self._bearer = bearer

    async def token(self, *, force: bool = False) -> str:
        """Return it; another one would be no better."""
        assert not force, "the CRM refused the token"
        return self._bearer


class Road(httpx.AsyncBaseTransport):
    """The way to the CRM: it notes each call, and `before` and `after` may act or break it off."""

    def __init__(self, crm: Crm) -> None:
        self._inner = httpx.ASGITransport(crm.app)
        self.calls: list[str] = []
        self.before: Callable[[str], Awaitable[httpx.Response | None]] | None = None
        self.after: Callable[[str], Awaitable[None]] | None = None

    @property
    def writes(self) -> list[str]:
        """The calls so far which may change something."""
        return [call for call in self.calls if call.split()[0] in WRITES]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Pass it on."""
        call = f"{request.method} {request.url.path.rpartition('/api/data/v9.2/')[2]}"
        instead = await self.before(call) if self.before is not None else None
        if instead is not None:
            return instead
        self.calls.append(call)
        response = await self._inner.handle_async_request(request)
        if self.after is not None:
            await self.after(call)
        return response


class Site:
    """One CRM and its administrator."""

    def __init__(self, crm: Crm) -> None:
        self.crm = crm
        self.admin = crm.client()
        self.time = FakeTime()
        self.road = Road(crm)

    @asynccontextmanager
    async def customizer(self, user: str | None = None) -> AsyncIterator[Customizer]:
        """Open the CRM as the application user, or as somebody else."""
        settings = load_settings({**ENVIRONMENT, "dataverse": {**_dataverse(), "url": ORIGIN}})
        service = open_dataverse_service(
            settings,
            FakeVault(),
            clock=self.time.clock,
            sleep=self.time.sleep,
            tokens=Holder(self.crm.token(user)),
            transport=self.road,
        )
        async with service:
            yield Customizer(service, solution=schema().solution)

    async def install(
        self,
        wanted: WantedSchema | None = None,
        *,
        user: str | None = None,
        wake_up: WakeUp | None = None,
        is_dry: bool = False,
        sleep: Callable[[float], Awaitable[None]] | None = None,
    ) -> list[Outcome]:
        """Let an installer come; its calls are on the road, beginning with none."""
        self.road.calls.clear()
        told: list[Outcome] = []
        async with self.customizer(user) as customizer:
            done = await install(
                customizer,
                wanted or schema(),
                sleep=sleep or self.time.sleep,
                tell=told.append,
                wake_up=wake_up,
                is_dry=is_dry,
            )
        assert told == done
        return done

    async def get(self, path: str) -> Document:
        """Read something as the administrator."""
        reply = await self.admin.get(path, headers={"Consistency": "Strong"})
        assert reply.is_success, f"{path}: {reply.text}"
        found: Document = reply.json()
        return found

    async def post(self, path: str, body: Mapping[str, object], **headers: str) -> httpx.Response:
        """Make something as the administrator, before an installer comes or behind its back."""
        reply = await self.admin.post(path, json=dict(body), headers=headers)
        assert reply.is_success, f"{path}: {reply.text}"
        return reply

    async def version(self) -> str:
        """Return the version of our solution."""
        rows = (await self.get("solutions?$select=version&$filter=uniquename eq 'cosellsync'"))["value"]
        return str(rows[0]["version"])

    async def portrait(self, *, with_platform: bool = True) -> Document:
        """Return all that an installation makes, without what differs from day to day."""
        found: Document = {name: await self._table(name) for name in _table_names()}
        rows = {"publishers": "uniquename,customizationprefix", "solutions": "uniquename,version"}
        if with_platform:
            rows |= {
                "roles": "name",
                "environmentvariabledefinitions": "schemaname,displayname,type,defaultvalue",
                "serviceendpoints": "name,url,contract,authtype,messageformat",
                "sdkmessageprocessingsteps": "name,mode,stage,filteringattributes,statecode",
            }
        for set_, select in rows.items():
            listed = (await self.get(f"{set_}?$select={select}"))["value"]
            wanted = select.split(",")
            found[set_] = sorted(tuple(str(row[name]) for name in wanted) for row in listed)
        return found

    async def _table(self, name: str) -> Document | None:
        expand = ",".join(COLLECTIONS)
        reply = await self.admin.get(f"EntityDefinitions(LogicalName='{name}')?$expand={expand}")
        if reply.status_code == 404:
            return None
        found: Document = _plain(reply.json())
        choices = await self.get(f"EntityDefinitions(LogicalName='{name}')/{CHOICES}")
        found["choices"] = sorted(_plain(choices["value"]), key=lambda item: str(item["LogicalName"]))
        for collection, key in COLLECTIONS.items():
            found[collection] = sorted(found[collection], key=lambda item: str(item[key]))
        return found

    def violations(self) -> list[object]:
        """Return the writes which a good installer would not have tried."""
        return list(self.crm.world.violations)


async def give_runtime_role(site: Site) -> httpx.AsyncClient:
    """Give the role which was made to somebody who has none; return a client of theirs."""
    role = (await site.get("roles?$select=roleid&$filter=name eq 'Co-sell Sync Runtime'"))["value"][0]
    found = await site.get(f"systemusers?$filter=internalemailaddress eq '{NOBODY}'&$select=fullname")
    where = f"systemusers({found['value'][0]['systemuserid']})/systemuserroles_association/$ref"
    await site.post(where, {"@odata.id": f"{site.admin.base_url}roles({role['roleid']})"})
    return site.crm.client(NOBODY)


def _plain(value: object) -> Any:  # noqa: ANN401  JSON
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items() if name not in OF_THE_DAY and "@" not in name}
    return [_plain(one) for one in value] if isinstance(value, list) else value


def _table_names() -> tuple[str, ...]:
    wanted = schema()
    return tuple(sorted({*wanted.own_tables, *wanted.columns, *wanted.tracked}))


def _dataverse() -> Mapping[str, object]:
    own = ENVIRONMENT["dataverse"]
    return own if isinstance(own, dict) else {}
