"""Clients written by others for the real Dataverse, unchanged. Skipped where they are not installed."""

import asyncio
import json
import shutil
import subprocess
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import uvicorn

from cosell.emulators.pki import create_pki
from tests.emulators.dataverse.conftest import Crm

NODE_SCRIPT = """
const { DynamicsWebApi } = require('dynamics-web-api');
const [origin, bearer] = process.argv.slice(1);
const api = new DynamicsWebApi({ serverUrl: origin, dataApi: { version: '9.2' }, onTokenRefresh: async () => bearer });
(async () => {
  const id = await api.create({ collection: 'accounts', data: { name: 'Node' } });
  const row = await api.retrieve({ collection: 'accounts', key: id, select: ['name'] });
  const etag = row['@odata.etag'];
  const fresh = await api.update({ collection: 'accounts', key: id, data: { name: 'N' }, ifmatch: etag });
  const stale = await api.update({ collection: 'accounts', key: id, data: { name: 'N' }, ifmatch: etag });
  const deal = await api.upsert({
    collection: 'opportunities', key: "cosell_referralid='n1'", data: { name: 'deal' }, returnRepresentation: true });
  const tracked = await api.retrieveMultiple({ collection: 'accounts', select: ['name'], trackChanges: true });
  api.startBatch();
  api.create({ collection: 'accounts', data: { name: 'in batch' }, contentId: '1' });
  api.create({ collection: 'contacts', data: { lastname: 'x', 'parentcustomerid_account@odata.bind': '$1' } });
  const batch = await api.executeBatch();
  const count = await api.count({ collection: 'accounts' });
  console.log(JSON.stringify({ name: row.name, fresh, stale, deal: deal.name, tracked: !!tracked['@odata.deltaLink'],
    batch: batch.length, count }));
})().catch((error) => { console.error(error); process.exit(1); });
"""


class Served:
    """A CRM behind a real socket on this machine, over TLS because Microsoft's client insists on it."""

    def __init__(self, folder: Path) -> None:
        self.crm = Crm()
        create_pki(certificate_origin="https://localhost", folder=folder)
        self.ca_bundle = folder / "ca.pem"
        config = uvicorn.Config(
            self.crm.app,
            host="127.0.0.1",
            port=0,
            log_level="error",
            lifespan="off",
            ssl_certfile=folder / "server.pem",
            ssl_keyfile=folder / "server.key",
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        deadline = time.monotonic() + 10
        while not self.server.started and time.monotonic() < deadline:
            self.thread.join(0.02)
        port = self.server.servers[0].sockets[0].getsockname()[1]
        self.origin = f"https://127.0.0.1:{port}"
        self.bearer = self.crm.token(audience=self.origin)

    def close(self) -> None:
        self.server.should_exit = True
        self.thread.join(10)
        asyncio.run(self.crm.close())


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    made = Served(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(made.ca_bundle))
    monkeypatch.setenv("NODE_EXTRA_CA_CERTS", str(made.ca_bundle))
    yield made
    made.close()


@pytest.fixture
def client_module() -> ModuleType:
    found: ModuleType = pytest.importorskip(
        "PowerPlatform.Dataverse.client", reason="PowerPlatform-Dataverse-Client is not installed"
    )
    return found


@pytest.fixture
def node() -> str:
    found = shutil.which("node")
    if found is None:
        pytest.skip("node is not installed")
    probe = [found, "-e", "require.resolve('dynamics-web-api')"]
    if subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("the npm package dynamics-web-api is not installed (set NODE_PATH to where it is)")
    return found


def test_microsofts_python_client(client_module: ModuleType, served: Served) -> None:
    upserts = pytest.importorskip("PowerPlatform.Dataverse.models.upsert")
    credentials = pytest.importorskip("azure.core.credentials")

    class Fixed(credentials.TokenCredential):  # type: ignore[misc, name-defined]
        def get_token(self, *_: object, **__: object) -> object:
            return credentials.AccessToken(served.bearer, int(time.time()) + 3000)

    client = client_module.DataverseClient(served.origin, Fixed())
    account = client.records.create("account", {"name": "Contoso"})
    many = client.records.create("account", [{"name": "A"}, {"name": "B"}])
    client.records.update("account", many, {"telephone1": "6"})
    listed = client.records.list("account", select=["name"], filter="telephone1 eq '6'", orderby=["name asc"])
    assert [row["name"] for row in listed] == ["A", "B"]
    assert [len(list(page)) for page in client.records.list_pages("account", select=["name"], page_size=2)] == [2, 1]
    items = [
        upserts.UpsertItem(alternate_key={"cosell_referralid": f"r{at % 2}"}, record={"name": "x"}) for at in range(3)
    ]
    client.records.upsert("opportunity", items)
    assert len(list(client.records.list("opportunity", select=["name"]))) == 2
    client.tables.create("new_Sample", {"new_Title": "string", "new_Amount": "decimal", "new_When": "datetime"})
    client.tables.add_columns("new_Sample", {"new_More": "string"})
    client.tables.create_alternate_key("new_Sample", "new_SampleKey", ["new_title"])
    assert client.tables.get_alternate_keys("new_Sample")[0].status == "Active"
    row = {"new_title": "t", "new_amount": 1.5, "new_when": "2026-01-01T00:00:00Z"}
    assert client.records.create("new_sample", row)
    batch = client.batch.new()
    batch.records.retrieve("account", account, select=["name"])
    with batch.changeset() as changes:
        contact = changes.records.create("contact", {"lastname": "x"})
        changes.records.create("account", {"name": "z", "primarycontactid@odata.bind": contact})
    assert [one.status_code for one in batch.execute().responses] == [200, 204, 204]
    found = client.query.sql("SELECT TOP 5 name FROM account WHERE name LIKE 'Con%'")
    assert [row["name"] for row in found] == ["Contoso"]
    client.records.delete("account", account)
    client.records.delete("account", many)
    client.tables.delete("new_Sample")


def test_the_node_client(node: str, served: Served) -> None:
    done = subprocess.run(
        [node, "-e", textwrap.dedent(NODE_SCRIPT), served.origin, served.bearer],
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr.decode()
    told = json.loads(done.stdout)
    assert told == {
        "name": "Node",
        "fresh": True,
        "stale": False,
        "deal": "deal",
        "tracked": True,
        "batch": 2,
        "count": 2,
    }
