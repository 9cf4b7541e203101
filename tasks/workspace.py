"""The workspace of the present run: a flow opens it, its tasks and subflows find it.

Flow and task parameters are stored and shown by Prefect, so they hold ids only; what was read stays in here.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

from cosell.http.budget import Urgency
from cosell.settings import load_settings
from cosell.sync.workspace import Workspace
from cosell.wiring import open_workspace
from tasks.variables import find_sheet

_current: ContextVar[Workspace | None] = ContextVar("workspace", default=None)


@asynccontextmanager
async def entered_workspace(urgency: Urgency = Urgency.FOREGROUND) -> AsyncIterator[Workspace]:
    """Use the workspace of the run which called us, or open one for this run; in the background it steps back."""
    present = _current.get()
    if present is not None:
        yield present
        return
    settings = load_settings()
    async with open_workspace(settings, variables=await find_sheet(settings), urgency=urgency) as workspace:
        token = _current.set(workspace)
        try:
            yield workspace
        finally:
            _current.reset(token)


def has_workspace() -> bool:
    """Tell whether a flow around us has opened a workspace already."""
    return _current.get() is not None


def get_workspace() -> Workspace:
    """Return the workspace of the present run.

    Raises:
        RuntimeError: a task was called outside of a flow of this project.
    """
    workspace = _current.get()
    if workspace is None:
        raise RuntimeError("This task belongs into a flow: the flow opens the workspace.")
    return workspace
