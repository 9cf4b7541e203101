"""Another worker which renews the sign-in, as a process of its own: `python -m tests.contract.renewer ROUNDS [die]`.

Settings come from the environment. It says `ready`, waits for a line, then renews as often as it is told and prints
`done`. With `die` it is killed the moment Entra has answered, before anything of it is saved.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping

from cosell.domain.clock import utc_clock
from cosell.http.auth import UserTokens
from cosell.partner_center.opening import partner_center_tokens
from cosell.settings import load_settings
from cosell.store.vault import Vault
from cosell.wiring import open_settings_ledger
from tests.emulator_process import ROOT


async def renew(rounds: int) -> None:
    """Force a new token time and again, for both audiences in turn."""
    settings = load_settings()
    own = settings.partner_center
    async with open_settings_ledger(settings) as ledger:
        sources = [
            partner_center_tokens(settings, url=str(url), vault=ledger.vault, clock=utc_clock)
            for url in (own.api_url, own.webhook_api_url)
        ]
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.readline)
        for number in range(rounds):
            await _force(sources[number % len(sources)])
    sys.stdout.write("done\n")


async def _force(source: UserTokens) -> None:
    await source.token()
    await source.token(force=True)


async def _die(_vault: Vault, _name: str, _secret: bytes) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def start(environment: Mapping[str, str], *arguments: str) -> "subprocess.Popen[str]":
    """Start a renewer and wait until it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.contract.renewer", *arguments],
        env={**os.environ, **environment, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def let_go(process: "subprocess.Popen[str]") -> None:
    """Let it begin."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def finish(process: "subprocess.Popen[str]") -> tuple[int, str]:
    """Return its exit code and what it said last."""
    said, _ = process.communicate(timeout=90)
    return process.returncode, said


if __name__ == "__main__":
    if "die" in sys.argv:
        Vault.save = _die  # type: ignore[method-assign, assignment]
    asyncio.run(renew(int(sys.argv[1])))
