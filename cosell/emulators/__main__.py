"""`python -m cosell.emulators`: serve the stand-ins until interrupted."""

import argparse
import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

from cosell.emulators.server import ServerOptions, serve


def main(argv: Sequence[str] | None = None) -> int:
    """Read the command line and serve; 0 after a clean end, 1 when a port is taken."""
    parser = argparse.ArgumentParser(prog="python -m cosell.emulators", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8765, help="plain http; 0 picks a free one")
    parser.add_argument("--tls-port", type=int, default=None, help="TLS; the one after --port unless given")
    parser.add_argument("--bare", action="store_true", help="a CRM without the product's columns and tables")
    parser.add_argument("--data", type=Path, default=None, help="keep state and certificates here")
    parser.add_argument("--latency-ms", type=float, default=0, help="added to every call of a vendor's API")
    parser.add_argument("--seed", type=int, default=1, help="makes random data and random faults repeatable")
    parser.add_argument("--public-host", default=None, help="the name under which others reach us, for containers")
    known = parser.parse_args(argv)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    options = ServerOptions(
        host=known.host,
        port=known.port,
        tls_port=known.tls_port,
        bare=known.bare,
        data=known.data,
        latency_ms=known.latency_ms,
        seed=known.seed,
        public_host=known.public_host,
    )
    try:
        asyncio.run(serve(options))
    except OSError as error:
        logging.getLogger("cosell.emulators").error("cannot listen: %s", error)  # noqa: TRY400 - no traceback needed
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
