"""Who drives a courier: a plain loop, one Prefect flow run per record, or dlt. Each returns how many deals came."""

import asyncio
from collections.abc import Awaitable, Callable

from benchmarks.rivals.record import Courier, Document

RUNS_AT_ONCE = 8
"""Flow runs side by side; Power Automate starts one for each notification."""
Driver = Callable[[Courier], Awaitable[int]]


async def drive_in_a_loop(courier: Courier) -> int:
    """One record after the other."""
    count = 0
    async for referral in courier.iter_deals():
        await courier.bring(referral)
        count += 1
    return count


async def drive_by_flow_runs(courier: Courier) -> int:
    """One flow run for each record, as a connector does which a notification starts; each reads its referral."""
    from prefect import flow  # the others do without it

    @flow(name="bring-one-referral", persist_result=False)
    async def bring_one(referral_id: str) -> None:
        await courier.bring(await courier.get_deal(referral_id))

    slots = asyncio.Semaphore(RUNS_AT_ONCE)

    async def run(referral_id: str) -> None:
        async with slots:
            await bring_one(referral_id)

    ids = [referral["id"] async for referral in courier.iter_deals()]
    await asyncio.gather(*(run(referral_id) for referral_id in ids))
    return len(ids)


async def drive_by_dlt(courier: Courier) -> int:
    """Extract with a resource, normalize, and load by a destination of one's own: dlt ships none for Dataverse."""
    import dlt  # an extra of the benchmarks

    deals = [referral async for referral in courier.iter_deals()]
    loop = asyncio.get_running_loop()

    @dlt.destination(batch_size=100, loader_file_format="typed-jsonl", name="dataverse", naming_convention="direct")
    def dataverse(items: list[Document], table: object) -> None:  # noqa: ARG001  dlt's signature
        for item in items:
            asyncio.run_coroutine_threadsafe(courier.bring(item["referral"]), loop).result()

    @dlt.resource(name="referrals", primary_key="id", write_disposition="append", max_table_nesting=0)
    def referrals():  # type: ignore[no-untyped-def]  # noqa: ANN202  a generator, as dlt wants it
        yield from ({"id": referral["id"], "referral": referral} for referral in deals)

    pipeline = dlt.pipeline(pipeline_name="cosell_benchmark", destination=dataverse, dev_mode=True)
    await asyncio.to_thread(lambda: pipeline.run(referrals()))
    return len(deals)


DRIVERS: dict[str, Driver] = {
    "a loop of httpx calls": drive_in_a_loop,
    "a Prefect flow run per record": drive_by_flow_runs,
    "dlt": drive_by_dlt,
}
