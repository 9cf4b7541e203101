"""What the transport needs to know about tokens, and where they rest between processes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol


class TokenSource(Protocol):
    """Gives access tokens for one service."""

    async def token(self, *, force: bool = False) -> str:
        """Return an access token; `force` asks for a new one, because the last was refused."""
        ...


class TokenVault(Protocol):
    """Keeps secrets, encrypted, where all processes of this installation find them."""

    async def load(self, name: str) -> bytes | None:
        """Return what was saved under this name last, or None."""
        ...

    async def save(self, name: str, secret: bytes) -> None:
        """Keep a secret in place of the one before."""
        ...

    def lock(self, name: str) -> AbstractAsyncContextManager[None]:
        """Hold the secret for reading and replacing it; others wait."""
        ...

    async def note_lost(self, name: str, *, told: str) -> bool:
        """Note down that a person has to sign in again; False when that was known."""
        ...


class DraftVault:
    """Holds one sign-in which is not proved yet, in memory: it replaces the kept one only after it has been let in."""

    def __init__(self, secret: bytes) -> None:
        """Begin with what the sign-in gave."""
        self.secret = secret
        self._lock = asyncio.Lock()

    async def load(self, name: str) -> bytes | None:  # noqa: ARG002  there is only one
        """Return the sign-in."""
        return self.secret

    async def save(self, name: str, secret: bytes) -> None:  # noqa: ARG002
        """Keep what it was renewed to."""
        self.secret = secret

    @asynccontextmanager
    async def lock(self, name: str) -> AsyncIterator[None]:  # noqa: ARG002
        """Let both APIs' tokens be asked for one after the other."""
        async with self._lock:
            yield

    async def note_lost(self, name: str, *, told: str) -> bool:  # noqa: ARG002
        """Note nothing: what has not been kept cannot be lost."""
        return False
