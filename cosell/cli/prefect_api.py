"""Finds the Prefect server which the commands speak to: the one set, or the one that `cosell up` runs."""

import os
from pathlib import Path

from cosell.errors import ConfigurationError
from cosell.settings import Settings

VARIABLE = "PREFECT_API_URL"


def url_file(settings: Settings) -> Path:
    """Return the file in which `cosell up` keeps the address of its server while it runs."""
    return settings.home / "prefect-api-url"


def find_prefect(settings: Settings) -> str:
    """Return the address of the Prefect server and let Prefect use it; call this before anything of Prefect's.

    Raises:
        ConfigurationError: none is set and `cosell up` is not running.
    """
    url = os.environ.get(VARIABLE)
    if not url and url_file(settings).exists():
        url = url_file(settings).read_text("utf-8").strip()
    if not url:
        raise ConfigurationError(
            f"There is no Prefect server to speak to: start `cosell up` with the same COSELL_HOME ({settings.home}), "
            f"or set {VARIABLE}."
        )
    use_prefect(url)
    return url


def use_prefect(url: str) -> None:
    """Let Prefect use this server; it reads its settings when it is first imported. And keep it from phoning home."""
    os.environ[VARIABLE] = url
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("PREFECT_CLI_PROMPT", "false")


def share_results(settings: Settings) -> None:
    """Keep results where every process of this machine finds them: a run may be retried by another one."""
    os.environ.setdefault("PREFECT_LOCAL_STORAGE_PATH", str(settings.home.absolute() / "results"))
