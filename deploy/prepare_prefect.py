"""Brings Prefect's database to this version, once, before several servers start: `python deploy/prepare_prefect.py`.

A server prepares its database when it starts: tables first, then the types of blocks. Two that start together on an
empty database get in each other's way at both, and one of them ends. So this does the same before any of them, and
they are told to leave it alone (PREFECT_API_DATABASE_MIGRATE_ON_START, PREFECT_API_BLOCKS_REGISTER_ON_START).
"""

import asyncio

from prefect.server.database import provide_database_interface
from prefect.server.models.block_registration import run_block_auto_registration


async def main() -> None:
    """Do what a server does first; where it is done already, nothing changes."""
    database = provide_database_interface()
    await database.create_db()
    async with await database.session() as session:
        await run_block_auto_registration(session=session)


if __name__ == "__main__":
    asyncio.run(main())
