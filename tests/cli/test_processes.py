"""What `cosell up` has started is started again when it dies, unless it dies again and again."""

import sys
from pathlib import Path

import pytest

from cosell.cli.processes import STARTS_AT_MOST, Processes
from cosell.errors import ServiceUnreachable

WAITS = [sys.executable, "-c", "import signal; signal.pause()"]
ENDS = [sys.executable, "-c", "import os; print('ended with', os.environ['WORD']); raise SystemExit(3)"]


def test_process_that_is_killed_is_started_again_and_stopped_at_the_end(tmp_path: Path) -> None:
    with Processes(logs=tmp_path) as processes:
        first = processes.start("worker", WAITS, {})
        other = processes.start("server", WAITS, {})
        assert processes.mend() == []
        first.kill()
        first.wait()

        assert processes.mend() == ["worker"]
        second = processes.running[0].process
        assert (second.pid != first.pid, second.poll(), other.poll()) == (True, None, None)

    assert (second.poll() is None, other.poll() is None) == (False, False)


def test_process_that_ends_again_and_again_is_given_up_and_its_log_named(tmp_path: Path) -> None:
    with Processes(logs=tmp_path) as processes:
        processes.start("worker", ENDS, {"WORD": "this"})
        for _ in range(STARTS_AT_MOST - 1):
            processes.running[0].process.wait()
            assert processes.mend() == ["worker"]
        processes.running[0].process.wait()
        with pytest.raises(ServiceUnreachable, match=r"worker ended by itself \(exit code 3\); .*worker\.log"):
            processes.mend()

    assert (tmp_path / "worker.log").read_text().count("ended with this") == STARTS_AT_MOST
