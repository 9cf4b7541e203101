"""The end: SIGTERM stops everything that `cosell up` has started, and soon."""

from pathlib import Path

import pytest

from tests.flows.world import World

SECONDS = 20


def test_sigterm_ends_everything_and_leaves_no_process_behind(world: World) -> None:
    if Path("/proc").is_dir():
        assert len(world.processes()) >= 3, "server, worker and receiver should be running"

    code, seconds = world.stop()

    assert code == 0, (world.home / "up.log").read_text()
    assert seconds < SECONDS
    assert world.processes() == []
    assert not (world.home / "prefect-api-url").exists()


def test_commands_say_that_the_server_is_gone(world: World) -> None:
    if world.up.poll() is None:
        pytest.skip("cosell up is still running")
    done = world.cosell("activate")

    assert done.returncode == 2
    assert "cosell up" in done.stderr
    assert "Traceback" not in done.stderr
